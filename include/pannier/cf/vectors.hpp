/// Item vectors that were trained elsewhere, served here: a person is the mean, or the ridge regression, of their history's vectors.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"
#include "pannier/model/vectors.hpp"

namespace pannier::cf {

/// How a history becomes the person's vector.
enum class FoldIn {
  mean,    ///< "mean": the weighted mean of the history's vectors.
  ridge,   ///< "ridge": the vector whose product with each of the history's is nearest 1.
};

struct VectorsConfig {
  FoldIn fold_in = FoldIn::mean;
  float l2 = 0.1f;
  bool operator==(const VectorsConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, VectorsConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("fold_in", c.fold_in, Choices<FoldIn>{{"mean", FoldIn::mean}, {"ridge", FoldIn::ridge}},
        "A person's vector: the weighted mean of their history's, or the ridge regression that brings each product with them near 1.");
  visit("l2", c.l2, Range{1e-6, 1e6}, "Strength of the ridge against a history whose weights add up to 1; mean does not read it.");
}

/// With w the history's weights, divided by their sum, v its items' vectors and b the bias, the score of item j is q.v_j + b_j, where
///     mean:   q = sum w_i v_i
///     ridge:  q minimises  sum w_i (q.v_i - 1)² + l2 |q|²
/// Items of the history without a vector are no evidence; an item without a vector is never recommended, scores 0 and is similar to none. The shares of a score are
/// what each item of the history gives to q.v_j, and b_j by weight. The similarity of two items is the cosine of their vectors, without the bias.
class VectorsModel : public model::Recommender, public model::VectorModel {
 public:
  [[nodiscard]] virtual bool has_vector(ItemIndex item) const noexcept = 0;
};

struct VectorsFit {
  std::shared_ptr<const VectorsModel> model;
  FitReport report;
};

/// Arranges vectors by the items they are of: item i has row rows[i] of `vectors` and of `bias`, or none where that is value(no_item). Nothing is learnt.
///
/// Shapes:  `vectors` is rows x 1 .. 4096; `bias` has as many numbers as `vectors` has rows, or none. 2^32 - 2 items at most.
/// Cost:    a copy of the vectors, two where there is a bias; folding in costs the history times the columns (mean), or a system of equations as ials solves it (ridge).
/// Errors:  invalid_argument (no item, a row out of range, a number that is not finite, a setting out of range, no item with a vector).
[[nodiscard]] VectorsFit fit_vectors(const MatrixView& vectors, std::span<const float> bias, std::span<const std::uint32_t> rows, const VectorsConfig& config,
                                     const FitControl& control = {});

/// Opens a written model; arrays stay in the reader's memory. Errors: malformed_input.
[[nodiscard]] std::shared_ptr<const VectorsModel> read_vectors(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::cf
