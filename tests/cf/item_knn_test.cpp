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
    double has = 0, mass = 0;
    for (const float w : row) has += w > 0 ? 1 : 0, mass += static_cast<double>(w);
    const double idf = std::abs(std::log(items / (1 + has)));
    for (std::size_t i = 0; i < row.size(); ++i) {
      const double w = static_cast<double>(row[i]), k1 = static_cast<double>(config.k1), b = static_cast<double>(config.b);
      if (w <= 0) continue;
      if (config.similarity == ItemSimilarity::tfidf) row[i] = static_cast<float>(std::sqrt(w) * idf);
      if (config.similarity == ItemSimilarity::bm25) row[i] = static_cast<float>(idf * w * (k1 + 1) / (w + k1 * (1 - b + b * lengths[i] / (all / items))));
      if (config.similarity == ItemSimilarity::jaccard || config.similarity == ItemSimilarity::tversky) row[i] = 1;
      if (config.similarity == ItemSimilarity::p3 || config.similarity == ItemSimilarity::rp3)
        row[i] = static_cast<float>(std::pow(w / std::sqrt(mass), static_cast<double>(config.alpha)));
    }
  }
  return x;
}

constexpr ItemSimilarity every_similarity[] = {ItemSimilarity::cosine,  ItemSimilarity::tfidf,      ItemSimilarity::bm25, ItemSimilarity::jaccard,
                                               ItemSimilarity::tversky, ItemSimilarity::asymmetric, ItemSimilarity::p3,   ItemSimilarity::rp3};

/// Whether the lists are those of the history's items.
bool of_history(ItemSimilarity similarity) { return similarity == ItemSimilarity::rp3; }

/// The definition, with every pair of items and full sorts.
Dense oracle(const CsrView& events, const cf::ItemKnnConfig& config) {
  const auto plain = dense(events), x = weighed(plain, config);
  const auto items = static_cast<std::uint32_t>(events.cols);
  struct Item {
    double squares = 0, mass = 0, people = 0;
  };
  std::vector<Item> of(items);
  for (std::uint32_t i = 0; i < items; ++i)
    for (std::size_t u = 0; u < x.size(); ++u) {
      of[i].squares += static_cast<double>(x[u][i]) * static_cast<double>(x[u][i]);
      of[i].mass += static_cast<double>(plain[u][i]);
      of[i].people += plain[u][i] > 0 ? 1 : 0;
    }
  const double alpha = static_cast<double>(config.alpha), beta = static_cast<double>(config.beta), shrinkage = static_cast<double>(config.shrinkage);
  const auto below = [&](const Item& i, const Item& j, double both) {  // i of the history, j recommended
    switch (config.similarity) {
      case ItemSimilarity::bm25: return 1.0;
      case ItemSimilarity::jaccard: return i.people + j.people - both + shrinkage;
      case ItemSimilarity::tversky: return both + alpha * (i.people - both) + beta * (j.people - both) + shrinkage;
      case ItemSimilarity::asymmetric: return std::pow(std::sqrt(i.squares), 2 * alpha) * std::pow(std::sqrt(j.squares), 2 * (1 - alpha)) + shrinkage;
      case ItemSimilarity::p3: return std::pow(i.mass, alpha) + shrinkage;
      case ItemSimilarity::rp3: return std::pow(i.mass, alpha) * std::pow(j.people, beta) + shrinkage;
      default: return std::sqrt(i.squares) * std::sqrt(j.squares) + shrinkage;
    }
  };
  Dense all(items, std::vector<float>(items, 0.0f));
  for (std::uint32_t i = 0; i < items; ++i)
    for (std::uint32_t j = 0; j < items; ++j) {
      float sum = 0;
      for (const auto& row : x) sum += row[i] * row[j];
      if (i != j && sum > 0) all[i][j] = static_cast<float>(static_cast<double>(sum) / below(of[i], of[j], static_cast<double>(sum)));
    }
  const auto best = [&](const auto& score, std::size_t count) {
    std::vector<Scored> out;
    for (std::uint32_t i = 0; i < items; ++i)
      if (score(i) > 0) out.push_back({ItemIndex{i}, score(i)});
    std::sort(out.begin(), out.end(), ranks_before);
    out.resize(std::min(count, out.size()));
    return out;
  };
  Dense out(items, std::vector<float>(items, 0.0f));
  const auto count = static_cast<std::size_t>(config.neighbours);
  for (std::uint32_t j = 0; j < items; ++j) {
    for (const auto& [i, score] : best([&](std::uint32_t other) { return all[j][other]; }, of_history(config.similarity) ? count : std::min(count, std::size_t{20}))) out[j][value(i)] = score;
    if (of_history(config.similarity)) continue;
    for (const auto& [i, score] : best([&](std::uint32_t other) { return all[other][j]; }, count)) out[value(i)][j] = score;
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
  SECTION("tversky") { conformance::check(subject({.similarity = ItemSimilarity::tversky, .alpha = 0.3f, .beta = 0.9f})); }
  SECTION("asymmetric") { conformance::check(subject({.similarity = ItemSimilarity::asymmetric, .alpha = 0.8f})); }
  SECTION("p3") { conformance::check(subject({.similarity = ItemSimilarity::p3})); }
  SECTION("rp3") { conformance::check(subject({.similarity = ItemSimilarity::rp3, .alpha = 1, .beta = 0.3f})); }
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

TEST_CASE("item_knn: similarities that differ by direction, by hand", "[cf][item_knn]") {
  // tiny(): item 0 has people 0 1 3, item 1 has 0 1 2, item 2 has 1, item 3 has 2; people have 2, 3, 2 and 1 items.
  const auto s = [](const cf::ItemKnnConfig& config) { return dense(fit_item_knn(synth::tiny(), config).model->similarities()); };
  const auto near = [](float a, double b) { REQUIRE_THAT(static_cast<double>(a), WithinRel(b, 1e-6)); };
  const auto tversky = s({.similarity = ItemSimilarity::tversky, .alpha = 0.25f, .beta = 2});
  near(tversky[0][1], 2 / (2 + 0.25 + 2));
  near(tversky[0][2], 1 / (1 + 0.25 * 2));  // two people have item 0 alone, nobody item 2
  near(tversky[2][0], 1 / (1 + 2.0 * 2));
  const auto asymmetric = s({.similarity = ItemSimilarity::asymmetric, .alpha = 0.25f});
  near(asymmetric[0][2], 1 / std::pow(3, 0.25));
  near(asymmetric[2][0], 1 / std::pow(3, 0.75));
  // From item 0 to one of its three people, and on to one of what they have: over person 0 (2 items) and person 1 (3).
  const auto p3 = s({.similarity = ItemSimilarity::p3, .alpha = 1});
  near(p3[0][1], 1.0 / 3 * (1.0 / 2 + 1.0 / 3));
  near(p3[2][0], 1.0 / 3);
  near(p3[0][2], 1.0 / 9);
  near(s({.similarity = ItemSimilarity::p3, .alpha = 2})[0][1], 1.0 / 9 * (1.0 / 4 + 1.0 / 9));
  const auto rp3 = s({.similarity = ItemSimilarity::rp3, .alpha = 1, .beta = 0.5f});
  near(rp3[0][1], 1.0 / 3 * (1.0 / 2 + 1.0 / 3) / std::sqrt(3.0));
  near(rp3[0][2], 1.0 / 9);
}

TEST_CASE("item_knn: a walk of three steps is the product of its probabilities", "[cf][item_knn]") {
  const auto events = synth::two_taste_groups({.users = 40, .items = 25, .seed = 3, .weighted = true});
  const auto x = dense(events);
  for (const double alpha : {0.5, 1.0, 1.7}) {
    const auto s = dense(fit_item_knn(events, {.similarity = ItemSimilarity::p3, .neighbours = 1000, .alpha = static_cast<float>(alpha)}).model->similarities());
    for (std::size_t i = 0; i < events.cols; ++i)
      for (std::size_t j = 0; j < events.cols; ++j) {
        double mass = 0, sum = 0;
        for (const auto& row : x) mass += static_cast<double>(row[i]);
        for (const auto& row : x) {
          double of_person = 0;
          for (const float w : row) of_person += static_cast<double>(w);
          if (row[i] > 0 && row[j] > 0) sum += std::pow(static_cast<double>(row[i]) / mass, alpha) * std::pow(static_cast<double>(row[j]) / of_person, alpha);
        }
        if (i == j || sum == 0) REQUIRE(s[i][j] == 0);
        else REQUIRE_THAT(static_cast<double>(s[i][j]), WithinRel(sum, 2e-5));   // Products and sums of some dozens in float.
      }
  }
}

TEST_CASE("item_knn: the special cases of one similarity are another", "[cf][item_knn]") {
  const auto events = synth::two_taste_groups({.users = 60, .items = 30, .seed = 5});
  const auto s = [&](cf::ItemKnnConfig config) {
    config.neighbours = 1000;
    return dense(fit_item_knn(events, config).model->similarities());
  };
  const auto alike = [](const Dense& a, const Dense& b) {
    for (std::size_t i = 0; i < a.size(); ++i)
      for (std::size_t j = 0; j < a.size(); ++j) REQUIRE_THAT(a[i][j], WithinRel(b[i][j], 1e-5f));
  };
  alike(s({.similarity = ItemSimilarity::tversky, .alpha = 1, .beta = 1}), s({.similarity = ItemSimilarity::jaccard}));
  alike(s({.similarity = ItemSimilarity::asymmetric, .alpha = 0.5f}), s({}));
  alike(s({.similarity = ItemSimilarity::rp3, .alpha = 0.8f, .beta = 0}), s({.similarity = ItemSimilarity::p3, .alpha = 0.8f}));
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
        for (const auto similarity : every_similarity) {
          cf::ItemKnnConfig config{.similarity = similarity, .neighbours = neighbours, .alpha = 0.7f, .beta = 0.3f, .shrinkage = shrinkage};
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
  REQUIRE_THROWS_WITH(fit_item_knn(synth::tiny(), {.alpha = -0.5f}), StartsWith("alpha: -0.5 is out of range"));
  REQUIRE_THROWS_WITH(fit_item_knn(synth::tiny(), {.similarity = ItemSimilarity::asymmetric, .alpha = 1.5f}), StartsWith("alpha: is 1.5") && Contains("asymmetric") && Contains("0 to 1"));
  REQUIRE_THROWS_WITH(fit_item_knn(Csr{}, {}), StartsWith("events: has no items"));
  const float huge = std::numeric_limits<float>::max();
  const Csr overflow{1, 2, {0, 2}, {0, 1}, {huge, huge}};
  REQUIRE_THROWS_WITH(fit_item_knn(overflow, {}), Contains("the weights of items 0 and 1 overflow"));
  // A walk's weights pass a float's range though each was inside.
  const Csr far{2, 2, {0, 2, 3}, {0, 1, 1}, {huge, 1, 1}};
  REQUIRE_THROWS_WITH(fit_item_knn(far, {.similarity = ItemSimilarity::p3, .alpha = 4}), Contains("the weight of row 0 and item 0 overflows"));
  for (const auto similarity : every_similarity) {
    const Csr tiny{1, 2, {0, 2}, {0, 1}, {1e-38f, 1e-38f}};
    const auto fit = fit_item_knn(tiny, {.similarity = similarity});
    for (const float x : fit.model->similarities().values) REQUIRE(std::isfinite(x));
  }
}

TEST_CASE("item_knn: an item count of zero people is a model without answers", "[cf][item_knn]") {
  const auto model = fit_item_knn(Csr{0, 3, {0}, {}, {}}, {}).model;
  REQUIRE(model->similarities().nonzeros() == 0);
  REQUIRE(recommended(*model, {ItemIndex{1}}, {1}, 3).empty());
}

TEST_CASE("item_knn: the largest products of a row keep the item itself, and ties go by index", "[cf][item_knn]") {
  // Columns' products: 0.0 = 5, 0.1 = 2, 0.2 = 2, 1.1 = 2, 1.2 = 1, 2.2 = 1; item 3 is nobody's.
  synth::CsrBuilder built(4);
  built.cell(0, 2).cell(1, 1).cell(2, 1).end_row().cell(0, 1).end_row().cell(1, 1).end_row();
  const auto events = built.take();
  const auto kept = cf::largest_products(events, 2, {.execution = {.threads = 2}});
  const CsrView two = kept;
  const auto require_row = [&](std::size_t row, std::vector<std::uint32_t> columns, std::vector<float> values) {
    REQUIRE(std::ranges::equal(two.row_columns(row), columns));
    REQUIRE(std::ranges::equal(two.row_values(row), values));
  };
  REQUIRE(two.rows == 4);
  REQUIRE(two.cols == 4);
  require_row(0, {0, 1}, {5, 2});
  require_row(1, {0, 1}, {2, 2});
  require_row(2, {0, 1}, {2, 1});
  require_row(3, {}, {});
  REQUIRE_THROWS_WITH(cf::largest_products(events, 0), StartsWith("count: is 0"));
  REQUIRE_THROWS_WITH(cf::largest_products({}, 2), StartsWith("events: "));
  synth::CsrBuilder large(1);
  REQUIRE_THROWS_WITH(cf::largest_products(large.cell(0, 1e30f).end_row().take(), 2), StartsWith("largest_products: the sum of items 0 and 0"));
}

TEST_CASE("item_knn: similarities of one's own are served, their diagonal to who may have what they have", "[cf][item_knn]") {
  synth::CsrBuilder built(3);
  built.cell(0, 1).cell(1, 0.5f).end_row().cell(2, 0.25f).end_row().end_row();
  const auto model = cf::item_knn_of(built.take());
  model::Workspace workspace;
  std::vector<Scored> out(3);
  const std::vector<ItemIndex> items{ItemIndex{0}, ItemIndex{1}};
  const std::vector<float> weights{2, 4};
  REQUIRE(model->recommend({items, weights, {}, {}}, {.count = 3}, workspace, out) == 1);
  REQUIRE(out[0] == Scored{ItemIndex{2}, 1});
  REQUIRE(model->recommend({items, weights, {}, {}}, {.count = 3, .exclude_history = false}, workspace, out) == 3);
  REQUIRE(out == std::vector<Scored>{{ItemIndex{0}, 2}, {ItemIndex{1}, 1}, {ItemIndex{2}, 1}});
  synth::CsrBuilder wide(3);
  REQUIRE_THROWS_WITH(cf::item_knn_of(wide.cell(2).end_row().take()), StartsWith("similarities: are 1 x 3"));
  synth::CsrBuilder negative(1);
  REQUIRE_THROWS_WITH(cf::item_knn_of(negative.cell(0, -1).end_row().take()), StartsWith("similarities: row 0 column 0"));
}
