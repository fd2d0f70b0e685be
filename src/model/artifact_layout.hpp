/// The bytes of an artifact, as docs/generation-format.md specifies them: shared by its reader and its writer.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pannier::model::layout {

inline constexpr std::array<char, 8> magic = {'P', 'N', 'R', 'G', 'E', 'N', '\r', '\n'};
inline constexpr std::uint32_t format_version = 1;
inline constexpr std::uint64_t alignment = 64;
inline constexpr std::string_view manifest_section = "manifest";
inline constexpr std::size_t longest_name = 255;

/// The first 64 bytes of every version; `checksum` is XXH3-64 of the 56 bytes before it.
struct Header {
  std::array<char, 8> magic = layout::magic;
  std::uint32_t format_version = layout::format_version;
  std::uint32_t header_bytes = 64;
  std::uint64_t file_size = 0;
  std::uint64_t table_offset = 0;
  std::uint64_t table_size = 0;
  std::uint64_t table_checksum = 0;
  std::uint64_t reserved = 0;
  std::uint64_t checksum = 0;
};
static_assert(sizeof(Header) == 64);
inline constexpr std::size_t header_summed_bytes = 56;

[[nodiscard]] constexpr std::uint64_t aligned(std::uint64_t offset) noexcept {
  return (offset + alignment - 1) / alignment * alignment;
}

/// Lower-case letters, digits, '_' and '/', at most 255 of them.
[[nodiscard]] inline bool is_section_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= longest_name && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '/';
  });
}

}  // namespace pannier::model::layout
