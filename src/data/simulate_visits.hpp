/// What people do in the simulated shop, visit by visit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/simulate_people.hpp"
#include "data/simulate_shop.hpp"
#include "pannier/data/event.hpp"

namespace pannier::data::simulation {

/// One event before it has its texts. Times are seconds from the beginning.
struct Row {
  std::int64_t time_s = 0;
  std::uint32_t person = 0, visit = 0, item = no_shop_item;
  std::int32_t dwell_ms = -1;
  std::uint16_t step = 0, quantity = 0;
  EventKind kind = EventKind::view_item;
  bool signed_in = false, in_order = false, opens_order = false, searched = false;
  std::uint8_t device = 0, channel = 0;
};

/// Where everybody's interest goes on one day.
struct Day {
  double number = 0;                                  ///< From the beginning.
  std::vector<double> season;                         ///< By category.
  std::vector<double> demand_sums;                    ///< Running sums of season times demand, over categories that have items.
};
[[nodiscard]] Day make_day(const Shop& shop, std::int64_t number, std::int64_t day_since_1970);

/// Appends the events of the person's next visit, on that day; it may pass midnight, and refunds lie days later. Moves the state on.
void visit(const Shop& shop, const Day& day, std::uint64_t seed, std::uint32_t person_number, Person& person, std::vector<Row>& rows);

}  // namespace pannier::data::simulation
