/// What is bought more than it used to be: decayed counts against the item's own past and its category's rise.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/weighting.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::popularity {

struct TrendingConfig {
  double half_life_days = 7;
  double past = 8;
  double floor = 2;
  double shrinkage = 50;
  bool operator==(const TrendingConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, TrendingConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("half_life_days", c.half_life_days, Range{0.01, 3650}, "Days in which an event's part in the present halves.");
  visit("past", c.past, Range{1.5, 1000}, "Half-life of the past, in half-lives of the present.");
  visit("floor", c.floor, Range{1e-3, 1e6}, "Events added to what happened and to what was to be expected: damps rare items.");
  visit("shrinkage", c.shrinkage, Range{0, 1e9}, "Past events that the shop's rise counts for beside a category's.");
}

/// Everybody's items in order of a signed likelihood-ratio z, those above 0 only; Ask::allowed answers for a category. Needs no history.
///
/// An event weighs what its kind weighs over the largest weight of a kind. Now: x = sum of w 2^-(age / half life). Past: p = sum of
/// w (2^-(age / (past half life)) - 2^-(age / half life)), which leaves the present out. Expected: e = p * (now / past of its category, drawn to
/// the shop's; where the category is unknown, the shop's; where the shop has no past, 1), so that a season of the whole category is no trend. With x and e raised by the floor, and an effective number of
/// events n = x (sum of w 2^..)/(sum of (w 2^..)^2) in place of x (decayed counts vary less than whole ones), the score is
///     z = sqrt(2 n (ln(x/e) - 1 + e/x)) where x > e, else 0.
/// Reasons: the item itself (ReasonKind::trending), with z. Similar items: none.
struct TrendingFit {
  std::shared_ptr<const model::Recommender> model;
  FitReport report;
};

/// All events count whose kind has a weight, those without a person too; refunds do not take back.
/// Cost: one pass over the log; then 4 bytes an item.
/// Repeats: the same bits for any `control.execution.threads`; scores hold a logarithm of the machine's.
/// Errors: invalid_argument (no items, a setting out of range, categories of another number), cancelled.
/// Source: the likelihood ratio of a Poisson count against its expectation (Dunning 1993 for counts of texts).
[[nodiscard]] TrendingFit fit_trending(const data::EventLog& log, const data::WeightingConfig& weighting, std::int64_t now_us,
                                       std::span<const std::string_view> categories, const TrendingConfig& config, const FitControl& control = {});

[[nodiscard]] std::shared_ptr<const model::Recommender> read_trending(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::popularity
