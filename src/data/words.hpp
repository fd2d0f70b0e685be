/// The words of a text.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace pannier::data {

inline constexpr std::size_t longest_word = 64;        ///< Bytes of a word that count.
inline constexpr std::size_t most_words = 512;         ///< Of one text.

/// Calls `found` with each word, at most most_words: runs of letters and digits in small letters (Latin, Greek, Cyrillic and Armenian), and of scripts without blanks
/// (Chinese, Japanese, Korean, Thai, Lao, Khmer, Burmese) each two neighbouring characters, or a single one. `text` is UTF-8; what is not ends a word. `word` is scratch memory.
void each_word(std::string_view text, std::string& word, const std::function<void(std::string_view)>& found);

}  // namespace pannier::data
