/// How the events of one person with one item become one weight: the same rule for the training matrix and for a live history.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/ids.hpp"
#include "pannier/data/event.hpp"

namespace pannier::data {

/// The "events" part of a train config.
struct WeightingConfig {
  std::array<float, event_kind_limit> weights = default_weights();  ///< By kind; 0: no evidence. refund's weight is not used.
  double half_life_days = 0;  ///< An event's weight halves in that time; 0: no decay.
  float cap = 0;              ///< Largest weight of a cell; 0: none.
  bool operator==(const WeightingConfig&) const = default;
  static constexpr std::array<float, event_kind_limit> default_weights() {
    std::array<float, event_kind_limit> w{};
    w[1] = 1; w[2] = 3; w[4] = 5;  // view_item, add_to_cart, purchase
    return w;
  }
};

/// {"weights": {"view_item": 1, ...}, "half_life_days": 0, "cap": 0}; kinds not named under "weights" are 0 once "weights" is given.
[[nodiscard]] WeightingConfig weighting_from_json(std::string_view json, std::string_view where);
[[nodiscard]] std::string to_json(const WeightingConfig& config);

/// One event as the rule reads it.
struct WeighedEvent {
  std::uint32_t item = 0;        ///< Any dense number.
  EventKind kind = EventKind::view_item;
  std::int64_t time_us = 0;
  float quantity = 1;
};

/// One merged item.
struct HistoryCell {
  std::uint32_t item = 0;
  float weight = 0;
  EventKind last_kind = EventKind::view_item;   ///< Of the last event that is evidence.
  std::int64_t last_time_us = 0;
  bool bought = false;                          ///< A purchase remains after refunds.
  bool operator==(const HistoryCell&) const = default;
};

/// Merges one person's events into cells, oldest last event first (ties by item number).
/// A refund takes back the latest units bought of the item: a purchase counts in the share of its quantity that is left.
/// Decay reads a fixed table of powers of two (no library function), from the event's age at `now_us` (younger than now: age 0).
/// Cells of weight 0 are left out, unless `keep_zero` (then they are items seen without evidence).
/// Events may come in any order; they are put in order of time, ties as given. Cost: O(n log n). No allocation once `scratch` and `out` are warm.
void weigh_history(std::span<const WeighedEvent> events, const WeightingConfig& config, std::int64_t now_us, bool keep_zero,
                   std::vector<WeighedEvent>& scratch, std::vector<HistoryCell>& out);

}  // namespace pannier::data
