#include "pannier/cf/together.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/memory_sections.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::fit_together;
using cf::TogetherConfig;

namespace {

conformance::Subject subject(TogetherConfig config) {
  return {.fit = [=](const CsrView& events, const FitControl& control) -> conformance::Model { return fit_together(events, {}, config, control).model; },
          .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return cf::read_together(reader, items); },
          .by_evidence = true};
}

constexpr TogetherConfig every_pair{.minimum_count = 1, .significance = 1};

float evidence(const cf::TogetherModel& model, std::uint32_t asked, std::uint32_t offered) {
  const auto rows = model.evidence();
  for (std::size_t n = 0; n < rows.row_columns(asked).size(); ++n)
    if (rows.row_columns(asked)[n] == offered) return rows.row_values(asked)[n];
  return 0;
}

std::vector<Scored> offered(const cf::TogetherModel& model, const std::vector<std::uint32_t>& cart, std::uint32_t count = 10) {
  std::vector<ItemIndex> items;
  for (const auto item : cart) items.push_back(ItemIndex{item});
  const std::vector<float> weights(items.size(), 1.0f);
  model::Workspace workspace;
  std::vector<Scored> out(count);
  out.resize(model.recommend({items, weights, {}, {}}, {.count = count}, workspace, out));
  return out;
}

/// Baskets of `length` items drawn alike and apart from one another, by `popularity`: item i is met about 1 / (i + popularity) as often.
Csr drawn_apart(std::uint32_t baskets, std::uint32_t items, std::size_t length, std::uint64_t seed, double popularity) {
  std::vector<double> shares(items);
  double all = 0;
  for (std::uint32_t i = 0; i < items; ++i) all += shares[i] = 1 / (i + popularity);
  synth::CsrBuilder out(items);
  for (std::uint32_t b = 0; b < baskets; ++b) {
    Random random(seed, b, 0);
    std::vector<std::uint32_t> basket;
    while (basket.size() < length) {
      double at = random.uniform() * all;
      std::uint32_t item = 0;
      while (item + 1 < items && (at -= shares[item]) > 0) ++item;
      if (std::find(basket.begin(), basket.end(), item) == basket.end()) basket.push_back(item);
    }
    std::sort(basket.begin(), basket.end());
    for (const auto item : basket) out.cell(item);
    out.end_row();
  }
  return out.take();
}

/// The definition: every pair, full sorts. Entry [i][j] is the evidence of j beside i.
std::vector<std::vector<float>> oracle(const CsrView& baskets, const TogetherConfig& config) {
  const auto items = static_cast<std::uint32_t>(baskets.cols);
  std::vector<std::vector<std::uint32_t>> rows;
  for (std::size_t r = 0; r < baskets.rows; ++r) {
    const auto columns = baskets.row_columns(r);
    if (!columns.empty() && columns.size() <= static_cast<std::size_t>(config.longest_basket)) rows.emplace_back(columns.begin(), columns.end());
  }
  const auto has = [](const std::vector<std::uint32_t>& row, std::uint32_t i) { return std::find(row.begin(), row.end(), i) != row.end(); };
  std::vector<std::uint64_t> count(items);
  std::vector<double> weight(items);
  double all = 0;
  for (const auto& row : rows) {
    all += 1.0 / static_cast<double>(row.size());
    for (const auto i : row) ++count[i], weight[i] += 1.0 / static_cast<double>(row.size());
  }
  std::vector<std::vector<std::uint64_t>> both(items, std::vector<std::uint64_t>(items));
  std::vector<std::vector<double>> both_weight(items, std::vector<double>(items)), surprise = both_weight;
  const auto least = static_cast<std::uint64_t>(config.minimum_count);
  std::vector<double> found;
  double able = 0;
  for (std::uint32_t i = 0; i < items; ++i) {
    able += count[i] >= least ? 1 : 0;
    for (std::uint32_t j = 0; j < items; ++j) {
      if (i == j) continue;
      for (const auto& row : rows)
        if (has(row, i) && has(row, j)) ++both[i][j], both_weight[i][j] += 1.0 / static_cast<double>(row.size());
      if (both[i][j] < least || both[i][j] * rows.size() <= count[i] * count[j]) continue;
      surprise[i][j] = cf::log_likelihood_ratio(both[i][j], count[i], count[j], rows.size());
      if (i < j) found.push_back(surprise[i][j]);
    }
  }
  double bound = 0;
  if (config.significance < 1) {
    const double tests = able * (able - 1) / 2;
    for (bound = 0; bound <= 128; bound += 1.0 / 16) {
      const auto kept = static_cast<double>(std::count_if(found.begin(), found.end(), [&](double g) { return g >= bound; }));
      if (kept > 0 && std::erfc(std::sqrt(bound / 2)) / 2 * tests <= config.significance * kept) break;
    }
  }
  std::vector<std::vector<float>> all_pairs(items, std::vector<float>(items)), out = all_pairs;
  for (std::uint32_t i = 0; i < items; ++i)
    for (std::uint32_t j = 0; j < items; ++j)
      if (surprise[i][j] > 0 && surprise[i][j] >= bound)
        all_pairs[i][j] = static_cast<float>(both_weight[i][j] / weight[i] * std::pow(all / weight[j], static_cast<double>(config.lift_share)));
  const auto neighbours = static_cast<std::size_t>(config.neighbours);
  for (std::uint32_t j = 0; j < items; ++j) {
    std::vector<Scored> by, own;
    for (std::uint32_t i = 0; i < items; ++i) {
      if (all_pairs[i][j] > 0) by.push_back({ItemIndex{i}, all_pairs[i][j]});
      if (all_pairs[j][i] > 0) own.push_back({ItemIndex{i}, all_pairs[j][i]});
    }
    std::sort(by.begin(), by.end(), ranks_before);
    std::sort(own.begin(), own.end(), ranks_before);
    for (std::size_t n = 0; n < std::min(neighbours, by.size()); ++n) out[value(by[n].item)][j] = by[n].score;
    for (std::size_t n = 0; n < std::min({neighbours, std::size_t{20}, own.size()}); ++n) out[j][value(own[n].item)] = own[n].score;
  }
  return out;
}

}  // namespace


TEST_CASE("together: keeps the promises of a recommender", "[cf][together]") { conformance::check(subject(every_pair)); }

TEST_CASE("together: keeps the promises of a recommender of few pairs", "[cf][together]") {
  conformance::check(subject({.neighbours = 15, .minimum_count = 1, .significance = 1, .lift_share = 1}));
}

TEST_CASE("together: the log-likelihood ratio of Dunning's own example", "[cf][together]") {
  // "the swiss" of his table: 110 together, 2442 and 111 apart, 29114 neither.
  REQUIRE_THAT(cf::log_likelihood_ratio(110, 2552, 221, 31777), WithinAbs(270.72, 0.005));
  REQUIRE(cf::log_likelihood_ratio(2, 4, 8, 16) == 0);       // Independent.
  REQUIRE_THAT(cf::log_likelihood_ratio(5, 5, 5, 10), WithinRel(20 * std::log(2.0), 1e-12));
  REQUIRE(cf::log_likelihood_ratio(3, 2, 5, 10) == 0);       // No table.
  REQUIRE(cf::log_likelihood_ratio(0, 0, 0, 0) == 0);
}

TEST_CASE("together: evidence and figures by hand", "[cf][together]") {
  // Baskets 01, 012, 13, 0 weigh 1/2, 1/3, 1/2 and 1: the items 11/6, 4/3, 1/3, 1/2 and 0 of 7/3.
  const auto model = fit_together(synth::tiny(), {}, every_pair).model;
  REQUIRE(model->baskets() == 4);
  REQUIRE(std::vector<std::uint32_t>(model->item_baskets().begin(), model->item_baskets().end()) == std::vector<std::uint32_t>{3, 3, 1, 1, 0});
  REQUIRE_THAT(static_cast<double>(evidence(*model, 0, 2)), WithinRel(2 / 11.0 * std::pow(7.0, static_cast<double>(0.3f)), 1e-6));
  REQUIRE_THAT(static_cast<double>(evidence(*model, 2, 0)), WithinRel(std::pow(14 / 11.0, static_cast<double>(0.3f)), 1e-6));
  REQUIRE(evidence(*model, 0, 1) == 0);  // Two of four, where 9/4 are expected.
  REQUIRE(model->evidence().nonzeros() == 6);
  const auto pair = model->pair(ItemIndex{0}, ItemIndex{2});
  REQUIRE(pair.has_value());
  REQUIRE(pair->count == 1);
  REQUIRE(pair->support == 0.25);
  REQUIRE_THAT(pair->confidence, WithinRel(1 / 3.0, 1e-12));
  REQUIRE_THAT(pair->lift, WithinRel(4 / 3.0, 1e-12));
  REQUIRE(pair->log_likelihood_ratio == cf::log_likelihood_ratio(1, 3, 1, 4));
  REQUIRE_FALSE(model->pair(ItemIndex{0}, ItemIndex{1}).has_value());
  REQUIRE_THROWS_AS(model->pair(ItemIndex{0}, ItemIndex{5}), Error);
  // Confidence at the one end, lift at the other.
  const auto confidence = fit_together(synth::tiny(), {}, {.minimum_count = 1, .significance = 1, .lift_share = 0}).model;
  const auto lift = fit_together(synth::tiny(), {}, {.minimum_count = 1, .significance = 1, .lift_share = 1}).model;
  REQUIRE_THAT(static_cast<double>(evidence(*confidence, 0, 2)), WithinRel(2 / 11.0, 1e-6));
  REQUIRE_THAT(static_cast<double>(evidence(*lift, 0, 2)), WithinRel(14 / 11.0, 1e-6));
  REQUIRE(evidence(*lift, 0, 2) == evidence(*lift, 2, 0));
}

TEST_CASE("together: equals the definition, pair for pair", "[cf][together]") {
  for (const std::uint64_t seed : {1u, 2u, 3u})
    for (const auto& config : {TogetherConfig{}, TogetherConfig{.neighbours = 3, .minimum_count = 2, .significance = 0.3}, TogetherConfig{.minimum_count = 1, .significance = 1, .lift_share = 0.7f},
                               TogetherConfig{.significance = 0.01, .longest_basket = 6}}) {
      const auto baskets = synth::two_taste_groups({.users = 150, .items = 30, .seed = seed, .weighted = true});
      const auto fit = fit_together(baskets, {}, config, {.execution = {.threads = 2}});
      const auto expected = oracle(baskets, config);
      std::size_t pairs = 0;
      for (std::uint32_t i = 0; i < 30; ++i)
        for (std::uint32_t j = 0; j < 30; ++j) {
          pairs += expected[i][j] > 0;
          REQUIRE_THAT(evidence(*fit.model, i, j), WithinRel(expected[i][j], 1e-6f));
          REQUIRE(fit.model->pair(ItemIndex{i}, ItemIndex{j}).has_value() == (expected[i][j] > 0));
        }
      REQUIRE(pairs == fit.model->evidence().nonzeros());
      REQUIRE(pairs > 0);
    }
}

TEST_CASE("together: of thousands of pairs that only chance joined, next to none is kept, and the planted ones are", "[cf][together]") {
  auto baskets = drawn_apart(4000, 200, 5, 21, 20);
  const auto without_test = fit_together(baskets, {}, {.neighbours = 1000, .significance = 1}).model;
  REQUIRE(without_test->evidence().nonzeros() > 5'000);
  REQUIRE(fit_together(baskets, {}, {.neighbours = 1000}).model->evidence().nonzeros() <= 10);
  // Ten pairs of new items, in 15 baskets each.
  baskets.cols = 220;
  for (std::uint32_t pair = 0; pair < 10; ++pair)
    for (int n = 0; n < 15; ++n) {
      baskets.columns.insert(baskets.columns.end(), {200 + 2 * pair, 201 + 2 * pair});
      baskets.values.insert(baskets.values.end(), {1, 1});
      baskets.offsets.push_back(static_cast<std::int64_t>(baskets.columns.size()));
      ++baskets.rows;
    }
  const auto model = fit_together(baskets, {}, {}).model;
  for (std::uint32_t item = 200; item < 220; ++item) REQUIRE(model->pair(ItemIndex{item}, ItemIndex{item ^ 1u}).has_value());
  REQUIRE(model->evidence().nonzeros() <= 20 + 10);
}

TEST_CASE("together: neither what everybody buys nor what was bought once leads", "[cf][together]") {
  // Tea 0 with cups 1 in a third of its 90 baskets, with bags 2 in half of them as in all others, with a rarity 3 once.
  synth::CsrBuilder builder(6);
  for (std::uint32_t n = 0; n < 900; ++n) {
    const bool tea = n % 10 == 0;
    if (tea) builder.cell(0);
    if (tea ? n % 30 == 0 : n % 90 == 1) builder.cell(1);
    if (tea ? n % 20 == 0 : n % 2 == 1) builder.cell(2);
    if (n == 10) builder.cell(3);
    builder.cell(4 + n / 7 % 2).end_row();
  }
  const auto model = fit_together(builder.take(), {}, {}).model;
  const auto best = offered(*model, {0});
  REQUIRE_FALSE(best.empty());
  REQUIRE(best[0].item == ItemIndex{1});
  for (const auto& [item, score] : best) REQUIRE((value(item) != 3 && value(item) != 2));
}

TEST_CASE("together: what goes with several of the cart comes before what goes with one, and nothing of the cart comes", "[cf][together]") {
  synth::CsrBuilder builder(7);
  for (int n = 0; n < 60; ++n) {
    builder.cell(0).cell(n % 2 == 0 ? 2 : 3).end_row();
    builder.cell(1).cell(n % 2 == 0 ? 2 : 4).end_row();
    builder.cell(5).cell(6).end_row();
  }
  const auto model = fit_together(builder.take(), {}, {}).model;
  const auto best = offered(*model, {0, 1});
  REQUIRE(best.size() == 3);
  REQUIRE(best[0].item == ItemIndex{2});
  for (const auto& [item, score] : offered(*model, {0, 2, 1})) REQUIRE((value(item) == 3 || value(item) == 4));
}

namespace {

/// Cups red 0 and blue 1, each with saucers 2 in most orders; now and then somebody buys both cups. Who looks at the one looks at the other.
struct CupShop {
  Csr orders, visits;
  CupShop() {
    synth::CsrBuilder bought(5), seen(5);
    for (std::uint32_t n = 0; n < 600; ++n) {
      if (n % 60 < 2) bought.cell(0).cell(1).cell(2).end_row();
      else if (n % 60 < 10) bought.cell(n % 2).cell(2).end_row();
      else bought.cell(3).cell(4).end_row();
      if (n % 2 == 0) seen.cell(0).cell(1).end_row();
      else seen.cell(n % 3 == 0 ? 2 : 3).cell(4).end_row();
    }
    orders = bought.take();
    visits = seen.take();
  }
};

}  // namespace

TEST_CASE("together: items that are looked at together and hardly bought together are substitutes, and not offered", "[cf][together]") {
  const CupShop shop;
  TogetherConfig config{.substitutes = 0.5f};
  const auto blind = fit_together(shop.orders, {}, config);
  REQUIRE(blind.model->pair(ItemIndex{0}, ItemIndex{1}).has_value());  // The orders alone do not tell.
  const auto fit = fit_together(shop.orders, shop.visits, config);
  REQUIRE_FALSE(fit.model->pair(ItemIndex{0}, ItemIndex{1}).has_value());
  REQUIRE_FALSE(fit.model->pair(ItemIndex{1}, ItemIndex{0}).has_value());
  REQUIRE(offered(*fit.model, {0}).front().item == ItemIndex{2});
  REQUIRE_THAT(fit.report.detail, Contains("2 substitutes"));
  // Complements stay: saucers with cups, whatever was looked at.
  REQUIRE(fit.model->evidence().nonzeros() == blind.model->evidence().nonzeros() - 2);
  config.substitutes = 0;
  REQUIRE(fit_together(shop.orders, shop.visits, config).model->pair(ItemIndex{0}, ItemIndex{1}).has_value());
}

TEST_CASE("together: a basket of a hundred thousand items is left out, counted, and costs nothing", "[cf][together]") {
  constexpr std::uint32_t items = 100'000;
  synth::CsrBuilder builder(items);
  for (std::uint32_t i = 0; i < items; ++i) builder.cell(i);
  builder.end_row();
  for (int n = 0; n < 20; ++n) builder.cell(7).cell(9).end_row().cell(11).cell(13).end_row();
  const auto fit = fit_together(builder.take(), {}, {});
  REQUIRE(fit.model->baskets() == 40);
  REQUIRE(fit.model->evidence().nonzeros() == 4);
  REQUIRE_THAT(fit.report.detail, Contains("1 baskets"));
}

TEST_CASE("together: weights of a basket say nothing, and weights of zero are no item", "[cf][together]") {
  auto baskets = synth::two_taste_groups({.users = 80, .items = 20, .seed = 2});
  const auto plain = fit_together(baskets, {}, every_pair).model;
  for (std::size_t n = 0; n < baskets.values.size(); ++n) baskets.values[n] = static_cast<float>(1 + n % 7);
  const auto weighed = fit_together(baskets, {}, every_pair).model;
  REQUIRE(std::equal(plain->evidence().values.begin(), plain->evidence().values.end(), weighed->evidence().values.begin(), weighed->evidence().values.end()));
  const Csr zeros{2, 3, {0, 3, 5}, {0, 1, 2, 0, 2}, {1, 0, 1, 1, 1}};
  REQUIRE(fit_together(zeros, {}, every_pair).model->item_baskets()[1] == 0);
}

TEST_CASE("together: the order of baskets changes no pair", "[cf][together]") {
  const auto baskets = synth::two_taste_groups({.users = 120, .items = 25, .seed = 12});
  synth::CsrBuilder turned(25);
  for (std::size_t r = baskets.rows; r-- > 0; turned.end_row())
    for (const auto item : CsrView(baskets).row_columns(r)) turned.cell(item);
  const auto one = fit_together(baskets, {}, {}).model, other = fit_together(turned.take(), {}, {}).model;
  for (std::uint32_t i = 0; i < 25; ++i)
    for (std::uint32_t j = 0; j < 25; ++j) REQUIRE_THAT(evidence(*one, i, j), WithinRel(evidence(*other, i, j), 1e-6f));
}

TEST_CASE("together: figures of a damaged file are absent or finite", "[cf][together]") {
  const auto model = fit_together(synth::two_taste_groups({.users = 40, .items = 12, .seed = 3}), {}, every_pair).model;
  support::MemoryWriter writer;
  std::vector<ItemIndex> identity;
  for (std::uint32_t i = 0; i < 12; ++i) identity.push_back(ItemIndex{i});
  model->write(writer, {.old_index = identity, .new_index = identity});
  for (const auto& [name, bytes] : writer.sections())
    for (std::size_t bit = 0; bit < bytes.size() * 8; bit += 5) {
      support::MemoryReader reader(writer, model->config_json());
      reader.flip(name, bit);
      try {
        const auto damaged = cf::read_together(reader, 12);
        for (std::uint32_t i = 0; i < 12; ++i)
          for (std::uint32_t j = 0; j < 12; ++j)
            if (const auto pair = damaged->pair(ItemIndex{i}, ItemIndex{j}))
              if (!std::isfinite(pair->lift) || !std::isfinite(pair->confidence) || !std::isfinite(pair->log_likelihood_ratio)) FAIL("no finite figure");
      } catch (const Error& error) {
        if (error.code() != ErrorCode::malformed_input) FAIL(error.what());
      }
    }
}

TEST_CASE("together: settings and shapes that cannot be are refused by name", "[cf][together]") {
  REQUIRE_THROWS_WITH(fit_together(synth::tiny(), {}, {.neighbours = 0}), StartsWith("neighbours: 0 is out of range"));
  REQUIRE_THROWS_WITH(fit_together(synth::tiny(), {}, {.significance = 0}), StartsWith("significance: 0 is out of range"));
  REQUIRE_THROWS_WITH(fit_together(synth::tiny(), {}, {.longest_basket = 1}), StartsWith("longest_basket: 1 is out of range"));
  REQUIRE_THROWS_WITH(fit_together(Csr{}, {}, {}), StartsWith("baskets: has no items"));
  REQUIRE_THROWS_WITH(fit_together(synth::tiny(), synth::checkerboard(6), {}), StartsWith("visits: has 6 items") && Contains("5"));
}

TEST_CASE("together: no baskets is a model without answers", "[cf][together]") {
  const auto model = fit_together(Csr{0, 3, {0}, {}, {}}, {}, {}).model;
  REQUIRE(model->baskets() == 0);
  REQUIRE(offered(*model, {1}).empty());
}
