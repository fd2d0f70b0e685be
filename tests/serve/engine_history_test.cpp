/// How a person's events and session become an answer.
#include <algorithm>
#include <string>
#include <vector>

#include "pannier/data/event_log.hpp"
#include "pannier/data/interaction_matrix.hpp"
#include "pannier/model/vectors.hpp"
#include "pannier/serve/engine.hpp"
#include "pannier/serve/registry.hpp"
#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;

TEST_CASE("engine: equal events of one call without ids each count, and a repeated call counts none", "[serve][engine]") {
  test::Shop shop;
  const test::Line line{.time_us = test::now_us, .kind = "purchase", .user = "u1", .item = "i1"};
  const std::vector<data::Event> events{test::event_of(line), test::event_of(line)};
  REQUIRE(shop.engine->record(events).ingested == 2);
  REQUIRE(shop.engine->record(events).duplicates == 2);
  REQUIRE(shop.engine->record({}).ingested == 0);
}

TEST_CASE("engine: an anonymous session is folded in, and its unknown items change nothing", "[serve][engine]") {
  test::Shop shop;
  const std::vector<ItemKey> session{item_key("i1"), item_key("i5")};
  const auto ids = shop.ids({.session = session});
  REQUIRE(shop.response.policy() == serve::Policy::personal);
  REQUIRE_FALSE(shop.response.fallback());
  REQUIRE(test::disjoint(ids, {"i1", "i5"}));
  const std::vector<ItemKey> noisy{item_key("gone"), item_key("i1"), item_key(""), item_key("i5")};
  REQUIRE(shop.ids({.session = noisy}) == ids);
  const std::vector<ItemKey> unknown{item_key("gone")};
  shop.answer({.session = unknown});
  REQUIRE(shop.response.policy() == serve::Policy::popular);

  // A session is the same evidence as views recorded at the request's time.
  for (const auto* item : {"i1", "i5"}) {
    const test::Line line{.time_us = test::now_us, .kind = "view_item", .user = "viewer", .item = item};
    const auto event = test::event_of(line);
    shop.engine->record(std::span(&event, 1));
  }
  REQUIRE(shop.ids({.user = "viewer"}) == ids);
}

TEST_CASE("engine: seen and bought items return only when asked for", "[serve][engine]") {
  const auto lines = test::two_tastes();
  test::Shop shop(lines);
  const auto all = shop.ids({.user = "u3", .count = 24, .exclude_seen = false});
  REQUIRE(all.size() == 24);
  const auto bought = test::items_of(lines, "u3", "purchase");
  REQUIRE_FALSE(bought.empty());
  auto expected = all;
  std::erase_if(expected, [&](const auto& id) { return bought.contains(id); });
  REQUIRE(shop.ids({.user = "u3", .count = 24, .exclude_seen = false, .exclude_bought = true}) == expected);
  expected.resize(3);
  REQUIRE(shop.ids({.user = "u3", .count = 3, .exclude_seen = false, .exclude_bought = true}) == expected);
  auto unseen = all;
  const auto seen = test::items_of(lines, "u3");
  std::erase_if(unseen, [&](const auto& id) { return seen.contains(id); });
  REQUIRE(shop.ids({.user = "u3", .count = 24}) == unseen);
}

TEST_CASE("engine: an item seen without evidence is left out and changes no score", "[serve][engine]") {
  for (const auto* config : {test::quick_config.data(), R"({"models": [{"name": "popular"}, {"name": "item_knn", "neighbours": 3}]})"}) {
    test::Shop shop(test::two_tastes(), config);
    const auto before = shop.ids({.user = "u3", .count = 24});
    const std::vector<float> scores(shop.response.scores().begin(), shop.response.scores().end());
    const test::Line line{.time_us = test::now_us, .kind = "dwell", .user = "u3", .item = before[2]};
    const auto event = test::event_of(line);
    shop.engine->record(std::span(&event, 1));
    auto expected = before;
    expected.erase(expected.begin() + 2);
    REQUIRE(shop.ids({.user = "u3", .count = 24}) == expected);
    REQUIRE(shop.response.policy() == serve::Policy::personal);
    auto left = scores;
    left.erase(left.begin() + 2);
    REQUIRE(std::ranges::equal(shop.response.scores(), left));

    // Nothing but seen items is no evidence.
    const test::Line dwell{.time_us = test::now_us, .kind = "dwell", .user = "browser", .item = "i1"};
    const auto seen = test::event_of(dwell);
    shop.engine->record(std::span(&seen, 1));
    const auto popular = shop.ids({.user = "browser", .count = 24});
    REQUIRE(shop.response.policy() == serve::Policy::popular);
    REQUIRE(popular.size() == 23);
    REQUIRE(test::disjoint(popular, {"i1"}));
  }
}

TEST_CASE("engine: views of a session are evidence where the training had none for views", "[serve][engine]") {
  test::Shop shop(test::two_tastes(), R"({"events": {"weights": {"purchase": 1}}, "models": [{"name": "popular"}, {"name": "ials", "factors": 8, "epochs": 4}]})");
  const std::vector<ItemKey> session{item_key("i1")};
  shop.answer({.session = session});
  REQUIRE(shop.response.policy() == serve::Policy::personal);
  const test::Line line{.time_us = test::now_us, .kind = "view_item", .user = "viewer", .item = "i1"};
  const auto event = test::event_of(line);
  shop.engine->record(std::span(&event, 1));
  shop.answer({.user = "viewer"});
  REQUIRE(shop.response.policy() == serve::Policy::popular);
}

TEST_CASE("engine: reasons are history items, largest share first", "[serve][engine]") {
  const auto lines = test::two_tastes();
  test::Shop shop(lines);
  shop.answer({.user = "u3", .explain = true});
  const auto seen = test::items_of(lines, "u3");
  std::size_t reasons = 0;
  for (std::size_t slot = 0; slot < shop.response.items().size(); ++slot) {
    const auto of_slot = shop.response.reasons(slot);
    REQUIRE((!of_slot.empty() && of_slot.size() <= 3));
    REQUIRE(std::ranges::is_sorted(of_slot, std::ranges::greater{}, &serve::AnswerReason::weight));
    for (const auto& reason : of_slot) {
      REQUIRE(reason.key == item_key(shop.response.reason_id(reason)));
      if (reason.kind == serve::ReasonKind::popular) continue;  // Nothing of the history speaks for it.
      REQUIRE(reason.kind == serve::ReasonKind::because_of);
      REQUIRE(seen.contains(std::string(shop.response.reason_id(reason))));
      REQUIRE(reason.weight > 0);
    }
    reasons += of_slot.size();
  }
  REQUIRE(reasons > 0);

  const std::vector<ItemKey> item{item_key("i4")};
  shop.answer({.op = serve::Op::similar, .items = item, .explain = true});
  REQUIRE(shop.response.reasons(0).size() == 1);
  REQUIRE(shop.response.reason_id(shop.response.reasons(0)[0]) == "i4");
  REQUIRE(shop.response.reasons(0)[0].weight == shop.response.scores()[0]);
  shop.answer({.explain = true});
  REQUIRE(shop.response.policy() == serve::Policy::popular);
  REQUIRE(shop.response.reasons(0).size() == 1);
  REQUIRE(shop.response.reasons(0)[0].kind == serve::ReasonKind::popular);
  REQUIRE(shop.response.reasons(0)[0].key == shop.response.keys()[0]);
  REQUIRE(shop.response.reasons(0)[0].weight == shop.response.scores()[0]);
}

TEST_CASE("engine: for people of the training data the scores are those of the fit's own rows", "[serve][engine]") {
  test::Shop shop;
  data::EventLog log;
  shop.store->people().scan(0, shop.store->people().last_sequence(), [&](const store::StoredEvent& row) {
    const auto& event = row.event;
    log.append(row.person, event.item, event.item_name, event.kind, event.time_us, event.quantity, event.price, event.order);
  });
  const auto config = serve::train_config_from_json(test::quick_config, "config");
  const auto matrix = data::build_interactions(log, config.events, 0);
  const auto fitted = serve::fit_model("ials", config.models[2].config_json, matrix, test::one_thread());
  const auto vectors = fitted.model->vectors()->item_vectors();
  for (const std::string user : {"u0", "u3", "u17", "u39"}) {
    const auto person = log.find_person(user_key(PersonSort::user, user)).value();
    shop.answer({.user = user, .count = 24, .exclude_seen = false});
    REQUIRE(shop.response.items().size() == 24);
    for (std::size_t slot = 0; slot < 24; ++slot) {
      const auto item = log.find_item(shop.response.keys()[slot]).value();
      double own = 0;
      for (std::size_t k = 0; k < vectors.cols; ++k)
        own += static_cast<double>(fitted.user_factors.row(person)[k]) * static_cast<double>(vectors.row(value(item))[k]);
      REQUIRE_THAT(static_cast<double>(shop.response.scores()[slot]), WithinAbs(own, 1e-5));  // The promise of the design.
    }
  }
}

TEST_CASE("engine: a person left out of the training gets exactly the answers of a twin who was in it", "[serve][engine]") {
  for (const auto* config : {test::quick_config.data(),
                             R"({"events": {"half_life_days": 3}, "models": [{"name": "popular"}, {"name": "ials", "factors": 8, "epochs": 4}]})",
                             R"({"models": [{"name": "popular"}, {"name": "item_knn"}]})"}) {
    test::Shop shop(test::two_tastes(), config);
    for (const std::string twin : {"u2", "u5", "u21"}) {
      for (auto line : test::two_tastes()) {
        if (line.user != twin) continue;
        line.user = "stranger-" + twin;
        const auto event = test::event_of(line);
        shop.engine->record(std::span(&event, 1));
      }
      const auto expected = shop.ids({.user = twin, .count = 24});
      const std::vector<float> scores(shop.response.scores().begin(), shop.response.scores().end());
      const auto stranger = "stranger-" + twin;
      REQUIRE(shop.ids({.user = stranger, .count = 24}) == expected);
      REQUIRE(shop.response.policy() == serve::Policy::personal);
      REQUIRE(std::ranges::equal(shop.response.scores(), scores));
    }
  }
}

TEST_CASE("engine: decay counts to the request's time", "[serve][engine]") {
  auto lines = test::two_tastes();
  test::Shop shop(lines, R"({"events": {"half_life_days": 2}, "models": [{"name": "popular"}, {"name": "ials", "factors": 8, "epochs": 4}]})");
  const auto soon = shop.ids({.user = "u3", .time_us = lines.back().time_us});
  const auto score = shop.response.scores()[0];
  shop.answer({.user = "u3", .time_us = lines.back().time_us + 10 * us_per_day});
  REQUIRE(shop.response.policy() == serve::Policy::personal);
  REQUIRE(shop.response.scores()[0] != score);
  REQUIRE(shop.ids({.user = "u3", .time_us = lines.back().time_us}) == soon);
}

TEST_CASE("engine: a blend that stands beside its members answers the personal step, with reasons, and knows nobody by number", "[serve][engine]") {
  const auto lines = test::two_tastes();
  test::Shop shop(lines, R"({"models": [{"name": "popular"}, {"name": "item_knn", "neighbours": 10}, {"name": "ials", "factors": 8, "epochs": 4}, {"name": "buy_again"}, {"name": "blend"}]})");
  serve::Request request{.user = "u3", .count = 6, .explain = true};
  const auto ids = shop.ids(request);
  REQUIRE_FALSE(ids.empty());
  REQUIRE(shop.response.policy() == serve::Policy::personal);
  REQUIRE(test::disjoint(ids, test::items_of(lines, "u3")));
  for (std::size_t slot = 0; slot < ids.size(); ++slot) REQUIRE_FALSE(shop.response.reasons(slot).empty());
  const std::vector<float> scores(shop.response.scores().begin(), shop.response.scores().end());
  // Somebody with the same events who was not trained on gets the same answer.
  auto twin = lines;
  std::erase_if(twin, [](const test::Line& line) { return line.user != "u3"; });
  for (auto& line : twin) line.user = "twin", shop.engine->record(std::vector{test::event_of(line)});
  request.user = "twin";
  REQUIRE(shop.ids(request) == ids);
  REQUIRE(std::vector<float>(shop.response.scores().begin(), shop.response.scores().end()) == scores);
  // What was bought comes back where seen items may return.
  request.exclude_seen = false;
  REQUIRE_FALSE(shop.ids(request).empty());
}
