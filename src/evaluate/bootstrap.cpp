#include "pannier/evaluate/bootstrap.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"

namespace pannier::evaluate {
namespace {

constexpr std::size_t draws = 1000;
constexpr std::uint64_t seed = 0x70616E6E696572;  // any number, for ever the same

}  // namespace

std::vector<Interval> bootstrap_intervals(std::span<const double> values, std::size_t columns, const FitControl& control) {
  if (columns == 0 || values.size() % columns != 0)
    throw Error(ErrorCode::invalid_argument, "values", std::to_string(values.size()) + " of them in " + std::to_string(columns) + " columns", "whole rows");
  std::vector<Interval> out(columns, {0, 0});
  const std::size_t people = values.size() / columns;
  if (people == 0) return out;
  std::vector<double> means(draws * columns, 0);
  parallel_blocks(control.execution, draws, 10, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t draw = begin; draw < end; ++draw) {
      Random random(seed, 0, draw);
      const auto sum = std::span(means).subspan(draw * columns, columns);
      for (std::size_t n = 0; n < people; ++n) {
        const auto drawn = values.subspan(random.below(people) * columns, columns);
        for (std::size_t c = 0; c < columns; ++c) sum[c] += drawn[c];
      }
      for (auto& total : sum) total /= static_cast<double>(people);
    }
  });
  std::vector<double> column(draws);
  constexpr std::size_t tail = draws / 40;
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t draw = 0; draw < draws; ++draw) column[draw] = means[draw * columns + c];
    std::sort(column.begin(), column.end());
    out[c] = {column[tail], column[draws - 1 - tail]};
  }
  return out;
}

PairedDifference paired_difference(std::span<const double> ours, std::span<const double> theirs, const FitControl& control) {
  if (ours.size() != theirs.size())
    throw Error(ErrorCode::invalid_argument, "theirs", std::to_string(theirs.size()) + " people", "those of ours, " + std::to_string(ours.size()));
  PairedDifference out;
  if (ours.empty()) return out;
  std::vector<double> difference(ours.size());
  for (std::size_t n = 0; n < ours.size(); ++n) out.mean += difference[n] = ours[n] - theirs[n];
  out.mean /= static_cast<double>(ours.size());
  out.interval = bootstrap_intervals(difference, 1, control).front();
  return out;
}

}  // namespace pannier::evaluate
