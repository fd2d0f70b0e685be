#include "pannier/evaluate/beyond.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/synth.hpp"

using namespace pannier;
using namespace pannier::evaluate;

namespace {

std::vector<ItemIndex> list(std::initializer_list<std::uint32_t> items) {
  std::vector<ItemIndex> out;
  for (const auto item : items) out.push_back(ItemIndex{item});
  return out;
}

bool has(const CsrView& train, std::size_t person, std::uint32_t item) {
  const auto columns = train.row_columns(person);
  return std::find(columns.begin(), columns.end(), item) != columns.end();
}

/// 1 - the mean cosine over the pairs, pair by pair.
double slow_diversity(const CsrView& train, const std::vector<ItemIndex>& items) {
  double sum = 0, pairs = 0;
  for (std::size_t a = 0; a < items.size(); ++a)
    for (std::size_t b = 0; b < a; ++b, ++pairs) {
      double both = 0, first = 0, second = 0;
      for (std::size_t u = 0; u < train.rows; ++u) {
        both += has(train, u, value(items[a])) && has(train, u, value(items[b]));
        first += has(train, u, value(items[a]));
        second += has(train, u, value(items[b]));
      }
      if (both > 0) sum += both / std::sqrt(first * second);
    }
  return 1 - sum / pairs;
}

}  // namespace

TEST_CASE("beyond: Gini by hand", "[evaluate][beyond]") {
  const std::vector<std::uint64_t> even{3, 3, 3, 3}, one{0, 8, 0, 0}, none{0, 0}, steps{3, 1, 2};
  REQUIRE(gini(even) == 0);
  REQUIRE(gini(one) == 0.75);
  REQUIRE(gini(none) == 0);
  REQUIRE(gini({}) == 0);
  REQUIRE_THAT(gini(steps), WithinAbs(2.0 / 9, 1e-15));  // (-2*1 + 0*2 + 2*3) / (3 * 6)
}

TEST_CASE("beyond: Gini is half the mean difference of two items over the mean", "[evaluate][beyond]") {
  Random random(3);
  for (int n = 0; n < 50; ++n) {
    std::vector<std::uint64_t> shown(1 + random.below(40));
    for (auto& times : shown) times = random.below(20);
    shown[0] += 1;
    double difference = 0, sum = 0;
    for (const auto a : shown) {
      sum += static_cast<double>(a);
      for (const auto b : shown) difference += std::abs(static_cast<double>(a) - static_cast<double>(b));
    }
    REQUIRE_THAT(gini(shown), WithinAbs(difference / (2 * static_cast<double>(shown.size()) * sum), 1e-12));
  }
}

TEST_CASE("beyond: diversity by category counts the pairs that differ and leaves unknown ones out", "[evaluate][beyond]") {
  const auto train = synth::tiny();
  const std::vector<std::string_view> categories{"mugs/blue", "mugs/red", "mugs/blue", "", "bags"};
  ListDiversity diversity(train, categories);
  REQUIRE(diversity.by_category());
  REQUIRE(diversity.of(list({0, 2})) == 0.0);
  REQUIRE(diversity.of(list({0, 1, 2})) == 2.0 / 3);
  REQUIRE(diversity.of(list({0, 3, 4})) == 1.0);  // only 0 and 4 are known
  REQUIRE_FALSE(diversity.of(list({0, 3})).has_value());
  REQUIRE_FALSE(diversity.of(list({0})).has_value());
  REQUIRE_FALSE(diversity.of({}).has_value());
}

TEST_CASE("beyond: diversity by people, by hand", "[evaluate][beyond]") {
  const auto train = synth::tiny();  // item 0: people 0 1 3; item 1: 0 1 2; item 2: 1; item 3: 2; item 4: nobody
  ListDiversity diversity(train, {});
  REQUIRE_FALSE(diversity.by_category());
  REQUIRE_THAT(diversity.of(list({0, 1})).value(), WithinAbs(1 - 2.0 / 3, 1e-15));
  REQUIRE_THAT(diversity.of(list({2, 3})).value(), WithinAbs(1, 1e-15));
  REQUIRE_THAT(diversity.of(list({0, 1, 4})).value(), WithinAbs(1 - 2.0 / 9, 1e-15));
  REQUIRE(diversity.of(list({4, 3})) == 1.0);
  REQUIRE_FALSE(diversity.of(list({0})).has_value());
  const std::vector<std::string_view> unknown(5);
  REQUIRE_FALSE(ListDiversity(train, unknown).by_category());
}

TEST_CASE("beyond: diversity by people equals the cosines pair by pair, call after call", "[evaluate][beyond]") {
  const auto train = synth::two_taste_groups({.users = 40, .items = 25, .seed = 5});
  ListDiversity diversity(train, {});
  Random random(8);
  for (int n = 0; n < 60; ++n) {
    std::vector<ItemIndex> items;
    for (std::uint32_t i = 0; i < 25; ++i) items.push_back(ItemIndex{i});
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.below(i)]);
    items.resize(2 + random.below(15));
    REQUIRE_THAT(diversity.of(items).value(), WithinAbs(slow_diversity(train, items), 1e-12));
  }
}

TEST_CASE("beyond: the head is the shortest run of most had items that holds the share", "[evaluate][beyond]") {
  const auto train = synth::tiny();  // 3, 3, 1, 1, 0 of 8 cells
  const auto head = [&](double share) {
    std::vector<std::uint32_t> out;
    const auto items = head_items(train, share);
    for (std::uint32_t i = 0; i < 5; ++i)
      if (items.contains(ItemIndex{i})) out.push_back(i);
    return out;
  };
  REQUIRE(head(0).empty());
  REQUIRE(head(0.3) == std::vector<std::uint32_t>{0});
  REQUIRE(head(0.75) == std::vector<std::uint32_t>{0, 1});
  REQUIRE(head(0.8) == std::vector<std::uint32_t>{0, 1, 2});
  REQUIRE(head(1) == std::vector<std::uint32_t>{0, 1, 2, 3});
  REQUIRE_THROWS_WITH(head_items(train, 1.5), StartsWith("head_share: 1.5"));
  REQUIRE_THROWS_WITH(head_items(train, std::nan("")), StartsWith("head_share"));
}

TEST_CASE("beyond: surprise is the logarithm of the share of people who have an item", "[evaluate][beyond]") {
  REQUIRE(item_surprise(synth::tiny()) == std::vector<double>{std::log2(4.0 / 3), std::log2(4.0 / 3), 2, 2, 2});
}

TEST_CASE("beyond: categories of another catalogue are refused", "[evaluate][beyond]") {
  const std::vector<std::string_view> categories(4, "a");
  REQUIRE_THROWS_WITH(ListDiversity(synth::tiny(), categories), StartsWith("categories: 4 of them; expected one a column, 5"));
}
