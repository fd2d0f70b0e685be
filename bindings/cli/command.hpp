/// What the subcommands share: their common options, output as text or JSON, progress, and the options that read events.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/data/event_file.hpp"
#include "pannier/data/import_map.hpp"
#include "pannier/serve/train.hpp"
#include "pannier/store/store.hpp"

namespace pannier::cli {

using Json = nlohmann::ordered_json;

/// Bad usage found after parsing: exit code 2.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A named refusal of an option's value, "--option: what; expected allowed": `where` is the option's name with _ for -.
[[nodiscard]] UsageError usage_error(const Error& error);

/// One subcommand: its common options and what it does.
struct Command {
  CLI::App* app = nullptr;
  bool json = false;
  int threads = 0;
  std::function<void()> run;

  /// Threads, progress on stderr when it is a terminal, and stop on SIGINT.
  [[nodiscard]] FitControl control() const;
};

/// All subcommands; main() adds and runs them.
using Commands = std::vector<std::unique_ptr<Command>>;

/// Makes every option of whole numbers that cannot be negative refuse what is anything else than digits; the parser would take -1 for 2^64 - 1.
void require_digits(CLI::App& app);

/// Adds a subcommand with --json and --threads.
Command& add_command(CLI::App& app, Commands& commands, const std::string& name, const std::string& what);

void add_simulate(CLI::App& app, Commands& commands);
void add_train(CLI::App& app, Commands& commands);
void add_recommend(CLI::App& app, Commands& commands);   ///< recommend, similar and together
void add_evaluate(CLI::App& app, Commands& commands);
void add_generations(CLI::App& app, Commands& commands);  ///< inspect, verify, rollback, prune
void add_erase(CLI::App& app, Commands& commands);
void add_clv(CLI::App& app, Commands& commands);
void add_demo(CLI::App& app, Commands& commands);

/// The options of every command that reads events, as texts until read.
struct ImportFlags {
  std::string map, kind, time_unit = "iso", utc_offset, on_error = "stop", drop_items, fold_case;
  std::vector<std::string> kinds, refund_prefix, rate;
  void add_to(CLI::App& app);
  /// Errors: UsageError or invalid_argument naming the option.
  [[nodiscard]] data::ImportOptions options() const;
  /// What was given, as it is to be given again: an option and its text.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> words() const;
};

/// Prints a JSON object on stdout, and nothing else is ever printed there with --json.
void print_json(const Json& object);

/// The lines left out, by cause, with an example each. Nothing when nothing was.
[[nodiscard]] std::string describe_dropped(const std::map<std::string, data::ImportSummary::Cause>& dropped);
/// What was noted of the lines, with an example each, and what is proposed.
[[nodiscard]] std::string describe_noted(const std::map<std::string, data::ImportSummary::Cause>& noted, const std::vector<std::string>& proposals);
/// For a store that took a file in: that what it took in stays as it was read, where a proposal would read it otherwise; else "".
[[nodiscard]] std::string describe_stays(const std::vector<std::string>& proposals);
/// The codes that look like no products, a line each with its example and why; the first twenty.
[[nodiscard]] std::string describe_no_products(const std::vector<data::NoProduct>& codes);
[[nodiscard]] Json no_products_json(const std::vector<data::NoProduct>& codes);
/// What users files said, and what of them was left out.
[[nodiscard]] std::string describe_people(const serve::PeopleRead& people);
[[nodiscard]] Json counts_json(const std::map<std::string, data::ImportSummary::Cause>& counts);

/// Opens a store for serving: read and write where its folder may be written, else read-only.
[[nodiscard]] std::shared_ptr<store::Store> open_store(const std::string& folder, bool read_only);

/// "a,b,c" without the empty parts.
[[nodiscard]] std::vector<std::string> split_list(const std::string& text);

/// Ids: I,J,... or, for ids with commas, a JSON array of texts. Errors: UsageError naming the option (an empty id, an array of something else).
[[nodiscard]] std::vector<std::string> parse_ids(const std::string& option, const std::string& text);

/// The whole of a small text file ("" for no name). Errors: not_found, io_failure.
[[nodiscard]] std::string read_text(const std::string& file);

/// The train config in a file, the defaults for no name. Errors: as read_text() and train_config_from_json(); malformed_input (an empty file).
[[nodiscard]] serve::TrainConfig read_config(const std::string& file);

/// Refuses input files that are not there, before anything is made for nothing; - is standard input, once. Errors: UsageError (an empty name), not_found.
void require_inputs(const std::vector<std::string>& events, const std::string& items, const std::vector<std::string>& users = {});

/// Replaces `file` by `text` in one step. Errors: io_failure.
void write_text(const std::string& file, const std::string& text);

/// Refuses, before any work, a file whose folder is not there. Errors: not_found.
void require_writable(const std::string& file);

/// ISO text or microseconds. Errors: UsageError naming the option.
[[nodiscard]] std::int64_t parse_time_option(const std::string& option, const std::string& text);

/// 1234567 as "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);
/// "1 line", "1,234 lines".
[[nodiscard]] std::string counted(std::uint64_t number, const std::string& one, const std::string& many = "");
/// A field of a CSV line, in quotes where it needs them (RFC 4180).
[[nodiscard]] std::string csv_field(const std::string& text);

/// A table of texts: columns padded, numbers (columns named in `right`) to the right.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right);

/// `text` cut to `width` characters (code points) with an ellipsis.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t width);

[[nodiscard]] std::string number(double value, int digits);

/// Seconds since the value was made.
class Stopwatch {
 public:
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace pannier::cli
