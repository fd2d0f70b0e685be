/// What refunds leave of a person's events: the common first half of weighing a history and of splitting it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pannier/data/weighting.hpp"

namespace pannier::data {

/// Fills `settled` with the events in order of item, time and place (its position in `events`), `quantity` replaced by the event's share:
/// what refunds leave of a purchase as a fraction of it, 0 for a refund, 1 for anything else.
/// Errors: invalid_argument for more than 4294967295 events.
void settle(std::span<const WeighedEvent> events, std::vector<WeighedEvent>& settled);

/// True when the settled event counts.
[[nodiscard]] inline bool is_evidence(const WeighedEvent& settled, const WeightingConfig& config) noexcept {
  return settled.quantity > 0.0f && config.weights[static_cast<std::size_t>(settled.kind)] > 0.0f;
}

}  // namespace pannier::data
