#include "pannier/data/catalog.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "data/field_text.hpp"
#include "data/item_folding.hpp"
#include "data/json_line.hpp"
#include "data/line_faults.hpp"
#include "data/table_file.hpp"
#include "data/text_arena.hpp"
#include "pannier/core/error.hpp"
#include "pannier/data/event.hpp"

namespace pannier::data {
namespace {

/// What is wrong with an item: the field, and the error's two halves.
struct ItemFault {
  Cause cause{};
  std::string field, problem, allowed;
};

ItemFault price_fault(Cause cause, std::string problem) {
  return {cause, "price", std::move(problem), "a number from 0 to 1e12, or nothing where unknown"};
}
ItemFault stock_fault(std::string problem) {
  return {Cause::bad_stock, "stock", std::move(problem), "a number within 1e9 either way, or nothing where unknown"};
}

std::optional<ItemFault> find_fault(const CatalogItem& item) {
  if (item.id.empty()) return ItemFault{Cause::missing_item, "item", "is empty", "an item id"};
  constexpr auto no_limit = longest_line;
  std::optional<ItemFault> fault;
  const auto check = [&](std::string_view field, std::string_view text, std::size_t limit) {
    if (const auto flaw = text_flaw(text, limit); !fault && flaw != TextFlaw::none)
      fault = ItemFault{cause_of(flaw), std::string(field), flaw_in_words(flaw, text), flaw_allowed(flaw, limit)};
  };
  check("item", item.id, longest_text);
  check("name", item.name, longest_text);
  check("category", item.category, longest_text);
  check("brand", item.brand, longest_text);
  check("image", item.image, longest_text);
  for (const auto& [name, value] : item.attributes) {
    check(name, name, longest_text);
    check(name, value, no_limit);
  }
  if (fault) return fault;
  if (!std::isnan(item.price) && !(item.price >= 0 && item.price <= largest_price))
    return price_fault(item.price < 0 ? Cause::negative_price : Cause::bad_price, std::to_string(item.price));
  if (!std::isnan(item.stock) && !(std::abs(item.stock) <= largest_quantity)) return stock_fault(std::to_string(item.stock));
  return std::nullopt;
}

/// An item from the fields of a line; a fault of the numbers is told with the text of the file.
std::optional<ItemFault> read_item(const std::vector<std::string>& columns, std::span<const std::string_view> fields,
                                   CatalogItem& item) {
  std::optional<ItemFault> fault;
  for (std::size_t column = 0; column < columns.size(); ++column) {
    const auto& name = columns[column];
    const auto text = fields[column];
    if (name == "item") item.id = text;
    else if (name == "name") item.name = text;
    else if (name == "category") item.category = text;
    else if (name == "brand") item.brand = text;
    else if (name == "image") item.image = text;
    else if (text.empty() || name.empty()) continue;
    else if (name == "price") {
      const auto price = parse_number(text);
      if (!price || !(*price <= largest_price)) fault = price_fault(Cause::bad_price, shown(text));
      else if (*price < 0) fault = price_fault(Cause::negative_price, shown(text));
      else item.price = *price;
    } else if (name == "stock") {
      const auto stock = parse_number(text);
      if (!stock || !(std::abs(*stock) <= largest_quantity)) fault = stock_fault(shown(text));
      else item.stock = *stock;
    } else {
      item.attributes.emplace_back(name, text);
    }
  }
  auto other = find_fault(item);
  return other ? other : fault;
}

}  // namespace

void Catalog::upsert(CatalogItem item) {
  if (auto fault = find_fault(item))
    throw Error(ErrorCode::invalid_argument, fault->field, std::move(fault->problem), std::move(fault->allowed));
  const auto [entry, is_new] = by_key_.try_emplace(value(item_key(item.id)), items_.size());
  if (is_new) {
    try {
      items_.push_back(std::move(item));
    } catch (...) {
      by_key_.erase(entry);
      throw;
    }
    return;
  }
  auto& known = items_[entry->second];
  if (known.id != item.id)
    throw Error(ErrorCode::invalid_argument, "item", shown(item.id) + " and " + shown(known.id) + " have the same key",
                "another id for one of the two");
  known = std::move(item);
}

const CatalogItem* Catalog::find(ItemKey key) const noexcept {
  const auto found = by_key_.find(value(key));
  return found == by_key_.end() ? nullptr : &items_[found->second];
}

namespace {

/// Takes items in the file's order, whatever its format.
class CatalogReader {
 public:
  CatalogReader(OnError on_error, bool fold) : faults_(on_error), fold_(fold) {}

  /// `place(field)` gives FILE:LINE:FIELD.
  template <class Place>
  void take(const std::vector<std::string>& columns, std::span<const std::string_view> fields, const Place& place) {
    CatalogItem item;
    auto fault = read_item(columns, fields, item);
    bool wrong = true;
    if (fold_) {
      item.id = trimmed(item.id);
      for (auto& c : item.id) c = to_capital(c);
    }
    if (!fault) {
      const auto* twin = catalog_.find(item_key(item.id));
      if (twin != nullptr && twin->id == item.id) {
        fault = ItemFault{Cause::duplicate_item, "item", shown(item.id) + " stands twice in the file", "each item once"};
        wrong = !fold_;  // The other spelling of a code is no error.
      }
    }
    if (fault)
      return faults_.drop(fault->cause, wrong, [&] { return Error(ErrorCode::malformed_input, place(fault->field), fault->problem, fault->allowed); });
    try {
      catalog_.upsert(std::move(item));
    } catch (const Error& error) {  // Two ids of one key: the line is known here.
      throw Error(ErrorCode::malformed_input, place(error.where()), error.problem(), error.allowed());
    }
    faults_.count_given();
  }

  [[nodiscard]] LineFaults& faults() noexcept { return faults_; }
  [[nodiscard]] Catalog& catalog() noexcept { return catalog_; }

 private:
  LineFaults faults_;
  Catalog catalog_;
  bool fold_;
};

/// Refuses what has the columns of an event. `has(column)`.
template <class Has>
void refuse_events(const Has& has, const std::string& where) {
  for (const auto* person : {"user", "visitor", "session", "order"})
    if (has("time") && has("kind") && has(person))
      throw Error(ErrorCode::malformed_input, where, std::string("is an event file: it has the columns time, kind and ") + person,
                  "an items file: a line an item, with a column item and any of name, category, brand, price, stock, image");
}

void read_table(CatalogReader& items, RecordReader reader) {
  TableFile table(std::move(reader));
  if (!table.find("item")) table.refuse_missing("item", "the item's id", "a column named item");
  refuse_events([&](const char* column) { return table.find(column).has_value(); }, table.reader().name() + ":1");
  table.read(
      items.faults(), [] {},
      [&](std::span<const std::string_view> fields) { items.take(table.columns(), fields, [&](const std::string& field) { return table.where(field); }); });
}

/// An object a line: its texts and numbers are the columns; a list of texts is joined by "/", as a category's path.
void read_json(CatalogReader& items, RecordReader reader) {
  JsonLine line;
  TextArena arena;
  std::vector<std::string> columns;
  std::vector<std::string_view> fields;
  auto& faults = items.faults();
  const auto place = [&](const std::string& field) { return reader.where(reader.line()) + (field.empty() ? "" : ":" + field); };
  const auto refuse = [&](Cause cause, const std::string& field, const std::string& problem, const std::string& allowed) {
    faults.drop(cause, [&] { return Error(ErrorCode::malformed_input, place(field), problem, allowed); });
  };
  const auto text_of = [&](const JsonValue& value) {
    if (value.type == JsonValue::Type::null) return std::string_view();
    return value.type == JsonValue::Type::number ? shortest_number(value.text, arena) : value.text;
  };
  const auto take = [&] {
    const auto& values = line.values();
    columns.clear();
    fields.clear();
    for (std::uint32_t at = 1; at < values[0].end; at = values[at].end) {
      const auto& value = values[at];
      const std::string key(value.key);
      if (std::find(columns.begin(), columns.end(), key) != columns.end()) return refuse(Cause::bad_json, key, "the key stands twice", "each key once");
      std::string joined;
      for (auto inner = at + 1; inner < value.end; inner = values[inner].end) {
        const auto type = values[inner].type;
        if (value.type != JsonValue::Type::array || (type != JsonValue::Type::text && type != JsonValue::Type::number))
          return refuse(Cause::bad_type, key, "holds more than texts and numbers", "a text, a number, true, false, or a list of texts");
        (joined += joined.empty() ? "" : "/") += text_of(values[inner]);
      }
      columns.push_back(key);
      fields.push_back(value.end > at + 1 ? arena.keep(joined) : text_of(value));
    }
    refuse_events([&](const char* column) { return std::find(columns.begin(), columns.end(), column) != columns.end(); }, place(""));
    items.take(columns, fields, place);
  };
  for (auto step = reader.next(); step != RecordReader::Step::end; step = reader.next()) {
    if (step == RecordReader::Step::block_end) {
      reader.load();
      continue;
    }
    const auto text = reader.fields()[0];
    if (trimmed(text).empty()) continue;
    faults.count_line();
    arena.clear();
    if (const auto fault = line.parse(text, arena)) refuse(Cause::bad_json, "", "at byte " + std::to_string(fault->at + 1) + ": " + fault->problem, fault->allowed);
    else take();
  }
  if (faults.lines() == 0) throw Error(ErrorCode::malformed_input, reader.where(1), "the file is empty", "a JSON object a line, {\"item\": ..., \"name\": ...}");
}

}  // namespace

Catalog read_catalog(const std::filesystem::path& file, OnError on_error, ImportSummary* summary, bool fold_item_case) {
  CatalogReader items(on_error, fold_item_case);
  RecordReader reader(open_bytes(file), file);
  if (reader.dialect() == Dialect::json) read_json(items, std::move(reader));
  else read_table(items, std::move(reader));
  if (summary != nullptr) *summary = items.faults().summary();
  return std::move(items.catalog());
}

}  // namespace pannier::data
