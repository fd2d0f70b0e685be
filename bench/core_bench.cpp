/// core/simd and core/top_k against memory and arithmetic.
#include <benchmark/benchmark.h>

#include <vector>

#include "pannier/core/random.hpp"
#include "pannier/core/simd.hpp"
#include "pannier/core/top_k.hpp"

namespace {

using namespace pannier;

Matrix random_matrix(std::size_t rows, std::size_t cols) {
  Matrix matrix(rows, cols);
  for (std::size_t r = 0; r < rows; ++r) {
    Random random(7, 1, r);
    for (auto& x : matrix.row(r)) x = static_cast<float>(random.uniform() - 0.5);
  }
  return matrix;
}

/// One query against all items: what an exact scan costs.
void fixed_dots_scan(benchmark::State& state) {
  const auto items = random_matrix(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  const auto query = random_matrix(1, items.cols());
  std::vector<float> out(items.rows());
  for (auto _ : state) {
    fixed_dots(query.row(0), items, 0, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetLabel(std::string(simd_level()));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(items.rows() * items.cols() * sizeof(float)));
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(items.rows()));
}
BENCHMARK(fixed_dots_scan)->Name("core/fixed_dots/small")->Args({1'000, 64});
BENCHMARK(fixed_dots_scan)->Name("core/fixed_dots/in_cache")->Args({4'600, 64});
BENCHMARK(fixed_dots_scan)->Name("core/fixed_dots/in_memory")->Args({500'000, 64});

/// A block of queries against a block of items: what ranking everybody costs.
void fixed_tile(benchmark::State& state) {
  const auto items = random_matrix(2'048, static_cast<std::size_t>(state.range(0)));
  const auto queries = random_matrix(64, items.cols());
  std::vector<float> out(queries.rows() * items.rows());
  for (auto _ : state) {
    fixed_dot_tile(queries, items, 0, items.rows(), out.data(), items.rows());
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["flop/s"] = benchmark::Counter(2.0 * static_cast<double>(out.size() * items.cols()),
                                                benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(fixed_tile)->Name("core/fixed_dot_tile/small")->Arg(64);
BENCHMARK(fixed_tile)->Name("core/fixed_dot_tile/k256")->Arg(256);

void select_top(benchmark::State& state) {
  std::vector<float> scores(100'000);
  Random random(3);
  for (auto& score : scores) score = static_cast<float>(random.uniform());
  std::vector<Scored> out(20);
  TopK top;
  for (auto _ : state) {
    top.reset(out.size());
    for (std::uint32_t i = 0; i < scores.size(); ++i) top.push(ItemIndex{i}, scores[i]);
    benchmark::DoNotOptimize(top.finish(out));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(scores.size()));
}
BENCHMARK(select_top)->Name("core/top_k/small");

}  // namespace
