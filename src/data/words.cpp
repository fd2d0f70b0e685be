#include "data/words.hpp"

#include <cstdint>

namespace pannier::data {
namespace {

constexpr char32_t no_letter = 0;

/// The character at `at`, which moves past it; no_letter where the bytes are no UTF-8.
char32_t next_character(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(at);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xC2 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : first >= 0xF0 && first < 0xF5 ? 4 : 0;
  if (length == 0) return ++at, no_letter;
  char32_t out = length == 1 ? first : first & (0xFFu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return ++at, no_letter;
    out = out << 6 | (byte(at + i) & 0x3F);
  }
  at += length;
  return out;
}

/// The small letter of a letter or digit, no_letter of everything else.
char32_t small_letter(char32_t c) {
  if (c < 0x80) {
    if (c >= 'A' && c <= 'Z') return c + 32;
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : no_letter;
  }
  if (c < 0xC0) return c == 0xAA || c == 0xB5 || c == 0xBA ? c : no_letter;
  if (c == 0xD7 || c == 0xF7) return no_letter;
  if (c <= 0xDE) return c + 32;
  if (c >= 0x100 && c <= 0x17F) {
    if (c == 0x130) return 'i';
    if (c == 0x178) return 0xFF;
    const bool odd_is_capital = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
    if (c == 0x138 || c == 0x149 || c == 0x17F) return c;
    return (c % 2 == 1) == odd_is_capital ? c + 1 : c;
  }
  if (c >= 0x391 && c <= 0x3A9) return c + 32;
  if (c >= 0x410 && c <= 0x42F) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  const bool sign = (c >= 0x2000 && c <= 0x2BFF) || (c >= 0x3000 && c <= 0x303F) || (c >= 0xFE30 && c <= 0xFE4F) || (c >= 0xFF00 && c <= 0xFF0F) || (c >= 0xE000 && c <= 0xF8FF) || c >= 0x1F000;
  return sign && !(c >= 0x20000 && c <= 0x3FFFF) ? no_letter : c;
}

bool without_blanks(char32_t c) {
  return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0x20000 && c <= 0x3FFFF);
}

void append(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr unsigned first[] = {0xC0, 0xE0, 0xF0};
  out += static_cast<char>(first[more - 1] | c >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (c >> (6 * i) & 0x3F));
}

}  // namespace

void each_word(std::string_view text, std::string& word, const std::function<void(std::string_view)>& found) {
  std::size_t count = 0;
  const auto tell = [&] {
    if (!word.empty() && count < most_words) ++count, found(word);
    word.clear();
  };
  word.clear();
  char32_t before = no_letter;    // Of a script without blanks, where the last character was.
  bool alone = false;             // Whether no pair has it yet.
  const auto tell_alone = [&] {
    if (before == no_letter || !alone) return;
    append(word, before);
    tell();
  };
  for (std::size_t at = 0; at < text.size() && count < most_words;) {
    const char32_t c = small_letter(next_character(text, at));
    if (without_blanks(c)) {
      tell();
      if (before != no_letter) {
        append(word, before);
        append(word, c);
        tell();
      }
      alone = before == no_letter;
      before = c;
      continue;
    }
    tell_alone();
    before = no_letter;
    if (c == no_letter) tell();
    else if (word.size() + 4 <= longest_word) append(word, c);
  }
  tell_alone();
  tell();
}

}  // namespace pannier::data
