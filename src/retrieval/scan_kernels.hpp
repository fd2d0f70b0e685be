/// The scan over 8-bit codes: one implementation with Highway (scan_highway.cpp), one without (scan.cpp). Sums are exact integers, so every
/// level finds the same.
///
/// Layout: 64 items a block. For each four dimensions a block has 256 bytes, the four codes of item 0, of item 1, ..; so a block has
/// 64 * padded dimensions bytes. An item's code is stored with 128 added, a byte from 1 to 255; a query's is a signed byte from -127 to 127.
/// What the 128 adds is the same for every item, 128 times the sum of the query's codes, and is taken off by `start`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pannier::retrieval::kernels {

inline constexpr std::size_t block_items = 64, group_dimensions = 4, group_bytes = block_items * group_dimensions;

/// What is known of a block beside its codes, rounded so that the bounds hold.
struct BlockBound {
  double inverse_scale;  ///< 1 / scale; 0 where all codes are 0.
  double residual;       ///< Largest distance of an item to scale * code.
  double norm;           ///< Largest norm.
};

struct Codes {
  const std::uint8_t* bytes = nullptr;     ///< At a boundary of 64 bytes.
  const BlockBound* bounds = nullptr;
  std::size_t groups = 0;                  ///< Of four dimensions.
};

/// A query as the scan needs it: an item of a block may reach `threshold` only where
///     sum of products of codes >= (threshold - per_residual * residual - per_norm * norm - rest) * inverse_scale * inverse_query_scale - 1,
/// and none of it or of later blocks may where  stop_norm * norm + rest < threshold.
struct CodedQuery {
  const std::int8_t* code = nullptr;       ///< 4 * groups bytes.
  const std::int16_t* pairs = nullptr;     ///< The same as 4 * groups numbers of 16 bits, of each four the first and third before the second and fourth.
  std::int32_t start = 0;                  ///< -128 * the sum of the code.
  double inverse_scale = 0;
  double per_residual = 0, per_norm = 0, stop_norm = 0, rest = 0;
};

/// Where the scan came to.
struct Found {
  std::size_t block;       ///< `end`: nothing is left before it.
  std::uint64_t items;     ///< Which of the block's items may reach the threshold; 0 with `stopped` or at the end.
  bool stopped;            ///< No item from this block on may.
  std::size_t read;        ///< Blocks whose codes were read.
};

[[nodiscard]] std::string_view level() noexcept;

/// The first block from `begin` on that has an item which may reach `threshold` and is allowed. `allowed` has a word a block, or is null.
[[nodiscard]] Found next(const Codes& codes, const CodedQuery& query, std::size_t begin, std::size_t end, double threshold,
                         const std::uint64_t* allowed) noexcept;

}  // namespace pannier::retrieval::kernels
