/// A realistic sample of each collector's export, by hand after its documentation.
#include <string>

#include "support/imported.hpp"

using namespace pannier;
using namespace pannier::data;
using namespace pannier::test;

namespace {

Read read_preset(const std::string& map, const std::string& text, const std::string& name = "e.jsonl", const std::string& on_error = "stop") {
  return read_text(text, import_options({.map = map, .on_error = on_error}), name);
}

}  // namespace

TEST_CASE("import_preset: a GA4 export from BigQuery", "[data][import_preset]") {
  const auto read = read_preset("ga4",
      // Numbers come as texts, empty records as null.
      R"({"event_date":"20231114","event_timestamp":"1700000000000000","event_name":"page_view","event_params":[{"key":"ga_session_id","value":{"string_value":null,"int_value":"1699999990","float_value":null,"double_value":null}},{"key":"page_location","value":{"string_value":"https://shop.example/"}}],"user_id":null,"user_pseudo_id":"1234.5678","ecommerce":null,"items":[]})" "\n"
      R"~({"event_timestamp":"1700000001000000","event_name":"view_item","event_params":[{"key":"page_location","value":{"string_value":"https://shop.example/mug"}},{"key":"ga_session_id","value":{"int_value":"1699999990"}},{"key":"currency","value":{"string_value":"EUR"}},{"key":"value","value":{"double_value":3.5}}],"user_pseudo_id":"1234.5678","device":{"category":"mobile","web_info":{"browser":"Chrome"}},"geo":{"country":"Germany"},"traffic_source":{"name":"(direct)","medium":"(none)","source":"mail"},"items":[{"item_id":"SKU_1","item_name":"Mug","price":3.5,"quantity":null,"item_list_index":"(not set)"}]})~" "\n"
      R"({"event_timestamp":"1700000002000000","event_name":"view_search_results","event_params":[{"key":"search_term","value":{"string_value":"mug"}}],"user_pseudo_id":"1234.5678","items":[{"item_id":"SKU_1"},{"item_id":"SKU_2"}]})" "\n"
      R"~({"event_timestamp":"1700000003000000","event_name":"purchase","event_params":[{"key":"currency","value":{"string_value":"EUR"}}],"user_id":"u7","user_pseudo_id":"1234.5678","ecommerce":{"transaction_id":"T1","purchase_revenue":10.0,"total_item_quantity":"3"},"items":[{"item_id":"SKU_1","item_name":"Mug","price":3.5,"quantity":"2"},{"item_id":"(not set)","item_name":"Gift wrap","price":3,"quantity":1}]})~" "\n"
      R"({"event_timestamp":"1700000004000000","event_name":"purchase","user_pseudo_id":"1234.5678","ecommerce":{"transaction_id":"T2"},"items":[]})" "\n"
      R"({"event_timestamp":"1700000005000000","event_name":"view_promotion","user_pseudo_id":"1234.5678","items":[]})" "\n"
      R"({"event_timestamp":"1700000006000000","event_name":"add_to_cart","user_pseudo_id":null,"items":[{"item_id":"SKU_1"}]})" "\n");
  REQUIRE(read.events.size() == 4);
  const auto& view = read.events[0];
  REQUIRE((view.event.kind == EventKind::view_item && view.item == "SKU_1" && view.item_name == "Mug" && view.visitor == "1234.5678" && view.user.empty()));
  REQUIRE((view.session == "1234.5678.1699999990" && view.event.price == 3.5 && view.event.quantity == 1 && view.currency == "EUR" && view.event.value == 3.5));
  REQUIRE((view.page == "https://shop.example/mug" && view.device == "mobile" && view.country == "Germany" && view.channel == "mail"));
  REQUIRE(view.event.time_us == 1'700'000'001'000'000);
  REQUIRE((read.events[1].event.kind == EventKind::search && read.events[1].query == "mug" && read.events[1].item.empty()));
  REQUIRE((read.events[2].user == "u7" && read.events[2].order == "T1" && read.events[2].item == "SKU_1" && read.events[2].event.quantity == 2));
  REQUIRE((read.events[3].item == "Gift wrap" && read.events[3].event.value == 10));
  REQUIRE(read.summary.dropped.at("not_a_shop_event").lines == 2);
  REQUIRE_THAT(read.summary.dropped.at("not_a_shop_event").example, Contains("e.jsonl:1:event_name: 'page_view'"));
  REQUIRE(read.summary.dropped.at("order_without_items").lines == 1);
  REQUIRE(read.summary.dropped.at("missing_person").lines == 1);  // Counted, no error: consent was refused.
}

TEST_CASE("import_preset: Segment's track calls of both versions of its spec", "[data][import_preset]") {
  const auto read = read_preset("segment",
      R"({"type":"identify","userId":"u1","anonymousId":"a1","timestamp":"2024-05-01T10:00:00.000Z","messageId":"m0","traits":{"email":"x"}})" "\n"
      R"({"type":"track","event":"Product Viewed","anonymousId":"a1","userId":null,"messageId":"m1","timestamp":"2024-05-01T10:00:01.000Z","context":{"page":{"url":"https://shop.example/p"},"campaign":{"source":"mail"},"device":{"type":"phone"}},"properties":{"product_id":507,"sku":"G-32","name":"Monopoly","price":19,"quantity":1,"currency":"USD","position":3,"value":19}})" "\n"
      R"({"type":"track","event":"Product List Viewed","anonymousId":"a1","messageId":"m2","timestamp":"2024-05-01T10:00:02.000Z","properties":{"list_id":"hot","products":[{"product_id":"507","position":1},{"sku":"G-33","position":2}]}})" "\n"
      R"({"type":"track","event":"Products Searched","anonymousId":"a1","messageId":"m3","timestamp":"2024-05-01T10:00:03.000Z","properties":{"query":"blue hotpants"}})" "\n"
      R"({"type":"track","event":"Order Completed","userId":"u1","anonymousId":"a1","messageId":"m4","timestamp":"2024-05-01T10:00:04.000Z","properties":{"order_id":"50314b8e","total":27.5,"revenue":25,"currency":"USD","products":[{"product_id":"507","price":19,"quantity":1,"name":"Monopoly"},{"product_id":"505","price":3,"quantity":2,"name":"Uno"}]}})" "\n"
      R"({"type":"track","event":"Completed Order","userId":"u2","messageId":"m5","timestamp":"2024-05-01T10:00:05.000Z","properties":{"orderId":"9","products":[{"id":"507","sku":"G-32","price":19,"quantity":1}]}})" "\n"
      R"({"type":"track","event":"Order Refunded","userId":"u2","messageId":"m6","timestamp":"2024-05-01T10:00:06.000Z","properties":{"order_id":"9"}})" "\n"
      R"({"type":"track","event":"Prodct Viewed","userId":"u2","messageId":"m7","timestamp":"2024-05-01T10:00:06.000Z","properties":{"product_id":"1"}})" "\n");
  REQUIRE(read.events.size() == 7);
  const auto& view = read.events[0];
  REQUIRE((view.id == "m1" && view.event.kind == EventKind::view_item && view.item == "507" && view.item_name == "Monopoly" && view.visitor == "a1"));
  REQUIRE((view.event.price == 19 && view.currency == "USD" && view.event.position == 3 && view.page == "https://shop.example/p"));
  REQUIRE((view.channel == "mail" && view.device == "phone"));
  REQUIRE((read.events[1].item == "507" && read.events[1].id == "m2#1" && read.events[2].item == "G-33" && read.events[2].event.position == 2));
  REQUIRE((read.events[3].event.kind == EventKind::search && read.events[3].query == "blue hotpants"));
  REQUIRE((read.events[4].event.kind == EventKind::purchase && read.events[4].order == "50314b8e" && read.events[5].event.quantity == 2));
  REQUIRE((read.events[6].order == "9" && read.events[6].item == "G-32"));
  REQUIRE(read.summary.dropped.at("not_a_shop_event").lines == 2);
  REQUIRE(read.summary.dropped.at("order_without_items").lines == 1);
}

TEST_CASE("import_preset: products named by two of Segment's ids are told, and currencies of small letters are the same", "[data][import_preset]") {
  const std::string view = R"({"event":"Product Viewed","anonymousId":"a1","timestamp":"2024-05-01T10:00:01Z","properties":{"sku":"G-32","price":1,"currency":"usd"}})" "\n",
                    order = R"({"event":"Order Completed","userId":"u1","timestamp":"2024-05-01T10:00:04Z","properties":{"order_id":"5","currency":"USD","products":[{"product_id":"507","sku":"G-32","price":1}]}})" "\n";
  const auto read = read_preset("segment", view + order);
  REQUIRE((read.events.size() == 2 && read.events[0].currency == "USD" && read.events[0].item == "G-32" && read.events[1].item == "507"));
  REQUIRE(read.summary.currency == "USD");
  REQUIRE(read.summary.proposals.size() == 1);
  REQUIRE_THAT(read.summary.proposals[0], Contains("items are named by sku in 1 events, by product_id in 1: a product that has both is two items"));
  auto later = order;
  later.replace(later.find("10:00:04"), 8, "11:00:04");
  REQUIRE(read_preset("segment", order + later).summary.proposals.empty());
}

TEST_CASE("import_preset: user events of Google's Retail API", "[data][import_preset]") {
  const auto read = read_preset("google-retail",
      R"({"eventType":"home-page-view","visitorId":"v1","eventTime":"2024-05-01T10:00:00.123456789Z"})" "\n"
      R"({"eventType":"detail-page-view","visitorId":"v1","sessionId":"s1","userInfo":{"userId":"u1","ipAddress":"1.2.3.4"},"eventTime":"2024-05-01T10:00:01Z","uri":"https://shop.example/p","productDetails":[{"product":{"id":"p1"}}]})" "\n"
      R"({"eventType":"search","visitorId":"v1","eventTime":"2024-05-01T10:00:02Z","searchQuery":"mug","productDetails":[{"product":{"id":"p1"}},{"product":{"id":"p2"}}]})" "\n"
      R"({"eventType":"purchase-complete","visitorId":"v1","eventTime":"2024-05-01T10:00:03+02:00","productDetails":[{"product":{"id":"p1","priceInfo":{"price":5,"currencyCode":"EUR"}},"quantity":2},{"product":{"id":"p2"},"quantity":1}],"purchaseTransaction":{"id":"t1","revenue":22.25,"currencyCode":"EUR"}})" "\n"
      R"({"eventType":"shopping-cart-page-view","visitorId":"v1","eventTime":"2024-05-01T10:00:04Z"})" "\n");
  REQUIRE(read.events.size() == 4);
  REQUIRE((read.events[0].event.kind == EventKind::view_item && read.events[0].user == "u1" && read.events[0].visitor == "v1" && read.events[0].session == "s1"));
  REQUIRE((read.events[0].item == "p1" && read.events[0].page == "https://shop.example/p"));
  REQUIRE((read.events[1].query == "mug" && read.events[1].item.empty()));
  REQUIRE((read.events[2].order == "t1" && read.events[2].event.quantity == 2 && read.events[2].event.price == 5 && read.events[3].item == "p2"));
  REQUIRE(read.events[2].event.time_us == at("2024-05-01T08:00:03Z"));
  REQUIRE(read.summary.dropped.at("not_a_shop_event").lines == 2);
}

TEST_CASE("import_preset: item interactions of Amazon Personalize, as a table and as JSON lines", "[data][import_preset]") {
  const std::string table = "USER_ID,ITEM_ID,EVENT_TYPE,EVENT_VALUE,TIMESTAMP,IMPRESSION,RECOMMENDATION_ID\n"
                            "35,73,View,,1586731606,73|70|17,rec-1\n54,35,Purchase,9.5,1586735164,,\n";
  const auto read = read_preset("personalize", table, "interactions.csv");
  REQUIRE(read.events.size() == 2);
  REQUIRE((read.events[0].event.kind == EventKind::view_item && read.events[0].user == "35" && read.events[0].item == "73" && read.events[0].request_id == "rec-1"));
  REQUIRE((read.events[1].event.kind == EventKind::purchase && read.events[1].event.value == 9.5));
  REQUIRE(read.events[1].event.time_us == 1'586'735'164'000'000);
  const auto lines = read_preset("personalize", R"({"USER_ID":"35","ITEM_ID":73,"EVENT_TYPE":"View","TIMESTAMP":1586731606,"RECOMMENDATION_ID":"rec-1"})" "\n");
  REQUIRE(lines.ids.at(0) == read.ids[0]);
  // Words of the shop's own are refused with the remedy.
  const auto options = import_options({.map = "personalize"});
  const auto error = error_of("USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP\n1,2,Watched,1586731606\n", options, "e.csv");
  REQUIRE_THAT(error.what(), Contains("e.csv:2:EVENT_TYPE: 'Watched'") && Contains("--kinds"));
  // Without kinds one is given for all; without the column the message says how.
  REQUIRE_THAT(error_of("USER_ID,ITEM_ID,TIMESTAMP\n1,2,1586731606\n", options, "e.csv").what(), Contains("--kind KIND"));
  REQUIRE(read_text("USER_ID,ITEM_ID,TIMESTAMP\n1,2,1586731606\n", import_options({.map = "personalize", .kind = "purchase"})).events[0].event.kind == EventKind::purchase);
}

TEST_CASE("import_preset: Snowplow's enriched events with its e-commerce entities", "[data][import_preset]") {
  const std::string product = "contexts_com_snowplowanalytics_snowplow_ecommerce_product_1";
  const std::string action = "unstruct_event_com_snowplowanalytics_snowplow_ecommerce_snowplow_ecommerce_action_1";
  const auto read = read_preset("snowplow",
      R"({"event_id":"e0","event":"page_view","event_name":"page_view","collector_tstamp":"2024-05-01 10:00:00.123","domain_userid":"d1"})" "\n"
      R"({"event_id":"e1","event":"unstruct","event_name":"snowplow_ecommerce_action","collector_tstamp":"2024-05-01T10:00:01.500Z","derived_tstamp":"2024-05-01T10:00:01.000Z","user_id":null,"domain_userid":"d1","domain_sessionid":"s1","page_url":"https://shop.example/p","geo_country":"DE","dvce_type":"Mobile","mkt_source":"mail",")" +
          action + R"(":{"type":"product_view"},")" + product + R"(":[{"id":"12345","name":"Baseball T","category":"apparel","price":200,"currency":"USD","quantity":null,"position":2}]})" "\n"
      R"({"event_id":"e2","event_name":"snowplow_ecommerce_action","collector_tstamp":"2024-05-01 10:00:02.000 UTC","user_id":"u1","domain_userid":"d1",")" + action +
          R"(":{"type":"transaction"},"contexts_com_snowplowanalytics_snowplow_ecommerce_transaction_1":[{"transaction_id":"T12345","currency":"USD","revenue":50}],")" + product +
          R"(":[{"id":"1","price":20,"quantity":2,"currency":"USD"},{"id":"2","price":10,"quantity":1,"currency":"USD"}]})" "\n"
      // An older loader writes the whole version; the older e-commerce events name their item themselves.
      R"({"event_id":"e3","event_name":"snowplow_ecommerce_action","collector_tstamp":"2024-05-01 10:00:03","domain_userid":"d1",")" + action + R"(_0_2":{"type":"add_to_cart"},")" + product +
          R"(_0_0":[{"id":"7","quantity":1}]})" "\n"
      R"({"event_id":"e4","event":"transaction_item","event_name":"transaction_item","collector_tstamp":"2024-05-01 10:00:04","domain_userid":"d1","ti_orderid":"o9","ti_sku":"s9","ti_name":"Mug","ti_price":4.5,"ti_quantity":3,"ti_currency":"USD"})" "\n"
      R"({"event_id":"e5","event_name":"site_search","collector_tstamp":"2024-05-01 10:00:05","domain_userid":"d1","unstruct_event_com_snowplowanalytics_snowplow_site_search_1":{"terms":["mug"]}})" "\n");
  REQUIRE(read.events.size() == 6);
  const auto& view = read.events[0];
  REQUIRE((view.id == "e1#1" && view.event.kind == EventKind::view_item && view.item == "12345" && view.item_name == "Baseball T" && view.event.price == 200));
  REQUIRE((view.visitor == "d1" && view.session == "s1" && view.page == "https://shop.example/p" && view.country == "DE" && view.device == "Mobile"));
  REQUIRE((view.channel == "mail" && view.event.position == 2 && view.event.time_us == at("2024-05-01T10:00:01Z")));
  REQUIRE((read.events[1].event.kind == EventKind::purchase && read.events[1].order == "T12345" && read.events[1].user == "u1" && read.events[1].event.quantity == 2));
  REQUIRE((read.events[2].item == "2" && read.events[2].event.time_us == at("2024-05-01T10:00:02Z")));
  REQUIRE((read.events[3].event.kind == EventKind::add_to_cart && read.events[3].item == "7"));
  REQUIRE((read.events[4].order == "o9" && read.events[4].item == "s9" && read.events[4].event.quantity == 3));
  REQUIRE((read.events[5].event.kind == EventKind::search && read.events[5].query == "mug"));
  REQUIRE(read.summary.dropped.at("not_a_shop_event").lines == 1);
}

TEST_CASE("import_preset: a map wins over a preset, and words are added to its own", "[data][import_preset]") {
  const auto options = import_options({.map = "ga4,user=crm.id,item=lines[].sku", .kinds = "add_to_basket=add_to_cart"});
  const auto read = read_text(R"({"event_timestamp":1700000000000000,"event_name":"add_to_basket","crm":{"id":5},"lines":[{"sku":"a"}],"items":[{"item_id":"no"}]})" "\n", options, "e.jsonl");
  REQUIRE(read.events.size() == 1);
  REQUIRE((read.events[0].user == "5" && read.events[0].item == "a" && read.events[0].event.kind == EventKind::add_to_cart));
}

TEST_CASE("import_preset: a bad line of a preset's file is refused with the collector's own path", "[data][import_preset]") {
  const auto options = import_options({.map = "ga4"});
  const auto error = error_of(R"({"event_timestamp":1700000000000000,"event_name":"purchase","user_pseudo_id":"v","ecommerce":{"transaction_id":"t"},"items":[{"item_id":"a"},{"item_id":"b","price":"x"}]})" "\n",
                              options, "e.jsonl");
  REQUIRE(error.where() == "e.jsonl:1:items[1].price");
  REQUIRE(error_of(R"({"event_timestamp":1700000000,"event_name":"view_item","user_pseudo_id":"v","items":[{"item_id":"a"}]})" "\n{", options, "e.jsonl").where() == "e.jsonl:2");
  REQUIRE(error_of(R"({"event_timestamp":"yesterday","event_name":"view_item","user_pseudo_id":"v","items":[{"item_id":"a"}]})" "\n", options, "e.jsonl").where() ==
          "e.jsonl:1:event_timestamp");
  REQUIRE_THAT(error_of("a,b\n1,2\n", options, "e.csv").what(), Contains("e.csv:1") && Contains("no column 'time'"));
}

TEST_CASE("import_preset: files of every preset give the same ids when they are read again", "[data][import_preset]") {
  const auto line = R"({"event_timestamp":1700000000000000,"event_name":"purchase","user_pseudo_id":"v","ecommerce":{"transaction_id":"t"},"items":[{"item_id":"a"},{"item_id":"a"}]})" "\n";
  const auto first = read_preset("ga4", line), second = read_preset("ga4", line);
  REQUIRE(first.ids == second.ids);
  REQUIRE(first.ids[0] != first.ids[1]);
}

TEST_CASE("import_preset: a table without a header is told that the preset is for JSON lines", "[data][import_preset]") {
  REQUIRE_THAT(error_of("e1\tweb\t2024-05-01\tpage_view\n", import_options({.map = "snowplow"}), "e.tsv").allowed(), Contains("the preset snowplow is for JSON lines"));
  REQUIRE_THAT(error_of("USER,ITEM\nu,i\n", import_options({.map = "personalize"})).allowed(), !Contains("JSON lines"));
}
