#include "pannier/data/catalog.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "data/field_text.hpp"
#include "data/item_folding.hpp"
#include "data/line_faults.hpp"
#include "data/subject_file.hpp"
#include "data/table_file.hpp"
#include "pannier/core/error.hpp"
#include "pannier/data/event.hpp"

namespace pannier::data {
namespace {

SubjectFault price_fault(Cause cause, std::string problem) {
  return {cause, "price", std::move(problem), "a number from 0 to 1e12, or nothing where unknown"};
}
SubjectFault stock_fault(std::string problem) {
  return {Cause::bad_stock, "stock", std::move(problem), "a number within 1e9 either way, or nothing where unknown"};
}

std::optional<SubjectFault> find_fault(const CatalogItem& item) {
  if (item.id.empty()) return SubjectFault{Cause::missing_item, "item", "is empty", "an item id"};
  constexpr auto no_limit = longest_line;
  std::optional<SubjectFault> fault;
  const auto check = [&](std::string_view field, std::string_view text, std::size_t limit) {
    if (const auto flaw = text_flaw(text, limit); !fault && flaw != TextFlaw::none)
      fault = SubjectFault{cause_of(flaw), std::string(field), flaw_in_words(flaw, text), flaw_allowed(flaw, limit)};
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
std::optional<SubjectFault> read_item(const std::vector<std::string>& columns, std::span<const std::string_view> fields,
                                   CatalogItem& item) {
  std::optional<SubjectFault> fault;
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
        fault = SubjectFault{Cause::duplicate_item, "item", shown(item.id) + " stands twice in the file", "each item once"};
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

}  // namespace

Catalog read_catalog(const std::filesystem::path& file, OnError on_error, ImportSummary* summary, bool fold_item_case) {
  static constexpr std::array<std::string_view, 4> who = {"user", "visitor", "session", "order"};
  static constexpr std::array<std::string_view, 2> numbers = {"price", "stock"};
  static constexpr SubjectFile items_file = {.id = "item",
                                             .purpose = "the item's id",
                                             .example = R"({"item": ..., "name": ...})",
                                             .event_columns = who,
                                             .expected = "an items file: a line an item, with a column item and any of name, category, brand, price, stock, image",
                                             .words = "attributes",
                                             .numbers = numbers};
  CatalogReader items(on_error, fold_item_case);
  read_subjects(file, items_file, items.faults(),
                [&](const auto& columns, std::span<const std::string_view> fields, const Place& place) { items.take(columns, fields, place); });
  if (summary != nullptr) *summary = items.faults().summary();
  return std::move(items.catalog());
}

}  // namespace pannier::data
