/// Records of CSV and TSV text and the lines of JSON lines, in blocks: fields are views into one buffer that is refilled between blocks, so that a line costs
/// no allocation. Structural characters are found 64 bytes at a time; quotes are resolved on the way.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/byte_source.hpp"

namespace pannier::data {

/// json: a line is one field, whatever is in it.
enum class Dialect { csv, tsv, json };

/// Positions of separators, line ends and (CSV) quotes in order. The text must be readable for 64 bytes past its end, zeros there.
class StructuralScanner {
 public:
  void set_characters(char separator, char quote) noexcept {
    separator_ = separator;
    quote_ = quote;
  }
  /// From `at` on; the text may have changed.
  void seek(const char* text, std::size_t size, std::size_t at) noexcept;
  /// The next position, or the size when there is none.
  [[nodiscard]] std::size_t next() noexcept {
    while (mask_ == 0) {
      block_ += 64;
      if (block_ >= size_) return size_;
      load();
    }
    const auto bit = static_cast<std::size_t>(std::countr_zero(mask_));
    mask_ &= mask_ - 1;
    return block_ + bit;
  }
  /// True when a byte that is NUL or not ASCII may lie between `begin` and what was scanned so far; false is certain.
  [[nodiscard]] bool suspect_since(std::size_t begin) const noexcept { return suspect_end_ > begin; }

 private:
  void load() noexcept;
  const char* text_ = nullptr;
  std::size_t size_ = 0, block_ = 0, suspect_end_ = 0;
  std::uint64_t mask_ = 0;
  char separator_ = ',', quote_ = '"';
};

/// Reads records one by one. Empty lines are passed over. Threads: One thread.
class RecordReader {
 public:
  enum class Step {
    record,     ///< fields() and line() describe the next record.
    block_end,  ///< Call load(): it ends the life of all views given so far.
    end,
  };

  /// Reads the first block, skips a byte order mark and settles the dialect: by the file's name (.csv, .tsv, .jsonl, .ndjson, .json, before
  /// .gz), else by the first byte that is no blank ({ is JSON), else by the first line.
  /// Errors: those of the source; malformed_input FILE:LINE.
  RecordReader(std::unique_ptr<ByteSource> source, const std::filesystem::path& file,
               std::size_t first_capacity = std::size_t{1} << 18);

  /// Errors: malformed_input FILE:LINE (a quote never closed, at the line where it opened; a record over longest_line).
  [[nodiscard]] Step next();
  /// Errors: those of the source, with FILE:LINE.
  void load();

  [[nodiscard]] std::span<const std::string_view> fields() const noexcept { return fields_; }
  /// The number of the record's first line, from 1.
  [[nodiscard]] std::uint64_t line() const noexcept { return line_; }
  /// Bytes of the record.
  [[nodiscard]] std::size_t length() const noexcept { return record_end_ - record_begin_; }
  /// Not empty where text follows a closing quote: the raw text from that quote's opening on; line() is then the quote's line and
  /// the fields are not to be used. Reading goes on at the line after.
  [[nodiscard]] std::string_view bad_quote() const noexcept { return bad_quote_; }
  /// False: the record is ASCII without NUL. True: it may be something else.
  [[nodiscard]] bool suspect() const noexcept { return suspect_; }
  [[nodiscard]] Dialect dialect() const noexcept { return dialect_; }
  /// Whether a CSV file's fields are parted by semicolons, as where a comma is the decimal sign: its first line has some, and no comma, outside of quotes.
  [[nodiscard]] bool has_semicolons() const noexcept { return separator_ == ';'; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const ByteSource& source() const noexcept { return *source_; }
  /// The bytes of the record as they lie in the buffer: equal for equal records.
  [[nodiscard]] std::string_view bytes() const noexcept { return {text_.data() + record_begin_, length()}; }
  /// "FILE:LINE".
  [[nodiscard]] std::string where(std::uint64_t line) const { return name_ + ":" + std::to_string(line); }

 private:
  struct Quoted;
  void fill(std::size_t at);
  [[nodiscard]] bool is_line_end(std::size_t at) const noexcept { return text_[at] == '\n' || text_[at] == '\r'; }
  [[nodiscard]] std::size_t after_line_end(std::size_t at) const noexcept;
  [[nodiscard]] bool pass_empty_lines() noexcept;
  [[nodiscard]] bool read_quoted(std::size_t opening, Quoted& quoted);
  [[nodiscard]] Step end_at_bad_quote(std::size_t opening, const Quoted& quoted);
  [[nodiscard]] Step end_record(std::size_t end, std::uint64_t line_ends);
  [[nodiscard]] Step incomplete(std::uint64_t quote_line = 0, std::size_t opening = 0);
  [[noreturn]] void refuse_long_line() const;
  void undouble(std::string_view& field) noexcept;

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  Dialect dialect_ = Dialect::csv;
  char separator_ = ',';
  std::vector<char> text_;                      ///< Capacity plus 64 zeros.
  std::size_t size_ = 0;                        ///< Bytes of text in the buffer.
  std::size_t at_ = 0;                          ///< Where the next record begins.
  bool ended_ = false;                          ///< The source is exhausted.
  StructuralScanner scanner_;
  std::uint64_t line_ = 0, next_line_ = 1;
  std::size_t record_begin_ = 0, record_end_ = 0;
  bool suspect_ = false;
  std::vector<std::string_view> fields_;
  std::vector<std::size_t> doubled_;            ///< Fields with doubled quotes.
  std::string_view bad_quote_;
};

}  // namespace pannier::data
