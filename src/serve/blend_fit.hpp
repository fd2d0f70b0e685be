/// Fitting a blend: which members, and a rehearsal of them on a part of the training data.
#pragma once

#include <memory>
#include <string_view>

#include "pannier/cf/blend.hpp"
#include "pannier/serve/registry.hpp"

namespace pannier::serve {

/// Members are data.siblings by name, or, where none are given, fitted here with their default settings. The weights come from the last days of the
/// log, or from a fifth of every row's cells where only a matrix is known; the members are fitted on the rest once more,
/// with at most config.rehearsal_epochs; where the weights are given, nothing is held out.
/// Errors: invalid_argument naming a member that is not there.
[[nodiscard]] cf::BlendFit fit_blend_on(const FitData& data, const cf::BlendConfig& config, const FitControl& control);

}  // namespace pannier::serve
