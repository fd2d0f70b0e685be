#include "pannier/evaluate/tune.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <stop_token>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;
using namespace pannier::evaluate;
using Kind = Dimension::Kind;

namespace {

SearchSpace two_numbers() {
  return {.dimensions = {{.name = "x", .low = -2, .high = 3}, {.name = "y", .low = 1e-4, .high = 1, .logarithmic = true}}, .starts = {}};
}

/// Largest, 0, at x 0.7 and y 0.01.
double bowl(const Point& point) {
  const double x = point[0] - 0.7, y = std::log10(point[1]) + 2;
  return -(x * x) - (y * y) - 0.5 * x * y;
}

double best_metric(const SearchResult& result) { return result.trials.at(result.best.value()).metric; }

std::vector<Proposal> proposals(const SearchResult& result) {
  std::vector<Proposal> out;
  for (const auto& trial : result.trials) out.push_back(trial.proposal);
  return out;
}

}  // namespace

TEST_CASE("tune: finds the top of a bowl", "[evaluate][tune]") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto result = search(two_numbers(), [](const Point& point, double) { return bowl(point); }, {.seed = seed}, {.trials = 120});
    const auto& best = result.trials[result.best.value()].proposal.point;
    // Steps end at a 512th of the range, 0.01 and 0.008 decades, and values have three digits.
    CAPTURE(seed, best[0], best[1]);
    REQUIRE_THAT(best[0], WithinAbs(0.7, 0.05));
    REQUIRE_THAT(best[1], WithinRel(0.01, 0.1));
  }
}

TEST_CASE("tune: beats as many random points on most seeds", "[evaluate][tune]") {
  int better = 0;
  double ours = 0, random_points = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto result = search(two_numbers(), [](const Point& point, double) { return bowl(point); }, {.seed = seed}, {.trials = 30});
    REQUIRE(result.trials.size() == 30);
    double best = -1e9;
    for (std::uint64_t n = 0; n < 30; ++n) {
      Random random(seed, 1, n);
      best = std::max(best, bowl({-2 + 5 * random.uniform(), std::pow(10.0, -4 + 4 * random.uniform())}));
    }
    better += best_metric(result) > best;
    ours += best_metric(result) / 40;
    random_points += best / 40;
  }
  REQUIRE(better >= 32);
  REQUIRE(ours > random_points / 3);  // Both are below 0: at most a third of the distance.
}

TEST_CASE("tune: steps through choices and whole numbers", "[evaluate][tune]") {
  const SearchSpace space{.dimensions = {{.name = "kind", .kind = Kind::choice, .low = 0, .high = 4},
                                         {.name = "size", .kind = Kind::integer, .low = 16, .high = 1024, .logarithmic = true, .multiple = 16}},
                          .starts = {}};
  const auto metric = [](const Point& point, double) { return -std::abs(point[0] - 3) - std::abs(std::log2(point[1] / 304)); };
  const auto result = search(space, metric, {}, {.trials = 60});
  REQUIRE(result.trials[result.best.value()].proposal.point == Point{3, 304});
  for (const auto& trial : result.trials) {
    const auto& [kind, size] = std::pair(trial.proposal.point[0], trial.proposal.point[1]);
    REQUIRE((kind == std::floor(kind) && kind >= 0 && kind <= 4));
    REQUIRE((std::fmod(size, 16) == 0 && size >= 16 && size <= 1024));
  }
}

TEST_CASE("tune: starts come first, and nothing is tried twice at one fidelity", "[evaluate][tune]") {
  auto space = two_numbers();
  space.starts = {{1, 0.5}, {-1, 0.001}, {1, 0.5}};
  const auto result = search(space, [](const Point& point, double) { return bowl(point); }, {.fidelities = {0.25, 1}}, {.trials = 100});
  REQUIRE(result.trials[0].proposal == Proposal{{1, 0.5}, 0.25});
  REQUIRE(result.trials[1].proposal == Proposal{{-1, 0.001}, 0.25});
  std::set<std::pair<double, Point>> seen;
  for (const auto& trial : result.trials) REQUIRE(seen.emplace(trial.proposal.fidelity, trial.proposal.point).second);
}

TEST_CASE("tune: the best third of a wave goes on to the next fidelity", "[evaluate][tune]") {
  const auto result = search(two_numbers(), [](const Point& point, double) { return bowl(point); }, {.fidelities = {0.1, 0.4, 1}, .explore = 9}, {.trials = 13});
  std::vector<double> fidelities, low;
  for (const auto& trial : result.trials) fidelities.push_back(trial.proposal.fidelity);
  REQUIRE(fidelities == std::vector<double>{0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.4, 0.4, 0.4, 1});
  std::vector<Trial> first(result.trials.begin(), result.trials.begin() + 9);
  std::sort(first.begin(), first.end(), [](const Trial& a, const Trial& b) { return a.metric > b.metric; });
  for (std::size_t n = 0; n < 3; ++n) REQUIRE(result.trials[9 + n].proposal.point == first[n].proposal.point);
  REQUIRE(result.trials[12].proposal.point == first[0].proposal.point);
  REQUIRE(result.best == 12);
}

TEST_CASE("tune: what misleads at a low fidelity is found out at the full one", "[evaluate][tune]") {
  // At the low fidelity the larger x wins.
  const auto metric = [](const Point& point, double fidelity) { return fidelity < 1 ? point[0] : bowl(point); };
  const auto result = search(two_numbers(), metric, {.fidelities = {0.25, 1}}, {.trials = 150});
  REQUIRE(result.trials[result.best.value()].proposal.fidelity == 1);
  REQUIRE(best_metric(result) > -0.02);
}

TEST_CASE("tune: the same trials for the same metrics, others for another seed", "[evaluate][tune]") {
  const auto run = [](std::uint64_t seed) {
    return proposals(search(two_numbers(), [](const Point& point, double) { return bowl(point); }, {.fidelities = {0.3, 1}, .seed = seed}, {.trials = 40}));
  };
  const auto one = run(1);
  REQUIRE(run(1) == one);
  REQUIRE(run(2) != one);
  // More trials begin with the same.
  const auto more = proposals(search(two_numbers(), [](const Point& point, double) { return bowl(point); }, {.fidelities = {0.3, 1}, .seed = 1}, {.trials = 60}));
  REQUIRE(std::vector<Proposal>(more.begin(), more.begin() + 40) == one);
}

TEST_CASE("tune: trials that fail or give no number are told and are never best", "[evaluate][tune]") {
  const auto result = search(two_numbers(), [](const Point& point, double) -> double {
    if (point[0] > 0.5) throw Error(ErrorCode::out_of_memory, "x", "is " + std::to_string(point[0]), "at most 0.5");
    if (point[1] > 0.1) return std::nan("");
    if (point[1] < 1e-3) return std::numeric_limits<double>::infinity();
    return bowl(point);
  }, {}, {.trials = 80});
  REQUIRE(result.trials.size() == 80);
  bool refused = false, no_number = false;
  for (const auto& trial : result.trials) {
    REQUIRE(std::isnan(trial.metric) != trial.failure.empty());
    refused = refused || Contains("at most 0.5").match(trial.failure);
    no_number = no_number || Contains("nan").match(trial.failure);
  }
  REQUIRE((refused && no_number));
  const auto& best = result.trials[result.best.value()];
  REQUIRE(best.failure.empty());
  REQUIRE_THAT(best.proposal.point[0], WithinAbs(0.5, 0.05));
  REQUIRE_FALSE(search(two_numbers(), [](const Point&, double) { return std::nan(""); }, {}, {.trials = 30}).best);
}

TEST_CASE("tune: a space of one point is one trial, a small one is tried in full", "[evaluate][tune]") {
  const auto one = search({}, [](const Point& point, double) { return point.empty() ? 1.0 : 0.0; }, {}, {});
  REQUIRE(one.trials.size() == 1);
  REQUIRE(one.best == 0);
  const SearchSpace fixed{.dimensions = {{.name = "x", .low = 2, .high = 2}}, .starts = {}};
  REQUIRE(search(fixed, [](const Point& point, double) { return point[0]; }, {}, {}).trials.size() == 1);
  const SearchSpace small{.dimensions = {{.name = "kind", .kind = Kind::choice, .low = 0, .high = 3}, {.name = "n", .kind = Kind::integer, .low = 1, .high = 7, .multiple = 3}}, .starts = {}};
  std::set<Point> seen;
  const auto all = search(small, [&](const Point& point, double) { return seen.insert(point).second ? point[1] - point[0] : std::nan(""); }, {}, {});
  REQUIRE(seen.size() == 4 * 4);   // 1, 3, 6, 7
  REQUIRE(all.trials.size() == 16);
  REQUIRE(best_metric(all) == 7);
}

TEST_CASE("tune: no trial begins after the time", "[evaluate][tune]") {
  double now = 100;
  const auto result = search(two_numbers(), [&](const Point& point, double) { now += 3; return bowl(point); }, {}, {.seconds = 10, .clock = [&] { return now; }});
  REQUIRE(result.trials.size() == 4);
  for (const auto& trial : result.trials) REQUIRE(trial.seconds == 3);
}

TEST_CASE("tune: stops when asked to, between trials and inside of one", "[evaluate][tune]") {
  std::stop_source stop;
  int trials = 0;
  const FitControl control{.stop = stop.get_token()};
  REQUIRE_THROWS_WITH(search(two_numbers(), [&](const Point& point, double) { if (++trials == 5) stop.request_stop(); return bowl(point); }, {}, {.trials = 50}, control),
                      Contains("stopped after 5 of 50"));
  REQUIRE(trials == 5);
  REQUIRE_THROWS_AS(search(two_numbers(), [](const Point&, double) -> double { throw Error(ErrorCode::cancelled, "fit", "stopped"); }, {}, {.trials = 50}), Error);
}

TEST_CASE("tune: a space or a setting that makes no sense is refused by name", "[evaluate][tune]") {
  const auto refused = [](Dimension dimension) { return Search({.dimensions = {std::move(dimension)}, .starts = {}}); };
  REQUIRE_THROWS_WITH(refused({.name = "x", .low = 2, .high = 1}), StartsWith("x: ranges from 2 to 1"));
  REQUIRE_THROWS_WITH(refused({.name = "x", .low = 0, .high = std::numeric_limits<double>::infinity()}), StartsWith("x: "));
  REQUIRE_THROWS_WITH(refused({.name = "x", .low = 0, .high = 1, .logarithmic = true}), StartsWith("x: has a logarithmic range"));
  REQUIRE_THROWS_WITH(refused({.name = "x", .kind = Kind::integer, .low = 0.5, .high = 1}), Contains("whole numbers"));
  REQUIRE_THROWS_WITH(Search({.dimensions = {{.name = "x"}, {.name = "x"}}, .starts = {}}), StartsWith("x: is a dimension twice"));
  REQUIRE_THROWS_WITH(Search({.dimensions = {{.name = "x"}}, .starts = {{1.5}}}), StartsWith("starts[0].x: is 1.5"));
  REQUIRE_THROWS_WITH(Search({.dimensions = {{.name = "x"}}, .starts = {{}}}), StartsWith("starts[0]: has 0 values"));
  REQUIRE_THROWS_WITH(Search(two_numbers(), {.fidelities = {0.5, 0.25, 1}}), StartsWith("fidelities: "));
  REQUIRE_THROWS_WITH(Search(two_numbers(), {.fidelities = {0.5}}), StartsWith("fidelities: "));
  REQUIRE_THROWS_WITH(Search(two_numbers(), {.explore = 0}), StartsWith("explore: "));
  REQUIRE_THROWS_WITH(search(two_numbers(), [](const Point&, double) { return 0.0; }, {}, {}), StartsWith("trials: are without a limit"));
  Search one(two_numbers());
  REQUIRE(one.next().has_value());
  REQUIRE_THROWS_WITH(one.next(), Contains("was not told"));
}
