#include <zlib.h>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>
#include <vector>

#include "data/byte_source.hpp"
#include "pannier/core/error.hpp"

namespace pannier::data {
namespace {

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(RawFile file) : file_(std::move(file)), input_(std::size_t{1} << 16) {
    constexpr int gzip_only = 15 + 16;
    if (inflateInit2(&stream_, gzip_only) != Z_OK) throw std::bad_alloc();
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  std::size_t read(std::span<char> out) override {
    std::size_t given = 0;
    while (given < out.size()) {
      if (!damage_.empty()) {
        if (given > 0) return given;  // First what could be read, then the error.
        throw Error(ErrorCode::malformed_input, file_.name(), damage_, std::string(allowed_gzip));
      }
      if (finished_) return given;
      given += inflate_some(out.subspan(given));
    }
    return given;
  }
  std::uint64_t position() const noexcept override { return file_.position(); }
  std::uint64_t size() const noexcept override { return file_.size(); }

 private:
  std::size_t inflate_some(std::span<char> out) {
    if (stream_.avail_in == 0) refill();
    if (between_members_) {
      if (stream_.avail_in == 0) {
        finished_ = true;
        return 0;
      }
      between_members_ = false;
      if (inflateReset(&stream_) != Z_OK) throw Error(ErrorCode::internal, file_.name(), "zlib lost its state");
      first_member_ = false;
    }
    const auto wanted = static_cast<uInt>(std::min<std::size_t>(out.size(), std::numeric_limits<uInt>::max()));
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = wanted;
    const bool starved = stream_.avail_in == 0;
    const bool at_magic = stream_.total_in == 0;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      between_members_ = true;
    } else if (status == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (starved && (status == Z_OK || status == Z_BUF_ERROR) && stream_.avail_out == wanted) {
      damage_ = "the gzip data end too early";
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      damage_ = at_magic && !first_member_ ? "bytes that are no gzip follow the end of the gzip data"
                                           : std::string("the gzip data are damaged (") +
                                                 (stream_.msg != nullptr ? stream_.msg : "no reason given") + ")";
    }
    return wanted - stream_.avail_out;
  }

  void refill() {
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(file_.read(input_));
  }

  RawFile file_;
  std::vector<char> input_;
  z_stream stream_{};
  std::string damage_;
  bool first_member_ = true, between_members_ = false, finished_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> open_gzip(RawFile file) { return std::make_unique<GzipSource>(std::move(file)); }

}  // namespace pannier::data
