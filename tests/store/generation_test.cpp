#include "pannier/store/generation.hpp"

#include <algorithm>
#include <cstdlib>
#include <random>

#include "store/small_shop.hpp"
#include "support/catch.hpp"
#include "support/colliding_ids.hpp"
#include "support/scratch.hpp"

namespace {

using namespace pannier;
using namespace pannier::test;
using model::Check;
using store::Generation;
namespace fs = std::filesystem;

using Attributes = std::vector<std::pair<std::string_view, std::string_view>>;

fs::path golden_file() { return fs::path(PANNIER_TEST_DATA).parent_path() / "golden" / "generation-v1.pnr"; }

/// Everything small_generation() says, read back.
void check_small(const Generation& generation) {
  const auto& info = generation.info();
  CHECK(info.id == "00000007");
  CHECK(info.parent == "00000006");
  CHECK(info.created_us == 1'700'000'000'000'000);
  CHECK(info.data_until == 1234);
  CHECK(info.first_event_us == 1'600'000'000'000'000);
  CHECK(info.last_event_us == 1'690'000'000'000'001);
  CHECK(info.events == 5000);
  CHECK(info.users == 321);
  CHECK(info.items == 5);
  CHECK(info.config_json == R"({"models":[{"name":"numbers"}],"events":{"cap":3.5}})");
  CHECK(info.library_version == "0.1.0");

  const auto& items = generation.items();
  REQUIRE(items.size() == 5);
  const std::vector<std::string_view> ids = {"Gläser-2", "i0", "a id with spaces, 'quotes' and a very long tail indeed", "i1", "i3"};
  for (std::uint32_t i = 0; i < 5; ++i) {
    CHECK(items.id(ItemIndex{i}) == ids[i]);
    CHECK(items.key(ItemIndex{i}) == item_key(ids[i]));
    CHECK(items.find(item_key(ids[i])) == ItemIndex{i});
  }
  CHECK(items.find(item_key("i2")) == std::nullopt);
  CHECK(items.find(ItemKey{0}) == std::nullopt);
  CHECK(items.item_name(ItemIndex{0}) == "Gläser, 6 Stück");
  CHECK(items.item_name(ItemIndex{3}) == "");
  CHECK(items.category(ItemIndex{0}) == "kitchen/glasses");
  CHECK(items.category(ItemIndex{4}) == "kitchen/mugs");
  CHECK(items.category(ItemIndex{3}) == "");
  CHECK(items.price(ItemIndex{0}) == 0);
  CHECK(items.price(ItemIndex{1}) == 4.5f);
  CHECK(items.price(ItemIndex{2}) == 0.1f);
  CHECK(std::isnan(items.price(ItemIndex{3})));
  CHECK(items.price(ItemIndex{4}) == 1e12f);
  CHECK(items.stock(ItemIndex{0}) == 0);
  CHECK(std::isnan(items.stock(ItemIndex{3})));
  CHECK(items.stock(ItemIndex{4}) == -2);
  CHECK(items.attributes(ItemIndex{0}) == Attributes{{"brand", "Ton"}, {"image", "g.jpg"}, {"colour", "blue"}});
  CHECK(items.attributes(ItemIndex{1}) == Attributes{{"brand", "Ton"}, {"colour", "blue"}, {"material", "clay"}});
  CHECK(items.attributes(ItemIndex{3}).empty());
  CHECK(items.attributes(ItemIndex{4}) == Attributes{{"colour", "red"}});
  for (const auto out : {ItemIndex{5}, ItemIndex{6}, no_item}) {
    CHECK(value(items.key(out)) == 0);
    CHECK(items.id(out) == "");
    CHECK(items.item_name(out) == "");
    CHECK(items.category(out) == "");
    CHECK(std::isnan(items.price(out)));
    CHECK(std::isnan(items.stock(out)));
    CHECK(items.attributes(out).empty());
  }

  const auto& models = generation.models();
  REQUIRE(models.size() == 2);
  CHECK(models[0].name == "numbers");
  CHECK(models[0].kind == "numbers");
  CHECK(models[0].config_json == R"({"depth":2,"rate":0.1})");
  CHECK(models[0].fit_seconds == 1.25);
  CHECK(models[1].name == "more");
  CHECK(models[1].config_json == R"({"b":1,"a":[1,2.5,null,"é"]})");
  const auto reader = generation.reader(1);
  CHECK(reader->config_json() == models[1].config_json);
  const auto numbers = reader->array<float>("numbers", 5);
  CHECK(std::vector(numbers.begin(), numbers.end()) == std::vector<float>{12, 10, 14, 11, 13});
  const auto new_index = reader->array<std::uint32_t>("new_index", 5);
  CHECK(std::vector(new_index.begin(), new_index.end()) == std::vector<std::uint32_t>{1, 3, 0, 4, 2});
  CHECK(generation.reader(0)->array<float>("numbers", 5)[0] == 2);
  CHECK_THROWS_WITH(reader->section("absent"), Contains("has no section 'models/1/absent'"));
  CHECK(error_of([&] { (void)generation.reader(2); }).first == ErrorCode::invalid_argument);
}

/// Uses every function of the item table for every index and key, in range and out of it: nothing may fault.
std::size_t read_everything(const Generation& generation) {
  const auto& items = generation.items();
  std::size_t sum = 0;
  for (std::uint32_t i = 0; i < items.size() + 3; ++i) {
    const ItemIndex item{i};
    for (const auto text : {items.id(item), items.item_name(item), items.category(item)})
      for (const char c : text) sum += static_cast<unsigned char>(c);
    for (const auto& [name, text] : items.attributes(item)) {
      for (const char c : name) sum += static_cast<unsigned char>(c);
      for (const char c : text) sum += static_cast<unsigned char>(c);
    }
    sum += items.find(items.key(item)).has_value() ? 1u : 0u;
    sum += std::isnan(items.price(item)) ? 1u : 0u;
  }
  for (std::uint64_t key = 0; key < 16; ++key) sum += items.find(ItemKey{key}).has_value() ? 1u : 0u;
  return sum;
}

std::pair<ErrorCode, std::string> refusal(const fs::path& file, const store::GenerationContent& content) {
  auto refused = error_of([&] { store::write_generation(file, content); });
  CHECK_FALSE(fs::exists(file));
  CHECK(fs::is_empty(file.parent_path()));
  return refused;
}

}  // namespace

TEST_CASE("generation: what is written is read back, from a file and from bytes", "[store][generation]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "small.pnr";
  write_generation(file, small_generation());
  const auto bytes = bytes_of(file);
  for (const auto check : {Check::structure, Check::full}) {
    check_small(*Generation::open(file, check));
    check_small(*Generation::open(bytes, check));
    CHECK(Generation::open(file, check)->size_bytes() == bytes.size());
  }
  // A reader keeps what it reads from alive.
  auto generation = Generation::open(file, Check::structure);
  const auto reader = generation->reader(0);
  generation.reset();
  fs::remove(file);
  CHECK(reader->array<float>("numbers", 5)[4] == 3);
}

TEST_CASE("generation: the golden file of format version 1 stays readable", "[store][generation]") {
  check_small(*Generation::open(golden_file(), Check::full));
  check_small(*Generation::open(golden_file(), Check::structure));
}

// Run by its name when a new format version gets its golden file; the old ones stay.
TEST_CASE("generation: write the golden file", "[.golden]") { write_generation(golden_file(), small_generation()); }

TEST_CASE("generation: every flipped byte and every truncated length is refused by the full check", "[store][generation]") {
  const auto bytes = bytes_of(golden_file());
  REQUIRE(bytes.size() > 1000);
  auto damaged = bytes;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const auto mask : {std::byte{0x01}, std::byte{0x5A}, std::byte{0x80}}) {
      damaged[at] ^= mask;
      const auto [code, what] = error_of([&] { (void)Generation::open(damaged, Check::full); });
      if (code != ErrorCode::malformed_input || !what.starts_with("generation")) FAIL("byte " << at << ": " << what);
      damaged[at] = bytes[at];
    }
    const std::span<const std::byte> cut(bytes.data(), at);
    if (error_of([&] { (void)Generation::open(cut, Check::full); }).first != ErrorCode::malformed_input) FAIL("length " << at);
    if (error_of([&] { (void)Generation::open(cut, Check::structure); }).first != ErrorCode::malformed_input) FAIL("length " << at);
  }
}

TEST_CASE("generation: a damaged one opened by structure never reads out of its bytes", "[store][generation]") {
  const auto bytes = bytes_of(golden_file());
  std::mt19937_64 random(7);
  std::size_t sum = 0, opened = 0;
  for (std::size_t at = 64; at < bytes.size(); ++at) {
    for (const auto mask : {std::byte{0x01}, std::byte{0x80}, std::byte{0xFF}}) {
      auto damaged = bytes;  // a block of its own, so that a read beyond it is seen
      damaged[at] ^= mask;
      if (at % 3 == 0)  // and many at once
        for (int i = 0; i < 40; ++i) damaged[64 + random() % (bytes.size() - 64)] = static_cast<std::byte>(random());
      try {
        sum += read_everything(*Generation::open(damaged, Check::structure));
        ++opened;
      } catch (const Error&) {  // table and manifest are summed in either check
      }
    }
  }
  CHECK(opened > 1000);
  CHECK(sum > 0);
}

TEST_CASE("generation: true checksums over wrong items do not pass the full check", "[store][generation]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "wrong.pnr";
  write_generation(file, small_generation());
  const auto sound = model::Artifact::open(file, Check::full);
  const auto rewritten = [&](const std::string& section, std::size_t at, std::byte mask, const std::string& manifest = "") {
    const auto other = scratch.folder() / "other.pnr";
    model::ArtifactWriter writer(other);
    for (const auto& name : sound->names()) {
      if (name == "manifest") continue;
      const auto original = sound->section(name);
      std::vector<std::byte> bytes(original.begin(), original.end());
      if (name == section) bytes.at(at) ^= mask;
      writer.section(name, bytes);
    }
    writer.finish(manifest.empty() ? sound->manifest_json() : manifest);
    return other;
  };
  CHECK(error_of([&] { check_small(*Generation::open(rewritten("", 0, {}), Check::full)); }).first == ErrorCode::ok);
  for (const auto& [section, words] : std::vector<std::pair<std::string, std::string>>{
           {"items/keys", "another key"}, {"items/id_bytes", "another key"}, {"items/id_offsets", "do not ascend"},
           {"items/name_offsets", "do not ascend"}, {"texts/offsets", "do not ascend"}, {"items/categories", "category out of range"},
           {"items/attribute_offsets", "attributes out of range"}, {"items/attribute_pairs", "text is out of range"}}) {
    const auto changed = rewritten(section, section == "items/attribute_offsets" ? 9 : 1, std::byte{0x80});
    const auto [code, what] = error_of([&] { (void)Generation::open(changed, Check::full); });
    CHECK(code == ErrorCode::malformed_input);
    CHECK_THAT(what, StartsWith(changed.string()) && Contains(words));
    (void)read_everything(*Generation::open(changed, Check::structure));
  }
  const std::string manifest(sound->manifest_json());
  const auto with = [&](std::string_view from, std::string_view to) {
    auto text = manifest;
    const auto place = text.find(from);
    REQUIRE(place != std::string::npos);
    return text.replace(place, from.size(), to);
  };
  for (const auto& wrong : {std::string("{"), std::string("[]"), std::string("1"), with("\"id\"", "\"ID\""), with("\"00000007\"", "7"),
                            with("\"items\": 5", "\"items\": 6"), with("\"items\": 5", "\"items\": 4"), with("\"items\": 5", "\"items\": -5"),
                            with("\"items\": 5", "\"items\": 5.5"), with("\"items\": 5", "\"items\": 4294967295"),
                            with("\"items\": 5", "\"items\": 4294967301"), with("1234", "18446744073709551615"),
                            with("1234", "1e400"), with("1.25", "\"1.25\""), with("\"models/0/\"", "0"),
                            with("3.5", std::string(100'000, '[') + std::string(100'000, ']'))}) {
    const auto [code, what] = error_of([&] { (void)Generation::open(rewritten("", 0, {}, wrong), Check::structure); });
    CHECK(code == ErrorCode::malformed_input);
    CHECK_THAT(what, Contains("other.pnr"));
  }
}

TEST_CASE("generation: any order of the items holds the same items", "[store][generation]") {
  const Scratch scratch;
  auto content = small_generation();
  for (std::uint32_t seed = 0; seed < 8; ++seed) {
    std::shuffle(content.order.begin(), content.order.end(), std::mt19937(seed));
    const auto file = scratch.folder() / "shuffled.pnr";
    write_generation(file, content);
    const auto generation = Generation::open(file, Check::full);
    const auto numbers = generation->reader(0)->array<float>("numbers", 5);
    for (const auto& item : content.items) {
      const auto index = generation->items().find(item_key(item.id));
      REQUIRE(index);
      CHECK(generation->items().id(*index) == item.id);
      CHECK(generation->items().item_name(*index) == item.name);
      CHECK(&content.items[static_cast<std::size_t>(numbers[value(*index)])] == &item);
    }
  }
}

TEST_CASE("generation: no items and no models are a generation too", "[store][generation]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "empty.pnr";
  store::write_generation(file, {});
  const auto generation = Generation::open(file, Check::full);
  CHECK(generation->items().size() == 0);
  CHECK(generation->models().empty());
  CHECK(generation->items().find(item_key("")) == std::nullopt);
  (void)read_everything(*generation);
}

TEST_CASE("generation: thousands of items are each found by their key", "[store][generation]") {
  const Scratch scratch;
  store::GenerationContent content;
  for (std::uint32_t i = 0; i < 5000; ++i) {
    data::CatalogItem item;
    item.id = "item-" + std::to_string(i);
    item.category = "c" + std::to_string(i % 37);
    content.items.push_back(item);
    content.order.push_back(ItemIndex{4999 - i});
  }
  const auto file = scratch.folder() / "many.pnr";
  write_generation(file, content);
  const auto generation = Generation::open(file, Check::full);
  for (std::uint32_t i = 0; i < 5000; ++i) {
    CHECK(generation->items().find(item_key("item-" + std::to_string(i))) == ItemIndex{4999 - i});
    CHECK(generation->items().category(ItemIndex{4999 - i}) == "c" + std::to_string(i % 37));
    CHECK_FALSE(generation->items().find(item_key("none-" + std::to_string(i))));
  }
}

TEST_CASE("generation: two ids of one key are refused by naming both", "[store][generation]") {
  const Scratch scratch;
  auto content = small_generation();
  content.models.clear();
  content.items[1].id = support::colliding_id;
  content.items[4].id = support::other_colliding_id;
  const auto [code, what] = refusal(scratch.folder() / "twins.pnr", content);
  CHECK(code == ErrorCode::invalid_argument);
  CHECK_THAT(what, Contains(std::string(support::colliding_id)) && Contains(std::string(support::other_colliding_id)));
  content.items[4].id = "i0";
  CHECK_THAT(refusal(scratch.folder() / "twins.pnr", content).second, Contains("has the item 'i0' twice"));
}

TEST_CASE("generation: content that does not fit is refused by name and leaves no file", "[store][generation]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "refused.pnr";
  const auto refused = [&](const auto& spoil) {
    auto content = small_generation();
    spoil(content);
    const auto [code, what] = refusal(file, content);
    CHECK(code == ErrorCode::invalid_argument);
    return what;
  };
  CHECK_THAT(refused([](auto& c) { c.order.pop_back(); }), StartsWith("order: has 4 entries; expected 5"));
  CHECK_THAT(refused([](auto& c) { c.order[3] = ItemIndex{2}; }), StartsWith("order[3]: is 2"));
  CHECK_THAT(refused([](auto& c) { c.order[0] = ItemIndex{5}; }), StartsWith("order[0]: is 5"));
  CHECK_THAT(refused([](auto& c) { c.order[0] = no_item; }), StartsWith("order[0]: is 4294967295"));
  CHECK_THAT(refused([](auto& c) { c.models[1].second = nullptr; }), StartsWith("models[1]: is no model"));
  CHECK_THAT(refused([](auto& c) { c.models[1].first.name = "numbers"; }), StartsWith("models[1].name"));
  CHECK_THAT(refused([](auto& c) { c.models[0].first.name = ""; }), StartsWith("models[0].name: is empty"));
  CHECK_THAT(refused([](auto& c) { c.models[0].first.kind = "ials"; }), StartsWith("models[0].kind: is 'ials'; expected 'numbers'"));
  CHECK_THAT(refused([](auto& c) { c.models[0].first.config_json = "[1]"; }), StartsWith("models[0].config_json"));
  CHECK_THAT(refused([](auto& c) { c.models[0].first.fit_seconds = INFINITY; }), StartsWith("models[0].fit_seconds"));
  CHECK_THAT(refused([](auto& c) { c.models[0].second = std::make_shared<NumbersModel>(std::vector<float>{1}); }),
             StartsWith("models[0]: knows 1 items; expected 5"));
  CHECK_THAT(refused([](auto& c) { c.info.config_json = "{"; }), StartsWith("info.config_json"));
  CHECK_THAT(refused([](auto& c) { c.info.parent = "\xff"; }), StartsWith("info: holds a text that is no UTF-8"));
  CHECK_THAT(refused([](auto& c) { c.items[3].price = -1; }), StartsWith("items: 'i3': price: is -1"));
  CHECK_THAT(refused([](auto& c) { c.items[3].price = 1e300; }), StartsWith("items: 'i3': price"));
  CHECK_THAT(refused([](auto& c) { c.items[3].stock = INFINITY; }), StartsWith("items: 'i3': stock"));
}
