#include "pannier/serve/engine.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;
using test::Folder;

namespace {

/// People whose events cannot be read; everything else is not asked for.
class DamagedPeople final : public store::PeopleStore {
 public:
  store::AppendCounts append(std::span<const data::ImportedEvent>) override { fail(); }
  std::unique_ptr<Transaction> begin() override { fail(); }
  void recent(const UserKey&, std::size_t, std::vector<store::PersonEvent>& out) const override {
    out.resize(3);
    fail();
  }
  std::uint64_t damaged_rows() const noexcept override { return 0; }
  void scan(std::int64_t, std::int64_t, const std::function<void(const store::StoredEvent&)>&) const override { fail(); }
  std::int64_t last_sequence() const override { fail(); }
  std::uint64_t event_count() const override { fail(); }
  std::string currency() const override { fail(); }
  std::vector<store::PersonAttribute> attributes(const UserKey&) const override { fail(); }
  std::uint64_t people_with_attributes() const override { fail(); }
  void people(const std::function<bool(const UserKey&, data::PersonName)>&) const override { fail(); }
  store::EraseReceipt erase(const UserKey&, bool) override { fail(); }
  std::int64_t change_items(std::span<const data::CatalogItem>) override { fail(); }
  std::vector<store::ItemChange> item_changes(std::int64_t) const override { return {}; }
  std::int64_t last_item_change() const override { fail(); }
  store::Findings verify() const override { return {"damaged"}; }

 private:
  [[noreturn]] static void fail() { throw Error(ErrorCode::malformed_input, "people.sqlite", "is damaged"); }
};

/// A store whose generations are another's and whose people are damaged.
class HalfDamagedStore final : public store::Store {
 public:
  explicit HalfDamagedStore(std::shared_ptr<store::Store> sound) : sound_(std::move(sound)) {}
  const std::filesystem::path& folder() const noexcept override { return sound_->folder(); }
  bool read_only() const noexcept override { return false; }
  store::PeopleStore& people() const override { return people_; }
  std::unique_ptr<Attempt> attempt() override { return sound_->attempt(); }
  std::vector<std::string> generations() const override { return sound_->generations(); }
  std::optional<std::string> current() const override { return sound_->current(); }
  std::shared_ptr<const store::Generation> open_generation(std::string_view id, model::Check check) const override {
    return sound_->open_generation(id, check);
  }
  std::string publish(store::GenerationContent content) override { return sound_->publish(std::move(content)); }
  std::string rollback(std::optional<std::string> id) override { return sound_->rollback(std::move(id)); }
  std::vector<std::string> prune(std::size_t keep) override { return sound_->prune(keep); }
  store::VerifyReport verify() const override { return sound_->verify(); }

 private:
  std::shared_ptr<store::Store> sound_;
  mutable DamagedPeople people_;
};

}  // namespace

TEST_CASE("engine: a known person gets personal answers without what they have seen", "[serve][engine]") {
  const auto lines = test::two_tastes();
  test::Shop shop(lines);
  const auto ids = shop.ids({.user = "u3"});
  REQUIRE(shop.response.policy() == serve::Policy::personal);
  REQUIRE_FALSE(shop.response.fallback());
  REQUIRE(shop.response.generation() == "00000001");
  REQUIRE(ids.size() == 10);
  REQUIRE(test::disjoint(ids, test::items_of(lines, "u3")));
  // u3 likes the odd items: most of what is left and recommended is odd.
  REQUIRE(std::count_if(ids.begin(), ids.begin() + 3, [](const auto& id) { return (id.back() - '0') % 2 == 1; }) >= 2);
  REQUIRE(std::ranges::is_sorted(shop.response.scores(), std::ranges::greater{}));
  for (std::size_t slot = 0; slot < ids.size(); ++slot) {
    REQUIRE(shop.response.keys()[slot] == item_key(ids[slot]));
    REQUIRE(shop.response.keys()[slot] == shop.response.items()[slot].key);
    REQUIRE(shop.response.scores()[slot] == shop.response.items()[slot].score);
    REQUIRE(shop.response.items()[slot].propensity == 1);
    REQUIRE(shop.response.reasons(slot).empty());
  }
}

TEST_CASE("engine: a recorded event changes the next answer, an erased person is nobody", "[serve][engine]") {
  test::Shop shop;
  const auto popular = shop.ids({.user = "newcomer"});
  REQUIRE(shop.response.policy() == serve::Policy::popular);
  REQUIRE(shop.response.fallback());
  const test::Line line{.time_us = test::now_us - 1, .kind = "view_item", .user = "newcomer", .item = "i3"};
  const auto event = test::event_of(line);
  const auto counts = shop.engine->record(std::span(&event, 1));
  REQUIRE((counts.ingested == 1 && counts.duplicates == 0));
  REQUIRE(shop.engine->record(std::span(&event, 1)).duplicates == 1);
  const auto personal = shop.ids({.user = "newcomer"});
  REQUIRE(shop.response.policy() == serve::Policy::personal);
  REQUIRE(personal != popular);
  REQUIRE(test::disjoint(personal, {"i3"}));
  const auto receipt = shop.engine->erase(PersonSort::user, "newcomer");
  REQUIRE((receipt.known && receipt.events == 1));
  REQUIRE(shop.ids({.user = "newcomer"}) == popular);
  REQUIRE(shop.response.policy() == serve::Policy::popular);
}

TEST_CASE("engine: the user answers when a visitor is given too, and a visitor is another person", "[serve][engine]") {
  test::Shop shop;
  const auto user = shop.ids({.user = "u3"});
  REQUIRE(shop.ids({.user = "u3", .visitor = "u4"}) == user);
  shop.answer({.visitor = "u3"});
  REQUIRE(shop.response.policy() == serve::Policy::popular);
}

TEST_CASE("engine: similar items are never the item itself", "[serve][engine]") {
  test::Shop shop;
  const std::vector<ItemKey> item{item_key("i4")};
  const auto ids = shop.ids({.op = serve::Op::similar, .items = item, .count = 5});
  REQUIRE(shop.response.policy() == serve::Policy::similar);
  REQUIRE_FALSE(shop.response.fallback());
  REQUIRE(ids.size() == 5);
  REQUIRE(test::disjoint(ids, {"i4"}));
  REQUIRE(std::count_if(ids.begin(), ids.end(), [](const auto& id) { return (id.back() - '0') % 2 == 0; }) >= 4);
}

TEST_CASE("engine: each step of the chain answers when the one before has nothing", "[serve][engine]") {
  auto lines = test::two_tastes();
  lines.push_back({.time_us = test::opening_us, .kind = "purchase", .user = "hermit", .item = "lone"});
  const std::vector<ItemKey> lone{item_key("lone")};

  SECTION("similar answers where item_knn is the personal model and the session's item has no neighbour") {
    test::Shop shop(lines, R"({"models": [{"name": "popular"}, {"name": "item_knn"}, {"name": "ials", "factors": 8, "epochs": 4}],
                         "serving": {"personal": "item_knn", "similar": "ials"}})");
    const auto ids = shop.ids({.session = lone});
    REQUIRE(shop.response.policy() == serve::Policy::similar);
    REQUIRE(shop.response.fallback());
    REQUIRE(test::disjoint(ids, {"lone"}));
    shop.answer({.session = lone, .explain = true});
    REQUIRE(shop.response.reason_id(shop.response.reasons(0)[0]) == "lone");
    // The one before is asked when the last has none.
    const std::vector<ItemKey> known{item_key("i1")};
    shop.answer({.session = known});
    REQUIRE(shop.response.policy() == serve::Policy::personal);
    shop.answer({.user = "hermit"});
    REQUIRE(shop.response.policy() == serve::Policy::popular);
  }
  SECTION("popular answers a similar request for an item without neighbours, without the item") {
    test::Shop shop(lines, R"({"models": [{"name": "popular"}, {"name": "item_knn"}]})");
    const auto ids = shop.ids({.op = serve::Op::similar, .items = lone, .count = 25});
    REQUIRE(shop.response.policy() == serve::Policy::popular);
    REQUIRE(shop.response.fallback());
    REQUIRE(ids.size() == 24);
    REQUIRE(test::disjoint(ids, {"lone"}));
  }
  SECTION("popular alone answers everybody without what they have seen") {
    test::Shop shop(lines, R"({"models": [{"name": "popular"}]})");
    const auto ids = shop.ids({.user = "u3", .count = 25});
    REQUIRE(shop.response.policy() == serve::Policy::popular);
    REQUIRE(shop.response.fallback());
    REQUIRE(test::disjoint(ids, test::items_of(lines, "u3")));
    REQUIRE(ids.size() == 25 - test::items_of(lines, "u3").size());
  }
  SECTION("without popular nobody is left to answer, and the response says so") {
    test::Shop shop(lines, R"({"models": [{"name": "item_knn"}]})");
    shop.answer({.user = "newcomer"});
    REQUIRE(shop.response.policy() == serve::Policy::none);
    REQUIRE(shop.response.fallback());
    REQUIRE(shop.response.items().empty());
  }
}

TEST_CASE("engine: people that cannot be read are counted, and the next step answers", "[serve][engine]") {
  test::Shop shop;
  const auto engine = serve::Engine::open(std::make_shared<HalfDamagedStore>(shop.store));
  const auto popular = shop.ids({});
  engine->answer({.user = "u3"}, shop.workspace, shop.response);
  REQUIRE(shop.response.policy() == serve::Policy::popular);
  REQUIRE(shop.response.item_id(0) == popular[0]);
  REQUIRE(engine->damaged_reads() == 1);
  const std::vector<ItemKey> session{item_key("i1")};
  engine->answer({.user = "u3", .session = session}, shop.workspace, shop.response);
  REQUIRE(shop.response.policy() == serve::Policy::personal);
  REQUIRE(engine->damaged_reads() == 2);
}

TEST_CASE("engine: a request out of range is refused by name and the response stays", "[serve][engine]") {
  test::Shop shop;
  shop.answer({.user = "u3"});
  const auto id = shop.response.request_id();
  const std::vector<ItemKey> one{item_key("i1")}, two{item_key("i1"), item_key("i2")}, many(10'001, item_key("i1")), unknown{item_key("x")};
  const std::vector<std::pair<serve::Request, std::string>> wrong{
      {{.count = 0}, "request.count"},
      {{.count = 10'001}, "request.count"},
      {{.time_us = -1}, "request.time_us"},
      {{.time_us = latest_time_us + 1}, "request.time_us"},
      {{.session = many}, "request.session"},
      {{.items = one}, "request.items"},
      {{.op = serve::Op::similar}, "request.items"},
      {{.op = serve::Op::similar, .items = two}, "request.items"},
      {{.op = serve::Op::similar, .items = unknown}, "request.items[0]"},
  };
  for (const auto& [request, where] : wrong) {
    INFO(where);
    try {
      shop.answer(request);
      FAIL("not refused");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::invalid_argument);
      CHECK(error.where() == where);
    }
    CHECK(shop.response.request_id() == id);
    CHECK(shop.response.items().size() == 10);
  }
  shop.answer({.user = "u3", .session = std::span(many).first(10'000), .count = 10'000});
  REQUIRE(shop.response.items().size() <= 24);
}

TEST_CASE("engine: a bad event is refused by its place and none of its call is recorded", "[serve][engine]") {
  test::Shop shop;
  const auto before = shop.store->people().event_count();
  const test::Line line{.time_us = test::now_us, .kind = "view_item", .user = "u1", .item = "i1"};
  std::vector<data::Event> events{test::event_of(line), test::event_of(line)};
  events[1].price = -1;
  REQUIRE_THROWS_WITH(shop.engine->record(events), Contains("events[1]") && Contains("price"));
  events[1].price = 1;
  events[1].user = {};
  REQUIRE_THROWS_AS(shop.engine->record(events), Error);
  REQUIRE(shop.store->people().event_count() == before);
}

TEST_CASE("engine: an amount in another currency than the store's is refused, and none of its call is recorded", "[serve][engine]") {
  test::Shop shop;
  const auto before = shop.store->people().event_count();
  const test::Line line{.time_us = test::now_us, .kind = "purchase", .user = "u1", .item = "i1"};
  std::vector<data::Event> events{test::event_of(line), test::event_of(line)};
  events[0].currency = "EUR";
  events[1].currency = "GBP";  // The store has none: two of one call do not fit each other.
  REQUIRE_THROWS_WITH(shop.engine->record(events), Contains("events[1].currency") && Contains("is GBP") && Contains("EUR"));
  {
    const auto transaction = shop.store->people().begin();
    transaction->set_currency("GBP");
    transaction->commit();
  }
  REQUIRE_THROWS_WITH(shop.engine->record(std::span(events).first(1)), Contains("event.currency") && Contains("is EUR") && Contains("GBP"));
  REQUIRE_THROWS_AS(shop.engine->record(events), Error);
  REQUIRE(shop.store->people().event_count() == before);
  REQUIRE(shop.engine->record(std::span(events).last(1)).ingested == 1);
}

TEST_CASE("engine: the first amount recorded settles the store's currency for the calls and imports after it", "[serve][engine]") {
  test::Shop shop;
  const test::Line line{.time_us = test::now_us, .kind = "purchase", .user = "u1", .item = "i1"};
  auto event = test::event_of(line);
  REQUIRE(shop.engine->record(std::span(&event, 1)).ingested == 1);
  REQUIRE(shop.store->people().currency().empty());
  event.id = "first";
  event.currency = "EUR";
  REQUIRE(shop.engine->record(std::span(&event, 1)).ingested == 1);
  REQUIRE(shop.store->people().currency() == "EUR");
  event.id = "second";
  event.currency = "eur";  // The same one.
  event.time_us += us_per_second;
  REQUIRE(shop.engine->record(std::span(&event, 1)).ingested == 1);
  event.currency = "GBP";
  REQUIRE_THROWS_WITH(shop.engine->record(std::span(&event, 1)), Contains("event.currency") && Contains("EUR"));
}

TEST_CASE("engine: reload swaps to what CURRENT names, and a damaged generation leaves the old one serving", "[serve][engine]") {
  test::Shop shop;
  REQUIRE_FALSE(shop.engine->reload());
  const auto before = shop.ids({.user = "u3"});
  auto others = test::two_tastes(60);
  std::erase_if(others, [](const auto& line) { return line.user.size() < 3 || line.user < "u40"; });  // Leaves the history of u3 as it is.
  test::train_lines(*shop.store, shop.folder, others);
  REQUIRE(shop.ids({.user = "u3"}) == before);
  REQUIRE(shop.engine->reload());
  shop.answer({.user = "u59"});
  REQUIRE(shop.response.generation() == "00000002");
  REQUIRE(shop.engine->generation()->info().id == "00000002");
  shop.store->rollback("00000001");
  REQUIRE(shop.engine->reload());
  REQUIRE(shop.ids({.user = "u3"}) == before);

  shop.store->rollback("00000002");
  const auto file = shop.store->folder() / "generations" / "00000002.pnr";
  std::filesystem::rename(file, shop.folder / "aside.pnr");
  std::ofstream(file, std::ios::binary) << "PNRGEN but not much of it";
  REQUIRE_THROWS_AS(shop.engine->reload(), Error);
  REQUIRE(shop.ids({.user = "u3"}) == before);
  REQUIRE(shop.response.generation() == "00000001");
  std::filesystem::rename(shop.folder / "aside.pnr", file);
  REQUIRE(shop.engine->reload());

  std::ofstream(shop.store->folder() / "CURRENT", std::ios::binary) << "nonsense\n";
  REQUIRE_THROWS_AS(shop.engine->reload(), Error);
  shop.answer({.user = "u3"});
  REQUIRE(shop.response.generation() == "00000002");
}

TEST_CASE("engine: a response keeps the generation it came from readable after a swap", "[serve][engine]") {
  test::Shop shop;
  const auto before = shop.ids({.user = "u3"});
  test::train_lines(*shop.store, shop.folder, test::two_tastes(60));
  shop.engine->reload();
  serve::Response other;
  shop.engine->answer({.user = "u3"}, shop.workspace, other);
  shop.store->prune(1);
  for (std::size_t slot = 0; slot < before.size(); ++slot) REQUIRE(shop.response.item_id(slot) == before[slot]);
  REQUIRE(shop.response.generation() == "00000001");
}

TEST_CASE("engine: a workspace goes from one engine to another", "[serve][engine]") {
  test::Shop one, two(test::two_tastes(50, 70));
  const auto first = one.ids({.user = "u3"});
  two.engine->answer({.user = "u3", .count = 70, .exclude_seen = false, .exclude_bought = true}, one.workspace, one.response);
  REQUIRE(one.response.generation() == "00000001");
  REQUIRE(one.response.items().size() > 24);
  REQUIRE(one.ids({.user = "u3"}) == first);
}

TEST_CASE("engine: a generation from bytes serves with people in memory", "[serve][engine]") {
  test::Shop shop;
  const auto bytes = test::bytes_of(shop.store->folder() / "generations" / "00000001.pnr");
  const auto engine = serve::Engine::open(bytes, {.clock = [] { return test::now_us; }});
  for (const auto& line : test::two_tastes()) {
    if (line.user != "u3") continue;
    const auto event = test::event_of(line);
    engine->record(std::span(&event, 1));
  }
  const auto expected = shop.ids({.user = "u3"});
  const std::vector<float> scores(shop.response.scores().begin(), shop.response.scores().end());
  engine->answer({.user = "u3"}, shop.workspace, shop.response);
  REQUIRE(std::ranges::equal(shop.response.scores(), scores));
  for (std::size_t slot = 0; slot < expected.size(); ++slot) REQUIRE(shop.response.item_id(slot) == expected[slot]);
  REQUIRE_FALSE(engine->reload());
}

TEST_CASE("engine: a read-only store serves and refuses to change by name", "[serve][engine]") {
  std::vector<std::string> expected;
  Folder folder;
  {
    const auto store = test::open_store(folder);
    test::train_lines(*store, folder, test::two_tastes());
  }
  const auto store = test::open_store(folder, store::Store::Mode::read_only);
  const auto engine = serve::Engine::open(store);
  serve::EngineWorkspace workspace;
  serve::Response response;
  engine->answer({.user = "u3"}, workspace, response);
#if PANNIER_WITH_SQLITE  // Without it people last as long as the store object that recorded them.
  REQUIRE(response.policy() == serve::Policy::personal);
#endif
  const test::Line line{.time_us = test::now_us, .kind = "view_item", .user = "u1", .item = "i1"};
  const auto event = test::event_of(line);
  const auto refused = [](auto&& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.code() == ErrorCode::read_only;
    }
    return false;
  };
  REQUIRE(refused([&] { engine->record(std::span(&event, 1)); }));
  REQUIRE(refused([&] { engine->erase(PersonSort::user, "u1"); }));
}

TEST_CASE("engine: a store without a generation is refused by name", "[serve][engine]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  try {
    static_cast<void>(serve::Engine::open(store));
    FAIL("not refused");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::not_found);
  }
  REQUIRE_THROWS_AS(serve::Engine::open(std::shared_ptr<store::Store>{}), Error);
  REQUIRE_THROWS_AS(serve::Engine::open(std::span<const std::byte>{}), Error);
}

