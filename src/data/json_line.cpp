#include "data/json_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "data/field_text.hpp"

namespace pannier::data {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<unsigned> hex_digits(std::string_view four) {
  unsigned out = 0;
  for (const char c : four) {
    const auto digit = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return std::nullopt;
    out = out * 16 + static_cast<unsigned>(digit);
  }
  return four.size() == 4 ? std::optional(out) : std::nullopt;
}

char* put_utf8(char* out, unsigned code) {
  const auto byte = [](unsigned value) { return static_cast<char>(value); };
  if (code < 0x80) {
    *out++ = byte(code);
  } else if (code < 0x800) {
    *out++ = byte(0xC0 | code >> 6);
    *out++ = byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *out++ = byte(0xE0 | code >> 12);
    *out++ = byte(0x80 | (code >> 6 & 0x3F));
    *out++ = byte(0x80 | (code & 0x3F));
  } else {
    *out++ = byte(0xF0 | code >> 18);
    *out++ = byte(0x80 | (code >> 12 & 0x3F));
    *out++ = byte(0x80 | (code >> 6 & 0x3F));
    *out++ = byte(0x80 | (code & 0x3F));
  }
  return out;
}

}  // namespace

/// Recursive descent; every step says false after it has set the fault.
class JsonLine::Parser {
 public:
  Parser(std::string_view line, TextArena& arena, std::vector<JsonValue>& values) : line_(line), arena_(arena), values_(values) {}

  std::optional<Fault> run() {
    skip_blanks();
    if (at_ < line_.size() && line_[at_] != '{') {
      fail("the line is no JSON object but begins with " + shown(line_.substr(at_, 20)), "an object a line, {\"time\": ..., \"kind\": ..., ...}");
      return fault_;
    }
    if (!value(0, {})) return fault_;
    skip_blanks();
    if (at_ < line_.size()) fail("after the object comes " + shown(line_.substr(at_, 20)), "nothing more on the line");
    return fault_;
  }

 private:
  bool fail(std::string problem, std::string allowed) {
    fault_ = Fault{at_, std::move(problem), std::move(allowed)};
    return false;
  }
  bool unexpected(const char* allowed) {
    if (at_ >= line_.size()) return fail("the line ends too early", allowed);
    return fail(shown(line_.substr(at_, 20)), allowed);
  }
  void skip_blanks() {
    while (at_ < line_.size() && (line_[at_] == ' ' || line_[at_] == '\t' || line_[at_] == '\n' || line_[at_] == '\r')) ++at_;
  }
  [[nodiscard]] bool next_is(char c) const { return at_ < line_.size() && line_[at_] == c; }

  bool value(int depth, std::string_view key) {
    const auto place = values_.size();
    values_.push_back({.key = key});
    if (at_ >= line_.size()) return unexpected("a value");
    const char first = line_[at_];
    bool good = false;
    if (first == '{' || first == '[') {
      if (depth == deepest) return fail("the object is nested more than " + std::to_string(deepest) + " levels deep", "at most " + std::to_string(deepest));
      ++at_;
      good = first == '{' ? members(depth, place) : elements(depth, place);
    } else if (first == '"') {
      values_[place].type = JsonValue::Type::text;
      std::string_view text;
      good = string(text);
      values_[place].text = text;
    } else if (first == '-' || is_digit(first)) {
      good = number(values_[place]);
    } else {
      good = word(values_[place]);
    }
    values_[place].end = static_cast<std::uint32_t>(values_.size());
    return good;
  }

  bool members(int depth, std::size_t place) {
    values_[place].type = JsonValue::Type::object;
    skip_blanks();
    if (next_is('}')) return ++at_, true;
    for (;;) {
      skip_blanks();
      if (!next_is('"')) return unexpected("a key in quotes");
      std::string_view key;
      if (!string(key)) return false;
      skip_blanks();
      if (!next_is(':')) return unexpected("a colon after the key");
      ++at_;
      skip_blanks();
      if (!value(depth + 1, key)) return false;
      skip_blanks();
      if (next_is('}')) return ++at_, true;
      if (!next_is(',')) return unexpected("a comma or }");
      ++at_;
    }
  }

  bool elements(int depth, std::size_t place) {
    values_[place].type = JsonValue::Type::array;
    skip_blanks();
    if (next_is(']')) return ++at_, true;
    for (;;) {
      skip_blanks();
      if (!value(depth + 1, {})) return false;
      skip_blanks();
      if (next_is(']')) return ++at_, true;
      if (!next_is(',')) return unexpected("a comma or ]");
      ++at_;
    }
  }

  bool string(std::string_view& text) {
    const auto begin = ++at_;
    for (;; ++at_) {
      if (at_ >= line_.size()) return fail("the text that opens at byte " + std::to_string(begin) + " is never closed", "a closing \"");
      const char c = line_[at_];
      if (c == '"') return text = line_.substr(begin, at_++ - begin), true;
      if (c == '\\') return escaped(begin, text);
      if (static_cast<unsigned char>(c) < 0x20) return fail("a text holds the control character " + shown({&c, 1}), "control characters escaped, as \\u0009");
    }
  }

  /// From the first backslash on: into the arena, where an unescaped text is never longer than its source.
  bool escaped(std::size_t begin, std::string_view& text) {
    auto end = at_;
    while (end < line_.size() && line_[end] != '"') end += line_[end] == '\\' ? std::size_t{2} : std::size_t{1};
    if (end >= line_.size()) return fail("the text that opens at byte " + std::to_string(begin) + " is never closed", "a closing \"");
    const auto room = arena_.room(end - begin);
    char* out = std::copy(line_.begin() + static_cast<std::ptrdiff_t>(begin), line_.begin() + static_cast<std::ptrdiff_t>(at_), room.data());
    while (at_ < end) {
      const char c = line_[at_];
      if (static_cast<unsigned char>(c) < 0x20) return fail("a text holds the control character " + shown({&c, 1}), "control characters escaped, as \\u0009");
      if (c != '\\') {
        *out++ = c;
        ++at_;
        continue;
      }
      constexpr std::string_view letters = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
      const char letter = line_[at_ + 1];
      if (const auto known = letters.find(letter); known != letters.npos) {
        *out++ = meant[known];
        at_ += 2;
      } else {
        auto code = letter == 'u' ? hex_digits(line_.substr(at_ + 2, 4)) : std::nullopt;
        if (!code) return fail("the escape " + shown(line_.substr(at_, 6)), "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t or \\u and four hexadecimal digits");
        auto length = std::size_t{6};
        if (*code >= 0xD800 && *code < 0xDC00 && line_.substr(at_ + 6, 2) == "\\u") {
          const auto low = hex_digits(line_.substr(at_ + 8, 4));
          if (low && *low >= 0xDC00 && *low < 0xE000) {
            code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
            length = 12;
          }
        }
        if (*code >= 0xD800 && *code < 0xE000) return fail("the escape " + shown(line_.substr(at_, 6)) + " is half of a surrogate pair", "a pair, or another escape");
        out = put_utf8(out, *code);
        at_ += length;
      }
    }
    ++at_;
    text = {room.data(), static_cast<std::size_t>(out - room.data())};
    return true;
  }

  bool number(JsonValue& value) {
    value.type = JsonValue::Type::number;
    const auto begin = at_;
    if (next_is('-')) ++at_;
    const auto digits = [&] {
      const auto first = at_;
      while (at_ < line_.size() && is_digit(line_[at_])) ++at_;
      return at_ > first;
    };
    const bool zero = next_is('0');
    if (!digits()) return unexpected("a digit");
    if (zero && at_ - begin > (line_[begin] == '-' ? 2U : 1U)) return at_ = begin, unexpected("a number without leading zeros, or a text in quotes");
    if (next_is('.')) {
      ++at_;
      if (!digits()) return unexpected("a digit");
    }
    if (next_is('e') || next_is('E')) {
      ++at_;
      if (next_is('+') || next_is('-')) ++at_;
      if (!digits()) return unexpected("a digit");
    }
    value.text = line_.substr(begin, at_ - begin);
    return true;
  }

  bool word(JsonValue& value) {
    for (const std::string_view known : {"true", "false", "null"})
      if (line_.substr(at_, known.size()) == known) {
        value.type = known == "null" ? JsonValue::Type::null : JsonValue::Type::boolean;
        value.text = line_.substr(at_, known.size());
        at_ += known.size();
        return true;
      }
    return unexpected("a text in quotes, a number, true, false, null, an object or an array");
  }

  std::string_view line_;
  TextArena& arena_;
  std::vector<JsonValue>& values_;
  std::size_t at_ = 0;
  std::optional<Fault> fault_;
};

std::optional<JsonLine::Fault> JsonLine::parse(std::string_view line, TextArena& arena) {
  values_.clear();
  auto fault = Parser(line, arena, values_).run();
  if (fault) values_.clear();
  return fault;
}

std::string_view shortest_number(std::string_view written, TextArena& arena) {
  if (written == "-0") return "0";
  if (written.find_first_of(".eE") == written.npos) return written;
  double number = 0;
  const auto [end, problem] = std::from_chars(written.data(), written.data() + written.size(), number);
  if (problem != std::errc() || end != written.data() + written.size()) return written;  // Beyond a double: whoever reads the field says so.
  std::array<char, 32> buffer{};
  // Whole numbers that a double holds exactly are written out.
  const bool whole = std::abs(number) < 9007199254740992.0 && number == std::floor(number);
  const auto out = whole ? std::to_chars(buffer.data(), buffer.data() + buffer.size(), static_cast<std::int64_t>(number))
                         : std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  return arena.keep({buffer.data(), static_cast<std::size_t>(out.ptr - buffer.data())});
}

}  // namespace pannier::data
