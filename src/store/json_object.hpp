/// JSON objects of manifests, parsed as if an enemy had written them.
#pragma once

#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace pannier::store {

/// The object that `text` is, its keys in their order; empty when it is none or nests deeper than 64.
[[nodiscard]] inline std::optional<nlohmann::ordered_json> parse_json_object(std::string_view text) {
  using Json = nlohmann::ordered_json;
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > 64;
    return !too_deep;
  };
  auto json = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (too_deep || !json.is_object()) return std::nullopt;
  return json;
}

}  // namespace pannier::store
