#include "pannier/data/co_occurrence.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <stop_token>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;
using data::for_each_co_occurrence;

namespace {

/// From rows of column -> weight; a weight of 0 is a stored cell.
Csr csr(std::size_t cols, const std::vector<std::map<std::uint32_t, float>>& rows) {
  Csr out;
  out.rows = rows.size();
  out.cols = cols;
  for (const auto& row : rows) {
    for (const auto& [column, value] : row) {
      out.columns.push_back(column);
      out.values.push_back(value);
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.columns.size()));
  }
  return out;
}

/// Skewed columns, weights of the given kind (1, or 0 to 3 with zeros among them).
Csr random_matrix(std::size_t users, std::uint32_t items, bool ones, std::uint64_t seed) {
  std::vector<std::map<std::uint32_t, float>> rows(users);
  for (std::size_t u = 0; u < users; ++u) {
    Random random(seed, 1, u);
    const auto length = random.below(40);
    for (std::uint64_t i = 0; i < length; ++i) {
      const double x = random.uniform();
      rows[u][static_cast<std::uint32_t>(x * x * x * items)] = ones ? 1.0f : 0.5f * static_cast<float>(random.below(7));
    }
  }
  return csr(items, rows);
}

using Rows = std::vector<std::map<std::uint32_t, float>>;

Rows product(const Csr& x, int threads = 1) {
  Rows out(x.cols);
  std::vector<int> calls(x.cols, 0);
  std::mutex lock;
  for_each_co_occurrence(x, transpose(x), {.execution = {.threads = threads}},
                         [&](std::uint32_t item, std::span<const std::uint32_t> items, std::span<const float> sums, int worker) {
                           const std::scoped_lock guard(lock);
                           if (items.size() != sums.size() || worker < 0 || worker >= threads) calls[item] += 1000;
                           ++calls[item];
                           for (std::size_t i = 0; i < items.size(); ++i)
                             if (!out[item].emplace(items[i], sums[i]).second) calls[item] += 1000;
                         });
  REQUIRE(std::all_of(calls.begin(), calls.end(), [](int n) { return n == 1; }));
  return out;
}

/// The obvious version: every pair of every user, users ascending, FP32 as the contract says.
Rows slow_product(const Csr& x) {
  Rows out(x.cols);
  const CsrView view = x;
  for (std::size_t u = 0; u < x.rows; ++u) {
    const auto columns = view.row_columns(u);
    const auto values = view.row_values(u);
    for (std::size_t a = 0; a < columns.size(); ++a)
      for (std::size_t b = 0; b < columns.size(); ++b) {
        const float term = values[a] * values[b];
        if (term > 0.0f) out[columns[a]][columns[b]] += term;
      }
  }
  return out;
}

}  // namespace

TEST_CASE("co_occurrence: three users by hand", "[data][co_occurrence]") {
  // u0: a=1 b=2; u1: b=1 c=3; u2: a=2 c=1; d is nobody's.
  const auto x = csr(4, {{{0, 1.f}, {1, 2.f}}, {{1, 1.f}, {2, 3.f}}, {{0, 2.f}, {2, 1.f}}});
  const auto rows = product(x);
  REQUIRE(rows[0] == std::map<std::uint32_t, float>{{0, 5.f}, {1, 2.f}, {2, 2.f}});
  REQUIRE(rows[1] == std::map<std::uint32_t, float>{{0, 2.f}, {1, 5.f}, {2, 3.f}});
  REQUIRE(rows[2] == std::map<std::uint32_t, float>{{0, 2.f}, {1, 3.f}, {2, 10.f}});
  REQUIRE(rows[3].empty());
}

TEST_CASE("co_occurrence: equals the slow product bit for bit, with weights and without", "[data][co_occurrence]") {
  for (const bool ones : {true, false})
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      const auto x = random_matrix(150, 90, ones, seed);
      REQUIRE(product(x) == slow_product(x));
    }
}

TEST_CASE("co_occurrence: a cell of weight zero touches nothing and is reported nowhere", "[data][co_occurrence]") {
  // The zero comes before and after the positive product of the same pair.
  const auto x = csr(2, {{{0, 0.f}, {1, 2.f}}, {{0, 1.f}, {1, 1.f}}, {{0, 3.f}, {1, 0.f}}});
  const auto rows = product(x);
  REQUIRE(rows[0] == std::map<std::uint32_t, float>{{0, 10.f}, {1, 1.f}});
  REQUIRE(rows[1] == std::map<std::uint32_t, float>{{0, 1.f}, {1, 5.f}});
}

TEST_CASE("co_occurrence: the sums do not depend on the number of threads", "[data][co_occurrence]") {
  const auto x = random_matrix(400, 300, false, 9);
  const auto one = product(x, 1);
  REQUIRE(product(x, 2) == one);
  REQUIRE(product(x, 5) == one);
}

TEST_CASE("co_occurrence: is symmetric where the sums are exact, and users may come in any order", "[data][co_occurrence]") {
  const auto x = random_matrix(200, 60, true, 4);
  const auto rows = product(x);
  for (std::uint32_t a = 0; a < 60; ++a)
    for (const auto& [b, sum] : rows[a]) REQUIRE(rows[b].at(a) == sum);
  std::vector<std::map<std::uint32_t, float>> reversed;
  const CsrView view = x;
  for (std::size_t u = x.rows; u-- > 0;) {
    reversed.emplace_back();
    for (const auto column : view.row_columns(u)) reversed.back()[column] = 1.0f;
  }
  REQUIRE(product(csr(60, reversed)) == rows);
}

TEST_CASE("co_occurrence: matrices without users, items or cells give empty rows", "[data][co_occurrence]") {
  REQUIRE(product(csr(0, {})).empty());
  REQUIRE(product(csr(0, {{}, {}})).empty());
  REQUIRE(product(csr(3, {{}, {}})) == Rows(3));
}

TEST_CASE("co_occurrence: shapes that are no transposes of each other are refused", "[data][co_occurrence]") {
  const auto x = csr(4, {{{0, 1.f}, {1, 2.f}}});
  const auto ignore = [](auto, auto, auto, int) {};
  REQUIRE_THROWS_WITH(for_each_co_occurrence(x, x, {}, ignore), StartsWith("by_item: is 1 x 4 with 2 cells"));
  auto t = transpose(x);
  t.values.pop_back();
  t.columns.pop_back();
  REQUIRE_THROWS_AS(for_each_co_occurrence(x, t, {}, ignore), Error);
}

TEST_CASE("co_occurrence: stops when asked, and an error of the row ends it", "[data][co_occurrence]") {
  const auto x = random_matrix(50, 200, true, 2);
  const auto t = transpose(x);
  std::stop_source source;
  std::size_t rows = 0;
  const data::CoOccurrenceRow stop_at_40 = [&](auto, auto, auto, int) {
    if (++rows == 40) source.request_stop();
  };
  const FitControl control{.execution = {.threads = 1}, .stop = source.get_token()};
  try {
    for_each_co_occurrence(x, t, control, stop_at_40);
    FAIL("was not stopped");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::cancelled);
  }
  REQUIRE(rows < 200);
  const data::CoOccurrenceRow fail = [](auto, auto, auto, int) { throw Error(ErrorCode::internal, "row", "broke"); };
  REQUIRE_THROWS_WITH(for_each_co_occurrence(x, t, {}, fail), StartsWith("row: broke"));
}

TEST_CASE("co_occurrence: progress counts every item once and in order", "[data][co_occurrence]") {
  const auto x = random_matrix(50, 200, true, 2);
  std::vector<std::uint64_t> seen;
  FitControl control{.execution = {.threads = 3}};
  control.progress = [&](const Progress& p) {
    REQUIRE(p.total == 200);
    seen.push_back(p.done);
  };
  for_each_co_occurrence(x, transpose(x), control, [](auto, auto, auto, int) {});
  REQUIRE(std::is_sorted(seen.begin(), seen.end()));
  REQUIRE(seen.back() == 200);
}
