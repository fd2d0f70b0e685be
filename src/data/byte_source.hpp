/// The bytes of an input file or of standard input, gzip undone: what every text reader of this layer stands on.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "pannier/core/error.hpp"

namespace pannier::data {

/// A stream of bytes. Threads: One thread.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills `out`; fewer bytes only before the end, which is 0 bytes, and before an error. Errors: io_failure; malformed_input
  /// (gzip data truncated, damaged or followed by other bytes), once what could be read has been given.
  [[nodiscard]] virtual std::size_t read(std::span<char> out) = 0;
  /// Bytes taken from the file so far (compressed ones, where it is compressed), and the file's size, 0 where unknown.
  [[nodiscard]] virtual std::uint64_t position() const noexcept = 0;
  [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;
};

/// Opens a file ("-": standard input); gzip is told by its magic bytes.
/// Errors: not_found, io_failure; unsupported (another archive, or gzip in a build without zlib).
[[nodiscard]] std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& file);

/// What an error of damaged gzip data says may be.
inline constexpr std::string_view allowed_gzip = "a whole gzip file";

/// Reads a gzip file to its end; a file that is none, or a pipe, is not read.
/// Errors: malformed_input (damaged gzip data). Cost: one more decompression, of a file that is refused anyway.
void require_sound(const std::filesystem::path& file);

/// Calls read(); what a damaged gzip file made of a line is told as that damage, since checksums stand at the end.
template <class Read>
auto read_whole(const std::filesystem::path& file, const Read& read) {
  try {
    return read();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::malformed_input && error.allowed() != allowed_gzip) require_sound(file);
    throw;
  }
}

/// How messages name the file: the path as given, or "standard input".
[[nodiscard]] std::string shown_name(const std::filesystem::path& file);

/// An open file as it lies on disk, whose first bytes can be looked at before they are read.
class RawFile {
 public:
  explicit RawFile(const std::filesystem::path& file);
  /// The first bytes, at most 8.
  [[nodiscard]] std::string_view head() const noexcept { return {head_, head_size_}; }
  [[nodiscard]] std::size_t read(std::span<char> out);
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  struct Close {
    void operator()(std::FILE* stream) const noexcept {
      if (stream != stdin) std::fclose(stream);
    }
  };
  std::size_t read_stream(std::span<char> out);

  std::string name_;
  std::unique_ptr<std::FILE, Close> stream_;
  char head_[8] = {};
  std::size_t head_size_ = 0, head_used_ = 0;
  std::uint64_t position_ = 0, size_ = 0;
};

/// The bytes inside a gzip file; members that follow each other are one stream. Only in builds with zlib.
[[nodiscard]] std::unique_ptr<ByteSource> open_gzip(RawFile file);

}  // namespace pannier::data
