#include "pannier/clv/estimate.hpp"

#include <array>
#include <cmath>
#include <vector>

#include "clv/newton.hpp"
#include "clv/special.hpp"
#include "pannier/core/error.hpp"
#include "support/catch.hpp"

using namespace pannier;
using clv::Derivatives;

namespace {

constexpr std::array<std::string_view, 2> names{"shape", "rate"};

/// A gamma distribution seen through n draws with these means of x and of log x.
clv::LogLikelihood gamma_draws(double n, double mean, double mean_log) {
  return [=](std::span<const double> p) {
    Derivatives d(2);
    const double shape = p[0], rate = p[1];
    d.value = n * (shape * std::log(rate) - clv::log_gamma(shape) + (shape - 1) * mean_log - rate * mean);
    d.gradient << n * (std::log(rate) - clv::digamma(shape) + mean_log), n * (shape / rate - mean);
    d.hessian << -n * clv::trigamma(shape), n / rate, n / rate, -n * shape / (rate * rate);
    return d;
  };
}

}  // namespace

TEST_CASE("estimate: the gamma function and its derivatives equal known values and long double", "[clv][estimate]") {
  REQUIRE_THAT(clv::log_gamma(0.5), WithinAbs(0.57236494292470009, 1e-15));  // log(sqrt(pi))
  REQUIRE_THAT(clv::digamma(1), WithinAbs(-0.57721566490153286, 1e-14));
  REQUIRE_THAT(clv::trigamma(1), WithinAbs(1.6449340668482264, 1e-14));  // pi^2 / 6
  for (double x = 1e-7; x < 1e9; x *= 1.37) {
    const auto exact = static_cast<double>(std::lgamma(static_cast<long double>(x)));
    REQUIRE_THAT(clv::log_gamma(x), WithinRel(exact, 1e-14) || WithinAbs(exact, 2e-14));
    const long double h = static_cast<long double>(x) * 1e-5L, up = std::lgamma(static_cast<long double>(x) + h), down = std::lgamma(static_cast<long double>(x) - h);
    // A central difference of steps h: its error is some h^2 times the third derivative, and roundings over h.
    REQUIRE_THAT(clv::digamma(x), WithinRel(static_cast<double>((up - down) / (2 * h)), 1e-8) || WithinAbs(static_cast<double>((up - down) / (2 * h)), 1e-8));
    REQUIRE_THAT(clv::trigamma(x), WithinRel((clv::digamma(x * (1 + 1e-4)) - clv::digamma(x * (1 - 1e-4))) / (2e-4 * x), 1e-7));
    for (const double b : {1e-5, 0.7, 20.0, 3e4}) {
      const auto beta = static_cast<double>(std::lgamma(static_cast<long double>(x)) + std::lgamma(static_cast<long double>(b)) - std::lgamma(static_cast<long double>(x) + static_cast<long double>(b)));
      // long double itself cancels to some 1e-19 of its largest term, up to 2e10.
      REQUIRE_THAT(clv::log_beta(x, b), WithinRel(beta, 1e-12) || WithinAbs(beta, 1e-8));
      REQUIRE(clv::log_beta(x, b) == clv::log_beta(b, x));
    }
  }
}

TEST_CASE("estimate: Gauss's rules are exact for polynomials up to twice their nodes", "[clv][estimate]") {
  for (const int size : {16, 32})
    for (const int power : {0, 1, 2, 7, 2 * size - 1}) {
      double sum = 0;
      for (int n = 0; n < size; ++n) sum += clv::gauss(size).weight[n] * std::pow(clv::gauss(size).node[n], power);
      REQUIRE_THAT(sum, WithinRel(1.0 / (power + 1), 1e-13));
    }
}

TEST_CASE("estimate: a maximum by hand, from starts far off", "[clv][estimate]") {
  // With the mean log of shape 3, rate 2 the maximum is there, and the information of shape and rate is n [trigamma, -1/rate; -1/rate, shape/rate^2].
  const auto likelihood = gamma_draws(1000, 1.5, clv::digamma(3) - std::log(2.0));
  for (const auto& start : std::vector<std::vector<double>>{{1e-4, 1e4}, {1e5, 1e-5}, {1, 1}}) {
    const auto fit = clv::maximise(names, likelihood, {}, std::vector<std::vector<double>>{start}, {}, {});
    REQUIRE(fit.report.converged);
    REQUIRE(fit.identified);
    REQUIRE_THAT(fit.values[0], WithinRel(3, 1e-7));
    REQUIRE_THAT(fit.values[1], WithinRel(2, 1e-7));
    const double determinant = clv::trigamma(3) * 0.75 - 0.25;
    REQUIRE_THAT(fit.standard_errors[0], WithinRel(std::sqrt(0.75 / determinant / 1000), 1e-6));
    REQUIRE_THAT(fit.covariance[1], WithinRel(0.5 / determinant / 1000, 1e-6));
    REQUIRE(fit.covariance[1] == fit.covariance[2]);
  }
}

TEST_CASE("estimate: a ridge is told and leaves no NaN; a prior in the parameter's unit ends it", "[clv][estimate]") {
  // Draws that are all alike: the shape grows without end, shape / rate is fixed.
  const auto likelihood = gamma_draws(100, 1.5, std::log(1.5));
  const std::vector<std::vector<double>> starts{{1, 1}};
  const auto fit = clv::maximise(names, likelihood, {}, starts, {}, {});
  REQUIRE_FALSE(fit.identified);
  REQUIRE_THAT(fit.note, Contains("shape, rate"));
  REQUIRE_THAT(fit.values[0] / fit.values[1], WithinRel(1.5, 1e-3));
  for (const double e : fit.standard_errors) REQUIRE(e > 1e6);
  const auto settled = clv::maximise(names, likelihood, {}, starts, {.priors = {{.median = 4, .factor = 1.01}, {}}}, {});
  REQUIRE(settled.identified);
  REQUIRE_THAT(settled.values[0], WithinRel(4, 0.05));  // A factor of 1.01 against a hundred draws.
  REQUIRE(settled.log_likelihood < fit.log_likelihood);
}

TEST_CASE("estimate: steps that do not suffice are told, a stop ends the fit, no finite start is a numerical failure", "[clv][estimate]") {
  const auto likelihood = gamma_draws(1000, 1.5, clv::digamma(3) - std::log(2.0));
  const std::vector<std::vector<double>> starts{{1e-4, 1e4}};
  REQUIRE_FALSE(clv::maximise(names, likelihood, {}, starts, {.iterations = 2}, {}).report.converged);
  std::stop_source source;
  source.request_stop();
  REQUIRE_THROWS_AS(clv::maximise(names, likelihood, {}, starts, {}, {.stop = source.get_token()}), Error);
  const clv::LogLikelihood broken = [](std::span<const double>) { Derivatives d(2); d.value = std::nan(""); return d; };
  REQUIRE_THROWS_WITH(clv::maximise(names, broken, {}, starts, {}, {}), Contains("not finite at any start"));
}
