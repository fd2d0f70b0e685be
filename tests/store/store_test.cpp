// Past 500 lines: the whole life of a folder, from making it over publishing, kills and damage to taking it back.
#include "pannier/store/store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <random>
#include <thread>

#include "store/small_events.hpp"
#include "store/small_shop.hpp"
#include "support/catch.hpp"

namespace {

using namespace pannier;
using namespace pannier::test;
using model::Check;
using store::Store;
using Mode = Store::Mode;
using Ids = std::vector<std::string>;
namespace fs = std::filesystem;

/// Every file of a folder and its bytes.
std::map<std::string, std::vector<std::byte>> snapshot(const fs::path& folder) {
  std::map<std::string, std::vector<std::byte>> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    files[fs::relative(entry.path(), folder).string()] = entry.is_regular_file() ? bytes_of(entry.path()) : std::vector<std::byte>{};
  return files;
}

std::string report(const store::VerifyReport& verified) {
  std::string text;
  for (const auto& check : verified.generations)
    for (const auto& error : check.errors) text += check.id + ": " + error + "\n";
  for (const auto& error : verified.people_errors) text += "people: " + error + "\n";
  return text;
}

void append_one(store::PeopleStore& people, std::string user) {
  EventMaker make;
  people.append(std::vector{make.view(std::move(user), "i1")});
}

store::GenerationContent content_of(std::int64_t data_until) {
  auto content = small_generation();
  content.info.data_until = data_until;
  return content;
}

}  // namespace

TEST_CASE("store: a new one is empty, and publishing counts up", "[store]") {
  const Scratch scratch;
  const auto folder = scratch.folder() / "shops" / "one";
  const auto shop = Store::open(folder, Mode::create);
  CHECK(shop->folder() == folder);
  CHECK_FALSE(shop->read_only());
  CHECK(shop->generations().empty());
  CHECK(shop->current() == std::nullopt);
  CHECK(shop->verify().ok());
  CHECK(shop->publish(content_of(0)) == "00000001");
  CHECK(shop->current() == "00000001");
  CHECK(shop->publish(content_of(0)) == "00000002");
  CHECK(shop->generations() == Ids{"00000001", "00000002"});
  CHECK(shop->current() == "00000002");
  const auto second = shop->open_generation("00000002", Check::full);
  CHECK(second->info().id == "00000002");
  CHECK(second->info().parent == "00000001");
  CHECK(shop->open_generation("00000001", Check::full)->info().parent == "");
  const auto again = Store::open(folder, Mode::read_write);
  CHECK(again->publish(content_of(0)) == "00000003");
  CHECK(shop->current() == "00000003");
  CHECK(report(shop->verify()).empty());
}

TEST_CASE("store: CURRENT is the id, its checksum and a line end", "[store]") {
  const Scratch scratch;
  const auto shop = Store::open(scratch.folder(), Mode::create);
  shop->publish(content_of(0));
  const auto bytes = bytes_of(scratch.folder() / "CURRENT");
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  char expected[64];
  const std::string_view id = "00000001";
  std::snprintf(expected, sizeof expected, "%s %016llx\n", id.data(),
                static_cast<unsigned long long>(hash64(std::as_bytes(std::span(id)))));
  CHECK(text == expected);
}

TEST_CASE("store: every flipped byte and every truncated length of CURRENT is refused by name", "[store]") {
  const Scratch scratch;
  const auto shop = Store::open(scratch.folder(), Mode::create);
  shop->publish(content_of(0));
  shop->publish(content_of(0));
  const auto file = scratch.folder() / "CURRENT";
  const auto bytes = bytes_of(file);
  const auto refused = [&](std::span<const std::byte> damaged) {
    write_bytes(file, damaged);
    const auto [code, what] = error_of([&] { (void)shop->current(); });
    CHECK(code == ErrorCode::malformed_input);
    CHECK_THAT(what, StartsWith(file.string() + ": is damaged"));
    const auto verified = shop->verify();
    CHECK_FALSE(verified.ok());
    CHECK(verified.generations.back().id == "CURRENT");
    CHECK(verified.people_ok);
  };
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    auto damaged = bytes;
    for (int bit = 0; bit < 8; ++bit) {
      damaged[at] = bytes[at] ^ static_cast<std::byte>(1 << bit);
      refused(damaged);
    }
    refused(std::span(bytes).first(at));
  }
  auto longer = bytes;
  longer.insert(longer.end(), 4096, std::byte{'x'});
  refused(longer);
  refused(std::span(longer).first(bytes.size() + 1));

  // Nothing is published over what is damaged; a rollback to a named generation mends it.
  const auto before = snapshot(scratch.folder() / "generations");
  CHECK(error_of([&] { shop->publish(content_of(0)); }).first == ErrorCode::malformed_input);
  CHECK(error_of([&] { shop->rollback(std::nullopt); }).first == ErrorCode::malformed_input);
  CHECK(error_of([&] { shop->prune(1); }).first == ErrorCode::malformed_input);
  CHECK(snapshot(scratch.folder() / "generations") == before);
  CHECK(shop->rollback("00000001") == "00000001");
  CHECK(shop->current() == "00000001");
  CHECK(shop->verify().ok());
}

TEST_CASE("store: a CURRENT that names nothing is found by verify", "[store]") {
  const Scratch scratch;
  const auto shop = Store::open(scratch.folder(), Mode::create);
  shop->publish(content_of(0));
  fs::remove(scratch.folder() / "generations" / "00000001.pnr");
  CHECK_THAT(report(shop->verify()), StartsWith("CURRENT: ") && Contains("names generation 00000001, which is not there"));
  CHECK(error_of([&] { (void)shop->open_generation("00000001", Check::structure); }).first == ErrorCode::not_found);
}

TEST_CASE("store: verify names each damaged generation", "[store]") {
  const Scratch scratch;
  const auto shop = Store::open(scratch.folder(), Mode::create);
  for (int i = 0; i < 3; ++i) shop->publish(content_of(0));
  const auto file = scratch.folder() / "generations" / "00000002.pnr";
  auto bytes = bytes_of(file);
  bytes[bytes.size() / 2] ^= std::byte{1};
  write_bytes(file, bytes);
  const auto verified = shop->verify();
  CHECK_FALSE(verified.ok());
  REQUIRE(verified.generations.size() == 3);
  CHECK(verified.generations[0].ok);
  CHECK_FALSE(verified.generations[1].ok);
  CHECK(verified.generations[1].id == "00000002");
  CHECK_THAT(verified.generations[1].errors.at(0), StartsWith(file.string()));
  CHECK(verified.generations[2].ok);
  const auto [code, what] = error_of([&] { shop->rollback("00000002"); });
  CHECK(code == ErrorCode::malformed_input);
  CHECK(shop->current() == "00000003");
  fs::copy_file(scratch.folder() / "generations" / "00000001.pnr", file, fs::copy_options::overwrite_existing);
  CHECK_THAT(report(shop->verify()), Contains("00000002.pnr: holds generation '00000001'"));
}

TEST_CASE("store: generations without CURRENT are found by verify, and a roll back mends them", "[store]") {
  const Scratch scratch;
  const auto shop = Store::open(scratch.folder(), Mode::create);
  for (int i = 0; i < 2; ++i) shop->publish(content_of(0));
  fs::remove(scratch.folder() / "CURRENT");
  CHECK_FALSE(shop->verify().ok());
  CHECK_THAT(report(shop->verify()), StartsWith("CURRENT: " + (scratch.folder() / "CURRENT").string() + ": is not there") &&
                                         Contains("killed before it was written") && Contains("of which 00000002 is the newest"));
  shop->rollback("00000002");
  CHECK(shop->verify().ok());
}

TEST_CASE("store: a roll back to a generation that is not there names those that are", "[store]") {
  const Scratch scratch;
  const auto shop = Store::open(scratch.folder(), Mode::create);
  const auto refusal = [&] { return error_of([&] { shop->rollback("00000042"); }).second; };
  CHECK(refusal() == scratch.folder().string() + ": has no generation '00000042'; expected a store that was trained");
  for (int i = 0; i < 2; ++i) shop->publish(content_of(0));
  CHECK(refusal() == scratch.folder().string() + ": has no generation '00000042'; expected one of its generations: 00000001, 00000002");
  for (int i = 0; i < 5; ++i) shop->publish(content_of(0));
  CHECK_THAT(refusal(), EndsWith("one of its generations: 2 older, 00000003, 00000004, 00000005, 00000006, 00000007"));
}

TEST_CASE("store: rolling back goes to the one before, or to the one named", "[store]") {
  const Scratch scratch;
  const auto shop = Store::open(scratch.folder(), Mode::create);
  CHECK(error_of([&] { shop->rollback(std::nullopt); }).first == ErrorCode::not_found);
  for (int i = 0; i < 3; ++i) shop->publish(content_of(0));
  CHECK(shop->rollback(std::nullopt) == "00000002");
  CHECK(shop->rollback(std::nullopt) == "00000001");
  CHECK(error_of([&] { shop->rollback(std::nullopt); }).first == ErrorCode::not_found);
  CHECK(shop->rollback("00000003") == "00000003");
  for (const std::string id : {"00000004", "00000000", "1", "", "../../etc/passwd", "0000000a", "000000011"})
    CHECK(error_of([&] { shop->rollback(id); }).first == ErrorCode::not_found);
  CHECK(shop->current() == "00000003");
  shop->rollback("00000001");
  CHECK(shop->publish(content_of(0)) == "00000004");  // no number is given twice
  CHECK(shop->open_generation("00000004", Check::full)->info().parent == "00000001");
}

TEST_CASE("store: pruning keeps the newest and the current one", "[store]") {
  const Scratch scratch;
  const auto shop = Store::open(scratch.folder(), Mode::create);
  for (int i = 0; i < 6; ++i) shop->publish(content_of(0));
  shop->rollback("00000002");
  const auto open = shop->open_generation("00000003", Check::full);
  CHECK(error_of([&] { shop->prune(0); }).first == ErrorCode::invalid_argument);
  CHECK(shop->prune(10).empty());
  CHECK(shop->prune(2) == Ids{"00000001", "00000003", "00000004"});
  CHECK(shop->generations() == Ids{"00000002", "00000005", "00000006"});
  CHECK(open->items().id(ItemIndex{1}) == "i0");  // who has it open goes on serving it
  CHECK(shop->prune(1) == Ids{"00000005"});
  CHECK(shop->current() == "00000002");
  CHECK(shop->publish(content_of(0)) == "00000007");
  CHECK(shop->prune(1) == Ids{"00000002", "00000006"});
  CHECK(shop->verify().ok());
}

TEST_CASE("store: content that is refused leaves everything as it was", "[store]") {
  const Scratch scratch;
  const auto shop = Store::open(scratch.folder(), Mode::create);
  shop->publish(content_of(0));
  const auto before = snapshot(scratch.folder());
  auto content = content_of(0);
  content.order[0] = content.order[1];
  CHECK(error_of([&] { shop->publish(content); }).first == ErrorCode::invalid_argument);
  CHECK(snapshot(scratch.folder()) == before);
  CHECK(shop->publish(content_of(0)) == "00000002");
}

TEST_CASE("store: one publishes at a time, another is refused by name", "[store]") {
  const Scratch scratch;
  const auto shop = Store::open(scratch.folder(), Mode::create);
  shop->publish(content_of(0));
  const int lock = ::open((scratch.folder() / "LOCK").c_str(), O_RDWR);
  REQUIRE(lock >= 0);
  REQUIRE(::flock(lock, LOCK_EX) == 0);
  for (const auto& [code, what] : {error_of([&] { shop->publish(content_of(0)); }), error_of([&] { shop->rollback("00000001"); }),
                                   error_of([&] { shop->prune(1); })}) {
    CHECK(code == ErrorCode::io_failure);
    CHECK_THAT(what, Contains("another process is publishing to this store"));
  }
  ::close(lock);
  CHECK(shop->publish(content_of(0)) == "00000002");
  CHECK(fs::file_size(scratch.folder() / "LOCK") == 0);
}

TEST_CASE("store: a folder that is missing or no store is refused by name", "[store]") {
  const Scratch scratch;
  const auto missing = scratch.folder() / "missing";
  fs::create_directory(scratch.folder() / "plain");
  (void)scratch.write("plain/readme.txt", "not a store");
  (void)scratch.write("file", "x");
  for (const auto mode : {Mode::read_write, Mode::read_only}) {
    CHECK(error_of([&] { (void)Store::open(missing, mode); }) ==
          std::pair(ErrorCode::not_found, missing.string() + ": is not there; expected the folder of a store"));
    const auto [code, what] = error_of([&] { (void)Store::open(scratch.folder() / "plain", mode); });
    CHECK(code == ErrorCode::not_found);
    CHECK_THAT(what, StartsWith((scratch.folder() / "plain").string() + ": is no store"));
    CHECK(error_of([&] { (void)Store::open(scratch.folder() / "file", mode); }).first == ErrorCode::not_found);
  }
  CHECK(error_of([&] { (void)Store::open(scratch.folder() / "file", Mode::create); }).first == ErrorCode::not_found);
  // What the system does not let in, here a link to itself: root may open every folder.
  fs::create_symlink("loop", scratch.folder() / "loop");
  for (const auto mode : {Mode::create, Mode::read_write, Mode::read_only}) {
    const auto [code, what] = error_of([&] { (void)Store::open(scratch.folder() / "loop", mode); });
    CHECK(code == ErrorCode::io_failure);
    CHECK_THAT(what, StartsWith((scratch.folder() / "loop").string() + ": cannot be read: "));
  }
  CHECK_FALSE(fs::exists(missing));
  (void)Store::open(scratch.folder() / "plain", Mode::create);
  CHECK(Store::open(scratch.folder() / "plain", Mode::read_only)->generations().empty());
}

TEST_CASE("store: a read-only one serves, changes no file and refuses changes by name", "[store]") {
  const Scratch scratch;
  {
    const auto shop = Store::open(scratch.folder(), Mode::create);
    append_one(shop->people(), "anna");
    shop->publish(content_of(0));
    shop->publish(content_of(0));
  }
  (void)scratch.write("generations/00000009.pnr.tmp-1234", "left by a kill");
  const auto before = snapshot(scratch.folder());
  {
    const auto shop = Store::open(scratch.folder(), Mode::read_only);
    CHECK(shop->read_only());
    CHECK(shop->current() == "00000002");
    CHECK(shop->open_generation("00000002", Check::full)->items().size() == 5);
#if PANNIER_WITH_SQLITE
    CHECK(recent(shop->people(), "anna").size() == 1);
#endif
    CHECK(shop->verify().ok());
    for (const auto& [code, what] :
         {error_of([&] { shop->publish(content_of(0)); }), error_of([&] { shop->rollback(std::nullopt); }),
          error_of([&] { shop->prune(1); }), error_of([&] { append_one(shop->people(), "bert"); })}) {
      CHECK(code == ErrorCode::read_only);
      CHECK_THAT(what, StartsWith(scratch.folder().string()) && Contains("is open read-only"));
    }
  }
  CHECK(snapshot(scratch.folder()) == before);
  fs::remove(scratch.folder() / "people.sqlite");  // generations alone can be shipped: then nobody is known
  const auto shop = Store::open(scratch.folder(), Mode::read_only);
  CHECK(recent(shop->people(), "anna").empty());
  CHECK(shop->verify().ok());
  CHECK_FALSE(fs::exists(scratch.folder() / "people.sqlite"));
}

TEST_CASE("store: what killed writers left beside is removed by the next publish", "[store]") {
  const Scratch scratch;
  const auto shop = Store::open(scratch.folder(), Mode::create);
  shop->publish(content_of(0));
  const auto names = snapshot(scratch.folder());
  (void)scratch.write("generations/00000002.pnr.tmp-77", "half");
  (void)scratch.write("generations/00000002.pnr.tmp-77-3", "half");
  (void)scratch.write("CURRENT.tmp-77", "half");
  (void)scratch.write("notes.tmp-77", "not ours");
  CHECK(shop->generations() == Ids{"00000001"});
  CHECK(shop->verify().ok());
  shop->publish(content_of(0));
  auto expected = names;
  for (const auto& [name, bytes] : snapshot(scratch.folder())) CHECK((expected.contains(name) || name == "notes.tmp-77" || name == "generations/00000002.pnr"));
  CHECK_FALSE(fs::exists(scratch.folder() / "CURRENT.tmp-77"));
}

TEST_CASE("store: a publisher killed at any point leaves a sound store", "[store]") {
  const Scratch scratch;
  const auto folder = scratch.folder() / "shop";
  Store::open(folder, Mode::create)->publish(content_of(0));
  std::mt19937_64 random(1);
  for (int round = 0; round < 8; ++round) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      try {
        const auto shop = Store::open(folder, Mode::read_write);
        for (;;) {
          if (::write(ends[1], "x", 1) != 1) break;
          shop->publish(content_of(0));
          shop->prune(3);
        }
      } catch (...) {
      }
      ::_exit(1);
    }
    char begun = 0;
    CHECK(::read(ends[0], &begun, 1) == 1);
    for (auto spins = random() % 3'000'000; spins > 0; --spins) asm volatile("");  // somewhere inside, not at a fixed point
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    ::close(ends[0]);
    ::close(ends[1]);
    const auto shop = Store::open(folder, Mode::read_only);
    CHECK(report(shop->verify()).empty());
    const auto now = shop->current();
    REQUIRE(now);
    CHECK(shop->open_generation(*now, Check::full)->items().size() == 5);
  }
  const auto shop = Store::open(folder, Mode::read_write);
  const auto id = shop->publish(content_of(0));  // the lock died with its holder
  CHECK(shop->current() == id);
  CHECK(shop->verify().ok());
}

TEST_CASE("store: readers see the old or the new generation while another publishes", "[store]") {
  const Scratch scratch;
  const auto shop = Store::open(scratch.folder(), Mode::create);
  shop->publish(content_of(0));
  std::atomic<bool> done{false};
  std::atomic<int> failures{0};
  std::thread reader([&] {
    try {
      std::string last;
      while (!done) {
        const auto now = shop->current();
        if (!now || *now < last || shop->open_generation(*now, Check::full)->info().id != *now) ++failures;
        last = now.value_or("");
      }
    } catch (...) {
      ++failures;
    }
  });
  for (int i = 0; i < 20; ++i) shop->publish(content_of(0));
  done = true;
  reader.join();
  CHECK(failures == 0);
}

#if PANNIER_WITH_SQLITE
TEST_CASE("store: verify tells of people that are damaged, missing or older than a generation", "[store]") {
  const Scratch scratch;
  const auto people_file = scratch.folder() / "people.sqlite";
  {
    const auto shop = Store::open(scratch.folder(), Mode::create);
    append_one(shop->people(), "anna");
    shop->publish(content_of(1));
    CHECK(shop->verify().ok());
  }
  const auto bytes = bytes_of(people_file);
  const auto found = [&] {
    const auto verified = Store::open(scratch.folder(), Mode::read_only)->verify();
    CHECK(verified.people_ok == verified.people_errors.empty());
    CHECK(verified.ok() == verified.people_ok);
    return report(verified);
  };
  CHECK(found().empty());
  write_bytes(people_file, std::span(bytes).first(0));
  CHECK_THAT(found(), StartsWith("people: " + people_file.string()) && Contains("application id"));
  fs::remove(people_file);
  CHECK_THAT(found(), StartsWith("people: " + people_file.string() + ": is not there"));
  write_bytes(people_file, bytes);
  Store::open(scratch.folder(), Mode::read_write)->publish(content_of(2));
  CHECK_THAT(found(), Contains("ends at event 1, while a generation was made of its events up to 2"));
}

TEST_CASE("store: a lost people.sqlite is not made again where a generation was made of its events", "[store]") {
  const Scratch scratch;
  const auto people_file = scratch.folder() / "people.sqlite";
  {
    const auto shop = Store::open(scratch.folder(), Mode::create);
    append_one(shop->people(), "anna");
    shop->publish(content_of(1));
    shop->publish(content_of(0));  // the current one says nothing of events, the one before does
  }
  fs::remove(people_file);
  const auto before = snapshot(scratch.folder());
  const auto expected = std::pair(ErrorCode::not_found, people_file.string() + ": is not there, while a generation was made of its events up to 1; expected the file: "
                                                                               "restore it from a backup, or train again from the event files into a new folder");
  for (const auto mode : {Mode::read_write, Mode::create}) {
    const auto shop = Store::open(scratch.folder(), mode);
    for (int twice = 0; twice < 2; ++twice) {
      CHECK(error_of([&] { (void)shop->people(); }) == expected);
      CHECK(error_of([&] { (void)shop->attempt()->people(); }) == expected);
      CHECK(report(shop->verify()) == "people: " + expected.second + "\n");
    }
  }
  CHECK(snapshot(scratch.folder()) == before);
}

TEST_CASE("store: people.sqlite is made where no generation was made of events", "[store]") {
  const Scratch scratch;
  Store::open(scratch.folder(), Mode::create)->publish(content_of(0));
  CHECK_FALSE(fs::exists(scratch.folder() / "people.sqlite"));
  const auto shop = Store::open(scratch.folder(), Mode::read_write);
  append_one(shop->people(), "anna");
  CHECK(recent(shop->people(), "anna").size() == 1);
  CHECK(shop->verify().ok());
}
#endif

TEST_CASE("store: an attempt that put nothing into a store that was made for it takes the store back", "[store]") {
  const Scratch scratch;
  (void)scratch.write("plain/readme.txt", "not ours");
  const auto before = snapshot(scratch.folder());
  for (const auto* name : {"new", "deep/er/new", "plain"}) {
    const auto shop = Store::open(scratch.folder() / name, Mode::create);
    CHECK(snapshot(scratch.folder()) != before);
    {
      const auto outer = shop->attempt();
      {
        const auto inner = shop->attempt();
        CHECK(inner->people().event_count() == 0);
        auto refused = content_of(0);
        refused.order[0] = refused.order[1];
        CHECK(error_of([&] { shop->publish(refused); }).first == ErrorCode::invalid_argument);
        EventMaker make;
        const auto transaction = inner->people().begin();
        transaction->append(std::vector{make.view("anna", "i1")});
      }
      CHECK(outer->people().event_count() == 0);
    }
    CHECK(snapshot(scratch.folder()) == before);

    // It is as new: what is put in now stays.
    {
      const auto attempt = shop->attempt();
      append_one(attempt->people(), "anna");
    }
    {
      const auto attempt = shop->attempt();
    }
    CHECK(recent(shop->people(), "anna").size() == 1);
    CHECK(shop->publish(content_of(0)) == "00000001");
    fs::remove_all(scratch.folder() / (name == std::string_view("deep/er/new") ? "deep" : name));
    (void)scratch.write("plain/readme.txt", "not ours");
  }
}

TEST_CASE("store: an attempt takes back no store that holds something, was there before, or is in use", "[store]") {
  const Scratch scratch;
  const auto kept = [&](const char* name, const auto& use) {
    const auto folder = scratch.folder() / name;
    const auto shop = Store::open(folder, Mode::create);
    {
      const auto attempt = shop->attempt();
      use(*shop, *attempt);
    }
    return fs::exists(folder / "generations");
  };
  CHECK_FALSE(kept("nothing", [](Store&, Store::Attempt&) {}));
  CHECK(kept("event", [](Store&, Store::Attempt& attempt) { append_one(attempt.people(), "anna"); }));
  CHECK(kept("generation", [](Store& shop, Store::Attempt&) { shop.publish(content_of(0)); }));
  CHECK(kept("given-out", [](Store& shop, Store::Attempt&) { (void)shop.people(); }));
  (void)Store::open(scratch.folder() / "before", Mode::create);
  CHECK(kept("before", [](Store&, Store::Attempt&) {}));
#if PANNIER_WITH_SQLITE
  std::shared_ptr<Store> other;
  CHECK(kept("in-use", [&](Store& shop, Store::Attempt& attempt) {
    (void)attempt.people();
    other = Store::open(shop.folder(), Mode::read_write);
    CHECK(other->people().event_count() == 0);
  }));
  append_one(other->people(), "bert");
  CHECK(recent(Store::open(scratch.folder() / "in-use", Mode::read_only)->people(), "bert").size() == 1);
  // Another's event, which this Store never read.
  CHECK(kept("others-event", [&](Store& shop, Store::Attempt&) { append_one(Store::open(shop.folder(), Mode::read_write)->people(), "carl"); }));
#endif
}
