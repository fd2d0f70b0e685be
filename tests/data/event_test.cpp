#include "pannier/data/event.hpp"

#include <cstring>
#include <limits>
#include <set>
#include <string>

#include "pannier/core/time.hpp"
#include "support/catch.hpp"

using namespace pannier;
using namespace pannier::data;

namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();

Event view() {
  Event event;
  event.time_us = 1'000'000;
  event.user = "u1";
  event.item = "i1";
  return event;
}

void refused(const Event& event, const std::string& field) {
  try {
    require_valid(event, "events[3]");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::invalid_argument);
    REQUIRE(error.where() == "events[3]." + field);
    REQUIRE_FALSE(error.allowed().empty());
    return;
  }
  FAIL("nothing was refused, expected " + field);
}

}  // namespace

TEST_CASE("event: every kind has a name that reads back, and numbers are as stored", "[data][event]") {
  REQUIRE(event_kind_names().size() == event_kind_limit - 1);
  std::set<std::string_view> names;
  for (std::uint8_t number = 1; number < event_kind_limit; ++number) {
    const auto kind = static_cast<EventKind>(number);
    REQUIRE(event_kind(name(kind)) == kind);
    REQUIRE(event_kind_names()[number - 1u] == name(kind));
    names.insert(name(kind));
  }
  REQUIRE(names.size() == event_kind_limit - 1);
  REQUIRE(name(EventKind::view_item) == "view_item");
  REQUIRE(name(EventKind::purchase) == "purchase");
  REQUIRE(name(EventKind::share) == "share");
  REQUIRE(name(EventKind{0}).empty());
  REQUIRE(name(EventKind{17}).empty());
  REQUIRE_FALSE(event_kind(""));
  REQUIRE_FALSE(event_kind("Purchase"));
}

TEST_CASE("event: the person is the user, else the visitor, else the session", "[data][event]") {
  Event event;
  REQUIRE_FALSE(person_name(event));
  REQUIRE_FALSE(person_key(event));
  event.order = "o";
  REQUIRE_FALSE(person_key(event));
  event.session = "x";
  REQUIRE(person_key(event) == user_key(PersonSort::session, "x"));
  event.visitor = "x";
  REQUIRE(person_key(event) == user_key(PersonSort::visitor, "x"));
  event.user = "x";
  REQUIRE(person_key(event) == user_key(PersonSort::user, "x"));
  REQUIRE(person_name(event)->sort == PersonSort::user);
}

TEST_CASE("event: a derived id depends on the named fields, the ordinal and nothing else", "[data][event]") {
  const Event base = view();
  std::set<UserKey> ids{event_id(base, 0)};
  const auto differs = [&](auto change, std::uint64_t ordinal = 0) {
    Event event = base;
    change(event);
    REQUIRE(ids.insert(event_id(event, ordinal)).second);
  };
  differs([](Event& e) { e.time_us += 1; });
  differs([](Event& e) { e.kind = EventKind::purchase; });
  differs([](Event& e) { e.user = "u2"; });
  differs([](Event& e) { e.user = ""; e.visitor = "u1"; });
  differs([](Event& e) { e.user = ""; e.session = "u1"; });
  differs([](Event& e) { e.user = ""; e.order = "u1"; });
  differs([](Event& e) { e.user = "u"; e.visitor = "1"; });
  differs([](Event& e) { e.visitor = "v"; });
  differs([](Event& e) { e.session = "s"; });
  differs([](Event& e) { e.order = "o"; });
  differs([](Event& e) { e.item = "i2"; });
  differs([](Event& e) { e.quantity = 2; });
  differs([](Event& e) { e.price = 0; });
  differs([](Event& e) { e.price = 1; });
  differs([](Event&) {}, 1);
  differs([](Event& e) { e.id = "u1"; });

  Event same = base;
  same.price = -no_number;
  same.item_name = "name", same.currency = "EUR", same.value = 3, same.position = 1, same.dwell_ms = 2, same.query = "q";
  same.page = "p", same.device = "d", same.country = "c", same.channel = "h", same.consent = Consent::all, same.request_id = "r", same.slot = 1;
  REQUIRE(event_id(same, 0) == event_id(base, 0));
}

TEST_CASE("event: long texts tell ids apart in every byte", "[data][event]") {
  for (const std::size_t length : {63u, 64u, 65u, 66u, 200u, 4096u}) {
    const std::string a(length, 'a');
    std::set<UserKey> ids;
    for (const std::size_t changed : {std::size_t{0}, length / 2, length - 1}) {
      std::string b = a;
      b[changed] = 'b';
      Event event = view();
      event.user = event.visitor = event.session = event.order = event.item = b;
      ids.insert(event_id(event, 0));
    }
    REQUIRE(ids.size() == 3);
  }
}

TEST_CASE("event: a given id is hashed alone", "[data][event]") {
  Event a = view(), b = view();
  a.id = b.id = "e1";
  b.user = "u2", b.time_us = 5;
  REQUIRE(event_id(a, 0) == event_id(b, 7));
  b.id = "e2";
  REQUIRE(event_id(a, 0) != event_id(b, 0));
}

TEST_CASE("event: derived ids never change", "[data][event]") {
  // Stored in every people.sqlite: other values here would import every file twice. Computed apart, with xxHash's own library over
  // the bytes: time, kind, length and text of user, visitor, session, order and item, quantity, price (absent: ones), ordinal.
  REQUIRE(event_id(view(), 0) == UserKey{0x2faf2e18a1cd95c, 0xb0ed2c014a63be90});
  Event given;
  given.id = "order-1/line-2";
  REQUIRE(event_id(given, 0) == UserKey{0x12e195eb392360cc, 0x82206289fa780fc});
}

TEST_CASE("event: what no store may hold is refused by field", "[data][event]") {
  REQUIRE_NOTHROW(require_valid(view(), "events[3]"));
  const auto with = [](auto change) {
    Event event = view();
    change(event);
    return event;
  };
  refused(with([](Event& e) { e.kind = EventKind{0}; }), "kind");
  refused(with([](Event& e) { e.kind = EventKind{17}; }), "kind");
  refused(with([](Event& e) { e.time_us = -1; }), "time");
  refused(with([](Event& e) { e.time_us = latest_time_us + 1; }), "time");
  refused(with([](Event& e) { e.item = ""; }), "item");
  refused(with([](Event& e) { e.user = ""; }), "user");
  refused(with([](Event& e) { e.quantity = -1; }), "quantity");
  refused(with([](Event& e) { e.quantity = no_number; }), "quantity");
  refused(with([](Event& e) { e.quantity = 1.1e9; }), "quantity");
  refused(with([](Event& e) { e.kind = EventKind::purchase, e.quantity = 0; }), "quantity");
  refused(with([](Event& e) { e.kind = EventKind::refund, e.quantity = 0; }), "quantity");
  refused(with([](Event& e) { e.price = -0.01; }), "price");
  refused(with([](Event& e) { e.price = infinity; }), "price");
  refused(with([](Event& e) { e.price = 1.1e12; }), "price");
  refused(with([](Event& e) { e.value = -infinity; }), "value");
  refused(with([](Event& e) { e.position = -2; }), "position");
  refused(with([](Event& e) { e.dwell_ms = -2; }), "dwell_ms");
  refused(with([](Event& e) { e.slot = -2; }), "slot");
  refused(with([](Event& e) { e.consent = Consent{5}; }), "consent");
  const std::string longer(longest_text + 1, 'x');
  refused(with([&](Event& e) { e.order = longer; }), "order");
  refused(with([](Event& e) { e.item_name = "caf\xE9"; }), "item_name");
  refused(with([](Event& e) { e.query = std::string_view("a\0b", 3); }), "query");

  REQUIRE_NOTHROW(require_valid(with([](Event& e) { e.quantity = 0; }), ""));
  REQUIRE_NOTHROW(require_valid(with([](Event& e) { e.kind = EventKind::search, e.item = ""; }), ""));
  REQUIRE_NOTHROW(require_valid(with([](Event& e) { e.user = "", e.order = "o"; }), ""));
  REQUIRE_NOTHROW(require_valid(with([&](Event& e) { e.order = std::string_view(longer).substr(1), e.time_us = latest_time_us; }), ""));
}

TEST_CASE("event: UTF-8 is checked as Unicode defines it", "[data][event]") {
  for (const std::string_view good : {"", "a", "0123456789abcdef\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                                      "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "1234567\xC3\xA9" "1234567"})
    REQUIRE(is_utf8(good));
  for (const std::string_view bad : {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xC2", "\xC2" "a", "\xE0\x9F\xBF", "\xE0\xA0", "\xED\xA0\x80",
                                     "\xED\xBF\xBF", "\xE1\x80" "a", "\xF0\x8F\xBF\xBF", "\xF0\x90\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
                                     "12345678\xC3", "1234567\xC3", "123456789012345\xFE"})
    REQUIRE_FALSE(is_utf8(bad));
}

TEST_CASE("event: a code point is UTF-8 exactly when it is a Unicode scalar value", "[data][event]") {
  // Encodes every number below 0x120000 in its generic four-byte-at-most form; only surrogates and what lies above fail.
  std::size_t wrong = 0;
  for (std::uint32_t code = 0; code < 0x120000; ++code) {
    std::string text;
    if (code < 0x80) text = {static_cast<char>(code)};
    else if (code < 0x800) text = {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 63))};
    else if (code < 0x10000) text = {static_cast<char>(0xE0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 63)), static_cast<char>(0x80 | (code & 63))};
    else text = {static_cast<char>(0xF0 | (code >> 18)), static_cast<char>(0x80 | ((code >> 12) & 63)), static_cast<char>(0x80 | ((code >> 6) & 63)), static_cast<char>(0x80 | (code & 63))};
    const bool scalar = (code < 0xD800 || code > 0xDFFF) && code <= 0x10FFFF;
    wrong += is_utf8(text) != scalar;
  }
  REQUIRE(wrong == 0);
}
