// The few vector operations that the dense training kernels need, over Highway or, without it, over the compiler's own
// vectors of 16 bytes. Included inside a namespace that has named `Number` (float or double) and `fused`.

#undef PANNIER_UNROLL
#if defined(__clang__)
#define PANNIER_UNROLL _Pragma("clang loop unroll(full)")
#else
#define PANNIER_UNROLL _Pragma("GCC unroll 16")
#endif

#undef PANNIER_HIGHWAY_LANES
#define PANNIER_HIGHWAY_LANES (PANNIER_WITH_HIGHWAY && HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128)

#undef PANNIER_INLINE
#if PANNIER_HIGHWAY_LANES

#define PANNIER_INLINE HWY_INLINE HWY_MAYBE_UNUSED
namespace hn = hwy::HWY_NAMESPACE;
using Lanes = hn::CappedTag<Number, 64 / sizeof(Number)>;
using Vector = hn::Vec<Lanes>;
constexpr std::size_t lanes = hn::MaxLanes(Lanes());

PANNIER_INLINE Vector load(const Number* p) { return hn::LoadU(Lanes(), p); }
PANNIER_INLINE void store(Number* p, Vector x) { hn::StoreU(x, Lanes(), p); }
PANNIER_INLINE Vector splat(Number x) { return hn::Set(Lanes(), x); }
PANNIER_INLINE Vector plus(Vector a, Vector b) { return hn::Add(a, b); }
PANNIER_INLINE Vector times(Vector a, Vector b) { return hn::Mul(a, b); }
PANNIER_INLINE Vector over(Vector a, Vector b) { return hn::Div(a, b); }
PANNIER_INLINE Vector root_of(Vector x) { return hn::Sqrt(x); }
PANNIER_INLINE Vector plus_product(Vector a, Vector b, Vector c) {
  if constexpr (fused) return hn::MulAdd(a, b, c);
  else return hn::Add(c, hn::Mul(a, b));
}
PANNIER_INLINE Vector minus_product(Vector a, Vector b, Vector c) {
  if constexpr (fused) return hn::NegMulAdd(a, b, c);
  else return hn::Sub(c, hn::Mul(a, b));
}
/// Floats as Numbers.
template <class To = Number>
PANNIER_INLINE hn::Vec<hn::CappedTag<To, 64 / sizeof(To)>> load_row(const float* p) {
  const hn::CappedTag<To, 64 / sizeof(To)> to;
  if constexpr (sizeof(To) == sizeof(float)) return hn::LoadU(to, p);
  else return hn::PromoteTo(to, hn::LoadU(hn::Rebind<float, decltype(to)>(), p));
}

#else

#define PANNIER_INLINE [[maybe_unused]] inline
using Vector = Number __attribute__((vector_size(16)));
constexpr std::size_t lanes = 16 / sizeof(Number);

PANNIER_INLINE Vector load(const Number* p) {
  Vector x{};
  std::memcpy(&x, p, sizeof x);
  return x;
}
PANNIER_INLINE void store(Number* p, Vector x) { std::memcpy(p, &x, sizeof x); }
PANNIER_INLINE Vector splat(Number x) { return x - Vector{}; }
PANNIER_INLINE Vector plus(Vector a, Vector b) { return a + b; }
PANNIER_INLINE Vector times(Vector a, Vector b) { return a * b; }
PANNIER_INLINE Vector over(Vector a, Vector b) { return a / b; }
PANNIER_INLINE Vector root_of(Vector x) {
  for (std::size_t i = 0; i < lanes; ++i) x[i] = std::sqrt(x[i]);
  return x;
}
PANNIER_INLINE Vector plus_product(Vector a, Vector b, Vector c) { return c + a * b; }
PANNIER_INLINE Vector minus_product(Vector a, Vector b, Vector c) { return c - a * b; }
PANNIER_INLINE Vector load_row(const float* p) {
  Vector x{};
  for (std::size_t i = 0; i < lanes; ++i) x[i] = static_cast<Number>(p[i]);
  return x;
}

#endif

PANNIER_INLINE Number root_of(Number x) { return std::sqrt(x); }
PANNIER_INLINE void prefetch_row(const float* p, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 16) __builtin_prefetch(p + i);
}
