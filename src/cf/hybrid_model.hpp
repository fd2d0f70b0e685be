/// The fitted model behind HybridModel, for the fit that makes it.
#pragma once

#include <memory>

#include "cf/ials_model.hpp"
#include "pannier/cf/hybrid.hpp"

namespace pannier::cf {

/// The arrays of a fitted model, owned.
struct HybridStorage {
  IalsStorage vectors;
  FeatureMap items, fold_in_items, users;
  data::FeatureSpace item_space, user_space;
};

[[nodiscard]] std::shared_ptr<const HybridModel> make_hybrid_model(const HybridConfig& config, std::shared_ptr<HybridStorage> storage);

/// What ials reads of the settings.
[[nodiscard]] IalsConfig ials_config(const HybridConfig& config) noexcept;

}  // namespace pannier::cf
