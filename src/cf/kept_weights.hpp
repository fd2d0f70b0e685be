/// Models of item-to-item weights of which some were kept, negative ones too: answered as an item_knn of them.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "cf/every_item.hpp"
#include "cf/item_knn_model.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::cf {

/// `Base` is a model::Recommender with `weight(i, j)`; what is left to a subclass are kind() and config_json().
template <class Base>
class KeptWeights : public Base {
 public:
  KeptWeights(const ItemKnnArrays& rows, std::shared_ptr<const void> keeper) : rows_(make_item_knn({}, rows, std::move(keeper))) {}

  [[nodiscard]] std::uint32_t item_count() const noexcept override { return rows_->item_count(); }
  [[nodiscard]] float weight(ItemIndex i, ItemIndex j) const noexcept override { return rows_->similarity(value(i), value(j)); }
  std::size_t recommend(const model::History& history, const model::Ask& ask, model::Workspace& workspace, std::span<Scored> out) const override {
    return rows_->recommend(history, ask, workspace, out);
  }
  void score(const model::History& history, std::span<const ItemIndex> candidates, model::Workspace& workspace, std::span<float> out) const override {
    rows_->score(history, candidates, workspace, out);
  }
  void score_all(const model::History& history, model::Workspace& workspace, std::span<float> out) const override { rows_->score_all(history, workspace, out); }
  std::size_t similar(ItemIndex item, const model::Ask& ask, model::Workspace& workspace, std::span<Scored> out) const override {
    return rows_->similar(item, ask, workspace, out);
  }
  std::size_t explain(const model::History& history, ItemIndex item, model::Workspace& workspace, std::span<model::Reason> out) const override {
    require_valid(history, {}, item_count(), workspace);
    model::require_valid_item(item, item_count());
    if (!is_scored(*rows_, history, item, workspace)) return 0;
    return largest_shares(history, workspace, out, [&](std::size_t n) { return history.weights[n] * weight(history.items[n], item); });
  }
  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override { rows_->write(writer, order); }

 private:
  std::shared_ptr<const SummedItemKnn> rows_;
};

}  // namespace pannier::cf
