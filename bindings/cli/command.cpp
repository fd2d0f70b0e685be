#include "command.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <sstream>
#include <thread>

#include "pannier/core/config.hpp"
#include "pannier/core/time.hpp"

namespace pannier::cli {
namespace {

/// Ctrl-C asks a running fit to stop; a second one ends the process as usual.
std::stop_source& interrupt_source() {
  static std::stop_source source;
  return source;
}
std::atomic<bool> interrupted{false};

void on_interrupt(int) {
  interrupted.store(true);
  std::signal(SIGINT, SIG_DFL);
}

/// One line on a terminal's stderr, rewritten in place at most ten times a second.
class ProgressLine {
 public:
  void show(const Progress& progress) {
    if (interrupted.load()) interrupt_source().request_stop();
    if (!terminal_) return;
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    const bool last = progress.total != 0 && progress.done >= progress.total;
    if (!last && now - shown_ < std::chrono::milliseconds(100)) return;
    shown_ = now;
    std::string line = std::string(progress.stage);
    if (progress.total != 0) {
      line += ' ' + grouped(progress.done) + " of " + grouped(progress.total);
    } else if (progress.done != 0) {
      line += ' ' + grouped(progress.done);
    }
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    written_ = true;
  }
  ~ProgressLine() {
    if (written_) std::fprintf(stderr, "\r\033[K");
  }

 private:
  std::mutex mutex_;
  bool terminal_ = isatty(STDERR_FILENO) != 0;
  bool written_ = false;
  std::chrono::steady_clock::time_point shown_{};
};

}  // namespace

FitControl Command::control() const {
  std::signal(SIGINT, on_interrupt);
  auto line = std::make_shared<ProgressLine>();
  FitControl control;
  control.execution.threads = threads;
  control.progress = [line](const Progress& progress) { line->show(progress); };
  control.stop = interrupt_source().get_token();
  return control;
}

UsageError usage_error(const Error& error) {
  auto option = error.where();
  std::replace(option.begin(), option.end(), '_', '-');
  return UsageError("--" + option + ": " + error.problem() + "; expected " + error.allowed());
}

void require_digits(CLI::App& app) {
  const auto digits = [](const std::string& text) {
    std::uint64_t number = 0;
    const auto* const end = text.data() + text.size();
    const auto [read, failure] = std::from_chars(text.data(), end, number);
    return failure == std::errc() && read == end ? std::string() : "is '" + text + "'; expected a whole number from 0 to 2^64-1";
  };
  for (auto* const option : app.get_options())
    if (option->get_type_name().starts_with("UINT")) option->check(digits, "");
  for (auto* const inner : app.get_subcommands([](const CLI::App*) { return true; })) require_digits(*inner);
}

Command& add_command(CLI::App& app, Commands& commands, const std::string& name, const std::string& what) {
  auto& command = *commands.emplace_back(std::make_unique<Command>());
  command.app = app.add_subcommand(name, what);
  command.app->add_flag("--json", command.json, "Print one JSON object on stdout and nothing else there");
  command.app->add_option("--threads", command.threads, "Threads to use; 0: all")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  return command;
}

void ImportFlags::add_to(CLI::App& app) {
  app.add_option("--map", map, "Names the file's columns: user=customer_id,item=stock_code,..., in JSON lines by paths; or ga4, segment, google-retail, personalize, snowplow");
  app.add_option("--kind", kind, "One kind for all events (purchase, view_item, ...); a kind column of the file is then not read");
  app.add_option("--kinds", kinds, "The file's words for kinds: view=view_item,buy=purchase,...");
  app.add_option("--refund-prefix", refund_prefix, "Orders that begin so take purchases back: order=C");
  app.add_option("--drop-items", drop_items, "File of items that are no products: an id a line, or a table with a column item");
  app.add_option("--fold-case", fold_case, "item: codes that differ only in case or in blanks at their ends are one")->check(CLI::IsMember({"item"}));
  app.add_option("--rate", rate, "What a currency is worth in the log's one: EUR=0.86");
  app.add_option("--time-unit", time_unit, "Unit of times that are numbers; dmy, mdy: dates with the day or the month first; none: no times, the order of the file counts")
      ->check(CLI::IsMember({"iso", "s", "ms", "us", "none", "dmy", "mdy"}))
      ->capture_default_str();
  app.add_option("--utc-offset", utc_offset, "Offset of times without one, as +02:00");
  app.add_option("--on-error", on_error, "At a line that cannot be used: stop, or skip and count it")
      ->check(CLI::IsMember({"stop", "skip"}))
      ->capture_default_str();
}

std::vector<std::pair<std::string, std::string>> ImportFlags::words() const {
  std::vector<std::pair<std::string, std::string>> out;
  const auto add = [&](const char* option, const std::string& given, std::string_view without = "") {
    if (given != without) out.emplace_back(option, given);
  };
  add("--map", map), add("--kind", kind), add("--time-unit", time_unit, "iso"), add("--utc-offset", utc_offset), add("--on-error", on_error, "stop");
  add("--drop-items", drop_items), add("--fold-case", fold_case);
  for (const auto& text : kinds) add("--kinds", text);
  for (const auto& text : refund_prefix) add("--refund-prefix", text);
  for (const auto& text : rate) add("--rate", text);
  return out;
}

data::ImportOptions ImportFlags::options() const {
  const auto joined = [](const std::vector<std::string>& texts) {
    std::string out;
    for (const auto& text : texts) out += (out.empty() ? "" : ",") + text;
    return out;
  };
  try {
    return data::import_options({.map = map,
                                 .kind = kind,
                                 .kinds = joined(kinds),
                                 .time_unit = time_unit,
                                 .utc_offset = utc_offset,
                                 .on_error = on_error,
                                 .refund_prefix = joined(refund_prefix),
                                 .fold_case = fold_case,
                                 .rate = joined(rate),
                                 .drop_items = drop_items});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::invalid_argument) throw;
    throw usage_error(error);
  }
}

void print_json(const Json& object) { std::cout << object.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n'; }

std::string describe_dropped(const std::map<std::string, data::ImportSummary::Cause>& dropped) {
  std::string text;
  for (const auto& [cause, what] : dropped)
    text += "  left out " + counted(what.lines, "line") + ": " + cause +
            (what.example.empty() ? "" : ", first: " + what.example) + '\n';
  return text;
}

std::string describe_noted(const std::map<std::string, data::ImportSummary::Cause>& noted, const std::vector<std::string>& proposals) {
  std::string text;
  for (const auto& [fact, what] : noted) text += "  noted " + grouped(what.lines) + ": " + fact + ", first: " + what.example + '\n';
  for (const auto& proposal : proposals) text += "  proposal: " + proposal + '\n';
  return text;
}

std::string describe_stays(const std::vector<std::string>& proposals) {
  const auto reads_otherwise = [](const std::string& proposal) {
    return proposal.find("--fold-case") != std::string::npos || proposal.find("--refund-prefix") != std::string::npos || proposal.find("--time-unit") != std::string::npos;
  };
  return std::any_of(proposals.begin(), proposals.end(), reads_otherwise) ? "  what a store took in stays as it was read: follow such a proposal in a new store\n" : "";
}

std::string describe_no_products(const std::vector<data::NoProduct>& codes) {
  constexpr std::size_t most = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(codes.size(), most); ++i) {
    const auto& code = codes[i];
    text += "    " + code.item + (code.name.empty() ? "" : " '" + code.name + "'") + ": " + code.why + "; " + grouped(code.lines) +
            (code.lines == 1 ? " line, " : " lines, first: ") + code.example + '\n';
  }
  if (codes.size() > most) text += "    and " + std::to_string(codes.size() - most) + " more\n";
  return text;
}

Json no_products_json(const std::vector<data::NoProduct>& codes) {
  Json list = Json::array();
  for (const auto& code : codes)
    list.push_back({{"item", code.item}, {"name", code.name}, {"lines", code.lines}, {"example", code.example}, {"why", code.why}});
  return list;
}

std::string describe_people(const serve::PeopleRead& people) {
  return "read " + counted(people.read, "line") + " of people: " + grouped(people.kept) + " kept, " + grouped(people.with_events) + " of them with events, " +
         grouped(people.changed) + " with something new\n" + describe_dropped(people.dropped) + describe_noted({}, people.proposals);
}

Json counts_json(const std::map<std::string, data::ImportSummary::Cause>& counts) {
  Json object = Json::object();
  for (const auto& [name, count] : counts) object[name] = count.lines;
  return object;
}

std::shared_ptr<store::Store> open_store(const std::string& folder, bool read_only) {
  if (!read_only && std::filesystem::is_directory(folder) && access(folder.c_str(), W_OK) != 0) read_only = true;
  return store::Store::open(folder, read_only ? store::Store::Mode::read_only : store::Store::Mode::read_write);
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

std::vector<std::string> parse_ids(const std::string& option, const std::string& text) {
  std::vector<std::string> ids;
  if (text.starts_with('[')) {
    const auto array = Json::parse(text, nullptr, false);
    if (!array.is_array() || !std::all_of(array.begin(), array.end(), [](const Json& id) { return id.is_string(); }))
      throw UsageError(option + ": '" + text + "' is no list of ids; expected I,J,... or a JSON array of texts as [\"a,b\", \"c\"]");
    ids = array.get<std::vector<std::string>>();
  } else {
    std::stringstream stream(text);
    for (std::string part; std::getline(stream, part, ',');) ids.push_back(part);
    if (text.ends_with(',')) ids.emplace_back();
  }
  if (std::find(ids.begin(), ids.end(), "") != ids.end()) throw UsageError(option + ": '" + text + "' has an empty id; expected I,J,...");
  return ids;
}

std::string read_text(const std::string& file) {
  if (file.empty()) return {};
  if (!std::filesystem::exists(file)) throw Error(ErrorCode::not_found, file, "there is no such file");
  if (std::filesystem::is_directory(file)) throw Error(ErrorCode::io_failure, file, "is a folder", "a file");
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in && !in.eof()) throw Error(ErrorCode::io_failure, file, "cannot be read");
  return text;
}

serve::TrainConfig read_config(const std::string& file) {
  const auto text = read_text(file);
  if (text.empty() && !file.empty()) throw Error(ErrorCode::malformed_input, file, "is empty", "a JSON object, {} for the defaults, or no --config");
  return serve::train_config_from_json(text, file);
}

void require_inputs(const std::vector<std::string>& events, const std::string& items, const std::vector<std::string>& users) {
  const auto require = [](const std::vector<std::string>& files, const std::string& option) {
    for (const auto& file : files) {
      if (file.empty()) throw UsageError(option + ": is empty; expected a file, or - for standard input");
      if (file != "-" && !std::filesystem::exists(file)) throw Error(ErrorCode::not_found, file, "there is no such file");
    }
  };
  require(events, "--events");
  require(users, "--users");
  if (std::find(events.begin(), events.end(), "-") != events.end() && std::find(users.begin(), users.end(), "-") != users.end())
    throw UsageError("--users: is standard input, as --events is; expected a file for one of them");
  if (!items.empty() && !std::filesystem::exists(items)) throw Error(ErrorCode::not_found, items, "there is no such file");
}

void write_text(const std::string& name, const std::string& text) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  // A link stays one; a device or a pipe is written to, never replaced.
  const auto target = fs::is_symlink(name, unknown) ? fs::weakly_canonical(name, unknown).string() : name;
  const auto file = target.empty() ? name : target;
  if (const auto status = fs::status(file, unknown); fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status)) {
    std::ofstream out(file, std::ios::binary);
    out << text;
    out.close();
    if (!out) throw Error(ErrorCode::io_failure, name, "cannot be written: " + std::generic_category().message(errno));
    return;
  }
  const std::string temporary = file + ".tmp-" + std::to_string(getpid());
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << text;
    out.close();
    if (!out) {
      const auto reason = std::generic_category().message(errno);
      std::error_code ignored;
      std::filesystem::remove(temporary, ignored);
      throw Error(ErrorCode::io_failure, file, "cannot be written: " + reason);
    }
  }
  std::error_code failure;
  std::filesystem::rename(temporary, file, failure);
  if (failure) throw Error(ErrorCode::io_failure, file, "cannot be written: " + failure.message());
}

void require_writable(const std::string& file) {
  const auto folder = std::filesystem::path(file).parent_path();
  if (!folder.empty() && !std::filesystem::is_directory(folder)) throw Error(ErrorCode::not_found, file, "its folder is not there", "a file in a folder that exists");
  if (std::filesystem::is_directory(file)) throw Error(ErrorCode::io_failure, file, "is a folder", "a file");
}

std::int64_t parse_time_option(const std::string& option, const std::string& text) {
  if (const auto time = parse_time(text); time && *time >= earliest_time_us && *time <= latest_time_us) return *time;
  try {
    std::size_t used = 0;
    const auto number = std::stoll(text, &used);
    if (used == text.size() && number >= earliest_time_us && number <= latest_time_us) return number;
  } catch (const std::exception&) {
  }
  throw UsageError(option + ": '" + text + "' is no time; expected a time of the years 1970 to 2199 as 2024-05-01, 2024-05-01T10:00:00Z or microseconds since 1970");
}

std::string grouped(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string counted(std::uint64_t number, const std::string& one, const std::string& many) { return grouped(number) + ' ' + (number == 1 ? one : many.empty() ? one + 's' : many); }

/// What would move a terminal's cursor or break the table, as it would be written in a string.
std::string printable(const std::string& cell) {
  if (std::none_of(cell.begin(), cell.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; })) return cell;
  std::string out;
  for (const char c : cell) {
    char escaped[8];
    if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7F) out += std::string(escaped, static_cast<std::size_t>(std::snprintf(escaped, sizeof escaped, "\\x%02x", byte)));
    else out += c;
  }
  return out;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

namespace {
bool begins_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_code_point));
}
}  // namespace

std::string shortened(std::string_view text, std::size_t width) {
  if (width_of(text) <= width) return std::string(text);
  std::size_t at = 0, seen = 0;
  while (at < text.size() && (seen < width || !begins_code_point(text[at]))) {
    if (begins_code_point(text[at])) {
      if (seen + 1 == width) break;
      ++seen;
    }
    ++at;
  }
  return std::string(text.substr(0, at)) + "…";
}

std::string table(const std::vector<std::vector<std::string>>& given, const std::vector<bool>& right) {
  auto rows = given;
  for (auto& row : rows)
    for (auto& cell : row) cell = printable(cell);
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line = " ";
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - width_of(row[c]), ' ');
      line += ' ';
      line += c < right.size() && right[c] ? padding + row[c] : row[c] + padding;
      line += ' ';
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::string number(double value, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return buffer;
}

}  // namespace pannier::cli
