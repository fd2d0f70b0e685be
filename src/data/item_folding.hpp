/// Item ids as the options want them: folded to one spelling, and those that are to be dropped.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

#include "data/text_arena.hpp"
#include "pannier/data/import_map.hpp"

namespace pannier::data {

/// The text without blanks at its ends (spaces and tabs).
[[nodiscard]] inline std::string_view trimmed(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}
/// The ASCII capital of a letter, else the byte itself.
[[nodiscard]] constexpr char to_capital(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

class DroppedItems {
 public:
  explicit DroppedItems(const ImportOptions& options) : fold_(options.fold_item_case) {
    TextArena arena;
    for (const auto& item : options.drop_items) items_.emplace(folded(item, arena));
  }
  /// The id itself, or where the options say so its folded form, which lives as long as `arena`.
  [[nodiscard]] std::string_view folded(std::string_view item, TextArena& arena) const {
    if (!fold_) return item;
    item = trimmed(item);
    bool small = false;
    for (const char c : item) small = small || to_capital(c) != c;
    if (!small) return item;
    const auto out = arena.room(item.size());
    for (std::size_t i = 0; i < item.size(); ++i) out[i] = to_capital(item[i]);
    return {out.data(), out.size()};
  }
  [[nodiscard]] bool has(std::string_view folded_item) const { return !items_.empty() && items_.find(folded_item) != items_.end(); }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  bool fold_;
  std::unordered_set<std::string, Hash, std::equal_to<>> items_;
};

}  // namespace pannier::data
