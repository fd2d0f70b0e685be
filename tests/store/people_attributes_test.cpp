#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <tuple>

#include "pannier/store/store.hpp"
#include "store/small_events.hpp"
#include "store/small_shop.hpp"
#include "support/catch.hpp"
#if PANNIER_WITH_SQLITE
#include <sqlite3.h>
#endif

namespace {

using namespace pannier;
using namespace pannier::test;
using data::Profile;
using store::PeopleStore;
using store::PersonAttribute;
using Attributes = std::vector<PersonAttribute>;
using Batch = std::vector<data::ImportedEvent>;
using Mode = PeopleStore::Mode;
namespace fs = std::filesystem;

UserKey user(std::string_view id) { return user_key(PersonSort::user, id); }

store::ProfileCounts put(PeopleStore& people, const std::vector<Profile>& profiles) {
  const auto transaction = people.begin();
  const auto counts = transaction->put_profiles(profiles);
  transaction->commit();
  return counts;
}

/// Everything users files said of a user, as text.
std::string said(const PeopleStore& people, std::string_view id) {
  std::string text;
  for (const auto& [name, source, value] : people.attributes(user(id))) text += name + "(" + source + ")=" + value + " ";
  return text;
}

}  // namespace

TEST_CASE("people: attributes stand beside each other by source, and a source replaces its own", "[store][people_attributes]") {
  for_each_people_store([](PeopleStore& people) {
    EventMaker make;
    people.append(Batch{make.view("anna", "i1")});
    auto counts = put(people, {{"anna", "crm", {{"city", "Bern"}, {"age", "41"}}}, {"bert", "crm", {{"city", "Rome"}}}});
    CHECK((counts.changed == 2 && counts.with_events == 1));
    CHECK(people.attributes(user("anna")) == Attributes{{"age", "crm", "41"}, {"city", "crm", "Bern"}});

    counts = put(people, {{"anna", "newsletter", {{"city", "Basel"}}}});
    CHECK((counts.changed == 1 && counts.with_events == 1));
    CHECK(said(people, "anna") == "age(crm)=41 city(crm)=Bern city(newsletter)=Basel ");

    // What the profile does not name stays; an empty text takes back, in this source alone; the last of a name counts.
    counts = put(people, {{"anna", "crm", {{"city", ""}, {"tea", "green"}, {"tea", "black"}}}});
    CHECK(counts.changed == 1);
    CHECK(said(people, "anna") == "age(crm)=41 city(newsletter)=Basel tea(crm)=black ");
    CHECK(said(people, "bert") == "city(crm)=Rome ");

    // A visitor of the same id is somebody else, and so is who was never named.
    CHECK(people.attributes(user_key(PersonSort::visitor, "anna")).empty());
    CHECK(people.attributes(user("carl")).empty());
    CHECK(people.people_with_attributes() == 2);
    CHECK(people.event_count() == 1);
    CHECK(people.last_sequence() == 1);
    CHECK(people.verify().empty());
  });
}

TEST_CASE("people: the same profiles twice change nothing", "[store][people_attributes]") {
  for_each_people_store([](PeopleStore& people) {
    const std::vector<Profile> profiles = {{"anna", "crm", {{"city", "Bern"}, {"age", ""}}}, {"bert", "crm", {}}, {"anna", "shop", {{"city", "Bern"}}}};
    CHECK(put(people, profiles).changed == 3);
    const auto before = said(people, "anna");
    CHECK(put(people, profiles).changed == 0);
    CHECK(said(people, "anna") == before);
    // Twice in one transaction too.
    const auto transaction = people.begin();
    CHECK(transaction->put_profiles(std::vector<Profile>{{"carl", "crm", {{"city", "Bern"}}}}).changed == 1);
    CHECK(transaction->put_profiles(std::vector<Profile>{{"carl", "crm", {{"city", "Bern"}}}}).changed == 0);
    CHECK(transaction->put_profiles(std::vector<Profile>{{"anna", "crm", {{"city", ""}}}}).changed == 1);
    CHECK(transaction->put_profiles(std::vector<Profile>{{"anna", "crm", {{"city", ""}}}}).changed == 0);
    transaction->commit();
    CHECK(said(people, "carl") == "city(crm)=Bern ");
    CHECK(said(people, "anna") == "city(shop)=Bern ");
  });
}

TEST_CASE("people: profiles and events of one transaction are kept together or not at all", "[store][people_attributes]") {
  for_each_people_store([](PeopleStore& people) {
    EventMaker make;
    {
      const auto transaction = people.begin();
      transaction->append(Batch{make.view("anna", "i1"), make.view("bert", "i1")});
      CHECK(transaction->put_profiles(std::vector<Profile>{{"anna", "crm", {{"city", "Bern"}}}, {"carl", "crm", {}}}).with_events == 1);
      CHECK(transaction->append(Batch{make.view("anna", "i1"), make.view("carl", "i2")}).duplicates == 1);
      CHECK(transaction->put_profiles(std::vector<Profile>{{"carl", "shop", {{"city", "Rome"}}}}).with_events == 1);
    }
    CHECK((people.event_count() == 0 && people.people_with_attributes() == 0 && said(people, "anna").empty()));
    {
      const auto transaction = people.begin();
      transaction->append(Batch{make.view("anna", "i1"), make.view("bert", "i1")});
      transaction->put_profiles(std::vector<Profile>{{"anna", "crm", {{"city", "Bern"}}}, {"dora", "crm", {{"city", "Oslo"}}}});
      transaction->append(Batch{make.view("bert", "i2"), make.view("dora", "i2")});
      transaction->commit();
    }
    CHECK((people.event_count() == 4 && people.people_with_attributes() == 2));
    CHECK((said(people, "dora") == "city(crm)=Oslo " && recent(people, "dora").size() == 1 && recent(people, "bert").size() == 2));
    CHECK(people.append(Batch{make.view("bert", "i2")}).duplicates == 1);
    CHECK(people.verify().empty());
  });
}

TEST_CASE("people: profiles that no store may hold are refused by position, and nothing is kept of them", "[store][people_attributes]") {
  for_each_people_store([](PeopleStore& people) {
    const auto refused = [&](Profile wrong, const std::string& where) {
      const auto transaction = people.begin();
      try {
        transaction->put_profiles(std::vector<Profile>{{"anna", "crm", {{"city", "Bern"}}}, std::move(wrong)});
        FAIL("nothing was refused");
      } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::invalid_argument);
        CHECK(error.where() == where);
      }
      transaction->commit();
    };
    refused({"", "crm", {}}, "profiles[1].user");
    refused({"bert", "", {}}, "profiles[1].source");
    refused({"bert", "crm", {{"", "x"}}}, "profiles[1].attributes");
    refused({"bert", "crm", {{"city", "\xFF"}}}, "profiles[1].city");
    CHECK(people.people_with_attributes() == 0);
    CHECK(said(people, "anna").empty());
  });
}

TEST_CASE("people: an erasure takes the attributes with it and counts them", "[store][people_attributes]") {
  for_each_people_store([](PeopleStore& people) {
    EventMaker make;
    people.append(Batch{make.view("anna", "i1")});
    put(people, {{"anna", "crm", {{"city", "Bern"}, {"age", "41"}}}, {"anna", "shop", {{"city", "Bern"}}}, {"bert", "crm", {{"city", "Rome"}}}, {"carl", "crm", {}}});
    for (const bool dry_run : {true, false}) {
      const auto receipt = people.erase(user("anna"), dry_run);
      CHECK((receipt.known && receipt.events == 1 && receipt.attributes == 3));
      CHECK(said(people, "anna").empty() == !dry_run);
    }
    CHECK_FALSE(people.erase(user("anna"), false).known);
    // Who has no events, and who has not even attributes, is known and erased all the same.
    const auto bert = people.erase(user("bert"), false);
    CHECK((bert.known && bert.events == 0 && bert.attributes == 1));
    CHECK(people.erase(user("carl"), false).known);
    CHECK(people.people_with_attributes() == 0);
    CHECK(people.verify().empty());
    // Named again they begin anew.
    CHECK(put(people, {{"anna", "crm", {{"city", "Bern"}}}}).changed == 1);
    CHECK(said(people, "anna") == "city(crm)=Bern ");
  });
}

TEST_CASE("people: any order of profiles reads as a plain table by user, name and source does", "[store][people_attributes]") {
  for_each_people_store([](PeopleStore& people) {
    std::mt19937_64 random(11);
    std::map<std::tuple<std::string, std::string, std::string>, std::string> table;
    for (int round = 0; round < 12; ++round) {
      std::vector<Profile> profiles;
      for (int i = 0; i < 40; ++i) {
        Profile profile{"u" + std::to_string(random() % 15), "s" + std::to_string(random() % 3), {}};
        for (auto n = random() % 4; n > 0; --n)
          profile.attributes.emplace_back("a" + std::to_string(random() % 5), random() % 3 == 0 ? "" : std::to_string(random() % 9));
        for (const auto& [name, value] : profile.attributes) {
          if (value.empty()) table.erase({profile.user, name, profile.source});
          else table[{profile.user, name, profile.source}] = value;
        }
        profiles.push_back(std::move(profile));
      }
      put(people, profiles);
      for (int u = 0; u < 15; ++u) {
        const auto id = "u" + std::to_string(u);
        Attributes expected;
        for (const auto& [key, value] : table)
          if (std::get<0>(key) == id) expected.push_back({std::get<1>(key), std::get<2>(key), value});
        CHECK(people.attributes(user(id)) == expected);
      }
    }
    CHECK(people.verify().empty());
  });
}

TEST_CASE("people: a store that was made for a first attempt stays where an attribute was taken in", "[store][people_attributes]") {
#if PANNIER_WITH_SQLITE
  const Scratch scratch;
  const auto folder = scratch.folder() / "shop";
  {
    const auto store = store::Store::open(folder, store::Store::Mode::create);
    const auto attempt = store->attempt();
    put(attempt->people(), {{"anna", "crm", {{"city", "Bern"}}}});
  }
  CHECK(store::Store::open(folder, store::Store::Mode::read_only)->people().people_with_attributes() == 1);
#endif
}

#if PANNIER_WITH_SQLITE
namespace {

void execute(const fs::path& file, const std::string& sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
  char* message = nullptr;
  const int code = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &message);
  const std::string what = message != nullptr ? message : "";
  sqlite3_free(message);
  sqlite3_close(database);
  INFO(sql << ": " << what);
  REQUIRE(code == SQLITE_OK);
}

/// The tables as version 2 had them, with an event and a live change of the catalogue.
fs::path version_two(const Scratch& scratch, const std::string& name = "people.sqlite") {
  const auto file = scratch.folder() / name;
  EventMaker make;
  const auto people = PeopleStore::open(file, Mode::create);
  people->append(Batch{make.view("anna", "i1")});
  data::CatalogItem mug;
  mug.id = "mug";
  mug.stock = 3;
  people->change_items(std::vector{mug});
  execute(file, "DROP TABLE attributes; PRAGMA user_version=2");
  return file;
}

void check_version_two(const PeopleStore& people) {
  CHECK(recent(people, "anna").size() == 1);
  CHECK(people.item_changes(0).size() == 1);
  CHECK(people.last_item_change() == 1);
  CHECK(people.verify().empty());
}

/// Everything that reads of attributes, whatever it is: for the names of people and what was said of them.
std::string dump_attributes(const PeopleStore& people) {
  std::string text;
  for (int u = 0; u < 40; ++u) text += said(people, "u" + std::to_string(u)) + "\n";
  return text;
}

fs::path write_described(const fs::path& file) {
  const auto people = PeopleStore::open(file, Mode::create);
  EventMaker make;
  people->append(Batch{make.view("u0", "i1"), make.view("u1", "i2")});
  std::vector<Profile> profiles;
  for (int u = 0; u < 40; ++u)
    profiles.push_back({"u" + std::to_string(u), "crm", {{"city", "town number " + std::to_string(u * 7)}, {"age", std::to_string(20 + u)}, {"note", std::string(60, static_cast<char>('a' + u % 26))}}});
  put(*people, profiles);
  return file;
}

}  // namespace

TEST_CASE("people in SQLite: attributes are there for the next process, and for one that only reads", "[store][people_attributes]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "people.sqlite";
  put(*PeopleStore::open(file, Mode::create), {{"anna", "crm", {{"city", "Bern"}}}});
  const auto before = bytes_of(file);
  for (const auto mode : {Mode::read_write, Mode::read_only}) {
    const auto people = PeopleStore::open(file, mode);
    CHECK(said(*people, "anna") == "city(crm)=Bern ");
    CHECK(people->people_with_attributes() == 1);
  }
  const auto people = PeopleStore::open(file, Mode::read_only);
  CHECK(error_of([&] { put(*people, {{"anna", "crm", {{"city", "Rome"}}}}); }).first == ErrorCode::read_only);
  CHECK(error_of([&] { (void)people->erase(user("anna"), false); }).first == ErrorCode::read_only);
  CHECK(people->erase(user("anna"), true).attributes == 1);
  CHECK(names_in(scratch.folder()) == std::set<std::string>{"people.sqlite"});
  CHECK(bytes_of(file) == before);
}

TEST_CASE("people in SQLite: the tables of version 2 are read as they are and get the new one when they are written", "[store][people_attributes]") {
  const Scratch scratch;
  const auto file = version_two(scratch);
  const auto before = bytes_of(file);
  {
    const auto reader = PeopleStore::open(file, Mode::read_only);
    check_version_two(*reader);
    CHECK(reader->attributes(user("anna")).empty());
    CHECK(reader->people_with_attributes() == 0);
    const auto receipt = reader->erase(user("anna"), true);
    CHECK((receipt.events == 1 && receipt.attributes == 0));
  }
  CHECK(bytes_of(file) == before);
  const auto writer = PeopleStore::open(file, Mode::read_write);
  check_version_two(*writer);
  CHECK(put(*writer, {{"anna", "crm", {{"city", "Bern"}}}}).with_events == 1);
  CHECK(said(*writer, "anna") == "city(crm)=Bern ");
  check_version_two(*PeopleStore::open(file, Mode::read_write));
  CHECK(said(*PeopleStore::open(file, Mode::read_only), "anna") == "city(crm)=Bern ");
}

TEST_CASE("people in SQLite: a reader that opened version 2 reads on while a writer makes the new table, and then sees it", "[store][people_attributes]") {
  const Scratch scratch;
  const auto file = version_two(scratch);
  const auto held = PeopleStore::open(file, Mode::read_write);  // Keeps a log, so that the reader shares it.
  execute(file, "DROP TABLE attributes; PRAGMA user_version=2");
  const auto reader = PeopleStore::open(file, Mode::read_only);
  CHECK(said(*reader, "anna").empty());
  const auto writer = PeopleStore::open(file, Mode::read_write);
  put(*writer, {{"anna", "crm", {{"city", "Bern"}}}});
  CHECK(said(*reader, "anna") == "city(crm)=Bern ");
  CHECK(recent(*reader, "anna").size() == 1);
}

TEST_CASE("people in SQLite: a kill in the midst of the update leaves the old tables, and the next opening updates them", "[store][people_attributes]") {
  const Scratch scratch;
  const auto file = version_two(scratch);
  const auto child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // Opening updates the tables in one transaction; the kill comes where SQLite is about to commit it.
    const auto install = [](sqlite3* database, char**, const sqlite3_api_routines*) {
      sqlite3_commit_hook(database, [](void*) { return ::kill(::getpid(), SIGKILL); }, nullptr);
      return SQLITE_OK;
    };
    sqlite3_auto_extension(reinterpret_cast<void (*)()>(+install));
    (void)PeopleStore::open(file, Mode::read_write);
    ::_exit(0);  // Nothing was committed: the test has lost its grip.
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  check_version_two(*PeopleStore::open(file, Mode::read_only));
  CHECK(PeopleStore::open(file, Mode::read_only)->people_with_attributes() == 0);
  const auto people = PeopleStore::open(file, Mode::read_write);
  check_version_two(*people);
  put(*people, {{"anna", "crm", {{"city", "Bern"}}}});
  CHECK(said(*people, "anna") == "city(crm)=Bern ");
}

TEST_CASE("people in SQLite: tables that say another version than they have are refused", "[store][people_attributes]") {
  const Scratch scratch;
  const auto refused = [&](const std::string& name, const std::string& change) {
    const auto file = version_two(scratch, name);
    execute(file, change);
    for (const auto mode : {Mode::read_only, Mode::read_write}) {
      const auto [code, what] = error_of([&] { (void)PeopleStore::open(file, mode); });
      CHECK(code == ErrorCode::malformed_input);
      CHECK_THAT(what, Contains("has other tables than a people store"));
    }
  };
  refused("a.sqlite", "PRAGMA user_version=3");
  refused("b.sqlite", "PRAGMA user_version=1");
  refused("c.sqlite", "PRAGMA user_version=0");
  refused("d.sqlite", "CREATE TABLE attributes(x); PRAGMA user_version=3");
}

TEST_CASE("people in SQLite: what was said of an erased person is gone from the files", "[store][people_attributes]") {
  const Scratch scratch;
  const auto people = PeopleStore::open(write_described(scratch.folder() / "people.sqlite"), Mode::read_write);
  const std::string secret = "a most private remark";
  const auto holds = [&](std::string_view text) {
    for (const auto& entry : fs::directory_iterator(scratch.folder())) {
      const auto bytes = bytes_of(entry.path());
      const auto wanted = std::as_bytes(std::span(text));
      if (std::search(bytes.begin(), bytes.end(), wanted.begin(), wanted.end()) != bytes.end()) return true;
    }
    return false;
  };
  put(*people, {{"secretive", "crm", {{"note", secret}}}});
  CHECK(holds(secret));
  const auto receipt = people->erase(user("secretive"), false);
  CHECK((receipt.attributes == 1 && receipt.overwritten));
  CHECK_FALSE(holds(secret));
  CHECK_FALSE(holds("secretive"));
  CHECK(holds("town number 7"));
}

TEST_CASE("people in SQLite: a damaged attribute is left out, counted, and found by verify", "[store][people_attributes]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "people.sqlite";
  put(*PeopleStore::open(file, Mode::create), {{"anna", "crm", {{"age", "41"}, {"city", "Bern"}}}, {"bert", "crm", {{"city", "Rome"}}}});
  data::ImportedEvent seen;
  seen.event.time_us = noon_us;
  seen.event.visitor = "a visitor";
  seen.event.item = "i1";
  PeopleStore::open(file, Mode::read_write)->append(std::span(&seen, 1));
  const auto damage = [&](const std::string& change, const std::string& finding, const std::string& left) {
    INFO(change);
    const auto copy = scratch.folder() / "copy.sqlite";
    fs::copy_file(file, copy, fs::copy_options::overwrite_existing);
    execute(copy, change);
    const auto people = PeopleStore::open(copy, Mode::read_write);
    const auto findings = people->verify();
    REQUIRE(findings.size() == 1);
    CHECK(findings[0] == copy.string() + ": attribute " + finding);
    CHECK(said(*people, "anna") == left);
    return people->damaged_rows();
  };
  const std::string of_anna = " WHERE person=1 AND name='city'";
  for (const std::string change : {"value='Basel'", "value=''", "checksum=checksum+1", "value=x'42'"})
    CHECK(damage("UPDATE attributes SET " + change + of_anna, "'city' of person 1 from 'crm': does not match its checksum", "age(crm)=41 ") == 1);
  CHECK(damage("UPDATE attributes SET name='town'" + of_anna, "'town' of person 1 from 'crm': does not match its checksum", "age(crm)=41 ") == 1);
  CHECK(damage("UPDATE attributes SET source='shop'" + of_anna, "'city' of person 1 from 'shop': does not match its checksum", "age(crm)=41 ") == 1);
  CHECK(damage("UPDATE attributes SET person=9" + of_anna, "'city' of person 9 from 'crm': belongs to person 9, who is not there", "age(crm)=41 ") == 0);
  CHECK(damage("UPDATE attributes SET person=0" + of_anna, "'city' of person 0 from 'crm': belongs to person 0, who is not there", "age(crm)=41 ") == 0);
  CHECK(damage("UPDATE attributes SET person=3 WHERE person=2", "'city' of person 3 from 'crm': belongs to person 3, who is no user", "age(crm)=41 city(crm)=Bern ") == 0);
  CHECK(damage("UPDATE attributes SET person=1, name='new' WHERE person=2", "'new' of person 1 from 'crm': does not match its checksum", "age(crm)=41 city(crm)=Bern ") == 1);
}

TEST_CASE("people in SQLite: flipped bytes and lost ends of a file with attributes are refused by name or change nothing that is read", "[store][people_attributes]") {
  const Scratch scratch;
  const auto original = write_described(scratch.folder() / "people.sqlite");
  const auto sound = dump_attributes(*PeopleStore::open(original, Mode::read_only));
  const auto bytes = bytes_of(original);
  const auto copy = scratch.folder() / "copy.sqlite";
  std::size_t found = 0, unnoticed = 0;
  const auto check = [&](std::span<const std::byte> damaged, const std::string& what) {
    write_bytes(copy, damaged);
    std::shared_ptr<PeopleStore> people;
    const auto [code, message] = error_of([&] { people = PeopleStore::open(copy, Mode::read_only); });
    if (!people) {
      if (!message.starts_with(copy.string())) FAIL(what << ": " << message);
      ++found;
      return;
    }
    const auto findings = people->verify();
    std::string read;
    const auto refused = error_of([&] { read = dump_attributes(*people); });
    (void)error_of([&] { (void)people->people_with_attributes(); });
    (void)error_of([&] { (void)people->erase(user("u3"), true); });
    if (findings.empty() && (refused.first != ErrorCode::ok || read != sound)) FAIL(what << ": passed the checks and reads otherwise");
    // Damaged or not: what is read was said.
    for (std::size_t begin = 0; begin < read.size();) {
      const auto end = read.find('\n', begin);
      const auto line = std::string_view(read).substr(begin, end - begin);
      if (!line.empty() && sound.find(line.substr(0, line.find(' '))) == std::string::npos) FAIL(what << ": reads " << line);
      begin = end + 1;
    }
    (findings.empty() ? unnoticed : found) += 1;
  };
  auto damaged = bytes;
  for (std::size_t at = 0; at < bytes.size(); at += at < 100 ? 3 : 397) {
    damaged[at] ^= std::byte{0x5A};
    check(damaged, "byte " + std::to_string(at));
    damaged[at] = bytes[at];
  }
  CHECK((found > 20 && unnoticed > 0));
  unnoticed = 0;
  for (std::size_t size = 0; size < bytes.size(); size += size < 100 ? 9 : 1009) check(std::span(bytes).first(size), "length " + std::to_string(size));
  CHECK(unnoticed == 0);
}
#endif
