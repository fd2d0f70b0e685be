#include "cf/singular.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/simd.hpp"
#include "pannier/core/tile.hpp"

namespace pannier::cf {
namespace {

/// Products of the subspace with R'R. A direction that is to be kept beats the first one left out by the power of their ratio.
constexpr int iterations = 5;

/// Rows one call of the dense kernel takes.
constexpr std::size_t tile_rows = 960, gram_rows = 4096;

MatrixView rows_of(const Matrix& m, std::size_t begin, std::size_t end) { return {m.data() + begin * m.stride(), end - begin, m.cols(), m.stride()}; }

/// Columns of m' m, in double. The strips of the triangle are shared among threads, so a number's sum is one thread's.
Eigen::MatrixXd gram_of(const Matrix& m, const FitControl& control) {
  const std::size_t stride = m.stride(), strips = stride / 16;
  std::vector<float> gram(stride * stride, 0.0f);
  std::vector<TileScratch> scratches(static_cast<std::size_t>(resolved_threads(control.execution)));
  parallel_blocks_with_worker(control.execution, strips, 2, [&](std::size_t first, std::size_t last, std::size_t, int worker) {
    for (std::size_t at = 0; at < m.rows(); at += gram_rows)
      add_gram({.view = rows_of(m, at, std::min(m.rows(), at + gram_rows))}, gram.data() + first * 16 * stride, stride, scratches[static_cast<std::size_t>(worker)], first, last);
  });
  const auto size = static_cast<Eigen::Index>(m.cols());
  Eigen::MatrixXd out(size, size);
  for (std::size_t i = 0; i < m.cols(); ++i)
    for (std::size_t j = i; j < m.cols(); ++j)
      out(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = out(static_cast<Eigen::Index>(j), static_cast<Eigen::Index>(i)) = static_cast<double>(gram[i * stride + j]);
  return out;
}

/// m times a small matrix.
Matrix times(const Matrix& m, const Eigen::MatrixXd& small, const FitControl& control) {
  Matrix factor(static_cast<std::size_t>(small.rows()), static_cast<std::size_t>(small.cols())), out(m.rows(), factor.cols());
  for (std::size_t i = 0; i < factor.rows(); ++i)
    for (std::size_t j = 0; j < factor.cols(); ++j) factor.row(i)[j] = static_cast<float>(small(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)));
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

Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solved(const Eigen::MatrixXd& gram) {
  Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver;
  if (gram.allFinite()) solver.compute(gram);
  if (!gram.allFinite() || solver.info() != Eigen::Success)
    throw Error(ErrorCode::numerical_failure, "graph_filter", "the singular vectors of the matrix overflow");
  return solver;
}

/// The last eigenvectors, largest first: at most `most`, of eigenvalues above `least` of the largest. Eigenvalues ascend.
Eigen::MatrixXd leading(const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>& solver, std::size_t most, double least, bool scaled) {
  const auto& values = solver.eigenvalues();
  const auto size = values.size();
  Eigen::Index kept = 0;
  while (kept < size && kept < static_cast<Eigen::Index>(most) && values[size - 1 - kept] > 0 && values[size - 1 - kept] > least * values[size - 1]) ++kept;
  Eigen::MatrixXd out(size, kept);
  for (Eigen::Index k = 0; k < kept; ++k) out.col(k) = solver.eigenvectors().col(size - 1 - k) * (scaled ? 1 / std::sqrt(values[size - 1 - k]) : 1.0);
  return out;
}

/// Orthonormal columns of the same span, less what is lost in rounding. Twice, since the first pass leaves what the condition cost.
Matrix orthonormal(Matrix m, const FitControl& control) {
  for (int pass = 0; pass < 2 && m.cols() != 0; ++pass) m = times(m, leading(solved(gram_of(m, control)), m.cols(), 1e-6, true), control);
  return m;
}

}  // namespace

Matrix product(const CsrView& sparse, const Matrix& dense, const Execution& execution) {
  Matrix out(sparse.rows, dense.cols());
  parallel_blocks(execution, sparse.rows, 64, [&](std::size_t begin, std::size_t end, std::size_t) {
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
    basis = orthonormal(product(transposed, product(matrix, basis, control.execution), control.execution), control);
  }
  if (basis.cols() == 0) return basis;
  return times(basis, leading(solved(gram_of(product(matrix, basis, control.execution), control)), rank, 1e-6, false), control);
}

}  // namespace pannier::cf
