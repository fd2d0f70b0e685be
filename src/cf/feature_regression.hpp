/// The regression behind cf/feature_map: ridge regression of vectors on sparse features, begun where an earlier one ended.
#pragma once

#include <span>
#include <vector>

#include "pannier/cf/feature_map.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"

namespace pannier::cf {

/// Holds the features, turned, and the weights of their rows from one fit to the next. Borrows its arguments.
class FeatureRegression {
 public:
  FeatureRegression(const CsrView& features, std::span<const float> row_weights, double l2, const FitControl& control);

  /// map.mean becomes the weighted mean of `vectors`, map.weights, features x dimensions, the minimum of fit_feature_map(), by conjugate gradients from where they stand.
  /// report.epochs: steps taken; report.converged: whether each column's residual fell below config.tolerance of what zero weights leave.
  void improve(FeatureMap& map, const MatrixView& vectors, const FeatureMapConfig& config, FitReport& report) const;

 private:
  template <class Body>
  void each_feature(Body body) const;
  void apply(const Matrix& direction, Matrix& rows, Matrix& image) const;

  CsrView features_;
  Csr by_feature_;
  std::span<const float> row_weights_;
  float l2_;
  const FitControl& control_;
  std::vector<float> inverse_;   // Of the matrix's diagonal.
};

/// out_r = sum of the row's values times rows of map.weights, and the mean, for every row; `out` has the features' rows.
void apply_feature_map(const FeatureMap& map, const CsrView& features, Matrix& out, const Execution& execution);

}  // namespace pannier::cf
