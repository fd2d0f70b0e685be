#include "data/subject_file.hpp"

#include <algorithm>
#include <cstdint>
#include <unordered_set>
#include <utility>

#include "data/byte_source.hpp"
#include "data/item_folding.hpp"
#include "data/json_line.hpp"
#include "data/record_reader.hpp"
#include "data/table_file.hpp"
#include "data/text_arena.hpp"
#include "pannier/core/error.hpp"

namespace pannier::data {
namespace {

using Take = std::function<void(const std::vector<std::string>& columns, std::span<const std::string_view> fields, const Place& place)>;

/// Refuses what has the columns of an event. `has(column)`.
template <class Has>
void refuse_events(const SubjectFile& expected, const Has& has, const std::string& where) {
  if (!has("time") || !has("kind")) return;
  for (const auto column : expected.event_columns)
    if (has(column))
      throw Error(ErrorCode::malformed_input, where, "is an event file: it has the columns time, kind and " + std::string(column), std::string(expected.expected));
}

/// Lines `id word word ...` without a header, parted by blanks.
bool has_words(const SubjectFile& expected, const TableFile& table) {
  if (expected.words.empty() || table.columns().size() != 1) return false;
  const std::string_view line = table.columns()[0];
  return line.find(' ') != line.npos && line.substr(0, line.find(' ')) != expected.id && line.find_first_of(";|") == line.npos;
}

void read_words(const SubjectFile& expected, LineFaults& faults, const Take& take, TableFile& table) {
  const std::vector<std::string> columns{std::string(expected.id), std::string(expected.words)};
  std::uint64_t first_line = table.reader().line();
  const Place place = [&](const std::string& field) { return table.reader().where(first_line != 0 ? first_line : table.reader().line()) + (field.empty() ? "" : ":" + field); };
  const auto hand_on = [&](std::string_view line) {
    line = trimmed(line);
    const auto end = std::min(line.find(' '), line.size());
    const std::string_view fields[] = {line.substr(0, end), trimmed(line.substr(end))};
    take(columns, fields, place);
  };
  faults.count_line();
  hand_on(table.columns()[0]);
  first_line = 0;
  table.read(faults, [] {}, [&](std::span<const std::string_view> fields) { hand_on(fields[0]); });
}

void read_table(const SubjectFile& expected, LineFaults& faults, const Take& take, RecordReader reader) {
  TableFile table(std::move(reader));
  if (has_words(expected, table)) return read_words(expected, faults, take, table);
  if (!table.find(expected.id)) table.refuse_missing(expected.id, std::string(expected.purpose), "a column named " + std::string(expected.id));
  refuse_events(expected, [&](std::string_view column) { return table.find(column).has_value(); }, table.reader().name() + ":1");
  const Place place = [&](const std::string& field) { return table.where(field); };
  std::vector<std::uint32_t> numbers;
  for (const auto column : expected.numbers)
    if (const auto at = table.find(column); at && table.reader().has_semicolons()) numbers.push_back(*at);
  TextArena arena;
  std::vector<std::string_view> changed;
  table.read(faults, [] {}, [&](std::span<const std::string_view> fields) {
    if (numbers.empty()) return take(table.columns(), fields, place);
    arena.clear();
    changed.assign(fields.begin(), fields.end());
    for (const auto at : numbers) changed[at] = with_decimal_point(fields[at], [&](std::size_t size) { return arena.room(size); });
    take(table.columns(), changed, place);
  });
}

/// An object a line: its texts and numbers are the columns; a list of texts is joined by "/", as a category's path.
void read_json(const SubjectFile& expected, LineFaults& faults, const Take& hand_on, RecordReader reader) {
  JsonLine line;
  TextArena arena;
  std::vector<std::string> columns;
  std::vector<std::string_view> fields;
  std::unordered_set<std::string_view> keys;
  const Place place = [&](const std::string& field) { return reader.where(reader.line()) + (field.empty() ? "" : ":" + field); };
  const auto refuse = [&](Cause cause, const std::string& field, const std::string& problem, const std::string& allowed) {
    faults.drop(cause, [&] { return Error(ErrorCode::malformed_input, place(field), problem, allowed); });
  };
  const auto text_of = [&](const JsonValue& value) {
    if (value.type == JsonValue::Type::null) return std::string_view();
    return value.type == JsonValue::Type::number ? shortest_number(value.text, arena) : value.text;
  };
  const auto take = [&] {
    const auto& values = line.values();
    columns.clear();
    fields.clear();
    keys.clear();
    for (std::uint32_t at = 1; at < values[0].end; at = values[at].end) {
      const auto& value = values[at];
      const std::string key(value.key);
      if (!keys.insert(value.key).second) return refuse(Cause::bad_json, key, "the key stands twice", "each key once");
      std::string joined;
      for (auto inner = at + 1; inner < value.end; inner = values[inner].end) {
        const auto type = values[inner].type;
        if (value.type != JsonValue::Type::array || (type != JsonValue::Type::text && type != JsonValue::Type::number))
          return refuse(Cause::bad_type, key, "holds more than texts and numbers", "a text, a number, true, false, or a list of texts");
        (joined += joined.empty() ? "" : "/") += text_of(values[inner]);
      }
      columns.push_back(key);
      fields.push_back(value.end > at + 1 ? arena.keep(joined) : text_of(value));
    }
    refuse_events(expected, [&](std::string_view column) { return std::find(columns.begin(), columns.end(), column) != columns.end(); }, place(""));
    hand_on(columns, fields, place);
  };
  for (auto step = reader.next(); step != RecordReader::Step::end; step = reader.next()) {
    if (step == RecordReader::Step::block_end) {
      reader.load();
      continue;
    }
    const auto text = reader.fields()[0];
    if (trimmed(text).empty()) continue;
    faults.count_line();
    arena.clear();
    if (const auto fault = line.parse(text, arena)) refuse(Cause::bad_json, "", "at byte " + std::to_string(fault->at + 1) + ": " + fault->problem, fault->allowed);
    else take();
  }
  if (faults.lines() == 0)
    throw Error(ErrorCode::malformed_input, reader.where(1), "the file is empty", "a JSON object a line, " + std::string(expected.example));
}

}  // namespace

void read_subjects(const std::filesystem::path& file, const SubjectFile& expected, LineFaults& faults, const Take& take) {
  read_whole(file, [&] {
    RecordReader reader(open_bytes(file), file);
    if (reader.dialect() == Dialect::json) read_json(expected, faults, take, std::move(reader));
    else read_table(expected, faults, take, std::move(reader));
  });
}

}  // namespace pannier::data
