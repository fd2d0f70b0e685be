/// SLIM: sparse item-to-item weights that reproduce everybody's history best, by coordinate descent under an L1 and an L2 penalty.
#pragma once

#include <cstdint>
#include <memory>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::cf {

struct SlimConfig {
  float l1 = 0.2f;
  float l2 = 50;
  bool non_negative = true;
  std::int32_t candidates = 1000;
  std::int32_t neighbours = 200;
  std::int32_t sweeps = 50;
  bool operator==(const SlimConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, SlimConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("l1", c.l1, Range{0, 1e9}, "Sets small weights to zero. Raise it for fewer weights and a quicker fit.");
  visit("l2", c.l2, Range{1e-6, 1e9}, "Ridge strength. Raise it when histories are few or short.");
  visit("non_negative", c.non_negative, "Whether weights are kept at zero or above.");
  visit("candidates", c.candidates, Range{0, 1e9}, "Items, at most, that an item's weights are sought among, those that explain it best alone; 0: all that occur with it.");
  visit("neighbours", c.neighbours, Range{0, 1e9}, "Weights kept per item, the largest by size; 0: all.");
  visit("sweeps", c.sweeps, Range{1, 100000}, "Passes over an item's weights, at most; it ends before once they stand still.");
}

/// Fitted weights. A person's score of item j is the sum over their history of weight(i) * weights(i, j), in the order of the history; an item has evidence
/// when its sum is above zero. The similarity of two items is the weight from the first to the second, above zero; an item none
/// of whose weights to others was kept has no similar ones.
class SlimModel : public model::Recommender {
 public:
  /// weights(i, j), what i gives j; 0 in the diagonal and where none was kept.
  [[nodiscard]] virtual float weight(ItemIndex i, ItemIndex j) const noexcept = 0;
};

struct SlimFit {
  std::shared_ptr<const SlimModel> model;
  FitReport report;
};

/// Each column w of the weights, of item j, minimises  |x_j - X w|² / 2 + l2 |w|² / 2 + l1 |w|_1  with w_j = 0, by coordinate descent against the residual of
/// the people: passes over the weights that are not zero until they stand still, then over all candidates, until that changes nothing either.
///
/// Candidates of j are items that occur with it. With `non_negative` those whose sum x_i.x_j is at most l1 are left out, which costs nothing: their weight is 0 at the
/// optimum. Without it, items that never occur with j, whose best weight may be below zero, are left out all the same. Of the others `candidates` are kept, by
/// (x_i.x_j)² / (|x_i|² + l2), what each would explain alone.
///
/// Shapes:  `events` is users x items; weights are not negative (0: no evidence).
/// Cost:    the sparse product X'X, and for each item its passes times the events of what they are over. Memory: the transpose of the events (8 bytes an event); a thread
///          has 8 bytes a user and some 40 an item; the weights found, 8 bytes each, at most `neighbours` an item where that is not 0, and twice that while they are arranged.
/// Repeats: the same bits for any `control.execution.threads`: each column is one thread's alone.
/// Errors:  invalid_argument (no items, a setting or a weight out of range), numerical_failure (weights whose products overflow), out_of_memory, cancelled.
/// Source:  Ning & Karypis 2011, SLIM: sparse linear methods for top-n recommender systems; coordinate descent as in Friedman, Hastie & Tibshirani 2010.
[[nodiscard]] SlimFit fit_slim(const CsrView& events, const SlimConfig& config, const FitControl& control = {});

/// Opens a written model; arrays stay in the reader's memory. Errors: malformed_input.
[[nodiscard]] std::shared_ptr<const SlimModel> read_slim(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::cf
