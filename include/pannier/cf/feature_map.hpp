/// From what is known of items or people to their vectors: a ridge regression, for those that no event tells of.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "pannier/cf/ials.hpp"
#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"

namespace pannier::cf {

/// Settings of fit_feature_map().
struct FeatureMapConfig {
  float l2 = 1;
  std::int32_t steps = 200;
  float tolerance = 1e-4f;
  bool operator==(const FeatureMapConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, FeatureMapConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("l2", c.l2, Range{1e-6, 1e6}, "Ridge strength: a feature that so many rows have is believed by half.");
  visit("steps", c.steps, Range{1, 10000}, "Most steps of conjugate gradients.");
  visit("tolerance", c.tolerance, Range{0, 1}, "A column of the vectors is done once its residual is below this share of what it began with.");
}

/// The vector of a row with features f is mean + weights' f.
struct FeatureMap {
  Matrix weights;            ///< features x dimensions.
  std::vector<float> mean;   ///< Of the vectors that it was fitted to: what a row without features gets.
};

struct FeatureMapFit {
  FeatureMap map;
  FitReport report;   ///< epochs: steps taken; converged: whether every column reached the tolerance within them.
};

/// Minimises   sum_r c_r |vectors_r - mean - W' features_r|² + l2 |W|²,   mean the average of the vectors by c.
///
/// Shapes:  `vectors` is rows x dimensions, `row_weights` (c, not negative; 0: left out) one a row, `features` rows x features, values not negative: a
///          token or a category is 1, a number one of several bins. Scale each row to length 1 where rows have many and few.
/// Cost:    a step is two passes over the features' nonzeros, each times the dimensions. Memory: four matrices of features x dimensions, two of rows x dimensions, and the features once more, transposed.
/// Repeats: the same bits for any `control.execution.threads`.
/// Errors:  invalid_argument (unequal shapes, no dimensions, no positive row weight, a number out of range or not finite), out_of_memory, numerical_failure, cancelled.
/// Source:  Gantner, Drumond, Freudenthaler, Rendle & Schmidt-Thieme 2010, "Learning attribute-to-feature mappings for cold-start recommendations":
///          their least-squares mapping, with a ridge. Conjugate gradients of all columns at once, each with its own step, preconditioned by the diagonal.
[[nodiscard]] FeatureMapFit fit_feature_map(const MatrixView& vectors, std::span<const float> row_weights, const CsrView& features, const FeatureMapConfig& config,
                                            const FitControl& control = {});

/// The vector of each row of `features`. A person known by attributes alone is ranked by model::search_vectors() with such a row.
/// Repeats: as fit_feature_map(). Errors: invalid_argument (another number of features, a value negative or not finite).
[[nodiscard]] Matrix map_features(const FeatureMap& map, const CsrView& features, const Execution& execution = {});

struct ColdItemsFit {
  std::shared_ptr<const IalsModel> model;
  std::uint32_t mapped = 0;       ///< Items without events that got a vector.
  std::uint32_t undescribed = 0;  ///< Items without events that have no feature: they stay as they were.
  FitReport report;
};

/// The model with vectors by features for the items that no event told of (those whose vector is zero): they are recommended, found by similar() and fold in
/// like any other. Every other item's numbers, and so every score of it to a history without mapped items, keep their bits. It is saved and opened as any ials.
/// Shapes: `features` has a row an item. Cost: two fit_feature_map(), to item_vectors() and to fold_in_vectors().
/// Errors: as fit_feature_map(); invalid_argument where no item has a vector.
[[nodiscard]] ColdItemsFit map_cold_items(const IalsModel& model, const CsrView& features, const FeatureMapConfig& config, const FitControl& control = {});

}  // namespace pannier::cf
