/// Reading a training and a test part, and measuring one model on it: under `evaluate`, `tune` and the demo.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "command.hpp"
#include "pannier/data/catalog.hpp"
#include "pannier/data/event_file.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/orders.hpp"
#include "pannier/data/split.hpp"
#include "pannier/data/weighting.hpp"
#include "pannier/evaluate/protocol.hpp"
#include "pannier/serve/registry.hpp"
#include "pannier/serve/holdout.hpp"

namespace pannier::cli {

/// The two parts, how to call rows and columns, and what was read.
struct EvaluationData : serve::HoldOut {
  data::ImportSummary read;              ///< What became of the files' lines.
  std::string trained_until, tested_from;   ///< Of a split in time.

  /// Takes the split, and from its log and `weighting` the orders.
  void set(data::Split parts, const FitControl& control);
};

/// The options that name the parts.
struct DataFlags {
  std::string train, test, split, items, vectors, format = "events", config;
  std::vector<std::string> events;
  bool last_out = false;
  ImportFlags import;

  void add_to(CLI::App& app);
  /// Refuses what does not go together. Without `test_needed` a training part is enough. Errors: UsageError.
  void require_valid(bool test_needed) const;
  /// The vectors file and the items file into `data`, where they are named.
  void read_vectors(serve::HoldOut& data) const;
  void read_items(serve::HoldOut& data) const;
  /// Both parts. Errors: UsageError; those of reading.
  [[nodiscard]] EvaluationData load(const FitControl& control) const;
  /// People held out in whole (serve::hold_out_people()) of one part: the training file, or the matrix of the log. Errors: as load().
  [[nodiscard]] EvaluationData load_strong(double share, double fold_in, std::uint64_t seed, const FitControl& control) const;
  /// The log of the files; what became of their lines in data.read. Format events.
  [[nodiscard]] data::EventLog read_log(EvaluationData& data, const FitControl& control) const;
  /// Both parts of a log. Format events, with a split or last_out.
  void cut(const data::EventLog& log, EvaluationData& data, const FitControl& control) const;
  /// The time of --split. Errors: UsageError; invalid_argument (a time outside of the log).
  [[nodiscard]] std::int64_t split_time(const data::EventLog& log) const;
  /// Category paths of the items of a log, "" where unknown; none without a catalogue.
  [[nodiscard]] static std::vector<std::string> categories_of(const data::EventLog& log, const data::Catalog* catalog);
};

struct Evaluation {
  serve::FittedModel fitted;
  evaluate::Quality quality;
  double fit_seconds = 0;
};

/// Fits the named model on the training part; `quality` stays empty. `siblings` were fitted on it before, for models that are made of others.
[[nodiscard]] Evaluation fit_split(const std::string& name, const std::string& config_json, const EvaluationData& data,
                                   std::span<const serve::Sibling> siblings, const FitControl& control);

/// Measures a model fitted on the training part; `each` sees the lists (evaluate::EachList).
[[nodiscard]] evaluate::Quality rank_split(const model::Recommender& model, const EvaluationData& data, evaluate::ProtocolConfig protocol,
                                           const FitControl& control, const evaluate::EachList& each = {});

/// Both, for the last of `models`, each of which is fitted beside those before it.
[[nodiscard]] Evaluation evaluate_models(std::span<const serve::ModelRequest> models, const EvaluationData& data, const evaluate::ProtocolConfig& protocol,
                                         const FitControl& control, const evaluate::EachList& each = {});

/// Cut-offs as "20,50". Errors: UsageError.
[[nodiscard]] std::vector<std::uint32_t> parse_cutoffs(const std::string& text);

/// The models of `--model`, `--members` and `--set`, the one to be measured last. A wrong name or value is a UsageError.
[[nodiscard]] std::vector<serve::ModelRequest> requested_models(const std::string& model, const std::vector<std::string>& members, const std::vector<std::string>& settings);

/// The options that give these models again: "--model", "blend", "--members", ...
[[nodiscard]] std::vector<std::string> model_options(std::span<const serve::ModelRequest> models);

}  // namespace pannier::cli
