// The integers of the scan, at every SIMD level: private to retrieval.
#include "retrieval/scan_kernels.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "pannier/core/matrix.hpp"
#include "pannier/core/random.hpp"
#include "retrieval/scan_portable.hpp"
#include "support/catch.hpp"
#include "support/simd_levels.hpp"

using namespace pannier;
using namespace pannier::retrieval::kernels;

namespace {

/// Codes of blocks whose bounds are plain: scale 1, no residual, norm 1.
struct Blocks {
  std::size_t groups;
  Matrix bytes;
  std::vector<BlockBound> bounds;
  std::vector<std::int8_t> query;
  std::vector<std::int16_t> pairs;
  CodedQuery coded;

  /// draw() gives a code from -127 to 127.
  template <class Draw>
  Blocks(std::size_t blocks, std::size_t groups_, Draw draw) : groups(groups_), bytes(1, blocks * groups_ * group_bytes / 4), bounds(blocks, {1, 0, 1}), query(4 * groups_), pairs(4 * groups_) {
    auto* const to = reinterpret_cast<std::uint8_t*>(bytes.data());
    for (std::size_t i = 0; i < blocks * groups * group_bytes; ++i) to[i] = static_cast<std::uint8_t>(draw() + 128);
    int sum = 0;
    for (std::size_t k = 0; k < query.size(); ++k) {
      query[k] = static_cast<std::int8_t>(draw());
      pairs[k / 4 * 4 + k % 2 * 2 + k % 4 / 2] = query[k];
      sum += query[k];
    }
    coded = {.code = query.data(), .pairs = pairs.data(), .start = -128 * sum, .inverse_scale = 1, .per_residual = 0, .per_norm = 0, .stop_norm = 1e12, .rest = 0};
  }
  [[nodiscard]] Codes codes() const { return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bounds.data(), groups}; }
  /// The sum of item i of a block, written down once more.
  [[nodiscard]] std::int32_t sum(std::size_t block, std::size_t i) const {
    const auto* from = codes().bytes + block * groups * group_bytes;
    std::int32_t total = 0;
    for (std::size_t k = 0; k < query.size(); ++k) total += (from[k / 4 * group_bytes + i * 4 + k % 4] - 128) * query[k];
    return total;
  }
};

/// Whether next() admits exactly what needs to be, for thresholds at, just below and just above the sums themselves.
void check_sums(const Blocks& blocks) {
  for (std::size_t b = 0; b < blocks.bounds.size(); ++b)
    for (std::size_t i = 0; i < block_items; i += 9)
      for (const int off : {-1, 0, 1}) {
        const double threshold = static_cast<double>(blocks.sum(b, i)) + 1 + off;  // 1 is the slack of the scan.
        const auto least = blocks.sum(b, i) + off;
        std::uint64_t expected = 0;
        for (std::size_t n = 0; n < block_items; ++n) expected |= std::uint64_t{blocks.sum(b, n) >= least} << n;
        REQUIRE(portable::sums_at_least(blocks.codes().bytes + b * blocks.groups * group_bytes, blocks.coded, blocks.groups, least) == expected);
        const auto found = next(blocks.codes(), blocks.coded, b, b + 1, threshold, nullptr);
        REQUIRE(found.items == expected);
        REQUIRE(found.block == (expected == 0 ? b + 1 : b));
        REQUIRE(found.read == 1);
        REQUIRE_FALSE(found.stopped);
      }
}

}  // namespace

TEST_CASE("scan: sums of products of codes are exact integers at every level, for any number of dimensions", "[retrieval][scan]") {
  support::for_each_level(level, support::least_level, [] {
    for (const std::size_t groups : {1u, 2u, 3u, 16u, 17u, 33u}) {
      Random random(groups);
      check_sums(Blocks(3, groups, [&] { return static_cast<int>(random.below(255)) - 127; }));
    }
  });
}

TEST_CASE("scan: the largest codes saturate no level", "[retrieval][scan]") {
  support::for_each_level(level, support::least_level, [] {
    // 1024 groups: the largest number of dimensions. All of one sign; signs at random; neighbours of opposite sign.
    for (const std::size_t groups : {1u, 1024u}) {
      check_sums(Blocks(1, groups, [] { return 127; }));
      check_sums(Blocks(1, groups, [] { return -127; }));
      Random random(7);
      check_sums(Blocks(1, groups, [&] { return random.below(2) == 0 ? 127 : -127; }));
      int turn = 0;
      check_sums(Blocks(1, groups, [&] { return ++turn % 2 == 0 ? 127 : -127; }));
    }
  });
}

TEST_CASE("scan: it skips what is not allowed, goes on where it is told and stops by the norm", "[retrieval][scan]") {
  support::for_each_level(level, support::least_level, [] {
    Random random(3);
    Blocks blocks(6, 4, [&] { return static_cast<int>(random.below(255)) - 127; });
    const double everything = -std::numeric_limits<double>::infinity();
    std::vector<std::uint64_t> allowed{0, 0, 5, 0, ~std::uint64_t{0}, 0};
    auto found = next(blocks.codes(), blocks.coded, 0, 6, everything, allowed.data());
    REQUIRE((found.block == 2 && found.items == 5 && !found.stopped));
    found = next(blocks.codes(), blocks.coded, 3, 6, everything, allowed.data());
    REQUIRE((found.block == 4 && found.items == ~std::uint64_t{0}));
    found = next(blocks.codes(), blocks.coded, 5, 6, everything, allowed.data());
    REQUIRE((found.block == 6 && found.items == 0 && !found.stopped && found.read == 0));
    blocks.bounds[3].norm = 1e-9;
    found = next(blocks.codes(), blocks.coded, 0, 6, 1e9, nullptr);
    REQUIRE((found.block == 3 && found.stopped));
    // At the threshold itself a tie may enter.
    blocks.coded.stop_norm = 2;
    found = next(blocks.codes(), blocks.coded, 0, 3, 2.0, nullptr);
    REQUIRE_FALSE(found.stopped);
  });
}
