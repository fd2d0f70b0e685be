#include "data/no_products.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include "support/imported.hpp"

using namespace pannier;
using namespace pannier::data;
using namespace pannier::test;

namespace {

const std::string header = "time,kind,user,order,item,item_name,price\n";

std::string line(const std::string& item, const std::string& name, const std::string& price) {
  return "2024-05-01,purchase,u,1," + item + ',' + name + ',' + price + '\n';
}
/// 400 lines of 40 products with codes of five digits, two prices each.
std::string products() {
  std::string text;
  for (int i = 0; i < 400; ++i)
    text += line(std::to_string(10'000 + i % 40), "RED MUG " + std::to_string(i % 40), i % 3 == 0 ? "2.55" : "4.95");
  return text;
}
std::set<std::string> found(const std::string& text) {
  std::set<std::string> out;
  for (const auto& code : read_text(header + text, skipping()).summary.no_products) out.insert(code.item);
  return out;
}
bool proposes(const ImportSummary& summary, const std::string& words) {
  for (const auto& proposal : summary.proposals)
    if (proposal.find(words) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("no_products: names are told by their words in several languages", "[data][no_products]") {
  for (const auto* name : {"POSTAGE", "Postage & packing", " Bank Charges", "Manual", "SAMPLES", "Gift Voucher 20.00", "Versandkosten", "BEARBEITUNGSGEBÜHR", "Frais de port",
                           "Gastos de envío", "Sconto 10%", "verzendkosten", "Koszt wysyłki", "PRZESYŁKA"}) {
    INFO(name);
    REQUIRE(service_words(name) == ServiceWords::whole);
  }
  for (const auto* name : {"DOTCOM POSTAGE", "Adjustment by john on 26/01/2010 16", "Dotcomgiftshop Gift Voucher £30.00", "This is a test product.", "DHL Versandkosten Ausland"}) {
    INFO(name);
    REQUIRE(service_words(name) == ServiceWords::some);
  }
  for (const auto* name : {"", "WHITE BAROQUE CARRIAGE CLOCK", "BLACK HEART CARD HOLDER", "PREGNANCY TEST KIT", "Manual coffee grinder", "TEA SET IN GIFT BOX", "Hand Cream Sample Set",
                           "BANK ACCOUNT GREETING CARD", "postages", "of the", "12 34"}) {
    INFO(name);
    REQUIRE(service_words(name) == ServiceWords::none);
  }
}

TEST_CASE("no_products: a name of service words alone is enough, whatever the code", "[data][no_products]") {
  REQUIRE(found(products() + line("99999", "Versandkosten", "4.9") + line("99998", "POSTAGE STAMP BOX", "4.9")) == std::set<std::string>{"99999"});
  REQUIRE(found(line("a", "Mug", "4") + line("p", "Postage", "2")) == std::set<std::string>{"p"});  // Two lines will do.
}

TEST_CASE("no_products: one stray name does not make postage of a product sold a hundred times", "[data][no_products]") {
  std::string text;
  for (int i = 0; i < 12; ++i) text += products();   // 4,800 lines, 120 of each product: past those in which every code is a suspect.
  text += line("10003", "POSTAGE", "4.95");
  for (int i = 0; i < 3; ++i) text += products();
  REQUIRE(found(text).empty());
  // What begins as postage after all those lines is postage.
  REQUIRE(found(text + line("20000", "POSTAGE", "4.95") + line("20000", "Postage", "4.95")) == std::set<std::string>{"20000"});
}

TEST_CASE("no_products: an unusual code needs a second sign", "[data][no_products]") {
  auto text = products();
  for (int i = 0; i < 12; ++i) {
    text += line("X1", "Special", std::to_string(1 << i));              // Prices from 1 to 2048.
    if (i < 4) text += line("X2", "Boxed Ashtray", "2.5");                // A product: nothing but its code is unusual.
    text += line("PADS", "Pads for all cushions", "0.001");
    text += line("10001", "RED MUG 1", i % 2 == 0 ? "0.5" : "300");     // A usual code at any price is a product.
  }
  text += line("DOT", "DOTCOM POSTAGE", "12") + line("POSTAGE", "", "3");
  REQUIRE(found(text) == std::set<std::string>{"X1", "PADS", "DOT", "POSTAGE"});
}

TEST_CASE("no_products: codes of many shapes have no unusual one", "[data][no_products]") {
  std::string text;
  for (int i = 0; i < 400; ++i) {  // a mark at another place each
    std::string code = std::to_string(100'000'000 + i);
    code.insert(static_cast<std::size_t>(1 + i % 8), i % 2 == 0 ? "-" : i % 3 == 0 ? "_" : "/");
    code.insert(static_cast<std::size_t>(i % 7), i % 5 == 0 ? "a" : i % 5 == 1 ? "b-" : i % 5 == 2 ? "/c" : "-");
    text += line(code, "Mug with postage stamps", std::to_string(1 + i % 3));
  }
  for (int i = 0; i < 12; ++i) text += line("X1", "Special", std::to_string(1 << i));
  REQUIRE(found(text).empty());
}

TEST_CASE("no_products: codes without a name follow their family, unless a product is among them", "[data][no_products]") {
  const auto family = products() + line("gift_0001_10", "Gift Voucher", "10") + line("gift_0001_20", "Gift Voucher", "20");
  REQUIRE(found(family + line("gift_0001_30", "", "0")) == std::set<std::string>{"gift_0001_10", "gift_0001_20", "gift_0001_30"});
  REQUIRE(found(family + line("gift_0001_30", "", "0") + line("gift_0001_40", "Red ribbon", "3")) == std::set<std::string>{"gift_0001_10", "gift_0001_20"});
  REQUIRE(found(family + line("gift_30", "", "0")) == std::set<std::string>{"gift_0001_10", "gift_0001_20"});
}

TEST_CASE("no_products: what most lines call a product is one, whatever a stray line says", "[data][no_products]") {
  REQUIRE(found(products() + line("10001", "postage", "2") + line("10001", "Manual", "2")).empty());
  std::string text;
  for (int i = 0; i < 30; ++i) text += products();                       // 12,000 lines, 300 of each product: every code was looked at and forgotten.
  REQUIRE(found(text + line("10001", "POSTAGE", "2") + line("10002", "DOTCOM POSTAGE", "2")).empty());
}

TEST_CASE("no_products: a long log is judged like a short one, and a code told by its name alone is found among ordinary ones", "[data][no_products]") {
  std::string text = line("POST", "POSTAGE", "3");
  for (int i = 0; i < 30; ++i) text += products();                       // 12,000 lines: more than the first look.
  text += line("M", "Manual", "3") + line("20000", "Versandkosten", "3") + line("X2", "Boxed Ashtray", "3");
  REQUIRE(found(text) == std::set<std::string>{"POST", "M", "20000"});
}

TEST_CASE("no_products: the proposal names codes, names and the options, most lines first, once for several files", "[data][no_products]") {
  const auto text = header + products() + line("DOT", "DOTCOM POSTAGE", "3") + line("POST", "POSTAGE", "3") + line("POST", "POSTAGE", "4");
  const auto read = read_text(text);
  const auto& codes = read.summary.no_products;
  REQUIRE(codes.size() == 2);
  REQUIRE((codes[0].item == "POST" && codes[0].name == "POSTAGE" && codes[0].lines == 2 && codes[0].why == "its name says so"));
  REQUIRE_THAT(codes[0].example, Contains("events.csv:403"));
  REQUIRE(proposes(read.summary, "2 codes look like no products (POST 'POSTAGE', DOT 'DOTCOM POSTAGE'): --drop-items FILE"));
  ImportOptions dropping;
  dropping.drop_items = {"POST"};
  REQUIRE(proposes(read_text(text, dropping).summary, "1 code looks like no product (DOT 'DOTCOM POSTAGE')"));

  const Scratch scratch;
  const auto one = scratch.write("one.csv", text), two = scratch.write("two.csv", header + products() + line("POST", "POSTAGE", "4") + line("M", "Manual", "4"));
  const auto both = read_event_files(std::vector<std::filesystem::path>{one, two}, {}, [](std::span<const ImportedEvent>) {});
  REQUIRE(both.no_products.size() == 3);
  REQUIRE((both.no_products[0].item == "POST" && both.no_products[0].lines == 3));
  REQUIRE(proposes(both, "3 codes look like no products"));
  REQUIRE(!proposes(both, "2 codes look"));

  // Files are judged as one log: what a short file by itself would say of a code does not count.
  const auto stray = scratch.write("stray.csv", header + line("10001", "POSTAGE", "2"));
  const auto judged = read_event_files(std::vector<std::filesystem::path>{one, stray}, {}, [](std::span<const ImportedEvent>) {});
  REQUIRE(std::none_of(judged.no_products.begin(), judged.no_products.end(), [](const auto& code) { return code.item == "10001"; }));
}

#if PANNIER_WITH_ZLIB
TEST_CASE("no_products: all 23 codes of the real shop of 2009 that are no products are found, and nothing else", "[data][no_products]") {
  const auto* data = std::getenv("PANNIER_DATA");
  const auto file = std::filesystem::path(data != nullptr ? data : PANNIER_TEST_DATA "/../../../shared/data") /
                    "uci-online-retail-ii-2009-2010/online_retail_2009_2010.tsv.gz";
  if (!std::filesystem::exists(file)) {
    WARN("skipped: " << file << " is absent; PANNIER_DATA names the folder of the data sets");
    return;
  }
  // By hand, among the codes that are not five digits and letters, of lines that are used. Products of such codes are DCGS..., SP1002.
  const std::set<std::string> truth = {"POST", "DOT", "M", "m", "C2", "D", "S", "BANK CHARGES", "ADJUST", "ADJUST2", "AMAZONFEE", "TEST001", "TEST002", "PADS",
                                       "gift_0001_10", "gift_0001_20", "gift_0001_30", "gift_0001_40", "gift_0001_50", "gift_0001_60", "gift_0001_70", "gift_0001_80", "gift_0001_90"};
  const auto summary = read_events(file, import_options({.map = "user=customer_id,item=stock_code,time=invoice_date,quantity=quantity,price=unit_price_gbp,order=invoice,item_name=description",
                                                         .kind = "purchase",
                                                         .on_error = "skip"}),
                                   [](std::span<const ImportedEvent>) {});
  std::set<std::string> codes;
  for (const auto& code : summary.no_products) codes.insert(code.item);
  REQUIRE(codes == truth);  // Precision and recall 1.
}
#endif
