/// From files and the store's own events to a published generation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "pannier/core/fit.hpp"
#include "pannier/data/event_file.hpp"
#include "pannier/data/import_map.hpp"
#include "pannier/data/orders.hpp"
#include "pannier/data/weighting.hpp"
#include "pannier/serve/registry.hpp"
#include "pannier/store/store.hpp"

namespace pannier::data {
class EventLog;
}

namespace pannier::serve {

struct TrainReport;

/// The train config: {"events": {...}, "models": [{"name", ..fields}], "serving": {"personal", "similar"}}. docs/interface.md has every field.
struct TrainConfig {
  data::WeightingConfig events;
  /// Each name once.
  std::vector<ModelRequest> models{{"popular", ""}, {"item_knn", ""}, {"ials", ""}, {"together", ""}, {"trending", ""}, {"seasonal", ""}, {"buy_again", ""}, {"blend", ""}};
  std::string serving_json = "{}";   ///< {"personal": name, "similar": name}: which model answers a step; kept in the manifest for the engine.
};
/// "" gives the defaults. Unknown keys are refused by name. Errors: malformed_input, invalid_argument (also every model's settings).
[[nodiscard]] TrainConfig train_config_from_json(std::string_view json, std::string_view where);
/// As train_config_from_json() reads it; each model with all its settings. Errors: as train_config_from_json().
[[nodiscard]] std::string to_json(const TrainConfig& config);

struct TrainInputs {
  std::vector<std::filesystem::path> events{}; ///< Ingested first, idempotently; empty: train on what the store holds.
  /// Items file, or empty. Given: it is the catalogue. Empty: items keep the attributes of the current generation, and where
  /// they had no more than a name, a name seen in an event wins. Live changes (Engine::upsert_items) are taken over, of which a file's fields win. Every item of the catalogue and of the events becomes an item.
  std::filesystem::path items{};
  std::vector<std::filesystem::path> users{};  ///< Users files (data::read_profiles), taken in after the events and in one transaction with them; they change no model.
  /// `drop_items` also holds for what the store has already: their events are not trained on, and they are no items of the generation, whoever
  /// names them. The events stay in the store.
  data::ImportOptions import{};
  /// Vectors file (data::read_item_vectors), or empty. It is for the model vectors, which is fitted by its defaults, before a blend, where the config does not name it.
  /// An id of the file that neither an event nor the catalogue names is left out; an item of the catalogue without events is recommended by its vector.
  std::filesystem::path vectors{};
  bool evaluate = false;                       ///< Also measures offline quality: a second fit without each person's last event.
  /// Sees the log that was fitted on and the finished report once the generation is published, outside of its seconds. What it throws comes
  /// through; the generation stands.
  std::function<void(const data::EventLog& log, const TrainReport& report)> inspect{};
};

struct TrainedModel {
  std::string name;
  double seconds = 0;
  std::map<std::string, double> metrics;   ///< With TrainInputs::evaluate: keys as evaluate::evaluate() gives at 20; empty when nobody has an item to hold out.
};

/// What the users files said.
struct PeopleRead {
  std::uint64_t read = 0, kept = 0;        ///< Lines, those that are in the store now.
  std::uint64_t changed = 0;               ///< Of them, those that said what the store did not hold.
  std::uint64_t with_events = 0;           ///< Of the kept, those of people who have events.
  std::map<std::string, data::ImportSummary::Cause> dropped;   ///< As ImportSummary has them, summed over the files.
  std::vector<std::string> proposals;
};

/// What became of the vectors file.
struct VectorsRead {
  std::uint64_t read = 0, dimensions = 0;   ///< Items of the file, numbers of each. 0 without a file.
  bool bias = false;
  std::uint64_t unknown_items = 0;          ///< Of them, those that neither an event nor the catalogue names: left out.
  std::uint64_t without_events = 0;         ///< Of the others, those that have no event.
  std::uint64_t items_without_vector = 0;   ///< Items of events that the file does not have.
};

struct TrainReport {
  std::string generation;
  std::uint64_t read = 0, ingested = 0, duplicates = 0;
  std::map<std::string, data::ImportSummary::Cause> dropped, noted;   ///< As ImportSummary has them, summed over the files.
  std::vector<std::string> proposals;      ///< Each once.
  std::vector<data::NoProduct> no_products;   ///< As ImportSummary has them.
  std::map<std::string, data::ImportSummary::Cause> items_dropped;   ///< Lines of the items file, as `dropped` of the event files.
  /// Of the items file, those without an event; of the items of events, those that the file does not have. 0 without a file.
  std::uint64_t items_without_events = 0, items_not_in_file = 0;
  std::uint64_t events_left_out = 0;       ///< Events of the store about items that import.drop_items names.
  PeopleRead people;
  VectorsRead vectors;
  std::uint64_t users = 0, items = 0;      ///< People with events, items of the generation.
  std::uint64_t orders_without_person = 0; ///< That are trained on: some of their weight is left.
  data::RefundMatches cancellations;       ///< What became of the refund lines of orders without a person.
  data::RefundMatches cancellations_of_people;   ///< And of those of known people.
  std::vector<TrainedModel> models;
  double seconds = 0;
  double peak_rss_mb = 0;                  ///< As peak_rss_mb().
};

/// Ingests the files of events and users in one transaction, fits every model on all events of the store, orders items by the norm of the first vector
/// model, publishes one generation.
///
/// Any failure publishes nothing, and takes back a store that was made for it (Store::Attempt). Bad input, in whichever file, and a stop while reading leave the people store as it was. Once
/// every file has been read to its end the events are committed and stay, also when the fit is stopped later: a second run
/// counts them as duplicates. No lock is held while fitting; events recorded meanwhile are for the next run.
/// Progress: stages "reading events", "reading users", "ingesting", "building the matrix", "fitting NAME", "evaluating NAME", "publishing".
/// Errors: those of its parts; invalid_argument when a file that the store took in before (told by its bytes) is read by other options and would give
/// other events beside those it gave; invalid_argument when there is no event of positive weight that a person or an order holds (a log without people is trained on its orders), when the config names vectors and no file of them is given; read_only.
TrainReport train(store::Store& store, const TrainInputs& inputs, const TrainConfig& config, const FitControl& control = {});

/// The answer of the command `train --json`: {"generation", "events": {"read", "ingested", "duplicates", "dropped": {cause: n}, "noted": {fact: n}, "proposals": [text],
/// "no_products": [{"item", "name", "lines", "example", "why"}]}, "users", "items", "items_dropped": {cause: n}, "items_without_events", "items_not_in_file", "events_left_out", "people": {"read", "kept", "changed", "with_events", "dropped": {cause: n}, "proposals": [text]}, "vectors": {"read", "dimensions", "bias", "unknown_items", "without_events", "items_without_vector"}, "orders_without_person": {"trained", "cancellations": {"whole", "in_part", "unmatched"}}, "cancellations": {"whole", "in_part", "unmatched"}, "models": [{"name", "seconds", "metrics"}], "seconds", "peak_rss_mb"}.
[[nodiscard]] std::string to_json(const TrainReport& report);

/// The most memory this process has held so far, in units of 1,000,000 bytes; 0 where the system does not tell.
[[nodiscard]] double peak_rss_mb() noexcept;

}  // namespace pannier::serve
