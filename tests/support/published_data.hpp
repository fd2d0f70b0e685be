#pragma once

/// The public data sets of the slow tests, as they lie in the folder that PANNIER_DATA names. A test without its set says so and is skipped.

#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>

#include "data/byte_source.hpp"
#include "support/catch.hpp"

namespace pannier::support {

inline std::filesystem::path data_folder() {
  const char* const given = std::getenv("PANNIER_DATA");
  return given != nullptr ? std::filesystem::path(given) : std::filesystem::path(PANNIER_TEST_DATA) / "../../../shared/data";
}

/// Whether the set, whose files are compressed, can be read.
inline bool present(const char* set) {
#if !PANNIER_WITH_ZLIB
  WARN("skipped: " << set << " is compressed with gzip, which this build cannot read");
  return false;
#endif
  if (std::filesystem::exists(data_folder() / set)) return true;
  WARN("skipped: no " << set << " in " << data_folder() << " (set PANNIER_DATA)");
  return false;
}

/// The whole file, gzip undone.
inline std::string text_of(const std::filesystem::path& file) {
  const auto source = data::open_bytes(file);
  std::string text(1 << 20, '\0');
  std::size_t size = 0;
  while (const auto got = source->read(std::span(text).subspan(size))) {
    size += got;
    if (size == text.size()) text.resize(2 * size);
  }
  text.resize(size);
  return text;
}

}  // namespace pannier::support
