#include "cf/feature_regression.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "pannier/core/error.hpp"
#include "pannier/core/simd.hpp"

namespace pannier::cf {
namespace {

constexpr std::size_t rows_a_block = 256;

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

/// Rows are features. Errors: numerical_failure.
void require_finite(const Matrix& matrix) {
  for (std::size_t f = 0; f < matrix.rows(); ++f)
    if (!std::ranges::all_of(matrix.row(f), [](float x) { return std::isfinite(x); }))
      throw Error(ErrorCode::numerical_failure, "fit_feature_map", "feature " + std::to_string(f) + " has no finite weights", "smaller values, vectors or row weights");
}

}  // namespace

FeatureRegression::FeatureRegression(const CsrView& features, std::span<const float> row_weights, double l2, const FitControl& control)
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

template <class Body>
void FeatureRegression::each_feature(Body body) const {
  parallel_blocks(control_.execution, features_.cols, rows_a_block, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t f = begin; f < end; ++f) body(f);
  });
}

/// image = (F' C F + l2 I) direction.
void FeatureRegression::apply(const Matrix& direction, Matrix& rows, Matrix& image) const {
  multiply(features_, direction, row_weights_, rows, control_.execution);
  multiply(by_feature_, rows, {}, image, control_.execution);
  each_feature([&](std::size_t f) { add_scaled(l2_, direction.row(f), image.row(f)); });
}

void FeatureRegression::improve(FeatureMap& map, const MatrixView& vectors, const FeatureMapConfig& config, FitReport& report) const {
  const std::size_t dimensions = vectors.cols;
  std::vector<double> sums(dimensions);
  double total = 0;
  for (std::size_t r = 0; r < vectors.rows; ++r) {
    const auto weight = static_cast<double>(row_weights_[r]);
    total += weight;
    for (std::size_t k = 0; k < dimensions; ++k) sums[k] += weight * static_cast<double>(vectors.row(r)[k]);
  }
  map.mean.clear();
  for (const double sum : sums) map.mean.push_back(static_cast<float>(sum / total));

  // The right side F' C (V - mean), and what the weights leave of it.
  Matrix rows(features_.rows, dimensions), residual(features_.cols, dimensions);
  for (std::size_t r = 0; r < vectors.rows; ++r)
    for (std::size_t k = 0; k < dimensions; ++k) rows.row(r)[k] = row_weights_[r] * (vectors.row(r)[k] - map.mean[k]);
  multiply(by_feature_, rows, {}, residual, control_.execution);
  require_finite(residual);
  Matrix& answer = map.weights;
  Matrix direction(features_.cols, dimensions), image(features_.cols, dimensions);
  auto now = column_dots(residual, residual, inverse_, control_.execution);
  std::vector<double> enough(dimensions), step(dimensions), keep(dimensions, 0.0);
  const auto share = static_cast<double>(config.tolerance);
  for (std::size_t k = 0; k < dimensions; ++k) enough[k] = share * share * now[k];
  bool begun = false;
  for (std::size_t f = 0; f < answer.rows() && !begun; ++f) begun = std::ranges::any_of(answer.row(f), [](float x) { return x != 0; });
  if (begun) {
    apply(answer, rows, image);
    each_feature([&](std::size_t f) { add_scaled(-1, image.row(f), residual.row(f)); });
    now = column_dots(residual, residual, inverse_, control_.execution);
  }
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
    each_feature([&](std::size_t f) {
      const auto d = direction.row(f), r = residual.row(f);
      for (std::size_t k = 0; k < dimensions; ++k) d[k] = inverse_[f] * r[k] + static_cast<float>(keep[k]) * d[k];
    });
    apply(direction, rows, image);
    const auto curvature = column_dots(direction, image, {}, control_.execution);
    for (std::size_t k = 0; k < dimensions; ++k) step[k] = open(k) && curvature[k] > 0 ? now[k] / curvature[k] : 0;
    each_feature([&](std::size_t f) {
      const auto x = answer.row(f), r = residual.row(f);
      const auto d = direction.row(f), i = image.row(f);
      for (std::size_t k = 0; k < dimensions; ++k) {
        x[k] += static_cast<float>(step[k]) * d[k];
        r[k] -= static_cast<float>(step[k]) * i[k];
      }
    });
    const auto next = column_dots(residual, residual, inverse_, control_.execution);
    for (std::size_t k = 0; k < dimensions; ++k) keep[k] = open(k) ? next[k] / now[k] : 0;
    now = next;
    ++report.epochs;
  }
  report.converged = !any_open();
  require_finite(answer);
}

void apply_feature_map(const FeatureMap& map, const CsrView& features, Matrix& out, const Execution& execution) {
  if (features.cols != 0) multiply(features, map.weights, {}, out, execution);
  for (std::size_t r = 0; r < out.rows(); ++r) add_scaled(1, map.mean, out.row(r));
}

}  // namespace pannier::cf
