/// The exact engine: the items of largest inner product with a query, found by scanning 8-bit codes from the longest vector down.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "pannier/core/execution.hpp"
#include "pannier/core/ids.hpp"
#include "pannier/core/item_set.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/core/top_k.hpp"

namespace pannier::retrieval {

/// Most numbers a vector may have, the bias among them.
inline constexpr std::size_t most_dimensions = 4096;

/// What is wanted of a search. Items are named as the caller's vectors stand, 0 .. item_count()-1, and then those of the tail.
struct Wanted {
  std::uint32_t count = 10;
  const ItemSet* allowed = nullptr;  ///< Only these items, over item_count() + tail.rows; null: all. A filter removes, it never changes a score.
  /// Only these items too, ascending, each once: for filters that keep few, which need not be made a bitmap of the catalogue.
  std::optional<std::span<const std::uint32_t>> listed{};
  /// Not these, ascending, each once; looked at only when an item would enter the answer.
  std::span<const std::uint32_t> excluded{};
  /// New items, always scored: row t is item item_count() + t. As many numbers a row as the index has dimensions.
  MatrixView tail{};
};

/// How a search went. Counts of items, but for the blocks of 64 items whose codes were read.
struct Effort {
  std::size_t blocks = 0;    ///< Blocks whose codes were read.
  std::size_t scored = 0;    ///< Items scored in FP32.
};

/// Scratch memory that a caller keeps from search to search: after the largest one nothing is allocated.
/// Threads: One thread.
class SearchScratch {
 public:
  Effort effort;  ///< Of the last search.

 private:
  friend class NormIndex;
  TopK top_;
  std::vector<float> query_;
  std::vector<std::int8_t> code_;
  std::vector<std::int16_t> pairs_;
  std::vector<std::uint64_t> words_;  ///< Positions to gather, 64 a word; all zero between searches.
  std::vector<float> scores_;
};

/// An exact index for maximum inner products.
///
/// The answer is that of scoring every item by fixed_dot(query, vector) and keeping the best by TopK: the same items and the same bits of
/// every score, ties by index, at every SIMD level, filtered or not. docs/retrieval.md has the proof.
///
/// Items are kept in descending order of their norms, 64 a block, with 8-bit codes. A scan reads codes from the longest vectors on, leaves out
/// what its codes prove to stay below the k-th best score found so far, scores the rest in FP32, and ends once no norm that is left can reach it.
/// A filter that keeps less than about a twentieth is gathered instead: only its items are scored, from the longest on.
///
/// Cost:    a search reads one byte a dimension of the items it touches: all at worst, a few hundredths where norms are skewed, as those of fitted
///          factors are. Memory: a byte a dimension, 8 bytes an item and half a byte more; the vectors once more, unless they are borrowed.
/// Threads: Immutable: share freely; one SearchScratch a thread.
/// Source:  Teflioudi & Gemulla 2016, Exact and approximate maximum inner product search with LEMP (norm order and its bound); Li et al. 2017,
///          FEXIPRO (a bound by integers). Blocks of 64 with one scale, and bounds that hold for rounded numbers, are ours.
class NormIndex {
 public:
  /// Over a copy of `vectors`, items x dimensions. With `bias` (one number an item, or none) each item has one dimension more, its bias, and the
  /// queries end in a 1, which search() adds: a query has vectors.cols numbers either way.
  /// Cost:   one pass over the vectors and a sort of the norms; memory as above.
  /// Errors: invalid_argument (a number that is not finite, by row and dimension; no dimension, or more than most_dimensions; a bias of another
  ///         length; 2^32 - 1 items or more), out_of_memory.
  explicit NormIndex(const MatrixView& vectors, std::span<const float> bias = {}, const Execution& execution = {});

  /// Over the caller's own vectors, which must outlive the index and stay as they are. Where their norms descend, as in a published generation, rows
  /// are read in order. Vectors that are not finite are served by scoring every item.  Errors: as above, but for numbers that are not finite.
  [[nodiscard]] static NormIndex borrowing(const MatrixView& vectors, const Execution& execution = {});

  [[nodiscard]] std::size_t item_count() const noexcept;
  /// Numbers of a query; the bias is not one of them.
  [[nodiscard]] std::size_t query_size() const noexcept;
  /// Bytes that the index holds, without vectors that it borrows.
  [[nodiscard]] std::size_t bytes() const noexcept;

  /// The best `wanted.count` items into `out`, best first; returns how many were written: at most out.size(), fewer where fewer qualify.
  /// Errors: invalid_argument, with `out` as it was (a query of another size, or with a number that is not finite; an allowed set over another
  ///         universe; a list that does not ascend or names an item there is not; a tail of other dimensions).
  std::size_t search(std::span<const float> query, const Wanted& wanted, SearchScratch& scratch, std::span<Scored> out) const;

  /// search() for every row of `queries`, bit for bit: row r fills items[r * count ..) and scores[r * count ..), padded with no_item and 0. Both outputs
  /// have queries.rows * wanted.count entries. Queries share the pass over the codes.
  /// Errors: as search(), naming the row; outputs of another size.
  void search_batch(const MatrixView& queries, const Wanted& wanted, const Execution& execution, std::span<ItemIndex> items, std::span<float> scores) const;

 private:
  struct State;
  class Run;
  explicit NormIndex(std::shared_ptr<const State> state) noexcept : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// The SIMD level of the scan over codes in use ("AVX-512 VNNI", "AVX-512", "AVX2", "SSE2", "NEON", "portable"): chosen once from the processor.
[[nodiscard]] std::string_view scan_level() noexcept;

}  // namespace pannier::retrieval
