#include "pannier/core/simd.hpp"

#include "core/simd_kernels.hpp"
#if !PANNIER_WITH_HIGHWAY
#include "core/simd_portable.hpp"
#endif

namespace pannier {

#if !PANNIER_WITH_HIGHWAY
namespace kernels {

std::string_view level() noexcept { return "portable"; }
float fixed_dot(const float* a, const float* b, std::size_t length) noexcept { return portable::fixed_dot(a, b, length); }
void fixed_dots(const float* query, const MatrixView& items, std::size_t first, float* out, std::size_t count) noexcept {
  portable::fixed_dots(query, items, first, out, count);
}
void fixed_dot_tile(const MatrixView& queries, const MatrixView& items, std::size_t first, std::size_t count, float* out,
                    std::size_t out_stride) noexcept {
  portable::fixed_dot_tile(queries, items, first, count, out, out_stride);
}
std::size_t first_at_least(const float* values, std::size_t begin, std::size_t end, float least) noexcept {
  return portable::first_at_least(values, begin, end, least);
}
float largest_above_zero(const float* values, std::size_t count) noexcept { return portable::largest_above_zero(values, count); }
void add_scaled(float factor, const float* values, float* sums, std::size_t count) noexcept { portable::add_scaled(factor, values, sums, count); }
void drop_below(float least, float* values, std::size_t count) noexcept { portable::drop_below(least, values, count); }

}  // namespace kernels
#endif

std::string_view simd_level() noexcept { return kernels::level(); }

float fixed_dot(std::span<const float> a, std::span<const float> b) noexcept { return kernels::fixed_dot(a.data(), b.data(), a.size()); }

void fixed_dots(std::span<const float> query, const MatrixView& items, std::size_t first, std::span<float> out) noexcept {
  kernels::fixed_dots(query.data(), items, first, out.data(), out.size());
}

void fixed_dot_tile(const MatrixView& queries, const MatrixView& items, std::size_t first, std::size_t count, float* out,
                    std::size_t out_stride) noexcept {
  kernels::fixed_dot_tile(queries, items, first, count, out, out_stride);
}

std::size_t first_at_least(std::span<const float> values, std::size_t begin, float least) noexcept {
  return begin >= values.size() ? values.size() : kernels::first_at_least(values.data(), begin, values.size(), least);
}

float largest_above_zero(std::span<const float> values) noexcept { return kernels::largest_above_zero(values.data(), values.size()); }

void add_scaled(float factor, std::span<const float> values, std::span<float> sums) noexcept {
  kernels::add_scaled(factor, values.data(), sums.data(), sums.size());
}

void drop_below(float least, std::span<float> values) noexcept { kernels::drop_below(least, values.data(), values.size()); }

}  // namespace pannier
