#include "pannier/cf/hybrid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stop_token>
#include <string>
#include <vector>

#include "cf/ials_oracle.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/memory_sections.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::HybridConfig;
using cf::HybridFeatures;

namespace {

constexpr std::uint32_t groups = 8;

/// A shop of eight tastes: item i and user u have the taste of their number modulo eight, a feature that tells it, and one of twenty that tells nothing.
struct Shop {
  std::uint32_t users = 400, items = 240;
  Csr events, item_features, user_features;   ///< Cold rows and columns have no events in `events`.
  Csr held_out;                               ///< What they would have had.

  static bool cold(std::uint32_t entity) { return entity / groups % 5 == 2; }

  explicit Shop(std::uint64_t seed, std::uint64_t shuffled = 0) {
    synth::CsrBuilder kept(items), out(items);
    for (std::uint32_t u = 0; u < users; ++u) {
      for (std::uint32_t i = 0; i < items; ++i) {
        Random random(seed, u, i);
        if (random.uniform() >= (u % groups == i % groups ? 0.3 : 0.02)) continue;
        (cold(u) || cold(i) ? out : kept).cell(i);
      }
      kept.end_row();
      out.end_row();
    }
    events = kept.take();
    held_out = out.take();
    item_features = features(items, seed + 1, shuffled);
    user_features = features(users, seed + 2, shuffled);
  }

  static Csr features(std::uint32_t rows, std::uint64_t seed, std::uint64_t shuffled) {
    std::vector<std::uint32_t> order(rows);
    std::iota(order.begin(), order.end(), 0u);
    Random random(shuffled);
    if (shuffled != 0)
      for (std::size_t n = rows; n > 1; --n) std::swap(order[n - 1], order[static_cast<std::size_t>(random.below(n))]);
    synth::CsrBuilder out(groups + 20);
    for (const auto row : order) {
      out.cell(row % groups, std::sqrt(0.5f)).cell(groups + static_cast<std::uint32_t>(Random(seed, row).below(20)), std::sqrt(0.5f));
      out.end_row();
    }
    return out.take();
  }

  /// The share of held-out items among the ten best cold items of warm people.
  double cold_items_found(const model::Recommender& model) const {
    ItemSet allowed(items);
    for (std::uint32_t i = 0; i < items; ++i)
      if (cold(i)) allowed.insert(ItemIndex{i});
    std::vector<ItemIndex> found(std::size_t{users} * 10);
    std::vector<float> scores(found.size());
    model.recommend_batch(events, {.count = 10, .allowed = &allowed}, {}, found, scores);
    double hits = 0, wanted = 0;
    for (std::uint32_t u = 0; u < users; ++u) {
      if (cold(u)) continue;
      for (const auto item : CsrView(held_out).row_columns(u)) {
        wanted += 1;
        hits += std::find(found.begin() + u * 10, found.begin() + (u + 1) * 10, ItemIndex{item}) != found.begin() + (u + 1) * 10;
      }
    }
    return hits / wanted;
  }
  /// The share of their items among the twenty best of people without events.
  double cold_people_found(const model::Recommender& model) const {
    model::Workspace workspace;
    double hits = 0, wanted = 0;
    for (std::uint32_t u = 0; u < users; ++u) {
      if (!cold(u)) continue;
      std::vector<Scored> found(20);
      model::History person;
      person.feature_columns = CsrView(user_features).row_columns(u);
      person.feature_values = CsrView(user_features).row_values(u);
      found.resize(model.recommend(person, {.count = 20}, workspace, found));
      for (const auto item : CsrView(held_out).row_columns(u)) {
        wanted += 1;
        hits += std::ranges::any_of(found, [&](const Scored& scored) { return scored.item == ItemIndex{item}; });
      }
    }
    return hits / wanted;
  }
};

/// mean + weights' f.
std::vector<double> said(const cf::FeatureMapView& map, const CsrView& features, std::size_t row) {
  std::vector<double> out(map.mean.begin(), map.mean.end());
  for (std::size_t n = 0; n < features.row_columns(row).size(); ++n)
    for (std::size_t k = 0; k < out.size(); ++k) out[k] += static_cast<double>(features.row_values(row)[n]) * static_cast<double>(map.weights.row(features.row_columns(row)[n])[k]);
  return out;
}

cf::IalsConfig as_ials(const HybridConfig& config) {
  return {.factors = config.factors, .unobserved_weight = config.unobserved_weight, .l2 = config.l2, .frequency_exponent = config.frequency_exponent, .epochs = config.epochs, .solver = config.solver, .seed = config.seed};
}

}  // namespace

TEST_CASE("hybrid: without features it is ials, bit for bit", "[cf][hybrid]") {
  const Shop shop(3);
  const HybridConfig config{.factors = 12, .epochs = 4};
  const auto hybrid = cf::fit_hybrid(shop.events, {}, {}, config);
  const auto ials = cf::fit_ials(shop.events, as_ials(config));
  REQUIRE(hybrid.user_factors == ials.user_factors);
  for (std::uint32_t i = 0; i < shop.items; ++i) REQUIRE(std::ranges::equal(hybrid.model->item_vectors().row(i), ials.model->item_vectors().row(i)));
  REQUIRE(hybrid.report.objective == ials.report.objective);
}

TEST_CASE("hybrid: rows solve the dense equations that draw them to what their features say", "[cf][hybrid]") {
  const Shop shop(5);
  for (const auto solver : {cf::IalsSolver::automatic, cf::IalsSolver::exact, cf::IalsSolver::conjugate_gradients, cf::IalsSolver::subspace}) {
    const HybridConfig config{.factors = 9, .unobserved_weight = 0.1f, .l2 = 0.01f, .epochs = 5, .solver = solver};
    const auto fit = cf::fit_hybrid(shop.events, {shop.item_features}, {shop.user_features}, config);
    INFO("solver " << static_cast<int>(solver));
    // Cold items have vectors, but no part in the fit.
    Matrix warm(shop.items, 9);
    for (std::uint32_t i = 0; i < shop.items; ++i)
      if (!Shop::cold(i)) std::ranges::copy(fit.model->fold_in_vectors().row(i), warm.row(i).begin());
    for (std::uint32_t u = 0; u < shop.users; ++u) {
      if (CsrView(shop.events).row_columns(u).empty()) continue;
      const auto matrix = ials_oracle::normal_matrix(shop.events, u, warm, as_ials(config));
      auto right = ials_oracle::right_side(shop.events, u, warm);
      const auto prior = said(fit.model->user_map(), shop.user_features, u);
      const double ridge = ials_oracle::ridge(shop.events, u, as_ials(config));
      for (std::size_t k = 0; k < 9; ++k) right[k] += ridge * prior[k];
      const auto expected = ials_oracle::solve(matrix, right);
      for (std::size_t k = 0; k < 9; ++k) REQUIRE_THAT(static_cast<double>(fit.user_factors.row(u)[k]), WithinAbs(expected[k], 1e-5));
    }
    REQUIRE(std::ranges::is_sorted(fit.report.objective, [](double a, double b) { return a > b * (1 + 1e-3); }));

    // A person of the training data folds in to their row, by their features; without these they are drawn to the mean.
    model::Workspace workspace;
    for (std::uint32_t u = 0; u < 40; ++u) {
      std::vector<ItemIndex> items;
      for (const auto column : CsrView(shop.events).row_columns(u)) items.push_back(ItemIndex{column});
      if (items.empty()) continue;
      model::History history{items, CsrView(shop.events).row_values(u), {}, {}};
      std::vector<float> without(9), with(9);
      fit.model->query(history, workspace, without);
      history.feature_columns = CsrView(shop.user_features).row_columns(u);
      history.feature_values = CsrView(shop.user_features).row_values(u);
      fit.model->query(history, workspace, with);
      REQUIRE(without != with);
      for (std::size_t k = 0; k < 9; ++k) REQUIRE_THAT(static_cast<double>(with[k]), WithinAbs(static_cast<double>(fit.user_factors.row(u)[k]), 1e-6));
    }
    // A cold item has what its features say, in both kinds of vectors.
    for (const std::uint32_t i : {16u, 23u, 180u}) {
      REQUIRE(Shop::cold(i));
      const auto scored = said(fit.model->item_map(), shop.item_features, i), folded = said(fit.model->fold_in_item_map(), shop.item_features, i);
      for (std::size_t k = 0; k < 9; ++k) {
        REQUIRE_THAT(static_cast<double>(fit.model->item_vectors().row(i)[k]), WithinAbs(scored[k], 1e-5));
        REQUIRE_THAT(static_cast<double>(fit.model->fold_in_vectors().row(i)[k]), WithinAbs(folded[k], 1e-5));
      }
    }
  }
}

TEST_CASE("hybrid: features find cold items and cold people, and shuffled they lose at least half of it", "[cf][hybrid]") {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const Shop shop(seed), shuffled(seed, 99 + seed);
    const HybridConfig config{.factors = 16, .epochs = 10};
    const auto with = cf::fit_hybrid(shop.events, {shop.item_features}, {shop.user_features}, config);
    const auto lost = cf::fit_hybrid(shuffled.events, {shuffled.item_features}, {shuffled.user_features}, config);
    INFO("seed " << seed);
    // Chance: 10 of 48 cold items, 20 of 240 items. What can be had: six cold items and thirty items of the taste, which hold nine in ten and two thirds of the held-out ones.
    const double item_chance = 10.0 / 48, people_chance = 20.0 / 240;
    const double items = shop.cold_items_found(*with.model), items_lost = shuffled.cold_items_found(*lost.model);
    const double people = shop.cold_people_found(*with.model), people_lost = shuffled.cold_people_found(*lost.model);
    CAPTURE(items, items_lost, people, people_lost);
    REQUIRE(items > 3 * item_chance);
    REQUIRE(people > 4 * people_chance);
    REQUIRE(items_lost - item_chance < (items - item_chance) / 2);
    REQUIRE(people_lost - people_chance < (people - people_chance) / 2);
  }
}

TEST_CASE("hybrid: named features are learned from attributes and answer people by theirs", "[cf][hybrid]") {
  const Shop shop(4);
  const auto attributes = [](std::size_t row, std::vector<data::Attribute>& out) {
    static constexpr std::string_view tastes[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    out.push_back({"taste", tastes[row % groups]});
  };
  HybridFeatures items{.space = data::FeatureSpace::learn(shop.items, attributes)}, users{.space = data::FeatureSpace::learn(shop.users, attributes)};
  const auto item_rows = items.space.matrix(shop.items, attributes), user_rows = users.space.matrix(shop.users, attributes);
  items.rows = item_rows;
  users.rows = user_rows;
  const auto fit = cf::fit_hybrid(shop.events, items, users, {.factors = 16, .epochs = 8});
  REQUIRE(fit.model->reads_attributes());
  model::Workspace workspace;
  const auto best = [&](const model::Recommender& model, std::vector<data::Attribute> known) {
    std::vector<Scored> found(10);
    model::History person;
    person.attributes = known;
    found.resize(model.recommend(person, {.count = 10}, workspace, found));
    return found;
  };
  const auto of_c = best(*fit.model, {{"taste", "c"}});
  REQUIRE(of_c.size() == 10);
  for (const auto& scored : of_c) REQUIRE(value(scored.item) % groups == 2);
  REQUIRE(best(*fit.model, {}).empty());
  REQUIRE(best(*fit.model, {{"taste", "z"}, {"shoe size", "43"}}).empty());
  // Without user features nothing is read.
  const auto items_alone = cf::fit_hybrid(shop.events, items, {}, {.factors = 16, .epochs = 2});
  REQUIRE_FALSE(items_alone.model->reads_attributes());
  REQUIRE(best(*items_alone.model, {{"taste", "c"}}).empty());

  // Written and read back, in another order of the items.
  std::vector<ItemIndex> old_index(shop.items), new_index(shop.items);
  for (std::uint32_t n = 0; n < shop.items; ++n) {
    old_index[n] = ItemIndex{shop.items - 1 - n};
    new_index[n] = ItemIndex{shop.items - 1 - n};
  }
  support::MemoryWriter writer;
  fit.model->write(writer, {old_index, new_index});
  const support::MemoryReader reader(writer, fit.model->config_json());
  const auto back = cf::read_hybrid(reader, shop.items);
  REQUIRE(back->hybrid_config() == fit.model->hybrid_config());
  const auto again = best(*back, {{"taste", "c"}});
  REQUIRE(again.size() == 10);
  for (std::size_t n = 0; n < 10; ++n) {
    REQUIRE(again[n].score == of_c[n].score);
    REQUIRE(value(again[n].item) % groups == (shop.items - 1 - 2) % groups);
  }
}

TEST_CASE("hybrid: the same bits for any number of threads", "[cf][hybrid]") {
  const Shop shop(6);
  const HybridConfig config{.factors = 10, .epochs = 3};
  const auto one = cf::fit_hybrid(shop.events, {shop.item_features}, {shop.user_features}, config, {.execution = {.threads = 1}});
  const auto four = cf::fit_hybrid(shop.events, {shop.item_features}, {shop.user_features}, config, {.execution = {.threads = 4}});
  REQUIRE(one.user_factors == four.user_factors);
  for (std::uint32_t i = 0; i < shop.items; ++i) REQUIRE(std::ranges::equal(one.model->item_vectors().row(i), four.model->item_vectors().row(i)));
}

TEST_CASE("hybrid: keeps the promises of a recommender", "[cf][hybrid]") {
  conformance::check({.fit = [](const CsrView& events, const FitControl& control) -> conformance::Model {
                        const auto features = Shop::features(static_cast<std::uint32_t>(events.cols), 1, 0);
                        return cf::fit_hybrid(events, {features}, {}, {.factors = 6, .l2 = 0.1f}, control).model;
                      },
                      .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return cf::read_hybrid(reader, items); },
                      .copies_tie = false});   // Their features differ.
}

TEST_CASE("hybrid: what does not fit is refused by name", "[cf][hybrid]") {
  const Shop shop(7);
  const auto refused = [](auto call, const std::string& where, const std::string& what) {
    try {
      call();
      FAIL("not refused: " << where << " " << what);
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::invalid_argument);
      REQUIRE(error.where() == where);
      REQUIRE_THAT(std::string(error.what()), Catch::Matchers::Contains(what));
    }
  };
  refused([&] { static_cast<void>(cf::fit_hybrid(shop.events, {shop.user_features}, {}, {})); }, "item_features", "has 400 rows");
  refused([&] { static_cast<void>(cf::fit_hybrid(shop.events, {}, {shop.item_features}, {})); }, "user_features", "has 240 rows");
  refused([&] { static_cast<void>(cf::fit_hybrid(shop.events, {shop.item_features}, {}, {.feature_l2 = 0})); }, "feature_l2", "0");
  auto bad = shop.item_features;
  bad.values[3] = std::numeric_limits<float>::quiet_NaN();
  refused([&] { static_cast<void>(cf::fit_hybrid(shop.events, {bad}, {}, {})); }, "item_features", "row 1");
  const auto attributes = [](std::size_t row, std::vector<data::Attribute>& out) { out.push_back({"odd", row % 2 == 0 ? "yes" : "no"}); };
  refused([&] { static_cast<void>(cf::fit_hybrid(shop.events, {shop.item_features, data::FeatureSpace::learn(9, attributes)}, {}, {})); }, "item_features.space", "has 2 features");
  refused([&] { static_cast<void>(cf::fit_hybrid(Csr{0, 3, {0}, {}, {}}, {}, {}, {})); }, "events", "no users");
  std::stop_source stop;
  stop.request_stop();
  REQUIRE_THROWS_AS(cf::fit_hybrid(shop.events, {shop.item_features}, {shop.user_features}, {}, {.execution = {}, .progress = {}, .stop = stop.get_token()}), Error);

  const auto fit = cf::fit_hybrid(shop.events, {shop.item_features}, {shop.user_features}, {.factors = 4, .epochs = 2});
  model::Workspace workspace;
  std::vector<Scored> found(3);
  model::History person;
  const std::vector<std::uint32_t> columns{5, 28};
  const std::vector<float> values{1, 1};
  person.feature_columns = columns;
  refused([&] { static_cast<void>(fit.model->recommend(person, {}, workspace, found)); }, "history.feature_values", "0 entries for 2 columns");
  person.feature_values = values;
  refused([&] { static_cast<void>(fit.model->recommend(person, {}, workspace, found)); }, "history.feature_columns", "feature 28");
}

TEST_CASE("hybrid: odd features give finite vectors: none in a row, all alike, one for each, very large", "[cf][hybrid]") {
  const Shop shop(8);
  synth::CsrBuilder none(3), alike(1), large(240);
  for (std::uint32_t i = 0; i < shop.items; ++i) {
    none.end_row();
    alike.cell(0).end_row();
    large.cell(i, 1e15f).end_row();
  }
  for (const Csr& features : {none.take(), alike.take(), large.take()}) {
    const auto fit = cf::fit_hybrid(shop.events, {features}, {}, {.factors = 5, .epochs = 3});
    for (std::uint32_t i = 0; i < shop.items; ++i)
      for (const float y : fit.model->item_vectors().row(i)) REQUIRE(std::isfinite(y));
  }
}

TEST_CASE("hybrid: damaged sections are refused or answer with numbers", "[cf][hybrid]") {
  const Shop shop(9);
  const auto fit = cf::fit_hybrid(shop.events, {shop.item_features}, {shop.user_features}, {.factors = 5, .epochs = 2});
  std::vector<ItemIndex> same(shop.items);
  for (std::uint32_t n = 0; n < shop.items; ++n) same[n] = ItemIndex{n};
  support::MemoryWriter writer;
  fit.model->write(writer, {same, same});
  model::Workspace workspace;
  for (const auto& [name, bytes] : writer.sections()) {
    INFO(name);
    support::MemoryReader cut(writer, fit.model->config_json());
    if (!bytes.empty()) cut.truncate(name, bytes.size() - 1);
    if (!bytes.empty()) REQUIRE_THROWS_AS(cf::read_hybrid(cut, shop.items), Error);
    support::MemoryReader without(writer, fit.model->config_json());
    without.remove(name);
    REQUIRE_THROWS_AS(cf::read_hybrid(without, shop.items), Error);
    for (std::uint64_t trial = 0; trial < 30 && !bytes.empty(); ++trial) {
      support::MemoryReader reader(writer, fit.model->config_json());
      Random random(trial, 1);
      for (int flips = 0; flips < 20; ++flips) reader.flip(name, random.below(bytes.size() * 8));
      try {
        const auto model = cf::read_hybrid(reader, shop.items);
        for (std::uint32_t u = 0; u < 10; ++u) {
          std::vector<ItemIndex> items;
          for (const auto column : CsrView(shop.events).row_columns(u)) items.push_back(ItemIndex{column});
          model::History history{items, CsrView(shop.events).row_values(u), {}, {}};
          history.feature_columns = CsrView(shop.user_features).row_columns(u);
          history.feature_values = CsrView(shop.user_features).row_values(u);
          std::vector<Scored> out(24);
          out.resize(model->recommend(history, {.count = 24}, workspace, out));
          for (const auto& scored : out) REQUIRE_FALSE(std::isnan(scored.score));
        }
      } catch (const Error& error) {
        REQUIRE((error.code() == ErrorCode::malformed_input || error.code() == ErrorCode::invalid_argument));
      }
    }
  }
}
