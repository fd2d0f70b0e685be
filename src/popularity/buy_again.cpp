#include "pannier/popularity/buy_again.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "model/item_order.hpp"
#include "pannier/core/error.hpp"
#include "popularity/buy_again_model.hpp"
#include "popularity/item_scores.hpp"

namespace pannier::popularity {
namespace {

using model::Ask;
using model::History;
using model::Workspace;

/// 1 / (1 + 2^-log_odds), never 0; log-odds that are not a number (a hostile file) count as the least.
float probability(float log_odds) noexcept {
  constexpr float most = 60;
  const float bounded = log_odds > -most ? std::min(log_odds, most) : -most;
  const double half = data::decay_factor(std::fabs(static_cast<double>(bounded)));
  return static_cast<float>(bounded >= 0 ? 1 / (1 + half) : half / (1 + half));
}

class BuyAgain final : public WithoutSimilar<BuyAgainModel> {
 public:
  BuyAgain(const BuyAgainConfig& config, double horizon_days, const BuyAgainArrays& arrays, std::shared_ptr<const void> keeper)
      : config_(config), horizon_days_(horizon_days), arrays_(arrays), keeper_(std::move(keeper)) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "buy_again"; }
  [[nodiscard]] std::uint32_t item_count() const noexcept override { return static_cast<std::uint32_t>(arrays_.appeal.size()); }
  [[nodiscard]] std::string config_json() const override { return to_json(config_); }
  [[nodiscard]] std::span<const float> interval_days() const noexcept override { return arrays_.interval_days; }
  [[nodiscard]] double horizon_days() const noexcept override { return horizon_days_; }

  std::size_t recommend(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    require_valid(history, ask, item_count(), workspace);
    if (ask.exclude_history) return 0;
    auto& top = workspace.top;
    top.reset(std::min({std::size_t{ask.count}, out.size(), history.bought.size()}));
    const float shared = shared_log_odds(history);
    for (std::size_t n = 0; n < history.bought.size(); ++n)
      if (history.bought[n].times > 0 && (ask.allowed == nullptr || ask.allowed->contains(history.items[n])))
        top.push(history.items[n], score_of(history, n, shared));
    return top.finish(out);
  }

  void score(const History& history, std::span<const ItemIndex> candidates, Workspace& workspace, std::span<float> out) const override {
    require_valid(history, {}, item_count(), workspace);
    model::require_valid_candidates(candidates, item_count(), out.size());
    auto& scores = workspace.scores;
    if (scores.size() < item_count()) scores.resize(item_count());
    for (const auto candidate : candidates) scores[value(candidate)] = 0;
    score_bought(history, scores);
    for (std::size_t n = 0; n < candidates.size(); ++n) out[n] = scores[value(candidates[n])];
  }

  void score_all(const History& history, Workspace& workspace, std::span<float> out) const override {
    require_valid(history, {}, item_count(), workspace);
    model::require_valid_all(item_count(), out.size());
    std::fill(out.begin(), out.end(), 0.0f);
    score_bought(history, out);
  }

  std::size_t explain(const History& history, ItemIndex item, Workspace& workspace, std::span<model::Reason> out) const override {
    require_valid(history, {}, item_count(), workspace);
    model::require_valid_item(item, item_count());
    for (std::size_t n = 0; n < history.bought.size() && !out.empty(); ++n)
      if (history.items[n] == item && history.bought[n].times > 0) {
        out[0] = {.item = item, .weight = score_of(history, n, shared_log_odds(history)), .kind = model::ReasonKind::buy_again};
        return 1;
      }
    return 0;
  }

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    model::require_valid_order(order, item_count());
    std::vector<float> intervals(item_count()), appeal(item_count());
    for (std::size_t i = 0; i < appeal.size(); ++i) {
      intervals[i] = arrays_.interval_days[value(order.old_index[i])];
      appeal[i] = arrays_.appeal[value(order.old_index[i])];
    }
    writer.array<double>("horizon", std::span(&horizon_days_, 1));
    writer.array<float>("weights", arrays_.weights);
    writer.array<float>("interval_days", intervals);
    writer.array<float>("appeal", appeal);
  }

 private:
  /// What all items of a history have in common.
  [[nodiscard]] float shared_log_odds(const History& history) const noexcept {
    std::uint32_t breadth = 0;
    for (const auto& bought : history.bought) breadth += bought.times > 0;
    return breadth == 0 ? 0 : arrays_.weights[0] + arrays_.weights[7] * line_log2(static_cast<float>(breadth));
  }
  /// Writes the scores of the history's items, at their places.
  void score_bought(const History& history, std::span<float> scores) const noexcept {
    const float shared = shared_log_odds(history);
    for (std::size_t n = 0; n < history.bought.size(); ++n)
      scores[value(history.items[n])] = history.bought[n].times > 0 ? score_of(history, n, shared) : 0.0f;
  }
  [[nodiscard]] float score_of(const History& history, std::size_t n, float shared) const noexcept {
    const auto item = value(history.items[n]);
    return probability((shared + arrays_.appeal[item]) + own_log_odds(arrays_.weights, history.bought[n], arrays_.interval_days[item]));
  }

  BuyAgainConfig config_;
  double horizon_days_;
  BuyAgainArrays arrays_;
  std::shared_ptr<const void> keeper_;
};

}  // namespace

std::shared_ptr<const BuyAgainModel> make_buy_again(const BuyAgainConfig& config, double horizon_days, const BuyAgainArrays& arrays,
                                                    std::shared_ptr<const void> keeper) {
  return std::make_shared<BuyAgain>(config, horizon_days, arrays, std::move(keeper));
}

std::shared_ptr<const BuyAgainModel> read_buy_again(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<BuyAgainConfig>(reader.config_json(), "buy_again");
  const auto horizon = reader.array<double>("horizon", 1);
  const BuyAgainArrays arrays{.weights = reader.array<float>("weights", buy_again_features),
                              .interval_days = reader.array<float>("interval_days", item_count),
                              .appeal = reader.array<float>("appeal", item_count)};
  return make_buy_again(config, horizon[0], arrays, reader.keeper());
}

}  // namespace pannier::popularity
