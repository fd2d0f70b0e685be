#include "pannier/data/import_map.hpp"

#include <algorithm>

#include "data/event_fields.hpp"
#include "data/field_text.hpp"
#include "pannier/core/error.hpp"

namespace pannier::data {
namespace {

constexpr std::array<std::string_view, event_field_count> field_names = {
    "event_id", "time",     "kind",     "user", "visitor", "session", "order", "item",    "item_name", "quantity",   "price", "currency",
    "value",    "position", "dwell_ms", "query", "page",   "device",  "country", "channel", "consent",  "request_id", "slot"};

constexpr std::string_view expected_form = "field=column[,field=column...]";

[[noreturn]] void refuse(const std::string& problem, const std::string& allowed) {
  throw Error(ErrorCode::invalid_argument, "map", problem, allowed);
}

}  // namespace

std::span<const std::string_view> event_field_names() noexcept { return field_names; }

std::string_view name(EventField field) noexcept { return field_names[static_cast<std::size_t>(field)]; }

std::optional<EventField> event_field(std::string_view name) noexcept {
  const auto found = std::find(field_names.begin(), field_names.end(), name);
  if (found == field_names.end()) return std::nullopt;
  return static_cast<EventField>(found - field_names.begin());
}

void check_map(const std::vector<std::pair<std::string, std::string>>& columns) {
  for (auto entry = columns.begin(); entry != columns.end(); ++entry) {
    const auto& [field, column] = *entry;
    if (field.empty() || column.empty()) refuse("'" + field + "=" + column + "' has an empty side", std::string(expected_form));
    if (!event_field(field)) {
      refuse(shown(field) + " is no field of an event" + proposal(field, field_names), "one of " + listed(field_names));
    }
    for (auto earlier = columns.begin(); earlier != entry; ++earlier) {
      if (earlier->first == field)
        refuse("the field " + field + " is given twice, " + shown(earlier->second) + " and " + shown(column), "each field once");
      if (earlier->second == column)
        refuse("the column " + shown(column) + " is given to two fields, " + earlier->first + " and " + field, "each column once");
    }
  }
}

std::vector<std::pair<std::string, std::string>> parse_map(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> columns;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    const auto entry = text.substr(at, end - at);
    const auto equals = entry.find('=');
    if (equals == entry.npos) refuse(shown(entry) + " has no '='", std::string(expected_form));
    columns.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
    at = end + 1;
  }
  check_map(columns);
  return columns;
}

}  // namespace pannier::data
