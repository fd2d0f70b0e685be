#include "pannier/core/top_k.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;

namespace {

std::vector<Scored> best_of(TopK& top, const std::vector<Scored>& pushed, std::size_t count, std::size_t room) {
  top.reset(count);
  for (const auto& [item, score] : pushed) top.push(item, score);
  std::vector<Scored> out(room, Scored{ItemIndex{77}, 77});
  out.resize(top.finish(out));
  return out;
}

/// Sorts everything.
std::vector<Scored> oracle(std::vector<Scored> pushed, std::size_t count) {
  std::erase_if(pushed, [](const Scored& s) { return std::isnan(s.score); });
  std::sort(pushed.begin(), pushed.end(), ranks_before);
  pushed.resize(std::min(count, pushed.size()));
  return pushed;
}

}  // namespace

TEST_CASE("top_k: higher scores first, ties by the lower index", "[core][top_k]") {
  TopK top;
  const std::vector<Scored> pushed{{ItemIndex{4}, 1}, {ItemIndex{2}, 3}, {ItemIndex{9}, 3}, {ItemIndex{0}, 2}, {ItemIndex{1}, 1}};
  REQUIRE(best_of(top, pushed, 4, 4) == std::vector<Scored>{{ItemIndex{2}, 3}, {ItemIndex{9}, 3}, {ItemIndex{0}, 2}, {ItemIndex{1}, 1}});
}

TEST_CASE("top_k: equals sorting everything, for any order of pushing", "[core][top_k]") {
  TopK top;
  Random random(11);
  for (const std::size_t size : {0u, 1u, 63u, 64u, 65u, 500u, 3000u})
    for (const std::size_t count : {0u, 1u, 2u, 10u, 64u, 400u, 5000u})
      for (const std::uint64_t levels : {1u, 3u, 1000u}) {  // few levels: many ties
        std::vector<Scored> pushed;
        for (std::uint32_t item = 0; item < size; ++item) pushed.push_back({ItemIndex{item}, static_cast<float>(random.below(levels)) - 1});
        const auto expected = oracle(pushed, count);
        REQUIRE(best_of(top, pushed, count, count) == expected);
        std::reverse(pushed.begin(), pushed.end());
        REQUIRE(best_of(top, pushed, count, count) == expected);
        for (std::size_t n = pushed.size(); n > 1; --n) std::swap(pushed[n - 1], pushed[random.below(n)]);
        REQUIRE(best_of(top, pushed, count, count) == expected);
      }
}

TEST_CASE("top_k: NaN is never kept, infinities are ordered", "[core][top_k]") {
  TopK top;
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  REQUIRE(best_of(top, {{ItemIndex{0}, nan}, {ItemIndex{1}, -inf}, {ItemIndex{2}, inf}, {ItemIndex{3}, 0}}, 9, 9) ==
          std::vector<Scored>{{ItemIndex{2}, inf}, {ItemIndex{3}, 0}, {ItemIndex{1}, -inf}});
}

TEST_CASE("top_k: too little room gives the best that fit, and the rest of the room stays", "[core][top_k]") {
  TopK top;
  top.reset(3);
  for (std::uint32_t item = 0; item < 5; ++item) top.push(ItemIndex{item}, static_cast<float>(item));
  std::vector<Scored> out(2);
  REQUIRE(top.finish(out) == 2);
  REQUIRE(out == std::vector<Scored>{{ItemIndex{4}, 4}, {ItemIndex{3}, 3}});
  REQUIRE(top.finish(out) == 0);  // empty afterwards

  top.reset(3);
  top.push(ItemIndex{8}, 1);
  out.assign(3, {ItemIndex{7}, 7});
  REQUIRE(top.finish(out) == 1);
  REQUIRE(out[1] == Scored{ItemIndex{7}, 7});
}

TEST_CASE("top_k: the threshold never refuses what could enter", "[core][top_k]") {
  TopK top;
  top.reset(10);
  REQUIRE(top.threshold() == -std::numeric_limits<float>::infinity());
  for (std::uint32_t item = 0; item < 9; ++item) top.push(ItemIndex{item}, 1);
  top.tighten();
  REQUIRE(top.threshold() == -std::numeric_limits<float>::infinity());  // only nine are held
  for (std::uint32_t item = 9; item < 200; ++item) {
    top.push(ItemIndex{item}, static_cast<float>(item));
    top.tighten();
    if (item >= 18) REQUIRE(top.threshold() == static_cast<float>(item - 9));
  }
}

TEST_CASE("top_k: what is kept are the best, in no order, and more may follow", "[core][top_k]") {
  TopK top;
  top.reset(20);
  Random random(9);
  std::vector<Scored> pushed;
  for (std::uint32_t item = 0; item < 300; ++item) {
    pushed.push_back({ItemIndex{item}, static_cast<float>(random.below(40))});
    top.push(pushed.back().item, pushed.back().score);
    auto kept = std::vector<Scored>(top.kept().begin(), top.kept().end());
    std::sort(kept.begin(), kept.end(), ranks_before);
    REQUIRE(kept == oracle(pushed, 20));
  }
}

TEST_CASE("top_k: an enormous count holds what is pushed", "[core][top_k]") {
  TopK top;
  REQUIRE(best_of(top, {{ItemIndex{1}, 1}, {ItemIndex{0}, 1}}, std::numeric_limits<std::size_t>::max(), 5) ==
          std::vector<Scored>{{ItemIndex{0}, 1}, {ItemIndex{1}, 1}});
}
