/// Two passes of the co-occurrence kernel over the baskets: the first finds how strong a pair must be to be beyond chance, the second keeps
/// the best of those; a third one, over visits, drops substitutes.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cf/together_model.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/top_k.hpp"
#include "pannier/data/co_occurrence.hpp"

namespace pannier::cf {
namespace {

double x_log_x(double x) { return x > 0 ? x * std::log(x) : 0; }

/// Rows as sets: ones where something weighs, without rows that are empty or longer than `longest`.
struct Sets {
  Csr rows, by_item;
  std::uint64_t left_out = 0;
  [[nodiscard]] std::uint64_t count() const noexcept { return rows.rows; }
  [[nodiscard]] std::uint64_t with(std::size_t item) const noexcept { return static_cast<std::uint64_t>(by_item.offsets[item + 1] - by_item.offsets[item]); }
};

Sets sets_of(const CsrView& matrix, std::size_t items, std::size_t longest) {
  Sets out;
  out.rows.cols = items;
  auto& rows = out.rows;
  for (std::size_t r = 0; r < matrix.rows; ++r) {
    const auto begin = rows.columns.size();
    const auto columns = matrix.row_columns(r);
    const auto values = matrix.row_values(r);
    for (std::size_t n = 0; n < columns.size(); ++n)
      if (values[n] > 0) rows.columns.push_back(columns[n]);
    if (rows.columns.size() - begin > longest) {
      ++out.left_out;
      rows.columns.resize(begin);
    }
    if (rows.columns.size() > begin) rows.offsets.push_back(static_cast<std::int64_t>(rows.columns.size()));
  }
  rows.rows = rows.offsets.size() - 1;
  rows.values.assign(rows.columns.size(), 1.0f);
  out.by_item = transpose(rows);
  return out;
}

/// G² of pairs of one set of baskets, with what belongs to single items computed once, and x log x of small numbers too.
class Surprise {
 public:
  explicit Surprise(const Sets& baskets) : baskets_(baskets), table_(std::min<std::uint64_t>(baskets.count(), largest_table) + 1) {
    for (std::size_t x = 0; x < table_.size(); ++x) table_[x] = x_log_x(static_cast<double>(x));
    singles_.resize(baskets.by_item.rows);
    for (std::size_t i = 0; i < singles_.size(); ++i) singles_[i] = of(baskets.with(i)) + of(baskets.count() - baskets.with(i));
    all_ = of(baskets.count());
  }
  /// 0 where chance joins them as often or more often.
  [[nodiscard]] double operator()(std::uint64_t both, std::uint32_t i, std::uint32_t j) const {
    const auto one = baskets_.with(i), other = baskets_.with(j), all = baskets_.count();
    if (both * all <= one * other) return 0;
    return std::max(0.0, 2 * (of(both) + of(one - both) + of(other - both) + of(all - one - other + both) - singles_[i] - singles_[j] + all_));
  }

 private:
  static constexpr std::uint64_t largest_table = 1u << 20;
  [[nodiscard]] double of(std::uint64_t x) const { return x < table_.size() ? table_[x] : x_log_x(static_cast<double>(x)); }
  const Sets& baskets_;
  std::vector<double> table_, singles_;
  double all_ = 0;
};

/// Chance that two independent items reach G² of at least `surprise` on the side of going together.
double chance_of(double surprise) { return std::erfc(std::sqrt(surprise / 2)) / 2; }

/// Counts of pairs by G², in steps.
class Histogram {
 public:
  static constexpr std::size_t steps_per_unit = 16, bins = 128 * steps_per_unit + 1;
  void add(double surprise) { ++counts_[std::min(bins - 1, static_cast<std::size_t>(surprise * steps_per_unit))]; }
  void merge(const Histogram& other) {
    for (std::size_t b = 0; b < bins; ++b) counts_[b] += other.counts_[b];
  }
  /// The least G² of which at most `share` of the pairs at or above it are expected by chance among `tests` pairs.
  [[nodiscard]] double bound(double share, double tests) const {
    std::uint64_t kept = 0;
    double best = std::numeric_limits<double>::infinity();
    for (std::size_t b = bins; b-- > 0;) {
      kept += counts_[b];
      const double at = static_cast<double>(b) / steps_per_unit;
      if (kept > 0 && chance_of(at) * tests <= share * static_cast<double>(kept)) best = at;
    }
    return best;
  }

 private:
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(bins, 0);
};

/// Own best that each item keeps beside the lists of the others.
constexpr std::size_t own_neighbours = 20;

/// A kept pair.
struct Pair {
  std::uint32_t item = 0, count = 0;
  float evidence = 0;
};

/// Pairs of one item: those it is offered by, and its own best, both in no order.
struct Lists {
  std::vector<Pair> nearest, own;
};

/// Baskets weighed by one over their length: what each item has of them, and each pair.
class Evidence {
 public:
  Evidence(const Sets& baskets, double lift_share) : rows_(baskets.rows), by_item_(baskets.by_item), weights_(baskets.count()), singles_(by_item_.rows), shares_(by_item_.rows) {
    double all = 0;
    for (std::size_t b = 0; b < weights_.size(); ++b) all += weights_[b] = 1.0 / static_cast<double>(rows_.row_columns(b).size());
    for (std::size_t i = 0; i < singles_.size(); ++i) {
      for (const auto basket : by_item_.row_columns(i)) singles_[i] += weights_[basket];
      shares_[i] = singles_[i] > 0 ? std::pow(all / singles_[i], lift_share) : 0;
    }
  }
  /// Adds the weights of the baskets of `item` up in `sums`, an entry an item, zero before.
  void add(std::uint32_t item, std::vector<double>& sums) const {
    for (const auto basket : by_item_.row_columns(item))
      for (const auto other : rows_.row_columns(basket)) sums[other] += weights_[basket];
  }
  /// Of `other` beside `one`, whose common baskets weigh `both`.
  [[nodiscard]] float of(double both, std::uint32_t one, std::uint32_t other) const { return static_cast<float>(both / singles_[one] * shares_[other]); }

 private:
  CsrView rows_, by_item_;
  std::vector<double> weights_, singles_, shares_;
};

/// Turns the lists round: row i are the items in whose lists i stands, and its own best, by item. Empties the lists.
std::vector<std::vector<Pair>> rows_of(std::vector<Lists>& lists) {
  std::vector<std::vector<Pair>> rows(lists.size());
  for (std::uint32_t j = 0; j < lists.size(); ++j) {
    for (const auto& pair : lists[j].nearest) rows[pair.item].push_back({j, pair.count, pair.evidence});
    lists[j].nearest = {};
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto& row = rows[i];
    row.insert(row.end(), lists[i].own.begin(), lists[i].own.end());
    lists[i].own = {};
    std::sort(row.begin(), row.end(), [](const Pair& a, const Pair& b) { return a.item < b.item; });
    row.erase(std::unique(row.begin(), row.end(), [](const Pair& a, const Pair& b) { return a.item == b.item; }), row.end());
  }
  return rows;
}

struct Arrays {
  std::vector<std::uint32_t> item_baskets, columns, counts;
  std::vector<std::int64_t> offsets{0};
  std::vector<float> evidence;
};

/// Drops the pairs that visits know as one or the other; returns how many.
std::uint64_t drop_substitutes(std::vector<std::vector<Pair>>& kept, const Sets& baskets, const Sets& visits, const TogetherConfig& config,
                               const FitControl& control) {
  struct Scratch {
    std::vector<std::uint32_t> seen;
    std::uint64_t dropped = 0;
  };
  std::vector<Scratch> scratches(static_cast<std::size_t>(resolved_threads(control.execution)));
  const auto share = [](std::uint64_t both, std::uint64_t one, std::uint64_t other) {
    return static_cast<double>(both) / static_cast<double>(one + other - both);
  };
  data::for_each_co_occurrence(visits.rows, visits.by_item, control,
                               [&](std::uint32_t item, std::span<const std::uint32_t> others, std::span<const float> sums, int worker) {
                                 auto& scratch = scratches[static_cast<std::size_t>(worker)];
                                 scratch.seen.resize(kept.size(), 0);
                                 for (std::size_t n = 0; n < others.size(); ++n) scratch.seen[others[n]] = static_cast<std::uint32_t>(sums[n]);
                                 scratch.dropped += std::erase_if(kept[item], [&](const Pair& pair) {
                                   const auto seen = scratch.seen[pair.item];
                                   return seen >= static_cast<std::uint32_t>(config.minimum_count) &&
                                          share(pair.count, baskets.with(item), baskets.with(pair.item)) <
                                              static_cast<double>(config.substitutes) * share(seen, visits.with(item), visits.with(pair.item));
                                 });
                                 for (const auto other : others) scratch.seen[other] = 0;
                               });
  std::uint64_t dropped = 0;
  for (const auto& scratch : scratches) dropped += scratch.dropped;
  return dropped;
}

}  // namespace

double log_likelihood_ratio(std::uint64_t both, std::uint64_t one, std::uint64_t other, std::uint64_t all) noexcept {
  if (one > all || other > all || both > one || both > other || one + other - both > all) return 0;
  const auto of = [](std::uint64_t x) { return x_log_x(static_cast<double>(x)); };
  return std::max(0.0, 2 * (of(both) + of(one - both) + of(other - both) + of(all - one - other + both) - of(one) - of(all - one) - of(other) -
                            of(all - other) + of(all)));
}

TogetherFit fit_together(const CsrView& baskets, const CsrView& visits, const TogetherConfig& config, const FitControl& control) {
  validate(config);
  require_valid_weights(baskets, "baskets");
  if (visits.rows != 0) require_valid_weights(visits, "visits");
  if (baskets.cols == 0) throw Error(ErrorCode::invalid_argument, "baskets", "has no items", "at least one column");
  if (visits.rows != 0 && visits.cols != baskets.cols)
    throw Error(ErrorCode::invalid_argument, "visits", "has " + std::to_string(visits.cols) + " items", "those of the baskets, " + std::to_string(baskets.cols));
  const auto begin = std::chrono::steady_clock::now();
  const auto items = baskets.cols;
  const auto longest = static_cast<std::size_t>(config.longest_basket);
  const auto least = static_cast<std::uint64_t>(config.minimum_count);
  const auto threads = static_cast<std::size_t>(resolved_threads(control.execution));

  const auto sets = sets_of(baskets, items, longest);
  const Surprise surprise(sets);
  double bound = 0;
  if (config.significance < 1) {
    double candidates = 0;
    for (std::size_t i = 0; i < items; ++i) candidates += sets.with(i) >= least ? 1 : 0;
    std::vector<Histogram> histograms(threads);
    data::for_each_co_occurrence(sets.rows, sets.by_item, control,
                                 [&](std::uint32_t item, std::span<const std::uint32_t> others, std::span<const float> sums, int worker) {
                                   for (std::size_t n = 0; n < others.size(); ++n) {
                                     const auto both = static_cast<std::uint64_t>(sums[n]);
                                     if (others[n] <= item || both < least) continue;
                                     if (const auto found = surprise(both, item, others[n]); found > 0) histograms[static_cast<std::size_t>(worker)].add(found);
                                   }
                                 });
    for (std::size_t w = 1; w < threads; ++w) histograms[0].merge(histograms[w]);
    bound = histograms[0].bound(config.significance, candidates * (candidates - 1) / 2);
  }

  struct Scratch {
    TopK nearest, own;
    std::vector<std::uint32_t> counts;
    std::vector<double> weights;
  };
  std::vector<Scratch> scratches(threads);
  const Evidence evidence(sets, static_cast<double>(config.lift_share));
  std::vector<Lists> lists(items);
  const auto neighbours = static_cast<std::size_t>(config.neighbours);
  data::for_each_co_occurrence(sets.rows, sets.by_item, control,
                               [&](std::uint32_t item, std::span<const std::uint32_t> others, std::span<const float> sums, int worker) {
                                 auto& [nearest, own, counts, weights] = scratches[static_cast<std::size_t>(worker)];
                                 nearest.reset(neighbours);
                                 own.reset(std::min(neighbours, own_neighbours));
                                 counts.resize(items);
                                 weights.resize(items, 0);
                                 evidence.add(item, weights);
                                 for (std::size_t n = 0; n < others.size(); ++n) {
                                   const auto other = others[n];
                                   const auto both = static_cast<std::uint64_t>(sums[n]);
                                   if (other == item || both < least) continue;
                                   const auto found = surprise(both, item, other);
                                   if (!(found > 0) || found < bound) continue;
                                   counts[other] = static_cast<std::uint32_t>(both);
                                   nearest.push(ItemIndex{other}, evidence.of(weights[other], other, item));
                                   own.push(ItemIndex{other}, evidence.of(weights[other], item, other));
                                 }
                                 weights[item] = 0;
                                 for (const auto other : others) weights[other] = 0;
                                 for (const auto& [other, score] : nearest.kept()) lists[item].nearest.push_back({value(other), counts[value(other)], score});
                                 for (const auto& [other, score] : own.kept()) lists[item].own.push_back({value(other), counts[value(other)], score});
                               });
  auto kept = rows_of(lists);

  std::uint64_t substitutes = 0, visits_left_out = 0;
  if (visits.rows != 0 && config.substitutes > 0) {
    const auto seen = sets_of(visits, items, longest);
    visits_left_out = seen.left_out;
    substitutes = drop_substitutes(kept, sets, seen, config, control);
  }

  const auto arrays = std::make_shared<Arrays>();
  for (std::size_t i = 0; i < items; ++i) {
    arrays->item_baskets.push_back(static_cast<std::uint32_t>(sets.with(i)));
    for (const auto& pair : kept[i]) {
      arrays->columns.push_back(pair.item);
      arrays->counts.push_back(pair.count);
      arrays->evidence.push_back(pair.evidence);
    }
    kept[i] = {};
    arrays->offsets.push_back(static_cast<std::int64_t>(arrays->columns.size()));
  }
  TogetherFit fit;
  fit.model = make_together(config,
                            {.baskets = sets.count(), .item_baskets = arrays->item_baskets, .offsets = arrays->offsets, .columns = arrays->columns,
                             .counts = arrays->counts, .evidence = arrays->evidence},
                            arrays);
  fit.report.detail = std::to_string(arrays->columns.size()) + " pairs kept of " + std::to_string(sets.count()) + " baskets; left out: " +
                      std::to_string(substitutes) + " substitutes, " + std::to_string(sets.left_out) + " baskets and " + std::to_string(visits_left_out) +
                      " visits of more than " + std::to_string(longest) + " items";
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

}  // namespace pannier::cf
