#pragma once

/// A shop of five items and a model of nothing but numbers, for tests of what stores them.

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/store/generation.hpp"

namespace pannier::test {

/// The code and words of the Error that `call` throws; ok where it throws none.
template <class Call>
std::pair<ErrorCode, std::string> error_of(const Call& call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {ErrorCode::ok, "no error"};
}

inline std::vector<std::byte> bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> chars((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  std::vector<std::byte> bytes(chars.size());
  if (!chars.empty()) std::memcpy(bytes.data(), chars.data(), chars.size());
  return bytes;
}

inline void write_bytes(const std::filesystem::path& file, std::span<const std::byte> bytes) {
  std::filesystem::remove(file);
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// One number an item; it recommends nothing.
class NumbersModel final : public model::Recommender {
 public:
  explicit NumbersModel(std::vector<float> numbers) : numbers_(std::move(numbers)) {}
  std::string_view kind() const noexcept override { return "numbers"; }
  std::uint32_t item_count() const noexcept override { return static_cast<std::uint32_t>(numbers_.size()); }
  std::string config_json() const override { return R"({"depth":2,"rate":0.1})"; }
  std::size_t recommend(const model::History&, const model::Ask&, model::Workspace&, std::span<Scored>) const override { return 0; }
  void score(const model::History&, std::span<const ItemIndex>, model::Workspace&, std::span<float>) const override {}
  std::size_t similar(ItemIndex, const model::Ask&, model::Workspace&, std::span<Scored>) const override { return 0; }
  std::size_t explain(const model::History&, ItemIndex, model::Workspace&, std::span<model::Reason>) const override { return 0; }
  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    std::vector<float> ordered(numbers_.size());
    for (std::size_t i = 0; i < ordered.size(); ++i) ordered[i] = numbers_[value(order.old_index[i])];
    writer.array("numbers", std::span<const float>(ordered));
    writer.array("new_index", order.new_index);
  }

 private:
  std::vector<float> numbers_;
};

/// Five items in fitted order, kept in the order 2 0 4 1 3.
inline store::GenerationContent small_generation() {
  const auto nan = std::nan("");
  store::GenerationContent content;
  content.info = {.id = "00000007",
                  .parent = "00000006",
                  .created_us = 1'700'000'000'000'000,
                  .data_until = 1234,
                  .first_event_us = 1'600'000'000'000'000,
                  .last_event_us = 1'690'000'000'000'001,
                  .events = 5000,
                  .users = 321,
                  .items = 5,
                  .config_json = R"({"models":[{"name":"numbers"}],"events":{"cap":3.5}})",
                  .library_version = "0.1.0"};
  content.items = {
      {.id = "i0", .name = "Mug, blue", .category = "kitchen/mugs", .brand = "Ton", .image = "", .price = 4.5, .stock = 3, .attributes = {{"colour", "blue"}, {"material", "clay"}}},
      {.id = "i1", .name = "", .category = "", .brand = "", .image = "", .price = nan, .stock = nan, .attributes = {}},
      {.id = "Gläser-2", .name = "Gläser, 6 Stück", .category = "kitchen/glasses", .brand = "Ton", .image = "g.jpg", .price = 0, .stock = 0, .attributes = {{"colour", "blue"}}},
      {.id = "i3", .name = "Mug, red", .category = "kitchen/mugs", .brand = "", .image = "", .price = 1e12, .stock = -2, .attributes = {{"colour", "red"}, {"note", ""}}},
      {.id = "a id with spaces, 'quotes' and a very long tail indeed", .name = "x", .category = "kitchen/mugs", .brand = "", .image = "", .price = 0.1, .stock = 1, .attributes = {}},
  };
  content.order = {ItemIndex{2}, ItemIndex{0}, ItemIndex{4}, ItemIndex{1}, ItemIndex{3}};
  content.models = {{{.name = "numbers", .kind = "numbers", .config_json = "", .fit_seconds = 1.25},
                     std::make_shared<NumbersModel>(std::vector<float>{0, 1, 2, 3, 4})},
                    {{.name = "more", .kind = "numbers", .config_json = R"({"b":1,"a":[1,2.5,null,"é"]})", .fit_seconds = 0},
                     std::make_shared<NumbersModel>(std::vector<float>{10, 11, 12, 13, 14})}};
  return content;
}

}  // namespace pannier::test
