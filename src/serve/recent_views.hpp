/// What somebody looked at last.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pannier/core/ids.hpp"
#include "pannier/core/item_set.hpp"
#include "pannier/core/top_k.hpp"
#include "pannier/data/weighting.hpp"

namespace pannier::serve {

/// An item as last looked at.
struct View {
  std::uint32_t item = 0;
  std::uint32_t place = 0;       ///< Of the event among the events: of two looks at one time the later one counts as newer.
  std::int64_t time_us = 0;
  data::EventKind kind{};
};

/// The items of `events` that were looked at (view_item, select_item, dwell), the latest look first, without those bought at or after
/// that look and not given back since, and without those that are not allowed (null: all are). The score is 1 / (1 + age of the look in days).
/// Fills `out` and returns how many of it.
/// Cost: sorts the events. `scratch` keeps its memory.
std::size_t rank_recent_views(std::span<const data::WeighedEvent> events, std::int64_t now_us, const ItemSet* allowed, std::vector<View>& scratch,
                              std::span<Scored> out);

}  // namespace pannier::serve
