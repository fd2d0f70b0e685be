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

/// An item_knn whose sums other models build on.
class SummedItemKnn : public ItemKnnModel {
 public:
  /// The sums of a valid history, item by item, below zero too.
  virtual void sum_all(const model::History& history, std::span<float> out) const = 0;
  /// The entry of row `from`; 0 where there is none.
  [[nodiscard]] virtual float similarity(std::uint32_t from, std::uint32_t to) const noexcept = 0;
};

/// `keeper` holds the arrays alive. They may come from a damaged file: they are checked entry by entry where they are used.
[[nodiscard]] std::shared_ptr<const SummedItemKnn> make_item_knn(const ItemKnnConfig& config, const ItemKnnArrays& arrays,
                                                                std::shared_ptr<const void> keeper);

/// The arrays of a written model. Errors: malformed_input.
[[nodiscard]] ItemKnnArrays read_item_knn_arrays(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::cf
