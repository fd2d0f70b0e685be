#include "store/people_appender_sqlite.hpp"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "pannier/core/error.hpp"
#include "store/people_attributes_sqlite.hpp"
#include "store/people_open.hpp"

namespace pannier::store {
namespace {

// Statements are known by their address, so each stands once.
constexpr char get_meta[] = "SELECT value, checksum FROM meta WHERE name=?1";
constexpr char set_meta[] = "INSERT INTO meta(name, value, checksum) VALUES(?1, ?2, ?3) "
                            "ON CONFLICT(name) DO UPDATE SET value=excluded.value, checksum=excluded.checksum";
constexpr char find_person[] = "SELECT number FROM people WHERE key=?1";
constexpr char add_person[] = "INSERT INTO people(number, key, sort, plain, checksum) VALUES(?1, ?2, ?3, ?4, ?5)";
constexpr char find_event[] = "SELECT 1 FROM events WHERE event_id=?1";
constexpr char find_person_event[] = "SELECT 1 FROM events WHERE person=?1 LIMIT 1";
constexpr char add_event[] = "INSERT INTO events(person, sequence, event_id, time, kind, payload, checksum) "
                             "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";

std::int64_t meta_checksum(std::string_view name, std::int64_t value) {
  return static_cast<std::int64_t>(hash64(std::as_bytes(std::span(name)), static_cast<std::uint64_t>(value)));
}

}  // namespace

void write_meta(Connection& connection, std::string_view name, std::int64_t value) {
  connection.statement(set_meta).bind(1, name).bind(2, value).bind(3, meta_checksum(name, value)).run();
}

namespace {

std::optional<std::int64_t> find_meta(Connection& connection, std::string_view name) {
  auto& statement = connection.statement(get_meta).bind(1, name);
  const Running running(statement);
  if (!statement.step()) return std::nullopt;
  const auto value = statement.integer(0);
  if (statement.integer(1) != meta_checksum(name, value) || value < 0)
    throw Error(ErrorCode::malformed_input, connection.where() + ": meta", "row '" + std::string(name) + "' does not match its checksum");
  return value;
}

constexpr std::string_view currency_name = "currency";

std::string reading_name(const UserKey& content) {
  char text[40];
  std::snprintf(text, sizeof text, "file %016llx%016llx", static_cast<unsigned long long>(content.high), static_cast<unsigned long long>(content.low));
  return text;
}

}  // namespace

std::int64_t read_meta(Connection& connection, std::string_view name) {
  const auto value = find_meta(connection, name);
  if (!value) throw Error(ErrorCode::malformed_input, connection.where() + ": meta", "has no row '" + std::string(name) + "'");
  return *value;
}

std::string read_currency(Connection& connection) {
  const auto value = find_meta(connection, currency_name);
  if (!value) return {};
  return {static_cast<char>(*value >> 16 & 0x7F), static_cast<char>(*value >> 8 & 0x7F), static_cast<char>(*value & 0x7F)};
}

void write_currency(Connection& connection, std::string_view code) {
  write_meta(connection, currency_name, std::int64_t{code[0]} << 16 | std::int64_t{code[1]} << 8 | std::int64_t{code[2]});
}

std::optional<FileReading> find_reading(Connection& connection, const UserKey& content) {
  const auto packed = find_meta(connection, reading_name(content));
  return packed ? std::optional(unpack_reading(*packed)) : std::nullopt;
}

void write_reading(Connection& connection, const UserKey& content, const FileReading& reading) {
  write_meta(connection, reading_name(content), pack(reading, connection.where()));
}

bool HashSet::insert(const UserKey& key) {
  if (key == UserKey{}) return !std::exchange(has_zero_, true);
  if (2 * (size_ + 1) > slots_.size()) grow();
  const auto mask = slots_.size() - 1;
  auto slot = static_cast<std::size_t>(key.low) & mask;
  for (; slots_[slot] != UserKey{}; slot = (slot + 1) & mask)
    if (slots_[slot] == key) return false;
  slots_[slot] = key;
  ++size_;
  return true;
}

void HashSet::grow() {
  const auto old = std::exchange(slots_, std::vector<UserKey>(std::max<std::size_t>(2 * slots_.size(), 1024)));
  size_ = 0;
  for (const auto& key : old)
    if (key != UserKey{}) (void)insert(key);
}

Appender::Appender(Connection& connection, Bulk bulk, const Limits& limits)
    : connection_(connection),
      limits_(limits),
      next_sequence_(read_meta(connection, next_sequence_name)),
      next_person_(read_meta(connection, next_person_name)) {
  if (bulk == Bulk::yes) {
    bulk_ = !connection_.once("SELECT 1 FROM events LIMIT 1").step();
    if (bulk_) connection_.execute("DROP INDEX events_by_id");
  }
}

AppendCounts Appender::append(std::span<const data::ImportedEvent> events) {
  AppendCounts counts;
  for (const auto& [event, ordinal] : events) {
    const auto id = data::event_id(event, ordinal);
    if (bulk_ && ids_.size() >= limits_.ids) end_bulk();
    if (bulk_ ? !ids_.insert(id) : is_known(id)) {
      ++counts.duplicates;
      continue;
    }
    const auto name = data::person_name(event);
    const auto person = person_of(name);
    payload_.clear();
    write_payload(event, name ? std::optional(name->sort) : std::nullopt, payload_);
    const auto payload = payload_.bytes();
    const EventRow row{.sequence = next_sequence_,
                       .time_us = event.time_us,
                       .kind = static_cast<std::int64_t>(event.kind),
                       .payload = payload};
    const Collected full{.person = person.number,
                         .sequence = row.sequence,
                         .event_id = id,
                         .time_us = row.time_us,
                         .kind = row.kind,
                         .checksum = static_cast<std::int64_t>(checksum(person.key, row)),
                         .payload_at = payloads_.size(),
                         .payload_size = payload.size()};
    if (bulk_) {
      collected_.push_back(full);
      payloads_.insert(payloads_.end(), payload.begin(), payload.end());
      if (payloads_.size() + collected_.size() * sizeof(Collected) >= limits_.collected_bytes) write_collected();
    } else {
      insert(full, payload);
    }
    ++counts.ingested;
    ++next_sequence_;
  }
  return counts;
}

ProfileCounts Appender::put(std::span<const data::Profile> profiles) {
  end_bulk();
  ProfileCounts counts;
  for (const auto& profile : profiles) {
    const auto first_free = next_person_;
    const auto person = person_of(data::PersonName{PersonSort::user, profile.user});
    const bool says_more = put_attributes(connection_, person.number, person.key, profile);
    counts.changed += person.number == first_free || says_more ? 1u : 0u;
    auto& find = connection_.statement(find_person_event).bind(1, person.number);
    const Running running(find);
    counts.with_events += find.step() ? 1u : 0u;
  }
  return counts;
}

void Appender::finish() {
  end_bulk();
  write_meta(connection_, next_sequence_name, next_sequence_);
  write_meta(connection_, next_person_name, next_person_);
}

bool Appender::is_known(const UserKey& event_id) {
  auto& find = connection_.statement(find_event).bind(1, event_id);
  const Running running(find);
  return find.step();
}

Appender::Person Appender::person_of(const std::optional<data::PersonName>& name) {
  if (!name) return {};
  Person person{.number = nobody, .key = user_key(name->sort, name->id)};
  if (const auto known = numbers_.find(person.key); known != numbers_.end()) {
    person.number = known->second;
    return person;
  }
  {
    auto& find = connection_.statement(find_person).bind(1, person.key);
    const Running running(find);
    if (find.step()) person.number = find.integer(0);
  }
  if (person.number == nobody) {
    person.number = next_person_++;
    const auto sort = static_cast<std::int64_t>(name->sort);
    auto& add = connection_.statement(add_person).bind(1, person.number).bind(2, person.key).bind(3, sort).bind(4, name->id);
    add.bind(5, static_cast<std::int64_t>(checksum(person.number, person.key, sort, name->id))).run();
  }
  if (numbers_.size() >= limits_.people) numbers_.clear();
  numbers_.emplace(person.key, person.number);
  return person;
}

void Appender::insert(const Collected& row, std::span<const std::byte> payload) {
  auto& statement = connection_.statement(add_event);
  statement.bind(1, row.person).bind(2, row.sequence).bind(3, row.event_id).bind(4, row.time_us).bind(5, row.kind);
  statement.bind(6, payload).bind(7, row.checksum).run();
}

void Appender::write_collected() {
  std::sort(collected_.begin(), collected_.end(), [](const Collected& a, const Collected& b) {
    return a.person != b.person ? a.person < b.person : a.sequence < b.sequence;
  });
  for (const auto& row : collected_) insert(row, std::span(payloads_).subspan(row.payload_at, row.payload_size));
  collected_.clear();
  payloads_.clear();
}

void Appender::end_bulk() {
  if (!std::exchange(bulk_, false)) return;
  write_collected();
  collected_ = {};
  payloads_ = {};
  ids_ = {};
  connection_.execute(std::string(event_index_schema()).c_str());
}

}  // namespace pannier::store
