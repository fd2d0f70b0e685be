#include "pannier/serve/tune.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/evaluate/protocol.hpp"
#include "pannier/serve/train.hpp"
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
  serve::HoldOut::Names names;
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

TEST_CASE("tune: trials in part repeat for any number of threads too", "[serve][tune]") {
  // One arm, and more trials than twelve an arm: fewer people; of bpr, whose epochs are not searched, fewer epochs too.
  for (const auto* model : {"ials", "bpr"}) {
    const serve::TuneConfig config{.model = model, .trials = 14, .people = 40};
    const auto result = tuned(config, 1);
    REQUIRE(std::any_of(result.trials.begin(), result.trials.end(), [](const serve::TuneTrial& trial) { return trial.fidelity < 1 && std::isfinite(trial.metric); }));
    REQUIRE(told(tuned(config, 3)) == told(result));
  }
}

TEST_CASE("tune: a blend that was asked for is answered, if need be with the best model alone", "[serve][tune]") {
  // One trial, of popular: nothing to blend it with.
  const auto one = tuned({.model = "blend", .trials = 1});
  REQUIRE(one.best.size() == 2);
  REQUIRE(one.best[0].name == "popular");
  REQUIRE(one.best[1].name == "blend");
  REQUIRE(Contains("no model gained a weight beside popular").match(one.stopped));
  const auto holdout = serve::hold_out_cells(shop(), 0.2, 1);
  serve::HoldOut::Names names;
  const auto fitted = serve::fit_in_order(one.best, holdout.fit_data(names));
  REQUIRE(evaluate::evaluate(*fitted.model, holdout.split, {.at = {20}}).metrics.at("ndcg@20") == one.metric);
}

TEST_CASE("tune: members are joined again once better models are found", "[serve][tune]") {
  // After three fifths of the trials nothing gains a weight beside the best; another model is tried then, and blends of it.
  const auto result = tuned({.model = "blend", .trials = 12});
  std::string order;
  for (const auto& trial : result.trials) order += trial.name == "blend" ? 'b' : 'm';
  CAPTURE(order);
  REQUIRE(order.find("bm") < order.rfind('b'));
}

TEST_CASE("tune: vectors are searched where there are some, alone and as members of a blend", "[serve][tune]") {
  // Vectors that say an item's taste, of 60 items in two tastes, by number.
  const auto with_vectors = [] {
    auto holdout = serve::hold_out_cells(shop(), 0.2, 1);
    data::ItemVectors vectors;
    vectors.vectors = Matrix(60, 2);
    for (std::uint32_t i = 0; i < 60; ++i) {
      vectors.ids.push_back(std::to_string(i));
      vectors.vectors.row(i)[i % 2] = 1;
    }
    holdout.vectors = std::make_shared<const data::ItemVectors>(std::move(vectors));
    return holdout;
  };
  const auto alone = serve::tune(with_vectors(), {.model = "vectors", .trials = 4});
  std::set<std::string> settings;
  for (const auto& trial : alone.trials) {
    REQUIRE(trial.failure.empty());
    settings.insert(trial.config_json);
  }
  REQUIRE(settings.contains("{}"));
  REQUIRE(settings.contains("{\"fold_in\":\"ridge\"}"));
  const auto holdout = with_vectors();
  serve::HoldOut::Names names;
  const auto fitted = serve::fit_in_order(alone.best, holdout.fit_data(names));
  REQUIRE(evaluate::evaluate(*fitted.model, holdout.split, {.at = {20}}).metrics.at("ndcg@20") == alone.metric);

  bool alone_in_best = false, as_member = false;
  for (const auto& trial : serve::tune(with_vectors(), {.model = "best", .trials = 50}).trials) {
    alone_in_best = alone_in_best || trial.name == "vectors";
    as_member = as_member || (trial.name == "blend" && Contains("vectors").match(Json::parse(trial.config_json).at("members").get<std::string>()));
  }
  REQUIRE(alone_in_best);
  REQUIRE(as_member);
  // Without any, best leaves them out, and their own name is refused by name.
  for (const auto& trial : tuned({.model = "best", .trials = 30}).trials) REQUIRE(trial.name != "vectors");
  REQUIRE_THROWS_WITH(tuned({.model = "vectors", .trials = 3}), StartsWith("vectors: serves vectors from elsewhere"));
}

TEST_CASE("tune: hybrid is searched where there is a catalogue", "[serve][tune]") {
  // Brands that say an item's taste, of 60 items in two tastes, by number.
  const auto with_catalog = [] {
    auto holdout = serve::hold_out_cells(shop(), 0.2, 1);
    data::Catalog catalog;
    for (std::uint32_t i = 0; i < 60; ++i) {
      data::CatalogItem item;
      item.id = std::to_string(i);
      item.brand = i % 2 == 0 ? "acme" : "zeta";
      catalog.upsert(std::move(item));
    }
    holdout.catalog = std::make_shared<const data::Catalog>(std::move(catalog));
    return holdout;
  };
  const auto alone = serve::tune(with_catalog(), {.model = "hybrid", .trials = 5});
  for (const auto& trial : alone.trials) REQUIRE(trial.failure.empty());
  REQUIRE(alone.best.back().name == "hybrid");
  const auto tries = [](const serve::TuneResult& result) { return std::ranges::any_of(result.trials, [](const auto& trial) { return trial.name == "hybrid"; }); };
  REQUIRE(tries(serve::tune(with_catalog(), {.model = "best", .trials = 30})));
  REQUIRE_FALSE(tries(tuned({.model = "best", .trials = 30})));
  REQUIRE_THROWS_WITH(tuned({.model = "hybrid", .trials = 3}), StartsWith("hybrid: reads features"));
}

TEST_CASE("tune: ease on a catalogue that best tries it on does not ask what memory is free", "[serve][tune]") {
  const auto memory_of = [](std::uint32_t items) -> std::int64_t {
    for (const auto& setup : serve::search_setups(items))
      if (setup.model == "ease") return Json::parse(setup.trial_json).value("memory_mb", std::int64_t{0});
    return -1;
  };
  REQUIRE(memory_of(12000) > 0);
  REQUIRE(memory_of(12001) == 0);
  // It is no part of what is told or found.
  const auto result = tuned({.model = "ease", .trials = 3});
  for (const auto& trial : result.trials) REQUIRE_FALSE(Contains("memory_mb").match(trial.config_json));
  REQUIRE_FALSE(Contains("memory_mb").match(result.best[0].config_json));
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
  for (const auto& config : {serve::TuneConfig{.model = "ial", .trials = 3}, {.metric = "ndcg", .trials = 3}, {}, {.trials = -1}}) REQUIRE_THROWS_AS(serve::require_valid(config), Error);
  serve::require_valid({.model = "blend", .trials = 1});
  REQUIRE_THROWS_WITH(serve::fit_in_order({}, {.events = shop()}), StartsWith("models: are none"));
}
