/// What the model hybrid is fitted on: features from attributes.
#pragma once

#include "pannier/cf/hybrid.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/serve/registry.hpp"

namespace pannier::serve {

/// Items by FitData::item_features, or else by the catalogue; people by user_features, or else by user_attributes. Errors: as cf::fit_hybrid(); invalid_argument where nothing is known of either.
[[nodiscard]] cf::HybridFit fit_hybrid_on(const FitData& data, const cf::HybridConfig& config, const FitControl& control);

}  // namespace pannier::serve
