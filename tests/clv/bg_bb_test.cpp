#include "pannier/clv/bg_bb.hpp"

#include <array>
#include <cmath>
#include <vector>

#include "clv/published_customers.hpp"
#include "pannier/core/error.hpp"
#include "support/catch.hpp"

using namespace pannier;
using clv::BgBb;
using Numbers = std::vector<double>;

namespace {

long double log_beta(long double a, long double b) { return std::lgamma(a) + std::lgamma(b) - std::lgamma(a + b); }

/// As the paper prints it.
long double printed(const clv::Customer& c, const std::array<long double, 4>& p) {
  const auto [a, b, g, d] = p;
  const auto x = static_cast<long double>(c.frequency), t = static_cast<long double>(c.recency), n = static_cast<long double>(c.age);
  long double sum = std::exp(log_beta(a + x, b + n - x) - log_beta(a, b) + log_beta(g, d + n) - log_beta(g, d));
  for (long double i = 0; i < n - t; ++i) sum += std::exp(log_beta(a + x, b + t - x + i) - log_beta(a, b) + log_beta(g + 1, d + t + i) - log_beta(g, d));
  return std::log(sum);
}

}  // namespace

TEST_CASE("bg_bb: by hand, with every distribution uniform", "[clv][bg_bb]") {
  const BgBb model({1, 1, 1, 1});
  // One opportunity, taken: alive (1/2) and buying (1/2). Not taken: the rest.
  REQUIRE_THAT(model.log_likelihood({1, 1, 1}), WithinRel(std::log(0.25), 1e-14));
  REQUIRE_THAT(model.log_likelihood({0, 0, 1}), WithinRel(std::log(0.75), 1e-14));
  REQUIRE_THAT(model.alive({0, 0, 1}), WithinRel(1.0 / 3, 1e-14));
  REQUIRE(model.alive({1, 1, 1}) == 1);
  REQUIRE_THAT(model.alive({1, 1, 1}, 1), WithinRel(2.0 / 3, 1e-14));
  // Of a newcomer the next is taken by (1/2)(1/2), the one after by (1/2)(1/3).
  REQUIRE_THAT(model.expected_new(2), WithinRel(0.25 + 1.0 / 6, 1e-14));
}

TEST_CASE("bg_bb: the probabilities of all histories add up to one", "[clv][bg_bb]") {
  const BgBb model({1.2, 0.75, 0.66, 2.8});
  double sum = std::exp(model.log_likelihood({0, 0, 6}));
  for (int t = 1; t <= 6; ++t)
    for (int x = 1; x <= t; ++x) sum += std::exp(model.log_likelihood({double(x), double(t), 6})) * std::tgamma(t) / (std::tgamma(x) * std::tgamma(t - x + 1));  // So many orders have the last at t.
  REQUIRE_THAT(sum, WithinRel(1, 1e-13));
}

TEST_CASE("bg_bb: likelihood and gradient equal the printed formula in long double", "[clv][bg_bb]") {
  for (const auto& p : {std::array{1.20352, 0.74972, 0.65672, 2.78344}, std::array{0.05, 3.0, 1.0, 40.0}, std::array{20.0, 4.0, 0.01, 0.2}})
    for (const auto& c : std::vector<clv::Customer>{{0, 0, 6}, {6, 6, 6}, {2, 5, 6}, {1, 1, 30}, {3, 20, 200}}) {
      std::array<double, 4> gradient{};
      const double value = clv::bg_bb_log_likelihood(clv::merge_customers(Numbers{c.frequency}, Numbers{c.recency}, Numbers{c.age}), {p[0], p[1], p[2], p[3]}, gradient);
      const std::array<long double, 4> at{p[0], p[1], p[2], p[3]};
      REQUIRE_THAT(value, WithinRel(static_cast<double>(printed(c, at)), 1e-12) || WithinAbs(static_cast<double>(printed(c, at)), 1e-12));
      for (std::size_t k = 0; k < 4; ++k) {
        auto up = at, down = at;
        const long double h = at[k] * 1e-6L;
        up[k] += h, down[k] -= h;
        const auto slope = static_cast<double>((printed(c, up) - printed(c, down)) / (2 * h));
        REQUIRE_THAT(gradient[k], WithinRel(slope, 1e-8) || WithinAbs(slope, 1e-9));  // A central difference, as in the other models' tests.
      }
    }
}

TEST_CASE("bg_bb: far horizons equal the sum, through gamma = 1", "[clv][bg_bb]") {
  for (const double gamma : {0.3, 1.0, 1.0 + 1e-9, 2.5}) {
    const BgBb model({1.2, 0.8, gamma, 2.8});
    double sum = 0, now = model.alive({2, 4, 6});
    for (int k = 0; k < 20000; ++k) now *= (8.8 + k) / (gamma + 8.8 + k), sum += now;
    REQUIRE_THAT(model.expected({2, 4, 6}, 20000), WithinRel(sum * 3.2 / 8, 1e-8));  // gamma within 1e-7 of 1 is taken as 1.
  }
}

TEST_CASE("bg_bb: no parameters give NaN; what cannot be is refused by name", "[clv][bg_bb]") {
  for (const double a : {1e-7, 1.0, 1e6})
    for (const double b : {1e-7, 1.0, 1e6})
      for (const double g : {1e-7, 1.0, 1e6})
        for (const double d : {1e-7, 1.0, 1e6})
          for (const auto& c : std::vector<clv::Customer>{{}, {0, 0, 1}, {0, 0, 900}, {900, 900, 900}, {1, 1, 900}}) {
            const BgBb model({a, b, g, d});
            REQUIRE(std::isfinite(model.log_likelihood(c)));
            const double now = model.alive(c), expected = model.expected(c, 1e7);
            REQUIRE((now >= 0 && now <= 1 && std::isfinite(expected) && expected >= 0));
          }
  const BgBb model({});
  REQUIRE_THROWS_WITH(model.alive({1, 1.5, 3}), Contains("customer.recency"));
  REQUIRE_THROWS_WITH(model.alive({1, 2, 3.5}), Contains("customer.age"));
  REQUIRE_THROWS_WITH(model.alive({3, 2, 4}), Contains("customer.frequency"));
  REQUIRE_THROWS_WITH(model.expected({1, 2, 4}, 1.5), Contains("opportunities"));
  REQUIRE_THROWS_WITH(BgBb({.gamma = 0}), Contains("gamma: is 0"));
  REQUIRE_THROWS_WITH(clv::fit_bg_bb(clv::merge_customers(Numbers{0, 2}, Numbers{0, 1}, Numbers{4, 4})), Contains("customers.rows[1].frequency"));
}

TEST_CASE("bg_bb: the donations are refitted as published, with the same bits for any threads", "[clv][bg_bb]") {
  if (!support::present("bgbb-donations")) return;
  const auto columns = support::number_columns(support::text_of(support::data_folder() / "bgbb-donations/donations_summary.csv.gz"));
  const auto table = clv::merge_customers(columns[0], columns[1], columns[2], columns[3]);
  REQUIRE(table.total == 11104);
  const auto fit = clv::fit_bg_bb(table);
  REQUIRE(fit.estimate.report.converged);
  REQUIRE(fit.estimate.identified);
  REQUIRE_THAT(fit.estimate.log_likelihood, WithinAbs(-33225.58127, 1e-5));
  const std::array<double, 4> values{1.20352, 0.74972, 0.65672, 2.78344};
  for (std::size_t n = 0; n < 4; ++n) REQUIRE_THAT(fit.estimate.values[n], WithinAbs(values[n], 1e-5));  // The printed digits.
  REQUIRE(clv::fit_bg_bb(table, {}, {.execution = {.threads = 3}}).estimate.values == fit.estimate.values);
}
