/// Whether a log knows when its events were.
#pragma once

#include <algorithm>
#include <cstdint>

#include "pannier/core/time.hpp"
#include "pannier/data/event_log.hpp"

namespace pannier::popularity {

/// Events of 1970-01-01 alone are those of a log without times (--time-unit none), which are numbered.
inline bool has_times(const data::EventLog& log) {
  return std::any_of(log.times_us().begin(), log.times_us().end(), [](std::int64_t time) { return time >= us_per_day; });
}

}  // namespace pannier::popularity
