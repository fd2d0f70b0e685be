#include "pannier/clv/pareto_nbd.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "clv/published_customers.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;
using clv::ParetoNbd;
using Numbers = std::vector<double>;

namespace {

/// The model itself, by its story.
clv::CustomerTable simulated(std::size_t count, const clv::ParetoNbdParameters& p, std::uint64_t seed) {
  Numbers x(count), t(count), age(count);
  for (std::size_t n = 0; n < count; ++n) {
    Random random(seed, n);
    const double rate = random.gamma(p.r) / p.alpha, lost = random.exponential() / (random.gamma(p.s) / p.beta);
    age[n] = static_cast<double>(20 + random.below(30));
    for (double now = random.exponential() / rate; now <= std::min(age[n], lost); now += random.exponential() / rate) ++x[n], t[n] = now;
  }
  return clv::merge_customers(x, t, age);
}

/// The log-likelihood as printed by Fader & Hardie 2005, in long double: log[1 / ((alpha+T)^(r+x) (beta+T)^s) + s / (r+s+x) A0], where the hypergeometric functions of A0 are summed after
/// 2F1(A, B; A + 1; z) = (1-z)^(1-B) 2F1(1, A + 1 - B; A + 1; z). The difference in A0 cancels near t_x = T, so its use ends there.
long double printed(const clv::Customer& c, const std::array<long double, 4>& p) {
  const auto [r, alpha, s, beta] = p;
  const long double x = static_cast<long double>(c.frequency), age = static_cast<long double>(c.age), t_x = static_cast<long double>(c.recency), whole = r + s + x;
  const bool wide = alpha >= beta;
  const long double high = wide ? alpha : beta, gap = std::fabs(alpha - beta), b = wide ? s + 1 : r + x;
  const auto log_part = [&](long double t) {
    const long double z = gap / (high + t);
    long double term = 1, sum = 1;
    for (int n = 0; n < 100000 && term > 1e-25L * sum; ++n) term *= (whole + 1 - b + n) / (whole + 1 + n) * z, sum += term;
    return (1 - b) * std::log1p(-z) + std::log(sum) - whole * std::log(high + t);
  };
  const long double first = log_part(t_x), last = log_part(age);
  const long double lost = std::log(s / whole) + first + std::log1p(-std::exp(last - first)), alive = -(r + x) * std::log(alpha + age) - s * std::log(beta + age);
  const long double top = std::max(alive, lost);
  return std::lgamma(r + x) - std::lgamma(r) + r * std::log(alpha) + s * std::log(beta) + top + std::log(std::exp(alive - top) + std::exp(lost - top));
}

}  // namespace

TEST_CASE("pareto_nbd: published values", "[clv][pareto_nbd]") {
  const ParetoNbd model({.r = 0.5534, .alpha = 10.5802, .s = 0.6061, .beta = 11.6562});
  // Each to its printed digits.
  REQUIRE_THAT(model.alive({26, 30.86, 31}), WithinAbs(0.997917766552, 1e-12));
  REQUIRE_THAT(model.expected({26, 30.86, 31}, 52), WithinAbs(25.4549135, 1e-7));
  REQUIRE_THAT(model.discounted_for_ever({26, 30.86, 31}, 0.0027), WithinAbs(86.0303756, 1e-7));
  REQUIRE_THAT(model.alive({0, 0, 38.86}), WithinAbs(0.294961486437, 1e-12));
  REQUIRE_THAT(model.expected({0, 0, 38.86}, 52), WithinAbs(0.136132191, 1e-9));
  REQUIRE_THAT(model.discounted_for_ever({0, 0, 38.86}, 0.0027), WithinAbs(0.476823058, 1e-9));
  const ParetoNbd rounded({.r = 0.55, .alpha = 10.58, .s = 0.61, .beta = 11.67});
  REQUIRE_THAT(rounded.expected({132, 200, 200}, 10), WithinAbs(6.20605178896, 1e-11));
  REQUIRE_THAT(rounded.expected({133, 200, 200}, 10), WithinAbs(6.25287224757, 1e-11));
}

TEST_CASE("pareto_nbd: the heavy customers that peers answer with NaN", "[clv][pareto_nbd]") {
  const ParetoNbd model({.r = 10.465, .alpha = 0.00798565181, .s = 3.0516, .beta = 2.820});
  REQUIRE_THAT(model.log_likelihood({400, 5, 6}), WithinAbs(1323.18893097, 1e-8));
  REQUIRE_THAT(model.log_likelihood({500, 1, 37}), WithinAbs(2594.40445462, 1e-8));
  REQUIRE_THAT(model.log_likelihood({500, 4, 37}), WithinAbs(1888.82124974, 1e-8));
}

TEST_CASE("pareto_nbd: likelihood and gradient equal the printed formula in long double", "[clv][pareto_nbd]") {
  for (const auto& p : {std::array{0.5534, 10.5802, 0.6061, 11.6562}, std::array{2.0, 3.0, 1.0, 30.0}, std::array{0.1, 40.0, 2.5, 4.0}, std::array{1.0, 7.0, 1.0, 7.0}})
    for (const auto& c : std::vector<clv::Customer>{{0, 0, 38.86}, {2, 30.43, 38.86}, {26, 20, 31}, {1, 0.5, 90}, {12, 3, 60}}) {
      std::array<double, 4> gradient{};
      const double value = clv::pareto_nbd_log_likelihood(clv::merge_customers(Numbers{c.frequency}, Numbers{c.recency}, Numbers{c.age}), {p[0], p[1], p[2], p[3]}, gradient);
      const std::array<long double, 4> at{p[0], p[1], p[2], p[3]};
      INFO("r " << p[0] << " alpha " << p[1] << " customer " << c.frequency << " " << c.recency << " " << c.age);
      REQUIRE_THAT(value, WithinRel(static_cast<double>(printed(c, at)), 1e-12) || WithinAbs(static_cast<double>(printed(c, at)), 1e-12));
      REQUIRE_THAT(ParetoNbd({p[0], p[1], p[2], p[3]}).log_likelihood(c), WithinRel(value, 1e-12));
      for (std::size_t k = 0; k < 4; ++k) {
        auto up = at, down = at;
        const long double h = at[k] * 1e-6L;
        up[k] += h, down[k] -= h;
        // A central difference of step h in 64 bits: h^2 of the third derivative, some 1e-12, and 1e-18 of the value over h.
        const auto slope = static_cast<double>((printed(c, up) - printed(c, down)) / (2 * h));
        REQUIRE_THAT(gradient[k], WithinRel(slope, 1e-8) || WithinAbs(slope, 1e-9));
      }
    }
}

TEST_CASE("pareto_nbd: discounting equals fine steps, through s = 1", "[clv][pareto_nbd]") {
  for (const double s : {0.3, 1.0, 1.0 + 1e-12, 4.0}) {
    const ParetoNbd model({.r = 0.6, .alpha = 10, .s = s, .beta = 12});
    const clv::Customer c{3, 20, 30};
    constexpr int steps = 400000;
    const double interest = 0.05, end = 800;  // e^-40 is left beyond.
    double sum = 0, before = 0;
    for (int n = 1; n <= steps; ++n) {
      const double now = (3 + 0.6) / 40 * (std::fabs(s - 1) < 1e-9 ? std::log1p(end * n / steps / 42) : -std::expm1((1 - s) * std::log1p(end * n / steps / 42)) / (s - 1)) * 42;
      sum += (now - before) * std::exp(-interest * end * (n - 0.5) / steps);
      before = now;
    }
    // Midpoints: the square of a step of 0.002 times the rate.
    REQUIRE_THAT(model.discounted_for_ever(c, interest), WithinRel(model.alive(c) * sum, 1e-7));
    REQUIRE_THAT(model.expected(c, 5), WithinRel(ParetoNbd({0.6, 10, s * (1 + 1e-9), 12}).expected(c, 5), 1e-7));
  }
}

TEST_CASE("pareto_nbd: no customer and no parameters give NaN", "[clv][pareto_nbd]") {
  for (const double r : {1e-7, 0.3, 1e6})
    for (const double alpha : {1e-7, 5.0, 1e6})
      for (const double s : {1e-7, 1.0, 1e6})
        for (const double beta : {1e-7, 5.0, 1e6})
          for (const auto& c : std::vector<clv::Customer>{{}, {0, 0, 1e-9}, {0, 0, 1e9}, {1, 1e-9, 1e9}, {1e9, 1, 1}, {1e9, 1e-9, 1e9}, {3, 5, 5}}) {
            const ParetoNbd model({r, alpha, s, beta});
            INFO(r << " " << alpha << " " << s << " " << beta << " customer " << c.frequency << " " << c.recency << " " << c.age);
            REQUIRE(std::isfinite(model.log_likelihood(c)));
            const double now = model.alive(c), later = model.alive(c, 10), few = model.expected(c, 1), many = model.expected(c, 100), ever = model.discounted_for_ever(c, 1e-3);
            REQUIRE((now >= 0 && now <= 1 && later >= 0 && later <= now));
            REQUIRE((std::isfinite(few) && few >= 0 && std::isfinite(many) && many >= few && std::isfinite(ever) && ever >= 0));
            std::array<double, 4> gradient{};
            (void)clv::pareto_nbd_log_likelihood(clv::merge_customers(Numbers{c.frequency}, Numbers{c.recency}, Numbers{c.age}, {}, {.allow_new = true}), model.parameters(), gradient);
            for (const double g : gradient) REQUIRE(std::isfinite(g));
          }
}

TEST_CASE("pareto_nbd: what it is not asked is refused by name", "[clv][pareto_nbd]") {
  REQUIRE_THROWS_WITH(ParetoNbd({.s = -1}), Contains("s: is -1"));
  const ParetoNbd model({});
  REQUIRE_THROWS_WITH(model.discounted_for_ever({1, 2, 3}, 0), Contains("interest: is not above 0"));
  REQUIRE_THROWS_WITH(model.expected({1, 2, 3}, std::nan("")), Contains("horizon: is nan"));
  REQUIRE_THROWS_WITH(model.alive({1, 0, 3}), Contains("customer.recency: is 0"));
  REQUIRE_THROWS_WITH(clv::fit_pareto_nbd({}), Contains("customers: has 0 rows"));
}

TEST_CASE("pareto_nbd: a fit finds what customers were made of, with the same bits for any threads", "[clv][pareto_nbd]") {
  const std::array<double, 4> truth{0.6, 10, 0.7, 12};
  const auto table = simulated(8000, {0.6, 10, 0.7, 12}, 9);
  const auto fit = clv::fit_pareto_nbd(table, {}, {.execution = {.threads = 1}});
  REQUIRE(fit.estimate.report.converged);
  REQUIRE(fit.estimate.identified);
  for (std::size_t k = 0; k < 4; ++k) REQUIRE(std::fabs(fit.estimate.values[k] - truth[k]) < 4 * fit.estimate.standard_errors[k]);  // Four deviations, the seed fixed beforehand.
  REQUIRE(clv::fit_pareto_nbd(table, {}, {.execution = {.threads = 3}}).estimate.values == fit.estimate.values);
}

TEST_CASE("pareto_nbd: where drop-out is the same for all, only s / beta is fixed, and that is told", "[clv][pareto_nbd]") {
  const auto table = simulated(3000, {1, 5, 1e6, 4e7}, 4);
  const auto fit = clv::fit_pareto_nbd(table);
  for (const double e : fit.estimate.standard_errors) REQUIRE_FALSE(std::isnan(e));
  REQUIRE_THAT(fit.estimate.values[2] / fit.estimate.values[3], WithinRel(1.0 / 40, 0.25));
  if (!fit.estimate.identified) REQUIRE_THAT(fit.estimate.note, Contains("s, beta"));
  REQUIRE(fit.estimate.standard_errors[2] > 0.3 * fit.estimate.values[2]);
}

TEST_CASE("pareto_nbd: CDNOW in exact weeks is refitted as published", "[clv][pareto_nbd]") {
  if (!support::present("cdnow")) return;
  const auto cdnow = support::cdnow();
  const auto fit = clv::fit_pareto_nbd(cdnow.table);
  REQUIRE(fit.estimate.report.converged);
  REQUIRE_THAT(fit.estimate.log_likelihood, WithinAbs(-9594.97618, 1e-5));
  const std::array<double, 4> values{0.553277, 10.577683, 0.606240, 11.668735}, errors{0.04763, 0.84272, 0.18728, 6.2110};
  // To the printed digits, of which the last may have been rounded; beta, the least sharp, may be where the published search stopped.
  for (std::size_t n = 0; n < 4; ++n) {
    REQUIRE_THAT(fit.estimate.values[n], WithinRel(values[n], n == 3 ? 1e-4 : 1e-5));
    REQUIRE_THAT(fit.estimate.standard_errors[n], WithinRel(errors[n], 0.01));
  }
  double sum = 0, error = 0;
  for (std::size_t n = 0; n < cdnow.x.size(); ++n) {
    const double expected = fit.model.expected({cdnow.x[n], cdnow.t_x[n], cdnow.age[n]}, 39);
    sum += expected;
    error += std::fabs(expected - cdnow.after[n]);
  }
  REQUIRE_THAT(sum, WithinAbs(1665.51, 0.01));
  REQUIRE_THAT(error / static_cast<double>(cdnow.x.size()), WithinAbs(0.75452, 1e-5));
}
