#include "data/npz.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "pannier/core/error.hpp"

namespace pannier::data {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t rest = i;
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ (rest & 1u ? 0xEDB88320u : 0u);
    table[i] = rest;
  }
  return table;
}();

std::uint32_t crc32_of(Bytes bytes) noexcept {
  std::uint32_t crc = ~0u;
  for (const auto byte : bytes) crc = (crc >> 8) ^ crc_table[(crc ^ static_cast<std::uint32_t>(byte)) & 0xFFu];
  return ~crc;
}

std::string_view text_of(Bytes bytes) noexcept { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// The zip container. Offsets and sizes are those of the central directory.
class Zip {
 public:
  struct Member {
    std::string name;
    std::uint16_t flags = 0, method = 0;
    std::uint32_t crc = 0;
    std::uint64_t packed = 0, size = 0, offset = 0;
  };

  Zip(Bytes file, const std::string& where) : file_(file), where_(where) {}

  [[nodiscard]] std::vector<Member> members() const {
    const auto end = find_end();
    std::uint64_t count = number<std::uint16_t>(end + 10), at = number<std::uint32_t>(end + 16);
    if (count == 0xFFFF || at == 0xFFFFFFFF) {
      constexpr std::uint64_t locator_bytes = 20;
      if (end < locator_bytes || number<std::uint32_t>(end - locator_bytes) != 0x07064B50) fail("the zip64 directory is missing");
      const auto record = number<std::uint64_t>(end - locator_bytes + 8);
      if (number<std::uint32_t>(record) != 0x06064B50) fail("the zip64 directory is damaged");
      count = number<std::uint64_t>(record + 32);
      at = number<std::uint64_t>(record + 48);
    }
    std::vector<Member> out;
    for (; count > 0; --count) {
      if (number<std::uint32_t>(at) != 0x02014B50) fail("the directory of the zip archive is damaged");
      Member member{.name = {}, .flags = number<std::uint16_t>(at + 8), .method = number<std::uint16_t>(at + 10), .crc = number<std::uint32_t>(at + 16),
                    .packed = number<std::uint32_t>(at + 20), .size = number<std::uint32_t>(at + 24), .offset = number<std::uint32_t>(at + 42)};
      const std::uint64_t name = number<std::uint16_t>(at + 28), extra = number<std::uint16_t>(at + 30), comment = number<std::uint16_t>(at + 32);
      member.name = text_of(take(at + 46, name));
      widen(member, at + 46 + name, extra);
      out.push_back(std::move(member));
      at += 46 + name + extra + comment;
    }
    return out;
  }

  /// What is stored of the member, still packed.
  [[nodiscard]] Bytes packed(const Member& member) const {
    if ((member.flags & 1u) != 0) throw Error(ErrorCode::unsupported, where_, "member " + member.name + " is encrypted", "a file as numpy.savez writes it");
    if (number<std::uint32_t>(member.offset) != 0x04034B50) fail("member " + member.name + " is not where the directory says");
    const std::uint64_t name = number<std::uint16_t>(member.offset + 26), extra = number<std::uint16_t>(member.offset + 28);
    if (text_of(take(member.offset + 30, name)) != member.name || number<std::uint16_t>(member.offset + 8) != member.method)
      fail("member " + member.name + " is not what the directory says");
    return take(member.offset + 30 + name + extra, member.packed);
  }

  [[noreturn]] void fail(const std::string& what) const { throw Error(ErrorCode::malformed_input, where_, what, "an .npz file as numpy.savez writes it"); }

 private:
  [[nodiscard]] Bytes take(std::uint64_t at, std::uint64_t count) const {
    if (at > file_.size() || count > file_.size() - at) fail("the zip archive ends too early");
    return file_.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(count));
  }
  template <class T>
  [[nodiscard]] T number(std::uint64_t at) const {
    T out;
    std::memcpy(&out, take(at, sizeof(T)).data(), sizeof(T));
    return out;
  }

  /// Where the end record is, the last of the file that its comment reaches the end of.
  [[nodiscard]] std::uint64_t find_end() const {
    constexpr std::size_t record = 22, longest_comment = 0xFFFF;
    if (file_.size() >= record)
      for (std::size_t comment = 0; comment <= std::min(longest_comment, file_.size() - record); ++comment) {
        const auto at = file_.size() - record - comment;
        if (number<std::uint32_t>(at) == 0x06054B50 && number<std::uint16_t>(at + 20) == comment) return at;
      }
    fail("is no zip archive, or cut short");
  }

  /// Takes the numbers that do not fit 32 bits from the extra field.
  void widen(Member& member, std::uint64_t at, std::uint64_t extra) const {
    const auto end = at + extra;
    static_cast<void>(take(at, extra));
    while (end - at >= 4) {
      const std::uint64_t tag = number<std::uint16_t>(at), size = number<std::uint16_t>(at + 2);
      if (size > end - at - 4) fail("the directory of the zip archive is damaged");
      if (tag == 1) {
        std::uint64_t field = at + 4;
        for (auto* wide : {&member.size, &member.packed, &member.offset})
          if (*wide == 0xFFFFFFFF) {
            if (field + 8 > at + 4 + size) fail("the directory of the zip archive is damaged");
            *wide = number<std::uint64_t>(field);
            field += 8;
          }
      }
      at += 4 + size;
    }
  }

  Bytes file_;
  const std::string& where_;
};

/// The header of an .npy member is a Python dict of three known keys.
class NpyHeader {
 public:
  NpyHeader(std::string_view text, const Zip& zip, const std::string& name, const std::string& where) : text_(text), zip_(zip), name_(name), where_(where) {}

  void read(NpyArray& array) {
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const auto key = quoted();
      expect(':');
      if (key == "descr" && !has_type) has_type = read_type(array);
      else if (key == "fortran_order" && !has_order) has_order = read_order(array);
      else if (key == "shape" && !has_shape) has_shape = read_shape(array);
      else fail();
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_blanks();
    if (at_ != text_.size() || !has_type || !has_order || !has_shape) fail();
  }

 private:
  [[noreturn]] void fail() const { zip_.fail("array " + name_ + " has a damaged header"); }
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail();
  }
  std::string_view quoted() {
    skip_blanks();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) fail();
    const auto end = text_.find(text_[at_], at_ + 1);
    if (end == text_.npos) fail();
    const auto out = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return out;
  }
  std::optional<std::size_t> whole() {
    skip_blanks();
    std::size_t out = 0;
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), out);
    if (error == std::errc::result_out_of_range) fail();
    if (error != std::errc{}) return std::nullopt;
    at_ = static_cast<std::size_t>(end - text_.data());
    return out;
  }
  bool read_type(NpyArray& array) {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '[') refuse_type("a structure");
    const auto type = quoted();
    const auto refuse = [&] { refuse_type("'" + std::string(type) + "'"); };
    if (type.size() < 2) fail();
    if (type[1] == 'O') throw Error(ErrorCode::malformed_input, where_, "array " + name_ + " holds Python objects", "ids as numpy.asarray(ids, dtype=str), numbers as float32");
    const auto digits = type.substr(2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), array.item_bytes);
    if (error != std::errc{} || end != digits.data() + digits.size()) refuse();
    array.kind = type[1];
    const bool little = type[0] == '<', bytes = type[0] == '|';
    if (array.kind == 'f' && little && (array.item_bytes == 2 || array.item_bytes == 4 || array.item_bytes == 8)) return true;
    if (array.kind == 'S' && bytes) return true;
    if (array.kind == 'U' && little && array.item_bytes <= std::numeric_limits<std::size_t>::max() / 4) {
      array.item_bytes *= 4;
      return true;
    }
    refuse();
    return false;
  }
  [[noreturn]] void refuse_type(const std::string& type) const {
    throw Error(ErrorCode::malformed_input, where_, "array " + name_ + " is of type " + type, "ids of text ('<U', '|S'), numbers of '<f4' ('<f8' and '<f2' are converted)");
  }
  bool read_order(NpyArray& array) {
    skip_blanks();
    for (const std::string_view word : {"True", "False"})
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        array.fortran = word == "True";
        return true;
      }
    fail();
  }
  bool read_shape(NpyArray& array) {
    expect('(');
    while (!accept(')')) {
      const auto size = whole();
      if (!size || array.shape.size() == 32) fail();
      array.shape.push_back(*size);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return true;
  }

  std::string_view text_;
  const Zip& zip_;
  const std::string &name_, &where_;
  std::size_t at_ = 0;
};

/// The member's header into `array`, and its bytes from `whole`.
void read_npy(Bytes whole, const std::string& name, const std::string& where, const Zip& zip, NpyArray& array) {
  const auto fail = [&](const char* what) { zip.fail("array " + name + ' ' + what); };
  using namespace std::string_view_literals;
  if (whole.size() < 10 || !text_of(whole).starts_with("\x93NUMPY"sv)) fail("is no .npy array");
  const auto version = static_cast<unsigned>(whole[6]);
  if (version < 1 || version > 3) fail("is of a version that nobody knows");
  const std::size_t begin = version == 1 ? 10 : 12;
  if (whole.size() < begin) fail("is cut short");
  std::size_t length = 0;
  std::memcpy(&length, whole.data() + 8, begin - 8);
  if (length > whole.size() - begin) fail("is cut short");
  NpyHeader header(text_of(whole.subspan(begin, length)), zip, name, where);
  header.read(array);
  array.bytes = whole.subspan(begin + length);
  // The number of elements must not overflow on its way to the number of bytes.
  std::size_t bytes = array.item_bytes;
  for (const auto size : array.shape) {
    if (size != 0 && bytes > std::numeric_limits<std::size_t>::max() / size) fail("claims a shape beyond its bytes");
    bytes *= size;
  }
  if (bytes != array.bytes.size()) fail("has another number of bytes than its shape");
}

}  // namespace

std::map<std::string, NpyArray> read_npz(std::span<const std::byte> file, const std::string& where) {
  const Zip zip(file, where);
  std::map<std::string, NpyArray> out;
  for (const auto& member : zip.members()) {
    if (!member.name.ends_with(".npy")) zip.fail("member " + member.name + " is no .npy array");
    const auto name = member.name.substr(0, member.name.size() - 4);
    if (out.contains(name)) zip.fail("array " + name + " is there twice");
    auto& array = out[name];
    auto whole = zip.packed(member);
    if (member.method == 8) {
#if PANNIER_WITH_ZLIB
      // Deflate makes at most 1032 bytes of one.
      if (member.size > 1032 * (member.packed + 1)) zip.fail("array " + name + " claims more bytes than its data can hold");
      array.inflated.resize(static_cast<std::size_t>(member.size));
      if (!inflate_raw(whole, array.inflated)) zip.fail("the deflated data of array " + name + " are damaged");
      whole = array.inflated;
#else
      throw Error(ErrorCode::unsupported, where, "array " + name + " is deflated", "a file by numpy.savez, or a build with PANNIER_WITH_ZLIB=ON");
#endif
    } else if (member.method != 0) {
      throw Error(ErrorCode::unsupported, where, "array " + name + " is packed by method " + std::to_string(member.method), "stored or deflated arrays");
    }
    if (whole.size() != member.size) zip.fail("array " + name + " has another number of bytes than the directory says");
    if (crc32_of(whole) != member.crc) zip.fail("the bytes of array " + name + " do not match their checksum");
    read_npy(whole, name, where, zip, array);
  }
  return out;
}

}  // namespace pannier::data
