// Vectors from elsewhere, from a file to answers.
#include <algorithm>
#include <string>
#include <vector>

#include "serve/shop.hpp"
#include "support/catch.hpp"
#include "support/npz.hpp"

using namespace pannier;
using test::Folder;

namespace {

/// Vectors of items i0 to i<items-2> but for i1, of one item that no one knows and of `cold`, which is like the even ones. Even items lie along one axis, odd ones along the other.
std::string vectors_file() {
  std::string ids, rows;
  std::uint64_t count = 0;
  const auto put = [&](std::string id, float even, float odd) {
    id.resize(8);
    ids += id;
    rows += test::numbers<float>({even, odd});
    ++count;
  };
  for (int i = 0; i < 24; ++i)
    if (i != 1) put("i" + std::to_string(i), i % 2 == 0 ? 1.0f : 0.0f, i % 2 == 0 ? 0.0f : 1.0f);
  put("nobody", 9, 9);
  put("cold", 2, 0);
  const auto items = std::to_string(count);
  return test::npz({{"ids.npy", test::npy("|S8", "(" + items + ",)", ids)}, {"vectors.npy", test::npy("<f4", "(" + items + ", 2)", rows)}});
}

serve::TrainInputs inputs_of(const Folder& folder) {
  serve::TrainInputs inputs;
  inputs.events = {folder.write("events.csv", test::csv(test::two_tastes()))};
  inputs.vectors = folder.write("items.npz", vectors_file());
  return inputs;
}

serve::TrainConfig alone() { return serve::train_config_from_json(R"({"models": [{"name": "popular"}, {"name": "vectors"}], "serving": {"personal": "vectors"}})", "config"); }

std::vector<std::string> items_for(const std::shared_ptr<store::Store>& store, const std::string& user) {
  const auto engine = serve::Engine::open(store, {.clock = [] { return test::now_us; }});
  serve::EngineWorkspace workspace;
  serve::Response response;
  serve::Request request;
  request.user = user;
  request.count = 3;
  engine->answer(request, workspace, response);
  REQUIRE(response.policy() == serve::Policy::personal);
  std::vector<std::string> out;
  for (std::size_t slot = 0; slot < response.items().size(); ++slot) out.emplace_back(response.item_id(slot));
  return out;
}

}  // namespace

TEST_CASE("train: an item of the catalogue without an event is recommended by its vector, and what does not meet is counted", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  auto inputs = inputs_of(folder);
  inputs.items = folder.write("items.csv", "item,name\ncold,A new mug\n");
  const auto report = serve::train(*store, inputs, alone(), test::one_thread());
  REQUIRE(report.items == 25);
  REQUIRE(report.vectors.read == 25);
  REQUIRE(report.vectors.dimensions == 2);
  REQUIRE_FALSE(report.vectors.bias);
  REQUIRE(report.vectors.unknown_items == 1);          // nobody
  REQUIRE(report.vectors.without_events == 1);         // cold
  REQUIRE(report.vectors.items_without_vector == 1);   // i1
  REQUIRE(serve::to_json(report).find(R"("vectors":{"read":25,"dimensions":2,"bias":false,"unknown_items":1,"without_events":1,"items_without_vector":1})") != std::string::npos);
  // Twice as long as the other even items, it is the first for who likes them. i1, without a vector, and nobody, of no catalogue, are in no answer.
  REQUIRE(items_for(store, "u0").front() == "cold");
  for (const auto* user : {"u0", "u1", "u2", "u3"})
    for (const auto& item : items_for(store, user)) REQUIRE((item != "i1" && item != "nobody"));
}

TEST_CASE("train: an item that only the vectors file names is no item of the generation", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  const auto report = serve::train(*store, inputs_of(folder), alone(), test::one_thread());
  REQUIRE(report.items == 24);
  REQUIRE(report.vectors.unknown_items == 2);
  REQUIRE(report.vectors.without_events == 0);
}

TEST_CASE("train: vectors are fitted without being named, are a member of a blend, and are measured", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  auto inputs = inputs_of(folder);
  inputs.evaluate = true;
  const auto config = serve::train_config_from_json(
      R"({"models": [{"name": "popular"}, {"name": "vectors", "fold_in": "ridge", "l2": 0.5}, {"name": "blend", "members": "popular,vectors"}]})", "config");
  const auto report = serve::train(*store, inputs, config, test::one_thread());
  REQUIRE(report.models[1].name == "vectors");
  REQUIRE(report.models[1].metrics.at("recall@20") > 0);
  REQUIRE(report.models[2].metrics.at("recall@20") > 0);
  REQUIRE_FALSE(items_for(store, "u0").empty());
  const auto unnamed = serve::train(*store, inputs, serve::train_config_from_json(R"({"models": [{"name": "popular"}, {"name": "blend", "members": "popular,vectors"}]})", "config"), test::one_thread());
  REQUIRE(unnamed.models.size() == 3);
  REQUIRE(unnamed.models[1].name == "vectors");
}

TEST_CASE("train: the model vectors without a file, and a file that is none, are refused before anything is taken in", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  auto inputs = inputs_of(folder);
  inputs.vectors = folder.write("broken.npz", vectors_file().substr(0, vectors_file().size() / 2));
  REQUIRE_THROWS_WITH(serve::train(*store, inputs, alone(), test::one_thread()), Contains("broken.npz"));
  inputs.vectors.clear();
  REQUIRE_THROWS_WITH(serve::train(*store, inputs, alone(), test::one_thread()), Contains("config.models[1]") && Contains("no file of them is given"));
  REQUIRE(store->people().event_count() == 0);
  inputs.vectors = folder.write("others.npz", test::npz({{"ids.npy", test::npy("|S1", "(1,)", "x")}, {"vectors.npy", test::npy("<f4", "(1, 1)", test::numbers<float>({1}))}}));
  REQUIRE_THROWS_WITH(serve::train(*store, inputs, alone(), test::one_thread()), Contains("none of the 24 items"));
}

TEST_CASE("train: ids of the vectors file are folded as those of the events are", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  auto inputs = inputs_of(folder);
  inputs.import.fold_item_case = true;
  REQUIRE(serve::train(*store, inputs, alone(), test::one_thread()).vectors.items_without_vector == 1);
}
