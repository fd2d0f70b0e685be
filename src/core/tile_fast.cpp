/// The kernels of core/tile for every SIMD level: the register tile of tile_kernel.inl over packed strips, and the packing.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/tile_kernels.hpp"

#if PANNIER_WITH_HIGHWAY
#include "core/tile_targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/tile_fast.cpp"
#include <hwy/foreach_target.h>
// Highway's order: after foreach_target.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace pannier::tile_kernels::HWY_NAMESPACE {
#else
namespace pannier::tile_kernels::portable {
#endif

using Number = float;
[[maybe_unused]] constexpr bool fused = true;
#include "core/tile_lanes.inl"
#include "core/tile_kernel.inl"

/// Strips side by side in one tile: with a strip in one register, two halve the broadcasts.
constexpr std::size_t wide = vectors_a_strip == 1 ? 2 : 1;

/// A 4 x 4 transpose: to[p * 16 + c] = from[c * stride + p].
PANNIER_INLINE void transpose_four(const float* from, std::size_t stride, float* to) {
#if PANNIER_HIGHWAY_LANES
  const hn::FixedTag<float, 4> f;
  const hn::Repartition<double, decltype(f)> pairs;
  const auto a = hn::LoadU(f, from), b = hn::LoadU(f, from + stride), c = hn::LoadU(f, from + 2 * stride), d = hn::LoadU(f, from + 3 * stride);
  const auto ab_low = hn::BitCast(pairs, hn::InterleaveLower(f, a, b)), ab_high = hn::BitCast(pairs, hn::InterleaveUpper(f, a, b));
  const auto cd_low = hn::BitCast(pairs, hn::InterleaveLower(f, c, d)), cd_high = hn::BitCast(pairs, hn::InterleaveUpper(f, c, d));
  hn::StoreU(hn::BitCast(f, hn::InterleaveLower(pairs, ab_low, cd_low)), f, to);
  hn::StoreU(hn::BitCast(f, hn::InterleaveUpper(pairs, ab_low, cd_low)), f, to + 16);
  hn::StoreU(hn::BitCast(f, hn::InterleaveLower(pairs, ab_high, cd_high)), f, to + 32);
  hn::StoreU(hn::BitCast(f, hn::InterleaveUpper(pairs, ab_high, cd_high)), f, to + 48);
#else
  for (std::size_t p = 0; p < 4; ++p)
    for (std::size_t c = 0; c < 4; ++c) to[p * 16 + c] = from[c * stride + p];
#endif
}

void pack_rows(const float* rows, std::size_t stride, std::size_t count, std::size_t depth, float* to) {
  for (std::size_t s = 0; s < count; s += strip, to += depth * strip) {
    const std::size_t columns = std::min(strip, count - s);
    const std::size_t whole = columns / 4 * 4, deep = depth / 4 * 4;
    for (std::size_t c = 0; c < whole; c += 4) {
      const float* const from = rows + (s + c) * stride;
      for (std::size_t p = 0; p < deep; p += 4) transpose_four(from + p, stride, to + p * strip + c);
      for (std::size_t p = deep; p < depth; ++p)
        for (std::size_t i = 0; i < 4; ++i) to[p * strip + c + i] = from[i * stride + p];
    }
    for (std::size_t c = whole; c < strip; ++c)
      for (std::size_t p = 0; p < depth; ++p) to[p * strip + c] = c < columns ? rows[(s + c) * stride + p] : 0;
  }
}

template <Into into, bool unit>
PANNIER_INLINE void multiply_strips(std::size_t rows, std::size_t depth, const float* a, std::size_t a_depth, std::size_t a_row,
                                    const float* packed, std::size_t strips, float* c, std::size_t c_stride) {
  std::size_t s = 0;
  for (; s + wide <= strips; s += wide)
    tile<into, unit, wide>(rows, depth, a, a_depth, a_row, packed + s * depth * strip, strip, c + s * strip, c_stride, depth * strip);
  for (; s < strips; ++s) tile<into, unit>(rows, depth, a, a_depth, a_row, packed + s * depth * strip, strip, c + s * strip, c_stride);
}

void multiply(std::size_t rows, std::size_t depth, const float* a, std::size_t a_depth, std::size_t a_row, const float* packed,
              std::size_t strips, bool add, float* c, std::size_t c_stride) {
  if (a_row == 1) {
    if (add) multiply_strips<Into::add, true>(rows, depth, a, a_depth, a_row, packed, strips, c, c_stride);
    else multiply_strips<Into::set, true>(rows, depth, a, a_depth, a_row, packed, strips, c, c_stride);
  } else {
    if (add) multiply_strips<Into::add, false>(rows, depth, a, a_depth, a_row, packed, strips, c, c_stride);
    else multiply_strips<Into::set, false>(rows, depth, a, a_depth, a_row, packed, strips, c, c_stride);
  }
}

void pack_segments(const float* data, std::size_t stride, std::size_t cols, std::size_t from, std::size_t count, std::size_t chunk, float* to) {
  for (std::size_t i = 0; i < count; ++i) {
    const float* const row = data + i * stride;
    float* out = to + i * strip;
    std::size_t k = from;
    for (; k + strip <= cols; k += strip, out += chunk * strip)
      PANNIER_UNROLL for (std::size_t v = 0; v < strip; v += lanes) store(out + v, load(row + k + v));
    if (k < cols)
      for (std::size_t c = 0; c < strip; ++c) out[c] = k + c < cols ? row[k + c] : 0;
  }
}

void add_gram(const float* packed, std::size_t chunk, std::size_t depth, std::size_t cols, std::size_t first, std::size_t last,
              std::size_t strips, float* gram, std::size_t stride) {
  for (std::size_t i = first; i < last; ++i) {
    const std::size_t rows = std::min(strip, cols - i * strip);
    const float* const a = packed + (i - first) * chunk * strip;
    float* const line = gram + (i - first) * strip * stride;
    std::size_t j = i;
    for (; j + wide <= strips; j += wide)
      tile<Into::add, true, wide>(rows, depth, a, strip, 1, packed + (j - first) * chunk * strip, strip, line + j * strip, stride, chunk * strip);
    for (; j < strips; ++j)
      tile<Into::add, true>(rows, depth, a, strip, 1, packed + (j - first) * chunk * strip, strip, line + j * strip, stride);
  }
}

}  // namespace pannier::tile_kernels, of the level
#include "core/tile_once.inl"

#if PANNIER_ONCE
namespace pannier::tile_kernels {

PANNIER_EXPORT(pack_rows);
PANNIER_EXPORT(multiply);
PANNIER_EXPORT(pack_segments);
PANNIER_EXPORT(add_gram);

void pack_rows(const float* rows, std::size_t stride, std::size_t count, std::size_t depth, float* to) noexcept {
  PANNIER_DISPATCH(pack_rows)(rows, stride, count, depth, to);
}

void multiply(std::size_t rows, std::size_t depth, const float* a, std::size_t a_depth, std::size_t a_row, const float* packed,
              std::size_t strips, bool add, float* c, std::size_t c_stride) noexcept {
  PANNIER_DISPATCH(multiply)(rows, depth, a, a_depth, a_row, packed, strips, add, c, c_stride);
}

void pack_segments(const float* data, std::size_t stride, std::size_t cols, std::size_t from, std::size_t count, std::size_t chunk, float* to) noexcept {
  PANNIER_DISPATCH(pack_segments)(data, stride, cols, from, count, chunk, to);
}

void add_gram(const float* packed, std::size_t chunk, std::size_t depth, std::size_t cols, std::size_t first, std::size_t last,
              std::size_t strips, float* gram, std::size_t stride) noexcept {
  PANNIER_DISPATCH(add_gram)(packed, chunk, depth, cols, first, last, strips, gram, stride);
}

}  // namespace pannier::tile_kernels
#endif
