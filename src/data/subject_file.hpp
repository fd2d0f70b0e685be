/// A file that says something of one subject a line, an item or a person, under the names of its columns.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/line_faults.hpp"

namespace pannier::data {

/// What the file is expected to be.
struct SubjectFile {
  std::string_view id;                              ///< The needed column, "item".
  std::string_view purpose;                         ///< What it is for, "the item's id".
  std::string_view example;                         ///< A line of JSON.
  std::span<const std::string_view> event_columns;  ///< Beside time and kind, each of them makes it an event file, which is refused.
  std::string_view expected;                        ///< Instead of an event file.
  std::string_view words{};                         ///< The column that the words behind the id are, of files without a header whose lines are `id word word ...`; "": no such files.
  std::span<const std::string_view> numbers{};      ///< Columns of numbers, which have a decimal comma at will in tables parted by semicolons.
};

/// What is wrong with a subject: the field, and the error's two halves.
struct SubjectFault {
  Cause cause{};
  std::string field, problem, allowed;
};

/// FILE:LINE, or FILE:LINE:FIELD, of the line at hand.
using Place = std::function<std::string(const std::string& field)>;

/// Hands on the fields of every line that can be told apart, with the names of their columns; `take` counts or drops them in `faults`. In JSON lines the
/// columns are the keys of the object, null is an empty text and a list of texts is joined by "/". Texts live until `take` returns.
/// Errors: those of open_bytes(), TableFile and LineFaults::drop(); malformed_input (an event file; a table without the needed column; an empty file).
void read_subjects(const std::filesystem::path& file, const SubjectFile& expected, LineFaults& faults,
                   const std::function<void(const std::vector<std::string>& columns, std::span<const std::string_view> fields, const Place& place)>& take);

}  // namespace pannier::data
