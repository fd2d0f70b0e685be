#include "pannier/data/split.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <tuple>

#include "data/csr_blocks.hpp"
#include "data/person_events.hpp"
#include "data/shares.hpp"

namespace pannier::data {
namespace {

struct Scratch {
  std::vector<WeighedEvent> events, train, test, settled;
  std::vector<HistoryCell> train_cells, test_cells;
};

/// Fills train_cells, and the items of test_cells, from events.
using CutPerson = std::function<void(Scratch&)>;

void append_row(std::vector<HistoryCell>& cells, bool ones, CsrBlock& block) {
  std::sort(cells.begin(), cells.end(), [](const HistoryCell& x, const HistoryCell& y) { return x.item < y.item; });
  block.lengths.push_back(cells.size());
  for (const auto& cell : cells) {
    block.columns.push_back(cell.item);
    block.values.push_back(ones ? 1.0f : cell.weight);
  }
}

/// Leaves out the people and items without a training cell.
Split compact(const CsrView& train, const CsrView& test) {
  Split split;
  std::vector<std::uint32_t> column(train.cols, value(no_item));
  for (const auto item : train.columns) column[item] = 0;
  for (std::uint32_t item = 0; item < train.cols; ++item)
    if (column[item] == 0) {
      column[item] = static_cast<std::uint32_t>(split.items.size());
      split.items.push_back(item);
    }
  for (std::size_t row = 0; row < train.rows; ++row) {
    const auto held_out = test.row_columns(row);
    if (train.row_columns(row).empty()) {
      if (!held_out.empty()) ++split.unknown_people;
      continue;
    }
    split.people.push_back(static_cast<std::uint32_t>(row));
    for (const auto item : train.row_columns(row)) split.train.columns.push_back(column[item]);
    const auto weights = train.row_values(row);
    split.train.values.insert(split.train.values.end(), weights.begin(), weights.end());
    split.train.offsets.push_back(static_cast<std::int64_t>(split.train.columns.size()));
    for (const auto item : held_out) {
      if (column[item] == value(no_item))
        ++split.unknown_items;
      else
        split.test.columns.push_back(column[item]);
    }
    split.test.offsets.push_back(static_cast<std::int64_t>(split.test.columns.size()));
  }
  split.test.values.assign(split.test.columns.size(), 1.0f);
  split.train.rows = split.test.rows = split.people.size();
  split.train.cols = split.test.cols = split.items.size();
  return split;
}

Split split_people(const EventLog& log, const FitControl& control, const CutPerson& cut) {
  checkpoint(control, "splitting", 0, log.person_count());
  const PersonEvents people(log, [](std::size_t) { return true; });
  constexpr std::size_t block_people = 256;
  std::vector<Scratch> scratch(static_cast<std::size_t>(resolved_threads(control.execution)));
  const std::size_t blocks = (log.person_count() + block_people - 1) / block_people;
  std::vector<CsrBlock> train(blocks), test(blocks);
  parallel_blocks_with_worker(control.execution, log.person_count(), block_people,
                              [&](std::size_t begin, std::size_t end, std::size_t block, int worker) {
                                auto& s = scratch[static_cast<std::size_t>(worker)];
                                for (auto person = begin; person < end; ++person) {
                                  people.events(static_cast<std::uint32_t>(person), s.events);
                                  cut(s);
                                  append_row(s.train_cells, false, train[block]);
                                  append_row(s.test_cells, true, test[block]);
                                }
                              });
  const auto train_cells = join(train, log.item_count(), control.execution);
  const auto test_cells = join(test, log.item_count(), control.execution);
  checkpoint(control, "splitting", log.person_count(), log.person_count());
  return compact(train_cells, test_cells);
}

}  // namespace

Split split_by_time(const EventLog& log, const WeightingConfig& config, std::int64_t cut_us, const FitControl& control) {
  require_valid(config);
  auto evidence = config;  // Held out is what counts at all, however long after the cut.
  evidence.half_life_days = 0;
  return split_people(log, control, [&](Scratch& s) {
    s.train.clear();
    s.test.clear();
    for (const auto& event : s.events) (event.time_us < cut_us ? s.train : s.test).push_back(event);
    weigh_history(s.train, config, cut_us, false, s.settled, s.train_cells);
    weigh_history(s.test, evidence, cut_us, false, s.settled, s.test_cells);
  });
}

Split split_last_out(const EventLog& log, const WeightingConfig& config, const FitControl& control) {
  require_valid(config);
  const auto times = log.times_us();
  const auto now_us = times.empty() ? 0 : *std::max_element(times.begin(), times.end());
  return split_people(log, control, [&](Scratch& s) {
    s.test_cells.clear();
    settle(s.events, s.settled);
    const WeighedEvent* last = nullptr;
    for (const auto& event : s.settled)
      if (is_evidence(event, config) && (!last || std::tie(event.time_us, event.place) > std::tie(last->time_us, last->place))) last = &event;
    if (last != nullptr) {
      const auto held_out = *last;
      s.train.clear();
      for (std::uint32_t place = 0; place < s.events.size(); ++place)
        if (std::tie(s.events[place].time_us, place) < std::tie(held_out.time_us, held_out.place)) s.train.push_back(s.events[place]);
      weigh_history(s.train, config, now_us, false, s.settled, s.train_cells);
      if (!s.train_cells.empty()) {
        s.test_cells.push_back({.item = held_out.item});
        return;
      }
    }
    weigh_history(s.events, config, now_us, false, s.settled, s.train_cells);
  });
}

}  // namespace pannier::data
