#include <algorithm>
#include <iostream>
#include <map>
#include <sstream>

#include "evaluation.hpp"
#include "pannier/serve/train.hpp"

namespace pannier::cli {
namespace {

struct Options {
  std::string model, members, protocol = "weak", seen = "exclude", at = "20", output;
  double holdout_users = 0.1, fold_in = 0.8;
  std::uint64_t seed = 42;
  std::vector<std::string> settings;
  DataFlags data;
};

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
  const auto models = requested_models(options.model, split_list(options.members), options.settings);
  const bool strong = options.protocol == "strong";
  options.data.require_valid(!strong);
  for (const auto* option : {"--holdout-users", "--fold-in", "--seed"})
    if (!strong && command.app->get_option(option)->count() != 0) throw UsageError(std::string(option) + ": has no meaning beside --protocol weak");
  if (strong && (!options.data.test.empty() || !options.data.split.empty() || options.data.last_out))
    throw UsageError("--protocol strong: holds people out by itself; expected no --test, --split or --last-out");
  if (strong && options.seen == "keep") throw UsageError("--protocol strong: asks for the items that a person's history does not have; expected no --seen keep");
  const auto control = command.control();
  const auto data = strong ? options.data.load_strong(options.holdout_users, options.fold_in, options.seed, control) : options.data.load(control);
  const auto trained = data.fitted.rows != 0 ? data.fitted.columns.size() : data.split.train.columns.size();
  RankLines lines(data);
  evaluate::EachList each;
  if (!options.output.empty())
    each = [&](std::size_t row, std::span<const Scored> ranked, std::span<const std::uint32_t> held_out) { lines.add(row, ranked, held_out); };
  const auto evaluation = evaluate_models(models, data, protocol, control, each);
  const auto& quality = evaluation.quality;
  if (!options.output.empty()) write_text(options.output, lines.text());

  const auto config = Json::parse(evaluation.fitted.model->config_json());
  if (command.json) {
    Json intervals = Json::object();
    for (const auto& [name, bounds] : quality.interval) intervals[name] = {bounds.first, bounds.second};
    Json object = {{"model", options.model},
                   {"users", data.split.train.rows},
                   {"items", data.split.train.cols},
                   {"interactions", trained},
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
                   {"seen", options.seen},
                   {"protocol", options.protocol}};
    if (strong) object["holdout_users"] = options.holdout_users, object["fold_in"] = options.fold_in, object["holdout_seed"] = options.seed;
    if (models.size() > 1) {
      Json members = Json::object();
      for (const auto& member : models)
        if (&member != &models.back()) members[member.name] = Json::parse(serve::complete_settings(member.name, member.config_json, "config"));
      object["member_config"] = members;
    }
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
            << grouped(trained) << " training pairs; " << grouped(quality.people) << " people tested on "
            << grouped(quality.held_out) << " held-out pairs, every item ranked, seen items "
            << (protocol.exclude_seen ? "left out" : "kept") << '\n';
  if (strong) std::cout << "  they are new to the model: " << number(100 * options.fold_in, 0) << " % of their items are folded in, the others are to be found\n";
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
  command.app->add_option("--members", options->members, "Members of the blend, as ials,item_knn; their settings as --set ials.factors=128");
  options->data.add_to(*command.app);
  command.app->add_option("--protocol", options->protocol, "weak: people of the test are in the training part too; strong: people are held out in whole, of one part without a test")
      ->check(CLI::IsMember({"weak", "strong"}))
      ->capture_default_str();
  command.app->add_option("--holdout-users", options->holdout_users, "strong: share of the people who are held out")->check(CLI::Range(0.01, 0.5))->capture_default_str();
  command.app->add_option("--fold-in", options->fold_in, "strong: share of their items that is known of them")->check(CLI::Range(0.1, 0.95))->capture_default_str();
  command.app->add_option("--seed", options->seed, "strong: which people and items")->capture_default_str();
  command.app->add_option("--seen", options->seen, "Whether trained items may be recommended and count when held out")
      ->check(CLI::IsMember({"exclude", "keep"}))
      ->capture_default_str();
  command.app->add_option("--set", options->settings, "A setting of the model, key=value, or of a member, member.key=value; again for more");
  command.app->add_option("--at", options->at, "Cut-offs, as 20,50,100")->capture_default_str();
  command.app->add_option("-o,--output", options->output, "CSV file of the rankings: row, rank, item, score, held_out");
  std::string footer = "Settings:\n";
  for (const auto name : serve::model_names())
    for (const auto& setting : serve::model_settings(name))
      footer += "  " + std::string(name) + ' ' + setting.name + '=' + setting.default_value + "  " + setting.range + "  " + setting.help + '\n';
  command.app->footer(footer);
  command.run = [&command, options] { run(command, *options); };
}

}  // namespace pannier::cli
