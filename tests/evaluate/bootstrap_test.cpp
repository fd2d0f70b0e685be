#include "pannier/evaluate/bootstrap.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;
using namespace pannier::evaluate;

namespace {

std::vector<double> normal_values(std::size_t count, std::uint64_t seed, double mean, double deviation) {
  std::vector<double> out;
  Random random(seed);
  for (std::size_t n = 0; n < count; ++n) out.push_back(mean + deviation * random.normal());
  return out;
}

}  // namespace

TEST_CASE("bootstrap: equal values have an interval of no width, none have none", "[evaluate][bootstrap]") {
  const std::vector<double> same(50, 0.25);
  REQUIRE(bootstrap_intervals(same, 1).front() == Interval{0.25, 0.25});
  REQUIRE(bootstrap_intervals({}, 2) == std::vector<Interval>{{0, 0}, {0, 0}});
}

TEST_CASE("bootstrap: two people by the binomial", "[evaluate][bootstrap]") {
  // The mean of two draws of {0, 1} is 0 in a quarter of the draws and 1 in a quarter: both ends of 95 % lie there.
  const std::vector<double> values{0, 1};
  REQUIRE(bootstrap_intervals(values, 1).front() == Interval{0, 1});
}

TEST_CASE("bootstrap: the width is that of normal theory", "[evaluate][bootstrap]") {
  const auto values = normal_values(400, 1, 3, 2);
  const auto [low, high] = bootstrap_intervals(values, 1).front();
  double mean = 0, square = 0;
  for (const auto v : values) mean += v / 400;
  for (const auto v : values) square += (v - mean) * (v - mean) / 400;
  const double expected = 2 * 1.96 * std::sqrt(square / 400);
  REQUIRE(low < mean);
  REQUIRE(high > mean);
  // A quantile of 1,000 draws has a standard error of about 3.5 % of the width each.
  REQUIRE_THAT(high - low, WithinRel(expected, 0.15));
}

TEST_CASE("bootstrap: columns are drawn together and each is as it would be alone", "[evaluate][bootstrap]") {
  const auto first = normal_values(60, 1, 0, 1), second = normal_values(60, 2, 5, 3);
  std::vector<double> both;
  for (std::size_t n = 0; n < 60; ++n) both.insert(both.end(), {first[n], second[n]});
  const auto together = bootstrap_intervals(both, 2);
  REQUIRE(together[0] == bootstrap_intervals(first, 1).front());
  REQUIRE(together[1] == bootstrap_intervals(second, 1).front());
}

TEST_CASE("bootstrap: the same bits for any number of threads", "[evaluate][bootstrap]") {
  const auto values = normal_values(100, 3, 0, 1);
  REQUIRE(bootstrap_intervals(values, 2, {.execution = {.threads = 1}}) == bootstrap_intervals(values, 2, {.execution = {.threads = 3}}));
}

TEST_CASE("bootstrap: a paired difference sees what intervals of each alone would hide", "[evaluate][bootstrap]") {
  auto theirs = normal_values(100, 4, 0, 10);
  auto ours = theirs;
  const auto noise = normal_values(100, 5, 0.5, 0.1);
  for (std::size_t n = 0; n < 100; ++n) ours[n] += noise[n];
  const auto difference = paired_difference(ours, theirs);
  double mean = 0;
  for (const auto v : noise) mean += v / 100;
  REQUIRE_THAT(difference.mean, WithinAbs(mean, 1e-12));
  REQUIRE(difference.interval.first > 0.4);
  REQUIRE(difference.interval.second < 0.6);
  REQUIRE(bootstrap_intervals(ours, 1).front().first < bootstrap_intervals(theirs, 1).front().second);
}

TEST_CASE("bootstrap: shapes that disagree are refused", "[evaluate][bootstrap]") {
  const std::vector<double> three(3), two(2);
  REQUIRE_THROWS_WITH(bootstrap_intervals(three, 2), StartsWith("values: 3 of them in 2 columns"));
  REQUIRE_THROWS_WITH(bootstrap_intervals(three, 0), StartsWith("values"));
  REQUIRE_THROWS_WITH(paired_difference(three, two), StartsWith("theirs: 2 people; expected those of ours, 3"));
}
