/// Ranking metrics of one list against one set of held-out items.
#pragma once

#include <cstdint>
#include <span>

#include "pannier/core/ids.hpp"

namespace pannier::evaluate {

struct ListMetrics {
  double recall = 0, recall_min = 0, ndcg = 0, hit = 0, reciprocal_rank = 0, average_precision = 0;
};

/// Metrics of the first `k` of `ranked` (no_item ends it early) against `held_out` (sorted, unique, not empty).
/// NDCG: gain 1, discount 1/log2(rank + 1), ideal truncated at min(k, |held_out|). AP divides by min(k, |held_out|).
/// Errors: invalid_argument (k of 0, nothing held out).
/// Source: Järvelin & Kekäläinen 2002 for NDCG.
[[nodiscard]] ListMetrics list_metrics(std::span<const ItemIndex> ranked, std::span<const std::uint32_t> held_out, std::uint32_t k);

}  // namespace pannier::evaluate
