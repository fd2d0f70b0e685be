#include "pannier/data/event.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "data/field_text.hpp"
#include "pannier/core/time.hpp"

namespace pannier::data {
namespace {

constexpr std::array<std::string_view, event_kind_limit> kind_names = {
    "",          "view_item",      "add_to_cart",      "remove_from_cart", "purchase",   "refund", "search", "view_item_list", "select_item",
    "dwell",     "add_to_wishlist", "begin_checkout",  "view_promotion",   "select_promotion", "view_cart", "rate", "share"};

/// Bytes to hash, on the stack: a long text goes in as its own hash, so that the room is bounded.
class HashedBytes {
 public:
  template <class Number>
  void put(Number number) noexcept {
    std::memcpy(bytes_.data() + size_, &number, sizeof(number));
    size_ += sizeof(number);
  }
  void put(double number) noexcept {
    if (number == 0) number = 0;  // One zero.
    put(number == number ? std::bit_cast<std::uint64_t>(number) : ~std::uint64_t{0});  // One NaN.
  }
  void put(std::string_view text) noexcept {
    put(static_cast<std::uint64_t>(text.size()));
    if (text.size() > longest_verbatim) {
      const auto hash = hash128(std::as_bytes(std::span(text)));
      put(hash.high);
      put(hash.low);
    } else if (!text.empty()) {
      std::memcpy(bytes_.data() + size_, text.data(), text.size());
      size_ += text.size();
    }
  }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return std::span(bytes_).first(size_); }

 private:
  static constexpr std::size_t longest_verbatim = 64;
  static constexpr std::size_t texts = 5, numbers = 5;
  std::array<std::byte, texts * (8 + longest_verbatim) + numbers * 8> bytes_;
  std::size_t size_ = 0;
};

// Given and derived ids are hashed apart, so that no text can pose as a derived id.
constexpr std::uint64_t given_seed = 0x6576656E74206964, derived_seed = 0x6576656E74206F66;

[[noreturn]] void refuse(std::string_view where, std::string_view field, const std::string& problem,
                         const std::string& allowed) {
  throw Error(ErrorCode::invalid_argument, std::string(where) + (where.empty() ? "" : ".") + std::string(field), problem, allowed);
}

}  // namespace

std::string_view name(EventKind kind) noexcept {
  const auto number = static_cast<std::size_t>(kind);
  return number < event_kind_limit ? kind_names[number] : std::string_view{};
}

std::optional<EventKind> event_kind(std::string_view name) noexcept {
  for (std::size_t number = 1; number < event_kind_limit; ++number)
    if (kind_names[number] == name) return static_cast<EventKind>(number);
  return std::nullopt;
}

std::span<const std::string_view> event_kind_names() noexcept { return std::span(kind_names).subspan(1); }

void require_valid(const Event& event, std::string_view where) {
  if (name(event.kind).empty())
    refuse(where, "kind", std::to_string(static_cast<int>(event.kind)) + " is no kind of event",
           "a number from 1 to " + std::to_string(event_kind_limit - 1));
  if (event.time_us < earliest_time_us || event.time_us > latest_time_us)
    refuse(where, "time", std::to_string(event.time_us) + " microseconds lie outside the years of events",
           format_time(earliest_time_us) + " to " + format_time(latest_time_us));
  if (event.item.empty() && event.kind != EventKind::search) refuse(where, "item", "is empty", "an item id");
  if (!person_name(event) && event.order.empty())
    refuse(where, "user", "none of user, visitor, session and order is given", "at least one of them");

  const bool moves_units = event.kind == EventKind::purchase || event.kind == EventKind::refund;
  if (!(event.quantity >= 0 && event.quantity <= largest_quantity) || (moves_units && event.quantity == 0))
    refuse(where, "quantity", std::to_string(event.quantity), moves_units ? "above 0, at most 1e9" : "0 to 1e9");
  if (!std::isnan(event.price) && !(event.price >= 0 && event.price <= largest_price))
    refuse(where, "price", std::to_string(event.price), "0 to 1e12, or NaN where unknown");
  if (!std::isnan(event.value) && !(std::abs(event.value) <= largest_price))
    refuse(where, "value", std::to_string(event.value), "-1e12 to 1e12, or NaN where unknown");
  if (event.position < -1) refuse(where, "position", std::to_string(event.position), "0 or more, or -1 where unknown");
  if (event.dwell_ms < -1) refuse(where, "dwell_ms", std::to_string(event.dwell_ms), "0 or more, or -1 where unknown");
  if (event.slot < -1) refuse(where, "slot", std::to_string(event.slot), "0 or more, or -1 where unknown");
  if (event.consent > Consent::all)
    refuse(where, "consent", std::to_string(static_cast<int>(event.consent)), "a number from 0 to 4");

  const std::pair<std::string_view, std::string_view> texts[] = {
      {"id", event.id},           {"user", event.user},           {"visitor", event.visitor},   {"session", event.session},
      {"order", event.order},     {"item", event.item},           {"item_name", event.item_name}, {"currency", event.currency},
      {"query", event.query},     {"page", event.page},           {"device", event.device},     {"country", event.country},
      {"channel", event.channel}, {"request_id", event.request_id}};
  for (const auto& [field, text] : texts)
    if (const auto flaw = text_flaw(text, longest_text); flaw != TextFlaw::none)
      refuse(where, field, flaw_in_words(flaw, text), flaw_allowed(flaw, longest_text));
}

std::optional<PersonName> person_name(const Event& event) noexcept {
  if (!event.user.empty()) return PersonName{PersonSort::user, event.user};
  if (!event.visitor.empty()) return PersonName{PersonSort::visitor, event.visitor};
  if (!event.session.empty()) return PersonName{PersonSort::session, event.session};
  return std::nullopt;
}

std::optional<UserKey> person_key(const Event& event) noexcept {
  const auto person = person_name(event);
  return person ? std::optional(user_key(person->sort, person->id)) : std::nullopt;
}

UserKey event_id(const Event& event, std::uint64_t ordinal) noexcept {
  if (!event.id.empty()) return hash128(std::as_bytes(std::span(event.id)), given_seed);
  HashedBytes bytes;
  bytes.put(event.time_us);
  bytes.put(static_cast<std::uint8_t>(event.kind));
  for (const auto text : {event.user, event.visitor, event.session, event.order, event.item}) bytes.put(text);
  bytes.put(event.quantity);
  bytes.put(event.price);
  bytes.put(ordinal);
  return hash128(bytes.bytes(), derived_seed);
}

bool is_currency_code(std::string_view text) noexcept {
  return text.size() == 3 && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_utf8(std::string_view text) noexcept { return first_invalid_utf8(text) == std::string_view::npos; }

}  // namespace pannier::data
