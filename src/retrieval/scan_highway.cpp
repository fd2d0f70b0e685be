// The scan over codes for every SIMD level, chosen at run time. Highway includes this file once a level; the sums themselves are intrinsics, since
// Highway 1.0 has no product of bytes.
//
// With VNNI one instruction adds four products of an unsigned and a signed byte to a sum of 32 bits, without saturation. Elsewhere the multiply of bytes
// (pmaddubsw) saturates at 16 bits, 2 * 255 * 127 does not fit, so bytes are widened: those at even and at odd places of a word are multiplied as numbers of
// 16 bits and added pairwise to 32 (pmaddwd), which is exact.
#include "retrieval/scan_kernels.hpp"
#include "retrieval/scan_portable.hpp"

#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "retrieval/scan_highway.cpp"
#ifndef PANNIER_SCAN_TARGETS
#define PANNIER_SCAN_TARGETS
#define HWY_WANT_AVX3_DL 1  // the level of VNNI
// Levels of scalable vectors fall back to the next fixed one; what lies between SSE2, which every x86-64 has, and AVX2 adds nothing here.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_SSE4 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | HWY_WASM_EMU256)
#endif
#include <hwy/foreach_target.h>
// Highway's order: after foreach_target.
#include <hwy/highway.h>

#if defined(__SSE2__) && !defined(PANNIER_SCAN_SSE2)
#define PANNIER_SCAN_SSE2 1
#include <emmintrin.h>
#endif

#ifdef __clang__
#define PANNIER_SCAN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PANNIER_SCAN_UNROLL _Pragma("GCC unroll 16")
#endif

HWY_BEFORE_NAMESPACE();
namespace pannier::retrieval::kernels {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_AVX3_DL
#define PANNIER_SCAN_ATTR __attribute__((target(HWY_TARGET_STR ",avx512vnni")))  // The level has it, Highway does not name it to the compiler.
#else
#define PANNIER_SCAN_ATTR
#endif

/// Four bytes, or two numbers of 16 bits, as they lie in memory.
HWY_INLINE std::int32_t word_at(const void* at) {
  std::int32_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

#if HWY_ARCH_X86 && (HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_AVX3)

constexpr std::string_view name = HWY_TARGET == HWY_AVX3_DL ? "AVX-512 VNNI" : "AVX-512";

PANNIER_SCAN_ATTR HWY_INLINE std::uint64_t sums_at_least(const std::uint8_t* block, const CodedQuery& query, std::size_t groups, std::int32_t least) {
  __m512i sums[4];
  PANNIER_SCAN_UNROLL
  for (auto& sum : sums) sum = _mm512_set1_epi32(query.start);
  for (std::size_t g = 0; g < groups; ++g, block += group_bytes) {
#if HWY_TARGET == HWY_AVX3_DL
    const auto code = _mm512_set1_epi32(word_at(query.code + 4 * g));
    PANNIER_SCAN_UNROLL
    for (std::size_t v = 0; v < 4; ++v) sums[v] = _mm512_dpbusd_epi32(sums[v], _mm512_load_si512(block + 64 * v), code);
#else
    const auto even = _mm512_set1_epi32(word_at(query.pairs + 4 * g)), odd = _mm512_set1_epi32(word_at(query.pairs + 4 * g + 2));
    PANNIER_SCAN_UNROLL
    for (std::size_t v = 0; v < 4; ++v) {
      const auto bytes = _mm512_load_si512(block + 64 * v);
      sums[v] = _mm512_add_epi32(sums[v], _mm512_madd_epi16(_mm512_and_si512(bytes, _mm512_set1_epi16(255)), even));
      sums[v] = _mm512_add_epi32(sums[v], _mm512_madd_epi16(_mm512_srli_epi16(bytes, 8), odd));
    }
#endif
  }
  const auto bound = _mm512_set1_epi32(least);
  std::uint64_t items = 0;
  PANNIER_SCAN_UNROLL
  for (std::size_t v = 0; v < 4; ++v) items |= std::uint64_t{_mm512_cmpge_epi32_mask(sums[v], bound)} << (16 * v);
  return items;
}

#elif HWY_ARCH_X86 && HWY_TARGET == HWY_AVX2

constexpr std::string_view name = "AVX2";

HWY_INLINE std::uint64_t sums_at_least(const std::uint8_t* block, const CodedQuery& query, std::size_t groups, std::int32_t least) {
  __m256i sums[8];
  PANNIER_SCAN_UNROLL
  for (auto& sum : sums) sum = _mm256_set1_epi32(query.start);
  for (std::size_t g = 0; g < groups; ++g, block += group_bytes) {
    const auto even = _mm256_set1_epi32(word_at(query.pairs + 4 * g)), odd = _mm256_set1_epi32(word_at(query.pairs + 4 * g + 2));
    PANNIER_SCAN_UNROLL
    for (std::size_t v = 0; v < 8; ++v) {
      const auto bytes = _mm256_load_si256(reinterpret_cast<const __m256i*>(block + 32 * v));
      sums[v] = _mm256_add_epi32(sums[v], _mm256_madd_epi16(_mm256_and_si256(bytes, _mm256_set1_epi16(255)), even));
      sums[v] = _mm256_add_epi32(sums[v], _mm256_madd_epi16(_mm256_srli_epi16(bytes, 8), odd));
    }
  }
  const auto bound = _mm256_set1_epi32(least);
  std::uint64_t below = 0;
  PANNIER_SCAN_UNROLL
  for (std::size_t v = 0; v < 8; ++v)
    below |= std::uint64_t{static_cast<std::uint8_t>(_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(bound, sums[v]))))} << (8 * v);
  return ~below;
}

#elif PANNIER_SCAN_SSE2

constexpr std::string_view name = "SSE2";

HWY_INLINE std::uint64_t sums_at_least(const std::uint8_t* block, const CodedQuery& query, std::size_t groups, std::int32_t least) {
  constexpr std::size_t vectors = 8;  // sums at a time, half a block: there are 16 registers
  const auto bound = _mm_set1_epi32(least);
  std::uint64_t below = 0;
  for (std::size_t half = 0; half < 2; ++half) {
    __m128i sums[vectors];
    PANNIER_SCAN_UNROLL
    for (auto& sum : sums) sum = _mm_set1_epi32(query.start);
    const std::uint8_t* from = block + half * vectors * 16;
    for (std::size_t g = 0; g < groups; ++g, from += group_bytes) {
      const auto even = _mm_set1_epi32(word_at(query.pairs + 4 * g)), odd = _mm_set1_epi32(word_at(query.pairs + 4 * g + 2));
      PANNIER_SCAN_UNROLL
      for (std::size_t v = 0; v < vectors; ++v) {
        const auto bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(from + 16 * v));
        sums[v] = _mm_add_epi32(sums[v], _mm_madd_epi16(_mm_and_si128(bytes, _mm_set1_epi16(255)), even));
        sums[v] = _mm_add_epi32(sums[v], _mm_madd_epi16(_mm_srli_epi16(bytes, 8), odd));
      }
    }
    PANNIER_SCAN_UNROLL
    for (std::size_t v = 0; v < vectors; ++v)
      below |= std::uint64_t{static_cast<std::uint8_t>(_mm_movemask_ps(_mm_castsi128_ps(_mm_cmplt_epi32(sums[v], bound))))} << (half * 32 + 4 * v);
  }
  return ~below;
}

#elif HWY_TARGET == HWY_NEON && HWY_ARCH_ARM_A64

constexpr std::string_view name = "NEON";

HWY_INLINE std::uint64_t sums_at_least(const std::uint8_t* block, const CodedQuery& query, std::size_t groups, std::int32_t least) {
  int32x4_t sums[16];
  PANNIER_SCAN_UNROLL
  for (auto& sum : sums) sum = vdupq_n_s32(query.start);
  for (std::size_t g = 0; g < groups; ++g, block += group_bytes) {
    const auto even = vreinterpretq_s16_s32(vdupq_n_s32(word_at(query.pairs + 4 * g))), odd = vreinterpretq_s16_s32(vdupq_n_s32(word_at(query.pairs + 4 * g + 2)));
    PANNIER_SCAN_UNROLL
    for (std::size_t v = 0; v < 16; ++v) {
      const auto bytes = vreinterpretq_u16_u8(vld1q_u8(block + 16 * v));
      // 255 * 127 fits 16 bits.
      sums[v] = vpadalq_s16(sums[v], vmulq_s16(vreinterpretq_s16_u16(vandq_u16(bytes, vdupq_n_u16(255))), even));
      sums[v] = vpadalq_s16(sums[v], vmulq_s16(vreinterpretq_s16_u16(vshrq_n_u16(bytes, 8)), odd));
    }
  }
  alignas(16) std::int32_t each[block_items];
  PANNIER_SCAN_UNROLL
  for (std::size_t v = 0; v < 16; ++v) vst1q_s32(each + 4 * v, sums[v]);
  std::uint64_t items = 0;
  for (std::size_t i = 0; i < block_items; ++i) items |= std::uint64_t{each[i] >= least} << i;
  return items;
}

#else

constexpr std::string_view name = "portable";
using portable::sums_at_least;

#endif

#include "retrieval/scan.inl"
#undef PANNIER_SCAN_ATTR

std::string_view level_name() { return name; }

}  // namespace HWY_NAMESPACE
}  // namespace pannier::retrieval::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pannier::retrieval::kernels {

HWY_EXPORT(scan);
HWY_EXPORT(level_name);

std::string_view level() noexcept { return HWY_DYNAMIC_DISPATCH(level_name)(); }
Found next(const Codes& codes, const CodedQuery& query, std::size_t begin, std::size_t end, double threshold, const std::uint64_t* allowed) noexcept {
  return HWY_DYNAMIC_DISPATCH(scan)(codes, query, begin, end, threshold, allowed);
}

}  // namespace pannier::retrieval::kernels
#endif
