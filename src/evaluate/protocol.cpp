#include "pannier/evaluate/protocol.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <iterator>
#include <tuple>
#include <string_view>
#include <utility>

#include "pannier/core/error.hpp"
#include "pannier/core/item_set.hpp"
#include "pannier/evaluate/beyond.hpp"
#include "pannier/evaluate/metrics.hpp"

namespace pannier::evaluate {
namespace {

constexpr std::size_t people_at_once = 2048;
constexpr std::size_t diverse_people = 1000;   ///< Of whom diversity by people is looked at.

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

/// What is summed up at one cut-off.
struct CutOff {
  CutOff(std::uint32_t k_, std::size_t people, std::size_t items) : k(k_), shown(items) { values.reserve(people * columns); }
  static constexpr std::size_t columns = 4;   ///< ndcg, recall, hr, map
  std::uint32_t k;
  ListMetrics sum;
  std::vector<double> values;                 ///< A person's columns one after the other.
  std::vector<double> new_users, tail;        ///< NDCG of the slices' people.
  std::vector<std::uint64_t> shown;           ///< How often each item.
  double surprise = 0, diversity = 0;
  std::uint64_t slots = 0, diverse_lists = 0;

  void add(const ListMetrics& metrics) {
    sum.recall += metrics.recall;
    sum.recall_min += metrics.recall_min;
    sum.ndcg += metrics.ndcg;
    sum.hit += metrics.hit;
    sum.reciprocal_rank += metrics.reciprocal_rank;
    sum.average_precision += metrics.average_precision;
    values.insert(values.end(), {metrics.ndcg, metrics.recall, metrics.hit, metrics.average_precision});
  }
};

void put_slice(Slice& slice, const std::string& name, const std::vector<double>& values, bool intervals, const FitControl& control) {
  slice.people = values.size();
  if (values.empty()) return;
  double sum = 0;
  for (const auto one : values) sum += one;
  slice.metrics[name] = sum / static_cast<double>(values.size());
  if (intervals) slice.interval[name] = bootstrap_intervals(values, 1, control).front();
}

void put_metrics(const CutOff& cut, bool with_intervals, Quality& quality, const FitControl& control) {
  const auto people = static_cast<double>(quality.people);
  const auto at = "@" + std::to_string(cut.k);
  auto& metrics = quality.metrics;
  metrics["recall" + at] = cut.sum.recall / people;
  metrics["recall_min" + at] = cut.sum.recall_min / people;
  metrics["ndcg" + at] = cut.sum.ndcg / people;
  metrics["hr" + at] = cut.sum.hit / people;
  metrics["mrr" + at] = cut.sum.reciprocal_rank / people;
  metrics["map" + at] = cut.sum.average_precision / people;
  const auto covered = std::count_if(cut.shown.begin(), cut.shown.end(), [](std::uint64_t times) { return times != 0; });
  metrics["coverage" + at] = static_cast<double>(covered) / static_cast<double>(cut.shown.size());
  metrics["novelty" + at] = cut.slots == 0 ? 0 : cut.surprise / static_cast<double>(cut.slots);
  metrics["gini" + at] = gini(cut.shown);
  if (cut.diverse_lists != 0) metrics["diversity" + at] = cut.diversity / static_cast<double>(cut.diverse_lists);
  if (with_intervals) {
    const auto intervals = bootstrap_intervals(cut.values, CutOff::columns, control);
    constexpr std::array<std::string_view, CutOff::columns> names{"ndcg", "recall", "hr", "map"};
    for (std::size_t c = 0; c < CutOff::columns; ++c) quality.interval[std::string(names[c]) + at] = intervals[c];
  }
  put_slice(quality.slices["new_users"], "ndcg" + at, cut.new_users, with_intervals, control);
  put_slice(quality.slices["tail_items"], "ndcg" + at, cut.tail, with_intervals, control);
}

/// Ranks for some people of the training part, given by their rows: one list a person, padded with no_item.
using RankPeople = std::function<void(std::span<const std::size_t> rows, std::uint32_t count, std::span<ItemIndex> items, std::span<float> scores)>;

Quality measure(const model::Recommender& model, const CsrView& train, const CsrView& test, const ProtocolConfig& config, const FitControl& control,
                const EachList& each, const RankPeople& rank) {
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

  const auto surprise = item_surprise(train);
  const auto head = head_items(train, config.head_share);
  quality.tail_items = train.cols - head.count();
  ListDiversity diversity(train, config.categories);
  quality.diversity_by_category = diversity.by_category();
  const std::size_t every = diversity.by_category() ? 1 : (audience.rows.size() + diverse_people - 1) / diverse_people;
  const CsrView held_out = audience.held_out;
  std::vector<CutOff> cut_offs;
  for (const auto k : config.at) cut_offs.emplace_back(k, audience.rows.size(), train.cols);
  // A list longer than the catalogue has nothing more in it.
  const auto count = std::min(*std::max_element(config.at.begin(), config.at.end()), model.item_count());
  std::vector<ItemIndex> items;
  std::vector<float> scores;
  std::vector<std::uint32_t> tail;
  std::vector<Scored> list;

  checkpoint(control, "ranking", 0, audience.rows.size());
  for (std::size_t begin = 0; begin < audience.rows.size(); begin += people_at_once) {
    const auto people = std::min(people_at_once, audience.rows.size() - begin);
    items.resize(people * count);
    scores.resize(people * count);
    const auto start = std::chrono::steady_clock::now();
    rank(std::span(audience.rows).subspan(begin, people), count, items, scores);
    quality.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

    for (std::size_t p = 0; p < people; ++p) {
      const auto row = audience.rows[begin + p];
      const auto targets = held_out.row_columns(begin + p);
      const auto padded = std::span<const ItemIndex>(items).subspan(p * count, count);
      const auto ranked = padded.first(static_cast<std::size_t>(std::find(padded.begin(), padded.end(), no_item) - padded.begin()));
      const bool is_new = train.row_columns(row).size() <= config.new_user_items;
      tail.clear();
      std::copy_if(targets.begin(), targets.end(), std::back_inserter(tail), [&](std::uint32_t item) { return !head.contains(ItemIndex{item}); });
      quality.slices["tail_items"].held_out += tail.size();
      if (is_new) quality.slices["new_users"].held_out += targets.size();
      for (auto& cut : cut_offs) {
        const auto top = ranked.first(std::min<std::size_t>(cut.k, ranked.size()));
        const auto metrics = list_metrics(top, targets, cut.k);
        cut.add(metrics);
        if (is_new) cut.new_users.push_back(metrics.ndcg);
        if (!tail.empty()) cut.tail.push_back(list_metrics(top, tail, cut.k).ndcg);
        for (const auto item : top) {
          ++cut.shown[value(item)];
          cut.surprise += surprise[value(item)];
        }
        cut.slots += top.size();
        if ((begin + p) % every != 0) continue;
        if (const auto varied = diversity.of(top)) {
          cut.diversity += *varied;
          ++cut.diverse_lists;
        }
      }
      if (!each) continue;
      list.clear();
      for (std::size_t n = 0; n < ranked.size(); ++n) list.push_back({ranked[n], scores[p * count + n]});
      each(row, list, targets);
    }
    checkpoint(control, "ranking", begin + people, audience.rows.size());
  }
  for (const auto& cut : cut_offs) put_metrics(cut, config.intervals, quality, control);
  for (std::size_t p = 0; p < audience.rows.size(); ++p) quality.person_ndcg.push_back(cut_offs.front().values[p * CutOff::columns]);
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

Quality evaluate(const model::Recommender& model, const CsrView& train, const CsrView& test, const ProtocolConfig& config, const FitControl& control,
                 const EachList& each) {
  return measure(model, train, test, config, control, each, [&](std::span<const std::size_t> rows, std::uint32_t count, std::span<ItemIndex> items, std::span<float> scores) {
    model.recommend_batch(rows_of(train, rows), {.count = count, .allowed = nullptr, .exclude_history = config.exclude_seen, .time_us = 0},
                          control.execution, items, scores);
  });
}

Quality evaluate(const model::Recommender& model, const data::Split& split, const ProtocolConfig& config, const FitControl& control, const EachList& each) {
  if (split.cells.empty()) return evaluate(model, split.train, split.test, config, control, each);
  const CsrView train = split.train;
  if (split.cells.size() != train.columns.size())
    throw Error(ErrorCode::invalid_argument, "cells", std::to_string(split.cells.size()) + " of them", "one a training cell, " + std::to_string(train.columns.size()));
  std::vector<PersonHistory> people(static_cast<std::size_t>(resolved_threads(control.execution)));
  return measure(model, train, split.test, config, control, each, [&](std::span<const std::size_t> rows, std::uint32_t count, std::span<ItemIndex> items, std::span<float> scores) {
    constexpr std::size_t block = 64;
    parallel_blocks_with_worker(control.execution, rows.size(), block, [&](std::size_t begin, std::size_t end, std::size_t, int worker) {
      auto& person = people[static_cast<std::size_t>(worker)];
      person.out.resize(count);
      for (std::size_t n = begin; n < end; ++n) {
        const auto first = static_cast<std::size_t>(train.offsets[rows[n]]);
        const auto history = person.of(std::span(split.cells).subspan(first, train.row_columns(rows[n]).size()), split.now_us);
        const auto found = model.recommend(history, {.count = count, .allowed = nullptr, .exclude_history = config.exclude_seen, .time_us = split.now_us},
                                           person.workspace, person.out);
        for (std::size_t i = 0; i < count; ++i) {
          items[n * count + i] = i < found ? person.out[i].item : no_item;
          scores[n * count + i] = i < found ? person.out[i].score : 0;
        }
      }
    });
  });
}

}  // namespace pannier::evaluate
