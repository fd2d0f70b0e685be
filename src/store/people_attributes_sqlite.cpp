#include "store/people_attributes_sqlite.hpp"

#include <array>
#include <string_view>

#include "pannier/core/error.hpp"

namespace pannier::store {
namespace {

// Statements are known by their address, so each stands once.
constexpr char put_attribute[] = "INSERT INTO attributes(person, name, source, value, checksum) VALUES(?1, ?2, ?3, ?4, ?5) "
                                 "ON CONFLICT(person, name, source) DO UPDATE SET value=excluded.value, checksum=excluded.checksum "
                                 "WHERE value<>excluded.value OR checksum<>excluded.checksum";
constexpr char take_back[] = "DELETE FROM attributes WHERE person=?1 AND name=?2 AND source=?3";
constexpr char of_person[] = "SELECT a.name, a.source, a.value, a.checksum FROM people p CROSS JOIN attributes a ON a.person=p.number "
                             "WHERE p.key=?1 ORDER BY a.name, a.source";
constexpr char all_attributes[] = "SELECT name, source, value, checksum, person FROM attributes ORDER BY person, name, source";
constexpr char count_people[] = "SELECT count(DISTINCT person) FROM attributes";
constexpr char count_of_person[] = "SELECT count(*) FROM attributes WHERE person=?1";
constexpr char erase_of_person[] = "DELETE FROM attributes WHERE person=?1";

/// XXH3-64 of the value, seeded with that of the name, of the source, of the person's key.
std::int64_t checksum(const UserKey& key, std::string_view name, std::string_view source, std::string_view value) {
  const std::array<std::uint64_t, 2> halves = {key.high, key.low};
  auto sum = hash64(std::as_bytes(std::span(halves)));
  for (const auto text : {source, name, value}) sum = hash64(std::as_bytes(std::span(text)), sum);
  return static_cast<std::int64_t>(sum);
}

bool is_sound(const UserKey& key, const Statement& row) { return checksum(key, row.text(0), row.text(1), row.text(2)) == row.integer(3); }

PersonAttribute attribute(const Statement& row) { return {std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2))}; }

bool has_table(Connection& connection) { return connection.schema_version() >= attributes_schema_version; }

}  // namespace

bool put_attributes(Connection& connection, std::int64_t person, const UserKey& key, const data::Profile& profile) {
  bool changed = false;
  const std::string_view source = profile.source;
  for (const auto& [name, value] : profile.attributes) {
    auto& statement = connection.statement(value.empty() ? take_back : put_attribute);
    statement.bind(1, person).bind(2, std::string_view(name)).bind(3, source);
    if (!value.empty()) statement.bind(4, std::string_view(value)).bind(5, checksum(key, name, source, value));
    statement.run();
    changed = connection.changes() > 0 || changed;
  }
  return changed;
}

std::vector<PersonAttribute> read_attributes(Connection& connection, const UserKey& key, std::uint64_t& damaged) {
  std::vector<PersonAttribute> out;
  if (!has_table(connection)) return out;
  auto& rows = connection.statement(of_person).bind(1, key);
  const Running running(rows);
  while (rows.step()) {
    if (is_sound(key, rows)) out.push_back(attribute(rows));
    else ++damaged;
  }
  return out;
}

std::uint64_t count_people_with_attributes(Connection& connection) {
  if (!has_table(connection)) return 0;
  auto& statement = connection.statement(count_people);
  const Running running(statement);
  return statement.step() ? static_cast<std::uint64_t>(statement.integer(0)) : 0;
}

std::uint64_t count_attributes(Connection& connection, std::int64_t person) {
  if (!has_table(connection)) return 0;
  auto& statement = connection.statement(count_of_person).bind(1, person);
  const Running running(statement);
  return statement.step() ? static_cast<std::uint64_t>(statement.integer(0)) : 0;
}

void erase_attributes(Connection& connection, std::int64_t person) { connection.statement(erase_of_person).bind(1, person).run(); }

void verify_attributes(Connection& connection, std::span<const KnownPerson> known, const std::function<void(std::string)>& found) {
  if (!has_table(connection)) return;
  auto& rows = connection.statement(all_attributes);
  const Running running(rows);
  auto person = known.begin();
  while (rows.step()) {
    const auto number = rows.integer(4);
    const auto row = attribute(rows);
    const auto place = connection.where() + ": attribute '" + row.name + "' of person " + std::to_string(number) + " from '" + row.source + "'";
    while (person != known.end() && person->number < number) ++person;
    if (person == known.end() || person->number != number || number <= 0) {
      found(place + ": belongs to person " + std::to_string(number) + ", who is not there");
      continue;
    }
    if (person->sort != static_cast<std::int64_t>(PersonSort::user)) {
      found(place + ": belongs to person " + std::to_string(number) + ", who is no user");
      continue;
    }
    if (!is_sound(person->key, rows)) {
      found(place + ": does not match its checksum");
      continue;
    }
    try {
      require_valid(data::Profile{.user = "u", .source = row.source, .attributes = {{row.name, row.value}}}, place);
      if (row.value.empty()) found(place + ": holds nothing");
    } catch (const Error& error) {
      found(error.what());
    }
  }
}

}  // namespace pannier::store
