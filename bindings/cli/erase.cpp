#include <algorithm>
#include <iostream>
#include <iterator>

#include "command.hpp"
#include "pannier/core/time.hpp"

namespace pannier::cli {

void add_erase(CLI::App& app, Commands& commands) {
  auto& command = add_command(app, commands, "erase", "Delete a person: events, attributes and state; the next request knows nothing");
  struct Options {
    std::string store, user, visitor, session;
    bool dry_run = false;
  };
  auto options = std::make_shared<Options>();
  command.app->add_option("--store", options->store, "Folder of the store")->required();
  auto* who = command.app->add_option_group("who", "whom");
  who->add_option("--user", options->user, "Id of a user");
  who->add_option("--visitor", options->visitor, "Id of a visitor");
  who->add_option("--session", options->session, "Id of a session of nobody known");
  who->require_option(1);
  command.app->add_flag("--dry-run", options->dry_run, "Say what would be deleted, and delete nothing");
  command.run = [&command, options] {
    struct Sort {
      const char* name;
      PersonSort sort;
      const std::string& id;
    };
    const Sort sorts[] = {{"user", PersonSort::user, options->user}, {"visitor", PersonSort::visitor, options->visitor}, {"session", PersonSort::session, options->session}};
    const auto* named = std::find_if(std::begin(sorts), std::end(sorts), [](const Sort& sort) { return !sort.id.empty(); });
    if (named == std::end(sorts)) throw UsageError("--user, --visitor, --session: the id is empty; expected a text");
    const auto key = user_key(named->sort, named->id);
    const auto store = open_store(options->store, false);
    const auto receipt = store->people().erase(key, options->dry_run);
    if (command.json) {
      print_json({{"sort", named->name},
                  {"known", receipt.known},
                  {"events", receipt.events},
                  {"attributes", receipt.attributes},
                  {"time", format_time(receipt.time_us)},
                  {"overwritten", receipt.overwritten},
                  {"dry_run", options->dry_run}});
    } else if (!receipt.known) {
      std::cout << "the store knows nobody of that id\n";
    } else {
      std::cout << (options->dry_run ? "would delete " : "deleted ") << counted(receipt.events, "event") << " and " << counted(receipt.attributes, "attribute") << '\n';
    }
  };
}

}  // namespace pannier::cli
