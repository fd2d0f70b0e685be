/// The sums over a block of codes as plain loops: the reference that every SIMD level equals.
#pragma once

#include "retrieval/scan_kernels.hpp"

namespace pannier::retrieval::kernels::portable {

inline std::uint64_t sums_at_least(const std::uint8_t* block, const CodedQuery& query, std::size_t groups, std::int32_t least) noexcept {
  std::int32_t sums[block_items];
  for (auto& sum : sums) sum = query.start;
  for (std::size_t g = 0; g < groups; ++g, block += group_bytes)
    for (std::size_t i = 0; i < block_items; ++i)
      for (std::size_t k = 0; k < group_dimensions; ++k) sums[i] += std::int32_t{block[i * group_dimensions + k]} * std::int32_t{query.code[g * group_dimensions + k]};
  std::uint64_t items = 0;
  for (std::size_t i = 0; i < block_items; ++i) items |= std::uint64_t{sums[i] >= least} << i;
  return items;
}

}  // namespace pannier::retrieval::kernels::portable
