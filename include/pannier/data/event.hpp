/// The canonical event: what happened, to which item, by whom, when. Kinds and fields follow GA4's e-commerce events.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "pannier/core/error.hpp"
#include "pannier/core/ids.hpp"

namespace pannier::data {

/// Numbers are stable: they are stored.
enum class EventKind : std::uint8_t {
  view_item = 1, add_to_cart = 2, remove_from_cart = 3, purchase = 4, refund = 5, search = 6, view_item_list = 7,
  select_item = 8, dwell = 9, add_to_wishlist = 10, begin_checkout = 11, view_promotion = 12, select_promotion = 13,
  view_cart = 14, rate = 15, share = 16,
};
inline constexpr std::size_t event_kind_limit = 17;  ///< One more than the largest number.

[[nodiscard]] std::string_view name(EventKind kind) noexcept;
[[nodiscard]] std::optional<EventKind> event_kind(std::string_view name) noexcept;
/// Every kind's name, in order of numbers.
[[nodiscard]] std::span<const std::string_view> event_kind_names() noexcept;

/// What a person allowed. Reserved: stored now, acted on by serving later.
enum class Consent : std::uint8_t { unknown = 0, none = 1, essential = 2, personalization = 3, all = 4 };

/// One event about at most one item; an order of several items is several events with one `order`. Texts are borrowed.
/// Absent texts are empty, absent numbers NaN (position, dwell_ms, slot: -1).
struct Event {
  std::string_view id;              ///< Empty: derived, see event_id().
  std::int64_t time_us = 0;         ///< UTC microseconds in [earliest_time_us, latest_time_us].
  EventKind kind = EventKind::view_item;
  std::string_view user, visitor, session, order;
  std::string_view item, item_name;
  double quantity = 1;              ///< Units; above 0 for a purchase and a refund (which says so by its kind), else not negative; at most largest_quantity.
  double price = std::numeric_limits<double>::quiet_NaN();   ///< Per unit, in the log's one currency; not negative, at most largest_price.
  std::string_view currency;        ///< ISO 4217, or empty.
  double value = std::numeric_limits<double>::quiet_NaN();   ///< Of the whole event (a rating, a basket's worth); at most largest_price either way.
  std::int32_t position = -1;       ///< Place in a list, from 0.
  std::int64_t dwell_ms = -1;
  std::string_view query, page, device, country, channel;
  Consent consent = Consent::unknown;
  std::string_view request_id;      ///< The recommendation that led here.
  std::int32_t slot = -1;           ///< And its slot.
};

/// Longest text of one field in bytes; longer is refused.
inline constexpr std::size_t longest_text = 4096;
inline constexpr double largest_quantity = 1e9;
inline constexpr double largest_price = 1e12;

/// Refuses what no store may hold: no item (except search), none of user, visitor, session and order, a time, quantity,
/// price, value, count or text out of range, invalid UTF-8, a NUL byte. Errors: invalid_argument, `where` + field.
void require_valid(const Event& event, std::string_view where);

/// The person: the user, else the visitor, else the session, with the sort in the hash; empty when none is given.
[[nodiscard]] std::optional<UserKey> person_key(const Event& event) noexcept;
/// The text and sort behind person_key().
struct PersonName { PersonSort sort; std::string_view id; };
[[nodiscard]] std::optional<PersonName> person_name(const Event& event) noexcept;

/// The 128-bit id by which an event counts once: the hash of the given id, or, where none is given, of time, kind, user,
/// visitor, session, order, item, quantity and price and nothing else, plus `ordinal`, its number among equal lines of its file.
[[nodiscard]] UserKey event_id(const Event& event, std::uint64_t ordinal) noexcept;

/// True for what has the form of an ISO 4217 code: three capital letters.
[[nodiscard]] bool is_currency_code(std::string_view text) noexcept;

/// True for well-formed UTF-8 (no overlong forms, surrogates or code points above U+10FFFF).
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;

}  // namespace pannier::data
