#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/imported.hpp"

using namespace pannier;
using namespace pannier::data;
using namespace pannier::test;

namespace {

const std::string header = "time,kind,user,order,item,quantity,price,currency\n";

ImportOptions options_of(const ImportTexts& texts) { return import_options(texts); }

/// A message of refused texts.
std::string refusal(const ImportTexts& texts, const std::string& where) {
  try {
    (void)import_options(texts);
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::invalid_argument);
    REQUIRE(error.where() == where);
    return error.what();
  }
  FAIL("nothing was refused");
  return {};
}

}  // namespace

TEST_CASE("import_map: a word of the file stands for a kind, and one that is not named for itself", "[data][import_map]") {
  const auto options = options_of({.kinds = "view=view_item,buy=purchase"});
  const auto read = read_text(header + "2024-05-01,view,u,,a,,,\n2024-05-01,buy,u,,a,,,\n2024-05-01,add_to_cart,u,,a,,,\n", options);
  REQUIRE(read.events.size() == 3);
  REQUIRE(read.events[0].event.kind == EventKind::view_item);
  REQUIRE(read.events[1].event.kind == EventKind::purchase);
  REQUIRE(read.events[2].event.kind == EventKind::add_to_cart);
  REQUIRE_THAT(error_of(header + "2024-05-01,purchse,u,,a,,,\n", options).what(), Contains("did you mean purchase?") && Contains("--kinds WORD=KIND"));
  // A known kind may be given another meaning.
  REQUIRE(read_text(header + "2024-05-01,purchase,u,,a,,,\n", options_of({.kinds = "purchase=view_item"})).events[0].event.kind == EventKind::view_item);
}

TEST_CASE("import_map: an order with the refund prefix takes purchases back, with or without a person", "[data][import_map]") {
  const auto options = options_of({.refund_prefix = "order=C,order=R-"});
  const auto read = read_text(header + "2024-05-01,purchase,u,C1,a,-2,1,\n"     // with a person
                                       "2024-05-01,purchase,,C2,a,-3,1,\n"      // without
                                       "2024-05-01,purchase,,C3,a,1,1,\n"       // without a sign
                                       "2024-05-01,purchase,,R-4,a,-1,1,\n"     // the other prefix
                                       "2024-05-01,purchase,u,5C,a,-1,1,\n"     // a person is enough
                                       "2024-05-01,purchase,,5C,a,-1,1,\n"      // a correction of the stock
                                       "2024-05-01,view_item,u,C1,a,,,\n",      // no purchase
                              options);
  REQUIRE(read.events.size() == 6);
  for (int i = 0; i < 5; ++i) REQUIRE(read.events[static_cast<std::size_t>(i)].event.kind == EventKind::refund);
  REQUIRE(read.events[1].event.quantity == 3);
  REQUIRE(read.events[2].event.quantity == 1);
  REQUIRE(read.events[5].event.kind == EventKind::view_item);
  REQUIRE(read.summary.dropped.size() == 1);
  REQUIRE(read.summary.dropped.at("stock_correction").lines == 1);
  REQUIRE_THAT(read.summary.dropped.at("stock_correction").example, Contains("events.csv:7:quantity") && Contains("--refund-prefix"));
}

TEST_CASE("import_map: items to drop are left out whatever else is wrong with their lines, and that is no error", "[data][import_map]") {
  const Scratch scratch;
  auto options = options_of({.drop_items = scratch.write("drop.txt", "POST\r\nBANK CHARGES\n\n")});
  REQUIRE(options.drop_items == std::vector<std::string>{"POST", "BANK CHARGES"});
  const auto text = header + "2024-05-01,purchase,u,o,a,1,1,\n2024-05-01,purchase,u,o,POST,1,-9,\nno time,purchase,u,o,BANK CHARGES,1,1,\n";
  const auto read = read_text(text, options);
  REQUIRE(read.events.size() == 1);
  REQUIRE(read.summary.dropped.at("dropped_item").lines == 2);
  REQUIRE_THAT(read.summary.dropped.at("dropped_item").example, Contains("events.csv:3:item: 'POST'"));
  REQUIRE(read_item_list(scratch.write("drop.csv", "reason,item\npostage,POST\nfee,\"A,B\"\n")) == std::vector<std::string>{"POST", "A,B"});
  REQUIRE(read_item_list(scratch.write("drop.tsv", "item\nPOST\n")) == std::vector<std::string>{"POST"});
  REQUIRE_THROWS_WITH(read_item_list(scratch.write("two.txt", "a,b\n")), Contains("two.txt:1") && Contains("a column item"));
  REQUIRE_THROWS_WITH(read_item_list(scratch.write("bytes.txt", "a\n\xFF\n")), Contains("bytes.txt:2") && Contains("0xFF"));
  REQUIRE_THROWS_WITH(read_item_list(scratch.folder() / "none.txt"), Contains("none.txt"));
}

TEST_CASE("import_map: folded items differ neither in case nor in blanks at their ends, and the items to drop with them", "[data][import_map]") {
  auto options = options_of({.fold_case = "item"});
  options.drop_items = {"post"};
  const auto text = header + "2024-05-01,purchase,u,o,85123a,1,1,\n2024-05-01,purchase,u,o, 85123A ,1,1,\n2024-05-01,purchase,u,o,Post,1,1,\n"
                             "2024-05-01,purchase,u,o,\xC3\xA4x,1,1,\n";
  const auto read = read_text(text, options);
  REQUIRE(read.events.size() == 3);
  REQUIRE((read.events[0].item == "85123A" && read.events[1].item == "85123A"));
  REQUIRE(read.events[2].item == "\xC3\xA4X");  // Only ASCII letters.
  REQUIRE(read.summary.dropped.at("dropped_item").lines == 1);
  REQUIRE(read_text(text).events[0].item == "85123a");
  REQUIRE_THAT(refusal({.fold_case = "user"}, "fold_case"), Contains("item"));
}

TEST_CASE("import_map: without times the order of the file counts", "[data][import_map]") {
  const auto options = options_of({.kind = "purchase", .time_unit = "none"});
  const auto read = read_text("session,item\n1,a\n1,b\n\n2,a\n", options);
  REQUIRE(read.events.size() == 3);
  REQUIRE(read.events[0].event.time_us == 2);  // The number of the line.
  REQUIRE(read.events[1].event.time_us == 3);
  REQUIRE(read.events[2].event.time_us == 5);
  // A column of times is not looked at.
  REQUIRE(read_text("session,item,time\n1,a,some day\n", options).events[0].event.time_us == 2);
}

TEST_CASE("import_map: amounts in another currency are multiplied by its rate", "[data][import_map]") {
  const auto options = options_of({.rate = "EUR=0.5"});
  const auto read = read_text(header + "2024-05-01,purchase,u,o,a,1,10,EUR\n2024-05-01,purchase,u,o,b,1,3,GBP\n2024-05-01,purchase,u,o,c,1,8,EUR\n"
                                       "2024-05-01,purchase,u,o,d,1,7,\n2024-05-01,view_item,u,,e,,,USD\n",
                              options);
  REQUIRE(read.events.size() == 5);
  REQUIRE(read.events[0].event.price == 5);
  REQUIRE(read.events[1].event.price == 3);
  REQUIRE((read.events[2].event.price == 4 && read.events[2].currency == "GBP"));
  REQUIRE(read.events[3].event.price == 7);
  REQUIRE(std::isnan(read.events[4].event.price));  // Without an amount a currency means nothing.
  REQUIRE(read.summary.currency == "GBP");
}

TEST_CASE("event_file: tables parted by semicolons may have decimal commas, others may not", "[data][event_file]") {
  const auto read = read_text("time;kind;user;item;quantity;price\n2024-05-01;purchase;u;a;2;1234,50\n2024-05-01;purchase;u;b;1,5;3.25\n2024-05-01;refund;u;a;-1;0,5\n", {});
  REQUIRE(read.events.size() == 3);
  REQUIRE((read.events[0].event.price == 1234.5 && read.events[1].event.quantity == 1.5 && read.events[1].event.price == 3.25 && read.events[2].event.price == 0.5));
  for (const auto* price : {"1,234,50", "1.234,50", "1,2e3", "1,x"})
    REQUIRE(Contains("price").match(error_of(std::string("time;kind;user;item;quantity;price\n2024-05-01;purchase;u;a;2;") + price + "\n").what()));
  REQUIRE(Contains("price").match(error_of("time,kind,user,item,quantity,price\n2024-05-01,purchase,u,a,2,\"1234,50\"\n").what()));
}

TEST_CASE("import_map: a currency in small letters is the same currency", "[data][import_map]") {
  const auto read = read_text(header + "2024-05-01,purchase,u,o,a,1,10,eur\n2024-05-01,purchase,u,o,b,1,3,EUR\n2024-05-01,purchase,u,o,b,1,3,Eur\n", {});
  REQUIRE(read.events.size() == 3);
  for (const auto& kept : read.events) REQUIRE(kept.currency == "EUR");
  REQUIRE(read.summary.currency == "EUR");
  REQUIRE(options_of({.rate = "usd=0.5"}).rates == std::vector<std::pair<std::string, double>>{{"USD", 0.5}});
}

TEST_CASE("import_map: a second currency without a rate is refused by line, naming both", "[data][import_map]") {
  const auto text = header + "2024-05-01,purchase,u,o,a,1,10,EUR\n2024-05-01,purchase,u,o,b,1,3,GBP\n";
  const auto error = error_of(text);
  REQUIRE(error.where() == "e.csv:3:currency");
  REQUIRE_THAT(error.what(), Contains("'GBP' is not EUR") && Contains("--rate GBP=RATE"));
  const auto read = read_text(text, skipping());
  REQUIRE(read.events.size() == 1);
  REQUIRE(read.summary.dropped.at("other_currency").lines == 1);
  REQUIRE(read.summary.currency == "EUR");
  ImportOptions settled;
  settled.currency = "USD";
  REQUIRE_THAT(error_of(text, settled).what(), Contains("e.csv:2:currency") && Contains("'EUR' is not USD, the currency of the store"));
  settled.rates = {{"USD", 2}};
  REQUIRE_THAT(error_of(text, settled).what(), Contains("USD is the currency of the store"));
  // An amount that a rate makes too large.
  ImportOptions large;
  large.rates = {{"EUR", 1e6}};
  REQUIRE(error_of(header + "2024-05-01,purchase,u,o,a,1,1e7,EUR\n", large).where() == "e.csv:2:price");
}

TEST_CASE("import_map: options that cannot be are refused by name with what they may be", "[data][import_map]") {
  REQUIRE_THAT(refusal({.map = "ga5"}, "map"), Contains("did you mean ga4?"));
  REQUIRE_THAT(refusal({.map = "ga4,usr=x"}, "map"), Contains("did you mean user?"));
  REQUIRE_THAT(refusal({.kind = "purchse"}, "kind"), Contains("did you mean purchase?"));
  REQUIRE_THAT(refusal({.kinds = "a=b"}, "kinds"), Contains("'b' is no kind"));
  REQUIRE_THAT(refusal({.kinds = "a=purchase,a=refund"}, "kinds"), Contains("twice"));
  REQUIRE_THAT(refusal({.kinds = "purchase"}, "kinds"), Contains("no '='"));
  REQUIRE_THAT(refusal({.kinds = "a="}, "kinds"), Contains("empty side"));
  REQUIRE_THAT(refusal({.time_unit = "h"}, "time_unit"), Contains("none"));
  REQUIRE_THAT(refusal({.utc_offset = "2 hours"}, "utc_offset"), Contains("+02:00"));
  REQUIRE_THAT(refusal({.on_error = "go"}, "on_error"), Contains("stop or skip"));
  REQUIRE_THAT(refusal({.refund_prefix = "item=C"}, "refund_prefix"), Contains("order=C"));
  REQUIRE_THAT(refusal({.refund_prefix = "order=C,order=C"}, "refund_prefix"), Contains("twice"));
  for (const auto* rate : {"EUR=0", "EUR=-1", "EUR=nan", "EUR=1e7", "eu=1", "EURO=1", "EUR=x", "EUR=1,EUR=2"}) {
    INFO(rate);
    (void)refusal({.rate = rate}, "rate");
  }
  ImportOptions options;
  options.refund_prefixes = {""};
  REQUIRE(error_of(header, options).where() == "refund_prefix");
  options = {};
  options.preset = "ga5";
  REQUIRE(error_of(header, options).where() == "preset");
  REQUIRE(options_of({.utc_offset = "+02:00"}).utc_offset_us == 7'200'000'000);
}

TEST_CASE("import_map: several files are one import: one currency, counts added up, a proposal once", "[data][import_map]") {
  const Scratch scratch;
  const std::vector<std::filesystem::path> files{
      scratch.write("a.csv", header + "2024-05-01,purchase,u,o,i,1,2,EUR\n2024-05-02,purchase,u,o,i,0,2,EUR\n2024-05-02,purchase,u,p,I,1,2,EUR\n"),
      scratch.write("b.csv", header + "2024-05-03,purchase,v,q,k,1,2,USD\n2024-05-03,purchase,v,q,k,1,2,EUR\n2024-05-03,purchase,v,q,K,0,2,EUR\n")};
  std::size_t events = 0;
  const auto summary = read_event_files(files, skipping(), [&](std::span<const ImportedEvent> block) { events += block.size(); });
  REQUIRE(summary.currency == "EUR");
  REQUIRE(summary.read == 6);
  REQUIRE((summary.given == 3 && events == 3));
  REQUIRE(summary.dropped.at("other_currency").lines == 1);
  REQUIRE_THAT(summary.dropped.at("other_currency").example, Contains("b.csv:2:currency"));
  REQUIRE(summary.dropped.at("zero_quantity").lines == 2);
  REQUIRE_THAT(summary.dropped.at("zero_quantity").example, Contains("a.csv:3"));
  REQUIRE(summary.noted.at("case_variants").lines == 2);
  REQUIRE(std::count_if(summary.proposals.begin(), summary.proposals.end(), [](const std::string& text) { return text.find("--fold-case") != text.npos; }) == 1);
  REQUIRE(read_event_files({}, skipping(), [](std::span<const ImportedEvent>) {}).read == 0);
}

TEST_CASE("import_options: dates with the year last are read with the day or the month first, and proposed where they stand unasked", "[data][import_options]") {
  const auto day_first = options_of({.kind = "purchase", .time_unit = "dmy"}), month_first = options_of({.kind = "purchase", .time_unit = "mdy"});
  const std::string names = "time,user,item\n";
  for (const auto& [text, iso] : {std::pair("31/12/2010 14:05", "2010-12-31T14:05:00Z"), std::pair("1.2.2010", "2010-02-01T00:00:00Z"), std::pair("01-02-2010 9:05:07", "2010-02-01T09:05:07Z"),
                                  std::pair("01/02/2010 09:05:07+02:00", "2010-02-01T07:05:07Z")}) {
    INFO(text);
    REQUIRE(read_text(names + text + ",u,a\n", day_first).events.at(0).event.time_us == at(iso));
  }
  REQUIRE(read_text(names + "12/31/2010 14:05,u,a\n", month_first).events.at(0).event.time_us == at("2010-12-31T14:05:00Z"));
  auto local = day_first;
  local.utc_offset_us = 2 * 3600 * us_per_second;
  REQUIRE(read_text(names + "31/12/2010 14:05,u,a\n", local).events.at(0).event.time_us == at("2010-12-31T12:05:00Z"));
  for (const auto* wrong : {"12/31/2010", "2010-12-31", "31/12/10", "31/12-2010", "31/12/2010 ", "31/12/2010 1", "31/12/2010x", "/12/2010", "29/02/2011", "31/12/2010 24:61"}) {
    INFO(wrong);
    const auto error = error_of(names + wrong + ",u,a\n", day_first);
    REQUIRE(error.code() == ErrorCode::malformed_input);
    REQUIRE_THAT(error.allowed(), Contains("day first"));
  }
  REQUIRE_THAT(error_of(names + "31/12/2010 14:05,u,a\n", options_of({.kind = "purchase"})).allowed(), Contains("need --time-unit dmy") && !Contains("mdy"));
  REQUIRE_THAT(error_of(names + "12/31/2010,u,a\n", options_of({.kind = "purchase"})).allowed(), Contains("need --time-unit mdy"));
  REQUIRE_THAT(error_of(names + "1/2/2010,u,a\n", options_of({.kind = "purchase"})).allowed(), Contains("need --time-unit dmy or mdy"));
  REQUIRE_THAT(error_of(names + "yesterday,u,a\n", options_of({.kind = "purchase"})).allowed(), !Contains("--time-unit"));
}

TEST_CASE("import_options: options that read the same have the same key, and others another", "[data][import_options]") {
  const std::vector<ImportTexts> texts = {{}, {.map = "user=a"}, {.map = "user=b"}, {.map = "ga4"}, {.kind = "purchase"}, {.kinds = "a=view_item"}, {.kinds = "a=purchase"}, {.time_unit = "s"},
                                          {.utc_offset = "+01:00"}, {.refund_prefix = "order=C"}, {.fold_case = "item"}, {.rate = "EUR=0.5"}, {.rate = "EUR=0.6"}};
  std::vector<std::uint64_t> keys;
  for (const auto& text : texts) keys.push_back(reading_key(options_of(text)));
  for (std::size_t i = 0; i < keys.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) REQUIRE(keys[i] != keys[j]);
  auto same = options_of({.on_error = "skip"});
  same.drop_items = {"POST"};
  REQUIRE(reading_key(same) == keys[0]);
}
