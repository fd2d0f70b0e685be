#include "pannier/data/interaction_matrix.hpp"

#include <algorithm>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/time.hpp"
#include "support/catch.hpp"

using namespace pannier;
using namespace pannier::data;

namespace {

constexpr std::int64_t day = us_per_day;

void add(EventLog& log, std::string_view user, std::string_view item, EventKind kind, std::int64_t time_us, double quantity = 1) {
  Event e;
  e.user = user;
  if (user.empty()) e.order = "order";
  e.item = item;
  e.kind = kind;
  e.time_us = time_us;
  e.quantity = quantity;
  log.append(e);
}

/// A shop of 300 people, some of them often there, with every kind of event.
EventLog random_log(std::uint64_t seed) {
  EventLog log;
  log.add_item("nobody's");
  Random random(seed, 2);
  for (int i = 0; i < 6000; ++i) {
    const auto user = random.below(300) * random.below(300) / 300;
    const auto item = random.below(120) * random.below(120) / 120;
    add(log, i % 50 == 0 ? "" : "u" + std::to_string(user), "i" + std::to_string(item), static_cast<EventKind>(1 + random.below(7)),
        static_cast<std::int64_t>(random.below(90)) * day, static_cast<double>(1 + random.below(3)));
  }
  return log;
}

/// The events of a person as a store keeps them: in the order of the log.
std::vector<WeighedEvent> history(const EventLog& log, std::uint32_t person) {
  std::vector<WeighedEvent> events;
  for (std::size_t i = 0; i < log.size(); ++i)
    if (log.persons()[i] == person) events.push_back({log.items()[i], log.kinds()[i], log.times_us()[i], log.quantities()[i]});
  return events;
}

}  // namespace

TEST_CASE("interaction_matrix: a small shop by hand", "[data][interaction_matrix]") {
  EventLog log;
  add(log, "ann", "mug", EventKind::view_item, 1 * day);
  add(log, "bob", "pan", EventKind::purchase, 2 * day, 2);
  add(log, "ann", "pan", EventKind::add_to_cart, 3 * day);
  add(log, "ann", "mug", EventKind::view_item, 4 * day);
  add(log, "bob", "pan", EventKind::refund, 5 * day, 1);
  add(log, "", "mug", EventKind::purchase, 6 * day);        // Nobody's.
  add(log, "cid", "jug", EventKind::select_item, 7 * day);  // No evidence: an empty row and an empty column.
  const auto matrix = build_interactions(log, {}, 10 * day);
  Csr want;
  want.rows = 3;
  want.cols = 3;
  want.offsets = {0, 2, 3, 3};
  want.columns = {0, 1, 1};
  want.values = {2.f, 3.f, 2.5f};
  REQUIRE(matrix.cells == want);
}

TEST_CASE("interaction_matrix: decay counts to the time given", "[data][interaction_matrix]") {
  EventLog log;
  add(log, "ann", "mug", EventKind::view_item, 0);
  add(log, "ann", "pan", EventKind::view_item, 10 * day);
  const WeightingConfig config{.half_life_days = 5};
  REQUIRE(build_interactions(log, config, 10 * day).cells.values == std::vector{0.25f, 1.f});
  REQUIRE(build_interactions(log, config, 20 * day).cells.values == std::vector{0.0625f, 0.25f});
}

TEST_CASE("interaction_matrix: a row is the live history of the person, bit for bit", "[data][interaction_matrix]") {
  const auto log = random_log(3);
  const WeightingConfig config{.half_life_days = 9, .cap = 11};
  const auto matrix = build_interactions(log, config, 80 * day);
  const CsrView view = matrix;
  REQUIRE(view.rows == log.person_count());
  REQUIRE(view.cols == log.item_count());
  std::vector<WeighedEvent> scratch;
  std::vector<HistoryCell> cells;
  for (std::uint32_t person = 0; person < log.person_count(); ++person) {
    weigh_history(history(log, person), config, 80 * day, false, scratch, cells);
    std::map<std::uint32_t, float> want;
    for (const auto& cell : cells) want[cell.item] = cell.weight;
    std::map<std::uint32_t, float> got;
    for (std::size_t i = 0; i < view.row_columns(person).size(); ++i) got[view.row_columns(person)[i]] = view.row_values(person)[i];
    REQUIRE(got == want);
  }
}

TEST_CASE("interaction_matrix: is canonical and does not depend on the number of threads", "[data][interaction_matrix]") {
  const auto log = random_log(5);
  const auto one = build_interactions(log, {}, 90 * day, {.execution = {.threads = 1}});
  REQUIRE_NOTHROW(require_valid_weights(one, "cells"));
  REQUIRE(std::all_of(one.cells.values.begin(), one.cells.values.end(), [](float w) { return w > 0; }));
  REQUIRE(one.cells.columns.size() > 1000);
  REQUIRE(build_interactions(log, {}, 90 * day, {.execution = {.threads = 4}}).cells == one.cells);
}

TEST_CASE("interaction_matrix: an empty log gives an empty matrix", "[data][interaction_matrix]") {
  REQUIRE(build_interactions(EventLog(), {}, 0).cells == Csr{});
  EventLog log;
  log.add_item("mug");
  const auto cells = build_interactions(log, {}, 0).cells;
  REQUIRE(cells.rows == 0);
  REQUIRE(cells.cols == 1);
}

TEST_CASE("interaction_matrix: refuses a bad config and stops when asked", "[data][interaction_matrix]") {
  const auto log = random_log(6);
  REQUIRE_THROWS_WITH(build_interactions(log, {.cap = -1}, 0), StartsWith("cap"));
  std::stop_source source;
  source.request_stop();
  REQUIRE_THROWS_AS(build_interactions(log, {}, 0, {.stop = source.get_token()}), Error);
}
