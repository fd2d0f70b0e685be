#include "pannier/clv/lifetime_value.hpp"

#include <cmath>

#include "pannier/clv/bg_nbd.hpp"
#include "pannier/core/error.hpp"
#include "support/catch.hpp"

using namespace pannier;
using clv::discounted_purchases;

TEST_CASE("lifetime_value: a steady stream by hand, in any unit", "[clv][lifetime_value]") {
  // Two purchases a week for ever, ten percent a year: 2 (1 - e^(-f h)) / f with f = log(1.1) / 52.
  const auto stream = [](double t) { return 2 * t; };
  const double f = std::log(1.1) / 52;
  for (const double horizon : {0.5, 52.0, 5000.0, 1e9}) REQUIRE_THAT(discounted_purchases(stream, horizon, {.rate = 0.1, .period = 52}), WithinRel(-2 * std::expm1(-f * horizon) / f, 1e-12));
  const auto in_days = [](double t) { return 2 * t / 7; };
  REQUIRE_THAT(discounted_purchases(in_days, 364, {.rate = 0.1, .period = 364}), WithinRel(discounted_purchases(stream, 52, {.rate = 0.1, .period = 52}), 1e-12));
  REQUIRE(discounted_purchases(stream, 52, {.rate = 0, .period = 1}) == 104);
  REQUIRE(discounted_purchases(stream, 0, {.rate = 0.1, .period = 1}) == 0);
  REQUIRE_THAT(clv::lifetime_value(stream, 30, 0.5, 52, {.rate = 0, .period = 1}), WithinRel(1560, 1e-15));
}

TEST_CASE("lifetime_value: a model's stream equals fine steps of it", "[clv][lifetime_value]") {
  const clv::BgNbd model({.r = 0.243, .alpha = 4.414, .a = 0.793, .b = 2.426}, clv::DropOut::after_repeats);
  const auto expected = [&](double t) { return model.expected({2, 30.43, 38.86}, t); };
  constexpr int steps = 20000;
  double sum = 0, before = 0;
  for (int n = 1; n <= steps; ++n) {
    const double now = expected(104.0 * n / steps);
    sum += (now - before) * std::pow(1.15, -104.0 * (n - 0.5) / steps / 52);
    before = now;
  }
  // Midpoints: the error is the square of the step over the time in which the rate changes, some 1e-8.
  REQUIRE_THAT(discounted_purchases(expected, 104, {.rate = 0.15, .period = 52}), WithinRel(sum, 1e-7));
  REQUIRE(sum < expected(104));
  // An immense rate leaves what is bought at once: E'(0) over the force of interest.
  const double huge = discounted_purchases(expected, 104, {.rate = 1e9, .period = 1e-3});
  REQUIRE_THAT(huge, WithinRel(expected(1e-7) / 1e-7 / (std::log1p(1e9) * 1e3), 1e-4));
}

TEST_CASE("lifetime_value: rates, periods, horizons, spend and margins out of range are refused by name", "[clv][lifetime_value]") {
  const auto none = [](double) { return 0.0; };
  REQUIRE_THROWS_WITH(discounted_purchases(none, 1, {.rate = -0.1, .period = 1}), Contains("discount.rate: is -0.1"));
  REQUIRE_THROWS_WITH(discounted_purchases(none, 1, {.rate = 0.1, .period = 0}), Contains("discount.period: is 0"));
  REQUIRE_THROWS_WITH(discounted_purchases(none, std::nan(""), {.rate = 0.1, .period = 1}), Contains("horizon: is nan"));
  REQUIRE_THROWS_WITH(clv::lifetime_value(none, -1, 1, 1, {.rate = 0.1, .period = 1}), Contains("spend: is -1"));
  REQUIRE_THROWS_WITH(clv::lifetime_value(none, 1, 1.5, 1, {.rate = 0.1, .period = 1}), Contains("margin: is 1.5"));
}
