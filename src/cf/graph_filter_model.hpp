/// The fitted model of cf/graph_filter over arrays that it owns or borrows.
#pragma once

#include <memory>

#include "cf/item_knn_model.hpp"
#include "pannier/cf/graph_filter.hpp"

namespace pannier::cf {

/// `in` and `out` have as many rows as there are items and config.rank columns at most (fewer where the matrix has no more), and stride cols.
struct GraphFilterArrays {
  ItemKnnArrays rows;
  MatrixView in, out;
};

/// `keeper` holds the arrays alive. They may come from a damaged file.
[[nodiscard]] std::shared_ptr<const GraphFilterModel> make_graph_filter(const GraphFilterConfig& config, const GraphFilterArrays& arrays, std::shared_ptr<const void> keeper);

}  // namespace pannier::cf
