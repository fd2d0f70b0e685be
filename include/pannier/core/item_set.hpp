/// A set of items of one model or generation, 64 items a word.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
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
  /// Item i is in it where flags[i] is not 0.  Cost: a fraction of a nanosecond an item.
  [[nodiscard]] static ItemSet of_flags(std::span<const std::uint8_t> flags) {
    ItemSet set(static_cast<std::uint32_t>(flags.size()));
    for (std::size_t w = 0; w < set.words_.size(); ++w) {
      const auto some = flags.subspan(w * 64, std::min<std::size_t>(64, flags.size() - w * 64));
      // Eight bytes of 0 or 1 at a time: the product brings byte k to bit 56 + k.
      std::uint64_t eights[8] = {}, any = 0;
      std::memcpy(eights, some.data(), some.size());
      for (const auto eight : eights) any |= eight;
      std::uint64_t word = 0;
      if (std::endian::native == std::endian::little && (any & ~std::uint64_t{0x0101010101010101}) == 0) {
        for (std::size_t n = 0; n < 8; ++n) word |= (eights[n] * 0x0102040810204080 >> 56) << (8 * n);
      } else {
        for (std::size_t i = 0; i < some.size(); ++i) word |= std::uint64_t{some[i] != 0} << i;
      }
      set.words_[w] = word;
    }
    return set;
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
  void clear() noexcept { std::ranges::fill(words_, std::uint64_t{0}); }
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
