#include "clv/special.hpp"

#include <numbers>

namespace pannier::clv {
namespace {

constexpr double far = 16;  ///< From here on eight terms of the series are exact to the last bit.

constexpr double half_log_two_pi = 0.91893853320467274178;

/// What Stirling's formula leaves of log_gamma, x >= far.
double stirling_rest(double x) noexcept {
  const double y = 1 / (x * x);
  return (1.0 / 12 + y * (-1.0 / 360 + y * (1.0 / 1260 + y * (-1.0 / 1680 + y * (1.0 / 1188 + y * (-691.0 / 360360 + y / 156)))))) / x;
}

double log_gamma_far(double x) noexcept { return (x - 0.5) * std::log(x) - x + half_log_two_pi + stirling_rest(x); }

Rule make_gauss(int size) noexcept {
  Rule rule;
  rule.size = size;
  for (int n = 0; n < size; ++n) {
    double x = std::cos(std::numbers::pi * (n + 0.75) / (size + 0.5)), slope = 1;
    for (int step = 0; step < 60; ++step) {
      double before = 1, now = x;
      for (int k = 2; k <= size; ++k) {
        const double next = ((2 * k - 1) * x * now - (k - 1) * before) / k;
        before = now, now = next;
      }
      slope = size * (x * now - before) / (x * x - 1);
      const double move = now / slope;
      x -= move;
      if (std::fabs(move) < 1e-16) break;
    }
    rule.node[n] = 0.5 * (1 - x);
    rule.weight[n] = 1 / ((1 - x * x) * slope * slope);
  }
  return rule;
}

}  // namespace

double log_gamma(double x) noexcept {
  if (x >= far) return log_gamma_far(x);
  double product = 1;
  for (; x < far; ++x) product *= x;  // At most 16 factors: neither overflows nor underflows for x above 1e-280.
  return log_gamma_far(x) - std::log(product);
}

double digamma(double x) noexcept {
  double sum = 0;
  for (; x < far; ++x) sum -= 1 / x;
  const double y = 1 / (x * x);
  return sum + std::log(x) - 0.5 / x - y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y * (1.0 / 132 - y * (691.0 / 32760 - y / 12))))));
}

double trigamma(double x) noexcept {
  double sum = 0;
  for (; x < far; ++x) sum += 1 / (x * x);
  const double y = 1 / (x * x);
  return sum + (1 + 0.5 / x + y * (1.0 / 6 - y * (1.0 / 30 - y * (1.0 / 42 - y * (1.0 / 30 - y * (5.0 / 66 - y * (691.0 / 2730 - y * 7.0 / 6))))))) / x;
}

double log_beta(double a, double b) noexcept {
  const double small = a < b ? a : b, large = a < b ? b : a;
  if (large < 1e3) return log_gamma(small) + log_gamma(large) - log_gamma(small + large);
  // The logarithms of large gammas cancel; what Stirling's formula leaves of them does not.
  if (small < far) return log_gamma(small) - (large - 0.5) * std::log1p(small / large) - small * std::log(small + large) + small + stirling_rest(large) - stirling_rest(small + large);
  return half_log_two_pi - 0.5 * std::log(large) - (small - 0.5) * std::log1p(large / small) - large * std::log1p(small / large) + stirling_rest(small) + stirling_rest(large) - stirling_rest(small + large);
}

const Rule& gauss(int size) noexcept {
  static const Rule sixteen = make_gauss(16), more = make_gauss(32);
  return size <= 16 ? sixteen : more;
}

}  // namespace pannier::clv
