/// An open-addressing table from a key, kept by somebody else, to its dense 32-bit number.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pannier::data {

/// Holds numbers only: four bytes a slot, at most two thirds full, linear probing. Keys are compared through the caller, who has them in
/// a vector by number. Hashes must be well mixed in their low bits (the library's keys are hashes already).
class KeyTable {
 public:
  /// The number whose key `equals(number)`, or `none`.
  template <class Equals>
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, const Equals& equals) const noexcept {
    if (slots_.empty()) return none;
    for (auto at = hash & mask();; at = (at + 1) & mask()) {
      const auto number = slots_[at];
      if (number == none || equals(number)) return number;
    }
  }

  /// Makes room for one more, so that insert() cannot fail. `hash_of(number)` gives the hashes again.
  template <class HashOf>
  void reserve_one(const HashOf& hash_of) {
    if ((size_ + 1) * 3 <= slots_.size() * 2) return;
    std::vector<std::uint32_t> larger(slots_.empty() ? 64 : slots_.size() * 2, none);
    slots_.swap(larger);
    for (const auto number : larger)
      if (number != none) place(hash_of(number), number);
  }

  /// Adds a number whose key is not in the table; after reserve_one().
  void insert(std::uint64_t hash, std::uint32_t number) noexcept {
    place(hash, number);
    ++size_;
  }

  static constexpr std::uint32_t none = 0xFFFFFFFFu;

 private:
  [[nodiscard]] std::size_t mask() const noexcept { return slots_.size() - 1; }
  void place(std::uint64_t hash, std::uint32_t number) noexcept {
    auto at = hash & mask();
    while (slots_[at] != none) at = (at + 1) & mask();
    slots_[at] = number;
  }
  std::vector<std::uint32_t> slots_;
  std::size_t size_ = 0;
};

}  // namespace pannier::data
