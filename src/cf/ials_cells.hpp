/// The cells of a row as the row solvers take them, by the loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cf/ials_row.hpp"
#include "pannier/cf/ials.hpp"
#include "pannier/core/matrix.hpp"

namespace pannier::cf {

/// IalsRow's events, weights and subtracted events of a row of cells whose confidence stands in the place of the unobserved weight a:
/// a positive one c asks for the score 1, a negative one for 0 with the weight -c. So the matrix gets (|c| - a) y y', the right side c y where c > 0; what the right
/// side lacks of w y is added to the linear term.
struct IalsCells {
  std::vector<std::uint32_t> events;
  std::vector<float> weights;
  std::size_t subtracted = 0;

  /// `linear` has vectors.stride numbers, which are added to; float or double. Returns what the row's terms are above those that the solver sees.
  template <class Number>
  double read(std::span<const std::uint32_t> columns, std::span<const float> confidences, const MatrixView& vectors, double unobserved, Number* linear);
};

/// Scratch memory of row_of().
struct IalsRowScratch {
  IalsCells cells;
  std::vector<float> linear;
  std::vector<double> linear_double;
};

/// A row of `columns` and `weights` against `vectors`, as the solvers take it by config.loss; it is drawn to `drawn` where that is not empty. `shared` is padded to vectors.stride.
/// Borrows all of them, and the scratch. `above` becomes what the row's terms are above those that the solver sees.
template <class Number>
[[nodiscard]] IalsRow<Number> row_of(std::span<const std::uint32_t> columns, std::span<const float> weights, const MatrixView& vectors, const Number* shared, double ridge,
                                     std::span<const float> drawn, const IalsConfig& config, IalsRowScratch& scratch, double& above);

/// require_valid_weights(), but that the loss "replaced" has negative ones.
void require_valid_cells(const CsrView& events, const IalsConfig& config);

/// The row's mass, for the ridge: its weights' magnitudes and `others` unobserved cells.
[[nodiscard]] double ials_mass(const IalsConfig& config, std::span<const float> weights, std::size_t others) noexcept;

/// l2 mass^frequency_exponent of a row with these weights, the other side having `others` rows.
[[nodiscard]] double ials_ridge(const IalsConfig& config, std::span<const float> weights, std::size_t others);

}  // namespace pannier::cf
