/// Percentiles of requests answered in this process: pannier_latency [--store DIR] [--rounds N] [--small].
///
/// Asks each known user once a round and prints one JSON object a line: {"name", "count", "p50_us", "p99_us", "mean_us", "personal"}.
/// Without --store a shop is simulated and trained in a temporary folder.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "pannier/core/random.hpp"
#include "pannier/core/time.hpp"
#include "pannier/data/simulate.hpp"
#include "pannier/serve/engine.hpp"
#include "pannier/serve/train.hpp"

namespace {

using namespace pannier;
namespace fs = std::filesystem;

struct Options {
  std::string store;
  std::size_t rounds = 3, most = 20'000;
  bool small = false;
};

void measure(const char* name, std::size_t rounds, std::size_t count, const serve::Response& response,
             const std::function<void(std::size_t)>& ask) {
  std::vector<double> times;
  std::size_t personal = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(count, 200); ++i) ask(i);
  for (std::size_t round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < count; ++i) {
      const auto start = std::chrono::steady_clock::now();
      ask(i);
      times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
      personal += response.policy() == serve::Policy::personal;
    }
  if (times.empty()) return;
  std::sort(times.begin(), times.end());
  double sum = 0;
  for (const auto time : times) sum += time;
  const auto asked = static_cast<double>(times.size());
  std::printf("{\"name\": \"%s\", \"count\": %zu, \"p50_us\": %.2f, \"p99_us\": %.2f, \"mean_us\": %.2f, \"personal\": %.4f}\n", name, times.size(),
              times[times.size() / 2], times[times.size() * 99 / 100], sum / asked, static_cast<double>(personal) / asked);
  std::fflush(stdout);
}

void run(const Options& options, const fs::path& scratch) {
  std::shared_ptr<store::Store> store;
  if (options.store.empty()) {
    data::SimulateConfig shop;
    if (options.small) shop = {.users = 100, .items = 60, .days = 60, .seed = 42};
    data::simulate_shop(scratch / "shop", shop);
    store = store::Store::open(scratch / "store", store::Store::Mode::create);
    serve::TrainInputs inputs;
    inputs.events = {scratch / "shop" / "events.csv"};
    inputs.items = scratch / "shop" / "items.csv";
    static_cast<void>(serve::train(*store, inputs, serve::train_config_from_json(options.small ? R"({"models":[{"name":"popular"},{"name":"ials","factors":8,"epochs":1}]})" : "", "config")));
  } else {
    store = store::Store::open(options.store, store::Store::Mode::read_only);
  }
  std::vector<std::string> users;
  store->people().people([&](const UserKey&, data::PersonName person) {
    if (person.sort == PersonSort::user) users.emplace_back(person.id);
    return true;
  });
  // An order that no cache knows, the same at every run.
  std::vector<std::pair<std::uint64_t, std::string>> shuffled;
  for (std::size_t i = 0; i < users.size(); ++i) shuffled.emplace_back(Random(1, 0, i).bits(), users[i]);
  std::sort(shuffled.begin(), shuffled.end());
  users.clear();
  for (auto& [order, user] : shuffled)
    if (users.size() < options.most) users.push_back(std::move(user));

  const auto engine = serve::Engine::open(store);
  serve::EngineWorkspace workspace;
  serve::Response response;
  serve::Request request;
  measure("serve/recommend/known_user", options.rounds, users.size(), response, [&](std::size_t i) {
    request.user = users[i];
    engine->answer(request, workspace, response);
  });
  request.explain = true;
  measure("serve/recommend/known_user_explained", options.rounds, users.size(), response, [&](std::size_t i) {
    request.user = users[i];
    engine->answer(request, workspace, response);
  });
  const auto generation = engine->generation();
  const auto& items = generation->items();
  std::vector<std::vector<ItemKey>> sessions(2'000);
  for (std::size_t s = 0; s < sessions.size(); ++s)
    for (std::size_t k = 0; k < 5; ++k)
      sessions[s].push_back(items.key(ItemIndex{static_cast<std::uint32_t>(Random(2, s, k).below(items.size()))}));
  request = {};
  measure("serve/recommend/session_of_5", options.rounds, sessions.size(), response, [&](std::size_t i) {
    request.session = sessions[i];
    engine->answer(request, workspace, response);
  });
  request = {};
  measure("serve/recommend/stranger", options.rounds, 2'000, response, [&](std::size_t) {
    request.user = "somebody nobody knows";
    engine->answer(request, workspace, response);
  });
  request = {};
  request.op = serve::Op::similar;
  measure("serve/similar", options.rounds, sessions.size(), response, [&](std::size_t i) {
    request.items = {sessions[i].data(), 1};
    engine->answer(request, workspace, response);
  });

  // The same generation from bytes, people in memory: the model's part of a known user's request.
  std::ifstream file(store->folder() / "generations" / (generation->info().id + ".pnr"), std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  const auto memory = serve::Engine::open(std::as_bytes(std::span(bytes)));
  std::vector<store::PersonEvent> events;
  for (const auto& user : users) {
    store->people().recent(user_key(PersonSort::user, user), 100'000, events);
    std::vector<data::Event> copies;
    for (const auto& event : events) {
      const auto item = event.has_item ? items.find(event.item) : std::nullopt;
      if (!item) continue;
      data::Event copy;
      copy.time_us = event.time_us;
      copy.kind = event.kind;
      copy.user = user;
      copy.item = items.id(*item);
      copy.quantity = static_cast<double>(event.quantity);
      copies.push_back(copy);
    }
    memory->record(copies);
  }
  request = {};
  measure("serve/recommend/known_user_in_memory", options.rounds, users.size(), response, [&](std::size_t i) {
    request.user = users[i];
    memory->answer(request, workspace, response);
  });
  std::vector<data::Event> clicks(20'000);
  for (std::size_t i = 0; i < clicks.size() && !users.empty(); ++i) {
    clicks[i].time_us = system_time_us() + static_cast<std::int64_t>(i);
    clicks[i].user = users[i % users.size()];
    clicks[i].item = items.id(ItemIndex{static_cast<std::uint32_t>(i % items.size())});
  }
  if (!users.empty())
    measure("serve/record/in_memory", 1, clicks.size() / 2, response, [&](std::size_t i) { memory->record({&clicks[i], 1}); });
  if (!store->read_only() && !users.empty())
    measure("serve/record/durable", 1, options.small ? 50 : 2'000, response, [&](std::size_t i) { engine->record({&clicks[i + 10'000], 1}); });
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--store") == 0 && i + 1 < argc) options.store = argv[++i];
    else if (std::strcmp(argv[i], "--rounds") == 0 && i + 1 < argc) options.rounds = std::strtoul(argv[++i], nullptr, 10);
    else if (std::strcmp(argv[i], "--small") == 0) options.small = true, options.rounds = 1;
    else {
      std::fprintf(stderr, "usage: pannier_latency [--store DIR] [--rounds N] [--small]\n");
      return 2;
    }
  }
  const fs::path scratch = fs::temp_directory_path() / ("pannier-latency-" + std::to_string(getpid()));
  int code = 0;
  try {
    run(options, scratch);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "pannier_latency: %s\n", error.what());
    code = 1;
  }
  std::error_code ignored;
  fs::remove_all(scratch, ignored);
  return code;
}
