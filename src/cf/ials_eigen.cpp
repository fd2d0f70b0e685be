#include "cf/ials_eigen.hpp"
#include "core/sort_stably.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace pannier::cf {
namespace {

using ials_fast::panel_rows;

constexpr std::size_t noted_turns = 1u << 19;  // 8 MiB, then the vectors are turned.

/// The tridiagonal matrix and what its QR steps do to the vectors.
class Reduction {
 public:
  Reduction(std::vector<double> diagonal, std::vector<double> beside, std::vector<double>& panels, const Execution& execution)
      : diagonal_(std::move(diagonal)), beside_(std::move(beside)), panels_(panels), execution_(execution) {}

  /// False where 30 steps a number were not enough.
  bool run() {
    std::size_t end = diagonal_.size() - 1, steps = 0;
    while (end > 0) {
      for (std::size_t i = 0; i < end; ++i) {
        const double scaled = beside_[i] / std::numeric_limits<double>::epsilon();
        if (std::abs(beside_[i]) < std::numeric_limits<double>::min() || scaled * scaled <= std::abs(diagonal_[i]) + std::abs(diagonal_[i + 1])) beside_[i] = 0;
      }
      while (end > 0 && beside_[end - 1] == 0) --end;
      if (end == 0) break;
      if (++steps > 30 * diagonal_.size()) return false;
      std::size_t start = end - 1;
      while (start > 0 && beside_[start - 1] != 0) --start;
      step(start, end);
    }
    flush();
    return true;
  }

  [[nodiscard]] const std::vector<double>& values() const noexcept { return diagonal_; }

 private:
  /// One QR step with Wilkinson's shift on rows [start, end] (Golub & Van Loan, Matrix Computations, 8.3).
  void step(std::size_t start, std::size_t end) {
    const double half = (diagonal_[end - 1] - diagonal_[end]) / 2, e = beside_[end - 1];
    const double reach = half + (half > 0 ? std::hypot(half, e) : -std::hypot(half, e));
    double x = diagonal_[start] - (diagonal_[end] - (half == 0 ? std::abs(e) : e / (reach / e)));
    double z = beside_[start];
    if (turns_.size() + (end - start) > noted_turns) flush();
    const std::size_t first = turns_.size();
    for (std::size_t k = start; k < end && z != 0; ++k) {
      const double length = std::hypot(x, z), c = x / length, s = -z / length;
      const double sd = s * diagonal_[k] + c * beside_[k], dd = s * beside_[k] + c * diagonal_[k + 1];
      diagonal_[k] = c * (c * diagonal_[k] - s * beside_[k]) - s * (c * beside_[k] - s * diagonal_[k + 1]);
      diagonal_[k + 1] = s * sd + c * dd;
      beside_[k] = c * sd - s * dd;
      if (k > start) beside_[k - 1] = c * beside_[k - 1] - s * z;
      x = beside_[k];
      if (k + 1 < end) {
        z = -s * beside_[k + 1];
        beside_[k + 1] *= c;
      }
      turns_.push_back({c, s});
    }
    steps_.push_back({start, first, turns_.size() - first});
  }

  void flush() {
    std::vector<Sweep> sweeps;
    for (const auto& each : steps_) sweeps.push_back({each.start, std::span(turns_).subspan(each.first, each.count)});
    const std::size_t size = diagonal_.size() * panel_rows;
    parallel_blocks(execution_, panels_.size() / size, 1, [&](std::size_t panel, std::size_t, std::size_t) { ials_fast::turn_panel(panels_.data() + panel * size, sweeps); });
    steps_.clear();
    turns_.clear();
  }

  struct Noted {
    std::size_t start, first, count;
  };
  std::vector<double> diagonal_, beside_;
  std::vector<double>& panels_;
  const Execution& execution_;
  std::vector<Turn> turns_;
  std::vector<Noted> steps_;
};

}  // namespace

Eigenbasis eigenbasis_of(std::span<const double> matrix, std::size_t size, std::size_t stride, const Execution& execution) {
  if (size == 1) return {{matrix[0]}, {1}};
  const auto n = static_cast<Eigen::Index>(size);
  Eigen::MatrixXd lower = Eigen::Map<const Eigen::MatrixXd, 0, Eigen::OuterStride<>>(matrix.data(), n, n, Eigen::OuterStride<>(static_cast<Eigen::Index>(stride)))
                              .triangularView<Eigen::Lower>();
  double scale = lower.cwiseAbs().maxCoeff();
  if (scale == 0) scale = 1;
  lower /= scale;
  const Eigen::Tridiagonalization<Eigen::MatrixXd> reduced(lower);
  const Eigen::VectorXd diagonal = reduced.diagonal(), beside = reduced.subDiagonal();
  std::vector<double> panels((size + panel_rows - 1) / panel_rows * panel_rows * size, 0.0);
  {
    const Eigen::MatrixXd q = reduced.matrixQ();
    for (std::size_t k = 0; k < size; ++k)
      for (std::size_t i = 0; i < size; ++i) panels[(i / panel_rows * size + k) * panel_rows + i % panel_rows] = q(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k));
  }
  Reduction reduction({diagonal.begin(), diagonal.end()}, {beside.begin(), beside.end()}, panels, execution);
  if (!reduction.run()) return {};

  const auto& values = reduction.values();
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  sort_stably(order, [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  Eigenbasis out{std::vector<double>(size), std::vector<double>(size * size)};
  for (std::size_t j = 0; j < size; ++j) {
    out.values[j] = values[order[j]] * scale;
    for (std::size_t i = 0; i < size; ++i) out.vectors[j * size + i] = panels[(i / panel_rows * size + order[j]) * panel_rows + i % panel_rows];
  }
  return out;
}

}  // namespace pannier::cf
