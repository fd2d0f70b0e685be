#include "cf/by_vector.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "pannier/core/random.hpp"
#include "pannier/core/simd.hpp"
#include "support/catch.hpp"

using namespace pannier;
using namespace pannier::cf;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Vectors whose norms differ e-fold; a query is the sum of the history's vectors.
struct Vectors : model::VectorModel {
  Matrix vectors;
  std::vector<float> norms;
  bool descend = false;
  std::size_t unseen = std::numeric_limits<std::size_t>::max();  ///< A number that is 0 in every query.

  Vectors(std::size_t items, std::size_t dimensions, bool descending, std::uint64_t seed) : vectors(items, dimensions), norms(items), descend(descending) {
    Random random(seed);
    std::vector<double> scale(items);
    for (auto& s : scale) s = std::exp(random.normal());
    if (descending) std::ranges::sort(scale, std::greater<>());
    for (std::size_t i = 0; i < items; ++i)
      for (auto& x : vectors.row(i)) x = static_cast<float>(random.normal() * scale[i]);
    measure();
  }
  void measure() {
    for (std::size_t i = 0; i < norms.size(); ++i) norms[i] = by_vector::norm_of(vectors.row(i));
    if (descend)
      for (std::size_t i = norms.size(); i-- > 1;) norms[i - 1] = std::max(norms[i - 1], norms[i]);
  }
  [[nodiscard]] MatrixView item_vectors() const noexcept override { return vectors; }
  [[nodiscard]] std::span<const float> item_norms() const noexcept override { return norms; }
  [[nodiscard]] bool norms_descend() const noexcept override { return descend; }
  void query(const model::History&, model::Workspace&, std::span<float>) const override {}

  bool fold_in(std::span<const std::uint32_t> columns, std::span<float> out) const {
    std::ranges::fill(out, 0.0f);
    for (const auto item : columns)
      for (std::size_t k = 0; k < out.size(); ++k) out[k] += vectors.row(item)[k];
    if (unseen < out.size()) out[unseen] = 0;
    return !columns.empty();
  }
};

/// Every fifth row is empty; the others have up to nine items.
Csr histories(std::size_t rows, std::size_t items, std::uint64_t seed) {
  Random random(seed);
  Csr out;
  out.rows = rows, out.cols = items;
  for (std::size_t r = 0; r < rows; ++r) {
    std::vector<std::uint32_t> columns;
    for (std::size_t n = 0; r % 5 != 0 && n < 1 + r % 9; ++n) columns.push_back(static_cast<std::uint32_t>(random.below(items)));
    std::ranges::sort(columns);
    columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
    out.columns.insert(out.columns.end(), columns.begin(), columns.end());
    out.offsets.push_back(static_cast<std::int64_t>(out.columns.size()));
  }
  out.values.assign(out.columns.size(), 1.0f);
  return out;
}

/// All items scored one by one in the fixed order and sorted.
std::vector<Scored> brute_force(const Vectors& model, std::span<const std::uint32_t> seen, const model::Ask& ask) {
  std::vector<float> query(model.vectors.cols());
  std::vector<Scored> all;
  if (model.fold_in(seen, query))
    for (std::uint32_t i = 0; i < model.vectors.rows(); ++i) {
      if (ask.exclude_history && std::ranges::binary_search(seen, i)) continue;
      if (ask.allowed != nullptr && !ask.allowed->contains(ItemIndex{i})) continue;
      if (const float score = fixed_dot(query, model.vectors.row(i)); !std::isnan(score)) all.push_back({ItemIndex{i}, score});
    }
  std::ranges::sort(all, ranks_before);
  all.resize(ask.count, Scored{no_item, 0});
  return all;
}

void require_brute_force(const Vectors& model, const Csr& rows, const model::Ask& ask, int threads) {
  std::vector<ItemIndex> items(rows.rows * ask.count, ItemIndex{7});
  std::vector<float> scores(items.size(), -1.0f);
  by_vector::recommend_batch(model, rows, ask, {.threads = threads},
                             [&](std::size_t, std::span<const std::uint32_t> columns, std::span<const float>, model::Workspace&, std::span<float> out) { return model.fold_in(columns, out); },
                             items, scores);
  const CsrView view = rows;
  for (std::size_t r = 0; r < rows.rows; ++r) {
    const auto expected = brute_force(model, view.row_columns(r), ask);
    for (std::size_t i = 0; i < ask.count; ++i) {
      CAPTURE(r, i);
      REQUIRE((items[r * ask.count + i] == expected[i].item && std::bit_cast<std::uint32_t>(scores[r * ask.count + i]) == std::bit_cast<std::uint32_t>(expected[i].score)));
    }
  }
}

}  // namespace

TEST_CASE("by_vector: a batch gives the bits of scoring every item in the fixed order", "[cf][by_vector]") {
  for (const bool descending : {false, true})
    for (const auto people : std::vector<std::size_t>{1, 15, 70, 900})
      for (const auto dimensions : std::vector<std::size_t>{3, 64, 300}) {
        if (people == 900 && dimensions == 300) continue;
        CAPTURE(descending, people, dimensions);
        const Vectors model(2600, dimensions, descending, people + dimensions);
        const auto rows = histories(people, 2600, 5);
        for (const int threads : {1, 3}) require_brute_force(model, rows, {.count = 20}, threads);
        require_brute_force(model, rows, {.count = 1, .exclude_history = false}, 2);
      }
}

TEST_CASE("by_vector: a batch keeps to the allowed items, few and many, and to catalogues shorter than the list", "[cf][by_vector]") {
  const Vectors model(1500, 40, false, 3);
  const auto rows = histories(100, 1500, 6);
  for (const std::uint32_t every : {2u, 700u, 5000u}) {
    ItemSet allowed(1500);
    for (std::uint32_t i = 0; i < 1500; ++i)
      if ((i + 1) % every == 0) allowed.insert(ItemIndex{i});
    CAPTURE(every);
    require_brute_force(model, rows, {.count = 10, .allowed = &allowed}, 2);
  }
  const Vectors few(7, 5, false, 4);
  require_brute_force(few, histories(80, 7, 7), {.count = 12}, 2);
}

TEST_CASE("by_vector: a batch breaks ties by index, whatever the order of the norms", "[cf][by_vector]") {
  // 8 vectors, 150 times each, beside a last number that no query sees: equal scores from unequal norms, so that ties go by index against the order of the scan,
  // and what a tile rounds down may still belong to the list.
  Vectors model(1200, 65, false, 8);
  const Vectors few(8, 65, false, 9);
  Random random(10);
  for (std::size_t i = 0; i < 1200; ++i) {
    std::ranges::copy(few.vectors.row((i * 7) % 8), model.vectors.row(i).begin());
    model.vectors.row(i)[64] = static_cast<float>(random.normal());
  }
  model.measure();
  model.unseen = 64;
  require_brute_force(model, histories(300, 1200, 10), {.count = 25}, 2);
}

TEST_CASE("by_vector: nobody leaves a batch while a later item can enter", "[cf][by_vector]") {
  // The query is (1, 0). Long vectors beside it, (1, .28), come first; the shorter (1.02, 0) of later chunks are better.
  Vectors model(3000, 2, false, 14);
  for (std::size_t i = 0; i < 3000; ++i) {
    const bool early = i % 3 == 1;
    model.vectors.row(i)[0] = i == 0 ? 1.0f : early ? 1.0f : 1.02f - 1e-6f * static_cast<float>(i % 17);
    model.vectors.row(i)[1] = early ? 0.28f + 1e-5f * static_cast<float>(i) / 3000 : 0.0f;
  }
  model.measure();
  Csr rows;
  rows.rows = 100, rows.cols = 3000;
  for (int r = 0; r < 100; ++r) rows.columns.push_back(0), rows.offsets.push_back(r + 1);
  rows.values.assign(100, 1.0f);
  require_brute_force(model, rows, {.count = 30}, 2);
}

TEST_CASE("by_vector: products that overflow, and numbers that are none, are as in single calls", "[cf][by_vector]") {
  const auto rows = histories(120, 900, 11);
  Vectors model(900, 24, false, 12);
  for (std::size_t i = 0; i < 900; i += 10)
    for (auto& x : model.vectors.row(i)) x *= 1e19f;
  model.measure();
  require_brute_force(model, rows, {.count = 20}, 2);
  model.vectors.row(5)[3] = std::numeric_limits<float>::quiet_NaN();
  model.vectors.row(6)[0] = infinity;
  model.measure();
  require_brute_force(model, rows, {.count = 20}, 2);
  // Tiny ones, whose products underflow.
  Vectors tiny(900, 24, false, 13);
  for (std::size_t i = 0; i < 900; ++i)
    for (auto& x : tiny.vectors.row(i)) x *= 1e-22f;
  tiny.measure();
  require_brute_force(tiny, rows, {.count = 20}, 2);
}

TEST_CASE("by_vector: sums that are finite in the fixed order alone are found in a batch", "[cf][by_vector]") {
  // In the fixed order numbers 0 and 16 cancel first; one after the other, 0 and 1 overflow to minus infinity.
  Vectors model(900, 32, false, 15);
  for (std::size_t i = 0; i < 900; ++i) {
    for (const std::size_t k : {std::size_t{0}, std::size_t{1}}) {
      model.vectors.row(i)[k] = i == 0 ? 1e19f : -2e19f;
      model.vectors.row(i)[k + 16] = i == 0 ? 1e19f : 2e19f;
    }
  }
  model.measure();
  Csr rows;
  rows.rows = 100, rows.cols = 900;
  for (int r = 0; r < 100; ++r) rows.columns.push_back(0), rows.offsets.push_back(r + 1);
  rows.values.assign(100, 1.0f);
  require_brute_force(model, rows, {.count = 20}, 2);
}
