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

/// Fitted neighbour lists.
class ItemKnnModel : public model::Recommender {
 public:
  /// item_count x item_count, sorted by column inside a row; row i are the items that i recommends, or of which i is a neighbour.
  [[nodiscard]] virtual CsrView similarities() const noexcept = 0;
};

struct ItemKnnFit {
  std::shared_ptr<const ItemKnnModel> model;
  FitReport report;
};

/// Source: Sarwar, Karypis, Konstan & Riedl 2001; Deshpande & Karypis 2004.
[[nodiscard]] ItemKnnFit fit_item_knn(const CsrView& events, const ItemKnnConfig& config, const FitControl& control = {});

[[nodiscard]] std::shared_ptr<const ItemKnnModel> read_item_knn(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::cf
