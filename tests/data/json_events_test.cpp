#include "data/json_events.hpp"

#include <cmath>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/gzip.hpp"
#include "support/imported.hpp"

using namespace pannier;
using namespace pannier::data;
using namespace pannier::test;

namespace {

const std::string good = R"({"time":"2024-05-01","kind":"purchase","user":"u","item":"i","quantity":1,"price":2.5})" "\n";

Read read_lines(const std::string& text, const ImportOptions& options = {}) { return read_text(text, options, "e.jsonl"); }

ImportOptions mapped(const std::string& map, bool skip = false) {
  return import_options({.map = map, .on_error = skip ? "skip" : "stop"});
}

/// A bad line between two good ones: refused under stop with its place, dropped alone under skip with the same message.
void bad_line(const std::string& line, const std::string& where, const std::string& says, const std::string& cause, const ImportOptions& base = {}) {
  INFO(line);
  const auto text = good + line + "\n" + good;
  const auto error = error_of(text, base, "e.jsonl");
  CAPTURE(error.what());
  REQUIRE(error.code() == ErrorCode::malformed_input);
  REQUIRE(error.where() == where);
  REQUIRE_THAT(error.what(), Contains(says));
  auto options = base;
  options.on_error = OnError::skip;
  const auto read = read_lines(text, options);
  REQUIRE(read.events.size() == 2);
  REQUIRE(read.summary.dropped.at(cause).lines == 1);
  REQUIRE_THAT(read.summary.dropped.at(cause).example, Contains(where) && Contains(says));
}

}  // namespace

TEST_CASE("json_events: every field of an object comes out as it was meant", "[data][json_events]") {
  const auto read = read_lines(
      R"( { "event_id":"e1","time":"2024-05-01T10:00:00.5Z","kind":"select_item","user":"u","visitor":"v","session":"s","order":"o",)"
      R"("item":"i","item_name":"Mug, \"big\" \u00e4\ud83d\ude00\/\n","quantity":2.5,"price":"12.50","currency":"EUR","value":-3,"position":4,)"
      R"("dwell_ms":1200,"query":"mugs","page":"home","device":"phone","country":"DE","channel":"mail","consent":"personalization",)"
      R"("request_id":"r","slot":7,"unused":[{"deep":[1,2,{}]},null,true]} )" "\r\n");
  REQUIRE(read.events.size() == 1);
  const auto& kept = read.events[0];
  REQUIRE((kept.id == "e1" && kept.event.time_us == at("2024-05-01T10:00:00.5Z") && kept.event.kind == EventKind::select_item));
  REQUIRE((kept.user == "u" && kept.visitor == "v" && kept.session == "s" && kept.order == "o" && kept.item == "i"));
  REQUIRE(kept.item_name == "Mug, \"big\" \xC3\xA4\xF0\x9F\x98\x80/\n");
  REQUIRE((kept.event.quantity == 2.5 && kept.event.price == 12.5 && kept.event.value == -3 && kept.currency == "EUR"));
  REQUIRE((kept.event.position == 4 && kept.event.dwell_ms == 1200 && kept.event.slot == 7));
  REQUIRE((kept.query == "mugs" && kept.page == "home" && kept.device == "phone" && kept.country == "DE" && kept.channel == "mail"));
  REQUIRE((kept.event.consent == Consent::personalization && kept.request_id == "r"));
}

TEST_CASE("json_events: an item that is a number in one file and a text in another is the same item", "[data][json_events]") {
  const auto item = [](const std::string& written) {
    return read_lines(R"({"time":"2024-05-01","kind":"view_item","user":7,"item":)" + written + "}\n").events.at(0).item;
  };
  REQUIRE(item("22423") == "22423");
  REQUIRE(item("22423.0") == "22423");
  REQUIRE(item("2.2423e4") == "22423");
  REQUIRE(item("-0") == "0");
  REQUIRE(item("0.10") == "0.1");
  REQUIRE(item("\"007\"") == "007");
  REQUIRE(item("12345678901234567890123") == "12345678901234567890123");  // All digits are kept.
  const auto csv = read_text("time,kind,user,item\n2024-05-01,view_item,7,22423\n");
  const auto json = read_lines(R"({"time":"2024-05-01","kind":"view_item","user":7,"item":22423})" "\n");
  REQUIRE(csv.ids == json.ids);  // The same event, even.
}

TEST_CASE("json_events: null and empty texts are absent", "[data][json_events]") {
  const auto read = read_lines(R"({"time":"2024-05-01","kind":"view_item","user":null,"visitor":"","session":"s","item":"i","price":null,"position":null})" "\n");
  const auto& kept = read.events.at(0);
  REQUIRE((kept.user.empty() && kept.visitor.empty() && kept.session == "s"));
  REQUIRE((std::isnan(kept.event.price) && kept.event.position == -1 && kept.event.quantity == 1));
}

TEST_CASE("json_events: an array of items is one event each, also of an order with an id", "[data][json_events]") {
  const auto line = std::string(R"({"event_id":"x","time":"2024-05-01","kind":"purchase","user":"u","order":"o1","items":[)"
                                R"({"item":"a","quantity":2,"price":3},{"item":"b"},{"item":"a","quantity":2,"price":3},"c",4]})" "\n");
  const auto read = read_lines(line);
  REQUIRE(read.events.size() == 5);
  REQUIRE(read.summary.read == 5);
  const std::vector<std::string> items = {"a", "b", "a", "c", "4"};
  for (std::size_t i = 0; i < 5; ++i) {
    REQUIRE(read.events[i].item == items[i]);
    REQUIRE((read.events[i].order == "o1" && read.events[i].id == "x#" + std::to_string(i + 1)));
  }
  REQUIRE((read.events[0].event.quantity == 2 && read.events[1].event.quantity == 1));
  REQUIRE(std::set<UserKey, bool (*)(const UserKey&, const UserKey&)>(read.ids.begin(), read.ids.end(), [](const UserKey& a, const UserKey& b) {
            return std::pair(a.high, a.low) < std::pair(b.high, b.low);
          }).size() == 5);
  // Without an id equal elements are told apart by their ordinal.
  auto without = line;
  without.erase(1, std::string_view(R"("event_id":"x",)").size());
  const auto derived = read_lines(without);
  REQUIRE((derived.events[0].ordinal == 0 && derived.events[2].ordinal == 1));
  REQUIRE(derived.ids[0] != derived.ids[2]);
  REQUIRE(read_lines(without).ids == derived.ids);
}

TEST_CASE("json_events: paths lead into objects, arrays, lists of keys and one array of items", "[data][json_events]") {
  const auto options = mapped("time=at.when,kind=what,user=who.ids[1].id,item=cart.lines[].product.sku,quantity=cart.lines[].n,order=cart.id,page=params.page_location");
  const auto read = read_lines(
      R"({"at":{"when":"2024-05-01"},"what":"purchase","who":{"ids":[{"id":"no"},{"id":"yes"}]},"items":[{"item":"not me"}],)"
      R"("params":[{"key":"x","value":1},{"key":"page_location","value":{"int_value":null,"string_value":"home"}}],)"
      R"("cart":{"id":9,"lines":[{"product":{"sku":"a"},"n":2},{"product":{"sku":"b"}}]}})" "\n",
      options);
  REQUIRE(read.events.size() == 2);
  REQUIRE((read.events[0].item == "a" && read.events[0].event.quantity == 2 && read.events[1].item == "b"));
  REQUIRE((read.events[0].user == "yes" && read.events[0].order == "9" && read.events[1].page == "home"));
}

TEST_CASE("json_events: a map to one item keeps an array of that name out", "[data][json_events]") {
  const auto read = read_lines(R"({"time":"2024-05-01","kind":"view_item","user":"u","sku":"a","items":[1,2,3]})" "\n", mapped("item=sku"));
  REQUIRE(read.events.size() == 1);
  REQUIRE(read.events[0].item == "a");
}

TEST_CASE("json_events: a search with its results is one search", "[data][json_events]") {
  const auto read = read_lines(R"({"time":"2024-05-01","kind":"search","user":"u","query":"mug","items":[{"item":"a"},{"item":"b"}]})" "\n");
  REQUIRE(read.events.size() == 1);
  REQUIRE((read.events[0].query == "mug" && read.events[0].item.empty()));
}

TEST_CASE("json_events: paths that are none are refused by name", "[data][json_events]") {
  for (const auto* map : {"item=a..b", "item=.a", "item=a.", "item=a[x]", "item=a[1", "item=a[]b", "item=a[].b[].c", "item=a[].b,price=c[].d"}) {
    INFO(map);
    const auto error = error_of(good, mapped(map), "e.jsonl");
    REQUIRE(error.code() == ErrorCode::invalid_argument);
    REQUIRE(error.where() == "map");
  }
}

TEST_CASE("json_events: a line that is no object is dropped alone, with its byte", "[data][json_events]") {
  const auto bad = [](const std::string& line, const std::string& says) { bad_line(line, "e.jsonl:2", says, "bad_json"); };
  bad("[1]", "jq");
  bad("7", "no JSON object but begins with '7'");
  bad("{", "at byte 2: the line ends too early");
  bad(R"({"a")", "a colon");
  bad(R"({"a":})", "at byte 6: '}'");
  bad(R"({"a":1,})", "a key in quotes");
  bad(R"({"a":1}x)", "at byte 8: after the object comes 'x'");
  bad(R"({"a":1}{"b":2})", "after the object");
  bad(R"({'a':1})", "a key in quotes");
  bad(R"({"a":01})", "leading zeros");
  bad(R"({"a":-})", "a digit");
  bad(R"({"a":1.})", "a digit");
  bad(R"({"a":1e})", "a digit");
  bad(R"({"a":NaN})", "'NaN}'");
  bad(R"({"a":tru})", "true, false, null");
  bad(R"({"a":"x)", "opens at byte 6 is never closed");
  bad(R"({"a":"x\)", "never closed");
  bad(R"({"a":"\x"})", "the escape");
  bad(R"({"a":"\u12"})", "the escape");
  bad(R"({"a":"\ud800"})", "surrogate");
  bad(R"({"a":"\ud800\u0041"})", "surrogate");
  bad(R"({"a":"\udc00"})", "surrogate");
  bad("{\"a\":\"x\ty\"}", "control character");
  bad("{\"a\":\"\\\"x\ty\"}", "control character");
  bad("{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}", "32 levels");
  bad("{\"a\":" + std::string(500'000, '[') + "}", "32 levels");
}

TEST_CASE("json_events: a field that is no text or number is refused with its path", "[data][json_events]") {
  const auto line = [](const std::string& fields) { return R"({"time":"2024-05-01","kind":"purchase","user":"u",)" + fields + "}"; };
  bad_line(line(R"("item":true)"), "e.jsonl:2:item", "is true or false", "bad_type");
  bad_line(line(R"("item":{"id":1})"), "e.jsonl:2:item", "is an object", "bad_type");
  bad_line(line(R"("item":["a"])"), "e.jsonl:2:item", "is an array", "bad_type");
  bad_line(line(R"("item":"a","item":"b")"), "e.jsonl:2:item", "stands twice", "bad_json");
  bad_line(line(R"("items":[{"item":"a","price":-1}])"), "e.jsonl:2:items[0].price", "'-1'", "negative_price");
  bad_line(line(R"("items":[[1]])"), "e.jsonl:2:items[0]", "is an array", "bad_type");
  bad_line(line(R"("items":[{"price":1}])"), "e.jsonl:2:items[0].item", "is empty", "missing_item");
  bad_line(line(R"("item":"a","price":1e999)"), "e.jsonl:2:price", "'1e999'", "bad_price");
  bad_line(line(R"("item":"a\u0000b")"), "e.jsonl:2:item", "NUL", "nul_byte");
  bad_line(line("\"item\":\"a\xFF\""), "e.jsonl:2:item", "0xFF", "invalid_utf8");
  bad_line(line("\"item\":\"" + std::string(longest_text + 1, 'x') + "\""), "e.jsonl:2:item", "too long", "text_too_long");
  bad_line(R"({"kind":"purchase","user":"u","item":"a"})", "e.jsonl:2:time", "is empty", "missing_time");
  bad_line(R"({"time":1714557600,"kind":"purchase","user":"u","item":"a"})", "e.jsonl:2:time", "numbers need --time-unit", "bad_time");
  bad_line(R"({"time":"2024-05-01","kind":"purchase","item":"a"})", "e.jsonl:2", "none of user", "missing_person");
  bad_line(R"({"time":"2024-05-01","kind":"purchase","user":"u","a":[{"b":1}],"item":"x"})", "e.jsonl:2:a.b", "[]", "bad_type", mapped("price=a.b"));
}

TEST_CASE("json_events: the kind of file is told by its name or its first byte", "[data][json_events]") {
  for (const auto* name : {"e.jsonl", "e.ndjson", "e.JSONL", "e.json", "e", "e.txt", "e.log"}) {
    INFO(name);
    REQUIRE(read_text("\n  \n" + good, {}, name).events.size() == 1);
    REQUIRE(read_text("\xEF\xBB\xBF" + good, {}, name).events.size() == 1);
  }
  REQUIRE(error_of(good, {}, "e.csv").where() == "e.csv:1");  // A name that says CSV is believed.
  REQUIRE(error_of("", {}, "e.jsonl").where() == "e.jsonl:1");
  REQUIRE(error_of("\n\n", skipping(), "e.jsonl").where() == "e.jsonl:1");
#if PANNIER_WITH_ZLIB
  const Scratch scratch;
  REQUIRE(read_file(scratch.write("e.jsonl.gz", gzip(good + good))).events.size() == 2);
  REQUIRE(read_file(scratch.write("e.gz", gzip(good))).events.size() == 1);
#endif
}

TEST_CASE("json_events: a line over the longest is refused whatever on_error says", "[data][json_events]") {
  const auto line = R"({"a":")" + std::string(longest_line, 'x') + R"("})" + "\n";
  REQUIRE(error_of(good + line, skipping(), "e.jsonl").where() == "e.jsonl:2");
}

TEST_CASE("json_events: texts outlive their line in blocks of any size", "[data][json_events]") {
  std::string text;
  for (int i = 0; i < 20'000; ++i)
    text += R"({"time":"2024-05-01","kind":"view_item","user":"\u0075)" + std::to_string(i) + R"(","items":[{"item":)" + std::to_string(i) +
            R"(.0},{"item":"b\\)" + std::to_string(i) + R"("}]})" + (i % 3 == 0 ? "\r\n" : i % 3 == 1 ? "\n" : "\r");
  const auto read = read_lines(text);
  REQUIRE(read.events.size() == 40'000);
  for (int i = 0; i < 20'000; ++i) {
    const auto& first = read.events[static_cast<std::size_t>(2 * i)];
    const auto& second = read.events[static_cast<std::size_t>(2 * i + 1)];
    REQUIRE(first.user == "u" + std::to_string(i));
    REQUIRE(first.item == std::to_string(i));
    REQUIRE(second.item == "b\\" + std::to_string(i));
  }
}

TEST_CASE("json_events: cut anywhere and with any byte changed a file is read or refused, never more", "[data][json_events]") {
  const auto text = R"({"time":"2024-05-01T10:00:00Z","kind":"purchase","user":"\u00fc","order":"o","items":[{"item":1.5e1,"price":2},"b"],"x":[{"key":"k","value":{"int_value":"3"}}]})"
                    "\n" + good;
  const auto options = mapped("page=x.k", true);
  for (std::size_t size = 0; size <= text.size(); ++size) {
    try {
      (void)read_lines(text.substr(0, size), options);
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::malformed_input);
      REQUIRE(size == 0);
    }
  }
  std::mt19937_64 random(7);
  for (int round = 0; round < 3'000; ++round) {
    auto changed = text;
    for (int flips = 0; flips < 1 + round % 3; ++flips) changed[random() % changed.size()] = static_cast<char>(random());
    try {
      (void)read_lines(changed, options);
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::malformed_input);
    }
  }
}
