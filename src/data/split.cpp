#include "pannier/data/split.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <tuple>

#include "data/person_events.hpp"
#include "data/shares.hpp"

namespace pannier::data {
namespace {

struct Scratch {
  std::vector<WeighedEvent> events, train, test, settled;
  std::vector<HistoryCell> train_cells, test_cells;
  std::vector<std::uint32_t> kept;   ///< Places in `events` of the training part.
};

/// Fills train_cells, the items of test_cells, and kept, from events.
using CutPerson = std::function<void(Scratch&)>;

/// Rows of one block of people, one after the other.
struct CellBlock {
  std::vector<std::size_t> train_lengths, test_lengths;
  std::vector<HistoryCell> train;
  std::vector<std::uint32_t> test;
};

void append_rows(Scratch& s, CellBlock& block) {
  const auto by_item = [](const HistoryCell& x, const HistoryCell& y) { return x.item < y.item; };
  std::sort(s.train_cells.begin(), s.train_cells.end(), by_item);
  std::sort(s.test_cells.begin(), s.test_cells.end(), by_item);
  block.train_lengths.push_back(s.train_cells.size());
  block.test_lengths.push_back(s.test_cells.size());
  block.train.insert(block.train.end(), s.train_cells.begin(), s.train_cells.end());
  for (const auto& cell : s.test_cells) block.test.push_back(cell.item);
}

/// Leaves out the people and items without a training cell. Returns the column of each of the log's items.
std::vector<std::uint32_t> compact(std::span<const CellBlock> blocks, std::uint32_t item_count, Split& split) {
  std::vector<std::uint32_t> column(item_count, value(no_item));
  for (const auto& block : blocks)
    for (const auto& cell : block.train) column[cell.item] = 0;
  for (std::uint32_t item = 0; item < item_count; ++item)
    if (column[item] == 0) {
      column[item] = static_cast<std::uint32_t>(split.items.size());
      split.items.push_back(item);
    }
  std::uint32_t person = 0;
  for (const auto& block : blocks) {
    auto cell = block.train.begin();
    auto held_out = block.test.begin();
    for (std::size_t row = 0; row < block.train_lengths.size(); ++row, ++person) {
      const auto last = cell + static_cast<std::ptrdiff_t>(block.train_lengths[row]);
      const auto last_held_out = held_out + static_cast<std::ptrdiff_t>(block.test_lengths[row]);
      if (cell == last) {
        if (held_out != last_held_out) ++split.unknown_people;
        held_out = last_held_out;
        continue;
      }
      split.people.push_back(person);
      for (; cell != last; ++cell) {
        split.train.columns.push_back(column[cell->item]);
        split.train.values.push_back(cell->weight);
        split.cells.push_back(*cell);
        split.cells.back().item = column[cell->item];
      }
      split.train.offsets.push_back(static_cast<std::int64_t>(split.train.columns.size()));
      for (; held_out != last_held_out; ++held_out) {
        if (column[*held_out] == value(no_item))
          ++split.unknown_items;
        else
          split.test.columns.push_back(column[*held_out]);
      }
      split.test.offsets.push_back(static_cast<std::int64_t>(split.test.columns.size()));
    }
  }
  split.test.values.assign(split.test.columns.size(), 1.0f);
  split.train.rows = split.test.rows = split.people.size();
  split.train.cols = split.test.cols = split.items.size();
  return column;
}

/// `cut` parts each person's events; events without a person train when they are from before `anonymous_until_us`.
Split split_people(const EventLog& log, const FitControl& control, std::int64_t now_us, std::int64_t anonymous_until_us, const CutPerson& cut) {
  checkpoint(control, "splitting", 0, log.person_count());
  const PersonEvents people(log, [](std::size_t) { return true; });
  constexpr std::size_t block_people = 256;
  std::vector<Scratch> scratch(static_cast<std::size_t>(resolved_threads(control.execution)));
  std::vector<CellBlock> blocks((log.person_count() + block_people - 1) / block_people);
  std::vector<std::uint8_t> kept(log.size(), 0);
  for (std::size_t place = 0; place < log.size(); ++place)
    if (log.persons()[place] == no_person && log.times_us()[place] < anonymous_until_us) kept[place] = 1;
  parallel_blocks_with_worker(control.execution, log.person_count(), block_people,
                              [&](std::size_t begin, std::size_t end, std::size_t block, int worker) {
                                auto& s = scratch[static_cast<std::size_t>(worker)];
                                for (auto person = begin; person < end; ++person) {
                                  people.events(static_cast<std::uint32_t>(person), s.events);
                                  s.kept.clear();
                                  cut(s);
                                  append_rows(s, blocks[block]);
                                  const auto places = people.places(static_cast<std::uint32_t>(person));
                                  for (const auto place : s.kept) kept[places[place]] = 1;
                                }
                              });
  Split split;
  split.now_us = now_us;
  const auto columns = compact(blocks, log.item_count(), split);
  const auto items = log.items();
  split.log = filtered(log, [&](std::size_t place) {
    return kept[place] != 0 && items[place] != value(no_item) && columns[items[place]] != value(no_item);
  }, split.items);
  checkpoint(control, "splitting", log.person_count(), log.person_count());
  return split;
}

}  // namespace

Split split_by_time(const EventLog& log, const WeightingConfig& config, std::int64_t cut_us, const FitControl& control) {
  require_valid(config);
  auto evidence = config;  // Held out is what counts at all, however long after the cut.
  evidence.half_life_days = 0;
  return split_people(log, control, cut_us, cut_us, [&](Scratch& s) {
    s.train.clear();
    s.test.clear();
    for (std::uint32_t place = 0; place < s.events.size(); ++place) {
      const auto& event = s.events[place];
      (event.time_us < cut_us ? s.train : s.test).push_back(event);
      if (event.time_us < cut_us) s.kept.push_back(place);
    }
    weigh_history(s.train, config, cut_us, false, s.settled, s.train_cells);
    weigh_history(s.test, evidence, cut_us, false, s.settled, s.test_cells);
  });
}

Split split_last_out(const EventLog& log, const WeightingConfig& config, const FitControl& control) {
  require_valid(config);
  const auto times = log.times_us();
  const auto now_us = times.empty() ? 0 : *std::max_element(times.begin(), times.end());
  return split_people(log, control, now_us, std::numeric_limits<std::int64_t>::max(), [&](Scratch& s) {
    s.test_cells.clear();
    settle(s.events, s.settled);
    const WeighedEvent* last = nullptr;
    for (const auto& event : s.settled)
      if (is_evidence(event, config) && (!last || std::tie(event.time_us, event.place) > std::tie(last->time_us, last->place))) last = &event;
    if (last != nullptr) {
      const auto held_out = *last;
      s.train.clear();
      for (std::uint32_t place = 0; place < s.events.size(); ++place)
        if (std::tie(s.events[place].time_us, place) < std::tie(held_out.time_us, held_out.place)) {
          s.train.push_back(s.events[place]);
          s.kept.push_back(place);
        }
      weigh_history(s.train, config, now_us, false, s.settled, s.train_cells);
      if (!s.train_cells.empty()) {
        s.test_cells.push_back({.item = held_out.item});
        return;
      }
    }
    s.kept.clear();
    for (std::uint32_t place = 0; place < s.events.size(); ++place) s.kept.push_back(place);
    weigh_history(s.events, config, now_us, false, s.settled, s.train_cells);
  });
}

}  // namespace pannier::data
