#include "data/import_notes.hpp"

#include <cstdlib>
#include <set>
#include <string>

#include "support/imported.hpp"

using namespace pannier;
using namespace pannier::data;
using namespace pannier::test;

namespace {

const std::string header = "time,kind,user,order,item,quantity,price\n";

std::uint64_t noted(const Read& read, const std::string& fact) {
  const auto found = read.summary.noted.find(fact);
  return found == read.summary.noted.end() ? 0 : found->second.lines;
}

bool proposes(const Read& read, const std::string& text) {
  for (const auto& proposal : read.summary.proposals)
    if (proposal.find(text) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("import_notes: facts count every line, used or not, with the first one as the example", "[data][import_notes]") {
  auto options = import_options({.on_error = "skip", .refund_prefix = "order=C"});
  options.drop_items = {"POST"};
  const auto read = read_text(header + "2024-05-01,purchase,u,1,a,1,2\n"
                                       "2024-05-01,purchase,,C2,a,-1,2\n"
                                       "2024-05-01,purchase,,3,a,-1,0\n"      // a correction of the stock at no price
                                       "2024-05-01,purchase,u,4,a,1,-3\n"
                                       "2024-05-02,purchase,u,5,a,1,0.00\n"   // free
                                       "no time,purchase,,C6,POST,-1,0\n"
                                       "2024-05-01,purchase,u,1,a,1,2\n",     // as the first
                              options);
  REQUIRE(noted(read, "cancellation") == 2);
  REQUIRE(noted(read, "negative_quantity") == 3);
  REQUIRE(noted(read, "negative_price") == 1);
  REQUIRE(noted(read, "zero_price") == 3);
  REQUIRE(noted(read, "without_person") == 3);
  REQUIRE(noted(read, "duplicate_line") == 1);
  REQUIRE(noted(read, "case_variants") == 0);
  REQUIRE_THAT(read.summary.noted.at("cancellation").example, Contains("events.csv:3: order 'C2'"));
  REQUIRE_THAT(read.summary.noted.at("zero_price").example, Contains("events.csv:4: '0'"));
  REQUIRE_THAT(read.summary.noted.at("duplicate_line").example, Contains("events.csv:8"));
  REQUIRE(read.events.size() == 4);  // An equal line is used all the same.
  REQUIRE(read.summary.proposals.empty());
}

TEST_CASE("import_notes: codes of several spellings count once each, and a proposal makes them one", "[data][import_notes]") {
  const auto text = header + "2024-05-01,purchase,u,1,ab,1,2\n2024-05-02,purchase,u,1,AB,1,2\n2024-05-02,purchase,u,1,Ab,1,2\n"
                             "2024-05-02,purchase,u,1,x,1,2\n2024-05-02,purchase,u,1, x,1,2\n2024-05-02,purchase,u,1,ab,1,2\n";
  const auto read = read_text(text);
  REQUIRE(noted(read, "case_variants") == 2);
  REQUIRE(proposes(read, "2 codes differ only in case or in blanks at the ends: --fold-case item makes them one"));
  const auto folded = read_text(text, import_options({.fold_case = "item"}));
  REQUIRE(noted(folded, "case_variants") == 2);
  REQUIRE(folded.summary.proposals.empty());
  REQUIRE(std::set<std::string>{folded.events[0].item, folded.events[1].item, folded.events[3].item, folded.events[4].item} == std::set<std::string>{"AB", "X"});
}

TEST_CASE("import_notes: an order on two days is noted once, by the file's own days", "[data][import_notes]") {
  const auto text = header + "2024-05-01 23:30,purchase,u,1,a,1,2\n2024-05-02 00:30,purchase,u,1,b,1,2\n2024-05-02 00:40,purchase,u,1,c,1,2\n"
                             "2024-05-02 10:00,purchase,u,2,a,1,2\n2024-05-02 23:00,purchase,u,2,b,1,2\n2024-05-01 10:00,purchase,u,1,d,1,2\n";
  const auto read = read_text(text);
  REQUIRE(noted(read, "order_over_days") == 1);
  REQUIRE_THAT(read.summary.noted.at("order_over_days").example, Contains("events.csv:3: order '1'"));
  ImportOptions east;
  east.utc_offset_us = 7'200'000'000;
  REQUIRE(noted(read_text(text, east), "order_over_days") == 1);
}

TEST_CASE("import_notes: an unknown kind is proposed by its letters or its meaning", "[data][import_notes]") {
  const auto read = read_text(header + "2024-05-01,purchse,u,1,a,1,2\n2024-05-01,Purchse,u,1,a,1,2\n2024-05-01,purchse,u,1,a,1,2\n2024-05-01,buy,u,1,a,1,2\n"
                                       "2024-05-01,xyzzy,u,1,a,1,2\n2024-05-02,view_item,u,1,a,1,2\n",
                              skipping());
  REQUIRE(proposes(read, "unknown kind purchse (2 lines): did you mean purchase? --kinds purchse=purchase"));
  REQUIRE(proposes(read, "unknown kind Purchse (1 line)"));
  REQUIRE(proposes(read, "unknown kind buy (1 line): did you mean purchase? --kinds buy=purchase"));
  REQUIRE(!proposes(read, "xyzzy"));
}

TEST_CASE("import_notes: times that no shop has are asked about", "[data][import_notes]") {
  REQUIRE(proposes(read_text(header + "2099-05-01,view_item,u,,a,,\n2024-05-01,view_item,u,,a,,\n"), "times of year 2099"));
  REQUIRE(proposes(read_text(header + "2024-05-01,view_item,u,,a,,\n2024-05-01,view_item,v,,a,,\n"), "all 2 events have one timestamp, 2024-05-01"));
  REQUIRE(proposes(read_text(header + "1714557600,view_item,u,,a,,\n1714557601,view_item,u,,a,,\n", import_options({.time_unit = "ms"})),
                   "times of year 1970: is --time-unit s wanted?"));
  // Milliseconds taken for seconds are out of range: the message asks.
  REQUIRE_THAT(error_of(header + "1714557600000,view_item,u,,a,,\n", import_options({.time_unit = "s"})).what(), Contains("is --time-unit ms meant?"));
  const auto sound = read_text(header + "2024-05-01,view_item,u,,a,,\n2024-05-02,view_item,u,,a,,\n");
  REQUIRE((sound.summary.proposals.empty() && sound.summary.noted.empty()));
  REQUIRE(read_text("session,item\n1,a\n2,b\n", import_options({.kind = "purchase", .time_unit = "none"})).summary.proposals.empty());
}

TEST_CASE("import_notes: orders whose letter goes with negative quantities are proposed as refunds", "[data][import_notes]") {
  std::string text = header;
  for (int i = 0; i < 10; ++i) text += "2024-05-0" + std::to_string(1 + i % 9) + ",purchase,u,5" + std::to_string(i) + ",a,1,2\n";
  for (int i = 0; i < 4; ++i) text += "2024-05-01,purchase,u,C5" + std::to_string(i) + ",a,-1,2\n";
  text += "2024-05-01,purchase,u,A50,a,1,2\n";
  const auto read = read_text(text);
  REQUIRE(proposes(read, "4 of 4 lines of orders that begin with C have a negative quantity: --refund-prefix order=C"));
  REQUIRE(!proposes(read, "order=A"));
  REQUIRE(!proposes(read_text(text, import_options({.refund_prefix = "order=C"})), "refund-prefix"));
}

TEST_CASE("import_notes: ids that are whole numbers written with a decimal point are wondered at, of items and of users", "[data][import_notes]") {
  const auto read = read_text(header + "2024-05-01,purchase,13085.0,1,7.0,1,2\n2024-05-01,purchase,13085.0,1,7,1,2\n2024-05-01,purchase,u,1,v1.0,1,2\n2024-05-01,purchase,u,1,.0,1,2\n");
  REQUIRE(proposes(read, "1 line names its item by a whole number with \".0\" behind, as 7.0"));
  REQUIRE(proposes(read, "2 lines name their user by a whole number with \".0\" behind, as 13085.0 (tables with missing values are written so): 13085 of another file"));
  REQUIRE(!proposes(read_text(header + "2024-05-01,purchase,u,1,v1.0,1,2.0\n"), "whole number"));
}

TEST_CASE("import_notes: a second currency and a path that leads nowhere are proposed", "[data][import_notes]") {
  const auto read = read_text("time,kind,user,item,price,currency\n2024-05-01,view_item,u,a,1,EUR\n2024-05-02,view_item,u,a,1,USD\n", skipping());
  REQUIRE(proposes(read, "two currencies, EUR and USD: --rate USD=RATE, the worth of one USD in EUR"));
  const auto lines = read_text(R"({"time":"2024-05-01","kind":"view_item","user":"u","item":"a"})" "\n", import_options({.map = "page=place.url"}), "e.jsonl");
  REQUIRE(proposes(lines, "the path 'place.url' of the map led nowhere"));
}

TEST_CASE("import_notes: a bounded table forgets nothing it had and takes nothing beyond its bound", "[data][import_notes]") {
  struct Number {
    std::uint32_t number = 0;
  };
  BoundedTable<Number> table;
  const auto most = static_cast<std::uint32_t>(BoundedTable<Number>::most);
  const auto hash = [](std::uint32_t i) { return (std::uint64_t{i} + 1) * 0x9E3779B97F4A7C15; };
  for (std::uint32_t i = 0; i < most; ++i) {
    const auto place = table.find(hash(i));
    if (place.value == nullptr || !place.is_new) FAIL(i);
    place.value->number = i;
  }
  REQUIRE(table.full());
  REQUIRE(table.find(hash(most)).value == nullptr);
  for (std::uint32_t i = 0; i < most; ++i) {
    const auto place = table.find(hash(i));
    if (place.value == nullptr || place.is_new || place.value->number != i) FAIL(i);
  }
}

#if PANNIER_WITH_ZLIB
TEST_CASE("import_notes: the real shop of 2009 is told as its source tells it", "[data][import_notes]") {
  const auto* data = std::getenv("PANNIER_DATA");
  const auto file = std::filesystem::path(data != nullptr ? data : PANNIER_TEST_DATA "/../../../shared/data") /
                    "uci-online-retail-ii-2009-2010/online_retail_2009_2010.tsv.gz";
  if (!std::filesystem::exists(file)) {
    WARN("skipped: " << file << " is absent; PANNIER_DATA names the folder of the data sets");
    return;
  }
  auto options = import_options({.map = "user=customer_id,item=stock_code,time=invoice_date,quantity=quantity,price=unit_price_gbp,order=invoice,"
                                        "item_name=description,country=country",
                                 .kind = "purchase",
                                 .on_error = "skip",
                                 .refund_prefix = "order=C"});
  Read read;
  read.summary = read_events(file, options, [](std::span<const ImportedEvent>) {});
  REQUIRE(read.summary.read == 525'461);
  REQUIRE(noted(read, "cancellation") == 10'206);
  REQUIRE(noted(read, "without_person") == 107'927);
  REQUIRE(noted(read, "negative_quantity") == 12'326);
  REQUIRE(noted(read, "negative_price") == 3);
  REQUIRE(noted(read, "zero_price") == 3'687);
  REQUIRE(noted(read, "case_variants") == 152);
  REQUIRE(noted(read, "duplicate_line") == 6'865);
  REQUIRE(noted(read, "order_over_days") == 0);
  REQUIRE(read.summary.dropped.at("stock_correction").lines == 2'121);  // Negative, and no cancellation.
  REQUIRE(read.summary.dropped.at("negative_price").lines == 3);
  REQUIRE(proposes(read, "152 codes differ"));
  options.refund_prefixes.clear();
  read.summary = read_events(file, options, [](std::span<const ImportedEvent>) {});
  REQUIRE(proposes(read, "--refund-prefix order=C"));
}
#endif
