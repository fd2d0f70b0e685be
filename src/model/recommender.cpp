#include "pannier/model/recommender.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "pannier/core/error.hpp"

namespace pannier::model {
namespace {

/// People one task of a batch answers: enough to hide its cost, few enough to share the work.
constexpr std::size_t batch_block = 64;

[[noreturn]] void refuse(std::string where, std::string problem, std::string allowed) {
  throw Error(ErrorCode::invalid_argument, std::move(where), std::move(problem), std::move(allowed));
}

std::string items_below(std::uint32_t item_count) { return "items below " + std::to_string(item_count); }

void require_valid_ask(const Ask& ask, std::uint32_t item_count) {
  if (ask.allowed != nullptr && ask.allowed->universe() != item_count)
    refuse("allowed", "is a set over " + std::to_string(ask.allowed->universe()) + " items", "one over " + std::to_string(item_count));
}

void require_single_ask(const Ask& ask, std::uint32_t item_count) {
  require_valid_ask(ask, item_count);
  if (ask.row_allowed != nullptr || ask.row_denied != nullptr) refuse(ask.row_allowed != nullptr ? "row_allowed" : "row_denied", "is given beside a single history", "allowed");
}

void require_valid_lists(const CsrView* lists, std::string_view name, std::size_t rows, std::uint32_t item_count) {
  if (lists == nullptr) return;
  if (lists->rows != rows || lists->cols != item_count)
    refuse(std::string(name), "is " + std::to_string(lists->rows) + " x " + std::to_string(lists->cols), "a row a history and a column an item, " + std::to_string(rows) + " x " + std::to_string(item_count));
  require_valid_columns(*lists, name);
}

}  // namespace

Bought aged(const data::Purchases& purchases, std::int64_t now_us) noexcept {
  if (purchases.times == 0) return {};
  const auto age = [now_us](std::int64_t time_us) { return time_us < now_us ? now_us - time_us : 0; };
  return {.times = purchases.times, .units = purchases.units, .first_age_us = age(purchases.first_us), .last_age_us = age(purchases.last_us)};
}

std::uint64_t known_of(const History& history) noexcept {
  if (history.attributes.empty() && history.feature_columns.empty()) return 0;
  std::uint64_t out = 1;
  const auto add = [&](const void* bytes, std::size_t size) { out = XXH3_64bits_withSeed(bytes, size, out); };
  for (const auto& [name, text] : history.attributes) {
    add(name.data(), name.size());
    add(text.data(), text.size());
  }
  add(history.feature_columns.data(), history.feature_columns.size_bytes());
  add(history.feature_values.data(), history.feature_values.size_bytes());
  return out;
}

void require_valid(const History& history, const Ask& ask, std::uint32_t item_count, Workspace& workspace) {
  const auto size = history.items.size();
  const auto require_length = [&](const char* name, std::size_t length, bool may_be_empty) {
    if (length != size && !(may_be_empty && length == 0))
      refuse(std::string("history.") + name, std::to_string(length) + " entries for " + std::to_string(size) + " items",
             may_be_empty ? "as many or none" : "as many");
  };
  require_length("weights", history.weights.size(), false);
  require_length("kinds", history.kinds.size(), true);
  require_length("ages_us", history.ages_us.size(), true);
  require_length("bought", history.bought.size(), true);
  require_single_ask(ask, item_count);
  for (std::size_t n = 0; n < size; ++n) {
    if (value(history.items[n]) >= item_count)
      refuse("history.items", "item " + std::to_string(value(history.items[n])) + " at " + std::to_string(n), items_below(item_count));
    if (!std::isfinite(history.weights[n]) || history.weights[n] < 0)
      refuse("history.weights", std::to_string(history.weights[n]) + " at " + std::to_string(n), "a finite weight, not negative");
  }
  if (history.feature_columns.size() != history.feature_values.size())
    refuse("history.feature_values", std::to_string(history.feature_values.size()) + " entries for " + std::to_string(history.feature_columns.size()) + " columns", "as many");
  for (std::size_t n = 0; n < history.feature_columns.size(); ++n) {
    if (n > 0 && history.feature_columns[n] <= history.feature_columns[n - 1])
      refuse("history.feature_columns", std::to_string(history.feature_columns[n]) + " after " + std::to_string(history.feature_columns[n - 1]), "ascending columns");
    if (!std::isfinite(history.feature_values[n]) || history.feature_values[n] < 0)
      refuse("history.feature_values", std::to_string(history.feature_values[n]) + " at " + std::to_string(n), "a finite value, not negative");
  }
  for (const auto age : history.ages_us)
    if (age < 0) refuse("history.ages_us", std::to_string(age), "an age that is not negative");
  for (const auto& bought : history.bought)
    if (!std::isfinite(bought.units) || bought.units < 0 || bought.last_age_us < 0 || bought.first_age_us < bought.last_age_us)
      refuse("history.bought", std::to_string(bought.units) + " units, ages " + std::to_string(bought.first_age_us) + " and " + std::to_string(bought.last_age_us),
             "units that are finite and not negative, and the first purchase not after the last");

  // An item twice: marks are set until one is met again, and taken back either way.
  auto& marks = workspace.marks;
  if (const std::size_t words = (std::size_t{item_count} + 63) / 64; marks.size() < words) marks.resize(words, 0);
  std::size_t marked = 0;
  for (; marked < size; ++marked) {
    const auto item = value(history.items[marked]);
    if ((marks[item / 64] >> (item % 64) & 1) != 0) break;
    marks[item / 64] |= std::uint64_t{1} << (item % 64);
  }
  for (std::size_t n = 0; n < marked; ++n) marks[value(history.items[n]) / 64] = 0;
  if (marked < size)
    refuse("history.items", "item " + std::to_string(value(history.items[marked])) + " at " + std::to_string(marked) + " is there before", "each item once");
}

void require_valid_item(ItemIndex item, std::uint32_t item_count) {
  if (value(item) >= item_count) refuse("item", "item " + std::to_string(value(item)), items_below(item_count));
}

void require_valid_candidates(std::span<const ItemIndex> candidates, std::uint32_t item_count, std::size_t output_size) {
  if (output_size != candidates.size())
    refuse("out", std::to_string(output_size) + " entries for " + std::to_string(candidates.size()) + " candidates", "as many");
  for (std::size_t n = 0; n < candidates.size(); ++n)
    if (value(candidates[n]) >= item_count)
      refuse("candidates", "item " + std::to_string(value(candidates[n])) + " at " + std::to_string(n), items_below(item_count));
}

void require_valid_all(std::uint32_t item_count, std::size_t output_size) {
  if (output_size != item_count) refuse("out", std::to_string(output_size) + " entries for " + std::to_string(item_count) + " items", "as many");
}

void require_valid_explanations(std::span<const ItemIndex> items, std::size_t most, std::uint32_t item_count, std::size_t out_size,
                                std::size_t counts_size) {
  for (std::size_t n = 0; n < items.size(); ++n)
    if (value(items[n]) >= item_count)
      refuse("items", "item " + std::to_string(value(items[n])) + " at " + std::to_string(n), items_below(item_count));
  const bool right = most == 0 || items.empty() ? out_size == 0 : out_size / most == items.size() && out_size % most == 0;
  if (!right) refuse("out", std::to_string(out_size) + " entries", std::to_string(most) + " for each of " + std::to_string(items.size()) + " items");
  if (counts_size != items.size())
    refuse("counts", std::to_string(counts_size) + " entries for " + std::to_string(items.size()) + " items", "as many");
}

void require_valid_batch(const CsrView& histories, const Ask& ask, std::uint32_t item_count, std::span<const ItemIndex> items,
                         std::span<const float> scores) {
  if (histories.cols != item_count)
    refuse("histories", std::to_string(histories.cols) + " columns", "one an item of the model, " + std::to_string(item_count));
  require_valid_weights(histories, "histories");
  require_valid_rows(ask, histories.rows, item_count, items, scores);
}

void require_valid_rows(const Ask& ask, std::size_t rows, std::uint32_t item_count, std::span<const ItemIndex> items, std::span<const float> scores) {
  require_valid_ask(ask, item_count);
  require_valid_lists(ask.row_allowed, "row_allowed", rows, item_count);
  require_valid_lists(ask.row_denied, "row_denied", rows, item_count);
  const auto require_size = [&](const char* name, std::size_t size) {
    const bool right = ask.count == 0 || rows == 0 ? size == 0 : size / ask.count == rows && size % ask.count == 0;
    if (!right) refuse(name, std::to_string(size) + " entries", std::to_string(rows) + " rows of " + std::to_string(ask.count));
  };
  require_size("items", items.size());
  require_size("scores", scores.size());
}

RowAsk::RowAsk(const Ask& ask, std::uint32_t item_count) : batch_(ask), ask_(ask) {
  if (ask.row_allowed == nullptr && ask.row_denied == nullptr) return;
  ask_.row_allowed = ask_.row_denied = nullptr;
  set_ = ItemSet(item_count);
}

const Ask& RowAsk::of(std::size_t row) {
  if (batch_.row_allowed == nullptr && batch_.row_denied == nullptr) return ask_;
  if (batch_.row_allowed != nullptr) {
    set_.clear();
    for (const auto item : batch_.row_allowed->row_columns(row))
      if (batch_.allowed == nullptr || batch_.allowed->contains(ItemIndex{item})) set_.insert(ItemIndex{item});
  } else if (batch_.allowed != nullptr) {
    set_ = *batch_.allowed;
  } else {
    set_ = ItemSet(set_.universe(), true);
  }
  if (batch_.row_denied != nullptr)
    for (const auto item : batch_.row_denied->row_columns(row)) set_.erase(ItemIndex{item});
  ask_.allowed = &set_;
  return ask_;
}

void Recommender::score_all(const History& history, Workspace& workspace, std::span<float> out) const {
  require_valid_all(item_count(), out.size());
  auto& every = workspace.every_item;
  while (every.size() < item_count()) every.push_back(ItemIndex{static_cast<std::uint32_t>(every.size())});
  score(history, std::span(every).first(item_count()), workspace, out);
}

void Recommender::explain_each(const History& history, std::span<const ItemIndex> items, std::size_t most, Workspace& workspace,
                               std::span<Reason> out, std::span<std::uint32_t> counts) const {
  require_valid(history, {}, item_count(), workspace);
  require_valid_explanations(items, most, item_count(), out.size(), counts.size());
  for (std::size_t n = 0; n < items.size(); ++n)
    counts[n] = static_cast<std::uint32_t>(explain(history, items[n], workspace, out.subspan(n * most, most)));
}

void Recommender::recommend_batch(const CsrView& histories, const Ask& ask, const Execution& execution, std::span<ItemIndex> items,
                                  std::span<float> scores) const {
  require_valid_batch(histories, ask, item_count(), items, scores);
  struct Scratch {
    Workspace workspace;
    std::vector<ItemIndex> history;
    std::vector<Scored> out;
  };
  std::vector<Scratch> scratches(static_cast<std::size_t>(resolved_threads(execution)));
  const std::size_t count = ask.count, room = std::min<std::size_t>(count, item_count());
  parallel_blocks_with_worker(execution, histories.rows, batch_block, [&](std::size_t begin, std::size_t end, std::size_t, int worker) {
    auto& scratch = scratches[static_cast<std::size_t>(worker)];
    scratch.out.resize(room);
    RowAsk row_ask(ask, item_count());
    for (std::size_t r = begin; r < end; ++r) {
      const auto columns = histories.row_columns(r);
      scratch.history.resize(columns.size());
      std::transform(columns.begin(), columns.end(), scratch.history.begin(), [](std::uint32_t column) { return ItemIndex{column}; });
      const auto found = recommend({scratch.history, histories.row_values(r), {}, {}}, row_ask.of(r), scratch.workspace, scratch.out);
      for (std::size_t n = 0; n < count; ++n) {
        items[r * count + n] = n < found ? scratch.out[n].item : no_item;
        scores[r * count + n] = n < found ? scratch.out[n].score : 0.0f;
      }
    }
  });
}

}  // namespace pannier::model
