/// A text file with a header line: its columns by name, and its lines as fields that agree with them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/field_text.hpp"
#include "data/line_faults.hpp"
#include "data/record_reader.hpp"

namespace pannier::data {

class TableFile {
 public:
  /// Opens the file and reads its header.
  /// Errors: those of open_bytes(); malformed_input FILE:LINE (empty, a column twice, a name that is not UTF-8).
  explicit TableFile(const std::filesystem::path& file) : TableFile(RecordReader(open_bytes(file), file)) {}
  explicit TableFile(RecordReader reader);

  [[nodiscard]] const std::vector<std::string>& columns() const noexcept { return columns_; }
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view column) const noexcept;

  /// Refuses the lack of a column: malformed_input, naming the columns found. `purpose` says what for ("the event's time"),
  /// `remedy` what would do ("a column named time, or --map time=COLUMN").
  [[noreturn]] void refuse_missing(std::string_view column, const std::string& purpose, const std::string& remedy) const;

  /// Hands on every line whose number of fields is right, drops the others. `block_end` is called before the texts given so far die.
  /// Errors: those of RecordReader; of LineFaults::drop(); malformed_input where the file has no line of data.
  void read(LineFaults& faults, const std::function<void()>& block_end,
            const std::function<void(std::span<const std::string_view> fields)>& line);

  [[nodiscard]] const RecordReader& reader() const noexcept { return reader_; }
  /// "FILE:LINE" or, with the name of a column, "FILE:LINE:COLUMN", of the current line.
  [[nodiscard]] std::string where(std::string_view column = {}) const;
  /// The flaw of a text of the current line. Free where the line is short plain ASCII.
  [[nodiscard]] TextFlaw flaw(std::string_view text, std::size_t limit) const noexcept {
    return reader_.suspect() || reader_.length() > limit ? text_flaw(text, limit) : TextFlaw::none;
  }

 private:
  RecordReader reader_;
  std::vector<std::string> columns_;
};

/// The cause that a flaw of a text is.
[[nodiscard]] Cause cause_of(TextFlaw flaw) noexcept;

}  // namespace pannier::data
