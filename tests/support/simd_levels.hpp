#pragma once

/// Running a check at every SIMD level that the machine has.
#include <cstdint>
#include <set>
#include <string>

#if PANNIER_WITH_HIGHWAY
#include <hwy/targets.h>
#include <hwy/per_target.h>
#endif

#include "support/catch.hpp"

namespace pannier::support {

/// The name of the level that every machine of this kind has.
#if defined(__x86_64__) && PANNIER_WITH_HIGHWAY
inline constexpr const char* least_level = "SSE2";
#else
inline constexpr const char* least_level = "portable";
#endif

#if PANNIER_WITH_HIGHWAY
/// The kernels are those of one level while this lives, whatever ends it.
class SimdLevel {
 public:
  explicit SimdLevel(std::int64_t target) { choose(target); }
  ~SimdLevel() { choose(0); }
  SimdLevel(const SimdLevel&) = delete;
  SimdLevel& operator=(const SimdLevel&) = delete;

 private:
  static void choose(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};
#endif

/// Calls check() with every target of the machine; gives how many there are. Without Highway there is one.
template <class Check>
int for_each_level(const Check& check) {
#if PANNIER_WITH_HIGHWAY
  int levels = 0;
  for (auto rest = hwy::SupportedTargets(); rest != 0; rest &= rest - 1) {
    const SimdLevel level(rest & -rest);
    INFO("SIMD level " << hwy::TargetName(rest & -rest));
    check();
    ++levels;
  }
  return levels;
#else
  check();
  return 1;
#endif
}

/// Calls check() once with every level that this machine has and the build knows: level() names the one in use. `least` is the level of every machine;
/// without Highway there is no other choice and check() runs once.
template <class Level, class Check>
void for_each_level([[maybe_unused]] Level level, [[maybe_unused]] const char* least, Check check) {
#if PANNIER_WITH_HIGHWAY
  std::set<std::string> seen;
  for_each_level([&] {
    if (seen.insert(std::string(level())).second) check();
  });
  REQUIRE(seen.count(least) == 1);
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) REQUIRE(seen.count("AVX2") == 1);
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) REQUIRE(seen.count("AVX-512") == 1);
#endif
#else
  check();
#endif
}

}  // namespace pannier::support
