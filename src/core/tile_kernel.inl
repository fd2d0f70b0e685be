// The one dense register tile. Included after tile_lanes.inl, once for each SIMD target and build, inside a namespace that has
// named `Number` (float or double) and `fused` (whether a*b+c may round once).
//
// Everything runs on strips: `strip` columns, one cache line. A tile adds, over a depth, the products of some broadcast
// numbers with one strip or two; its partial sums run along the depth, one number at a time, so their order does not depend on
// how many lanes a vector has.

constexpr std::size_t strip = 64 / sizeof(Number);
constexpr std::size_t vectors_a_strip = strip / lanes;
constexpr std::size_t tile_rows = vectors_a_strip >= 4 ? 2 : vectors_a_strip == 1 ? 8 : strip == 16 ? 6 : 4;

enum class Into { set, add, subtract };

/// c[r][0..strip * wide) (op)= sum over depth of a[depth][r] * b[depth][0..strip), r < rows; the strip beside is `b_strip` further.
template <std::size_t rows, Into into, std::size_t wide = 1>
PANNIER_INLINE void fixed_tile(std::size_t depth, const Number* a, std::size_t a_depth, std::size_t a_row, const Number* b,
                               std::size_t b_depth, Number* c, std::size_t c_row, std::size_t b_strip = 0) {
  constexpr std::size_t vectors = vectors_a_strip * wide;
  Vector sum[rows][vectors];
  PANNIER_UNROLL for (std::size_t r = 0; r < rows; ++r)
    PANNIER_UNROLL for (std::size_t v = 0; v < vectors; ++v)
      sum[r][v] = into == Into::set ? splat(0) : load(c + r * c_row + v * lanes);
  for (std::size_t p = 0; p < depth; ++p) {
    Vector line[vectors];
    PANNIER_UNROLL for (std::size_t v = 0; v < vectors; ++v)
      line[v] = load(b + v / vectors_a_strip * b_strip + v % vectors_a_strip * lanes);
    PANNIER_UNROLL for (std::size_t r = 0; r < rows; ++r) {
      const Vector x = splat(a[r * a_row]);
      PANNIER_UNROLL for (std::size_t v = 0; v < vectors; ++v)
        sum[r][v] = into == Into::subtract ? minus_product(x, line[v], sum[r][v]) : plus_product(x, line[v], sum[r][v]);
    }
    a += a_depth;
    b += b_depth;
  }
  PANNIER_UNROLL for (std::size_t r = 0; r < rows; ++r)
    PANNIER_UNROLL for (std::size_t v = 0; v < vectors; ++v)
      store(c + r * c_row + v * lanes, sum[r][v]);
}

/// The same for any number of rows. The distance between the numbers of one depth is 1 where `unit`.
template <Into into, bool unit, std::size_t wide = 1>
PANNIER_INLINE void tile(std::size_t rows, std::size_t depth, const Number* a, std::size_t a_depth, std::size_t a_row_given,
                         const Number* b, std::size_t b_depth, Number* c, std::size_t c_row, std::size_t b_strip = 0) {
  const std::size_t a_row = unit ? 1 : a_row_given;
  for (; rows >= tile_rows; rows -= tile_rows, a += tile_rows * a_row, c += tile_rows * c_row)
    fixed_tile<tile_rows, into, wide>(depth, a, a_depth, a_row, b, b_depth, c, c_row, b_strip);
  if constexpr (tile_rows > 4) {
    if (rows >= 4) {
      fixed_tile<4, into, wide>(depth, a, a_depth, a_row, b, b_depth, c, c_row, b_strip);
      rows -= 4, a += 4 * a_row, c += 4 * c_row;
    }
  }
  if constexpr (tile_rows > 2) {
    if (rows >= 2) {
      fixed_tile<2, into, wide>(depth, a, a_depth, a_row, b, b_depth, c, c_row, b_strip);
      rows -= 2, a += 2 * a_row, c += 2 * c_row;
    }
  }
  if (rows >= 1) fixed_tile<1, into, wide>(depth, a, a_depth, a_row, b, b_depth, c, c_row, b_strip);
}
