#include <cmath>
#include <iostream>
#include <unistd.h>

#include "evaluation.hpp"
#include "tune.hpp"
#include "pannier/serve/holdout.hpp"
#include "pannier/serve/tune.hpp"

namespace pannier::cli {
namespace {

struct Options {
  serve::TuneConfig tune;
  std::string cut, at = "20", output;
  double share = 0.1;
  DataFlags data;
};

std::string quoted(const std::string& word) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+=.,:/@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// What `evaluate` is to be called with to give the same model and the same test again.
std::string command_line(const Options& options, std::span<const serve::ModelRequest> models) {
  std::vector<std::string> words{"pannier", "evaluate"};
  const auto add = [&](const std::string& option, const std::string& given) {
    if (!given.empty()) words.insert(words.end(), {option, given});
  };
  const auto of_models = model_options(models);
  words.insert(words.end(), of_models.begin(), of_models.end());
  const auto& data = options.data;
  add("--train", data.train);
  if (data.format == "lightgcn" && !data.last_out) add("--test", data.test.empty() ? "FILE" : data.test);
  for (const auto& file : data.events) add("--events", file);
  if (data.format == "events" && !data.last_out) add("--split", data.split.empty() ? "TIME" : data.split);
  if (data.last_out) words.emplace_back("--last-out");
  if (data.format != "events") add("--format", data.format);
  add("--items", data.items);
  add("--config", data.config);
  add("--vectors", data.vectors);
  for (const auto& [option, given] : data.import.words()) add(option, given);
  if (options.at != "20") add("--at", options.at);
  std::string out;
  for (const auto& word : words) (out += out.empty() ? "" : " ") += quoted(word);
  return out;
}

/// {"name", ..settings}.
Json named(const std::string& name, const std::string& config_json) {
  Json out = {{"name", name}};
  const auto settings = Json::parse(config_json);
  for (const auto& [key, value] : settings.items()) out[key] = value;
  return out;
}

Json models_json(std::span<const serve::ModelRequest> models) {
  Json out = Json::array();
  for (const auto& model : models) out.push_back(named(model.name, model.config_json));
  return out;
}

/// "factors 512, l2 0.01", as short as it can be said.
std::string told_settings(const std::string& config_json) {
  std::string out;
  const auto settings = Json::parse(config_json);
  for (const auto& [key, value] : settings.items()) out += (out.empty() ? "" : ", ") + key + " " + (value.is_string() ? value.get<std::string>() : value.dump());
  return out.empty() ? "defaults" : out;
}

std::string told_metric(double metric) { return std::isfinite(metric) ? number(metric, 4) : "none"; }

/// The test part is read after the search alone; of a log, both are in the files, and the search sees the training part.
struct Source {
  serve::HoldOut holdout;
  data::EventLog log;
  EvaluationData data;
};

Source hold_out(const Options& options, const FitControl& control) {
  Source out;
  const auto& flags = options.data;
  if (flags.format == "lightgcn") {
    if (options.cut == "last") {
      out.holdout.split = data::read_lightgcn(flags.train, {}, true);
      out.holdout.told = "last: the last item of every line";
      return out;
    }
    const auto train = flags.last_out ? data::read_lightgcn(flags.train, {}, true).train : data::read_lightgcn_matrix(flags.train);
    out.holdout = options.cut == "user" ? serve::hold_out_people(train, options.share, options.tune.seed) : serve::hold_out_cells(train, options.share, options.tune.seed);
    return out;
  }
  out.log = flags.read_log(out.data, control);
  flags.read_items(out.data);
  const auto cut = [&](const data::EventLog& log) {
    const auto categories = DataFlags::categories_of(log, out.data.catalog.get());
    const std::vector<std::string_view> views(categories.begin(), categories.end());
    return flags.last_out ? serve::hold_out_last_events(log, out.data.weighting, views, control) : serve::hold_out_last_days(log, out.data.weighting, 0, views, control);
  };
  if (flags.last_out) out.holdout = cut(data::split_last_out(out.log, out.data.weighting, control).log);
  else if (flags.split.empty()) out.holdout = cut(out.log);
  else out.holdout = cut(data::split_by_time(out.log, out.data.weighting, flags.split_time(out.log), control).log);
  out.holdout.catalog = out.data.catalog;
  return out;
}

void require_valid(const Command& command, Options& options) {
  const auto& data = options.data;
  data.require_valid(false);
  if (data.last_out && !data.test.empty()) throw UsageError("--test: has no meaning beside --last-out");
  if (options.cut.empty()) options.cut = data.format == "lightgcn" ? "random" : "last";
  if (data.format == "events" && options.cut != "last") throw UsageError("--cut: " + options.cut + " is not for events, which are cut in time; expected last");
  if (options.cut == "last" && data.last_out && data.format == "lightgcn") throw UsageError("--cut: last and --last-out would hold out twice; expected random or user");
  if (options.cut == "last" && command.app->get_option("--share")->count() != 0)
    throw UsageError("--share: has no meaning beside --cut last, which holds out what is last; expected --cut random or user");
  try {
    serve::require_valid(options.tune);
  } catch (const Error& error) {
    throw usage_error(error);
  }
  static_cast<void>(parse_cutoffs(options.at));
}

void run(const Command& command, Options options) {
  require_valid(command, options);
  const auto& flags = options.data;
  const Stopwatch watch;
  // There or not is all that is asked of the test before the search has ended.
  if (flags.format == "lightgcn" && !flags.test.empty()) require_inputs({}, flags.test);
  if (!options.output.empty()) require_writable(options.output);
  const auto control = command.control();
  auto source = hold_out(options, control);
  flags.read_vectors(source.holdout);
  const auto vectors = source.holdout.vectors;
  const bool tested = flags.last_out || !flags.test.empty() || !flags.split.empty();
  const auto told = source.holdout.told;
  const auto people = source.holdout.split.train.rows;
  const bool terminal = isatty(STDERR_FILENO) != 0;
  std::size_t count = 0;
  double best = -1;
  const auto each = [&](const serve::TuneTrial& trial) {
    ++count;
    if (trial.fidelity == 1 && trial.metric > best) best = trial.metric;
    if (command.json && !terminal) return;
    std::cerr << (terminal ? "\r\033[K" : "") << "trial " << count << ": " << trial.name << ' ' << told_settings(trial.config_json)
              << (trial.fidelity < 1 ? ", in part" : "") << ": " << (trial.failure.empty() ? options.tune.metric + ' ' + told_metric(trial.metric) : trial.failure)
              << ", " << number(trial.seconds, 1) << " s; best " << (best < 0 ? "none yet" : told_metric(best)) << '\n';
  };
  const auto result = serve::tune(std::move(source.holdout), options.tune, {.seconds_spent = watch.seconds(), .people_to_rank = tested ? people : 0, .fit = tested}, each, control);
  const double searched = watch.seconds();

  const Json models = models_json(result.best);
  if (!options.output.empty()) {
    Json config = Json::object();  // The weights that the models were chosen with belong to them.
    if (const auto given = Json::parse(read_text(flags.config), nullptr, false); given.is_object() && given.contains("events")) config["events"] = given["events"];
    config["models"] = models;
    write_text(options.output, config.dump(2) + '\n');
  }
  Evaluation test;
  if (tested) {
    evaluate::ProtocolConfig protocol;
    protocol.at = parse_cutoffs(options.at);
    if (flags.format == "lightgcn") source.data = flags.load(control);
    else flags.cut(source.log, source.data, control), source.data.vectors = vectors;
    test = evaluate_models(result.best, source.data, protocol, control);
  }
  const auto line = command_line(options, result.best);
  if (command.json) {
    Json trials = Json::array();
    for (const auto& trial : result.trials) {
      Json one = {{"config", named(trial.name, trial.config_json)},
                  {"metric", std::isfinite(trial.metric) ? Json(trial.metric) : Json(nullptr)},
                  {"seconds", trial.seconds},
                  {"fidelity", trial.fidelity}};
      if (!trial.failure.empty()) one["failure"] = trial.failure;
      trials.push_back(std::move(one));
    }
    Json object = {{"metric", options.tune.metric},
                   {"cut", told},
                   {"trials", trials},
                   {"best", {{"config", {{"models", models}}}, {"metric", result.metric}}},
                   {"stopped", result.stopped},
                   {"command", line}};
    if (tested) {
      object["test"] = Json(test.quality.metrics);
      object["test_seconds"] = {{"fit", test.fit_seconds}, {"recommend", test.quality.seconds}};
    }
    object["seed"] = options.tune.seed;
    object["threads"] = resolved_threads(control.execution);
    object["seconds"] = {{"search", searched}, {"total", watch.seconds()}};
    object["peak_rss_mb"] = serve::peak_rss_mb();
    print_json(object);
    return;
  }
  std::cout << "Held out, " << told << "; " << options.tune.metric << " of each trial:\n";
  std::vector<std::vector<std::string>> rows{{"trial", "model", "settings", options.tune.metric, "seconds"}};
  for (std::size_t n = 0; n < result.trials.size(); ++n) {
    const auto& trial = result.trials[n];
    rows.push_back({std::to_string(n + 1), trial.name, shortened(told_settings(trial.config_json), 100) + (trial.fidelity < 1 ? " (in part)" : ""),
                    trial.failure.empty() ? told_metric(trial.metric) : shortened(trial.failure, 60), number(trial.seconds, 1)});
  }
  std::cout << table(rows, {true, false, false, true, true}) << "The search ended after " << number(searched, 0) << " s: " << result.stopped << ".\n"
            << "Best, " << options.tune.metric << ' ' << told_metric(result.metric) << " on the hold-out:\n";
  for (const auto& model : result.best) std::cout << "  " << model.name << ": " << told_settings(model.config_json) << '\n';
  if (tested) {
    std::cout << "On the test, " << grouped(test.quality.people) << " people:\n";
    for (const auto& [name, metric] : test.quality.metrics) std::cout << "  " << name << std::string(name.size() < 16 ? 16 - name.size() : 1, ' ') << number(metric, 4) << '\n';
    std::cout << "  fitted in " << number(test.fit_seconds, 1) << " s, ranked in " << number(test.quality.seconds, 1) << " s\n";
  }
  std::cout << (tested ? "The same again:\n  " : "On a test:\n  ") << line << '\n';
}

}  // namespace

void add_tune(CLI::App& app, Commands& commands) {
  auto& command = add_command(app, commands, "tune", "Search settings, models and blends on a hold-out cut from the training part");
  auto options = std::make_shared<Options>();
  std::string known;
  for (const auto name : serve::tuned_names()) known += (known.empty() ? "" : ", ") + std::string(name);
  command.app->add_option("--model", options->tune.model, "One of " + known)->capture_default_str();
  command.app->add_option("--trials", options->tune.trials, "Trials, at most; with them alone a run repeats bit for bit")->check(CLI::Range(1, 1000000));
  command.app->add_option("--budget", options->tune.budget, "Seconds for everything, the final fit and its test too")->check(CLI::Range(1.0, 1e9));
  command.app->add_option("--metric", options->tune.metric, "What is to be large on the hold-out: ndcg, recall, recall_min, hr, mrr or map, @ and a cut-off")->capture_default_str();
  command.app->add_option("--cut", options->cut, "The hold-out. Format lightgcn: random (default), items of everybody; last, of each line; user, whole people. Events: last in time")
      ->check(CLI::IsMember({"random", "last", "user"}));
  command.app->add_option("--share", options->share, "Of the items, or of the people, that are held out")->check(CLI::Range(0.01, 0.5))->capture_default_str();
  command.app->add_option("--people", options->tune.people, "People of the hold-out whom a trial in full asks")->check(CLI::Range(1, 1000000000))->capture_default_str();
  command.app->add_option("--seed", options->tune.seed, "Of the hold-out and of the search")->capture_default_str();
  command.app->add_option("--at", options->at, "Cut-offs of the test, as 20,50,100")->capture_default_str();
  command.app->add_option("-o,--output", options->output, "JSON file for the best: a config for `train --config`");
  options->data.add_to(*command.app);
  command.run = [&command, options] { run(command, *options); };
}

}  // namespace pannier::cli
