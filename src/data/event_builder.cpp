#include "data/event_builder.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "data/field_text.hpp"
#include "data/log_currency.hpp"
#include "pannier/core/config.hpp"
#include "pannier/core/time.hpp"

namespace pannier::data {
namespace {

constexpr std::array<std::string_view, 5> consent_names = {"unknown", "none", "essential", "personalization", "all"};

/// Words of other logs for kinds, beside those that are near by their letters.
constexpr std::array<std::pair<std::string_view, EventKind>, 18> other_words = {{
    {"view", EventKind::view_item},          {"click", EventKind::view_item},         {"detail", EventKind::view_item},
    {"product_view", EventKind::view_item},  {"pageview", EventKind::view_item},      {"cart", EventKind::add_to_cart},
    {"addtocart", EventKind::add_to_cart},   {"add", EventKind::add_to_cart},         {"basket", EventKind::add_to_cart},
    {"buy", EventKind::purchase},            {"order", EventKind::purchase},          {"transaction", EventKind::purchase},
    {"sale", EventKind::purchase},           {"checkout", EventKind::begin_checkout}, {"return", EventKind::refund},
    {"wishlist", EventKind::add_to_wishlist}, {"fav", EventKind::add_to_wishlist},    {"rating", EventKind::rate},
}};

std::string_view text_of(const EventTexts& texts, EventField field) { return texts[static_cast<std::size_t>(field)]; }

/// A date whose numbers stand with the year last, as 31/12/2010 9:05: its ISO text with the first number as the day or as the month, "" where it is none.
std::string iso_of_numbers(std::string_view text, bool day_first) {
  const auto digits = [&text](std::size_t most) {
    std::size_t size = 0;
    while (size < text.size() && size < most && text[size] >= '0' && text[size] <= '9') ++size;
    const auto found = text.substr(0, size);
    text.remove_prefix(size);
    return found;
  };
  const auto first = digits(2);
  if (first.empty() || text.empty() || std::string_view("/.-").find(text[0]) == std::string_view::npos) return {};
  const char mark = text[0];
  text.remove_prefix(1);
  const auto second = digits(2);
  if (second.empty() || text.empty() || text[0] != mark) return {};
  text.remove_prefix(1);
  const auto year = digits(4);
  if (year.size() != 4) return {};
  const auto two = [](std::string_view number) { return (number.size() == 1 ? "0" : "") + std::string(number); };
  auto out = std::string(year) + '-' + two(day_first ? second : first) + '-' + two(day_first ? first : second);
  if (text.empty()) return out;
  if (text[0] != ' ' && text[0] != 'T') return {};
  text.remove_prefix(1);
  const auto hour = digits(2);
  return hour.empty() ? std::string() : out + 'T' + two(hour) + std::string(text);
}

std::int64_t us_per(TimeUnit unit) {
  return unit == TimeUnit::seconds ? us_per_second : unit == TimeUnit::milliseconds ? 1000 : 1;
}

/// For a number that is out of range in its unit: the unit in which it would be a time of a shop.
std::string near_unit(std::string_view text) {
  const auto number = parse_number(text);
  const auto unit = number ? likely_time_unit(*number) : std::string_view{};
  return unit.empty() ? std::string() : " (is --time-unit " + std::string(unit) + " meant?)";
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

}  // namespace

std::string_view near_kind(std::string_view word, bool other_logs) {
  std::string small(word);
  for (auto& c : small) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (other_logs)
    for (const auto& [other, kind] : other_words)
      if (other == small) return name(kind);
  return nearest_name(small, event_kind_names());
}

std::string_view likely_time_unit(double number) noexcept {
  for (const auto& [name, scale] : {std::pair{std::string_view("s"), 1e6}, std::pair{std::string_view("ms"), 1e3}, std::pair{std::string_view("us"), 1.0}})
    if (number * scale >= static_cast<double>(first_likely_time_us) && number * scale < static_cast<double>(end_of_likely_times_us)) return name;
  return {};
}

EventBuilder::EventBuilder(const ImportOptions& options)
    : constant_kind_(options.constant_kind),
      kinds_(options.kinds),
      refund_prefixes_(options.refund_prefixes),
      time_unit_(options.time_unit),
      utc_offset_us_(options.utc_offset_us) {
  check_map(options.columns);
  if (!options.preset.empty()) {
    preset_ = find_preset(options.preset);
    if (preset_ == nullptr)
      throw Error(ErrorCode::invalid_argument, "preset", shown(options.preset) + " is no preset" + proposal(options.preset, preset_names()), listed(preset_names()));
    if (time_unit_ == TimeUnit::automatic_text) time_unit_ = preset_->time_unit;
  }
  for (auto entry = kinds_.begin(); entry != kinds_.end(); ++entry) {
    if (entry->first.empty() || name(entry->second).empty())
      throw Error(ErrorCode::invalid_argument, "kinds", shown(entry->first) + " stands for no kind of event", "a word and one of " + listed(event_kind_names()));
    if (std::any_of(kinds_.begin(), entry, [&](const auto& earlier) { return earlier.first == entry->first; }))
      throw Error(ErrorCode::invalid_argument, "kinds", shown(entry->first) + " is given twice", "each word once");
  }
  if (preset_ != nullptr)
    for (const auto& [word, kind] : preset_->kinds) kinds_.emplace_back(word, kind);  // Behind the user's: the first of a word counts.
  if (std::any_of(refund_prefixes_.begin(), refund_prefixes_.end(), [](const auto& prefix) { return prefix.empty(); }))
    throw Error(ErrorCode::invalid_argument, "refund_prefix", "is empty: every order begins with it", "the first letters of a cancelling order");
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

std::string_view likely_date_order(std::string_view text) {
  const bool day = parse_time(iso_of_numbers(text, true)).has_value(), month = parse_time(iso_of_numbers(text, false)).has_value();
  return day ? (month ? "dmy or mdy" : "dmy") : month ? "mdy" : "";
}

std::optional<EventFault> EventBuilder::read_time(std::string_view text, std::uint64_t line, std::int64_t& time_us) const {
  if (time_unit_ == TimeUnit::none) {
    time_us = static_cast<std::int64_t>(line);
    return std::nullopt;
  }
  const auto fault = [](Cause cause) { return EventFault{cause, EventField::time}; };
  if (text.empty()) return fault(Cause::missing_time);
  if (time_unit_ == TimeUnit::automatic_text) {
    constexpr std::string_view utc = " UTC";  // As BigQuery writes it.
    const auto time = text.ends_with(utc) ? parse_time(text.substr(0, text.size() - utc.size()), 0) : parse_time(text, utc_offset_us_);
    if (!time) return fault(Cause::bad_time);
    time_us = *time;
  } else if (time_unit_ == TimeUnit::day_first || time_unit_ == TimeUnit::month_first) {
    const auto time = parse_time(iso_of_numbers(text, time_unit_ == TimeUnit::day_first), utc_offset_us_);
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

std::optional<EventKind> EventBuilder::read_kind(std::string_view word) const noexcept {
  for (const auto& [known, kind] : kinds_)
    if (known == word) return kind;
  if (preset_ != nullptr && preset_->closed) return std::nullopt;
  return event_kind(word);
}

std::optional<EventFault> EventBuilder::build(const EventTexts& texts, std::uint64_t line, Event& event, EventFacts& facts) const {
  const auto text = [&](EventField field) { return text_of(texts, field); };
  const auto fault = [](Cause cause, EventField field) { return std::optional(EventFault{cause, field}); };
  using enum EventField;

  event.user = text(user);
  event.visitor = text(visitor);
  event.session = text(session);
  event.order = text(order);
  const bool known_person = person_name(event).has_value();
  const bool cancels = std::any_of(refund_prefixes_.begin(), refund_prefixes_.end(), [&](const auto& prefix) { return event.order.starts_with(prefix); });
  const auto units = text(quantity).empty() ? 1.0 : parse_number(text(quantity));
  const auto amount = text(price).empty() ? std::nullopt : parse_number(text(price));
  const auto known_kind = constant_kind_ ? constant_kind_ : read_kind(text(kind));
  facts = {.cancellation = cancels && (known_kind == EventKind::purchase || known_kind == EventKind::refund),
           .negative_quantity = units && *units < 0,
           .negative_price = amount && *amount < 0,
           .zero_price = amount && *amount == 0,
           .without_person = !known_person};

  event.id = text(event_id);
  if (!known_kind && !text(kind).empty() && preset_ != nullptr && preset_->closed) return fault(Cause::not_a_shop_event, kind);
  if (const auto bad = read_time(text(time), line, event.time_us)) return bad;
  if (!known_kind) return fault(text(kind).empty() ? Cause::missing_kind : Cause::unknown_kind, kind);
  event.kind = *known_kind;
  event.item = text(item);
  if (event.item.empty() && event.kind != EventKind::search) return fault(Cause::missing_item, item);
  if (!known_person && event.order.empty()) return fault(Cause::missing_person, user);

  if (!units || !(std::abs(*units) <= largest_quantity)) return fault(Cause::bad_quantity, quantity);
  const bool moves_units = event.kind == EventKind::purchase || event.kind == EventKind::refund;
  if (*units == 0 && moves_units) return fault(Cause::zero_quantity, quantity);
  if (*units < 0) {
    if (!moves_units) return fault(Cause::negative_quantity, quantity);
    if (!known_person && !cancels) return fault(Cause::stock_correction, quantity);
  }
  if (moves_units && (*units < 0 || cancels)) event.kind = EventKind::refund;
  event.quantity = std::abs(*units);
  event.price = std::numeric_limits<double>::quiet_NaN();
  if (!text(price).empty()) {
    if (!amount || !(std::abs(*amount) <= largest_price)) return fault(Cause::bad_price, price);
    if (*amount < 0) return fault(Cause::negative_price, price);
    event.price = std::abs(*amount);
  }
  event.value = std::numeric_limits<double>::quiet_NaN();
  if (!text(EventField::value).empty()) {
    const auto worth = parse_number(text(EventField::value));
    if (!worth || !(std::abs(*worth) <= largest_price)) return fault(Cause::bad_value, EventField::value);
    event.value = *worth;
  }
  event.currency = capital_code(text(currency));
  if (!event.currency.empty() && !is_currency_code(event.currency)) return fault(Cause::bad_currency, currency);
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
      if (fault.cause == Cause::time_out_of_range) problem += " lies outside the years 1970 to 2199" + near_unit(value);
      const auto unit = time_unit_ == TimeUnit::seconds ? "seconds" : time_unit_ == TimeUnit::milliseconds ? "milliseconds" : "microseconds";
      const bool number = parse_number(value).has_value();
      const auto order = likely_date_order(value);
      allowed = time_unit_ == TimeUnit::day_first     ? "a date with the day first such as 31/12/2010 or 31.12.2010 14:05"
                : time_unit_ == TimeUnit::month_first ? "a date with the month first such as 12/31/2010 or 12/31/2010 14:05"
                : time_unit_ != TimeUnit::automatic_text
                    ? std::string("a number of ") + unit + " since 1970" +
                          (fault.cause == Cause::bad_time ? "; for dates leave --time-unit out" : "; see --time-unit s, ms or us")
                    : std::string("a time of the years 1970 to 2199 such as 2024-05-01T10:00:00Z or 2024-05-01 10:00") +
                          (number           ? "; numbers need --time-unit s, ms or us"
                           : !order.empty() ? "; dates with the year last need --time-unit " + std::string(order)
                                            : std::string());
      break;
    }
    case Cause::missing_kind:
    case Cause::unknown_kind:
      if (const auto near = near_kind(value, true); fault.cause == Cause::unknown_kind)
        problem += " is no kind of event" + (near.empty() ? std::string() : " (did you mean " + std::string(near) + "?)");
      allowed = "one of " + listed(event_kind_names()) + (fault.cause == Cause::unknown_kind ? ", or --kinds WORD=KIND" : "");
      break;
    case Cause::not_a_shop_event:
      problem += " is no event of a shop";
      allowed = "a kind of the preset, or --kinds WORD=KIND; it is left out";
      break;
    case Cause::order_without_items:
      problem = "an order names no items";
      allowed = "an array of the order's items; it is left out";
      break;
    case Cause::dropped_item:
      problem += " is one of the items to drop";
      allowed = "an item that --drop-items does not name";
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
      allowed = "a user, visitor or session for a refund, or an order with the prefix of --refund-prefix";
      break;
    case Cause::bad_price: allowed = "a number from 0 to 1e12 such as 12.50, or nothing where unknown"; break;
    case Cause::negative_price: allowed = "0 or more: a refund says so by its quantity or kind"; break;
    case Cause::bad_value: allowed = "a number within 1e12 either way, or nothing where unknown"; break;
    case Cause::bad_currency: allowed = "an ISO 4217 code of three letters such as EUR"; break;
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
