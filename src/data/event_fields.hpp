/// The fields of an event as text, whatever file they came from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pannier::data {

/// In the order of event_field_names().
enum class EventField : std::uint8_t {
  event_id, time, kind, user, visitor, session, order, item, item_name, quantity, price, currency, value,
  position, dwell_ms, query, page, device, country, channel, consent, request_id, slot,
};
inline constexpr std::size_t event_field_count = 23;

/// The texts of one event by field; empty: absent.
using EventTexts = std::array<std::string_view, event_field_count>;

[[nodiscard]] std::string_view name(EventField field) noexcept;
[[nodiscard]] std::optional<EventField> event_field(std::string_view name) noexcept;

/// Refuses a map with an unknown field, a field or a column twice, or an empty side. Errors: invalid_argument.
void check_map(const std::vector<std::pair<std::string, std::string>>& columns);

}  // namespace pannier::data
