#include "support/catch.hpp"

#if PANNIER_WITH_SQLITE

#include <sqlite3.h>

#include <algorithm>
#include <set>

#include "store/people_appender_sqlite.hpp"
#include "store/small_events.hpp"
#include "store/small_shop.hpp"

namespace {

using namespace pannier;
using namespace pannier::test;
using store::PeopleStore;
using Batch = std::vector<data::ImportedEvent>;
using Mode = PeopleStore::Mode;
namespace fs = std::filesystem;

/// What anybody may do to the file behind our back.
void execute(const fs::path& file, const std::string& sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
  char* message = nullptr;
  const int code = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &message);
  const std::string said = message != nullptr ? message : "";
  sqlite3_free(message);
  sqlite3_close(database);
  INFO(sql << ": " << said);
  REQUIRE(code == SQLITE_OK);
}

bool contains(const fs::path& folder, std::string_view text) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto bytes = bytes_of(entry.path());
    const auto wanted = std::as_bytes(std::span(text));
    if (std::search(bytes.begin(), bytes.end(), wanted.begin(), wanted.end()) != bytes.end()) return true;
  }
  return false;
}

/// A store with three people, for damaging.
fs::path write_small(const fs::path& file) {
  std::mt19937_64 random(3);
  EventMaker make;
  const auto people = PeopleStore::open(file, Mode::create);
  Batch batch = {make.view("anna", "i1"), make.view("bert", "i2"), make.view("anna", "i3")};
  for (int i = 0; i < 30; ++i) batch.push_back(make.any(random, 3));
  people->append(batch);
  return file;
}

/// Reads all there is, whatever it is.
void read_everything(const PeopleStore& people) {
  (void)error_of([&] { (void)recent(people, "anna"); });
  (void)error_of([&] { (void)dump(people); });
  (void)error_of([&] { (void)people.event_count(); });
  (void)error_of([&] { (void)people.last_sequence(); });
  (void)error_of([&] { people.people([](const UserKey&, data::PersonName) { return true; }); });
}

/// What the checks and the readers make of a damaged copy: refused by name, or just as it was.
void check_damaged(const fs::path& file, const std::string& sound, const std::string& what_was_done, bool& unnoticed) {
  unnoticed = false;
  for (const auto mode : {Mode::read_only, Mode::read_write}) {
    std::shared_ptr<PeopleStore> people;
    const auto [code, message] = error_of([&] { people = PeopleStore::open(file, mode); });
    if (!people) {
      if (!message.starts_with(file.string())) FAIL(what_was_done << ": " << message);
      continue;
    }
    const auto findings = people->verify();
    for (const auto& finding : findings)
      if (!finding.starts_with(file.string())) FAIL(what_was_done << ": " << finding);
    read_everything(*people);
    if (findings.empty()) {
      unnoticed = true;
      if (dump(*people) != sound) FAIL(what_was_done << ": passed the checks and reads otherwise");
    }
  }
}

}  // namespace

TEST_CASE("people in SQLite: what was appended is there when the file is opened again", "[store][people]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "people ?#%41 ü.sqlite";  // any name, also one that an URI would read otherwise
  EventMaker make;
  {
    const auto people = PeopleStore::open(file, Mode::create);
    people->append(Batch{make.view("anna", "i1"), make.view("bert", "i2")});
  }
  CHECK(names_in(scratch.folder()) == std::set<std::string>{file.filename().string()});  // no log stays beside it
  for (const auto mode : {Mode::create, Mode::read_write}) {
    const auto people = PeopleStore::open(file, mode);
    CHECK(people->append(Batch{make.view("anna", "i1")}).duplicates == 1);
    CHECK(recent(*people, "anna").size() == 1);
  }
  const auto people = PeopleStore::open(file, Mode::read_write);
  people->append(Batch{make.view("anna", "i3")});
  CHECK(recent(*people, "anna").at(1).sequence == 3);
}

TEST_CASE("people in SQLite: two stores of one file see each other's events", "[store][people]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "people.sqlite";
  EventMaker make;
  const auto one = PeopleStore::open(file, Mode::create);
  const auto two = PeopleStore::open(file, Mode::read_write);
  one->append(Batch{make.view("anna", "i1")});
  two->append(Batch{make.view("anna", "i2")});
  CHECK(recent(*one, "anna").size() == 2);
  CHECK(recent(*two, "anna").size() == 2);
}

TEST_CASE("people in SQLite: an empty, foreign or newer database is refused by its application id", "[store][people]") {
  const Scratch scratch;
  const auto refused = [&](const fs::path& file, ErrorCode expected) {
    std::string said;
    for (const auto mode : {Mode::create, Mode::read_write, Mode::read_only}) {
      const auto before = bytes_of(file);
      const auto [code, what] = error_of([&] { (void)PeopleStore::open(file, mode); });
      CHECK(code == expected);
      CHECK_THAT(what, StartsWith(file.string()));
      CHECK(bytes_of(file) == before);
      said = what;
    }
    return said;
  };
  CHECK_THAT(refused(scratch.write("empty.sqlite", ""), ErrorCode::malformed_input), Contains("its application id is 0; expected 1347310160"));
  CHECK_THAT(refused(scratch.write("text.sqlite", std::string(5000, 'x')), ErrorCode::malformed_input), Contains("no sound database"));
  (void)refused(scratch.write("short.sqlite", "SQLite format 3"), ErrorCode::malformed_input);
  const auto foreign = scratch.folder() / "foreign.sqlite";
  execute(foreign, "CREATE TABLE events(x); PRAGMA application_id=77");
  CHECK_THAT(refused(foreign, ErrorCode::malformed_input), Contains("its application id is 77"));
  const auto other = scratch.folder() / "other.sqlite";
  execute(other, "CREATE TABLE events(x); PRAGMA user_version=1; PRAGMA application_id=" + std::to_string(store::people_application_id));
  CHECK_THAT(refused(other, ErrorCode::malformed_input), Contains("other tables"));
  const auto trigger = write_small(scratch.folder() / "trigger.sqlite");
  execute(trigger, "CREATE TRIGGER t AFTER INSERT ON people BEGIN DELETE FROM events; END");
  CHECK_THAT(refused(trigger, ErrorCode::malformed_input), Contains("other tables"));
  const auto newer = write_small(scratch.folder() / "newer.sqlite");
  execute(newer, "PRAGMA user_version=4");
  CHECK_THAT(refused(newer, ErrorCode::unsupported), Contains("tables of version 4; expected version 3"));
  for (const auto mode : {Mode::read_write, Mode::read_only})
    CHECK(error_of([&] { (void)PeopleStore::open(scratch.folder() / "absent.sqlite", mode); }).first == ErrorCode::not_found);
  CHECK_FALSE(fs::exists(scratch.folder() / "absent.sqlite"));
}

TEST_CASE("people in SQLite: a read-only store reads, changes nothing and refuses changes by name", "[store][people]") {
  const Scratch scratch;
  const auto file = write_small(scratch.folder() / "people.sqlite");
  const auto before = bytes_of(file);
  EventMaker make;
  {
    const auto people = PeopleStore::open(file, Mode::read_only);
    CHECK(recent(*people, "anna").size() >= 2);
    CHECK(people->verify().empty());
    const auto refused = [&](const auto& call) {
      const auto [code, what] = error_of(call);
      CHECK(code == ErrorCode::read_only);
      CHECK_THAT(what, StartsWith(file.string() + ": is open read-only"));
    };
    refused([&] { people->append(Batch{make.view("anna", "i9")}); });
    refused([&] { (void)people->begin(); });
    refused([&] { (void)people->erase(user_key(PersonSort::user, "anna"), false); });
    CHECK(people->erase(user_key(PersonSort::user, "anna"), true).events >= 2);  // Only counting is no change.
    CHECK(names_in(scratch.folder()) == std::set<std::string>{"people.sqlite"});
  }
  CHECK(bytes_of(file) == before);
}

TEST_CASE("people in SQLite: the bytes of an erased person are gone from the files", "[store][people]") {
  const Scratch scratch;
  const auto people = PeopleStore::open(scratch.folder() / "people.sqlite", Mode::create);
  std::mt19937_64 random(5);
  EventMaker make;
  const std::string person = "unforgettable@example.org", secret = "a most private query";
  for (int round = 0; round < 20; ++round) {
    Batch batch;
    for (int i = 0; i < 50; ++i) {
      batch.push_back(make.any(random, 20));
      if (i % 5 == 0) {
        batch.push_back(make.view(person, "i" + std::to_string(i), noon_us + round));
        batch.back().event.query = secret;
      }
    }
    people->append(batch);
  }
  CHECK(contains(scratch.folder(), person));
  CHECK(contains(scratch.folder(), secret));
  const auto receipt = people->erase(user_key(PersonSort::user, person), false);
  CHECK(receipt.events == 200);
  CHECK(receipt.overwritten);
  CHECK_FALSE(contains(scratch.folder(), person));
  CHECK_FALSE(contains(scratch.folder(), secret));
  CHECK(contains(scratch.folder(), "person1"));
  CHECK(people->verify().empty());
}

TEST_CASE("people in SQLite: an erasure says when a reader keeps the old pages", "[store][people]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "people.sqlite";
  const auto people = store::open_sqlite_people(file, Mode::create, 20);
  EventMaker make;
  people->append(Batch{make.view("anna", "i1"), make.view("bert", "i1")});
  bool overwritten = true;
  people->scan(0, INT64_MAX, [&](const store::StoredEvent& row) {
    if (row.sequence == 1) overwritten = people->erase(user_key(PersonSort::user, "anna"), false).overwritten;
  });
  CHECK_FALSE(overwritten);
  CHECK(recent(*people, "anna").empty());
}

TEST_CASE("people in SQLite: a damaged row is skipped by histories, named by scans and by verify", "[store][people]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "people.sqlite";
  EventMaker make;
  PeopleStore::open(file, Mode::create)->append(Batch{make.view("anna", "i1"), make.view("anna", "i2"), make.view("bert", "i3")});
  const auto damage = [&](const std::string& change, const std::string& finding, std::size_t left) {
    INFO(change);
    const auto copy = scratch.folder() / "copy.sqlite";
    fs::copy_file(file, copy, fs::copy_options::overwrite_existing);
    execute(copy, change);
    const auto people = PeopleStore::open(copy, Mode::read_write);
    const auto findings = people->verify();
    CHECK(std::any_of(findings.begin(), findings.end(), [&](const auto& found) { return found == copy.string() + ": " + finding; }));
    CHECK(recent(*people, "anna").size() == left);
    return people;
  };
  for (const std::string change : {"time=time+1", "kind=4", "payload=x'00'", "checksum=checksum+1", "payload=payload||x'00'", "sequence=99"}) {
    const auto sequence = change == "sequence=99" ? "99" : "2";
    const auto people = damage("UPDATE events SET " + change + " WHERE sequence=2", "event " + std::string(sequence) + ": does not match its checksum", 1);
    CHECK(people->damaged_rows() == 1);
    const auto [code, what] = error_of([&] { (void)dump(*people); });
    CHECK(code == ErrorCode::malformed_input);
    CHECK_THAT(what, Contains("event " + std::string(sequence) + ": does not match its checksum"));
  }
  (void)damage("UPDATE events SET person=2 WHERE sequence=2", "event 2: does not match its checksum", 1);
  (void)damage("UPDATE events SET person=9 WHERE sequence=2", "event 2: belongs to person 9, who is not there", 1);
  (void)damage("UPDATE people SET plain='bert' WHERE number=1", "person 1: does not match its checksum", 2);
  (void)damage("UPDATE people SET sort=2 WHERE number=1", "person 1: does not match its checksum", 2);
  (void)damage("DELETE FROM people WHERE number=1", "event 1: belongs to person 1, who is not there", 0);
  (void)damage("UPDATE meta SET value=value+1 WHERE name='next_person'", "meta: row 'next_person' does not match its checksum", 2);
  (void)damage("DELETE FROM meta WHERE name='next_sequence'", "meta: has no row 'next_sequence'", 2);
}

TEST_CASE("people in SQLite: flipped bytes are refused by name or change nothing that is read", "[store][people]") {
  const Scratch scratch;
  const auto original = write_small(scratch.folder() / "people.sqlite");
  const auto sound = dump(*PeopleStore::open(original, Mode::read_only));
  const auto bytes = bytes_of(original);
  const auto copy = scratch.folder() / "copy.sqlite";
  std::size_t tried = 0, unnoticed_count = 0;
  auto damaged = bytes;
  for (std::size_t at = 0; at < bytes.size(); at += at < 100 ? 3 : 211) {
    damaged[at] ^= std::byte{0x5A};
    write_bytes(copy, damaged);
    bool unnoticed = false;
    check_damaged(copy, sound, "byte " + std::to_string(at), unnoticed);
    unnoticed_count += unnoticed ? 1u : 0u;
    ++tried;
    damaged[at] = bytes[at];
  }
  CHECK(unnoticed_count < tried);
  CHECK(tried >= 150);
}

TEST_CASE("people in SQLite: every flipped byte is refused by name or changes nothing that is read", "[store][people][slow]") {
  const Scratch scratch;
  const auto original = write_small(scratch.folder() / "people.sqlite");
  const auto sound = dump(*PeopleStore::open(original, Mode::read_only));
  const auto bytes = bytes_of(original);
  const auto copy = scratch.folder() / "copy.sqlite";
  auto damaged = bytes;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    damaged[at] ^= at % 2 == 0 ? std::byte{0x01} : std::byte{0xFF};
    write_bytes(copy, damaged);
    bool unnoticed = false;
    check_damaged(copy, sound, "byte " + std::to_string(at), unnoticed);
    damaged[at] = bytes[at];
  }
}

TEST_CASE("people in SQLite: a truncated file is refused by name", "[store][people]") {
  const Scratch scratch;
  const auto original = write_small(scratch.folder() / "people.sqlite");
  const auto sound = dump(*PeopleStore::open(original, Mode::read_only));
  const auto bytes = bytes_of(original);
  const auto copy = scratch.folder() / "copy.sqlite";
  for (std::size_t size = 0; size < bytes.size(); size += size < 100 ? 9 : 503) {
    write_bytes(copy, std::span(bytes).first(size));
    bool unnoticed = false;
    check_damaged(copy, sound, "length " + std::to_string(size), unnoticed);
    CHECK_FALSE(unnoticed);
  }
}

TEST_CASE("people in SQLite: a bulk gives the same rows whatever its limits", "[store][people]") {
  const Scratch scratch;
  std::mt19937_64 random(2);
  EventMaker make;
  Batch batch;
  for (int i = 0; i < 800; ++i) batch.push_back(i % 5 == 4 ? batch[random() % batch.size()] : make.any(random, 12));
  std::string expected;
  int number = 0;
  for (const auto& limits : {store::Appender::Limits{}, store::Appender::Limits{.collected_bytes = 1000, .ids = 1u << 20, .people = 4},
                             store::Appender::Limits{.collected_bytes = 5000, .ids = 300, .people = 100},
                             store::Appender::Limits{.collected_bytes = 1u << 20, .ids = 0, .people = 1}}) {
    const auto file = scratch.folder() / ("people" + std::to_string(number++) + ".sqlite");
    const auto people = PeopleStore::open(file, Mode::create);
    {
      store::Connection connection(file, store::Access::read_write, 0);
      connection.execute("BEGIN IMMEDIATE");
      store::Appender appender(connection, store::Appender::Bulk::yes, limits);
      const auto first = appender.append(std::span(batch).first(100));
      const auto rest = appender.append(std::span(batch).subspan(100));
      CHECK(first.ingested + first.duplicates + rest.ingested + rest.duplicates == 800);
      CHECK(first.duplicates + rest.duplicates >= 160);
      appender.finish();
      connection.execute("COMMIT");
    }
    CHECK(people->verify().empty());
    if (expected.empty()) expected = dump(*people);
    CHECK(dump(*people) == expected);
    CHECK(people->append(batch).ingested == 0);
  }
}

TEST_CASE("people in SQLite: the set of hashes knows what it was given", "[store][people]") {
  store::HashSet set;
  std::set<UserKey> oracle;
  std::mt19937_64 random(9);
  for (int i = 0; i < 20'000; ++i) {
    const UserKey key{random() % 3, random() % 3000};  // zero among them, and many that meet in one slot
    CHECK(set.insert(key) == oracle.insert(key).second);
  }
}

TEST_CASE("people in SQLite: a history is one range of the events table", "[store][people]") {
  const Scratch scratch;
  const auto file = write_small(scratch.folder() / "people.sqlite");
  store::Connection connection(file, store::Access::read_write, 0);
  auto plan = connection.once(
      "EXPLAIN QUERY PLAN SELECT e.sequence, e.time, e.kind, e.payload, e.checksum FROM people p CROSS JOIN events e "
      "ON e.person=p.number WHERE p.key=?1 ORDER BY e.sequence DESC LIMIT ?2");
  std::string text;
  while (plan.step()) text += std::string(plan.text(3)) + "\n";
  CHECK(text == "SEARCH p USING COVERING INDEX sqlite_autoindex_people_1 (key=?)\nSEARCH e USING PRIMARY KEY (person=?)\n");
}

#endif
