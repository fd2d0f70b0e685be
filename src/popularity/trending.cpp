#include "pannier/popularity/trending.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/item_order.hpp"
#include "model/marked_history.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/time.hpp"
#include "popularity/item_scores.hpp"
#include "popularity/log_times.hpp"

namespace pannier::popularity {
namespace {

using model::Ask;
using model::History;
using model::Workspace;

class Trending final : public ItemScores<model::Recommender, model::ReasonKind::trending> {
 public:
  Trending(const TrendingConfig& config, std::span<const float> scores, std::shared_ptr<const void> keeper)
      : config_(config), scores_(scores), keeper_(std::move(keeper)) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "trending"; }
  [[nodiscard]] std::uint32_t item_count() const noexcept override { return static_cast<std::uint32_t>(scores_.size()); }
  [[nodiscard]] std::string config_json() const override { return to_json(config_); }

  std::size_t recommend(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    require_valid(history, ask, item_count(), workspace);
    const model::MarkedHistory seen(ask.exclude_history ? history.items : std::span<const ItemIndex>(), item_count(), workspace);
    auto& top = workspace.top;
    top.reset(std::min({std::size_t{ask.count}, out.size(), scores_.size()}));
    for (std::uint32_t i = 0; i < item_count(); ++i)
      if (const float z = score_of(i); z > 0 && z >= top.threshold() && !seen.contains(ItemIndex{i}) && (ask.allowed == nullptr || ask.allowed->contains(ItemIndex{i})))
        top.push(ItemIndex{i}, z);
    return top.finish(out);
  }

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    model::require_valid_order(order, item_count());
    std::vector<float> scores(scores_.size());
    for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = scores_[value(order.old_index[i])];
    writer.array<float>("scores", scores);
  }

 private:
  /// What is no number (a hostile file) is no trend.
  [[nodiscard]] float score_of(std::uint32_t item) const noexcept override { return scores_[item] > 0 ? scores_[item] : 0.0f; }

  TrendingConfig config_;
  std::span<const float> scores_;
  std::shared_ptr<const void> keeper_;
};

struct Sums {
  double now = 0, past = 0, squares = 0;
};

}  // namespace

TrendingFit fit_trending(const data::EventLog& log, const data::WeightingConfig& weighting, std::int64_t now_us,
                         std::span<const std::string_view> categories, const TrendingConfig& config, const FitControl& control) {
  validate(config);
  data::require_valid(weighting);
  const std::size_t items = log.item_count();
  if (items == 0) throw Error(ErrorCode::invalid_argument, "log", "has no items", "at least one");
  if (!categories.empty() && categories.size() != items)
    throw Error(ErrorCode::invalid_argument, "categories", "are " + std::to_string(categories.size()), "one an item, " + std::to_string(items) + ", or none");
  const auto begin = std::chrono::steady_clock::now();
  checkpoint(control, "trending", 0, 1);

  const bool timed = has_times(log);  // Others have no past.
  const float heaviest = timed ? *std::max_element(weighting.weights.begin(), weighting.weights.end()) : 0.0f;
  const double half_life_us = config.half_life_days * static_cast<double>(us_per_day);
  std::vector<Sums> of_item(items);
  for (std::size_t n = 0; n < log.size() && heaviest > 0; ++n) {
    const auto item = log.items()[n];
    const auto kind = log.kinds()[n];
    if (item == value(no_item) || kind == data::EventKind::refund) continue;
    const double weight = static_cast<double>(weighting.weights[static_cast<std::size_t>(kind)]) / static_cast<double>(heaviest);
    const double age = std::max(0.0, static_cast<double>(now_us) - static_cast<double>(log.times_us()[n])) / half_life_us;
    const double present = weight * data::decay_factor(age);
    auto& sums = of_item[item];
    sums.now += present;
    sums.past += weight * data::decay_factor(age / config.past) - present;
    sums.squares += present * present;
  }

  std::unordered_map<std::string_view, Sums> of_category;
  Sums shop;
  for (std::size_t i = 0; i < items; ++i) {
    shop.now += of_item[i].now;
    shop.past += of_item[i].past;
    if (categories.empty() || categories[i].empty()) continue;
    auto& category = of_category[categories[i]];
    category.now += of_item[i].now;
    category.past += of_item[i].past;
  }
  const double shop_rise = shop.past > 0 ? shop.now / shop.past : 1;
  auto scores = std::make_shared<std::vector<float>>(items, 0.0f);
  std::size_t rising = 0;
  for (std::size_t i = 0; i < items; ++i) {
    const auto& sums = of_item[i];
    if (!(sums.now > 0)) continue;
    double rise = shop_rise;
    if (!categories.empty() && !categories[i].empty()) {
      const auto& category = of_category[categories[i]];
      if (category.past + config.shrinkage > 0) rise = (category.now + config.shrinkage * shop_rise) / (category.past + config.shrinkage);
    }
    const double x = sums.now + config.floor, e = sums.past * rise + config.floor;
    if (!(x > e)) continue;
    const double events = x * (sums.now / sums.squares);
    (*scores)[i] = static_cast<float>(std::sqrt(2 * events * std::max(0.0, std::log(x / e) - 1 + e / x)));
    rising += (*scores)[i] > 0;
  }
  TrendingFit fit;
  fit.model = std::make_shared<Trending>(config, *scores, scores);
  fit.report.detail = timed ? std::to_string(rising) + " items above their own past" : "no times, so nothing trends";
  checkpoint(control, "trending", 1, 1);
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

std::shared_ptr<const model::Recommender> read_trending(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<TrendingConfig>(reader.config_json(), "trending");
  return std::make_shared<Trending>(config, reader.array<float>("scores", item_count), reader.keeper());
}

}  // namespace pannier::popularity
