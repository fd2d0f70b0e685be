/// What lists are like beside being right: how varied each is, how evenly they show the catalogue, how surprising they are.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "pannier/core/ids.hpp"
#include "pannier/core/item_set.hpp"
#include "pannier/core/matrix.hpp"

namespace pannier::evaluate {

/// How surprising each item is: -log2 of the share of people (rows with a cell) who have it; an item nobody has counts as one person's.
[[nodiscard]] std::vector<double> item_surprise(const CsrView& train);

/// Gini coefficient of how often each item was shown: 0 where all are shown alike, (n - 1) / n where one of n takes all; 0 for nothing shown.
/// Cost: O(n log n). Source: Gini 1912, as sum (2 i - n - 1) x_i / (n sum x), x ascending.
[[nodiscard]] double gini(std::span<const std::uint64_t> shown);

/// The most had items that together hold at least `share` of all cells (fewest first, ties by index): the head. The others are the tail.
/// Errors: invalid_argument (a share outside 0 to 1).
[[nodiscard]] ItemSet head_items(const CsrView& train, double share);

/// Diversity inside one list, without any model.
///
/// By category: the share of the list's pairs of items whose category paths differ; pairs with an unknown category are left out.
/// By people: 1 - the mean over the pairs of the cosine of the two items' people (who has them in `train`): 0 where the same people have
/// all, 1 where nobody has two of them; an item nobody has is like no other.
/// Cost: by category O(k^2) comparisons of numbers; by people O(cells of the list's items), and once the transpose of `train`.
/// Threads: One thread.
class ListDiversity {
 public:
  /// By category, where any of `categories` (one a column, "" where unknown) is known; by people without.
  /// Errors: invalid_argument (categories of another number than columns).
  ListDiversity(const CsrView& train, std::span<const std::string_view> categories);
  [[nodiscard]] bool by_category() const noexcept { return !category_.empty(); }
  /// Of a list without padding and repeats; nothing where it holds no pair.
  [[nodiscard]] std::optional<double> of(std::span<const ItemIndex> list);

 private:
  std::vector<std::uint32_t> category_;   ///< A number a category; 0: unknown.
  Csr by_item_;
  std::vector<double> people_;            ///< All zero between calls.
};

}  // namespace pannier::evaluate
