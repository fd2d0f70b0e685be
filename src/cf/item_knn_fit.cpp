#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "cf/item_knn_model.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/top_k.hpp"
#include "pannier/data/co_occurrence.hpp"

namespace pannier::cf {
namespace {

/// Nearest items that each item keeps beside the lists of the others.
constexpr std::size_t own_neighbours = 20;

/// What the product leaves of one item: the nearest that it is recommended by, and its own nearest, both in no order.
struct Lists {
  std::vector<Scored> nearest, own;
  Scored worst{no_item, -1};  ///< The last of `nearest` when that is full: what ranks after it is not in it.
};

std::vector<double> column_norms(const CsrView& by_item) {
  std::vector<double> out(by_item.rows);
  for (std::size_t i = 0; i < by_item.rows; ++i) {
    double squares = 0;
    for (const float x : by_item.row_values(i)) squares += static_cast<double>(x) * static_cast<double>(x);
    out[i] = std::sqrt(squares);
  }
  return out;
}

/// Turns the candidates' lists round: row i are the items in whose lists i stands, and its own nearest. Empties the lists.
Csr similarity_rows(std::vector<Lists>& lists) {
  const auto items = lists.size();
  // The products are symmetric, so whether i stands in the list of j shows from j's worst entry.
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

}  // namespace

ItemKnnFit fit_item_knn(const CsrView& events, const ItemKnnConfig& config, const FitControl& control) {
  validate(config);
  require_valid_weights(events, "events");
  if (events.cols == 0) throw Error(ErrorCode::invalid_argument, "events", "has no items", "at least one column");
  const auto begin = std::chrono::steady_clock::now();

  const auto by_item = transpose(events);
  const auto norms = column_norms(by_item);
  const auto shrinkage = static_cast<double>(config.shrinkage);
  const auto neighbours = static_cast<std::size_t>(config.neighbours);
  std::vector<Lists> lists(events.cols);
  struct Scratch {
    TopK nearest, own;
  };
  std::vector<Scratch> scratches(static_cast<std::size_t>(resolved_threads(control.execution)));
  data::for_each_co_occurrence(
      events, by_item, control,
      [&](std::uint32_t item, std::span<const std::uint32_t> others, std::span<const float> sums, int worker) {
        auto& [nearest, own] = scratches[static_cast<std::size_t>(worker)];
        nearest.reset(neighbours);
        for (std::size_t n = 0; n < others.size(); ++n) {
          const auto other = others[n];
          if (other == item) continue;
          const auto similarity = static_cast<float>(static_cast<double>(sums[n]) / (norms[item] * norms[other] + shrinkage));
          if (!std::isfinite(similarity))
            throw Error(ErrorCode::numerical_failure, "item_knn", "the weights of items " + std::to_string(item) + " and " + std::to_string(other) + " overflow");
          if (similarity > 0) nearest.push(ItemIndex{other}, similarity);
        }
        const auto kept = nearest.kept();
        auto& list = lists[item];
        list.nearest.assign(kept.begin(), kept.end());
        if (kept.size() == neighbours)
          list.worst = *std::max_element(kept.begin(), kept.end(), ranks_before);
        own.reset(std::min(neighbours, own_neighbours));
        for (const auto& scored : kept) own.push(scored.item, scored.score);
        const auto best = own.kept();
        list.own.assign(best.begin(), best.end());
      });

  const auto rows = std::make_shared<const Csr>(similarity_rows(lists));
  ItemKnnFit fit;
  fit.model = make_item_knn(config, {rows->offsets, rows->columns, rows->values}, rows);
  fit.report.detail = std::to_string(rows->columns.size()) + " similarities kept";
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

}  // namespace pannier::cf
