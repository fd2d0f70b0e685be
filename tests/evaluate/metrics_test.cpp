#include "pannier/evaluate/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;
using evaluate::list_metrics;

namespace {

std::vector<ItemIndex> list(std::initializer_list<std::uint32_t> items) {
  std::vector<ItemIndex> out;
  for (const auto item : items) out.push_back(ItemIndex{item});
  return out;
}

}  // namespace

TEST_CASE("metrics: a list by hand", "[evaluate][metrics]") {
  const std::vector<std::uint32_t> held_out{2, 5, 9};
  const auto m = list_metrics(list({7, 5, 1, 2}), held_out, 4);  // hits at ranks 2 and 4
  const double log2_3 = std::log2(3.0), log2_5 = std::log2(5.0);
  REQUIRE_THAT(m.recall, WithinAbs(2.0 / 3, 1e-15));
  REQUIRE_THAT(m.recall_min, WithinAbs(2.0 / 3, 1e-15));
  REQUIRE(m.hit == 1);
  REQUIRE(m.reciprocal_rank == 0.5);
  REQUIRE_THAT(m.average_precision, WithinAbs((1.0 / 2 + 2.0 / 4) / 3, 1e-15));
  REQUIRE_THAT(m.ndcg, WithinAbs((1 / log2_3 + 1 / log2_5) / (1 + 1 / log2_3 + 0.5), 1e-15));
}

TEST_CASE("metrics: the ideal and recall_min stop at the shorter of list and held-out items", "[evaluate][metrics]") {
  const std::vector<std::uint32_t> held_out{2, 5, 9};
  const auto m = list_metrics(list({5, 9, 2}), held_out, 2);
  REQUIRE_THAT(m.recall, WithinAbs(2.0 / 3, 1e-15));
  REQUIRE(m.recall_min == 1);
  REQUIRE_THAT(m.ndcg, WithinAbs(1, 1e-15));
  REQUIRE(m.average_precision == 1);
}

TEST_CASE("metrics: no hit is zero everywhere, and padding ends a list", "[evaluate][metrics]") {
  const std::vector<std::uint32_t> held_out{2};
  for (const auto& ranked : {list({}), list({1, 3}), list({1, 0xFFFFFFFFu, 2})}) {
    const auto m = list_metrics(ranked, held_out, 10);
    REQUIRE((m.recall == 0 && m.recall_min == 0 && m.ndcg == 0 && m.hit == 0 && m.reciprocal_rank == 0 && m.average_precision == 0));
  }
}

TEST_CASE("metrics: equal a naive reading of the definitions on random lists", "[evaluate][metrics]") {
  Random random(6);
  for (int n = 0; n < 500; ++n) {
    std::vector<std::uint32_t> items(30);
    for (std::uint32_t i = 0; i < 30; ++i) items[i] = i;
    for (std::size_t i = 30; i > 1; --i) std::swap(items[i - 1], items[random.below(i)]);
    std::set<std::uint32_t> held_out;
    while (held_out.size() < 1 + random.below(12)) held_out.insert(static_cast<std::uint32_t>(random.below(30)));
    const auto k = static_cast<std::uint32_t>(1 + random.below(25));
    std::vector<ItemIndex> ranked;
    for (const auto i : items) ranked.push_back(ItemIndex{i});
    const std::vector<std::uint32_t> sorted(held_out.begin(), held_out.end());
    const auto m = list_metrics(ranked, sorted, k);

    double dcg = 0, ideal = 0, hits = 0, precision = 0;
    int first = 0;
    for (std::uint32_t rank = 1; rank <= k; ++rank) {
      const bool relevant = held_out.count(items[rank - 1]) == 1;
      hits += relevant;
      dcg += (relevant ? 1.0 : 0.0) / std::log2(rank + 1.0);
      if (rank <= held_out.size()) ideal += 1 / std::log2(rank + 1.0);
      if (relevant) precision += hits / rank;
      if (relevant && first == 0) first = static_cast<int>(rank);
    }
    const double shorter = std::min<double>(k, static_cast<double>(held_out.size()));
    REQUIRE_THAT(m.recall, WithinAbs(hits / static_cast<double>(held_out.size()), 1e-14));
    REQUIRE_THAT(m.recall_min, WithinAbs(hits / shorter, 1e-14));
    REQUIRE_THAT(m.ndcg, WithinAbs(dcg / ideal, 1e-14));
    REQUIRE_THAT(m.average_precision, WithinAbs(precision / shorter, 1e-14));
    REQUIRE_THAT(m.reciprocal_rank, WithinAbs(first == 0 ? 0.0 : 1.0 / first, 1e-14));
    REQUIRE(m.hit == (hits > 0 ? 1 : 0));
  }
}

TEST_CASE("metrics: a cut-off of zero and nothing held out are refused", "[evaluate][metrics]") {
  const std::vector<std::uint32_t> held_out{2};
  REQUIRE_THROWS_WITH(list_metrics(list({2}), held_out, 0), StartsWith("k: is 0"));
  REQUIRE_THROWS_WITH(list_metrics(list({2}), {}, 5), StartsWith("held_out: is empty"));
}
