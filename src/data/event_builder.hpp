/// From the texts of one event to the event: the one place where fields are read and judged, whatever the file's format.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "data/event_fields.hpp"
#include "data/line_faults.hpp"
#include "pannier/data/event.hpp"
#include "pannier/data/import_map.hpp"

namespace pannier::data {

/// What is wrong with an event, and in which field.
struct EventFault {
  Cause cause{};
  EventField field{};
};

/// Threads: Immutable: share freely.
class EventBuilder {
 public:
  /// Errors: invalid_argument (a bad map, an offset of more than a day, a constant kind beside a mapped one).
  explicit EventBuilder(const ImportOptions& options);

  /// Fills `event` with borrowed texts, which must be free of text_flaw(). Empty when the event is valid.
  [[nodiscard]] std::optional<EventFault> build(const EventTexts& texts, Event& event) const noexcept;
  /// The fault as an error at `where`.
  [[nodiscard]] Error describe(const EventFault& fault, const EventTexts& texts, std::string where) const;

 private:
  [[nodiscard]] std::optional<EventFault> read_time(std::string_view text, std::int64_t& time_us) const noexcept;

  std::optional<EventKind> constant_kind_;
  TimeUnit time_unit_;
  std::int64_t utc_offset_us_;
};

}  // namespace pannier::data
