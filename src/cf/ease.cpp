// Answers of a fitted ease: of all weights, the sum of the history's rows; of those that were kept, an item_knn of them.
#include "pannier/cf/ease.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "cf/ease_model.hpp"
#include "cf/every_item.hpp"
#include "cf/kept_weights.hpp"
#include "core/number_or_zero.hpp"
#include "model/item_order.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/simd.hpp"

namespace pannier::cf {
namespace {

using model::Ask;
using model::History;
using model::Workspace;

class DenseEase final : public EaseModel {
 public:
  DenseEase(const EaseConfig& config, const MatrixView& weights, std::shared_ptr<const void> keeper)
      : config_(config), weights_(weights), items_(static_cast<std::uint32_t>(weights.rows)), keeper_(std::move(keeper)) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "ease"; }
  [[nodiscard]] std::uint32_t item_count() const noexcept override { return items_; }
  [[nodiscard]] std::string config_json() const override { return to_json(config_); }
  [[nodiscard]] float weight(ItemIndex i, ItemIndex j) const noexcept override { return weights_.row(value(i))[value(j)]; }

  std::size_t recommend(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    require_valid(history, ask, items_, workspace);
    if (!weighs(history)) return 0;
    const auto scores = first_of(workspace.scores, items_);
    sum(history, scores);
    return select_best(scores, ask, ask.exclude_history ? history.items : std::span<const ItemIndex>{}, workspace, out);
  }

  void score(const History& history, std::span<const ItemIndex> candidates, Workspace& workspace, std::span<float> out) const override {
    require_valid(history, {}, items_, workspace);
    model::require_valid_candidates(candidates, items_, out.size());
    std::fill(out.begin(), out.end(), 0.0f);
    for (std::size_t n = 0; n < history.items.size(); ++n) {
      if (!(history.weights[n] > 0)) continue;
      const auto row = weights_.row(value(history.items[n]));
      for (std::size_t c = 0; c < candidates.size(); ++c) out[c] += history.weights[n] * row[value(candidates[c])];
    }
    for (auto& score : out) score = number_or_zero(score);
  }

  void score_all(const History& history, Workspace& workspace, std::span<float> out) const override {
    require_valid(history, {}, items_, workspace);
    model::require_valid_all(items_, out.size());
    sum(history, out);
  }

  std::size_t similar(ItemIndex item, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    require_valid({}, ask, items_, workspace);
    model::require_valid_item(item, items_);
    auto& top = workspace.top;
    top.reset(std::min({std::size_t{ask.count}, out.size(), std::size_t{items_}}));
    const auto row = weights_.row(value(item));
    for (std::uint32_t j = 0; j < items_; ++j)
      if (const ItemIndex other{j}; row[j] > 0 && other != item && (ask.allowed == nullptr || ask.allowed->contains(other))) top.push(other, row[j]);
    return top.finish(out);
  }

  std::size_t explain(const History& history, ItemIndex item, Workspace& workspace, std::span<model::Reason> out) const override {
    require_valid(history, {}, items_, workspace);
    model::require_valid_item(item, items_);
    if (!is_scored(*this, history, item, workspace)) return 0;
    return largest_shares(history, workspace, out, [&](std::size_t n) { return history.weights[n] * weight(history.items[n], item); });
  }

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    model::require_valid_order(order, items_);
    std::vector<float> values;
    values.reserve(std::size_t{items_} * items_);
    for (const auto i : order.old_index)
      for (const auto j : order.old_index) values.push_back(weight(i, j));
    writer.array<float>("weights", values);
  }

 private:
  void sum(const History& history, std::span<float> out) const {
    std::fill(out.begin(), out.end(), 0.0f);
    for (std::size_t n = 0; n < history.items.size(); ++n)
      if (history.weights[n] > 0) add_scaled(history.weights[n], weights_.row(value(history.items[n])), out);
    for (auto& score : out) score = number_or_zero(score);
  }

  EaseConfig config_;
  MatrixView weights_;
  std::uint32_t items_;
  std::shared_ptr<const void> keeper_;
};

class SparseEase final : public KeptWeights<EaseModel> {
 public:
  SparseEase(const EaseConfig& config, const ItemKnnArrays& rows, std::shared_ptr<const void> keeper) : KeptWeights(rows, std::move(keeper)), config_(config) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "ease"; }
  [[nodiscard]] std::string config_json() const override { return to_json(config_); }

 private:
  EaseConfig config_;
};

}  // namespace

std::shared_ptr<const EaseModel> make_ease(const EaseConfig& config, const EaseArrays& arrays, std::shared_ptr<const void> keeper) {
  if (config.neighbours == 0) return std::make_shared<DenseEase>(config, arrays.weights, std::move(keeper));
  return std::make_shared<SparseEase>(config, arrays.rows, std::move(keeper));
}

std::shared_ptr<const EaseModel> read_ease(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<EaseConfig>(reader.config_json(), "ease");
  EaseArrays arrays;
  if (config.neighbours != 0) {
    arrays.rows = read_item_knn_arrays(reader, item_count);
  } else {
    const std::size_t items = item_count;
    arrays.weights = {reader.array<float>("weights", items * items).data(), items, items, items};
  }
  return make_ease(config, arrays, reader.keeper());
}

}  // namespace pannier::cf
