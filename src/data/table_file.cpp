#include "data/table_file.hpp"

#include <algorithm>
#include <utility>

#include "pannier/data/event.hpp"

namespace pannier::data {

TableFile::TableFile(RecordReader reader) : reader_(std::move(reader)) {
  auto step = reader_.next();
  for (; step == RecordReader::Step::block_end; step = reader_.next()) reader_.load();
  const auto refuse = [&](const std::string& problem, const std::string& allowed) {
    throw Error(ErrorCode::malformed_input, where(), problem, allowed);
  };
  if (step == RecordReader::Step::end)
    throw Error(ErrorCode::malformed_input, reader_.where(1), "the file is empty", "a header line with the names of the columns");
  if (!reader_.bad_quote().empty())
    refuse("text follows the closing quote in " + shown(reader_.bad_quote()), reader_.has_semicolons() ? "a semicolon or the end of the line after a closing quote" : "a comma or the end of the line after a closing quote");
  for (const auto field : reader_.fields()) {
    if (const auto flaw = text_flaw(field, longest_text); flaw != TextFlaw::none)
      refuse("the column name " + flaw_in_words(flaw, field), flaw_allowed(flaw, longest_text));
    // Columns without a name may be many: an empty name can never be asked for.
    if (const auto twin = field.empty() ? std::nullopt : find(field))
      refuse("the column " + shown(field) + " stands twice in the header, as column " + std::to_string(*twin + 1) + " and column " +
                 std::to_string(columns_.size() + 1),
             "each name once");
    columns_.emplace_back(field);
  }
}

std::optional<std::uint32_t> TableFile::find(std::string_view column) const noexcept {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  if (found == columns_.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - columns_.begin());
}

void TableFile::refuse_missing(std::string_view column, const std::string& purpose, const std::string& remedy) const {
  std::vector<std::string> names;
  for (const auto& name : columns_) names.push_back(shown(name));
  std::vector<std::string_view> found(columns_.begin(), columns_.end()), in_quotes(names.begin(), names.end());
  std::string allowed = remedy;
  if (columns_.size() == 1) {
    const bool csv = reader_.dialect() == Dialect::csv;
    for (const char separator : {',', ';', '\t', '|'})  // CSV with semicolons is read.
      if (columns_[0].find(separator) != std::string::npos) {
        allowed += std::string("; the header has no ") + (csv ? "commas" : "tabs") + " but " + shown({&separator, 1}) +
                   ": CSV needs commas or semicolons, TSV (a name that ends in .tsv) tabs";
        break;
      }
  }
  throw Error(ErrorCode::malformed_input, reader_.where(reader_.line()),
              "there is no column " + shown(column) + " for " + purpose + proposal(column, found) + "; the columns are " + listed(in_quotes), allowed);
}

void TableFile::read(LineFaults& faults, const std::function<void()>& block_end,
                     const std::function<void(std::span<const std::string_view> fields)>& line) {
  for (;;) {
    switch (reader_.next()) {
      case RecordReader::Step::block_end:
        block_end();
        reader_.load();
        break;
      case RecordReader::Step::end:
        block_end();
        if (faults.lines() == 0)
          throw Error(ErrorCode::malformed_input, where(), "the file ends after its header", "at least one line of data");
        return;
      case RecordReader::Step::record: {
        const auto fields = reader_.fields();
        faults.count_line();
        if (!reader_.bad_quote().empty()) {
          faults.drop(Cause::bad_quote, [&] {
            return Error(ErrorCode::malformed_input, where(), "text follows the closing quote in " + shown(reader_.bad_quote()),
                         std::string(reader_.has_semicolons() ? "a semicolon" : "a comma") + " or the end of the line after a closing quote; inside quotes a \" is written twice");
          });
        } else if (fields.size() != columns_.size()) {
          const bool few = fields.size() < columns_.size();
          faults.drop(few ? Cause::too_few_fields : Cause::too_many_fields, [&] {
            return Error(ErrorCode::malformed_input, where(),
                         "the line has " + std::to_string(fields.size()) + (fields.size() == 1 ? " field, " : " fields, ") +
                             (few ? "the last is " + shown(fields.back())
                                  : "the first too many is " + shown(fields[columns_.size()])),
                         "as many as the header, " + std::to_string(columns_.size()));
          });
        } else {
          line(fields);
        }
      }
    }
  }
}

std::string TableFile::where(std::string_view column) const {
  auto out = reader_.where(reader_.line());
  if (!column.empty()) out.append(":").append(column);
  return out;
}

Cause cause_of(TextFlaw flaw) noexcept {
  return flaw == TextFlaw::too_long ? Cause::text_too_long : flaw == TextFlaw::nul_byte ? Cause::nul_byte : Cause::invalid_utf8;
}

}  // namespace pannier::data
