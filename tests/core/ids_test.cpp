#include "pannier/core/ids.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace pannier;

TEST_CASE("ids: keys are XXH3 of the id's bytes, for ever", "[core][ids]") {
  // The published value of XXH3-64 over nothing; a changed hash would orphan every stored event.
  REQUIRE(value(item_key("")) == 0x2D06800538D394C2ull);
  REQUIRE(hash64({}) == 0x2D06800538D394C2ull);
  REQUIRE(hash128({}) == UserKey{0x99AA06D3014798D8ull, 0x6001C324468D497Full});
}

TEST_CASE("ids: a key depends on every byte and on the length", "[core][ids]") {
  std::set<std::uint64_t> keys;
  std::string id(300, 'a');
  for (std::size_t length = 0; length <= id.size(); ++length) keys.insert(value(item_key(std::string_view(id).substr(0, length))));
  REQUIRE(keys.size() == 301);
  for (std::size_t at = 0; at < id.size(); ++at) {
    id[at] = '\0';
    keys.insert(value(item_key(id)));
    id[at] = 'a';
  }
  REQUIRE(keys.size() == 601);
}

TEST_CASE("ids: a user, a visitor and a session of one name are three persons", "[core][ids]") {
  const std::set<UserKey> keys{user_key(PersonSort::user, "7"), user_key(PersonSort::visitor, "7"), user_key(PersonSort::session, "7")};
  REQUIRE(keys.size() == 3);
}

TEST_CASE("ids: a person's key is the 128-bit hash of the sort's byte and the id", "[core][ids]") {
  for (const std::size_t length : {0u, 1u, 15u, 16u, 17u, 127u, 128u, 239u, 240u, 300u}) {
    const std::string id(length, 'x');
    std::vector<std::byte> bytes{std::byte{2}};
    for (const char c : id) bytes.push_back(static_cast<std::byte>(c));
    REQUIRE(user_key(PersonSort::visitor, id) == hash128(bytes));
  }
}

TEST_CASE("ids: a seed changes a hash", "[core][ids]") {
  const std::vector<std::byte> bytes(40, std::byte{9});
  REQUIRE(hash64(bytes, 1) != hash64(bytes));
  REQUIRE(hash128(bytes, 1) != hash128(bytes));
}
