// The policies trending and seasonal, over the models of these names.
#include <string>
#include <vector>

#include "pannier/serve/engine.hpp"
#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;
using serve::Policy;
using serve::ReasonKind;

namespace {

constexpr std::int64_t us_per_hour = 3600 * us_per_second;

/// Adds `count` purchases at one time, each by another person.
void sell(std::vector<test::Line>& lines, const std::string& item, std::int64_t time_us, int count) {
  for (int n = 0; n < count; ++n) lines.push_back({.time_us = time_us + n, .kind = "purchase", .user = item + "-" + std::to_string(n), .item = item});
}

}  // namespace

TEST_CASE("engine: trending answers what rises first, of a category too, with itself as the reason", "[serve][engine_policy]") {
  constexpr std::string_view config = R"({"models": [{"name": "popular"}, {"name": "trending"}]})";
  std::vector<test::Line> lines;
  for (int day = 0; day < 40; ++day) {
    const auto noon = test::opening_us + day * us_per_day + us_per_day / 2;
    sell(lines, "mug", noon, 9);
    sell(lines, "bowl", noon, day < 33 ? 1 : 4);
    sell(lines, "pen", noon, day < 33 ? 1 : 8);
    sell(lines, "ink", noon, day < 30 ? 6 : 1);
  }
  test::Shop shop(lines, config);
  serve::TrainInputs inputs;
  inputs.items = shop.folder.write("items.csv", "item,category\nmug,home/table\nbowl,home/table\npen,office\nink,office\n");
  serve::train(*shop.store, inputs, serve::train_config_from_json(config, "config"), test::one_thread());
  REQUIRE(shop.engine->reload());
  const auto answer = shop.ids({.user = "stranger", .explain = true, .policy = Policy::trending});
  REQUIRE(shop.response.policy() == Policy::trending);
  REQUIRE_FALSE(shop.response.fallback());
  REQUIRE(answer.size() >= 2);
  REQUIRE(answer[0] == "pen");
  REQUIRE(answer[1] == "bowl");
  for (const auto& id : answer) REQUIRE(id != "ink");
  REQUIRE(shop.response.reasons(0).size() == 1);
  REQUIRE(shop.response.reasons(0)[0].kind == ReasonKind::trending);
  REQUIRE(shop.response.reason_id(shop.response.reasons(0)[0]) == "pen");
  REQUIRE(shop.response.reasons(0)[0].weight == shop.response.scores()[0]);
  REQUIRE(shop.ids({.user = "stranger", .policy = Policy::popular})[0] == "mug");
  const auto home = shop.ids({.user = "stranger", .policy = Policy::trending, .category = "home"});
  REQUIRE(shop.response.policy() == Policy::trending);
  REQUIRE(home.front() == "bowl");
  for (const auto& id : home) REQUIRE((id == "bowl" || id == "mug"));
  // Nothing of it rises but what was seen: the chain goes on.
  shop.answer({.user = "pen-0", .policy = Policy::trending, .category = "office"});
  REQUIRE(shop.response.fallback());
}

TEST_CASE("engine: seasonal answers by the request's time", "[serve][engine_policy]") {
  std::vector<test::Line> lines;
  const auto monday = *parse_time("2023-11-20");
  for (int week = 0; week < 4; ++week)
    for (int day = 0; day < 7; ++day) {
      const auto midnight = monday + (week * 7 + day) * us_per_day;
      if (day < 5) sell(lines, "coffee", midnight + 8 * us_per_hour, 2);
      if (day == 4 || day == 5) sell(lines, "wine", midnight + 20 * us_per_hour, 8);
    }
  test::Shop shop(lines, R"({"models": [{"name": "popular"}, {"name": "seasonal", "utc_offset": 1}]})");
  const auto first = [&](const char* time) {
    const auto ids = shop.ids({.user = "stranger", .time_us = *parse_time(time), .explain = true, .policy = Policy::seasonal});
    REQUIRE(shop.response.policy() == Policy::seasonal);
    REQUIRE_FALSE(shop.response.fallback());
    REQUIRE(ids.size() == 2);
    REQUIRE(shop.response.reasons(0)[0].kind == ReasonKind::seasonal);
    REQUIRE(shop.response.reason_id(shop.response.reasons(0)[0]) == ids[0]);
    return ids[0];
  };
  REQUIRE(first("2023-12-18T08:59:00Z") == "coffee");
  REQUIRE(first("2023-12-16T20:10:00Z") == "wine");
  REQUIRE(first("2023-12-18T09:00:00Z") == "wine");   // an hour in which nothing was bought: what is bought most
}
