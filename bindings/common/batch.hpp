/// Batches that the recommender's contract answers one by one: for the C and the Python face.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/execution.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/data/features.hpp"
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

/// What is known of a batch's people beside their histories: attributes a row, or rows of the model's features.
struct KnownPeople {
  std::span<const std::vector<data::Attribute>> attributes{};
  CsrView features{};
};

/// model.recommend() for each row of `histories` with what is known of the person; outputs as Recommender::recommend_batch().
/// Errors: invalid_argument (other numbers of rows), as recommend(), after some of the output may have been written.
inline void recommend_known(const model::Recommender& model, const CsrView& histories, const KnownPeople& known, const model::Ask& ask, const Execution& execution,
                            std::span<ItemIndex> items, std::span<float> scores) {
  model::require_valid_batch(histories, ask, model.item_count(), items, scores);
  const std::size_t rows = known.attributes.empty() ? known.features.rows : known.attributes.size();
  if (rows != histories.rows)
    throw Error(ErrorCode::invalid_argument, "user_features", "have " + std::to_string(rows) + " rows", "as many as are asked for, " + std::to_string(histories.rows));
  struct Worker {
    model::Workspace workspace;
    std::vector<ItemIndex> history;
    std::vector<Scored> found;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(resolved_threads(execution)));
  parallel_blocks_with_worker(execution, histories.rows, 32, [&](std::size_t begin, std::size_t end, std::size_t, int number) {
    auto& worker = workers[static_cast<std::size_t>(number)];
    worker.found.resize(std::min(ask.count, model.item_count()));
    for (auto row = begin; row < end; ++row) {
      worker.history.clear();
      for (const auto column : histories.row_columns(row)) worker.history.push_back(ItemIndex{column});
      model::History person{.items = worker.history, .weights = histories.row_values(row), .kinds = {}, .ages_us = {}};
      if (!known.attributes.empty()) person.attributes = known.attributes[row];
      else person.feature_columns = known.features.row_columns(row), person.feature_values = known.features.row_values(row);
      const auto count = model.recommend(person, ask, worker.workspace, worker.found);
      for (std::size_t i = 0; i < ask.count; ++i) {
        items[row * ask.count + i] = i < count ? worker.found[i].item : no_item;
        scores[row * ask.count + i] = i < count ? worker.found[i].score : 0.0f;
      }
    }
  });
}

}  // namespace pannier::bindings
