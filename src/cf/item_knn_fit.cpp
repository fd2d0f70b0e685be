#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "cf/item_knn_model.hpp"
#include "cf/neighbour_lists.hpp"
#include "pannier/core/error.hpp"
#include "pannier/data/co_occurrence.hpp"

namespace pannier::cf {
namespace {

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

/// Fills `kept` with the rows of at most `longest` positive weights, the others empty, where there are longer ones; returns how many there are.
std::size_t leave_out_longer(const CsrView& events, std::size_t longest, Csr& kept) {
  const auto is_longer = [&](std::size_t row) {
    const auto weights = events.row_values(row);
    return weights.size() > longest && static_cast<std::size_t>(std::ranges::count_if(weights, [](float weight) { return weight > 0; })) > longest;
  };
  std::size_t longer = 0;
  for (std::size_t row = 0; row < events.rows; ++row) longer += is_longer(row);
  if (longer == 0) return 0;
  kept = {.rows = events.rows, .cols = events.cols, .offsets = {0}, .columns = {}, .values = {}};
  for (std::size_t row = 0; row < events.rows; ++row) {
    if (!is_longer(row)) {
      kept.columns.insert(kept.columns.end(), events.row_columns(row).begin(), events.row_columns(row).end());
      kept.values.insert(kept.values.end(), events.row_values(row).begin(), events.row_values(row).end());
    }
    kept.offsets.push_back(static_cast<std::int64_t>(kept.columns.size()));
  }
  return longer;
}

}  // namespace

ItemKnnFit fit_item_knn(const CsrView& given, const ItemKnnConfig& config, const FitControl& control) {
  validate(config);
  require_valid_weights(given, "events");
  Csr shorter;
  const auto longer = leave_out_longer(given, static_cast<std::size_t>(config.longest_history), shorter);
  const CsrView events = longer == 0 ? given : CsrView(shorter);
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
  const bool by_candidate = config.similarity != ItemSimilarity::rp3, symmetric = is_symmetric(config.similarity);
  NeighbourLists lists("item_knn", events.cols, static_cast<std::size_t>(config.neighbours), by_candidate, symmetric, control.execution);
  data::for_each_co_occurrence(
      weights, by_item, control,
      [&](std::uint32_t item, std::span<const std::uint32_t> others, std::span<const float> sums, int worker) {
        lists.select(item, others, sums, worker, [&](std::uint32_t from, std::uint32_t to, float sum) {
          return static_cast<float>(static_cast<double>(sum) / denominator(from, to, static_cast<double>(sum)));
        });
      });

  const auto rows = std::make_shared<const Csr>(lists.rows());
  ItemKnnFit fit;
  fit.model = make_item_knn(config, {rows->offsets, rows->columns, rows->values}, rows);
  fit.report.detail = std::to_string(rows->columns.size()) + " similarities kept";
  if (longer != 0)
    fit.report.detail += ", " + std::to_string(longer) + (longer == 1 ? " person" : " people") + " of more than " + std::to_string(config.longest_history) + " items left out";
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

Csr largest_products(const CsrView& events, std::uint32_t count, const FitControl& control) {
  require_valid_weights(events, "events");
  if (events.cols == 0) throw Error(ErrorCode::invalid_argument, "events", "has no items", "at least one column");
  if (count == 0) throw Error(ErrorCode::invalid_argument, "count", "is 0", "at least 1");
  const auto by_item = transpose(events);
  std::vector<std::vector<Scored>> lists(events.cols);
  std::vector<TopK> tops(static_cast<std::size_t>(resolved_threads(control.execution)));
  data::for_each_co_occurrence(events, by_item, control, [&](std::uint32_t item, std::span<const std::uint32_t> others, std::span<const float> sums, int worker) {
    auto& top = tops[static_cast<std::size_t>(worker)];
    top.reset(std::min<std::size_t>(count, events.cols));
    for (std::size_t n = 0; n < others.size(); ++n) {
      if (!std::isfinite(sums[n]))
        throw Error(ErrorCode::numerical_failure, "largest_products", "the sum of items " + std::to_string(item) + " and " + std::to_string(others[n]) + " is not finite", "smaller weights");
      top.push(ItemIndex{others[n]}, sums[n]);
    }
    const auto kept = top.kept();
    lists[item].assign(kept.begin(), kept.end());
    std::ranges::sort(lists[item], {}, &Scored::item);
  });
  Csr out{.rows = events.cols, .cols = events.cols, .offsets = {0}, .columns = {}, .values = {}};
  for (const auto& list : lists) {
    for (const auto& [item, sum] : list) {
      out.columns.push_back(value(item));
      out.values.push_back(sum);
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.columns.size()));
  }
  return out;
}

std::shared_ptr<const ItemKnnModel> item_knn_of(Csr similarities) {
  require_valid_weights(similarities, "similarities");
  if (similarities.rows != similarities.cols || similarities.rows == 0)
    throw Error(ErrorCode::invalid_argument, "similarities", "are " + std::to_string(similarities.rows) + " x " + std::to_string(similarities.cols), "a row and a column an item");
  ItemKnnConfig config;
  config.neighbours = 1;
  for (std::size_t row = 0; row < similarities.rows; ++row)
    config.neighbours = std::max(config.neighbours, static_cast<std::int32_t>(std::min<std::int64_t>(100000, similarities.offsets[row + 1] - similarities.offsets[row])));
  const auto rows = std::make_shared<const Csr>(std::move(similarities));
  return make_item_knn(config, {rows->offsets, rows->columns, rows->values}, rows);
}

}  // namespace pannier::cf
