#include "pannier/data/features.hpp"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "data/words.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;
using data::Attribute;
using data::FeatureKind;
using data::FeatureSpace;

namespace {

using Rows = std::vector<std::vector<std::pair<std::string, std::string>>>;

data::AttributesOf reader(const Rows& rows) {
  return [&rows](std::size_t row, std::vector<Attribute>& out) {
    for (const auto& [name, value] : rows[row]) out.push_back({name, value});
  };
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string scratch;
  data::each_word(text, scratch, [&](std::string_view word) { out.emplace_back(word); });
  return out;
}

/// The encoded row by name.
std::map<std::string, double> encoded(const FeatureSpace& space, const std::vector<Attribute>& attributes, std::size_t unknown = 0) {
  data::FeatureScratch scratch;
  REQUIRE(space.encode(attributes, scratch) == unknown);
  REQUIRE(std::is_sorted(scratch.columns.begin(), scratch.columns.end()));
  std::map<std::string, double> out;
  for (std::size_t n = 0; n < scratch.columns.size(); ++n) out[std::string(space.name(scratch.columns[n]))] = static_cast<double>(scratch.values[n]);
  return out;
}

/// Six items of a shop; twenty-four more make the price a number.
Rows shop() {
  Rows out{{{"name", "Trail Shoe red"}, {"category", "shoes/trail"}, {"brand", "acme"}, {"price", "10"}},
           {{"name", "Road shoe, blue"}, {"category", "shoes/road"}, {"brand", "acme"}, {"price", "20"}},
           {{"name", "Trail POLES"}, {"category", "gear"}, {"brand", "zeta"}, {"price", "30"}},
           {{"name", "Tent (red)"}, {"category", "gear"}, {"brand", "zeta"}, {"price", ""}}};
  for (int i = 0; i < 28; ++i) out.push_back({{"name", "thing number" + std::to_string(i)}, {"brand", "other" + std::to_string(i)}, {"price", std::to_string(40 + i)}});
  return out;
}

void refused(std::string_view json, const std::string& what) {
  try {
    static_cast<void>(FeatureSpace::from_json(json, "here"));
    FAIL("not refused: " << json);
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::malformed_input);
    REQUIRE(error.where() == "here");
    REQUIRE_THAT(std::string(error.what()), Catch::Matchers::Contains(what));
  }
}

}  // namespace

TEST_CASE("words: runs of letters and digits in small letters, of any alphabet", "[data][features]") {
  REQUIRE(words_of("") == std::vector<std::string>{});
  REQUIRE(words_of("  Trail-Shoe 42cm, RED! ") == std::vector<std::string>{"trail", "shoe", "42cm", "red"});
  REQUIRE(words_of("\xC3\x84PFEL und \xC3\x96l") == std::vector<std::string>{"\xC3\xA4pfel", "und", "\xC3\xB6l"});   // ÄPFEL und Öl
  REQUIRE(words_of("\xC5\x81\xC3\x93\xC5\xB9") == std::vector<std::string>{"\xC5\x82\xC3\xB3\xC5\xBA"});                // ŁÓŹ
  REQUIRE(words_of("\xD0\x9C\xD0\x98\xD0\xA0") == std::vector<std::string>{"\xD0\xBC\xD0\xB8\xD1\x80"});                // МИР
  REQUIRE(words_of("\xCE\xA9\xCE\x94") == std::vector<std::string>{"\xCF\x89\xCE\xB4"});                                // ΩΔ
  REQUIRE(words_of("100 \xE2\x82\xAC \xF0\x9F\x91\x9F") == std::vector<std::string>{"100"});                            // a currency sign, a picture
  REQUIRE(words_of("\xC8\x9Aig\xC4\x83ri \xE1\xBB\x9A\xE1\xBA\xA0") == std::vector<std::string>{"\xC8\x9Big\xC4\x83ri", "\xE1\xBB\x9B\xE1\xBA\xA1"});   // Țigări ỚẠ
  REQUIRE(words_of("\xD2\x90\xD0\x90 \xD4\xB1\xD4\xB2") == std::vector<std::string>{"\xD2\x91\xD0\xB0", "\xD5\xA1\xD5\xA2"});          // ҐА ԱԲ
  REQUIRE(words_of("\xCE\x86\xCE\xA3 \xCE\xAC\xCF\x82") == std::vector<std::string>{"\xCE\xAC\xCF\x83", "\xCE\xAC\xCF\x83"});           // ΆΣ άς
  REQUIRE(words_of("STRA\xE1\xBA\x9E" "E \xEF\xBC\xB4\xEF\xBC\x92") == std::vector<std::string>{"stra\xC3\x9F" "e", "t2"});                  // STRAẞE, full-width T2
  REQUIRE(words_of("\xEF\xBB\xBFgift \xE2\x9D\xA4\xEF\xB8\x8F") == std::vector<std::string>{"gift"});                                   // A byte order mark; a heart and what colours it.
  REQUIRE(words_of("\xE0\xB9\x80\xE0\xB8\x81\xE0\xB8\xA2") == std::vector<std::string>{"\xE0\xB9\x80\xE0\xB8\x81", "\xE0\xB8\x81\xE0\xB8\xA2"});   // Thai
  // Pairs of characters where words are not parted; one alone is a word.
  REQUIRE(words_of("\xE9\x9D\xB4\xE5\xAD\x90\xE7\xBA\xA2 A \xE7\xBA\xA2") ==
          std::vector<std::string>{"\xE9\x9D\xB4\xE5\xAD\x90", "\xE5\xAD\x90\xE7\xBA\xA2", "a", "\xE7\xBA\xA2"});
  // What is no UTF-8 ends a word.
  REQUIRE(words_of("ab\xFF" "cd\xC3") == std::vector<std::string>{"ab", "cd"});
  REQUIRE(words_of(std::string(100, 'x')).front().size() <= data::longest_word);
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "w" + std::to_string(i) + " ";
  REQUIRE(words_of(many).size() == data::most_words);
}

TEST_CASE("features: each kind of attribute, by hand", "[data][features]") {
  const auto rows = shop();
  const auto space = FeatureSpace::learn(rows.size(), reader(rows));
  REQUIRE(space.attribute_names() == std::vector<std::string_view>{"brand", "category", "name", "price"});
  // A feature of one row alone is left out: the other brands, "road", "blue", "poles", "tent", the levels of price stay.
  std::vector<std::string> names;
  for (std::size_t f = 0; f < space.size(); ++f) names.emplace_back(space.name(f));
  const std::vector<std::string> expected{"brand=acme", "brand=zeta", "category/gear", "category/shoes", "name:red", "name:shoe", "name:trail",
                                          "price~0", "price~1", "price~2", "price~3", "price~4", "price~5", "price~6", "price~7"};
  REQUIRE(names == expected);   // "thing" is in more than half of the rows.

  // Three words, of which two rows each: the same weight. Four attributes: each half of the length.
  const auto first = encoded(space, {{"name", "trail shoe RED"}, {"category", "shoes/trail"}, {"brand", "acme"}, {"price", "1"}});
  REQUIRE(first.size() == 6);
  for (const char* word : {"name:red", "name:shoe", "name:trail"}) REQUIRE_THAT(first.at(word), WithinAbs(0.5 / std::sqrt(3.0), 1e-7));
  for (const char* whole : {"category/shoes", "brand=acme", "price~0"}) REQUIRE_THAT(first.at(whole), WithinAbs(0.5, 1e-7));

  // 31 prices, 10, 20, 30, 40 .. 67: levels are those at 1, 5, 9, 13, 17, 21, 25 and 29 of sixteen parts, 20 and so on; 15 lies below the first but one.
  const auto levels = encoded(space, {{"price", "69"}});
  REQUIRE(levels == std::map<std::string, double>{{"price~7", 1.0}});
  const auto between = encoded(space, {{"price", "50.5"}});
  REQUIRE(between.size() == 2);
  double squares = 0;
  for (const auto& [name, value] : between) squares += value * value;
  REQUIRE_THAT(squares, WithinAbs(1, 1e-6));

  REQUIRE(encoded(space, {{"brand", "nobody"}, {"colour", "red"}, {"price", "cheap"}, {"name", ""}}, 1).empty());
  REQUIRE(encoded(space, {}).empty());
  REQUIRE(encoded(FeatureSpace(), {{"brand", "acme"}}, 1).empty());
  // Given twice, an attribute has both values.
  REQUIRE(encoded(space, {{"brand", "acme"}, {"brand", " zeta "}, {"brand", "acme"}}) == std::map<std::string, double>{{"brand=acme", static_cast<double>(static_cast<float>(1 / std::sqrt(2.0)))}, {"brand=zeta", static_cast<double>(static_cast<float>(1 / std::sqrt(2.0)))}});
  REQUIRE(encoded(space, {{"brand", "acme/zeta"}}).size() == 2);
}

TEST_CASE("features: the matrix is the rows' codes, and a rarer word weighs more", "[data][features]") {
  const auto rows = shop();
  const auto space = FeatureSpace::learn(rows.size(), reader(rows), {.min_rows = 1, .max_share = 1});
  const auto matrix = space.matrix(rows.size(), reader(rows));
  REQUIRE(matrix.rows == rows.size());
  REQUIRE(matrix.cols == space.size());
  require_valid_weights(matrix, "features");
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::vector<Attribute> attributes;
    reader(rows)(row, attributes);
    const auto one = encoded(space, attributes);
    const auto columns = CsrView(matrix).row_columns(row);
    REQUIRE(columns.size() == one.size());
    double squares = 0;
    for (std::size_t n = 0; n < columns.size(); ++n) {
      const auto value = static_cast<double>(CsrView(matrix).row_values(row)[n]);
      REQUIRE(one.at(std::string(space.name(columns[n]))) == value);
      squares += value * value;
    }
    REQUIRE_THAT(squares, WithinAbs(1, 1e-5));
  }
  const auto words = encoded(space, {{"name", "tent red"}});
  REQUIRE_THAT(words.at("name:tent") / words.at("name:red"), WithinAbs(std::log1p(32.0) / std::log1p(16.0), 1e-6));
}

TEST_CASE("features: declared kinds, limits and what is left out", "[data][features]") {
  const auto rows = shop();
  const auto as_values = FeatureSpace::learn(rows.size(), reader(rows), {.kinds = {{"category", FeatureKind::value}, {"price", FeatureKind::text}}});
  REQUIRE(encoded(as_values, {{"category", "gear"}}).contains("category=gear"));
  const auto few = FeatureSpace::learn(rows.size(), reader(rows), {.max_features = 3});
  REQUIRE(few.size() == 3);
  const auto all = FeatureSpace::learn(rows.size(), reader(rows), {.min_rows = 1, .max_share = 1, .max_features = 1000});
  REQUIRE(all.left_out() == 0);
  REQUIRE(few.left_out() == all.size() - 3);
  const auto bad = [&](const data::FeatureConfig& config, const std::string& field) {
    try {
      static_cast<void>(FeatureSpace::learn(rows.size(), reader(rows), config));
      FAIL("not refused");
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::invalid_argument);
      REQUIRE(error.where() == field);
    }
  };
  bad({.min_rows = 0}, "min_rows");
  bad({.max_share = 0}, "max_share");
  bad({.max_features = 0}, "max_features");
  bad({.kinds = {{"colour", FeatureKind::value}}}, "kinds");
  REQUIRE(FeatureSpace::learn(0, reader(rows)).size() == 0);
}

TEST_CASE("features: the kinds of a catalogue's own fields do not hang on its values", "[data][features]") {
  // Five colours of each of twelve shirts, brands by number, care instructions of thirty sorts, colours of two words.
  Rows rows;
  for (int i = 0; i < 240; ++i)
    rows.push_back({{"name", "Linen shirt no" + std::to_string(i / 20)}, {"brand", std::to_string(100 + i % 30)}, {"care", "wash it at " + std::to_string(i % 30)}, {"colour", i % 2 != 0 ? "dark blue" : "dark red"}});
  const auto space = FeatureSpace::learn(rows.size(), reader(rows));
  const auto row = encoded(space, {{"name", "shirt NO3"}, {"brand", "107"}, {"care", "at 7"}, {"colour", "dark red"}});
  std::vector<std::string> names;
  for (const auto& [name, value] : row) names.push_back(name);
  REQUIRE(names == std::vector<std::string>{"brand=107", "care:7", "colour=dark red", "name:no3"});   // "shirt" and "at" are in every row.
}

TEST_CASE("features: a list of names is values, however many it has, and a text with a stroke stays one", "[data][features]") {
  Rows rows;
  for (int i = 0; i < 60; ++i) {
    std::string codes = "sci-fi";
    for (int c = 1; c < 60; c += 1 + i % 7) codes += '/' + std::to_string(c + i % 3);
    rows.push_back({{"codes", codes + "/of" + std::to_string(i)}, {"note", "fits 40/42 and model " + std::to_string(i)}});
  }
  const auto space = FeatureSpace::learn(rows.size(), reader(rows), {.max_share = 1});
  const auto row = encoded(space, {{"codes", "sci-fi/7"}, {"note", "model 42"}});
  std::vector<std::string> names;
  for (const auto& [name, value] : row) names.push_back(name);
  REQUIRE(names == std::vector<std::string>{"codes=7", "codes=sci-fi", "note:42", "note:model"});
}

TEST_CASE("features: a path is its levels, however they are parted", "[data][features]") {
  const Rows rows{{{"category", "shoes/trail"}}, {{"category", "/shoes / trail/"}}, {{"category", "shoes//trail"}}, {{"category", " / "}}};
  const auto space = FeatureSpace::learn(rows.size(), reader(rows));
  REQUIRE(space.size() == 2);
  REQUIRE(space.name(0) == "category/shoes");
  REQUIRE(space.name(1) == "category/shoes/trail");
  REQUIRE(encoded(space, {{"category", "shoes /trail / light"}}).size() == 2);
}

TEST_CASE("features: only words weigh by rarity, whatever attributes are called", "[data][features]") {
  const Rows rows{{{"a", "red trail shoe"}, {"a:b", "x"}}, {{"a", "blue road shoe"}, {"a:b", "x"}}, {{"a", "tent of cloth"}, {"a:b", "y"}}, {{"a", "red tent"}, {"a:b", "y"}}};
  const auto space = FeatureSpace::learn(rows.size(), reader(rows), {.kinds = {{"a", FeatureKind::text}}});
  const auto json = space.to_json();
  REQUIRE(json.find(R"(["a:b=x",2,1.0])") != json.npos);
}

TEST_CASE("features: values too long to be names are left out, and long texts keep their words", "[data][features]") {
  const std::string most(256, 'v'), more(257, 'v'), description = "linen shirt " + std::string(65'536, '.') + " soft";
  const Rows rows{{{"a", most}, {"b", more}, {"category", "c/" + more}, {"description", description}}, {{"a", most}, {"b", more}, {"category", "c/" + more}, {"description", description}}, {}, {}};
  const auto space = FeatureSpace::learn(rows.size(), reader(rows));
  std::vector<std::string> names;
  for (std::size_t f = 0; f < space.size(); ++f) names.emplace_back(space.name(f));
  REQUIRE(names == std::vector<std::string>{"a=" + most, "category/c", "description:linen", "description:shirt", "description:soft"});
}

TEST_CASE("features: hostile texts give no feature and no fault", "[data][features]") {
  Rows rows;
  for (int i = 0; i < 40; ++i)
    rows.push_back({{"a", "\xFF\xFE"}, {"\xC3", "x"}, {"", "y"}, {"b", "1e999"}, {"c", std::string(70'000, 'z')}, {"d", "//"}, {"category", "///"}, {"e", std::to_string(i)}, {"f", "nan"}});
  const auto space = FeatureSpace::learn(rows.size(), reader(rows));
  const auto matrix = space.matrix(rows.size(), reader(rows));
  require_valid_weights(matrix, "features");
  const auto again = FeatureSpace::from_json(space.to_json(), "here");
  REQUIRE(again.matrix(rows.size(), reader(rows)) == matrix);
}

TEST_CASE("features: written and read back, a space encodes in the same bits", "[data][features]") {
  const auto rows = shop();
  const auto space = FeatureSpace::learn(rows.size(), reader(rows));
  const auto json = space.to_json();
  const auto again = FeatureSpace::from_json(json, "here");
  REQUIRE(again.to_json() == json);
  REQUIRE(again.matrix(rows.size(), reader(rows)) == space.matrix(rows.size(), reader(rows)));
  REQUIRE(FeatureSpace::from_json(FeatureSpace().to_json(), "here").size() == 0);

  refused("", "no JSON object");
  refused("[1]", "no JSON object");
  refused("{}", "rows is missing");
  refused(R"({"rows":-1,"left_out":0,"attributes":[],"features":[]})", "rows is no count");
  refused(R"({"rows":1,"left_out":0,"attributes":{},"features":[]})", "no list");
  refused(R"({"rows":1,"left_out":0,"attributes":[{"name":"a","kind":"odd"}],"features":[]})", "kind is unknown");
  refused(R"({"rows":1,"left_out":0,"attributes":[{"name":"b","kind":"value"},{"name":"a","kind":"value"}],"features":[]})", "do not ascend");
  refused(R"({"rows":1,"left_out":0,"attributes":[{"name":"a","kind":"number","levels":[2,1]}],"features":[]})", "levels do not ascend");
  refused(R"({"rows":1,"left_out":0,"attributes":[],"features":[["b",1,1],["a",1,1]]})", "do not ascend");
  refused(R"({"rows":1,"left_out":0,"attributes":[],"features":[["b",2,1]]})", "out of range");
  refused(R"({"rows":1,"left_out":0,"attributes":[],"features":[["b",1,0]]})", "weight is out of range");
  // A changed byte is refused, or gives a space that encodes finite rows.
  for (std::size_t at = 0; at < json.size(); at += 3) {
    auto damaged = json;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 7)));
    try {
      require_valid_weights(FeatureSpace::from_json(damaged, "here").matrix(rows.size(), reader(rows)), "features");
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::malformed_input);
    }
  }
}
