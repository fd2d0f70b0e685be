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

/// What separates words beyond ASCII and Latin-1: signs, punctuation, pictures and what only shapes the character before it.
bool is_sign(char32_t c) {
  if (c < 0x2000) return c == 0x37E || c == 0x387 || c == 0x589 || c == 0x5BE || c == 0x60C || c == 0x61B || c == 0x61F || c == 0x6D4 || c == 0x964 || c == 0x965;
  if (c >= 0x20000 && c <= 0x3FFFF) return false;
  return c <= 0x2BFF || (c >= 0x2E00 && c <= 0x2E7F) || (c >= 0x3000 && c <= 0x303F && c != 0x3005) || c == 0x30FB || (c >= 0xE000 && c <= 0xF8FF) || (c >= 0xFE00 && c <= 0xFE6F) || c == 0xFEFF ||
         (c >= 0xFF00 && c <= 0xFF65) || (c >= 0xFFE0 && c <= 0xFFFF) || c >= 0x1F000;
}

/// Whether letters from 0x100 on alternate, capital and small, from a capital with an even number (or an odd one) at `c`.
bool even_capital(char32_t c) {
  return (c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) || c == 0x1A0 || (c >= 0x1DE && c <= 0x1EF) || (c >= 0x1F8 && c <= 0x21F) || (c >= 0x222 && c <= 0x233) || (c >= 0x460 && c <= 0x481) ||
         (c >= 0x48A && c <= 0x4BF) || (c >= 0x4D0 && c <= 0x52F) || (c >= 0x1E00 && c <= 0x1E95) || (c >= 0x1EA0 && c <= 0x1EFF);
}
bool odd_capital(char32_t c) { return (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E) || c == 0x1AF || (c >= 0x1CD && c <= 0x1DC) || (c >= 0x4C1 && c <= 0x4CE); }

/// The small letter of a letter or digit, no_letter of everything else. Full-width letters and digits are the plain ones.
char32_t small_letter(char32_t c) {
  if ((c >= 0xFF10 && c <= 0xFF19) || (c >= 0xFF21 && c <= 0xFF3A) || (c >= 0xFF41 && c <= 0xFF5A)) c -= 0xFEE0;
  if (c < 0x80) {
    if (c >= 'A' && c <= 'Z') return c + 32;
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : no_letter;
  }
  if (c < 0xC0) return c == 0xAA || c == 0xB5 || c == 0xBA ? c : no_letter;
  if (c == 0xD7 || c == 0xF7) return no_letter;
  if (c < 0x100) return c <= 0xDE ? c + 32 : c;
  if (is_sign(c)) return no_letter;
  if (c == 0x130) return 'i';
  if (c == 0x178) return 0xFF;
  if (c == 0x1E9E) return 0xDF;
  if (c == 0x4C0) return 0x4CF;
  if (even_capital(c)) return c % 2 == 0 ? c + 1 : c;
  if (odd_capital(c)) return c % 2 == 1 ? c + 1 : c;
  if (c == 0x386) return 0x3AC;
  if (c >= 0x388 && c <= 0x38A) return c + 37;
  if (c == 0x38C) return 0x3CC;
  if (c == 0x38E || c == 0x38F) return c + 63;
  if (c >= 0x391 && c <= 0x3AB) return c + 32;
  if (c == 0x3C2) return 0x3C3;                     // The sigma that ends a word, as the capital one has but one small letter.
  if (c >= 0x410 && c <= 0x42F) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  if (c >= 0x531 && c <= 0x556) return c + 48;
  return c;
}

/// Thai, Lao, Burmese, Khmer, Japanese, Chinese, Korean.
bool without_blanks(char32_t c) {
  return (c >= 0xE00 && c <= 0xEFF) || (c >= 0x1000 && c <= 0x109F) || (c >= 0x1780 && c <= 0x17FF) || c == 0x3005 || (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) ||
         (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFF66 && c <= 0xFF9F) || (c >= 0x20000 && c <= 0x3FFFF);
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
