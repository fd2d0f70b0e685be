#include "pannier/data/weighting.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/time.hpp"
#include "support/catch.hpp"

using namespace pannier;
using namespace pannier::data;

namespace {

constexpr std::int64_t day = us_per_day;

std::vector<HistoryCell> weigh(const std::vector<WeighedEvent>& events, const WeightingConfig& config = {}, std::int64_t now = 1000 * day,
                               bool keep_zero = false) {
  std::vector<WeighedEvent> scratch;
  std::vector<HistoryCell> out{{99, 1.f}};  // What stood there goes.
  weigh_history(events, config, now, keep_zero, scratch, out);
  for (auto& cell : out) {
    REQUIRE(cell.bought == (cell.purchases.times > 0));
    cell.purchases = {};  // Has its own test.
  }
  return out;
}

WeighedEvent at(std::int64_t t, std::uint32_t item, EventKind kind, float quantity = 1) {
  return {.item = item, .kind = kind, .time_us = t * day, .quantity = quantity};
}
constexpr auto view = EventKind::view_item;
constexpr auto cart = EventKind::add_to_cart;
constexpr auto buy = EventKind::purchase;
constexpr auto refund = EventKind::refund;

WeightingConfig decaying(double days) { return {.half_life_days = days}; }

/// The rule as the header words it: units taken back one refund after the other, the latest purchase first; powers by the C library.
std::map<std::uint32_t, double> slow_weights(std::vector<WeighedEvent> events, const WeightingConfig& config, std::int64_t now) {
  for (std::uint32_t i = 0; i < events.size(); ++i) events[i].place = i;
  std::sort(events.begin(), events.end(), [](const auto& a, const auto& b) { return std::tie(a.time_us, a.place) < std::tie(b.time_us, b.place); });
  std::vector<double> left(events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    left[i] = events[i].quantity;
    if (events[i].kind != refund) continue;
    double units = events[i].quantity;
    for (auto j = i; j-- > 0 && units > 0;)
      if (events[j].item == events[i].item && events[j].kind == buy) {
        const auto taken = std::min(units, left[j]);
        left[j] -= taken;
        units -= taken;
      }
  }
  std::map<std::uint32_t, double> out;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].kind == refund) continue;
    double weight = config.weights[static_cast<std::size_t>(events[i].kind)];
    if (events[i].kind == buy) weight *= events[i].quantity > 0 ? left[i] / events[i].quantity : 0;
    if (config.half_life_days > 0)
      weight *= std::exp2(-std::max(0.0, static_cast<double>(now - events[i].time_us)) / (config.half_life_days * static_cast<double>(day)));
    if (weight > 0) out[events[i].item] += weight;
  }
  if (config.cap > 0)
    for (auto& [item, weight] : out) weight = std::min(weight, static_cast<double>(config.cap));
  return out;
}

std::vector<WeighedEvent> random_events(std::uint64_t seed, std::size_t count) {
  constexpr EventKind kinds[] = {view, view, cart, buy, buy, refund, EventKind::search};
  Random random(seed, 5);
  std::vector<WeighedEvent> events;
  for (std::size_t i = 0; i < count; ++i)
    events.push_back(at(static_cast<std::int64_t>(random.below(30)), static_cast<std::uint32_t>(random.below(6)), kinds[random.below(7)],
                        static_cast<float>(random.below(5))));
  return events;
}

}  // namespace

TEST_CASE("weighting: views, carts and purchases of an item add up to one cell", "[data][weighting]") {
  const auto cells = weigh({at(1, 7, view), at(2, 7, cart), at(3, 7, buy, 4), at(2, 3, view), at(2, 3, view)});
  REQUIRE(cells.size() == 2);
  REQUIRE(cells[0] == HistoryCell{3, 2.f, view, 2 * day, false});
  REQUIRE(cells[1] == HistoryCell{7, 9.f, buy, 3 * day, true});  // 1 + 3 + 5: a quantity of 4 weighs no more than one
}

TEST_CASE("weighting: cells come oldest last event first, ties by item", "[data][weighting]") {
  const auto cells = weigh({at(5, 1, view), at(4, 9, view), at(4, 2, view), at(1, 1, view), at(2, 5, view)});
  std::vector<std::uint32_t> items;
  for (const auto& cell : cells) items.push_back(cell.item);
  REQUIRE(items == std::vector<std::uint32_t>{5, 2, 9, 1});
}

TEST_CASE("weighting: a refund takes back the latest units bought before it", "[data][weighting]") {
  SECTION("in part: three of four units are left") {
    REQUIRE(weigh({at(1, 1, buy, 4), at(2, 1, refund, 1)}) == std::vector{HistoryCell{1, 3.75f, buy, 1 * day, true}});
  }
  SECTION("the later purchase goes first") {
    REQUIRE(weigh({at(1, 1, buy, 2), at(2, 1, buy, 2), at(3, 1, refund, 3)}) == std::vector{HistoryCell{1, 2.5f, buy, 1 * day, true}});
  }
  SECTION("a purchase after the refund is not touched") {
    REQUIRE(weigh({at(1, 1, buy), at(2, 1, refund), at(3, 1, buy)}) == std::vector{HistoryCell{1, 5.f, buy, 3 * day, true}});
  }
  SECTION("a refund of what was never bought changes nothing, also for other items") {
    REQUIRE(weigh({at(1, 1, refund, 5), at(2, 1, buy), at(3, 2, refund, 9), at(4, 3, buy), at(0, 3, view)}) ==
            std::vector{HistoryCell{1, 5.f, buy, 2 * day, true}, HistoryCell{3, 6.f, buy, 4 * day, true}});
  }
  SECTION("what a refund cannot take from the last it takes from the one before, and no more than there is") {
    REQUIRE(weigh({at(1, 1, buy), at(2, 1, buy), at(3, 1, refund), at(4, 1, buy), at(5, 1, refund, 9)}).empty());
  }
  SECTION("all taken back: the item was viewed, not bought") {
    REQUIRE(weigh({at(1, 1, view), at(2, 1, buy, 2), at(3, 1, refund, 2)}) == std::vector{HistoryCell{1, 1.f, view, 1 * day, false}});
  }
  SECTION("at one time the order given decides") {
    REQUIRE(weigh({at(1, 1, buy), at(1, 1, refund)}).empty());
    REQUIRE(weigh({at(1, 1, refund), at(1, 1, buy)}) == std::vector{HistoryCell{1, 5.f, buy, 1 * day, true}});
  }
  SECTION("a purchase of no units is none") { REQUIRE(weigh({at(1, 1, buy, 0)}).empty()); }
}

TEST_CASE("weighting: without evidence an item is kept on request, with its last event", "[data][weighting]") {
  const std::vector<WeighedEvent> events{at(1, 1, buy), at(2, 1, refund), at(3, 2, EventKind::select_item), at(4, 2, EventKind::share)};
  REQUIRE(weigh(events).empty());
  REQUIRE(weigh(events, {}, 1000 * day, true) ==
          std::vector{HistoryCell{1, 0.f, refund, 2 * day, false}, HistoryCell{2, 0.f, EventKind::share, 4 * day, false}});
  REQUIRE(weigh({at(1, 2, view), at(4, 2, EventKind::share)}) == std::vector{HistoryCell{2, 1.f, view, 1 * day, false}});
}

TEST_CASE("weighting: an event halves in each half-life, and one from the future is new", "[data][weighting]") {
  REQUIRE(weigh({at(10, 1, view)}, decaying(5), 20 * day)[0].weight == 0.25f);
  REQUIRE(weigh({at(10, 1, view), at(15, 1, buy)}, decaying(5), 20 * day)[0].weight == 2.75f);
  REQUIRE(weigh({at(30, 1, cart)}, decaying(5), 20 * day)[0].weight == 3.f);
  REQUIRE(weigh({at(0, 1, cart)}, decaying(1e-3), 20 * day).empty());
  REQUIRE(weigh({at(0, 1, cart)}, decaying(5e-324), 20 * day).empty());
}

TEST_CASE("weighting: a cell weighs at most the cap", "[data][weighting]") {
  REQUIRE(weigh({at(1, 1, view), at(2, 1, buy), at(1, 2, view)}, {.cap = 4}) ==
          std::vector{HistoryCell{2, 1.f, view, 1 * day, false}, HistoryCell{1, 4.f, buy, 2 * day, true}});
}

TEST_CASE("weighting: the decay factor is a power of two within its stated error", "[data][weighting]") {
  REQUIRE(decay_factor(0) == 1);
  for (int n = 0; n <= 1022; ++n) REQUIRE(decay_factor(n) == std::ldexp(1.0, -n));
  REQUIRE(decay_factor(1023) == 0);
  REQUIRE(decay_factor(1e300) == 0);
  REQUIRE(decay_factor(std::numeric_limits<double>::infinity()) == 0);
  double worst = 0, last = 1;
  for (int i = 1; i < 200'000; ++i) {
    const double x = i * 0.0004999;
    const double got = decay_factor(x), want = std::exp2(-x);
    worst = std::max(worst, std::abs(got / want - 1));
    REQUIRE(got < last);
    last = got;
  }
  REQUIRE(worst < 1e-9);
  REQUIRE(worst > 1e-10);  // Else the statement could be a stronger one.
  // These bits hold on every machine.
  REQUIRE(decay_factor(0.3) == 0x1.9fdf8bcce38f9p-1);
}

TEST_CASE("weighting: equals the slow rule on random events", "[data][weighting]") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const auto events = random_events(seed, seed % 50);
    const WeightingConfig config{.half_life_days = seed % 2 == 0 ? 0.0 : 7.0, .cap = seed % 3 == 0 ? 6.f : 0.f};
    const auto want = slow_weights(events, config, 25 * day);
    const auto got = weigh(events, config, 25 * day);
    REQUIRE(got.size() == want.size());
    for (const auto& cell : got) {
      // FP64 sums of a few terms, the decay's 1e-9, one rounding to FP32 and one of the share.
      REQUIRE_THAT(cell.weight, WithinRel(static_cast<float>(want.at(cell.item)), 3e-7f));
    }
  }
}

TEST_CASE("weighting: the order in which events of different times come does not matter", "[data][weighting]") {
  auto events = random_events(77, 60);
  for (std::size_t i = 0; i < events.size(); ++i) events[i].time_us = static_cast<std::int64_t>(i) * day;
  const auto want = weigh(events, decaying(10));
  Random random(3);
  for (int round = 0; round < 20; ++round) {
    for (auto i = events.size(); i-- > 1;) std::swap(events[i], events[random.below(i + 1)]);
    REQUIRE(weigh(events, decaying(10)) == want);
  }
}

TEST_CASE("weighting: warm scratch and output are not allocated again", "[data][weighting]") {
  const auto events = random_events(4, 50);
  std::vector<WeighedEvent> scratch;
  std::vector<HistoryCell> out;
  weigh_history(events, {}, 100 * day, true, scratch, out);
  const auto* const scratch_data = scratch.data();
  const auto* const out_data = out.data();
  weigh_history(events, {}, 100 * day, true, scratch, out);
  weigh_history(std::span(events).first(10), {}, 100 * day, true, scratch, out);
  REQUIRE(scratch.data() == scratch_data);
  REQUIRE(out.data() == out_data);
}

TEST_CASE("weighting: JSON gives the config and is given back", "[data][weighting]") {
  REQUIRE(weighting_from_json("", "config") == WeightingConfig{});
  REQUIRE(weighting_from_json("{}", "config") == WeightingConfig{});
  const auto config = weighting_from_json(R"({"weights": {"purchase": 2.5, "rate": 1}, "half_life_days": 30, "cap": 10})", "config");
  WeightingConfig want{.half_life_days = 30, .cap = 10};
  want.weights = {};
  want.weights[static_cast<std::size_t>(buy)] = 2.5f;
  want.weights[static_cast<std::size_t>(EventKind::rate)] = 1;
  REQUIRE(config == want);
  for (const auto& c : {WeightingConfig{}, want, decaying(0.1)}) REQUIRE(weighting_from_json(to_json(c), "config") == c);
  REQUIRE(weighting_from_json(R"({"weights": {"refund": 0}})", "config").weights == decltype(want.weights){});
}

TEST_CASE("weighting: JSON that is none, unknown keys and values out of range are refused by name", "[data][weighting]") {
  const auto refuse = [](std::string_view json, const std::string& start) {
    INFO(json);
    REQUIRE_THROWS_WITH(weighting_from_json(json, "f.json:events"), StartsWith(start));
  };
  refuse("[]", "f.json:events: is a JSON array");
  refuse("{", "f.json:events: is no JSON at byte");
  refuse(R"({"weigths": {}})", "f.json:events:weigths: is no known key; expected weights");
  refuse(R"({"weights": 3})", "f.json:events:weights: is a JSON number");
  refuse(R"({"weights": {"viewitem": 1}})", "f.json:events:weights:viewitem");
  refuse(R"({"weights": {"view_item": -1}})", "f.json:events:weights:view_item");
  refuse(R"({"weights": {"view_item": "1"}})", "f.json:events:weights:view_item: is a JSON string");
  refuse(R"({"weights": {"refund": -5}})", "f.json:events:weights:refund: is -5");
  refuse(R"({"half_life_days": -1})", "f.json:events:half_life_days");
  refuse(R"({"cap": 1e99})", "f.json:events:cap");
  refuse(R"({"cap": 1, "cap": 2})", "f.json:events: has the key 'cap' twice");
  refuse(R"({"weights": )" + std::string(200'000, '[') + std::string(200'000, ']') + "}", "f.json:events:weights: is a JSON array");
}

TEST_CASE("weighting: a config out of range is refused by name", "[data][weighting]") {
  REQUIRE_NOTHROW(require_valid(WeightingConfig{}));
  auto config = WeightingConfig{};
  config.weights[1] = std::numeric_limits<float>::quiet_NaN();
  REQUIRE_THROWS_WITH(require_valid(config), StartsWith("weights.view_item: is nan"));
  REQUIRE_THROWS_WITH(require_valid(decaying(-1)), StartsWith("half_life_days"));
  REQUIRE_THROWS_AS(require_valid(decaying(std::numeric_limits<double>::quiet_NaN())), Error);
  REQUIRE_THROWS_AS(require_valid(WeightingConfig{.cap = -1}), Error);
}

TEST_CASE("weighting: a cell knows which purchases refunds left", "[data][weighting]") {
  const auto purchases = [](const std::vector<WeighedEvent>& events) {
    std::vector<WeighedEvent> scratch;
    std::vector<HistoryCell> out;
    weigh_history(events, {}, 1000 * day, true, scratch, out);
    REQUIRE(out.size() == 1);
    return out[0].purchases;
  };
  REQUIRE(purchases({at(1, 1, view), at(2, 1, cart)}) == Purchases{});
  REQUIRE(purchases({at(9, 1, buy, 2), at(1, 1, buy, 3), at(5, 1, view)}) == Purchases{2, 5, 1 * day, 9 * day});
  // Two lines of one order are one purchase.
  REQUIRE(purchases({at(2, 1, buy, 1), at(2, 1, buy, 4), at(3, 1, buy)}) == Purchases{2, 6, 2 * day, 3 * day});
  // A refund takes back the latest units: wholly, then it was no purchase; in part, then the rest stays.
  REQUIRE(purchases({at(1, 1, buy, 2), at(4, 1, buy, 3), at(5, 1, refund, 3)}) == Purchases{1, 2, 1 * day, 1 * day});
  REQUIRE(purchases({at(1, 1, buy, 2), at(4, 1, buy, 4), at(5, 1, refund, 3)}) == Purchases{2, 3, 1 * day, 4 * day});
  REQUIRE(purchases({at(1, 1, buy, 2), at(5, 1, refund, 2)}) == Purchases{});
}
