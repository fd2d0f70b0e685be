/// What features tell of items that no event names, on real data: a fifth of the items held out whole. The figures of docs/benchmarks.md.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "pannier/cf/feature_map.hpp"
#include "pannier/cf/hybrid.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/published_data.hpp"

using namespace pannier;

namespace {

using Numbers = std::vector<std::uint32_t>;

/// Of each line "n a b c": what follows n, less 1 where it counts from 1, ascending and once each; by line, or at n - 1.
std::vector<Numbers> rows_of(const std::string& file, std::uint32_t first, bool placed) {
  std::vector<Numbers> out;
  std::istringstream lines(support::text_of(file));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream numbers(line);
    std::uint32_t name = 0;
    numbers >> name;
    const std::size_t at = placed ? name - 1 : out.size();
    if (out.size() <= at) out.resize(at + 1);
    for (std::uint32_t n = 0; numbers >> n;) out[at].push_back(n - first);
    std::ranges::sort(out[at]);
    out[at].erase(std::unique(out[at].begin(), out[at].end()), out[at].end());
  }
  return out;
}

std::uint32_t above_all(const std::vector<Numbers>& rows) {
  std::uint32_t out = 0;
  for (const auto& row : rows)
    if (!row.empty()) out = std::max(out, row.back() + 1);
  return out;
}

/// One row for each of `order`, of length 1 where `scaled`, without the columns that `leaves_out`.
Csr matrix_of(const std::vector<Numbers>& rows, const std::vector<std::size_t>& order, std::uint32_t cols, bool scaled, const std::function<bool(std::uint32_t)>& leaves_out) {
  Csr out;
  out.rows = order.size();
  out.cols = cols;
  for (const auto at : order) {
    for (const auto column : rows[at]) {
      if (leaves_out(column)) continue;
      out.columns.push_back(column);
      out.values.push_back(scaled ? 1 / std::sqrt(static_cast<float>(rows[at].size())) : 1.0f);
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.columns.size()));
  }
  return out;
}

std::vector<std::size_t> counting(std::size_t count) {
  std::vector<std::size_t> out(count);
  std::iota(out.begin(), out.end(), std::size_t{0});
  return out;
}

struct Found {
  double recall = 0, ndcg = 0;
};

/// Recall@20 and NDCG@20 of the cold items of each person that has both cold and other items, among the `allowed` ones (null: all).
Found measure(const model::Recommender& model, const std::vector<Numbers>& people, const CsrView& train, const ItemSet& cold, const ItemSet* allowed) {
  constexpr std::uint32_t most = 20;
  std::vector<ItemIndex> items(people.size() * most);
  std::vector<float> scores(items.size());
  model.recommend_batch(train, {.count = most, .allowed = allowed}, {}, items, scores);
  Found sum;
  double count = 0;
  for (std::size_t u = 0; u < people.size(); ++u) {
    const auto wanted = static_cast<std::uint32_t>(std::ranges::count_if(people[u], [&](std::uint32_t i) { return cold.contains(ItemIndex{i}); }));
    if (wanted == 0 || train.row_columns(u).empty()) continue;
    double hits = 0, gain = 0, ideal = 0;
    for (std::uint32_t k = 0; k < most; ++k) {
      const double weight = 1 / std::log2(k + 2.0);
      if (k < wanted) ideal += weight;
      const auto item = items[u * most + k];
      if (item == no_item || !cold.contains(item) || !std::ranges::binary_search(people[u], value(item))) continue;
      hits += 1;
      gain += weight;
    }
    sum.recall += hits / wanted;
    sum.ndcg += gain / ideal;
    count += 1;
  }
  return {sum.recall / count, sum.ndcg / count};
}

}  // namespace

TEST_CASE("feature_map: finds cold items of a cosmetics shop by their attributes, which shuffled rows do not", "[cf][feature_map][slow]") {
  if (!support::present("amazon-beauty-5core")) return;
  const auto folder = support::data_folder() / "amazon-beauty-5core";
  const auto people = rows_of(folder / "sequences.txt.gz", 1, false);
  auto attributes = rows_of(folder / "item_attributes.txt.gz", 0, true);
  const auto item_count = std::max(above_all(people), static_cast<std::uint32_t>(attributes.size()));
  attributes.resize(item_count);
  const auto none = [](std::uint32_t) { return false; };
  for (std::uint64_t split = 1; split <= 3; ++split) {
    ItemSet cold(item_count);
    double cold_count = 0;
    for (std::uint32_t i = 0; i < item_count; ++i)
      if (Random random(split, 1, i); random.below(5) == 0) cold.insert(ItemIndex{i}), cold_count += 1;
    const auto train = matrix_of(people, counting(people.size()), item_count, false, [&](std::uint32_t i) { return cold.contains(ItemIndex{i}); });
    const auto warm = cf::fit_ials(train, {}).model;
    const auto tell = [&](const char* name, const model::Recommender& model) {
      const auto alone = measure(model, people, train, cold, &cold), among_all = measure(model, people, train, cold, nullptr);
      WARN("split " << split << ", " << name << ": among cold items recall@20 " << alone.recall << ", ndcg@20 " << alone.ndcg << "; among all " << among_all.recall << ", " << among_all.ndcg);
      return alone.recall;
    };
    const auto features = cf::map_cold_items(*warm, matrix_of(attributes, counting(item_count), above_all(attributes), true, none), {});
    WARN(cold_count << " cold items, " << features.mapped << " mapped, " << features.report.epochs << " steps, " << features.report.seconds << " s");
    // No event tells cold items apart, so popularity among them is chance: 20 of them at random.
    const double chance = 20 / cold_count, with = tell("attributes", *features.model);
    auto order = counting(item_count);
    Random random(split, 2);
    for (std::size_t n = order.size(); n > 1; --n) std::swap(order[n - 1], order[static_cast<std::size_t>(random.below(n))]);
    const double shuffled = tell("shuffled", *cf::map_cold_items(*warm, matrix_of(attributes, order, above_all(attributes), true, none), {}).model);
    WARN("chance " << chance);
    const double jointly = tell("hybrid", *cf::fit_hybrid(train, {matrix_of(attributes, counting(item_count), above_all(attributes), true, none)}, {}, {}).model);
    CHECK(jointly > with);
    CHECK(with > 5 * chance);
    CHECK(shuffled - chance <= 0.5 * (with - chance));
  }
}
