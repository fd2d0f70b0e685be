#include "pannier/retrieval/norm_index.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/simd.hpp"
#include "support/allocation_count.hpp"
#include "support/catch.hpp"
#include "support/simd_levels.hpp"

using namespace pannier;
using namespace pannier::retrieval;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

Matrix numbers(std::size_t rows, std::size_t cols, std::uint64_t seed, double spread = 0) {
  Matrix out(rows, cols);
  Random random(seed);
  for (std::size_t r = 0; r < rows; ++r) {
    const double scale = std::exp(spread * random.normal());
    for (auto& x : out.row(r)) x = static_cast<float>(scale * random.normal());
  }
  return out;
}

/// Every item scored and sorted.
std::vector<Scored> oracle(const MatrixView& vectors, std::span<const float> query, const Wanted& wanted) {
  std::vector<Scored> all;
  const auto count = static_cast<std::uint32_t>(vectors.rows + wanted.tail.rows);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (wanted.allowed != nullptr && !wanted.allowed->contains(ItemIndex{i})) continue;
    if (wanted.listed && std::find(wanted.listed->begin(), wanted.listed->end(), i) == wanted.listed->end()) continue;
    if (std::find(wanted.excluded.begin(), wanted.excluded.end(), i) != wanted.excluded.end()) continue;
    const float score = fixed_dot(query, i < vectors.rows ? vectors.row(i) : wanted.tail.row(i - vectors.rows));
    if (!std::isnan(score)) all.push_back({ItemIndex{i}, score});
  }
  std::sort(all.begin(), all.end(), ranks_before);
  all.resize(std::min<std::size_t>(wanted.count, all.size()));
  return all;
}

std::vector<Scored> found(const NormIndex& index, std::span<const float> query, const Wanted& wanted, SearchScratch& scratch) {
  std::vector<Scored> out(std::min<std::size_t>(wanted.count, index.item_count() + wanted.tail.rows + 3));
  out.resize(index.search(query, wanted, scratch, out));
  return out;
}

/// Equal bits, so that 0 and -0 differ.
bool same(const std::vector<Scored>& a, const std::vector<Scored>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Scored& x, const Scored& y) { return x.item == y.item && std::bit_cast<std::uint32_t>(x.score) == std::bit_cast<std::uint32_t>(y.score); });
}

void require_exact(const NormIndex& index, const MatrixView& vectors, const MatrixView& queries, const Wanted& wanted) {
  SearchScratch scratch;
  for (std::size_t q = 0; q < queries.rows; ++q) REQUIRE(same(found(index, queries.row(q), wanted, scratch), oracle(vectors, queries.row(q), wanted)));
}

/// Each `step`-th item from `first` on.
ItemSet every(std::size_t universe, std::uint32_t first, std::uint32_t step) {
  ItemSet set(static_cast<std::uint32_t>(universe));
  for (std::uint32_t i = first; i < universe; i += step) set.insert(ItemIndex{i});
  return set;
}

}  // namespace

TEST_CASE("norm_index: three items by hand", "[retrieval][norm_index]") {
  Matrix vectors(3, 2);
  const float given[3][2] = {{1, 0}, {3, 4}, {0, 2}};
  for (std::size_t i = 0; i < 3; ++i) std::copy_n(given[i], 2, vectors.row(i).begin());
  const NormIndex index(vectors);
  SearchScratch scratch;
  const std::vector<float> query{2, -1};  // 2, 2, -2
  REQUIRE(found(index, query, {.count = 5}, scratch) == std::vector<Scored>{{ItemIndex{0}, 2}, {ItemIndex{1}, 2}, {ItemIndex{2}, -2}});
  REQUIRE(found(index, query, {.count = 1}, scratch) == std::vector<Scored>{{ItemIndex{0}, 2}});
  const std::vector<std::uint32_t> excluded{0};
  REQUIRE(found(index, query, {.count = 1, .excluded = excluded}, scratch) == std::vector<Scored>{{ItemIndex{1}, 2}});
  REQUIRE(index.item_count() == 3);
  REQUIRE(index.query_size() == 2);
  REQUIRE_FALSE(scan_level().empty());
}

TEST_CASE("norm_index: it equals scoring and sorting everything at every level, filtered or not, for any shape", "[retrieval][norm_index]") {
  support::for_each_level(scan_level, support::least_level, [] {
    for (const std::size_t items : {0u, 1u, 63u, 64u, 65u, 700u})
      for (const std::size_t dimensions : {1u, 4u, 5u, 33u, 64u}) {
        const auto vectors = numbers(items, dimensions, items + dimensions, 1), queries = numbers(3, dimensions, 99);
        const NormIndex index(vectors, {}, {.threads = 1});
        const auto universe = static_cast<std::uint32_t>(items);
        const auto few = every(items, 3, 37), tenth = every(items, 2, 10), half = every(items, 0, 2);
        const ItemSet none(universe), all(universe, true);
        std::vector<std::uint32_t> excluded, listed;
        for (std::uint32_t i = 0; i < universe; i += 5) excluded.push_back(i);
        for (std::uint32_t i = 1; i < universe; i += 23) listed.push_back(i);
        for (const std::uint32_t count : {0u, 1u, 10u, 100u, 5000u})
          for (const auto* allowed : std::vector<const ItemSet*>{nullptr, &few, &tenth, &half, &none, &all}) {
            require_exact(index, vectors, queries, {.count = count, .allowed = allowed});
            require_exact(index, vectors, queries, {.count = count, .allowed = allowed, .excluded = excluded});
            require_exact(index, vectors, queries, {.count = count, .allowed = allowed, .listed = listed, .excluded = excluded});
          }
      }
  });
}

TEST_CASE("norm_index: a larger catalogue, whose norms descend or not, borrowed or copied", "[retrieval][norm_index]") {
  auto vectors = numbers(20000, 16, 1, 1);
  const auto queries = numbers(20, 16, 2);
  const auto check = [&](const NormIndex& index) {
    const auto few = every(20000, 3, 300), some = every(20000, 1, 12);
    for (const auto* allowed : std::vector<const ItemSet*>{nullptr, &few, &some}) require_exact(index, vectors, queries, {.count = 20, .allowed = allowed});
  };
  check(NormIndex(vectors));
  check(NormIndex::borrowing(vectors));
  std::vector<std::size_t> order(20000);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto norm = [&](std::size_t i) {
    double squares = 0;
    for (const float x : vectors.row(i)) squares += static_cast<double>(x) * static_cast<double>(x);
    return squares;
  };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return norm(a) > norm(b) || (norm(a) == norm(b) && a < b); });
  Matrix sorted(20000, 16);
  for (std::size_t i = 0; i < order.size(); ++i) std::ranges::copy(vectors.row(order[i]), sorted.row(i).begin());
  vectors = sorted;
  check(NormIndex(vectors));
  check(NormIndex::borrowing(vectors));
  REQUIRE(NormIndex::borrowing(vectors).bytes() < 20000 * 20);  // No copy and no permutation: 16 bytes an item, and a little a block.
}

TEST_CASE("norm_index: where norms are skewed it reads little and scores less, filters that keep little read no code", "[retrieval][norm_index]") {
  const auto vectors = numbers(50000, 32, 5, 1.2), queries = numbers(30, 32, 6);
  const NormIndex index(vectors);
  SearchScratch scratch;
  const auto few = every(50000, 7, 1000);
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    static_cast<void>(found(index, queries.row(q), {.count = 20}, scratch));
    REQUIRE(scratch.effort.blocks < 50000 / 64 / 4);
    REQUIRE(scratch.effort.scored < 1000);
    static_cast<void>(found(index, queries.row(q), {.count = 20, .allowed = &few}, scratch));
    REQUIRE(scratch.effort.blocks == 0);
    REQUIRE(scratch.effort.scored <= 50);
  }
}

TEST_CASE("norm_index: what the codes lose is in the bound: scores that lie in the residual of the query, or of the items", "[retrieval][norm_index]") {
  // A number below half a step of the scale has the code 0; 63 of them together outdo what the codes see.
  constexpr std::size_t dimensions = 64;
  constexpr float step = 1.0f / 127;
  const auto check = [](float query_first, float query_rest, float item_first, float item_rest, float seen) {
    Matrix vectors(400, dimensions), queries(1, dimensions);
    std::ranges::fill(queries.row(0), query_rest);
    queries.row(0)[0] = query_first;
    queries.row(0)[63] = 0;
    for (std::size_t i = 0; i < 400; ++i) {
      auto row = vectors.row(i);
      if (i >= 320) {  // What only the residual holds, in blocks of their own.
        std::ranges::fill(row, item_rest);
        row[0] = item_first;
      } else {         // What the codes see, at a lower score and a larger norm.
        row[63] = 200;
        row[query_first > query_rest ? 0 : 1] = seen;
      }
    }
    const auto expected = oracle(vectors, queries.row(0), {.count = 20});
    REQUIRE(value(expected.front().item) == 320);
    require_exact(NormIndex(vectors), vectors, queries, {.count = 20});
  };
  check(1, 0.49f * step, 0, 12, 2);           // 62 * 12 * 0.49 / 127 = 2.87 is above 2.
  check(0, 1, 100, 0.49f * 100 * step, 20);   // 62 * 49 / 127 = 23.9 is above 20.
}

TEST_CASE("norm_index: the bounds hold to the last bit: scores that rounding takes above the exact product", "[retrieval][norm_index]") {
  // Parallel to the query but for the last bit of each number: all norms and products are equal to some 2^-26, and rounding alone decides who ranks.
  for (const std::size_t dimensions : {1u, 3u, 17u, 64u, 200u}) {
    const auto queries = numbers(2, dimensions, 6);
    Matrix vectors(6000, dimensions);
    Random random(8);
    for (std::size_t i = 0; i < 6000; ++i)
      for (std::size_t k = 0; k < dimensions; ++k) vectors.row(i)[k] = queries.row(0)[k] * (1 + static_cast<float>(static_cast<int>(random.below(3)) - 1) * 0x1p-23f);
    const NormIndex index(vectors);
    for (const std::uint32_t count : {1u, 20u, 150u}) require_exact(index, vectors, queries, {.count = count});
  }
}

TEST_CASE("norm_index: rounding is in the bound of the codes, where the codes lose nothing", "[retrieval][norm_index]") {
  // Multiples of one number: the integer sums order the items by the exact product and differ by a few parts in a million, less than rounding of so many terms.
  constexpr std::size_t dimensions = 4096;
  Matrix vectors(1000, dimensions), queries(1, dimensions);
  Random random(3);
  constexpr float a = 0.0173205f, b = 0.0314159f;
  for (std::size_t k = 0; k < dimensions; ++k) queries.row(0)[k] = a * (k % 32 < 16 ? 127.0f : 1.0f);
  for (std::size_t i = 0; i < 1000; ++i)
    for (std::size_t k = 0; k < dimensions; ++k) vectors.row(i)[k] = b * (k % 32 < 16 ? 127.0f : static_cast<float>(random.below(3)));
  const NormIndex index(vectors);
  for (std::uint32_t count = 1; count < 200; count += 7) require_exact(index, vectors, queries, {.count = count});
}

TEST_CASE("norm_index: ties break by index, wherever the norm order put the items", "[retrieval][norm_index]") {
  Matrix vectors(1000, 8);
  // The first number alone meets the query: ten scores, each of a hundred items of ascending norm.
  for (std::size_t i = 0; i < 1000; ++i) vectors.row(i)[0] = static_cast<float>(i % 10), vectors.row(i)[1] = static_cast<float>(i);
  Matrix queries(2, 8);
  queries.row(0)[0] = 1;
  queries.row(1)[0] = -1;
  require_exact(NormIndex(vectors), vectors, queries, {.count = 25});
  Matrix equal(300, 8);
  for (std::size_t i = 0; i < 300; ++i) std::ranges::fill(equal.row(i), 0.5f);
  require_exact(NormIndex(equal), equal, queries, {.count = 7});
}

TEST_CASE("norm_index: zero queries, zero vectors, equal norms, one huge norm, the smallest and the largest numbers", "[retrieval][norm_index]") {
  auto queries = numbers(6, 12, 1);
  std::ranges::fill(queries.row(1), 0.0f);
  for (auto& x : queries.row(2)) x *= 1e-42f;
  for (auto& x : queries.row(3)) x *= 1e30f;
  for (auto& x : queries.row(4)) x = -0.0f;
  for (auto& x : queries.row(5)) x *= 3e37f;
  const std::function<void(Matrix&)> changes[] = {
      [](Matrix& v) { for (std::size_t i = 0; i < v.rows(); i += 2) std::ranges::fill(v.row(i), 0.0f); },
      [](Matrix& v) { for (std::size_t i = 0; i < v.rows(); ++i) std::ranges::fill(v.row(i), 0.0f); },
      [](Matrix& v) { for (std::size_t i = 0; i < v.rows(); ++i) std::ranges::fill(v.row(i), i % 2 == 0 ? 1.0f : -1.0f); },
      [](Matrix& v) { for (auto& x : v.row(400)) x *= 1e20f; },
      [](Matrix& v) { for (auto& x : v.row(400)) x *= 1e37f; },   // Scores overflow: every item is scored.
      [](Matrix& v) { for (std::size_t i = 0; i < v.rows(); ++i) for (auto& x : v.row(i)) x *= 1e-43f; },
      [](Matrix& v) { for (std::size_t i = 0; i < v.rows(); ++i) for (auto& x : v.row(i)) x *= 1e37f; },
      [](Matrix& v) { for (std::size_t i = 0; i < v.rows(); ++i) v.row(i)[3] = 100; },   // One number rules the scale.
  };
  const auto few = every(500, 0, 40), half = every(500, 1, 2);
  for (const auto& change : changes) {
    auto vectors = numbers(500, 12, 2);
    change(vectors);
    for (const auto* allowed : std::vector<const ItemSet*>{nullptr, &few, &half}) {
      require_exact(NormIndex(vectors), vectors, queries, {.count = 30, .allowed = allowed});
      require_exact(NormIndex::borrowing(vectors), vectors, queries, {.count = 30, .allowed = allowed});
    }
  }
}

TEST_CASE("norm_index: borrowed vectors that are not finite are served, NaN scores never", "[retrieval][norm_index]") {
  auto vectors = numbers(300, 6, 2);
  vectors.row(10)[2] = std::numeric_limits<float>::quiet_NaN();
  vectors.row(20)[0] = infinity;
  vectors.row(30)[5] = -infinity;
  const auto queries = numbers(5, 6, 3);
  const auto few = every(300, 0, 10);
  const std::vector<std::uint32_t> listed{10, 20, 30, 40};
  require_exact(NormIndex::borrowing(vectors), vectors, queries, {.count = 10});
  require_exact(NormIndex::borrowing(vectors), vectors, queries, {.count = 10, .allowed = &few});
  require_exact(NormIndex::borrowing(vectors), vectors, queries, {.count = 10, .listed = listed});
}

TEST_CASE("norm_index: a bias is one more dimension, in the fixed order", "[retrieval][norm_index]") {
  for (const std::size_t dimensions : {1u, 15u, 16u, 64u}) {
    const auto vectors = numbers(900, dimensions, 4, 0.5), queries = numbers(10, dimensions, 5), bias = numbers(1, 900, 6);
    Matrix longer(900, dimensions + 1), longer_queries(10, dimensions + 1);
    for (std::size_t i = 0; i < 900; ++i) std::ranges::copy(vectors.row(i), longer.row(i).begin()), longer.row(i)[dimensions] = bias.row(0)[i];
    for (std::size_t q = 0; q < 10; ++q) std::ranges::copy(queries.row(q), longer_queries.row(q).begin()), longer_queries.row(q)[dimensions] = 1;
    const NormIndex index(vectors, bias.row(0));
    REQUIRE(index.query_size() == dimensions);
    SearchScratch scratch;
    for (std::size_t q = 0; q < 10; ++q) REQUIRE(same(found(index, queries.row(q), {.count = 12}, scratch), oracle(longer, longer_queries.row(q), {.count = 12})));
  }
}

TEST_CASE("norm_index: new items in the tail are ranked, filtered and excluded as any", "[retrieval][norm_index]") {
  const auto vectors = numbers(400, 10, 4, 0.5), tail = numbers(30, 10, 5, 1), queries = numbers(10, 10, 6);
  const NormIndex index(vectors);
  const auto few = every(430, 5, 25), half = every(430, 1, 2);
  const std::vector<std::uint32_t> excluded{3, 401, 429}, listed{0, 7, 399, 400, 405, 429};
  for (const auto* allowed : std::vector<const ItemSet*>{nullptr, &few, &half})
    for (const std::uint32_t count : {1u, 20u, 430u, 1000u}) {
      require_exact(index, vectors, queries, {.count = count, .allowed = allowed, .excluded = excluded, .tail = tail});
      require_exact(index, vectors, queries, {.count = count, .allowed = allowed, .listed = listed, .tail = tail});
    }
  Matrix nothing(0, 10);
  require_exact(NormIndex(nothing), nothing, queries, {.count = 5, .tail = tail});
}

TEST_CASE("norm_index: a batch is single searches bit for bit, for any number of threads", "[retrieval][norm_index]") {
  const auto vectors = numbers(9000, 20, 4, 0.3), queries = numbers(101, 20, 6);
  const NormIndex index(vectors);
  const auto few = every(9000, 5, 100), half = every(9000, 1, 2);
  const std::vector<std::uint32_t> excluded{3, 500, 8999};
  for (const auto* allowed : std::vector<const ItemSet*>{nullptr, &few, &half})
    for (const std::uint32_t count : {0u, 1u, 15u, 200u})
      for (const int threads : {1, 3}) {
        const Wanted wanted{.count = count, .allowed = allowed, .excluded = excluded};
        std::vector<ItemIndex> items(101 * count, ItemIndex{7});
        std::vector<float> scores(101 * count, -5.0f);
        index.search_batch(queries, wanted, {.threads = threads}, items, scores);
        SearchScratch scratch;
        for (std::size_t q = 0; q < 101; ++q) {
          const auto expected = found(index, queries.row(q), wanted, scratch);
          for (std::size_t i = 0; i < count; ++i) {
            REQUIRE(items[q * count + i] == (i < expected.size() ? expected[i].item : no_item));
            REQUIRE(scores[q * count + i] == (i < expected.size() ? expected[i].score : 0.0f));
          }
        }
      }
}

TEST_CASE("norm_index: the order of the items and a scale by a power of two change nothing but the names", "[retrieval][norm_index]") {
  const auto vectors = numbers(3000, 24, 4, 0.5), queries = numbers(10, 24, 6);
  Matrix turned(3000, 24), scaled = vectors;
  for (std::size_t i = 0; i < 3000; ++i) std::ranges::copy(vectors.row(i), turned.row(2999 - i).begin());
  for (std::size_t i = 0; i < 3000; ++i)
    for (auto& x : scaled.row(i)) x *= 0x1p20f;
  const NormIndex index(vectors), turned_index(turned), scaled_index(scaled);
  SearchScratch scratch;
  for (std::size_t q = 0; q < 10; ++q) {
    const auto plain = found(index, queries.row(q), {.count = 20}, scratch);
    auto other = found(turned_index, queries.row(q), {.count = 20}, scratch);
    for (auto& x : other) x.item = ItemIndex{2999 - value(x.item)};
    REQUIRE(plain == other);  // Random scores do not tie.
    other = found(scaled_index, queries.row(q), {.count = 20}, scratch);
    for (auto& x : other) x.score *= 0x1p-20f;
    REQUIRE(plain == other);
  }
}

TEST_CASE("norm_index: once warm a search allocates nothing, and scratch serves one index after another", "[retrieval][norm_index]") {
  const auto large = numbers(5000, 32, 1, 0.3), small = numbers(100, 3, 2), queries = numbers(5, 32, 3), small_queries = numbers(5, 3, 4);
  const NormIndex one(large), other(small);
  const auto few = every(5000, 2, 50), small_few = every(100, 2, 50);
  SearchScratch scratch;
  std::vector<Scored> out(20);
  const auto all = [&] {
    for (std::size_t q = 0; q < 5; ++q)
      for (const bool filtered : {false, true}) {
        const Wanted wanted{.count = 20, .allowed = filtered ? &few : nullptr}, small_wanted{.count = 20, .allowed = filtered ? &small_few : nullptr};
        auto count = one.search(queries.row(q), wanted, scratch, out);
        REQUIRE(std::vector<Scored>(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count)) == oracle(large, queries.row(q), wanted));
        count = other.search(small_queries.row(q), small_wanted, scratch, out);
        REQUIRE(std::vector<Scored>(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count)) == oracle(small, small_queries.row(q), small_wanted));
      }
  };
  all();
  const auto before = support::allocations();
  for (std::size_t q = 0; q < 5; ++q)
    for (const bool filtered : {false, true}) static_cast<void>(one.search(queries.row(q), {.count = 20, .allowed = filtered ? &few : nullptr}, scratch, out));
  REQUIRE(support::allocations() == before);
}

TEST_CASE("norm_index: it holds at most 1.4 times the vectors, and a third of them where they are borrowed", "[retrieval][norm_index]") {
  for (const std::size_t dimensions : {64u, 65u, 128u}) {
    const auto vectors = numbers(3000, dimensions, 1);
    const auto plain = static_cast<double>(3000 * dimensions * sizeof(float));
    REQUIRE(static_cast<double>(NormIndex(vectors).bytes()) < 1.4 * plain);
    REQUIRE(static_cast<double>(NormIndex::borrowing(vectors).bytes()) < 0.34 * plain);
  }
}

TEST_CASE("norm_index: what cannot be searched is refused by name", "[retrieval][norm_index]") {
  auto vectors = numbers(10, 4, 1);
  const NormIndex index(vectors);
  SearchScratch scratch;
  std::vector<Scored> out(3, Scored{ItemIndex{9}, -1});
  const auto untouched = out;
  const std::vector<float> query(4, 1.0f);
  const auto refused = [&](std::span<const float> q, const Wanted& wanted, const std::string& where) {
    try {
      static_cast<void>(index.search(q, wanted, scratch, out));
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::invalid_argument);
      REQUIRE(error.where() == where);
      REQUIRE_FALSE(error.allowed().empty());
      REQUIRE(out == untouched);
      return;
    }
    FAIL("not refused: " + where);
  };
  refused(std::span(query).first(3), {}, "query");
  refused({}, {}, "query");
  for (const float bad : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN()}) {
    auto broken = query;
    broken[2] = bad;
    refused(broken, {}, "query[2]");
    Matrix queries(2, 4);
    std::ranges::copy(broken, queries.row(1).begin());
    std::vector<ItemIndex> items(20);
    std::vector<float> scores(20);
    REQUIRE_THROWS_WITH(index.search_batch(queries, {}, {}, items, scores), Catch::Contains("queries[1][2]"));
  }
  const ItemSet other(11);
  refused(query, {.allowed = &other}, "allowed");
  const std::vector<std::uint32_t> beyond{2, 10}, falling{3, 2}, twice{4, 4};
  refused(query, {.listed = beyond}, "listed[1]");
  refused(query, {.listed = falling}, "listed[1]");
  refused(query, {.listed = twice}, "listed[1]");
  refused(query, {.excluded = beyond}, "excluded[1]");
  refused(query, {.excluded = falling}, "excluded[1]");
  const Matrix tail(2, 5);
  refused(query, {.tail = tail}, "tail");

  std::vector<ItemIndex> items(20);
  std::vector<float> scores(20);
  REQUIRE_THROWS_WITH(index.search_batch(numbers(2, 5, 1), {}, {}, items, scores), Catch::Contains("queries"));
  REQUIRE_THROWS_WITH(index.search_batch(numbers(2, 4, 1), {}, {}, std::span(items).first(19), scores), Catch::Contains("items"));
  REQUIRE_THROWS_WITH(index.search_batch(numbers(2, 4, 1), {}, {}, items, std::span(scores).first(1)), Catch::Contains("scores"));

  vectors.row(7)[1] = std::numeric_limits<float>::quiet_NaN();
  REQUIRE_THROWS_WITH(NormIndex(vectors), Catch::Contains("vectors[7][1]") && Catch::Contains("nan"));
  vectors.row(7)[1] = -infinity;
  REQUIRE_THROWS_WITH(NormIndex(vectors), Catch::Contains("vectors[7][1]") && Catch::Contains("-inf"));
  vectors.row(7)[1] = 0;
  std::vector<float> bias(10);
  bias[3] = infinity;
  REQUIRE_THROWS_WITH(NormIndex(vectors, bias), Catch::Contains("bias[3]"));
  REQUIRE_THROWS_WITH(NormIndex(vectors, std::span(bias).first(9)), Catch::Contains("bias"));
  REQUIRE_THROWS_WITH(NormIndex(Matrix(10, 0)), Catch::Contains("0 dimensions"));
  REQUIRE_THROWS_WITH(NormIndex(Matrix(1, 4097)), Catch::Contains("4097 dimensions"));
  REQUIRE_THROWS_WITH(NormIndex(MatrixView{nullptr, 0xFFFFFFFFu, 1, 1}), Catch::Contains("items"));
}
