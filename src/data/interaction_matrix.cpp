#include "pannier/data/interaction_matrix.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "data/csr_blocks.hpp"
#include "data/person_events.hpp"

namespace pannier::data {

InteractionMatrix build_interactions(const EventLog& log, const WeightingConfig& config, std::int64_t now_us, const FitControl& control) {
  require_valid(config);
  checkpoint(control, "interactions", 0, log.person_count());
  // Kinds without weight change nothing, but for refunds.
  const auto kinds = log.kinds();
  const PersonEvents people(log, [&](std::size_t place) {
    return kinds[place] == EventKind::refund || config.weights[static_cast<std::size_t>(kinds[place])] > 0;
  });

  constexpr std::size_t block_people = 256;
  struct Scratch {
    std::vector<WeighedEvent> events, settled;
    std::vector<HistoryCell> cells;
  };
  std::vector<Scratch> scratch(static_cast<std::size_t>(resolved_threads(control.execution)));
  std::vector<CsrBlock> blocks((log.person_count() + block_people - 1) / block_people);
  parallel_blocks_with_worker(
      control.execution, log.person_count(), block_people, [&](std::size_t begin, std::size_t end, std::size_t b, int worker) {
        auto& s = scratch[static_cast<std::size_t>(worker)];
        auto& block = blocks[b];
        for (auto person = begin; person < end; ++person) {
          people.events(static_cast<std::uint32_t>(person), s.events);
          weigh_history(s.events, config, now_us, false, s.settled, s.cells);
          std::sort(s.cells.begin(), s.cells.end(), [](const HistoryCell& x, const HistoryCell& y) { return x.item < y.item; });
          block.lengths.push_back(s.cells.size());
          for (const auto& cell : s.cells) {
            block.columns.push_back(cell.item);
            block.values.push_back(cell.weight);
          }
        }
      });
  checkpoint(control, "interactions", log.person_count(), log.person_count());
  return {join(blocks, log.item_count(), control.execution)};
}

}  // namespace pannier::data
