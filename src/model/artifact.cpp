#include "pannier/model/artifact.hpp"

#include <cstring>
#include <map>
#include <new>
#include <utility>

#include "model/artifact_layout.hpp"
#include "model/artifact_open.hpp"
#include "pannier/core/bytes.hpp"

namespace pannier::model {
namespace {

using Bytes = std::span<const std::byte>;

[[noreturn]] void refuse(std::string_view where, std::string problem, std::string allowed = {}) {
  throw Error(ErrorCode::malformed_input, std::string(where), std::move(problem), std::move(allowed));
}

/// Bytes copied to where sections are aligned.
class AlignedCopy {
 public:
  explicit AlignedCopy(Bytes bytes)
      : size_(bytes.size()), data_(static_cast<std::byte*>(::operator new(size_, std::align_val_t{layout::alignment}))) {
    std::memcpy(data_, bytes.data(), size_);
  }
  ~AlignedCopy() { ::operator delete(data_, std::align_val_t{layout::alignment}); }
  AlignedCopy(const AlignedCopy&) = delete;
  AlignedCopy& operator=(const AlignedCopy&) = delete;
  [[nodiscard]] Bytes bytes() const noexcept { return {data_, size_}; }

 private:
  std::size_t size_;
  std::byte* data_;
};

struct Section {
  std::uint64_t offset = 0, size = 0, checksum = 0;
};
using Table = std::map<std::string, Section, std::less<>>;

layout::Header read_header(Bytes bytes, std::string_view where) {
  layout::Header header;
  if (bytes.size() < sizeof header)
    refuse(where, "is " + std::to_string(bytes.size()) + " bytes long", "at least the 64 bytes of a header");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != layout::magic) refuse(where, "at byte 0: does not begin as a pannier file", "the magic PNRGEN");
  if (header.checksum != hash64(bytes.first(layout::header_summed_bytes)))
    refuse(where, "at byte 0: the header does not match its checksum");
  if (header.format_version != layout::format_version)
    throw Error(ErrorCode::unsupported, std::string(where),
                "has format version " + std::to_string(header.format_version),
                "version " + std::to_string(layout::format_version));
  if (header.header_bytes != sizeof header || header.reserved != 0)
    refuse(where, "at byte 12: the header claims what format version 1 does not have");
  if (header.file_size != bytes.size())
    refuse(where, "is " + std::to_string(bytes.size()) + " bytes long",
           std::to_string(header.file_size) + " bytes, as its header says");
  if (header.table_offset < sizeof header || header.table_offset % layout::alignment != 0 ||
      header.table_offset > bytes.size() || header.table_size != bytes.size() - header.table_offset)
    refuse(where, "at byte 24: the section table does not lie at the end of the file");
  return header;
}

/// The table's sections follow each other without a gap, so that every byte of the file belongs to a checksum.
Table read_table(Bytes bytes, const layout::Header& header, std::string_view where) {
  const auto place = std::string(where) + ": section table";
  const auto table_bytes = bytes.subspan(static_cast<std::size_t>(header.table_offset));
  if (hash64(table_bytes) != header.table_checksum) refuse(place, "does not match its checksum");
  ByteReader reader(table_bytes, place);
  Table table;
  std::uint64_t next = sizeof(layout::Header);
  const auto count = reader.get<std::uint32_t>();
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto name = reader.get_text();
    Section section;
    section.offset = reader.get<std::uint64_t>();
    section.size = reader.get<std::uint64_t>();
    section.checksum = reader.get<std::uint64_t>();
    if (!layout::is_section_name(name)) reader.fail("no name of a section");
    if (section.offset != next || section.size > header.table_offset - next)
      reader.fail("section '" + std::string(name) + "' does not lie where the one before it ends");
    next = layout::aligned(section.offset + section.size);
    if (next > header.table_offset) reader.fail("section '" + std::string(name) + "' runs into the table");
    if (!table.emplace(name, section).second) reader.fail("section '" + std::string(name) + "' stands twice");
  }
  if (reader.left() != 0) reader.fail("bytes follow the last section");
  if (next != header.table_offset) reader.fail("the sections do not reach the table");
  return table;
}

class OpenArtifact final : public Artifact {
 public:
  OpenArtifact(Bytes bytes, std::shared_ptr<const void> keeper, Check check, std::string_view where)
      : bytes_(bytes), keeper_(std::move(keeper)), where_(where) {
    table_ = read_table(bytes_, read_header(bytes_, where_), where_);
    const auto manifest = table_.find(layout::manifest_section);
    if (manifest == table_.end()) refuse(where_, "has no section 'manifest'");
    for (const auto& [name, section] : table_)
      if (check == Check::full || name == layout::manifest_section) require_checksum(name, section);
    const auto text = bytes_of(manifest->second);
    manifest_ = {reinterpret_cast<const char*>(text.data()), text.size()};
  }

  std::string_view manifest_json() const noexcept override { return manifest_; }
  bool has(std::string_view name) const noexcept override { return table_.find(name) != table_.end(); }
  Bytes section(std::string_view name) const override {
    const auto found = table_.find(name);
    if (found == table_.end()) refuse(where_, "has no section '" + std::string(name) + "'");
    return bytes_of(found->second);
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, section] : table_) names.push_back(name);
    return names;
  }
  std::uint64_t size_bytes() const noexcept override { return bytes_.size(); }

 private:
  Bytes bytes_of(const Section& section) const noexcept {
    return bytes_.subspan(static_cast<std::size_t>(section.offset), static_cast<std::size_t>(section.size));
  }
  void require_checksum(std::string_view name, const Section& section) const {
    const auto padded = bytes_.subspan(static_cast<std::size_t>(section.offset),
                                       static_cast<std::size_t>(layout::aligned(section.size)));
    if (hash64(padded) != section.checksum)
      refuse(where_, "section '" + std::string(name) + "' at byte " + std::to_string(section.offset) +
                         " does not match its checksum");
  }

  Bytes bytes_;
  std::shared_ptr<const void> keeper_;
  std::string where_;
  Table table_;
  std::string_view manifest_;
};

}  // namespace

std::shared_ptr<const Artifact> open_artifact(Bytes bytes, std::shared_ptr<const void> keeper, Check check,
                                              std::string_view where) {
  return std::make_shared<OpenArtifact>(bytes, std::move(keeper), check, where);
}

std::shared_ptr<const Artifact> Artifact::open(Bytes bytes, Check check, std::string_view where) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % layout::alignment == 0)
    return open_artifact(bytes, nullptr, check, where);
  auto copy = std::make_shared<const AlignedCopy>(bytes);
  const auto aligned = copy->bytes();
  return open_artifact(aligned, std::move(copy), check, where);
}

void SectionReader::require_size(std::string_view name, std::size_t bytes, std::size_t count, std::size_t element) {
  if (bytes % element != 0 || bytes / element != count)
    throw Error(ErrorCode::malformed_input, "section '" + std::string(name) + "'",
                "is " + std::to_string(bytes) + " bytes long",
                std::to_string(count) + " values of " + std::to_string(element) + " bytes");
}

}  // namespace pannier::model
