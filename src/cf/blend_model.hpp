/// Making a blend of its parts.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "pannier/cf/blend.hpp"

namespace pannier::cf {

/// What a member's scores of one person are divided by: for the items of the history, for the others. 0: it says nothing of them.
struct Levels {
  float own = 0, fresh = 0;
};

/// `fresh` are the scores of all items, 0 for those of the history, whose scores are `own`.
[[nodiscard]] Levels levels_of(std::span<const float> own, std::span<const float> fresh, BlendScale scale) noexcept;

/// Weights in the order of the members. With `inside` write() writes the members too.
[[nodiscard]] std::shared_ptr<const BlendModel> make_blend(const BlendConfig& config, std::uint32_t items, std::vector<BlendMember> members,
                                                           std::vector<float> own_weights, std::vector<float> new_weights, bool inside);

}  // namespace pannier::cf
