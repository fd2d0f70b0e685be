/// The solver of ials_row.inl in double and in a fixed order of operations: nothing is fused (this file is compiled with
/// -ffp-contract=off), no sum runs across the lanes of a vector, and of functions only the square root is called, which is exact.
#include <cmath>
#include <cstring>

#include "cf/ials_row.hpp"

#if PANNIER_WITH_HIGHWAY
#include "core/tile_targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cf/ials_row_fixed.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace pannier::cf::ials_fixed::HWY_NAMESPACE {
#else
namespace pannier::cf::ials_fixed::portable {
#endif

using Number = double;
[[maybe_unused]] constexpr bool fused = false;
#include "core/tile_lanes.inl"
#include "core/tile_kernel.inl"
#include "cf/ials_row.inl"

PANNIER_INLINE IalsLayout<double> layout_of(const IalsRow<double>& row) {
  return IalsLayout<double>(row.events.size(), row.factors, row.subtracted != 0);
}

/// Builds and factorises the row's system.
PANNIER_INLINE void build(const IalsRow<double>& row, const IalsLayout<double>& layout, double* scratch) {
  prepare(row, layout, scratch);
  if (layout.dual) {
    pack_columns(row, layout, scratch);
    gram_of_columns(layout, row.factors, scratch);
  } else {
    gram_of_rows(row, layout, scratch);
  }
  double* const matrix = scratch + layout.matrix;
  add_identity(layout, matrix);
  factorise(layout.size, layout.padded, matrix, layout.row, scratch + layout.inverses);
}

/// right -= B x, in dual form.
PANNIER_INLINE void subtract_columns(const IalsLayout<double>& layout, std::size_t factors, const double* scratch, const double* x, double* right) {
  const double* const packed = scratch + layout.packed;
  for (std::size_t k = 0; k < factors; ++k)
    for (std::size_t i = 0; i < layout.size; ++i) right[i] -= packed[k * dual_row(layout) + i] * x[k];
}

bool solve(const IalsRow<double>& row, double* scratch, double* out, double& least) {
  const auto layout = layout_of(row);
  build(row, layout, scratch);
  double* const right = scratch + layout.right;
  const double* const scale = scratch + layout.scale;
  const double* const root = scratch + layout.root;
  const std::size_t events = row.events.size();
  double* const answer = scratch + layout.answer;
  const bool drawn = row.linear != nullptr;
  double offset_squares = 0;
  if (drawn) {
    scale_linear(row, layout, scratch, answer);
    for (std::size_t k = 0; k < row.factors; ++k) offset_squares += answer[k] * answer[k];
  }
  if (layout.dual) {
    for (std::size_t i = 0; i < layout.padded; ++i) right[i] = root[i];
    if (drawn) subtract_columns(layout, row.factors, scratch, answer, right);
  } else if (drawn) {
    for (std::size_t k = 0; k < row.factors; ++k) right[k] += answer[k];
  }
  const double explained =
      layout.size == 0 ? 0 : solve_factored(layout.size, layout.padded, scratch + layout.matrix, layout.row, scratch + layout.inverses, right);
  if (layout.dual) {
    least = explained - offset_squares;
    for (std::size_t i = 0; i < events; ++i) right[i] *= root[i];
    constexpr std::size_t wide = 2 * vectors_a_strip;
    for (std::size_t k = 0; k < layout.width; k += wide * lanes) {
      Vector sum[wide];
      PANNIER_UNROLL for (std::size_t v = 0; v < wide; ++v) sum[v] = splat(0);
      for (std::size_t i = 0; i < events; ++i) {
        const Vector factor = splat(right[i]);
        const float* const from = row.vectors + row.events[i] * row.stride + k;
        PANNIER_UNROLL for (std::size_t v = 0; v < wide; ++v) sum[v] = plus_product(factor, load_row(from + v * lanes), sum[v]);
      }
      PANNIER_UNROLL for (std::size_t v = 0; v < wide; ++v) {
        const Vector own = times(load(scale + k + v * lanes), sum[v]);
        store(answer + k + v * lanes, drawn ? plus(load(answer + k + v * lanes), own) : own);
      }
    }
  } else {
    double weight = 0;
    for (const float w : row.weights.first(events - row.subtracted)) weight += static_cast<double>(w);
    least = weight - explained;
    for (std::size_t k = 0; k < row.factors; ++k) answer[k] = right[k];
  }
  bool finite = std::isfinite(least);
  for (std::size_t k = 0; k < row.factors; ++k) {
    out[k] = scale[k] * answer[k];
    finite &= std::isfinite(out[k]);
  }
  if (!finite)
    for (std::size_t k = 0; k < row.factors; ++k) out[k] = 0;
  return finite;
}

void factorise_row(const IalsRow<double>& row, double* scratch) {
  build(row, layout_of(row), scratch);
}

void inverse_times(const IalsRow<double>& row, const float* target, double* scratch, double* z) {
  const auto layout = layout_of(row);
  double* const right = scratch + layout.right;
  const double* const scale = scratch + layout.scale;
  // The target as the system sees it, q = E^-1/2 target. Inverted it is q - B' (I + B B')^-1 B q in dual form, (I + B'B)^-1 q in primal.
  double* const seen = scratch + layout.answer;
  for (std::size_t k = 0; k < row.factors; ++k) seen[k] = scale[k] * static_cast<double>(target[k]);
  for (std::size_t i = 0; i < layout.padded; ++i) right[i] = 0;
  if (layout.dual) {
    subtract_columns(layout, row.factors, scratch, seen, right);
  } else {
    for (std::size_t k = 0; k < row.factors; ++k) right[k] = seen[k];
  }
  if (layout.size != 0)
    static_cast<void>(solve_factored(layout.size, layout.padded, scratch + layout.matrix, layout.row, scratch + layout.inverses, right));
  const double* const packed = scratch + layout.packed;
  for (std::size_t k = 0; k < row.factors; ++k) {
    double sum = right[k];
    if (layout.dual) {
      sum = seen[k];
      for (std::size_t i = 0; i < layout.size; ++i) sum += packed[k * dual_row(layout) + i] * right[i];
    }
    z[k] = scale[k] * sum;
  }
}

void shares(const IalsRow<double>& row, const float* target, double* scratch, double* share) {
  double* const z = scratch + layout_of(row).total;
  inverse_times(row, target, scratch, z);
  for (std::size_t i = 0; i < row.events.size(); ++i) {
    share[i] = ials_fixed::share({row.vectors + row.events[i] * row.stride, row.factors}, row.weights[i], z);
  }
}

#if PANNIER_WITH_HIGHWAY
}  // namespace pannier::cf::ials_fixed::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#define PANNIER_ONCE HWY_ONCE
#define PANNIER_DISPATCH(function) HWY_DYNAMIC_DISPATCH(function)
#else
}  // namespace pannier::cf::ials_fixed::portable
#define PANNIER_ONCE 1
#define PANNIER_DISPATCH(function) portable::function
#endif

#if PANNIER_ONCE
namespace pannier::cf::ials_fixed {

#if PANNIER_WITH_HIGHWAY
HWY_EXPORT(solve);
HWY_EXPORT(factorise_row);
HWY_EXPORT(inverse_times);
HWY_EXPORT(shares);
#endif

bool solve(const IalsRow<double>& row, double* scratch, double* out, double& least) noexcept {
  return PANNIER_DISPATCH(solve)(row, scratch, out, least);
}

void factorise_row(const IalsRow<double>& row, double* scratch) noexcept { PANNIER_DISPATCH(factorise_row)(row, scratch); }

void inverse_times(const IalsRow<double>& row, const float* target, double* scratch, double* z) noexcept {
  PANNIER_DISPATCH(inverse_times)(row, target, scratch, z);
}

void shares(const IalsRow<double>& row, const float* target, double* scratch, double* share) noexcept {
  PANNIER_DISPATCH(shares)(row, target, scratch, share);
}

}  // namespace pannier::cf::ials_fixed
#endif
