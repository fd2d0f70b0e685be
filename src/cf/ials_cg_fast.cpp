/// Conjugate gradients on one row, in float with fused operations, for training.
#include <cmath>
#include <cstring>

#include "cf/ials_row.hpp"

#if PANNIER_WITH_HIGHWAY
#include "core/tile_targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cf/ials_cg_fast.cpp"
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
#include "cf/ials_sums.inl"

constexpr std::size_t group = 8;         ///< Events whose inner products are summed at a time.
constexpr std::size_t most_events = 32;  ///< Events whose rows stay in the first cache between the two uses of them.

/// The inner products of `group` rows with x, width numbers each.
PANNIER_INLINE void dots(const float* const* rows, const float* x, std::size_t width, float* out) {
  Vector sum[group];
  PANNIER_UNROLL for (std::size_t r = 0; r < group; ++r) sum[r] = splat(0);
  for (std::size_t k = 0; k < width; k += lanes) {
    const Vector line = load(x + k);
    PANNIER_UNROLL for (std::size_t r = 0; r < group; ++r) sum[r] = plus_product(line, load(rows[r] + k), sum[r]);
  }
  sum_lanes(sum[0], sum[1], sum[2], sum[3], false, out);
  sum_lanes(sum[4], sum[5], sum[6], sum[7], false, out + 4);
}

/// to[0..width) += sum of factor[i] * rows[i].
template <std::size_t vectors>
PANNIER_INLINE void add_rows_at(const float* const* rows, const float* factor, std::size_t count, std::size_t k, float* to) {
  Vector sum[vectors];
  PANNIER_UNROLL for (std::size_t v = 0; v < vectors; ++v) sum[v] = load(to + k + v * lanes);
  for (std::size_t i = 0; i < count; ++i) {
    const Vector x = splat(factor[i]);
    PANNIER_UNROLL for (std::size_t v = 0; v < vectors; ++v) sum[v] = plus_product(x, load(rows[i] + k + v * lanes), sum[v]);
  }
  PANNIER_UNROLL for (std::size_t v = 0; v < vectors; ++v) store(to + k + v * lanes, sum[v]);
}

PANNIER_INLINE void add_rows(const float* const* rows, const float* factor, std::size_t count, std::size_t width, float* to) {
  std::size_t k = 0;
  for (; k + 8 * lanes <= width; k += 8 * lanes) add_rows_at<8>(rows, factor, count, k, to);
  for (; k + 2 * lanes <= width; k += 2 * lanes) add_rows_at<2>(rows, factor, count, k, to);
  for (; k < width; k += lanes) add_rows_at<1>(rows, factor, count, k, to);
}

/// to += sum over events of coefficient(i, y_i . x) y_i, in the order of the events; without `adds` only the coefficients are asked for.
template <bool adds, class Coefficient>
PANNIER_INLINE void pass(const IalsRow<float>& row, std::size_t width, const float* x, float* to, Coefficient coefficient) {
  const std::size_t events = row.events.size();
  const std::size_t ahead = width <= 64 ? 16 : width <= 256 ? 8 : 4;
  const std::size_t block = width <= 128 ? most_events : width <= 512 ? most_events / 2 : group;
  const float* rows[most_events];
  alignas(64) float products[most_events];
  for (std::size_t begin = 0; begin < events; begin += block) {
    const std::size_t some = events - begin < block ? events - begin : block;
    for (std::size_t at = 0; at < some; at += group) {
      for (std::size_t i = at; i < at + group; ++i) {
        rows[i] = row.vectors + row.events[begin + (i < some ? i : some - 1)] * row.stride;
        if (begin + i + ahead < events) prefetch_row(row.vectors + row.events[begin + i + ahead] * row.stride, width);
      }
      dots(rows + at, x, width, products + at);
    }
    for (std::size_t i = 0; i < some; ++i) products[i] = coefficient(begin + i, products[i]);
    if constexpr (adds) add_rows(rows, products, some, width, to);
  }
}

PANNIER_INLINE float total(Vector x) {
  alignas(64) float four[4];
  sum_lanes(x, splat(0), splat(0), splat(0), false, four);
  return four[0];
}

PANNIER_INLINE float dot(const float* a, const float* b, std::size_t width) {
  Vector sum = splat(0);
  for (std::size_t k = 0; k < width; k += lanes) sum = plus_product(load(a + k), load(b + k), sum);
  return total(sum);
}

bool solve_cg(const IalsRow<float>& row, const float* spread, int steps, float* scratch, float* x, double& least) {
  if (row.subtracted != 0) return false;
  const std::size_t width = round_up(row.factors, 16);
  float* const diagonal = scratch;             // E.
  float* const inverse = scratch + width;      // Of the preconditioner.
  float* const residual = scratch + 2 * width;
  float* const direction = scratch + 3 * width;
  float* const image = scratch + 4 * width;
  float mass = 0;
  for (const float w : row.weights) mass += w;
  const Vector ridge = splat(static_cast<float>(row.ridge)), one = splat(1), mass_lanes = splat(mass);
  for (std::size_t k = 0; k < width; k += lanes) {
    const Vector e = plus(load(row.shared + k), ridge);
    store(diagonal + k, e);
    store(inverse + k, over(one, plus_product(mass_lanes, load(spread + k), e)));
    store(residual + k, minus_product(e, load(x + k), splat(0)));
  }
  double loss = -static_cast<double>(dot(residual, x, width));
  if (row.linear != nullptr) {
    loss -= 2 * static_cast<double>(dot(row.linear, x, width));
    for (std::size_t k = 0; k < width; k += lanes) store(residual + k, plus(load(residual + k), load(row.linear + k)));
  }
  const float* const weights = row.weights.data();
  pass<true>(row, width, x, residual, [&](std::size_t i, float product) {
    const float miss = 1 - product;
    loss += static_cast<double>(weights[i] * miss * miss);
    return weights[i] * miss;
  });
  float size = 0;
  {
    Vector sum = splat(0);
    for (std::size_t k = 0; k < width; k += lanes) {
      const Vector r = load(residual + k), z = times(r, load(inverse + k));
      store(direction + k, z);
      sum = plus_product(r, z, sum);
    }
    size = total(sum);
  }
  for (int step = 0; step < steps && size > 0; ++step) {
    const bool last = step + 1 == steps;
    float curvature = 0;
    if (last) {
      // No residual follows, so the image itself is not needed.
      double sum = 0;
      pass<false>(row, width, direction, image, [&](std::size_t i, float product) {
        sum += static_cast<double>(weights[i] * product * product);
        return 0.0f;
      });
      Vector own = splat(0);
      for (std::size_t k = 0; k < width; k += lanes) own = plus_product(times(load(diagonal + k), load(direction + k)), load(direction + k), own);
      curvature = total(own) + static_cast<float>(sum);
    } else {
      for (std::size_t k = 0; k < width; k += lanes) store(image + k, times(load(diagonal + k), load(direction + k)));
      pass<true>(row, width, direction, image, [&](std::size_t i, float product) { return weights[i] * product; });
      curvature = dot(direction, image, width);
    }
    if (!(curvature > 0)) break;
    const float length = size / curvature;
    loss -= static_cast<double>(length) * static_cast<double>(size);
    const Vector along = splat(length);
    Vector sum = splat(0);
    for (std::size_t k = 0; k < width; k += lanes) {
      store(x + k, plus_product(along, load(direction + k), load(x + k)));
      if (last) continue;
      const Vector r = minus_product(along, load(image + k), load(residual + k));
      store(residual + k, r);
      sum = plus_product(times(r, r), load(inverse + k), sum);
    }
    if (last) break;
    const float next = total(sum);
    const Vector share = splat(next / size);
    size = next;
    for (std::size_t k = 0; k < width; k += lanes)
      store(direction + k, plus_product(share, load(direction + k), times(load(residual + k), load(inverse + k))));
  }
  least = loss;
  return std::isfinite(loss);
}

}  // namespace pannier::cf::ials_fast, of the level
#include "core/tile_once.inl"

#if PANNIER_ONCE
namespace pannier::cf::ials_fast {

PANNIER_EXPORT(solve_cg);

bool solve_cg(const IalsRow<float>& row, const float* spread, int steps, float* scratch, float* x, double& least) noexcept {
  return PANNIER_DISPATCH(solve_cg)(row, spread, steps, scratch, x, least);
}

}  // namespace pannier::cf::ials_fast
#endif
