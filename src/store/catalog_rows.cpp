#include "store/catalog_rows.hpp"

#include <cmath>
#include <cstring>
#include <utility>

#include "pannier/core/error.hpp"
#include "pannier/core/ids.hpp"

namespace pannier::store {
namespace {

constexpr std::string_view name_field = "name", category_field = "category", brand_field = "brand", image_field = "image", price_field = "price",
                           stock_field = "stock";
/// Before the name of an attribute, so that it is none of the fields above.
constexpr char attribute_mark = ':';

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> bytes_of(double number) {
  std::vector<std::byte> out(sizeof number);
  std::memcpy(out.data(), &number, sizeof number);
  return out;
}

}  // namespace

std::uint64_t checksum(const CatalogRow& row) {
  const auto of_text = [](std::string_view text, std::uint64_t seed) { return hash64(std::as_bytes(std::span(text)), seed); };
  return hash64(row.value, of_text(row.field, of_text(row.item, static_cast<std::uint64_t>(row.version))));
}

std::vector<CatalogRow> catalog_rows(const data::CatalogItem& item, std::int64_t version) {
  std::vector<CatalogRow> rows;
  const auto add = [&](std::string field, std::vector<std::byte> value) {
    rows.push_back({.item = item.id, .field = std::move(field), .version = version, .value = std::move(value)});
  };
  add(std::string(item_field), {});
  const auto text = [&](std::string_view field, const std::string& value) {
    if (!value.empty()) add(std::string(field), bytes_of(value));
  };
  text(name_field, item.name);
  text(category_field, item.category);
  text(brand_field, item.brand);
  text(image_field, item.image);
  if (!std::isnan(item.price)) add(std::string(price_field), bytes_of(item.price));
  if (!std::isnan(item.stock)) add(std::string(stock_field), bytes_of(item.stock));
  for (const auto& [name, value] : item.attributes)
    if (!value.empty()) add(attribute_mark + name, bytes_of(value));
  return rows;
}

bool apply(const CatalogRow& row, data::CatalogItem& item) {
  const std::string text(reinterpret_cast<const char*>(row.value.data()), row.value.size());
  const auto number = [&](double& out) {
    if (row.value.size() != sizeof out) return false;
    std::memcpy(&out, row.value.data(), sizeof out);
    return std::isfinite(out);
  };
  if (row.field == item_field) return row.value.empty();
  if (row.field == name_field) return item.name = text, true;
  if (row.field == category_field) return item.category = text, true;
  if (row.field == brand_field) return item.brand = text, true;
  if (row.field == image_field) return item.image = text, true;
  if (row.field == price_field) return number(item.price) && item.price >= 0;
  if (row.field == stock_field) return number(item.stock);
  if (row.field.size() < 2 || row.field[0] != attribute_mark) return false;
  item.attributes.emplace_back(row.field.substr(1), text);
  return true;
}

void require_valid_changes(std::span<const data::CatalogItem> items) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    data::Catalog checked;
    try {
      checked.upsert(items[i]);
    } catch (const Error& error) {
      throw Error(error.code(), "items[" + std::to_string(i) + "]." + error.where(), error.problem(), error.allowed());
    }
  }
}

}  // namespace pannier::store
