#include "serve/overlay.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pannier::serve {

const Overlay::Item* Overlay::find(ItemKey key) const noexcept {
  const auto place = std::lower_bound(items.begin(), items.end(), key, [](const Item& item, ItemKey wanted) { return value(item.key) < value(wanted); });
  return place != items.end() && place->key == key ? &*place : nullptr;
}

std::size_t overlay_bytes(const std::string& id, const std::string& name) noexcept { return sizeof(Overlay::Item) + id.size() + name.size(); }

std::shared_ptr<const Overlay> with_changes(const Overlay& before, std::span<const store::ItemChange> changes) {
  std::vector<Overlay::Item> fresh;
  fresh.reserve(changes.size());
  auto out = std::make_shared<Overlay>();
  out->version = before.version;
  for (const auto& [item, version] : changes) {
    fresh.push_back({.key = item_key(item.id), .id = item.id, .name = item.name, .price = static_cast<float>(item.price),
                     .stock = static_cast<float>(item.stock)});
    out->version = std::max(out->version, version);
  }
  std::sort(fresh.begin(), fresh.end(), [](const Overlay::Item& a, const Overlay::Item& b) { return value(a.key) < value(b.key); });
  out->items.reserve(before.items.size() + fresh.size());
  auto old = before.items.begin();
  for (auto& item : fresh) {
    for (; old != before.items.end() && value(old->key) < value(item.key); ++old) out->items.push_back(*old);
    if (old != before.items.end() && old->key == item.key) {
      if (item.name.empty()) item.name = old->name;
      if (std::isnan(item.price)) item.price = old->price;
      if (std::isnan(item.stock)) item.stock = old->stock;
      ++old;
    }
    out->items.push_back(std::move(item));
  }
  out->items.insert(out->items.end(), old, before.items.end());
  for (const auto& item : out->items) out->bytes += overlay_bytes(item.id, item.name);
  return out;
}

}  // namespace pannier::serve
