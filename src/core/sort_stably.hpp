/// A stable sort without std::stable_sort, whose temporary buffer in libstdc++ 12 is a deprecated call to clang.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace pannier {

/// Sorts so that before(a, b) holds of no b in front of an a, equals in the order they had.  Cost: O(n log n), n indices.
template <class T, class Before>
void sort_stably(std::vector<T>& values, Before before) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (before(values[a], values[b])) return true;
    return !before(values[b], values[a]) && a < b;
  });
  std::vector<T> sorted;
  sorted.reserve(values.size());
  for (const auto n : order) sorted.push_back(std::move(values[n]));
  values = std::move(sorted);
}

}  // namespace pannier
