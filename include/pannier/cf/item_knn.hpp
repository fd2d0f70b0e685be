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

enum class ItemSimilarity { cosine, tfidf, bm25, jaccard };

struct ItemKnnConfig {
  ItemSimilarity similarity = ItemSimilarity::cosine;
  std::int32_t neighbours = 200;
  float k1 = 1.2f;
  float b = 0.75f;
  float shrinkage = 0;
  bool operator==(const ItemKnnConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, ItemKnnConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("similarity", c.similarity,
        Choices<ItemSimilarity>{{"cosine", ItemSimilarity::cosine}, {"tfidf", ItemSimilarity::tfidf}, {"bm25", ItemSimilarity::bm25}, {"jaccard", ItemSimilarity::jaccard}},
        "How the co-occurrence sum is weighed and normalised.");
  visit("neighbours", c.neighbours, Range{1, 100000}, "Neighbours kept per item. Raising it costs memory and time per history item.");
  visit("k1", c.k1, Range{0, 1e6}, "bm25: how far a large weight counts more than a small one; 0: not at all.");
  visit("b", c.b, Range{0, 1}, "bm25: how much an item that many have is discounted; 0: not at all.");
  visit("shrinkage", c.shrinkage, Range{0, 1e9}, "Added to the denominator: damps similarities of rare items. bm25 has none, and takes 0 only.");
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

/// Similarity of the items' columns, with s = shrinkage:
///
/// cosine   sum_u x_ui x_uj / (|x_i| |x_j| + s).
/// tfidf    the same of y_ui = sqrt(x_ui) idf_u, where idf_u = ln(items / (1 + items of u)): an item is a document, a person a term of it, and
///          a person who has a lot says little. Only idf_u² enters, so that who has more than all items but one counts above 0 like everybody.
/// bm25     sum_u y_ui y_uj of y_ui = idf_u x_ui (k1 + 1) / (x_ui + k1 (1 - b + b L_i / L)), where L_i is the column's sum and L their mean
///          over all items. It is not normalised: similarities of what many have are larger.
/// jaccard  people with both / (people with either + s); weights above 0 count alike.
///
/// Those of tfidf and bm25 are the ones of the package implicit (TFIDFRecommender, BM25Recommender). What differs is the list, which belongs to the
/// candidate here (see ItemKnnModel) and to the item of the history there, and the history, which is weighed as it is in both.
///
/// Shapes:  `events` is users x items; weights are not negative (0: no evidence).
/// Cost:    the sparse product X'X (users times length squared), a selection a row; memory 16 bytes an entry kept, and a copy of the weights but for cosine.
/// Repeats: the same bits for any `control.execution.threads`.
/// Errors:  invalid_argument (no items, a setting or a weight out of range, shrinkage beside bm25), numerical_failure (weights whose products overflow), cancelled.
/// Source: Sarwar, Karypis, Konstan & Riedl 2001; Deshpande & Karypis 2004; weights: Salton & Buckley 1988 (tf-idf), Robertson & Walker 1994 (bm25);
/// Jaccard 1901; their use on items and people: Frederickson 2016, Distance metrics for fun and profit.
[[nodiscard]] ItemKnnFit fit_item_knn(const CsrView& events, const ItemKnnConfig& config, const FitControl& control = {});

/// Opens a written model; arrays stay in the reader's memory. Errors: malformed_input.
[[nodiscard]] std::shared_ptr<const ItemKnnModel> read_item_knn(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::cf
