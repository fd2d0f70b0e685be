/// What one generation needs to answer requests, opened once and shared by every reader until the last lets go.
#pragma once

#include <memory>
#include <vector>

#include "pannier/data/weighting.hpp"
#include "pannier/model/recommender.hpp"
#include "pannier/store/generation.hpp"

namespace pannier::serve {

/// Immutable: share freely.
struct Snapshot {
  std::shared_ptr<const store::Generation> generation;
  data::WeightingConfig weighting;                                     ///< As in training.
  std::vector<std::shared_ptr<const model::Recommender>> models;
  const model::Recommender* personal = nullptr;                        ///< Which model answers a step; null: the step is absent.
  const model::Recommender* similar = nullptr;
  const model::Recommender* popular = nullptr;
  const model::Recommender* together = nullptr;
};

/// Opens the models and settles which answers what: "serving" of the train config, else personal = the first model with vectors, else
/// item_knn; similar = item_knn, else the personal one; popular = popular; together = together.
/// Errors: malformed_input (a config that does not fit the generation), and those of open_models().
[[nodiscard]] std::shared_ptr<const Snapshot> open_snapshot(std::shared_ptr<const store::Generation> generation);

}  // namespace pannier::serve
