/// The sections of a generation, as docs/generation-format.md specifies them: shared by its reader and its writer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pannier::store::layout {

inline constexpr std::string_view item_keys = "items/keys";                      // u64 a item
inline constexpr std::string_view item_id_offsets = "items/id_offsets";          // u64, items + 1
inline constexpr std::string_view item_id_bytes = "items/id_bytes";
inline constexpr std::string_view item_name_offsets = "items/name_offsets";      // u64, items + 1
inline constexpr std::string_view item_name_bytes = "items/name_bytes";
inline constexpr std::string_view item_categories = "items/categories";          // u32 number of a text
inline constexpr std::string_view item_prices = "items/prices";                  // f32, NaN: unknown
inline constexpr std::string_view item_stocks = "items/stocks";                  // f32, NaN: unknown
inline constexpr std::string_view item_lookup = "items/lookup";                  // u32 slots: an index, or empty_slot
inline constexpr std::string_view attribute_offsets = "items/attribute_offsets"; // u64, items + 1: in pairs
inline constexpr std::string_view attribute_pairs = "items/attribute_pairs";     // u32 name, u32 value: numbers of texts
inline constexpr std::string_view text_offsets = "texts/offsets";                // u64, texts + 1
inline constexpr std::string_view text_bytes = "texts/bytes";

inline constexpr std::uint32_t empty_slot = 0xFFFFFFFFu;

/// Slots of the table that finds an item by its key: a power of two, at least twice the items.
[[nodiscard]] constexpr std::uint64_t lookup_slots(std::uint64_t items) noexcept {
  std::uint64_t slots = 2;
  while (slots < 2 * items) slots *= 2;
  return slots;
}

/// Where model `i` keeps its sections.
[[nodiscard]] inline std::string model_prefix(std::size_t i) { return "models/" + std::to_string(i) + "/"; }

}  // namespace pannier::store::layout
