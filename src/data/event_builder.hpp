/// From the texts of one event to the event: the one place where fields are read and judged, whatever the file's format.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/event_fields.hpp"
#include "data/import_preset.hpp"
#include "data/line_faults.hpp"
#include "pannier/data/event.hpp"
#include "pannier/data/import_map.hpp"

namespace pannier::data {

/// What is wrong with an event, and in which field.
struct EventFault {
  Cause cause{};
  EventField field{};
};

/// What is worth saying of a line, whether it is used or not.
struct EventFacts {
  bool cancellation = false;       ///< A purchase whose order has the refund prefix.
  bool negative_quantity = false, negative_price = false, zero_price = false;
  bool without_person = false;
};

/// The kind that a word may have meant: by its letters or, of words of `other_logs`, by their meaning; or "".
[[nodiscard]] std::string_view near_kind(std::string_view word, bool other_logs);

/// A shop's log is expected to lie between these (1995 and 2040): times outside are worth a word, not an error.
inline constexpr std::int64_t first_likely_time_us = 788'918'400'000'000, end_of_likely_times_us = 2'208'988'800'000'000;
/// The unit ("s", "ms" or "us") in which a number since 1970 is such a time, or "".
[[nodiscard]] std::string_view likely_time_unit(double number) noexcept;

/// The words of --time-unit ("dmy", "mdy" or "dmy or mdy") by which a text is a date with the year last, or "".
[[nodiscard]] std::string_view likely_date_order(std::string_view text);

/// Threads: Immutable: share freely.
class EventBuilder {
 public:
  /// Errors: invalid_argument (a bad map, an offset of more than a day, a constant kind beside a mapped one, a word of `kinds` twice,
  /// an unknown preset).
  explicit EventBuilder(const ImportOptions& options);
  [[nodiscard]] const Preset* preset() const noexcept { return preset_; }

  /// Fills `event` with borrowed texts, which must be free of text_flaw(). Empty when the event is valid. `line` is the number of its
  /// line; `facts` are filled in either case.
  [[nodiscard]] std::optional<EventFault> build(const EventTexts& texts, std::uint64_t line, Event& event, EventFacts& facts) const;
  /// The fault as an error at `where`.
  [[nodiscard]] Error describe(const EventFault& fault, const EventTexts& texts, std::string where) const;

 private:
  [[nodiscard]] std::optional<EventFault> read_time(std::string_view text, std::uint64_t line, std::int64_t& time_us) const;
  [[nodiscard]] std::optional<EventKind> read_kind(std::string_view word) const noexcept;

  const Preset* preset_ = nullptr;
  std::optional<EventKind> constant_kind_;
  std::vector<std::pair<std::string, EventKind>> kinds_;
  std::vector<std::string> refund_prefixes_;
  TimeUnit time_unit_;
  std::int64_t utc_offset_us_;
};

}  // namespace pannier::data
