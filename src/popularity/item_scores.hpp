/// What rankings have in common that are no matter of taste.
#pragma once

#include <span>

#include "pannier/model/recommender.hpp"

namespace pannier::popularity {

/// A model without similar items.
template <class Base>
class WithoutSimilar : public Base {
 public:
  std::size_t similar(ItemIndex item, const model::Ask& ask, model::Workspace& workspace, std::span<Scored>) const final {
    model::require_valid({}, ask, this->item_count(), workspace);
    model::require_valid_item(item, this->item_count());
    return 0;
  }
};

/// A model in which an item's score is the same for everybody, and is its own reason, of kind `reason`.
template <class Base, model::ReasonKind reason>
class ItemScores : public WithoutSimilar<Base> {
 public:
  void score(const model::History& history, std::span<const ItemIndex> candidates, model::Workspace& workspace, std::span<float> out) const final {
    model::require_valid(history, {}, this->item_count(), workspace);
    model::require_valid_candidates(candidates, this->item_count(), out.size());
    for (std::size_t n = 0; n < candidates.size(); ++n) out[n] = score_of(value(candidates[n]));
  }

  void score_all(const model::History& history, model::Workspace& workspace, std::span<float> out) const final {
    model::require_valid(history, {}, this->item_count(), workspace);
    model::require_valid_all(this->item_count(), out.size());
    for (std::uint32_t i = 0; i < out.size(); ++i) out[i] = score_of(i);
  }

  std::size_t explain(const model::History& history, ItemIndex item, model::Workspace& workspace, std::span<model::Reason> out) const final {
    model::require_valid(history, {}, this->item_count(), workspace);
    model::require_valid_item(item, this->item_count());
    if (out.empty() || !(score_of(value(item)) > 0)) return 0;
    out[0] = {.item = item, .weight = score_of(value(item)), .kind = reason};
    return 1;
  }

 private:
  /// Of an item that there is.
  [[nodiscard]] virtual float score_of(std::uint32_t item) const noexcept = 0;
};

}  // namespace pannier::popularity
