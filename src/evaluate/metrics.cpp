#include "pannier/evaluate/metrics.hpp"

#include <algorithm>
#include <cmath>

#include "pannier/core/error.hpp"

namespace pannier::evaluate {

ListMetrics list_metrics(std::span<const ItemIndex> ranked, std::span<const std::uint32_t> held_out, std::uint32_t k) {
  if (k == 0) throw Error(ErrorCode::invalid_argument, "k", "is 0", "a cut-off of at least 1");
  if (held_out.empty()) throw Error(ErrorCode::invalid_argument, "held_out", "is empty", "at least one item");
  const auto reachable = std::min<std::size_t>(k, held_out.size());
  const auto discount = [](std::size_t rank) { return 1 / std::log2(static_cast<double>(rank) + 1); };  // rank from 1

  ListMetrics out;
  std::size_t hits = 0;
  for (std::size_t n = 0; n < std::min<std::size_t>(k, ranked.size()) && ranked[n] != no_item; ++n) {
    if (!std::binary_search(held_out.begin(), held_out.end(), value(ranked[n]))) continue;
    const auto rank = n + 1;
    ++hits;
    if (hits == 1) out.reciprocal_rank = 1 / static_cast<double>(rank);
    out.ndcg += discount(rank);
    out.average_precision += static_cast<double>(hits) / static_cast<double>(rank);
  }
  double ideal = 0;
  for (std::size_t rank = 1; rank <= reachable; ++rank) ideal += discount(rank);
  out.ndcg /= ideal;
  out.average_precision /= static_cast<double>(reachable);
  out.recall = static_cast<double>(hits) / static_cast<double>(held_out.size());
  out.recall_min = static_cast<double>(hits) / static_cast<double>(reachable);
  out.hit = hits > 0 ? 1 : 0;
  return out;
}

}  // namespace pannier::evaluate
