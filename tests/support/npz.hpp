#pragma once

/// .npz files byte by byte, sound ones and lying ones.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/gzip.hpp"

namespace pannier::test {

struct Member {
  std::string name, bytes;
  bool deflated = false;
  int method = -1;        ///< What the file says instead of how it is packed.
  int claimed_more = 0;   ///< Added to the size that the file says.
};

template <class T>
std::string numbers(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

/// Texts of `width` characters of four bytes, filled up with zeros.
inline std::string utf32(std::initializer_list<std::u32string> texts, std::size_t width) {
  std::string out;
  for (auto text : texts) {
    text.resize(width);
    out.append(reinterpret_cast<const char*>(text.data()), 4 * width);
  }
  return out;
}

/// An array as numpy.save writes it.
inline std::string npy(std::string_view type, std::string_view shape, std::string_view bytes, bool fortran = false) {
  auto header = "{'descr': '" + std::string(type) + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + std::string(shape) + ", }";
  header.resize((10 + header.size() + 1 + 63) / 64 * 64 - 11, ' ');
  header += '\n';
  const auto length = static_cast<std::uint16_t>(header.size());
  return std::string("\x93NUMPY\x01\0", 8) + std::string(reinterpret_cast<const char*>(&length), 2) + header + std::string(bytes);
}

inline std::uint32_t crc32_of(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1u ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

/// The zip archive of the members. `wide`: as zip64, with every size, offset and count where those beyond 32 bits stand.
inline std::string npz(const std::vector<Member>& members, bool wide = false) {
  std::string out, directory;
  const auto put = [](std::string& into, std::uint64_t number, std::size_t bytes) { into.append(reinterpret_cast<const char*>(&number), bytes); };
  for (const auto& member : members) {
    std::string packed = member.bytes;
#if PANNIER_WITH_ZLIB
    // What gzip puts before the deflated data are ten bytes, behind it eight.
    if (member.deflated) packed = gzip(member.bytes), packed = packed.substr(10, packed.size() - 18);
#endif
    const auto method = static_cast<std::uint64_t>(member.method >= 0 ? member.method : member.deflated ? 8 : 0);
    const auto size = static_cast<std::uint64_t>(static_cast<std::int64_t>(member.bytes.size()) + member.claimed_more);
    const auto offset = out.size();
    constexpr std::uint64_t elsewhere = 0xFFFFFFFF;
    const auto common = [&](std::string& into, std::size_t extra) {
      put(into, 20, 2), put(into, 0, 2), put(into, method, 2), put(into, 0, 4), put(into, crc32_of(member.bytes), 4);
      put(into, wide ? elsewhere : packed.size(), 4), put(into, wide ? elsewhere : size, 4), put(into, member.name.size(), 2), put(into, extra, 2);
    };
    const auto widened = [&](std::string& into, std::size_t bytes) {
      put(into, 1, 2), put(into, bytes, 2), put(into, size, 8), put(into, packed.size(), 8);
    };
    out += "PK\x03\x04";
    common(out, wide ? 20 : 0);
    out += member.name;
    if (wide) widened(out, 16);
    out += packed;
    directory += "PK\x01\x02";
    put(directory, 20, 2);
    common(directory, wide ? 28 : 0);
    put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 2), put(directory, 0, 4), put(directory, wide ? elsewhere : offset, 4);
    directory += member.name;
    if (wide) widened(directory, 24), put(directory, offset, 8);
  }
  const auto at = out.size();
  out += directory;
  const auto record = out.size();
  if (wide) {
    out += "PK\x06\x06";
    put(out, 44, 8), put(out, 45, 2), put(out, 45, 2), put(out, 0, 8), put(out, members.size(), 8), put(out, members.size(), 8), put(out, directory.size(), 8), put(out, at, 8);
    out += "PK\x06\x07";
    put(out, 0, 4), put(out, record, 8), put(out, 1, 4);
  }
  out += "PK\x05\x06";
  const std::uint64_t count = wide ? 0xFFFF : members.size();
  put(out, 0, 4), put(out, count, 2), put(out, count, 2), put(out, wide ? 0xFFFFFFFF : directory.size(), 4), put(out, wide ? 0xFFFFFFFF : at, 4), put(out, 0, 2);
  return out;
}

}  // namespace pannier::test
