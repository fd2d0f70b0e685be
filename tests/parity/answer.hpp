/// What the two programs share: reading requests, and writing answers so that equal bytes are equal answers.
#pragma once

#include <bit>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace parity {

/// A line of the request file.
struct Asked {
  std::string op = "recommend", user, visitor, page, policy = "personal", category;
  std::vector<std::string> session, items;
  std::uint32_t count = 10;
  bool exclude_seen = true, exclude_bought = false, explain = false;
  std::int64_t time_us = 0;
  std::string line;
};

inline std::vector<Asked> read_requests(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read " + file);
  std::vector<Asked> list;
  for (std::string line; std::getline(in, line);) {
    Asked asked;
    asked.line = line;
    const auto object = nlohmann::json::parse(line);
    for (const auto& [key, value] : object.items()) {
      if (key == "op") asked.op = value;
      else if (key == "user") asked.user = value;
      else if (key == "visitor") asked.visitor = value;
      else if (key == "page") asked.page = value;
      else if (key == "session") asked.session = value.get<std::vector<std::string>>();
      else if (key == "items") asked.items = value.get<std::vector<std::string>>();
      else if (key == "n") asked.count = value;
      else if (key == "exclude_seen") asked.exclude_seen = value;
      else if (key == "exclude_bought") asked.exclude_bought = value;
      else if (key == "explain") asked.explain = value;
      else if (key == "time") asked.time_us = value;
      else if (key == "policy") asked.policy = value;
      else if (key == "category") asked.category = value;
      else throw std::runtime_error("this program does not know the key " + key);
    }
    list.push_back(std::move(asked));
  }
  return list;
}

/// One answer as a line: the policy, then items with the bits of their scores, and the reasons of each.
class Line {
 public:
  explicit Line(std::string_view policy) : text_(policy) {}
  void item(std::string_view id, float score) {
    char bits[16];
    std::snprintf(bits, sizeof bits, "\t%08x ", static_cast<unsigned>(std::bit_cast<std::uint32_t>(score)));
    (text_ += bits) += id;
  }
  void reason(std::string_view kind, std::string_view id) { (((text_ += " <- ") += kind) += " ") += id; }
  [[nodiscard]] std::string take() { return std::move(text_) + "\n"; }

 private:
  std::string text_;
};

/// The line of a JSON answer.
inline std::string line_of(std::string_view json) {
  const auto answer = nlohmann::json::parse(json);
  Line line(answer.at("policy").get<std::string>());
  for (const auto& item : answer.at("items")) {
    line.item(item.at("item").get<std::string>(), item.at("score").get<float>());
    for (const auto& reason : item.at("reasons")) line.reason(reason.at("kind").get<std::string>(), reason.at("item").get<std::string>());
  }
  return line.take();
}

}  // namespace parity
