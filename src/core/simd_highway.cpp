// The kernels of core/simd for every SIMD level, chosen at run time. Highway includes this file once a level.
//
// The 16 partial sums are one AVX-512 vector, two AVX2 vectors or four of 128 bits. A block of queries and items keeps all its
// sums in registers. Padding a tail with zeros changes no bit: a sum starts at +0, so it is never -0 and adding +0 keeps it.
#include "core/simd_kernels.hpp"
#include "core/simd_portable.hpp"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/simd_highway.cpp"
#ifndef PANNIER_SIMD_TARGETS
#define PANNIER_SIMD_TARGETS
// Levels of scalable or exotic vectors fall back to the next fixed one.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | HWY_WASM_EMU256)
#endif
#include <hwy/foreach_target.h>
// Highway's order: after foreach_target.
#include <hwy/highway.h>

#ifdef __clang__
#define PANNIER_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PANNIER_UNROLL _Pragma("GCC unroll 16")
#endif

HWY_BEFORE_NAMESPACE();
namespace pannier::kernels {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR

// The compiler turns the plain loops into the vectors of the baseline.
float dot(const float* a, const float* b, std::size_t length) { return portable::fixed_dot(a, b, length); }
void dots(const float* query, const MatrixView& items, std::size_t first, float* out, std::size_t count) {
  portable::fixed_dots(query, items, first, out, count);
}
void tile(const MatrixView& queries, const MatrixView& items, std::size_t first, std::size_t count, float* out, std::size_t out_stride) {
  portable::fixed_dot_tile(queries, items, first, count, out, out_stride);
}
std::size_t first(const float* values, std::size_t begin, std::size_t end, float least) { return portable::first_at_least(values, begin, end, least); }
float largest(const float* values, std::size_t count) { return portable::largest_above_zero(values, count); }
void scaled(float factor, const float* values, float* sums, std::size_t count) { portable::add_scaled(factor, values, sums, count); }
void drop(float least, float* values, std::size_t count) { portable::drop_below(least, values, count); }

#else

namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;
using Four = hn::FixedTag<float, 4>;
using Vector = hn::Vec<Floats>;
using Vector4 = hn::Vec<Four>;

constexpr std::size_t lanes = hn::MaxLanes(Floats());
constexpr std::size_t parts = 16 / lanes;
static_assert(lanes * parts == 16);

// As many sums as the registers hold beside the operands: 32 registers from AVX-512 and NEON on, 16 before.
constexpr bool many_registers = lanes == 16 || HWY_TARGET == HWY_NEON;
constexpr std::size_t scan_items = parts == 4 && !many_registers ? 2 : 4;                            // one query, this many items
constexpr std::size_t tile_queries = lanes == 16 ? 4 : parts == 2 ? 3 : many_registers ? 2 : 1;
constexpr std::size_t tile_items = lanes == 16 ? 4 : 2;

/// The `part`-th vector of the last `left` < 16 elements, zeros after them. Reads no element beyond.
HWY_INLINE Vector load_tail(const float* from, std::size_t left, std::size_t part) {
  const Floats d;
  const std::size_t skip = part * lanes;
  if (left <= skip) return hn::Zero(d);
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  return hn::MaskedLoad(hn::FirstN(d, std::min(lanes, left - skip)), d, from + skip);
#else
  alignas(64) float padded[lanes] = {};
  std::memcpy(padded, from + skip, std::min(lanes, left - skip) * sizeof(float));
  return hn::Load(d, padded);
#endif
}

/// s[j] += s[j+8], then s[j] += s[j+4].
template <class V, std::size_t P>
HWY_INLINE Vector4 to_four(const V (&sums)[P]) {
  if constexpr (P == 1) {
    const hn::Half<Floats> half;
    const auto eight = hn::Add(hn::LowerHalf(half, sums[0]), hn::UpperHalf(half, sums[0]));
    return hn::Add(hn::LowerHalf(Four(), eight), hn::UpperHalf(Four(), eight));
  } else if constexpr (P == 2) {
    const auto eight = hn::Add(sums[0], sums[1]);
    return hn::Add(hn::LowerHalf(Four(), eight), hn::UpperHalf(Four(), eight));
  } else {
    return hn::Add(hn::Add(sums[0], sums[2]), hn::Add(sums[1], sums[3]));
  }
}

/// s[j] += s[j+2], then s[0] + s[1], for four products at once.
HWY_INLINE Vector4 to_one(Vector4 a, Vector4 b, Vector4 c, Vector4 d) {
  const Four four;
  const auto ab = hn::Add(hn::ConcatLowerLower(four, b, a), hn::ConcatUpperUpper(four, b, a));
  const auto cd = hn::Add(hn::ConcatLowerLower(four, d, c), hn::ConcatUpperUpper(four, d, c));
  return hn::Add(hn::ConcatEven(four, cd, ab), hn::ConcatOdd(four, cd, ab));
}

/// out[q * out_stride + i] for Q queries and I items, rows `query_stride` and `item_stride` apart.
template <std::size_t Q, std::size_t I>
HWY_INLINE void block(const float* queries, std::size_t query_stride, const float* items, std::size_t item_stride, std::size_t length,
                      float* out, std::size_t out_stride) {
  const Floats d;
  Vector sums[Q * I][parts];
  PANNIER_UNROLL
  for (std::size_t n = 0; n < Q * I; ++n) {
    PANNIER_UNROLL
    for (std::size_t p = 0; p < parts; ++p) sums[n][p] = hn::Zero(d);
  }
  std::size_t at = 0;
  for (; at + 16 <= length; at += 16) {
    PANNIER_UNROLL
    for (std::size_t p = 0; p < parts; ++p) {
      Vector item[I];
      PANNIER_UNROLL
      for (std::size_t i = 0; i < I; ++i) item[i] = hn::LoadU(d, items + i * item_stride + at + p * lanes);
      PANNIER_UNROLL
      for (std::size_t q = 0; q < Q; ++q) {
        const auto query = hn::LoadU(d, queries + q * query_stride + at + p * lanes);
        PANNIER_UNROLL
        for (std::size_t i = 0; i < I; ++i) sums[q * I + i][p] = hn::Add(sums[q * I + i][p], hn::Mul(query, item[i]));
      }
    }
  }
  if (at < length) {
    PANNIER_UNROLL
    for (std::size_t p = 0; p < parts; ++p) {
      Vector item[I];
      PANNIER_UNROLL
      for (std::size_t i = 0; i < I; ++i) item[i] = load_tail(items + i * item_stride + at, length - at, p);
      PANNIER_UNROLL
      for (std::size_t q = 0; q < Q; ++q) {
        const auto query = load_tail(queries + q * query_stride + at, length - at, p);
        PANNIER_UNROLL
        for (std::size_t i = 0; i < I; ++i) sums[q * I + i][p] = hn::Add(sums[q * I + i][p], hn::Mul(query, item[i]));
      }
    }
  }
  constexpr std::size_t rounded = (Q * I + 3) / 4 * 4;
  Vector4 fours[rounded];
  PANNIER_UNROLL
  for (std::size_t n = 0; n < rounded; ++n) fours[n] = to_four(sums[n < Q * I ? n : Q * I - 1]);
  alignas(16) float results[rounded];
  PANNIER_UNROLL
  for (std::size_t n = 0; n < rounded; n += 4) hn::Store(to_one(fours[n], fours[n + 1], fours[n + 2], fours[n + 3]), Four(), results + n);
  PANNIER_UNROLL
  for (std::size_t q = 0; q < Q; ++q) std::memcpy(out + q * out_stride, results + q * I, I * sizeof(float));
}

float dot(const float* a, const float* b, std::size_t length) {
  float out;
  block<1, 1>(a, 0, b, 0, length, &out, 0);
  return out;
}

void dots(const float* query, const MatrixView& items, std::size_t first, float* out, std::size_t count) {
  const float* rows = items.data + first * items.stride;
  std::size_t i = 0;
  for (; i + scan_items <= count; i += scan_items) block<1, scan_items>(query, 0, rows + i * items.stride, items.stride, items.cols, out + i, 0);
  for (; i < count; ++i) block<1, 1>(query, 0, rows + i * items.stride, 0, items.cols, out + i, 0);
}

void tile(const MatrixView& queries, const MatrixView& items, std::size_t first, std::size_t count, float* out, std::size_t out_stride) {
  const float* rows = items.data + first * items.stride;
  const std::size_t length = items.cols;
  // As many queries at a time as stay in the first cache while the items pass by.
  const std::size_t group = std::max<std::size_t>(tile_queries, 4096 / std::max<std::size_t>(length, 1) / tile_queries * tile_queries);
  for (std::size_t begin = 0; begin < queries.rows; begin += group) {
    const std::size_t end = std::min(queries.rows, begin + group);
    const std::size_t whole = begin + (end - begin) / tile_queries * tile_queries;
    std::size_t i = 0;
    for (; i + tile_items <= count; i += tile_items) {
      const float* block_rows = rows + i * items.stride;
      for (std::size_t q = begin; q < whole; q += tile_queries)
        block<tile_queries, tile_items>(queries.data + q * queries.stride, queries.stride, block_rows, items.stride, length,
                                        out + q * out_stride + i, out_stride);
      for (std::size_t q = whole; q < end; ++q)
        block<1, tile_items>(queries.data + q * queries.stride, 0, block_rows, items.stride, length, out + q * out_stride + i, out_stride);
    }
    for (; i < count; ++i)
      for (std::size_t q = begin; q < end; ++q)
        block<1, 1>(queries.data + q * queries.stride, 0, rows + i * items.stride, 0, length, out + q * out_stride + i, out_stride);
  }
}
std::size_t first(const float* values, std::size_t begin, std::size_t end, float least) {
  const Floats d;
  const auto threshold = hn::Set(d, least);
  const auto at_least = [&](std::size_t at) HWY_ATTR { return hn::Ge(hn::LoadU(d, values + at), threshold); };
  // Two lines of memory at a time until one holds it, then one by one.
  constexpr std::size_t stripe = 32;
  for (; begin + stripe <= end; begin += stripe) {
    auto any = at_least(begin);
    PANNIER_UNROLL
    for (std::size_t n = lanes; n < stripe; n += lanes) any = hn::Or(any, at_least(begin + n));
    if (!hn::AllFalse(d, any)) break;
  }
  return portable::first_at_least(values, begin, end, least);
}

float largest(const float* values, std::size_t count) {
  const Floats d;
  constexpr std::size_t chains = 4;
  Vector most[chains];
  PANNIER_UNROLL
  for (std::size_t n = 0; n < chains; ++n) most[n] = hn::Zero(d);
  std::size_t at = 0;
  for (; at + chains * lanes <= count; at += chains * lanes) {
    PANNIER_UNROLL
    for (std::size_t n = 0; n < chains; ++n) {
      const auto next = hn::LoadU(d, values + at + n * lanes);
      most[n] = hn::IfThenElse(hn::Gt(next, most[n]), next, most[n]);   // Keeps the largest where the next is NaN.
    }
  }
  alignas(64) float each[chains * lanes];
  PANNIER_UNROLL
  for (std::size_t n = 0; n < chains; ++n) hn::Store(most[n], d, each + n * lanes);
  return std::max(portable::largest_above_zero(each, chains * lanes), portable::largest_above_zero(values + at, count - at));
}

void scaled(float factor, const float* values, float* sums, std::size_t count) {
  const Floats d;
  const auto factors = hn::Set(d, factor);
  std::size_t at = 0;
  for (; at + lanes <= count; at += lanes) hn::StoreU(hn::Add(hn::LoadU(d, sums + at), hn::Mul(factors, hn::LoadU(d, values + at))), d, sums + at);
  portable::add_scaled(factor, values + at, sums + at, count - at);
}

void drop(float least, float* values, std::size_t count) {
  const Floats d;
  const auto threshold = hn::Set(d, least);
  std::size_t at = 0;
  for (; at + lanes <= count; at += lanes) {
    const auto value = hn::LoadU(d, values + at);
    hn::StoreU(hn::IfThenElseZero(hn::Ge(value, threshold), value), d, values + at);
  }
  portable::drop_below(least, values + at, count - at);
}

#endif

std::string_view name() {
  switch (HWY_TARGET) {
#if HWY_ARCH_X86
    case HWY_AVX3: return "AVX-512";
    case HWY_AVX2: return "AVX2";
    case HWY_SSE4: return "SSE4";
#elif HWY_ARCH_ARM
    case HWY_NEON: return "NEON";
#endif
    case HWY_EMU128:
    case HWY_SCALAR: return "portable";
    default: return hwy::TargetName(HWY_TARGET);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace pannier::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pannier::kernels {

HWY_EXPORT(dot);
HWY_EXPORT(dots);
HWY_EXPORT(tile);
HWY_EXPORT(first);
HWY_EXPORT(largest);
HWY_EXPORT(scaled);
HWY_EXPORT(drop);
HWY_EXPORT(name);

std::string_view level() noexcept { return HWY_DYNAMIC_DISPATCH(name)(); }
float fixed_dot(const float* a, const float* b, std::size_t length) noexcept { return HWY_DYNAMIC_DISPATCH(dot)(a, b, length); }
void fixed_dots(const float* query, const MatrixView& items, std::size_t first, float* out, std::size_t count) noexcept {
  HWY_DYNAMIC_DISPATCH(dots)(query, items, first, out, count);
}
void fixed_dot_tile(const MatrixView& queries, const MatrixView& items, std::size_t first, std::size_t count, float* out,
                    std::size_t out_stride) noexcept {
  HWY_DYNAMIC_DISPATCH(tile)(queries, items, first, count, out, out_stride);
}
std::size_t first_at_least(const float* values, std::size_t begin, std::size_t end, float least) noexcept {
  return HWY_DYNAMIC_DISPATCH(first)(values, begin, end, least);
}
float largest_above_zero(const float* values, std::size_t count) noexcept { return HWY_DYNAMIC_DISPATCH(largest)(values, count); }
void add_scaled(float factor, const float* values, float* sums, std::size_t count) noexcept {
  HWY_DYNAMIC_DISPATCH(scaled)(factor, values, sums, count);
}
void drop_below(float least, float* values, std::size_t count) noexcept { HWY_DYNAMIC_DISPATCH(drop)(least, values, count); }

}  // namespace pannier::kernels
#endif
