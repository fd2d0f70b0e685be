/// The arrays of an .npz file: a zip of .npy members, read as if an enemy had written it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace pannier::data {

/// One array; its bytes lie in the file or in `inflated`.
struct NpyArray {
  char kind = 0;                    ///< 'f' number, 'U' UTF-32 text, 'S' bytes.
  std::size_t item_bytes = 0;       ///< Of one element; for 'U' four a character.
  bool fortran = false;             ///< The first index runs fastest.
  std::vector<std::size_t> shape;   ///< The product of it times item_bytes is bytes.size().
  std::span<const std::byte> bytes;
  std::vector<std::byte> inflated;
};

/// The arrays by name, without ".npy". `file` stays as it is while they live; `where` begins every message.
/// Errors: malformed_input, unsupported.
[[nodiscard]] std::map<std::string, NpyArray> read_npz(std::span<const std::byte> file, const std::string& where);

/// Undoes deflate (without a header) into exactly `out`. False where the bytes are damaged or of another length. Only in builds with zlib.
[[nodiscard]] bool inflate_raw(std::span<const std::byte> bytes, std::span<std::byte> out);

}  // namespace pannier::data
