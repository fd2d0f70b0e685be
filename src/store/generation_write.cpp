#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "pannier/core/error.hpp"
#include "pannier/store/generation.hpp"
#include "store/generation_layout.hpp"
#include "store/json_object.hpp"

namespace pannier::store {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void refuse(std::string where, std::string problem, std::string allowed = {}) {
  throw Error(ErrorCode::invalid_argument, std::move(where), std::move(problem), std::move(allowed));
}

/// Texts one after the other, text i between offsets i and i + 1.
struct Texts {
  std::vector<std::uint64_t> offsets{0};
  std::string bytes;
  void add(std::string_view text) {
    bytes += text;
    offsets.push_back(bytes.size());
  }
};

/// Texts that many items share, each kept once; text 0 is empty.
class SharedTexts {
 public:
  SharedTexts() { (void)number(""); }
  [[nodiscard]] std::uint32_t number(std::string_view text) {
    const auto [at, added] = numbers_.try_emplace(std::string(text), static_cast<std::uint32_t>(numbers_.size()));
    if (added) {
      if (numbers_.size() > std::numeric_limits<std::uint32_t>::max())
        refuse("items", "have more than 4294967295 distinct categories and attributes");
      texts_.add(text);
    }
    return at->second;
  }
  [[nodiscard]] const Texts& texts() const noexcept { return texts_; }

 private:
  std::unordered_map<std::string, std::uint32_t> numbers_;
  Texts texts_;
};

std::vector<ItemIndex> inverse(std::span<const ItemIndex> order, std::size_t items) {
  if (order.size() != items)
    refuse("order", "has " + std::to_string(order.size()) + " entries", std::to_string(items) + ", one an item");
  std::vector<ItemIndex> result(items, no_item);
  for (std::size_t i = 0; i < items; ++i) {
    const auto old = value(order[i]);
    if (old >= items || result[old] != no_item)
      refuse("order[" + std::to_string(i) + "]", "is " + std::to_string(old), "each index below " + std::to_string(items) + " once");
    result[old] = ItemIndex{static_cast<std::uint32_t>(i)};
  }
  return result;
}

/// The keys in generation order. Two items of one key are refused by naming both.
std::vector<std::uint64_t> keys_of(const std::vector<const data::CatalogItem*>& items) {
  std::vector<std::uint64_t> keys;
  keys.reserve(items.size());
  for (const auto* item : items) keys.push_back(value(item_key(item->id)));
  std::vector<std::uint32_t> by_key(items.size());
  std::iota(by_key.begin(), by_key.end(), 0u);
  std::sort(by_key.begin(), by_key.end(), [&](auto a, auto b) { return keys[a] != keys[b] ? keys[a] < keys[b] : a < b; });
  for (std::size_t i = 1; i < by_key.size(); ++i) {
    if (keys[by_key[i]] != keys[by_key[i - 1]]) continue;
    const auto& one = items[by_key[i - 1]]->id;
    const auto& two = items[by_key[i]]->id;
    if (one == two) refuse("items", "has the item '" + one + "' twice", "each item once");
    refuse("items", "the ids '" + one + "' and '" + two + "' have the same 64-bit key", "ids whose keys differ; rename one");
  }
  return keys;
}

std::vector<std::uint32_t> lookup_of(std::span<const std::uint64_t> keys) {
  std::vector<std::uint32_t> slots(layout::lookup_slots(keys.size()), layout::empty_slot);
  const auto mask = slots.size() - 1;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto slot = keys[i] & mask;
    while (slots[slot] != layout::empty_slot) slot = (slot + 1) & mask;
    slots[slot] = static_cast<std::uint32_t>(i);
  }
  return slots;
}

float amount(double number, bool may_be_negative, const std::string& id, const char* field) {
  if (std::isnan(number)) return std::numeric_limits<float>::quiet_NaN();
  const auto kept = static_cast<float>(number);
  if (!std::isfinite(kept) || (!may_be_negative && kept < 0))
    refuse("items: '" + id + "': " + field, "is " + std::to_string(number),
           may_be_negative ? "a finite number" : "a finite number, not negative");
  return kept;
}

Json object(std::string_view text, const std::string& where) {
  auto json = parse_json_object(text.empty() ? "{}" : text);
  if (!json) refuse(where, "is no JSON object", "an object, nested at most 64 deep");
  return std::move(*json);
}

void write_items(model::ArtifactWriter& writer, const std::vector<const data::CatalogItem*>& items,
                 std::span<const std::uint64_t> keys) {
  Texts ids, names;
  SharedTexts shared;
  std::vector<std::uint32_t> categories, pairs;
  std::vector<float> prices, stocks;
  std::vector<std::uint64_t> attribute_offsets{0};
  for (const auto* item : items) {
    ids.add(item->id);
    names.add(item->name);
    categories.push_back(shared.number(item->category));
    prices.push_back(amount(item->price, false, item->id, "price"));
    stocks.push_back(amount(item->stock, true, item->id, "stock"));
    const auto attribute = [&](std::string_view name, std::string_view text) {
      if (text.empty()) return;
      pairs.push_back(shared.number(name));
      pairs.push_back(shared.number(text));
    };
    attribute("brand", item->brand);
    attribute("image", item->image);
    for (const auto& [name, text] : item->attributes) attribute(name, text);
    attribute_offsets.push_back(pairs.size() / 2);
  }
  const auto array = [&]<class T>(std::string_view name, const std::vector<T>& values) {
    writer.array(name, std::span<const T>(values));
  };
  const auto text = [&](std::string_view name, const std::string& bytes) {
    writer.section(name, std::as_bytes(std::span(bytes)));
  };
  writer.array(layout::item_keys, keys);
  array(layout::item_lookup, lookup_of(keys));
  array(layout::item_id_offsets, ids.offsets);
  text(layout::item_id_bytes, ids.bytes);
  array(layout::item_name_offsets, names.offsets);
  text(layout::item_name_bytes, names.bytes);
  array(layout::item_categories, categories);
  array(layout::item_prices, prices);
  array(layout::item_stocks, stocks);
  array(layout::attribute_offsets, attribute_offsets);
  array(layout::attribute_pairs, pairs);
  array(layout::text_offsets, shared.texts().offsets);
  text(layout::text_bytes, shared.texts().bytes);
}

/// The sections of one model, under its prefix.
class PrefixWriter final : public model::SectionWriter {
 public:
  PrefixWriter(model::ArtifactWriter& writer, std::string prefix) : writer_(writer), prefix_(std::move(prefix)) {}
  void section(std::string_view name, std::span<const std::byte> bytes) override {
    writer_.section(prefix_ + std::string(name), bytes);
  }

 private:
  model::ArtifactWriter& writer_;
  std::string prefix_;
};

/// The model entries as JSON, checked against the models they tell of.
Json model_entries(const GenerationContent& content) {
  auto entries = Json::array();
  for (std::size_t i = 0; i < content.models.size(); ++i) {
    const auto& [entry, fitted] = content.models[i];
    const auto where = "models[" + std::to_string(i) + "]";
    if (!fitted) refuse(where, "is no model");
    if (entry.name.empty()) refuse(where + ".name", "is empty");
    if (entry.kind != fitted->kind())
      refuse(where + ".kind", "is '" + entry.kind + "'", "'" + std::string(fitted->kind()) + "', the kind of the model");
    if (fitted->item_count() != content.items.size())
      refuse(where, "knows " + std::to_string(fitted->item_count()) + " items",
             std::to_string(content.items.size()) + ", the items of the generation");
    for (const auto& other : entries)
      if (other["name"] == entry.name) refuse(where + ".name", "'" + entry.name + "' is the name of another model too");
    if (!std::isfinite(entry.fit_seconds)) refuse(where + ".fit_seconds", "is not finite");
    const auto config = entry.config_json.empty() ? fitted->config_json() : entry.config_json;
    entries.push_back({{"name", entry.name},
                       {"kind", entry.kind},
                       {"prefix", layout::model_prefix(i)},
                       {"config", object(config, where + ".config_json")},
                       {"fit_seconds", entry.fit_seconds}});
  }
  return entries;
}

}  // namespace

void write_generation(const std::filesystem::path& file, const GenerationContent& content) {
  if (content.items.size() >= value(no_item))
    refuse("items", "are " + std::to_string(content.items.size()), "at most 4294967294");
  const auto new_index = inverse(content.order, content.items.size());
  std::vector<const data::CatalogItem*> items;
  items.reserve(content.items.size());
  for (const auto old : content.order) items.push_back(&content.items[value(old)]);
  const auto keys = keys_of(items);

  const auto& info = content.info;
  const Json manifest = {{"id", info.id},
                         {"parent", info.parent},
                         {"created_us", info.created_us},
                         {"data_until", info.data_until},
                         {"catalog_until", info.catalog_until},
                         {"first_event_us", info.first_event_us},
                         {"last_event_us", info.last_event_us},
                         {"events", info.events},
                         {"users", info.users},
                         {"items", items.size()},
                         {"library_version", info.library_version},
                         {"config", object(info.config_json, "info.config_json")},
                         {"models", model_entries(content)}};
  std::string manifest_json;
  try {
    manifest_json = manifest.dump(1);
  } catch (const Json::exception&) {
    refuse("info", "holds a text that is no UTF-8");
  }

  model::ArtifactWriter writer(file);
  write_items(writer, items, keys);
  for (std::size_t i = 0; i < content.models.size(); ++i) {
    PrefixWriter sections(writer, layout::model_prefix(i));
    content.models[i].second->write(sections, {.old_index = content.order, .new_index = new_index});
  }
  writer.finish(manifest_json);
}

}  // namespace pannier::store
