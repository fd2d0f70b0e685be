// The requests through C++.
//
//     parity_cpp train STORE EVENTS ITEMS        makes the store
//     parity_cpp answer STORE REQUESTS OUT       answers
#include <pannier/pannier.hpp>

#include "answer.hpp"

namespace {

using namespace pannier;

void train(const std::string& folder, const std::string& events, const std::string& items) {
  const auto store = store::Store::open(folder, store::Store::Mode::create);
  serve::TrainInputs inputs;
  inputs.events = {events};
  inputs.items = items;
  const auto config = serve::train_config_from_json(
      R"({"models": [{"name": "popular"}, {"name": "item_knn"}, {"name": "ials", "factors": 16, "epochs": 8},
              {"name": "together", "minimum_count": 1, "significance": 1, "substitutes": 0}]})", "config");
  static_cast<void>(serve::train(*store, inputs, config, {.execution = {.threads = 1}}));
}

void answer(const std::string& folder, const std::string& requests, const std::string& out) {
  const auto store = store::Store::open(folder, store::Store::Mode::read_only);
  const auto engine = serve::Engine::open(store);
  serve::EngineWorkspace workspace;
  serve::Response response;
  std::ofstream file(out, std::ios::binary);
  for (const auto& asked : parity::read_requests(requests)) {
    std::vector<ItemKey> session, items;
    for (const auto& id : asked.session) session.push_back(item_key(id));
    for (const auto& id : asked.items) items.push_back(item_key(id));
    engine->answer({.op = asked.op == "similar" ? serve::Op::similar : asked.op == "together" ? serve::Op::together : serve::Op::recommend,
                    .user = asked.user,
                    .visitor = asked.visitor,
                    .session = session,
                    .items = items,
                    .count = asked.count,
                    .exclude_seen = asked.exclude_seen,
                    .exclude_bought = asked.exclude_bought,
                    .time_us = asked.time_us,
                    .explain = asked.explain,
                    .page = asked.page,
                    .policy = serve::policy_named(asked.policy).value(),
                    .category = asked.category},
                   workspace, response);
    parity::Line line(serve::name(response.policy()));
    for (std::size_t slot = 0; slot < response.items().size(); ++slot) {
      line.item(response.item_id(slot), response.scores()[slot]);
      for (const auto& reason : response.reasons(slot)) line.reason(serve::name(reason.kind), response.reason_id(reason));
    }
    file << line.take();
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() == 4 && arguments[0] == "train") return train(arguments[1], arguments[2], arguments[3]), 0;
    if (arguments.size() == 4 && arguments[0] == "answer") return answer(arguments[1], arguments[2], arguments[3]), 0;
  } catch (const std::exception& error) {
    std::cerr << "parity_cpp: " << error.what() << '\n';
    return 1;
  }
  return 2;
}
