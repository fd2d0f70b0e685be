/// `pannier demo`: from a shop's log to recommendations served in this process, shown as a shop wants to see it.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>

#include "pannier/core/config.hpp"
#include "pannier/core/time.hpp"
#include "pannier/data/simulate.hpp"
#include "pannier/serve/engine.hpp"
#include "pannier/serve/train.hpp"
#include "reasons.hpp"
#include "report.hpp"

namespace pannier::cli {
namespace {

struct Options {
  std::string folder = "build/demo", items, user, config, report;
  std::vector<std::string> events, people;
  ImportFlags import;
  data::SimulateConfig shop;
};

/// A customer worth showing: named, with a middling number of purchases, the same one at every run.
struct Customer {
  std::string id;
  PersonSort sort = PersonSort::user;
  std::vector<store::PersonEvent> events;
  std::vector<ItemKey> items;   ///< Of the events, oldest first.
  /// A session is asked for by its items: no request names one.
  void name(serve::Request& request) const {
    if (sort == PersonSort::session) request.session = items;
    else (sort == PersonSort::user ? request.user : request.visitor) = id;
  }
};

void heading(int number, const std::string& text) {
  const bool bold = isatty(STDOUT_FILENO) != 0;
  std::cout << '\n' << (bold ? "\033[1m" : "") << number << "  " << text << (bold ? "\033[0m" : "") << '\n';
}

std::string item_text(const store::ItemTable& items, ItemIndex item) {
  const auto name = items.item_name(item);
  return name.empty() ? std::string(items.id(item)) : shortened(name, 44);
}

/// Refuses a customer whom no event names, before anything is trained for nothing; standard input is read once only and is not asked.
void require_somebody(const std::string& wanted, const std::vector<std::string>& files, const data::ImportOptions& import, const FitControl& control) {
  struct Found {};
  if (wanted.empty() || std::find(files.begin(), files.end(), "-") != files.end()) return;
  try {
    (void)data::read_event_files(
        std::vector<std::filesystem::path>(files.begin(), files.end()), import,
        [&](std::span<const data::ImportedEvent> events) {
          for (const auto& [event, ordinal] : events)
            if (const auto person = data::person_name(event); person && person->id == wanted) throw Found{};
        },
        control);
  } catch (const Found&) {
    return;
  }
  throw Error(ErrorCode::not_found, "--user", "no event names '" + wanted + "'", "a user, visitor or session of the log, or no --user");
}

Customer choose_customer(const store::Store& store, const store::ItemTable& items, const std::string& wanted) {
  std::vector<std::pair<std::string, PersonSort>> names;
  store.people().people([&](const UserKey&, data::PersonName person) {
    if (wanted.empty() ? person.sort == PersonSort::user : person.id == wanted) names.emplace_back(person.id, person.sort);
    return names.size() < 5000;
  });
  if (names.empty() && !wanted.empty())
    throw Error(ErrorCode::not_found, "--user", "the store knows nobody of the id '" + wanted + "'");
  Customer best;
  std::size_t best_distance = ~std::size_t{0};
  std::vector<store::PersonEvent> events;
  for (const auto& [id, sort] : names) {
    store.people().recent(user_key(sort, id), 1000, events);
    std::size_t bought = 0;
    for (const auto& event : events)
      bought += event.kind == data::EventKind::purchase && event.has_item && items.find(event.item).has_value();
    const std::size_t distance = bought > 12 ? bought - 12 : 12 - bought;
    if (distance < best_distance) {
      best_distance = distance;
      best = {id, sort, events, {}};
    }
  }
  for (const auto& event : best.events)
    if (event.has_item) best.items.push_back(event.item);
  return best;
}

void show_history(const Customer& customer, const store::ItemTable& items) {
  std::vector<std::vector<std::string>> rows;
  for (auto event = customer.events.rbegin(); event != customer.events.rend() && rows.size() < 10; ++event) {
    const auto item = event->has_item ? items.find(event->item) : std::nullopt;
    if (!item) continue;
    rows.push_back({event->time_us < us_per_day ? std::string() : format_time(event->time_us).substr(0, 10), std::string(name(event->kind)), std::string(items.id(*item)),
                    item_text(items, *item), std::string(items.category(*item))});
  }
  std::cout << table(rows, {});
}

void show_answer(const serve::Response& response, const store::ItemTable& items, std::span<const ItemKey> before = {}) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t slot = 0; slot < response.items().size(); ++slot) {
    const auto& answer = response.items()[slot];
    std::string change;
    const auto reasons = reasons_in_words(response, slot, 28);
    if (!before.empty()) {
      const auto was = static_cast<std::size_t>(std::find(before.begin(), before.end(), answer.key) - before.begin());
      if (was == before.size()) change = "new";
      if (was < before.size() && was != slot) change = was > slot ? "up " + std::to_string(was - slot) : "down " + std::to_string(slot - was);
    }
    rows.push_back({std::to_string(slot + 1), std::string(items.id(answer.index)), item_text(items, answer.index),
                    std::string(items.category(answer.index)), number(answer.score, 3), before.empty() ? reasons : change});
  }
  std::cout << table(rows, {true, false, false, false, true, false});
}

/// The report's measurement, for a terminal.
void show_quality(const Json& quality) {
  const auto at = "@" + std::to_string(quality.value("at", 10));
  std::vector<std::vector<std::string>> rows{{"model", "recall" + at, "ndcg" + at, "95 % interval", "catalogue shown %", "with seen ones", "95 % interval", "fit s"}};
  for (const auto& model : quality["models"]) {
    const auto metric = [&](const char* part, const std::string& name, double scale, int digits) -> std::string {
      return model.contains(part) ? number(scale * model[part]["metrics"].value(name, 0.0), digits) : "-";
    };
    const auto interval = [&](const char* part) -> std::string {
      if (!model.contains(part)) return "-";
      const auto& bounds = model[part]["interval"]["ndcg" + at];
      return number(bounds[0].get<double>(), 4) + " .. " + number(bounds[1].get<double>(), 4);
    };
    if (!model.contains("new_items") && !model.contains("all_items")) continue;
    rows.push_back({model.value("name", ""), metric("new_items", "recall" + at, 1, 4), metric("new_items", "ndcg" + at, 1, 4), interval("new_items"),
                    metric("new_items", "coverage" + at, 100, 0), metric("all_items", "ndcg" + at, 1, 4), interval("all_items"),
                    number(model.value("fit_seconds", 0.0), 2)});
  }
  if (rows.size() == 1) {
    std::cout << "  nobody came back in the last part of the log, so there is nothing to measure on\n";
    return;
  }
  std::cout << (quality["split"] == "time" ? "  trained until " + quality.value("trained_until", "") + ", tested from " + quality.value("tested_from", "") + " on"
                                           : std::string("  each customer's last event held out"))
            << ": what people did with items new to them; every item ranked; then ndcg" << at << " with the items they had before\n"
            << table(rows, {false, true, true, true, true, true, true, true});
}

void show_times(serve::Engine& engine, const store::Store& store) {
  std::vector<std::string> users;
  store.people().people([&](const UserKey&, data::PersonName person) {
    if (person.sort == PersonSort::user) users.emplace_back(person.id);
    return true;
  });
  if (users.empty()) return;
  serve::EngineWorkspace workspace;
  serve::Response response;
  std::vector<double> times;
  std::size_t personal = 0;
  for (const auto& user : users) {
    serve::Request request;
    request.user = user;
    const Stopwatch watch;
    engine.answer(request, workspace, response);
    times.push_back(watch.seconds() * 1e6);
    personal += response.policy() == serve::Policy::personal;
  }
  std::sort(times.begin(), times.end());
  std::cout << "  " << grouped(users.size()) << " customers asked once each, in this process, one thread: median "
            << number(times[times.size() / 2], 0) << " us, 9 of 10 within " << number(times[times.size() * 9 / 10], 0)
            << " us, 99 of 100 within " << number(times[times.size() * 99 / 100], 0) << " us (other work on this machine counts)\n  " << number(100.0 * static_cast<double>(personal) / static_cast<double>(users.size()), 1)
            << " % of them got a personal answer, the others the shop's most popular items\n";
}

/// What may be replaced: nothing, an empty folder, or a store. Errors: invalid_argument naming it.
void require_replaceable(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const bool is_store = fs::is_directory(folder, ignored) && (fs::is_empty(folder, ignored) || fs::exists(folder / "generations", ignored) ||
                                                              fs::exists(folder / "CURRENT", ignored) || fs::exists(folder / "people.sqlite", ignored));
  if (fs::exists(folder, ignored) && !is_store)
    throw Error(ErrorCode::invalid_argument, folder.string(), "is there and is no store", "another --folder, whose store may be made anew");
}

/// A folder that is gone again unless it was kept.
struct Making {
  std::filesystem::path folder;
  ~Making() {
    std::error_code ignored;
    if (!folder.empty()) std::filesystem::remove_all(folder, ignored);
  }
};

/// Returns what the report is made of.
Json show(const Command& command, const Options& options) {
  namespace fs = std::filesystem;
  const Stopwatch whole;
  const auto control = command.control();
  const fs::path folder = options.folder, store_folder = folder / "store";
  // What can be refused is refused before anything is made.
  const auto import = options.import.options();
  const auto config = read_config(options.config);
  require_inputs(options.events, options.items, options.people);
  if (!options.report.empty()) require_writable(options.report);
  validate(options.shop);
  require_replaceable(store_folder);
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw Error(ErrorCode::io_failure, folder.string(), "cannot be made: " + failure.message(), "a folder that may be written");

  serve::TrainInputs inputs;
  std::vector<std::string> files = options.events;
  inputs.items = options.items;
  inputs.users.assign(options.people.begin(), options.people.end());
  heading(1, "The shop's log");
  if (files.empty()) {
    const Stopwatch watch;
    data::simulate_shop(folder / "shop", options.shop, control);
    files = {(folder / "shop" / "events.csv").string()};
    inputs.items = folder / "shop" / "items.csv";
    inputs.users = {folder / "shop" / "users.csv"};
    std::cout << "  simulated a shop of " << grouped(options.shop.users) << " customers, " << grouped(options.shop.items)
              << " products and " << grouped(options.shop.days) << " days in " << number(watch.seconds(), 1) << " s: "
              << (folder / "shop").string() << '\n';
  }
  for (const auto& file : files) {
    inputs.events.emplace_back(file);
    if (!options.events.empty()) std::cout << "  " << file << '\n';
  }
  inputs.import = import;
  require_somebody(options.user, files, import, control);

  heading(2, "Training");
  Making making{folder / ("store.new-" + std::to_string(getpid()))};
  fs::remove_all(making.folder, failure);
  ReportCollector collector(files, config, control);
  const auto report = [&] {
    const auto fresh = store::Store::open(making.folder, store::Store::Mode::create);
    inputs.inspect = collector.hook(fresh);
    auto trained = serve::train(*fresh, inputs, config, control);
    inputs.inspect = {};
    return trained;
  }();
  // The new store stands; only now the old one goes.
  Making old{folder / ("store.old-" + std::to_string(getpid()))};
  if (fs::exists(store_folder)) fs::rename(store_folder, old.folder, failure);
  if (!failure) {
    fs::rename(making.folder, store_folder, failure);
    std::error_code ignored;
    if (failure && fs::exists(old.folder)) fs::rename(old.folder, store_folder, ignored);
    if (ignored) {
      const auto kept = std::exchange(old.folder, {});  // Where it is, it stays.
      throw Error(ErrorCode::io_failure, store_folder.string(), "cannot be replaced: " + failure.message() + "; the old store is " + kept.string());
    }
  }
  if (failure) throw Error(ErrorCode::io_failure, store_folder.string(), "cannot be replaced: " + failure.message());
  making.folder.clear();
  const auto store = store::Store::open(store_folder, store::Store::Mode::read_write);
  std::cout << "  " << counted(report.read, "line") << " read, " << counted(report.ingested, "event") << " taken in\n"
            << describe_dropped(report.dropped) << describe_noted(report.noted, report.proposals) << describe_no_products(report.no_products);
  if (!inputs.users.empty()) std::cout << "  " << describe_people(report.people);
  std::cout << "  " << grouped(report.users) << " people, " << grouped(report.items) << " items;";
  for (const auto& model : report.models) std::cout << ' ' << model.name << ' ' << number(model.seconds, 2) << " s";
  std::cout << "\n  published generation " << report.generation << " after " << number(report.seconds, 1) << " s\n";

  heading(3, "How good it is, measured on a later part of the log");
  const auto page = collector.finish(store, report);
  show_quality(page["quality"]);
  const auto page_file = options.report.empty() ? (folder / "report.html").string() : options.report;
  write_text(page_file, report_page(page));

  const auto engine = serve::Engine::open(store);
  const auto generation = engine->generation();
  const auto& items = generation->items();
  serve::EngineWorkspace workspace;
  serve::Response response;

  auto customer = choose_customer(*store, items, options.user);
  const bool known = !customer.id.empty();
  if (known) {
    heading(4, "A customer: " + customer.id + ", latest first");
    show_history(customer, items);

    serve::Request request;
    customer.name(request);
    request.explain = true;
    engine->answer(request, workspace, response);
    heading(5, "Recommended to " + customer.id + " (" + std::string(name(response.policy())) + ", " + number(response.microseconds(), 0) + " us)");
    show_answer(response, items);
    const std::vector<ItemKey> before(response.keys().begin(), response.keys().end());

    if (!before.empty()) {
      // Something the customer has not seen, from the popular end of the list: a real change of mind.
      const auto clicked = *items.find(before[before.size() / 2]);
      serve::Request like;
      like.op = serve::Op::similar;
      const auto key = items.key(clicked);
      like.items = {&key, 1};
      engine->answer(like, workspace, response);
      heading(6, "Similar to " + item_text(items, clicked) +
                     (response.policy() == serve::Policy::similar ? "" : " (nothing is: " + std::string(name(response.policy())) + ")"));
      show_answer(response, items);

      data::Event click;
      click.time_us = system_time_us();
      click.kind = data::EventKind::add_to_cart;
      (customer.sort == PersonSort::user ? click.user : customer.sort == PersonSort::visitor ? click.visitor : click.session) = customer.id;
      click.item = items.id(clicked);
      engine->record({&click, 1});
      customer.items.push_back(key);
      customer.name(request);
      request.explain = false;
      engine->answer(request, workspace, response);
      heading(7, customer.id + " puts " + item_text(items, clicked) + " into the cart; the next answer");
      show_answer(response, items, before);
    }
  }

  const auto popular = [&] {
    serve::Request request;
    request.count = 2;
    engine->answer(request, workspace, response);
    return std::vector<ItemKey>(response.keys().begin(), response.keys().end());
  }();
  serve::Request visitor;
  visitor.session = popular;
  visitor.count = 5;
  engine->answer(visitor, workspace, response);
  std::string seeds;
  for (const auto key : popular) seeds += (seeds.empty() ? "" : " · ") + item_text(items, *items.find(key));
  heading(8, "A visitor nobody knows looks at " + seeds);
  show_answer(response, items);

  heading(9, "Times");
  show_times(*engine, *store);
  std::cout << "  the whole demo took " << number(whole.seconds(), 1) << " s\n\n"
            << "  The page:  " << page_file << "  (one file, open it in a browser)\n"
            << "  Ask more:  build/release/bindings/cli/pannier recommend --store " << store_folder.string() << " --user "
            << (known ? customer.id : "ID") << " --explain\n"
            << "  Your file: make demo DATA=events.csv MAP=user=customer_id,item=product,time=date ARGS='--kind purchase --on-error skip'\n";
  return page;
}

/// With --json the words are not shown, and what the report is made of is printed.
void run(const Command& command, const Options& options) {
  if (!command.json) {
    show(command, options);
    return;
  }
  std::ostringstream unseen;
  Json page;
  auto* const shown = std::cout.rdbuf(unseen.rdbuf());
  try {
    page = show(command, options);
  } catch (...) {
    std::cout.rdbuf(shown);
    throw;
  }
  std::cout.rdbuf(shown);
  print_json(page);
}

}  // namespace

void add_demo(CLI::App& app, Commands& commands) {
  auto& command = add_command(app, commands, "demo", "The whole path on a simulated shop, or on your own file, in the terminal");
  auto options = std::make_shared<Options>();
  command.app->add_option("--folder", options->folder, "Folder for the demo's shop and store; its store is made anew once the training went well")->capture_default_str();
  command.app->add_option("--events", options->events, "Your event files; default: a simulated shop");
  command.app->add_option("--items", options->items, "Your items file");
  command.app->add_option("--people", options->people, "Your users files (--users is the size of the simulated shop)");
  command.app->add_option("--config", options->config, "JSON file: {\"events\": {...}, \"models\": [...], \"serving\": {}}");
  command.app->add_option("--report", options->report, "HTML file of the report; default: report.html in the folder");
  command.app->add_option("--user", options->user, "The customer to show; default: one with a middling history");
  command.app->add_option("--users", options->shop.users, "Customers of the simulated shop")->capture_default_str();
  command.app->add_option("--products", options->shop.items, "Products of the simulated shop")->capture_default_str();
  command.app->add_option("--days", options->shop.days, "Days of the simulated shop")->capture_default_str();
  command.app->add_option("--seed", options->shop.seed, "Another seed is another shop")->capture_default_str();
  options->import.add_to(*command.app);
  command.run = [&command, options] { run(command, *options); };
}

}  // namespace pannier::cli
