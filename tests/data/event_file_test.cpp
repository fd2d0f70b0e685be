#include "pannier/data/event_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "pannier/core/time.hpp"
#include "support/imported.hpp"
#include "support/catch.hpp"
#include "support/gzip.hpp"
#include "support/imported.hpp"
#include "support/scratch.hpp"

using namespace pannier;
using namespace pannier::data;
using namespace pannier::test;

TEST_CASE("event_file: every field of a line comes out as it was meant", "[data][event_file]") {
  const auto read = read_text(
      "event_id,time,kind,user,visitor,session,order,item,item_name,quantity,price,currency,value,position,dwell_ms,query,page,device,country,"
      "channel,consent,request_id,slot,unused\n"
      "e1,2024-05-01T10:00:00.5Z,select_item,u,v,s,o,i,\"Mug, \"\"big\"\"\",2.5,12.50,EUR,-3,4,1200,mugs,home,phone,DE,mail,personalization,r,7,\xFF\n");
  REQUIRE(read.events.size() == 1);
  const auto& kept = read.events[0];
  REQUIRE(kept.id == "e1");
  REQUIRE(kept.event.time_us == at("2024-05-01T10:00:00.5Z"));
  REQUIRE(kept.event.kind == EventKind::select_item);
  REQUIRE((kept.user == "u" && kept.visitor == "v" && kept.session == "s" && kept.order == "o" && kept.item == "i"));
  REQUIRE(kept.item_name == "Mug, \"big\"");
  REQUIRE((kept.event.quantity == 2.5 && kept.event.price == 12.5 && kept.event.value == -3 && kept.currency == "EUR"));
  REQUIRE((kept.event.position == 4 && kept.event.dwell_ms == 1200 && kept.event.slot == 7));
  REQUIRE((kept.query == "mugs" && kept.page == "home" && kept.device == "phone" && kept.country == "DE" && kept.channel == "mail"));
  REQUIRE((kept.event.consent == Consent::personalization && kept.request_id == "r"));
}

TEST_CASE("event_file: empty fields and missing columns are absent", "[data][event_file]") {
  for (const std::string_view text : {"time,kind,user,item,quantity,price,value,position,dwell_ms,slot,consent,currency\n"
                                      "2024-05-01,view_item,u,i,,,,,,,,\n",
                                      "time,kind,user,item\n2024-05-01,view_item,u,i\n"}) {
    const auto read = read_text(text);
    const auto& event = read.events.at(0).event;
    REQUIRE(event.quantity == 1);
    REQUIRE((std::isnan(event.price) && std::isnan(event.value)));
    REQUIRE((event.position == -1 && event.dwell_ms == -1 && event.slot == -1 && event.consent == Consent::unknown));
    REQUIRE((event.id.empty() && event.visitor.empty() && event.currency.empty()));
  }
}

TEST_CASE("event_file: a map renames columns and takes them from the fields they are named after", "[data][event_file]") {
  ImportOptions options;
  options.columns = parse_map("user=session,item=sku,time=when");
  options.constant_kind = EventKind::purchase;
  const auto read = read_text("when,sku,session,kind,item\n2024-05-01,s1,anna,gift,not me\n", options);
  const auto& kept = read.events.at(0);
  REQUIRE((kept.user == "anna" && kept.session.empty() && kept.item == "s1" && kept.event.kind == EventKind::purchase));
}

TEST_CASE("event_file: a search needs no item, and a file of searches no item column", "[data][event_file]") {
  ImportOptions options;
  options.constant_kind = EventKind::search;
  REQUIRE(read_text("time,user,query\n2024-05-01,u,mugs\n", options).events.at(0).query == "mugs");
  const auto read = read_text("time,kind,user,item,query\n2024-05-01,search,u,,mugs\n2024-05-01,view_item,u,,\n", skipping());
  REQUIRE(read.events.size() == 1);
  REQUIRE(read.summary.dropped.at("missing_item").lines == 1);
}

TEST_CASE("event_file: a line without user, visitor and session is kept for its order", "[data][event_file]") {
  const auto read = read_text("time,kind,user,order,item\n2024-05-01,purchase,,o1,i\n2024-05-01,purchase,,,i\n", skipping());
  REQUIRE(read.events.size() == 1);
  REQUIRE((read.events[0].order == "o1" && !person_key(read.events[0].event)));
  REQUIRE(read.summary.dropped.at("missing_person").lines == 1);
  REQUIRE_THAT(read.summary.dropped.at("missing_person").example, Contains("events.csv:3: none of user, visitor, session and order is given"));
}

TEST_CASE("event_file: a negative quantity is a refund of a known person, else a stock correction that is no error", "[data][event_file]") {
  const auto read = read_text(
      "time,kind,user,order,item,quantity\n"
      "2024-05-01,purchase,u,o,i,-3\n"
      "2024-05-01,refund,u,o,i,-2\n"
      "2024-05-01,purchase,,o,i,-4\n"
      "2024-05-01,refund,,o,i,-1\n"
      "2024-05-01,refund,,o,i,1\n"
      "2024-05-01,refund,u,o,i,5\n");
  REQUIRE(read.events.size() == 4);
  REQUIRE((read.events[0].event.kind == EventKind::refund && read.events[0].event.quantity == 3));
  REQUIRE((read.events[1].event.kind == EventKind::refund && read.events[1].event.quantity == 2));
  REQUIRE((read.events[2].event.kind == EventKind::refund && read.events[2].event.quantity == 1));
  REQUIRE((read.events[3].event.kind == EventKind::refund && read.events[3].event.quantity == 5));
  REQUIRE(read.summary.dropped.at("stock_correction").lines == 2);
  REQUIRE_THAT(read.summary.dropped.at("stock_correction").example, Contains("events.csv:4:quantity: '-4'"));
  REQUIRE(read.summary.dropped.size() == 1);
}

TEST_CASE("event_file: nothing bought is no purchase, but other kinds may carry a zero", "[data][event_file]") {
  const auto read = read_text(
      "time,kind,user,item,quantity\n2024-05-01,purchase,u,i,0\n2024-05-01,refund,u,i,-0\n2024-05-01,view_item,u,i,0\n2024-05-01,view_item,u,i,-1\n",
      skipping());
  REQUIRE(read.events.size() == 1);
  REQUIRE(read.events[0].event.quantity == 0);
  REQUIRE(read.summary.dropped.at("zero_quantity").lines == 2);
  REQUIRE(read.summary.dropped.at("negative_quantity").lines == 1);
}

TEST_CASE("event_file: times are UTC microseconds, from text or from numbers with their unit", "[data][event_file]") {
  const auto times = [](const std::string& text, TimeUnit unit, std::int64_t offset = 0) {
    ImportOptions options;
    options.time_unit = unit;
    options.utc_offset_us = offset;
    return read_text("time,kind,user,item\n" + text + ",view_item,u,i\n", options).events.at(0).event.time_us;
  };
  using enum TimeUnit;
  const auto noon = at("2024-05-01T12:00:00Z");
  REQUIRE(times("2024-05-01 12:00", automatic_text) == noon);
  REQUIRE(times("2024-05-01 14:00", automatic_text, 2 * 3600 * us_per_second) == noon);
  REQUIRE(times("2024-05-01T13:00:00+01:00", automatic_text, 2 * 3600 * us_per_second) == noon);
  REQUIRE(times(std::to_string(noon / us_per_second), seconds) == noon);
  REQUIRE(times(std::to_string(noon / us_per_second), seconds, 3600 * us_per_second) == noon);
  REQUIRE(times(std::to_string(noon / us_per_second) + ".25", seconds) == noon + 250'000);
  REQUIRE(times(std::to_string(noon / us_per_second) + ".123456", seconds) == noon + 123'456);
  REQUIRE(times(std::to_string(noon / 1000), milliseconds) == noon);
  REQUIRE(times("1.7145648e12", milliseconds) == noon);
  REQUIRE(times(std::to_string(noon), microseconds) == noon);
  REQUIRE(times("0", microseconds) == 0);
  REQUIRE(times(std::to_string(latest_time_us), microseconds) == latest_time_us);
}

TEST_CASE("event_file: equal lines get ordinals, so that a file read twice gives the same ids and every line its own", "[data][event_file]") {
  const char* text =
      "time,kind,user,item,item_name\n"
      "2024-05-01,view_item,u,i,a\n2024-05-01,view_item,u,j,a\n2024-05-01,view_item,u,i,b\n2024-05-01T00:00:00Z,view_item,u,i,\n";
  const auto read = read_text(text);
  std::vector<std::uint64_t> ordinals;
  for (const auto& kept : read.events) ordinals.push_back(kept.ordinal);
  REQUIRE(ordinals == std::vector<std::uint64_t>{0, 0, 1, 2});
  REQUIRE(std::set<UserKey>(read.ids.begin(), read.ids.end()).size() == 4);
  REQUIRE(read_text(text).ids == read.ids);

  const auto given = read_text("event_id,time,kind,user,item\nx,2024-05-01,view_item,u,i\nx,2024-05-01,view_item,u,i\n,2024-05-01,view_item,u,i\n");
  REQUIRE((given.events[1].ordinal == 0 && given.ids[0] == given.ids[1] && given.ids[2] == read.ids[0]));
}

TEST_CASE("event_file: ordinals count across blocks and any number of distinct lines", "[data][event_file]") {
  std::string text = "time,kind,user,item\n";
  for (int n = 0; n < 30'000; ++n) text += "2024-05-01,view_item,u" + std::to_string(n % 10'000) + ",i\n";
  const auto read = read_text(text);
  for (std::size_t n = 0; n < 30'000; ++n)
    if (read.events[n].ordinal != n / 10'000) FAIL("line " << n << " has ordinal " << read.events[n].ordinal);
  REQUIRE(std::set<UserKey>(read.ids.begin(), read.ids.end()).size() == 30'000);
}

TEST_CASE("event_file: any line ends, a byte order mark, empty lines and a last line without end are fine", "[data][event_file]") {
  const auto expected = read_text("time,kind,user,item\n2024-05-01,view_item,u,i\n2024-05-02,view_item,u,j\n").ids;
  for (const std::string_view text : {"\xEF\xBB\xBFtime,kind,user,item\n2024-05-01,view_item,u,i\n2024-05-02,view_item,u,j",
                                      "time,kind,user,item\r\n2024-05-01,view_item,u,i\r\n\r\n2024-05-02,view_item,u,j\r\n",
                                      "time,kind,user,item\r2024-05-01,view_item,u,i\r2024-05-02,view_item,u,j\r",
                                      "\ntime,kind,user,item\r\n2024-05-01,view_item,u,i\n2024-05-02,view_item,u,j\r",
                                      "\"time\",\"kind\",\"user\",\"item\"\n\"2024-05-01\",\"view_item\",\"u\",\"i\"\n2024-05-02,view_item,u,j\n"})
    REQUIRE(read_text(text).ids == expected);
  REQUIRE(read_text("time\tkind\tuser\titem\n2024-05-01\tview_item\tu\ti\n2024-05-02\tview_item\tu\tj\n", {}, "events.txt").ids == expected);
}

TEST_CASE("event_file: in TSV a quote is a character of the text", "[data][event_file]") {
  const auto read = read_text("time\tkind\tuser\titem\titem_name\n2024-05-01\tview_item\tu\ti\t\"7\" single\n", {}, "events.tsv");
  REQUIRE(read.events.at(0).item_name == "\"7\" single");
}

TEST_CASE("event_file: texts live until the sink returns, whatever the size of the file", "[data][event_file]") {
  std::string text = "time,kind,user,item,item_name\n";
  for (int n = 0; n < 20'000; ++n)
    text += "2024-05-01,view_item,u" + std::to_string(n) + ",i" + std::to_string(n * 7) + ",\"name \"\"" + std::to_string(n * 13) + "\"\"\"\n";
  const auto read = read_text(text);
  REQUIRE(read.events.size() == 20'000);
  for (int n = 0; n < 20'000; ++n) {
    const auto& kept = read.events[static_cast<std::size_t>(n)];
    if (kept.user != "u" + std::to_string(n) || kept.item != "i" + std::to_string(n * 7) || kept.item_name != "name \"" + std::to_string(n * 13) + "\"")
      FAIL("line " << n << ": " << kept.user << " " << kept.item << " " << kept.item_name);
  }
}

TEST_CASE("event_file: standard input is read where the file is -", "[data][event_file]") {
  const test::Scratch scratch;
  const auto file = scratch.write("in", "time,kind,user,item\n2024-05-01,view_item,u,i\n2024-05-01,view_itm,u,i\n");
  REQUIRE(std::freopen(file.c_str(), "rb", stdin) != nullptr);
  const auto read = read_file("-", skipping());
  REQUIRE(read.events.size() == 1);
  REQUIRE_THAT(read.summary.dropped.at("unknown_kind").example, StartsWith("standard input:3:kind: 'view_itm' is no kind of event (did you mean view_item?)"));
}

TEST_CASE("event_file: progress counts the file's bytes, and a stop ends the call", "[data][event_file]") {
  const test::Scratch scratch;
  std::string text = "time,kind,user,item\n";
  for (int n = 0; n < 40'000; ++n) text += "2024-05-01,view_item,u,i\n";
  const auto file = scratch.write("events.csv", text);
  FitControl control;
  std::uint64_t last = 0;
  control.progress = [&](const Progress& progress) {
    REQUIRE(progress.done >= last);
    REQUIRE(progress.total == text.size());
    last = progress.done;
  };
  (void)read_events(file, {}, [](auto) {}, control);
  REQUIRE(last == text.size());

  last = 0;
  std::stop_source stop;
  control.stop = stop.get_token();
  std::size_t events = 0;
  try {
    (void)read_events(file, {}, [&](auto block) { events += block.size(); stop.request_stop(); }, control);
    FAIL("not stopped");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::cancelled);
  }
  REQUIRE((events > 0 && events < 40'000));
}

TEST_CASE("event_file: an exception of the sink passes through", "[data][event_file]") {
  const test::Scratch scratch;
  const auto file = scratch.write("events.csv", "time,kind,user,item\n2024-05-01,view_item,u,i\n");
  REQUIRE_THROWS_AS(read_events(file, {}, [](auto) { throw std::domain_error("mine"); }), std::domain_error);
}

#if PANNIER_WITH_ZLIB
TEST_CASE("event_file: gzip is told by its content, and members may follow each other", "[data][event_file]") {
  const std::string head = "time,kind,user,item\n2024-05-01,view_item,u,i\n2024-05-", tail = "02,view_item,u,j\n";
  const auto expected = read_text(head + tail).ids;
  REQUIRE(read_text(test::gzip(head + tail), {}, "events.csv.gz").ids == expected);
  REQUIRE(read_text(test::gzip(head) + test::gzip("") + test::gzip(tail), {}, "events.csv").ids == expected);
}

TEST_CASE("event_file: the real shop of 2009 loses nothing sensible", "[data][event_file]") {
  const char* given = std::getenv("PANNIER_DATA");
  const auto folder = given != nullptr ? std::filesystem::path(given) : std::filesystem::path(PANNIER_TEST_DATA) / "../../../shared/data";
  const auto file = folder / "uci-online-retail-ii-2009-2010" / "online_retail_2009_2010.tsv.gz";
  if (!std::filesystem::exists(file)) {
    WARN("skipped: " << file << " is absent; PANNIER_DATA names the folder of the data sets");
    return;
  }
  auto options = skipping();
  options.columns = parse_map("user=customer_id,item=stock_code,time=invoice_date,quantity=quantity,price=unit_price_gbp,order=invoice,"
                              "item_name=description,country=country");
  options.constant_kind = EventKind::purchase;
  std::uint64_t nameless = 0, unknown_person = 0, refunds = 0, free = 0, bare_quotes = 0;
  const auto summary = read_events(file, options, [&](std::span<const ImportedEvent> block) {
    for (const auto& [event, ordinal] : block) {
      nameless += event.item_name.empty();
      unknown_person += event.user.empty();
      refunds += event.kind == EventKind::refund;
      free += event.price == 0;
      bare_quotes += event.item_name.find('"') != event.item_name.npos;
    }
  });
  // The publisher's counts; 2,487 of the 12,326 negative quantities and the 3 negative prices have no customer.
  REQUIRE(summary.read == 525'461);
  REQUIRE(summary.dropped.size() == 2);
  REQUIRE(summary.dropped.at("stock_correction").lines == 2'487);
  REQUIRE(summary.dropped.at("negative_price").lines == 3);
  REQUIRE(refunds == 12'326 - 2'487);
  REQUIRE(unknown_person == 107'927 - 2'487 - 3);
  // Counted apart over the lines that are left.
  REQUIRE(free == 1'566);
  REQUIRE(nameless == 1'101);
  REQUIRE(bare_quotes == 1'254);
}
#endif
