#include "pannier/cf/slim.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "cf/kept_weights.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/top_k.hpp"
#include "pannier/data/co_occurrence.hpp"

namespace pannier::cf {
namespace {

/// A pass has changed nothing when no weight moved its item's sum by more than this share of the largest sum of the column.
constexpr double stands_still = 1e-4;

class Slim final : public KeptWeights<SlimModel> {
 public:
  Slim(const SlimConfig& config, const ItemKnnArrays& rows, std::shared_ptr<const void> keeper) : KeptWeights(rows, std::move(keeper)), config_(config) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "slim"; }
  [[nodiscard]] std::string config_json() const override { return to_json(config_); }

 private:
  SlimConfig config_;
};

/// Solves columns one after the other: a worker's.
class Descent {
 public:
  Descent(const CsrView& by_item, std::span<const double> squares, const SlimConfig& config) : by_item_(by_item), squares_(squares), config_(config) {}

  /// The weights of `item` among those it occurs with, with the sums x_i . x_item, in ascending order of items. False where it stopped before they stood still.
  bool solve(std::uint32_t item, std::span<const std::uint32_t> others, std::span<const float> sums, std::vector<Scored>& out) {
    out.clear();
    choose(item, others, sums);
    residual_.resize(by_item_.cols, 0.0);
    add(item, 1);
    weights_.assign(chosen_.size(), 0.0);
    bool settled = chosen_.empty();
    for (std::int32_t sweep = 0; sweep < config_.sweeps && !settled;) {
      settled = pass(false) <= enough_;
      for (++sweep; sweep < config_.sweeps && !settled; ++sweep)
        if (pass(true) <= enough_) break;
    }
    clear(item);
    for (std::size_t n = 0; n < chosen_.size(); ++n) {
      if (weights_[n] == 0) continue;
      clear(chosen_[n]);
      const auto weight = static_cast<float>(weights_[n]);
      if (!std::isfinite(weight)) throw Error(ErrorCode::numerical_failure, "slim", "the weights of items " + std::to_string(chosen_[n]) + " and " + std::to_string(item) + " overflow");
      if (weight != 0) out.push_back({ItemIndex{chosen_[n]}, weight});
    }
    for (const auto touched : left_) clear(touched);  // Their weight came back to zero, and left roundings.
    left_.clear();
    keep_largest(out);
    return settled;
  }

 private:
  void choose(std::uint32_t item, std::span<const std::uint32_t> others, std::span<const float> sums) {
    chosen_.clear();
    enough_ = 0;
    top_.reset(config_.candidates == 0 ? others.size() : std::min(others.size(), static_cast<std::size_t>(config_.candidates)));
    for (std::size_t n = 0; n < others.size(); ++n) {
      if (others[n] == item) continue;
      if (!std::isfinite(sums[n])) throw Error(ErrorCode::numerical_failure, "slim", "the weights of items " + std::to_string(others[n]) + " and " + std::to_string(item) + " overflow");
      if (config_.non_negative && sums[n] <= config_.l1) continue;
      enough_ = std::max(enough_, stands_still * static_cast<double>(sums[n]));
      top_.push(ItemIndex{others[n]}, static_cast<float>(static_cast<double>(sums[n]) / std::sqrt(squares_[others[n]] + static_cast<double>(config_.l2))));
    }
    for (const auto& scored : top_.kept()) chosen_.push_back(value(scored.item));
    std::ranges::sort(chosen_);
  }

  /// Each chosen weight, or only those that are not zero, to its optimum given the others. The largest movement of an item's sum.
  double pass(bool active) {
    double moved = 0;
    for (std::size_t n = 0; n < chosen_.size(); ++n) {
      const double before = weights_[n];
      if (active && before == 0) continue;
      const auto square = squares_[chosen_[n]], curvature = square + static_cast<double>(config_.l2);
      const double slope = residual_with(chosen_[n]) + square * before, l1 = static_cast<double>(config_.l1);
      const double size = std::fabs(slope) - l1;
      const double after = !(size > 0) || (config_.non_negative && slope < 0) ? 0 : std::copysign(size, slope) / curvature;
      if (after == before) continue;
      weights_[n] = after;
      add(chosen_[n], before - after);
      if (after == 0) left_.push_back(chosen_[n]);
      moved = std::max(moved, std::fabs(after - before) * curvature);
    }
    return moved;
  }

  [[nodiscard]] double residual_with(std::uint32_t item) const noexcept {
    const auto users = by_item_.row_columns(item);
    const auto values = by_item_.row_values(item);
    double sum = 0;
    for (std::size_t n = 0; n < users.size(); ++n) sum += static_cast<double>(values[n]) * residual_[users[n]];
    return sum;
  }
  void add(std::uint32_t item, double times) noexcept {
    const auto users = by_item_.row_columns(item);
    const auto values = by_item_.row_values(item);
    for (std::size_t n = 0; n < users.size(); ++n) residual_[users[n]] += times * static_cast<double>(values[n]);
  }
  void clear(std::uint32_t item) noexcept {
    for (const auto user : by_item_.row_columns(item)) residual_[user] = 0;
  }

  void keep_largest(std::vector<Scored>& out) const {
    const auto most = static_cast<std::size_t>(config_.neighbours);
    if (most == 0 || out.size() <= most) return;
    std::ranges::nth_element(out, out.begin() + static_cast<std::ptrdiff_t>(most), [](const Scored& a, const Scored& b) {
      return ranks_before({a.item, std::fabs(a.score)}, {b.item, std::fabs(b.score)});
    });
    out.resize(most);
    std::ranges::sort(out, {}, [](const Scored& scored) { return value(scored.item); });
  }

  CsrView by_item_;
  std::span<const double> squares_;
  const SlimConfig& config_;
  std::vector<double> residual_, weights_;   ///< Of people, all zero between columns; of the chosen.
  std::vector<std::uint32_t> chosen_, left_;
  double enough_ = 0;
  TopK top_;
};

}  // namespace

SlimFit fit_slim(const CsrView& events, const SlimConfig& config, const FitControl& control) {
  const auto begin = std::chrono::steady_clock::now();
  validate(config);
  require_valid_weights(events, "events");
  if (events.cols == 0) throw Error(ErrorCode::invalid_argument, "events", "has no items", "at least one column");
  const auto by_item = transpose(events);
  std::vector<double> squares(events.cols, 0.0);
  for (std::size_t i = 0; i < events.cols; ++i)
    for (const float x : CsrView(by_item).row_values(i)) squares[i] += static_cast<double>(x) * static_cast<double>(x);

  std::vector<std::vector<Scored>> columns(events.cols);
  std::vector<Descent> workers(static_cast<std::size_t>(resolved_threads(control.execution)), Descent(by_item, squares, config));
  std::atomic<std::size_t> unsettled{0};
  data::for_each_co_occurrence(events, by_item, control, [&](std::uint32_t item, std::span<const std::uint32_t> others, std::span<const float> sums, int worker) {
    if (!workers[static_cast<std::size_t>(worker)].solve(item, others, sums, columns[item])) ++unsettled;
    columns[item].shrink_to_fit();
  });

  Csr lists;
  lists.rows = lists.cols = events.cols;
  for (auto& column : columns) {
    for (const auto& scored : column) {
      lists.columns.push_back(value(scored.item));
      lists.values.push_back(scored.score);
    }
    lists.offsets.push_back(static_cast<std::int64_t>(lists.columns.size()));
    column = {};
  }
  const auto rows = std::make_shared<const Csr>(transpose(lists));
  SlimFit fit;
  fit.report.converged = unsettled == 0;
  fit.report.detail = std::to_string(rows->columns.size()) + " weights";
  if (unsettled != 0) fit.report.detail += ", " + std::to_string(unsettled) + " of " + std::to_string(events.cols) + " items stopped by sweeps";
  fit.model = std::make_shared<Slim>(config, ItemKnnArrays{rows->offsets, rows->columns, rows->values}, rows);
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

std::shared_ptr<const SlimModel> read_slim(const model::SectionReader& reader, std::uint32_t item_count) {
  return std::make_shared<Slim>(from_json<SlimConfig>(reader.config_json(), "slim"), read_item_knn_arrays(reader, item_count), reader.keeper());
}

}  // namespace pannier::cf
