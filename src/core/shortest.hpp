/// A number in the shortest text that reads back as it.
#pragma once

#include <array>
#include <charconv>
#include <string>

namespace pannier {

template <class Number>
std::string shortest(Number number) {
  std::array<char, 64> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

}  // namespace pannier
