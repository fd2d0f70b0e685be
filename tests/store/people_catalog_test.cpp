// Live changes of the catalogue in the people store.
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "store/catalog_rows.hpp"
#include "store/small_events.hpp"
#include "support/catalog_item.hpp"
#include "support/catch.hpp"

#if PANNIER_WITH_SQLITE
#include <sqlite3.h>
#endif

namespace {

using namespace pannier;
using namespace pannier::test;
using store::PeopleStore;
using Mode = PeopleStore::Mode;
using Items = std::vector<data::CatalogItem>;

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

void check(const store::ItemChange& change, std::string_view id, std::string_view name, double price, double stock, std::int64_t version) {
  CAPTURE(change.item.id);
  CHECK(change.item.id == id);
  CHECK(change.item.name == name);
  CHECK(same(change.item.price, price));
  CHECK(same(change.item.stock, stock));
  CHECK(change.version == version);
}

void hold_the_promises(PeopleStore& people) {
  CHECK(people.last_item_change() == 0);
  CHECK(people.item_changes(0).empty());
  CHECK(people.change_items({}) == 0);
  auto mug = item("mug", "Mug", 4.5, 3);
  mug.category = "home/mugs";
  mug.attributes = {{"colour", "blue"}, {"name", "an attribute of that name"}};
  CHECK(people.change_items(Items{mug, item("rug")}) == 1);
  CHECK(people.change_items(Items{item("mug", "", NAN, 0)}) == 2);
  CHECK(people.change_items(Items{item("mug", "Big mug"), item("tea", "", 0, -2)}) == 3);
  CHECK(people.last_item_change() == 3);
  // Field by field the last word counts, and what is not given stays.
  auto all = people.item_changes(0);
  REQUIRE(all.size() == 3);
  check(all[0], "mug", "Big mug", 4.5, 0, 3);
  CHECK(all[0].item.category == "home/mugs");
  CHECK(all[0].item.attributes == mug.attributes);
  check(all[1], "rug", "", NAN, NAN, 1);
  check(all[2], "tea", "", 0, -2, 3);
  // What changed since: only the fields that did.
  const auto late = people.item_changes(2);
  REQUIRE(late.size() == 2);
  check(late[0], "mug", "Big mug", NAN, NAN, 3);
  CHECK(late[0].item.category.empty());
  check(late[1], "tea", "", 0, -2, 3);
  CHECK(people.item_changes(3).empty());
  // All or none.
  const auto refused = [&](data::CatalogItem wrong, std::string_view where) {
    try {
      people.change_items(Items{item("new"), std::move(wrong)});
      FAIL("nothing was refused");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::invalid_argument);
      CHECK(error.where() == where);
    }
  };
  refused(item(""), "items[1].item");
  refused(item("x", "", -1), "items[1].price");
  refused(item("x", "", 1, std::numeric_limits<double>::infinity()), "items[1].stock");
  refused(item("x", std::string("a\0b", 3)), "items[1].name");
  CHECK(people.last_item_change() == 3);
  CHECK(people.item_changes(0).size() == 3);
  CHECK(people.verify().empty());
}

}  // namespace

TEST_CASE("people: changes of items are kept field by field, in memory", "[store][people_catalog]") { hold_the_promises(*PeopleStore::in_memory()); }

#if PANNIER_WITH_SQLITE
namespace {

void execute(const std::filesystem::path& file, const std::string& sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
  const int code = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  sqlite3_close(database);
  REQUIRE(code == SQLITE_OK);
}

std::filesystem::path version_one(const Scratch& scratch) {
  const auto file = scratch.folder() / "people.sqlite";
  EventMaker make;
  PeopleStore::open(file, Mode::create)->append(std::vector{make.view("anna", "i1")});
  execute(file, "DROP TABLE attributes; DROP TABLE catalog; PRAGMA user_version=1");
  return file;
}

}  // namespace

TEST_CASE("people: changes of items are kept field by field, and by the next process", "[store][people_catalog]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "people.sqlite";
  hold_the_promises(*PeopleStore::open(file, Mode::create));
  const auto again = PeopleStore::open(file, Mode::read_only);
  CHECK(again->item_changes(0).size() == 3);
  CHECK_THROWS_AS(again->change_items(Items{item("x")}), Error);
}

TEST_CASE("people: a file of the first version is read as it is and gets its new table when it is written", "[store][people_catalog]") {
  const Scratch scratch;
  const auto file = version_one(scratch);
  const auto reader = PeopleStore::open(file, Mode::read_only);
  CHECK(reader->last_item_change() == 0);
  CHECK(reader->item_changes(0).empty());
  CHECK(reader->event_count() == 1);
  CHECK(reader->verify().empty());
  const auto writer = PeopleStore::open(file, Mode::read_write);
  CHECK(writer->event_count() == 1);
  CHECK(writer->change_items(Items{item("mug", "Mug")}) == 1);
  CHECK(writer->verify().empty());
  CHECK(PeopleStore::open(file, Mode::read_write)->item_changes(0).size() == 1);
}

TEST_CASE("people: a damaged change is left out, counted, and found by verify", "[store][people_catalog]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "people.sqlite";
  PeopleStore::open(file, Mode::create)->change_items(Items{item("mug", "Mug", 2, 7), item("rug", "Rug")});
  execute(file, "UPDATE catalog SET value=x'00' WHERE item='mug' AND field='stock'");
  const auto people = PeopleStore::open(file, Mode::read_write);
  const auto changes = people->item_changes(0);
  REQUIRE(changes.size() == 2);
  check(changes[0], "mug", "Mug", 2, NAN, 1);
  CHECK(people->damaged_rows() == 1);
  const auto findings = people->verify();
  REQUIRE(findings.size() == 1);
  CHECK_THAT(findings[0], Contains("catalog item 'mug', stock: does not match its checksum"));
}
#endif
