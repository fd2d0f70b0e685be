/// Files as artifacts and stores need them: mapped read-only, or written beside and renamed into place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace pannier::model {

/// A regular file mapped read-only as a whole; its descriptor is closed again at once.
/// The file must not be truncated while it is mapped: who replaces one renames another over it.
class MappedFile {
 public:
  /// Errors: not_found, io_failure (no regular file, not readable).
  [[nodiscard]] static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  MappedFile() = default;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// A file that appears under its name as a whole or not at all: written to "<path>.tmp-<pid>[-<n>]", synced, renamed.
/// The destructor removes what was not published. Errors: io_failure naming the file.
class OutputFile {
 public:
  explicit OutputFile(std::filesystem::path path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  void write(std::span<const std::byte> bytes);
  /// Overwrites bytes written before.
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Syncs the file, renames it onto its path, syncs the folder.
  void publish();

 private:
  [[noreturn]] void fail(std::string_view what) const;
  std::filesystem::path path_, temporary_;
  int file_ = -1;
  std::uint64_t size_ = 0;
};

/// Makes a file's bytes durable. Errors: io_failure.
void sync_file(const std::filesystem::path& file);

/// Makes renames and unlinks in a folder durable. Errors: io_failure.
void sync_folder(const std::filesystem::path& folder);

/// True for names that OutputFile gives to what it writes for any file name.
[[nodiscard]] bool is_temporary_name(std::string_view file_name) noexcept;

}  // namespace pannier::model
