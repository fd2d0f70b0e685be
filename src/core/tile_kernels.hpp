/// The kernels behind core/tile, one build a SIMD level (tile_fast.cpp).
#pragma once

#include <cstddef>

namespace pannier::tile_kernels {

inline constexpr std::size_t strip = 16;  ///< Columns of a packed strip: to[s][p][0..16) are columns 16 s.. at depth p.

/// Packs `count` rows of `depth` numbers as columns: to[s][p][c] = rows[(16 s + c) * stride + p], zero where there is no row.
void pack_rows(const float* rows, std::size_t stride, std::size_t count, std::size_t depth, float* to) noexcept;

/// c[r * c_stride + j] = (add: itself +) sum over depth of a[p * a_depth + r * a_row] * packed column j, for `strips` strips of them.
void multiply(std::size_t rows, std::size_t depth, const float* a, std::size_t a_depth, std::size_t a_row, const float* packed,
              std::size_t strips, bool add, float* c, std::size_t c_stride) noexcept;

/// Packs `count` rows by segments of 16: to[s * chunk * 16 + i * 16 + c] = row_i[16 s + c] from column `from` on, zero past `cols`.
void pack_segments(const float* data, std::size_t stride, std::size_t cols, std::size_t from, std::size_t count, std::size_t chunk, float* to) noexcept;

/// Adds packed' packed to the upper triangle in strips of rows [first, last); `packed` and `gram` begin at strip `first`; `strips` in all.
void add_gram(const float* packed, std::size_t chunk, std::size_t depth, std::size_t cols, std::size_t first, std::size_t last,
              std::size_t strips, float* gram, std::size_t stride) noexcept;

}  // namespace pannier::tile_kernels
