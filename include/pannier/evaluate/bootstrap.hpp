/// Intervals of means over people, by drawing people with replacement.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "pannier/core/fit.hpp"

namespace pannier::evaluate {

using Interval = std::pair<double, double>;   ///< Low and high end.

/// The 95 % interval of each column's mean: `values` holds `columns` numbers a person, and every one of 1,000 draws takes the same people for all
/// columns. No values: {0, 0} a column. Errors: invalid_argument (columns of 0, values that are no multiple of it).
/// Cost: 1,000 times the values. Repeats: the seed is fixed: same bits for any thread count.
/// Source: Efron 1979, percentile interval.
[[nodiscard]] std::vector<Interval> bootstrap_intervals(std::span<const double> values, std::size_t columns, const FitControl& control = {});

/// The mean of ours - theirs over the same people, and its 95 % interval: above 0, ours is better beyond chance.
struct PairedDifference {
  double mean = 0;
  Interval interval{0, 0};
};
/// Errors: invalid_argument (another number of people).
[[nodiscard]] PairedDifference paired_difference(std::span<const double> ours, std::span<const double> theirs, const FitControl& control = {});

}  // namespace pannier::evaluate
