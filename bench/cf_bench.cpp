/// Fitting and ranking of the collaborative filters on matrices of known shape.
#include <benchmark/benchmark.h>

#include <map>
#include <string>

#include "pannier/cf/bpr.hpp"
#include "pannier/cf/ials.hpp"
#include "pannier/cf/item_knn.hpp"
#include "synthetic.hpp"

namespace {

using namespace pannier;

const Csr& cached(const bench::Shape& shape) {
  static std::map<std::string, Csr> matrices;
  auto& csr = matrices[shape.name];
  if (csr.rows == 0) csr = bench::matrix(shape);
  return csr;
}

/// One epoch: the difference of a fit of three epochs and one of one, so that what is done once does not count.
void ials_epoch(benchmark::State& state, const bench::Shape& shape, int factors, int threads) {
  const auto& events = cached(shape);
  const FitControl control{.execution = {.threads = threads}};
  for (auto _ : state) {
    const auto one = cf::fit_ials(events, {.factors = factors, .epochs = 1}, control).report.seconds;
    const auto three = cf::fit_ials(events, {.factors = factors, .epochs = 3}, control).report.seconds;
    state.SetIterationTime(std::max(1e-9, (three - one) / 2));
  }
  state.counters["nonzeros"] = static_cast<double>(events.columns.size());
}

/// One epoch, as of ials.
void bpr_epoch(benchmark::State& state, const bench::Shape& shape, int negatives, int threads) {
  const auto& events = cached(shape);
  const FitControl control{.execution = {.threads = threads}};
  for (auto _ : state) {
    const auto one = cf::fit_bpr(events, {.epochs = 1, .negatives = negatives}, control).report.seconds;
    const auto three = cf::fit_bpr(events, {.epochs = 3, .negatives = negatives}, control).report.seconds;
    state.SetIterationTime(std::max(1e-9, (three - one) / 2));
  }
  state.counters["nonzeros"] = static_cast<double>(events.columns.size());
}

void item_knn_fit(benchmark::State& state, const bench::Shape& shape, int threads) {
  const auto& events = cached(shape);
  for (auto _ : state)
    benchmark::DoNotOptimize(cf::fit_item_knn(events, {.neighbours = 50}, {.execution = {.threads = threads}}).model.get());
  state.counters["nonzeros"] = static_cast<double>(events.columns.size());
}

/// The best 20 of every user, by one vector model.
void ials_rank_all(benchmark::State& state, const bench::Shape& shape, int factors, int threads) {
  const auto& events = cached(shape);
  const auto fit = cf::fit_ials(events, {.factors = factors, .epochs = 1}, {.execution = {.threads = threads}});
  std::vector<ItemIndex> items(events.rows * 20);
  std::vector<float> scores(events.rows * 20);
  for (auto _ : state) fit.model->recommend_batch(events, {.count = 20}, {.threads = threads}, items, scores);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(events.rows));
}

BENCHMARK_CAPTURE(ials_epoch, small, bench::small, 8, 1)->Name("cf/ials_epoch/small")->UseManualTime();
BENCHMARK_CAPTURE(ials_epoch, ml1_k64, bench::ml1, 64, 2)->Name("cf/ials_epoch/ml1/k64/2_threads")->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ials_epoch, shop_k64, bench::shop, 64, 2)->Name("cf/ials_epoch/shop/k64/2_threads")->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ials_epoch, shop_k64_1, bench::shop, 64, 1)->Name("cf/ials_epoch/shop/k64/1_thread")->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ials_epoch, shop_k256, bench::shop, 256, 2)->Name("cf/ials_epoch/shop/k256/2_threads")->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ials_epoch, ml20_k64, bench::ml20, 64, 2)->Name("cf/ials_epoch/ml20/k64/2_threads/full")->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ials_epoch, large_shop_k64, bench::large_shop, 64, 2)->Name("cf/ials_epoch/large_shop/k64/2_threads/full")->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ials_epoch, large_shop_k256, bench::large_shop, 256, 2)->Name("cf/ials_epoch/large_shop/k256/2_threads/full")->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(bpr_epoch, small, bench::small, 8, 1)->Name("cf/bpr_epoch/small")->UseManualTime();
BENCHMARK_CAPTURE(bpr_epoch, shop_1, bench::shop, 1, 2)->Name("cf/bpr_epoch/shop/k64/1_negative/2_threads")->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(bpr_epoch, shop_1_1, bench::shop, 1, 1)->Name("cf/bpr_epoch/shop/k64/1_negative/1_thread")->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(bpr_epoch, shop_32, bench::shop, 32, 2)->Name("cf/bpr_epoch/shop/k64/32_negatives/2_threads")->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(item_knn_fit, small, bench::small, 1)->Name("cf/item_knn_fit/small");
BENCHMARK_CAPTURE(item_knn_fit, ml1, bench::ml1, 2)->Name("cf/item_knn_fit/ml1/2_threads")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(item_knn_fit, shop, bench::shop, 2)->Name("cf/item_knn_fit/shop/2_threads")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(item_knn_fit, ml20, bench::ml20, 2)->Name("cf/item_knn_fit/ml20/2_threads/full")->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(ials_rank_all, small, bench::small, 8, 1)->Name("cf/ials_rank_all/small")->UseRealTime();
BENCHMARK_CAPTURE(ials_rank_all, shop, bench::shop, 64, 2)->Name("cf/ials_rank_all/shop/k64/2_threads")->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
