/// EASE: the item-to-item weights that reproduce everybody's history best by least squares, in closed form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::cf {

struct EaseConfig {
  float l2 = 200;
  std::int32_t neighbours = 0;
  std::int32_t memory_mb = 0;
  bool operator==(const EaseConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, EaseConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("l2", c.l2, Range{1e-3, 1e9}, "Ridge strength. Raise it when histories are few or short.");
  visit("neighbours", c.neighbours, Range{0, 100000}, "Weights kept per item, the largest by size; 0: all, which costs items squared * 4 bytes in the model.");
  visit("memory_mb", c.memory_mb, Range{0, 1e9}, "Most memory the fit may take, in MB of 1,000,000 bytes; 0: what the machine has free.");
}

/// Fitted weights. A person's score of item j is the sum over their history of weight(i) * weights(i, j), in the order of the history.
///
/// With all weights kept every item is scored as soon as the history weighs something, below zero too. With `neighbours` of each column an item has
/// evidence when its sum is above zero. The similarity of two items is the weight from the first to the second, above zero.
class EaseModel : public model::Recommender {
 public:
  /// weights(i, j), row i what i gives; 0 in the diagonal and where none was kept.
  [[nodiscard]] virtual float weight(ItemIndex i, ItemIndex j) const noexcept = 0;
};

struct EaseFit {
  std::shared_ptr<const EaseModel> model;
  FitReport report;
};

/// Bytes that fit_ease() takes at most for that many items: the matrix, what a step of its inversion works on, the `nonzeros` events by item, and lists of `neighbours` (0: none are made).
[[nodiscard]] std::size_t ease_memory(std::size_t items, int threads, std::size_t nonzeros = 0, std::size_t neighbours = 0) noexcept;

/// B minimises |X - X B|^2 + l2 |B|^2 with a zero diagonal: with P = (X'X + l2 I)^-1 it is B_ij = -P_ij / P_jj.
///
/// The inverse is taken in place, in blocks of 256 items: each is swept out of the upper triangle (a block step of Gauss and Jordan, whose pivots are
/// the Schur complements of a block Cholesky), one product of the dense kernel a block.
///
/// Shapes:  `events` is users x items; weights are not negative (0: no evidence).
/// Cost:    items^3 floating-point operations near the machine's peak, and the sparse product X'X; memory ease_memory(), asked for before anything else.
/// Repeats: the same bits for any `control.execution.threads`.
/// Errors:  out_of_memory (more than memory_mb, or than the machine has free, says how much), invalid_argument (no items, a setting or a weight out of range),
///          numerical_failure (weights whose products overflow, or against which l2 is lost in rounding), cancelled.
/// Source:  Steck 2019, Embarrassingly shallow autoencoders for sparse data (arXiv:1905.03375).
[[nodiscard]] EaseFit fit_ease(const CsrView& events, const EaseConfig& config, const FitControl& control = {});

/// Opens a written model; arrays stay in the reader's memory. Errors: malformed_input.
[[nodiscard]] std::shared_ptr<const EaseModel> read_ease(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::cf
