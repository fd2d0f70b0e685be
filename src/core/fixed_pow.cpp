// pow() that gives the same bits everywhere: x = m * 2^e with m in [sqrt(1/2), sqrt(2)); log(x) = e log(2) + 2 atanh((m-1)/(m+1))
// as an unevaluated sum of two doubles; exp(y log x) by removing a multiple of log(2) and a Taylor polynomial.
//
// Error: the logarithm is kept to about 2^-65 of itself (two doubles up to the cubic term, whose square is below 0.03), so
// y log x, at most 745 in size, is within 745 * 2^-65 < 3e-17; the polynomial and its sums add a few times 2^-53. Both together stay
// below 1e-15, a tenth of what is promised.
#include <bit>
#include <cstdint>
#include <limits>

#include "pannier/core/simd.hpp"

namespace pannier {
namespace {

/// high + low, |low| at most half a unit of high's last place.
struct Pair {
  double high, low;
};

/// Exact a + b (Knuth 1969).
Pair two_sum(double a, double b) {
  const double sum = a + b, other = sum - a;
  return {sum, (a - (sum - other)) + (b - other)};
}

/// Exact a * b without fused multiply-add (Dekker 1971); |a|, |b| below 2^990.
Pair two_product(double a, double b) {
  constexpr double splitter = 134217729;  // 2^27 + 1
  const double product = a * b;
  const double a_wide = splitter * a, a_high = a_wide - (a_wide - a), a_low = a - a_high;
  const double b_wide = splitter * b, b_high = b_wide - (b_wide - b), b_low = b - b_high;
  return {product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low};
}

Pair multiply(Pair a, Pair b) {
  auto product = two_product(a.high, b.high);
  product.low += a.high * b.low + a.low * b.high;
  return two_sum(product.high, product.low);
}

Pair add(Pair a, Pair b) {
  auto sum = two_sum(a.high, b.high);
  sum.low += a.low + b.low;
  return two_sum(sum.high, sum.low);
}

Pair divide(Pair a, Pair b) {
  const double first = a.high / b.high;
  const auto back = multiply({first, 0}, b);
  const auto rest = add(a, {-back.high, -back.low});
  return two_sum(first, rest.high / b.high);
}

constexpr double log2_high = 0x1.62e42fefap-1;         // 33 bits: times an exponent it is exact
constexpr double log2_low = 0x1.cf79abc9e3b3ap-40;     // log(2) - log2_high
constexpr double smallest = std::numeric_limits<double>::min();
constexpr double infinity = std::numeric_limits<double>::infinity();

Pair logarithm(double x) {
  int exponent = 0;
  if (x < smallest) {
    x *= 0x1p54;
    exponent = -54;
  }
  auto bits = std::bit_cast<std::uint64_t>(x);
  exponent += static_cast<int>(bits >> 52) - 1023;
  bits = (bits & 0x000FFFFFFFFFFFFFull) | 0x3FF0000000000000ull;
  double m = std::bit_cast<double>(bits);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  const Pair s = divide({m - 1, 0}, two_sum(m, 1));
  const Pair s2 = multiply(s, s);
  // atanh(s) = s + s³ (1/3 + s²/5 + s⁴/7 + ...): the third of s³ in two doubles, the rest in one.
  const double z = s2.high;
  const double rest = z * z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11 + z * (1.0 / 13 + z * (1.0 / 15 + z * (1.0 / 17 + z * (1.0 / 19 + z * (1.0 / 21)))))))));
  constexpr Pair third{1.0 / 3, 0x1.5555555555555p-56};
  Pair factor = multiply(s2, third);
  factor = add(factor, {rest, 0});
  Pair half = add(s, multiply(s, factor));
  half = {2 * half.high, 2 * half.low};
  const double e = exponent;
  return add(add({e * log2_high, 0}, {e * log2_low, 0}), half);
}

}  // namespace

double fixed_pow(double x, double y) noexcept {
  if (y != y || x != x) return std::numeric_limits<double>::quiet_NaN();
  if (y == 0 || x == 1) return 1;
  const Pair log_x = logarithm(x);
  const double rough = y * log_x.high;
  if (rough > 710) return infinity;
  if (rough < -709) return 0;  // below exp(-708.4), the smallest normal double
  Pair power = two_product(y, log_x.high);
  power = two_sum(power.high, power.low + y * log_x.low);

  constexpr double per_log2 = 1.4426950408889634;
  const double turns = power.high * per_log2;
  const int k = static_cast<int>(turns < 0 ? turns - 0.5 : turns + 0.5);
  const Pair r = add(two_sum(power.high - k * log2_high, -(k * log2_low)), {power.low, 0});

  double sum = 1.0 / 6227020800.0;  // 1/13!
  constexpr double inverse_factorials[] = {1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
                                           1.0 / 720,       1.0 / 120,      1.0 / 24,      1.0 / 6,      0.5};
  for (const double coefficient : inverse_factorials) sum = sum * r.high + coefficient;
  // exp(r) = 1 + (r + (r² sum + low (1 + r))).
  const double value = 1 + (r.high + (r.high * r.high * sum + r.low * (1 + r.high)));

  // Two steps, so that neither overflows before the result does.
  const auto power_of_two = [](int n) { return std::bit_cast<double>(static_cast<std::uint64_t>(n + 1023) << 52); };
  const double scaled = value * power_of_two(k / 2);
  if (k > 0) return scaled * power_of_two(k - k / 2);
  const double guarded = scaled * power_of_two(k - k / 2 + 64);
  return guarded < smallest * 0x1p64 ? 0 : guarded * 0x1p-64;
}

}  // namespace pannier
