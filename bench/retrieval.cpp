/// The exact index beside brute FP32: pannier_retrieval [--small | --full] [--train FILE] [--filters].
///
/// Prints one JSON object a line: {"name", "items", "dimensions", "count", "p50_us", "p90_us", "p99_us", "brute_p50_us", "exact", "touched", "scored", ..}. `exact` is the share
/// of the first queries whose whole answer, items and bits, is that of scoring every item. --train is a file of lines `user item item ..` whose ials factors are
/// searched; the other vectors are made here. One thread.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pannier/cf/ials.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/simd.hpp"
#include "pannier/data/split.hpp"
#include "pannier/retrieval/norm_index.hpp"
#include "synthetic.hpp"

namespace {

using namespace pannier;
using Clock = std::chrono::steady_clock;

double microseconds_since(Clock::time_point start) { return std::chrono::duration<double, std::micro>(Clock::now() - start).count(); }

struct Vectors {
  std::string name;
  Matrix items, queries;
};

/// 200 centres and log-normal norms, as fitted factors have; or independent numbers: the worst case, whose norms are nearly equal.
Vectors made(bool clustered, std::size_t items, std::size_t dimensions, std::size_t queries) {
  constexpr std::size_t centres = 200;
  Vectors out{std::string(clustered ? "clustered" : "uniform") + "/" + std::to_string(items / 1000) + "k/d" + std::to_string(dimensions), Matrix(items, dimensions), Matrix(queries, dimensions)};
  Random random(5);
  Matrix centre(centres, dimensions);
  for (std::size_t c = 0; c < centres; ++c)
    for (auto& x : centre.row(c)) x = static_cast<float>(random.normal());
  const auto fill = [&](std::span<float> row, double scale) {
    const auto around = centre.row(random.below(centres));
    for (std::size_t k = 0; k < row.size(); ++k) row[k] = static_cast<float>(clustered ? scale * (static_cast<double>(around[k]) + 0.6 * random.normal()) : random.normal());
  };
  for (std::size_t i = 0; i < items; ++i) fill(out.items.row(i), std::exp(0.8 * random.normal() - 1));
  for (std::size_t q = 0; q < queries; ++q) fill(out.queries.row(q), 1);
  return out;
}

/// The items' and people's vectors of a fit; people at random, without those who have nothing.
Vectors fitted(const std::string& name, const CsrView& events, int factors, std::size_t queries) {
  const auto fit = cf::fit_ials(events, {.factors = factors, .epochs = 12});
  const auto given = fit.model->vectors()->item_vectors();
  Vectors out{name + "/d" + std::to_string(factors), Matrix(given.rows, given.cols), Matrix(queries, given.cols)};
  for (std::size_t i = 0; i < given.rows; ++i) std::ranges::copy(given.row(i), out.items.row(i).begin());
  Random random(5);
  for (std::size_t q = 0; q < queries;) {
    const auto person = random.below(events.rows);
    if (events.row_columns(person).empty()) continue;
    std::ranges::copy(fit.user_factors.row(person), out.queries.row(q++).begin());
  }
  return out;
}

struct Percentiles {
  double p50, p90, p99;
};

Percentiles timed(std::size_t count, const std::function<void(std::size_t)>& ask) {
  for (std::size_t q = 0; q < std::min<std::size_t>(count, 200); ++q) ask(q);
  std::vector<double> times(count);
  for (std::size_t q = 0; q < count; ++q) {
    const auto start = Clock::now();
    ask(q);
    times[q] = microseconds_since(start);
  }
  std::ranges::sort(times);
  return {times[count / 2], times[count * 9 / 10], times[count * 99 / 100]};
}

/// Scores every item and keeps the best of those allowed.
std::size_t brute(const Vectors& vectors, std::size_t q, const ItemSet* allowed, std::size_t count, std::vector<float>& scores, TopK& top, std::span<Scored> out) {
  scores.resize(vectors.items.rows());
  fixed_dots(vectors.queries.row(q), vectors.items, 0, scores);
  top.reset(count);
  for (std::uint32_t i = 0; i < scores.size(); ++i)
    if (allowed == nullptr || allowed->contains(ItemIndex{i})) top.push(ItemIndex{i}, scores[i]);
  return top.finish(out);
}

void search(const Vectors& vectors, const retrieval::NormIndex& index, double build_seconds, std::uint32_t count, double share) {
  const std::size_t items = vectors.items.rows(), queries = vectors.queries.rows(), checked = std::min<std::size_t>(queries, items > 200'000 ? 20 : 200);
  ItemSet kept(static_cast<std::uint32_t>(items));
  Random random(7);
  for (std::uint32_t i = 0; i < items; ++i)
    if (random.uniform() < share) kept.insert(ItemIndex{i});
  const auto* const allowed = share < 1 ? &kept : nullptr;
  retrieval::SearchScratch scratch;
  std::vector<Scored> out(count), expected(count);
  std::vector<float> scores;
  TopK top;
  std::size_t exact = 0;
  for (std::size_t q = 0; q < checked; ++q) {
    const auto found = index.search(vectors.queries.row(q), {.count = count, .allowed = allowed}, scratch, out);
    exact += found == brute(vectors, q, allowed, count, scores, top, expected) && std::memcmp(out.data(), expected.data(), found * sizeof(Scored)) == 0;
  }
  double touched = 0, scored = 0;
  const auto ours = timed(queries, [&](std::size_t q) {
    static_cast<void>(index.search(vectors.queries.row(q), {.count = count, .allowed = allowed}, scratch, out));
    touched += static_cast<double>(scratch.effort.blocks * 64), scored += static_cast<double>(scratch.effort.scored);
  });
  const auto asked = static_cast<double>(queries + std::min<std::size_t>(queries, 200));
  const auto plain = timed(checked, [&](std::size_t q) { static_cast<void>(brute(vectors, q, allowed, count, scores, top, expected)); });
  double batch = 0;
  if (share == 1) {
    std::vector<ItemIndex> ids(queries * count);
    std::vector<float> all(queries * count);
    const auto start = Clock::now();
    index.search_batch(vectors.queries, {.count = count}, {.threads = 1}, ids, all);
    batch = microseconds_since(start) / static_cast<double>(queries);
  }
  std::printf("{\"name\": \"retrieval/%s/top%u%s\", \"items\": %zu, \"dimensions\": %zu, \"count\": %zu, \"p50_us\": %.2f, \"p90_us\": %.2f, \"p99_us\": %.2f, \"brute_p50_us\": %.1f, "
              "\"batch_us\": %.2f, \"exact\": %.3f, \"touched\": %.4f, \"scored\": %.0f, \"build_s\": %.3f, \"memory\": %.3f, \"level\": \"%s\"}\n",
              vectors.name.c_str(), count, share < 1 ? ("/kept" + std::to_string(share).substr(0, 5)).c_str() : "", items, vectors.items.cols(), queries, ours.p50, ours.p90, ours.p99, plain.p50, batch,
              static_cast<double>(exact) / static_cast<double>(checked), touched / asked / static_cast<double>(items), scored / asked, build_seconds,
              static_cast<double>(index.bytes()) / static_cast<double>(items * vectors.items.cols() * sizeof(float)), std::string(retrieval::scan_level()).c_str());
  std::fflush(stdout);
}

void all(const Vectors& vectors, bool small) {
  const auto start = Clock::now();
  const retrieval::NormIndex index(vectors.items, {}, {.threads = 1});
  const auto seconds = microseconds_since(start) * 1e-6;
  for (const std::uint32_t count : {20u, 100u}) search(vectors, index, seconds, count, 1);
  for (const double share : {0.5, 0.1, 0.04, 0.01, 0.001})
    if (!small || share == 0.1) search(vectors, index, seconds, 20, share);
}

}  // namespace

int main(int argc, char** argv) {
  bool small = false, full = false;
  std::string train;
  for (int a = 1; a < argc; ++a) {
    const std::string argument = argv[a];
    if (argument == "--small") {
      small = true;
    } else if (argument == "--full") {
      full = true;
    } else if (argument == "--train" && a + 1 < argc) {
      train = argv[++a];
    } else {
      std::fprintf(stderr, "usage: pannier_retrieval [--small | --full] [--train FILE]\n");
      return 2;
    }
  }
  if (small) {
    all(fitted("small", bench::matrix(bench::small), 8, 50), true);
    all(made(false, 2000, 16, 50), true);
    return 0;
  }
  const std::size_t queries = 2000;
  if (!train.empty()) {
    const auto events = data::read_lightgcn_matrix(train);
    for (const int factors : {64, 128}) all(fitted("gowalla", events, factors, queries), false);
  }
  all(fitted("large_shop", bench::matrix(bench::large_shop), 64, queries), false);
  for (const std::size_t items : {std::size_t{100'000}, std::size_t{1'000'000}}) {
    if (items > 100'000 && !full) continue;
    for (const bool clustered : {true, false}) all(made(clustered, items, 64, items > 100'000 ? 1000 : queries), false);
  }
  return 0;
}
