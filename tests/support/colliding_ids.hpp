/// Two item ids with one ItemKey, found by a collision search over XXH3-64 (12.5 billion hashes): a shop will hardly meet such
/// a pair, but what happens then is tested with one.
#pragma once

#include <cstdint>
#include <string_view>

namespace support {

inline constexpr std::string_view colliding_id = "eniigjlinfflhabi";
inline constexpr std::string_view other_colliding_id = "oadlhjhmnmiamenl";
inline constexpr std::uint64_t colliding_key = 0x1e94a0ac275f618f;

}  // namespace support
