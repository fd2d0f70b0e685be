/// A small but honest shop: planted tastes, named categories, sessions, carts, purchases, refunds, seasons, people who leave.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <type_traits>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"

namespace pannier::data {

struct SimulateConfig {
  std::uint64_t users = 2000;
  std::uint64_t items = 500;
  std::uint64_t days = 365;
  std::uint64_t seed = 42;
  bool operator==(const SimulateConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, SimulateConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("users", c.users, Range{1, 10'000'000}, "Registered users; half as many guests come beside them.");
  visit("items", c.items, Range{1, 10'000'000}, "Items of the catalogue.");
  visit("days", c.days, Range{1, 3650}, "Days from 2025-01-01 on.");
  visit("seed", c.seed, Range{0, 1.8446744073709551615e19}, "Fixes every draw.");
}

/// What was written.
struct SimulatedShop {
  std::uint64_t events = 0, orders = 0, refunds = 0;
};

/// Writes events.csv, items.csv, users.csv and truth.json into `folder` (made when absent).
///
/// People have an archetype ("home cook"), a few favourite categories, a style that runs through all categories, brands and a price level;
/// they visit at their own rate, more on weekends and before Christmas, and one day they stay away for good. A visit has a category in mind, which
/// the season moves; views are drawn by popularity times liking; few visits end in an order, more leave a cart behind. Some visits are
/// anonymous (visitor only) until the order, guests always are. Orders take 1 to a few items that go together, what is used up is bought again, a few
/// per cent are sent back and refunded.
///
/// events.csv: event_id, time, kind, user, visitor, session, order, item, quantity, price, dwell_ms, query (what was searched
/// for, with the view it led to), device, country, channel; in order of time, each about an item.
/// items.csv: item, name, category, brand, price, stock, colour. users.csv: user, source, country, device, joined, interest (a department that the
/// person named, as six in ten do).
/// truth.json: seed; users [{user, segment (the archetype), taste {style, second_style, brands, price_level, categories {path: share}}, rate (orders a
/// day, while active), dropout (time, null: not within the log)}]; items [{item, category, taste (the style)}]; seasons {weekly, yearly, categories}.
///
/// Draws are indexed by entity (item; person; person and visit): a new setting or field changes no event, and neither do more users those of the first.
/// Repeats: the same bytes for the same config on one machine and build.
/// Cost: a microsecond or two an event and a look at each person each day; memory about 150 bytes a person, 40 an item, and one day's events.
/// Errors: invalid_argument (a field out of range), io_failure, cancelled; the files in the folder are as they were.
SimulatedShop simulate_shop(const std::filesystem::path& folder, const SimulateConfig& config, const FitControl& control = {});

}  // namespace pannier::data
