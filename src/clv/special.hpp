/// Special functions of positive arguments, without global state (std::lgamma writes one), and sums of logarithms.
#pragma once

#include <cmath>

namespace pannier::clv {

/// The logarithm of the gamma function and its first two derivatives, x > 0. Absolute error some 1e-15 times max(1, |value|).
/// Source: recurrence to x >= 16, then the asymptotic series (Abramowitz & Stegun 6.1.41, 6.3.18, 6.4.12).
[[nodiscard]] double log_gamma(double x) noexcept;
[[nodiscard]] double digamma(double x) noexcept;
[[nodiscard]] double trigamma(double x) noexcept;

/// log B(a, b).
[[nodiscard]] double log_beta(double a, double b) noexcept;

/// log(exp(u) + exp(v)); either may be -infinity.
[[nodiscard]] inline double log_add(double u, double v) noexcept {
  const double high = u > v ? u : v, low = u > v ? v : u;
  return high == -HUGE_VAL ? high : high + std::log1p(std::exp(low - high));
}

/// 1 / (1 + exp(-u)) without overflow.
[[nodiscard]] inline double logistic(double u) noexcept {
  const double e = std::exp(-std::fabs(u));
  return (u < 0 ? e : 1) / (1 + e);
}

/// Gauss's rule on [0, 1]: nodes and weights.
struct Rule {
  static constexpr int most = 32;
  int size = 0;
  double node[most]{}, weight[most]{};
};
/// The Gauss-Legendre rule of 16 or 32 nodes on [0, 1], in full precision.
[[nodiscard]] const Rule& gauss(int size) noexcept;

}  // namespace pannier::clv
