#include "store/people_row.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <string>

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
  const bool user = !event.user.empty() && sort != PersonSort::user;
  const bool visitor = !event.visitor.empty() && sort != PersonSort::visitor;
  const bool session = !event.session.empty() && sort != PersonSort::session;
  std::uint32_t mask = 0;
  const auto mark = [&](Field field, bool present) { mask |= present ? field : 0u; };
  mark(has_id, !event.id.empty());
  mark(has_user, user);
  mark(has_visitor, visitor);
  mark(has_session, session);
  mark(has_order, !event.order.empty());
  mark(has_item, !event.item.empty());
  mark(has_item_name, !event.item_name.empty());
  mark(has_currency, !event.currency.empty());
  mark(has_value, !std::isnan(event.value));
  mark(has_position, event.position >= 0);
  mark(has_dwell, event.dwell_ms >= 0);
  mark(has_query, !event.query.empty());
  mark(has_page, !event.page.empty());
  mark(has_device, !event.device.empty());
  mark(has_country, !event.country.empty());
  mark(has_channel, !event.channel.empty());
  mark(has_consent, event.consent != data::Consent::unknown);
  mark(has_request_id, !event.request_id.empty());
  mark(has_slot, event.slot >= 0);

  out.put(mask);
  out.put(event.item.empty() ? std::uint64_t{0} : value(item_key(event.item)));
  out.put(event.quantity);
  out.put(event.price);
  const auto text = [&](Field field, std::string_view bytes) {
    if ((mask & field) != 0) out.put_text(bytes);
  };
  const auto number = [&](Field field, auto plain) {
    if ((mask & field) != 0) out.put(plain);
  };
  text(has_id, event.id);
  text(has_user, event.user);
  text(has_visitor, event.visitor);
  text(has_session, event.session);
  text(has_order, event.order);
  text(has_item, event.item);
  text(has_item_name, event.item_name);
  text(has_currency, event.currency);
  number(has_value, event.value);
  number(has_position, event.position);
  number(has_dwell, event.dwell_ms);
  text(has_query, event.query);
  text(has_page, event.page);
  text(has_device, event.device);
  text(has_country, event.country);
  text(has_channel, event.channel);
  number(has_consent, static_cast<std::uint8_t>(event.consent));
  text(has_request_id, event.request_id);
  number(has_slot, event.slot);
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
  const auto text = [&](Field field, std::string_view& out) {
    if ((mask & field) != 0) out = reader.get_text();
  };
  const auto number = [&]<class T>(Field field, T& out) {
    if ((mask & field) != 0) out = reader.get<T>();
  };
  text(has_id, event.id);
  text(has_user, event.user);
  text(has_visitor, event.visitor);
  text(has_session, event.session);
  text(has_order, event.order);
  text(has_item, event.item);
  text(has_item_name, event.item_name);
  text(has_currency, event.currency);
  number(has_value, event.value);
  number(has_position, event.position);
  number(has_dwell, event.dwell_ms);
  text(has_query, event.query);
  text(has_page, event.page);
  text(has_device, event.device);
  text(has_country, event.country);
  text(has_channel, event.channel);
  auto consent = static_cast<std::uint8_t>(data::Consent::unknown);
  number(has_consent, consent);
  if (consent > static_cast<std::uint8_t>(data::Consent::all)) reader.fail("no consent: " + std::to_string(consent));
  event.consent = static_cast<data::Consent>(consent);
  text(has_request_id, event.request_id);
  number(has_slot, event.slot);
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
