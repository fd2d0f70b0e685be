/// Every model by name: fitting, opening, saving. The one place that knows the concrete models.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::serve {

/// A fitted model and, where it has them, its users' own rows (for evaluation and Python's user_factors_; never published).
struct FittedModel {
  std::shared_ptr<const model::Recommender> model;
  Matrix user_factors;
  FitReport report;
};

/// The names fit_model() knows, in the order of the documentation.
[[nodiscard]] std::span<const std::string_view> model_names() noexcept;

/// One setting of a model, for help texts, bindings and documentation.
struct Setting {
  std::string name, type, default_value, range, help;
};
/// Errors: invalid_argument (an unknown model, with a near name proposed).
[[nodiscard]] std::vector<Setting> model_settings(std::string_view name);

/// Fits the named model with settings as a JSON object ("" for defaults).
[[nodiscard]] FittedModel fit_model(std::string_view name, std::string_view config_json, const CsrView& events, const FitControl& control = {});

/// Opens a written model of `kind`. Errors: unsupported (a kind this build does not know), malformed_input.
[[nodiscard]] std::shared_ptr<const model::Recommender> read_model(std::string_view kind, const model::SectionReader& reader, std::uint32_t item_count);

/// One model as a file of its own (items stay in fitted order), and back.
void save_model(const model::Recommender& model, const std::filesystem::path& file);
[[nodiscard]] std::shared_ptr<const model::Recommender> load_model(const std::filesystem::path& file);
[[nodiscard]] std::shared_ptr<const model::Recommender> load_model(std::span<const std::byte> bytes);

}  // namespace pannier::serve
