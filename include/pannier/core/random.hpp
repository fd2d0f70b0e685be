/// Random numbers indexed by what they are for, so that results never depend on the order of work or the number of threads.
#pragma once

#include <cstdint>

namespace pannier {

/// SplitMix64's finaliser: a bijection of 64 bits with full avalanche.
/// Source: Steele, Lea & Flood 2014.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
  x += 0x9E3779B97F4A7C15ull;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
  return x ^ (x >> 31);
}

__extension__ using Wide = unsigned __int128;

/// The stream of random numbers of one entity: Random(seed, purpose, entity). Copy it to replay it.
/// Threads: One thread a value.
class Random {
 public:
  explicit constexpr Random(std::uint64_t seed, std::uint64_t purpose = 0, std::uint64_t entity = 0) noexcept
      : state_(mix64(mix64(mix64(seed) ^ purpose) ^ entity)) {}
  /// 64 uniform bits.
  constexpr std::uint64_t bits() noexcept { return mix64(state_ += 0x9E3779B97F4A7C15ull); }
  /// Uniform in [0, 1), 53 bits.
  constexpr double uniform() noexcept { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }
  /// Uniform in [0, bound) without modulo bias worth naming (Lemire's multiply-shift); bound > 0.
  constexpr std::uint64_t below(std::uint64_t bound) noexcept {
    return static_cast<std::uint64_t>((static_cast<Wide>(bits()) * bound) >> 64);
  }
  /// Standard normal (Box-Muller).
  double normal() noexcept;
  /// Exponential with mean 1.
  double exponential() noexcept;
  /// Gamma with the given shape and scale 1 (Marsaglia & Tsang 2000); shape > 0.
  double gamma(double shape) noexcept;
  /// Poisson with the given mean >= 0 (by exponential gaps below 30, else by Hoermann's PTRS).
  std::uint64_t poisson(double mean) noexcept;

 private:
  std::uint64_t state_;
};

}  // namespace pannier
