#include <string>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/serve/engine.hpp"
#include "serve/json_text.hpp"
#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;

namespace {

/// Three people bought a, two b, one c, which has a difficult name.
struct TinyShop {
  TinyShop() : store(test::open_store(folder)) {
    serve::TrainInputs inputs;
    inputs.events = {folder.write("events.csv", "time,kind,user,item,item_name\n2024-01-01,purchase,u1,a,Mug\n2024-01-01,purchase,u2,a,Mug\n"
                                                "2024-01-01,purchase,u3,a,Mug\n2024-01-02,purchase,u1,b,\n2024-01-02,purchase,u2,b,\n"
                                                "2024-01-03,purchase,u1,c,\"a \"\"b\"\" \\ \xc3\xa9\"\n")};
    serve::train(*store, inputs, serve::train_config_from_json(R"({"models": [{"name": "popular"}, {"name": "item_knn"}]})", "config"),
                 test::one_thread());
    engine = serve::Engine::open(store, {.clock = [] { return test::opening_us; }});
  }
  std::string call(std::string_view request) { return engine->call_json(request, workspace, response); }
  /// The answer without what differs from call to call.
  std::string stable(std::string_view request) {
    auto out = call(request);
    const auto id = out.find("\"generation\"");
    const auto time = out.find(",\"microseconds\":");
    return out.substr(id, time - id);
  }

  test::Folder folder;
  std::shared_ptr<store::Store> store;
  std::shared_ptr<serve::Engine> engine;
  serve::EngineWorkspace workspace;
  serve::Response response;
};

}  // namespace

TEST_CASE("json door: an answer is spelled as the interface says", "[serve][engine_json]") {
  TinyShop shop;
  REQUIRE(shop.stable(R"({"n": 2})") ==
          R"("generation":"00000001","policy":"popular","fallback":true,"items":[{"item":"a","name":"Mug","score":3,"reasons":[],"propensity":1},)"
          R"({"item":"b","name":"","score":2,"reasons":[],"propensity":1}])");
  const auto whole = shop.call(R"({"n": 1})");
  REQUIRE_THAT(whole, StartsWith("{\"request_id\":\""));
  const auto parsed = serve::parse_object(whole, "answer");
  REQUIRE(parsed.at("request_id").get<std::string>().size() == 16);
  REQUIRE(parsed.at("microseconds").is_number());
  // Cosine of a and c: 5 * 5 / (sqrt(3 * 25) * sqrt(25)) = 1 / sqrt(3), as a float.
  const auto similar = serve::parse_object(shop.call(R"({"op": "similar", "items": ["c"], "explain": true})"), "answer");
  REQUIRE(similar.at("policy") == "similar");
  REQUIRE(similar.at("fallback") == false);
  REQUIRE(similar.at("items").at(1).at("item") == "a");
  REQUIRE_THAT(similar.at("items").at(1).at("score").get<double>(), WithinAbs(0.577350269, 1e-6));
  REQUIRE(similar.at("items").at(1).at("reasons").at(0).at("kind") == "similar_to");
  REQUIRE(similar.at("items").at(1).at("reasons").at(0).at("item") == "c");
  const auto personal = serve::parse_object(shop.call(R"({"user": "u3", "explain": true})"), "answer");
  REQUIRE(personal.at("policy") == "personal");
  REQUIRE(personal.at("items").at(0).at("reasons").at(0).at("kind") == "because_of");
  REQUIRE(personal.at("items").at(0).at("reasons").at(0).at("item") == "a");
}

TEST_CASE("json door: names are escaped and read back", "[serve][engine_json]") {
  TinyShop shop;
  const auto parsed = serve::parse_object(shop.call(R"({"n": 3})"), "answer");
  REQUIRE(parsed.at("items").at(2).at("name") == "a \"b\" \\ \xc3\xa9");
}

TEST_CASE("json door: a request says the same as the C++ one", "[serve][engine_json]") {
  TinyShop shop;
  const std::vector<ItemKey> session{item_key("b")};
  shop.engine->answer({.user = "u3", .session = session, .count = 3, .exclude_seen = false, .time_us = 1'704'103'200'000'000}, shop.workspace,
                      shop.response);
  const auto expected = serve::to_json(shop.response);
  const auto part = [](const std::string& json) { return json.substr(json.find("\"policy\""), json.find(",\"microseconds\"") - json.find("\"policy\"")); };
  for (const auto* time : {"\"2024-01-01T10:00:00Z\"", "1704103200000000"})
    REQUIRE(part(shop.call(std::string(R"({"op": "recommend", "user": "u3", "session": ["b"], "n": 3, "exclude_seen": false, "page": "home", "time": )") +
                           time + "}")) == part(expected));
}

TEST_CASE("json door: recorded events are counted and known at once", "[serve][engine_json]") {
  TinyShop shop;
  REQUIRE(shop.call(R"({"op": "record", "time": "2024-02-01", "kind": "purchase", "user": "x", "item": "c", "price": 2.5, "quantity": 2,
                        "position": 3, "dwell_ms": 100, "consent": "all", "request_id": "00ff", "slot": 0, "query": "mugs", "currency": "GBP"})") ==
          R"({"recorded":1,"duplicates":0})");
  REQUIRE(serve::parse_object(shop.call(R"({"user": "x"})"), "answer").at("policy") == "personal");
  REQUIRE(shop.call(R"({"op": "record", "events": [{"event_id": "e1", "kind": "view_item", "visitor": "v", "item": "a"},
                        {"event_id": "e1", "kind": "view_item", "visitor": "v", "item": "a"},
                        {"event_id": "e2", "kind": "search", "visitor": "v", "query": "mugs"}]})") == R"({"recorded":2,"duplicates":1})");
  REQUIRE(shop.call(R"({"op": "record", "events": []})") == R"({"recorded":0,"duplicates":0})");
  std::vector<store::PersonEvent> events;
  shop.store->people().recent(user_key(PersonSort::visitor, "v"), 10, events);
  REQUIRE(events.size() == 2);
  REQUIRE(events[0].time_us == test::opening_us);  // The engine's clock.
  bool found = false;
  shop.store->people().scan(0, shop.store->people().last_sequence(), [&](const store::StoredEvent& row) {
    if (row.event.user != "x") return;
    found = true;
    CHECK(row.event.price == 2.5);
    CHECK(row.event.quantity == 2);
    CHECK(row.event.position == 3);
    CHECK(row.event.dwell_ms == 100);
    CHECK(row.event.consent == data::Consent::all);
    CHECK(row.event.request_id == "00ff");
    CHECK(row.event.slot == 0);
    CHECK(row.event.query == "mugs");
    CHECK(row.event.currency == "GBP");
  });
  REQUIRE(found);
}

TEST_CASE("json door: what is wrong is refused by its key, and nothing is recorded", "[serve][engine_json]") {
  TinyShop shop;
  const auto events = shop.store->people().event_count();
  using Code = ErrorCode;
  const std::vector<std::tuple<std::string, Code, std::string>> wrong{
      {"", Code::malformed_input, "request"},
      {"[]", Code::malformed_input, "an array"},
      {"{", Code::malformed_input, "request"},
      {"{} {}", Code::malformed_input, "request"},
      {"{\"user\": \"\xff\"}", Code::malformed_input, "request"},
      {R"({"n": 1e999})", Code::malformed_input, "request"},
      {R"({"n": NaN})", Code::malformed_input, "request"},
      {R"({"user": "a", "user": "b"})", Code::malformed_input, "\"user\" twice"},
      {"{\"session\": " + std::string(500'000, '[') + std::string(500'000, ']') + "}", Code::malformed_input, "levels"},
      {R"({"usr": "a"})", Code::invalid_argument, "user"},
      {R"({"zzzzzzz": 1})", Code::invalid_argument, "exclude_seen, exclude_bought"},
      {R"({"op": "recomend"})", Code::invalid_argument, "request.op"},
      {R"({"op": 3})", Code::invalid_argument, "request.op"},
      {R"({"op": "together"})", Code::invalid_argument, "request.items: has 0 items"},
      {R"({"op": "togethr", "items": ["a"]})", Code::invalid_argument, "recommend, similar, together, record"},
      {R"({"filter": "price < 3"})", Code::unsupported, "request.filter"},
      {R"({"user": 3})", Code::invalid_argument, "request.user"},
      {R"({"user": ""})", Code::invalid_argument, "request.user"},
      {R"({"user": null})", Code::invalid_argument, "request.user"},
      {R"({"session": "a"})", Code::invalid_argument, "request.session"},
      {R"({"session": ["a", 5]})", Code::invalid_argument, "request.session[1]"},
      {R"({"items": ["a"]})", Code::invalid_argument, "request.items"},
      {R"({"op": "similar"})", Code::invalid_argument, "request.items"},
      {R"({"op": "similar", "items": ["nothing"]})", Code::invalid_argument, "request.items[0]"},
      {R"({"n": 0})", Code::invalid_argument, "request.n"},
      {R"({"n": -1})", Code::invalid_argument, "request.n"},
      {R"({"n": 10001})", Code::invalid_argument, "request.n"},
      {R"({"n": 18446744073709551615})", Code::invalid_argument, "request.n"},
      {R"({"n": 3.5})", Code::invalid_argument, "request.n"},
      {R"({"n": "3"})", Code::invalid_argument, "request.n"},
      {R"({"explain": 1})", Code::invalid_argument, "request.explain"},
      {R"({"exclude_seen": "no"})", Code::invalid_argument, "request.exclude_seen"},
      {R"({"time": "yesterday"})", Code::invalid_argument, "request.time"},
      {R"({"time": -5})", Code::invalid_argument, "request.time"},
      {R"({"time": 1.5})", Code::invalid_argument, "request.time"},
      {R"({"op": "record"})", Code::invalid_argument, "request.kind"},
      {R"({"op": "record", "kind": "look", "user": "u", "item": "a"})", Code::invalid_argument, "view_item"},
      {R"({"op": "record", "kind": "view_item", "user": "u"})", Code::invalid_argument, "item"},
      {R"({"op": "record", "kind": "view_item", "item": "a"})", Code::invalid_argument, "user"},
      {R"({"op": "record", "kind": "view_item", "user": "u", "item": "a", "price": -1})", Code::invalid_argument, "price"},
      {R"({"op": "record", "kind": "view_item", "user": "u", "item": "a", "price": "1"})", Code::invalid_argument, "request.price"},
      {R"({"op": "record", "kind": "view_item", "user": "u", "item": "a", "slot": -2})", Code::invalid_argument, "request.slot"},
      {R"({"op": "record", "kind": "view_item", "user": "u", "item": "a", "consent": "maybe"})", Code::invalid_argument, "request.consent"},
      {R"({"op": "record", "kind": "view_item", "user": "u", "item": "a", "time": "2300-01-01"})", Code::invalid_argument, "request.time"},
      {R"({"op": "record", "kind": "view_item", "user": "u", "items": ["a"]})", Code::invalid_argument, "item"},
      {R"({"op": "record", "events": {}})", Code::invalid_argument, "request.events"},
      {R"({"op": "record", "events": [3]})", Code::invalid_argument, "events[0]"},
      {R"({"op": "record", "user": "u", "events": []})", Code::invalid_argument, "user"},
      {R"({"op": "record", "events": [{"kind": "view_item", "user": "u", "item": "a"}, {"kind": "view_item", "user": "u", "item": "a", "n": 1}]})",
       Code::invalid_argument, "events[1]"},
  };
  for (const auto& [request, code, part] : wrong) {
    INFO(request.substr(0, 200));
    try {
      const auto answer = shop.call(request);
      FAIL_CHECK("not refused: " + answer);
    } catch (const Error& error) {
      CHECK(error.code() == code);
      CHECK_THAT(error.what(), Contains(part));
    }
  }
  REQUIRE(shop.store->people().event_count() == events);
}

TEST_CASE("json door: an error is one object with code, where, what and allowed", "[serve][engine_json]") {
  const Error error(ErrorCode::invalid_argument, "request.n", "is \"\n\x01\xff\xc3\xa9\"", "1 to 10000");
  REQUIRE(serve::to_json(error) ==
          "{\"error\":{\"code\":\"invalid_argument\",\"where\":\"request.n\",\"what\":\"is \\\"\\n\\u0001\\ufffd\xc3\xa9\\\"\",\"allowed\":\"1 to 10000\"}}");
}

TEST_CASE("json text: numbers are written in their shortest form that reads back", "[serve][json_text]") {
  const auto text = [](auto number) {
    std::string out;
    serve::put_json(out, number);
    return out;
  };
  CHECK(text(0.1f) == "0.1");
  CHECK(text(1.0f) == "1");
  CHECK(text(16777216.0f) == "16777216");
  CHECK(text(1e-7f) == "1e-07");
  CHECK(text(0.1) == "0.1");
  CHECK(text(std::numeric_limits<float>::quiet_NaN()) == "null");
  CHECK(text(std::numeric_limits<double>::infinity()) == "null");
  CHECK(text(std::uint64_t{18446744073709551615ull}) == "18446744073709551615");
  CHECK(text(true) == "true");
}
