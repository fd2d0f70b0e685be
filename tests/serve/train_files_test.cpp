/// What training says of its files beside each other and beside what the store has.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/serve/train.hpp"
#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;
using test::Folder;

namespace {

serve::TrainReport train(store::Store& store, const serve::TrainInputs& inputs) {
  return serve::train(store, inputs, serve::train_config_from_json(test::quick_config, "config"), test::one_thread());
}
std::string failure(store::Store& store, const serve::TrainInputs& inputs) {
  try {
    static_cast<void>(train(store, inputs));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("train: a file that the store has is not taken in again by options that make its lines other events", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  const auto lines = test::two_tastes();
  serve::TrainInputs inputs;
  inputs.events = {folder.write("events.csv", test::csv(lines) + "2023-11-20,look,u1,i1\n")};
  inputs.import.on_error = data::OnError::skip;
  REQUIRE(train(*store, inputs).ingested == lines.size());
  const auto before = std::pair(store->people().last_sequence(), store->generations());
  auto other = inputs;
  other.events = {folder.write("renamed.csv", test::csv(lines) + "2023-11-20,look,u1,i1\n")};  // By its bytes, whatever its name.
  other.import.fold_item_case = true;
  const auto refused = failure(*store, other);
  REQUIRE_THAT(refused, Contains("renamed.csv") && Contains(std::to_string(lines.size()) + " of its " + std::to_string(lines.size()) + " events are new to the store") && Contains("a new store"));
  REQUIRE(std::pair(store->people().last_sequence(), store->generations()) == before);
  REQUIRE(train(*store, inputs).duplicates == lines.size());
  // More words for kinds add events and double none.
  auto more = inputs;
  more.import.kinds = {{"look", data::EventKind::view_item}};
  const auto added = train(*store, more);
  REQUIRE((added.ingested == 1 && added.duplicates == lines.size()));
  // Another file may be read as it likes; events with an id count once whichever way they are read.
  auto ids = inputs;
  ids.events = {folder.write("ids.csv", "event_id,time,kind,user,item\ne1,2023-11-20,purchase,u1,i1\n")};
  REQUIRE(train(*store, ids).ingested == 1);
  ids.import.fold_item_case = true;
  REQUIRE(train(*store, ids).duplicates == 1);
}

TEST_CASE("train: cancellations of known people that cancel nothing are counted", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  auto lines = test::two_tastes();
  lines.push_back({.time_us = test::opening_us - 1, .kind = "refund", .user = "u1", .item = "i1"});
  lines.push_back({.time_us = test::now_us, .kind = "purchase", .user = "u2", .item = "i2"});
  lines.push_back({.time_us = test::now_us + 1, .kind = "refund", .user = "u2", .item = "i2"});
  const auto report = test::train_lines(*store, folder, lines);
  REQUIRE(report.cancellations_of_people == data::RefundMatches{.whole = 1, .in_part = 0, .unmatched = 1});
  REQUIRE_THAT(serve::to_json(report), Contains("},\"cancellations\":{\"whole\":1,\"in_part\":0,\"unmatched\":1},\"models\""));
}
