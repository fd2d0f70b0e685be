/// How a file's columns, kinds and times become canonical events: the options of every command that reads events.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pannier/data/event.hpp"

namespace pannier::data {

enum class OnError { stop, skip };
/// automatic_text: ISO 8601 and relatives only; the others: a number since 1970, decimals allowed, always UTC.
enum class TimeUnit { automatic_text, seconds, milliseconds, microseconds };

/// Fields of INTERFACE order: "event_id time kind user visitor session order item item_name quantity price currency value
/// position dwell_ms query page device country channel consent request_id slot".
struct ImportOptions {
  /// field -> column of the file. Other fields use the column of their own name, unless the map gives that column to a field.
  std::vector<std::pair<std::string, std::string>> columns;
  std::optional<EventKind> constant_kind;  ///< --kind: wins over a column named kind; refused beside a mapped one.
  TimeUnit time_unit = TimeUnit::automatic_text;
  std::int64_t utc_offset_us = 0;          ///< Local time minus UTC of texts that name no offset; within a day.
  OnError on_error = OnError::stop;
};

/// Parses "user=customer_id,item=stock_code". Errors: invalid_argument (an unknown field, with a near one proposed; a field or
/// a column twice; an empty side; no '=').
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_map(std::string_view text);

/// The names of all event fields, in the order above.
[[nodiscard]] std::span<const std::string_view> event_field_names() noexcept;

}  // namespace pannier::data
