#include "pannier/cf/feature_map.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>
#include <string>
#include <utility>

#include "cf/ials_model.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/simd.hpp"

namespace pannier::cf {
namespace {

constexpr std::size_t rows_a_block = 256;

[[noreturn]] void refuse(const char* argument, std::string what, std::string allowed) {
  throw Error(ErrorCode::invalid_argument, argument, std::move(what), std::move(allowed));
}

/// out_r = factors_r (all 1 where empty) * sum of the row's values times rows of `from`, for every row of `sparse`.
void multiply(const CsrView& sparse, const Matrix& from, std::span<const float> factors, Matrix& out, const Execution& execution) {
  parallel_blocks(execution, sparse.rows, rows_a_block, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t r = begin; r < end; ++r) {
      const auto sums = out.row(r);
      std::ranges::fill(sums, 0.0f);
      const float factor = factors.empty() ? 1.0f : factors[r];
      if (factor == 0) continue;
      const auto columns = sparse.row_columns(r);
      const auto values = sparse.row_values(r);
      for (std::size_t n = 0; n < columns.size(); ++n) add_scaled(factor * values[n], from.row(columns[n]), sums);
    }
  });
}

/// By column, the sum over the rows of a[r][k] * b[r][k] * scale[r]; partial sums by block, merged in their order.
std::vector<double> column_dots(const Matrix& a, const Matrix& b, std::span<const float> scale, const Execution& execution) {
  const std::size_t dimensions = a.cols(), blocks = (a.rows() + rows_a_block - 1) / rows_a_block;
  std::vector<double> parts(blocks * dimensions), out(dimensions);
  parallel_blocks(execution, a.rows(), rows_a_block, [&](std::size_t begin, std::size_t end, std::size_t block) {
    double* const sums = parts.data() + block * dimensions;
    for (std::size_t r = begin; r < end; ++r) {
      const auto x = a.row(r), y = b.row(r);
      const double factor = scale.empty() ? 1.0 : static_cast<double>(scale[r]);
      for (std::size_t k = 0; k < dimensions; ++k) sums[k] += factor * static_cast<double>(x[k]) * static_cast<double>(y[k]);
    }
  });
  for (std::size_t block = 0; block < blocks; ++block)
    for (std::size_t k = 0; k < dimensions; ++k) out[k] += parts[block * dimensions + k];
  return out;
}

/// Conjugate gradients on (F' C F + l2 I) W = right for all columns of W at once. `right` becomes the residual.
class Gradients {
 public:
  Gradients(const CsrView& features, std::span<const float> row_weights, double l2, const FitControl& control)
      : features_(features), by_feature_(transpose(features)), row_weights_(row_weights), l2_(static_cast<float>(l2)), control_(control), inverse_(features.cols) {
    for (std::size_t f = 0; f < features.cols; ++f) {
      double sum = l2;
      const CsrView rows = by_feature_;
      for (std::size_t n = 0; n < rows.row_columns(f).size(); ++n) {
        const auto value = static_cast<double>(rows.row_values(f)[n]);
        sum += static_cast<double>(row_weights[rows.row_columns(f)[n]]) * value * value;
      }
      inverse_[f] = static_cast<float>(1 / sum);
    }
  }

  Matrix solve(Matrix& residual, const FeatureMapConfig& config, FitReport& report) {
    const std::size_t count = residual.rows(), dimensions = residual.cols();
    Matrix answer(count, dimensions), direction(count, dimensions), image(count, dimensions), rows(features_.rows, dimensions);
    auto now = column_dots(residual, residual, inverse_, control_.execution);
    std::vector<double> enough(dimensions), step(dimensions), keep(dimensions, 0.0);
    const auto share = static_cast<double>(config.tolerance);
    for (std::size_t k = 0; k < dimensions; ++k) enough[k] = share * share * now[k];
    // A column that is done stands still: its step is 0.
    const auto open = [&](std::size_t k) { return now[k] > 0 && now[k] > enough[k]; };
    const auto any_open = [&] {
      for (std::size_t k = 0; k < dimensions; ++k)
        if (open(k)) return true;
      return false;
    };
    report.epochs = 0;
    while (any_open() && report.epochs < config.steps) {
      checkpoint(control_, "step", static_cast<std::uint64_t>(report.epochs), static_cast<std::uint64_t>(config.steps));
      each_row(count, [&](std::size_t f) {
        const auto d = direction.row(f), r = residual.row(f);
        for (std::size_t k = 0; k < dimensions; ++k) d[k] = inverse_[f] * r[k] + static_cast<float>(keep[k]) * d[k];
      });
      multiply(features_, direction, row_weights_, rows, control_.execution);
      multiply(by_feature_, rows, {}, image, control_.execution);
      each_row(count, [&](std::size_t f) { add_scaled(l2_, direction.row(f), image.row(f)); });
      const auto curvature = column_dots(direction, image, {}, control_.execution);
      for (std::size_t k = 0; k < dimensions; ++k) step[k] = open(k) && curvature[k] > 0 ? now[k] / curvature[k] : 0;
      each_row(count, [&](std::size_t f) {
        const auto a = answer.row(f), r = residual.row(f);
        const auto d = direction.row(f), i = image.row(f);
        for (std::size_t k = 0; k < dimensions; ++k) {
          a[k] += static_cast<float>(step[k]) * d[k];
          r[k] -= static_cast<float>(step[k]) * i[k];
        }
      });
      const auto next = column_dots(residual, residual, inverse_, control_.execution);
      for (std::size_t k = 0; k < dimensions; ++k) keep[k] = open(k) ? next[k] / now[k] : 0;
      now = next;
      ++report.epochs;
    }
    report.converged = !any_open();
    return answer;
  }

 private:
  template <class Body>
  void each_row(std::size_t count, Body body) const {
    parallel_blocks(control_.execution, count, rows_a_block, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t f = begin; f < end; ++f) body(f);
    });
  }

  CsrView features_;
  Csr by_feature_;
  std::span<const float> row_weights_;
  float l2_;
  const FitControl& control_;
  std::vector<float> inverse_;   // Of the matrix's diagonal.
};

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

/// Rows are features. Errors: numerical_failure.
void require_finite(const Matrix& matrix) {
  for (std::size_t f = 0; f < matrix.rows(); ++f)
    if (!std::ranges::all_of(matrix.row(f), [](float x) { return std::isfinite(x); }))
      throw Error(ErrorCode::numerical_failure, "fit_feature_map", "feature " + std::to_string(f) + " has no finite weights", "smaller values, vectors or row weights");
}

FeatureMapFit fit(const MatrixView& vectors, std::span<const float> row_weights, const CsrView& features, const FeatureMapConfig& config, const FitControl& control) {
  const auto begin = std::chrono::steady_clock::now();
  FeatureMapFit out;
  std::vector<double> sums(vectors.cols);
  double total = 0;
  for (std::size_t r = 0; r < vectors.rows; ++r) {
    const auto weight = static_cast<double>(row_weights[r]);
    total += weight;
    for (std::size_t k = 0; k < vectors.cols; ++k) sums[k] += weight * static_cast<double>(vectors.row(r)[k]);
  }
  for (const double sum : sums) out.map.mean.push_back(static_cast<float>(sum / total));
  // The right side F' C (V - mean).
  Matrix apart(vectors.rows, vectors.cols), right(features.cols, vectors.cols);
  for (std::size_t r = 0; r < vectors.rows; ++r)
    for (std::size_t k = 0; k < vectors.cols; ++k) apart.row(r)[k] = row_weights[r] * (vectors.row(r)[k] - out.map.mean[k]);
  multiply(transpose(features), apart, {}, right, control.execution);
  require_finite(right);
  out.map.weights = Gradients(features, row_weights, static_cast<double>(config.l2), control).solve(right, config, out.report);
  require_finite(out.map.weights);
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
  if (features.cols != 0) multiply(features, map.weights, {}, out, execution);
  for (std::size_t r = 0; r < out.rows(); ++r) add_scaled(1, map.mean, out.row(r));
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
