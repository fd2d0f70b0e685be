/// How a file's columns, kinds and times become canonical events: the options of every command that reads events.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pannier/data/event.hpp"

namespace pannier::data {

enum class OnError { stop, skip };
/// automatic_text: ISO 8601 and relatives only; seconds to microseconds: a number since 1970, decimals allowed, always UTC. none: there are
/// no times, the order of the file counts: an event's time is the number of its line in microseconds since 1970. day_first, month_first: dates of
/// numbers with the year last, 31/12/2010 or 12/31/2010 (also with . and -, with one digit or two), perhaps a time as in ISO 8601 behind a blank.
enum class TimeUnit { automatic_text, seconds, milliseconds, microseconds, none, day_first, month_first };

/// Fields of INTERFACE order: "event_id time kind user visitor session order item item_name quantity price currency value
/// position dwell_ms query page device country channel consent request_id slot".
struct ImportOptions {
  /// The export of an event collector, one of preset_names(), or empty. `columns` win over it, as does `constant_kind`; `kinds` are added to its
  /// words; a time unit other than automatic_text wins. No field has its own name beside a preset.
  std::string preset{};
  /// field -> column of the file, or in JSON lines the path to it: names joined by points, `[2]` for a place in an array (from 0), `[]` behind
  /// one array's name for one event an element: item=cart.lines[].sku. A name looks into an array of {"key", "value"} objects by key.
  /// Other fields use the column of their own name, unless the map gives that column to a field; in JSON lines also their own name in
  /// the elements of an array `items`, where the map does not say where the item stands.
  std::vector<std::pair<std::string, std::string>> columns{};
  std::optional<EventKind> constant_kind{};  ///< --kind: wins over a column named kind; refused beside a mapped one.
  /// --kinds: the file's word for a kind -> the kind. A word not named keeps its own meaning.
  std::vector<std::pair<std::string, EventKind>> kinds{};
  TimeUnit time_unit = TimeUnit::automatic_text;
  std::int64_t utc_offset_us = 0;          ///< Local time minus UTC of texts that name no offset; within a day.
  OnError on_error = OnError::stop;
  /// --refund-prefix: a purchase line whose order begins with one of them is a refund, whatever the sign of its quantity.
  std::vector<std::string> refund_prefixes{};
  /// --drop-items: items that are no products. Their lines are left out and counted (dropped_item), whatever else is wrong with them.
  std::vector<std::string> drop_items{};
  /// --fold-case item: item ids lose blanks at their ends and their ASCII letters become capitals; so do `drop_items`.
  bool fold_item_case = false;
  /// --rate: currency -> its worth in the log's currency. Prices and values of its events are multiplied.
  std::vector<std::pair<std::string, double>> rates{};
  /// The log's currency; empty: that of the first event with an amount in a currency without a rate. Amounts in a third currency are
  /// refused (other_currency), those without a currency are taken to be in the log's.
  std::string currency{};
};

/// Parses "user=customer_id,item=stock_code". Errors: invalid_argument (an unknown field, with a near one proposed; a field or
/// a column twice; an empty side; no '=').
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_map(std::string_view text);

/// Parses "view=view_item,buy=purchase". Errors: invalid_argument (an unknown kind, with a near one proposed; a word twice; an empty side).
[[nodiscard]] std::vector<std::pair<std::string, EventKind>> parse_kinds(std::string_view text);

/// Parses "order=C" or "order=C,order=R". Errors: invalid_argument (another field than order, an empty prefix, one twice).
[[nodiscard]] std::vector<std::string> parse_refund_prefixes(std::string_view text);

/// Parses "EUR=0.86,USD=0.79". Errors: invalid_argument (no ISO 4217 code, one twice, no number above 0 and at most 1e6).
[[nodiscard]] std::vector<std::pair<std::string, double>> parse_rates(std::string_view text);

/// Parses the word of --time-unit: iso, s, ms, us, none, dmy or mdy. Errors: invalid_argument.
[[nodiscard]] TimeUnit parse_time_unit(std::string_view text);

/// Reads item ids: one a line, or the column item of a CSV or TSV file with such a header. Blanks at the ends of a line count as part of an id.
/// Errors: as read_events(); an id that is too long, no UTF-8 or holds a NUL byte.
[[nodiscard]] std::vector<std::string> read_item_list(const std::filesystem::path& file);

/// ga4, segment, google-retail, personalize, snowplow.
[[nodiscard]] std::span<const std::string_view> preset_names() noexcept;

/// The options as texts, as the faces are given them; empty: the default.
struct ImportTexts {
  std::string map{};   ///< As parse_map(), or a preset's name, or both: "ga4,page=event_params.page_title".
  std::string kind{}, kinds{}, time_unit{}, utc_offset{}, on_error{}, refund_prefix{}, fold_case{}, rate{};
  std::filesystem::path drop_items{};
};
/// Errors: invalid_argument, `where` the member's name; of drop_items those of read_item_list().
[[nodiscard]] ImportOptions import_options(const ImportTexts& texts);

/// Stands for all that tells which events a file's lines become: equal options have equal keys (on_error, drop_items and currency, which
/// only leave lines out, are not in it).
[[nodiscard]] std::uint64_t reading_key(const ImportOptions& options);

/// The names of all event fields, in the order above.
[[nodiscard]] std::span<const std::string_view> event_field_names() noexcept;

}  // namespace pannier::data
