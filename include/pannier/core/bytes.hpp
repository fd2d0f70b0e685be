/// Little-endian bytes, written and read as if an enemy had written them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "pannier/core/error.hpp"

namespace pannier {

static_assert(std::endian::native == std::endian::little, "pannier's files are little-endian and mapped as they are");

/// Appends numbers and texts to a growing buffer.
class ByteWriter {
 public:
  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void put(T number) {
    const auto at = bytes_.size();
    bytes_.resize(at + sizeof(T));
    std::memcpy(bytes_.data() + at, &number, sizeof(T));
  }
  /// LEB128, 1 to 10 bytes.
  void put_varint(std::uint64_t number) {
    for (; number >= 0x80; number >>= 7) bytes_.push_back(static_cast<std::byte>(number | 0x80));
    bytes_.push_back(static_cast<std::byte>(number));
  }
  /// Length as a varint, then the bytes.
  void put_text(std::string_view text) {
    put_varint(text.size());
    const auto at = bytes_.size();
    bytes_.resize(at + text.size());
    if (!text.empty()) std::memcpy(bytes_.data() + at, text.data(), text.size());
  }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  void clear() noexcept { bytes_.clear(); }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads what ByteWriter wrote; every read is checked against what is left.
/// Errors: malformed_input, naming `where` and the offset.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string_view where) : bytes_(bytes), where_(where) {}
  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  [[nodiscard]] T get() {
    if constexpr (std::is_same_v<T, bool>) {
      const auto byte = get<std::uint8_t>();
      if (byte > 1) fail("a truth value is neither 0 nor 1");
      return byte == 1;
    } else {
      T number;
      std::memcpy(&number, take(sizeof(T)).data(), sizeof(T));
      return number;
    }
  }
  [[nodiscard]] std::uint64_t get_varint() {
    std::uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<std::uint64_t>(take(1)[0]);
      if (shift == 63 && byte > 1) break;
      number |= (byte & 0x7F) << shift;
      if (byte < 0x80) return number;
    }
    fail("a number is longer than 64 bits");
  }
  /// Borrowed from the bytes.
  [[nodiscard]] std::string_view get_text() {
    const auto length = get_varint();
    if (length > left()) fail("a text runs past the end");
    const auto span = take(static_cast<std::size_t>(length));
    return {reinterpret_cast<const char*>(span.data()), span.size()};
  }
  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - at_; }
  [[noreturn]] void fail(std::string_view what) const {
    throw Error(ErrorCode::malformed_input, std::string(where_) + " at byte " + std::to_string(at_), std::string(what));
  }

 private:
  std::span<const std::byte> take(std::size_t count) {
    if (count > left()) fail("the bytes end too early");
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }
  std::span<const std::byte> bytes_;
  std::string_view where_;
  std::size_t at_ = 0;
};

}  // namespace pannier
