#include "pannier/popularity/seasonal.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/time.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/memory_sections.hpp"
#include "support/purchase_log.hpp"

using namespace pannier;
using popularity::fit_seasonal;
using popularity::Season;
using popularity::season_of;

namespace {

std::int64_t at(const char* text) { return *parse_time(text); }

void sell(data::EventLog& log, const std::string& item, const char* time, int count) {
  for (int n = 0; n < count; ++n) support::buy(log, "u" + std::to_string(n), item, static_cast<double>(at(time) - support::day_0) / static_cast<double>(us_per_day));
}

std::vector<Scored> ranked(const model::Recommender& model, std::int64_t time_us) {
  model::Workspace workspace;
  std::vector<Scored> out(model.item_count());
  out.resize(model.recommend({}, {.count = model.item_count(), .allowed = nullptr, .exclude_history = true, .time_us = time_us}, workspace, out));
  return out;
}

struct Event {
  std::size_t item;
  std::int64_t time_us;
  data::EventKind kind;
};

/// Purchases, views and refunds of 12 items over two years; each has hours that it likes.
std::vector<Event> many_events() {
  constexpr data::EventKind kinds[] = {data::EventKind::purchase, data::EventKind::view_item, data::EventKind::refund};
  Random random(5);
  std::vector<Event> out;
  for (int n = 0; n < 4000; ++n) {
    const auto item = random.below(12);
    const auto hour = random.uniform() < 0.5 ? item * 2 : random.below(24);
    out.push_back({.item = item,
                   .time_us = at("2023-01-01") + static_cast<std::int64_t>(random.below(700) * 24 + hour) * 3600 * us_per_second,
                   .kind = kinds[random.below(3)]});
  }
  return out;
}

/// Items 0 to 11, and item 12 that nobody ever saw.
data::EventLog log_of(const std::vector<Event>& events) {
  data::EventLog log;
  for (int i = 0; i < 13; ++i) static_cast<void>(log.add_item("i" + std::to_string(i)));
  for (const auto& [item, time_us, kind] : events) log.append({}, "i" + std::to_string(item), {}, kind, time_us, 1, 1, "order");
  return log;
}

/// The score by its definition, with passes over the events for every item.
double slow_score(const std::vector<Event>& events, std::size_t item, std::int64_t time_us, const popularity::SeasonalConfig& config) {
  const auto sum = [&](const auto& counts) {
    double out = 0;
    for (const auto& event : events)
      if (event.kind != data::EventKind::refund && counts(event)) out += event.kind == data::EventKind::purchase ? 1 : 0.2;
    return out;
  };
  const auto season = season_of(time_us, config.utc_offset);
  const auto own = [&](const Event& event) { return event.item == item; };
  const double n = sum(own);
  double score = n;
  const auto weigh = [&](const auto& inside) {
    const double q = sum(inside) / sum([](const Event&) { return true; });
    if (q > 0) score *= (sum([&](const Event& event) { return own(event) && inside(event); }) / q + config.shrinkage) / (n + config.shrinkage);
  };
  weigh([&](const Event& event) { return season_of(event.time_us, config.utc_offset).hour == season.hour; });
  weigh([&](const Event& event) { return season_of(event.time_us, config.utc_offset).week == season.week; });
  return score;
}

std::vector<ItemIndex> in_order(std::uint32_t items) {
  std::vector<ItemIndex> out;
  for (std::uint32_t i = 0; i < items; ++i) out.push_back(ItemIndex{i});
  return out;
}

}  // namespace

TEST_CASE("seasonal: keeps the promises of a recommender", "[popularity][seasonal]") {
  conformance::check({.fit = [](const CsrView& events, const FitControl& control) -> conformance::Model { return fit_seasonal(support::purchase_log(events), {}, {}, control).model; },
                      .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return popularity::read_seasonal(reader, items); },
                      .personal = false,
                      .by_evidence = true,
                      .similar = false,
                      .weighs = false});
}

TEST_CASE("seasonal: the hours of the week and the weeks of the year by the calendar", "[popularity][seasonal]") {
  REQUIRE(season_of(at("2024-01-01T00:00:00Z"), 0) == Season{0, 0});             // a Monday
  REQUIRE(season_of(at("2024-01-07T23:59:59Z"), 0) == Season{167, 0});
  REQUIRE(season_of(at("2024-01-08T00:00:00Z"), 0) == Season{0, 1});
  REQUIRE(season_of(at("2024-12-31T12:00:00Z"), 0) == Season{24 + 12, 52});      // the 366th day, a Tuesday
  REQUIRE(season_of(at("2023-12-31T23:30:00Z"), 1) == Season{0, 0});             // already Monday, and the new year, an hour further east
  REQUIRE(season_of(at("2024-01-01T00:30:00Z"), -1.5) == Season{6 * 24 + 23, 52});
  REQUIRE(season_of(std::numeric_limits<std::int64_t>::max(), 24) == season_of(latest_time_us, 24));
  REQUIRE(season_of(std::numeric_limits<std::int64_t>::min(), -24) == Season{2 * 24, 52});
  REQUIRE(season_of(0, 0) == Season{3 * 24, 0});                                 // 1970 began on a Thursday
}

TEST_CASE("seasonal: by hand, a season's share against the item's own", "[popularity][seasonal]") {
  data::EventLog log;
  sell(log, "coffee", "2024-03-04T08:30:00Z", 6);   // Monday morning
  sell(log, "wine", "2024-03-09T20:30:00Z", 10);    // Saturday evening of the same week
  const auto model = fit_seasonal(log, {}, {.shrinkage = 4}).model;
  REQUIRE(ranked(*model, 0) == std::vector<Scored>{{ItemIndex{1}, 10}, {ItemIndex{0}, 6}});
  const auto monday = ranked(*model, at("2024-06-03T08:00:00Z"));   // a week that never was: only the hour counts
  REQUIRE(monday[0].item == ItemIndex{0});
  CHECK_THAT(monday[0].score, WithinRel(6 * (6 / (6.0f / 16) + 4) / (6 + 4), 1e-5f));
  CHECK_THAT(monday[1].score, WithinRel(10 * 4.0f / (10 + 4), 1e-5f));
  // In the one week that was, everything is spread like the shop: its r is 1.
  const auto same_week = ranked(*model, at("2024-03-08T03:00:00Z"));
  REQUIRE(same_week.size() == 2);
  CHECK_THAT(same_week[0].score, WithinRel(10.0f, 1e-5f));
  CHECK_THAT(same_week[1].score, WithinRel(6.0f, 1e-5f));
  REQUIRE(ranked(*model, at("2024-06-08T20:00:00Z"))[0].item == ItemIndex{1});
}

TEST_CASE("seasonal: the shop's clock decides the hour", "[popularity][seasonal]") {
  data::EventLog log;
  sell(log, "coffee", "2024-03-04T07:30:00Z", 6);
  sell(log, "wine", "2024-03-09T20:30:00Z", 10);
  const auto model = fit_seasonal(log, {}, {.shrinkage = 4, .utc_offset = 2}).model;
  REQUIRE(ranked(*model, at("2024-06-03T07:59:00Z"))[0].item == ItemIndex{0});
  REQUIRE_THROWS_WITH(fit_seasonal(log, {}, {.shrinkage = 4, .utc_offset = 25}), Contains("utc_offset"));
  REQUIRE_THROWS_WITH(fit_seasonal(data::EventLog(), {}, {}), StartsWith("log: has no items"));
}

TEST_CASE("seasonal: many scores are those of the definition, people known or not", "[popularity][seasonal]") {
  const auto events = many_events();
  const popularity::SeasonalConfig config{.shrinkage = 7, .utc_offset = -5.5};
  const auto model = fit_seasonal(log_of(events), {}, config).model;
  model::Workspace workspace;
  std::vector<float> plain(13);
  model->score({}, in_order(13), workspace, plain);
  for (const auto time_us : {at("2023-02-01T07:10:00Z"), at("2024-12-30T23:59:00Z"), at("2024-06-15T12:00:00Z"), at("2031-01-01T01:00:00Z")}) {
    const auto found = ranked(*model, time_us);
    REQUIRE(found.size() == 12);   // without the item that nobody saw
    for (std::size_t n = 0; n < found.size(); ++n) {
      REQUIRE(value(found[n].item) < 12);
      if (n > 0) REQUIRE(ranks_before(found[n - 1], found[n]));
      CHECK_THAT(static_cast<double>(found[n].score), WithinRel(slow_score(events, value(found[n].item), time_us, config), 1e-5));
    }
  }
  for (const auto& [item, score] : ranked(*model, 0)) REQUIRE(score == plain[value(item)]);
  REQUIRE(plain[12] == 0);
  // A filter and the history remove here too.
  ItemSet allowed(13);
  for (const std::uint32_t i : {2u, 3u, 5u, 12u}) allowed.insert(ItemIndex{i});
  const std::vector<ItemIndex> seen{ItemIndex{3}};
  const std::vector<float> weights{1};
  std::vector<Scored> out(13);
  out.resize(model->recommend({.items = seen, .weights = weights, .kinds = {}, .ages_us = {}}, {.count = 13, .allowed = &allowed, .time_us = at("2023-02-01T07:10:00Z")}, workspace, out));
  REQUIRE(out.size() == 2);
}

TEST_CASE("seasonal: what is written in another order of items answers alike at a time, and damaged seasons are survived", "[popularity][seasonal]") {
  const auto model = fit_seasonal(log_of(many_events()), {}, {}).model;
  auto old_index = in_order(13), new_index = in_order(13);
  for (std::uint32_t i = 0; i < 13; ++i) old_index[i] = ItemIndex{i * 5 % 13};
  for (std::uint32_t i = 0; i < 13; ++i) new_index[value(old_index[i])] = ItemIndex{i};
  support::MemoryWriter writer;
  model->write(writer, {old_index, new_index});
  const auto time_us = at("2024-03-06T06:00:00Z");
  auto there = ranked(*popularity::read_seasonal(support::MemoryReader(writer, model->config_json()), 13), time_us);
  for (auto& scored : there) scored.item = old_index[value(scored.item)];
  REQUIRE(there == ranked(*model, time_us));
  std::size_t other_answers = 0;
  for (const auto& [name, bytes] : writer.sections())
    for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 1 + bytes.size() / 400) {
      support::MemoryReader reader(writer, model->config_json());
      reader.flip(name, bit);
      try {
        const auto damaged = popularity::read_seasonal(reader, 13);
        for (int hour = 0; hour < 24; hour += 6) {
          const auto answers = ranked(*damaged, time_us + hour * 3600 * us_per_second);
          for (const auto& [item, score] : answers) {
            if (value(item) >= 13 || std::isnan(score)) FAIL(name << " bit " << bit);
          }
          other_answers += hour == 0 && answers != ranked(*model, time_us);
        }
      } catch (const Error& error) {
        if (error.code() != ErrorCode::malformed_input) FAIL("refused with " << error.what());
      }
    }
  REQUIRE(other_answers > 0);   // the damage was met
}
