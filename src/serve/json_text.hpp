/// JSON of the serving layer: strict reading, and writing of answers. The one include of the JSON library in serve.
#pragma once

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "pannier/core/error.hpp"

namespace pannier::serve {

using Json = nlohmann::json;

/// Deepest nesting of a text that is read; deeper is refused before it costs anything.
inline constexpr int deepest_json = 8;

/// One JSON object, in full: nothing after it, no key twice in any object, at most deepest_json levels.
/// Errors: malformed_input, `where` beginning the message.
[[nodiscard]] Json parse_object(std::string_view text, std::string_view where);

/// Refuses keys of `object` outside `known`. Errors: invalid_argument with the near name, or all of them.
void refuse_unknown_keys(const Json& object, std::span<const std::string_view> known, std::string_view where);

/// "WHERE.KEY".
[[nodiscard]] std::string below(std::string_view where, std::string_view key);

/// What a value is, for a message: its type, and itself where it is short.
[[nodiscard]] std::string described(const Json& value);

/// Appends JSON to `out`. Bytes that are no UTF-8 (a damaged file's) become U+FFFD; what is no number becomes null.
void put_json(std::string& out, std::string_view text);
void put_json(std::string& out, float number);
void put_json(std::string& out, double number);
void put_json(std::string& out, std::uint64_t number);
void put_json(std::string& out, std::same_as<bool> auto flag) { out += flag ? "true" : "false"; }

}  // namespace pannier::serve
