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

/// One row of X'X as it is finished: `items` (any order, item itself included) and `sums` of the same length, all > 0, borrowed
/// until it returns. Called from any thread, each row once; `worker` is below resolved_threads(), for the caller's scratch.
using CoOccurrenceRow = std::function<void(std::uint32_t item, std::span<const std::uint32_t> items, std::span<const float> sums, int worker)>;

/// Calls `row` for every item with the sums over users of x[u][item] * x[u][other] > 0; a row without any is called empty.
/// `by_user` is users x items and `by_item` its transpose; both canonical, weights finite and not negative.
/// Cost: sum over users of length² multiply-adds; memory of a worker: a dense accumulator, a list of the touched items and
/// their sums (12 bytes an item).
/// Repeats: sums are FP32, added in ascending order of users: same bits for any thread count.
/// Errors: invalid_argument (shapes that are no transposes of each other), cancelled, and what `row` throws.
/// Source: Gustavson 1978 (row-wise sparse product).
void for_each_co_occurrence(const CsrView& by_user, const CsrView& by_item, const FitControl& control, const CoOccurrenceRow& row);

}  // namespace pannier::data
