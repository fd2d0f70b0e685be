#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>

#include "data/npz.hpp"

namespace pannier::data {

bool inflate_raw(std::span<const std::byte> bytes, std::span<std::byte> out) {
  z_stream stream{};
  constexpr int no_header = -15;
  if (inflateInit2(&stream, no_header) != Z_OK) throw std::bad_alloc();
  constexpr std::size_t most = std::numeric_limits<uInt>::max();
  std::size_t taken = 0, given = 0;
  int status = Z_OK;
  std::byte beyond{};  // One byte past the end tells data that are too long.
  while (status == Z_OK) {
    const auto in = std::min(most, bytes.size() - taken), room = std::min(most, out.size() - given);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data() + taken));  // NOLINT(cppcoreguidelines-pro-type-const-cast): zlib only reads.
    stream.avail_in = static_cast<uInt>(in);
    stream.next_out = reinterpret_cast<Bytef*>(room == 0 ? &beyond : out.data() + given);
    stream.avail_out = static_cast<uInt>(room == 0 ? 1 : room);
    status = inflate(&stream, Z_NO_FLUSH);
    taken += in - stream.avail_in;
    if (room == 0) {
      if (stream.avail_out == 0) status = Z_DATA_ERROR;
    } else {
      given += room - stream.avail_out;
    }
  }
  inflateEnd(&stream);
  if (status == Z_MEM_ERROR) throw std::bad_alloc();
  return status == Z_STREAM_END && taken == bytes.size() && given == out.size();
}

}  // namespace pannier::data
