#include "pannier/core/random.hpp"

#include <cmath>
#include <numbers>

namespace pannier {
namespace {

/// log(n!) by Stirling's series after shifting small n up. std::lgamma writes a global.
double log_factorial(double n) {
  double shift = 0, x = n + 1;
  for (; x < 10; x += 1) shift += std::log(x);
  const double r = 1 / x, r2 = r * r;
  return (x - 0.5) * std::log(x) - x + 0.5 * std::log(2 * std::numbers::pi) + r * (1.0 / 12 - r2 * (1.0 / 360 - r2 * (1.0 / 1260 - r2 / 1680))) - shift;
}

}  // namespace

double Random::normal() noexcept {
  const double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

double Random::exponential() noexcept { return -std::log(1 - uniform()); }

double Random::gamma(double shape) noexcept {
  if (shape < 1) {
    const double larger = gamma(shape + 1);
    return larger * std::pow(1 - uniform(), 1 / shape);
  }
  const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(1 - uniform()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

std::uint64_t Random::poisson(double mean) noexcept {
  if (!(mean > 0)) return 0;
  if (mean < 30) {
    std::uint64_t count = 0;
    for (double time = exponential(); time < mean; time += exponential()) ++count;
    return count;
  }
  // Hoermann 1993, "The transformed rejection method for generating Poisson random variables", algorithm PTRS.
  const double b = 0.931 + 2.53 * std::sqrt(mean);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double v_r = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = uniform() - 0.5, v = uniform();
    const double us = 0.5 - std::fabs(u);
    const double k = std::floor((2 * a / us + b) * u + mean + 0.43);
    if (us >= 0.07 && v <= v_r) return static_cast<std::uint64_t>(k);
    if (!(k >= 0) || (us < 0.013 && v > us)) continue;
    if (std::log(v) + std::log(inverse_alpha) - std::log(a / (us * us) + b) <= k * std::log(mean) - mean - log_factorial(k))
      return static_cast<std::uint64_t>(k);
  }
}

}  // namespace pannier
