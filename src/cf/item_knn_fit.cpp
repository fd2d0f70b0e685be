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

double sum_of(std::span<const float> weights) {
  double sum = 0;
  for (const float x : weights) sum += static_cast<double>(x);
  return sum;
}

double people_of(std::span<const float> weights) {
  return static_cast<double>(std::count_if(weights.begin(), weights.end(), [](float x) { return x > 0; }));
}

/// The rows with their weights replaced, so that the sum of a similarity is Y'Y; `made` holds the weights where they are not those of `events`.
CsrView weighed(const CsrView& events, const ItemKnnConfig& config, std::vector<float>& made) {
  if (config.similarity == ItemSimilarity::cosine || config.similarity == ItemSimilarity::asymmetric) return events;
  made.resize(events.nonzeros());
  const auto items = static_cast<double>(events.cols);
  std::vector<double> lengths;
  double mean = 0;
  if (config.similarity == ItemSimilarity::bm25) {
    lengths.assign(events.cols, 0.0);
    for (std::size_t n = 0; n < events.nonzeros(); ++n) lengths[events.columns[n]] += static_cast<double>(events.values[n]);
    for (const auto length : lengths) mean += length / items;
  }
  const auto k1 = static_cast<double>(config.k1), b = static_cast<double>(config.b), alpha = static_cast<double>(config.alpha);
  for (std::size_t u = 0; u < events.rows; ++u) {
    const auto weights = events.row_values(u);
    const auto columns = events.row_columns(u);
    const auto idf = std::abs(std::log(items / (1 + people_of(weights))));
    const auto root_mass = std::sqrt(sum_of(weights));  // A walk's step from u enters the sum once, and so each of two weights by its root.
    const auto first = static_cast<std::size_t>(events.offsets[u]);
    for (std::size_t n = 0; n < weights.size(); ++n) {
      const auto x = static_cast<double>(weights[n]);
      double y = 0;
      if (x > 0) switch (config.similarity) {
          case ItemSimilarity::tfidf: y = std::sqrt(x) * idf; break;
          case ItemSimilarity::bm25: y = idf * x * (k1 + 1) / (x + k1 * (1 - b + b * lengths[columns[n]] / mean)); break;
          case ItemSimilarity::p3:
          case ItemSimilarity::rp3: y = std::pow(x / root_mass, alpha); break;
          case ItemSimilarity::jaccard:
          case ItemSimilarity::tversky:
          case ItemSimilarity::cosine:
          case ItemSimilarity::asymmetric: y = 1; break;
        }
      made[first + n] = static_cast<float>(y);
      if (!std::isfinite(made[first + n]))
        throw Error(ErrorCode::numerical_failure, "item_knn", "the weight of row " + std::to_string(u) + " and item " + std::to_string(columns[n]) + " overflows");
    }
  }
  return {events.rows, events.cols, events.offsets, events.columns, made};
}

/// What the sum of a history's item and a candidate is divided by.
class Denominator {
 public:
  /// `by_item` holds the weights that are multiplied; `events` those of before.
  Denominator(const CsrView& events, const CsrView& by_item, const ItemKnnConfig& config)
      : similarity_(config.similarity), alpha_(static_cast<double>(config.alpha)), beta_(static_cast<double>(config.beta)), shrinkage_(static_cast<double>(config.shrinkage)) {
    switch (similarity_) {
      case ItemSimilarity::bm25: return;
      case ItemSimilarity::jaccard:
      case ItemSimilarity::tversky:
        for (std::size_t i = 0; i < by_item.rows; ++i) of_history_.push_back(people_of(by_item.row_values(i)));
        return;
      case ItemSimilarity::cosine:
      case ItemSimilarity::tfidf: of_candidate_ = of_history_ = norms(by_item); return;
      case ItemSimilarity::asymmetric:
        for (const auto norm : norms(by_item)) {
          of_history_.push_back(std::pow(norm, 2 * alpha_));
          of_candidate_.push_back(std::pow(norm, 2 * (1 - alpha_)));
        }
        return;
      case ItemSimilarity::p3:
      case ItemSimilarity::rp3: break;
    }
    of_history_.assign(events.cols, 0.0);
    for (std::size_t n = 0; n < events.nonzeros(); ++n) of_history_[events.columns[n]] += static_cast<double>(events.values[n]);
    for (auto& mass : of_history_) mass = std::pow(mass, alpha_);
    for (std::size_t i = 0; i < by_item.rows; ++i)
      of_candidate_.push_back(similarity_ == ItemSimilarity::p3 ? 1 : std::pow(people_of(by_item.row_values(i)), beta_));
  }
  [[nodiscard]] double operator()(std::uint32_t history, std::uint32_t candidate, double sum) const {
    switch (similarity_) {
      case ItemSimilarity::bm25: return 1;
      case ItemSimilarity::jaccard: return of_history_[history] + of_history_[candidate] - sum + shrinkage_;
      case ItemSimilarity::tversky: return sum + alpha_ * (of_history_[history] - sum) + beta_ * (of_history_[candidate] - sum) + shrinkage_;
      default: return of_history_[history] * of_candidate_[candidate] + shrinkage_;
    }
  }

 private:
  static std::vector<double> norms(const CsrView& by_item) {
    std::vector<double> out(by_item.rows);
    for (std::size_t i = 0; i < by_item.rows; ++i) {
      double squares = 0;
      for (const float x : by_item.row_values(i)) squares += static_cast<double>(x) * static_cast<double>(x);
      out[i] = std::sqrt(squares);
    }
    return out;
  }
  ItemSimilarity similarity_;
  double alpha_, beta_, shrinkage_;
  std::vector<double> of_history_, of_candidate_;
};

/// Turns the candidates' lists round: row i are the items in whose lists i stands, and its own nearest. Empties the lists.
Csr similarity_rows(std::vector<Lists>& lists) {
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
Csr rows_of_history(std::vector<Lists>& lists) {
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

bool is_symmetric(ItemSimilarity similarity) {
  switch (similarity) {
    case ItemSimilarity::cosine:
    case ItemSimilarity::tfidf:
    case ItemSimilarity::bm25:
    case ItemSimilarity::jaccard: return true;
    case ItemSimilarity::tversky:
    case ItemSimilarity::asymmetric:
    case ItemSimilarity::p3:
    case ItemSimilarity::rp3: break;
  }
  return false;
}

}  // namespace

ItemKnnFit fit_item_knn(const CsrView& events, const ItemKnnConfig& config, const FitControl& control) {
  validate(config);
  require_valid_weights(events, "events");
  if (events.cols == 0) throw Error(ErrorCode::invalid_argument, "events", "has no items", "at least one column");
  if (config.similarity == ItemSimilarity::bm25 && config.shrinkage != 0)
    throw Error(ErrorCode::invalid_argument, "shrinkage", "is " + std::to_string(config.shrinkage) + " beside bm25, which divides by nothing", "0");
  if (config.similarity == ItemSimilarity::asymmetric && config.alpha > 1)
    throw Error(ErrorCode::invalid_argument, "alpha", "is " + std::to_string(config.alpha) + " beside asymmetric, which shares the denominator by it", "0 to 1");
  const auto begin = std::chrono::steady_clock::now();

  std::vector<float> made;
  const auto weights = weighed(events, config, made);
  const auto by_item = transpose(weights);
  const Denominator denominator(events, by_item, config);
  const auto neighbours = static_cast<std::size_t>(config.neighbours);
  const bool by_candidate = config.similarity != ItemSimilarity::rp3, symmetric = is_symmetric(config.similarity);
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
        own.reset(std::min(neighbours, own_neighbours));
        for (std::size_t n = 0; n < others.size(); ++n) {
          const auto other = others[n];
          if (other == item) continue;
          const auto sum = static_cast<double>(sums[n]);
          const auto gives = static_cast<float>(sum / denominator(other, item, sum));
          const auto takes = symmetric ? gives : static_cast<float>(sum / denominator(item, other, sum));
          if (!std::isfinite(gives) || !std::isfinite(takes))
            throw Error(ErrorCode::numerical_failure, "item_knn", "the weights of items " + std::to_string(item) + " and " + std::to_string(other) + " overflow");
          if (by_candidate) {
            if (gives > 0) nearest.push(ItemIndex{other}, gives);
            if (!symmetric && takes > 0) own.push(ItemIndex{other}, takes);
          } else if (takes > 0) {
            nearest.push(ItemIndex{other}, takes);
          }
        }
        const auto kept = nearest.kept();
        auto& list = lists[item];
        list.nearest.assign(kept.begin(), kept.end());
        if (!by_candidate) return;
        if (kept.size() == neighbours) list.worst = *std::max_element(kept.begin(), kept.end(), ranks_before);
        if (symmetric)
          for (const auto& scored : kept) own.push(scored.item, scored.score);
        const auto best = own.kept();
        list.own.assign(best.begin(), best.end());
      });

  const auto rows = std::make_shared<const Csr>(by_candidate ? similarity_rows(lists) : rows_of_history(lists));
  ItemKnnFit fit;
  fit.model = make_item_knn(config, {rows->offsets, rows->columns, rows->values}, rows);
  fit.report.detail = std::to_string(rows->columns.size()) + " similarities kept";
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

}  // namespace pannier::cf
