/// The number of an event among the equal lines of its file.
#pragma once

#include <cstdint>
#include <vector>

#include "pannier/core/ids.hpp"

namespace pannier::data {

/// Counts keys: open addressing, 16 bytes a slot, at most 3/4 full. 96 bits of a key tell keys apart, so that a billion lines
/// meet by chance with a probability of 1e-11. Threads: One thread.
class Ordinals {
 public:
  /// How often the key has come before. Errors: unsupported after 2^32 - 1 times.
  [[nodiscard]] std::uint64_t next(const UserKey& key);
  /// Fetches the key's place into the cache: called a block ahead of next(), it hides most of the cost of a big table.
  void prefetch(const UserKey& key) const noexcept {
    __builtin_prefetch(&slots_[static_cast<std::size_t>(key.low) & (slots_.size() - 1)], 1);
  }

 private:
  struct Slot {
    std::uint64_t low = 0;
    std::uint32_t high = 0;
    std::uint32_t count = 0;  ///< 0: free.
  };
  [[nodiscard]] Slot& find(std::uint64_t low, std::uint32_t high) noexcept;
  void grow();
  std::vector<Slot> slots_ = std::vector<Slot>(1024);
  std::size_t used_ = 0;
};

}  // namespace pannier::data
