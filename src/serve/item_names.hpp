/// The rows and columns of what a model is fitted on.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/serve/registry.hpp"
#include "serve/holdout_cut.hpp"

namespace pannier::serve {

/// What a model of people is fitted on: the people, or, where none of them has a weight, the orders as if each were one.
[[nodiscard]] inline CsrView people_or_orders(const FitData& data) { return has_weight(data.events) || !has_weight(data.orders) ? data.events : data.orders; }

/// What the columns are called, by the log, by item_ids or by their numbers.
class ItemNames {
 public:
  explicit ItemNames(const FitData& data) {
    const auto items = data.events.cols;
    if (data.log == nullptr && !data.item_ids.empty()) {
      if (data.item_ids.size() != items)
        throw Error(ErrorCode::invalid_argument, "item_ids", "are " + std::to_string(data.item_ids.size()), std::to_string(items) + ", as there are columns");
      names_.assign(data.item_ids.begin(), data.item_ids.end());
      return;
    }
    if (data.log == nullptr)
      for (std::size_t i = 0; i < items; ++i) numbers_.push_back(std::to_string(i));
    names_.reserve(items);
    for (std::uint32_t i = 0; i < items; ++i) names_.push_back(data.log != nullptr ? std::string_view(data.log->item_id(ItemIndex{i})) : std::string_view(numbers_[i]));
  }
  [[nodiscard]] std::span<const std::string_view> all() const noexcept { return names_; }

 private:
  std::vector<std::string> numbers_;
  std::vector<std::string_view> names_;
};

}  // namespace pannier::serve
