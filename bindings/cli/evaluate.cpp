#include <algorithm>
#include <iostream>
#include <map>
#include <sstream>

#include "evaluation.hpp"
#include "pannier/core/config.hpp"
#include "pannier/core/time.hpp"
#include "pannier/data/catalog.hpp"
#include "pannier/data/orders.hpp"
#include "pannier/serve/train.hpp"

namespace pannier::cli {

void EvaluationData::set(data::Split parts, const FitControl& control) {
  split = std::move(parts);
  orders = split.cells.empty() ? data::OrderRows{} : data::build_order_rows(split.log, weighting, split.now_us, control);
}

Evaluation fit_split(const std::string& name, const std::string& config_json, const EvaluationData& data, std::span<const serve::Sibling> siblings,
                     const FitControl& control) {
  Evaluation evaluation;
  evaluation.model = name;
  const std::vector<std::string_view> categories(data.categories.begin(), data.categories.end());
  const auto& split = data.split;
  const Stopwatch watch;
  evaluation.fitted = serve::fit_model(name, config_json,
                                       serve::FitData{.events = split.train,
                                                      .orders = data.orders,
                                                      .log = split.cells.empty() ? nullptr : &split.log,
                                                      .weighting = data.weighting,
                                                      .now_us = split.now_us,
                                                      .categories = categories,
                                                      .siblings = siblings},
                                       control);
  evaluation.fit_seconds = watch.seconds();
  return evaluation;
}

evaluate::Quality rank_split(const model::Recommender& model, const EvaluationData& data, evaluate::ProtocolConfig protocol,
                             const FitControl& control, const evaluate::EachList& each) {
  const std::vector<std::string_view> categories(data.categories.begin(), data.categories.end());
  protocol.categories = categories;
  return evaluate::evaluate(model, data.split, protocol, control, each);
}

Evaluation evaluate_model(const std::string& name, const std::string& config_json, const EvaluationData& data,
                          const evaluate::ProtocolConfig& protocol, const FitControl& control, const evaluate::EachList& each) {
  auto evaluation = fit_split(name, config_json, data, {}, control);
  evaluation.quality = rank_split(*evaluation.fitted.model, data, protocol, control, each);
  return evaluation;
}

namespace {

struct Options {
  std::string model, train, test, split, items, format = "events", protocol = "weak", seen = "exclude", at = "20", config, output;
  std::vector<std::string> events, settings;
  bool last_out = false;
  ImportFlags import;
};

std::vector<std::uint32_t> parse_cutoffs(const std::string& text) {
  std::vector<std::uint32_t> cutoffs;
  for (const auto& part : split_list(text)) {
    std::size_t used = 0;
    unsigned long value = 0;
    try {
      value = std::stoul(part, &used);
    } catch (const std::exception&) {
      used = 0;
    }
    if (used != part.size() || value == 0 || value > 100'000)
      throw UsageError("--at: '" + part + "' is no cut-off; expected whole numbers from 1 to 100000, as 20,50");
    cutoffs.push_back(static_cast<std::uint32_t>(value));
  }
  if (cutoffs.empty()) throw UsageError("--at: no cut-off is given; expected whole numbers, as 20,50");
  return cutoffs;
}

/// The settings of the model as JSON; a wrong name or value is bad usage.
std::string checked_settings(const Options& options) {
  try {
    static_cast<void>(serve::model_settings(options.model));
  } catch (const Error& error) {
    throw UsageError("--model: " + error.problem() + "; expected " + error.allowed());
  }
  try {
    auto settings = settings_to_json(options.settings);
    static_cast<void>(serve::complete_settings(options.model, settings, ""));
    return settings;
  } catch (const Error& error) {
    throw UsageError("--set: " + (error.where().empty() ? "" : error.where() + ' ') + error.problem() + (error.allowed().empty() ? "" : "; expected " + error.allowed()));
  }
}

/// Refuses a cut that leaves nothing to train on or nothing to test with.
void require_inside(const data::EventLog& log, std::int64_t cut) {
  if (log.size() == 0) return;
  const auto [first, last] = std::minmax_element(log.times_us().begin(), log.times_us().end());
  if (*first < cut && cut <= *last) return;
  throw Error(ErrorCode::invalid_argument, "--split", "is " + format_time(cut) + ", " + (cut <= *first ? "and no event is from before it" : "and no event is from then on"),
              *first == *last ? "another log: all events of this one are of " + format_time(*first)
                              : "a time after " + format_time(*first) + " and not after " + format_time(*last));
}

EvaluationData load(const Options& options, const FitControl& control) {
  EvaluationData data;
  const auto refuse_beside = [](const char* what, bool given, const char* beside) {
    if (given) throw UsageError(std::string(what) + ": has no meaning beside " + beside);
  };
  if (options.format == "lightgcn") {
    refuse_beside("--events", !options.events.empty(), "--format lightgcn");
    refuse_beside("--split", !options.split.empty(), "--format lightgcn");
    if (options.train.empty() || (options.test.empty() && !options.last_out))
      throw UsageError("--format lightgcn: needs --train FILE and --test FILE, or --train FILE --last-out");
    data.split = data::read_lightgcn(options.train, options.test, options.last_out);
    return data;
  }
  refuse_beside("--train", !options.train.empty(), "--format events");
  refuse_beside("--test", !options.test.empty(), "--format events");
  refuse_beside("--split", !options.split.empty() && options.last_out, "--last-out");
  const auto import = options.import.options();
  const auto weights = data.weighting = read_config(options.config).events;
  if (options.events.empty() || (options.split.empty() && !options.last_out))
    throw UsageError("--format events: needs --events FILE with --split TIME or --last-out");
  data::EventLog log;
  data.read = data::read_event_files(
      std::vector<std::filesystem::path>(options.events.begin(), options.events.end()), import,
      [&](std::span<const data::ImportedEvent> events) {
        for (const auto& imported : events) log.append(imported.event);
      },
      control);
  if (options.last_out) {
    data.set(data::split_last_out(log, weights), control);
  } else {
    const auto cut = parse_time_option("--split", options.split);
    require_inside(log, cut);
    data.set(data::split_by_time(log, weights, cut), control);
    std::int64_t until = std::numeric_limits<std::int64_t>::min();
    for (const auto time : log.times_us())
      if (time < cut) until = std::max(until, time);
    if (until != std::numeric_limits<std::int64_t>::min()) data.trained_until = format_time(until);
    data.tested_from = format_time(cut);
  }
  const auto catalog = options.items.empty() ? data::Catalog() : data::read_catalog(options.items, import.on_error, nullptr, import.fold_item_case);
  for (const auto item : data.split.items) {
    data.item_ids.emplace_back(log.item_id(ItemIndex{item}));
    if (options.items.empty()) continue;
    const auto* known = catalog.find(item_key(data.item_ids.back()));
    data.categories.push_back(known == nullptr ? "" : known->category);
  }
  return data;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

/// One line a tested person and rank: person (row of the split), rank, item, score, whether it was held out.
class RankLines {
 public:
  explicit RankLines(const EvaluationData& data) : data_(&data) { out_ << "row,rank,item,score,held_out\n"; }
  void add(std::size_t row, std::span<const Scored> ranked, std::span<const std::uint32_t> held_out) {
    for (std::size_t n = 0; n < ranked.size(); ++n) {
      const auto item = value(ranked[n].item);
      out_ << row << ',' << n + 1 << ',' << (data_->item_ids.empty() ? std::to_string(item) : csv_field(data_->item_ids[item])) << ',' << ranked[n].score
           << ',' << std::binary_search(held_out.begin(), held_out.end(), item) << '\n';
    }
  }
  [[nodiscard]] std::string text() const { return out_.str(); }

 private:
  const EvaluationData* data_;
  std::ostringstream out_;
};

Json slices_json(const evaluate::Quality& quality) {
  Json slices = Json::object();
  for (const auto& [name, slice] : quality.slices) {
    Json interval = Json::object();
    for (const auto& [metric, bounds] : slice.interval) interval[metric] = {bounds.first, bounds.second};
    slices[name] = {{"people", slice.people}, {"held_out", slice.held_out}, {"metrics", Json(slice.metrics)}, {"interval", interval}};
  }
  return slices;
}

/// "  ndcg@20         0.1234   95 % interval 0.1200 to 0.1300", the interval where there is one.
std::string metric_line(const std::string& name, double metric, const std::map<std::string, evaluate::Interval>& intervals) {
  auto line = "  " + name + std::string(name.size() < 16 ? 16 - name.size() : 1, ' ') + number(metric, 4);
  if (const auto bounds = intervals.find(name); bounds != intervals.end())
    line += "   95 % interval " + number(bounds->second.first, 4) + " to " + number(bounds->second.second, 4);
  return line + '\n';
}

void run(const Command& command, const Options& options) {
  evaluate::ProtocolConfig protocol;
  protocol.at = parse_cutoffs(options.at);
  protocol.exclude_seen = options.seen == "exclude";
  const auto settings = checked_settings(options);
  const auto control = command.control();
  const auto data = load(options, control);
  RankLines lines(data);
  evaluate::EachList each;
  if (!options.output.empty())
    each = [&](std::size_t row, std::span<const Scored> ranked, std::span<const std::uint32_t> held_out) { lines.add(row, ranked, held_out); };
  const auto evaluation = evaluate_model(options.model, settings, data, protocol, control, each);
  const auto& quality = evaluation.quality;
  if (!options.output.empty()) write_text(options.output, lines.text());

  const auto config = Json::parse(evaluation.fitted.model->config_json());
  if (command.json) {
    Json intervals = Json::object();
    for (const auto& [name, bounds] : quality.interval) intervals[name] = {bounds.first, bounds.second};
    Json object = {{"model", options.model},
                   {"users", data.split.train.rows},
                   {"items", data.split.train.cols},
                   {"interactions", data.split.train.columns.size()},
                   {"positions", quality.held_out},
                   {"metrics", Json(quality.metrics)},
                   {"interval", intervals},
                   {"slices", slices_json(quality)},
                   {"diversity_by", quality.diversity_by_category ? "category" : "people"},
                   {"skipped", {{"unknown_items", data.split.unknown_items}, {"empty_users", quality.empty_people}}},
                   {"seconds", {{"fit", evaluation.fit_seconds}, {"recommend", quality.seconds}}},
                   {"peak_rss_mb", serve::peak_rss_mb()},
                   {"config", config},
                   {"seed", config.contains("seed") ? config["seed"] : Json(nullptr)},
                   {"threads", resolved_threads(control.execution)},
                   {"seen", options.seen}};
    if (!data.read.dropped.empty()) object["dropped"] = counts_json(data.read.dropped);
    if (!data.read.noted.empty()) object["noted"] = counts_json(data.read.noted);
    if (!data.read.proposals.empty()) object["proposals"] = data.read.proposals;
    if (!data.read.no_products.empty()) object["no_products"] = no_products_json(data.read.no_products);
    if (!data.tested_from.empty()) {
      object["trained_until"] = data.trained_until;
      object["tested_from"] = data.tested_from;
    }
    print_json(object);
    return;
  }
  std::cout << describe_dropped(data.read.dropped) << describe_noted(data.read.noted, data.read.proposals) << describe_no_products(data.read.no_products) << options.model << ' ' << config.dump() << '\n'
            << "  " << grouped(data.split.train.rows) << " people, " << grouped(data.split.train.cols) << " items, "
            << grouped(data.split.train.columns.size()) << " training pairs; " << grouped(quality.people) << " people tested on "
            << grouped(quality.held_out) << " held-out pairs, every item ranked, seen items "
            << (protocol.exclude_seen ? "left out" : "kept") << '\n';
  if (!data.tested_from.empty())
    std::cout << "  trained until " << data.trained_until << ", tested from " << data.tested_from << '\n';
  if (data.split.unknown_items != 0)
    std::cout << "  " << grouped(data.split.unknown_items) << " held-out pairs left out: their item is not in the training part\n";
  for (const auto& [name, metric] : quality.metrics) std::cout << metric_line(name, metric, quality.interval);
  for (const auto& [name, slice] : quality.slices) {
    if (slice.people == 0) continue;
    std::cout << "  " << (name == "new_users" ? "new users, at most " + std::to_string(protocol.new_user_items) + " trained items each"
                                             : "tail items, the " + grouped(quality.tail_items) + " outside the head of " + number(100 * protocol.head_share, 0) + " % of the training pairs")
              << ": " << grouped(slice.people) << " people, " << grouped(slice.held_out) << " held-out pairs\n";
    for (const auto& [metric, mean] : slice.metrics) std::cout << "  " << metric_line(metric, mean, slice.interval);
  }
  std::cout << "  fitted in " << number(evaluation.fit_seconds, 2) << " s, ranked in " << number(quality.seconds, 2) << " s, "
            << number(serve::peak_rss_mb(), 0) << " MB at most\n";
  if (!evaluation.fitted.report.detail.empty()) std::cout << "  " << evaluation.fitted.report.detail << '\n';
}

}  // namespace

void add_evaluate(CLI::App& app, Commands& commands) {
  auto& command = add_command(app, commands, "evaluate", "Fit a model on a training part and measure its ranking on the test part");
  auto options = std::make_shared<Options>();
  std::string known;
  for (const auto name : serve::model_names()) known += (known.empty() ? "" : ", ") + std::string(name);
  command.app->add_option("--model", options->model, "One of " + known)->required();
  command.app->add_option("--train", options->train, "Training file (format lightgcn)");
  command.app->add_option("--test", options->test, "Test file (format lightgcn)");
  command.app->add_option("--events", options->events, "Event files (format events)");
  command.app->add_option("--split", options->split, "Events before this time train, from it on they test");
  command.app->add_flag("--last-out", options->last_out, "Each person's last event is the test");
  command.app->add_option("--format", options->format, "events, or lightgcn: a line a user, `user item item ...`")
      ->check(CLI::IsMember({"events", "lightgcn"}))
      ->capture_default_str();
  command.app->add_option("--items", options->items, "Items file: its categories tell how varied a list is");
  command.app->add_option("--protocol", options->protocol, "weak: people of the test are in the training part too")
      ->check(CLI::IsMember({"weak"}))
      ->capture_default_str();
  command.app->add_option("--seen", options->seen, "Whether trained items may be recommended and count when held out")
      ->check(CLI::IsMember({"exclude", "keep"}))
      ->capture_default_str();
  command.app->add_option("--set", options->settings, "A setting of the model, key=value; again for more");
  command.app->add_option("--at", options->at, "Cut-offs, as 20,50,100")->capture_default_str();
  command.app->add_option("--config", options->config, "JSON file whose \"events\" part gives the weights of kinds");
  command.app->add_option("-o,--output", options->output, "CSV file of the rankings: row, rank, item, score, held_out");
  options->import.add_to(*command.app);
  std::string footer = "Settings:\n";
  for (const auto name : serve::model_names())
    for (const auto& setting : serve::model_settings(name))
      footer += "  " + std::string(name) + ' ' + setting.name + '=' + setting.default_value + "  " + setting.range + "  " + setting.help + '\n';
  command.app->footer(footer);
  command.run = [&command, options] { run(command, *options); };
}

}  // namespace pannier::cli
