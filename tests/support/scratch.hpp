#pragma once

/// Files for one test, in a folder that goes when the test ends.
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include <unistd.h>

namespace pannier::test {

class Scratch {
 public:
  Scratch() {
    static std::atomic<unsigned> number{0};
    folder_ = std::filesystem::temp_directory_path() /
              ("pannier-test-" + std::to_string(getpid()) + "-" + std::to_string(number++));
    std::filesystem::create_directories(folder_);
  }
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  /// Writes the bytes and returns the path.
  std::filesystem::path write(std::string_view name, std::string_view bytes) const {
    const auto path = folder_ / name;
    std::filesystem::remove(path);  // Some file systems flush what replaces a file's content.
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace pannier::test
