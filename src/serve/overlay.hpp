/// Live changes of the catalogue over one generation: what the shop said of items after it was trained.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pannier/core/ids.hpp"
#include "pannier/store/people.hpp"

namespace pannier::serve {

/// Immutable: share freely.
struct Overlay {
  struct Item {
    ItemKey key{};
    std::string id, name;                                        ///< An empty name: not changed.
    float price = std::numeric_limits<float>::quiet_NaN();       ///< NaN: not changed.
    float stock = std::numeric_limits<float>::quiet_NaN();       ///< NaN: not changed.
  };
  std::vector<Item> items;       ///< Ascending by key.
  std::int64_t version = 0;      ///< Every change up to this one is in it, or in the generation.
  std::size_t bytes = 0;         ///< As overlay_bytes() counts.

  [[nodiscard]] const Item* find(ItemKey key) const noexcept;
};

/// The memory that an item takes in an overlay.
[[nodiscard]] std::size_t overlay_bytes(const std::string& id, const std::string& name) noexcept;

/// `before` and the changes after it, the later of two counting field by field.
[[nodiscard]] std::shared_ptr<const Overlay> with_changes(const Overlay& before, std::span<const store::ItemChange> changes);

}  // namespace pannier::serve
