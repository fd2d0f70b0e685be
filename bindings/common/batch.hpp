/// Batches that the recommender's contract answers one by one: for the C and the Python face.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pannier/core/execution.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::bindings {

/// model.similar() for each of `items`: row r fills columns[r*count ..) and scores[r*count ..), padded with no_item and 0.
/// Errors: as similar(), after some of the output may have been written.
inline void similar_batch(const model::Recommender& model, std::span<const std::uint32_t> items, const model::Ask& ask,
                          const Execution& execution, std::span<ItemIndex> columns, std::span<float> scores) {
  std::vector<model::Workspace> workspaces(static_cast<std::size_t>(resolved_threads(execution)));
  parallel_blocks_with_worker(
      execution, items.size(), 32, [&](std::size_t begin, std::size_t end, std::size_t, int worker) {
        std::vector<Scored> found(std::min(ask.count, model.item_count()));
        for (auto row = begin; row < end; ++row) {
          const auto count = model.similar(ItemIndex{items[row]}, ask, workspaces[static_cast<std::size_t>(worker)], found);
          for (std::size_t i = 0; i < ask.count; ++i) {
            columns[row * ask.count + i] = i < count ? found[i].item : no_item;
            scores[row * ask.count + i] = i < count ? found[i].score : 0.0f;
          }
        }
      });
}

}  // namespace pannier::bindings
