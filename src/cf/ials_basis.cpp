#include "cf/ials_basis.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "cf/ials_row.hpp"
#include "cf/ials_scratch.hpp"
#include "core/tile_kernels.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/tile.hpp"

namespace pannier::cf {
namespace {

constexpr std::size_t rows_a_range = 4096;       // Of the Gram matrix: partial sums, merged in order.
constexpr std::size_t most_ranges = 16;
constexpr std::size_t range_memory = 64u << 20;  // Bytes of all partial sums, but at least one.
constexpr std::size_t strips_a_task = 16;
constexpr std::size_t rows_a_flush = 1024;       // Summed in float before they join the sum in double.
constexpr std::size_t rotated_rows = 96;         // At a time, by one thread.

}  // namespace

std::vector<double> gram_of(const Matrix& vectors, const FitControl& control) {
  const std::size_t stride = vectors.stride(), cells = stride * stride, strips = stride / 16;
  const std::size_t affordable = std::max<std::size_t>(1, range_memory / (cells * sizeof(double)));
  const std::size_t ranges = std::max<std::size_t>(1, std::min({(vectors.rows() + rows_a_range - 1) / rows_a_range, most_ranges, affordable}));
  const std::size_t rows = round_up((vectors.rows() + ranges - 1) / ranges, 1024);
  const std::size_t groups = (strips + strips_a_task - 1) / strips_a_task;
  std::vector<double> sums(ranges * cells, 0.0);
  struct Worker {
    TileScratch packed;
    std::vector<float> sums;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(resolved_threads(control.execution)));
  parallel_blocks_with_worker(control.execution, ranges * groups, 1, [&](std::size_t task, std::size_t, std::size_t, int worker) {
    stop_checkpoint(control, "gram");
    const std::size_t range = task / groups, first = task % groups * strips_a_task;
    const std::size_t last = std::min(first + strips_a_task, strips);
    const std::size_t begin = std::min(range * rows, vectors.rows()), end = std::min(begin + rows, vectors.rows());
    auto& [packed, partial] = workers[static_cast<std::size_t>(worker)];
    const std::size_t top = first * 16, bottom = std::min(last * 16, vectors.cols());
    double* const into = sums.data() + range * cells;
    for (std::size_t at = begin; at < end; at += rows_a_flush) {
      partial.assign((last - first) * 16 * stride, 0.0f);
      const MatrixView some{vectors.data() + at * stride, std::min(rows_a_flush, end - at), vectors.cols(), stride};
      add_gram(some, partial.data(), stride, packed, first, last);
      for (std::size_t i = top; i < bottom; ++i)
        for (std::size_t j = i; j < stride; ++j) into[i * stride + j] += static_cast<double>(partial[(i - top) * stride + j]);
    }
  });
  for (std::size_t range = 1; range < ranges; ++range)
    for (std::size_t i = 0; i < cells; ++i) sums[i] += sums[range * cells + i];
  sums.resize(cells);
  return sums;
}

Basis basis_of(const Eigenbasis& found, std::size_t stride, bool transposed) {
  const std::size_t count = found.values.size();
  Basis out{std::vector<float>(count * stride, 0.0f)};
  for (std::size_t j = 0; j < count; ++j)
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t row = transposed ? j : k, column = transposed ? k : j;
      out.strips[(j / 16 * count + k) * 16 + j % 16] = static_cast<float>(found.vectors[column * count + row]);
    }
  return out;
}

std::vector<double> rotate_to_eigenbasis(Matrix& vectors, std::string_view fit, std::string_view side, const FitControl& control, Basis* forth, Basis* back) {
  const std::size_t stride = vectors.stride(), count = vectors.cols();
  const auto gram = gram_of(vectors, control);
  bool finite = true;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = i; j < count; ++j) finite &= std::isfinite(gram[i * stride + j]);
  // The upper triangle by rows is the lower one by columns.
  Eigenbasis found;
  if (finite) found = eigenbasis_of(gram, count, stride, control.execution);
  if (found.values.empty())
    throw Error(ErrorCode::numerical_failure, std::string(fit), "the Gram matrix of the " + std::string(side) + " has no eigenbasis");

  std::vector<double> diagonal(count);
  for (std::size_t j = 0; j < count; ++j) diagonal[j] = std::max(0.0, found.values[j]);
  Basis turn = basis_of(found, stride);
  rotate(vectors, turn, control);
  if (forth != nullptr) *forth = std::move(turn);
  if (back != nullptr) *back = basis_of(found, stride, true);
  return diagonal;
}

std::vector<double> mean_squares(const Matrix& vectors, std::span<const double> masses, const FitControl& control) {
  constexpr std::size_t rows_a_block = 4096;
  const std::size_t count = vectors.cols(), blocks = (vectors.rows() + rows_a_block - 1) / rows_a_block;
  std::vector<double> sums(blocks * count, 0.0);
  parallel_blocks(control.execution, vectors.rows(), rows_a_block, [&](std::size_t begin, std::size_t end, std::size_t block) {
    double* const out = sums.data() + block * count;
    for (std::size_t r = begin; r < end; ++r) {
      const auto row = vectors.row(r);
      for (std::size_t k = 0; k < count; ++k) out[k] += masses[r] * static_cast<double>(row[k] * row[k]);
    }
  });
  double mass = 0;
  for (const double m : masses) mass += m;
  for (std::size_t i = count; i < sums.size(); ++i) sums[i % count] += sums[i];
  sums.resize(count);
  for (double& sum : sums) sum /= mass;
  return sums;
}

void rotate(Matrix& vectors, const Basis& basis, const FitControl& control) {
  const std::size_t stride = vectors.stride(), count = vectors.cols(), strips = stride / 16;
  WorkerScratch<float> scratch(control.execution);
  parallel_blocks_with_worker(control.execution, vectors.rows(), 4 * rotated_rows, [&](std::size_t begin, std::size_t end, std::size_t, int worker) {
    float* const turned = scratch.get(worker, rotated_rows * stride);
    for (std::size_t at = begin; at < end; at += rotated_rows) {
      const std::size_t some = std::min(rotated_rows, end - at);
      float* const rows = vectors.data() + at * stride;
      tile_kernels::multiply(some, count, rows, 1, stride, basis.strips.data(), strips, false, turned, stride);
      std::copy_n(turned, some * stride, rows);
    }
  });
}

}  // namespace pannier::cf
