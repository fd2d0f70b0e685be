#include "pannier/clv/lifetime_value.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "clv/require.hpp"
#include "clv/special.hpp"
#include "pannier/core/error.hpp"

namespace pannier::clv {
namespace {
[[noreturn]] void refuse(const char* where, double number, const char* allowed) {
  std::ostringstream text;
  text << "is " << number;
  throw Error(ErrorCode::invalid_argument, where, text.str(), allowed);
}
}  // namespace

double discounted_purchases(const std::function<double(double)>& expected, double horizon, const Discount& discount) {
  if (!(discount.rate >= 0) || !std::isfinite(discount.rate)) refuse("discount.rate", discount.rate, "a finite rate of at least 0");
  if (!(discount.period > 0) || !std::isfinite(discount.period)) refuse("discount.period", discount.period, "a finite time above 0, in the unit of the customers");
  require_horizon("horizon", horizon);
  const double force = std::log1p(discount.rate) / discount.period;
  if (horizon == 0) return 0;
  double sum = expected(horizon) * std::exp(-force * horizon);
  if (force == 0) return sum;
  // By parts: E(h) e^(-f h) + f times the integral of E(t) e^(-f t). Beyond 45 halvings nothing is left.
  const double end = std::min(horizon, 45 / force);
  const auto& rule = gauss(16);
  for (double begin = 0, width = std::min(end / 100, 0.5 / force); begin < end;) {
    const double length = std::min(width, end - begin);
    double piece = 0;
    for (int n = 0; n < rule.size; ++n) {
      const double t = begin + length * rule.node[n];
      piece += rule.weight[n] * expected(t) * std::exp(-force * t);
    }
    sum += force * length * piece;
    begin += length;
    width = std::min(2 * width, 4 / force);
  }
  return sum;
}

double lifetime_value(const std::function<double(double)>& expected, double spend, double margin, double horizon, const Discount& discount) {
  if (!(spend >= 0) || !std::isfinite(spend)) refuse("spend", spend, "a finite amount of at least 0");
  if (!(margin >= 0 && margin <= 1)) refuse("margin", margin, "0 to 1");
  return discounted_purchases(expected, horizon, discount) * spend * margin;
}

}  // namespace pannier::clv
