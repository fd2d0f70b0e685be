#include "pannier/data/event_log.hpp"

#include <algorithm>
#include <cstring>

#include "data/key_table.hpp"
#include "pannier/core/error.hpp"

namespace pannier::data {
namespace {

/// Texts in large pieces that never move.
class Arena {
 public:
  /// A copy of `text` with room for `capacity` bytes.
  char* put(std::string_view text, std::size_t capacity) {
    if (capacity > left_) {
      const auto size = std::max(piece, capacity);
      pieces_.push_back(std::make_unique<char[]>(size));
      next_ = pieces_.back().get();
      left_ = size;
    }
    char* const place = next_;
    if (!text.empty()) std::memcpy(place, text.data(), text.size());
    next_ += capacity;
    left_ -= capacity;
    return place;
  }

 private:
  static constexpr std::size_t piece = std::size_t{1} << 16;
  std::vector<std::unique_ptr<char[]>> pieces_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

struct Item {
  const char* id = nullptr;
  char* name = nullptr;
  std::uint32_t id_length = 0, name_length = 0, name_capacity = 0;
  [[nodiscard]] std::string_view id_text() const noexcept { return {id, id_length}; }
  [[nodiscard]] std::string_view name_text() const noexcept { return {name, name_length}; }
};

std::string quoted(std::string_view id) { return "'" + std::string(id) + "'"; }

[[noreturn]] void refuse_full(std::string_view what) {
  throw Error(ErrorCode::unsupported, "event log", "has 4294967295 " + std::string(what), "fewer");
}

UserKey text_key(std::string_view text) { return hash128(std::as_bytes(std::span(text.data(), text.size()))); }

/// Grows like push_back, and beforehand, so that the push_backs after it cannot fail.
template <class T>
void reserve_one(std::vector<T>& column) {
  if (column.size() == column.capacity()) column.reserve(column.empty() ? 256 : column.size() * 2);
}

}  // namespace

struct EventLog::State {
  std::vector<std::uint32_t> persons, items, orders;
  std::vector<EventKind> kinds;
  std::vector<std::int64_t> times;
  std::vector<float> quantities, prices;

  std::vector<UserKey> person_keys, order_keys;
  KeyTable person_table, order_table;
  std::vector<std::uint64_t> item_keys;
  std::vector<Item> item_rows;
  KeyTable item_table;
  Arena texts;

  /// The number of a key of people or orders; a new one at the end.
  static std::uint32_t number_of(const UserKey& key, std::vector<UserKey>& keys, KeyTable& table, std::string_view what) {
    const auto found = table.find(key.low, [&](std::uint32_t n) { return keys[n] == key; });
    if (found != KeyTable::none) return found;
    if (keys.size() >= KeyTable::none) refuse_full(what);
    table.reserve_one([&](std::uint32_t n) { return keys[n].low; });
    keys.push_back(key);
    const auto number = static_cast<std::uint32_t>(keys.size() - 1);
    table.insert(key.low, number);
    return number;
  }

  [[nodiscard]] std::uint32_t find_item(std::uint64_t key) const noexcept {
    return item_table.find(key, [&](std::uint32_t n) { return item_keys[n] == key; });
  }

  std::uint32_t item_number(std::string_view id) {
    const auto key = value(item_key(id));
    const auto found = find_item(key);
    if (found != KeyTable::none) {
      if (item_rows[found].id_text() != id)
        throw Error(ErrorCode::invalid_argument, "item",
                    quoted(id) + " and " + quoted(item_rows[found].id_text()) + " have one item key",
                    "ids whose keys differ: rename one of the two");
      return found;
    }
    if (item_keys.size() >= KeyTable::none) refuse_full("items");
    item_table.reserve_one([&](std::uint32_t n) { return item_keys[n]; });
    reserve_one(item_keys);
    reserve_one(item_rows);
    Item item;
    item.id = texts.put(id, id.size());
    item.id_length = static_cast<std::uint32_t>(id.size());
    const auto number = static_cast<std::uint32_t>(item_keys.size());
    item_keys.push_back(key);
    item_rows.push_back(item);
    item_table.insert(key, number);
    return number;
  }

  void set_name(Item& item, std::string_view name) {
    if (name.empty() || item.name_text() == name) return;
    if (name.size() > item.name_capacity) {
      item.name = texts.put(name, name.size());
      item.name_capacity = static_cast<std::uint32_t>(name.size());
    } else {
      std::memcpy(item.name, name.data(), name.size());
    }
    item.name_length = static_cast<std::uint32_t>(name.size());
  }
};

EventLog::EventLog() : state_(std::make_unique<State>()) {}
EventLog::~EventLog() = default;
EventLog::EventLog(EventLog&&) noexcept = default;
EventLog& EventLog::operator=(EventLog&&) noexcept = default;

void EventLog::append(const Event& event) {
  require_valid(event, "event");
  append(data::person_key(event), event.item, event.item_name, event.kind, event.time_us, event.quantity, event.price, event.order);
}

void EventLog::append(const std::optional<UserKey>& person, std::string_view item, std::string_view item_name, EventKind kind,
                      std::int64_t time_us, double quantity, double price, std::string_view order) {
  auto& s = *state_;
  for (auto* column : {&s.persons, &s.items, &s.orders}) reserve_one(*column);
  reserve_one(s.kinds);
  reserve_one(s.times);
  reserve_one(s.quantities);
  reserve_one(s.prices);
  // The item may be refused, so it comes first.
  const auto item_number = item.empty() ? value(no_item) : s.item_number(item);
  const auto person_number = person ? State::number_of(*person, s.person_keys, s.person_table, "people") : no_person;
  std::uint32_t order_number = no_order;
  if (!order.empty()) {
    const auto key = text_key(order);
    // The lines of an order stand together.
    const auto last = s.orders.empty() ? no_order : s.orders.back();
    order_number = last != no_order && s.order_keys[last] == key ? last : State::number_of(key, s.order_keys, s.order_table, "orders");
  }
  if (!item.empty()) s.set_name(s.item_rows[item_number], item_name);

  s.persons.push_back(person_number);
  s.items.push_back(item_number);
  s.orders.push_back(order_number);
  s.kinds.push_back(kind);
  s.times.push_back(time_us);
  s.quantities.push_back(static_cast<float>(quantity));
  s.prices.push_back(static_cast<float>(price));
}

ItemIndex EventLog::add_item(std::string_view id) {
  if (id.empty()) throw Error(ErrorCode::invalid_argument, "item", "is empty", "an item id");
  return ItemIndex{state_->item_number(id)};
}

std::size_t EventLog::size() const noexcept { return state_->times.size(); }
std::uint32_t EventLog::person_count() const noexcept { return static_cast<std::uint32_t>(state_->person_keys.size()); }
std::uint32_t EventLog::item_count() const noexcept { return static_cast<std::uint32_t>(state_->item_keys.size()); }
std::uint32_t EventLog::order_count() const noexcept { return static_cast<std::uint32_t>(state_->order_keys.size()); }

std::span<const std::uint32_t> EventLog::persons() const noexcept { return state_->persons; }
std::span<const std::uint32_t> EventLog::items() const noexcept { return state_->items; }
std::span<const EventKind> EventLog::kinds() const noexcept { return state_->kinds; }
std::span<const std::int64_t> EventLog::times_us() const noexcept { return state_->times; }
std::span<const float> EventLog::quantities() const noexcept { return state_->quantities; }
std::span<const float> EventLog::prices() const noexcept { return state_->prices; }
std::span<const std::uint32_t> EventLog::orders() const noexcept { return state_->orders; }

UserKey EventLog::person_key(std::uint32_t person) const noexcept {
  return person < state_->person_keys.size() ? state_->person_keys[person] : UserKey{};
}
std::string_view EventLog::item_id(ItemIndex item) const noexcept {
  return value(item) < item_count() ? state_->item_rows[value(item)].id_text() : std::string_view{};
}
std::string_view EventLog::item_name(ItemIndex item) const noexcept {
  return value(item) < item_count() ? state_->item_rows[value(item)].name_text() : std::string_view{};
}
std::optional<std::uint32_t> EventLog::find_person(const UserKey& key) const noexcept {
  const auto& s = *state_;
  const auto number = s.person_table.find(key.low, [&](std::uint32_t n) { return s.person_keys[n] == key; });
  return number == KeyTable::none ? std::nullopt : std::optional(number);
}
std::optional<ItemIndex> EventLog::find_item(ItemKey key) const noexcept {
  const auto number = state_->find_item(value(key));
  return number == KeyTable::none ? std::nullopt : std::optional(ItemIndex{number});
}

EventLog filtered(const EventLog& log, const std::function<bool(std::size_t place)>& keep, std::span<const std::uint32_t> items) {
  EventLog out;
  for (const auto item : items) out.add_item(log.item_id(ItemIndex{item}));
  for (std::size_t place = 0; place < log.size(); ++place) {
    if (!keep(place)) continue;
    const auto person = log.persons()[place], item = log.items()[place], order = log.orders()[place];
    out.append(person == no_person ? std::nullopt : std::optional(log.person_key(person)),
               item == value(no_item) ? std::string_view{} : log.item_id(ItemIndex{item}), {}, log.kinds()[place], log.times_us()[place],
               static_cast<double>(log.quantities()[place]), static_cast<double>(log.prices()[place]),
               order == no_order ? std::string{} : std::to_string(order));
  }
  return out;
}

}  // namespace pannier::data
