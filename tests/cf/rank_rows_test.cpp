#include "pannier/cf/rank_rows.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/simd.hpp"
#include "support/catch.hpp"
#include "support/synth.hpp"

using namespace pannier;

namespace {

/// Numbers without padding between the rows, as a caller has them.
struct Rows {
  std::vector<float> numbers;
  std::size_t rows, cols;
  Rows(std::size_t r, std::size_t c, std::uint64_t seed) : numbers(r * c), rows(r), cols(c) {
    Random random(seed);
    for (float& x : numbers) x = static_cast<float>(random.normal());
  }
  [[nodiscard]] MatrixView view() const { return {numbers.data(), rows, cols, cols}; }
};

/// Each row has each column with the probability `share`.
Csr lists(std::size_t rows, std::uint32_t cols, double share, std::uint64_t seed) {
  Random random(seed);
  synth::CsrBuilder out(cols);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::uint32_t c = 0; c < cols; ++c)
      if (random.uniform() < share) out.cell(c);
    out.end_row();
  }
  return out.take();
}

bool holds(const CsrView* list, std::size_t row, std::uint32_t item) { return list != nullptr && std::ranges::binary_search(list->row_columns(row), item); }

/// Every vector scored one by one and sorted.
void require_ranked(const Rows& queries, const Rows& vectors, const model::Ask& ask, int threads) {
  std::vector<ItemIndex> items(queries.rows * ask.count, ItemIndex{7});
  std::vector<float> scores(items.size(), -1.0f);
  cf::rank_rows(queries.view(), vectors.view(), ask, {.threads = threads}, items, scores);
  for (std::size_t r = 0; r < queries.rows; ++r) {
    std::vector<Scored> all;
    for (std::uint32_t i = 0; i < vectors.rows; ++i) {
      if (ask.allowed != nullptr && !ask.allowed->contains(ItemIndex{i})) continue;
      if (ask.row_allowed != nullptr && !holds(ask.row_allowed, r, i)) continue;
      if (holds(ask.row_denied, r, i)) continue;
      if (const float score = fixed_dot(queries.view().row(r), vectors.view().row(i)); !std::isnan(score)) all.push_back({ItemIndex{i}, score});
    }
    std::ranges::sort(all, ranks_before);
    all.resize(ask.count, Scored{no_item, 0});
    for (std::size_t n = 0; n < ask.count; ++n) {
      CAPTURE(r, n);
      REQUIRE((items[r * ask.count + n] == all[n].item && std::bit_cast<std::uint32_t>(scores[r * ask.count + n]) == std::bit_cast<std::uint32_t>(all[n].score)));
    }
  }
}

}  // namespace

TEST_CASE("rank_rows: few and many queries get the bits of scoring every vector in the fixed order, without what their lists deny", "[cf][rank_rows]") {
  const Rows vectors(1300, 19, 1);
  ItemSet most(1300, true), few(1300);
  for (std::uint32_t i = 0; i < 1300; i += 3) most.erase(ItemIndex{i});
  for (std::uint32_t i = 0; i < 1300; i += 9) few.insert(ItemIndex{i});
  for (const std::size_t people : {1u, 15u, 16u, 130u}) {
    CAPTURE(people);
    const Rows queries(people, 19, 2);
    const Csr denied = lists(people, 1300, 0.2, 3), allowed = lists(people, 1300, 0.05, 4);
    const CsrView deny = denied, allow = allowed;
    for (const ItemSet* set : {static_cast<const ItemSet*>(nullptr), static_cast<const ItemSet*>(&most), static_cast<const ItemSet*>(&few)})
      for (const CsrView* no : {static_cast<const CsrView*>(nullptr), &deny})
        for (const CsrView* yes : {static_cast<const CsrView*>(nullptr), &allow}) {
          CAPTURE(set != nullptr, no != nullptr, yes != nullptr);
          for (const int threads : {1, 3}) require_ranked(queries, vectors, {.count = 12, .allowed = set, .row_allowed = yes, .row_denied = no}, threads);
        }
  }
}

TEST_CASE("rank_rows: lists longer than what is left end with no item", "[cf][rank_rows]") {
  const Rows queries(20, 4, 5), vectors(9, 4, 6);
  const Csr all = lists(20, 9, 2, 7);
  const CsrView deny = all;
  require_ranked(queries, vectors, {.count = 30}, 1);
  require_ranked(queries, vectors, {.count = 3, .row_denied = &deny}, 1);
  require_ranked(Rows(20, 4, 5), Rows(0, 4, 6), {.count = 3}, 1);
  require_ranked(Rows(0, 4, 5), vectors, {.count = 3}, 1);
}

TEST_CASE("rank_rows: numbers that are none, overflow and underflow change no answer", "[cf][rank_rows]") {
  Rows queries(40, 24, 8), vectors(700, 24, 9);
  for (std::size_t k = 0; k < 24; ++k) vectors.numbers[5 * 24 + k] *= 1e30f, queries.numbers[k] *= 1e30f, vectors.numbers[9 * 24 + k] *= 1e-30f;
  require_ranked(queries, vectors, {.count = 10}, 2);
  vectors.numbers[100] = std::numeric_limits<float>::quiet_NaN();
  vectors.numbers[300] = std::numeric_limits<float>::infinity();
  require_ranked(queries, vectors, {.count = 10}, 2);
  for (float& x : vectors.numbers) x = 1e-22f;
  for (float& x : queries.numbers) x *= 1e-23f;
  require_ranked(queries, vectors, {.count = 10}, 2);
}

TEST_CASE("rank_rows: what does not fit together is refused by name", "[cf][rank_rows]") {
  const Rows queries(2, 4, 1), vectors(5, 4, 2), other(5, 3, 2);
  std::vector<ItemIndex> items(4);
  std::vector<float> scores(4);
  const auto rank = [&](const Rows& q, const Rows& v, const model::Ask& ask) { cf::rank_rows(q.view(), v.view(), ask, {.threads = 1}, items, scores); };
  REQUIRE_THROWS_WITH(rank(queries, other, {.count = 2}), StartsWith("queries: have 4 columns"));
  REQUIRE_THROWS_WITH(rank(queries, vectors, {.count = 3}), StartsWith("items: 4 entries"));
  const ItemSet wrong(4);
  REQUIRE_THROWS_WITH(rank(queries, vectors, {.count = 2, .allowed = &wrong}), StartsWith("allowed: "));
  const Csr narrow = lists(2, 4, 1, 1), short_list = lists(1, 5, 1, 1);
  const CsrView narrow_view = narrow, short_view = short_list;
  REQUIRE_THROWS_WITH(rank(queries, vectors, {.count = 2, .row_allowed = &narrow_view}), StartsWith("row_allowed: is 2 x 4"));
  REQUIRE_THROWS_WITH(rank(queries, vectors, {.count = 2, .row_denied = &short_view}), StartsWith("row_denied: is 1 x 5"));
  Csr unsorted = lists(2, 5, 1.5, 1);
  std::swap(unsorted.columns[0], unsorted.columns[1]);
  const CsrView unsorted_view = unsorted;
  REQUIRE_THROWS_WITH(rank(queries, vectors, {.count = 2, .row_denied = &unsorted_view}), StartsWith("row_denied: row 0"));
}
