/// Reading event files, building matrices, storing events.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "pannier/data/event_file.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/interaction_matrix.hpp"
#include "pannier/data/simulate.hpp"
#include "pannier/store/people.hpp"

namespace {

using namespace pannier;

/// A simulated shop in a temporary folder, made once a size and removed at the end.
class Shop {
 public:
  explicit Shop(std::uint64_t users)
      : folder_(std::filesystem::temp_directory_path() / ("pannier-bench-" + std::to_string(getpid()) + '-' + std::to_string(users))) {
    data::simulate_shop(folder_, {.users = users, .items = 500, .days = 120, .seed = 42});
  }
  ~Shop() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Shop(const Shop&) = delete;
  Shop& operator=(const Shop&) = delete;
  [[nodiscard]] std::filesystem::path events() const { return folder_ / "events.csv"; }
  [[nodiscard]] std::filesystem::path file(const char* name) const { return folder_ / name; }

 private:
  std::filesystem::path folder_;
};

const Shop& small_shop() {
  static const Shop shop(100);
  return shop;
}
const Shop& large_shop() {
  static const Shop shop(10'000);
  return shop;
}

void read_file(benchmark::State& state, const Shop& (*shop)()) {
  std::uint64_t lines = 0;
  for (auto _ : state) lines += data::read_events(shop().events(), {}, [](std::span<const data::ImportedEvent>) {}).read;
  state.SetItemsProcessed(static_cast<std::int64_t>(lines));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(std::filesystem::file_size(shop().events())));
}
BENCHMARK_CAPTURE(read_file, small, small_shop)->Name("data/read_events/small");
BENCHMARK_CAPTURE(read_file, large, large_shop)->Name("data/read_events/10k_people")->Unit(benchmark::kMillisecond);

void build_matrix(benchmark::State& state, const Shop& (*shop)()) {
  data::EventLog log;
  data::read_events(shop().events(), {}, [&](std::span<const data::ImportedEvent> events) {
    for (const auto& imported : events) log.append(imported.event);
  });
  std::int64_t now = 0;
  for (const auto time : log.times_us()) now = std::max(now, time);
  for (auto _ : state)
    benchmark::DoNotOptimize(data::build_interactions(log, {}, now, {.execution = {.threads = 1}}).cells.values.data());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(log.size()));
}
BENCHMARK_CAPTURE(build_matrix, small, small_shop)->Name("data/build_interactions/small");
BENCHMARK_CAPTURE(build_matrix, large, large_shop)->Name("data/build_interactions/10k_people")->Unit(benchmark::kMillisecond);

void ingest(benchmark::State& state, const Shop& (*shop)()) {
  std::uint64_t events = 0;
  const auto file = shop().file("people.sqlite");
  for (auto _ : state) {
    state.PauseTiming();
    for (const auto* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file.string() + suffix);
    state.ResumeTiming();
    const auto people = store::PeopleStore::open(file, store::PeopleStore::Mode::create);
    const auto transaction = people->begin();
    data::read_events(shop().events(), {}, [&](std::span<const data::ImportedEvent> block) { events += transaction->append(block).ingested; });
    transaction->commit();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(events));
}
BENCHMARK_CAPTURE(ingest, small, small_shop)->Name("data/ingest/small");
BENCHMARK_CAPTURE(ingest, large, large_shop)->Name("data/ingest/10k_people")->Unit(benchmark::kMillisecond);

}  // namespace
