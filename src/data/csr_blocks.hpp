/// Builds a CSR from blocks of rows that are made side by side.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pannier/core/execution.hpp"
#include "pannier/core/matrix.hpp"

namespace pannier::data {

/// Rows of one block, one after the other.
struct CsrBlock {
  std::vector<std::size_t> lengths;
  std::vector<std::uint32_t> columns;
  std::vector<float> values;
};

/// Joins blocks in their order and frees them. The result does not depend on the number of threads.
inline Csr join(std::vector<CsrBlock>& blocks, std::size_t cols, const Execution& execution) {
  Csr out;
  out.cols = cols;
  std::vector<std::size_t> begins;
  std::size_t cells = 0;
  for (const auto& block : blocks) {
    begins.push_back(cells);
    for (std::size_t row = cells; const auto length : block.lengths) out.offsets.push_back(static_cast<std::int64_t>(row += length));
    cells += block.columns.size();
  }
  out.rows = out.offsets.size() - 1;
  out.columns.resize(cells);
  out.values.resize(cells);
  parallel_blocks(execution, blocks.size(), 1, [&](std::size_t b, std::size_t, std::size_t) {
    const auto to = static_cast<std::ptrdiff_t>(begins[b]);
    std::copy(blocks[b].columns.begin(), blocks[b].columns.end(), out.columns.begin() + to);
    std::copy(blocks[b].values.begin(), blocks[b].values.end(), out.values.begin() + to);
    blocks[b] = CsrBlock{};
  });
  return out;
}

}  // namespace pannier::data
