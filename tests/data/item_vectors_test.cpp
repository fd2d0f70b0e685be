#include "pannier/data/item_vectors.hpp"

#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/ids.hpp"
#include "support/catch.hpp"
#include "support/npz.hpp"
#include "support/scratch.hpp"

using namespace pannier;
using data::read_item_vectors;
using test::Member;
using test::npy;
using test::npz;
using test::numbers;
using test::utf32;

namespace {

data::ItemVectors read(const std::string& bytes, bool fold = false) {
  const test::Scratch folder;
  return read_item_vectors(folder.write("items.npz", bytes), fold);
}

/// Two items of three numbers, as numpy.savez writes them.
std::vector<Member> two_items() {
  return {{"ids.npy", npy("<U2", "(2,)", utf32({U"a", U"b\u00e9"}, 2))}, {"vectors.npy", npy("<f4", "(2, 3)", numbers<float>({1, 2, 3, 4, 5, 6}))}};
}

void require_two_items(const data::ItemVectors& vectors) {
  REQUIRE(vectors.ids == std::vector<std::string>{"a", "b\u00e9"});
  REQUIRE(vectors.vectors.rows() == 2);
  REQUIRE(vectors.vectors.cols() == 3);
  for (std::size_t i = 0; i < 6; ++i) REQUIRE(vectors.vectors.row(i / 3)[i % 3] == static_cast<float>(i + 1));
}

}  // namespace

TEST_CASE("item_vectors: what numpy.savez wrote is read", "[data][item_vectors]") {
  const auto read_back = read(npz(two_items()));
  require_two_items(read_back);
  REQUIRE(read_back.bias.empty());
}

TEST_CASE("item_vectors: a zip64 directory is read, and one that is not there is refused", "[data][item_vectors]") {
  const auto bytes = npz(two_items(), true);
  require_two_items(read(bytes));
  const auto locator = bytes.rfind("PK\x06\x07");
  auto without = bytes;
  without[locator] = 'Q';
  REQUIRE_THROWS_WITH(read(without), Contains("zip64 directory is missing"));
  // A locator that points past the end, or somewhere else.
  for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{bytes.size()}, ~std::uint64_t{0}}) {
    auto lost = bytes;
    std::memcpy(lost.data() + locator + 8, &at, sizeof at);
    REQUIRE_THROWS_AS(read(lost), Error);
  }
  // An extra field that ends before the numbers it is to hold.
  auto short_field = bytes;
  const auto field = bytes.rfind(std::string("\x01\x00\x18\x00", 4));
  short_field[field + 2] = 8;
  REQUIRE_THROWS_WITH(read(short_field), Contains("directory of the zip archive is damaged"));
}

TEST_CASE("item_vectors: byte texts, other floats, the order of Fortran and a bias are read", "[data][item_vectors]") {
  const auto ids = Member{"ids.npy", npy("|S4", "(2,)", std::string("a\0\0\0b\xC3\xA9\0", 8))};
  const auto bias = Member{"bias.npy", npy("<f8", "(2,)", numbers<double>({0.5, -2}))};
  const auto fortran = read(npz({ids, bias, {"vectors.npy", npy("<f8", "(2, 3)", numbers<double>({1, 4, 2, 5, 3, 6}), true)}}));
  require_two_items(fortran);
  REQUIRE(fortran.bias == std::vector<float>{0.5f, -2});
  // Half precision by hand: 1, 2, 3, 4, 5, 6.
  require_two_items(read(npz({ids, {"vectors.npy", npy("<f2", "(2, 3)", numbers<std::uint16_t>({0x3C00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600}))}})));
  // The smallest half, -2^-24, and the largest, 65504.
  const auto ends = read(npz({{"ids.npy", npy("|S1", "(1,)", "a")}, {"vectors.npy", npy("<f2", "(1, 2)", numbers<std::uint16_t>({0x8001, 0x7BFF}))}}));
  REQUIRE(ends.vectors.row(0)[0] == -0x1p-24f);
  REQUIRE(ends.vectors.row(0)[1] == 65504);
}

#if PANNIER_WITH_ZLIB
TEST_CASE("item_vectors: what numpy.savez_compressed wrote is read, and damaged data are refused", "[data][item_vectors]") {
  auto members = two_items();
  for (auto& member : members) member.deflated = true;
  const auto bytes = npz(members);
  require_two_items(read(bytes));
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (const char bit : {'\x01', '\x80'}) {
      auto flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ bit);
      INFO("flipped at " << at);
      try {
        require_two_items(read(flipped));
      } catch (const Error& error) {
        REQUIRE((error.code() == ErrorCode::malformed_input || error.code() == ErrorCode::unsupported));
      }
    }
  // Data that give more, or fewer, bytes than the directory says.
  for (const int more : {-1, 1}) {
    auto lying = two_items();
    lying[1].deflated = true;
    lying[1].claimed_more = more;
    REQUIRE_THROWS_WITH(read(npz(lying)), Contains("deflated data of array vectors"));
  }
  auto bomb = two_items();
  bomb[1].deflated = true;
  bomb[1].claimed_more = 1 << 30;
  REQUIRE_THROWS_WITH(read(npz(bomb)), Contains("more bytes than its data can hold"));
}
#else
TEST_CASE("item_vectors: a deflated file is refused by name without zlib", "[data][item_vectors]") {
  auto members = two_items();
  members[0].method = 8;
  REQUIRE_THROWS_WITH(read(npz(members)), Contains("is deflated"));
}
#endif

TEST_CASE("item_vectors: a file cut short anywhere is refused, a flipped bit is refused or changes nothing", "[data][item_vectors]") {
  const bool wide = GENERATE(false, true);
  const auto bytes = npz(two_items(), wide);
  INFO((wide ? "zip64" : "zip"));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    INFO("cut to " << length);
    REQUIRE_THROWS_AS(read(bytes.substr(0, length)), Error);
  }
  std::size_t refused = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      auto flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      INFO("bit " << bit << " flipped at " << at);
      try {
        require_two_items(read(flipped));
      } catch (const Error& error) {
        REQUIRE((error.code() == ErrorCode::malformed_input || error.code() == ErrorCode::unsupported));
        ++refused;
      }
    }
  // All bits of the members' bytes, which are most of the file; what may change are dates, versions and the local copies of sizes (zip64 has more of those).
  REQUIRE(refused > bytes.size() * 8 * (wide ? 2 : 3) / 4);
}

TEST_CASE("item_vectors: sizes that the bytes cannot hold are refused before anything is as long as they say", "[data][item_vectors]") {
  const auto ids = two_items()[0];
  for (const auto* shape : {"(2, 4)", "(2, 2)", "(2, 4611686018427387904)", "(4611686018427387904, 4)", "(9223372036854775807, 9223372036854775807)", "(99999999999999999999, 1)"}) {
    INFO(shape);
    REQUIRE_THROWS_AS(read(npz({ids, {"vectors.npy", npy("<f4", shape, numbers<float>({1, 2, 3, 4, 5, 6}))}})), Error);
  }
  // Nothing times however much is no bytes.
  REQUIRE_THROWS_WITH(read(npz({{"ids.npy", npy("<U0", "(1152921504606846976,)", "")}, {"vectors.npy", npy("<f4", "(1152921504606846976, 0)", "")}})), Contains("at least one item"));
  REQUIRE_THROWS_WITH(read(npz({{"ids.npy", npy("|S0", "(1152921504606846976,)", "")}, two_items()[1]})), Contains("2, as vectors has rows"));
  auto lying = two_items();
  lying[1].claimed_more = 1 << 30;
  REQUIRE_THROWS_AS(read(npz(lying)), Error);
}

TEST_CASE("item_vectors: arrays of another type, shape or name are refused by name", "[data][item_vectors]") {
  const auto ids = two_items()[0], rows = two_items()[1];
  const auto refused = [](const std::vector<Member>& members, const std::string& what) {
    INFO(what);
    REQUIRE_THROWS_WITH(read(npz(members)), Contains(what));
  };
  refused({{"ids.npy", npy("|O", "(2,)", "pickle")}, rows}, "array ids holds Python objects");
  refused({{"ids.npy", npy("<i8", "(2,)", numbers<std::int64_t>({1, 2}))}, rows}, "array ids is of type '<i8'");
  refused({{"ids.npy", npy("<f4", "(2,)", numbers<float>({1, 2}))}, rows}, "ids: holds numbers");
  refused({{"ids.npy", npy("|S1", "(2, 1)", "ab")}, rows}, "ids: has the shape (2, 1, )");
  refused({{"ids.npy", npy("|S1", "(3,)", "abc")}, rows}, "ids: are 3");
  refused({ids, {"vectors.npy", npy(">f4", "(2, 3)", std::string(24, '\0'))}}, "array vectors is of type '>f4'");
  refused({ids, {"vectors.npy", npy("|S4", "(2, 3)", std::string(24, 'a'))}}, "vectors: holds text");
  refused({ids, {"vectors.npy", npy("<f4", "(6,)", numbers<float>({1, 2, 3, 4, 5, 6}))}}, "vectors: has the shape (6, )");
  refused({ids, rows, {"bias.npy", npy("<f4", "(3,)", numbers<float>({1, 2, 3}))}}, "bias: has 3 numbers");
  refused({ids, rows, {"biases.npy", npy("<f4", "(2,)", numbers<float>({1, 2}))}}, "biases: is no array that is known");
  refused({ids}, "vectors: is missing");
  refused({rows}, "ids: is missing");
  refused({ids, rows, ids}, "array ids is there twice");
  refused({ids, rows, {"readme.txt", "text"}}, "readme.txt is no .npy array");
  refused({}, "ids: is missing");
  auto other = two_items();
  other[0].method = 12;
  refused(other, "packed by method 12");
  REQUIRE_THROWS_WITH(read("no zip at all, but long enough to be one"), Contains("is no zip archive"));
  const test::Scratch folder;
  REQUIRE_THROWS_AS(read_item_vectors(folder.folder() / "absent.npz"), Error);
}

TEST_CASE("item_vectors: ids that are empty, twice or no text, and numbers that are not finite, are refused by item", "[data][item_vectors]") {
  const auto rows = two_items()[1];
  const auto ids = [](const char* type, std::string bytes) { return Member{"ids.npy", npy(type, "(2,)", bytes)}; };
  REQUIRE_THROWS_WITH(read(npz({ids("|S1", std::string("a\0", 2)), rows})), Contains("row 1 is empty"));
  REQUIRE_THROWS_WITH(read(npz({ids("|S1", "aa"), rows})), Contains("row 1 is a, as row 0 is"));
  REQUIRE_THROWS_WITH(read(npz({ids("|S1", "a\xFF"), rows})), Contains("row 1"));
  REQUIRE_THROWS_WITH(read(npz({ids("<U1", utf32({U"a", std::u32string(1, char32_t{0xD800})}, 1)), rows})), Contains("row 1 holds what is no character"));
  REQUIRE_THROWS_WITH(read(npz({ids("|S1", "aA"), rows}), true), Contains("row 1 is A, as row 0 is"));
  REQUIRE(read(npz({ids("|S2", "a b "), rows}), true).ids == std::vector<std::string>{"A", "B"});
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    REQUIRE_THROWS_WITH(read(npz({two_items()[0], {"vectors.npy", npy("<f4", "(2, 1)", numbers<float>({1, bad}))}})), Contains("row 1 (b\u00e9)") && Contains("not finite"));
    REQUIRE_THROWS_WITH(read(npz({two_items()[0], rows, {"bias.npy", npy("<f4", "(2,)", numbers<float>({1, bad}))}})), Contains("bias") && Contains("not finite"));
  }
  REQUIRE_THROWS_WITH(read(npz({two_items()[0], {"vectors.npy", npy("<f8", "(2, 1)", numbers<double>({1, 1e39}))}})), Contains("not finite as float32"));
}

TEST_CASE("item_vectors: items find their rows, and those without one none", "[data][item_vectors]") {
  const auto vectors = read(npz(two_items()));
  const std::vector<std::string_view> items{"b\u00e9", "c", "a"};
  REQUIRE(data::rows_of(vectors, items) == std::vector<std::uint32_t>{1, value(no_item), 0});
}
