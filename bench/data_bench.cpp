/// Reading event files, building matrices, storing events.
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "pannier/data/event_file.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/import_map.hpp"
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
/// A shop's order list as CSV: eleven columns, quoted descriptions here and there, 100 bytes a line. Made once a size.
class OrderList {
 public:
  explicit OrderList(std::uint64_t lines)
      : file_(std::filesystem::temp_directory_path() / ("pannier-bench-" + std::to_string(getpid()) + '-' + std::to_string(lines) + ".csv")), lines_(lines) {
    std::ofstream out(file_, std::ios::binary);
    out << "invoice,stock_code,description,quantity,invoice_date,unit_price_gbp,customer_id,country,channel,page,note\n";
    std::uint64_t state = 42;
    const auto draw = [&](std::uint64_t bound) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      return (state >> 33) % bound;
    };
    std::string line;
    char time[32];
    for (std::uint64_t k = 0; k < lines; ++k) {
      const auto order = k / 18, item = draw(4'000) * draw(100) / 100;
      const auto minute = order * 11;
      std::snprintf(time, sizeof time, "20%02u-%02u-%02u %02u:%02u", static_cast<unsigned>(10 + minute / 500'000 % 15), static_cast<unsigned>(1 + minute / 40'320 % 12),
                    static_cast<unsigned>(1 + minute / 1'440 % 28), static_cast<unsigned>(minute / 60 % 24), static_cast<unsigned>(minute % 60));
      line.clear();
      (line += std::to_string(489'434 + order)) += ',';
      (line += std::to_string(20'000 + item)) += item % 7 == 0 ? "A," : ",";
      line += item % 5 == 0 ? "\"CHRISTMAS BALL, \"\"RED\"\"\"," : "WHITE HANGING HEART HOLDER,";
      (line += std::to_string(1 + draw(24))) += ',';
      (line += time) += ',';
      ((line += std::to_string(draw(20))) += '.') += std::to_string(10 + draw(90)) + ',';
      if (draw(5) != 0) line += std::to_string(12'000 + order * 7919 % 6'000);
      line += ",United Kingdom,web,/p/";
      (line += std::to_string(item)) += ",\n";
      out << line;
    }
  }
  ~OrderList() {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
  }
  OrderList(const OrderList&) = delete;
  OrderList& operator=(const OrderList&) = delete;
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }
  [[nodiscard]] std::uint64_t lines() const { return lines_; }

 private:
  std::filesystem::path file_;
  std::uint64_t lines_;
};

double peak_mb() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024 / 1e6;
}

/// Parsing an order list into events, one core; the peak is that of the whole process.
void read_orders(benchmark::State& state) {
  const OrderList orders(static_cast<std::uint64_t>(state.range(0)));
  const auto options = data::import_options({.map = "user=customer_id,item=stock_code,time=invoice_date,quantity=quantity,price=unit_price_gbp,order=invoice,"
                                                    "item_name=description,country=country",
                                             .kind = "purchase"});
  std::uint64_t lines = 0;
  for (auto _ : state) lines += data::read_events(orders.file(), options, [](std::span<const data::ImportedEvent>) {}).read;
  state.SetItemsProcessed(static_cast<std::int64_t>(lines));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(std::filesystem::file_size(orders.file())));
  state.counters["peak_mb"] = peak_mb();
}
BENCHMARK(read_orders)->Name("data/read_orders/small")->Arg(2'000)->Unit(benchmark::kMillisecond);
BENCHMARK(read_orders)->Name("data/read_orders")->Arg(1'000'000)->Unit(benchmark::kMillisecond);

/// The same of a million orders into an empty store: one transaction, SQLite.
void ingest_orders(benchmark::State& state) {
  const OrderList orders(static_cast<std::uint64_t>(state.range(0)));
  const auto options = data::import_options({.map = "user=customer_id,item=stock_code,time=invoice_date,quantity=quantity,price=unit_price_gbp,order=invoice,"
                                                    "item_name=description,country=country",
                                             .kind = "purchase"});
  const auto file = orders.file().string() + ".sqlite";
  std::uint64_t lines = 0;
  const auto clear = [&] {
    for (const auto* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(file + suffix);
  };
  for (auto _ : state) {
    state.PauseTiming();
    clear();
    state.ResumeTiming();
    const auto people = store::PeopleStore::open(file, store::PeopleStore::Mode::create);
    const auto transaction = people->begin();
    lines += data::read_events(orders.file(), options, [&](std::span<const data::ImportedEvent> block) { (void)transaction->append(block); }).read;
    transaction->commit();
  }
  clear();
  state.SetItemsProcessed(static_cast<std::int64_t>(lines));
  state.counters["peak_mb"] = peak_mb();
}
BENCHMARK(ingest_orders)->Name("data/ingest_orders/small")->Arg(2'000)->Unit(benchmark::kMillisecond);
BENCHMARK(ingest_orders)->Name("data/ingest_orders")->Arg(1'000'000)->Unit(benchmark::kMillisecond);

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
