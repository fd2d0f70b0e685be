/// From files and the store's own events to a published generation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "pannier/core/fit.hpp"
#include "pannier/data/event_file.hpp"
#include "pannier/data/import_map.hpp"
#include "pannier/data/weighting.hpp"
#include "pannier/store/store.hpp"

namespace pannier::serve {

/// One entry of "models".
struct ModelRequest {
  std::string name;          ///< A name of model_names().
  std::string config_json;   ///< Its settings.
};

/// The train config: {"events": {...}, "models": [{"name", ..fields}], "serving": {}}.
struct TrainConfig {
  data::WeightingConfig events;
  std::vector<ModelRequest> models;   ///< Default: popular, item_knn, ials.
  std::string serving_json = "{}";   ///< Reserved: kept in the manifest for the engine.
};
/// "" gives the defaults. Unknown keys are refused by name. Errors: malformed_input, invalid_argument (also every model's settings).
[[nodiscard]] TrainConfig train_config_from_json(std::string_view json, std::string_view where);
[[nodiscard]] std::string to_json(const TrainConfig& config);

struct TrainInputs {
  std::vector<std::filesystem::path> events;   ///< Ingested first, idempotently; empty: train on what the store holds.
  std::filesystem::path items;                 ///< Items file, or empty.
  data::ImportOptions import;
};

struct TrainedModel {
  std::string name;
  double seconds = 0;
  std::map<std::string, double> metrics;   ///< Offline quality on the last events of people (last-out), beside popular's.
};

struct TrainReport {
  std::string generation;
  std::uint64_t read = 0, ingested = 0, duplicates = 0;
  std::map<std::string, data::ImportSummary::Cause> dropped;
  std::uint64_t users = 0, items = 0;
  std::vector<TrainedModel> models;
  double seconds = 0;
  double peak_rss_mb = 0;
};

/// Ingests the files in one transaction, fits every model on all events of the store, orders items by the norm of the first vector
/// model, publishes one generation. Bad input or a stop at any point publishes nothing and leaves the people store as it was.
/// Errors: those of its parts; invalid_argument when there is no event of positive weight by a known person; read_only.
[[nodiscard]] TrainReport train(store::Store& store, const TrainInputs& inputs, const TrainConfig& config, const FitControl& control = {});

}  // namespace pannier::serve
