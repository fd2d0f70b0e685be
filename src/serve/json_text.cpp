#include "serve/json_text.hpp"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "pannier/core/config.hpp"
#include "pannier/data/event.hpp"

namespace pannier::serve {
namespace {

constexpr std::size_t longest_shown = 60;

/// The library's message without its own tag.
std::string plain_message(const nlohmann::json::exception& error) {
  const std::string_view text = error.what();
  const auto end = text.find("] ");
  return std::string(end == std::string_view::npos ? text : text.substr(end + 2));
}

template <class Number>
void put_number(std::string& out, Number number) {
  char digits[40];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  out.append(digits, end);
}

/// Length of the well-formed UTF-8 sequence that `text` begins with, or 0.
std::size_t sequence_length(std::string_view text) {
  for (std::size_t length = 1; length <= 4 && length <= text.size(); ++length)
    if (data::is_utf8(text.substr(0, length))) return length;
  return 0;
}

}  // namespace

Json parse_object(std::string_view text, std::string_view where) {
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    using Event = Json::parse_event_t;
    if ((event == Event::object_start || event == Event::array_start) && depth >= deepest_json)
      throw Error(ErrorCode::malformed_input, std::string(where), "nests deeper than " + std::to_string(deepest_json) + " levels");
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(parsed.get<std::string>()).second)
      throw Error(ErrorCode::malformed_input, std::string(where), "has the key " + described(parsed) + " twice");
    return true;
  };
  Json parsed;
  try {
    parsed = Json::parse(text.begin(), text.end(), watch);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::malformed_input, std::string(where), plain_message(error), "one JSON object");
  }
  if (!parsed.is_object()) throw Error(ErrorCode::malformed_input, std::string(where), "is " + described(parsed), "one JSON object");
  return parsed;
}

void refuse_unknown_keys(const Json& object, std::span<const std::string_view> known, std::string_view where) {
  for (const auto& entry : object.items()) {
    bool found = false;
    for (const auto name : known) found = found || entry.key() == name;
    if (found) continue;
    const auto near = nearest_name(entry.key(), known);
    std::string allowed;
    for (const auto name : known) (allowed += allowed.empty() ? "" : ", ") += name;
    throw Error(ErrorCode::invalid_argument, std::string(where),
                "unknown key " + described(Json(entry.key())) + (near.empty() ? "" : "; did you mean " + std::string(near) + "?"), std::move(allowed));
  }
}

std::string below(std::string_view where, std::string_view key) {
  std::string out(where);
  out += '.';
  out += key;
  return out;
}

std::string described(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string out;
  if (!value.is_string()) {
    out = value.dump();
  } else {
    const auto& text = value.get_ref<const std::string&>();
    put_json(out, text.size() <= longest_shown ? std::string_view(text) : std::string_view(text).substr(0, longest_shown));
    if (text.size() > longest_shown) out += "...";
  }
  return out;
}

void put_json(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  const bool sound = data::is_utf8(text);
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '"' || byte == '\\') {
      (out += '\\') += text[i];
    } else if (byte < 0x20) {
      switch (byte) {
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default: ((out += "\\u00") += hex[byte >> 4]) += hex[byte & 15u];
      }
    } else if (byte < 0x80 || sound) {
      out += text[i];
    } else if (const auto length = sequence_length(text.substr(i)); length > 0) {
      out.append(text.substr(i, length));
      i += length - 1;
    } else {
      out += "\\ufffd";
    }
  }
  out += '"';
}

void put_json(std::string& out, float number) { std::isfinite(number) ? put_number(out, number) : void(out += "null"); }
void put_json(std::string& out, double number) { std::isfinite(number) ? put_number(out, number) : void(out += "null"); }
void put_json(std::string& out, std::uint64_t number) { put_number(out, number); }

}  // namespace pannier::serve
