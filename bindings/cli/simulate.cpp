#include <iostream>

#include "command.hpp"
#include "pannier/data/simulate.hpp"

namespace pannier::cli {

void add_simulate(CLI::App& app, Commands& commands) {
  auto& command = add_command(app, commands, "simulate", "Write a simulated shop: events.csv, items.csv, users.csv, truth.json");
  struct Options {
    std::string folder;
    data::SimulateConfig config;
  };
  auto options = std::make_shared<Options>();
  command.app->add_option("-o,--output", options->folder, "Folder to write to; made when absent")->required();
  command.app->add_option("--users", options->config.users, "Customers")->capture_default_str();
  command.app->add_option("--items", options->config.items, "Products")->capture_default_str();
  command.app->add_option("--days", options->config.days, "Days of history")->capture_default_str();
  command.app->add_option("--seed", options->config.seed, "Another seed is another shop")->capture_default_str();
  command.run = [&command, options] {
    try {
      validate(options->config);
    } catch (const Error& error) {
      throw usage_error(error);
    }
    const Stopwatch watch;
    data::simulate_shop(options->folder, options->config, command.control());
    if (command.json) {
      print_json({{"folder", options->folder},
                  {"users", options->config.users},
                  {"items", options->config.items},
                  {"days", options->config.days},
                  {"seed", options->config.seed},
                  {"seconds", watch.seconds()}});
    } else {
      std::cout << "wrote events.csv, items.csv, users.csv and truth.json to " << options->folder << " in "
                << number(watch.seconds(), 2) << " s\n";
    }
  };
}

}  // namespace pannier::cli
