#include "cf/neighbour_lists.hpp"

#include <algorithm>
#include <utility>

namespace pannier::cf {
namespace {

/// Turns the candidates' lists round: row i are the items in whose lists i stands, and its own nearest. Empties the lists.
Csr similarity_rows(std::vector<NeighbourLists::Lists>& lists) {
  const auto items = lists.size();
  // Whether i stands in the list of j shows from j's worst entry: similarity(i, j) has the same bits in both.
  const auto stands_in = [&](std::uint32_t i, const Scored& j) {
    const auto& worst = lists[value(j.item)].worst;
    return worst.item == no_item || !ranks_before(worst, {ItemIndex{i}, j.score});
  };
  Csr out;
  out.rows = out.cols = items;
  out.offsets.assign(items + 1, 0);
  for (std::uint32_t i = 0; i < items; ++i) {
    std::erase_if(lists[i].own, [&](const Scored& j) { return stands_in(i, j); });
    out.offsets[i + 1] += static_cast<std::int64_t>(lists[i].own.size());
    for (const auto& scored : lists[i].nearest) ++out.offsets[value(scored.item) + std::size_t{1}];
  }
  for (std::size_t i = 0; i < items; ++i) out.offsets[i + 1] += out.offsets[i];
  out.columns.resize(static_cast<std::size_t>(out.offsets.back()));
  out.values.resize(out.columns.size());

  std::vector<std::int64_t> next(out.offsets.begin(), out.offsets.end() - 1);
  const auto put = [&](std::uint32_t row, std::uint32_t column, float similarity) {
    const auto at = static_cast<std::size_t>(next[row]++);
    out.columns[at] = column;
    out.values[at] = similarity;
  };
  for (std::uint32_t j = 0; j < items; ++j) {
    for (const auto& scored : lists[j].nearest) put(value(scored.item), j, scored.score);
    lists[j].nearest = {};
  }
  // What comes from the lists is in order already; the few own ones are sorted in.
  std::vector<Scored> row;
  for (std::uint32_t i = 0; i < items; ++i) {
    if (lists[i].own.empty()) continue;
    for (const auto& scored : lists[i].own) put(i, value(scored.item), scored.score);
    const auto begin = static_cast<std::size_t>(out.offsets[i]), end = static_cast<std::size_t>(out.offsets[i + 1]);
    row.clear();
    for (auto n = begin; n < end; ++n) row.push_back({ItemIndex{out.columns[n]}, out.values[n]});
    std::sort(row.begin(), row.end(), [](const Scored& a, const Scored& b) { return value(a.item) < value(b.item); });
    for (auto n = begin; n < end; ++n) {
      out.columns[n] = value(row[n - begin].item);
      out.values[n] = row[n - begin].score;
    }
  }
  return out;
}

/// Row i is the list of i. Empties the lists.
Csr rows_of_history(std::vector<NeighbourLists::Lists>& lists) {
  Csr out;
  out.rows = out.cols = lists.size();
  out.offsets.reserve(out.rows + 1);
  for (const auto& list : lists) out.offsets.push_back(out.offsets.back() + static_cast<std::int64_t>(list.nearest.size()));
  out.columns.reserve(static_cast<std::size_t>(out.offsets.back()));
  out.values.reserve(out.columns.capacity());
  for (auto& list : lists) {
    std::sort(list.nearest.begin(), list.nearest.end(), [](const Scored& a, const Scored& b) { return value(a.item) < value(b.item); });
    for (const auto& scored : list.nearest) {
      out.columns.push_back(value(scored.item));
      out.values.push_back(scored.score);
    }
    list.nearest = {};
  }
  return out;
}

}  // namespace

void NeighbourLists::keep(std::uint32_t item, Scratch& scratch) {
  const auto kept = scratch.nearest.kept();
  auto& list = lists_[item];
  list.nearest.assign(kept.begin(), kept.end());
  if (!by_candidate_) return;
  if (kept.size() == neighbours_) list.worst = *std::max_element(kept.begin(), kept.end(), ranks_before);
  if (symmetric_)
    for (const auto& scored : kept) scratch.own.push(scored.item, scored.score);
  const auto best = scratch.own.kept();
  list.own.assign(best.begin(), best.end());
}

void NeighbourLists::refuse(std::uint32_t item, std::uint32_t other) const {
  throw Error(ErrorCode::numerical_failure, model_, "the weights of items " + std::to_string(item) + " and " + std::to_string(other) + " overflow");
}

Csr NeighbourLists::rows() { return by_candidate_ ? similarity_rows(lists_) : rows_of_history(lists_); }

}  // namespace pannier::cf
