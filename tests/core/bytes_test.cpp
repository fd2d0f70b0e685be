#include "pannier/core/bytes.hpp"

#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace pannier;

namespace {

enum class Colour : std::uint8_t { red = 3 };

ByteWriter sample() {
  ByteWriter writer;
  writer.put(std::uint8_t{200});
  writer.put(std::int64_t{-5});
  writer.put(1.5f);
  writer.put(Colour::red);
  writer.put(true);
  writer.put_varint(300);
  writer.put_text("mug");
  writer.put_text("");
  return writer;
}

bool reads_sample(ByteReader& reader) {
  return reader.get<std::uint8_t>() == 200 && reader.get<std::int64_t>() == -5 && reader.get<float>() == 1.5f &&
         reader.get<Colour>() == Colour::red && reader.get<bool>() && reader.get_varint() == 300 && reader.get_text() == "mug" &&
         reader.get_text().empty();
}

std::vector<std::byte> bytes_of(std::initializer_list<int> numbers) {
  std::vector<std::byte> out;
  for (const int n : numbers) out.push_back(static_cast<std::byte>(n));
  return out;
}

}  // namespace

TEST_CASE("bytes: what was written is read, little-endian", "[core][bytes]") {
  const auto writer = sample();
  ByteReader reader(writer.bytes(), "sample");
  REQUIRE(reads_sample(reader));
  REQUIRE(reader.left() == 0);
  ByteWriter one;
  one.put(std::uint32_t{0x01020304});
  const auto expected = bytes_of({4, 3, 2, 1});
  REQUIRE(std::vector<std::byte>(one.bytes().begin(), one.bytes().end()) == expected);
  one.clear();
  REQUIRE(one.bytes().empty());
}

TEST_CASE("bytes: varints by hand and at their edges", "[core][bytes]") {
  ByteWriter writer;
  writer.put_varint(300);
  REQUIRE(std::vector<std::byte>(writer.bytes().begin(), writer.bytes().end()) == bytes_of({0xAC, 0x02}));
  for (int bit = 0; bit < 64; ++bit)
    for (const auto number : {std::uint64_t{1} << bit, (std::uint64_t{1} << bit) - 1, ~std::uint64_t{0} >> bit}) {
      writer.clear();
      writer.put_varint(number);
      ByteReader reader(writer.bytes(), "x");
      REQUIRE(reader.get_varint() == number);
      REQUIRE(reader.left() == 0);
    }
}

TEST_CASE("bytes: every truncation is refused with name and place", "[core][bytes]") {
  const auto writer = sample();
  for (std::size_t length = 0; length < writer.bytes().size(); ++length) {
    const std::vector<std::byte> cut(writer.bytes().begin(), writer.bytes().begin() + static_cast<std::ptrdiff_t>(length));
    ByteReader reader(cut, "sample");
    try {
      const bool read = reads_sample(reader);
      FAIL("accepted " << length << " bytes: " << read);
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::malformed_input);
      REQUIRE_THAT(error.what(), StartsWith("sample at byte "));
    }
  }
}

TEST_CASE("bytes: lengths and numbers that lie are refused", "[core][bytes]") {
  const auto long_text = bytes_of({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 'a'});
  REQUIRE_THROWS_WITH(ByteReader(long_text, "x").get_text(), Contains("a text runs past the end"));
  const auto eleven = bytes_of({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00});
  REQUIRE_THROWS_WITH(ByteReader(eleven, "x").get_varint(), Contains("longer than 64 bits"));
  const auto sixty_five_bits = bytes_of({0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02});
  REQUIRE_THROWS_WITH(ByteReader(sixty_five_bits, "x").get_varint(), Contains("longer than 64 bits"));
  const auto two = bytes_of({2});
  REQUIRE_THROWS_WITH(ByteReader(two, "x").get<bool>(), Contains("neither 0 nor 1"));
}

TEST_CASE("bytes: every flipped bit is read or refused, never more than the bytes", "[core][bytes]") {
  const auto writer = sample();
  for (std::size_t bit = 0; bit < writer.bytes().size() * 8; ++bit) {
    std::vector<std::byte> flipped(writer.bytes().begin(), writer.bytes().end());
    flipped[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    ByteReader reader(flipped, "sample");
    try {
      (void)reader.get<std::uint8_t>();
      (void)reader.get<std::int64_t>();
      (void)reader.get<float>();
      (void)reader.get<Colour>();
      (void)reader.get<bool>();
      (void)reader.get_varint();
      const auto text = reader.get_text();
      REQUIRE(text.size() <= flipped.size());
      (void)reader.get_text();
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::malformed_input);
    }
  }
}
