/// The items of a history as marks in a workspace, for the time of one call.
#pragma once

#include <cstdint>
#include <span>

#include "pannier/model/recommender.hpp"

namespace pannier::model {

/// Sets the marks of `items` (each below item_count) and takes them back at the end, so that they are all zero between calls.
class MarkedHistory {
 public:
  MarkedHistory(std::span<const ItemIndex> items, std::uint32_t item_count, Workspace& workspace) : items_(items), marks_(workspace.marks) {
    if (const std::size_t words = (std::size_t{item_count} + 63) / 64; marks_.size() < words) marks_.resize(words, 0);
    for (const auto item : items_) marks_[value(item) / 64] |= std::uint64_t{1} << (value(item) % 64);
  }
  ~MarkedHistory() {
    for (const auto item : items_) marks_[value(item) / 64] = 0;
  }
  MarkedHistory(const MarkedHistory&) = delete;
  MarkedHistory& operator=(const MarkedHistory&) = delete;
  [[nodiscard]] bool contains(ItemIndex item) const noexcept { return (marks_[value(item) / 64] >> (value(item) % 64) & 1) != 0; }

 private:
  std::span<const ItemIndex> items_;
  std::vector<std::uint64_t>& marks_;
};

}  // namespace pannier::model
