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

/// The rows with their weights replaced; `made` holds those of every similarity but cosine.
CsrView weighed(const CsrView& events, const ItemKnnConfig& config, std::vector<float>& made) {
  if (config.similarity == ItemSimilarity::cosine) return events;
  made.resize(events.nonzeros());
  const auto items = static_cast<double>(events.cols);
  std::vector<double> lengths;
  double mean = 0;
  if (config.similarity == ItemSimilarity::bm25) {
    lengths.assign(events.cols, 0.0);
    for (std::size_t n = 0; n < events.nonzeros(); ++n) lengths[events.columns[n]] += static_cast<double>(events.values[n]);
    for (const auto length : lengths) mean += length / items;
  }
  const auto k1 = static_cast<double>(config.k1), b = static_cast<double>(config.b);
  for (std::size_t u = 0; u < events.rows; ++u) {
    const auto weights = events.row_values(u);
    const auto columns = events.row_columns(u);
    const auto has = static_cast<double>(std::count_if(weights.begin(), weights.end(), [](float x) { return x > 0; }));
    const auto idf = std::abs(std::log(items / (1 + has)));
    const auto first = static_cast<std::size_t>(events.offsets[u]);
    for (std::size_t n = 0; n < weights.size(); ++n) {
      const auto x = static_cast<double>(weights[n]);
      double y = 0;
      if (x > 0) switch (config.similarity) {
          case ItemSimilarity::tfidf: y = std::sqrt(x) * idf; break;
          case ItemSimilarity::bm25: y = idf * x * (k1 + 1) / (x + k1 * (1 - b + b * lengths[columns[n]] / mean)); break;
          case ItemSimilarity::jaccard:
          case ItemSimilarity::cosine: y = 1; break;
        }
      made[first + n] = static_cast<float>(y);
    }
  }
  return {events.rows, events.cols, events.offsets, events.columns, made};
}

/// What a sum is divided by: norms (cosine, tfidf), people with an item (jaccard), nothing (bm25).
class Denominator {
 public:
  Denominator(const CsrView& by_item, const ItemKnnConfig& config) : similarity_(config.similarity), shrinkage_(config.shrinkage) {
    if (similarity_ == ItemSimilarity::bm25) return;
    sizes_ = column_norms(by_item);
    if (similarity_ == ItemSimilarity::jaccard)
      for (auto& size : sizes_) size = std::round(size * size);  // Ones: the number of people.
  }
  [[nodiscard]] double operator()(std::uint32_t i, std::uint32_t j, double sum) const {
    switch (similarity_) {
      case ItemSimilarity::bm25: return 1;
      case ItemSimilarity::jaccard: return sizes_[i] + sizes_[j] - sum + shrinkage_;
      case ItemSimilarity::cosine:
      case ItemSimilarity::tfidf: break;
    }
    return sizes_[i] * sizes_[j] + shrinkage_;
  }

 private:
  static std::vector<double> column_norms(const CsrView& by_item);
  ItemSimilarity similarity_;
  double shrinkage_;
  std::vector<double> sizes_;
};

std::vector<double> Denominator::column_norms(const CsrView& by_item) {
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
  if (config.similarity == ItemSimilarity::bm25 && config.shrinkage != 0)
    throw Error(ErrorCode::invalid_argument, "shrinkage", "is " + std::to_string(config.shrinkage) + " beside bm25, which divides by nothing", "0");
  const auto begin = std::chrono::steady_clock::now();

  std::vector<float> made;
  const auto weights = weighed(events, config, made);
  const auto by_item = transpose(weights);
  const Denominator denominator(by_item, config);
  const auto neighbours = static_cast<std::size_t>(config.neighbours);
  std::vector<Lists> lists(events.cols);
  struct Scratch {
    TopK nearest, own;
  };
  std::vector<Scratch> scratches(static_cast<std::size_t>(resolved_threads(control.execution)));
  data::for_each_co_occurrence(
      weights, by_item, control,
      [&](std::uint32_t item, std::span<const std::uint32_t> others, std::span<const float> sums, int worker) {
        auto& [nearest, own] = scratches[static_cast<std::size_t>(worker)];
        nearest.reset(neighbours);
        for (std::size_t n = 0; n < others.size(); ++n) {
          const auto other = others[n];
          if (other == item) continue;
          const auto similarity = static_cast<float>(static_cast<double>(sums[n]) / denominator(item, other, static_cast<double>(sums[n])));
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
