/// The fitted model of cf/item_knn over arrays that it owns or borrows.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "pannier/cf/item_knn.hpp"

namespace pannier::cf {

/// The similarities of a model, borrowed.
struct ItemKnnArrays {
  std::span<const std::int64_t> offsets;
  std::span<const std::uint32_t> columns;
  std::span<const float> values;
};

/// `trusted` arrays were built here; those of a file are checked entry by entry where they are used. `keeper` holds them alive.
[[nodiscard]] std::shared_ptr<const ItemKnnModel> make_item_knn(const ItemKnnConfig& config, const ItemKnnArrays& arrays, bool trusted,
                                                                std::shared_ptr<const void> keeper);

}  // namespace pannier::cf
