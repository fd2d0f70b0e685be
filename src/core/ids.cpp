#include "pannier/core/ids.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace pannier {

ItemKey item_key(std::string_view id) noexcept { return ItemKey{XXH3_64bits(id.data(), id.size())}; }

UserKey user_key(PersonSort sort, std::string_view id) noexcept {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  const auto sort_byte = static_cast<std::uint8_t>(sort);
  XXH3_128bits_update(&state, &sort_byte, 1);
  if (!id.empty()) XXH3_128bits_update(&state, id.data(), id.size());
  const auto hash = XXH3_128bits_digest(&state);
  return {hash.high64, hash.low64};
}

std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

UserKey hash128(std::span<const std::byte> bytes, std::uint64_t seed) noexcept {
  const auto hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {hash.high64, hash.low64};
}

}  // namespace pannier
