#include <algorithm>
#include <utility>

#include "data/field_text.hpp"
#include "data/record_reader.hpp"
#include "pannier/core/error.hpp"
#include "pannier/data/event.hpp"
#include "pannier/data/import_map.hpp"

namespace pannier::data {

namespace {

std::vector<std::string> read_list(const std::filesystem::path& file) {
  RecordReader reader(open_bytes(file), file);
  std::vector<std::string> out;
  std::size_t column = 0, columns = 0;
  bool first = true, table = false;
  const auto refuse = [&](const std::string& problem, const std::string& allowed) {
    throw Error(ErrorCode::malformed_input, reader.where(reader.line()), problem, allowed);
  };
  for (;;) {
    const auto step = reader.next();
    if (step == RecordReader::Step::end) break;
    if (step == RecordReader::Step::block_end) {
      reader.load();
      continue;
    }
    if (!reader.bad_quote().empty())
      refuse("text follows the closing quote in " + shown(reader.bad_quote()), "a comma or the end of the line after a closing quote");
    const auto fields = reader.fields();
    if (std::exchange(first, false)) {
      const auto found = std::find(fields.begin(), fields.end(), "item");
      table = found != fields.end();
      columns = fields.size();
      column = table ? static_cast<std::size_t>(found - fields.begin()) : 0;
      if (table) continue;
      if (columns != 1) refuse("the header has no column 'item' and the line is no single item", "an item a line, or a header with a column item");
    }
    if (fields.size() != columns)
      refuse("the line has " + std::to_string(fields.size()) + " fields", table ? "as many as the header, " + std::to_string(columns) : "one item");
    const auto id = fields[column];
    if (const auto flaw = text_flaw(id, longest_text); flaw != TextFlaw::none) refuse(flaw_in_words(flaw, id), flaw_allowed(flaw, longest_text));
    if (!id.empty()) out.emplace_back(id);
  }
  return out;
}

}  // namespace

std::vector<std::string> read_item_list(const std::filesystem::path& file) {
  return read_whole(file, [&] { return read_list(file); });
}

}  // namespace pannier::data
