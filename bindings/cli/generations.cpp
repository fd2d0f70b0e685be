#include <iostream>

#include "command.hpp"
#include "pannier/core/time.hpp"

namespace pannier::cli {
namespace {

void inspect(const Command& command, const store::Store& store) {
  const auto current = store.current();
  Json generations = Json::array();
  std::vector<std::vector<std::string>> rows{{"generation", "made", "people", "items", "events", "MB", "models", ""}};
  for (const auto& id : store.generations()) {
    std::shared_ptr<const store::Generation> generation;
    try {
      generation = store.open_generation(id, model::Check::structure);
    } catch (const Error& error) {
      // The sound ones are shown all the same.
      generations.push_back({{"id", id}, {"current", current == id}, {"error", error.what()}});
      rows.push_back({id, "DAMAGED", "", "", "", "", error.what(), current == id ? "<- current" : ""});
      continue;
    }
    const auto& info = generation->info();
    Json models = Json::array();
    std::string names;
    for (const auto& entry : generation->models()) {
      models.push_back({{"name", entry.name}, {"kind", entry.kind}, {"config", Json::parse(entry.config_json)}, {"fit_seconds", entry.fit_seconds}});
      names += (names.empty() ? "" : " ") + entry.name;
    }
    const bool is_current = current == id;
    generations.push_back({{"id", id},
                           {"current", is_current},
                           {"parent", info.parent},
                           {"created", format_time(info.created_us)},
                           {"data_until", info.data_until},
                           {"first_event", format_time(info.first_event_us)},
                           {"last_event", format_time(info.last_event_us)},
                           {"users", info.users},
                           {"items", info.items},
                           {"events", info.events},
                           {"bytes", generation->size_bytes()},
                           {"library_version", info.library_version},
                           {"models", models}});
    rows.push_back({id, format_time(info.created_us).substr(0, 19), grouped(info.users), grouped(info.items), grouped(info.events),
                    number(static_cast<double>(generation->size_bytes()) / 1e6, 1), names, is_current ? "<- current" : ""});
  }
  const auto events = store.people().event_count(), described = store.people().people_with_attributes();
  if (command.json) {
    print_json({{"store", store.folder().string()},
                {"current", current ? Json(*current) : Json(nullptr)},
                {"people", {{"events", events}, {"last_sequence", store.people().last_sequence()}, {"with_attributes", described}}},
                {"generations", generations}});
  } else {
    std::cout << table(rows, {false, false, true, true, true, true, false, false}) << "  the store holds " << grouped(events)
              << " events, and attributes of " << grouped(described) << " people\n";
  }
}

void verify(const Command& command, const store::Store& store) {
  const auto report = store.verify();
  if (command.json) {
    Json generations = Json::array(), current = {{"ok", true}, {"errors", Json::array()}};
    for (const auto& check : report.generations)
      if (check.id == "CURRENT") current = {{"ok", check.ok}, {"errors", check.errors}};
      else generations.push_back({{"id", check.id}, {"ok", check.ok}, {"errors", check.errors}});
    print_json({{"generations", generations}, {"current", current}, {"people", {{"ok", report.people_ok}, {"errors", report.people_errors}}}});
  } else {
    for (const auto& check : report.generations) {
      std::cout << "  " << (check.ok ? "ok       " : "DAMAGED  ") << check.id << '\n';
      for (const auto& error : check.errors) std::cout << "             " << error << '\n';
    }
    std::cout << "  " << (report.people_ok ? "ok       " : "DAMAGED  ") << "people\n";
    for (const auto& error : report.people_errors) std::cout << "             " << error << '\n';
  }
  if (report.ok()) return;
  std::string what;
  for (const auto& check : report.generations)
    if (!check.ok) what += (what.empty() ? "" : "; ") + check.id + ": " + (check.errors.empty() ? "damaged" : check.errors.front());
  if (!report.people_ok)
    what += (what.empty() ? "people: " : "; people: ") + (report.people_errors.empty() ? "damaged" : report.people_errors.front());
  throw Error(ErrorCode::malformed_input, store.folder().string(), what);
}

}  // namespace

void add_generations(CLI::App& app, Commands& commands) {
  struct Options {
    std::string store, generation;
    std::size_t keep = 3;
  };

  auto& show = add_command(app, commands, "inspect", "The generations of a store");
  auto shown = std::make_shared<Options>();
  show.app->add_option("--store", shown->store, "Folder of the store")->required();
  show.run = [&show, shown] { inspect(show, *open_store(shown->store, false)); };

  auto& check = add_command(app, commands, "verify", "Check every byte of every generation and of the people store");
  auto checked = std::make_shared<Options>();
  check.app->add_option("--store", checked->store, "Folder of the store")->required();
  check.run = [&check, checked] { verify(check, *open_store(checked->store, false)); };

  auto& back = add_command(app, commands, "rollback", "Make an earlier generation current again");
  auto rolled = std::make_shared<Options>();
  back.app->add_option("--store", rolled->store, "Folder of the store")->required();
  back.app->add_option("--generation", rolled->generation, "Its id; default: the one before the current");
  back.run = [&back, rolled] {
    const auto store = open_store(rolled->store, false);
    const auto id = store->rollback(rolled->generation.empty() ? std::nullopt : std::optional(rolled->generation));
    if (back.json) {
      print_json({{"current", id}});
    } else {
      std::cout << "generation " << id << " is current\n";
    }
  };

  auto& prune = add_command(app, commands, "prune", "Remove old generations; never the current one");
  auto pruned = std::make_shared<Options>();
  prune.app->add_option("--store", pruned->store, "Folder of the store")->required();
  prune.app->add_option("--keep", pruned->keep, "How many of the newest to keep")->check(CLI::Range(1, 1'000'000))->capture_default_str();
  prune.run = [&prune, pruned] {
    const auto store = open_store(pruned->store, false);
    const auto removed = store->prune(pruned->keep);
    if (prune.json) {
      print_json({{"removed", removed}, {"kept", store->generations()}});
    } else {
      std::cout << "removed " << removed.size() << (removed.size() == 1 ? " generation\n" : " generations\n");
    }
  };
}

}  // namespace pannier::cli
