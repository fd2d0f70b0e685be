#include "data/record_reader.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "data/field_text.hpp"
#include "pannier/core/error.hpp"
#include "pannier/data/event_file.hpp"

namespace pannier::data {
namespace {

constexpr std::size_t padding = 64;

/// The dialect that the file's name says, or else its first line.
Dialect dialect_of(const std::filesystem::path& file, std::string_view text) {
  auto path = file.filename().string();
  std::transform(path.begin(), path.end(), path.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (path.ends_with(".gz")) path.resize(path.size() - 3);
  if (path.ends_with(".tsv")) return Dialect::tsv;
  if (path.ends_with(".csv")) return Dialect::csv;
  if (path.ends_with(".jsonl") || path.ends_with(".ndjson") || path.ends_with(".json")) return Dialect::json;
  if (const auto first = text.find_first_not_of(" \t\r\n"); first != text.npos && text[first] == '{') return Dialect::json;
  const auto header = text.substr(0, text.find_first_of("\r\n"));
  const bool tabs = header.find('\t') != header.npos, commas = header.find(',') != header.npos;
  return tabs && !commas ? Dialect::tsv : Dialect::csv;
}

/// What parts the fields of CSV whose first line this is.
char csv_separator(std::string_view text) {
  bool quoted = false, semicolons = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == ',') return ',';
    if (c == '\n' || c == '\r') break;
    semicolons |= c == ';';
  }
  return semicolons ? ';' : ',';
}

}  // namespace

void StructuralScanner::seek(const char* text, std::size_t size, std::size_t at) noexcept {
  text_ = text;
  size_ = size;
  suspect_end_ = 0;
  block_ = at & ~std::size_t{63};
  mask_ = 0;
  if (block_ >= size_) return;
  load();
  mask_ &= ~std::uint64_t{0} << (at & 63);
}

void StructuralScanner::load() noexcept {
  const char* const begin = text_ + block_;
  std::uint64_t mask = 0, suspect = 0;
#if defined(__SSE2__)
  const auto separator = _mm_set1_epi8(separator_), quote = _mm_set1_epi8(quote_);
  const auto feed = _mm_set1_epi8('\n'), carriage = _mm_set1_epi8('\r');
  for (int lane = 0; lane < 64; lane += 16) {
    const auto bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin + lane));
    const auto found = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, separator), _mm_cmpeq_epi8(bytes, quote)),
                                    _mm_or_si128(_mm_cmpeq_epi8(bytes, feed), _mm_cmpeq_epi8(bytes, carriage)));
    const auto odd = _mm_or_si128(bytes, _mm_cmpeq_epi8(bytes, _mm_setzero_si128()));
    mask |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(found))) << lane;
    suspect |= static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(odd)));
  }
#else
  for (int i = 0; i < 64; ++i) {
    const char byte = begin[i];
    const bool found = byte == separator_ || byte == quote_ || byte == '\n' || byte == '\r';
    mask |= static_cast<std::uint64_t>(found) << i;
    suspect |= static_cast<std::uint64_t>(byte == 0 || static_cast<unsigned char>(byte) > 0x7F);
  }
#endif
  mask_ = mask;
  if (suspect != 0) suspect_end_ = block_ + 64;
}

RecordReader::RecordReader(std::unique_ptr<ByteSource> source, const std::filesystem::path& file,
                           std::size_t first_capacity)
    : source_(std::move(source)), name_(shown_name(file)), text_(first_capacity + padding) {
  fill(0);
  const std::string_view text(text_.data(), size_);
  if (text.starts_with("\xEF\xBB\xBF")) at_ = 3;
  dialect_ = dialect_of(file, text.substr(at_));
  separator_ = dialect_ == Dialect::csv ? csv_separator(text.substr(at_)) : dialect_ == Dialect::tsv ? '\t' : '\n';
  scanner_.set_characters(separator_, dialect_ == Dialect::csv ? '"' : '\n');
  scanner_.seek(text_.data(), size_, at_);
}

void RecordReader::fill(std::size_t at) {
  try {
    const auto count = source_->read(std::span(text_).subspan(at, text_.size() - padding - at));
    ended_ = count == 0;
    size_ = at + count;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::malformed_input) throw;
    throw Error(error.code(), where(next_line_), error.problem(), error.allowed());
  }
  std::fill_n(text_.begin() + static_cast<std::ptrdiff_t>(size_), padding, '\0');
}

void RecordReader::load() {
  const auto rest = size_ - at_;
  std::memmove(text_.data(), text_.data() + at_, rest);
  at_ = 0;
  // Half a block free at least, so that a long record is not scanned over and over for a few bytes more.
  const auto capacity = text_.size() - padding;
  if (rest > capacity / 2) text_.resize(2 * capacity + padding);
  fill(rest);
  scanner_.seek(text_.data(), size_, 0);
}

std::size_t RecordReader::after_line_end(std::size_t at) const noexcept {
  return at + (text_[at] == '\r' && text_[at + 1] == '\n' ? 2 : 1);  // The padding ends the text.
}

bool RecordReader::pass_empty_lines() noexcept {
  while (at_ < size_ && is_line_end(at_)) {
    if (at_ + 1 == size_ && text_[at_] == '\r' && !ended_) return false;  // A line feed may follow.
    at_ = after_line_end(at_);
    ++next_line_;
  }
  return true;
}

/// What is known of a quoted field while it is read.
struct RecordReader::Quoted {
  std::uint64_t line = 0;            ///< Where it opened.
  std::uint64_t line_ends = 0;       ///< Inside the quotes.
  std::size_t first_line_end = 0;    ///< Position of the first of them; 0: none.
  std::size_t closing = 0;
  bool doubled = false;
};

RecordReader::Step RecordReader::next() {
  bad_quote_ = {};
  fields_.clear();
  doubled_.clear();
  if (!pass_empty_lines()) return Step::block_end;
  if (at_ == size_) return ended_ ? Step::end : Step::block_end;
  line_ = next_line_;
  record_begin_ = at_;
  std::uint64_t line_ends = 0;
  for (std::size_t begin = at_;;) {
    std::string_view field;
    std::size_t end = 0;
    if (dialect_ == Dialect::csv && begin < size_ && text_[begin] == '"') {
      Quoted quoted{.line = line_ + line_ends};
      if (!read_quoted(begin, quoted)) return incomplete(quoted.line, begin);
      end = quoted.closing + 1;
      if (end < size_ && text_[end] != separator_ && !is_line_end(end)) return end_at_bad_quote(begin, quoted);
      line_ends += quoted.line_ends;
      field = {text_.data() + begin + 1, quoted.closing - begin - 1};
      if (quoted.doubled) doubled_.push_back(fields_.size());
      while (scanner_.next() < end) {}
    } else {
      do {
        end = scanner_.next();
      } while (end < begin || (end < size_ && text_[end] == '"' && dialect_ == Dialect::csv));
      field = {text_.data() + begin, end - begin};
    }
    if (end == size_) {
      if (!ended_) return incomplete();
      fields_.push_back(field);
      return end_record(end, line_ends);
    }
    fields_.push_back(field);
    if (is_line_end(end)) {
      if (end + 1 == size_ && text_[end] == '\r' && !ended_) return incomplete();
      return end_record(end, line_ends);
    }
    begin = end + 1;
  }
}

/// Finds the closing quote. False: not in this block.
bool RecordReader::read_quoted(std::size_t opening, Quoted& quoted) {
  for (std::size_t after = opening + 1;;) {
    const auto at = scanner_.next();
    if (at == size_) return false;
    if (at < after || text_[at] == separator_) continue;
    if (is_line_end(at)) {
      if (quoted.first_line_end == 0) quoted.first_line_end = at;
      if (text_[at] == '\r' || text_[at - 1] != '\r') ++quoted.line_ends;
    } else if (at + 1 == size_ && !ended_) {
      return false;  // A second quote may follow.
    } else if (at + 1 < size_ && text_[at + 1] == '"') {
      quoted.doubled = true;
      after = at + 2;
    } else {
      quoted.closing = at;
      return true;
    }
  }
}

/// Text follows a closing quote: the record ends with the line on which the quote opened.
RecordReader::Step RecordReader::end_at_bad_quote(std::size_t opening, const Quoted& quoted) {
  auto end = quoted.first_line_end;
  if (end == 0) {
    do {
      end = scanner_.next();
    } while (end < size_ && !is_line_end(end));
    if (end == size_ ? !ended_ : end + 1 == size_ && text_[end] == '\r' && !ended_) return incomplete();
  }
  fields_.clear();
  doubled_.clear();
  line_ = quoted.line;
  bad_quote_ = {text_.data() + opening, std::max(end, quoted.closing + 2) - opening};
  const auto step = end_record(end, 0);
  scanner_.seek(text_.data(), size_, at_);
  return step;
}

RecordReader::Step RecordReader::end_record(std::size_t end, std::uint64_t line_ends) {
  suspect_ = scanner_.suspect_since(record_begin_);
  record_end_ = end;
  if (length() > longest_line) refuse_long_line();
  at_ = end < size_ ? after_line_end(end) : end;
  next_line_ = line_ + line_ends + (end < size_ ? 1 : 0);
  for (const auto field : doubled_) undouble(fields_[field]);
  return Step::record;
}

/// The record does not end in this block; quote_line: the line of a quote that is open at `opening`, or 0.
RecordReader::Step RecordReader::incomplete(std::uint64_t quote_line, std::size_t opening) {
  const bool too_long = size_ - at_ > longest_line;
  if (quote_line != 0 && (ended_ || too_long)) {
    throw Error(ErrorCode::malformed_input, where(quote_line),
                "the quote that opens " + shown({text_.data() + opening, size_ - opening}) + " is never closed" +
                    (ended_ ? "" : " within " + std::to_string(longest_line) + " bytes"),
                "a closing \" and then a comma or the end of the line; inside quotes a \" is written twice");
  }
  if (too_long) refuse_long_line();
  return Step::block_end;
}

void RecordReader::refuse_long_line() const {
  const auto most = std::to_string(longest_line);
  throw Error(ErrorCode::malformed_input, where(line_), "the line has more than " + most + " bytes", "at most " + most);
}

void RecordReader::undouble(std::string_view& field) noexcept {
  char* const begin = text_.data() + (field.data() - text_.data());
  char* out = begin;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '"') ++i;
    *out++ = begin[i];
  }
  field = {begin, static_cast<std::size_t>(out - begin)};
}

}  // namespace pannier::data
