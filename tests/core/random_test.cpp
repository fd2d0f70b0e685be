#include "pannier/core/random.hpp"

#include <cmath>
#include <functional>
#include <set>
#include <vector>

#include "support/catch.hpp"

using namespace pannier;

namespace {

struct Moments {
  double mean = 0, variance = 0;
};

Moments moments(int draws, const std::function<double(Random&)>& draw) {
  Random random(1234);
  double sum = 0, squares = 0;
  for (int n = 0; n < draws; ++n) {
    const double x = draw(random);
    sum += x;
    squares += x * x;
  }
  const double mean = sum / draws;
  return {mean, squares / draws - mean * mean};
}

/// Five standard errors of a mean of `draws` values.
double tolerance(double variance, int draws) { return 5 * std::sqrt(variance / draws); }

}  // namespace

TEST_CASE("random: mix64 is SplitMix64", "[core][random]") {
  // The first two outputs of the published generator seeded with 0.
  REQUIRE(mix64(0) == 0xE220A8397B1DCDAFull);
  REQUIRE(mix64(0x9E3779B97F4A7C15ull) == 0x6E789E6AA1B965F4ull);
}

TEST_CASE("random: a stream depends on seed, purpose and entity, and on nothing else", "[core][random]") {
  std::set<std::uint64_t> first;
  for (std::uint64_t seed = 0; seed < 10; ++seed)
    for (std::uint64_t purpose = 0; purpose < 10; ++purpose)
      for (std::uint64_t entity = 0; entity < 10; ++entity) first.insert(Random(seed, purpose, entity).bits());
  REQUIRE(first.size() == 1000);
  Random a(1, 2, 3);
  a.bits();
  Random b = a;
  REQUIRE(a.bits() == b.bits());
}

TEST_CASE("random: uniform numbers lie in [0, 1) and below() reaches every value", "[core][random]") {
  Random random(8);
  std::set<std::uint64_t> seen;
  for (int n = 0; n < 10'000; ++n) {
    const double u = random.uniform();
    REQUIRE((u >= 0 && u < 1));
    const auto below = random.below(7);
    REQUIRE(below < 7);
    seen.insert(below);
  }
  REQUIRE(seen.size() == 7);
  REQUIRE(random.below(1) == 0);
  const auto m = moments(100'000, [](Random& r) { return r.uniform(); });
  REQUIRE_THAT(m.mean, WithinAbs(0.5, tolerance(1.0 / 12, 100'000)));
}

TEST_CASE("random: normal and exponential draws have the moments they should", "[core][random]") {
  constexpr int draws = 100'000;
  const auto normal = moments(draws, [](Random& r) { return r.normal(); });
  REQUIRE_THAT(normal.mean, WithinAbs(0, tolerance(1, draws)));
  REQUIRE_THAT(normal.variance, WithinAbs(1, tolerance(2, draws)));
  const auto exponential = moments(draws, [](Random& r) { return r.exponential(); });
  REQUIRE_THAT(exponential.mean, WithinAbs(1, tolerance(1, draws)));
  REQUIRE_THAT(exponential.variance, WithinAbs(1, tolerance(8, draws)));
}

TEST_CASE("random: gamma draws have mean and variance equal to the shape", "[core][random]") {
  constexpr int draws = 100'000;
  for (const double shape : {0.1, 0.7, 1.0, 3.5, 40.0}) {
    const auto m = moments(draws, [&](Random& r) { return r.gamma(shape); });
    INFO("shape " << shape);
    REQUIRE_THAT(m.mean, WithinAbs(shape, tolerance(shape, draws)));
    // The variance of a squared deviation: fourth central moment 3a² + 6a less a².
    REQUIRE_THAT(m.variance, WithinAbs(shape, tolerance(2 * shape * shape + 6 * shape, draws)));
  }
}

TEST_CASE("random: poisson draws have mean and variance equal to the mean, on both paths", "[core][random]") {
  constexpr int draws = 100'000;
  for (const double mean : {0.2, 5.0, 29.9, 30.0, 100.0, 1e6}) {
    const auto m = moments(draws, [&](Random& r) { return static_cast<double>(r.poisson(mean)); });
    INFO("mean " << mean);
    REQUIRE_THAT(m.mean, WithinAbs(mean, tolerance(mean, draws)));
    // 1e6: squares of 1e12 leave the variance an absolute error of about 1e12 * 1e-16 * sqrt(draws), far below.
    REQUIRE_THAT(m.variance, WithinAbs(mean, tolerance(2 * mean * mean + mean, draws)));
  }
  Random random(1);
  REQUIRE(random.poisson(0) == 0);
}

TEST_CASE("random: poisson frequencies follow the law where the rejection path begins", "[core][random]") {
  constexpr int draws = 200'000;
  constexpr double mean = 31;
  std::vector<int> counts(100, 0);
  Random random(17);
  for (int n = 0; n < draws; ++n) ++counts[std::min<std::uint64_t>(99, random.poisson(mean))];
  double probability = std::exp(-mean), chi2 = 0;
  int cells = 0;
  for (int k = 0; k < 100; ++k) {
    if (k > 0) probability *= mean / k;
    const double expected = probability * draws;
    if (expected < 10) continue;
    const double gap = counts[static_cast<std::size_t>(k)] - expected;
    chi2 += gap * gap / expected;
    ++cells;
  }
  REQUIRE(chi2 < cells + 5 * std::sqrt(2.0 * cells));  // five deviations of the chi-squared law
}
