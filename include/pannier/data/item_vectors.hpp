/// Item vectors that were trained elsewhere, and the .npz file that brings them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/matrix.hpp"

namespace pannier::data {

/// Numbers of a vector, at most.
inline constexpr std::size_t most_vector_dimensions = 4096;

/// A vector for each of some items, named as the shop names them.
struct ItemVectors {
  std::vector<std::string> ids;
  Matrix vectors;            ///< A row an id.
  std::vector<float> bias;   ///< One an id, or empty: none.
};

/// Refuses what no model may be made of: other numbers of rows than of ids, no item, no or more than most_vector_dimensions columns, a number that is not finite,
/// an id that is empty, twice or no text of an item. `where` names the argument or file.  Errors: invalid_argument, naming the item.
void require_valid_item_vectors(const ItemVectors& vectors, std::string_view where);

/// Reads what `numpy.savez(file, ids=ids, vectors=V, bias=b)` wrote, or savez_compressed in a build with zlib: `ids` (items) of text, '<U' or '|S';
/// `vectors` (items, d) of '<f4', or of '<f8' or '<f2', which become float32; `bias` (items) alike, or absent. Either order of the arrays' elements.
///
/// `fold_item_case`: ids become capitals without blanks at their ends, as ImportOptions::fold_item_case has them.
/// Cost:   the file and its arrays in memory. No size that the file claims is trusted before it was checked against the bytes that are there.
/// Errors: not_found, io_failure; malformed_input (no .npz, damaged, cut short: every byte of an array is under a checksum; an array missing, unknown, of another
///         type, as objects, or of another shape; and what require_valid_item_vectors() refuses); unsupported (encrypted, or deflated in a build without zlib).
/// Source: PKWARE's APPNOTE 6.3 (zip, zip64), NumPy's NEP 1 (.npy).
[[nodiscard]] ItemVectors read_item_vectors(const std::filesystem::path& file, bool fold_item_case = false);

/// The row of each item, or value(no_item) where the vectors have none of it.  Cost: one hash an id and an item.
[[nodiscard]] std::vector<std::uint32_t> rows_of(const ItemVectors& vectors, std::span<const std::string_view> items);

}  // namespace pannier::data
