#include "pannier/cf/feature_map.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stop_token>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/simd.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/memory_sections.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::FeatureMapConfig;

namespace {

Matrix random_matrix(std::size_t rows, std::size_t cols, std::uint64_t seed) {
  Matrix out(rows, cols);
  for (std::size_t r = 0; r < rows; ++r) {
    Random random(seed, r);
    for (float& x : out.row(r)) x = static_cast<float>(random.normal());
  }
  return out;
}

Csr random_features(std::size_t rows, std::uint32_t cols, double density, std::uint64_t seed) {
  synth::CsrBuilder out(cols);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::uint32_t f = 0; f < cols; ++f)
      if (Random random(seed, r, f); random.uniform() < density) out.cell(f, static_cast<float>(0.5 + random.uniform()));
    out.end_row();
  }
  return out.take();
}

/// The slow oracle: the dense normal equations by elimination with pivots, in double.
std::vector<double> dense_weights(const Matrix& vectors, const std::vector<float>& row_weights, const Csr& features, double l2) {
  const std::size_t count = features.cols, dimensions = vectors.cols(), width = count + dimensions;
  std::vector<double> mean(dimensions), a(count * width);
  double total = 0;
  for (std::size_t r = 0; r < vectors.rows(); ++r) {
    total += static_cast<double>(row_weights[r]);
    for (std::size_t k = 0; k < dimensions; ++k) mean[k] += static_cast<double>(row_weights[r]) * static_cast<double>(vectors.row(r)[k]);
  }
  for (double& m : mean) m /= total;
  for (std::size_t f = 0; f < count; ++f) a[f * width + f] = l2;
  const CsrView rows = features;
  for (std::size_t r = 0; r < vectors.rows(); ++r) {
    std::vector<double> x(count);
    for (std::size_t n = 0; n < rows.row_columns(r).size(); ++n) x[rows.row_columns(r)[n]] = static_cast<double>(rows.row_values(r)[n]);
    const auto c = static_cast<double>(row_weights[r]);
    for (std::size_t f = 0; f < count; ++f) {
      for (std::size_t g = 0; g < count; ++g) a[f * width + g] += c * x[f] * x[g];
      for (std::size_t k = 0; k < dimensions; ++k) a[f * width + count + k] += c * x[f] * (static_cast<double>(vectors.row(r)[k]) - mean[k]);
    }
  }
  for (std::size_t p = 0; p < count; ++p) {
    std::size_t best = p;
    for (std::size_t f = p; f < count; ++f)
      if (std::abs(a[f * width + p]) > std::abs(a[best * width + p])) best = f;
    for (std::size_t j = 0; j < width; ++j) std::swap(a[p * width + j], a[best * width + j]);
    for (std::size_t f = 0; f < count; ++f) {
      if (f == p) continue;
      const double factor = a[f * width + p] / a[p * width + p];
      for (std::size_t j = p; j < width; ++j) a[f * width + j] -= factor * a[p * width + j];
    }
  }
  std::vector<double> out;
  for (std::size_t f = 0; f < count; ++f)
    for (std::size_t k = 0; k < dimensions; ++k) out.push_back(a[f * width + count + k] / a[f * width + f]);
  return out;
}

/// A shop whose items and people are of one of several kinds: people have most of what they have from their own kind.
/// Features are the kind and one of 7 words that say nothing.
struct Shop {
  static constexpr std::uint32_t kinds = 6, users = 300, items = 150;
  Csr all, item_features, user_features;

  Shop() {
    synth::CsrBuilder events(items), of_items(kinds + 7), of_users(kinds + 7);
    const auto describe = [](synth::CsrBuilder& out, std::uint32_t row, std::uint64_t seed) {
      Random random(seed, row);
      out.cell(row % kinds).cell(kinds + static_cast<std::uint32_t>(random.below(7))).end_row();
    };
    for (std::uint32_t u = 0; u < users; ++u) {
      for (std::uint32_t i = 0; i < items; ++i)
        if (Random random(5, u, i); random.uniform() < (u % kinds == i % kinds ? 0.3 : 0.02)) events.cell(i);
      events.end_row();
      describe(of_users, u, 6);
    }
    for (std::uint32_t i = 0; i < items; ++i) describe(of_items, i, 7);
    all = events.take();
    item_features = of_items.take();
    user_features = of_users.take();
  }
};

/// Items and people held out whole: every fifth, across the kinds.
bool cold(std::uint32_t n) { return n / Shop::kinds % 5 == 0; }

/// The events without the cold items, or without the cold people.
Csr without(const Csr& events, bool cold_items) {
  synth::CsrBuilder out(events.cols);
  const CsrView view = events;
  for (std::uint32_t u = 0; u < events.rows; ++u) {
    for (const auto i : view.row_columns(u))
      if (!cold(cold_items ? i : u)) out.cell(i);
    out.end_row();
  }
  return out.take();
}

/// The rows in another order; rows of the same kind may meet by chance.
Csr shuffled(const Csr& features, std::uint64_t seed) {
  std::vector<std::size_t> from(features.rows);
  std::iota(from.begin(), from.end(), std::size_t{0});
  Random random(seed);
  for (std::size_t n = from.size(); n > 1; --n) std::swap(from[n - 1], from[static_cast<std::size_t>(random.below(n))]);
  synth::CsrBuilder out(features.cols);
  const CsrView view = features;
  for (const auto row : from) {
    for (std::size_t n = 0; n < view.row_columns(row).size(); ++n) out.cell(view.row_columns(row)[n], view.row_values(row)[n]);
    out.end_row();
  }
  return out.take();
}

model::History history_of(const CsrView& events, std::size_t row, std::vector<ItemIndex>& items) {
  items.clear();
  for (const auto column : events.row_columns(row)) items.push_back(ItemIndex{column});
  return {items, events.row_values(row), {}, {}};
}

/// Mean share of each person's cold items found among their first 10 of the cold ones.
double recall_of_cold_items(const model::Recommender& model, const Shop& shop, const Csr& train) {
  ItemSet allowed(Shop::items);
  for (std::uint32_t i = 0; i < Shop::items; ++i)
    if (cold(i)) allowed.insert(ItemIndex{i});
  model::Workspace workspace;
  std::vector<Scored> found(10);
  std::vector<ItemIndex> items;
  const CsrView all = shop.all;
  double sum = 0, people = 0;
  for (std::uint32_t u = 0; u < Shop::users; ++u) {
    double wanted = 0, hits = 0;
    for (const auto i : all.row_columns(u)) wanted += cold(i);
    if (wanted == 0) continue;
    const auto count = model.recommend(history_of(train, u, items), {.count = 10, .allowed = &allowed}, workspace, found);
    for (std::size_t n = 0; n < count; ++n) hits += static_cast<double>(std::ranges::count(all.row_columns(u), value(found[n].item)));
    sum += hits / std::min(wanted, 10.0);
    people += 1;
  }
  return sum / people;
}

/// The same of the cold people, ranked by `vectors` (one a person) over all items.
double recall_of_cold_people(const cf::IalsModel& model, const Shop& shop, const Matrix& vectors) {
  model::Workspace workspace;
  std::vector<Scored> found(10);
  const CsrView all = shop.all;
  double sum = 0, people = 0;
  for (std::uint32_t u = 0; u < Shop::users; ++u) {
    const auto wanted = all.row_columns(u);
    if (!cold(u) || wanted.empty()) continue;
    const auto count = model::search_vectors(model, vectors.row(u), 10, nullptr, {}, workspace, found);
    double hits = 0;
    for (std::size_t n = 0; n < count; ++n) hits += static_cast<double>(std::ranges::count(wanted, value(found[n].item)));
    sum += hits / std::min(static_cast<double>(wanted.size()), 10.0);
    people += 1;
  }
  return sum / people;
}

const cf::IalsConfig ials_config{.factors = 12, .l2 = 0.01f, .epochs = 8};

std::vector<float> ones(std::size_t count) { return std::vector<float>(count, 1.0f); }

}  // namespace

TEST_CASE("feature_map: one feature by hand", "[cf][feature_map]") {
  // Vectors 4, 2, 0 with mean 2; the feature stands on the first: (1 + l2) w = 4 - 2, so w = 1 for l2 = 1.
  Matrix vectors(3, 1);
  vectors.row(0)[0] = 4;
  vectors.row(1)[0] = 2;
  const Csr features{3, 1, {0, 1, 1, 1}, {0}, {1}};
  const auto fit = cf::fit_feature_map(vectors, ones(3), features, {.l2 = 1});
  REQUIRE(fit.map.mean == std::vector<float>{2});
  REQUIRE(fit.map.weights.row(0)[0] == 1.0f);   // One step of numbers that float holds exactly.
  REQUIRE(fit.report.converged);
  REQUIRE(fit.report.epochs == 1);
  const auto mapped = cf::map_features(fit.map, Csr{2, 1, {0, 1, 1}, {0}, {0.5f}});
  REQUIRE(mapped.row(0)[0] == 2.5f);
  REQUIRE(mapped.row(1)[0] == 2.0f);   // Without features: the mean.
}

TEST_CASE("feature_map: the weights solve the dense normal equations", "[cf][feature_map]") {
  for (const std::uint32_t count : {1u, 5u, 40u}) {
    for (const float l2 : {0.1f, 3.0f}) {
      const auto vectors = random_matrix(60, 7, 1);
      const auto features = random_features(60, count, 0.2, 2);
      std::vector<float> row_weights;
      for (std::size_t r = 0; r < 60; ++r) row_weights.push_back(static_cast<float>(r % 4));
      const auto fit = cf::fit_feature_map(vectors, row_weights, features, {.l2 = l2, .tolerance = 1e-6f});
      const auto expected = dense_weights(vectors, row_weights, features, static_cast<double>(l2));
      INFO(count << " features, l2 " << l2);
      REQUIRE(fit.report.converged);
      // A residual of 1e-6 of right sides below 100, over eigenvalues of at least l2 = .1, and float's own rounding: below 1e-3.
      for (std::size_t f = 0; f < count; ++f)
        for (std::size_t k = 0; k < 7; ++k) REQUIRE_THAT(static_cast<double>(fit.map.weights.row(f)[k]), WithinAbs(expected[f * 7 + k], 1e-3));
    }
  }
}

TEST_CASE("feature_map: bits do not depend on the threads", "[cf][feature_map]") {
  const auto vectors = random_matrix(1500, 20, 1);
  const auto features = random_features(1500, 600, 0.01, 2);
  const auto one = cf::fit_feature_map(vectors, ones(1500), features, {}, {.execution = {1}});
  const auto four = cf::fit_feature_map(vectors, ones(1500), features, {}, {.execution = {4}});
  REQUIRE(one.map.weights == four.map.weights);
  REQUIRE(one.map.mean == four.map.mean);
  REQUIRE(cf::map_features(one.map, features, {1}) == cf::map_features(one.map, features, {4}));
}

TEST_CASE("feature_map: too few steps are told, and a row of weight zero teaches nothing", "[cf][feature_map]") {
  auto vectors = random_matrix(60, 7, 1);
  const auto features = random_features(60, 40, 0.2, 2);
  REQUIRE_FALSE(cf::fit_feature_map(vectors, ones(60), features, {.l2 = 0.1f, .steps = 2}).report.converged);
  auto row_weights = ones(60);
  row_weights[9] = 0;
  const auto before = cf::fit_feature_map(vectors, row_weights, features, {});
  for (float& x : vectors.row(9)) x = 1e6f;
  REQUIRE(cf::fit_feature_map(vectors, row_weights, features, {}).map.weights == before.map.weights);
}

TEST_CASE("feature_map: cold items by features beat chance, and shuffled feature rows cost at least half of the gain", "[cf][feature_map]") {
  const Shop shop;
  const auto train = without(shop.all, true);
  const auto warm = cf::fit_ials(train, ials_config);
  // Without features all cold items score 0: the order of their indices, which is chance, as nothing is known of how popular they are.
  const double base = recall_of_cold_items(*warm.model, shop, train);
  const double with = recall_of_cold_items(*cf::map_cold_items(*warm.model, shop.item_features, {}).model, shop, train);
  double without_order = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) without_order += recall_of_cold_items(*cf::map_cold_items(*warm.model, shuffled(shop.item_features, seed), {}).model, shop, train) / 5;
  INFO("chance " << base << ", features " << with << ", shuffled " << without_order);
  REQUIRE(with > 1.5 * base);
  REQUIRE(without_order - base <= 0.5 * (with - base));
}

TEST_CASE("feature_map: cold people by features beat the mean person, and shuffled feature rows cost at least half of the gain", "[cf][feature_map]") {
  const Shop shop;
  const auto train = without(shop.all, false);
  const auto warm = cf::fit_ials(train, ials_config);
  std::vector<float> known;
  for (std::uint32_t u = 0; u < Shop::users; ++u) known.push_back(cold(u) ? 0.0f : 1.0f);
  const auto recall = [&](const Csr& features) {
    return recall_of_cold_people(*warm.model, shop, cf::map_features(cf::fit_feature_map(warm.user_factors, known, features, {}).map, features));
  };
  Csr none = shop.user_features;
  std::ranges::fill(none.values, 0.0f);
  const double base = recall(none), with = recall(shop.user_features);   // Without features everybody is the mean person: popularity.
  double without_order = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) without_order += recall(shuffled(shop.user_features, seed)) / 5;
  INFO("the mean person " << base << ", features " << with << ", shuffled " << without_order);
  REQUIRE(with > 1.5 * base);
  REQUIRE(without_order - base <= 0.5 * (with - base));
}

TEST_CASE("feature_map: known items keep their bits, undescribed ones stay unknown, and mapped ones fold in, are found and explained", "[cf][feature_map]") {
  const Shop shop;
  const auto train = without(shop.all, true);
  const auto warm = cf::fit_ials(train, ials_config).model;
  Csr features = shop.item_features;
  REQUIRE(cold(1));
  std::fill_n(features.values.begin() + features.offsets[1], 2, 0.0f);   // Nothing is known of item 1.
  const auto out = cf::map_cold_items(*warm, features, {});
  const auto& mapped = *out.model;
  REQUIRE(out.mapped == 29);   // A fifth of 150 but item 1.
  REQUIRE(out.undescribed == 1);
  for (std::uint32_t i = 0; i < Shop::items; ++i) {
    const bool same = std::ranges::equal(mapped.item_vectors().row(i), warm->item_vectors().row(i)) && std::ranges::equal(mapped.fold_in_vectors().row(i), warm->fold_in_vectors().row(i));
    REQUIRE(same == (!cold(i) || i == 1));
  }
  // A person whose one item is cold, of kind 2: what they get, and what is similar to it, is of kind 2.
  REQUIRE(cold(2));
  const std::vector<ItemIndex> items{ItemIndex{2}};
  const std::vector<float> weights{1};
  const model::History history{items, weights, {}, {}};
  model::Workspace workspace;
  std::vector<Scored> found(5);
  const auto of_kind = [&](std::size_t count) { return std::ranges::count_if(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(count), [](const Scored& s) { return value(s.item) % Shop::kinds == 2; }); };
  REQUIRE(of_kind(mapped.recommend(history, {.count = 5}, workspace, found)) == 5);
  const auto best = found[0];
  std::vector<model::Reason> reasons(1);
  REQUIRE(mapped.explain(history, best.item, workspace, reasons) == 1);
  REQUIRE(reasons[0].item == ItemIndex{2});
  REQUIRE_THAT(static_cast<double>(reasons[0].weight), WithinAbs(static_cast<double>(best.score), 1e-5 * std::abs(static_cast<double>(best.score))));   // The suite's share_tolerance.
  REQUIRE(of_kind(mapped.similar(ItemIndex{2}, {.count = 5}, workspace, found)) == 5);
}

TEST_CASE("feature_map: a model with mapped items keeps the promises of a recommender", "[cf][feature_map]") {
  conformance::check({.fit = [](const CsrView& events, const FitControl& control) -> conformance::Model {
                        const auto fit = cf::fit_ials(events, {.factors = 4, .l2 = 0.03f, .epochs = 6}, control);
                        synth::CsrBuilder features(3);
                        for (std::uint32_t i = 0; i < events.cols; ++i) features.cell(i % 2).cell(2).end_row();
                        return cf::map_cold_items(*fit.model, features.take(), {}, control).model;
                      },
                      .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return cf::read_ials(reader, items); },
                      .copies_tie = false});
}

TEST_CASE("feature_map: what does not fit is refused by name", "[cf][feature_map]") {
  const auto vectors = random_matrix(4, 2, 1);
  const Csr features{4, 3, {0, 1, 2, 3, 4}, {0, 1, 2, 0}, {1, 1, 1, 1}};
  const auto refuses = [](const auto& call, const std::string& where, ErrorCode code = ErrorCode::invalid_argument) {
    try {
      call();
    } catch (const Error& error) {
      INFO(error.what());
      REQUIRE(error.code() == code);
      REQUIRE(std::string(error.what()).find(where) != std::string::npos);
      return;
    }
    FAIL("not refused: " << where);
  };
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  const auto fit = [&](const Matrix& v, const std::vector<float>& c, const Csr& f, const FeatureMapConfig& config = {}) { return [=] { static_cast<void>(cf::fit_feature_map(v, c, f, config)); }; };
  refuses(fit(vectors, ones(3), features), "row_weights");
  refuses(fit(vectors, {0, 0, 0, 0}, features), "row_weights");
  for (const float bad : {-1.0f, nan, infinite}) refuses(fit(vectors, {1, bad, 1, 1}, features), "row_weights");
  refuses(fit(random_matrix(5, 2, 1), ones(5), features), "features");
  refuses(fit(Matrix(4, 0), ones(4), features), "vectors");
  for (const float bad : {nan, infinite}) {
    auto damaged = vectors;
    damaged.row(2)[1] = bad;
    refuses(fit(damaged, ones(4), features), "vectors");
  }
  for (const float bad : {-1.0f, nan, infinite}) {
    auto damaged = features;
    damaged.values[2] = bad;
    refuses(fit(vectors, ones(4), damaged), "features");
  }
  refuses(fit(vectors, ones(4), features, {.l2 = 0}), "l2");
  auto huge = vectors;
  for (std::size_t r = 0; r < 4; ++r) huge.row(r)[0] = r % 2 == 0 ? 3e38f : -3e38f;
  refuses(fit(huge, {2, 3, 2, 3}, features), "fit_feature_map", ErrorCode::numerical_failure);
  const auto map = cf::fit_feature_map(vectors, ones(4), features, {}).map;
  refuses([&] { static_cast<void>(cf::map_features(map, Csr{1, 2, {0, 0}, {}, {}})); }, "features");
  std::stop_source stop;
  stop.request_stop();
  refuses([&] { static_cast<void>(cf::fit_feature_map(vectors, ones(4), features, {}, {.execution = {}, .progress = {}, .stop = stop.get_token()})); }, "", ErrorCode::cancelled);
  // No features at all: everything is the mean.
  const auto empty = cf::fit_feature_map(vectors, ones(4), Csr{4, 0, {0, 0, 0, 0, 0}, {}, {}}, {});
  REQUIRE(empty.report.converged);
  const auto mapped = cf::map_features(empty.map, Csr{1, 0, {0, 0}, {}, {}});
  REQUIRE(std::ranges::equal(mapped.row(0), empty.map.mean));
}
