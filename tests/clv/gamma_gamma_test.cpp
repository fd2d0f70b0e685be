#include "pannier/clv/gamma_gamma.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "clv/published_customers.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;
using clv::GammaGamma;
using Numbers = std::vector<double>;

namespace {

clv::SpendTable simulated(std::size_t count, const clv::GammaGammaParameters& p, std::uint64_t seed) {
  Numbers n(count), m(count);
  for (std::size_t i = 0; i < count; ++i) {
    Random random(seed, i);
    n[i] = static_cast<double>(1 + random.below(6));
    const double rate = random.gamma(p.q) / p.v;
    m[i] = random.gamma(p.p * n[i]) / rate / n[i];
  }
  return clv::merge_spend(n, m);
}

/// As printed: the log-density of the average m over n purchases.
long double printed(double n_, double m_, long double p, long double q, long double v) {
  const auto n = static_cast<long double>(n_), m = static_cast<long double>(m_);
  return std::lgamma(p * n + q) - std::lgamma(p * n) - std::lgamma(q) + q * std::log(v) + (p * n - 1) * std::log(m) + p * n * std::log(n) - (p * n + q) * std::log(v + n * m);
}

}  // namespace

TEST_CASE("gamma_gamma: likelihood and gradient equal the printed formula in long double", "[clv][gamma_gamma]") {
  for (const auto& p : {std::array{6.2488, 3.74459, 15.44775}, std::array{0.1, 0.5, 1e-3}, std::array{40.0, 1.0, 1e4}})
    for (const auto& [n, m] : {std::pair{1.0, 22.345}, {3.0, 0.01}, {120.0, 5e4}, {2.0, 1.0}}) {
      const auto table = clv::merge_spend(Numbers{n}, Numbers{m});
      std::array<double, 3> gradient{};
      const double value = clv::gamma_gamma_log_likelihood(table, {p[0], p[1], p[2]}, gradient);
      REQUIRE_THAT(value, WithinRel(static_cast<double>(printed(n, m, p[0], p[1], p[2])), 1e-12));
      REQUIRE(GammaGamma({p[0], p[1], p[2]}).log_likelihood(n, m) == value);
      for (std::size_t k = 0; k < 3; ++k) {
        std::array<long double, 3> up{p[0], p[1], p[2]}, down = up;
        const long double h = static_cast<long double>(p[k]) * 1e-6L;
        up[k] += h, down[k] -= h;
        // A central difference of step h in 64 bits: h^2 of the third derivative, and some 1e-19 of the value over h.
        const auto slope = static_cast<double>((printed(n, m, up[0], up[1], up[2]) - printed(n, m, down[0], down[1], down[2])) / (2 * h));
        REQUIRE_THAT(gradient[k], WithinRel(slope, 1e-8) || WithinAbs(slope, 1e-8));
      }
    }
}

TEST_CASE("gamma_gamma: expected spend by hand, and where there is none", "[clv][gamma_gamma]") {
  const GammaGamma model({.p = 2, .q = 3, .v = 10});
  REQUIRE(model.expected_spend(0, 0) == 10);        // 2 * 10 / 2
  REQUIRE(model.expected_spend(4, 20) == 18);       // 2 * (10 + 80) / 10
  REQUIRE(model.has_mean());
  const GammaGamma none({.p = 0.2, .q = 0.5, .v = 10});
  REQUIRE_FALSE(none.has_mean());
  REQUIRE(std::isinf(none.expected_spend(0, 0)));
  REQUIRE(std::isinf(none.expected_spend(2, 5)));
  REQUIRE(std::isfinite(none.expected_spend(3, 5)));
  REQUIRE(model.log_likelihood(0, 0) == 0);
}

TEST_CASE("gamma_gamma: what cannot be is refused by name", "[clv][gamma_gamma]") {
  REQUIRE_THROWS_WITH(GammaGamma({.p = -1}), Contains("p: is -1"));
  REQUIRE_THROWS_WITH(GammaGamma({}).expected_spend(1, -3), Contains("averages[0]: is -3"));
  REQUIRE_THROWS_WITH(GammaGamma({}).expected_spend(0.5, 3), Contains("purchases[0]: is 0.5"));
  REQUIRE_THROWS_WITH(GammaGamma({}).expected_spend(0, std::nan("")), Contains("average"));
  REQUIRE_THROWS_WITH(clv::fit_gamma_gamma({}), Contains("spend: has 0 rows"));
}

TEST_CASE("gamma_gamma: a fit finds what customers were made of, in any currency, with the same bits for any threads", "[clv][gamma_gamma]") {
  const std::array<double, 3> truth{3, 4, 40};
  auto table = simulated(20000, {3, 4, 40}, 5);
  const auto fit = clv::fit_gamma_gamma(table, {}, {.execution = {.threads = 1}});
  REQUIRE(fit.estimate.report.converged);
  REQUIRE(fit.estimate.identified);
  for (std::size_t k = 0; k < 3; ++k) REQUIRE(std::fabs(fit.estimate.values[k] - truth[k]) < 4 * fit.estimate.standard_errors[k]);  // Four deviations, the seed fixed beforehand.
  REQUIRE(clv::fit_gamma_gamma(table, {}, {.execution = {.threads = 4}}).estimate.values == fit.estimate.values);
  for (auto& m : table.averages) m *= 1000;
  const auto thousands = clv::fit_gamma_gamma(table);
  // Where the gradient in logs is below 1e-4 and the information some thousands.
  REQUIRE_THAT(thousands.estimate.values[2], WithinRel(1000 * fit.estimate.values[2], 1e-6));
  REQUIRE_THAT(thousands.estimate.values[0], WithinRel(fit.estimate.values[0], 1e-6));
}

TEST_CASE("gamma_gamma: customers that spend alike, and one customer alone, fix nothing and give no NaN", "[clv][gamma_gamma]") {
  for (const auto& table : {clv::merge_spend(Numbers(40, 2.0), Numbers(40, 9.5)), clv::merge_spend(Numbers{3}, Numbers{4})}) {
    const auto fit = clv::fit_gamma_gamma(table);
    REQUIRE_FALSE(fit.estimate.identified);
    for (const double e : fit.estimate.standard_errors) REQUIRE_FALSE(std::isnan(e));
    REQUIRE_FALSE(std::isnan(fit.model.expected_spend(2, 9.5)));
    REQUIRE(std::isfinite(fit.estimate.log_likelihood));
  }
}

TEST_CASE("gamma_gamma: CDNOW's repeaters are refitted as published", "[clv][gamma_gamma]") {
  if (!support::present("cdnow")) return;
  auto cdnow = support::cdnow();
  // The published fit read averages in whole cents, halves rounded up, as the copied file prints them; the four decimals of ours move the sum by 0.006.
  for (auto& average : cdnow.spend) average = std::floor(average * 100 + 0.5 + 1e-9) / 100;
  const auto fit = clv::fit_gamma_gamma(clv::merge_spend(cdnow.x, cdnow.spend));
  REQUIRE(fit.estimate.report.converged);
  // To the printed digits, of which the last may have been rounded.
  REQUIRE_THAT(fit.estimate.log_likelihood, WithinAbs(-4055.92324, 1e-5));
  REQUIRE_THAT(fit.estimate.values[0], WithinAbs(6.24880, 1e-5));
  REQUIRE_THAT(fit.estimate.values[1], WithinAbs(3.74459, 1e-5));
  REQUIRE_THAT(fit.estimate.values[2], WithinAbs(15.44775, 1e-5));
  // Published as of 6.25, 3.74, 15.44, which gives 35.22 for who has not spent: the printed numbers are of the parameters before they were rounded, and of averages in full.
  const GammaGamma published({.p = 6.24880, .q = 3.74459, .v = 15.44775});
  const auto whole = support::cdnow();
  const std::array<double, 10> first{24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17};
  for (std::size_t n = 0; n < 10; ++n) REQUIRE_THAT(published.expected_spend(whole.x[n], whole.spend[n]), WithinAbs(first[n], 0.00501));
}
