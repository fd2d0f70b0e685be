#include "data/byte_source.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>
#include <utility>

#include "pannier/core/error.hpp"

namespace pannier::data {
namespace {

class PlainSource final : public ByteSource {
 public:
  explicit PlainSource(RawFile file) : file_(std::move(file)) {}
  std::size_t read(std::span<char> out) override { return file_.read(out); }
  std::uint64_t position() const noexcept override { return file_.position(); }
  std::uint64_t size() const noexcept override { return file_.size(); }

 private:
  RawFile file_;
};

/// What the file is, where its first bytes say that it is no text.
std::string_view foreign_format(std::string_view head) {
  using namespace std::string_view_literals;
  constexpr std::pair<std::string_view, std::string_view> formats[] = {
      {"PK\x03\x04"sv, "a zip archive"sv},    {"\x28\xB5\x2F\xFD"sv, "compressed with zstd"sv},
      {"\xFD" "7zXZ\0"sv, "compressed with xz"sv}, {"BZh91AY&"sv, "compressed with bzip2"sv},
      {"PAR1"sv, "a Parquet file"sv},         {"SQLite f"sv, "an SQLite database"sv},
      {"\xFF\xFE"sv, "UTF-16 text"sv},        {"\xFE\xFF"sv, "UTF-16 text"sv}};
  for (const auto& [magic, name] : formats)
    if (head.starts_with(magic)) return name;
  return {};
}

}  // namespace

std::string shown_name(const std::filesystem::path& file) { return file == "-" ? "standard input" : file.string(); }

RawFile::RawFile(const std::filesystem::path& file) : name_(shown_name(file)) {
  if (file == "-") {
    stream_.reset(stdin);
  } else {
    std::error_code ignored;
    if (std::filesystem::is_directory(file, ignored))
      throw Error(ErrorCode::io_failure, name_, "is a folder", "a file");
    stream_.reset(std::fopen(file.c_str(), "rb"));
    if (!stream_) {
      const int reason = errno;
      const bool absent = reason == ENOENT || reason == ENOTDIR;
      throw Error(absent ? ErrorCode::not_found : ErrorCode::io_failure, name_,
                  absent ? "there is no such file"
                         : "cannot be opened: " + std::generic_category().message(reason));
    }
    std::setvbuf(stream_.get(), nullptr, _IONBF, 0);
    const auto size = std::filesystem::file_size(file, ignored);
    size_ = ignored ? 0 : size;
  }
  head_size_ = read_stream(head_);
}

std::size_t RawFile::read(std::span<char> out) {
  const auto from_head = std::min(out.size(), head_size_ - head_used_);
  std::copy_n(head_ + head_used_, from_head, out.data());
  head_used_ += from_head;
  const auto count = from_head + (from_head < out.size() ? read_stream(out.subspan(from_head)) : 0);
  position_ += count;
  return count;
}

std::size_t RawFile::read_stream(std::span<char> out) {
  errno = 0;
  const auto count = std::fread(out.data(), 1, out.size(), stream_.get());
  if (count < out.size() && std::ferror(stream_.get()))
    throw Error(ErrorCode::io_failure, name_, "cannot be read: " + std::generic_category().message(errno));
  return count;
}

void require_sound(const std::filesystem::path& file) {
  std::error_code ignored;
  if (file == "-" || !std::filesystem::is_regular_file(file, ignored) || !RawFile(file).head().starts_with("\x1F\x8B")) return;
  const auto source = open_bytes(file);
  std::vector<char> block(std::size_t{1} << 18);
  while (source->read(block) > 0) {}
}

std::unique_ptr<ByteSource> open_bytes(const std::filesystem::path& file) {
  RawFile raw(file);
  if (raw.head().starts_with("\x1F\x8B")) {
#if PANNIER_WITH_ZLIB
    return open_gzip(std::move(raw));
#else
    throw Error(ErrorCode::unsupported, raw.name(), "is compressed with gzip, which this build cannot read",
                "a plain file, or a build with PANNIER_WITH_ZLIB=ON");
#endif
  }
  if (const auto format = foreign_format(raw.head()); !format.empty())
    throw Error(ErrorCode::unsupported, raw.name(), "is " + std::string(format), "UTF-8 text, plain or compressed with gzip");
  return std::make_unique<PlainSource>(std::move(raw));
}

}  // namespace pannier::data
