#include "pannier/popularity/popular.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "core/number_or_zero.hpp"
#include "model/item_order.hpp"
#include "model/marked_history.hpp"
#include "pannier/core/error.hpp"
#include "popularity/item_scores.hpp"

namespace pannier::popularity {
namespace {

using model::Ask;
using model::History;
using model::Workspace;

/// Item positions by popularity, ties by index.
std::vector<std::uint32_t> ranking(std::span<const float> popularity) {
  std::vector<std::uint32_t> order(popularity.size());
  std::iota(order.begin(), order.end(), 0u);
  // What is not a number (a hostile file) comes last, so that the order stays total.
  const auto rank = [&](std::uint32_t i) { return std::isnan(popularity[i]) ? -std::numeric_limits<float>::infinity() : popularity[i]; };
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return rank(a) != rank(b) ? rank(a) > rank(b) : a < b; });
  return order;
}

class Popular final : public ItemScores<PopularModel, model::ReasonKind::popular> {
 public:
  /// Borrows both arrays; `keeper` holds them alive.
  Popular(PopularConfig config, std::span<const float> popularity, std::span<const std::uint32_t> order, std::shared_ptr<const void> keeper)
      : config_(config), popularity_(popularity), order_(order), keeper_(std::move(keeper)) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "popular"; }
  [[nodiscard]] std::uint32_t item_count() const noexcept override { return static_cast<std::uint32_t>(popularity_.size()); }
  [[nodiscard]] std::string config_json() const override { return to_json(config_); }
  [[nodiscard]] std::span<const float> popularity() const noexcept override { return popularity_; }

  std::size_t recommend(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    require_valid(history, ask, item_count(), workspace);
    const model::MarkedHistory seen(ask.exclude_history ? history.items : std::span<const ItemIndex>(), item_count(), workspace);
    const auto count = std::min<std::size_t>(ask.count, out.size());
    std::size_t found = 0;
    for (std::size_t n = 0; n < order_.size() && found < count; ++n) {
      const ItemIndex item{order_[n]};
      if (value(item) >= item_count() || seen.contains(item) || (ask.allowed != nullptr && !ask.allowed->contains(item))) continue;
      out[found++] = {item, score_of(value(item))};
    }
    return found;
  }

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    model::require_valid_order(order, item_count());
    std::vector<float> popularity(popularity_.size());
    for (std::size_t i = 0; i < popularity.size(); ++i) popularity[i] = popularity_[value(order.old_index[i])];
    writer.array<float>("popularity", popularity);
    writer.array<std::uint32_t>("order", ranking(popularity));
  }

 private:
  [[nodiscard]] float score_of(std::uint32_t item) const noexcept override { return number_or_zero(popularity_[item]); }

  PopularConfig config_;
  std::span<const float> popularity_;
  std::span<const std::uint32_t> order_;  ///< Checked entry by entry where it is used: a file's may lie.
  std::shared_ptr<const void> keeper_;
};

}  // namespace

PopularFit fit_popular(const CsrView& events, const PopularConfig& config, const FitControl& control) {
  validate(config);
  require_valid_weights(events, "events");
  if (events.cols == 0) throw Error(ErrorCode::invalid_argument, "events", "has no items", "at least one column");
  const auto begin = std::chrono::steady_clock::now();
  checkpoint(control, "popular", 0, 1);

  std::vector<double> sums(events.cols, 0.0);
  for (std::size_t n = 0; n < events.nonzeros(); ++n)
    if (events.values[n] > 0) sums[events.columns[n]] += config.weighted ? static_cast<double>(events.values[n]) : 1.0;
  struct Arrays {
    std::vector<float> popularity;
    std::vector<std::uint32_t> order;
  };
  auto arrays = std::make_shared<Arrays>();
  arrays->popularity.resize(events.cols);
  for (std::size_t i = 0; i < events.cols; ++i) {
    arrays->popularity[i] = static_cast<float>(sums[i]);
    if (!std::isfinite(arrays->popularity[i]))
      throw Error(ErrorCode::numerical_failure, "popular", "the weights of item " + std::to_string(i) + " add up to more than a float holds");
  }
  arrays->order = ranking(arrays->popularity);

  PopularFit fit;
  fit.model = std::make_shared<Popular>(config, arrays->popularity, arrays->order, arrays);
  fit.report.detail = config.weighted ? "items in the order of their summed weights" : "items in the order of how many people have them";
  checkpoint(control, "popular", 1, 1);
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

std::shared_ptr<const PopularModel> read_popular(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<PopularConfig>(reader.config_json(), "popular");
  return std::make_shared<Popular>(config, reader.array<float>("popularity", item_count), reader.array<std::uint32_t>("order", item_count),
                                   reader.keeper());
}

}  // namespace pannier::popularity
