/// Making a blend of its parts.
#pragma once

#include <memory>
#include <vector>

#include "pannier/cf/blend.hpp"

namespace pannier::cf {

/// Weights in the order of the members. With `inside` write() writes the members too.
[[nodiscard]] std::shared_ptr<const BlendModel> make_blend(const BlendConfig& config, std::uint32_t items, std::vector<BlendMember> members,
                                                           std::vector<float> own_weights, std::vector<float> new_weights, bool inside);

}  // namespace pannier::cf
