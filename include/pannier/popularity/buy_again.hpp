/// What a person buys again: their own items by the probability that they buy them once more within a while.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::popularity {

struct BuyAgainConfig {
  double horizon_days = 0;
  double shrinkage = 10;
  bool operator==(const BuyAgainConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, BuyAgainConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("horizon_days", c.horizon_days, Range{0, 3650}, "Days within which a purchase counts as bought again; 0: a quarter of the log, at most 60.");
  visit("shrinkage", c.shrinkage, Range{0, 1e6}, "Buyers that the category's (or shop's) own interval and repeat rate count for beside an item's.");
}

/// Scores an item of the history by the probability that it is bought again within the horizon; no other item has a score, and with
/// Ask::exclude_history nothing is left to recommend. Reads History::bought alone: an item the person did not buy, or gave back, has no evidence,
/// and where `bought` is empty nothing has.
///
/// The log-odds (base 2) are a weighted sum of: lg of how often it was bought; lg of the time since the last purchase over the expected
/// interval, below and above 1 apart, so that a thing just bought and a thing long forgotten may both rank low; lg of the units a
/// purchase; the item's repeat rate and its buyers within the last horizon; and lg of how many items the person has bought. The expected
/// interval is the mean of the person's own gaps with the item, to which the item's interval is added as 3 more gaps; lg is the
/// logarithm to base 2 with a straight line between powers of 2 (at most .09 off, the same bits on every machine).
/// Similar items: none. Reasons: the item itself (ReasonKind::buy_again), with the whole score.
class BuyAgainModel : public model::Recommender {
 public:
  /// Expected days between two purchases of each item by one person.
  [[nodiscard]] virtual std::span<const float> interval_days() const noexcept = 0;
  [[nodiscard]] virtual double horizon_days() const noexcept = 0;
};

struct BuyAgainFit {
  std::shared_ptr<const BuyAgainModel> model;
  FitReport report;
};

/// Fits the weights by logistic regression: what people had bought a horizon before `now_us`, and whether they bought it again since. The ridge
/// draws them to what shops show in general, so that a log too short to say anything else says that. Intervals and repeat rates
/// are means over the gaps and buyers of the whole log, an item's drawn to its category's and that to the shop's; gaps longer than the log are not
/// seen, so that a short log makes intervals short for all items alike.
///
/// Shapes:  `log`'s items are the model's; `categories` has a path an item, or is empty. Refunds take back what they return.
/// Cost:    three passes over the purchases, sorted by person; then 8 numbers an item. The regression reads the cells of whole people, at most about 200,000.
/// Repeats: the same bits for any `control.execution.threads`.
/// Errors:  invalid_argument (no items, a setting out of range, categories of another number), cancelled.
/// Source:  the ratio of the time passed to the person's mean interval as in Bhagat et al. 2018 (KDD, "Buy It Again"), their shrunken gamma-Poisson
///          rate replaced by a regression that also learns how much it is worth.
[[nodiscard]] BuyAgainFit fit_buy_again(const data::EventLog& log, std::int64_t now_us, std::span<const std::string_view> categories,
                                        const BuyAgainConfig& config, const FitControl& control = {});

/// Opens a written model; arrays stay in the reader's memory. Errors: malformed_input.
[[nodiscard]] std::shared_ptr<const BuyAgainModel> read_buy_again(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::popularity
