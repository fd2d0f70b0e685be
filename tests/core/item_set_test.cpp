#include "pannier/core/item_set.hpp"

#include <set>

#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;

TEST_CASE("item_set: a full set holds its universe and nothing beyond", "[core][item_set]") {
  for (const std::uint32_t universe : {0u, 1u, 63u, 64u, 65u, 128u, 1000u}) {
    const ItemSet full(universe, true), empty(universe);
    REQUIRE(full.count() == universe);
    REQUIRE(empty.count() == 0);
    REQUIRE(full.universe() == universe);
    REQUIRE_FALSE(full.contains(ItemIndex{universe}));
    REQUIRE_FALSE(full.contains(no_item));
    REQUIRE((universe == 0 || full.contains(ItemIndex{universe - 1})));
    REQUIRE(full.words().size() == (universe + 63) / 64);
    ItemSet filled(universe);
    for (std::uint32_t i = 0; i < universe; ++i) filled.insert(ItemIndex{i});
    REQUIRE(filled == full);
  }
}

TEST_CASE("item_set: behaves like a set", "[core][item_set]") {
  ItemSet items(200);
  std::set<std::uint32_t> oracle;
  Random random(2);
  for (int n = 0; n < 2000; ++n) {
    const auto i = static_cast<std::uint32_t>(random.below(200));
    if (random.uniform() < 0.5) {
      items.insert(ItemIndex{i});
      oracle.insert(i);
    } else {
      items.erase(ItemIndex{i});
      oracle.erase(i);
    }
    REQUIRE(items.count() == oracle.size());
    REQUIRE(items.contains(ItemIndex{i}) == (oracle.count(i) == 1));
  }
}

TEST_CASE("item_set: items outside the universe are ignored", "[core][item_set]") {
  ItemSet items(10, true);
  const ItemSet before = items;
  items.insert(ItemIndex{10});
  items.insert(no_item);
  items.erase(ItemIndex{10});
  items.erase(no_item);
  REQUIRE(items == before);
  ItemSet nothing;
  nothing.insert(ItemIndex{0});
  REQUIRE_FALSE(nothing.contains(ItemIndex{0}));
}

TEST_CASE("item_set: flags become a set, whatever bytes say yes and however many there are", "[core][item_set]") {
  for (const std::size_t count : {0u, 1u, 7u, 8u, 63u, 64u, 65u, 200u})
    for (const unsigned yes : {1u, 2u, 128u, 255u}) {
      std::vector<std::uint8_t> flags(count);
      ItemSet expected(static_cast<std::uint32_t>(count));
      for (std::size_t i = 0; i < count; ++i)
        if (i % 3 == 1 || i % 7 == 0) {
          flags[i] = static_cast<std::uint8_t>(i % 5 == 0 ? yes : 1);
          expected.insert(ItemIndex{static_cast<std::uint32_t>(i)});
        }
      REQUIRE(ItemSet::of_flags(flags) == expected);
    }
}
