/// The check of write()'s order.
#pragma once

#include <cstdint>
#include <string>

#include "pannier/core/error.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::model {

/// Refuses an order of another length than the catalogue, and one that names an item that is none. Errors: invalid_argument.
inline void require_valid_order(const ItemOrder& order, std::uint32_t item_count) {
  for (const auto& side : {order.old_index, order.new_index}) {
    if (side.size() != item_count)
      throw Error(ErrorCode::invalid_argument, "order", "has " + std::to_string(side.size()) + " items", std::to_string(item_count));
    for (const auto item : side) require_valid_item(item, item_count);
  }
}

}  // namespace pannier::model
