#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "data/byte_source.hpp"
#include "pannier/core/error.hpp"
#include "pannier/data/split.hpp"

namespace pannier::data {
namespace {

/// The lines of one file as they stand, but each line's items sorted.
struct Lines {
  struct Line {
    std::uint32_t user = 0, last_item = 0;
    std::uint64_t number = 0;              ///< In the file, from 1.
    std::size_t begin = 0, end = 0;        ///< In items.
  };
  struct Largest {
    std::uint32_t number = 0;
    std::string where;
  };
  std::vector<Line> lines;                 ///< Ascending by user.
  std::vector<std::uint32_t> items;
  Largest user, item;
};

class Parser {
 public:
  explicit Parser(const std::filesystem::path& file) : name_(shown_name(file)), source_(open_bytes(file)) {}

  Lines parse() {
    std::vector<char> bytes(std::size_t{1} << 18);
    for (std::size_t got = 0; (got = source_->read(bytes)) > 0;)
      for (const char c : std::string_view(bytes.data(), got)) take(c);
    end_line();
    if (out_.lines.empty()) throw Error(ErrorCode::malformed_input, name_, "is empty", "lines 'user item item ...'");
    return finish();
  }

 private:
  [[nodiscard]] std::string where() const { return name_ + ":" + std::to_string(line_); }
  [[noreturn]] void refuse(const std::string& what, const std::string& allowed) const {
    throw Error(ErrorCode::malformed_input, where(), what, allowed);
  }

  void take(char c) {
    if (c >= '0' && c <= '9' && digits_ < 10 && !bad_) {
      number_ = number_ * 10 + static_cast<std::uint64_t>(c - '0');
      ++digits_;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      end_number();
      if (c == '\n') end_line();
      return;
    } else {
      bad_ = true;
    }
    if (text_.size() < 40) text_ += c;
  }

  void end_number() {
    if (text_.empty()) return;
    constexpr std::uint64_t limit = std::uint64_t{1} << 31;
    if (bad_ || number_ >= limit) refuse("'" + printable(text_) + "' is no number here", "a whole number from 0 to 2147483647");
    const auto number = static_cast<std::uint32_t>(number_);
    auto& largest = has_user_ ? out_.item : out_.user;
    if (largest.where.empty() || number > largest.number) {
      largest.number = number;
      largest.where = where();
    }
    if (has_user_) {
      out_.items.push_back(number);
    } else {
      out_.lines.push_back({.user = number, .number = line_, .begin = out_.items.size()});
      has_user_ = true;
    }
    text_.clear();
    number_ = 0;
    digits_ = 0;
  }

  void end_line() {
    end_number();
    if (has_user_) {
      auto& line = out_.lines.back();
      line.end = out_.items.size();
      if (line.end > line.begin) line.last_item = out_.items.back();
      const auto begin = out_.items.begin() + static_cast<std::ptrdiff_t>(line.begin);
      std::sort(begin, out_.items.end());
      if (const auto twice = std::adjacent_find(begin, out_.items.end()); twice != out_.items.end())
        refuse("item " + std::to_string(*twice) + " stands twice", "each item once in a line");
    }
    has_user_ = false;
    ++line_;
  }

  Lines finish() {
    const auto by_user = [](const Lines::Line& a, const Lines::Line& b) { return std::tie(a.user, a.number) < std::tie(b.user, b.number); };
    std::sort(out_.lines.begin(), out_.lines.end(), by_user);
    const auto twice = std::adjacent_find(out_.lines.begin(), out_.lines.end(),
                                          [](const Lines::Line& a, const Lines::Line& b) { return a.user == b.user; });
    if (twice != out_.lines.end()) {
      line_ = std::next(twice)->number;
      refuse("user " + std::to_string(twice->user) + " stood in line " + std::to_string(twice->number) + " already", "each user once");
    }
    return std::move(out_);
  }

  static std::string printable(std::string text) {
    for (auto& c : text)
      if (c < ' ' || c > '~') c = '?';
    return text;
  }

  std::string name_;
  std::unique_ptr<ByteSource> source_;
  Lines out_;
  std::string text_;               ///< The number being read, as it stands.
  std::uint64_t number_ = 0, line_ = 1;
  int digits_ = 0;
  bool bad_ = false, has_user_ = false;
};

/// A number far beyond what is in the files is a typing error, and would size the matrix.
void require_dense(const Lines::Largest& largest, std::size_t numbers, std::string_view what) {
  const auto limit = 1'000'000 + 100 * static_cast<std::uint64_t>(numbers);
  if (largest.number >= limit)
    throw Error(ErrorCode::malformed_input, largest.where,
                std::string(what) + " " + std::to_string(largest.number) + " is far beyond the " + std::to_string(numbers) + " numbers of the files",
                "numbers from 0 on, below " + std::to_string(limit));
}

Csr matrix(const Lines& lines, std::size_t rows, std::size_t cols, bool without_last) {
  Csr out;
  out.rows = rows;
  out.cols = cols;
  out.offsets.assign(rows + 1, 0);
  out.columns.reserve(lines.items.size());
  std::size_t row = 0;
  for (const auto& line : lines.lines) {
    for (; row < line.user; ++row) out.offsets[row + 1] = static_cast<std::int64_t>(out.columns.size());
    const bool skip = without_last && line.end - line.begin > 1;
    for (auto i = line.begin; i < line.end; ++i)
      if (!(skip && lines.items[i] == line.last_item)) out.columns.push_back(lines.items[i]);
    out.offsets[++row] = static_cast<std::int64_t>(out.columns.size());
  }
  for (; row < rows; ++row) out.offsets[row + 1] = static_cast<std::int64_t>(out.columns.size());
  out.values.assign(out.columns.size(), 1.0f);
  return out;
}

/// The last items alone, for lines of more than one.
Lines last_items(const Lines& lines) {
  Lines out;
  for (const auto& line : lines.lines) {
    if (line.end - line.begin < 2) continue;
    out.lines.push_back({.user = line.user, .begin = out.items.size(), .end = out.items.size() + 1});
    out.items.push_back(line.last_item);
  }
  return out;
}

/// Rows and columns for the largest numbers of some files.
std::pair<std::size_t, std::size_t> shape_of(std::initializer_list<const Lines*> files, std::size_t numbers) {
  std::size_t rows = 0, cols = 0;
  for (const auto* lines : files) {
    require_dense(lines->user, numbers, "user");
    require_dense(lines->item, numbers, "item");
    if (!lines->lines.empty()) rows = std::max(rows, std::size_t{lines->lines.back().user} + 1);
    if (!lines->items.empty()) cols = std::max(cols, std::size_t{*std::max_element(lines->items.begin(), lines->items.end())} + 1);
  }
  return {rows, cols};
}

Lines parsed(const std::filesystem::path& file) {
  return read_whole(file, [&] { return Parser(file).parse(); });
}

}  // namespace

Csr read_lightgcn_matrix(const std::filesystem::path& file) {
  const auto lines = parsed(file);
  const auto [rows, cols] = shape_of({&lines}, lines.lines.size() + lines.items.size());
  return matrix(lines, rows, cols, false);
}

Split read_lightgcn(const std::filesystem::path& train, const std::filesystem::path& test, bool last_out) {
  if (last_out == !test.empty())
    throw Error(ErrorCode::invalid_argument, "test", last_out ? "is " + shown_name(test) + " beside last_out" : "is not given",
                last_out ? "no test file: the last items are the test" : "a test file, or last_out");
  const auto training = parsed(train);
  const auto held_out = last_out ? last_items(training) : parsed(test);
  const auto [rows, cols] = shape_of({&training, &held_out}, training.lines.size() + training.items.size() + (last_out ? 0 : held_out.lines.size() + held_out.items.size()));
  Split split;
  split.train = matrix(training, rows, cols, last_out);
  split.test = matrix(held_out, rows, cols, false);
  return split;
}

}  // namespace pannier::data
