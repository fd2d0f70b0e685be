/// pannier, the command line. Exit codes: 0 success, 1 a named failure, 2 bad usage.
#include <iostream>

#include "command.hpp"
#include "pannier/core/version.hpp"
#include "pannier/serve/engine.hpp"

namespace {

using namespace pannier;

int report(const cli::Command* command, const Error& error, int exit_code) {
  if (command != nullptr && command->json) {
    std::cerr << serve::to_json(error) << '\n';
  } else {
    std::cerr << "pannier: " << error.what() << '\n';
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  CLI::App app{"pannier: personalization for a shop, in-process. `pannier COMMAND --help` tells more of each."};
  app.set_version_flag("--version", std::string(version));
  app.require_subcommand(1);
  cli::Commands commands;
  cli::add_simulate(app, commands);
  cli::add_train(app, commands);
  cli::add_recommend(app, commands);
  cli::add_evaluate(app, commands);
  cli::add_generations(app, commands);
  cli::add_erase(app, commands);
  cli::add_demo(app, commands);

  const auto chosen = [&]() -> const cli::Command* {
    for (const auto& command : commands)
      if (command->app->parsed()) return command.get();
    return nullptr;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    bool json = false;
    for (int i = 1; i < argc; ++i) json = json || std::string_view(argv[i]) == "--json";
    if (json) {
      std::cerr << serve::to_json(Error(ErrorCode::invalid_argument, "command line", error.what())) << '\n';
    } else {
      const auto* command = chosen();
      std::cerr << "pannier: " << error.what() << "\nRun `pannier "
                << (command == nullptr ? "" : command->app->get_name() + " ") << "--help` for the options.\n";
    }
    return 2;
  }
  const auto* command = chosen();
  try {
    command->run();
    std::cout.flush();
    if (!std::cout) throw Error(ErrorCode::io_failure, "standard output", "cannot be written");
    return 0;
  } catch (const cli::UsageError& error) {
    return report(command, Error(ErrorCode::invalid_argument, "command line", error.what()), 2);
  } catch (const Error& error) {
    return report(command, error, 1);
  } catch (const std::bad_alloc&) {
    return report(command, Error(ErrorCode::out_of_memory, "memory", "an allocation failed"), 1);
  } catch (const std::exception& error) {
    return report(command, Error(ErrorCode::internal, "pannier", error.what()), 1);
  }
}
