#include "evaluation.hpp"

#include <algorithm>
#include <limits>
#include <memory>

#include "pannier/core/config.hpp"
#include "pannier/core/time.hpp"
#include "pannier/data/interaction_matrix.hpp"
#include "pannier/data/orders.hpp"
#include "pannier/serve/train.hpp"

namespace pannier::cli {
namespace {

/// Refuses a cut that leaves nothing to train on or nothing to test with.
void require_inside(const data::EventLog& log, std::int64_t cut) {
  if (log.size() == 0) return;
  const auto [first, last] = std::minmax_element(log.times_us().begin(), log.times_us().end());
  if (*first < cut && cut <= *last) return;
  throw Error(ErrorCode::invalid_argument, "--split", "is " + format_time(cut) + ", " + (cut <= *first ? "and no event is from before it" : "and no event is from then on"),
              *first == *last ? "another log: all events of this one are of " + format_time(*first)
                              : "a time after " + format_time(*first) + " and not after " + format_time(*last));
}

}  // namespace

void EvaluationData::set(data::Split parts, const FitControl& control) {
  split = std::move(parts);
  orders = split.cells.empty() ? data::OrderRows{} : data::build_order_rows(split.log, weighting, split.now_us, control);
}

Evaluation fit_split(const std::string& name, const std::string& config_json, const EvaluationData& data, std::span<const serve::Sibling> siblings,
                     const FitControl& control) {
  Evaluation evaluation;
  serve::HoldOut::Names names;
  auto on = data.fit_data(names);
  on.siblings = siblings;
  const Stopwatch watch;
  evaluation.fitted = serve::fit_model(name, config_json, on, control);
  evaluation.fit_seconds = watch.seconds();
  return evaluation;
}

evaluate::Quality rank_split(const model::Recommender& model, const EvaluationData& data, evaluate::ProtocolConfig protocol,
                             const FitControl& control, const evaluate::EachList& each) {
  const std::vector<std::string_view> categories(data.categories.begin(), data.categories.end());
  protocol.categories = categories;
  return evaluate::evaluate(model, data.split, protocol, control, each);
}

Evaluation evaluate_models(std::span<const serve::ModelRequest> models, const EvaluationData& data, const evaluate::ProtocolConfig& protocol,
                           const FitControl& control, const evaluate::EachList& each) {
  Evaluation evaluation;
  serve::HoldOut::Names names;
  const Stopwatch watch;
  evaluation.fitted = serve::fit_in_order(models, data.fit_data(names), control);
  evaluation.fit_seconds = watch.seconds();
  evaluation.quality = rank_split(*evaluation.fitted.model, data, protocol, control, each);
  return evaluation;
}

void DataFlags::add_to(CLI::App& app) {
  app.add_option("--train", train, "Training file (format lightgcn)");
  app.add_option("--test", test, "Test file (format lightgcn)");
  app.add_option("--events", events, "Event files (format events)");
  app.add_option("--split", split, "Events before this time train, from it on they test");
  app.add_flag("--last-out", last_out, "Each person's last event is the test");
  app.add_option("--format", format, "events, or lightgcn: a line a user, `user item item ...`")->check(CLI::IsMember({"events", "lightgcn"}))->capture_default_str();
  app.add_option("--items", items, "Items file: its categories tell how varied a list is, its attributes are features of the model hybrid");
  app.add_option("--vectors", vectors, "Item vectors, an .npz file, for the model vectors; format lightgcn: ids are the items' numbers");
  app.add_option("--config", config, "JSON file whose \"events\" part gives the weights of kinds");
  import.add_to(app);
}

void DataFlags::require_valid(bool test_needed) const {
  const auto refuse_beside = [](const char* what, bool given, const char* beside) {
    if (given) throw UsageError(std::string(what) + ": has no meaning beside " + beside);
  };
  if (format == "lightgcn") {
    refuse_beside("--events", !events.empty(), "--format lightgcn");
    refuse_beside("--split", !split.empty(), "--format lightgcn");
    refuse_beside("--items", !items.empty(), "--format lightgcn");
    refuse_beside("--config", !config.empty(), "--format lightgcn");
    for (const auto& [option, text] : import.words()) refuse_beside(option.c_str(), true, "--format lightgcn");
    if (train.empty() || (test_needed && test.empty() && !last_out))
      throw UsageError(test_needed ? "--format lightgcn: needs --train FILE and --test FILE, or --train FILE --last-out" : "--format lightgcn: needs --train FILE");
    return;
  }
  refuse_beside("--train", !train.empty(), "--format events");
  refuse_beside("--test", !test.empty(), "--format events");
  refuse_beside("--split", !split.empty() && last_out, "--last-out");
  if (events.empty() || (test_needed && split.empty() && !last_out))
    throw UsageError(test_needed ? "--format events: needs --events FILE with --split TIME or --last-out" : "--format events: needs --events FILE");
}

EvaluationData DataFlags::load(const FitControl& control) const {
  EvaluationData data;
  if (format == "lightgcn") {
    data.split = data::read_lightgcn(train, test, last_out);
    read_vectors(data);
    return data;
  }
  const auto log = read_log(data, control);
  cut(log, data, control);
  read_vectors(data);
  return data;
}

EvaluationData DataFlags::load_strong(double share, double fold_in, std::uint64_t seed, const FitControl& control) const {
  EvaluationData data;
  serve::HoldOut& holdout = data;
  if (format == "lightgcn") {
    holdout = serve::hold_out_people(data::read_lightgcn_matrix(train), share, seed, fold_in);
  } else {
    const auto log = read_log(data, control);
    const auto times = log.times_us();
    const auto matrix = data::build_interactions(log, data.weighting, times.empty() ? 0 : *std::max_element(times.begin(), times.end()), control);
    const auto weighting = data.weighting;
    holdout = serve::hold_out_people(matrix, share, seed, fold_in);
    data.weighting = weighting;
    read_items(data);
    data.categories = categories_of(log, data.catalog.get());
    for (std::uint32_t item = 0; item < log.item_count(); ++item) data.item_ids.emplace_back(log.item_id(ItemIndex{item}));
  }
  read_vectors(data);
  return data;
}

void DataFlags::read_vectors(serve::HoldOut& data) const {
  if (!vectors.empty()) data.vectors = std::make_shared<const data::ItemVectors>(data::read_item_vectors(vectors, import.options().fold_item_case));
}

data::EventLog DataFlags::read_log(EvaluationData& data, const FitControl& control) const {
  const auto options = import.options();
  data.weighting = read_config(config).events;
  data::EventLog log;
  data.read = data::read_event_files(
      std::vector<std::filesystem::path>(events.begin(), events.end()), options,
      [&](std::span<const data::ImportedEvent> batch) {
        for (const auto& imported : batch) log.append(imported.event);
      },
      control);
  return log;
}

void DataFlags::cut(const data::EventLog& log, EvaluationData& data, const FitControl& control) const {
  if (last_out) {
    data.set(data::split_last_out(log, data.weighting), control);
  } else {
    const auto cut_us = split_time(log);
    data.set(data::split_by_time(log, data.weighting, cut_us), control);
    std::int64_t until = std::numeric_limits<std::int64_t>::min();
    for (const auto time : log.times_us())
      if (time < cut_us) until = std::max(until, time);
    if (until != std::numeric_limits<std::int64_t>::min()) data.trained_until = format_time(until);
    data.tested_from = format_time(cut_us);
  }
  read_items(data);
  const auto all = categories_of(log, data.catalog.get());
  for (const auto item : data.split.items) {
    data.item_ids.emplace_back(log.item_id(ItemIndex{item}));
    if (!all.empty()) data.categories.push_back(all[item]);
  }
}

std::int64_t DataFlags::split_time(const data::EventLog& log) const {
  const auto cut_us = parse_time_option("--split", split);
  require_inside(log, cut_us);
  return cut_us;
}

void DataFlags::read_items(serve::HoldOut& data) const {
  if (items.empty()) return;
  const auto options = import.options();
  data.catalog = std::make_shared<const data::Catalog>(data::read_catalog(items, options.on_error, nullptr, options.fold_item_case));
}

std::vector<std::string> DataFlags::categories_of(const data::EventLog& log, const data::Catalog* catalog) {
  std::vector<std::string> out;
  if (catalog == nullptr) return out;
  for (std::uint32_t i = 0; i < log.item_count(); ++i) {
    const auto* known = catalog->find(item_key(log.item_id(ItemIndex{i})));
    out.push_back(known == nullptr ? "" : known->category);
  }
  return out;
}

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

std::vector<serve::ModelRequest> requested_models(const std::string& model, const std::vector<std::string>& members, const std::vector<std::string>& settings) {
  const auto usage = [](const std::string& option, const Error& error) {
    return UsageError(option + ": " + (error.where().empty() ? "" : error.where() + ' ') + error.problem() + (error.allowed().empty() ? "" : "; expected " + error.allowed()));
  };
  const auto require_model = [&](const char* option, const std::string& name) {
    try {
      static_cast<void>(serve::model_settings(name));
    } catch (const Error& error) {
      throw UsageError(std::string(option) + ": " + error.problem() + "; expected " + error.allowed());
    }
  };
  require_model("--model", model);
  if (!members.empty() && model != "blend") throw UsageError("--members: has no meaning beside --model " + model + "; expected --model blend");
  std::vector<serve::ModelRequest> out;
  std::vector<std::vector<std::string>> given(members.size() + 1);
  std::string names;
  for (const auto& member : members) {
    require_model("--members", member);
    if (member == "blend") throw UsageError("--members: name a blend; expected models that are none");
    if (std::count(members.begin(), members.end(), member) > 1) throw UsageError("--members: name " + member + " twice; expected each once");
    (names += names.empty() ? "" : ",") += member;
    out.push_back({member, {}});
  }
  out.push_back({model, {}});
  for (const auto& setting : settings) {
    const auto dot = setting.substr(0, setting.find('=')).find('.');
    if (dot == std::string::npos) {
      given.back().push_back(setting);
      continue;
    }
    const auto member = setting.substr(0, dot);
    const auto found = std::find(members.begin(), members.end(), member);
    if (found == members.end())
      throw UsageError("--set: '" + setting + "' is of " + member + ", which is no member; expected " + (members.empty() ? "a key without a dot, or --members" : "one of " + names));
    given[static_cast<std::size_t>(found - members.begin())].push_back(setting.substr(dot + 1));
  }
  if (!members.empty()) {
    const auto is_members = [](const std::string& setting) { return setting.starts_with("members="); };
    if (std::any_of(given.back().begin(), given.back().end(), is_members)) throw UsageError("--set: members stand beside --members; expected one of them");
    given.back().push_back("members=" + names);
  }
  for (std::size_t n = 0; n < out.size(); ++n) {
    try {
      std::vector<std::string> texts;
      for (const auto& setting : serve::model_settings(out[n].name))
        if (setting.type == "text") texts.push_back(setting.name);
      out[n].config_json = settings_to_json(given[n], texts);
      static_cast<void>(serve::complete_settings(out[n].name, out[n].config_json, ""));
    } catch (const Error& error) {
      throw usage(n + 1 < out.size() ? "--set " + out[n].name : std::string("--set"), error);
    }
  }
  return out;
}

std::vector<std::string> model_options(std::span<const serve::ModelRequest> models) {
  std::vector<std::string> out{"--model", models.back().name};
  std::string members;
  for (const auto& model : models.first(models.size() - 1)) (members += members.empty() ? "" : ",") += model.name;
  if (!members.empty()) out.insert(out.end(), {"--members", members});
  for (const auto& model : models) {
    const bool last = &model == &models.back();
    const auto settings = Json::parse(model.config_json);
    for (const auto& [key, value] : settings.items()) {
      if (last && key == "members" && !members.empty()) continue;
      out.insert(out.end(), {"--set", (last ? "" : model.name + ".") + key + "=" + (value.is_string() ? value.get<std::string>() : value.dump())});
    }
  }
  return out;
}

}  // namespace pannier::cli
