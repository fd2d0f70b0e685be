#include "pannier/cf/feature_map.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>
#include <string>
#include <utility>

#include "cf/feature_regression.hpp"
#include "cf/ials_model.hpp"
#include "pannier/core/error.hpp"

namespace pannier::cf {
namespace {

[[noreturn]] void refuse(const char* argument, std::string what, std::string allowed) {
  throw Error(ErrorCode::invalid_argument, argument, std::move(what), std::move(allowed));
}

void require_valid_fit(const MatrixView& vectors, std::span<const float> row_weights, const CsrView& features, const FeatureMapConfig& config) {
  validate(config);
  require_valid_weights(features, "features");
  if (vectors.cols == 0) refuse("vectors", "has no dimensions", "at least one");
  if (features.rows != vectors.rows) refuse("features", "has " + std::to_string(features.rows) + " rows", "those of vectors, " + std::to_string(vectors.rows));
  if (row_weights.size() != vectors.rows) refuse("row_weights", "has " + std::to_string(row_weights.size()) + " numbers", "one a row, " + std::to_string(vectors.rows));
  bool any = false;
  for (std::size_t r = 0; r < vectors.rows; ++r) {
    if (!(row_weights[r] >= 0) || !std::isfinite(row_weights[r])) refuse("row_weights", "row " + std::to_string(r) + " has " + std::to_string(row_weights[r]), "finite numbers, not negative");
    if (!std::ranges::all_of(vectors.row(r), [](float x) { return std::isfinite(x); })) refuse("vectors", "has a number that is not finite in row " + std::to_string(r), "finite numbers");
    any |= row_weights[r] > 0;
  }
  if (!any) refuse("row_weights", "none is positive", "at least one");
}

FeatureMapFit fit(const MatrixView& vectors, std::span<const float> row_weights, const CsrView& features, const FeatureMapConfig& config, const FitControl& control) {
  const auto begin = std::chrono::steady_clock::now();
  FeatureMapFit out;
  out.map.weights = Matrix(features.cols, vectors.cols);
  FeatureRegression(features, row_weights, static_cast<double>(config.l2), control).improve(out.map, vectors, config, out.report);
  checkpoint(control, "step", static_cast<std::uint64_t>(config.steps), static_cast<std::uint64_t>(config.steps));
  out.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return out;
}

bool has_length(std::span<const float> vector) {
  return std::ranges::any_of(vector, [](float x) { return x != 0; });
}

}  // namespace

FeatureMapFit fit_feature_map(const MatrixView& vectors, std::span<const float> row_weights, const CsrView& features, const FeatureMapConfig& config, const FitControl& control) {
  require_valid_fit(vectors, row_weights, features, config);
  try {
    return fit(vectors, row_weights, features, config, control);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "fit_feature_map", "no memory for " + std::to_string(features.cols) + " features of " + std::to_string(vectors.cols) + " dimensions");
  }
}

Matrix map_features(const FeatureMap& map, const CsrView& features, const Execution& execution) {
  require_valid_weights(features, "features");
  if (features.cols != map.weights.rows()) refuse("features", "has " + std::to_string(features.cols) + " columns", "the features of the map, " + std::to_string(map.weights.rows()));
  Matrix out(features.rows, map.mean.size());
  apply_feature_map(map, features, out, execution);
  return out;
}

ColdItemsFit map_cold_items(const IalsModel& model, const CsrView& features, const FeatureMapConfig& config, const FitControl& control) {
  const auto vectors = model.item_vectors();
  std::vector<float> row_weights;
  for (std::size_t i = 0; i < vectors.rows; ++i) row_weights.push_back(has_length(vectors.row(i)) ? 1.0f : 0.0f);
  const auto scoring = fit_feature_map(vectors, row_weights, features, config, control);
  const auto folding = fit_feature_map(model.fold_in_vectors(), row_weights, features, config, control);
  ColdItemsFit out;
  out.report = scoring.report;
  out.report.epochs += folding.report.epochs;
  out.report.seconds += folding.report.seconds;
  out.report.converged &= folding.report.converged;
  const Matrix scored = map_features(scoring.map, features, control.execution), folded = map_features(folding.map, features, control.execution);
  out.model = with_vectors(model, [&](std::size_t item, std::span<float> vector, std::span<float> fold_in) {
    if (row_weights[item] > 0) return;
    const auto values = features.row_values(item);
    if (!std::ranges::any_of(values, [](float x) { return x > 0; })) {
      ++out.undescribed;
      return;
    }
    ++out.mapped;
    std::ranges::copy(scored.row(item), vector.begin());
    std::ranges::copy(folded.row(item), fold_in.begin());
  });
  return out;
}

}  // namespace pannier::cf
