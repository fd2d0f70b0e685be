/// The parts of cutting a hold-out from training data, that a blend's rehearsal and training's own evaluation use too.
#pragma once

#include <cstdint>

#include "pannier/core/matrix.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/split.hpp"
#include "pannier/data/weighting.hpp"
#include "pannier/serve/registry.hpp"

namespace pannier::serve {

/// Each cell of positive weight with probability `share`, but never the last one left of a row.
[[nodiscard]] data::Split cut_cells(const CsrView& events, double share, std::uint64_t seed);

/// Where the last `horizon_days` before `now_us` begin; 0: a quarter of the time since the first event of a person, at most 60 days.
[[nodiscard]] std::int64_t horizon_begin_us(const data::EventLog& log, std::int64_t now_us, double horizon_days);

/// What to fit on where a split holds the rest back: its training part, and its log where its cells came from one. Borrows.
[[nodiscard]] FitData fit_data_of(const data::Split& split, const CsrView& orders, const data::WeightingConfig& weighting);

[[nodiscard]] bool has_weight(const CsrView& matrix) noexcept;

}  // namespace pannier::serve
