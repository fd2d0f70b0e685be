/// One file of named, checked sections: the container of generations and of saved models, mapped read-only.
///
/// Layout (little-endian): a 64-byte header (magic "PNRGEN\r\n", format version, header checksum, file size, place, length and
/// checksum of the table), then sections each beginning at a multiple of 64, zero-padded to it, then the section table (name, offset, size, XXH3-64).
/// The section "manifest" is JSON. docs/generation-format.md is the specification.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/ids.hpp"
#include "pannier/core/error.hpp"

namespace pannier::model {

/// The order in which a file keeps the items: file item i is fitted item old_index[i]. A permutation.
struct ItemOrder {
  std::span<const ItemIndex> old_index;
  std::span<const ItemIndex> new_index;  ///< The inverse.
};

/// Where a model puts its arrays.
class SectionWriter {
 public:
  virtual ~SectionWriter() = default;
  /// Names are lower_snake and unique inside one model; the bytes are copied or written before the call returns.
  virtual void section(std::string_view name, std::span<const std::byte> bytes) = 0;
  template <class T>
  void array(std::string_view name, std::span<const T> values) { section(name, std::as_bytes(values)); }
};

/// Where a model finds its arrays again. Spans live as long as `keeper()` is held.
class SectionReader {
 public:
  virtual ~SectionReader() = default;
  /// Errors: malformed_input naming the missing section.
  [[nodiscard]] virtual std::span<const std::byte> section(std::string_view name) const = 0;
  /// Holds the mapping or the caller's promise alive.
  [[nodiscard]] virtual std::shared_ptr<const void> keeper() const = 0;
  /// The settings written beside the model, a JSON object.
  [[nodiscard]] virtual std::string_view config_json() const = 0;
  /// A section as exactly `count` values of T. Errors: malformed_input naming section, size and the size expected.
  template <class T>
  [[nodiscard]] std::span<const T> array(std::string_view name, std::size_t count) const {
    const auto bytes = section(name);
    require_size(name, bytes.size(), count, sizeof(T));
    return {reinterpret_cast<const T*>(bytes.data()), count};
  }

 private:
  static void require_size(std::string_view name, std::size_t bytes, std::size_t count, std::size_t element);
};

/// How much of a file is checked when it is opened.
enum class Check {
  structure,  ///< Header, table, manifest and sizes: milliseconds whatever the size. Reads later are range-checked by the models.
  full,       ///< Every byte: all section checksums, paddings, the file's length.
};

/// Writes one file: sections are streamed to "<path>.tmp-<pid>", then the header, fsync, and a rename onto `path`.
/// A crash or an exception before finish() leaves no file at `path`. The destructor removes an unfinished temporary file.
/// Errors: io_failure naming the file.
class ArtifactWriter {
 public:
  explicit ArtifactWriter(std::filesystem::path path);
  ~ArtifactWriter();
  ArtifactWriter(const ArtifactWriter&) = delete;
  ArtifactWriter& operator=(const ArtifactWriter&) = delete;
  void section(std::string_view name, std::span<const std::byte> bytes);
  template <class T>
  void array(std::string_view name, std::span<const T> values) { section(name, std::as_bytes(values)); }
  /// Writes the manifest section and publishes the file.
  void finish(std::string_view manifest_json);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// An opened file. Immutable: share freely.
class Artifact {
 public:
  /// Maps the file. Errors: not_found, io_failure, malformed_input (what and at which offset), unsupported (a newer format version).
  [[nodiscard]] static std::shared_ptr<const Artifact> open(const std::filesystem::path& path, Check check);
  /// Reads from memory that the caller keeps, 64-byte aligned or not (unaligned bytes are copied once).
  [[nodiscard]] static std::shared_ptr<const Artifact> open(std::span<const std::byte> bytes, Check check, std::string_view where = "bytes");
  virtual ~Artifact() = default;
  [[nodiscard]] virtual std::string_view manifest_json() const noexcept = 0;
  [[nodiscard]] virtual bool has(std::string_view name) const noexcept = 0;
  /// Errors: malformed_input naming the missing section.
  [[nodiscard]] virtual std::span<const std::byte> section(std::string_view name) const = 0;
  [[nodiscard]] virtual std::vector<std::string> names() const = 0;
  [[nodiscard]] virtual std::uint64_t size_bytes() const noexcept = 0;
};

}  // namespace pannier::model
