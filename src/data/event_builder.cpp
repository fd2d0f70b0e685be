#include "data/event_builder.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "data/field_text.hpp"
#include "pannier/core/time.hpp"

namespace pannier::data {
namespace {

constexpr std::array<std::string_view, 5> consent_names = {"unknown", "none", "essential", "personalization", "all"};

std::string_view text_of(const EventTexts& texts, EventField field) { return texts[static_cast<std::size_t>(field)]; }

std::int64_t us_per(TimeUnit unit) {
  return unit == TimeUnit::seconds ? us_per_second : unit == TimeUnit::milliseconds ? 1000 : 1;
}

/// A whole number from 0 to the largest of its type; an empty text leaves it.
template <class Number>
bool read_count(std::string_view text, Number& number) {
  if (text.empty()) return true;
  const auto read = parse_integer(text);
  if (!read || *read < 0 || *read > static_cast<std::int64_t>(std::numeric_limits<Number>::max())) return false;
  number = static_cast<Number>(*read);
  return true;
}

bool is_currency(std::string_view text) {
  return text.size() == 3 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

EventBuilder::EventBuilder(const ImportOptions& options)
    : constant_kind_(options.constant_kind), time_unit_(options.time_unit), utc_offset_us_(options.utc_offset_us) {
  check_map(options.columns);
  if (utc_offset_us_ < -us_per_day || utc_offset_us_ > us_per_day)
    throw Error(ErrorCode::invalid_argument, "utc_offset", std::to_string(utc_offset_us_) + " microseconds", "at most a day either way");
  if (constant_kind_) {
    if (name(*constant_kind_).empty())
      throw Error(ErrorCode::invalid_argument, "kind", std::to_string(static_cast<int>(*constant_kind_)) + " is no kind of event",
                  "one of " + listed(event_kind_names()));
    for (const auto& [field, column] : options.columns)
      if (field == name(EventField::kind))
        throw Error(ErrorCode::invalid_argument, "kind", "a constant kind is given beside the column " + shown(column) + " for kinds",
                    "one of the two");
  }
}

std::optional<EventFault> EventBuilder::read_time(std::string_view text, std::int64_t& time_us) const noexcept {
  const auto fault = [](Cause cause) { return EventFault{cause, EventField::time}; };
  if (text.empty()) return fault(Cause::missing_time);
  if (time_unit_ == TimeUnit::automatic_text) {
    const auto time = parse_time(text, utc_offset_us_);
    if (!time) return fault(Cause::bad_time);
    time_us = *time;
  } else if (const auto whole = parse_integer(text)) {
    const auto scale = us_per(time_unit_);
    if (*whole < 0 || *whole > latest_time_us / scale) return fault(Cause::time_out_of_range);
    time_us = *whole * scale;
  } else {
    const auto number = parse_number(text);
    if (!number) return fault(Cause::bad_time);
    const auto scaled = *number * static_cast<double>(us_per(time_unit_));
    if (!(scaled >= 0 && scaled <= static_cast<double>(latest_time_us))) return fault(Cause::time_out_of_range);
    time_us = static_cast<std::int64_t>(std::floor(scaled + 0.5));
  }
  if (time_us < earliest_time_us || time_us > latest_time_us) return fault(Cause::time_out_of_range);
  return std::nullopt;
}

std::optional<EventFault> EventBuilder::build(const EventTexts& texts, Event& event) const noexcept {
  const auto text = [&](EventField field) { return text_of(texts, field); };
  const auto fault = [](Cause cause, EventField field) { return std::optional(EventFault{cause, field}); };
  using enum EventField;

  event.id = text(event_id);
  if (const auto bad = read_time(text(time), event.time_us)) return bad;
  if (constant_kind_) {
    event.kind = *constant_kind_;
  } else {
    if (text(kind).empty()) return fault(Cause::missing_kind, kind);
    const auto known = event_kind(text(kind));
    if (!known) return fault(Cause::unknown_kind, kind);
    event.kind = *known;
  }
  event.item = text(item);
  if (event.item.empty() && event.kind != EventKind::search) return fault(Cause::missing_item, item);
  event.user = text(user);
  event.visitor = text(visitor);
  event.session = text(session);
  event.order = text(order);
  const bool known_person = person_name(event).has_value();
  if (!known_person && event.order.empty()) return fault(Cause::missing_person, user);

  event.quantity = 1;
  if (!text(quantity).empty()) {
    const auto units = parse_number(text(quantity));
    if (!units || !(std::abs(*units) <= largest_quantity)) return fault(Cause::bad_quantity, quantity);
    const bool moves_units = event.kind == EventKind::purchase || event.kind == EventKind::refund;
    if (*units == 0 && moves_units) return fault(Cause::zero_quantity, quantity);
    if (*units < 0) {
      if (!moves_units) return fault(Cause::negative_quantity, quantity);
      if (!known_person) return fault(Cause::stock_correction, quantity);
      event.kind = EventKind::refund;
    }
    event.quantity = std::abs(*units);
  }
  event.price = std::numeric_limits<double>::quiet_NaN();
  if (!text(price).empty()) {
    const auto amount = parse_number(text(price));
    if (!amount || !(std::abs(*amount) <= largest_price)) return fault(Cause::bad_price, price);
    if (*amount < 0) return fault(Cause::negative_price, price);
    event.price = std::abs(*amount);
  }
  event.value = std::numeric_limits<double>::quiet_NaN();
  if (!text(EventField::value).empty()) {
    const auto amount = parse_number(text(EventField::value));
    if (!amount || !(std::abs(*amount) <= largest_price)) return fault(Cause::bad_value, EventField::value);
    event.value = *amount;
  }
  event.currency = text(currency);
  if (!event.currency.empty() && !is_currency(event.currency)) return fault(Cause::bad_currency, currency);
  event.position = -1;
  event.dwell_ms = -1;
  event.slot = -1;
  if (!read_count(text(position), event.position)) return fault(Cause::bad_position, position);
  if (!read_count(text(dwell_ms), event.dwell_ms)) return fault(Cause::bad_dwell_ms, dwell_ms);
  if (!read_count(text(slot), event.slot)) return fault(Cause::bad_slot, slot);
  event.consent = Consent::unknown;
  if (!text(consent).empty()) {
    const auto known = std::find(consent_names.begin(), consent_names.end(), text(consent));
    if (known == consent_names.end()) return fault(Cause::bad_consent, consent);
    event.consent = static_cast<Consent>(known - consent_names.begin());
  }
  event.item_name = text(item_name);
  event.query = text(query);
  event.page = text(page);
  event.device = text(device);
  event.country = text(country);
  event.channel = text(channel);
  event.request_id = text(request_id);
  return std::nullopt;
}

Error EventBuilder::describe(const EventFault& fault, const EventTexts& texts, std::string where) const {
  const auto value = text_of(texts, fault.field);
  std::string problem = value.empty() ? "is empty" : shown(value), allowed;
  switch (fault.cause) {
    case Cause::missing_time:
    case Cause::bad_time:
    case Cause::time_out_of_range: {
      if (fault.cause == Cause::bad_time) problem += " is no time";
      if (fault.cause == Cause::time_out_of_range) problem += " lies outside the years 1970 to 2199";
      const auto unit = time_unit_ == TimeUnit::seconds ? "seconds" : time_unit_ == TimeUnit::milliseconds ? "milliseconds" : "microseconds";
      const bool number = parse_number(value).has_value();
      allowed = time_unit_ != TimeUnit::automatic_text
                    ? std::string("a number of ") + unit + " since 1970" +
                          (fault.cause == Cause::bad_time ? "; for dates leave --time-unit out" : "; see --time-unit s, ms or us")
                    : std::string("a time of the years 1970 to 2199 such as 2024-05-01T10:00:00Z or 2024-05-01 10:00") +
                          (number ? "; numbers need --time-unit s, ms or us" : "");
      break;
    }
    case Cause::missing_kind:
    case Cause::unknown_kind:
      if (fault.cause == Cause::unknown_kind) problem += " is no kind of event" + proposal(value, event_kind_names());
      allowed = "one of " + listed(event_kind_names());
      break;
    case Cause::missing_item: allowed = "an item id (only a search may go without)"; break;
    case Cause::missing_person:
      problem = "none of user, visitor, session and order is given";
      allowed = "at least one of them";
      break;
    case Cause::bad_quantity: allowed = "a number of units, at most 1e9, or nothing for 1"; break;
    case Cause::zero_quantity: allowed = "a number of units above 0: nothing was bought"; break;
    case Cause::negative_quantity: allowed = "0 or more: only purchases and refunds are taken back"; break;
    case Cause::stock_correction:
      problem += " without a person is a correction of the stock and is left out";
      allowed = "a user, visitor or session for a refund";
      break;
    case Cause::bad_price: allowed = "a number from 0 to 1e12 such as 12.50, or nothing where unknown"; break;
    case Cause::negative_price: allowed = "0 or more: a refund says so by its quantity or kind"; break;
    case Cause::bad_value: allowed = "a number within 1e12 either way, or nothing where unknown"; break;
    case Cause::bad_currency: allowed = "an ISO 4217 code of three capital letters such as EUR"; break;
    case Cause::bad_position:
    case Cause::bad_slot: allowed = "a whole number from 0 to 2147483647, or nothing where unknown"; break;
    case Cause::bad_dwell_ms: allowed = "a whole number of milliseconds, 0 or more, or nothing where unknown"; break;
    case Cause::bad_consent:
      problem += proposal(value, consent_names);
      allowed = "one of " + listed(consent_names);
      break;
    case Cause::text_too_long:
    case Cause::invalid_utf8:
    case Cause::nul_byte: {
      const auto flaw = text_flaw(value, longest_text);
      problem = flaw_in_words(flaw, value);
      allowed = flaw_allowed(flaw, longest_text);
      break;
    }
    default: break;  // The causes of lines and of catalogues are described where they are found.
  }
  return Error(ErrorCode::malformed_input, std::move(where), std::move(problem), std::move(allowed));
}

}  // namespace pannier::data
