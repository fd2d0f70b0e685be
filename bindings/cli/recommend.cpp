#include <algorithm>
#include <fstream>
#include <iostream>
#include <optional>

#include "command.hpp"
#include "pannier/serve/engine.hpp"
#include "reasons.hpp"

namespace pannier::cli {
namespace {

std::string describe(const serve::Response& response) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t slot = 0; slot < response.items().size(); ++slot) {
    rows.push_back({std::to_string(slot + 1), std::string(response.item_id(slot)), shortened(response.item_name(slot), 44),
                    number(response.items()[slot].score, 4), reasons_in_words(response, slot, 32)});
  }
  std::string text = table(rows, {true, false, false, true, false});
  if (rows.empty()) text = "  nothing to show\n";
  return text + "answered by: " + std::string(name(response.policy())) + (response.fallback() ? " (a fallback)" : "") +
         ", generation " + std::string(response.generation()) + ", " + number(response.microseconds(), 0) + " us\n";
}

/// Answers each line of `file` through the engine's JSON door.
void answer_file(const Command& command, serve::Engine& engine, const std::string& file, const std::string& output) {
  const bool piped = file == "-";
  if (!piped && !std::filesystem::exists(file)) throw Error(ErrorCode::not_found, file, "there is no such file");
  const std::string name = piped ? "standard input" : file;
  std::ifstream opened;
  if (!piped) opened.open(file, std::ios::binary);
  std::istream& in = piped ? std::cin : opened;
  serve::EngineWorkspace workspace;
  serve::Response response;
  std::string answers;
  std::uint64_t count = 0, line_number = 0;
  const Stopwatch watch;
  std::optional<Error> refused;   // What stands before a bad line is answered all the same.
  for (std::string line; !refused && std::getline(in, line);) {
    ++line_number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    try {
      const auto answer = engine.call_json(line, workspace, response);
      if (command.json && output.empty() && count != 0) answers += ',';
      answers += answer;
      if (!(command.json && output.empty())) answers += '\n';
    } catch (const Error& error) {
      refused.emplace(error.code(), name + ':' + std::to_string(line_number) + (error.where().empty() ? "" : ": " + error.where()), error.problem(),
                      error.allowed());
      break;
    }
    ++count;
  }
  if (in.bad()) throw Error(ErrorCode::io_failure, name, "cannot be read");
  if (output.empty()) {
    std::cout << (command.json ? "{\"answers\":[" + answers + "]}\n" : answers);
    if (refused) throw Error(*refused);
    return;
  }
  write_text(output, answers);
  if (refused) throw Error(*refused);
  if (command.json) {
    print_json({{"requests", count}, {"file", output}, {"seconds", watch.seconds()}});
  } else {
    std::cout << "answered " << grouped(count) << " requests in " << number(watch.seconds(), 3) << " s, written to " << output
              << '\n';
  }
}

void answer(const Command& command, serve::Engine& engine, const serve::Request& request, const std::string& output) {
  serve::EngineWorkspace workspace;
  serve::Response response;
  engine.answer(request, workspace, response);
  const auto text = command.json || !output.empty() ? to_json(response) + '\n' : describe(response);
  if (output.empty()) {
    std::cout << text;
  } else {
    write_text(output, text);
    if (!command.json) std::cout << "written to " << output << '\n';
  }
}

std::vector<ItemKey> keys_of(const std::vector<std::string>& ids) {
  std::vector<ItemKey> keys;
  for (const auto& id : ids) keys.push_back(item_key(id));
  return keys;
}

/// Refuses items of which the generation knows none.
void require_known(const serve::Engine& engine, const std::string& ids, std::span<const ItemKey> keys) {
  const auto generation = engine.generation();
  if (std::none_of(keys.begin(), keys.end(), [&](ItemKey key) { return generation->items().find(key).has_value(); }))
    throw Error(ErrorCode::invalid_argument, "--item", "'" + ids + "' is no item of generation " + generation->info().id,
                "an item of the catalogue or of an event before that training");
}

}  // namespace

void add_recommend(CLI::App& app, Commands& commands) {
  struct Options {
    std::string store, user, visitor, session, requests, page, output, time, item, category, policy = "personal", seen = "exclude";
    std::uint32_t count = 10;
    bool explain = false, exclude_bought = false, read_only = false;
  };

  auto& recommend = add_command(app, commands, "recommend", "Ranked items for a person, an anonymous session, or a file of requests");
  auto options = std::make_shared<Options>();
  auto* who = recommend.app->add_option_group("who", "for whom");
  who->add_option("--user", options->user, "Id of a user");
  who->add_option("--visitor", options->visitor, "Id of a visitor");
  who->add_option("--session", options->session, "Items of an anonymous session or cart, oldest first: I,J,..., or a JSON array where ids hold commas");
  who->add_option("--requests", options->requests, "File of requests, or - for standard input, one JSON object a line (docs/interface.md), carried out in order; a bad line stops, what stands before it is answered");
  who->require_option(1, 0);  // At least one.
  recommend.app->add_option("--store", options->store, "Folder of the store")->required();
  recommend.app->add_option("-n", options->count, "How many items")->check(CLI::Range(1u, 10000u))->capture_default_str();
  recommend.app->add_option("--page", options->page, "Page type, kept for logs");
  recommend.app->add_option("--seen", options->seen, "Whether items the person has seen or bought may return")
      ->check(CLI::IsMember({"exclude", "keep"}))
      ->capture_default_str();
  recommend.app->add_flag("--exclude-bought", options->exclude_bought, "With --seen keep: still without what was bought");
  recommend.app->add_option("--time", options->time, "The request's time; default now");
  recommend.app->add_option("--policy", options->policy, "The step to begin with; where it has nothing, the chain personal, similar, popular goes on")
      ->check(CLI::IsMember({"personal", "similar", "popular", "trending", "seasonal", "buy_again", "recently_viewed"}))
      ->capture_default_str();
  recommend.app->add_option("--category", options->category, "Only items of this category path, and of those under it");
  recommend.app->add_flag("--explain", options->explain, "Say why each item is there");
  recommend.app->add_flag("--read-only", options->read_only, "Change nothing in the store's folder");
  recommend.app->add_option("-o,--output", options->output, "File for the answers, JSON lines");
  recommend.run = [&recommend, options, who] {
    for (const auto* option : {"--user", "--visitor", "--session", "--requests"})
      if (who->get_option(option)->count() != 0 && who->get_option(option)->as<std::string>().empty())
        throw UsageError(std::string(option) + ": is empty; expected a text, or no " + option);
    if (!options->requests.empty() && (!options->user.empty() || !options->visitor.empty() || !options->session.empty()))
      throw UsageError("--requests: each line says for whom; expected no --user, --visitor or --session beside it");
    if (!options->user.empty() && !options->visitor.empty())
      throw UsageError("--user and --visitor: both name the person; expected one of them");
    const auto session = keys_of(parse_ids("--session", options->session));
    const auto engine = serve::Engine::open(open_store(options->store, options->read_only));
    if (!options->requests.empty()) return answer_file(recommend, *engine, options->requests, options->output);
    serve::Request request;
    request.user = options->user;
    request.visitor = options->visitor;
    request.session = session;
    request.count = options->count;
    request.exclude_seen = options->seen == "exclude";
    request.exclude_bought = options->exclude_bought;
    request.explain = options->explain;
    request.page = options->page;
    request.policy = *serve::policy_named(options->policy);
    request.category = options->category;
    if (!options->time.empty()) request.time_us = parse_time_option("--time", options->time);
    answer(recommend, *engine, request, options->output);
  };

  auto& similar = add_command(app, commands, "similar", "Items similar to an item");
  auto like = std::make_shared<Options>();
  similar.app->add_option("--store", like->store, "Folder of the store")->required();
  similar.app->add_option("--item", like->item, "Id of the item")->required();
  similar.app->add_option("-n", like->count, "How many items")->check(CLI::Range(1u, 10000u))->capture_default_str();
  similar.app->add_option("--category", like->category, "Only items of this category path, and of those under it");
  similar.app->add_flag("--explain", like->explain, "Say why each item is there");
  similar.app->add_flag("--read-only", like->read_only, "Change nothing in the store's folder");
  similar.app->add_option("-o,--output", like->output, "File for the answer, JSON");
  similar.run = [&similar, like] {
    const auto engine = serve::Engine::open(open_store(like->store, like->read_only));
    const auto key = item_key(like->item);
    require_known(*engine, like->item, {&key, 1});
    serve::Request request;
    request.op = serve::Op::similar;
    request.items = {&key, 1};
    request.count = like->count;
    request.category = like->category;
    request.explain = like->explain;
    answer(similar, *engine, request, like->output);
  };

  auto& together = add_command(app, commands, "together", "Items bought together with an item, or with the items of a cart");
  auto cart = std::make_shared<Options>();
  together.app->add_option("--store", cart->store, "Folder of the store")->required();
  together.app->add_option("--item", cart->item, "Id of the item, or of the items of a cart: I,J,..., or a JSON array where ids hold commas")->required();
  together.app->add_option("-n", cart->count, "How many items")->check(CLI::Range(1u, 10000u))->capture_default_str();
  together.app->add_option("--category", cart->category, "Only items of this category path, and of those under it");
  together.app->add_flag("--explain", cart->explain, "Say which items of the cart speak for each item");
  together.app->add_flag("--read-only", cart->read_only, "Change nothing in the store's folder");
  together.app->add_option("-o,--output", cart->output, "File for the answer, JSON");
  together.run = [&together, cart] {
    const auto ids = parse_ids("--item", cart->item);
    const auto engine = serve::Engine::open(open_store(cart->store, cart->read_only));
    const auto keys = keys_of(ids);
    require_known(*engine, cart->item, keys);
    serve::Request request;
    request.op = serve::Op::together;
    request.items = keys;
    request.count = cart->count;
    request.explain = cart->explain;
    request.category = cart->category;
    answer(together, *engine, request, cart->output);
  };
}

}  // namespace pannier::cli
