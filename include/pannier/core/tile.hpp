/// The one dense kernel of pannier: products of float matrices by register tiles over packed strips, chosen at run time from the
/// processor, with a hook on each finished block while it is in the first caches.
///
/// It may fuse a*b+c and is for training and for proposals; scores that are served come from core/simd. A number's sum runs along
/// the depth in ascending order, in pieces of at most tile_depth that are added in order: it depends on the depth alone, not on the
/// place of the row or column in the call, nor on which other rows there are. It may depend on the SIMD level (whether that fuses).
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>

#include "pannier/core/matrix.hpp"

namespace pannier {

inline constexpr std::size_t tile_depth = 256;

/// A finished block of a product: values[r * stride + c] is number (row + r, column + c). The hook may write into it; it is lost
/// when the hook returns.
struct TileBlock {
  std::size_t row = 0, rows = 0;
  std::size_t column = 0, columns = 0;
  float* values = nullptr;
  std::size_t stride = 0;
};

/// A borrowed callable `void(const TileBlock&)`.
class TileHook {
 public:
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, TileHook>)
  TileHook(F&& hook)  // NOLINT(google-explicit-constructor)
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(hook)))),
        call_([](void* object, const TileBlock& block) { (*static_cast<std::remove_reference_t<F>*>(object))(block); }) {}
  void operator()(const TileBlock& block) const { call_(object_, block); }

 private:
  void* object_;
  void (*call_)(void*, const TileBlock&);
};

/// Memory that calls of one thread reuse; it only grows, to less than a MiB for a product and to O(cols) for a Gram update.
class TileScratch {
 public:
  [[nodiscard]] float* get(std::size_t count);  ///< At a cache line; what was in it is lost.

 private:
  struct Free {
    void operator()(float* p) const noexcept;
  };
  std::unique_ptr<float[], Free> data_;
  std::size_t size_ = 0;
};

/// A matrix, or its transpose, as a factor of a product.
struct TileFactor {
  MatrixView view;
  bool transposed = false;
  [[nodiscard]] std::size_t rows() const noexcept { return transposed ? view.cols : view.rows; }
  [[nodiscard]] std::size_t cols() const noexcept { return transposed ? view.rows : view.cols; }
};

/// Hands all blocks of a * b to `hook`, each once, of at most 96 x 128 numbers: for groups of columns in ascending order, groups of rows in
/// ascending order.
///
/// Cost:    2 rows cols depth operations near the machine's peak from some 50 rows on, plus one pass that packs b: give as many rows as
///          there are, and share rows, not columns, among threads.
/// Reads:   no number beside the views'. The hook must not change a or b.
/// Threads: one; any number of calls at once, each with its own scratch.
/// Errors:  invalid_argument where the inner sizes differ; what the hook throws.
void multiply(const TileFactor& a, const TileFactor& b, TileScratch& scratch, TileHook hook);

/// gram[i * stride + j] += sum over the rows of row[i] row[j]: the upper triangle by rows, and what blocks of 16 x 16 on the
/// diagonal hold of the lower. Of it, the strips [first, last) of 16 rows (`last` past the end: all that follow); `gram` is row 16 first. `stride` is at least cols
/// rounded up to 16; numbers in the padding are left as they are or get 0 added. Sums of float: keep `rows` to some thousands a call.
///
/// Cost:    rows cols² operations near the peak, plus one pass that packs the rows.
/// Threads: one; any number of calls at once, each with its own scratch and strips.
void add_gram(const MatrixView& rows, float* gram, std::size_t stride, TileScratch& scratch, std::size_t first = 0, std::size_t last = static_cast<std::size_t>(-1));

}  // namespace pannier
