/// Texts that a reader makes on the way and that live as long as the block of lines they came from.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace pannier::data {

/// Threads: One thread.
class TextArena {
 public:
  /// Room for a text; it stays in place until clear().
  [[nodiscard]] std::span<char> room(std::size_t size) {
    if (left_ < size) {
      const auto capacity = std::max(size, smallest);
      chunks_.push_back({std::make_unique<char[]>(capacity), capacity});
      at_ = chunks_.back().bytes.get();
      left_ = capacity;
    }
    const std::span<char> out(at_, size);
    at_ += size;
    left_ -= size;
    return out;
  }
  [[nodiscard]] std::string_view keep(std::string_view text) {
    const auto out = room(text.size());
    std::copy(text.begin(), text.end(), out.begin());
    return {out.data(), out.size()};
  }
  /// Ends the life of all texts; the first chunk is used again.
  void clear() noexcept {
    if (chunks_.empty()) return;
    chunks_.resize(1);
    at_ = chunks_[0].bytes.get();
    left_ = chunks_[0].size;
  }

 private:
  static constexpr std::size_t smallest = std::size_t{1} << 16;
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t size = 0;
  };
  std::vector<Chunk> chunks_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace pannier::data
