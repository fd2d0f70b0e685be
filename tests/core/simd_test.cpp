#include "pannier/core/simd.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/simd_levels.hpp"

using namespace pannier;

namespace {

/// The order of the header, written down once more.
float oracle(const float* a, const float* b, std::size_t length) {
  std::vector<float> s(16, 0.0f);
  for (std::size_t i = 0; i < length; ++i) {
    const volatile float product = a[i] * b[i];  // rounded before it is added
    s[i % 16] = s[i % 16] + product;
  }
  for (std::size_t j = 0; j < 8; ++j) s[j] += s[j + 8];
  for (std::size_t j = 0; j < 4; ++j) s[j] += s[j + 4];
  for (std::size_t j = 0; j < 2; ++j) s[j] += s[j + 2];
  return s[0] + s[1];
}

template <class Check>
void for_each_level(Check check) {
  support::for_each_level(simd_level, "portable", check);
}

/// Exactly `count` floats on the heap, so that the address sanitizer sees every read beyond.
std::unique_ptr<float[]> numbers(std::size_t count, std::uint64_t seed) {
  auto out = std::make_unique<float[]>(count);
  Random random(seed);
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<float>(random.normal() * std::pow(10.0, 6 * random.uniform() - 3));
  return out;
}

bool same_bits(float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }

}  // namespace

TEST_CASE("simd: the dot product by hand", "[core][simd]") {
  const std::vector<float> a{1, 2, 3}, b{4, 5, 6};
  REQUIRE(fixed_dot(a, b) == 32);
  REQUIRE(fixed_dot({}, {}) == 0);
  REQUIRE_FALSE(simd_level().empty());
}

TEST_CASE("simd: every level gives the bits of the fixed order, for every length", "[core][simd]") {
  for_each_level([] {
    for (std::size_t length = 0; length <= 200; ++length) {
      const auto a = numbers(length, 2 * length), b = numbers(length, 2 * length + 1);
      REQUIRE(same_bits(fixed_dot({a.get(), length}, {b.get(), length}), oracle(a.get(), b.get(), length)));
    }
  });
}

TEST_CASE("simd: the order is not another one", "[core][simd]") {
  // Sums in sequence, and with fused products, differ from the fixed order for some of these: else the test above proves nothing.
  int sequence_differs = 0, fused_differs = 0;
  for (std::size_t length = 30; length <= 200; ++length) {
    const auto a = numbers(length, 2 * length), b = numbers(length, 2 * length + 1);
    const float expected = oracle(a.get(), b.get(), length);
    float sequence = 0;
    std::vector<float> s(16, 0.0f);
    for (std::size_t i = 0; i < length; ++i) {
      const volatile float product = a[i] * b[i];
      sequence += product;
      s[i % 16] = std::fma(a[i], b[i], s[i % 16]);
    }
    for (std::size_t width = 8; width > 0; width /= 2)
      for (std::size_t j = 0; j < width; ++j) s[j] += s[j + width];
    sequence_differs += !same_bits(sequence, expected);
    fused_differs += !same_bits(s[0], expected);
  }
  REQUIRE(sequence_differs > 10);
  REQUIRE(fused_differs > 10);
}

TEST_CASE("simd: scans and tiles equal single products at every level, for any stride, tail and count", "[core][simd]") {
  for_each_level([] {
    for (const std::size_t length : {0u, 1u, 7u, 15u, 16u, 17u, 33u, 64u, 65u, 130u})
      for (const std::size_t extra : {0u, 1u, 5u}) {
        const std::size_t stride = length + extra, rows = 13;
        // The last row ends where the memory ends.
        const auto data = numbers((rows - 1) * stride + length, length + 1000 * extra), query_data = numbers(7 * stride, length + 7);
        const MatrixView items{data.get(), rows, length, stride}, queries{query_data.get(), 7, length, stride};
        for (const std::size_t first : {0u, 1u, 6u})
          for (const std::size_t count : {0u, 1u, 2u, 3u, 4u, 7u}) {
            std::vector<float> out(count + 1, -77.0f);
            fixed_dots(queries.row(2), items, first, {out.data(), count});
            for (std::size_t i = 0; i < count; ++i) REQUIRE(same_bits(out[i], oracle(queries.row(2).data(), items.row(first + i).data(), length)));
            REQUIRE(out[count] == -77.0f);
            for (const std::size_t people : {0u, 1u, 3u, 4u, 7u}) {
              const MatrixView some{queries.data, people, length, stride};
              std::vector<float> tile(people * (count + 2) + 1, -77.0f);
              fixed_dot_tile(some, items, first, count, tile.data(), count + 2);
              bool equal = true, untouched = tile.back() == -77.0f;
              for (std::size_t q = 0; q < people; ++q) {
                for (std::size_t i = 0; i < count; ++i)
                  equal = equal && same_bits(tile[q * (count + 2) + i], oracle(some.row(q).data(), items.row(first + i).data(), length));
                untouched = untouched && tile[q * (count + 2) + count] == -77.0f && tile[q * (count + 2) + count + 1] == -77.0f;
              }
              REQUIRE(equal);
              REQUIRE(untouched);
            }
          }
      }
  });
}

TEST_CASE("simd: a tile of many queries equals single products", "[core][simd]") {
  for_each_level([] {
    const std::size_t length = 100, people = 90, rows = 21;  // more queries than one cache group
    const auto data = numbers(rows * length, 1), query_data = numbers(people * length, 2);
    const MatrixView items{data.get(), rows, length, length}, queries{query_data.get(), people, length, length};
    std::vector<float> tile(people * rows);
    fixed_dot_tile(queries, items, 0, rows, tile.data(), rows);
    bool equal = true;
    for (std::size_t q = 0; q < people; ++q)
      for (std::size_t i = 0; i < rows; ++i) equal = equal && same_bits(tile[q * rows + i], oracle(queries.row(q).data(), items.row(i).data(), length));
    REQUIRE(equal);
  });
}

TEST_CASE("simd: what lies in the padding of a row does not matter", "[core][simd]") {
  for_each_level([] {
    std::vector<float> row(16, std::numeric_limits<float>::quiet_NaN()), query(16, std::numeric_limits<float>::infinity());
    for (std::size_t i = 0; i < 5; ++i) row[i] = query[i] = 1;
    REQUIRE(fixed_dot({row.data(), 5}, {query.data(), 5}) == 5);
    float out = 0;
    fixed_dots({query.data(), 5}, {row.data(), 1, 5, 16}, 0, {&out, 1});
    REQUIRE(out == 5);
  });
}

TEST_CASE("simd: the first value that is at least something, at every level", "[core][simd]") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for_each_level([&] {
    for (std::size_t length = 0; length <= 100; ++length) {
      auto values = numbers(length, length);
      const std::span<const float> all(values.get(), length);
      for (std::size_t hit = 0; hit < length; hit += 3) {
        for (std::size_t i = 0; i < length; ++i) values[i] = i % 4 == 0 ? nan : i == hit + 1 ? inf : -1.0f;
        values[hit] = 2;
        for (std::size_t begin = 0; begin <= hit; begin += 5) {
          REQUIRE(first_at_least(all, begin, 2) == hit);
          REQUIRE(first_at_least(all, hit, 2) == hit);
        }
        REQUIRE(first_at_least(all, 0, nan) == length);
      }
      REQUIRE(first_at_least(all, length, -inf) == length);
      REQUIRE(first_at_least(all, length + 7, -inf) == length);
    }
  });
}

TEST_CASE("simd: the largest above zero and sums of multiples equal the plain loops, at every level", "[core][simd]") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for_each_level([&] {
    for (std::size_t length = 0; length <= 150; ++length) {
      auto values = numbers(length, length);
      const std::span<float> all(values.get(), length);
      for (std::size_t i = 0; i < length; ++i) all[i] = -std::abs(all[i]);
      REQUIRE(largest_above_zero(all) == 0);
      for (std::size_t at = 0; at < length; at += 7) {
        all[at] = 1.0f + static_cast<float>(at);
        all[(at + 1) % length] = nan;
        REQUIRE(largest_above_zero(all) == (length == 1 ? 0.0f : all[at]));
      }
      if (length > 3) {
        all[3] = inf;
        REQUIRE(largest_above_zero(all) == inf);
      }
      auto factors = numbers(length, length + 1), sums = numbers(length, length + 2), expected = numbers(length, length + 2);
      add_scaled(1.0f / 3, {factors.get(), length}, {sums.get(), length});
      for (std::size_t i = 0; i < length; ++i) {
        const volatile float product = 1.0f / 3 * factors[i];
        REQUIRE(sums[i] == expected[i] + product);
      }
    }
  });
}

TEST_CASE("simd: values below the least become 0, at every level", "[core][simd]") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  for_each_level([&] {
    for (std::size_t length = 0; length <= 70; ++length) {
      auto values = numbers(length, length), expected = numbers(length, length);
      for (std::size_t i = 0; i < length; ++i) {
        if (i % 5 == 1) values[i] = nan;
        if (i % 7 == 2) values[i] = inf;
        expected[i] = values[i] >= 0.25f ? values[i] : 0.0f;
      }
      drop_below(0.25f, {values.get(), length});
      for (std::size_t i = 0; i < length; ++i) REQUIRE(values[i] == expected[i]);
    }
  });
}

TEST_CASE("simd: fixed_pow stays within 1e-14 of the exact power", "[core][simd]") {
  Random random(4);
  double worst = 0;
  const auto check = [&](double x, double y) {
    const long double exact = std::pow(static_cast<long double>(x), static_cast<long double>(y));
    const double got = fixed_pow(x, y);
    if (exact > std::numeric_limits<double>::max()) {
      REQUIRE((std::isinf(got) || got > 0.999999999 * std::numeric_limits<double>::max()));
    } else if (exact < static_cast<long double>(std::numeric_limits<double>::min())) {
      REQUIRE((got == 0 || got <= std::numeric_limits<double>::min() * 1.0000001));
    } else {
      const auto error = static_cast<double>(std::fabs(got - exact) / exact);
      if (error > 1e-14) FAIL("pow(" << x << ", " << y << ") = " << got << ", error " << error);
      worst = std::max(worst, error);
    }
  };
  for (int n = 0; n < 40'000; ++n) {
    check(std::exp(20 * random.normal()), 10 * random.normal());
    check(1 + 1e-3 * (random.uniform() - 0.5), 1e6 * (random.uniform() - 0.5));
    check(0.5 + random.uniform(), 1000 * (random.uniform() - 0.5));
    check(static_cast<double>(1 + random.below(1'000'000)), random.uniform() < 0.5 ? 0.5 : -0.75);
    check(2, 2200 * (random.uniform() - 0.5));
    check(std::bit_cast<double>((random.bits() >> 2) % 0x7FF0000000000000ull + 1), 3 * random.normal());
  }
  for (const double x : {5e-324, 1e-310, 2.2250738585072014e-308, 1e-5, 0.5, 0.70710678118654752, 1.0 - 0x1p-53, 1.0, 1.0 + 0x1p-52, 1.4142135623730951, 2.0, 10.0, 1.7976931348623157e308})
    for (const double y : {-1e300, -1e16, -1000.0, -2.0, -1.0, -0.5, -1e-300, 0.0, 1e-300, 0.5, 1.0, 2.0, 1000.0, 1e16, 1e300}) check(x, y);
  INFO("worst relative error " << worst);
  REQUIRE(worst < 1e-15);  // what the comment of the source claims
}

TEST_CASE("simd: fixed_pow at its edges, and the same bits for ever", "[core][simd]") {
  const double inf = std::numeric_limits<double>::infinity();
  REQUIRE(fixed_pow(1, inf) == 1);
  REQUIRE(fixed_pow(2, inf) == inf);
  REQUIRE(fixed_pow(2, -inf) == 0);
  REQUIRE(fixed_pow(0.5, inf) == 0);
  REQUIRE(fixed_pow(3, 0) == 1);
  REQUIRE(fixed_pow(2, 10) == 1024);
  REQUIRE(fixed_pow(2, 1024) == inf);
  REQUIRE(fixed_pow(2, -1023) == 0);
  REQUIRE(fixed_pow(2, -1022) == 0x1p-1022);
  REQUIRE(std::isnan(fixed_pow(2, std::numeric_limits<double>::quiet_NaN())));
  // Sums and products are rounded alike on every IEEE machine, so these bits are part of the promise.
  std::uint64_t mixed = 0;
  for (int n = 1; n <= 1000; ++n) mixed = mix64(mixed ^ std::bit_cast<std::uint64_t>(fixed_pow(n * 0.37, 1.0 / n - 0.75)));
  REQUIRE(mixed == 0xD1BF5BF6808C6579ull);
}
