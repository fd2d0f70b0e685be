#pragma once

#include <cstdint>
#include <set>
#include <string>

#if PANNIER_WITH_HIGHWAY
#include <hwy/targets.h>
#include <hwy/per_target.h>
#endif

#include "support/catch.hpp"

namespace pannier::support {

/// Calls check() once with every level that this machine has and the build knows: level() names the one in use. `least` is the level of every machine;
/// without Highway there is no other choice and check() runs once.
template <class Level, class Check>
void for_each_level([[maybe_unused]] Level level, [[maybe_unused]] const char* least, Check check) {
#if PANNIER_WITH_HIGHWAY
  std::set<std::string> seen;
  for (int bit = 0; bit < 63; ++bit) {
    const auto target = std::int64_t{1} << bit;
    hwy::SetSupportedTargetsForTest(0);
    if ((hwy::SupportedTargets() & target) == 0) continue;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    const std::string name(level());
    if (seen.insert(name).second) {
      INFO("level " << name);
      check();
    }
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
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
