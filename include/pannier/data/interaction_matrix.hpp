/// People x items: the matrix that collaborative filtering is fitted on.
#pragma once

#include <cstdint>

#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/weighting.hpp"

namespace pannier::data {

/// CSR, rows = people of the log, columns = items of the log, weights by weigh_history(), all > 0.
struct InteractionMatrix {
  Csr cells;
  operator CsrView() const noexcept { return cells; }  // NOLINT(google-explicit-constructor)
};

/// Builds it; `now_us` is the time that decay counts to (usually the last event's). A person's row holds exactly the cells that
/// weigh_history() gives for their events in the order of the log, by ascending item. Events without a person or an item are left out.
/// Cost: O(events log events per person) time; memory of the result twice and 4 bytes an event.
/// Repeats: same bits for any thread count.
/// Errors: invalid_argument (a config out of range), unsupported (more than 4294967295 events), cancelled.
[[nodiscard]] InteractionMatrix build_interactions(const EventLog& log, const WeightingConfig& config, std::int64_t now_us,
                                                   const FitControl& control = {});

}  // namespace pannier::data
