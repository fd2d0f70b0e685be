#include <string>
#include <vector>

#include "pannier/data/simulate.hpp"
#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;

TEST_CASE("demo shop: at least 95 % of the known users get personal answers", "[serve][engine]") {
  const test::Folder folder;
  data::simulate_shop(folder / "shop", {.users = 500, .items = 200, .days = 120, .seed = 42});
  const auto store = test::open_store(folder);
  serve::TrainInputs inputs;
  inputs.events = {folder / "shop" / "events.csv"};
  inputs.items = folder / "shop" / "items.csv";
  const auto report = serve::train(*store, inputs, serve::train_config_from_json(test::quick_config, "config"));
  REQUIRE(report.dropped.empty());

  std::vector<std::string> users;
  store->people().people([&](const UserKey&, data::PersonName name) {
    if (name.sort == PersonSort::user) users.emplace_back(name.id);
    return true;
  });
  REQUIRE(users.size() > 250);
  const auto engine = serve::Engine::open(store);
  serve::EngineWorkspace workspace;
  serve::Response response;
  std::size_t personal = 0;
  for (const auto& user : users) {
    engine->answer({.user = user}, workspace, response);
    if (response.policy() == serve::Policy::personal && response.items().size() == 10) ++personal;
    CHECK(response.fallback() == (response.policy() != serve::Policy::personal));
  }
  REQUIRE(static_cast<double>(personal) >= 0.95 * static_cast<double>(users.size()));
}
