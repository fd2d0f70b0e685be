// The solver of ials_row.hpp, included once for each SIMD target and build, inside a namespace of its own that has named
// `Number` (float or double) and `fused` (whether a*b+c may round once).
//
// Everything runs on the strips and the register tile of core/tile_kernel.inl, included before it. Only the float build sums
// across lanes (dots).

static_assert(strip == IalsLayout<Number>::strip);
constexpr std::size_t chunk = IalsLayout<Number>::chunk;

/// Factor U'U of the upper triangle of `matrix`, in place, left-looking by blocks of `strip` rows. In place of the diagonal
/// blocks their inverses, transposed (lower triangles), go to `inverses`.
/// False in the fused build where a pivot is far below the 1 that it is in exact arithmetic. The other leaves out a row whose
/// pivot is lost in the rounding of its diagonal: it depends on the rows before it, and its unknown becomes 0.
PANNIER_INLINE bool factorise(std::size_t size, std::size_t padded, Number* matrix, std::size_t row, Number* inverses) {
  for (std::size_t at = 0; at < size; at += strip) {
    const std::size_t rows = size - at < strip ? size - at : strip;
    Number* const block_row = matrix + at * row;
    Number noise[strip];
    for (std::size_t r = 0; r < rows; ++r) noise[r] = block_row[r * row + at + r] * Number(0x1p-46);
    for (std::size_t j = at; at != 0 && j < padded; j += strip)
      tile<Into::subtract, true>(rows, at, matrix + at, row, 1, matrix + j, row, block_row + j, row);

    alignas(64) Number block[strip][2 * strip];  // The diagonal block and, beside it, what becomes its inverse.
    for (std::size_t r = 0; r < strip; ++r) {
      for (std::size_t v = 0; v < strip; v += lanes) {
        store(&block[r][v], load(block_row + (r < rows ? r : 0) * row + at + v));
        store(&block[r][strip + v], splat(0));
      }
      block[r][strip + r] = 1;
    }
    for (std::size_t k = 0; k < rows; ++k) {
      const Number pivot = block[k][k];
      if (fused && !(pivot >= Number(0.5))) return false;
      const bool lost = !fused && !(pivot > noise[k]);
      const Vector inverse = splat(Number(1) / root_of(pivot));
      Vector line[2 * vectors_a_strip];
      PANNIER_UNROLL for (std::size_t v = 0; v < 2 * vectors_a_strip; ++v) {
        line[v] = lost ? splat(0) : times(inverse, load(&block[k][v * lanes]));
        store(&block[k][v * lanes], line[v]);
      }
      for (std::size_t i = k + 1; i < rows; ++i) {
        const Vector x = splat(block[k][i]);
        PANNIER_UNROLL for (std::size_t v = 0; v < 2 * vectors_a_strip; ++v)
          store(&block[i][v * lanes], minus_product(x, line[v], load(&block[i][v * lanes])));
      }
    }
    Number* const inverse = inverses + at * strip;
    for (std::size_t r = 0; r < strip; ++r)
      for (std::size_t v = 0; v < strip; v += lanes) store(inverse + r * strip + v, load(&block[r][strip + v]));

    for (std::size_t j = at + strip; j < padded; j += strip) {
      alignas(64) Number solved[strip * strip];
      tile<Into::set, false>(strip, strip, inverse, 1, strip, block_row + j, row, solved, strip);
      for (std::size_t r = 0; r < strip; ++r)
        for (std::size_t v = 0; v < strip; v += lanes) store(block_row + r * row + j + v, load(solved + r * strip + v));
    }
  }
  return true;
}

/// Sum of the `strip` numbers of `x`, as a tree.
PANNIER_INLINE Number tree_sum(const Number* x) {
  Number s[strip];
  for (std::size_t i = 0; i < strip; ++i) s[i] = x[i];
  for (std::size_t half = strip / 2; half != 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) s[i] += s[i + half];
  return s[0];
}

/// Solves U'U x = right in place, with the factor of factorise(); `right` is zero from size to padded, and so is the answer.
/// Returns |U'^-1 right|².
PANNIER_INLINE double solve_factored(std::size_t size, std::size_t padded, const Number* matrix, std::size_t row,
                                 const Number* inverses, Number* right) {
  double squares = 0;
  for (std::size_t at = 0; at < size; at += strip) {
    const Number* const inverse = inverses + at * strip;
    alignas(64) Number solved[strip];
    for (std::size_t r = 0; r < strip; ++r) {
      Number sum = 0;
      for (std::size_t p = 0; p <= r; ++p) sum += inverse[r * strip + p] * right[at + p];
      solved[r] = sum;
    }
    for (std::size_t r = 0; r < strip; ++r) {
      right[at + r] = solved[r];
      squares += static_cast<double>(solved[r]) * static_cast<double>(solved[r]);
    }
    for (std::size_t j = at + strip; j < padded; j += strip)
      tile<Into::subtract, true>(1, strip, right + at, 1, 1, matrix + at * row + j, row, right + j, strip);
  }
  for (std::size_t at = (size - 1) / strip * strip;; at -= strip) {
    const std::size_t rows = size - at < strip ? size - at : strip;
    if (at + strip < padded) {
      for (std::size_t r = 0; r < rows; ++r) {
        Vector sum[vectors_a_strip];
        PANNIER_UNROLL for (std::size_t v = 0; v < vectors_a_strip; ++v) sum[v] = splat(0);
        const Number* const line = matrix + (at + r) * row;
        for (std::size_t j = at + strip; j < padded; j += strip)
          PANNIER_UNROLL for (std::size_t v = 0; v < vectors_a_strip; ++v)
            sum[v] = plus_product(load(line + j + v * lanes), load(right + j + v * lanes), sum[v]);
        alignas(64) Number lane_sums[strip];
        PANNIER_UNROLL for (std::size_t v = 0; v < vectors_a_strip; ++v) store(lane_sums + v * lanes, sum[v]);
        right[at + r] -= tree_sum(lane_sums);
      }
    }
    alignas(64) Number solved[strip];
    fixed_tile<1, Into::set>(rows, right + at, 1, 1, inverses + at * strip, strip, solved, strip);
    for (std::size_t r = 0; r < strip; ++r) right[at + r] = r < rows ? solved[r] : 0;
    if (at == 0) return squares;
  }
}

/// E^-1/2 into scale (zero in the padding) and sqrt(w) into root (zero in the padding).
PANNIER_INLINE void prepare(const IalsRow<Number>& input, const IalsLayout<Number>& layout, Number* scratch) {
  Number* const scale = scratch + layout.scale;
  const Vector ridge = splat(static_cast<Number>(input.ridge)), one = splat(1);
  std::size_t k = 0;
  for (; k + lanes <= input.factors; k += lanes) store(scale + k, over(one, root_of(plus(load(input.shared + k), ridge))));
  for (; k < input.factors; ++k) scale[k] = 1 / root_of(input.shared[k] + static_cast<Number>(input.ridge));
  for (; k < layout.width; ++k) scale[k] = 0;
  Number* const root = scratch + layout.root;
  const std::size_t events = input.events.size();
  std::size_t n = 0;
  for (; n + lanes <= events; n += lanes) store(root + n, root_of(load_row(input.weights.data() + n)));
  for (; n < events; ++n) root[n] = root_of(static_cast<Number>(input.weights[n]));
  for (std::size_t i = events; i < round_up(events, strip); ++i) root[i] = 0;
}

/// Where, in the dual form of the unfused build, factor k of event i lies: packed[k * dual_row + i].
PANNIER_INLINE std::size_t dual_row(const IalsLayout<Number>& layout) { return layout.padded; }

/// E^-1/2 h; zero in the padding.
PANNIER_INLINE void scale_linear(const IalsRow<Number>& input, const IalsLayout<Number>& layout, const Number* scratch, Number* out) {
  for (std::size_t k = 0; k < layout.width; k += lanes) store(out + k, times(load(scratch + layout.scale + k), load(input.linear + k)));
}

/// How many events ahead their vectors are fetched: what fits twice into the first cache, half of it being used.
PANNIER_INLINE std::size_t prefetched_rows(std::size_t width) {
  const std::size_t rows = 2048 / width;
  return rows < 2 ? 2 : rows > 16 ? 16 : rows;
}

/// The events' scaled vectors b, as rows of `width`; four rows of zeros follow.
PANNIER_INLINE void pack_rows(const IalsRow<Number>& input, const IalsLayout<Number>& layout, Number* scratch) {
  const Number* const scale = scratch + layout.scale;
  const Number* const root = scratch + layout.root;
  Number* packed = scratch + layout.packed;
  const std::size_t events = input.events.size(), width = layout.width, ahead = prefetched_rows(width);
  for (std::size_t i = 0; i < events; ++i, packed += width) {
    if (i + ahead < events) prefetch_row(input.vectors + input.events[i + ahead] * input.stride, width);
    const float* const from = input.vectors + input.events[i] * input.stride;
    const Vector x = splat(root[i]);
    for (std::size_t k = 0; k < width; k += lanes) store(packed + k, times(times(x, load_row(from + k)), load(scale + k)));
  }
  for (std::size_t k = 0; k < 4 * width; k += lanes) store(packed + k, splat(0));
}

/// The same, transposed: factors x events.
PANNIER_INLINE void pack_columns(const IalsRow<Number>& input, const IalsLayout<Number>& layout, Number* scratch) {
  const Number* const scale = scratch + layout.scale;
  const Number* const root = scratch + layout.root;
  const std::size_t events = input.events.size(), line = dual_row(layout);
  for (std::size_t i = 0; i < layout.padded; ++i) {
    Number* const to = scratch + layout.packed + i;
    if (i < events) {
      const float* const from = input.vectors + input.events[i] * input.stride;
      const Number x = root[i];
      for (std::size_t k = 0; k < input.factors; ++k) to[k * line] = x * static_cast<Number>(from[k]) * scale[k];
    } else {
      for (std::size_t k = 0; k < input.factors; ++k) to[k * line] = 0;
    }
  }
}

/// B B' of packed columns into the upper triangle.
PANNIER_INLINE void gram_of_columns(const IalsLayout<Number>& layout, std::size_t factors, Number* scratch) {
  const Number* const packed = scratch + layout.packed;
  const std::size_t line = dual_row(layout);
  for (std::size_t i = 0; i < layout.size; i += strip) {
    const std::size_t rows = layout.size - i < strip ? layout.size - i : strip;
    for (std::size_t j = i; j < layout.padded; j += strip)
      tile<Into::set, true>(rows, factors, packed + i, line, 1, packed + j, line, scratch + layout.matrix + i * layout.row + j,
                            layout.row);
  }
}

/// B'B of all events, the last ones subtracted, into the upper triangle and B' sqrt(w) of the others into `right`, by chunks packed in strips.
PANNIER_INLINE void gram_of_rows(const IalsRow<Number>& input, const IalsLayout<Number>& layout, Number* scratch) {
  const Number* const scale = scratch + layout.scale;
  const Number* const root = scratch + layout.root;
  Number* const packed = scratch + layout.packed;
  Number* const matrix = scratch + layout.matrix;
  Number* const right = scratch + layout.right;
  const std::size_t events = input.events.size(), added = events - input.subtracted, ahead = prefetched_rows(layout.width);
  for (std::size_t r = 0; r < layout.size; ++r)
    for (std::size_t j = r / strip * strip; j < layout.padded; j += lanes) store(matrix + r * layout.row + j, splat(0));
  for (std::size_t j = 0; j < layout.padded; j += lanes) store(right + j, splat(0));
  for (std::size_t begin = 0, depth = 0; begin < events; begin += depth) {
    const bool adds = begin < added;
    const std::size_t rest = (adds ? added : events) - begin;
    depth = rest < chunk ? rest : chunk;
    for (std::size_t i = 0; i < depth; ++i) {
      if (begin + i + ahead < events) prefetch_row(input.vectors + input.events[begin + i + ahead] * input.stride, layout.width);
      const float* const from = input.vectors + input.events[begin + i] * input.stride;
      const Vector x = splat(root[begin + i]);
      for (std::size_t j = 0; j < layout.padded; j += strip) {
        Number* const to = packed + j * chunk + i * strip;
        PANNIER_UNROLL for (std::size_t v = 0; v < strip; v += lanes)
          store(to + v, times(times(x, load_row(from + j + v)), load(scale + j + v)));
      }
    }
    for (std::size_t j = 0; j < layout.padded; j += strip) {
      for (std::size_t i = 0; i <= j; i += strip) {
        const std::size_t rows = layout.size - i < strip ? layout.size - i : strip;
        const Number* const a = packed + i * chunk;
        const Number* const b = packed + j * chunk;
        Number* const to = matrix + i * layout.row + j;
        if (adds) {
          tile<Into::add, true>(rows, depth, a, strip, 1, b, strip, to, layout.row);
        } else if constexpr (!fused) {
          tile<Into::subtract, true>(rows, depth, a, strip, 1, b, strip, to, layout.row);
        }
      }
      if (adds) tile<Into::add, true>(1, depth, root + begin, 1, 1, packed + j * chunk, strip, right + j, strip);
    }
  }
}

/// Adds the identity; false where the largest number is beyond what the build's arithmetic can tell from it.
PANNIER_INLINE bool add_identity(const IalsLayout<Number>& layout, Number* matrix) {
  bool good = true;
  for (std::size_t i = 0; i < layout.size; ++i) {
    Number& diagonal = matrix[i * layout.row + i];
    // In float, rounding then moves the matrix by less than 1/256 of the identity, which stands for the ridge.
    if constexpr (fused) good &= diagonal < Number(65536);
    diagonal += 1;
  }
  return good;
}
