/// The items of a generation by category path, for requests of one category.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/ids.hpp"
#include "pannier/store/generation.hpp"

namespace pannier::serve {

/// Texts are borrowed from the item table.
/// Cost: one pass over the items to make; 4 bytes an item, and 20 a category.
/// Threads: Immutable: share freely.
class CategoryIndex {
 public:
  explicit CategoryIndex(const store::ItemTable& items);

  /// The items whose category is `path` or lies under it ("a/b" has "a/b/c", not "a/bc"); empty where there is none.
  [[nodiscard]] std::span<const ItemIndex> find(std::string_view path) const noexcept;

  /// Refuses `path`, proposing a near one. Errors: invalid_argument.
  [[noreturn]] void refuse(std::string_view path, std::string_view where, std::string_view generation) const;

 private:
  std::vector<std::string_view> paths_;   ///< Distinct, not empty, in an order in which what lies under a path follows it at once.
  std::vector<std::uint32_t> starts_;     ///< paths_[i] has items_[starts_[i] .. starts_[i+1]).
  std::vector<ItemIndex> items_;
};

}  // namespace pannier::serve
