/// People x items: the matrix that collaborative filtering is fitted on.
#pragma once

#include <cstdint>

#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/weighting.hpp"

namespace pannier::data {

/// CSR, rows = people of the log, columns = items of the log, weights by weigh_history() with 64-bit offsets.
struct InteractionMatrix {
  Csr cells;
  operator CsrView() const noexcept { return cells; }  // NOLINT(google-explicit-constructor)
};

/// Builds it; `now_us` is the time that decay counts to (usually the last event's).
/// Cost: O(events log events per person). Repeats: same bits for any thread count.
[[nodiscard]] InteractionMatrix build_interactions(const EventLog& log, const WeightingConfig& config, std::int64_t now_us,
                                                   const FitControl& control = {});

}  // namespace pannier::data
