/// What one generation needs to answer requests, opened once and shared by every reader until the last lets go.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "pannier/core/item_set.hpp"
#include "pannier/data/weighting.hpp"
#include "pannier/model/recommender.hpp"
#include "pannier/store/generation.hpp"
#include "serve/category_index.hpp"
#include "serve/overlay.hpp"

namespace pannier::serve {

/// The category index of a generation, made when it is first asked for.
/// Threads: Thread-safe.
class Categories {
 public:
  explicit Categories(std::shared_ptr<const store::Generation> generation) : generation_(std::move(generation)) {}
  [[nodiscard]] const CategoryIndex& index() const {
    std::call_once(once_, [this] { index_.emplace(generation_->items()); });
    return *index_;
  }

 private:
  std::shared_ptr<const store::Generation> generation_;
  mutable std::once_flag once_;
  mutable std::optional<CategoryIndex> index_;
};

/// Immutable: share freely.
struct Snapshot {
  std::shared_ptr<const store::Generation> generation;
  data::WeightingConfig weighting;                                     ///< As in training.
  std::vector<std::shared_ptr<const model::Recommender>> models;
  const model::Recommender* personal = nullptr;                        ///< Which model answers a step; null: the step is absent.
  const model::Recommender* similar = nullptr;
  const model::Recommender* popular = nullptr;
  const model::Recommender* together = nullptr;
  const model::Recommender* trending = nullptr;
  const model::Recommender* seasonal = nullptr;
  const model::Recommender* buy_again = nullptr;
  std::shared_ptr<const Categories> categories;
  std::shared_ptr<const Overlay> overlay;                              ///< Live changes; never null.
  ItemSet in_stock;                                                    ///< What may be answered: a stock above 0, or an unknown one.
  bool all_in_stock = true;
};

/// Opens the models and settles which answers what: "serving" of the train config, else personal = blend, else the first model with vectors, else
/// item_knn; similar = item_knn, else the personal one; popular, together, trending, seasonal and buy_again = the models of these names.
/// Errors: malformed_input (a config that does not fit the generation), and those of open_models().
[[nodiscard]] std::shared_ptr<const Snapshot> open_snapshot(std::shared_ptr<const store::Generation> generation);

/// The snapshot with live changes of the catalogue after those that it has.
/// Cost: a copy of the overlay and a bit an item.
[[nodiscard]] std::shared_ptr<const Snapshot> with_changes(const Snapshot& snapshot, std::span<const store::ItemChange> changes);

}  // namespace pannier::serve
