#include "pannier/cf/item_knn.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "pannier/core/error.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/memory_sections.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::fit_item_knn;

namespace {

conformance::Subject subject(cf::ItemKnnConfig config) {
  return {.fit = [=](const CsrView& events, const FitControl& control) -> conformance::Model { return fit_item_knn(events, config, control).model; },
          .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return cf::read_item_knn(reader, items); },
          .by_evidence = true};
}

using Dense = std::vector<std::vector<float>>;

Dense dense(const CsrView& m) {
  Dense out(m.rows, std::vector<float>(m.cols, 0.0f));
  for (std::size_t r = 0; r < m.rows; ++r)
    for (std::size_t n = 0; n < m.row_columns(r).size(); ++n) out[r][m.row_columns(r)[n]] = m.row_values(r)[n];
  return out;
}

using cf::ItemSimilarity;

/// The weights that are multiplied, cell by cell.
Dense weighed(Dense x, const cf::ItemKnnConfig& config) {
  const auto items = static_cast<double>(x.empty() ? 0 : x[0].size());
  std::vector<double> lengths(static_cast<std::size_t>(items), 0.0);
  double all = 0;
  for (const auto& row : x)
    for (std::size_t i = 0; i < row.size(); ++i) lengths[i] += static_cast<double>(row[i]), all += static_cast<double>(row[i]);
  for (auto& row : x) {
    double has = 0;
    for (const float w : row) has += w > 0 ? 1 : 0;
    const double idf = std::abs(std::log(items / (1 + has)));
    for (std::size_t i = 0; i < row.size(); ++i) {
      const double w = static_cast<double>(row[i]), k1 = static_cast<double>(config.k1), b = static_cast<double>(config.b);
      if (w <= 0) continue;
      if (config.similarity == ItemSimilarity::tfidf) row[i] = static_cast<float>(std::sqrt(w) * idf);
      if (config.similarity == ItemSimilarity::bm25) row[i] = static_cast<float>(idf * w * (k1 + 1) / (w + k1 * (1 - b + b * lengths[i] / (all / items))));
      if (config.similarity == ItemSimilarity::jaccard) row[i] = 1;
    }
  }
  return x;
}

/// The definition, with every pair of items and full sorts.
Dense oracle(const CsrView& events, const cf::ItemKnnConfig& config) {
  const auto x = weighed(dense(events), config);
  const auto items = static_cast<std::uint32_t>(events.cols);
  std::vector<std::vector<Scored>> near(items);
  for (std::uint32_t i = 0; i < items; ++i) {
    for (std::uint32_t j = 0; j < items; ++j) {
      float sum = 0;
      double ii = 0, jj = 0;
      for (const auto& row : x) {
        sum += row[i] * row[j];
        ii += static_cast<double>(row[i]) * static_cast<double>(row[i]);
        jj += static_cast<double>(row[j]) * static_cast<double>(row[j]);
      }
      const double s = static_cast<double>(config.shrinkage);
      const double below = config.similarity == ItemSimilarity::bm25      ? 1
                           : config.similarity == ItemSimilarity::jaccard ? ii + jj - static_cast<double>(sum) + s
                                                                          : std::sqrt(ii) * std::sqrt(jj) + s;
      if (i != j && sum > 0) near[i].push_back({ItemIndex{j}, static_cast<float>(static_cast<double>(sum) / below)});
    }
    std::sort(near[i].begin(), near[i].end(), ranks_before);
  }
  Dense out(items, std::vector<float>(items, 0.0f));
  const auto count = static_cast<std::size_t>(config.neighbours);
  for (std::uint32_t j = 0; j < items; ++j) {
    for (std::size_t n = 0; n < std::min(count, near[j].size()); ++n) out[value(near[j][n].item)][j] = near[j][n].score;
    for (std::size_t n = 0; n < std::min({count, std::size_t{20}, near[j].size()}); ++n) out[j][value(near[j][n].item)] = near[j][n].score;
  }
  return out;
}

std::vector<Scored> recommended(const model::Recommender& model, const std::vector<ItemIndex>& items, const std::vector<float>& weights, std::uint32_t count) {
  model::Workspace workspace;
  std::vector<Scored> out(count);
  out.resize(model.recommend({items, weights, {}, {}}, {.count = count}, workspace, out));
  return out;
}

}  // namespace

TEST_CASE("item_knn: keeps the promises of a recommender", "[cf][item_knn]") { conformance::check(subject({})); }

TEST_CASE("item_knn: keeps the promises of a recommender with few neighbours and shrinkage", "[cf][item_knn]") {
  // 15 neighbours: the checkerboard asks for 14 similar items.
  conformance::check(subject({.neighbours = 15, .shrinkage = 2}));
}

TEST_CASE("item_knn: keeps the promises of a recommender with every similarity", "[cf][item_knn]") {
  SECTION("tfidf") { conformance::check(subject({.similarity = ItemSimilarity::tfidf})); }
  SECTION("bm25") { conformance::check(subject({.similarity = ItemSimilarity::bm25})); }
  SECTION("jaccard") { conformance::check(subject({.similarity = ItemSimilarity::jaccard})); }
}

TEST_CASE("item_knn: Jaccard, TF-IDF and BM25 by hand", "[cf][item_knn]") {
  const float half = 1 / 2.0f, third = static_cast<float>(1 / 3.0);
  const auto jaccard = dense(fit_item_knn(synth::tiny(), {.similarity = ItemSimilarity::jaccard}).model->similarities());
  REQUIRE(jaccard == Dense{{0, half, third, 0, 0}, {half, 0, third, third, 0}, {third, third, 0, 0, 0}, {0, third, 0, 0, 0}, {0, 0, 0, 0, 0}});
  // Of five items the people have 2, 3, 2 and 1.
  const double two = std::log(5 / 3.0), three = std::log(5 / 4.0), one = std::log(5 / 2.0);
  const auto tfidf = dense(fit_item_knn(synth::tiny(), {.similarity = ItemSimilarity::tfidf}).model->similarities());
  const double norm_0 = std::sqrt(two * two + three * three + one * one), norm_1 = std::sqrt(2 * two * two + three * three);
  REQUIRE_THAT(static_cast<double>(tfidf[0][1]), WithinRel((two * two + three * three) / (norm_0 * norm_1), 1e-6));
  REQUIRE_THAT(static_cast<double>(tfidf[1][3]), WithinRel(two / norm_1, 1e-6));
  // Columns add up to 3, 3, 1, 1 and 0: 1.6 in the mean.
  const auto bm25 = dense(fit_item_knn(synth::tiny(), {.similarity = ItemSimilarity::bm25}).model->similarities());
  const double many = 2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / 1.6)), few = 2.2 / (1 + 1.2 * (0.25 + 0.75 / 1.6));
  REQUIRE_THAT(static_cast<double>(bm25[0][1]), WithinRel((two * two + three * three) * many * many, 1e-6));
  REQUIRE_THAT(static_cast<double>(bm25[1][3]), WithinRel(two * two * many * few, 1e-6));
}

TEST_CASE("item_knn: somebody who has every item adds to every TF-IDF", "[cf][item_knn]") {
  const Csr everything{1, 3, {0, 3}, {0, 1, 2}, {1, 1, 1}};
  const auto s = dense(fit_item_knn(everything, {.similarity = ItemSimilarity::tfidf}).model->similarities());
  REQUIRE_THAT(static_cast<double>(s[0][2]), WithinRel(1.0, 1e-6));
}

TEST_CASE("item_knn: weights change neither Jaccard nor, by a factor, TF-IDF", "[cf][item_knn]") {
  const auto plain = synth::two_taste_groups({.users = 60, .items = 30, .seed = 5});
  auto heavy = plain;
  for (std::size_t n = 0; n < heavy.values.size(); ++n) heavy.values[n] = 4;
  auto mixed = plain;
  for (std::size_t n = 0; n < mixed.values.size(); ++n) mixed.values[n] = static_cast<float>(1 + n % 5);
  const auto fitted = [](const Csr& events, ItemSimilarity similarity) { return dense(fit_item_knn(events, {.similarity = similarity}).model->similarities()); };
  REQUIRE(fitted(plain, ItemSimilarity::jaccard) == fitted(mixed, ItemSimilarity::jaccard));
  const auto one = fitted(plain, ItemSimilarity::tfidf), four = fitted(heavy, ItemSimilarity::tfidf);
  for (std::size_t i = 0; i < one.size(); ++i)
    for (std::size_t j = 0; j < one.size(); ++j) REQUIRE_THAT(four[i][j], WithinRel(one[i][j], 1e-5f));
}

TEST_CASE("item_knn: cosines by hand", "[cf][item_knn]") {
  const auto fit = fit_item_knn(synth::tiny(), {});
  const auto s = dense(fit.model->similarities());
  const float third = static_cast<float>(1 / std::sqrt(3.0)), two_thirds = static_cast<float>(2 / (std::sqrt(3.0) * std::sqrt(3.0)));
  REQUIRE(s == Dense{{0, two_thirds, third, 0, 0}, {two_thirds, 0, third, third, 0}, {third, third, 0, 0, 0}, {0, third, 0, 0, 0}, {0, 0, 0, 0, 0}});
  REQUIRE(recommended(*fit.model, {ItemIndex{2}, ItemIndex{3}}, {1, 2}, 5) == std::vector<Scored>{{ItemIndex{1}, third + 2 * third}, {ItemIndex{0}, third}});
}

TEST_CASE("item_knn: equals the definition, entry for entry and bit for bit", "[cf][item_knn]") {
  for (const bool weighted : {false, true})
    for (const std::int32_t neighbours : {1, 3, 25, 1000})
      for (const float shrinkage : {0.0f, 3.5f}) {
        const auto events = synth::two_taste_groups({.users = 70, .items = 60, .seed = 4, .weighted = weighted});
        for (const auto similarity : {ItemSimilarity::cosine, ItemSimilarity::tfidf, ItemSimilarity::bm25, ItemSimilarity::jaccard}) {
          cf::ItemKnnConfig config{.similarity = similarity, .neighbours = neighbours, .shrinkage = shrinkage};
          if (similarity == ItemSimilarity::bm25) config.shrinkage = 0, config.k1 = 2 + shrinkage, config.b = 0.4f;
          const auto fit = fit_item_knn(events, config, {.execution = {.threads = 2}});
          REQUIRE_NOTHROW(require_valid_weights(fit.model->similarities(), "similarities"));
          REQUIRE(dense(fit.model->similarities()) == oracle(events, config));
        }
      }
}

TEST_CASE("item_knn: scores equal sums in the order of the history, in small catalogues and large ones", "[cf][item_knn]") {
  for (const std::uint32_t items : {10u, 60u, 3000u}) {  // 3000: rows are short beside the catalogue
    const auto events = synth::two_taste_groups({.users = items == 3000 ? 12u : 70u, .items = items, .seed = 8, .weighted = true});
    const auto model = fit_item_knn(events, {.neighbours = 30}).model;
    const auto s = dense(model->similarities());
    for (const auto& history : std::vector<std::vector<std::uint32_t>>{{0}, {5, 1}, {7, 0, 9, 2, 4}}) {
      std::vector<ItemIndex> history_items;
      std::vector<float> weights;
      for (const auto i : history) {
        history_items.push_back(ItemIndex{i});
        weights.push_back(0.3f + static_cast<float>(i));
      }
      std::vector<Scored> expected;
      for (std::uint32_t j = 0; j < items; ++j) {
        float sum = 0;
        for (std::size_t n = 0; n < history.size(); ++n) sum += weights[n] * s[history[n]][j];
        if (sum > 0 && std::find(history.begin(), history.end(), j) == history.end()) expected.push_back({ItemIndex{j}, sum});
      }
      std::sort(expected.begin(), expected.end(), ranks_before);
      REQUIRE(recommended(*model, history_items, weights, items) == expected);
    }
  }
}

TEST_CASE("item_knn: keeps the promises of a recommender where sums are sparse", "[cf][item_knn]") {
  // The suite's catalogues are small, so its sums are dense. Here each person has one item of their own beside a shared one,
  // and a row is a small part of the catalogue.
  synth::CsrBuilder builder(2000);
  for (std::uint32_t u = 0; u < 500; ++u) builder.cell(4 * u).cell(4 * u + 1 + u % 3).end_row();
  const auto model = fit_item_knn(builder.take(), {}).model;
  model::Workspace workspace;
  for (std::uint32_t u = 0; u < 500; ++u) {
    const std::vector<ItemIndex> items{ItemIndex{4 * u}};
    const std::vector<float> weights{2};
    std::vector<Scored> out(5);
    REQUIRE(model->recommend({items, weights, {}, {}}, {.count = 5}, workspace, out) == 1);
    REQUIRE(out[0] == Scored{ItemIndex{4 * u + 1 + u % 3}, 2});
    REQUIRE(model->recommend({items, weights, {}, {}}, {.count = 5, .exclude_history = false}, workspace, out) == 1);
    std::vector<float> scores(2);
    const std::vector<ItemIndex> candidates{out[0].item, ItemIndex{(4 * u + 5) % 2000}};
    model->score({items, weights, {}, {}}, candidates, workspace, scores);
    REQUIRE(scores == std::vector<float>{2, 0});
    REQUIRE(std::all_of(workspace.marks.begin(), workspace.marks.end(), [](auto word) { return word == 0; }));
  }
}

TEST_CASE("item_knn: similar items are exact to twenty, whatever the lists of others", "[cf][item_knn]") {
  const auto events = synth::two_taste_groups({.users = 90, .items = 80, .seed = 6});
  const auto few = fit_item_knn(events, {.neighbours = 20}).model, all = fit_item_knn(events, {.neighbours = 100}).model;
  model::Workspace workspace;
  for (std::uint32_t i = 0; i < 80; ++i) {
    std::vector<Scored> a(20), b(20);
    a.resize(few->similar(ItemIndex{i}, {.count = 20}, workspace, a));
    b.resize(all->similar(ItemIndex{i}, {.count = 20}, workspace, b));
    REQUIRE(a == b);
  }
}

TEST_CASE("item_knn: weights of zero are no evidence", "[cf][item_knn]") {
  const Csr events{2, 3, {0, 3, 5}, {0, 1, 2, 0, 1}, {1, 0, 1, 1, 0}};
  const auto s = dense(fit_item_knn(events, {}).model->similarities());
  REQUIRE(s[0][1] == 0);
  REQUIRE(s[1] == std::vector<float>{0, 0, 0});
  REQUIRE(s[0][2] > 0);
}

TEST_CASE("item_knn: settings and weights that cannot be are refused by name", "[cf][item_knn]") {
  REQUIRE_THROWS_WITH(fit_item_knn(synth::tiny(), {.neighbours = 0}), StartsWith("neighbours: 0 is out of range"));
  REQUIRE_THROWS_WITH(fit_item_knn(synth::tiny(), {.shrinkage = -1}), StartsWith("shrinkage: -1 is out of range"));
  REQUIRE_THROWS_WITH(fit_item_knn(synth::tiny(), {.similarity = ItemSimilarity::bm25, .shrinkage = 2}), StartsWith("shrinkage: is 2") && Contains("bm25"));
  REQUIRE_THROWS_WITH(fit_item_knn(synth::tiny(), {.b = 1.5f}), StartsWith("b: 1.5 is out of range"));
  REQUIRE_THROWS_WITH(fit_item_knn(Csr{}, {}), StartsWith("events: has no items"));
  const float huge = std::numeric_limits<float>::max();
  const Csr overflow{1, 2, {0, 2}, {0, 1}, {huge, huge}};
  REQUIRE_THROWS_WITH(fit_item_knn(overflow, {}), Contains("the weights of items 0 and 1 overflow"));
}

TEST_CASE("item_knn: an item count of zero people is a model without answers", "[cf][item_knn]") {
  const auto model = fit_item_knn(Csr{0, 3, {0}, {}, {}}, {}).model;
  REQUIRE(model->similarities().nonzeros() == 0);
  REQUIRE(recommended(*model, {ItemIndex{1}}, {1}, 3).empty());
}
