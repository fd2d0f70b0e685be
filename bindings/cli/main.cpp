/// pannier, the command line. Exit codes: 0 success, 1 a named failure, 2 bad usage.
#include <algorithm>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "command.hpp"
#include "tune.hpp"
#include "pannier/core/config.hpp"
#include "pannier/core/version.hpp"
#include "pannier/serve/engine.hpp"

namespace {

using namespace pannier;

/// The first word that names no subcommand or no option of the one it follows, said with the near name; "" when every word is known.
std::string unknown_word(const CLI::App& app, int argc, char** argv) {
  const auto said = [](const std::string& what, const std::string& word, const std::vector<std::string>& known) {
    const std::vector<std::string_view> views(known.begin(), known.end());
    const auto near = nearest_name(word, views);
    return what + " '" + word + "'" + (near.empty() ? "" : "; did you mean " + std::string(near) + "?");
  };
  const CLI::App* command = nullptr;
  for (int i = 1; i < argc; ++i) {
    const std::string word(argv[i]);
    if (command == nullptr && !word.starts_with('-')) {
      std::vector<std::string> names;
      for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(sub->get_name());
        if (sub->get_name() == word) command = sub;
      }
      if (command == nullptr) return said("there is no command", word, names);
    } else if (command != nullptr && word.starts_with("--") && word.size() > 2) {
      std::vector<std::string> names;
      for (const auto* option : command->get_options()) names.push_back(option->get_name());
      for (const auto* group : command->get_subcommands([](const CLI::App*) { return true; }))
        for (const auto* option : group->get_options()) names.push_back(option->get_name());
      const auto name = word.substr(0, word.find('='));
      if (std::find(names.begin(), names.end(), name) == names.end()) return said("there is no option", name, names);
    }
  }
  return {};
}

/// Bad usage as an Error: "--option: what; expected allowed" in its parts.
Error usage_error(const std::string& text) {
  const auto colon = text.starts_with('-') ? text.find(": ") : std::string::npos;
  const auto expected = text.find("; expected ", colon == std::string::npos ? 0 : colon);
  const auto begin = colon == std::string::npos ? 0 : colon + 2;
  return {ErrorCode::invalid_argument, colon == std::string::npos ? "command line" : text.substr(0, colon),
          text.substr(begin, expected == std::string::npos ? expected : expected - begin),
          expected == std::string::npos ? "" : text.substr(expected + 11)};
}

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
  cli::add_tune(app, commands);
  cli::add_generations(app, commands);
  cli::add_erase(app, commands);
  cli::add_clv(app, commands);
  cli::add_demo(app, commands);
  cli::require_digits(app);

  const auto chosen = [&]() -> const cli::Command* {
    for (const auto& command : commands)
      if (command->app->parsed()) return command.get();
    return nullptr;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    const auto unknown = unknown_word(app, argc, argv);
    const std::string what = unknown.empty() ? error.what() : unknown;
    bool json = false;
    for (int i = 1; i < argc; ++i) json = json || std::string_view(argv[i]) == "--json";
    if (json) {
      std::cerr << serve::to_json(usage_error(what)) << '\n';
    } else {
      const auto* command = chosen();
      std::cerr << "pannier: " << what << "\nRun `pannier "
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
    return report(command, usage_error(error.what()), 2);
  } catch (const Error& error) {
    return report(command, error, 1);
  } catch (const std::bad_alloc&) {
    return report(command, Error(ErrorCode::out_of_memory, "memory", "an allocation failed"), 1);
  } catch (const std::exception& error) {
    return report(command, Error(ErrorCode::internal, "pannier", error.what()), 1);
  }
}
