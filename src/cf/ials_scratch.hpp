/// Scratch memory that begins at a cache line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pannier/core/execution.hpp"

namespace pannier::cf {

/// `count` numbers from a buffer that only grows, the first at a 64-byte boundary. What was in it is lost.
template <class Number>
[[nodiscard]] Number* aligned_scratch(std::vector<Number>& buffer, std::size_t count) {
  constexpr std::size_t line = 64 / sizeof(Number);
  if (buffer.size() < count + line) {
    buffer.clear();
    buffer.resize(count + line);
  }
  const auto address = reinterpret_cast<std::uintptr_t>(buffer.data());
  return buffer.data() + (64 - address % 64) % 64 / sizeof(Number);
}

/// One such buffer for each worker of a parallel loop.
template <class Number>
class WorkerScratch {
 public:
  explicit WorkerScratch(const Execution& execution) : buffers_(static_cast<std::size_t>(resolved_threads(execution))) {}
  [[nodiscard]] Number* get(int worker, std::size_t count) {
    return aligned_scratch(buffers_[static_cast<std::size_t>(worker)], count);
  }

 private:
  std::vector<std::vector<Number>> buffers_;
};

}  // namespace pannier::cf
