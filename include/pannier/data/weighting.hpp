/// How the events of one person with one item become one weight: the same rule for the training matrix and for a live history.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "pannier/core/config.hpp"
#include "pannier/core/ids.hpp"
#include "pannier/data/event.hpp"

namespace pannier::data {

/// The "events" part of a train config.
struct WeightingConfig {
  std::array<float, event_kind_limit> weights = default_weights();  ///< By kind, 0 to 1e6; 0: no evidence. refund's weight is not used.
  double half_life_days = 0;  ///< An event's weight halves in that time, at most 1e6; 0: no decay.
  float cap = 0;              ///< Largest weight of a cell, to 1e9; 0: none.
  bool operator==(const WeightingConfig&) const = default;
  static constexpr std::array<float, event_kind_limit> default_weights() {
    std::array<float, event_kind_limit> w{};
    w[1] = 1; w[2] = 3; w[4] = 5;  // view_item, add_to_cart, purchase
    return w;
  }
};

/// The fields beside the weights, whose names are those of the kinds.
template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, WeightingConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("half_life_days", c.half_life_days, Range{0, 1e6}, "Days in which an event's weight halves; 0: no decay.");
  visit("cap", c.cap, Range{0, 1e9}, "Largest weight of one person's item; 0: none.");
}

/// Refuses a value out of its range, NaN included. Errors: invalid_argument, naming the field ("weights.view_item").
void require_valid(const WeightingConfig& config);

/// {"weights": {"view_item": 1, ...}, "half_life_days": 0, "cap": 0}; kinds not named under "weights" are 0 once "weights" is given.
/// "" is {}. Errors: malformed_input (no JSON object), invalid_argument (an unknown key or kind, with a near one proposed; a wrong type; out
/// of range; a weight for refund, which takes units back and has no weight of its own).
[[nodiscard]] WeightingConfig weighting_from_json(std::string_view json, std::string_view where);
/// Reads back as the same config.
[[nodiscard]] std::string to_json(const WeightingConfig& config);

/// 2^-half_lives for half_lives >= 0, from additions, multiplications and divisions alone: the same bits on every machine.
/// Relative error below 1e-9 up to 1022 half-lives; exact for whole numbers; 0 from 1023 on.
[[nodiscard]] double decay_factor(double half_lives) noexcept;

/// One event as the rule reads it.
struct WeighedEvent {
  std::uint32_t item = 0;        ///< Any dense number.
  EventKind kind = EventKind::view_item;
  std::int64_t time_us = 0;
  float quantity = 1;
  std::uint32_t place = 0;       ///< Set by weigh_history() in its scratch; whatever it is in the events.
};

/// What one person bought of one item, after refunds.
struct Purchases {
  std::uint32_t times = 0;      ///< Purchases at different times of which units are left.
  float units = 0;              ///< Units that refunds leave, of all of them.
  std::int64_t first_us = 0, last_us = 0;   ///< Time of the first and of the last of them; 0 without any.
  bool operator==(const Purchases&) const = default;
};

/// One merged item.
struct HistoryCell {
  std::uint32_t item = 0;
  float weight = 0;
  EventKind last_kind = EventKind::view_item;   ///< Of the last event that is evidence; where none is, of the last event.
  std::int64_t last_time_us = 0;                ///< Of the same event.
  bool bought = false;                          ///< A purchase remains after refunds.
  Purchases purchases{};                        ///< Which ones.
  bool operator==(const HistoryCell&) const = default;
};

/// Merges one person's events into cells, oldest last event first (ties by item number).
///
/// A cell's weight is the sum, over its events, of the kind's weight times the event's share times 2^-(age / half life), at most the cap.
/// Shares: a purchase counts in the share of its quantity that refunds leave (a purchase of no units: 0), a refund 0, anything else 1,
/// whatever its quantity. A refund takes back the units bought last before it that no other refund took; what exceeds them takes nothing.
/// An event is evidence when its kind's weight and its share are above 0.
/// Ages count to `now_us`; an event from after it has age 0.
/// Cells of weight 0 are left out, unless `keep_zero` (then they are items seen without evidence).
/// Events may come in any order; they are put in order of time, ties as given. Quantities are finite and not negative, `config` is valid.
/// Cost: O(n log n). No allocation once `scratch` and `out` are warm. Repeats: same bits on every machine; sums are FP64 in order of time.
void weigh_history(std::span<const WeighedEvent> events, const WeightingConfig& config, std::int64_t now_us, bool keep_zero,
                   std::vector<WeighedEvent>& scratch, std::vector<HistoryCell>& out);

}  // namespace pannier::data
