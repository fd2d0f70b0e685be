/// Bought together: what goes into one basket with an item, or with the items of a cart, beyond chance.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::cf {

struct TogetherConfig {
  std::int32_t neighbours = 100;
  std::int32_t minimum_count = 3;
  double significance = 0.05;
  float lift_share = 0.3f;
  float substitutes = 0.1f;
  std::int32_t longest_basket = 200;
  bool operator==(const TogetherConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, TogetherConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("neighbours", c.neighbours, Range{1, 100000}, "Pairs kept per item. Raising it costs memory and time per item of the cart.");
  visit("minimum_count", c.minimum_count, Range{1, 1e9}, "Baskets that must hold both items of a pair.");
  visit("significance", c.significance, Range{1e-12, 1}, "Largest share of the kept pairs that chance may explain; 1: no test.");
  visit("lift_share", c.lift_share, Range{0, 1}, "Between confidence (0), which ranks what everybody buys first, and lift (1), which ranks what hardly anybody buys first.");
  visit("substitutes", c.substitutes, Range{0, 1},
        "A pair whose share of common baskets is below this part of its share of common visits is one or the other, and not offered; 0: never.");
  visit("longest_basket", c.longest_basket, Range{2, 1e9}, "Baskets and visits of more items are left out.");
}

/// What is known of two items.
struct PairFigures {
  std::uint32_t count = 0;   ///< Baskets with both.
  double support = 0;        ///< Their share of all baskets.
  double confidence = 0;     ///< Their share of the baskets with the asked item.
  double lift = 0;           ///< How many times as often as if the two had nothing to do with each other.
  double log_likelihood_ratio = 0;
};

/// Dunning's G² of the table of `all` baskets of which `one` hold the one item, `other` the other and `both` both: 0 where they are
/// independent, and for rare pairs too distributed about as chi² with one degree of freedom where only chance joins them.
/// Source: Dunning 1993, Accurate methods for the statistics of surprise and coincidence.
[[nodiscard]] double log_likelihood_ratio(std::uint64_t both, std::uint64_t one, std::uint64_t other, std::uint64_t all) noexcept;

/// Pairs beyond chance. The history is the cart: the score of item j is the sum over the cart of weight(i) * evidence(i, j), so that an item
/// that goes with several of the cart comes before one that goes with one; in the order of the history, as item_knn adds.
///
/// similar() are the items bought together with one. As in item_knn a list belongs to the candidate: a pair is kept when i is among the
/// `neighbours` of largest evidence for j (ties by index), and beside that each item keeps its own 20 best.
class TogetherModel : public model::Recommender {
 public:
  /// Evidence, item_count x item_count, sorted by column inside a row; row i are the items offered beside i. Without the diagonal.
  [[nodiscard]] virtual CsrView evidence() const noexcept = 0;
  /// Baskets that were counted, and those with each item.
  [[nodiscard]] virtual std::uint64_t baskets() const noexcept = 0;
  [[nodiscard]] virtual std::span<const std::uint32_t> item_baskets() const noexcept = 0;
  /// The figures of a kept pair; none where `offered` is not offered beside `asked`, or the file is damaged there.
  /// Errors: invalid_argument (an item out of range).
  [[nodiscard]] virtual std::optional<PairFigures> pair(ItemIndex asked, ItemIndex offered) const = 0;
};

struct TogetherFit {
  std::shared_ptr<const TogetherModel> model;
  FitReport report;   ///< `detail` counts the pairs kept, the substitutes and the baskets left out.
};

/// Counts pairs in `baskets` (data::build_baskets) and keeps those that are evidence:
///
/// - at least `minimum_count` baskets hold both, and more than chance would put together;
/// - the pair is significant: of all pairs of items with `minimum_count` baskets each, those are kept whose p, from G² and one-sided, stays below
///   the bound of Benjamini & Hochberg 1995, so that at most the share `significance` of what is kept is expected to be chance (G² is
///   searched in steps of 1/16, rounded to the safe side);
/// - the two are no substitutes. With visits (data::build_visits): where at least `minimum_count` visits hold both, the share of the baskets with
///   either that hold both must not be below `substitutes` times the same share of the visits. Substitutes are dropped after the best `neighbours` were chosen.
///
/// evidence(i, j) = confidence^(1 - lift_share) * lift^lift_share = P(j | i) / P(j)^lift_share, of baskets that weigh one over their length, so that an
/// order of everything says as much in all as an order of two. docs/benchmarks.md has what it finds beside confidence, cosine and lift.
///
/// Shapes:  `baskets` is baskets x items, `visits` visits x items, or without rows where views are not known; what weighs above 0 counts as 1.
/// Cost:    the co-occurrence kernel twice (once more for visits): sum over baskets of length squared, so rows of more than
///          `longest_basket` items are left out whole, and counted in the report; memory 12 bytes a kept pair, at most items x neighbours,
///          28 bytes an item and thread, and 8 bytes a basket.
/// Repeats: the same bits for any `control.execution.threads`; counts are exact to 16,777,216 baskets a pair.
/// Errors:  invalid_argument (no items, shapes, a setting or a weight out of range), cancelled.
[[nodiscard]] TogetherFit fit_together(const CsrView& baskets, const CsrView& visits, const TogetherConfig& config, const FitControl& control = {});

/// Opens a written model; arrays stay in the reader's memory. Errors: malformed_input.
[[nodiscard]] std::shared_ptr<const TogetherModel> read_together(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::cf
