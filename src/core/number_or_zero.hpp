/// A score that is never NaN, whatever a damaged file holds.
#pragma once

#include <cmath>

namespace pannier {

inline float number_or_zero(float score) noexcept { return std::isnan(score) ? 0.0f : score; }

}  // namespace pannier
