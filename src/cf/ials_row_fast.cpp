/// The solver of ials_row.inl in float, with fused operations, for training.
#include "cf/ials_row.hpp"

#include <cmath>
#include <cstring>

#if PANNIER_WITH_HIGHWAY
#include "core/tile_targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cf/ials_row_fast.cpp"
#include <hwy/foreach_target.h>

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

/// B B' of packed rows into the upper triangle, as inner products: 3 x 4 of them at a time, 16 columns in the first cache,
/// and no more than `depth_limit` of a row's length.
PANNIER_INLINE void gram_of_packed(const IalsLayout<float>& layout, float* scratch) {
  constexpr std::size_t depth_limit = 512, rows = 3;
  const std::size_t n = layout.size, width = layout.width;
  const float* const packed = scratch + layout.packed;
  float* const matrix = scratch + layout.matrix;
  for (std::size_t column = 0; column < n; column += 16) {
    const std::size_t column_end = column + 16 < n ? column + 16 : n;
    for (std::size_t k_begin = 0; k_begin < width; k_begin += depth_limit) {
      const std::size_t k_end = k_begin + depth_limit < width ? k_begin + depth_limit : width;
      for (std::size_t i = 0; i < column_end; i += rows) {
        for (std::size_t j = column > i ? column : i / 4 * 4; j < column_end; j += 4) {
          Vector sum[rows][4];
          PANNIER_UNROLL for (std::size_t r = 0; r < rows; ++r)
            PANNIER_UNROLL for (std::size_t c = 0; c < 4; ++c) sum[r][c] = splat(0);
          const float* a = packed + i * width + k_begin;
          const float* b = packed + j * width + k_begin;
          for (std::size_t k = k_begin; k < k_end; k += lanes, a += lanes, b += lanes) {
            const Vector x0 = load(a), x1 = load(a + width), x2 = load(a + 2 * width);
            PANNIER_UNROLL for (std::size_t c = 0; c < 4; ++c) {
              const Vector y = load(b + c * width);
              sum[0][c] = plus_product(x0, y, sum[0][c]);
              sum[1][c] = plus_product(x1, y, sum[1][c]);
              sum[2][c] = plus_product(x2, y, sum[2][c]);
            }
          }
          PANNIER_UNROLL for (std::size_t r = 0; r < rows; ++r)
            if (i + r < n)
              sum_lanes(sum[r][0], sum[r][1], sum[r][2], sum[r][3], k_begin != 0, matrix + (i + r) * layout.row + j);
        }
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = round_up(n, 4); j < layout.padded; ++j) matrix[i * layout.row + j] = 0;
}

/// out[0..width) = sum of x[i] * packed row i; with `adds` that much more.
template <bool adds>
PANNIER_INLINE void combine_packed(std::size_t n, const float* x, const float* packed, std::size_t width, float* out) {
  constexpr std::size_t wide = 4 * vectors_a_strip;  // Vectors at a time: enough to hide the latency of a sum.
  std::size_t k = 0;
  for (; k + wide * lanes <= width; k += wide * lanes) {
    Vector sum[wide];
    PANNIER_UNROLL for (std::size_t v = 0; v < wide; ++v) sum[v] = adds ? load(out + k + v * lanes) : splat(0);
    for (std::size_t i = 0; i < n; ++i) {
      const Vector factor = splat(x[i]);
      PANNIER_UNROLL for (std::size_t v = 0; v < wide; ++v)
        sum[v] = plus_product(factor, load(packed + i * width + k + v * lanes), sum[v]);
    }
    PANNIER_UNROLL for (std::size_t v = 0; v < wide; ++v) store(out + k + v * lanes, sum[v]);
  }
  for (; k < width; k += strip) fixed_tile<1, adds ? Into::add : Into::set>(n, x, 1, 1, packed + k, width, out + k, strip);
}

/// The inner product of two rows of `width`.
PANNIER_INLINE float packed_dot(const float* a, const float* b, std::size_t width) {
  Vector sum = splat(0);
  for (std::size_t k = 0; k < width; k += lanes) sum = plus_product(load(a + k), load(b + k), sum);
  alignas(64) float four[4];
  sum_lanes(sum, splat(0), splat(0), splat(0), false, four);
  return four[0];
}

bool solve(const IalsRow<float>& row, float* scratch, float* out, double& least) {
  if (row.subtracted != 0) return false;
  const IalsLayout<float> layout(row.events.size(), row.factors);
  const bool drawn = row.linear != nullptr;
  prepare(row, layout, scratch);
  float* const matrix = scratch + layout.matrix;
  float* const inverses = scratch + layout.inverses;
  float* const right = scratch + layout.right;
  float* const offset = scratch + layout.answer;  // e, which B' v is added to.
  double offset_squares = 0;
  if (drawn) scale_linear(row, layout, scratch, offset);
  if (layout.dual) {
    pack_rows(row, layout, scratch);
    gram_of_packed(layout, scratch);
    for (std::size_t i = 0; i < layout.padded; ++i) right[i] = scratch[layout.root + i];
    if (drawn) {
      for (std::size_t i = 0; i < layout.size; ++i) right[i] -= packed_dot(scratch + layout.packed + i * layout.width, offset, layout.width);
      offset_squares = static_cast<double>(packed_dot(offset, offset, layout.width));
    }
  } else {
    gram_of_rows(row, layout, scratch);
    if (drawn)
      for (std::size_t k = 0; k < row.factors; ++k) right[k] += offset[k];
  }
  if (!add_identity(layout, matrix) || !factorise(layout.size, layout.padded, matrix, layout.row, inverses)) return false;
  // A row without events is its linear term alone.
  const double explained = layout.size == 0 ? 0 : solve_factored(layout.size, layout.padded, matrix, layout.row, inverses, right);
  const float* answer = right;
  if (layout.dual) {
    least = explained - offset_squares;
    answer = offset;
    if (drawn) combine_packed<true>(layout.size, right, scratch + layout.packed, layout.width, offset);
    else combine_packed<false>(layout.size, right, scratch + layout.packed, layout.width, offset);
  } else {
    double weight = 0;
    for (const float w : row.weights) weight += static_cast<double>(w);
    least = weight - explained;
  }
  const float* const scale = scratch + layout.scale;
  Vector sum = splat(0);
  std::size_t k = 0;
  for (; k + lanes <= row.factors; k += lanes) {
    const Vector x = times(load(answer + k), load(scale + k));
    store(out + k, x);
    sum = plus(sum, times(x, splat(0)));  // NaN as soon as one number is not finite.
  }
  float rest = 0;
  for (; k < row.factors; ++k) {
    out[k] = answer[k] * scale[k];
    rest += out[k] * 0;
  }
  alignas(64) float lane_sums[lanes];
  store(lane_sums, sum);
  for (std::size_t v = 0; v < lanes; ++v) rest += lane_sums[v];
  return rest == 0;
}

#if PANNIER_WITH_HIGHWAY
}  // namespace pannier::cf::ials_fast::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#define PANNIER_ONCE HWY_ONCE
#define PANNIER_DISPATCH(function) HWY_DYNAMIC_DISPATCH(function)
#else
}  // namespace pannier::cf::ials_fast::portable
#define PANNIER_ONCE 1
#define PANNIER_DISPATCH(function) portable::function
#endif

#if PANNIER_ONCE
namespace pannier::cf::ials_fast {

#if PANNIER_WITH_HIGHWAY
HWY_EXPORT(solve);
#endif

bool solve(const IalsRow<float>& row, float* scratch, float* out, double& least) noexcept {
  return PANNIER_DISPATCH(solve)(row, scratch, out, least);
}

}  // namespace pannier::cf::ials_fast
#endif
