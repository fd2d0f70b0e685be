#include "pannier/evaluate/beyond.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <unordered_map>

#include "pannier/core/error.hpp"

namespace pannier::evaluate {
namespace {

std::vector<std::uint64_t> people_of(const CsrView& train) {
  std::vector<std::uint64_t> people(train.cols, 0);
  for (const auto column : train.columns) ++people[column];
  return people;
}

}  // namespace

std::vector<double> item_surprise(const CsrView& train) {
  const auto people = people_of(train);
  std::uint64_t all = 0;
  for (std::size_t r = 0; r < train.rows; ++r) all += !train.row_columns(r).empty();
  std::vector<double> out(train.cols);
  for (std::size_t i = 0; i < train.cols; ++i)
    out[i] = std::log2(static_cast<double>(std::max<std::uint64_t>(1, all)) / static_cast<double>(std::max<std::uint64_t>(1, people[i])));
  return out;
}

double gini(std::span<const std::uint64_t> shown) {
  std::vector<std::uint64_t> sorted(shown.begin(), shown.end());
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<double>(sorted.size());
  double sum = 0, weighted = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const auto x = static_cast<double>(sorted[i]);
    sum += x;
    weighted += (2 * static_cast<double>(i + 1) - n - 1) * x;
  }
  return sum == 0 ? 0 : weighted / (n * sum);
}

ItemSet head_items(const CsrView& train, double share) {
  if (!(share >= 0 && share <= 1)) throw Error(ErrorCode::invalid_argument, "head_share", std::to_string(share), "0 to 1");
  const auto people = people_of(train);
  std::vector<std::uint32_t> order(train.cols);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return people[a] != people[b] ? people[a] > people[b] : a < b; });
  ItemSet head(static_cast<std::uint32_t>(train.cols));
  std::uint64_t held = 0;
  for (const auto item : order) {
    if (static_cast<double>(held) >= share * static_cast<double>(train.columns.size())) break;
    held += people[item];
    head.insert(ItemIndex{item});
  }
  return head;
}

ListDiversity::ListDiversity(const CsrView& train, std::span<const std::string_view> categories) {
  if (!categories.empty() && categories.size() != train.cols)
    throw Error(ErrorCode::invalid_argument, "categories", std::to_string(categories.size()) + " of them", "one a column, " + std::to_string(train.cols));
  if (std::any_of(categories.begin(), categories.end(), [](std::string_view path) { return !path.empty(); })) {
    std::unordered_map<std::string_view, std::uint32_t> numbers{{std::string_view{}, 0}};
    for (const auto path : categories) category_.push_back(numbers.emplace(path, static_cast<std::uint32_t>(numbers.size())).first->second);
    return;
  }
  by_item_ = transpose(train);
  people_.assign(train.rows, 0);
}

std::optional<double> ListDiversity::of(std::span<const ItemIndex> list) {
  if (by_category()) {
    std::uint64_t pairs = 0, different = 0;
    for (std::size_t a = 0; a < list.size(); ++a)
      for (std::size_t b = a + 1; b < list.size(); ++b) {
        const auto first = category_[value(list[a])], second = category_[value(list[b])];
        if (first == 0 || second == 0) continue;
        ++pairs;
        different += first != second;
      }
    return pairs == 0 ? std::nullopt : std::optional(static_cast<double>(different) / static_cast<double>(pairs));
  }
  if (list.size() < 2) return std::nullopt;
  // The cosines of all ordered pairs add up to |sum of the unit vectors|^2 - (the items that anybody has).
  const CsrView items = by_item_;
  double had = 0;
  for (const auto item : list) {
    const auto who = items.row_columns(value(item));
    if (who.empty()) continue;
    ++had;
    const double part = 1 / std::sqrt(static_cast<double>(who.size()));
    for (const auto person : who) people_[person] += part;
  }
  double square = 0;
  for (const auto item : list)
    for (const auto person : items.row_columns(value(item))) {
      square += people_[person] * people_[person];
      people_[person] = 0;
    }
  const auto n = static_cast<double>(list.size());
  return std::clamp(1 - (square - had) / (n * (n - 1)), 0.0, 1.0);
}

}  // namespace pannier::evaluate
