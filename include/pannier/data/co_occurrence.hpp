/// The sparse co-occurrence kernel: X'X of a weighted matrix, row by row, with a selection per row. One kernel under every
/// item-to-item model.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"

namespace pannier::data {

/// One row of X'X as it is finished: `items` (any order, item itself included) and `sums` of the same length, borrowed.
/// Called from any thread, each row once.
using CoOccurrenceRow = std::function<void(std::uint32_t item, std::span<const std::uint32_t> items, std::span<const float> sums, int worker)>;

/// Calls `row` for every item with the sums over users of x[u][item] * x[u][other] > 0.
/// `by_user` is users x items and `by_item` its transpose; both canonical.
/// Cost: sum over users of length² multiply-adds; memory one dense accumulator (items floats) a worker.
/// Repeats: sums are added in ascending order of users: same bits for any thread count.
/// Source: Gustavson 1978 (row-wise sparse product).
void for_each_co_occurrence(const CsrView& by_user, const CsrView& by_item, const FitControl& control, const CoOccurrenceRow& row);

}  // namespace pannier::data
