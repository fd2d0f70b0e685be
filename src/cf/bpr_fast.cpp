/// The kernels of bpr_kernels.hpp, with fused operations.
#include "cf/bpr_kernels.hpp"

#include <cmath>
#include <cstring>

#if PANNIER_WITH_HIGHWAY
#include "core/tile_targets.hpp"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cf/bpr_fast.cpp"
#include <hwy/foreach_target.h>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace pannier::cf::bpr_fast::HWY_NAMESPACE {
#else
namespace pannier::cf::bpr_fast::portable {
#endif

using Number = float;
[[maybe_unused]] constexpr bool fused = true;
#include "core/tile_lanes.inl"

PANNIER_INLINE float sum_of(Vector x) {
#if PANNIER_HIGHWAY_LANES
  return hn::GetLane(hn::SumOfLanes(Lanes(), x));
#else
  return x[0] + x[1] + (x[2] + x[3]);
#endif
}

PANNIER_INLINE float dot(const float* x, const float* y, std::size_t length) noexcept {
  Vector sum = splat(0), other = splat(0);
  for (std::size_t k = 0; k < length; k += 2 * lanes) {
    sum = plus_product(load(x + k), load(y + k), sum);
    if (k + lanes < length) other = plus_product(load(x + k + lanes), load(y + k + lanes), other);
  }
  return sum_of(plus(sum, other));
}

PANNIER_INLINE BprPair compare(const float* x, const float* y, const float* z, std::size_t length) noexcept {
  Vector margin = splat(0), distance = splat(0);
  for (std::size_t k = 0; k < length; k += lanes) {
    const Vector difference = minus_product(splat(1), load(z + k), load(y + k));
    margin = plus_product(load(x + k), difference, margin);
    distance = plus_product(difference, difference, distance);
  }
  return {sum_of(margin), sum_of(distance)};
}

PANNIER_INLINE void step(float* x, const float* y, const float* z, float keep, float pull, std::size_t length) noexcept {
  const Vector kept = splat(keep), pulled = splat(pull);
  for (std::size_t k = 0; k < length; k += lanes) {
    const Vector difference = minus_product(splat(1), load(z + k), load(y + k));
    store(x + k, plus_product(pulled, difference, times(kept, load(x + k))));
  }
}

PANNIER_INLINE void follow(float* y, const float* x, float keep, float pull, std::size_t length) noexcept {
  const Vector kept = splat(keep), pulled = splat(pull);
  for (std::size_t k = 0; k < length; k += lanes) store(y + k, plus_product(pulled, load(x + k), times(kept, load(y + k))));
}

BprKernels table() {
  return {.dot = [](const float* x, const float* y, std::size_t length) noexcept { return dot(x, y, length); },
          .compare = [](const float* x, const float* y, const float* z, std::size_t length) noexcept { return compare(x, y, z, length); },
          .step = [](float* x, const float* y, const float* z, float keep, float pull, std::size_t length) noexcept { step(x, y, z, keep, pull, length); },
          .follow = [](float* y, const float* x, float keep, float pull, std::size_t length) noexcept { follow(y, x, keep, pull, length); }};
}

}  // namespace pannier::cf::bpr_fast, of the level
#include "core/tile_once.inl"

#if PANNIER_ONCE
namespace pannier::cf::bpr_fast {

PANNIER_EXPORT(table);

static BprKernels chosen() noexcept { return PANNIER_DISPATCH(table)(); }

}  // namespace pannier::cf::bpr_fast

namespace pannier::cf {

BprKernels bpr_kernels() noexcept { return bpr_fast::chosen(); }

}  // namespace pannier::cf
#endif
