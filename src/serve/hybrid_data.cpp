#include "serve/hybrid_data.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/data/catalog.hpp"
#include "serve/item_names.hpp"

namespace pannier::serve {
namespace {

/// What the catalogue knows of an item. `price` is where its text lives.
void attributes_of(const data::CatalogItem& item, std::array<char, 32>& price, std::vector<data::Attribute>& out) {
  for (const auto& [name, text] : {std::pair{"name", &item.name}, std::pair{"category", &item.category}, std::pair{"brand", &item.brand}})
    if (!text->empty()) out.push_back({name, *text});
  if (std::isfinite(item.price)) {
    const auto [end, error] = std::to_chars(price.data(), price.data() + price.size(), item.price, std::chars_format::fixed, 2);
    if (error == std::errc{}) out.push_back({"price", {price.data(), end}});
  }
  for (const auto& [name, text] : item.attributes) out.push_back({name, text});
}

/// Learned features and their rows, alive together.
struct Learned {
  data::FeatureSpace space;
  Csr rows;

  Learned(std::size_t count, const data::AttributesOf& attributes) : space(data::FeatureSpace::learn(count, attributes)), rows(space.matrix(count, attributes)) {}
  [[nodiscard]] cf::HybridFeatures features() const { return {rows, space}; }
};

}  // namespace

cf::HybridFit fit_hybrid_on(const FitData& data, const cf::HybridConfig& config, const FitControl& control) {
  const CsrView events = people_or_orders(data);
  const bool of_people = events.values.data() == data.events.values.data();
  const auto names = ItemNames(data);
  std::array<char, 32> price{};
  const data::AttributesOf of_item = [&](std::size_t item, std::vector<data::Attribute>& out) {
    if (data.catalog == nullptr) return;
    if (const auto* const known = data.catalog->find(item_key(names.all()[item]))) attributes_of(*known, price, out);
  };
  const data::AttributesOf of_user = [&](std::size_t user, std::vector<data::Attribute>& out) {
    if (of_people && data.log != nullptr && data.user_attributes) data.user_attributes(data.log->person_key(static_cast<std::uint32_t>(user)), out);
  };
  const Learned items(data.item_features.cols == 0 ? events.cols : 0, of_item), users(data.user_features.cols == 0 ? events.rows : 0, of_user);
  const auto item_features = data.item_features.cols != 0 ? cf::HybridFeatures{data.item_features, data.item_space} : items.features();
  const auto user_features = data.user_features.cols != 0 && of_people ? cf::HybridFeatures{data.user_features, data.user_space} : users.features();
  if (item_features.rows.cols == 0 && user_features.rows.cols == 0)
    throw Error(ErrorCode::invalid_argument, "hybrid", "reads features of items or people, and none are known", "an items file (--items) or users file (train --users) with attributes that several share, or item_features in Python");
  return cf::fit_hybrid(events, item_features, user_features, config, control);
}

}  // namespace pannier::serve
