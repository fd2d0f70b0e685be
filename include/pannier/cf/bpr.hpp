/// Matrix factorisation by pairwise ranking: what a person has is to score above what they do not have.
#pragma once

#include <cstdint>
#include <memory>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"
#include "pannier/model/vectors.hpp"

namespace pannier::cf {

enum class BprLoss {
  bpr,   ///< ln(1 + exp(-(s_i - s_j))), the item j drawn.
  warp,  ///< max(0, 1 - (s_i - s_j)) for the first drawn j that breaks it, weighed by the rank that so many draws tell of.
};

/// Settings of fit_bpr(). A plain value: copy it, compare it, write it as JSON.
struct BprConfig {
  BprLoss loss = BprLoss::bpr;
  std::int32_t factors = 64;
  float learning_rate = 0.1f;
  float user_l2 = 0.015f;
  float item_l2 = 0.015f;
  std::int32_t epochs = 40;
  std::int32_t negatives = 32;
  std::int32_t max_samples = 30;
  float popularity_exponent = 0;
  float fold_in_unobserved = 30;
  float fold_in_l2 = 0.015f;
  std::uint64_t seed = 42;
  bool operator==(const BprConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, BprConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("loss", c.loss, Choices<BprLoss>{{"bpr", BprLoss::bpr}, {"warp", BprLoss::warp}}, "What a pair in the wrong order costs: bpr its log-odds, warp more the higher up it is wrong.");
  visit("factors", c.factors, Range{1, 4096}, "Length of a latent vector. Raising it costs in proportion.");
  visit("learning_rate", c.learning_rate, Range{1e-6, 10}, "Length of a vector's first step; later ones shrink with what it has moved (Adagrad).");
  visit("user_l2", c.user_l2, Range{0, 1e3}, "Ridge on the person's vector in each of its pairs.");
  visit("item_l2", c.item_l2, Range{0, 1e3}, "Ridge on the item's vector in each of its pairs. Raise it when the catalogue is sparse.");
  visit("epochs", c.epochs, Range{1, 100000}, "One epoch visits every event once.");
  visit("negatives", c.negatives, Range{1, 1000}, "bpr: items drawn against each event, of which the one that scores highest is taken. 1 is plain BPR.");
  visit("max_samples", c.max_samples, Range{1, 100000}, "warp: how many draws look for an item in the wrong order before the event is let be.");
  visit("popularity_exponent", c.popularity_exponent, Range{0, 2}, "Items are drawn in proportion to (their people + 1) to this power; 0 is uniform.");
  visit("fold_in_unobserved", c.fold_in_unobserved, Range{1e-6, 1e6}, "Folding in: weight of all items together, where the history weighs 1.");
  visit("fold_in_l2", c.fold_in_l2, Range{1e-9, 1e6}, "Folding in: ridge, where the history weighs 1.");
  visit("seed", c.seed, Range{0, 1.8446744073709551615e19}, "Fixes the initial factors, the order of the people and the draws.");
}

/// A fitted factorisation: item vectors and what folding a person in needs. Users are not part of it.
///
/// A person x folds in as the minimum of
///     sum over the history w ( x.y_i - 1 )²  +  x' ( fold_in_unobserved C + fold_in_l2 I ) x,     y = (v - mean of all v) / 2,
/// with w the weight's share of the history's and C the covariance of y over all items: a system in closed form, solved as ials does. With
/// fold_in_unobserved = 1 and fold_in_l2 = user_l2 that is exactly one Newton step, from no taste at all, on the person's own part of the
/// BPR objective with every item as a negative. More weight on C than that keeps items that nobody asked for further down, as
/// training against the hardest of several draws does. A score is x.v.
class BprModel : public model::Recommender, public model::VectorModel {
 public:
  /// item_count x factors, y of the class comment, in coordinates where C is diagonal; those of item_vectors() too.
  [[nodiscard]] virtual MatrixView fold_in_vectors() const noexcept = 0;
  [[nodiscard]] virtual const BprConfig& config() const noexcept = 0;
};

struct BprFit {
  std::shared_ptr<const BprModel> model;
  Matrix user_factors;  ///< users x factors: what folding their rows in gives, bit for bit; what the model scores them with.
  Matrix trained_rows;  ///< users x factors: the rows that the items were trained with, in the same coordinates. Scores of the two differ; docs/benchmarks.md has the accuracy of both.
  FitReport report;
};

/// Minimises, by stochastic gradient steps with a step length a vector (Adagrad),
///     mean over events w ln( 1 + exp( -(x_u.v_i - x_u.v_j) ) )                                         (bpr)
///     mean over events w H(rank) / H(items - 1) max( 0, 1 - (x_u.v_i - x_u.v_j) )                      (warp)
/// with ridge on the three vectors, w the cell's weight over the mean weight, j drawn from the items that the person has not, and, for
/// warp, rank = floor((items - 1) / draws) at least 1 and H(n) = 1 + 1/2 + .. + 1/n.
///
/// Steps go by rounds of some thousand events. Inside a round the items stand still while each person's own vector takes its steps one after the
/// other; then every item takes the round's steps in the order of the round's people, however many threads there are. The draws of
/// a person in an epoch are a stream of their own.
///
/// Shapes:  `events` is users x items; weights are dimensionless and not negative. A weight of 0 is neither wanted nor held against: the item is not drawn for that person.
/// Cost:    O(epochs events (negatives + 4) factors) time for bpr, up to max_samples instead of negatives for warp; O((users + items) factors) memory.
/// Repeats: the same events, config and build give the same bits on one machine for any `control.execution.threads`.
/// Report:  the objective is the mean loss of an epoch's own pairs, without the ridge, as they were met.
/// Errors:  invalid_argument (no users, no items, no positive weight, a setting or a weight out of range), out_of_memory, numerical_failure, cancelled.
/// Source:  Rendle, Freudenthaler, Gantner & Schmidt-Thieme 2009 (BPR-Opt; sampled per event rather than with replacement); the hardest of several draws is
///          dynamic negative sampling, Zhang, Chen, Wang & Yu 2013; Weston, Bengio & Usunier 2011 (WARP); Duchi, Hazan & Singer 2011 (Adagrad, one number a vector).
[[nodiscard]] BprFit fit_bpr(const CsrView& events, const BprConfig& config, const FitControl& control = {});

/// Settings of fit_bpr_rows().
struct BprRowsConfig {
  float learning_rate = 0.01f;
  float l2 = 0.01f;
  std::int32_t epochs = 100;
  std::int32_t first_epoch = 0;
  bool verify = true;
  std::uint64_t seed = 42;
  bool operator==(const BprRowsConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, BprRowsConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("learning_rate", c.learning_rate, Range{1e-6, 10}, "Length of every step.");
  visit("l2", c.l2, Range{0, 1e3}, "Ridge on all three vectors of a pair.");
  visit("epochs", c.epochs, Range{1, 100000}, "One epoch visits every event once.");
  visit("first_epoch", c.first_epoch, Range{0, 1000000000}, "The number of the first one, where an earlier call ended: it fixes the draws.");
  visit("verify", c.verify, "Whether an item that the person has, when it is drawn, lets the event be; else it is held against the person.");
  visit("seed", c.seed, Range{0, 1.8446744073709551615e19}, "Fixes the order of the people and the draws.");
}

struct BprRows {
  Matrix users, items;
  std::uint64_t right = 0;    ///< Pairs that were in the right order as they were met.
  std::uint64_t skipped = 0;  ///< Events that were let be.
  FitReport report;
};

/// Plain BPR from vectors that are given: the objective of fit_bpr() with its bpr loss, steps of one length, one item drawn against each event, in proportion to its people. The
/// last number of a person's vector stands still, so that the last number of an item's is its bias where it is 1.
///
/// Shapes:  `events` as fit_bpr(); `users` and `items` are its rows and its columns x (factors + 1).
/// Cost, repeats: as fit_bpr(). Calls that follow each other, with first_epoch moved on, give the bits of one.
/// Errors:  as fit_bpr(), and invalid_argument naming users or items (a shape, a number that is not finite).
/// Source:  Rendle, Freudenthaler, Gantner & Schmidt-Thieme 2009; the draws as the package implicit has them.
[[nodiscard]] BprRows fit_bpr_rows(const CsrView& events, const MatrixView& users, const MatrixView& items, const BprRowsConfig& config, const FitControl& control = {});

/// Opens a written model; arrays stay in the reader's memory. Errors: malformed_input.
[[nodiscard]] std::shared_ptr<const BprModel> read_bpr(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::cf
