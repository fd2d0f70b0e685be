/// The vector kernels of serving: fixed order of partial sums, no fused multiply-add, so that every SIMD level, machine and
/// build gives the same bits. Training kernels, which may fuse, stand apart (src/core/*_fast.cpp).
///
/// The fixed order: 16 partial sums, element i into sum i % 16 in ascending i, each `sum += a*b` with a rounded product; then
/// the sums are added pairwise as a tree: s[j] += s[j+8] (j < 8), s[j] += s[j+4] (j < 4), s[j] += s[j+2] (j < 2), s[0] + s[1].
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "pannier/core/matrix.hpp"

namespace pannier {

/// The SIMD level in use ("AVX-512", "AVX2", "SSE4", "NEON", "portable"): chosen once from the processor.
[[nodiscard]] std::string_view simd_level() noexcept;

/// Inner product in the fixed order; a and b of equal length.  Cost: memory speed in cache.
[[nodiscard]] float fixed_dot(std::span<const float> a, std::span<const float> b) noexcept;

/// out[i] = fixed_dot(query, items.row(first + i)) for i < out.size(). Same bits as single calls.
void fixed_dots(std::span<const float> query, const MatrixView& items, std::size_t first, std::span<float> out) noexcept;

/// out[q * out_stride + i] = fixed_dot(queries.row(q), items.row(first + i)), i < count: a register tile, same bits.
void fixed_dot_tile(const MatrixView& queries, const MatrixView& items, std::size_t first, std::size_t count, float* out,
                    std::size_t out_stride) noexcept;

/// The first i >= begin with values[i] >= least, or values.size(). NaN is never at least anything.
[[nodiscard]] std::size_t first_at_least(std::span<const float> values, std::size_t begin, float least) noexcept;

/// The largest of the values, or 0 where none is above 0. NaN is above nothing.
[[nodiscard]] float largest_above_zero(std::span<const float> values) noexcept;

/// sums[i] += factor * values[i], the product rounded; of equal length.
void add_scaled(float factor, std::span<const float> values, std::span<float> sums) noexcept;

/// Values that are not at least `least`, NaN among them, become 0.
void drop_below(float least, std::span<float> values) noexcept;

/// x^y for finite x > 0 from additions, multiplications and divisions alone, so the same bits everywhere; relative error
/// below 1e-14 while the result is a normal double; 0 or infinity beyond.
[[nodiscard]] double fixed_pow(double x, double y) noexcept;

}  // namespace pannier
