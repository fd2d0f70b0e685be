#include "data/field_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "pannier/core/config.hpp"
#include "pannier/data/event.hpp"

namespace pannier::data {
namespace {

std::string hex_byte(unsigned char byte) {
  constexpr char digits[] = "0123456789ABCDEF";
  return {digits[byte >> 4], digits[byte & 15]};
}

/// The length of the well-formed sequence that starts at `at`, or 0.
std::size_t sequence_length(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xC2 && first <= 0xDF ? 2 : first >= 0xE0 && first <= 0xEF ? 3
                             : first >= 0xF0 && first <= 0xF4 ? 4 : 0;
  if (length == 0 || text.size() - at < length) return 0;
  // Table 3-7 of the Unicode standard: the second byte rules out overlong forms, surrogates and what lies above U+10FFFF.
  const unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  return length;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) noexcept {
  double number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string shown(std::string_view value) {
  constexpr std::size_t longest = 60;
  std::string out = "'";
  std::size_t at = 0;
  while (at < value.size() && at < longest) {
    const auto byte = static_cast<unsigned char>(value[at]);
    const auto length = sequence_length(value, at);
    if (byte == '\n') out += "\\n";
    else if (byte == '\r') out += "\\r";
    else if (byte == '\t') out += "\\t";
    else if (byte == '\\') out += "\\\\";
    else if (length == 0 || byte < 0x20 || byte == 0x7F) out += "\\x" + hex_byte(byte);
    else out += value.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  out += at < value.size() ? "...' (" + std::to_string(value.size()) + " bytes)" : "'";
  return out;
}

std::string listed(std::span<const std::string_view> names) {
  constexpr std::size_t most = 40;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
    if (i > 0) out += ", ";
    out += names[i];
  }
  if (names.size() > most) out += " and " + std::to_string(names.size() - most) + " more";
  return out;
}

std::string proposal(std::string_view wrong, std::span<const std::string_view> known) {
  const auto near = nearest_name(wrong, known);
  return near.empty() ? std::string() : " (did you mean " + std::string(near) + "?)";
}

std::size_t first_invalid_utf8(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    if (text.size() - at >= sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + at, sizeof(word));
      if ((word & 0x8080808080808080u) == 0) {
        at += sizeof(word);
        continue;
      }
    }
    const auto length = sequence_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

TextFlaw text_flaw(std::string_view text, std::size_t limit) noexcept {
  if (text.size() > limit) return TextFlaw::too_long;
  if (text.find('\0') != text.npos) return TextFlaw::nul_byte;
  return is_utf8(text) ? TextFlaw::none : TextFlaw::invalid_utf8;
}

std::string flaw_in_words(TextFlaw flaw, std::string_view text) {
  switch (flaw) {
    case TextFlaw::too_long: return shown(text) + " is too long";
    case TextFlaw::nul_byte: return shown(text) + " holds a NUL byte, at byte " + std::to_string(text.find('\0') + 1);
    case TextFlaw::invalid_utf8: {
      const auto at = std::min(first_invalid_utf8(text), text.size() - 1);
      return shown(text) + " is not UTF-8: byte " + std::to_string(at + 1) + " is 0x" +
             hex_byte(static_cast<unsigned char>(text[at]));
    }
    case TextFlaw::none: break;
  }
  return shown(text);
}

std::string flaw_allowed(TextFlaw flaw, std::size_t limit) {
  switch (flaw) {
    case TextFlaw::too_long: return "at most " + std::to_string(limit) + " bytes";
    case TextFlaw::nul_byte: return "text without NUL bytes";
    default: return "UTF-8 text";
  }
}

}  // namespace pannier::data
