/// A small shop for the tests of serving: people of two tastes, written as an events file, trained in a folder of its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/random.hpp"
#include "pannier/core/time.hpp"
#include "pannier/serve/engine.hpp"
#include "pannier/serve/train.hpp"
#include "pannier/store/store.hpp"
#include "support/scratch.hpp"

namespace pannier::test {

/// A folder that is gone with the value.
class Folder : public Scratch {
 public:
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return folder() / name; }
};

inline std::vector<std::byte> bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// The time the events begin.
inline constexpr std::int64_t opening_us = 1'700'000'000 * us_per_second;

struct Line {
  std::int64_t time_us = 0;
  std::string kind, user, item;
};

inline std::string csv(const std::vector<Line>& lines) {
  std::string out = "time,kind,user,item\n";
  for (const auto& line : lines) out += format_time(line.time_us) + "," + line.kind + "," + line.user + "," + line.item + "\n";
  return out;
}

/// Person u<p> (even and odd p have the two tastes) has `visits` events; item i<k> is of taste k % 2.
inline std::vector<Line> two_tastes(std::uint64_t people = 40, std::uint64_t items = 24, std::uint64_t visits = 12, std::uint64_t seed = 7) {
  std::vector<Line> out;
  for (std::uint64_t person = 0; person < people; ++person) {
    Random random(seed, 1, person);
    for (std::uint64_t visit = 0; visit < visits; ++visit) {
      const auto other = random.uniform() < 0.1 ? 1u : 0u;
      const auto item = 2 * random.below(items / 2) + (person + other) % 2;
      const auto chance = random.uniform();
      out.push_back({.time_us = opening_us + static_cast<std::int64_t>(visit * people + person) * 60 * us_per_second,
                     .kind = chance < 0.6 ? "view_item" : chance < 0.8 ? "add_to_cart" : "purchase",
                     .user = "u" + std::to_string(person),
                     .item = "i" + std::to_string(item)});
    }
  }
  return out;
}

/// Small models on one thread: quick, and no thread is started.
inline constexpr std::string_view quick_config =
    R"({"models": [{"name": "popular"}, {"name": "item_knn", "neighbours": 10}, {"name": "ials", "factors": 8, "epochs": 4}]})";
inline FitControl one_thread() { return {.execution = {.threads = 1}, .progress = {}, .stop = {}}; }

inline std::shared_ptr<store::Store> open_store(const Folder& folder, store::Store::Mode mode = store::Store::Mode::create) {
  return store::Store::open(folder / "store", mode);
}

inline serve::TrainReport train_lines(store::Store& store, const Folder& folder, const std::vector<Line>& lines,
                                      std::string_view config = quick_config) {
  serve::TrainInputs inputs;
  inputs.events = {folder.write("events.csv", csv(lines))};
  return serve::train(store, inputs, serve::train_config_from_json(config, "config"), one_thread());
}

/// An event as hosts record it; texts are borrowed from `line`.
inline data::Event event_of(const Line& line) {
  data::Event event;
  event.time_us = line.time_us;
  event.kind = *data::event_kind(line.kind);
  event.user = line.user;
  event.item = line.item;
  return event;
}

inline constexpr std::int64_t now_us = opening_us + 40 * us_per_day;

/// A trained small shop and an engine over it.
struct Shop {
  explicit Shop(const std::vector<Line>& lines = two_tastes(), std::string_view config = quick_config)
      : store(open_store(folder)) {
    train_lines(*store, folder, lines, config);
    engine = serve::Engine::open(store, {.clock = [] { return now_us; }});
  }
  const serve::Response& answer(const serve::Request& request) {
    engine->answer(request, workspace, response);
    return response;
  }
  std::vector<std::string> ids(const serve::Request& request) {
    answer(request);
    std::vector<std::string> out;
    for (std::size_t slot = 0; slot < response.items().size(); ++slot) out.emplace_back(response.item_id(slot));
    return out;
  }

  Folder folder;
  std::shared_ptr<store::Store> store;
  std::shared_ptr<serve::Engine> engine;
  serve::EngineWorkspace workspace;
  serve::Response response;
};

inline std::set<std::string> items_of(const std::vector<Line>& lines, std::string_view user, std::string_view kind = {}) {
  std::set<std::string> out;
  for (const auto& line : lines)
    if (line.user == user && (kind.empty() || line.kind == kind)) out.insert(line.item);
  return out;
}

inline bool disjoint(const std::vector<std::string>& ids, const std::set<std::string>& others) {
  return std::none_of(ids.begin(), ids.end(), [&](const auto& id) { return others.contains(id); });
}

}  // namespace pannier::test
