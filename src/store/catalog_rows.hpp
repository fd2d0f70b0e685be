/// Live changes of the catalogue as rows: one a field of an item, the same in SQLite and in memory; docs/store.md is the specification.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/data/catalog.hpp"
#include "pannier/store/people.hpp"

namespace pannier::store {

/// The row that says no more than that the item is there.
inline constexpr std::string_view item_field = "item";

struct CatalogRow {
  std::string item, field;
  std::int64_t version = 0;
  std::vector<std::byte> value;   ///< A text, or for price and stock a little-endian f64.
};

/// XXH3-64 of item, field, version and value.
[[nodiscard]] std::uint64_t checksum(const CatalogRow& row);

/// The rows of the fields that `item` gives, beginning with item_field.
[[nodiscard]] std::vector<CatalogRow> catalog_rows(const data::CatalogItem& item, std::int64_t version);

/// Puts the row into `item`; false where it holds what no valid item does.
[[nodiscard]] bool apply(const CatalogRow& row, data::CatalogItem& item);

/// Refuses items that data::Catalog would refuse. Errors: invalid_argument naming the position and the field.
void require_valid_changes(std::span<const data::CatalogItem> items);

}  // namespace pannier::store
