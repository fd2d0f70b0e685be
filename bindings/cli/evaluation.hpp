/// Reading a training and a test part, and measuring one model on it: under `evaluate` and the demo.
#pragma once

#include <string>
#include <vector>

#include "command.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/split.hpp"
#include "pannier/data/weighting.hpp"
#include "pannier/evaluate/protocol.hpp"
#include "pannier/serve/registry.hpp"

namespace pannier::cli {

/// The two parts, and how to call rows and columns.
struct EvaluationData {
  data::Split split;
  data::WeightingConfig weighting;
  std::vector<std::string> item_ids;     ///< Of the columns. Empty: the numbers themselves.
  std::vector<std::string> categories;   ///< Of the columns, "" where unknown. Empty: none is known.
  std::map<std::string, data::ImportSummary::Cause> dropped;
  std::string trained_until, tested_from;   ///< Of a split in time.
};

/// Events of all files in one log. Errors: as read_events.
[[nodiscard]] data::EventLog read_log(const std::vector<std::string>& files, const data::ImportOptions& import,
                                      const FitControl& control, std::map<std::string, data::ImportSummary::Cause>& dropped);

struct Evaluation {
  std::string model;
  serve::FittedModel fitted;
  evaluate::Quality quality;
  double fit_seconds = 0;
};

/// Fits the named model on the training part; `quality` stays empty.
[[nodiscard]] Evaluation fit_split(const std::string& name, const std::string& config_json, const EvaluationData& data, const FitControl& control);

/// Measures a model fitted on the training part; `each` sees the lists (evaluate::EachList).
[[nodiscard]] evaluate::Quality rank_split(const model::Recommender& model, const EvaluationData& data, evaluate::ProtocolConfig protocol,
                                           const FitControl& control, const evaluate::EachList& each = {});

/// Both.
[[nodiscard]] Evaluation evaluate_model(const std::string& name, const std::string& config_json, const EvaluationData& data,
                                        const evaluate::ProtocolConfig& protocol, const FitControl& control, const evaluate::EachList& each = {});

}  // namespace pannier::cli
