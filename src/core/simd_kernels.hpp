/// What core/simd calls: one implementation with Highway (simd_highway.cpp), one without (simd.cpp).
#pragma once

#include <cstddef>
#include <string_view>

#include "pannier/core/matrix.hpp"

namespace pannier::kernels {

[[nodiscard]] std::string_view level() noexcept;
[[nodiscard]] float fixed_dot(const float* a, const float* b, std::size_t length) noexcept;
void fixed_dots(const float* query, const MatrixView& items, std::size_t first, float* out, std::size_t count) noexcept;
void fixed_dot_tile(const MatrixView& queries, const MatrixView& items, std::size_t first, std::size_t count, float* out,
                    std::size_t out_stride) noexcept;
/// `end` when there is none.
[[nodiscard]] std::size_t first_at_least(const float* values, std::size_t begin, std::size_t end, float least) noexcept;
[[nodiscard]] float largest_above_zero(const float* values, std::size_t count) noexcept;
void add_scaled(float factor, const float* values, float* sums, std::size_t count) noexcept;
void drop_below(float least, float* values, std::size_t count) noexcept;

}  // namespace pannier::kernels
