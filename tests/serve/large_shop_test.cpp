#include <fstream>
#include <string>

#include "pannier/serve/engine.hpp"
#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;

namespace {

constexpr std::uint64_t million = 1'000'000;

/// A million items, each seen once by one of 50,000 people, and one user with a million events of them.
std::filesystem::path write_large_shop(const test::Folder& folder) {
  const auto file = folder / "large.csv";
  std::ofstream out(file, std::ios::binary);
  out << "time,kind,user,item\n";
  std::string block;
  for (std::uint64_t k = 0; k < million; ++k) {
    const auto item = std::to_string(k);
    block += std::to_string(1'700'000'000 + k) + ",view_item,u" + std::to_string(k % 50'000) + ",i" + item + '\n';
    block += std::to_string(1'700'000'000 + k) + ",purchase,busy,i" + std::to_string(k % 1000) + '\n';
    if (block.size() > million) out << block, block.clear();
  }
  out << block;
  return file;
}

}  // namespace

TEST_CASE("large shop: a million items and one user with a million events are read, trained and answered", "[serve][large_shop][slow]") {
  const test::Folder folder;
  const auto store = test::open_store(folder);
  serve::TrainInputs inputs;
  inputs.events = {write_large_shop(folder)};
  inputs.import.time_unit = data::TimeUnit::seconds;
  const auto config = serve::train_config_from_json(
      R"({"models": [{"name": "popular"}, {"name": "item_knn", "neighbours": 5}, {"name": "ials", "factors": 4, "epochs": 1}]})", "config");
  const auto report = serve::train(*store, inputs, config, {.execution = {.threads = 0}, .progress = {}, .stop = {}});
  REQUIRE((report.read == 2 * million && report.ingested == 2 * million && report.duplicates == 0));
  REQUIRE((report.items == million && report.users == 50'001));
  REQUIRE(report.no_products.empty());

  const auto engine = serve::Engine::open(store, {.clock = [] { return 1'701'000'001 * us_per_second; }});
  serve::EngineWorkspace workspace;
  serve::Response response;
  for (const auto* user : {"busy", "u7"}) {
    engine->answer({.user = user, .count = 20}, workspace, response);
    REQUIRE(response.items().size() == 20);
    REQUIRE_FALSE(response.fallback());
    for (std::size_t slot = 0; slot < 20; ++slot) {  // Nothing that they have seen: busy the first thousand, u7 each 50,000th from 7.
      const auto item = std::stoull(std::string(response.item_id(slot)).substr(1));
      REQUIRE((user == std::string_view("busy") ? item >= 1000 : item % 50'000 != 7));
    }
  }
  engine->answer({.count = 3}, workspace, response);
  REQUIRE(response.policy() == serve::Policy::popular);
  for (std::size_t slot = 0; slot < 3; ++slot) REQUIRE(std::stoull(std::string(response.item_id(slot)).substr(1)) < 1000);  // Two people have these.
}
