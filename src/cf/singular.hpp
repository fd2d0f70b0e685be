/// The first singular vectors of a sparse matrix.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"

namespace pannier::cf {

/// sparse times dense, row by row, terms in the order of the columns: the same bits for any number of threads.
[[nodiscard]] Matrix product(const CsrView& sparse, const Matrix& dense, const FitControl& control);

/// The right singular vectors of the `rank` largest singular values, a column each: cols x rank, with fewer columns where the matrix has no more that
/// are not lost in rounding. `transposed` is the transpose of `matrix`. Of values that nearly tie with the first one left out, what is kept is a mix.
///
/// Cost:    12 products of the matrix with 9/8 rank + 8 vectors, and 10 Gram matrices of these; memory 4 (rows + 2 cols) bytes a vector.
/// Repeats: the same bits for any number of threads.
/// Errors:  numerical_failure (a matrix whose products overflow), cancelled.
/// Source:  Halko, Martinsson & Tropp 2011, Finding structure with randomness (subspace iteration, Rayleigh-Ritz).
[[nodiscard]] Matrix right_singular_vectors(const CsrView& matrix, const CsrView& transposed, std::size_t rank, std::uint64_t seed, const FitControl& control);

}  // namespace pannier::cf
