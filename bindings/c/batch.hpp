/// A caller's pnr_ask as what batches of answers take.
#pragma once

#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "guard.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::c {

/// An ask, the set that it allows, and the answers, which go out only once all are there.
struct Batch {
  model::Ask ask;
  Execution execution;
  std::optional<ItemSet> allowed;
  std::vector<ItemIndex> columns;
  std::vector<float> scores;

  Batch(const pnr_ask* given, std::uint32_t item_count, std::size_t rows) {
    const auto read = read_or_default(given, "ask");
    require_reserved(read.reserved, "ask.reserved");
    execution.threads = read.threads;
    ask.count = read.count;
    ask.exclude_history = flag(read.exclude_history, "ask.exclude_history");
    if (ask.count == 0) throw Error(ErrorCode::invalid_argument, "ask.count", "is 0", "1 or more");
    if (read.allowed != nullptr || read.allowed_count != 0) {
      allowed.emplace(item_count);
      for (const auto column : array(read.allowed, read.allowed_count, "ask.allowed")) {
        if (column >= item_count)
          throw Error(ErrorCode::invalid_argument, "ask.allowed", "has " + std::to_string(column),
                      "columns below " + std::to_string(item_count));
        allowed->insert(ItemIndex{column});
      }
      ask.allowed = &*allowed;
    }
    if (rows > std::numeric_limits<std::size_t>::max() / ask.count)
      throw Error(ErrorCode::invalid_argument, "ask.count", "is " + std::to_string(ask.count), "rows * count that memory can hold");
    columns.resize(rows * ask.count);
    scores.resize(rows * ask.count);
  }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  void hand_out(std::uint32_t* to_columns, float* to_scores) const {
    if (columns.empty()) return;
    std::memcpy(to_columns, columns.data(), columns.size() * sizeof(ItemIndex));
    std::memcpy(to_scores, scores.data(), scores.size() * sizeof(float));
  }
};

}  // namespace pannier::c
