#include "pannier/evaluate/protocol.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <iterator>
#include <tuple>
#include <utility>

#include "pannier/core/error.hpp"
#include "pannier/core/item_set.hpp"
#include "pannier/core/random.hpp"
#include "pannier/evaluate/metrics.hpp"

namespace pannier::evaluate {
namespace {

constexpr std::size_t people_at_once = 2048;
constexpr std::size_t bootstrap_draws = 1000;
constexpr std::uint64_t bootstrap_seed = 0x70616E6E696572;  // any number, for ever the same

/// The people who are ranked for, and what is held out of each.
struct Audience {
  std::vector<std::size_t> rows;
  Csr held_out;  ///< One row a person of `rows`.
};

Audience audience_of(const CsrView& train, const CsrView& test, bool exclude_seen) {
  Audience out;
  out.held_out.cols = test.cols;
  for (std::size_t r = 0; r < test.rows; ++r) {
    const auto seen = train.row_columns(r), held_out = test.row_columns(r);
    auto& columns = out.held_out.columns;
    const auto before = columns.size();
    if (exclude_seen) {
      std::set_difference(held_out.begin(), held_out.end(), seen.begin(), seen.end(), std::back_inserter(columns));
    } else {
      columns.insert(columns.end(), held_out.begin(), held_out.end());
    }
    if (columns.size() == before) continue;
    out.rows.push_back(r);
    out.held_out.offsets.push_back(static_cast<std::int64_t>(columns.size()));
  }
  out.held_out.rows = out.rows.size();
  out.held_out.values.assign(out.held_out.columns.size(), 1.0f);
  return out;
}

/// The training rows of some people as one matrix.
Csr rows_of(const CsrView& matrix, std::span<const std::size_t> rows) {
  Csr out;
  out.rows = rows.size();
  out.cols = matrix.cols;
  for (const auto r : rows) {
    const auto columns = matrix.row_columns(r);
    const auto values = matrix.row_values(r);
    out.columns.insert(out.columns.end(), columns.begin(), columns.end());
    out.values.insert(out.values.end(), values.begin(), values.end());
    out.offsets.push_back(static_cast<std::int64_t>(out.columns.size()));
  }
  return out;
}

/// How surprising each item is: -log2 of the share of people who have it; one person at least.
std::vector<double> surprise_of(const CsrView& train) {
  std::vector<std::uint64_t> people(train.cols, 0);
  for (const auto column : train.columns) ++people[column];
  std::uint64_t all = 0;
  for (std::size_t r = 0; r < train.rows; ++r) all += !train.row_columns(r).empty();
  std::vector<double> out(train.cols);
  for (std::size_t i = 0; i < train.cols; ++i)
    out[i] = std::log2(static_cast<double>(std::max<std::uint64_t>(1, all)) / static_cast<double>(std::max<std::uint64_t>(1, people[i])));
  return out;
}

/// 95 % of the means of samples drawn with replacement; draw d has its own random numbers.
std::pair<double, double> bootstrap_interval(const std::vector<double>& values, const FitControl& control) {
  std::vector<double> means(bootstrap_draws);
  parallel_blocks(control.execution, bootstrap_draws, 10, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t draw = begin; draw < end; ++draw) {
      Random random(bootstrap_seed, 0, draw);
      double sum = 0;
      for (std::size_t n = 0; n < values.size(); ++n) sum += values[random.below(values.size())];
      means[draw] = sum / static_cast<double>(values.size());
    }
  });
  std::sort(means.begin(), means.end());
  const std::size_t tail = bootstrap_draws / 40;
  return {means[tail], means[bootstrap_draws - 1 - tail]};
}

/// What is summed up at one cut-off.
struct CutOff {
  explicit CutOff(std::uint32_t k_, std::size_t people, std::uint32_t items) : k(k_), ndcg(people), shown(items) {}
  std::uint32_t k;
  ListMetrics sum;
  std::vector<double> ndcg;
  ItemSet shown;
  double surprise = 0;
  std::uint64_t slots = 0;
};

/// Ranks for some people of the training part, given by their rows: one list a person, padded with no_item.
using RankPeople = std::function<void(std::span<const std::size_t> rows, std::uint32_t count, std::span<ItemIndex> items)>;

Quality measure(const model::Recommender& model, const CsrView& train, const CsrView& test, const ProtocolConfig& config, const FitControl& control,
                const RankPeople& rank) {
  const auto refuse = [](std::string where, std::string problem, std::string allowed) {
    throw Error(ErrorCode::invalid_argument, std::move(where), std::move(problem), std::move(allowed));
  };
  require_valid_weights(train, "train");
  require_valid_weights(test, "test");
  if (train.cols != model.item_count()) refuse("train", std::to_string(train.cols) + " items", "those of the model, " + std::to_string(model.item_count()));
  if (test.rows != train.rows || test.cols != train.cols)
    refuse("test", std::to_string(test.rows) + " x " + std::to_string(test.cols), "the shape of train, " + std::to_string(train.rows) + " x " + std::to_string(train.cols));
  if (config.at.empty()) refuse("at", "no cut-off", "at least one");
  for (const auto k : config.at)
    if (k == 0) refuse("at", "a cut-off of 0", "cut-offs of at least 1");

  const auto audience = audience_of(train, test, config.exclude_seen);
  if (audience.rows.empty()) refuse("test", "nobody with a held-out item", "at least one person");
  Quality quality;
  quality.people = audience.rows.size();
  quality.empty_people = test.rows - audience.rows.size();
  quality.held_out = audience.held_out.columns.size();

  const auto surprise = surprise_of(train);
  const CsrView held_out = audience.held_out;
  std::vector<CutOff> cut_offs;
  for (const auto k : config.at) cut_offs.emplace_back(k, audience.rows.size(), model.item_count());
  // A list longer than the catalogue has nothing more in it.
  const auto count = std::min(*std::max_element(config.at.begin(), config.at.end()), model.item_count());
  std::vector<ItemIndex> items;

  checkpoint(control, "ranking", 0, audience.rows.size());
  for (std::size_t begin = 0; begin < audience.rows.size(); begin += people_at_once) {
    const auto people = std::min(people_at_once, audience.rows.size() - begin);
    items.resize(people * count);
    const auto start = std::chrono::steady_clock::now();
    rank(std::span(audience.rows).subspan(begin, people), count, items);
    quality.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

    for (std::size_t p = 0; p < people; ++p) {
      const auto ranked = std::span<const ItemIndex>(items).subspan(p * count, count);
      for (auto& cut : cut_offs) {
        const auto metrics = list_metrics(ranked, held_out.row_columns(begin + p), cut.k);
        cut.sum.recall += metrics.recall;
        cut.sum.recall_min += metrics.recall_min;
        cut.sum.ndcg += metrics.ndcg;
        cut.sum.hit += metrics.hit;
        cut.sum.reciprocal_rank += metrics.reciprocal_rank;
        cut.sum.average_precision += metrics.average_precision;
        cut.ndcg[begin + p] = metrics.ndcg;
        for (std::size_t n = 0; n < std::min<std::size_t>(cut.k, count) && ranked[n] != no_item; ++n) {
          cut.shown.insert(ranked[n]);
          cut.surprise += surprise[value(ranked[n])];
          ++cut.slots;
        }
      }
    }
    checkpoint(control, "ranking", begin + people, audience.rows.size());
  }

  const auto people = static_cast<double>(audience.rows.size());
  for (const auto& cut : cut_offs) {
    const auto at = "@" + std::to_string(cut.k);
    quality.metrics["recall" + at] = cut.sum.recall / people;
    quality.metrics["recall_min" + at] = cut.sum.recall_min / people;
    quality.metrics["ndcg" + at] = cut.sum.ndcg / people;
    quality.metrics["hr" + at] = cut.sum.hit / people;
    quality.metrics["mrr" + at] = cut.sum.reciprocal_rank / people;
    quality.metrics["map" + at] = cut.sum.average_precision / people;
    quality.metrics["coverage" + at] = static_cast<double>(cut.shown.count()) / static_cast<double>(model.item_count());
    quality.metrics["novelty" + at] = cut.slots == 0 ? 0 : cut.surprise / static_cast<double>(cut.slots);
    quality.interval["ndcg" + at] = bootstrap_interval(cut.ndcg, control);
  }
  return quality;
}

/// One person's history with all that a split knows of it, oldest first.
struct PersonHistory {
  std::vector<data::HistoryCell> cells;
  std::vector<ItemIndex> items;
  std::vector<float> weights;
  std::vector<data::EventKind> kinds;
  std::vector<std::int64_t> ages_us;
  std::vector<model::Bought> bought;
  std::vector<Scored> out;
  model::Workspace workspace;

  [[nodiscard]] model::History of(std::span<const data::HistoryCell> row, std::int64_t now_us) {
    cells.assign(row.begin(), row.end());
    std::sort(cells.begin(), cells.end(), [](const data::HistoryCell& a, const data::HistoryCell& b) {
      return std::tie(a.last_time_us, a.item) < std::tie(b.last_time_us, b.item);
    });
    items.clear(), weights.clear(), kinds.clear(), ages_us.clear(), bought.clear();
    for (const auto& cell : cells) {
      items.push_back(ItemIndex{cell.item});
      weights.push_back(cell.weight);
      kinds.push_back(cell.last_kind);
      ages_us.push_back(std::max<std::int64_t>(0, now_us - cell.last_time_us));
      bought.push_back(model::aged(cell.purchases, now_us));
    }
    return {.items = items, .weights = weights, .kinds = kinds, .ages_us = ages_us, .bought = bought};
  }
};

}  // namespace

Quality evaluate(const model::Recommender& model, const CsrView& train, const CsrView& test, const ProtocolConfig& config, const FitControl& control) {
  std::vector<float> scores;
  return measure(model, train, test, config, control, [&](std::span<const std::size_t> rows, std::uint32_t count, std::span<ItemIndex> items) {
    scores.resize(items.size());
    model.recommend_batch(rows_of(train, rows), {.count = count, .allowed = nullptr, .exclude_history = config.exclude_seen, .time_us = 0},
                          control.execution, items, scores);
  });
}

Quality evaluate(const model::Recommender& model, const data::Split& split, const ProtocolConfig& config, const FitControl& control) {
  if (split.cells.empty()) return evaluate(model, split.train, split.test, config, control);
  const CsrView train = split.train;
  if (split.cells.size() != train.columns.size())
    throw Error(ErrorCode::invalid_argument, "cells", std::to_string(split.cells.size()) + " of them", "one a training cell, " + std::to_string(train.columns.size()));
  std::vector<PersonHistory> people(static_cast<std::size_t>(resolved_threads(control.execution)));
  return measure(model, train, split.test, config, control, [&](std::span<const std::size_t> rows, std::uint32_t count, std::span<ItemIndex> items) {
    constexpr std::size_t block = 64;
    parallel_blocks_with_worker(control.execution, rows.size(), block, [&](std::size_t begin, std::size_t end, std::size_t, int worker) {
      auto& person = people[static_cast<std::size_t>(worker)];
      person.out.resize(count);
      for (std::size_t n = begin; n < end; ++n) {
        const auto first = static_cast<std::size_t>(train.offsets[rows[n]]);
        const auto history = person.of(std::span(split.cells).subspan(first, train.row_columns(rows[n]).size()), split.now_us);
        const auto found = model.recommend(history, {.count = count, .allowed = nullptr, .exclude_history = config.exclude_seen, .time_us = split.now_us},
                                           person.workspace, person.out);
        for (std::size_t i = 0; i < count; ++i) items[n * count + i] = i < found ? person.out[i].item : no_item;
      }
    });
  });
}

}  // namespace pannier::evaluate
