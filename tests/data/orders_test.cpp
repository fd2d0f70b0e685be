#include "pannier/data/orders.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/time.hpp"
#include "pannier/data/interaction_matrix.hpp"
#include "support/catch.hpp"

using namespace pannier;
using data::EventKind;
using data::RefundMatches;

namespace {

constexpr std::int64_t day = us_per_day;

struct Line {
  std::string user, order, item;
  EventKind kind = EventKind::purchase;
  double quantity = 1, price = 1;
  std::int64_t time_us = 0;
};

data::EventLog log_of(const std::vector<Line>& lines, const std::vector<std::string>& items = {}) {
  data::EventLog log;
  for (const auto& item : items) log.add_item(item);
  std::int64_t time = 0;
  for (const auto& line : lines) {
    data::Event event;
    event.user = line.user;
    event.order = line.order;
    event.item = line.item;
    event.kind = line.kind;
    event.quantity = line.quantity;
    event.price = line.price;
    event.time_us = line.time_us != 0 ? line.time_us : ++time;
    log.append(event);
  }
  return log;
}

using Rows = std::vector<std::map<std::string, float>>;

Rows rows_of(const CsrView& matrix, const data::EventLog& log) {
  Rows out(matrix.rows);
  for (std::size_t r = 0; r < matrix.rows; ++r)
    for (std::size_t n = 0; n < matrix.row_columns(r).size(); ++n)
      out[r][std::string(log.item_id(ItemIndex{matrix.row_columns(r)[n]}))] = matrix.row_values(r)[n];
  return out;
}

Rows order_rows(const std::vector<Line>& lines) {
  const auto log = log_of(lines);
  return rows_of(data::build_order_rows(log, {}, 0).cells, log);
}

RefundMatches matches(const std::vector<Line>& lines) { return data::build_order_rows(log_of(lines), {}, 0).refunds; }

Rows baskets(const std::vector<Line>& lines) {
  const auto log = log_of(lines);
  return rows_of(data::build_baskets(log).cells, log);
}

constexpr auto refund = EventKind::refund, view = EventKind::view_item;

}  // namespace

TEST_CASE("orders: an order without a person is a row, weighed as a person's events are", "[data][orders]") {
  REQUIRE(order_rows({{"", "1", "a"}, {"", "1", "b"}, {"", "2", "b"}, {"ann", "3", "c"}, {"", "2", "d", view}}) ==
          Rows{{{"a", 5}, {"b", 5}}, {{"b", 5}, {"d", 1}}});
  const std::vector<Line> of_nobody{{"", "1", "a"}, {"", "1", "a", EventKind::add_to_cart}, {"", "1", "b", EventKind::purchase, 4}, {"", "1", "b", refund, 1}};
  auto of_one = of_nobody;
  for (auto& line : of_one) line.user = "ann";
  const data::WeightingConfig config{.half_life_days = 3, .cap = 6};
  REQUIRE(data::build_order_rows(log_of(of_nobody), config, 2 * day).cells == data::build_interactions(log_of(of_one), config, 2 * day).cells);
}

TEST_CASE("orders: rows name their orders, and orders without a cell have none", "[data][orders]") {
  const auto log = log_of({{"ann", "1", "a"}, {"", "2", "a", EventKind::search}, {"", "3", "a"}, {"", "4", "a"}, {"", "4", "a", refund}});
  const auto rows = data::build_order_rows(log, {}, 0);
  REQUIRE(rows.orders == std::vector<std::uint32_t>{2});
  REQUIRE(rows.cells.rows == 1);
  REQUIRE(rows.cells.cols == 1);
}

TEST_CASE("orders: a cancellation takes back the latest purchase of its units at its price", "[data][orders]") {
  // Exactly its units first, though a later order has more of them.
  const auto log = log_of({{"", "1", "a", EventKind::purchase, 2}, {"", "2", "a", EventKind::purchase, 2}, {"", "3", "a", EventKind::purchase, 5}, {"", "C1", "a", refund, 2}});
  const auto rows = data::build_order_rows(log, {}, 0);
  REQUIRE(rows.orders == std::vector<std::uint32_t>{0, 2});
  REQUIRE(rows.cells.values == std::vector<float>{5, 5});
  REQUIRE(rows.refunds == RefundMatches{.whole = 1});
}

TEST_CASE("orders: what no purchase has exactly is taken in part, the latest first", "[data][orders]") {
  const std::vector<Line> lines{{"", "1", "a", EventKind::purchase, 4}, {"", "2", "a", EventKind::purchase, 2}, {"", "C1", "a", refund, 3}};
  REQUIRE(order_rows(lines) == Rows{{{"a", 5 * 0.75f}}});
  REQUIRE(matches(lines) == RefundMatches{.whole = 1});
  REQUIRE(matches({{"", "1", "a", EventKind::purchase, 2}, {"", "C1", "a", refund, 3}}) == RefundMatches{.in_part = 1});
}

TEST_CASE("orders: a cancellation matches neither another price, nor a later purchase, nor a person's", "[data][orders]") {
  REQUIRE(matches({{"", "1", "a", EventKind::purchase, 1, 2.5}, {"", "C1", "a", refund, 1, 2}}) == RefundMatches{.unmatched = 1});
  REQUIRE(matches({{"", "C1", "a", refund}, {"", "1", "a"}}) == RefundMatches{.unmatched = 1});
  REQUIRE(matches({{"ann", "1", "a"}, {"", "C1", "a", refund}}) == RefundMatches{.unmatched = 1});
  REQUIRE(matches({{"", "1", "b"}, {"", "C1", "a", refund}}) == RefundMatches{.unmatched = 1});
  // A person's refund is not theirs to match either.
  REQUIRE(matches({{"", "1", "a"}, {"ann", "C1", "a", refund}}) == RefundMatches{});
}

TEST_CASE("orders: unknown prices match each other", "[data][orders]") {
  const double none = std::numeric_limits<double>::quiet_NaN();
  REQUIRE(matches({{"", "1", "a", EventKind::purchase, 1, none}, {"", "C1", "a", refund, 1, none}}) == RefundMatches{.whole = 1});
}

TEST_CASE("orders: refunds settle in the order of time, whatever the order of the file", "[data][orders]") {
  const std::vector<Line> lines{{"", "1", "a", EventKind::purchase, 1, 1, 10}, {"", "2", "a", EventKind::purchase, 1, 1, 20}, {"", "C1", "a", refund, 1, 1, 15}};
  auto turned = lines;
  std::reverse(turned.begin(), turned.end());
  REQUIRE(order_rows(lines) == Rows{{{"a", 5}}});
  REQUIRE(data::build_order_rows(log_of(turned), {}, 0).orders == std::vector<std::uint32_t>{1});  // order 2, the second to appear
}

namespace {

/// The rule, line by line over all lines.
std::vector<double> left_slowly(const std::vector<Line>& lines, RefundMatches& found) {
  std::vector<double> left;
  for (const auto& line : lines) left.push_back(line.quantity);
  const auto before = [&](std::size_t a, std::size_t b) { return std::tie(lines[a].time_us, a) < std::tie(lines[b].time_us, b); };
  std::vector<std::size_t> by_time;
  for (std::size_t n = 0; n < lines.size(); ++n) by_time.push_back(n);
  std::sort(by_time.begin(), by_time.end(), before);
  const auto take = [&](std::size_t refunded, bool own_order) {
    for (auto at = by_time.rbegin(); at != by_time.rend() && left[refunded] > 0; ++at) {
      const auto& line = lines[*at];
      if (line.kind != EventKind::purchase || !before(*at, refunded) || line.item != lines[refunded].item) continue;
      if (own_order ? line.order != lines[refunded].order : line.price != lines[refunded].price) continue;
      const double some = std::min(left[*at], left[refunded]);
      left[*at] -= some;
      left[refunded] -= some;
    }
  };
  for (const auto n : by_time)
    if (lines[n].kind == refund) take(n, true);
  const auto own = left;   // What the own order left: a purchase of which something was taken is no whole one any more.
  for (const auto n : by_time) {
    if (lines[n].kind != refund) continue;
    for (auto at = by_time.rbegin(); at != by_time.rend() && left[n] > 0; ++at)
      if (lines[*at].kind == EventKind::purchase && before(*at, n) && lines[*at].item == lines[n].item && lines[*at].price == lines[n].price &&
          left[*at] == left[n] && left[*at] == own[*at]) {
        left[*at] = left[n] = 0;
      }
    take(n, false);
    ++(left[n] <= 0 ? found.whole : left[n] < lines[n].quantity ? found.in_part : found.unmatched);
  }
  return left;
}

}  // namespace

TEST_CASE("orders: refunds settle as the rule says, line by line", "[data][orders]") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Random random(11, seed, 0);
    std::vector<Line> lines;
    for (int n = 0; n < 80; ++n)
      lines.push_back({"", std::to_string(random.below(12)), std::string(1, static_cast<char>('a' + random.below(3))), random.below(3) == 0 ? refund : EventKind::purchase,
                       1.0 + static_cast<double>(random.below(4)), 1.0 + static_cast<double>(random.below(2)), static_cast<std::int64_t>(1 + random.below(40))});
    RefundMatches found;
    const auto left = left_slowly(lines, found);
    const auto log = log_of(lines);
    const auto rows = data::build_order_rows(log, {}, 0);
    REQUIRE(rows.refunds == found);
    std::map<std::pair<std::string, std::string>, double> expected;
    for (std::size_t n = 0; n < lines.size(); ++n)
      if (lines[n].kind == EventKind::purchase && left[n] > 0) expected[{lines[n].order, lines[n].item}] += 5 * left[n] / lines[n].quantity;
    std::size_t cells = 0;
    for (std::size_t r = 0; r < rows.cells.rows; ++r)
      for (std::size_t n = 0; n < CsrView(rows.cells).row_columns(r).size(); ++n, ++cells) {
        const auto item = std::string(log.item_id(ItemIndex{CsrView(rows.cells).row_columns(r)[n]}));
        std::string order;
        for (std::size_t place = 0; place < lines.size(); ++place)
          if (log.orders()[place] == rows.orders[r]) order = lines[place].order;
        REQUIRE_THAT(static_cast<double>(CsrView(rows.cells).row_values(r)[n]), WithinRel(expected.at({order, item}), 1e-6));
      }
    REQUIRE(cells == expected.size());
    REQUIRE(data::build_baskets(log).cells.columns.size() == expected.size());
  }
}

TEST_CASE("orders: the rows do not depend on the number of threads", "[data][orders]") {
  std::vector<Line> lines;
  for (int n = 0; n < 3000; ++n) {
    Random random(3, static_cast<std::uint64_t>(n), 0);
    lines.push_back({"", std::to_string(n / 4), std::to_string(random.below(50)), random.below(5) == 0 ? refund : EventKind::purchase, 1.0 + static_cast<double>(random.below(3))});
  }
  const auto log = log_of(lines);
  const auto one = data::build_order_rows(log, {}, 0, {.execution = {.threads = 1}}), four = data::build_order_rows(log, {}, 0, {.execution = {.threads = 4}});
  REQUIRE(one.cells == four.cells);
  REQUIRE(one.orders == four.orders);
}

TEST_CASE("orders: a million cancellations of one item settle in time", "[data][orders]") {
  data::EventLog log;
  for (int n = 0; n < 200'000; ++n) log.append({}, "a", {}, n % 2 == 0 ? EventKind::purchase : EventKind::refund, n, n % 4 < 2 ? 3 : 2, 1, std::to_string(n));
  REQUIRE(data::build_order_rows(log, {}, 0).refunds.whole == 100'000);
}

TEST_CASE("orders: a basket is an order, else a person's day", "[data][orders]") {
  REQUIRE(baskets({{"ann", "1", "a", EventKind::purchase, 1, 1, day}, {"ann", "1", "b", EventKind::purchase, 1, 1, 3 * day}, {"", "2", "c"}, {"", "2", "a"},
                   {"bob", "", "a", EventKind::purchase, 1, 1, 5 * day}, {"bob", "", "b", EventKind::purchase, 1, 1, 6 * day - 1},
                   {"bob", "", "c", EventKind::purchase, 1, 1, 6 * day}, {"cid", "", "c", EventKind::purchase, 1, 1, 6 * day}, {"cid", "3", "a", view}}) ==
          Rows{{{"a", 1}, {"b", 1}}, {{"a", 1}, {"c", 1}}, {{"a", 1}, {"b", 1}}, {{"c", 1}}, {{"c", 1}}});
  // One order number, two people.
  REQUIRE(baskets({{"ann", "1", "a"}, {"bob", "1", "b"}}) == Rows{{{"a", 1}}, {{"b", 1}}});
}

TEST_CASE("orders: what was given back is in no basket, what is left in part is", "[data][orders]") {
  REQUIRE(baskets({{"ann", "1", "a", EventKind::purchase, 2}, {"ann", "1", "b", EventKind::purchase, 2}, {"ann", "C1", "a", refund, 2}, {"ann", "C1", "b", refund, 1},
                   {"", "2", "a"}, {"", "2", "b"}, {"", "C2", "b", refund}}) == Rows{{{"b", 1}}, {{"a", 1}}});
}

TEST_CASE("orders: a visit is what a person looked at on one day", "[data][orders]") {
  const auto log = log_of({{"ann", "", "a", view, 1, 1, day}, {"ann", "", "b", view, 1, 1, 2 * day - 1}, {"ann", "", "a", view, 1, 1, day + 5}, {"ann", "", "c", view, 1, 1, 2 * day},
                           {"bob", "", "a", view, 1, 1, day}, {"bob", "", "b", EventKind::purchase, 1, 1, day}, {"", "9", "a", view, 1, 1, day}});
  REQUIRE(rows_of(data::build_visits(log), log) == Rows{{{"a", 1}, {"b", 1}}, {{"c", 1}}, {{"a", 1}}});
}

TEST_CASE("orders: an empty log gives empty rows", "[data][orders]") {
  const auto log = log_of({}, {"a"});
  REQUIRE(data::build_order_rows(log, {}, 0).cells.rows == 0);
  REQUIRE(data::build_order_rows(log, {}, 0).cells.cols == 1);
  REQUIRE(data::build_baskets(log).cells.rows == 0);
  REQUIRE(data::build_visits(log).rows == 0);
}

TEST_CASE("orders: weights out of range and a stop end it", "[data][orders]") {
  const auto log = log_of({{"", "1", "a"}});
  REQUIRE_THROWS_WITH(data::build_order_rows(log, {.half_life_days = -1}, 0), StartsWith("half_life_days"));
  std::stop_source source;
  source.request_stop();
  REQUIRE_THROWS_AS(data::build_order_rows(log, {}, 0, {.stop = source.get_token()}), Error);
  REQUIRE_THROWS_AS(data::build_baskets(log, {.stop = source.get_token()}), Error);
  REQUIRE_THROWS_AS(data::build_visits(log, {.stop = source.get_token()}), Error);
}

TEST_CASE("orders: a known person's refunds are told apart by whether they found what they take back", "[data][orders]") {
  const auto matches = [](const std::vector<Line>& lines) { return data::match_refunds(log_of(lines)); };
  REQUIRE(matches({{"u", "1", "a"}, {"u", "2", "b"}}) == RefundMatches{});
  REQUIRE(matches({{"u", "1", "a", EventKind::purchase, 5}, {"u", "2", "a", refund, 2}, {"u", "3", "a", refund, 3}}) == RefundMatches{.whole = 2, .in_part = 0, .unmatched = 0});
  // Three bought, two and then two taken back, and one more: the second finds one unit, the third none.
  REQUIRE(matches({{"u", "1", "a", EventKind::purchase, 3}, {"u", "2", "a", refund, 2}, {"u", "3", "a", refund, 2}, {"u", "4", "a", refund, 1}}) ==
          RefundMatches{.whole = 1, .in_part = 1, .unmatched = 1});
  // Of another item, another person, nobody known, or before the purchase.
  REQUIRE(matches({{"u", "1", "a"}, {"u", "2", "b", refund}, {"v", "3", "a", refund}, {"", "4", "a", refund}}) == RefundMatches{.whole = 0, .in_part = 0, .unmatched = 2});
  REQUIRE(matches({{"u", "1", "a", refund, 1, 1, 2 * day}, {"u", "2", "a", EventKind::purchase, 1, 1, 3 * day}}) == RefundMatches{.whole = 0, .in_part = 0, .unmatched = 1});
}
