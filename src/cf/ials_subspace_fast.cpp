/// One sweep over blocks of coordinates of one row (iALS++), in float with fused operations, for training.
#include <cmath>
#include <cstring>

#include "cf/ials_row.hpp"

#if PANNIER_WITH_HIGHWAY
#include "core/tile_targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cf/ials_subspace_fast.cpp"
#include <hwy/foreach_target.h>
// Highway's order: after foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace pannier::cf::ials_fast::HWY_NAMESPACE {
#else
namespace pannier::cf::ials_fast::portable {
#endif

using Number = float;
[[maybe_unused]] constexpr bool fused = true;
#include "core/tile_lanes.inl"
#include "core/tile_kernel.inl"
#include "cf/ials_row.inl"
#include "cf/ials_sums.inl"

/// Inner product of one strip.
PANNIER_INLINE float strip_dot(const float* a, const float* b) {
  Vector sum = splat(0);
  PANNIER_UNROLL for (std::size_t v = 0; v < strip; v += lanes) sum = plus_product(load(a + v), load(b + v), sum);
  alignas(64) float four[4];
  sum_lanes(sum, splat(0), splat(0), splat(0), false, four);
  return four[0];
}

// With b = sqrt(w) E^-1/2 y and e as in ials_row.hpp and u = E^1/2 x, a block's change v solves (I + B_s' B_s) v = B_s' m + e_s - u_s,
// m = sqrt(w) (1 - x.y) being what the events miss; then m -= B_s v.
bool solve_subspace(const IalsRow<float>& row, float* scratch, float* x, double& least) {
  if (row.subtracted != 0) return false;
  const std::size_t events = row.events.size(), width = round_up(row.factors, 16);
  float* const scale = scratch;
  float* const unknown = scale + width;
  float* const root = unknown + width;
  float* const missing = root + round_up(events, 16);
  float* const packed = missing + round_up(events, 16);
  float* const matrix = packed + chunk * strip;
  float* const inverse = matrix + strip * strip;
  float* const right = inverse + strip * strip;
  for (std::size_t k = 0; k < width; ++k) {
    const float e = row.shared[k < row.factors ? k : 0] + static_cast<float>(row.ridge);
    scale[k] = k < row.factors ? 1 / root_of(e) : 0;
    unknown[k] = k < row.factors ? root_of(e) * x[k] : 0;
  }
  double loss = 0;
  for (std::size_t k = 0; k < width; ++k) loss += static_cast<double>(unknown[k]) * static_cast<double>(unknown[k]);
  const auto offset = [&](std::size_t k) { return row.linear == nullptr ? 0 : scale[k] * row.linear[k]; };
  for (std::size_t k = 0; k < width; ++k) loss -= 2 * static_cast<double>(unknown[k]) * static_cast<double>(offset(k));
  for (std::size_t i = 0; i < round_up(events, 16); ++i) root[i] = missing[i] = 0;
  for (std::size_t i = 0; i < events; ++i) {
    if (i + 8 < events) prefetch_row(row.vectors + row.events[i + 8] * row.stride, width);
    const float* const y = row.vectors + row.events[i] * row.stride;
    float product = 0;
    for (std::size_t k = 0; k < width; k += strip) product += strip_dot(y + k, x + k);
    root[i] = root_of(row.weights[i]);
    missing[i] = root[i] * (1 - product);
    loss += static_cast<double>(missing[i]) * static_cast<double>(missing[i]);
  }
  for (std::size_t k = 0; k < width; k += strip) {
    const auto pack = [&](std::size_t begin, std::size_t some) {
      for (std::size_t i = 0; i < some; ++i) {
        if (begin + i + 16 < events) __builtin_prefetch(row.vectors + row.events[begin + i + 16] * row.stride + k);
        const float* const y = row.vectors + row.events[begin + i] * row.stride + k;
        const Vector factor = splat(root[begin + i]);
        PANNIER_UNROLL for (std::size_t v = 0; v < strip; v += lanes) store(packed + i * strip + v, times(times(factor, load(y + v)), load(scale + k + v)));
      }
    };
    for (std::size_t i = 0; i < strip * strip; ++i) matrix[i] = 0;
    for (std::size_t c = 0; c < strip; ++c) {
      matrix[c * strip + c] = 1;
      right[c] = offset(k + c) - unknown[k + c];
    }
    for (std::size_t begin = 0; begin < events; begin += chunk) {
      const std::size_t some = events - begin < chunk ? events - begin : chunk;
      pack(begin, some);
      tile<Into::add, true>(strip, some, packed, strip, 1, packed, strip, matrix, strip);
      tile<Into::add, true>(1, some, missing + begin, 1, 1, packed, strip, right, strip);
    }
    if (!factorise(strip, strip, matrix, strip, inverse)) return false;
    loss -= solve_factored(strip, strip, matrix, strip, inverse, right);
    for (std::size_t c = 0; c < strip; ++c) unknown[k + c] += right[c];
    for (std::size_t begin = 0; begin < events; begin += chunk) {
      const std::size_t some = events - begin < chunk ? events - begin : chunk;
      if (events > chunk) pack(begin, some);
      for (std::size_t i = 0; i < some; ++i) missing[begin + i] -= strip_dot(packed + i * strip, right);
    }
  }
  for (std::size_t k = 0; k < row.factors; ++k) x[k] = unknown[k] * scale[k];
  least = loss;
  return std::isfinite(loss);
}

}  // namespace pannier::cf::ials_fast, of the level
#include "core/tile_once.inl"

#if PANNIER_ONCE
namespace pannier::cf::ials_fast {

PANNIER_EXPORT(solve_subspace);

bool solve_subspace(const IalsRow<float>& row, float* scratch, float* x, double& least) noexcept {
  return PANNIER_DISPATCH(solve_subspace)(row, scratch, x, least);
}

}  // namespace pannier::cf::ials_fast
#endif
