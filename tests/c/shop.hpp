/// A small shop in a folder of its own, made through the C interface alone.
#pragma once

#include <stdlib.h>  // NOLINT: mkdtemp is POSIX

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "pannier.h"
#include "support/catch.hpp"

namespace shop {

inline constexpr int users = 60, items_a_taste = 20;

/// Requires that a call went well, showing what failed.
inline void ok(pnr_status status, const pnr_error& error) {
  INFO(error.where << ": " << error.what << "; expected " << error.allowed);
  REQUIRE(status == PNR_OK);
}

/// An empty folder, removed with all in it.
class Folder {
 public:
  Folder() {
    auto name = (std::filesystem::temp_directory_path() / "pannier_c_XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string at(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline pnr_text text(const std::string& value) { return {value.data(), value.size()}; }
inline std::uint64_t key(const std::string& id) { return pnr_item_key(id.data(), id.size()); }

/// Two tastes, a and b: user u<n> buys items of taste n % 2, seven of twenty, and one item of the other.
inline void write_events(const std::string& file) {
  std::ofstream out(file);
  out << "time,kind,user,item\n";
  std::uint32_t draw = 12345;
  for (int event = 0; event < 8; ++event)
    for (int user = 0; user < users; ++user) {
      draw = draw * 1664525u + 1013904223u;
      const bool own = event != 4;
      const char taste = (user % 2 == 0) == own ? 'a' : 'b';
      out << "2024-01-" << (event < 9 ? "0" : "") << event + 1 << " 10:" << (user < 10 ? "0" : "") << user << ":00,"
          << (event % 3 == 0 ? "purchase" : "view_item") << ",u" << user << ',' << taste << (draw >> 16) % items_a_taste << '\n';
    }
}

inline void write_items(const std::string& file) {
  std::ofstream out(file);
  out << "item,name,category,price\n";
  for (const char taste : {'a', 'b'})
    for (int item = 0; item < items_a_taste; ++item)
      out << taste << item << ",Pr\xC3\xA9sent " << taste << item << ",gifts/" << taste << ',' << item + 1 << ".50\n";
}

/// Trains `store` on the shop; also where it exists already.
inline void train(const Folder& folder, const std::string& store_path) {
  const auto events = folder.at("events.csv"), items = folder.at("items.csv");
  write_events(events);
  write_items(items);
  pnr_error error;
  pnr_store* store = nullptr;
  ok(pnr_store_open(store_path.data(), store_path.size(), PNR_MODE_CREATE, &store, &error), error);
  pnr_train_options options;
  pnr_train_options_init(&options, sizeof options);
  const pnr_text file = text(events);
  options.events = &file;
  options.event_count = 1;
  options.items = text(items);
  const std::string config = R"({"models": [{"name": "popular"}, {"name": "item_knn"}, {"name": "ials", "factors": 8}]})";
  options.config = text(config);
  pnr_control control;
  pnr_control_init(&control, sizeof control);
  control.threads = 1;
  ok(pnr_store_train(store, &options, &control, nullptr, &error), error);
  pnr_store_free(store);
}

/// The shop, trained once for all tests of the program.
inline const std::string& trained() {
  static const Folder folder;
  static const std::string path = [] {
    train(folder, folder.at("store"));
    return folder.at("store");
  }();
  return path;
}

/// A copy of the trained shop that a test may change.
class Copy {
 public:
  Copy() { std::filesystem::copy(trained(), folder_.at("store"), std::filesystem::copy_options::recursive); }
  [[nodiscard]] std::string path() const { return folder_.at("store"); }

 private:
  Folder folder_;
};

/// A store, its engine and a response, freed at the end.
struct Opened {
  pnr_store* store = nullptr;
  pnr_engine* engine = nullptr;
  pnr_response* response = nullptr;
  explicit Opened(const std::string& path, pnr_mode mode = PNR_MODE_READ_WRITE) {
    pnr_error error;
    ok(pnr_store_open(path.data(), path.size(), mode, &store, &error), error);
    ok(pnr_engine_open(store, nullptr, &engine, &error), error);
    ok(pnr_response_create(&response, &error), error);
  }
  ~Opened() {
    pnr_response_free(response);
    pnr_engine_free(engine);
    pnr_store_free(store);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
};

/// Borrows the user's id, which has to outlive the request.
pnr_request request_for(std::string&& user, std::uint32_t count = 5) = delete;
inline pnr_request request_for(const std::string& user, std::uint32_t count = 5) {
  pnr_request request;
  pnr_request_init(&request, sizeof request);
  request.user = text(user);
  request.count = count;
  request.time_us = 1'706'000'000'000'000;
  return request;
}

inline std::string id(const pnr_response* response, std::size_t slot) {
  std::size_t length = 0;
  const char* data = pnr_response_id(response, slot, &length);
  return data == nullptr ? "" : std::string(data, length);
}

/// Everything that a response says of its items.
inline std::vector<std::pair<std::uint64_t, float>> answers(const pnr_response* response) {
  std::vector<std::pair<std::uint64_t, float>> list;
  for (std::size_t i = 0; i < pnr_response_count(response); ++i)
    list.emplace_back(pnr_response_keys(response)[i], pnr_response_scores(response)[i]);
  return list;
}

}  // namespace shop
