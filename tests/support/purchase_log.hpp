#pragma once

/// Logs of purchases for tests.

#include <cstdint>
#include <string>

#include "pannier/core/matrix.hpp"
#include "pannier/core/time.hpp"
#include "pannier/data/event_log.hpp"

namespace pannier::support {

inline constexpr std::int64_t day_0 = 1'600'000'000 * us_per_second;

/// Appends one purchase, `day` days after day_0.
inline void buy(data::EventLog& log, const std::string& user, const std::string& item, double day, double quantity = 1,
                data::EventKind kind = data::EventKind::purchase) {
  data::Event event;
  event.time_us = day_0 + static_cast<std::int64_t>(day * static_cast<double>(us_per_day));
  event.kind = kind;
  event.user = user;
  event.item = item;
  event.quantity = quantity;
  log.append(event);
}

/// A log of as many purchases of each cell as its weight says (at least one), items in the order of the columns, over 100 days.
inline data::EventLog purchase_log(const CsrView& cells) {
  data::EventLog log;
  for (std::size_t i = 0; i < cells.cols; ++i) static_cast<void>(log.add_item("i" + std::to_string(i)));
  for (std::size_t u = 0; u < cells.rows; ++u)
    for (std::size_t n = 0; n < cells.row_columns(u).size(); ++n)
      for (int time = 0; time <= static_cast<int>(cells.row_values(u)[n]) && time < 10; ++time)
        buy(log, "u" + std::to_string(u), "i" + std::to_string(cells.row_columns(u)[n]), static_cast<double>((u * 7 + static_cast<std::size_t>(time) * 31) % 100));
  return log;
}

inline constexpr std::int64_t purchase_log_end = day_0 + 100 * us_per_day;

}  // namespace pannier::support
