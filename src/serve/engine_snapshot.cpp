#include "serve/engine_snapshot.hpp"

#include <cmath>
#include <string>
#include <string_view>

#include "pannier/core/error.hpp"
#include "pannier/serve/registry.hpp"
#include "serve/json_text.hpp"

namespace pannier::serve {

std::shared_ptr<const Snapshot> open_snapshot(std::shared_ptr<const store::Generation> generation) {
  auto snapshot = std::make_shared<Snapshot>();
  const auto where = "generation " + generation->info().id + ": config";
  const auto& entries = generation->models();
  const auto config = parse_object(generation->info().config_json, where);
  if (config.contains("events")) snapshot->weighting = data::weighting_from_json(config.at("events").dump(), below(where, "events"));
  snapshot->models = open_models(*generation);

  const auto find = [&](std::string_view name) -> const model::Recommender* {
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (entries[i].name == name) return snapshot->models[i].get();
    return nullptr;
  };
  snapshot->popular = find("popular");
  snapshot->together = find("together");
  snapshot->trending = find("trending");
  snapshot->seasonal = find("seasonal");
  snapshot->buy_again = find("buy_again");
  const auto* item_knn = find("item_knn");
  for (const auto& opened : snapshot->models)
    if (snapshot->personal == nullptr && opened->vectors() != nullptr) snapshot->personal = opened.get();
  if (snapshot->personal == nullptr) snapshot->personal = item_knn;
  if (const auto* blend = find("blend")) snapshot->personal = blend;

  const auto serving = config.value("serving", Json::object());
  const auto choose = [&](const char* step, const model::Recommender*& model) {
    if (!serving.is_object() || !serving.contains(step)) return;
    const auto& name = serving.at(step);
    model = name.is_string() ? find(name.get_ref<const std::string&>()) : nullptr;
    if (model == nullptr)
      throw Error(ErrorCode::malformed_input, below(where, std::string("serving.") + step), "is " + described(name), "a model of the generation");
  };
  choose("personal", snapshot->personal);
  snapshot->similar = item_knn != nullptr ? item_knn : snapshot->personal;
  choose("similar", snapshot->similar);
  snapshot->categories = std::make_shared<const Categories>(generation);
  const auto& items = generation->items();
  snapshot->in_stock = ItemSet(items.size(), true);
  for (std::uint32_t i = 0; i < items.size(); ++i) {
    if (!(items.stock(ItemIndex{i}) <= 0)) continue;  // NaN: unknown.
    snapshot->in_stock.erase(ItemIndex{i});
    snapshot->all_in_stock = false;
  }
  auto overlay = std::make_shared<Overlay>();
  overlay->version = generation->info().catalog_until;
  snapshot->overlay = std::move(overlay);
  snapshot->generation = std::move(generation);
  return snapshot;
}

std::shared_ptr<const Snapshot> with_changes(const Snapshot& snapshot, std::span<const store::ItemChange> changes) {
  auto next = std::make_shared<Snapshot>(snapshot);
  next->overlay = with_changes(*snapshot.overlay, changes);
  const auto& items = snapshot.generation->items();
  for (const auto& [item, version] : changes) {
    if (std::isnan(item.stock)) continue;
    const auto index = items.find(item_key(item.id));
    if (!index) continue;
    item.stock > 0 ? next->in_stock.insert(*index) : next->in_stock.erase(*index);
  }
  next->all_in_stock = next->in_stock.count() == items.size();
  return next;
}

}  // namespace pannier::serve
