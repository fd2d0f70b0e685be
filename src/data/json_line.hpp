/// One line of JSON as a flat tape of its values: what paths are looked up in. Reads hostile text: bounded depth, strict grammar
/// (RFC 8259), every fault with its place in the line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/text_arena.hpp"

namespace pannier::data {

struct JsonValue {
  enum class Type : std::uint8_t { null, boolean, number, text, array, object };
  Type type = Type::null;
  std::string_view key{};    ///< Of a member of an object.
  std::string_view text{};   ///< A text unescaped; a number or boolean as it is written.
  std::uint32_t end = 0;     ///< The tape's position after the value and all that is in it. Its first child follows it directly.
};

/// Threads: One thread.
class JsonLine {
 public:
  /// Deepest nesting that is read.
  static constexpr int deepest = 32;

  struct Fault {
    std::size_t at = 0;             ///< Byte of the line, from 0.
    std::string problem, allowed;
  };

  /// Reads one object in full. Texts live as long as `line` and `arena`. On a fault the tape is empty.
  /// Cost: one pass; 56 bytes a value while the line is looked at.
  [[nodiscard]] std::optional<Fault> parse(std::string_view line, TextArena& arena);

  /// Value 0 is the object itself.
  [[nodiscard]] const std::vector<JsonValue>& values() const noexcept { return values_; }

 private:
  class Parser;
  std::vector<JsonValue> values_;
};

/// A number in its shortest text: whole numbers as digits alone (7.0 and 7 are 7), others as the nearest double reads back. A whole
/// number that is written as digits keeps all of them.
[[nodiscard]] std::string_view shortest_number(std::string_view written, TextArena& arena);

}  // namespace pannier::data
