/// What each person of a log bought of each item, in a window of time, after the refunds of that window.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pannier/core/fit.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/weighting.hpp"

namespace pannier::popularity {

/// One person's purchases of one item; purchases.times > 0.
struct BoughtCell {
  std::uint32_t item = 0;
  data::Purchases purchases;
};

/// The cells of every person of a log, by ascending item inside a person.
struct BoughtCells {
  std::vector<std::size_t> offsets{0};   ///< One more than the log's people.
  std::vector<BoughtCell> cells;
  [[nodiscard]] std::span<const BoughtCell> of(std::size_t person) const {
    return std::span(cells).subspan(offsets[person], offsets[person + 1] - offsets[person]);
  }
};

/// Purchases of [from_us, until_us).  Cost: O(events log events per person).  Repeats: the same for any number of threads.
[[nodiscard]] BoughtCells bought_cells(const data::EventLog& log, std::int64_t from_us, std::int64_t until_us, const Execution& execution);

}  // namespace pannier::popularity
