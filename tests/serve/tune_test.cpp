#include "pannier/serve/tune.hpp"

#include <cmath>
#include <limits>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/evaluate/protocol.hpp"
#include "serve/json_text.hpp"
#include "serve/search_space.hpp"
#include "support/catch.hpp"
#include "support/purchase_log.hpp"
#include "support/synth.hpp"

using namespace pannier;
using serve::Json;

namespace {

Csr shop() { return synth::two_taste_groups({.users = 120, .items = 60, .seed = 3}); }

serve::TuneResult tuned(const serve::TuneConfig& config, int threads = 0) {
  return serve::tune(serve::hold_out_cells(shop(), 0.2, 1), config, {}, {}, {.execution = {.threads = threads}});
}

/// All but the seconds.
std::string told(const serve::TuneResult& result) {
  std::string out;
  for (const auto& trial : result.trials)
    out += trial.name + trial.config_json + Json(trial.fidelity).dump() + " " + Json(trial.metric).dump() + trial.failure + "\n";
  for (const auto& model : result.best) out += model.name + model.config_json;
  return out + Json(result.metric).dump() + result.stopped;
}

}  // namespace

TEST_CASE("tune: random cells are held out of rows that keep one, people in whole, the last events in time", "[serve][tune]") {
  const auto events = shop();
  const CsrView all = events;
  const auto cells = serve::hold_out_cells(events, 0.2, 1);
  const CsrView train = cells.split.train, test = cells.split.test;
  REQUIRE(train.nonzeros() + test.nonzeros() == all.nonzeros());
  // A fifth of about a thousand: five standard deviations.
  const double share = static_cast<double>(test.nonzeros()) / static_cast<double>(all.nonzeros());
  REQUIRE_THAT(share, WithinAbs(0.2, 5 * std::sqrt(0.16 / static_cast<double>(all.nonzeros()))));
  for (std::size_t r = 0; r < all.rows; ++r) {
    std::set<std::uint32_t> both(train.row_columns(r).begin(), train.row_columns(r).end());
    REQUIRE((all.row_columns(r).empty() || !both.empty()));
    both.insert(test.row_columns(r).begin(), test.row_columns(r).end());
    REQUIRE(std::vector<std::uint32_t>(both.begin(), both.end()) == std::vector<std::uint32_t>(all.row_columns(r).begin(), all.row_columns(r).end()));
  }
  REQUIRE(serve::hold_out_cells(events, 0.2, 1).split.test == cells.split.test);
  REQUIRE_FALSE(serve::hold_out_cells(events, 0.2, 2).split.test == cells.split.test);

  const auto people = serve::hold_out_people(events, 0.3, 1);
  const CsrView fitted = people.fitted, histories = people.split.train, to_find = people.split.test;
  std::size_t held_out = 0;
  for (std::size_t r = 0; r < all.rows; ++r) {
    REQUIRE(histories.row_columns(r).size() + to_find.row_columns(r).size() == all.row_columns(r).size());
    if (to_find.row_columns(r).empty()) {
      REQUIRE(fitted.row_columns(r).size() == all.row_columns(r).size());
      continue;
    }
    ++held_out;
    REQUIRE(fitted.row_columns(r).empty());
    REQUIRE_FALSE(histories.row_columns(r).empty());
    REQUIRE_THAT(static_cast<double>(to_find.row_columns(r).size()), WithinAbs(0.2 * static_cast<double>(all.row_columns(r).size()), 0.81));
  }
  REQUIRE_THAT(static_cast<double>(held_out), WithinAbs(36, 5 * std::sqrt(120 * 0.21)));

  // Of half of their items the rest is known; what nobody else has is not asked for.
  auto rare = events;
  rare.cols = 61;
  for (std::size_t r = 0; r < rare.rows; ++r) rare.offsets[r + 1] += static_cast<std::int64_t>(r + 1 >= 7 ? 1 : 0);
  rare.columns.insert(rare.columns.begin() + rare.offsets[7] - 1, 60);   // Person 6 alone has item 60.
  rare.values.insert(rare.values.begin() + rare.offsets[7] - 1, 1.0f);
  std::size_t unknown = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto half = serve::hold_out_people(rare, 0.5, seed, 0.5);
    const CsrView of_half = half.split.test, trained = half.fitted;
    std::set<std::uint32_t> known(trained.columns.begin(), trained.columns.end());
    for (const auto column : of_half.columns) REQUIRE(known.contains(column));
    std::size_t wanted = 0;
    for (std::size_t r = 0; r < rare.rows; ++r)
      if (const auto all_of = CsrView(rare).row_columns(r).size(); all_of > 1 && trained.row_columns(r).empty()) wanted += std::clamp<std::size_t>((all_of + 1) / 2, 1, all_of - 1);
    REQUIRE(of_half.nonzeros() + half.split.unknown_items == wanted);
    unknown += half.split.unknown_items;
  }
  REQUIRE(unknown > 0);

  const auto log = support::purchase_log(events);
  const auto last = serve::hold_out_last_days(log, {}, 10);
  REQUIRE(last.split.now_us == support::day_0 + 89 * us_per_day);   // The log's last purchase is of day 99.
  REQUIRE(last.split.test.columns.size() > 0);
  REQUIRE(Contains("last").match(last.told));
  const auto one_each = serve::hold_out_last_events(log, {});
  for (std::size_t r = 0; r < one_each.split.test.rows; ++r) REQUIRE(CsrView(one_each.split.test).row_columns(r).size() <= 1);
}

TEST_CASE("tune: a hold-out that holds nothing is refused by name", "[serve][tune]") {
  REQUIRE_THROWS_WITH(serve::hold_out_cells(shop(), 0.6, 1), StartsWith("share: is 0.6"));
  REQUIRE_THROWS_WITH(serve::hold_out_cells(shop(), std::nan(""), 1), StartsWith("share: "));
  const Csr single{3, 2, {0, 1, 2, 3}, {0, 1, 0}, {1, 1, 1}};
  REQUIRE_THROWS_WITH(serve::hold_out_cells(single, 0.2, 1), Contains("nothing to hold out"));
  REQUIRE_THROWS_WITH(serve::hold_out_people(single, 0.2, 1), Contains("nothing to hold out"));
  REQUIRE_THROWS_WITH(serve::hold_out_people(shop(), 0.2, 1, 1.0), StartsWith("fold_in: is 1"));
  Csr bad = shop();
  bad.values[0] = std::numeric_limits<float>::quiet_NaN();
  REQUIRE_THROWS_AS(serve::hold_out_cells(bad, 0.2, 1), Error);
  REQUIRE_THROWS_AS(serve::hold_out_last_days(data::EventLog(), {}, 0), Error);
}

TEST_CASE("tune: every setup names settings that its model has, inside of their ranges", "[serve][tune]") {
  for (const std::uint32_t items : {1u, 40u, 1000u, 1000000u})
    for (const auto& setup : serve::search_setups(items)) {
      CAPTURE(setup.model, setup.fixed_json, items);
      evaluate::Point low, high;
      for (const auto& dimension : setup.dimensions) low.push_back(dimension.low), high.push_back(dimension.high);
      for (const auto& point : {low, high}) static_cast<void>(serve::complete_settings(setup.model, serve::settings_of(setup, point), "setup"));
      evaluate::Search search({.dimensions = setup.dimensions, .starts = setup.starts});   // Refuses starts outside.
      REQUIRE(search.next().has_value());
      if (!setup.cost_of.empty()) REQUIRE(Json::parse(serve::settings_of(setup, low)).contains(setup.cost_of));
    }
}

TEST_CASE("tune: the metric of the best is what its settings give on the hold-out", "[serve][tune]") {
  const auto result = tuned({.model = "item_knn", .metric = "recall@5", .trials = 20});
  REQUIRE(result.trials.size() == 20);
  REQUIRE(result.best.size() == 1);
  REQUIRE(result.best[0].name == "item_knn");
  const auto holdout = serve::hold_out_cells(shop(), 0.2, 1);
  const auto model = serve::fit_model("item_knn", result.best[0].config_json, holdout.split.train).model;
  REQUIRE(evaluate::evaluate(*model, holdout.split, {.at = {5}}).metrics.at("recall@5") == result.metric);
  for (const auto& trial : result.trials) {
    REQUIRE(trial.name == "item_knn");
    if (trial.fidelity == 1 && trial.failure.empty()) REQUIRE(trial.metric <= result.metric);
  }
  REQUIRE(Contains("20 trials").match(result.stopped));
}

TEST_CASE("tune: the best of all models and blends, fitted in order, ranks as it was measured", "[serve][tune]") {
  const auto result = tuned({.model = "best", .trials = 40});
  std::set<std::string> models;
  for (const auto& trial : result.trials) models.insert(trial.name);
  REQUIRE(models.contains("popular"));
  REQUIRE(models.contains("item_knn"));
  REQUIRE(models.contains("ials"));
  REQUIRE(models.contains("blend"));
  REQUIRE_FALSE(models.contains("together"));
  const auto holdout = serve::hold_out_cells(shop(), 0.2, 1);
  std::vector<std::string_view> names;
  const auto fitted = serve::fit_in_order(result.best, holdout.fit_data(names));
  REQUIRE(evaluate::evaluate(*fitted.model, holdout.split, {.at = {20}}).metrics.at("ndcg@20") == result.metric);
  // The best is a train config's models.
  Json config = {{"models", Json::array()}};
  for (const auto& model : result.best) {
    auto entry = Json::parse(model.config_json);
    entry["name"] = model.name;
    config["models"].push_back(entry);
  }
  REQUIRE(serve::train_config_from_json(config.dump(), "config").models.size() == result.best.size());
}

TEST_CASE("tune: a blend is told with its members' settings and weights", "[serve][tune]") {
  const auto result = tuned({.model = "best", .trials = 40});
  bool seen = false;
  for (const auto& trial : result.trials) {
    if (trial.name != "blend" || !trial.failure.empty()) continue;
    seen = true;
    const auto config = Json::parse(trial.config_json);
    REQUIRE(config.contains("members"));
    REQUIRE(config.contains("weights"));
    REQUIRE(config.contains("scale"));
  }
  REQUIRE(seen);
}

TEST_CASE("tune: trials repeat for any number of threads", "[serve][tune]") {
  const serve::TuneConfig config{.model = "best", .trials = 30};
  const auto one = told(tuned(config, 1));
  REQUIRE(told(tuned(config, 3)) == one);
  REQUIRE(told(tuned({.model = "best", .trials = 30, .seed = 7}, 1)) != one);
}

TEST_CASE("tune: of people held out in whole models are fitted without them", "[serve][tune]") {
  const auto result = serve::tune(serve::hold_out_people(shop(), 0.3, 1), {.model = "ials", .trials = 6});
  const auto holdout = serve::hold_out_people(shop(), 0.3, 1);
  const auto model = serve::fit_model("ials", result.best[0].config_json, holdout.fitted).model;
  REQUIRE(evaluate::evaluate(*model, holdout.split, {.at = {20}}).metrics.at("ndcg@20") == result.metric);
}

TEST_CASE("tune: a log is tuned for what comes last, and models that read it are known", "[serve][tune]") {
  const auto log = support::purchase_log(synth::two_taste_groups({.users = 120, .items = 60, .seed = 3, .weighted = true}));
  const auto result = serve::tune(serve::hold_out_last_days(log, {}, 20), {.model = "best", .trials = 16});
  REQUIRE(result.trials.size() >= 15);
  REQUIRE(result.metric > 0);
}

TEST_CASE("tune: a model that cannot be fitted is a failed trial with its reason, and the error where nothing else is tried", "[serve][tune]") {
  std::vector<serve::TuneTrial> seen;
  REQUIRE_THROWS_WITH(serve::tune(serve::hold_out_cells(shop(), 0.2, 1), {.model = "together", .trials = 9}, {}, [&](const serve::TuneTrial& trial) { seen.push_back(trial); }),
                      StartsWith("together: reads orders"));
  REQUIRE(seen.size() == 3);   // Given up then.
  for (const auto& trial : seen) {
    REQUIRE(std::isnan(trial.metric));
    REQUIRE(Contains("only a matrix is known").match(trial.failure));
  }
}

TEST_CASE("tune: a model without settings is one trial", "[serve][tune]") {
  const auto result = tuned({.model = "popular", .trials = 30});
  REQUIRE(result.trials.size() == 1);
  REQUIRE(Contains("nothing was left").match(result.stopped));
}

TEST_CASE("tune: a budget ends the search and leaves the rest its time", "[serve][tune]") {
  // A clock that every look moves on, so that a trial takes a while.
  double now = 50;
  const auto clock = [&] { return now += 0.05; };
  const FitControl one{.execution = {.threads = 1}};
  const auto result = serve::tune(serve::hold_out_cells(shop(), 0.2, 1), {.model = "item_knn", .budget = 60}, {.people_to_rank = 120, .fit = true, .clock = clock}, {}, one);
  REQUIRE(result.trials.size() > 3);
  REQUIRE(now < 50 + 60);
  REQUIRE(Contains("budget of 60").match(result.stopped));
  REQUIRE(result.best.size() == 1);
  // All of it is spent already: not one trial.
  REQUIRE_THROWS_WITH(serve::tune(serve::hold_out_cells(shop(), 0.2, 1), {.model = "item_knn", .budget = 5}, {.seconds_spent = 6}), StartsWith("budget: ended before one trial"));
}

TEST_CASE("tune: a trial that outlasts the budget is broken off", "[serve][tune]") {
  double now = 0;
  int looks = 0;
  std::vector<serve::TuneTrial> seen;
  // Inside of the thirteenth trial time leaps; eight in part and three in full went before.
  const auto clock = [&] { return now += ++looks > 8 && seen.size() == 12 ? 100 : 0.001; };
  const auto each = [&](const serve::TuneTrial& trial) {
    seen.push_back(trial);
    looks = 0;
  };
  const auto result = serve::tune(serve::hold_out_cells(shop(), 0.2, 1), {.model = "ials", .budget = 60}, {.clock = clock}, each, {.execution = {.threads = 1}});
  REQUIRE(seen.size() == 13);
  REQUIRE(Contains("broken off").match(seen.back().failure));
  REQUIRE(result.best.size() == 1);
}

TEST_CASE("tune: stops when asked to and reports its trials", "[serve][tune]") {
  std::stop_source stop;
  std::size_t trials = 0;
  std::uint64_t reported = 0;
  const FitControl control{.progress = [&](const Progress& progress) { REQUIRE(progress.stage == "tuning"); reported = progress.done; }, .stop = stop.get_token()};
  REQUIRE_THROWS_WITH(serve::tune(serve::hold_out_cells(shop(), 0.2, 1), {.model = "best", .trials = 30}, {},
                                  [&](const serve::TuneTrial&) { if (++trials == 4) stop.request_stop(); }, control),
                      Contains("stopped after 4 of 30"));
  REQUIRE(trials == 4);
  REQUIRE(reported >= 3);
}

TEST_CASE("tune: an error of the caller's own is no failed trial", "[serve][tune]") {
  std::size_t trials = 0;
  const FitControl control{.progress = [&](const Progress& progress) { if (progress.done == 2) throw Error(ErrorCode::io_failure, "terminal", "is gone", "one"); }};
  REQUIRE_THROWS_WITH(serve::tune(serve::hold_out_cells(shop(), 0.2, 1), {.model = "ials", .trials = 30}, {}, [&](const serve::TuneTrial&) { ++trials; }, control), StartsWith("terminal"));
  REQUIRE(trials == 1);
}

TEST_CASE("tune: what makes no sense is refused by name", "[serve][tune]") {
  REQUIRE_THROWS_WITH(tuned({.model = "ial", .trials = 3}), StartsWith("model: is \"ial\"") && Contains("ials"));
  for (const auto* metric : {"ndcg", "ndcg@", "ndcg@0", "ndgc@20", "ndcg@20x", "ndcg@-1", "ndcg@020", "coverage@20", "@20"})
    REQUIRE_THROWS_WITH(tuned({.model = "popular", .metric = metric, .trials = 3}), StartsWith("metric: is "));
  REQUIRE_THROWS_WITH(tuned({.model = "popular"}), StartsWith("trials: are 0"));
  REQUIRE_THROWS_WITH(tuned({.model = "popular", .budget = std::nan("")}), Contains("budget"));
  REQUIRE_THROWS_WITH(tuned({.model = "popular", .trials = -1}), Contains("trials"));
  REQUIRE_THROWS_WITH(tuned({.model = "popular", .trials = 3, .people = 0}), Contains("people"));
  REQUIRE_THROWS_WITH(serve::fit_in_order({}, {.events = shop()}), StartsWith("models: are none"));
}
