#include "pannier/popularity/trending.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/purchase_log.hpp"

using namespace pannier;
using popularity::fit_trending;
using support::buy;
using support::day_0;

namespace {

std::vector<Scored> ranked(const model::Recommender& model) {
  model::Workspace workspace;
  std::vector<Scored> out(model.item_count());
  out.resize(model.recommend({}, {.count = model.item_count()}, workspace, out));
  return out;
}

/// Every item's score.
std::vector<float> scores(const model::Recommender& model) {
  model::Workspace workspace;
  std::vector<ItemIndex> items;
  for (std::uint32_t i = 0; i < model.item_count(); ++i) items.push_back(ItemIndex{i});
  std::vector<float> out(items.size());
  model.score({}, items, workspace, out);
  return out;
}

constexpr std::int64_t day_100 = day_0 + 100 * us_per_day;

/// As many purchases of the item in each of 100 days as `rate` says.
template <class Rate>
void sell(data::EventLog& log, const std::string& item, const Rate& rate) {
  for (int day = 0; day < 100; ++day)
    for (int n = 0; n < rate(day); ++n) buy(log, "u" + std::to_string(n) + item, item, day + 0.5);
}

struct Sale {
  std::size_t item;
  double day;
  data::EventKind kind;
};

/// Purchases, views, carts and refunds of 30 items over 110 days, a third of them of the last days.
std::vector<Sale> many_sales() {
  constexpr data::EventKind kinds[] = {data::EventKind::purchase, data::EventKind::view_item, data::EventKind::add_to_cart, data::EventKind::refund};
  Random random(11);
  std::vector<Sale> out;
  for (int n = 0; n < 3000; ++n) {
    const auto item = random.below(30);
    const bool late = random.uniform() < (item % 5 == 0 ? 0.5 : 0.25);
    out.push_back({.item = item, .day = late ? 95 + 15 * random.uniform() : 100 * random.uniform(), .kind = kinds[random.below(4)]});
  }
  return out;
}

data::EventLog log_of(const std::vector<Sale>& sales) {
  data::EventLog log;
  for (int i = 0; i < 31; ++i) static_cast<void>(log.add_item("i" + std::to_string(i)));
  for (const auto& sale : sales) buy(log, "ann", "i" + std::to_string(sale.item), sale.day, 1, sale.kind);
  return log;
}

/// The score by its definition, with a pass over the sales for every item.
double slow_score(const std::vector<Sale>& sales, const std::vector<std::string_view>& categories, std::size_t item, const popularity::TrendingConfig& config) {
  const auto sum = [&](const auto& counts, const auto& part) {
    double out = 0;
    for (const auto& sale : sales) {
      if (sale.kind == data::EventKind::refund || !counts(sale.item)) continue;
      const double weight = sale.kind == data::EventKind::purchase ? 1 : sale.kind == data::EventKind::add_to_cart ? 0.6 : 0.2;
      const double age = std::max(0.0, 100 - sale.day) / config.half_life_days;
      out += part(weight * std::exp2(-age), weight * (std::exp2(-age / config.past) - std::exp2(-age)));
    }
    return out;
  };
  const auto now = [](double present, double) { return present; };
  const auto past = [](double, double before) { return before; };
  const auto squares = [](double present, double) { return present * present; };
  const auto all = [](std::size_t) { return true; };
  const auto own = [&](std::size_t i) { return i == item; };
  const auto alike = [&](std::size_t i) { return categories[i] == categories[item]; };
  const double shop = sum(all, now) / sum(all, past);
  const double rise = categories[item].empty() ? shop : (sum(alike, now) + config.shrinkage * shop) / (sum(alike, past) + config.shrinkage);
  const double x = sum(own, now) + config.floor, e = sum(own, past) * rise + config.floor;
  return x > e ? std::sqrt(2 * x * sum(own, now) / sum(own, squares) * (std::log(x / e) - 1 + e / x)) : 0;
}

}  // namespace

TEST_CASE("trending: keeps the promises of a recommender", "[popularity][trending]") {
  conformance::check({.fit = [](const CsrView& events, const FitControl& control) -> conformance::Model {
                        // A shop on its first day: it has a present alone, and everything that was bought is above its past.
                        return fit_trending(support::purchase_log(events), {}, day_0, {}, {}, control).model;
                      },
                      .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return popularity::read_trending(reader, items); },
                      .personal = false,
                      .by_evidence = true,
                      .similar = false,
                      .weighs = false});
}

TEST_CASE("trending: what rises comes first, and what is steady or falls is left out", "[popularity][trending]") {
  data::EventLog log;
  sell(log, "steady", [](int) { return 6; });
  sell(log, "rising", [](int day) { return day < 85 ? 2 : 9; });
  sell(log, "falling", [](int day) { return day < 60 ? 8 : 1; });
  sell(log, "fresh", [](int day) { return day < 95 ? 0 : 5; });
  const auto trend = ranked(*fit_trending(log, {}, day_100, {}, {}).model);
  REQUIRE(trend.size() >= 2);
  REQUIRE((trend[0].item == ItemIndex{1} || trend[0].item == ItemIndex{3}));
  REQUIRE((trend[1].item == ItemIndex{1} || trend[1].item == ItemIndex{3}));
  for (const auto& [item, z] : trend) {
    REQUIRE(item != ItemIndex{2});
    if (item == ItemIndex{0}) REQUIRE(z < trend[1].score / 3);
  }
}

TEST_CASE("trending: a category's season is no trend of its items", "[popularity][trending]") {
  data::EventLog log;
  for (int n = 0; n < 8; ++n) sell(log, "garland" + std::to_string(n), [](int day) { return day < 90 ? 2 : 8; });
  sell(log, "star", [](int day) { return day < 90 ? 2 : 14; });
  for (int n = 0; n < 8; ++n) sell(log, "mug" + std::to_string(n), [](int) { return 4; });
  std::vector<std::string_view> categories(17, "mugs");
  for (int n = 0; n < 9; ++n) categories[static_cast<std::size_t>(n)] = "christmas";
  const auto with = ranked(*fit_trending(log, {}, day_100, categories, {}).model), without = ranked(*fit_trending(log, {}, day_100, {}, {}).model);
  REQUIRE(with[0].item == ItemIndex{8});
  // Without categories the garlands stand just behind the star; with them they are far behind.
  REQUIRE(without.size() >= 9);
  REQUIRE((with.size() < 2 || with[1].score < 0.5f * without[1].score));
  REQUIRE_THROWS_WITH(fit_trending(log, {}, day_100, std::span(categories).first(2), {}), StartsWith("categories"));
}

TEST_CASE("trending: the score is the likelihood ratio by hand", "[popularity][trending]") {
  data::EventLog log;
  buy(log, "ann", "a", 100);
  buy(log, "bob", "a", 93);
  buy(log, "cy", "b", 44);
  buy(log, "cy", "b", 100, 1, data::EventKind::view_item);
  buy(log, "cy", "b", 100, 1, data::EventKind::refund);
  const auto trend = ranked(*fit_trending(log, {}, day_100, {}, {.floor = 0.5}).model);
  // Half-lives of 7 and 56 days; a view weighs a fifth of a purchase.
  const double present_a = 1 + 0.5, past_a = std::exp2(-0.125) - 0.5, squares_a = 1 + 0.25;
  const double present_b = std::exp2(-8) + 0.2, past_b = 0.5 - std::exp2(-8);
  const double rise = (present_a + present_b) / (past_a + past_b);
  const double x = present_a + 0.5, e = past_a * rise + 0.5;
  const double z = std::sqrt(2 * x * present_a / squares_a * (std::log(x / e) - 1 + e / x));
  REQUIRE(trend.size() == 1);
  REQUIRE(trend[0].item == ItemIndex{0});
  CHECK_THAT(trend[0].score, WithinRel(static_cast<float>(z), 1e-5f));
  REQUIRE_THROWS_WITH(fit_trending(data::EventLog(), {}, 0, {}, {}), StartsWith("log: has no items"));
  REQUIRE_THROWS_WITH(fit_trending(log, {}, 0, {}, {.past = 1}), Contains("past"));
}

TEST_CASE("trending: many scores are those of the definition, whatever the order of the log", "[popularity][trending]") {
  auto sales = many_sales();
  std::vector<std::string_view> categories;
  for (int i = 0; i < 31; ++i) categories.push_back(i % 4 == 0 ? "" : i % 4 == 1 ? "a" : "b");
  const popularity::TrendingConfig config{.half_life_days = 5, .past = 6, .floor = 1, .shrinkage = 30};
  const auto found = scores(*fit_trending(log_of(sales), {}, day_100, categories, config).model);
  std::size_t above = 0;
  for (std::size_t i = 0; i < 30; ++i) {
    INFO("item " << i);
    const double expected = slow_score(sales, categories, i, config);
    // Decays are right to 1e-9, and near 0 a score is the root of a difference of that size.
    CHECK_THAT(static_cast<double>(found[i]), WithinRel(expected, 1e-5) || WithinAbs(expected, 1e-4));
    above += expected > 0.5;
  }
  REQUIRE(above >= 3);
  REQUIRE(found[30] == 0);   // Nobody ever saw it.
  std::reverse(sales.begin(), sales.end());
  const auto turned = scores(*fit_trending(log_of(sales), {}, day_100, categories, config).model);
  for (std::size_t i = 0; i < 31; ++i) CHECK_THAT(turned[i], WithinRel(found[i], 1e-5f) || WithinAbs(found[i], 1e-4f));
}
