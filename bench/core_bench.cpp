/// core/simd, core/tile and core/top_k against memory and arithmetic.
#include <benchmark/benchmark.h>

#include <ctime>
#include <string>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "pannier/core/random.hpp"
#include "pannier/core/simd.hpp"
#include "pannier/core/tile.hpp"
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

/// The machine's own ceiling: multiply-adds of registers with registers.
#if defined(__x86_64__)
__attribute__((target("avx512f"))) double fma_sweep_avx512(std::int64_t rounds) {
  __m512 sums[16];
  for (auto& sum : sums) sum = _mm512_set1_ps(0.5f);
  const __m512 a = _mm512_set1_ps(0.999f), b = _mm512_set1_ps(0.001f);
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (auto& sum : sums) sum = _mm512_fmadd_ps(sum, a, b);
  }
  for (std::size_t i = 1; i < 16; ++i) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  benchmark::DoNotOptimize(sums[0]);
  return 2.0 * 16 * 16 * static_cast<double>(rounds);
}
__attribute__((target("avx2,fma"))) double fma_sweep_avx2(std::int64_t rounds) {
  __m256 sums[12];
  for (auto& sum : sums) sum = _mm256_set1_ps(0.5f);
  const __m256 a = _mm256_set1_ps(0.999f), b = _mm256_set1_ps(0.001f);
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& sum : sums) sum = _mm256_fmadd_ps(sum, a, b);
  }
  for (std::size_t i = 1; i < 12; ++i) sums[0] = _mm256_add_ps(sums[0], sums[i]);
  benchmark::DoNotOptimize(sums[0]);
  return 2.0 * 12 * 8 * static_cast<double>(rounds);
}
#endif
double fma_sweep(std::int64_t rounds) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return fma_sweep_avx512(rounds);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return fma_sweep_avx2(rounds);
#endif
  typedef float Four __attribute__((vector_size(16)));
  Four sums[12];
  for (auto& sum : sums) sum = Four{0.5f, 0.5f, 0.5f, 0.5f};
  for (std::int64_t i = 0; i < rounds; ++i)
    for (auto& sum : sums) sum = sum * 0.999f + 0.001f;
  for (std::size_t i = 1; i < 12; ++i) sums[0] += sums[i];
  benchmark::DoNotOptimize(sums[0]);
  return 2.0 * 12 * 4 * static_cast<double>(rounds);
}

double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Runs `work` (which returns its operations) and a sweep of the ceiling in turn, by the thread's own time, so that both see the
/// same machine and other processes take from neither.
template <class Work>
void beside_peak(benchmark::State& state, Work work) {
  double operations = 0, seconds = 0, peak_operations = 0, peak_seconds = 0;
  for (auto _ : state) {
    const double start = thread_seconds();
    operations += work();
    const double middle = thread_seconds();
    seconds += middle - start;
    peak_operations += fma_sweep(20'000);
    peak_seconds += thread_seconds() - middle;
    state.SetIterationTime(middle - start);
  }
  state.counters["GFLOP/s"] = operations / seconds * 1e-9;
  state.counters["peak"] = peak_operations / peak_seconds * 1e-9;
  state.counters["%peak"] = 100 * operations / seconds / (peak_operations / peak_seconds);
  state.SetLabel(std::string(simd_level()));
}

/// A * B' of 256 rows with 2,048, the hook reading each block: ranking, distances.
void tile_multiply(benchmark::State& state) {
  const auto a = random_matrix(256, static_cast<std::size_t>(state.range(0))), b = random_matrix(2'048, a.cols());
  TileScratch scratch;
  beside_peak(state, [&] {
    float sum = 0;
    multiply({a}, {b, true}, scratch, [&](const TileBlock& block) { sum += block.values[0]; });
    benchmark::DoNotOptimize(sum);
    return 2.0 * static_cast<double>(a.rows() * b.rows() * a.cols());
  });
}

/// The upper triangle of 1,024 rows' Gram matrix; operations of the triangle alone count.
void tile_gram(benchmark::State& state) {
  const auto cols = static_cast<std::size_t>(state.range(0));
  const auto rows = random_matrix(1'024, cols);
  Matrix gram(cols, cols);
  TileScratch scratch;
  beside_peak(state, [&] {
    add_gram(rows, gram.data(), gram.stride(), scratch);
    benchmark::DoNotOptimize(gram.data());
    return static_cast<double>(rows.rows() * cols * (cols + 1));
  });
}

#if PANNIER_BENCH_OPENBLAS
extern "C" void cblas_sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha, const float* a, int lda, const float* b, int ldb, float beta, float* c, int ldc);
extern "C" void cblas_ssyrk(int order, int uplo, int trans, int n, int k, float alpha, const float* a, int lda, float beta, float* c, int ldc);

void openblas_multiply(benchmark::State& state) {
  const auto a = random_matrix(256, static_cast<std::size_t>(state.range(0))), b = random_matrix(2'048, a.cols());
  Matrix c(a.rows(), b.rows());
  beside_peak(state, [&] {
    cblas_sgemm(101, 111, 112, static_cast<int>(a.rows()), static_cast<int>(b.rows()), static_cast<int>(a.cols()), 1, a.data(), static_cast<int>(a.stride()), b.data(),
                static_cast<int>(b.stride()), 0, c.data(), static_cast<int>(c.stride()));
    benchmark::DoNotOptimize(c.data());
    return 2.0 * static_cast<double>(a.rows() * b.rows() * a.cols());
  });
}

void openblas_gram(benchmark::State& state) {
  const auto rows = random_matrix(1'024, static_cast<std::size_t>(state.range(0)));
  Matrix gram(rows.cols(), rows.cols());
  beside_peak(state, [&] {
    cblas_ssyrk(101, 121, 112, static_cast<int>(rows.cols()), static_cast<int>(rows.rows()), 1, rows.data(), static_cast<int>(rows.stride()), 1, gram.data(), static_cast<int>(gram.stride()));
    benchmark::DoNotOptimize(gram.data());
    return static_cast<double>(rows.rows() * rows.cols() * (rows.cols() + 1));
  });
}
BENCHMARK(openblas_multiply)->Name("core/openblas_sgemm")->Arg(64)->Arg(128)->Arg(256)->Arg(512)->UseManualTime();
BENCHMARK(openblas_gram)->Name("core/openblas_ssyrk")->Arg(64)->Arg(128)->Arg(256)->Arg(512)->UseManualTime();
#endif
BENCHMARK(tile_multiply)->Name("core/tile_multiply/small")->Arg(16)->UseManualTime();
BENCHMARK(tile_multiply)->Name("core/tile_multiply")->Arg(64)->Arg(128)->Arg(256)->Arg(512)->UseManualTime();
BENCHMARK(tile_gram)->Name("core/tile_gram/small")->Arg(16)->UseManualTime();
BENCHMARK(tile_gram)->Name("core/tile_gram")->Arg(64)->Arg(128)->Arg(256)->Arg(512)->UseManualTime();

}  // namespace
