/// The fitted model of cf/ease over arrays that it owns or borrows.
#pragma once

#include <memory>

#include "cf/item_knn_model.hpp"
#include "pannier/cf/ease.hpp"

namespace pannier::cf {

/// Either all weights (config.neighbours is 0), items x items, or the rows of those that were kept.
struct EaseArrays {
  MatrixView weights;
  ItemKnnArrays rows;
};

/// `keeper` holds the arrays alive. They may come from a damaged file.
[[nodiscard]] std::shared_ptr<const EaseModel> make_ease(const EaseConfig& config, const EaseArrays& arrays, std::shared_ptr<const void> keeper);

}  // namespace pannier::cf
