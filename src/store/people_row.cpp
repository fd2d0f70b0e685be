#include "store/people_row.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <type_traits>

namespace pannier::store {
namespace {

/// Fields that a payload may hold, as bits of its mask, in the order in which they follow the fixed part.
enum Field : std::uint32_t {
  has_id = 1u << 0, has_user = 1u << 1, has_visitor = 1u << 2, has_session = 1u << 3, has_order = 1u << 4,
  has_item = 1u << 5, has_item_name = 1u << 6, has_currency = 1u << 7, has_value = 1u << 8, has_position = 1u << 9,
  has_dwell = 1u << 10, has_query = 1u << 11, has_page = 1u << 12, has_device = 1u << 13, has_country = 1u << 14,
  has_channel = 1u << 15, has_consent = 1u << 16, has_request_id = 1u << 17, has_slot = 1u << 18,
};
constexpr std::uint32_t known_fields = (1u << 19) - 1;

/// Offsets inside the fixed part: mask, item key, quantity, price.
constexpr std::size_t item_at = 4, quantity_at = 12, price_at = 20, fixed_bytes = 28;

template <class T>
T number_at(std::span<const std::byte> bytes, std::size_t at) noexcept {
  T number;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

/// The one list of the fields of a payload, in the order of their bits.
template <class Event, class Visit>
void each_field(Event& event, Visit&& visit) {
  visit(has_id, event.id);
  visit(has_user, event.user);
  visit(has_visitor, event.visitor);
  visit(has_session, event.session);
  visit(has_order, event.order);
  visit(has_item, event.item);
  visit(has_item_name, event.item_name);
  visit(has_currency, event.currency);
  visit(has_value, event.value);
  visit(has_position, event.position);
  visit(has_dwell, event.dwell_ms);
  visit(has_query, event.query);
  visit(has_page, event.page);
  visit(has_device, event.device);
  visit(has_country, event.country);
  visit(has_channel, event.channel);
  visit(has_consent, event.consent);
  visit(has_request_id, event.request_id);
  visit(has_slot, event.slot);
}

bool is_known(std::string_view text) noexcept { return !text.empty(); }
bool is_known(double number) noexcept { return !std::isnan(number); }
bool is_known(std::int32_t number) noexcept { return number >= 0; }
bool is_known(std::int64_t number) noexcept { return number >= 0; }
bool is_known(data::Consent consent) noexcept { return consent != data::Consent::unknown; }

bool is_kind(std::int64_t kind) noexcept { return kind >= 1 && kind < static_cast<std::int64_t>(data::event_kind_limit); }

bool is_amount(double number) noexcept { return number >= 0 && number <= 1e12; }

}  // namespace

std::uint64_t checksum(const UserKey& person, const EventRow& row) noexcept {
  const std::array<std::uint64_t, 5> columns = {person.high, person.low, static_cast<std::uint64_t>(row.sequence),
                                                static_cast<std::uint64_t>(row.time_us), static_cast<std::uint64_t>(row.kind)};
  return hash64(row.payload, hash64(std::as_bytes(std::span(columns))));
}

std::uint64_t checksum(std::int64_t number, const UserKey& key, std::int64_t sort, std::string_view plain) {
  const std::array<std::uint64_t, 4> columns = {static_cast<std::uint64_t>(number), key.high, key.low,
                                                static_cast<std::uint64_t>(sort)};
  return hash64(std::as_bytes(std::span(plain)), hash64(std::as_bytes(std::span(columns))));
}

void write_payload(const data::Event& event, std::optional<PersonSort> sort, ByteWriter& out) {
  // The id that names the person stands in the row of the person.
  auto mask = 0u;
  if (sort == PersonSort::user) mask |= has_user;
  if (sort == PersonSort::visitor) mask |= has_visitor;
  if (sort == PersonSort::session) mask |= has_session;
  const auto elsewhere = mask;
  mask = 0;
  each_field(event, [&](Field field, const auto& content) {
    if (is_known(content) && (elsewhere & field) == 0) mask |= field;
  });

  out.put(mask);
  out.put(event.item.empty() ? std::uint64_t{0} : value(item_key(event.item)));
  out.put(event.quantity);
  out.put(event.price);
  each_field(event, [&]<class T>(Field field, const T& content) {
    if ((mask & field) == 0) return;
    if constexpr (std::is_same_v<T, std::string_view>) out.put_text(content);
    else if constexpr (std::is_same_v<T, data::Consent>) out.put(static_cast<std::uint8_t>(content));
    else out.put(content);
  });
}

std::optional<PersonEvent> read_person_event(const EventRow& row) noexcept {
  if (row.payload.size() < fixed_bytes || !is_kind(row.kind)) return std::nullopt;
  const auto quantity = number_at<double>(row.payload, quantity_at);
  const auto price = number_at<double>(row.payload, price_at);
  if (!is_amount(quantity) || !(std::isnan(price) || is_amount(price))) return std::nullopt;
  return PersonEvent{.sequence = row.sequence,
                     .time_us = row.time_us,
                     .item = ItemKey{number_at<std::uint64_t>(row.payload, item_at)},
                     .kind = static_cast<data::EventKind>(row.kind),
                     .has_item = (number_at<std::uint32_t>(row.payload, 0) & has_item) != 0,
                     .quantity = static_cast<float>(quantity),
                     .price = static_cast<float>(price)};
}

data::Event read_event(const EventRow& row, std::optional<data::PersonName> person, std::string_view where) {
  const auto place = std::string(where) + ": event " + std::to_string(row.sequence);
  ByteReader reader(row.payload, place);
  const auto mask = reader.get<std::uint32_t>();
  if ((mask & ~known_fields) != 0) reader.fail("a field this build does not know");
  if (!is_kind(row.kind)) reader.fail("a kind this build does not know: " + std::to_string(row.kind));
  (void)reader.get<std::uint64_t>();  // the item's key, which its id gives

  data::Event event;
  event.time_us = row.time_us;
  event.kind = static_cast<data::EventKind>(row.kind);
  event.quantity = reader.get<double>();
  event.price = reader.get<double>();
  each_field(event, [&]<class T>(Field field, T& content) {
    if ((mask & field) == 0) return;
    if constexpr (std::is_same_v<T, std::string_view>) {
      content = reader.get_text();
    } else if constexpr (std::is_same_v<T, data::Consent>) {
      const auto consent = reader.get<std::uint8_t>();
      if (consent > static_cast<std::uint8_t>(data::Consent::all)) reader.fail("no consent: " + std::to_string(consent));
      content = static_cast<data::Consent>(consent);
    } else {
      content = reader.get<T>();
    }
  });
  if (reader.left() != 0) reader.fail("bytes follow the last field");
  if (!is_amount(event.quantity) || !(std::isnan(event.price) || is_amount(event.price)))
    reader.fail("a quantity or price that no event may have");

  if (person) {
    switch (person->sort) {
      case PersonSort::user: event.user = person->id; break;
      case PersonSort::visitor: event.visitor = person->id; break;
      case PersonSort::session: event.session = person->id; break;
    }
  }
  return event;
}

}  // namespace pannier::store
