/// The promises of the hot path: no allocation, no thread, the same after a fork, swaps while requests run.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "pannier/serve/engine.hpp"
#include "serve/shop.hpp"
#include "support/allocation_count.hpp"
#include "support/catch.hpp"

using namespace pannier;
using test::Folder;

namespace {

std::size_t threads() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) ++count;
  return count;
}

/// A trained shop's generation as bytes, and the events of its people recorded into the engine's memory.
struct MemoryShop {
  MemoryShop() {
    const auto store = test::open_store(folder);
    test::train_lines(*store, folder, test::two_tastes());
    bytes = test::bytes_of(store->folder() / "generations" / "00000001.pnr");
    engine = serve::Engine::open(bytes);
    for (const auto& line : test::two_tastes()) {
      const auto event = test::event_of(line);
      engine->record(std::span(&event, 1));
    }
  }
  Folder folder;
  std::vector<std::byte> bytes;
  std::shared_ptr<serve::Engine> engine;
};

std::string stable_answer(const serve::Engine& engine, const serve::Request& request) {
  serve::EngineWorkspace workspace;
  serve::Response response;
  engine.answer(request, workspace, response);
  std::string out(serve::name(response.policy()));
  for (std::size_t slot = 0; slot < response.items().size(); ++slot)
    out += " " + std::string(response.item_id(slot)) + "=" + std::to_string(response.scores()[slot]);
  return out;
}

}  // namespace

TEST_CASE("engine: a warmed workspace allocates nothing in memory mode", "[serve][engine]") {
  MemoryShop shop;
  const std::vector<ItemKey> session{item_key("i1"), item_key("i4"), item_key("gone")}, item{item_key("i2")};
  const std::vector<serve::Request> requests{
      {.user = "u3", .count = 20},
      {.user = "u3", .session = session, .count = 10, .explain = true},
      {.user = "u5", .count = 20, .exclude_seen = false, .exclude_bought = true},
      {.session = session},
      {.user = "nobody"},
      {.op = serve::Op::similar, .items = item, .count = 20, .explain = true},
  };
  serve::EngineWorkspace workspace;
  serve::Response response;
  for (int round = 0; round < 2; ++round)
    for (const auto& request : requests) shop.engine->answer(request, workspace, response);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    INFO("request " << i);
    const auto before = support::allocations();
    shop.engine->answer(requests[i], workspace, response);
    const auto after = support::allocations();
    CHECK(after - before == 0);
    CHECK_FALSE(response.items().empty());
  }
}

TEST_CASE("engine: opening, answering, recording and reloading start no thread", "[serve][engine]") {
  const Folder folder;
  {
    const auto store = test::open_store(folder);
    test::train_lines(*store, folder, test::two_tastes());
  }
  const auto before = threads();
  const auto store = test::open_store(folder);
  const auto engine = serve::Engine::open(store);
  stable_answer(*engine, {.user = "u3"});
  const test::Line line{.time_us = test::opening_us, .kind = "view_item", .user = "x", .item = "i1"};
  const auto event = test::event_of(line);
  engine->record(std::span(&event, 1));
  engine->reload();
  REQUIRE(threads() == before);
}

TEST_CASE("engine: a forked child answers the same, with request ids of its own", "[serve][engine]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  test::train_lines(*store, folder, test::two_tastes());
  const auto engine = serve::Engine::open(store, {.clock = [] { return test::opening_us; }});
  MemoryShop memory;
  const std::vector<const serve::Engine*> engines{engine.get(), memory.engine.get()};
  for (const auto* each : engines) {
    const auto expected = stable_answer(*each, {.user = "u3"});
    int channel[2];
    REQUIRE(pipe(channel) == 0);
    const auto child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      std::uint64_t id = 0;
      try {
        serve::EngineWorkspace workspace;
        serve::Response response;
        if (stable_answer(*each, {.user = "u3"}) == expected) {
          each->answer({.user = "u3"}, workspace, response);
          id = response.request_id();
        }
      } catch (...) {
      }
      const auto written = write(channel[1], &id, sizeof id);
      _exit(written == sizeof id ? 0 : 1);
    }
    std::uint64_t child_id = 0;
    REQUIRE(read(channel[0], &child_id, sizeof child_id) == sizeof child_id);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    close(channel[0]);
    close(channel[1]);
    REQUIRE(status == 0);
    REQUIRE(child_id != 0);  // 0: the child answered otherwise.
    stable_answer(*each, {.user = "u3"});
    serve::EngineWorkspace workspace;
    serve::Response response;
    each->answer({.user = "u3"}, workspace, response);
    REQUIRE(response.request_id() != child_id);
    // The parent's store is as it was.
    REQUIRE(stable_answer(*each, {.user = "u3"}) == expected);
  }
}

TEST_CASE("engine: request ids never repeat", "[serve][engine]") {
  MemoryShop shop;
  const auto other = serve::Engine::open(shop.bytes);
  serve::EngineWorkspace workspace;
  serve::Response response;
  std::set<std::uint64_t> ids;
  for (int i = 0; i < 2000; ++i) {
    shop.engine->answer({}, workspace, response);
    ids.insert(response.request_id());
    other->answer({}, workspace, response);
    ids.insert(response.request_id());
  }
  REQUIRE(ids.size() == 4000);
}

TEST_CASE("engine: generations swap while requests run, each answered by one generation as a whole", "[serve][engine]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  test::train_lines(*store, folder, test::two_tastes());
  const auto engine = serve::Engine::open(store, {.clock = [] { return test::opening_us + 30 * us_per_day; }});
  const auto one = stable_answer(*engine, {.user = "u3", .count = 24, .exclude_seen = false});
  // The second generation is fitted otherwise on the same events, so that answers tell which one gave them.
  serve::train(*store, {}, serve::train_config_from_json(R"({"models": [{"name": "popular"}, {"name": "ials", "factors": 6, "epochs": 3}]})", "config"),
               test::one_thread());
  engine->reload();
  const auto two = stable_answer(*engine, {.user = "u3", .count = 24, .exclude_seen = false});
  REQUIRE(one != two);

  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> answered{0}, mixed{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      serve::EngineWorkspace workspace;
      serve::Response response;
      while (!stop.load()) {
        engine->answer({.user = "u3", .count = 24, .exclude_seen = false}, workspace, response);
        std::string answer(serve::name(response.policy()));
        for (std::size_t slot = 0; slot < response.items().size(); ++slot)
          answer += " " + std::string(response.item_id(slot)) + "=" + std::to_string(response.scores()[slot]);
        if (answer != (response.generation() == "00000001" ? one : two)) ++mixed;
        ++answered;
      }
    });
  for (int swap = 0; swap < 20; ++swap) {
    store->rollback(swap % 2 == 0 ? "00000001" : "00000002");
    engine->reload();
    const auto seen = answered.load();
    while (answered.load() < seen + 20) std::this_thread::yield();
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  REQUIRE(mixed == 0);
}
