/// Reading a training and a test part, and measuring one model on it: under `evaluate` and the demo.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "command.hpp"
#include "pannier/data/event_file.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/orders.hpp"
#include "pannier/data/split.hpp"
#include "pannier/data/weighting.hpp"
#include "pannier/evaluate/protocol.hpp"
#include "pannier/serve/registry.hpp"

namespace pannier::cli {

/// The two parts, and how to call rows and columns.
struct EvaluationData {
  data::Split split;
  data::OrderRows orders;                ///< Of the split's log, orders without a person; empty where there is no log.
  data::WeightingConfig weighting;
  std::vector<std::string> item_ids;     ///< Of the columns. Empty: the numbers themselves.
  std::vector<std::string> categories;   ///< Of the columns, "" where unknown. Empty: none is known.
  data::ImportSummary read;              ///< What became of the files' lines.
  std::string trained_until, tested_from;   ///< Of a split in time.

  /// Takes the split, and from its log and `weighting` the orders.
  void set(data::Split parts, const FitControl& control);
};

struct Evaluation {
  std::string model;
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

/// Both.
[[nodiscard]] Evaluation evaluate_model(const std::string& name, const std::string& config_json, const EvaluationData& data,
                                        const evaluate::ProtocolConfig& protocol, const FitControl& control, const evaluate::EachList& each = {});

}  // namespace pannier::cli
