/// The vector operations of pairwise ranking, built for each SIMD level (bpr_fast.cpp). They fuse, and are for training.
#pragma once

#include <cstddef>

namespace pannier::cf {

/// x.(y - z) and |y - z|².
struct BprPair {
  float margin = 0, distance = 0;
};

/// All lengths are multiples of 16.
struct BprKernels {
  float (*dot)(const float* x, const float* y, std::size_t length) noexcept;
  BprPair (*compare)(const float* x, const float* y, const float* z, std::size_t length) noexcept;
  /// x := keep x + pull (y - z).
  void (*step)(float* x, const float* y, const float* z, float keep, float pull, std::size_t length) noexcept;
  /// y := keep y + pull x.
  void (*follow)(float* y, const float* x, float keep, float pull, std::size_t length) noexcept;
};

/// Those of this machine.
[[nodiscard]] BprKernels bpr_kernels() noexcept;

}  // namespace pannier::cf
