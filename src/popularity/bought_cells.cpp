#include "popularity/bought_cells.hpp"

#include <algorithm>

#include "data/person_events.hpp"

namespace pannier::popularity {

BoughtCells bought_cells(const data::EventLog& log, std::int64_t from_us, std::int64_t until_us, const Execution& execution) {
  constexpr std::size_t people_at_once = 256;
  const data::PersonEvents events(log, [&](std::size_t place) {
    const auto kind = log.kinds()[place];
    const auto time_us = log.times_us()[place];
    return (kind == data::EventKind::purchase || kind == data::EventKind::refund) && time_us >= from_us && time_us < until_us;
  });
  struct Scratch {
    std::vector<data::WeighedEvent> events, sorted;
    std::vector<data::HistoryCell> cells;
  };
  struct Block {
    std::vector<std::size_t> ends;
    std::vector<BoughtCell> cells;
  };
  const std::size_t people = log.person_count();
  std::vector<Scratch> scratches(static_cast<std::size_t>(resolved_threads(execution)));
  std::vector<Block> blocks((people + people_at_once - 1) / people_at_once);
  parallel_blocks_with_worker(execution, people, people_at_once, [&](std::size_t begin, std::size_t end, std::size_t number, int worker) {
    auto& scratch = scratches[static_cast<std::size_t>(worker)];
    auto& block = blocks[number];
    for (std::size_t person = begin; person < end; ++person) {
      events.events(static_cast<std::uint32_t>(person), scratch.events);
      data::weigh_history(scratch.events, {}, 0, true, scratch.sorted, scratch.cells);
      const auto first = static_cast<std::ptrdiff_t>(block.cells.size());
      for (const auto& cell : scratch.cells)
        if (cell.purchases.times > 0) block.cells.push_back({cell.item, cell.purchases});
      std::sort(block.cells.begin() + first, block.cells.end(), [](const BoughtCell& a, const BoughtCell& b) { return a.item < b.item; });
      block.ends.push_back(block.cells.size());
    }
  });
  BoughtCells out;
  for (auto& block : blocks) {
    const auto before = out.cells.size();
    for (const auto end : block.ends) out.offsets.push_back(before + end);
    out.cells.insert(out.cells.end(), block.cells.begin(), block.cells.end());
    block = {};
  }
  return out;
}

}  // namespace pannier::popularity
