#include "pannier/data/catalog.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "support/catch.hpp"
#include "support/gzip.hpp"
#include "support/scratch.hpp"

using namespace pannier;
using namespace pannier::data;

namespace {

CatalogItem item(std::string id) {
  CatalogItem out;
  out.id = std::move(id);
  return out;
}

Catalog read_text(std::string_view text, OnError on_error = OnError::stop, ImportSummary* summary = nullptr, const std::string& name = "items.csv") {
  const test::Scratch scratch;
  return read_catalog(scratch.write(name, text), on_error, summary);
}

/// Refused under stop with its place; alone left out under skip.
void bad_line(const std::string& line, const std::string& where, const std::string& problem, const std::string& cause) {
  INFO(line);
  const std::string text = "item,name,price,stock,colour\na,A,1,2,red\n" + line + "\nb,B,,,\n";
  try {
    (void)read_text(text);
    FAIL("nothing was refused");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::malformed_input);
    REQUIRE_THAT(error.where(), Catch::Matchers::EndsWith(where));
    REQUIRE_THAT(error.problem(), Contains(problem));
    REQUIRE_FALSE(error.allowed().empty());
  }
  ImportSummary summary;
  const auto catalog = read_text(text, OnError::skip, &summary);
  REQUIRE(catalog.items().size() == 2);
  REQUIRE((summary.read == 3 && summary.given == 2));
  REQUIRE(summary.dropped.size() == 1);
  REQUIRE(summary.dropped.at(cause).lines == 1);
  REQUIRE_THAT(summary.dropped.at(cause).example, Contains(where + ": ") && Contains(problem));
}

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("catalog: an event file is refused by its columns, an items file with some of them is not", "[data][catalog]") {
  const test::Scratch scratch;
  const auto refusal = [&](const std::string& text) -> std::string {
    try {
      (void)read_catalog(scratch.write("items.csv", text), OnError::skip);
    } catch (const Error& error) {
      return error.what();
    }
    return "read";
  };
  REQUIRE_THAT(refusal("time,kind,user,item,price\n2024-01-01,purchase,u1,a,1\n"), Contains("items.csv:1: is an event file: it has the columns time, kind and user; expected an items file"));
  REQUIRE_THAT(refusal("item,order,kind,time\na,o1,purchase,2024-01-01\n"), Contains("time, kind and order"));
  REQUIRE(refusal("item,kind,time\na,book,2024-01-01\n") == "read");
  REQUIRE(refusal("item,kind,user\na,book,u\n") == "read");
}

TEST_CASE("catalog: the known columns become fields, the others attributes in the file's order", "[data][catalog]") {
  const auto catalog = read_text(
      "colour,item,name,category,brand,price,stock,image,size,\n"
      "red,m1,\"Mug, big\",kitchen/mugs,Acme,12.50,3,https://x/m1.png,,ignored\n"
      ",c1,,,,,-2,,L,\n");
  REQUIRE(catalog.items().size() == 2);
  const auto& mug = catalog.items()[0];
  REQUIRE((mug.id == "m1" && mug.name == "Mug, big" && mug.category == "kitchen/mugs" && mug.brand == "Acme" && mug.image == "https://x/m1.png"));
  REQUIRE((mug.price == 12.5 && mug.stock == 3));
  REQUIRE(mug.attributes == std::vector<std::pair<std::string, std::string>>{{"colour", "red"}});
  const auto& cup = catalog.items()[1];
  REQUIRE((cup.id == "c1" && std::isnan(cup.price) && cup.stock == -2));
  REQUIRE(cup.attributes == std::vector<std::pair<std::string, std::string>>{{"size", "L"}});
  REQUIRE(catalog.find(item_key("c1")) == &cup);
  REQUIRE(catalog.find(item_key("x")) == nullptr);
}

TEST_CASE("catalog: TSV and gzip are read as events are", "[data][catalog]") {
  REQUIRE(read_text("item\tname\ni\t7\" single\n", OnError::stop, nullptr, "items.tsv").items().at(0).name == "7\" single");
  const auto parted = read_text("item;price;stock;name\ni;12,50;3;\"a;b\"\n");
  REQUIRE((parted.items().at(0).price == 12.5 && parted.items().at(0).stock == 3 && parted.items().at(0).name == "a;b"));
#if PANNIER_WITH_ZLIB
  REQUIRE(read_text(test::gzip("item,name\ni,x\n")).items().at(0).name == "x");
#endif
}

TEST_CASE("catalog: lines of an item and its attributes need no header", "[data][catalog]") {
  ImportSummary summary;
  const auto catalog = read_text("7 1 162 171\n8  red  3\n9\n", OnError::stop, &summary, "items.txt");
  REQUIRE(summary.read == 3);
  REQUIRE(catalog.items().size() == 3);
  REQUIRE((catalog.items()[0].id == "7" && catalog.items()[0].attributes == std::vector<std::pair<std::string, std::string>>{{"attributes", "1 162 171"}}));
  REQUIRE((catalog.items()[1].id == "8" && catalog.items()[1].attributes[0].second == "red  3"));
  REQUIRE((catalog.items()[2].id == "9" && catalog.items()[2].attributes.empty()));
  REQUIRE(read_text("7 1\n", OnError::stop, nullptr, "items.txt").items().size() == 1);
  // A header parted by blanks is none of these.
  REQUIRE_THROWS_WITH(read_text("item name\n7 Mug\n", OnError::stop, nullptr, "items.txt"), Contains("there is no column 'item'"));
  REQUIRE_THROWS_WITH(read_text("7 1\n8 2\n7 3\n", OnError::stop, nullptr, "items.txt"), Contains("items.txt:3:item: '7' stands twice"));
  REQUIRE_THROWS_WITH(read_text("7 1\n8,2\n", OnError::stop, nullptr, "items.txt"), Contains("items.txt:2"));
}

TEST_CASE("catalog: upsert adds or replaces by id and keeps the order", "[data][catalog]") {
  Catalog catalog;
  for (const auto id : {"a", "b", "c"}) catalog.upsert(item(id));
  auto changed = item("b");
  changed.name = "B";
  changed.attributes = {{"colour", "red"}};
  catalog.upsert(changed);
  REQUIRE(catalog.items().size() == 3);
  REQUIRE((catalog.items()[0].id == "a" && catalog.items()[1].name == "B" && catalog.items()[2].id == "c"));
  REQUIRE(catalog.find(item_key("b"))->attributes == changed.attributes);
}

TEST_CASE("catalog: an item that no catalogue may hold is refused by field, and the catalogue is as it was", "[data][catalog]") {
  Catalog catalog;
  catalog.upsert(item("a"));
  const auto refused = [&](auto change, const std::string& field) {
    auto bad = item("a");
    bad.name = "changed";
    change(bad);
    try {
      catalog.upsert(bad);
      FAIL("nothing was refused, expected " << field);
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::invalid_argument);
      REQUIRE(error.where() == field);
      REQUIRE_FALSE(error.allowed().empty());
    }
    REQUIRE(catalog.items().size() == 1);
    REQUIRE(catalog.items()[0].name.empty());
  };
  refused([](CatalogItem& i) { i.id = ""; }, "item");
  refused([](CatalogItem& i) { i.id = std::string(longest_text + 1, 'x'); }, "item");
  refused([](CatalogItem& i) { i.name = "\xFF"; }, "name");
  refused([](CatalogItem& i) { i.category = std::string(longest_text + 1, 'x'); }, "category");
  refused([](CatalogItem& i) { i.brand = std::string("a\0b", 3); }, "brand");
  refused([](CatalogItem& i) { i.image = "\x80"; }, "image");
  refused([](CatalogItem& i) { i.attributes = {{"colour", "\xC3"}}; }, "colour");
  refused([](CatalogItem& i) { i.price = -1; }, "price");
  refused([](CatalogItem& i) { i.price = infinity; }, "price");
  refused([](CatalogItem& i) { i.price = 2e12; }, "price");
  refused([](CatalogItem& i) { i.stock = -infinity; }, "stock");
}

TEST_CASE("catalog: a bad line is refused with file, line and column, or left out and counted", "[data][catalog]") {
  bad_line(",x,1,1,", ":3:item", "is empty", "missing_item");
  bad_line("c,x,NaN,1,", ":3:price", "'NaN'", "bad_price");
  bad_line("c,x,1e400,1,", ":3:price", "'1e400'", "bad_price");
  bad_line("c,x,-1,1,", ":3:price", "'-1'", "negative_price");
  bad_line("c,x,1,lots,", ":3:stock", "'lots'", "bad_stock");
  bad_line("c,x,1,1e10,", ":3:stock", "'1e10'", "bad_stock");
  bad_line("c,caf\xE9,1,1,", ":3:name", "byte 4 is 0xE9", "invalid_utf8");
  bad_line("c,x,1,1,\xFF", ":3:colour", "is not UTF-8", "invalid_utf8");
  bad_line(std::string("c\0,x,1,1,", 9), ":3:item", "NUL", "nul_byte");
  bad_line("a,again,1,1,", ":3:item", "'a' stands twice", "duplicate_item");
  bad_line("c,x", ":3", "the line has 2 fields", "too_few_fields");
  bad_line(std::string(longest_text + 1, 'x') + ",x,1,1,", ":3:item", "too long", "text_too_long");
}

TEST_CASE("catalog: what is no items file is refused, and the summary is as it was", "[data][catalog]") {
  const auto refused = [](std::string_view text, const char* problem) {
    INFO(text);
    ImportSummary summary;
    summary.read = 77;
    REQUIRE_THROWS_WITH(read_text(text, OnError::skip, &summary), Contains(problem));
    REQUIRE(summary.read == 77);
  };
  refused("", "the file is empty");
  refused("item,name\n", "the file ends after its header");
  refused("itm,name\na,b\n", "there is no column 'item' for the item's id (did you mean itm?); the columns are 'itm', 'name'");
  refused("item,item\na,b\n", "stands twice in the header");
  refused("item,name\na,\"b\n", "is never closed");
}

TEST_CASE("catalog: any mutation of a valid file is read or refused with file and line", "[data][catalog]") {
  const std::string valid = "item,name,category,price,stock,colour\nm1,\"Mug, \"\"big\"\"\",kitchen/mugs,12.50,3,red\nc1,Cup,kitchen,,,\nd1,\"two\nlines\",,1e2,0,blue\n";
  std::mt19937_64 random(5);
  const test::Scratch scratch;
  std::size_t read = 0, refused = 0;
  for (int round = 0; round < 3'000; ++round) {
    std::string text = valid;
    for (auto changes = 1 + random() % 4; changes > 0; --changes) {
      const auto place = random() % text.size();
      if (random() % 3 == 0) text.insert(place, 1, "\",\n\r\t\xFF"[random() % 6]);
      else if (random() % 2 == 0) text[place] = static_cast<char>(random());
      else text.erase(place, 1 + random() % 9);
    }
    const auto file = scratch.write("items.csv", text);
    for (const auto on_error : {OnError::stop, OnError::skip}) {
      try {
        const auto catalog = read_catalog(file, on_error);
        ++read;
        for (const auto& entry : catalog.items()) {
          Catalog other;
          other.upsert(entry);  // Whatever was read is a valid item.
        }
      } catch (const Error& error) {
        ++refused;
        if (error.where().rfind(file.string() + ":", 0) != 0 || error.code() != ErrorCode::malformed_input) FAIL(error.what());
      }
    }
  }
  REQUIRE(read > 500);
  REQUIRE(refused > 500);
}

TEST_CASE("catalog: JSON lines give the items that a table gives", "[data][catalog]") {
  const test::Scratch scratch;
  const auto table = read_catalog(scratch.write("items.csv", "item,name,category,price,stock,colour\n7,Mug,a/b,2.5,3,red\nx,\"Cup \"\"big\"\"\",,,,\n"));
  const auto lines = read_catalog(scratch.write("items.jsonl", "{\"item\":7,\"name\":\"Mug\",\"category\":[\"a\",\"b\"],\"price\":2.50,\"stock\":3,\"colour\":\"red\"}\n\n"
                                                                "{\"item\":\"x\",\"name\":\"Cup \\\"big\\\"\",\"price\":null,\"extra\":[]}\n"));
  REQUIRE(table.items().size() == 2);
  REQUIRE(lines.items().size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto &a = table.items()[i], &b = lines.items()[i];
    REQUIRE((a.id == b.id && a.name == b.name && a.category == b.category && a.attributes == b.attributes));
    REQUIRE(((a.price == b.price || (std::isnan(a.price) && std::isnan(b.price))) && (a.stock == b.stock || (std::isnan(a.stock) && std::isnan(b.stock)))));
  }
  for (const auto* bad : {"{\"item\":\"y\",\"price\":-1}", "{\"item\":\"y\",\"a\":{\"b\":1}}", "{\"name\":\"y\"}", "{\"item\":\"y\",\"item\":\"z\"}", "[]", "{\"item\":7}"}) {
    INFO(bad);
    const auto file = scratch.write("bad.jsonl", std::string("{\"item\":7}\n") + bad + "\n");
    REQUIRE_THROWS_WITH(read_catalog(file), Contains("bad.jsonl:2"));
    ImportSummary summary;
    REQUIRE(read_catalog(file, OnError::skip, &summary).items().size() == 1);
    REQUIRE((summary.read == 2 && summary.given == 1));
  }
  REQUIRE_THROWS_WITH(read_catalog(scratch.write("empty.jsonl", "\n")), Contains("empty.jsonl:1") && Contains("empty"));
}

TEST_CASE("catalog: folded ids are those of folded events, and another spelling is no error", "[data][catalog]") {
  const test::Scratch scratch;
  const auto file = scratch.write("items.csv", "item,name\nab,first\nAB ,second\nc,third\n");
  ImportSummary summary;
  const auto catalog = read_catalog(file, OnError::stop, &summary, true);
  REQUIRE(catalog.items().size() == 2);
  REQUIRE((catalog.items()[0].id == "AB" && catalog.items()[0].name == "first" && catalog.items()[1].id == "C"));
  REQUIRE(summary.dropped.at("duplicate_item").lines == 1);
}
