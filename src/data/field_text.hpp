/// Small things every reader of text fields does: numbers out of text, and text into messages.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pannier::data {

/// A finite decimal number that is the whole text; no sign but '-', no spaces, no infinities, no NaN.
[[nodiscard]] std::optional<double> parse_number(std::string_view text) noexcept;
/// A whole number that is the whole text.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text) noexcept;

/// The text with a point for its only comma, where it is a number with a decimal comma (12,50); else the text. `room` gives characters that live as long as it.
template <class Room>
[[nodiscard]] std::string_view with_decimal_point(std::string_view text, const Room& room) {
  const auto comma = text.find(',');
  if (comma == text.npos || text.find_first_not_of("0123456789,-") != text.npos || text.find(',', comma + 1) != text.npos) return text;
  const auto copy = room(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) copy[at] = at == comma ? '.' : text[at];
  return {copy.data(), copy.size()};
}

/// A value for a message: in quotes, what does not print escaped, shortened to some 60 bytes with its length beside it.
[[nodiscard]] std::string shown(std::string_view value);
/// Names for a message: "a, b, c", at most 40 of them.
[[nodiscard]] std::string listed(std::span<const std::string_view> names);

/// " (did you mean NEAR?)" where a known name is near, else nothing.
[[nodiscard]] std::string proposal(std::string_view wrong, std::span<const std::string_view> known);

/// What no text may be: well-formed UTF-8 without NUL is fine.
enum class TextFlaw { none, too_long, invalid_utf8, nul_byte };
/// `limit`: the largest length.
[[nodiscard]] TextFlaw text_flaw(std::string_view text, std::size_t limit) noexcept;
/// The flaw in words, for a message; `text` is the one that has it.
[[nodiscard]] std::string flaw_in_words(TextFlaw flaw, std::string_view text);
/// What is expected instead.
[[nodiscard]] std::string flaw_allowed(TextFlaw flaw, std::size_t limit);

/// The position of the first byte that is not well-formed UTF-8, or npos.
[[nodiscard]] std::size_t first_invalid_utf8(std::string_view text) noexcept;

}  // namespace pannier::data
