/// Rotations of the columns of a panel, for the eigenbasis.
#include <cmath>
#include <cstring>

#include "cf/ials_eigen.hpp"

#if PANNIER_WITH_HIGHWAY
#include "core/tile_targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cf/ials_eigen_fast.cpp"
#include <hwy/foreach_target.h>
// Highway's order: after foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace pannier::cf::ials_fast::HWY_NAMESPACE {
#else
namespace pannier::cf::ials_fast::portable {
#endif

using Number = double;
[[maybe_unused]] constexpr bool fused = true;
#include "core/tile_lanes.inl"

void turn_panel(double* panel, std::span<const Sweep> sweeps) {
  constexpr std::size_t vectors = panel_rows / lanes;
  for (const Sweep& sweep : sweeps) {
    double* column = panel + sweep.first * panel_rows;
    Vector x[vectors];
    PANNIER_UNROLL for (std::size_t v = 0; v < vectors; ++v) x[v] = load(column + v * lanes);
    for (const Turn& turn : sweep.turns) {
      const Vector c = splat(turn.c), s = splat(turn.s);
      PANNIER_UNROLL for (std::size_t v = 0; v < vectors; ++v) {
        const Vector y = load(column + panel_rows + v * lanes);
        store(column + v * lanes, minus_product(s, y, times(c, x[v])));
        x[v] = plus_product(s, x[v], times(c, y));
      }
      column += panel_rows;
    }
    PANNIER_UNROLL for (std::size_t v = 0; v < vectors; ++v) store(column + v * lanes, x[v]);
  }
}

}  // namespace pannier::cf::ials_fast, of the level
#include "core/tile_once.inl"

#if PANNIER_ONCE
namespace pannier::cf::ials_fast {

PANNIER_EXPORT(turn_panel);

void turn_panel(double* panel, std::span<const Sweep> sweeps) noexcept {
  PANNIER_DISPATCH(turn_panel)(panel, sweeps);
}

}  // namespace pannier::cf::ials_fast
#endif
