/// The subcommand `tune`.
#pragma once

#include "command.hpp"

namespace pannier::cli {

void add_tune(CLI::App& app, Commands& commands);

}  // namespace pannier::cli
