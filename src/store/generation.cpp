#include "pannier/store/generation.hpp"

#include <bit>
#include <limits>
#include <utility>

#include "pannier/core/error.hpp"
#include "store/generation_layout.hpp"
#include "store/json_object.hpp"

namespace pannier::store {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void refuse(const std::string& where, std::string problem, std::string allowed = {}) {
  throw Error(ErrorCode::malformed_input, where, std::move(problem), std::move(allowed));
}

/// A section as `count` values of T.
template <class T>
std::span<const T> array(const model::Artifact& file, const std::string& where, std::string_view name, std::uint64_t count) {
  const auto bytes = file.section(name);
  if (bytes.size() % sizeof(T) != 0 || bytes.size() / sizeof(T) != count)
    refuse(where, "section '" + std::string(name) + "' is " + std::to_string(bytes.size()) + " bytes long",
           std::to_string(count) + " values of " + std::to_string(sizeof(T)) + " bytes");
  return {reinterpret_cast<const T*>(bytes.data()), static_cast<std::size_t>(count)};
}

/// Texts one after the other; a damaged offset gives an empty text.
class Texts {
 public:
  Texts() = default;
  Texts(std::span<const std::uint64_t> offsets, std::span<const std::byte> bytes) : offsets_(offsets), bytes_(bytes) {}
  [[nodiscard]] std::string_view operator[](std::uint64_t i) const noexcept {
    if (i + 1 >= offsets_.size()) return {};
    const auto begin = offsets_[static_cast<std::size_t>(i)], end = offsets_[static_cast<std::size_t>(i) + 1];
    if (begin > end || end > bytes_.size()) return {};
    return {reinterpret_cast<const char*>(bytes_.data()) + begin, static_cast<std::size_t>(end - begin)};
  }
  /// The offsets ascend from 0 to the end of the bytes.
  [[nodiscard]] bool sound() const noexcept {
    if (offsets_.empty() || offsets_.front() != 0 || offsets_.back() != bytes_.size()) return false;
    for (std::size_t i = 1; i < offsets_.size(); ++i)
      if (offsets_[i] < offsets_[i - 1]) return false;
    return true;
  }
  [[nodiscard]] std::uint64_t count() const noexcept { return offsets_.size() - 1; }

 private:
  std::span<const std::uint64_t> offsets_;
  std::span<const std::byte> bytes_;
};

class MappedItems final : public ItemTable {
 public:
  MappedItems(const model::Artifact& file, std::uint32_t items, const std::string& where)
      : keys_(array<std::uint64_t>(file, where, layout::item_keys, items)),
        ids_(array<std::uint64_t>(file, where, layout::item_id_offsets, std::uint64_t{items} + 1),
             file.section(layout::item_id_bytes)),
        names_(array<std::uint64_t>(file, where, layout::item_name_offsets, std::uint64_t{items} + 1),
               file.section(layout::item_name_bytes)),
        categories_(array<std::uint32_t>(file, where, layout::item_categories, items)),
        prices_(array<float>(file, where, layout::item_prices, items)),
        stocks_(array<float>(file, where, layout::item_stocks, items)),
        lookup_(array<std::uint32_t>(file, where, layout::item_lookup, layout::lookup_slots(items))),
        attribute_offsets_(array<std::uint64_t>(file, where, layout::attribute_offsets, std::uint64_t{items} + 1)),
        pairs_(array<std::uint32_t>(file, where, layout::attribute_pairs,
                                    file.section(layout::attribute_pairs).size() / (2 * sizeof(std::uint32_t)) * 2)) {
    const auto texts = file.section(layout::text_offsets).size() / sizeof(std::uint64_t);
    if (texts == 0) refuse(where, "section '" + std::string(layout::text_offsets) + "' is empty");
    texts_ = Texts(array<std::uint64_t>(file, where, layout::text_offsets, texts), file.section(layout::text_bytes));
  }

  /// What checksums cannot tell of bytes that were written wrong. Cost: O(items).
  void require_sound(const std::string& where) const {
    if (!ids_.sound() || !names_.sound() || !texts_.sound()) refuse(where, "the offsets of its texts do not ascend");
    for (std::uint32_t i = 0; i < size(); ++i) {
      const ItemIndex item{i};
      if (item_key(id(item)) != key(item)) refuse(where, "item " + std::to_string(i) + " has another key than its id gives");
      if (find(key(item)) != item) refuse(where, "item " + std::to_string(i) + " is not found by its key");
      if (categories_[i] >= texts_.count()) refuse(where, "item " + std::to_string(i) + " has a category out of range");
      if (attribute_offsets_[i] > attribute_offsets_[i + 1] || attribute_offsets_[i + 1] > pairs_.size() / 2)
        refuse(where, "item " + std::to_string(i) + " has attributes out of range");
    }
    for (const auto text : pairs_)
      if (text >= texts_.count()) refuse(where, "an attribute's text is out of range");
  }

  std::uint32_t size() const noexcept override { return static_cast<std::uint32_t>(keys_.size()); }
  ItemKey key(ItemIndex item) const noexcept override { return ItemKey{at(keys_, item, std::uint64_t{0})}; }
  std::string_view id(ItemIndex item) const noexcept override { return ids_[value(item)]; }
  std::string_view item_name(ItemIndex item) const noexcept override { return names_[value(item)]; }
  std::string_view category(ItemIndex item) const noexcept override {
    return value(item) < size() ? texts_[categories_[value(item)]] : std::string_view{};
  }
  float price(ItemIndex item) const noexcept override { return at(prices_, item, std::numeric_limits<float>::quiet_NaN()); }
  float stock(ItemIndex item) const noexcept override { return at(stocks_, item, std::numeric_limits<float>::quiet_NaN()); }

  std::optional<ItemIndex> find(ItemKey wanted) const noexcept override {
    const auto mask = lookup_.size() - 1;
    auto slot = static_cast<std::size_t>(value(wanted)) & mask;
    for (std::size_t probes = 0; probes < lookup_.size(); ++probes, slot = (slot + 1) & mask) {
      const auto item = lookup_[slot];
      if (item == layout::empty_slot) return std::nullopt;
      if (item < keys_.size() && keys_[item] == value(wanted)) return ItemIndex{item};
    }
    return std::nullopt;
  }

  std::vector<std::pair<std::string_view, std::string_view>> attributes(ItemIndex item) const override {
    std::vector<std::pair<std::string_view, std::string_view>> found;
    if (value(item) >= size()) return found;
    const auto begin = attribute_offsets_[value(item)];
    const auto end = attribute_offsets_[std::size_t{value(item)} + 1];
    if (begin > end || end > pairs_.size() / 2) return found;
    for (auto i = static_cast<std::size_t>(begin); i < end; ++i)
      found.emplace_back(texts_[pairs_[2 * i]], texts_[pairs_[2 * i + 1]]);
    return found;
  }

 private:
  template <class T>
  static T at(std::span<const T> values, ItemIndex item, T otherwise) noexcept {
    return value(item) < values.size() ? values[value(item)] : otherwise;
  }

  std::span<const std::uint64_t> keys_;
  Texts ids_, names_;
  std::span<const std::uint32_t> categories_;
  std::span<const float> prices_, stocks_;
  std::span<const std::uint32_t> lookup_;
  std::span<const std::uint64_t> attribute_offsets_;
  std::span<const std::uint32_t> pairs_;
  Texts texts_;
};

/// The sections of one model, found under its prefix.
class PrefixReader final : public model::SectionReader {
 public:
  PrefixReader(std::shared_ptr<const model::Artifact> file, std::string prefix, std::shared_ptr<const std::string> config)
      : file_(std::move(file)), prefix_(std::move(prefix)), config_(std::move(config)) {}
  std::span<const std::byte> section(std::string_view name) const override {
    return file_->section(prefix_ + std::string(name));
  }
  std::shared_ptr<const void> keeper() const override { return file_; }
  std::string_view config_json() const override { return *config_; }

 private:
  std::shared_ptr<const model::Artifact> file_;
  std::string prefix_;
  std::shared_ptr<const std::string> config_;
};

/// A manifest's fields, each of the type it must have.
class Fields {
 public:
  Fields(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object_.is_object()) refuse(where_, "is no JSON object");
  }
  [[nodiscard]] std::string text(const char* name) const {
    const auto& field = get(name);
    if (!field.is_string()) wrong(name, "a text");
    return field.get<std::string>();
  }
  [[nodiscard]] std::int64_t integer(const char* name) const {
    const auto& field = get(name);
    const bool too_large = field.is_number_unsigned() &&
                           field.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (!field.is_number_integer() || too_large) wrong(name, "a signed 64-bit integer");
    return field.get<std::int64_t>();
  }
  [[nodiscard]] std::uint64_t count(const char* name) const {
    const auto& field = get(name);
    if (!field.is_number_unsigned()) wrong(name, "an integer, not negative");
    return field.get<std::uint64_t>();
  }
  [[nodiscard]] double number(const char* name) const {
    const auto& field = get(name);
    if (!field.is_number()) wrong(name, "a number");
    return field.get<double>();
  }
  [[nodiscard]] std::string object(const char* name) const {
    const auto& field = get(name);
    if (!field.is_object()) wrong(name, "a JSON object");
    return field.dump();
  }
  [[nodiscard]] const Json& list(const char* name) const {
    const auto& field = get(name);
    if (!field.is_array()) wrong(name, "a list");
    return field;
  }
  [[noreturn]] void wrong(const char* name, std::string allowed) const {
    refuse(where_ + ": " + name, "is missing or of the wrong kind", std::move(allowed));
  }

 private:
  [[nodiscard]] const Json& get(const char* name) const {
    static const Json absent;
    const auto found = object_.find(name);
    return found == object_.end() ? absent : *found;
  }
  const Json& object_;
  std::string where_;
};

class OpenGeneration final : public Generation {
 public:
  OpenGeneration(std::shared_ptr<const model::Artifact> file, const std::string& where, model::Check check)
      : file_(std::move(file)) {
    read_manifest(where + ": manifest");
    items_ = std::make_unique<MappedItems>(*file_, static_cast<std::uint32_t>(info_.items), where);
    if (check == model::Check::full) items_->require_sound(where);
  }

  const GenerationInfo& info() const noexcept override { return info_; }
  const ItemTable& items() const noexcept override { return *items_; }
  const std::vector<ModelEntry>& models() const noexcept override { return models_; }
  std::uint64_t size_bytes() const noexcept override { return file_->size_bytes(); }
  std::unique_ptr<model::SectionReader> reader(std::size_t i) const override {
    if (i >= models_.size())
      throw Error(ErrorCode::invalid_argument, "model " + std::to_string(i), "is not there",
                  "a number below " + std::to_string(models_.size()));
    return std::make_unique<PrefixReader>(file_, prefixes_[i], configs_[i]);
  }

 private:
  void read_manifest(const std::string& where) {
    const auto json = parse_json_object(file_->manifest_json());
    if (!json) refuse(where, "is no JSON object", "an object, nested at most 64 deep");
    const Fields fields(*json, where);
    info_.id = fields.text("id");
    info_.parent = fields.text("parent");
    info_.created_us = fields.integer("created_us");
    info_.data_until = fields.integer("data_until");
    if (json->contains("catalog_until")) info_.catalog_until = fields.integer("catalog_until");  // Older files have none.
    info_.first_event_us = fields.integer("first_event_us");
    info_.last_event_us = fields.integer("last_event_us");
    info_.events = fields.count("events");
    info_.users = fields.count("users");
    info_.items = fields.count("items");
    if (info_.items >= value(no_item)) fields.wrong("items", "at most 4294967294");
    info_.config_json = fields.object("config");
    info_.library_version = fields.text("library_version");
    for (const auto& entry : fields.list("models")) {
      const Fields model(entry, where + ": models[" + std::to_string(models_.size()) + "]");
      models_.push_back({.name = model.text("name"),
                         .kind = model.text("kind"),
                         .config_json = model.object("config"),
                         .fit_seconds = model.number("fit_seconds")});
      prefixes_.push_back(model.text("prefix"));
      configs_.push_back(std::make_shared<const std::string>(models_.back().config_json));
    }
  }

  std::shared_ptr<const model::Artifact> file_;
  GenerationInfo info_;
  std::vector<ModelEntry> models_;
  std::vector<std::string> prefixes_;
  std::vector<std::shared_ptr<const std::string>> configs_;
  std::unique_ptr<MappedItems> items_;
};

}  // namespace

std::shared_ptr<const Generation> Generation::open(const std::filesystem::path& file, model::Check check) {
  return std::make_shared<OpenGeneration>(model::Artifact::open(file, check), file.string(), check);
}

std::shared_ptr<const Generation> Generation::open(std::span<const std::byte> bytes, model::Check check) {
  return std::make_shared<OpenGeneration>(model::Artifact::open(bytes, check, "generation"), "generation", check);
}

data::Catalog catalog_of(const ItemTable& items) {
  data::Catalog out;
  for (std::uint32_t i = 0; i < items.size(); ++i) {
    const ItemIndex item{i};
    data::CatalogItem known{.id = std::string(items.id(item)),
                            .name = std::string(items.item_name(item)),
                            .category = std::string(items.category(item)),
                            .brand = {},
                            .image = {},
                            .price = items.price(item),
                            .stock = items.stock(item),
                            .attributes = {}};
    for (const auto& [name, text] : items.attributes(item)) {
      if (name == "brand") known.brand = text;
      else if (name == "image") known.image = text;
      else known.attributes.emplace_back(name, text);
    }
    out.upsert(std::move(known));
  }
  return out;
}

}  // namespace pannier::store
