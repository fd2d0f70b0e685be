/// A set of items of one model or generation, 64 items a word.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "pannier/core/ids.hpp"

namespace pannier {

/// Bitmap over item indices 0 .. universe()-1. A filter is an ItemSet of what may be returned.
/// Threads: Immutable once shared: share freely.
class ItemSet {
 public:
  ItemSet() = default;
  /// The empty set (or the full one) over `universe` items.
  explicit ItemSet(std::uint32_t universe, bool full = false)
      : universe_(universe), words_((universe + 63u) / 64u, full ? ~std::uint64_t{0} : 0) {
    if (full && universe % 64u != 0) words_.back() = (std::uint64_t{1} << (universe % 64u)) - 1;
  }
  [[nodiscard]] std::uint32_t universe() const noexcept { return universe_; }
  /// False for indices outside the universe.
  [[nodiscard]] bool contains(ItemIndex item) const noexcept {
    const auto i = value(item);
    return i < universe_ && (words_[i / 64u] >> (i % 64u) & 1u) != 0;
  }
  /// Indices outside the universe are ignored.
  void insert(ItemIndex item) noexcept {
    if (value(item) < universe_) words_[value(item) / 64u] |= std::uint64_t{1} << (value(item) % 64u);
  }
  void erase(ItemIndex item) noexcept {
    if (value(item) < universe_) words_[value(item) / 64u] &= ~(std::uint64_t{1} << (value(item) % 64u));
  }
  [[nodiscard]] std::uint32_t count() const noexcept {
    std::uint32_t n = 0;
    for (const auto word : words_) n += static_cast<std::uint32_t>(std::popcount(word));
    return n;
  }
  [[nodiscard]] std::span<const std::uint64_t> words() const noexcept { return words_; }
  bool operator==(const ItemSet&) const = default;

 private:
  std::uint32_t universe_ = 0;
  std::vector<std::uint64_t> words_;
};

}  // namespace pannier
