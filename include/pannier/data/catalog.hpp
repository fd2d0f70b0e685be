/// The catalogue: what the shop knows of its items, from an items file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pannier/core/ids.hpp"
#include "pannier/data/event_file.hpp"
#include "pannier/data/import_map.hpp"

namespace pannier::data {

struct CatalogItem {
  std::string id, name, category;                              ///< category is a path "a/b/c".
  std::string brand, image;
  double price = std::numeric_limits<double>::quiet_NaN();
  double stock = std::numeric_limits<double>::quiet_NaN();     ///< Units, below 0 where oversold; NaN: unknown, treated as in stock.
  std::vector<std::pair<std::string, std::string>> attributes; ///< Every other column, in the file's order, empty values left out.
  bool operator==(const CatalogItem&) const = default;
};

/// Items by id, in the order they came. Two ids with one ItemKey are refused by naming both.
class Catalog {
 public:
  /// Adds, or replaces the item of the same id. Errors: invalid_argument (an empty id; an id, name, category, brand or image over
  /// longest_text; invalid UTF-8 or a NUL byte in any text; a price that is negative or above largest_price; a stock beyond
  /// largest_quantity either way; an infinity; two ids of one key). On error the catalogue is as it was.
  void upsert(CatalogItem item);
  [[nodiscard]] const CatalogItem* find(ItemKey key) const noexcept;
  [[nodiscard]] const std::vector<CatalogItem>& items() const noexcept { return items_; }

 private:
  std::vector<CatalogItem> items_;
  std::unordered_map<std::uint64_t, std::size_t> by_key_;
};

/// Reads an items file: CSV, TSV or JSON lines (an object a line; a list of texts is joined by "/"), plain or gzip, with a column item and any
/// of name, category, brand, price, stock, image; others become attributes. With OnError::skip a bad line is left out and counted in `summary` (where given; an item twice keeps its first line).
/// `fold_item_case`: ids are folded as ImportOptions::fold_item_case says; of several that become one the first line stays, the others
/// are left out and counted, no error.
/// Errors: as read_events(), also an item twice in one file, and an event file (columns time, kind, and who or which order). On error `summary` is as it was.
[[nodiscard]] Catalog read_catalog(const std::filesystem::path& file, OnError on_error = OnError::stop,
                                   ImportSummary* summary = nullptr, bool fold_item_case = false);

}  // namespace pannier::data
