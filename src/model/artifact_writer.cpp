#include <array>
#include <set>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "model/artifact_file.hpp"
#include "model/artifact_layout.hpp"
#include "pannier/core/bytes.hpp"
#include "pannier/model/artifact.hpp"

namespace pannier::model {

struct ArtifactWriter::State {
  struct Entry {
    std::string name;
    std::uint64_t offset, size, checksum;
  };

  explicit State(std::filesystem::path path) : where(path.string()), file(std::move(path)) {
    file.write(std::as_bytes(std::span(&header, 1)));  // its place; the true one is written last
  }

  void add(std::string_view name, std::span<const std::byte> bytes) {
    static constexpr std::array<std::byte, layout::alignment> zeros{};
    const auto padding = std::span(zeros).first(static_cast<std::size_t>(layout::aligned(bytes.size()) - bytes.size()));
    const auto offset = file.size();
    XXH3_state_t sum;
    XXH3_64bits_reset(&sum);
    XXH3_64bits_update(&sum, bytes.data(), bytes.size());
    XXH3_64bits_update(&sum, padding.data(), padding.size());
    file.write(bytes);
    file.write(padding);
    table.push_back({std::string(name), offset, bytes.size(), XXH3_64bits_digest(&sum)});
  }

  std::string where;
  layout::Header header;
  OutputFile file;
  std::vector<Entry> table;
  std::set<std::string, std::less<>> names;
  bool finished = false;
};

ArtifactWriter::ArtifactWriter(std::filesystem::path path) : state_(std::make_unique<State>(std::move(path))) {}
ArtifactWriter::~ArtifactWriter() = default;

void ArtifactWriter::section(std::string_view name, std::span<const std::byte> bytes) {
  if (state_->finished) throw Error(ErrorCode::invalid_argument, state_->where, "is finished already: no section can be added");
  if (!layout::is_section_name(name) || name == layout::manifest_section)
    throw Error(ErrorCode::invalid_argument, state_->where, "a section may not be named '" + std::string(name) + "'",
                "lower-case letters, digits, '_' and '/', not 'manifest'");
  if (!state_->names.emplace(name).second)
    throw Error(ErrorCode::invalid_argument, state_->where, "has two sections '" + std::string(name) + "'", "names that differ");
  state_->add(name, bytes);
}

void ArtifactWriter::finish(std::string_view manifest_json) {
  auto& state = *state_;
  if (state.finished) throw Error(ErrorCode::invalid_argument, state.where, "is finished already");
  state.finished = true;
  state.add(layout::manifest_section, std::as_bytes(std::span(manifest_json)));

  ByteWriter table;
  table.put(static_cast<std::uint32_t>(state.table.size()));
  for (const auto& entry : state.table) {
    table.put_text(entry.name);
    table.put(entry.offset);
    table.put(entry.size);
    table.put(entry.checksum);
  }
  auto& header = state.header;
  header.table_offset = state.file.size();
  header.table_size = table.bytes().size();
  header.table_checksum = hash64(table.bytes());
  header.file_size = header.table_offset + header.table_size;
  header.checksum = hash64(std::as_bytes(std::span(&header, 1)).first(layout::header_summed_bytes));
  state.file.write(table.bytes());
  state.file.write_at(0, std::as_bytes(std::span(&header, 1)));
  state.file.publish();
}

}  // namespace pannier::model
