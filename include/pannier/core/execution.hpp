/// How many threads a call may use, and the one parallel loop of pannier.
#pragma once

#include <cstddef>
#include <functional>

namespace pannier {

/// Threads of one call. No thread is kept by pannier; loops run in a oneTBB arena of that size.
struct Execution {
  int threads = 0;  ///< 0: every processor this process may use. 1 never touches oneTBB.
};

/// The processors this process may use (affinity and cgroup quota), at least 1.
[[nodiscard]] int available_threads() noexcept;

/// The threads `execution` asks for. Errors: invalid_argument below 0 or above 1024.
[[nodiscard]] int resolved_threads(const Execution& execution);

/// Calls body(begin, end, block) for the fixed blocks [b*block_size, min(count, (b+1)*block_size)), in any order, at most
/// `execution.threads` at once. The blocks never depend on the number of threads: results kept per block and merged in block
/// order have the same bits for any thread count. The first exception of a body is rethrown; later blocks may be skipped.
/// Errors: invalid_argument (block_size of 0).
void parallel_blocks(const Execution& execution, std::size_t count, std::size_t block_size,
                     const std::function<void(std::size_t begin, std::size_t end, std::size_t block)>& body);

/// As parallel_blocks, and tells the body which of the at most resolved_threads() workers runs it (0-based), for scratch space
/// that is reused but never merged.
void parallel_blocks_with_worker(
    const Execution& execution, std::size_t count, std::size_t block_size,
    const std::function<void(std::size_t begin, std::size_t end, std::size_t block, int worker)>& body);

}  // namespace pannier
