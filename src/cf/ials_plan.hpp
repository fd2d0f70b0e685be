/// Which way a row of alternating least squares is solved.
#pragma once

#include <cstddef>

#include "cf/ials_row.hpp"
#include "pannier/cf/ials.hpp"

namespace pannier::cf {

enum class IalsWay { dual, primal, gradients, blocks };

inline constexpr int gradient_steps = 3;       ///< Of "cg".
inline constexpr int gradient_steps_auto = 2;  ///< From the row before, two steps leave less of the loss than three plain ones from it.

/// Time of a row in each exact form and by `steps` of conjugate gradients, in multiply-adds of a register tile. The factors are what each
/// loses against one: short dots, gathers, the latency of a small triangle.
struct IalsCost {
  double n, k;
  [[nodiscard]] double dual() const noexcept { return n * n * (k + 2 * n) + n * (3 * k + 900) + 7000; }
  [[nodiscard]] double primal() const noexcept { return n * k * (k + 30) + k * k * (0.7 * k + 60) + 7000; }
  [[nodiscard]] double gradients(int steps) const noexcept { return (steps + 1) * (n * (6 * k + 100) + 20 * k + 1000) + k * (k + 40); }
};

[[nodiscard]] inline IalsWay ials_way(IalsSolver solver, bool exact, std::size_t events, std::size_t factors) noexcept {
  const IalsWay direct = solves_dual(events, factors) ? IalsWay::dual : IalsWay::primal;
  if (exact || solver == IalsSolver::exact) return direct;
  if (solver == IalsSolver::conjugate_gradients) return IalsWay::gradients;
  if (solver == IalsSolver::subspace) return IalsWay::blocks;
  const IalsCost cost{static_cast<double>(events), static_cast<double>(factors)};
  const double directly = direct == IalsWay::dual ? cost.dual() : cost.primal();
  return cost.gradients(gradient_steps_auto) < directly ? IalsWay::gradients : direct;
}

}  // namespace pannier::cf
