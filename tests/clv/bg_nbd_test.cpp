#include "pannier/clv/bg_nbd.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <vector>

#include "clv/beta_mixture.hpp"
#include "clv/published_customers.hpp"
#include "clv/special.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;
using clv::BgNbd;
using clv::DropOut;
using Numbers = std::vector<double>;

namespace {

/// The model itself, by its story: a whole-day history of each of `count` customers.
clv::CustomerTable simulated(std::size_t count, const clv::BgNbdParameters& p, DropOut drop_out, std::uint64_t seed) {
  Numbers x(count), t(count), age(count);
  for (std::size_t n = 0; n < count; ++n) {
    Random random(seed, n);
    const double rate = random.gamma(p.r) / p.alpha, one = random.gamma(p.a), two = random.gamma(p.b), lost = one / (one + two);
    age[n] = static_cast<double>(20 + random.below(30));
    bool alive = drop_out == DropOut::after_repeats || random.uniform() >= lost;
    for (double now = random.exponential() / rate; alive && now <= age[n]; now += random.exponential() / rate) {
      ++x[n];
      t[n] = now;
      alive = random.uniform() >= lost;
    }
  }
  return clv::merge_customers(x, t, age);
}

/// The log-likelihood as the papers print it, over any field of numbers; (alpha + T)^-(r + x) is taken out of the sum, so that nothing underflows.
template <class Number>
Number printed(const clv::Customer& c, const std::array<Number, 4>& p, bool modified, Number (*log_gamma)(Number)) {
  using std::exp;
  using std::log;
  const auto& [r, alpha, a, b] = p;
  const Number x = Number(c.frequency), m = Number(modified ? 1.0 : 0.0);
  const Number alive = -(r + x) * log(alpha + Number(c.age));
  Number sum = 1.0;
  if (c.frequency > 0 || modified) sum += a / (b + x + m - Number(1.0)) * exp(-(r + x) * log(alpha + Number(c.recency)) - alive);
  return log_gamma(r + x) - log_gamma(r) + r * log(alpha) + log_gamma(b + x + m) + log_gamma(a + b) - log_gamma(b) - log_gamma(a + b + x + m) + alive + log(sum);
}

std::complex<double> complex_log_gamma(std::complex<double> x) {
  std::complex<double> shift = 0;
  for (; x.real() < 20; x += 1.0) shift -= std::log(x);
  const auto y = 1.0 / (x * x);
  return shift + (x - 0.5) * std::log(x) - x + 0.91893853320467274178 + (1.0 / 12 + y * (-1.0 / 360 + y * (1.0 / 1260 - y / 1680.0))) / x;
}

}  // namespace

TEST_CASE("bg_nbd: published values", "[clv][bg_nbd]") {
  const BgNbd cdnow({.r = 0.243, .alpha = 4.414, .a = 0.793, .b = 2.426}, DropOut::after_repeats);
  REQUIRE_THAT(cdnow.expected({2, 30.43, 38.86}, 39), WithinAbs(1.22602817477, 1e-11));  // Each to its printed digits.
  REQUIRE_THAT(cdnow.alive({2, 30.43, 38.86}), WithinAbs(0.7265785701, 1e-10));
  REQUIRE_THAT(cdnow.expected({0, 0, 38.86}, 39), WithinAbs(0.195098052011, 1e-12));
  REQUIRE(cdnow.alive({0, 0, 38.86}) == 1);
  REQUIRE(cdnow.alive({1000, 10, 100}) == 0);  // 8e-858.
  REQUIRE(cdnow.expected({1000, 10, 100}, 39) == 0);
  REQUIRE_THAT(cdnow.alive({1000, 99, 100}), WithinAbs(0.0769418127, 1e-10));
  REQUIRE_THAT(cdnow.alive({1000, 100, 100}), WithinAbs(0.9992087558, 1e-10));
  const BgNbd other({.r = 0.25, .alpha = 4, .a = 0.8, .b = 2.5}, DropOut::after_repeats);
  REQUIRE_THAT(other.log_likelihood({0, 0, 40}), WithinAbs(-0.59947382, 1e-8));
  REQUIRE_THAT(other.log_likelihood({200, 38, 40}), WithinAbs(100.7956931, 1e-7));
}

TEST_CASE("bg_nbd: expectations of heavy customers as published", "[clv][bg_nbd]") {
  const BgNbd cdnow({.r = 0.243, .alpha = 4.414, .a = 0.793, .b = 2.426}, DropOut::after_repeats);
  REQUIRE_THAT(cdnow.expected({1000, 99, 100}, 39), WithinAbs(25.250977477, 1e-9));
  REQUIRE_THAT(cdnow.expected({1000, 100, 100}, 39), WithinAbs(327.9231006, 1e-7));
}

TEST_CASE("bg_nbd: the gradient equals a complex step of the printed formula", "[clv][bg_nbd]") {
  const std::vector<clv::Customer> customers{{0, 0, 40}, {1, 3, 20}, {2, 30.43, 38.86}, {200, 38, 40}, {5, 7, 7}, {1, 1e-3, 500}};
  for (const auto drop_out : {DropOut::after_repeats, DropOut::after_any})
    for (const auto& p : {std::array{0.243, 4.414, 0.793, 2.426}, std::array{3.0, 0.01, 1.0, 1.0}, std::array{0.01, 400.0, 0.02, 90.0}})
      for (const auto& c : customers) {
        const auto table = clv::merge_customers(Numbers{c.frequency}, Numbers{c.recency}, Numbers{c.age});
        std::array<double, 4> gradient{};
        const double value = clv::bg_nbd_log_likelihood(table, {p[0], p[1], p[2], p[3]}, drop_out, gradient);
        REQUIRE_THAT(BgNbd({p[0], p[1], p[2], p[3]}, drop_out).log_likelihood(c), WithinRel(value, 1e-11) || WithinAbs(value, 1e-11));
        for (std::size_t n = 0; n < 4; ++n) {
          std::array<std::complex<double>, 4> stepped{p[0], p[1], p[2], p[3]};
          stepped[n] += std::complex<double>(0, 1e-30);
          const auto complex = printed<std::complex<double>>(c, stepped, drop_out == DropOut::after_any, complex_log_gamma);
          INFO("parameter " << n << " of " << p[0] << ", customer " << c.frequency << " " << c.recency << " " << c.age);
          // A thousand roundings of gammas of size at most 1e3, over sums that may be far smaller.
          REQUIRE_THAT(complex.real(), WithinAbs(value, 1e-8));
          REQUIRE_THAT(gradient[n], WithinRel(complex.imag() * 1e30, 1e-8) || WithinAbs(complex.imag() * 1e30, 1e-8));
        }
      }
}

TEST_CASE("bg_nbd: the series equals the integral, through a = 1 and a + b = 1, at any horizon", "[clv][bg_nbd]") {
  for (const double a : {0.01, 0.5, 1.0, 1.0 + 1e-9, 2.0, 40.0, 1e5})
    for (const double b : {0.02, 0.5, 3.0, 100.0, 1e6})
      for (const double r : {0.05, 1.0, 12.0, 1000.0})
        for (const double t : {1e-6, 0.3, 2.0, 8.9, 100.0, 1e6}) {
          const double sum = clv::mean_purchases(a, b, r, 1, t), nodes = clv::mean_purchases_by_nodes(a, b, r, 1, t);
          INFO("a " << a << " b " << b << " r " << r << " t " << t);
          // The series may lose four of its fifteen digits before it gives way to the nodes.
          REQUIRE_THAT(sum, WithinRel(nodes, 1e-10));
          REQUIRE(sum > 0);
          REQUIRE(sum <= r * t * (1 + 1e-12));
        }
}

TEST_CASE("bg_nbd: the integral equals a closed form", "[clv][bg_nbd]") {
  // With a = 2, b = 1 the density of p is 2 p: 2 times the integral of 1 - (1 + p t)^-r over p.
  for (const double t : {0.1, 5.0, 1e4})
    for (const double r : {0.5, 3.0}) REQUIRE_THAT(clv::mean_purchases_by_nodes(2, 1, r, 1, t), WithinRel(2 * (1 - (std::pow(1 + t, 1 - r) - 1) / ((1 - r) * t)), 1e-11));
  // A drop-out all share is the limit of large a and b: with p = 1/2 (1 - (1 + t/2)^-r) / (1/2).
  REQUIRE_THAT(clv::mean_purchases(1e9, 1e9, 2, 1, 3), WithinRel((1 - std::pow(2.5, -2)) * 2, 1e-8));  // 1/a away.
}

TEST_CASE("bg_nbd: no customer and no parameters give NaN, and what is alive now is less so later", "[clv][bg_nbd]") {
  for (const double r : {1e-7, 0.3, 1e6})
    for (const double alpha : {1e-7, 5.0, 1e6})
      for (const double a : {1e-7, 1.0, 1e6})
        for (const double b : {1e-7, 2.0, 1e6})
          for (const auto& c : std::vector<clv::Customer>{{}, {0, 0, 1e-9}, {0, 0, 1e9}, {1, 1e-9, 1e9}, {1e9, 1, 1}, {1e9, 1e-9, 1e9}, {3, 5, 5}})
            for (const auto drop_out : {DropOut::after_repeats, DropOut::after_any}) {
              const BgNbd model({r, alpha, a, b}, drop_out);
              INFO(r << " " << alpha << " " << a << " " << b << " customer " << c.frequency << " " << c.recency << " " << c.age);
              REQUIRE(std::isfinite(model.log_likelihood(c)));
              const double now = model.alive(c), later = model.alive(c, 10), few = model.expected(c, 1), many = model.expected(c, 100);
              REQUIRE((now >= 0 && now <= 1 && later >= 0 && later <= now * (1 + 1e-12)));
              REQUIRE((std::isfinite(few) && few >= 0 && std::isfinite(many) && many >= few * (1 - 1e-9)));
            }
}

TEST_CASE("bg_nbd: what it is not asked is refused by name", "[clv][bg_nbd]") {
  REQUIRE_THROWS_WITH(BgNbd({.r = 0}, DropOut::after_any), Contains("r: is 0"));
  REQUIRE_THROWS_WITH(BgNbd({.b = std::nan("")}, DropOut::after_any), Contains("b: is nan"));
  const BgNbd model({}, DropOut::after_any);
  REQUIRE_THROWS_WITH(model.expected({1, 2, 3}, -1), Contains("horizon: is -1"));
  REQUIRE_THROWS_WITH(model.alive({1, 4, 3}), Contains("customer.recency"));
  REQUIRE_THROWS_WITH(clv::fit_bg_nbd({}, DropOut::after_any), Contains("customers: has 0 rows"));
  const auto table = clv::merge_customers(Numbers{1, 0}, Numbers{2, 0}, Numbers{3, 3});
  REQUIRE_THROWS_WITH(clv::fit_bg_nbd(table, DropOut::after_any, {.priors = {{.median = 1}}}), Contains("priors: has 1"));
  REQUIRE_THROWS_WITH(clv::fit_bg_nbd(table, DropOut::after_any, {.priors = {{-1, 2}, {}, {}, {}}}), Contains("priors[r].median"));
  auto disordered = table;
  std::swap(disordered.rows[0], disordered.rows[1]);
  REQUIRE_THROWS_WITH(clv::fit_bg_nbd(disordered, DropOut::after_any), Contains("out of order"));
}

TEST_CASE("bg_nbd: the bits of a fit depend neither on threads nor on the order of customers", "[clv][bg_nbd]") {
  const auto table = simulated(6000, {0.5, 6, 0.8, 2.5}, DropOut::after_repeats, 3);
  const auto one = clv::fit_bg_nbd(table, DropOut::after_repeats, {}, {.execution = {.threads = 1}});
  const auto many = clv::fit_bg_nbd(table, DropOut::after_repeats, {}, {.execution = {.threads = 5}});
  REQUIRE(one.estimate.values == many.estimate.values);
  REQUIRE(one.estimate.standard_errors == many.estimate.standard_errors);
  REQUIRE(one.estimate.log_likelihood == many.estimate.log_likelihood);
}

TEST_CASE("bg_nbd: a fit finds what customers were made of, in any unit of time", "[clv][bg_nbd]") {
  for (const auto drop_out : {DropOut::after_repeats, DropOut::after_any}) {
    const clv::BgNbdParameters truth{0.5, 6, 0.8, 2.5};
    const auto table = simulated(20000, truth, drop_out, 11);
    const auto fit = clv::fit_bg_nbd(table, drop_out);
    REQUIRE(fit.estimate.report.converged);
    REQUIRE(fit.estimate.identified);
    const std::array<double, 4> made{truth.r, truth.alpha, truth.a, truth.b};
    // Four deviations of each, of a seed fixed beforehand.
    for (std::size_t n = 0; n < 4; ++n) REQUIRE(std::fabs(fit.estimate.values[n] - made[n]) < 4 * fit.estimate.standard_errors[n]);
    // It is a maximum: the gradient in logs is nothing beside the sum.
    std::array<double, 4> gradient{};
    (void)clv::bg_nbd_log_likelihood(table, fit.model.parameters(), drop_out, gradient);
    for (std::size_t n = 0; n < 4; ++n) REQUIRE(std::fabs(gradient[n] * fit.estimate.values[n]) < 1e-4);
    auto days = table;
    for (auto& row : days.rows) row.recency *= 7, row.age *= 7;
    const auto in_days = clv::fit_bg_nbd(days, drop_out);
    // The gradient bound above over the information, some hundreds in each log parameter.
    REQUIRE_THAT(in_days.estimate.values[1], WithinRel(7 * fit.estimate.values[1], 1e-6));
    REQUIRE_THAT(in_days.estimate.values[0], WithinRel(fit.estimate.values[0], 1e-6));
  }
}

TEST_CASE("bg_nbd: customers that fix nothing are told, without NaN; a prior settles them", "[clv][bg_nbd]") {
  const auto nobody = clv::merge_customers(Numbers(50, 0.0), Numbers(50, 0.0), Numbers(50, 10.0));
  const auto one = clv::merge_customers(Numbers{2}, Numbers{5}, Numbers{9});
  for (const auto drop_out : {DropOut::after_repeats, DropOut::after_any})
    for (const auto& table : {nobody, one}) {
      const auto fit = clv::fit_bg_nbd(table, drop_out);
      REQUIRE_FALSE(fit.estimate.identified);
      REQUIRE_THAT(fit.estimate.note, Contains("do not fix"));
      for (const double number : fit.estimate.standard_errors) REQUIRE_FALSE(std::isnan(number));
      for (const double number : fit.estimate.covariance) REQUIRE(std::isfinite(number));
      REQUIRE(std::isfinite(fit.model.expected({2, 5, 9}, 10)));
      const auto settled = clv::fit_bg_nbd(table, drop_out, {.priors = {{0.5, 2}, {5, 2}, {0.8, 2}, {2.5, 2}}});
      REQUIRE(settled.estimate.identified);
      REQUIRE(settled.estimate.log_likelihood <= fit.estimate.log_likelihood + 1e-9);
    }
}

TEST_CASE("bg_nbd: CDNOW in exact weeks is refitted as published", "[clv][bg_nbd]") {
  if (!support::present("cdnow")) return;
  const auto cdnow = support::cdnow();
  struct Known {
    DropOut drop_out;
    std::array<double, 4> values;
    double log_likelihood, holdout, error;
  };
  for (const auto& known : {Known{DropOut::after_repeats, {0.242595, 4.413602, 0.792922, 2.425907}, -9582.42921, 1653.41, 0.78545},
                            Known{DropOut::after_any, {0.524843, 6.183085, 0.891359, 1.614002}, -9582.13572, 1576.73, 0.76478}}) {
    const auto fit = clv::fit_bg_nbd(cdnow.table, known.drop_out);
    REQUIRE(fit.estimate.report.converged);
    REQUIRE(fit.estimate.identified);
    REQUIRE_THAT(fit.estimate.log_likelihood, WithinAbs(known.log_likelihood, 1e-5));
    // To the printed digits, of which the last may have been rounded.
    for (std::size_t n = 0; n < 4; ++n) REQUIRE_THAT(fit.estimate.values[n], WithinAbs(known.values[n], 1.5e-6));
    double sum = 0, error = 0;
    for (std::size_t n = 0; n < cdnow.x.size(); ++n) {
      const double expected = fit.model.expected({cdnow.x[n], cdnow.t_x[n], cdnow.age[n]}, 39);
      sum += expected;
      error += std::fabs(expected - cdnow.after[n]);
    }
    REQUIRE_THAT(sum, WithinAbs(known.holdout, 0.005));
    REQUIRE_THAT(error / static_cast<double>(cdnow.x.size()), WithinAbs(known.error, 5e-6));
    if (known.drop_out == DropOut::after_repeats)
      for (std::size_t n = 0; n < 4; ++n) REQUIRE_THAT(fit.estimate.standard_errors[n], WithinRel(std::array{0.01256, 0.3782, 0.1857, 0.7053}[n], 0.01));
  }
}
