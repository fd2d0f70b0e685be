#include "data/replaced_files.hpp"

#include <system_error>

#include "pannier/core/error.hpp"

namespace pannier::data {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& problem) {
  throw Error(ErrorCode::io_failure, path.string(), problem, "a place that can be written");
}

}  // namespace

ReplacedFiles::ReplacedFiles(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error || !std::filesystem::is_directory(folder_)) fail(folder_, "cannot be made a folder" + (error ? ": " + error.message() : std::string()));
}

ReplacedFiles::~ReplacedFiles() {
  stream_.close();
  std::error_code ignored;
  for (const auto& file : files_) std::filesystem::remove(file.temporary, ignored);
}

std::string& ReplacedFiles::begin(std::string_view name) {
  end_file();
  files_.push_back({folder_ / (std::string(name) + ".part"), folder_ / name});
  stream_.open(files_.back().temporary, std::ios::binary | std::ios::trunc);
  if (!stream_) fail(files_.back().temporary, "cannot be written");
  return text_;
}

void ReplacedFiles::flush() {
  stream_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
  if (!stream_) fail(files_.back().temporary, "cannot be written");
  text_.clear();
}

void ReplacedFiles::end_file() {
  if (!stream_.is_open()) return;
  flush();
  stream_.close();
  if (stream_.fail()) fail(files_.back().temporary, "cannot be written");
}

void ReplacedFiles::finish() {
  end_file();
  for (const auto& file : files_)
    if (std::filesystem::is_directory(file.path)) fail(file.path, "is a folder");
  for (const auto& file : files_) {
    std::error_code error;
    std::filesystem::rename(file.temporary, file.path, error);
    if (error) fail(file.path, "cannot be replaced: " + error.message());
  }
  files_.clear();
}

}  // namespace pannier::data
