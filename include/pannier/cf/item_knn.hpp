/// Item-to-item nearest neighbours.
#pragma once

#include <cstdint>
#include <memory>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::cf {

enum class ItemSimilarity { cosine };

struct ItemKnnConfig {
  ItemSimilarity similarity = ItemSimilarity::cosine;
  std::int32_t neighbours = 200;
  float shrinkage = 0;
  bool operator==(const ItemKnnConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, ItemKnnConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("similarity", c.similarity, Choices<ItemSimilarity>{{"cosine", ItemSimilarity::cosine}}, "How the co-occurrence sum is normalised.");
  visit("neighbours", c.neighbours, Range{1, 100000}, "Neighbours kept per item. Raising it costs memory and time per history item.");
  visit("shrinkage", c.shrinkage, Range{0, 1e9}, "Added to the denominator: damps similarities of rare items.");
}

/// Fitted neighbour lists. A person's score of item j is the sum over their history of weight(i) * similarity(i, j), in the order
/// of the history.
///
/// A list belongs to the candidate: similarity(i, j) is kept when i is among the `neighbours` nearest of j (ties by index), so that
/// every item can be recommended by its own nearest; kept the other way round, popular items crowd out the rest (on the Gowalla
/// split of LightGCN with 500 neighbours recall@20 / NDCG@20 are .1274 / .0943 this way and .1220 / .0897 the other). Beside that
/// each item keeps its own 20 nearest, so that similar() is exact to 20 for every item (235 of 17.8 million entries there).
class ItemKnnModel : public model::Recommender {
 public:
  /// item_count x item_count, sorted by column inside a row; row i are the items that i recommends. Without the diagonal.
  [[nodiscard]] virtual CsrView similarities() const noexcept = 0;
};

struct ItemKnnFit {
  std::shared_ptr<const ItemKnnModel> model;
  FitReport report;
};

/// Cosine of the items' columns of weights; with shrinkage  sum x_ui x_uj / (|x_i| |x_j| + shrinkage).
///
/// Shapes:  `events` is users x items; weights are not negative (0: no evidence).
/// Cost:    the sparse product X'X (users times length squared), a selection a row; memory 16 bytes an entry kept.
/// Repeats: the same bits for any `control.execution.threads`.
/// Errors:  invalid_argument (no items, a setting or a weight out of range), numerical_failure (weights whose products overflow), cancelled.
/// Source: Sarwar, Karypis, Konstan & Riedl 2001; Deshpande & Karypis 2004.
[[nodiscard]] ItemKnnFit fit_item_knn(const CsrView& events, const ItemKnnConfig& config, const FitControl& control = {});

/// Opens a written model; arrays stay in the reader's memory. Errors: malformed_input.
[[nodiscard]] std::shared_ptr<const ItemKnnModel> read_item_knn(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::cf
