// What training makes of the items file and of items that are to be left out.
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;
using test::Folder;

namespace {

serve::TrainConfig quick() { return serve::train_config_from_json(test::quick_config, "config"); }

}  // namespace

TEST_CASE("train: the report counts the items that file and events do not share, whatever live changes add", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  serve::TrainInputs inputs;
  inputs.events = {folder.write("events.csv", test::csv(test::two_tastes()))};   // Items i0 to i23.
  inputs.items = folder.write("items.csv", "item,name\ni0,Mug\ni1,Pot\nnew1,New\nnew2,Newer\n");
  const auto report = serve::train(*store, inputs, quick(), test::one_thread());
  REQUIRE(report.items_without_events == 2);
  REQUIRE(report.items_not_in_file == 22);
  REQUIRE(report.items == 26);
  auto engine = serve::Engine::open(store, {.clock = [] { return test::now_us; }});
  data::CatalogItem live;
  live.id = "live";
  engine->upsert_items(std::span(&live, 1));
  const auto again = serve::train(*store, inputs, quick(), test::one_thread());
  REQUIRE(again.items_without_events == 2);
  REQUIRE(again.items_not_in_file == 22);
  REQUIRE(again.items == 27);
  inputs.items.clear();
  const auto without = serve::train(*store, inputs, quick(), test::one_thread());
  REQUIRE(without.items_without_events == 0);
  REQUIRE(without.items_not_in_file == 0);
}

TEST_CASE("train: an items file whose names stand in another column is told how to call it", "[serve][train]") {
  const auto proposals = [](const std::string& items) {
    const Folder folder;
    const auto store = test::open_store(folder);
    serve::TrainInputs inputs;
    inputs.events = {folder.write("events.csv", test::csv(test::two_tastes()))};
    inputs.items = folder.write("items.csv", items);
    return serve::train(*store, inputs, quick(), test::one_thread()).proposals;
  };
  const auto told = proposals("item,Title,colour\ni0,Mug,red\ni1,Pot,\n");
  REQUIRE(told.size() == 1);
  REQUIRE_THAT(told[0], StartsWith("items.csv has no column name") && Contains("column Title") && Contains("call it name"));
  REQUIRE(proposals("item,colour\ni0,red\n").empty());
  REQUIRE(proposals("item,name,title\ni0,Mug,A mug\n").empty());
}

TEST_CASE("train: events about items of drop_items stay in the store and out of the training, and a refusal tells of them", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  const auto lines = test::two_tastes();
  test::train_lines(*store, folder, lines);
  serve::TrainInputs inputs;
  inputs.import.drop_items = {"i0"};
  const auto about = static_cast<std::uint64_t>(std::count_if(lines.begin(), lines.end(), [](const test::Line& line) { return line.item == "i0"; }));
  const auto report = serve::train(*store, inputs, quick(), test::one_thread());
  REQUIRE(about > 0);
  REQUIRE(report.events_left_out == about);
  REQUIRE(report.items == 23);
  REQUIRE(store->people().event_count() == lines.size());
  for (int i = 1; i < 24; ++i) inputs.import.drop_items.push_back("i" + std::to_string(i));
  REQUIRE_THROWS_WITH(serve::train(*store, inputs, quick(), test::one_thread()), Contains("of the store's events " + std::to_string(lines.size()) + " are about items of drop_items"));
  REQUIRE(store->current() == report.generation);
}
