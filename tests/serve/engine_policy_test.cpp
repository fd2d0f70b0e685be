// The policies a request may begin with, the category filter, the stock of the catalogue, and a reason for every item.
#include <algorithm>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/serve/engine.hpp"
#include "serve/category_index.hpp"
#include "serve/recent_views.hpp"
#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;
using serve::Policy;
using serve::ReasonKind;

namespace {

constexpr std::string_view items_file =
    "item,name,category,stock\n"
    "i0,Blue mug,home/mugs,\ni2,Red mug,home/mugs,5\ni4,Big mug,home/mugs/big,0\ni6,Rug,home,-3\ni8,Sofa,homely,1\n"
    "i1,Pen,office/pens,1\ni3,Pencil,office/pens,\ni5,Paper,office,2.5\nnew,Unsold,office/new,7\n";

/// Two tastes with a catalogue: i4 and i6 are out of stock.
struct Shop : test::Shop {
  explicit Shop(std::string_view config = test::quick_config) : test::Shop(test::two_tastes(), config) {
    serve::TrainInputs inputs;
    inputs.items = folder.write("items.csv", std::string(items_file));
    serve::train(*store, inputs, serve::train_config_from_json(config, "config"), test::one_thread());
    engine->reload();
  }
  void see(const std::string& user, const std::string& item, std::int64_t time_us, const std::string& kind = "view_item") {
    const test::Line line{.time_us = time_us, .kind = kind, .user = user, .item = item};
    const auto event = test::event_of(line);
    REQUIRE(engine->record(std::span(&event, 1)).ingested == 1);
  }
};

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::invalid_argument);
    return error.what();
  }
  return "nothing was refused";
}

constexpr Policy every_policy[] = {Policy::personal, Policy::similar,   Policy::popular,        Policy::trending,
                                   Policy::seasonal, Policy::buy_again, Policy::recently_viewed};

}  // namespace

TEST_CASE("engine: a request begins with the policy it asks for, and a missing model is a fallback", "[serve][engine_policy]") {
  Shop shop;
  shop.answer({.user = "u3", .policy = Policy::popular});
  REQUIRE(shop.response.policy() == Policy::popular);
  REQUIRE_FALSE(shop.response.fallback());
  const std::vector<ItemKey> session{item_key("i1")};
  shop.answer({.user = "u3", .session = session, .explain = true, .policy = Policy::similar});
  REQUIRE(shop.response.policy() == Policy::similar);
  REQUIRE_FALSE(shop.response.fallback());
  REQUIRE(shop.response.reason_id(shop.response.reasons(0)[0]) == "i1");
  REQUIRE(shop.response.reasons(0)[0].kind == ReasonKind::similar_to);
  // Without a session: like what the person's history ends with.
  shop.see("fan", "i1", test::now_us - 9);
  shop.see("fan", "i3", test::now_us - 5);
  shop.answer({.user = "fan", .explain = true, .policy = Policy::similar});
  REQUIRE(shop.response.policy() == Policy::similar);
  REQUIRE(shop.response.reason_id(shop.response.reasons(0)[0]) == "i3");
  for (const auto absent : {Policy::trending, Policy::seasonal, Policy::buy_again}) {
    const auto expected = shop.ids({.user = "u3"});
    REQUIRE(shop.ids({.user = "u3", .policy = absent}) == expected);
    REQUIRE(shop.response.policy() == Policy::personal);
    REQUIRE(shop.response.fallback());
  }
  REQUIRE_THAT(refusal([&] { shop.answer({.policy = Policy::none}); }), Contains("request.policy"));
  REQUIRE_THAT(refusal([&] { shop.answer({.policy = static_cast<Policy>(99)}); }), Contains("request.policy"));
  REQUIRE_THAT(refusal([&] { shop.answer({.op = serve::Op::similar, .items = session, .policy = Policy::popular}); }), Contains("request.policy"));
  REQUIRE_THAT(refusal([&] { static_cast<void>(shop.engine->call_json(R"({"policy": "trendng"})", shop.workspace, shop.response)); }), Contains("did you mean trending?"));
}

TEST_CASE("engine: recently viewed is the latest look first, without what was bought since", "[serve][engine_policy]") {
  Shop shop;
  const auto at = [](int minutes) { return test::now_us - minutes * 60 * us_per_second; };
  shop.see("w", "i1", at(90));
  shop.see("w", "i0", at(80));
  shop.see("w", "i3", at(70));
  shop.see("w", "i1", at(60));           // Looked at again: before i3 now.
  shop.see("w", "i0", at(50), "purchase");
  shop.see("w", "i5", at(45), "purchase");
  shop.see("w", "i5", at(40));           // Looked at after it was bought.
  shop.see("w", "i4", at(30));           // Out of stock.
  shop.see("w", "gone", at(20));         // Unknown to the generation.
  shop.see("w", "i2", at(10), "add_to_cart");
  REQUIRE(shop.ids({.user = "w", .policy = Policy::recently_viewed}) == std::vector<std::string>{"i5", "i1", "i3"});
  REQUIRE(shop.response.policy() == Policy::recently_viewed);
  REQUIRE_FALSE(shop.response.fallback());
  REQUIRE_THAT(shop.response.scores()[1], WithinRel(1 / (1 + 1.0 / 24), 1e-6));
  REQUIRE(shop.ids({.user = "w", .exclude_bought = true, .policy = Policy::recently_viewed}) == std::vector<std::string>{"i1", "i3"});
  REQUIRE(shop.ids({.user = "w", .count = 1, .policy = Policy::recently_viewed}) == std::vector<std::string>{"i5"});
  const std::vector<ItemKey> session{item_key("i3"), item_key("i8")};
  shop.answer({.user = "w", .session = session, .explain = true, .policy = Policy::recently_viewed});
  REQUIRE(shop.response.item_id(0) == "i8");
  REQUIRE(shop.response.item_id(1) == "i3");
  REQUIRE(shop.response.scores()[0] == 1);
  REQUIRE(shop.response.reasons(0)[0].kind == ReasonKind::recently_viewed);
  REQUIRE(shop.response.reasons(0)[0].key == item_key("i8"));
  // A refund: not bought after all.
  shop.see("w", "i0", at(5), "refund");
  REQUIRE(shop.ids({.user = "w", .policy = Policy::recently_viewed}) == std::vector<std::string>{"i5", "i1", "i3", "i0"});
  shop.answer({.user = "stranger", .policy = Policy::recently_viewed});
  REQUIRE(shop.response.policy() == Policy::popular);
  REQUIRE(shop.response.fallback());
}

TEST_CASE("recent views: a purchase at the time of the look counts as after it, in whatever order they came", "[serve][engine_policy]") {
  using data::EventKind;
  std::vector<data::WeighedEvent> events{{.item = 1, .kind = EventKind::purchase, .time_us = 5, .quantity = 1},
                                         {.item = 1, .kind = EventKind::view_item, .time_us = 5, .quantity = 1},
                                         {.item = 2, .kind = EventKind::dwell, .time_us = 5, .quantity = 1},
                                         {.item = 3, .kind = EventKind::select_item, .time_us = 5, .quantity = 1}};
  std::vector<serve::View> scratch;
  std::vector<Scored> out(4);
  REQUIRE(serve::rank_recent_views(events, 5, nullptr, scratch, out) == 2);
  REQUIRE((value(out[0].item) == 3 && value(out[1].item) == 2));
  REQUIRE(serve::rank_recent_views({}, 5, nullptr, scratch, out) == 0);
  REQUIRE(serve::rank_recent_views(events, 5, nullptr, scratch, std::span(out).first(1)) == 1);
}

TEST_CASE("engine: a category keeps its own items and those under it, whatever the policy", "[serve][engine_policy]") {
  Shop shop;
  for (const auto policy : every_policy) {
    CAPTURE(serve::name(policy));
    const auto mugs = shop.ids({.user = "stranger", .policy = policy, .category = "home"});
    REQUIRE(std::set<std::string>(mugs.begin(), mugs.end()) == std::set<std::string>{"i0", "i2"});  // i4 and i6 are out of stock, i8 is "homely".
    for (const auto& id : shop.ids({.user = "u3", .exclude_seen = false, .policy = policy, .category = "office"}))
      REQUIRE(std::set<std::string>{"i1", "i3", "i5", "new"}.contains(id));
  }
  REQUIRE(shop.ids({.user = "stranger", .category = "home/mugs"}).size() == 2);
  const std::vector<ItemKey> item{item_key("i0")};
  REQUIRE(shop.ids({.op = serve::Op::similar, .items = item, .category = "home"}) == std::vector<std::string>{"i2"});
  const auto id = shop.response.request_id();
  REQUIRE_THAT(refusal([&] { shop.answer({.category = "home/mugz"}); }), Contains("request.category") && Contains("did you mean home/mugs?"));
  REQUIRE_THAT(refusal([&] { shop.answer({.category = "hom"}); }), Contains("home"));
  REQUIRE_THAT(refusal([&] { shop.answer({.category = "home/"}); }), Contains("did you mean home?"));
  REQUIRE(shop.response.request_id() == id);
  test::Shop bare;
  REQUIRE_THAT(refusal([&] { bare.answer({.category = "home"}); }), Contains("no item of generation 00000001 has a category"));
}

TEST_CASE("engine: more categories than a workspace keeps are answered alike, and a new generation forgets them", "[serve][engine_policy]") {
  Shop shop;
  const std::vector<std::string> paths{"home", "home/mugs", "homely", "office", "office/pens", "office/new"};
  std::vector<std::vector<std::string>> first;
  for (int round = 0; round < 3; ++round)
    for (std::size_t i = 0; i < paths.size(); ++i) {
      const auto ids = shop.ids({.policy = Policy::popular, .category = paths[i]});
      if (round == 0) first.push_back(ids);
      REQUIRE(ids == first[i]);
    }
  serve::TrainInputs inputs;
  inputs.items = shop.folder.write("items.csv", "item,category\ni1,home\n");
  serve::train(*shop.store, inputs, serve::train_config_from_json(test::quick_config, "config"), test::one_thread());
  REQUIRE(shop.engine->reload());
  REQUIRE(shop.ids({.category = "home"}) == std::vector<std::string>{"i1"});
  REQUIRE_THAT(refusal([&] { shop.answer({.category = "office"}); }), Contains("which no item has"));
}

TEST_CASE("engine: what is out of stock is never answered, but may be a reason", "[serve][engine_policy]") {
  Shop shop;
  for (const auto policy : every_policy)
    for (const bool seen : {true, false}) {
      const auto ids = shop.ids({.user = "u2", .count = 100, .exclude_seen = seen, .policy = policy});
      REQUIRE_FALSE(ids.empty());
      REQUIRE(test::disjoint(ids, {"i4", "i6"}));
    }
  const std::vector<ItemKey> item{item_key("i4")};
  shop.answer({.op = serve::Op::similar, .items = item, .count = 100, .explain = true});
  REQUIRE(shop.response.policy() == Policy::similar);
  REQUIRE(shop.response.reason_id(shop.response.reasons(0)[0]) == "i4");
  for (std::size_t slot = 0; slot < shop.response.items().size(); ++slot) REQUIRE(shop.response.item_id(slot) != "i6");
}

TEST_CASE("engine: every explained item has a reason, whatever answered", "[serve][engine_policy]") {
  Shop shop;
  std::size_t answers = 0;
  for (int person = 0; person < 40; ++person)
    for (const auto policy : every_policy) {
      const auto user = "u" + std::to_string(person);
      shop.answer({.user = user, .count = 100, .exclude_seen = person % 2 == 0, .explain = true, .policy = policy});
      for (std::size_t slot = 0; slot < shop.response.items().size(); ++slot, ++answers) {
        const auto reasons = shop.response.reasons(slot);
        REQUIRE((!reasons.empty() && reasons.size() <= 3));
        for (const auto& reason : reasons) {
          REQUIRE_FALSE(shop.response.reason_id(reason).empty());
          const bool itself = reason.kind != ReasonKind::because_of && reason.kind != ReasonKind::similar_to;
          REQUIRE((!itself || reason.key == shop.response.keys()[slot]));
        }
      }
    }
  REQUIRE(answers > 1000);
}

TEST_CASE("category index: what lies under a path is found together, as a scan finds it", "[serve][engine_policy]") {
  struct Table final : store::ItemTable {
    std::vector<std::string> categories;
    std::uint32_t size() const noexcept override { return static_cast<std::uint32_t>(categories.size()); }
    ItemKey key(ItemIndex item) const noexcept override { return ItemKey{value(item)}; }
    std::string_view id(ItemIndex) const noexcept override { return "id"; }
    std::string_view item_name(ItemIndex) const noexcept override { return {}; }
    std::string_view category(ItemIndex item) const noexcept override { return categories[value(item)]; }
    float price(ItemIndex) const noexcept override { return 0; }
    float stock(ItemIndex) const noexcept override { return 0; }
    std::optional<ItemIndex> find(ItemKey) const noexcept override { return {}; }
    std::vector<std::pair<std::string_view, std::string_view>> attributes(ItemIndex) const override { return {}; }
  } table;
  // Bytes below and above '/', empty levels, a path that only lies above others.
  const std::vector<std::string> words{"a", "a!", "a b", "a/b", "a/b/c", "a/bc", "a//b", "", "b/", "b", "/a", "\xc3\xa9/x", "c/d/e"};
  for (std::uint32_t i = 0; i < 200; ++i) table.categories.push_back(words[(i * 7 + i / 13) % words.size()]);
  const serve::CategoryIndex index(table);
  for (const auto* path : {"a", "a!", "a/b", "a/b/c", "a/", "b", "b/", "/a", "", "\xc3\xa9", "c", "c/d", "c/d/e", "c/d/e/f", "z"}) {
    std::vector<std::uint32_t> expected, found;
    for (std::uint32_t i = 0; i < table.size(); ++i) {
      const auto& own = table.categories[i];
      if (!own.empty() && (own == path || own.starts_with(std::string(path) + "/"))) expected.push_back(i);
    }
    for (const auto item : index.find(path)) found.push_back(value(item));
    std::sort(found.begin(), found.end());
    CAPTURE(path);
    REQUIRE(found == expected);
  }
}
