/// The eigenbasis of one side's Gram matrix, in which what all rows of the other side share is diagonal.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "cf/ials_eigen.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"

namespace pannier::cf {

/// A factors x factors matrix, as the kernels read it: strips[j][k][0..16) are columns 16 j.. of its row k.
struct Basis {
  std::vector<float> strips;
};

/// The eigenvectors as one, `stride` numbers a row; transposed they turn back.
[[nodiscard]] Basis basis_of(const Eigenbasis& found, std::size_t stride, bool transposed = false);

/// vectors' vectors, the upper triangle by rows of stride x stride numbers, summed in double past a thousand rows. Cost: O(rows factors²). Repeats: the same bits for any
/// number of threads. Errors: cancelled.
[[nodiscard]] std::vector<double> gram_of(const Matrix& vectors, const FitControl& control);

/// Turns `vectors` (rows x factors) into vectors * Q, where vectors' vectors = Q D Q'; returns the diagonal of D, not negative,
/// ascending. Inner products with vectors of the other side, solved afterwards, do not change by it.
///
/// Cost:    O(rows factors² + factors³).
/// Repeats: the same bits for any number of threads.
/// Errors:  numerical_failure naming `fit` and `side`, cancelled, out_of_memory.
/// Where they are given, `forth` becomes Q and `back` Q', for rotate().
[[nodiscard]] std::vector<double> rotate_to_eigenbasis(Matrix& vectors, std::string_view fit, std::string_view side, const FitControl& control, Basis* forth = nullptr, Basis* back = nullptr);

/// The mean, by factor, of the squares of vectors, each row counted with its mass. Repeats: the same bits for any number of threads.
[[nodiscard]] std::vector<double> mean_squares(const Matrix& vectors, std::span<const double> masses, const FitControl& control);

/// vectors := vectors * basis, in place. Cost: O(rows factors²). Repeats: the same bits for any number of threads.
void rotate(Matrix& vectors, const Basis& basis, const FitControl& control);

}  // namespace pannier::cf
