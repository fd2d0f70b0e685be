/// What is popular at this hour of the week and in this week of the year.
#pragma once

#include <cstdint>
#include <memory>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/weighting.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::popularity {

struct SeasonalConfig {
  double shrinkage = 20;
  double utc_offset = 0;
  bool operator==(const SeasonalConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, SeasonalConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("shrinkage", c.shrinkage, Range{1e-3, 1e9}, "Events that an even spread over the week and the year counts for beside an item's own.");
  visit("utc_offset", c.utc_offset, Range{-24, 24}, "Hours from UTC to the shop's clock.");
}

/// The hour of the week, Monday 0:00 being 0, below 168, and the week of the year, its first seven days being 0, below 53.
struct Season {
  std::uint32_t hour = 0, week = 0;
  bool operator==(const Season&) const = default;
};
/// A time outside the years of events counts as the nearest of them; `utc_offset_hours` is -24 to 24.
[[nodiscard]] Season season_of(std::int64_t time_us, double utc_offset_hours) noexcept;

/// Scores an item at Ask::time_us by n * r_hour * r_week: n its events (each weighing what its kind weighs over the largest weight of a kind),
/// r = (c/q + s) / (n + s) with c its events in the season, q the season's share of all events and s the shrinkage, so that an item spread like
/// the shop has 1. A season without any event has r = 1. Without a time (0), and in score() and explain(), which are not told one, the score is n.
/// Items without events are not recommended. Needs no history. Similar items: none. Reasons: the item itself (ReasonKind::seasonal), with n.
struct SeasonalFit {
  std::shared_ptr<const model::Recommender> model;
  FitReport report;
};

/// All events count whose kind has a weight, those without a person too; refunds do not take back.
/// Cost: one pass over the log, whose events are sorted by season and item (about 36 bytes an event meanwhile); then 8 bytes an item and season met.
/// Repeats: the same bits for any `control.execution.threads`.
/// Errors: invalid_argument (no items, a setting out of range), cancelled.
[[nodiscard]] SeasonalFit fit_seasonal(const data::EventLog& log, const data::WeightingConfig& weighting, const SeasonalConfig& config,
                                       const FitControl& control = {});

[[nodiscard]] std::shared_ptr<const model::Recommender> read_seasonal(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::popularity
