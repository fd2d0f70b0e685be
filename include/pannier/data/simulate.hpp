/// A small but honest shop: planted tastes, named categories, sessions, carts, purchases, refunds, seasons, people who leave.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "pannier/data/catalog.hpp"
#include "pannier/data/event.hpp"
#include "pannier/core/fit.hpp"

namespace pannier::data {

struct SimulateConfig {
  std::uint64_t users = 2000;
  std::uint64_t items = 500;
  std::uint64_t days = 365;
  std::uint64_t seed = 42;
};

/// Writes events.csv, items.csv, users.csv and truth.json into `folder` (made when absent). Draws are indexed by entity
/// (user, session, step), so that a new field or key changes no event. Text in the files is real English product and category names.
/// Errors: invalid_argument (a field out of range), io_failure.  Cost: memory bounded by one user's events and the item table; time
/// O(events); events are written in order of time.
void simulate_shop(const std::filesystem::path& folder, const SimulateConfig& config, const FitControl& control = {});

}  // namespace pannier::data
