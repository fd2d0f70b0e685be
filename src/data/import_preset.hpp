/// What the exports of well-known event collectors look like: a table each, no code.
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "data/event_fields.hpp"
#include "pannier/data/event.hpp"
#include "pannier/data/import_map.hpp"

namespace pannier::data {

/// Where a field stands: alternatives "a|b", the first that is there counts; parts "a+b" that are joined by a point. A path is
/// names joined by points, see import_map.hpp.
struct PresetField {
  EventField field;
  std::string_view outer{};  ///< From the event's object, or a table's column.
  std::string_view inner{};  ///< From an element of the array of items.
};

struct Preset {
  std::string_view name;
  std::span<const PresetField> fields;
  std::span<const std::string_view> item_arrays;                          ///< The first that is there counts.
  std::span<const std::pair<std::string_view, EventKind>> kinds;
  TimeUnit time_unit = TimeUnit::automatic_text;
  bool closed = true;             ///< Kinds that are not in the table are no events of a shop: left out, no error.
  std::string_view absent{};      ///< A text that means nothing.
};

/// The preset of that name, or null.
[[nodiscard]] const Preset* find_preset(std::string_view name) noexcept;

}  // namespace pannier::data
