// The catalogue live: names, prices and stock between two trainings.
#include <atomic>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/serve/engine.hpp"
#include "serve/shop.hpp"
#include "support/catalog_item.hpp"
#include "support/catch.hpp"

using namespace pannier;
using serve::Policy;
using test::item;
using Items = std::vector<data::CatalogItem>;

namespace {

std::string refusal(ErrorCode code, const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    REQUIRE(error.code() == code);
    return error.what();
  }
  return "nothing was refused";
}

serve::TrainReport train_again(test::Shop& shop, const std::string& items = "") {
  serve::TrainInputs inputs;
  if (!items.empty()) inputs.items = shop.folder.write("items.csv", items);
  return serve::train(*shop.store, inputs, serve::train_config_from_json(test::quick_config, "config"), test::one_thread());
}

constexpr Policy every_policy[] = {Policy::personal, Policy::similar, Policy::popular, Policy::recently_viewed};

}  // namespace

TEST_CASE("engine: what is sold out is in no answer from the next request on, until there is some again", "[serve][engine_catalog]") {
  test::Shop shop;
  const auto before = shop.ids({.user = "u3", .count = 24, .exclude_seen = false});
  shop.engine->set_stock(before[0], 0);
  shop.engine->set_stock(before[1], -4);
  const std::vector<ItemKey> session{item_key(before[0]), item_key(before[1])};
  for (const auto policy : every_policy) {
    const auto ids = shop.ids({.user = "u3", .session = session, .count = 24, .exclude_seen = false, .policy = policy});
    REQUIRE(test::disjoint(ids, {before[0], before[1]}));
  }
  shop.engine->set_stock(before[0], 0.5);
  REQUIRE(shop.ids({.user = "u3", .count = 24, .exclude_seen = false})[0] == before[0]);
  shop.engine->set_stock(before[1], 1);
  REQUIRE(shop.ids({.user = "u3", .count = 24, .exclude_seen = false}) == before);
}

TEST_CASE("engine: a new name counts at once, in answers and reasons, and an answer given before keeps the old one", "[serve][engine_catalog]") {
  test::Shop shop;
  shop.answer({.policy = Policy::popular});
  const std::string id(shop.response.item_id(0));
  REQUIRE(shop.response.item_name(0).empty());
  serve::Response later;
  shop.engine->upsert_items(Items{item(id, "Best seller", 12.5)});
  REQUIRE(shop.response.item_name(0).empty());
  shop.engine->answer({.explain = true, .policy = Policy::popular}, shop.workspace, later);
  REQUIRE(later.item_id(0) == id);
  REQUIRE(later.item_name(0) == "Best seller");
  REQUIRE(later.reason_name(later.reasons(0)[0]) == "Best seller");
  const auto facts = shop.engine->item(item_key(id));
  REQUIRE((facts && facts->trained && facts->price == 12.5 && std::isnan(facts->stock)));
}

TEST_CASE("engine: a new item is known by name at once, may be seen and asked about, and is recommended after the next training", "[serve][engine_catalog]") {
  test::Shop shop;
  const std::vector<ItemKey> key{item_key("novelty")};
  REQUIRE_FALSE(shop.engine->item(key[0]));
  REQUIRE_THAT(refusal(ErrorCode::not_found, [&] { shop.engine->set_stock("novelty", 3); }), Contains("'novelty'"));
  shop.engine->upsert_items(Items{item("novelty", "Novelty", 3, 9)});
  shop.engine->set_stock("novelty", 8);
  const auto facts = shop.engine->item(key[0]);
  REQUIRE((facts && !facts->trained && facts->name == "Novelty" && facts->stock == 8));
  shop.answer({.op = serve::Op::similar, .items = key});
  REQUIRE(shop.response.policy() == Policy::popular);
  REQUIRE(shop.response.fallback());
  shop.answer({.user = "u3", .session = key});
  REQUIRE(shop.response.policy() == Policy::personal);
  for (int person = 0; person < 5; ++person) {
    const test::Line line{.time_us = test::now_us, .kind = "purchase", .user = "u" + std::to_string(person), .item = "novelty"};
    const auto event = test::event_of(line);
    shop.engine->record(std::span(&event, 1));
  }
  REQUIRE(test::disjoint(shop.ids({.user = "stranger", .count = 100}), {"novelty"}));
  train_again(shop);
  REQUIRE(shop.engine->reload());
  const auto ids = shop.ids({.user = "stranger", .count = 100});
  const auto place = std::find(ids.begin(), ids.end(), "novelty");
  REQUIRE(place != ids.end());
  REQUIRE(shop.response.item_name(static_cast<std::size_t>(place - ids.begin())) == "Novelty");
  REQUIRE(shop.engine->item(key[0])->trained);
}

#if PANNIER_WITH_SQLITE  // Without it changes last as long as the store object that was told.
TEST_CASE("engine: changes are there for an engine opened again, for another process after reload, and after a training", "[serve][engine_catalog]") {
  test::Shop shop;
  const auto other = serve::Engine::open(test::open_store(shop.folder), {.clock = [] { return test::now_us; }});
  shop.engine->upsert_items(Items{item("i1", "One", 5), item("i2", "Two")});
  shop.engine->set_stock("i1", 0);
  REQUIRE(other->item(item_key("i1"))->name.empty());
  REQUIRE(other->reload());
  REQUIRE_FALSE(other->reload());
  const auto hold = [&](const serve::Engine& engine) {
    const auto facts = engine.item(item_key("i1"));
    REQUIRE((facts && facts->name == "One" && facts->price == 5 && facts->stock == 0));
    serve::EngineWorkspace workspace;
    serve::Response response;
    engine.answer({.count = 100, .policy = Policy::popular}, workspace, response);
    for (std::size_t slot = 0; slot < response.items().size(); ++slot) REQUIRE(response.item_id(slot) != "i1");
  };
  hold(*other);
  hold(*serve::Engine::open(test::open_store(shop.folder, store::Store::Mode::read_only), {}));
  const auto report = train_again(shop);
  REQUIRE(shop.engine->reload());
  hold(*shop.engine);
  REQUIRE(shop.store->open_generation(report.generation, model::Check::full)->info().catalog_until == 2);
  // A file has the last word on what it gives, live words on the rest; what is said after it counts again.
  train_again(shop, "item,name,stock\ni1,From the file,\ni3,Three,4\n");
  REQUIRE(shop.engine->reload());
  REQUIRE(shop.engine->item(item_key("i1"))->name == "From the file");
  REQUIRE(shop.engine->item(item_key("i1"))->stock == 0);
  REQUIRE(shop.engine->item(item_key("i2"))->name == "Two");
  shop.engine->upsert_items(Items{item("i1", "Once more")});
  REQUIRE(shop.engine->item(item_key("i1"))->name == "Once more");
  // Back to the first generation: everything said since counts over it.
  shop.store->rollback("00000001");
  REQUIRE(shop.engine->reload());
  REQUIRE(shop.engine->item(item_key("i1"))->name == "Once more");
  REQUIRE(shop.engine->item(item_key("i2"))->name == "Two");
}
#endif

TEST_CASE("engine: a change that makes no sense is refused by name and changes nothing", "[serve][engine_catalog]") {
  test::Shop shop;
  using Code = ErrorCode;
  const auto wrong = [&](data::CatalogItem bad) { return [&shop, bad] { shop.engine->upsert_items(Items{item("i1", "Fine"), bad}); }; };
  REQUIRE_THAT(refusal(Code::invalid_argument, wrong(item(""))), StartsWith("items[1].item"));
  REQUIRE_THAT(refusal(Code::invalid_argument, wrong(item("i2", "", -0.5))), StartsWith("items[1].price"));
  REQUIRE_THAT(refusal(Code::invalid_argument, wrong(item("i2", "", 1, INFINITY))), StartsWith("items[1].stock"));
  REQUIRE_THAT(refusal(Code::invalid_argument, [&] { shop.engine->set_stock("i1", NAN); }), StartsWith("stock"));
  REQUIRE_THAT(refusal(Code::invalid_argument, [&] { shop.engine->set_stock("i1", 2e9); }), Contains("stock"));
  REQUIRE_THAT(refusal(Code::not_found, [&] { shop.engine->set_stock("nobody's", 1); }), Contains("nobody's"));
  REQUIRE(shop.engine->item(item_key("i1"))->name.empty());
  const auto small = serve::Engine::open(shop.store, {.overlay_bytes = 1000});
  const Items many(100, item("i1", std::string(50, 'x')));
  REQUIRE_THAT(refusal(Code::invalid_argument, [&] { small->upsert_items(many); }), Contains("at most 1000"));
  const auto reader = serve::Engine::open(test::open_store(shop.folder, store::Store::Mode::read_only), {});
  REQUIRE_THAT(refusal(Code::read_only, [&] { reader->set_stock("i1", 1); }), Contains("change stock"));
  REQUIRE(shop.store->people().last_item_change() == 0);
}

TEST_CASE("engine: requests run while stock changes, and none shows what was sold out before it began", "[serve][engine_catalog]") {
  test::Shop shop;
  std::atomic<int> sold_out{-1};
  std::atomic<bool> failed{false}, stop{false};
  std::vector<std::thread> readers;
  for (int n = 0; n < 3; ++n)
    readers.emplace_back([&] {
      serve::EngineWorkspace workspace;
      serve::Response response;
      while (!stop) {
        const int before = sold_out.load();
        shop.engine->answer({.user = "u3", .count = 24, .exclude_seen = false, .explain = true}, workspace, response);
        for (std::size_t slot = 0; slot < response.items().size(); ++slot) {
          if (before >= 0 && response.item_id(slot) == "i" + std::to_string(before)) failed = true;
          static_cast<void>(response.item_name(slot));
        }
      }
    });
  for (int i = 0; i < 20; ++i) {
    shop.engine->set_stock("i" + std::to_string(i), 0);
    sold_out = i;
    shop.engine->upsert_items(Items{item("i" + std::to_string(i), "name " + std::to_string(i))});
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  REQUIRE_FALSE(failed);
  REQUIRE(shop.ids({.user = "u3", .count = 24, .exclude_seen = false}).size() <= 4);
}
