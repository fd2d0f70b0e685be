#include "pannier/data/event_log.hpp"

#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/colliding_ids.hpp"

using namespace pannier;
using namespace pannier::data;

namespace {

Event event(std::string_view user, std::string_view item, EventKind kind = EventKind::view_item, std::int64_t time_us = 1) {
  Event e;
  e.user = user;
  e.item = item;
  e.kind = kind;
  e.time_us = time_us;
  return e;
}

constexpr auto none = value(no_item);

template <class T>
std::vector<T> all(std::span<const T> column) {
  return {column.begin(), column.end()};
}
using Numbers = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("event_log: numbers people, items and orders by first appearance", "[data][event_log]") {
  EventLog log;
  auto e = event("ann", "mug", EventKind::purchase, 30);
  e.order = "o1";
  e.quantity = 2;
  e.price = 9.5;
  e.item_name = "Mug";
  log.append(e);
  e.item = "pan";
  e.item_name = "Pan";
  e.price = std::numeric_limits<double>::quiet_NaN();
  log.append(e);
  log.append(event("bob", "mug", EventKind::view_item, 10));
  Event visitor = event("", "jug", EventKind::add_to_cart, 20);
  visitor.visitor = "ann";  // A visitor of the same text is another person.
  log.append(visitor);
  Event order_only = event("", "pan", EventKind::purchase, 40);
  order_only.order = "o2";
  log.append(order_only);
  Event search = event("bob", "", EventKind::search, 50);
  search.query = "lamp";
  log.append(search);

  REQUIRE(log.size() == 6);
  REQUIRE(all(log.persons()) == Numbers{0, 0, 1, 2, no_person, 1});
  REQUIRE(all(log.items()) == Numbers{0, 1, 0, 2, 1, none});
  REQUIRE(all(log.orders()) == Numbers{0, 0, no_order, no_order, 1, no_order});
  REQUIRE(all(log.kinds()) == std::vector{EventKind::purchase, EventKind::purchase, EventKind::view_item, EventKind::add_to_cart,
                                          EventKind::purchase, EventKind::search});
  REQUIRE(all(log.times_us()) == std::vector<std::int64_t>{30, 30, 10, 20, 40, 50});
  REQUIRE(all(log.quantities()) == std::vector<float>{2, 2, 1, 1, 1, 1});
  REQUIRE(log.prices()[0] == 9.5f);
  REQUIRE(std::isnan(log.prices()[1]));
  REQUIRE(log.person_count() == 3);
  REQUIRE(log.item_count() == 3);
  REQUIRE(log.order_count() == 2);

  REQUIRE(log.person_key(0) == user_key(PersonSort::user, "ann"));
  REQUIRE(log.person_key(2) == user_key(PersonSort::visitor, "ann"));
  REQUIRE(log.find_person(user_key(PersonSort::user, "bob")) == 1u);
  REQUIRE_FALSE(log.find_person(user_key(PersonSort::session, "bob")));
  REQUIRE(log.item_id(ItemIndex{2}) == "jug");
  REQUIRE(log.item_name(ItemIndex{0}) == "Mug");
  REQUIRE(log.item_name(ItemIndex{2}).empty());
  REQUIRE(log.find_item(item_key("pan")) == ItemIndex{1});
  REQUIRE_FALSE(log.find_item(item_key("lamp")));
}

TEST_CASE("event_log: numbers out of range give nothing, and so does an empty log", "[data][event_log]") {
  EventLog log;
  REQUIRE(log.size() == 0);
  REQUIRE(log.persons().empty());
  REQUIRE_FALSE(log.find_person(UserKey{}));
  REQUIRE_FALSE(log.find_item(ItemKey{}));
  log.append(event("ann", "mug"));
  REQUIRE(log.person_key(1) == UserKey{});
  REQUIRE(log.item_id(ItemIndex{1}).empty());
  REQUIRE(log.item_name(no_item).empty());
}

TEST_CASE("event_log: keeps the last name of an item that is not empty", "[data][event_log]") {
  EventLog log;
  const auto named = [&](std::string_view name) {
    auto e = event("ann", "mug");
    e.item_name = name;
    log.append(e);
    return log.item_name(ItemIndex{0});
  };
  REQUIRE(named("") == "");
  REQUIRE(named("Mug") == "Mug");
  REQUIRE(named("") == "Mug");
  REQUIRE(named("Enamel mug, forest green") == "Enamel mug, forest green");
  REQUIRE(named("Cup") == "Cup");
  REQUIRE(named("Enamel mug, cobalt blue!") == "Enamel mug, cobalt blue!");
  REQUIRE(log.item_id(ItemIndex{0}) == "mug");
}

TEST_CASE("event_log: a stored row whose person is only a key goes the same way as its event", "[data][event_log]") {
  EventLog by_event, by_row;
  auto e = event("ann", "mug", EventKind::purchase, 7);
  e.order = "o";
  e.price = 3;
  e.item_name = "Mug";
  by_event.append(e);
  by_row.append(user_key(PersonSort::user, "ann"), "mug", "Mug", EventKind::purchase, 7, 1, 3, "o");
  by_row.append(std::nullopt, "", "", EventKind::search, 8, 1, 3, "");
  REQUIRE(by_row.find_person(by_event.person_key(0)) == 0u);
  REQUIRE(by_row.item_name(ItemIndex{0}) == "Mug");
  REQUIRE(by_row.persons()[1] == no_person);
  REQUIRE(by_row.items()[1] == none);
}

TEST_CASE("event_log: a catalogue item is known before its first event", "[data][event_log]") {
  EventLog log;
  REQUIRE(log.add_item("lamp") == ItemIndex{0});
  log.append(event("ann", "mug"));
  log.append(event("ann", "lamp"));
  REQUIRE(log.add_item("mug") == ItemIndex{1});
  REQUIRE(all(log.items()) == Numbers{1, 0});
  REQUIRE(log.item_count() == 2);
  REQUIRE_THROWS_WITH(log.add_item(""), StartsWith("item: is empty"));
}

TEST_CASE("event_log: two item ids with one key are refused by naming both", "[data][event_log]") {
  using namespace support;
  REQUIRE(value(item_key(colliding_id)) == colliding_key);
  REQUIRE(value(item_key(other_colliding_id)) == colliding_key);
  EventLog log;
  log.append(event("ann", colliding_id));
  const auto message = "item: '" + std::string(other_colliding_id) + "' and '" + std::string(colliding_id) + "' have one item key";
  REQUIRE_THROWS_WITH(log.append(event("bob", other_colliding_id)), StartsWith(message));
  REQUIRE_THROWS_WITH(log.add_item(other_colliding_id), StartsWith(message));
  // The log is as it was.
  REQUIRE(log.size() == 1);
  REQUIRE(log.person_count() == 1);
  REQUIRE(log.item_count() == 1);
  REQUIRE(log.item_id(ItemIndex{0}) == colliding_id);
  log.append(event("bob", colliding_id));
  REQUIRE(all(log.items()) == Numbers{0, 0});
}

TEST_CASE("event_log: an event that is not valid is refused and changes nothing", "[data][event_log]") {
  EventLog log;
  log.append(event("ann", "mug"));
  for (const auto& bad : {event("ann", ""), event("", "mug"), event("ann", "mug", EventKind::view_item, -1), event("ann", "\xff")})
    REQUIRE_THROWS_AS(log.append(bad), Error);
  REQUIRE(log.size() == 1);
  REQUIRE(log.item_count() == 1);
  REQUIRE(log.persons().size() == log.orders().size());
}

TEST_CASE("event_log: many people, items and orders are found again, and ids do not move", "[data][event_log]") {
  EventLog log;
  std::map<std::string, std::uint32_t> people, items, orders;
  std::vector<std::array<std::uint32_t, 3>> want;
  std::string_view first;
  Random random(11);
  const auto number = [](auto& known, const std::string& text) {
    return known.try_emplace(text, static_cast<std::uint32_t>(known.size())).first->second;
  };
  for (int i = 0; i < 20'000; ++i) {
    const auto user = "user-" + std::to_string(random.below(3000)), item = "item-" + std::to_string(random.below(5000));
    const auto order = "order-" + std::to_string(random.below(4000));
    auto e = event(user, item);
    e.order = order;
    log.append(e);
    want.push_back({number(people, user), number(items, item), number(orders, order)});
    if (i == 0) first = log.item_id(ItemIndex{0});
  }
  REQUIRE(log.person_count() == people.size());
  REQUIRE(log.item_count() == items.size());
  REQUIRE(log.order_count() == orders.size());
  bool same = true;
  for (std::size_t i = 0; i < want.size(); ++i)
    same = same && std::array{log.persons()[i], log.items()[i], log.orders()[i]} == want[i];
  REQUIRE(same);
  for (const auto& [text, n] : people) same = same && log.find_person(user_key(PersonSort::user, text)) == n;
  for (const auto& [text, n] : items) same = same && log.find_item(item_key(text)) == ItemIndex{n} && log.item_id(ItemIndex{n}) == text;
  REQUIRE(same);
  REQUIRE(first.data() == log.item_id(ItemIndex{0}).data());
  EventLog moved = std::move(log);
  REQUIRE(moved.size() == 20'000);
  REQUIRE(first.data() == moved.item_id(ItemIndex{0}).data());
}
