/// Every model by name: fitting, opening, saving. The one place that knows the concrete models.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/data/catalog.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/features.hpp"
#include "pannier/data/item_vectors.hpp"
#include "pannier/data/weighting.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"
#include "pannier/store/generation.hpp"

namespace pannier::serve {

/// A fitted model and, where it has them, its users' own rows (for evaluation and Python's user_factors_; never published).
struct FittedModel {
  std::shared_ptr<const model::Recommender> model;
  Matrix user_factors;
  FitReport report;
};

/// One entry of a train config's "models".
struct ModelRequest {
  std::string name;          ///< A name of model_names().
  std::string config_json;   ///< Its settings.
};

/// A model that stands beside the one to be fitted.
struct Sibling {
  std::string_view name, config_json;
  std::shared_ptr<const model::Recommender> model;
};

/// All that a model may be fitted on. Borrowed for the call.
/// popular, item_knn, graph_filter, ease and slim read `events` with `orders` below them, where an order counts like a person; together, trending, seasonal and buy_again read the log. ials, hybrid and bpr read `events` alone,
/// and `orders` in their place where no event has a weight: a log without people still gives every model something.
struct FitData {
  CsrView events;                          ///< People x items, the weights of the events.
  CsrView orders{};                        ///< Orders without a person x items, weighed alike: for co-occurrence and popularity. Empty: none.
  const data::EventLog* log = nullptr;     ///< The events themselves; its items are the columns. Null: only the matrix is known.
  data::WeightingConfig weighting{};       ///< By which `events` came from `log`.
  std::int64_t now_us = 0;                 ///< The time that ages count to.
  std::span<const std::string_view> categories{};   ///< Category path of each column, "" where unknown. Empty: none is known.
  // What hybrid learns its features from, or those of the rows and columns of `events` themselves with their names, which may be none.
  const data::Catalog* catalog = nullptr;       ///< By the ids of the columns; null: nothing is known of items.
  std::function<void(const UserKey& user, std::vector<data::Attribute>& out)> user_attributes{};   ///< By the keys of the log's people. Empty: nothing is known.
  CsrView item_features{}, user_features{};     ///< Without columns: none.
  data::FeatureSpace item_space{}, user_space{};
  const data::ItemVectors* vectors = nullptr;   ///< What the model vectors serves; null: none was given.
  std::span<const std::string_view> item_ids{}; ///< Of the columns, where there is no log and vectors are to be found by them. Empty: their numbers are their ids.
  std::span<const Sibling> siblings{};     ///< Models fitted before, on the same data: the members that a blend may have. Empty: it fits its own.
};

/// The names fit_model() knows, in the order of the documentation.
[[nodiscard]] std::span<const std::string_view> model_names() noexcept;

/// One setting of a model, for help texts, bindings and documentation.
struct Setting {
  std::string name;
  std::string type;            ///< "boolean", "integer", "number", "text" or "choice".
  std::string default_value;   ///< As in JSON: "64", "0.1", "false", "\"auto\"".
  std::string range;           ///< "1 to 4096", or the choices "auto, exact"; "" where anything goes.
  std::string help;
};
/// Errors: invalid_argument (an unknown model, with a near name proposed).
[[nodiscard]] std::vector<Setting> model_settings(std::string_view name);

/// Every setting of the named model as a JSON object in the order of model_settings(): those that `config_json` ("" for none) names,
/// the others by default. Errors: malformed_input, invalid_argument (unknown model or setting, wrong type, out of range); `where` begins the message.
[[nodiscard]] std::string complete_settings(std::string_view name, std::string_view config_json, std::string_view where);

/// Fits the named model with settings as a JSON object ("" for defaults). Errors: as complete_settings() and the model's own.
/// A model that reads the log refuses where there is none (invalid_argument).
[[nodiscard]] FittedModel fit_model(std::string_view name, std::string_view config_json, const FitData& data, const FitControl& control = {});
[[nodiscard]] FittedModel fit_model(std::string_view name, std::string_view config_json, const CsrView& events, const FitControl& control = {});

/// Fits `models` in order, each beside those before it, and gives the last. data.siblings are not looked at. Errors: as fit_model(); invalid_argument (none).
[[nodiscard]] FittedModel fit_in_order(std::span<const ModelRequest> models, const FitData& data, const FitControl& control = {});

/// Opens a written model of `kind`. Errors: unsupported (a kind this build does not know), malformed_input (also a blend whose members are not inside).
[[nodiscard]] std::shared_ptr<const model::Recommender> read_model(std::string_view kind, const model::SectionReader& reader, std::uint32_t item_count);

/// The model as a generation holds it, where what it is made of stands beside it: a blend keeps its members' names and weights alone.
[[nodiscard]] std::shared_ptr<const model::Recommender> beside_siblings(std::shared_ptr<const model::Recommender> model);

/// The models of a generation, in the order of Generation::models(); a blend's members are those of its names. Each keeps the generation's memory alive.
/// Errors: as read_model(), naming the generation and the model.
[[nodiscard]] std::vector<std::shared_ptr<const model::Recommender>> open_models(const store::Generation& generation);

/// One model as a file of its own (items stay in fitted order), and back. The manifest is
/// {"format": "pannier model", "kind", "items", "config"}; each array of the model is the section "model/<name>".
/// Bytes are the caller's and stay as they are while the model lives.
/// Errors: io_failure; not_found, malformed_input (also a generation's file), unsupported.
void save_model(const model::Recommender& model, const std::filesystem::path& file);
[[nodiscard]] std::shared_ptr<const model::Recommender> load_model(const std::filesystem::path& file);
[[nodiscard]] std::shared_ptr<const model::Recommender> load_model(std::span<const std::byte> bytes);

}  // namespace pannier::serve
