#include "model/artifact_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "model/artifact_open.hpp"
#include "pannier/core/error.hpp"

namespace pannier::model {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

/// Closes a descriptor at the end of a block.
struct Descriptor {
  int number = -1;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
};

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number < 0) {
    const int error = errno;
    throw Error(error == ENOENT || error == ENOTDIR ? ErrorCode::not_found : ErrorCode::io_failure, path.string(),
                "cannot be opened: " + reason(error), "a readable file");
  }
  struct stat status {};
  if (::fstat(file.number, &status) != 0)
    throw Error(ErrorCode::io_failure, path.string(), "its size cannot be read: " + reason(errno));
  if (!S_ISREG(status.st_mode)) throw Error(ErrorCode::io_failure, path.string(), "is no regular file", "a regular file");
  std::shared_ptr<MappedFile> mapped(new MappedFile);
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > 0) {  // an empty file cannot be mapped, and has no bytes to map
    void* const data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.number, 0);
    if (data == MAP_FAILED) throw Error(ErrorCode::io_failure, path.string(), "cannot be mapped: " + reason(errno));
    mapped->data_ = data;
    mapped->size_ = size;
  }
  return mapped;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

std::shared_ptr<const Artifact> Artifact::open(const std::filesystem::path& path, Check check) {
  auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  return open_artifact(bytes, std::move(file), check, path.string());
}

OutputFile::OutputFile(std::filesystem::path path) : path_(std::move(path)) {
  const auto base = path_.string() + ".tmp-" + std::to_string(::getpid());
  // A name may be taken by another thread, or left by a killed process that had our id.
  for (int attempt = 0; attempt < 1000 && file_ < 0; ++attempt) {
    temporary_ = attempt == 0 ? base : base + "-" + std::to_string(attempt);
    file_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file_ < 0 && errno != EEXIST) break;
  }
  if (file_ < 0) fail("cannot be created beside: " + reason(errno));
}

OutputFile::~OutputFile() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

void OutputFile::fail(std::string_view what) const {
  throw Error(ErrorCode::io_failure, path_.string(), std::string(what));
}

void OutputFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot be written: " + reason(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    size_ += static_cast<std::uint64_t>(written);
  }
}

void OutputFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto written = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot be written: " + reason(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

void OutputFile::publish() {
  if (::fsync(file_) != 0) fail("cannot be synced: " + reason(errno));
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) fail("cannot be renamed into place: " + reason(errno));
  ::close(std::exchange(file_, -1));
  sync_folder(folder_of(path_));
}

void sync_file(const std::filesystem::path& file) {
  const Descriptor opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (opened.number < 0 || ::fsync(opened.number) != 0)
    throw Error(ErrorCode::io_failure, file.string(), "cannot be synced: " + reason(errno));
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor opened{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  // Some file systems cannot sync a folder and say so with EINVAL: there, nothing more can be done.
  if (opened.number < 0 || (::fsync(opened.number) != 0 && errno != EINVAL))
    throw Error(ErrorCode::io_failure, folder.string(), "the folder cannot be synced: " + reason(errno));
}

bool is_temporary_name(std::string_view file_name) noexcept {
  const auto at = file_name.rfind(".tmp-");
  return at != std::string_view::npos && at > 0 && at + 5 < file_name.size() &&
         file_name.find_first_not_of("0123456789-", at + 5) == std::string_view::npos;
}

}  // namespace pannier::model
