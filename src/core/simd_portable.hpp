/// The kernels of core/simd as plain loops: the reference that every SIMD level equals bit for bit.
#pragma once

#include <cstddef>

#include "pannier/core/matrix.hpp"

namespace pannier::portable {

inline float fixed_dot(const float* a, const float* b, std::size_t length) noexcept {
  float sums[16] = {};
  std::size_t i = 0;
  for (; i + 16 <= length; i += 16)
    for (std::size_t j = 0; j < 16; ++j) sums[j] += a[i + j] * b[i + j];
  for (std::size_t j = 0; i + j < length; ++j) sums[j] += a[i + j] * b[i + j];
  for (std::size_t width = 8; width > 0; width /= 2)
    for (std::size_t j = 0; j < width; ++j) sums[j] += sums[j + width];
  return sums[0];
}

inline void fixed_dots(const float* query, const MatrixView& items, std::size_t first, float* out, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) out[i] = fixed_dot(query, items.data + (first + i) * items.stride, items.cols);
}

inline void fixed_dot_tile(const MatrixView& queries, const MatrixView& items, std::size_t first, std::size_t count, float* out,
                           std::size_t out_stride) noexcept {
  for (std::size_t q = 0; q < queries.rows; ++q)
    fixed_dots(queries.data + q * queries.stride, items, first, out + q * out_stride, count);
}

inline std::size_t first_at_least(const float* values, std::size_t begin, std::size_t end, float least) noexcept {
  while (begin < end && !(values[begin] >= least)) ++begin;
  return begin;
}

inline float largest_above_zero(const float* values, std::size_t count) noexcept {
  float largest = 0;
  for (std::size_t i = 0; i < count; ++i) largest = values[i] > largest ? values[i] : largest;
  return largest;
}

inline void add_scaled(float factor, const float* values, float* sums, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) sums[i] += factor * values[i];
}

inline void drop_below(float least, float* values, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) values[i] = values[i] >= least ? values[i] : 0.0f;
}

}  // namespace pannier::portable
