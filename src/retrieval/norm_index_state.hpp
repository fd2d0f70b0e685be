/// What an index holds, and what building and searching share.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/retrieval/norm_index.hpp"
#include "retrieval/scan_kernels.hpp"

namespace pannier::retrieval {

inline constexpr double slightly_more = 1 + 0x1p-40;  // Covers the roundings of a few operations on doubles.

[[noreturn]] inline void refuse(std::string where, std::string what, std::string allowed) {
  throw Error(ErrorCode::invalid_argument, std::move(where), std::move(what), std::move(allowed));
}

/// Of a number that is not finite.
inline std::string number(float x) { return std::isnan(x) ? "nan" : x > 0 ? "inf" : "-inf"; }

/// At least the length of the vector; not finite where the vector is not.
inline double norm_above(std::span<const float> vector) noexcept {
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * static_cast<double>(x);
  return std::sqrt(squares) * (1 + static_cast<double>(vector.size() + 2) * 0x1p-52);
}

/// The codes of a vector under a scale, given by `put`, and at least the distance of the vector to scale * code.
template <class Put>
double encode(std::span<const float> vector, double scale, double inverse, double norm, const Put& put) {
  double squares = 0;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const auto x = static_cast<double>(vector[i]);
    const auto code = std::clamp(std::nearbyint(x * inverse), -127.0, 127.0);
    const double left = x - scale * code;
    squares += left * left;
    put(i, static_cast<int>(code));
  }
  return std::sqrt(squares) * slightly_more + norm * 0x1p-48;  // scale * code is rounded.
}

/// The scale that takes the largest number to 127, and its inverse; 0 and 0 where all are 0.
inline std::pair<double, double> scale_of(double largest) { return largest > 0 ? std::pair{largest / 127, 127 / largest} : std::pair{0.0, 0.0}; }

struct NormIndex::State {
  Matrix copy;                              ///< One long row: the vectors in order of their norms, without padding; empty where they are borrowed.
  MatrixView rows;                          ///< The copy, or the caller's.
  bool ordered = true;                      ///< Row p is the vector at position p; else row items[p] is.
  std::vector<std::uint32_t> items;         ///< Position to item and back; empty where they are equal.
  std::vector<std::uint32_t> positions;
  std::size_t query_size = 0;
  Matrix codes;                             ///< One long row of bytes, see scan_kernels.hpp.
  std::vector<kernels::BlockBound> bounds;  ///< One a block; none where a vector is not finite, and then no bound holds.
  double largest_norm = 0;

  [[nodiscard]] std::size_t groups() const noexcept { return (rows.cols + 3) / 4; }
  [[nodiscard]] std::uint32_t item(std::size_t position) const noexcept { return items.empty() ? static_cast<std::uint32_t>(position) : items[position]; }
  [[nodiscard]] std::size_t position(std::uint32_t item) const noexcept { return positions.empty() ? item : positions[item]; }
  [[nodiscard]] std::size_t row_index(std::size_t position) const noexcept { return ordered ? position : items[position]; }
  [[nodiscard]] std::span<const float> row(std::size_t position) const noexcept { return rows.row(row_index(position)); }
  [[nodiscard]] kernels::Codes code_view() const noexcept { return {reinterpret_cast<const std::uint8_t*>(codes.data()), bounds.data(), groups()}; }

  /// Fills items and positions from the norms of the caller's vectors; leaves them empty where those descend.
  void sort(const Execution& execution, std::span<const float> norms);
  void encode_blocks(const Execution& execution);
};

}  // namespace pannier::retrieval
