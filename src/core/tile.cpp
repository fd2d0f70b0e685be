#include "pannier/core/tile.hpp"

#include <algorithm>
#include <new>
#include <string>

#include "core/tile_kernels.hpp"
#include "pannier/core/error.hpp"

namespace pannier {
namespace {

using tile_kernels::strip;

constexpr std::size_t block_rows = 96, block_columns = 128;  // 48 KiB: stays in the second cache beside the packed columns.
constexpr std::size_t packed_numbers = 1u << 16;             // Of columns, that are kept packed for all rows.
constexpr std::size_t gram_chunk = 256;                      // Rows packed at a time.

constexpr std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

}  // namespace

void TileScratch::Free::operator()(float* p) const noexcept { ::operator delete[](p, std::align_val_t{64}); }

float* TileScratch::get(std::size_t count) {
  if (count > size_) {
    data_.reset();
    size_ = 0;
    data_.reset(static_cast<float*>(::operator new[](count * sizeof(float), std::align_val_t{64})));
    size_ = count;
  }
  return data_.get();
}

void multiply(const TileFactor& a, const TileFactor& b, TileScratch& scratch, TileHook hook) {
  const std::size_t rows = a.rows(), columns = b.cols(), depth = a.cols();
  if (depth != b.rows())
    throw Error(ErrorCode::invalid_argument, "b", "has " + std::to_string(b.rows()) + " rows", std::to_string(depth) + ", the columns of a");
  const std::size_t pieces = std::max<std::size_t>(1, (depth + tile_depth - 1) / tile_depth);
  const std::size_t piece = std::min(depth, round_up((depth + pieces - 1) / pieces, 8));
  // Deep products pack a piece of the columns again for each block of rows; others pack the columns once.
  const bool once = strip * depth <= packed_numbers;
  const std::size_t group = once ? std::clamp(packed_numbers / std::max<std::size_t>(depth, 1) / strip * strip, strip, block_columns) : block_columns;
  const std::size_t packed_size = group * (once ? depth : piece), turned_size = a.transposed ? block_rows * piece : 0;
  float* const values = scratch.get(block_rows * block_columns + packed_size + turned_size);
  float* const packed = values + block_rows * block_columns;
  float* const turned = packed + packed_size;

  for (std::size_t column = 0; column < columns; column += group) {
    const std::size_t some_columns = std::min(group, columns - column), strips = (some_columns + strip - 1) / strip;
    const auto pack = [&](std::size_t begin, std::size_t deep, float* to) {
      const auto& view = b.view;
      if (b.transposed) tile_kernels::pack_rows(view.data + column * view.stride + begin, view.stride, some_columns, deep, to);
      else tile_kernels::pack_segments(view.data + begin * view.stride, view.stride, column + some_columns, column, deep, deep, to);
    };
    for (std::size_t row = 0; row < rows; row += block_rows) {
      const std::size_t some_rows = std::min(block_rows, rows - row);
      for (std::size_t begin = 0; begin == 0 || begin < depth; begin += piece) {
        const std::size_t deep = std::min(piece, depth - begin);
        float* const here = once ? packed + begin * strips * strip : packed;
        if (!once || row == 0) pack(begin, deep, here);
        const float* from = a.view.data + (a.transposed ? begin * a.view.stride + row : row * a.view.stride + begin);
        std::size_t from_depth = 1, from_row = a.view.stride;
        if (a.transposed) {
          for (std::size_t p = 0; p < deep; ++p) std::copy_n(from + p * a.view.stride, some_rows, turned + p * block_rows);
          from = turned, from_depth = block_rows, from_row = 1;
        }
        tile_kernels::multiply(some_rows, deep, from, from_depth, from_row, here, strips, begin != 0, values, block_columns);
        if (depth == 0) break;
      }
      hook({row, some_rows, column, some_columns, values, block_columns});
    }
  }
}

void add_gram(const MatrixView& rows, float* gram, std::size_t stride, TileScratch& scratch, std::size_t first, std::size_t last) {
  const std::size_t cols = rows.cols, strips = (cols + strip - 1) / strip;
  last = std::min(last, strips);
  if (first >= last) return;
  float* const packed = scratch.get((strips - first) * strip * gram_chunk);
  for (std::size_t begin = 0; begin < rows.rows; begin += gram_chunk) {
    const std::size_t some = std::min(gram_chunk, rows.rows - begin);
    tile_kernels::pack_segments(rows.data + begin * rows.stride, rows.stride, cols, first * strip, some, gram_chunk, packed);
    tile_kernels::add_gram(packed, gram_chunk, some, cols, first, last, strips, gram, stride);
  }
}

}  // namespace pannier
