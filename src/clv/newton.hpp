/// Maximises a likelihood of a few positive parameters by Newton's method with a trust region in their logarithms, and reads off what the data fix.
///
/// The distribution's optimisers (NLopt, Ceres) were left: with exact second derivatives in at most five dimensions a trust region needs one eigendecomposition of a tiny matrix,
/// and the information matrix is wanted anyway.
#pragma once

#include <Eigen/Dense>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "pannier/clv/customers.hpp"
#include "pannier/clv/estimate.hpp"

namespace pannier::clv {

/// A value with its gradient and matrix of second derivatives; `size` of five dimensions are used.
struct Derivatives {
  using Vector = Eigen::Matrix<double, Eigen::Dynamic, 1, 0, 5, 1>;
  using Square = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, 0, 5, 5>;
  double value = 0;
  Vector gradient;
  Square hessian;
  explicit Derivatives(int size = 0) : gradient(Vector::Zero(size)), hessian(Square::Zero(size, size)) {}
  Derivatives& operator+=(const Derivatives& other) {
    value += other.value, gradient += other.gradient, hessian += other.hessian;
    return *this;
  }
};

/// The log-likelihood at natural parameters, with derivatives by them.
using LogLikelihood = std::function<Derivatives(std::span<const double> parameters)>;

/// Sums what `row(n, into)` adds over rows in blocks of fixed size, merged in block order.
[[nodiscard]] Derivatives sum_rows(const FitControl& control, std::size_t rows, int size, const std::function<void(std::size_t begin, std::size_t end, Derivatives& into)>& block);

/// The best maximum that is reached from any start. `rough`, where given, is the likelihood of a part of the data: the starts race on it, and only the best goes on on all.
/// Errors: invalid_argument (priors out of range, or not one a parameter), numerical_failure (no start has a finite likelihood), cancelled.
[[nodiscard]] Estimate maximise(std::span<const std::string_view> names, const LogLikelihood& likelihood, const LogLikelihood& rough, std::span<const std::vector<double>> starts, const EstimateConfig& config,
                                const FitControl& control);

/// A part of a large table that stands for it: every so manieth row; empty where the table is small enough to race on whole.
[[nodiscard]] CustomerTable part_of(const CustomerTable& table);

}  // namespace pannier::clv
