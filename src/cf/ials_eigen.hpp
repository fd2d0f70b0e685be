/// Eigenvalues and eigenvectors of a symmetric matrix of some hundred rows.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "pannier/core/execution.hpp"

namespace pannier::cf {

/// matrix = V diag(values) V'.
struct Eigenbasis {
  std::vector<double> values;   ///< Ascending.
  std::vector<double> vectors;  ///< V by columns: vectors[j * size + i] is component i of vector j.
};

/// Of the lower triangle by columns (`stride` from column to column), which holds finite numbers. Empty where it does not converge.
/// Householder's reduction to three diagonals, then QR steps with shifts; their rotations are noted, and turn the vectors by panels of
/// rows that stay in the first cache, shared among threads.
/// Cost: O(size³). Repeats: the same bits for any number of threads.
[[nodiscard]] Eigenbasis eigenbasis_of(std::span<const double> matrix, std::size_t size, std::size_t stride, const Execution& execution);

/// A rotation of two neighbouring columns: (x, y) becomes (c x - s y, s x + c y).
struct Turn {
  double c, s;
};

/// Rotations of the columns (first, first + 1), (first + 1, first + 2), ... in this order.
struct Sweep {
  std::size_t first;
  std::span<const Turn> turns;
};

namespace ials_fast {
inline constexpr std::size_t panel_rows = 8;
/// Applies the sweeps to a panel: panel[k * panel_rows + r] is column k of row r.
void turn_panel(double* panel, std::span<const Sweep> sweeps) noexcept;
}  // namespace ials_fast

}  // namespace pannier::cf
