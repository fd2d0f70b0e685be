/// One row of alternating least squares: the person (or item) x that minimises
///
///     sum over events w (x.y - 1)²  +  x' E x  -  2 h.x,      E = diag(shared) + ridge I,
///
/// given the vectors y of the events' other side, in the basis where the shared Gram matrix is diagonal. The linear term h is
/// where rows are drawn to something other than zero (h = ridge p draws them to p), or events ask for more or less than w.
///
/// With b = sqrt(w) E^-1/2 y for each event, B the matrix of these rows and e = E^-1/2 h, the answer is E^-1/2 u, where
///     dual,   n x n:  (I + B B') v = sqrt(w) - B e,     u = B' v + e
///     primal, k x k:  (I + B' B) u = B' sqrt(w) + e
/// Both matrices have eigenvalues of at least 1, so every pivot of their Cholesky factors is at least 1 in exact arithmetic.
///
/// The last events of a row may be subtracted: their w counts as -w in the matrix and not at all on the right side. Only the primal form in
/// double has them; the matrix, then, is the caller's to keep positive.
///
/// Two builds of one source (ials_row.inl) solve it: `ials_fast` in float with fused operations, for training, and
/// `ials_fixed` in double, in an order of operations that does not depend on the width of the machine's vectors, for
/// folding in, and for the rows whose float arithmetic is not good enough.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pannier::cf {

/// A row and what it is solved against. Borrowed for the call.
template <class Number>
struct IalsRow {
  const float* vectors = nullptr;             ///< Of the other side, rows zero-padded to `stride`, a multiple of 16.
  std::size_t stride = 0, factors = 0;
  const Number* shared = nullptr;             ///< unobserved_weight times the Gram matrix's diagonal; `factors` numbers.
  double ridge = 0;
  std::span<const std::uint32_t> events;      ///< Rows of `vectors`.
  std::span<const float> weights;             ///< Positive, one an event.
  const Number* linear = nullptr;             ///< h, padded to a multiple of 16 by zeros; null: zero.
  std::size_t subtracted = 0;                 ///< How many of the last events are.
};

[[nodiscard]] constexpr std::size_t round_up(std::size_t n, std::size_t to) noexcept { return (n + to - 1) / to * to; }

/// Rows with at most that many events are solved in dual form. Measured: up to there the smaller matrix pays.
[[nodiscard]] constexpr bool solves_dual(std::size_t events, std::size_t factors) noexcept { return 10 * events <= 8 * factors; }

/// Numbers of scratch that a row of `events` needs. Grows with `events`, but never past a bound set by `factors`
/// (and one number an event).
template <class Number>
[[nodiscard]] constexpr std::size_t ials_scratch_size(std::size_t events, std::size_t factors, bool subtracts = false) noexcept;

/// How the packed events and the system lie in the scratch.
template <class Number>
struct IalsLayout {
  static constexpr std::size_t strip = 64 / sizeof(Number);  ///< Columns of one register tile: a cache line.
  static constexpr std::size_t chunk = 128;                  ///< Events packed at a time in primal form.
  bool dual;
  std::size_t width;        ///< Factors, padded to strips.
  std::size_t size;         ///< Rows of the system.
  std::size_t padded;       ///< The same, padded to strips.
  std::size_t row;          ///< From row to row of the system: an odd number of cache lines, which spreads them over the cache.
  std::size_t scale, root, packed, matrix, inverses, right, answer, total;  ///< Offsets of the parts.

  constexpr IalsLayout(std::size_t events, std::size_t factors, bool primal_only = false) noexcept
      : dual(!primal_only && solves_dual(events, factors)),
        width(round_up(factors, 16)),
        size(dual ? events : factors),
        padded(round_up(size, strip)),
        row((padded / strip | 1) * strip) {
    scale = 0;
    root = scale + width;
    packed = root + round_up(events, strip);
    // Dual, float: events x factors. Dual, double: factors x events. Primal: strips of a chunk of events.
    matrix = packed + (dual ? round_up(events + 4, 16) * width : width * chunk);
    inverses = matrix + padded * row;
    right = inverses + padded * strip;
    answer = right + padded;
    total = answer + width;
  }
};

template <class Number>
constexpr std::size_t ials_scratch_size(std::size_t events, std::size_t factors, bool subtracts) noexcept {
  return IalsLayout<Number>(events, factors, subtracts).total;
}

namespace ials_fast {

/// Solves a row into `out` (`factors` floats). `least` becomes the minimum of the row's terms (see the file's head).
/// False, with `out` undefined, where float is not good enough: solve the row with ials_fixed.
/// `scratch` starts at a 64-byte boundary and holds ials_scratch_size<float>() numbers. No row with subtracted events is good enough, here and below.
[[nodiscard]] bool solve(const IalsRow<float>& row, float* scratch, float* out, double& least) noexcept;

/// Improves x (`factors` floats, zero-padded to 16), in place, by `steps` steps of conjugate gradients from where it stands.
/// The preconditioner is diagonal, E + mass * spread: what the row's system is in the mean over rows of its mass. `spread` is the mean of
/// y² by factor over all events of this side; it and row.shared are padded to 16, row.shared by ones. `least` becomes the row's terms at
/// the answer. False, with x undefined, where the answer is not finite. `scratch` holds ials_cg_scratch_size() floats at a cache line.
[[nodiscard]] constexpr std::size_t ials_cg_scratch_size(std::size_t factors) noexcept { return 5 * round_up(factors, 16); }
[[nodiscard]] bool solve_cg(const IalsRow<float>& row, const float* spread, int steps, float* scratch, float* x, double& least) noexcept;

/// Improves x by one sweep over blocks of 16 coordinates, each solved exactly given the others. As solve_cg otherwise; the scratch holds
/// ials_subspace_scratch_size() floats.
[[nodiscard]] constexpr std::size_t ials_subspace_scratch_size(std::size_t events, std::size_t factors) noexcept {
  return 2 * round_up(events, 16) + 2 * round_up(factors, 16) + 16 * 128 + 2 * 16 * 16 + 3 * 16 + 128;
}
[[nodiscard]] bool solve_subspace(const IalsRow<float>& row, float* scratch, float* x, double& least) noexcept;

}  // namespace ials_fast

namespace ials_fixed {

/// As ials_fast::solve, always good; a result that would not be finite (damaged vectors) becomes zero and false is returned.
[[nodiscard]] bool solve(const IalsRow<double>& row, double* scratch, double* out, double& least) noexcept;

/// Leaves the row's system, factorised, in `scratch`, for any number of targets.
void factorise_row(const IalsRow<double>& row, double* scratch) noexcept;
/// z, `factors` numbers: the row's matrix inverted, times `target`. The inner product of the row's solution with `target` is (sum of w y + h).z.
void inverse_times(const IalsRow<double>& row, const float* target, double* scratch, double* z) noexcept;
/// What an event gives to that product: w y.z.
[[nodiscard]] inline double share(std::span<const float> y, float weight, const double* z) noexcept {
  double sum = 0;
  for (std::size_t k = 0; k < y.size(); ++k) sum += static_cast<double>(y[k]) * z[k];
  return static_cast<double>(weight) * sum;
}
/// share() of each event. Without h they add up to the product. The scratch has room for `factors` more numbers.
void shares(const IalsRow<double>& row, const float* target, double* scratch, double* share) noexcept;

}  // namespace ials_fixed

}  // namespace pannier::cf
