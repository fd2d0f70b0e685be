/// The identifiers of pannier: what is stable across processes (keys) and what is a position in one generation (index).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace pannier {

/// Stable 64-bit name of an item: XXH3-64 of the bytes of the shop's own id. Equal in every process and language.
/// Two ids of one catalogue with one key are refused by naming both.
enum class ItemKey : std::uint64_t {};

/// Dense position of an item inside one fitted model or one generation. Never stored outside it.
enum class ItemIndex : std::uint32_t {};

/// No item; pads short rows of a batch.
inline constexpr ItemIndex no_item{0xFFFFFFFFu};

[[nodiscard]] constexpr std::uint64_t value(ItemKey key) noexcept { return static_cast<std::uint64_t>(key); }
[[nodiscard]] constexpr std::uint32_t value(ItemIndex index) noexcept { return static_cast<std::uint32_t>(index); }

/// The key of an item id; any bytes, also empty.
[[nodiscard]] ItemKey item_key(std::string_view id) noexcept;

/// Which sort of id names a person: the user, else the visitor, else the session. Part of the hash.
enum class PersonSort : std::uint8_t { user = 1, visitor = 2, session = 3 };

/// Stable 128-bit name of a person, wide enough that two persons never meet. It exists only in the people store and in memory.
struct UserKey {
  std::uint64_t high = 0, low = 0;
  friend constexpr auto operator<=>(const UserKey&, const UserKey&) = default;
};

/// XXH3-128 of the sort of id and its bytes.
[[nodiscard]] UserKey user_key(PersonSort sort, std::string_view id) noexcept;

/// XXH3-64 and XXH3-128 of any bytes: checksums, event ids, derived keys.
[[nodiscard]] std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed = 0) noexcept;
[[nodiscard]] UserKey hash128(std::span<const std::byte> bytes, std::uint64_t seed = 0) noexcept;

}  // namespace pannier
