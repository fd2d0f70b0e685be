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

/// `keeper` holds the arrays alive. They may come from a damaged file: they are checked entry by entry where they are used.
[[nodiscard]] std::shared_ptr<const ItemKnnModel> make_item_knn(const ItemKnnConfig& config, const ItemKnnArrays& arrays,
                                                                std::shared_ptr<const void> keeper);

}  // namespace pannier::cf
