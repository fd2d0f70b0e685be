/// Several files that appear together, or not at all where writing fails.
#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pannier::data {

/// Threads: One thread.
class ReplacedFiles {
 public:
  /// Makes the folder. Errors: io_failure.
  explicit ReplacedFiles(std::filesystem::path folder);
  /// Removes what was not finished.
  ~ReplacedFiles();
  ReplacedFiles(const ReplacedFiles&) = delete;
  ReplacedFiles& operator=(const ReplacedFiles&) = delete;

  /// Begins the file `name`; what is appended to the text is written by flush(). Errors: io_failure.
  std::string& begin(std::string_view name);
  /// Writes the text of the file begun last once it is long enough.
  void flush_when_long() {
    if (text_.size() >= std::size_t{1} << 20) flush();
  }
  /// Gives every file its name. Errors: io_failure.
  void finish();

 private:
  void flush();
  void end_file();
  struct File {
    std::filesystem::path temporary, path;
  };
  std::filesystem::path folder_;
  std::vector<File> files_;
  std::ofstream stream_;
  std::string text_;
};

}  // namespace pannier::data
