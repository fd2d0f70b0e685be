#include "cf/singular.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "cf/ials_basis.hpp"
#include "cf/ials_eigen.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/simd.hpp"
#include "pannier/core/tile.hpp"

namespace pannier::cf {
namespace {

/// Products of the subspace with R'R. A direction that is to be kept beats the first one left out by the power of their ratio.
constexpr int iterations = 5;

/// Rows one call of the dense kernel takes.
constexpr std::size_t tile_rows = 960;

MatrixView rows_of(const Matrix& m, std::size_t begin, std::size_t end) { return {m.data() + begin * m.stride(), end - begin, m.cols(), m.stride()}; }

/// m times a small matrix.
Matrix times(const Matrix& m, const Matrix& factor, const FitControl& control) {
  Matrix out(m.rows(), factor.cols());
  if (out.cols() == 0) return out;
  std::vector<TileScratch> scratches(static_cast<std::size_t>(resolved_threads(control.execution)));
  parallel_blocks_with_worker(control.execution, m.rows(), tile_rows, [&](std::size_t begin, std::size_t end, std::size_t, int worker) {
    multiply({rows_of(m, begin, end)}, {factor}, scratches[static_cast<std::size_t>(worker)], [&](const TileBlock& block) {
      for (std::size_t r = 0; r < block.rows; ++r)
        std::memcpy(out.row(begin + block.row + r).data() + block.column, block.values + r * block.stride, block.columns * sizeof(float));
    });
  });
  return out;
}

/// The leading eigenvectors of m' m as columns, largest first: at most `most`, of eigenvalues above `least` of the largest; divided by their roots where `scaled`.
Matrix leading(const Matrix& m, std::size_t most, double least, bool scaled, const FitControl& control) {
  const auto size = m.cols();
  const auto gram = gram_of(m, control);
  bool finite = true;
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = i; j < size; ++j) finite &= std::isfinite(gram[i * m.stride() + j]);
  // The upper triangle by rows is the lower one by columns.
  Eigenbasis found;
  if (finite) found = eigenbasis_of(gram, size, m.stride(), control.execution);
  if (found.values.empty()) throw Error(ErrorCode::numerical_failure, "graph_filter", "the singular vectors of the matrix overflow");
  const auto value = [&](std::size_t k) { return found.values[size - 1 - k]; };
  std::size_t kept = 0;
  while (kept < std::min(size, most) && value(kept) > 0 && value(kept) > least * value(0)) ++kept;
  Matrix out(size, kept);
  for (std::size_t k = 0; k < kept; ++k) {
    const double scale = scaled ? 1 / std::sqrt(value(k)) : 1.0;
    for (std::size_t i = 0; i < size; ++i) out.row(i)[k] = static_cast<float>(found.vectors[(size - 1 - k) * size + i] * scale);
  }
  return out;
}

/// Orthonormal columns of the same span, less what is lost in rounding. Twice, since the first pass leaves what the condition cost.
Matrix orthonormal(Matrix m, const FitControl& control) {
  for (int pass = 0; pass < 2 && m.cols() != 0; ++pass) m = times(m, leading(m, m.cols(), 1e-6, true, control), control);
  return m;
}

}  // namespace

Matrix product(const CsrView& sparse, const Matrix& dense, const FitControl& control) {
  Matrix out(sparse.rows, dense.cols());
  parallel_blocks(control.execution, sparse.rows, 64, [&](std::size_t begin, std::size_t end, std::size_t) {
    stop_checkpoint(control, "product");
    for (auto r = begin; r < end; ++r) {
      const auto columns = sparse.row_columns(r);
      const auto values = sparse.row_values(r);
      for (std::size_t n = 0; n < columns.size(); ++n) add_scaled(values[n], dense.row(columns[n]), out.row(r));
    }
  });
  return out;
}

Matrix right_singular_vectors(const CsrView& matrix, const CsrView& transposed, std::size_t rank, std::uint64_t seed, const FitControl& control) {
  const auto most = std::min(matrix.rows, matrix.cols);
  const auto vectors = std::min(most, rank + rank / 8 + 8);
  Matrix basis(matrix.cols, vectors);
  for (std::size_t i = 0; i < basis.rows(); ++i) {
    Random random(seed, 0x5106, i);
    for (auto& x : basis.row(i)) x = static_cast<float>(random.normal());
  }
  for (int i = 0; i < iterations && basis.cols() != 0; ++i) {
    checkpoint(control, "singular vectors", static_cast<std::uint64_t>(i), iterations);
    basis = orthonormal(product(transposed, product(matrix, basis, control), control), control);
  }
  if (basis.cols() == 0) return basis;
  return times(basis, leading(product(matrix, basis, control), rank, 1e-6, false, control), control);
}

}  // namespace pannier::cf
