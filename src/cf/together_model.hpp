/// The fitted model of cf/together over arrays that it owns or borrows.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "pannier/cf/together.hpp"

namespace pannier::cf {

/// The pairs of a model, borrowed.
struct TogetherArrays {
  std::uint64_t baskets = 0;
  std::span<const std::uint32_t> item_baskets;
  std::span<const std::int64_t> offsets;
  std::span<const std::uint32_t> columns;
  std::span<const std::uint32_t> counts;
  std::span<const float> evidence;
};

/// `keeper` holds the arrays alive. They may come from a damaged file: they are checked entry by entry where they are used.
[[nodiscard]] std::shared_ptr<const TogetherModel> make_together(const TogetherConfig& config, const TogetherArrays& arrays,
                                                                 std::shared_ptr<const void> keeper);

}  // namespace pannier::cf
