#include "serve/search_space.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "serve/json_text.hpp"

namespace pannier::serve {
namespace {

using evaluate::Dimension;
using Kind = Dimension::Kind;

constexpr std::uint32_t most_items_of_ease = 12000;

Dimension number(std::string name, double low, double high) { return {.name = std::move(name), .kind = Kind::number, .low = low, .high = high}; }
Dimension log_number(std::string name, double low, double high) {
  return {.name = std::move(name), .kind = Kind::number, .low = low, .high = high, .logarithmic = true};
}
Dimension log_integer(std::string name, double low, double high, std::uint32_t multiple) {
  return {.name = std::move(name), .kind = Kind::integer, .low = low, .high = std::max(low, high), .logarithmic = true, .multiple = multiple};
}

Setup item_knn(std::string_view similarity, std::vector<Dimension> dimensions, std::vector<evaluate::Point> starts) {
  dimensions.insert(dimensions.begin(), log_integer("neighbours", 20, 2000, 10));
  return {.model = "item_knn", .fixed_json = "{\"similarity\":\"" + std::string(similarity) + "\"}", .dimensions = std::move(dimensions), .starts = std::move(starts), .cost_of = {}};
}

}  // namespace

std::vector<Setup> search_setups(std::uint32_t item_count) {
  const double most_factors = std::clamp(static_cast<double>(item_count / 2 / 16 * 16), 16.0, 1024.0);
  std::vector<evaluate::Point> ials_starts;
  for (const auto& start : std::initializer_list<evaluate::Point>{{64, 0.1, 0.003, 1, 16}, {128, 0.01, 0.003, 1, 8}, {512, 0.01, 0.003, 1, 6}, {256, 0.03, 0.01, 1, 8}})
    ials_starts.push_back({std::min(start[0], most_factors), start[1], start[2], start[3], start[4]});
  return {
      {.model = "popular", .fixed_json = "{}", .dimensions = {}, .starts = {}, .cost_of = {}},
      item_knn("cosine", {number("shrinkage", 0, 100)}, {{200, 0}, {200, 20}}),
      item_knn("tfidf", {number("shrinkage", 0, 100)}, {{200, 0}}),
      item_knn("asymmetric", {number("alpha", 0, 1), number("shrinkage", 0, 100)}, {{200, 0.5, 0}}),
      item_knn("tversky", {number("alpha", 0, 2), number("beta", 0, 2)}, {{200, 0.5, 0.5}}),
      item_knn("p3", {number("alpha", 0.2, 2)}, {{500, 1}, {500, 0.7}}),
      item_knn("rp3", {number("alpha", 0.3, 2), number("beta", 0, 1.2)}, {{500, 1, 0.3}, {500, 1, 0.6}}),
      item_knn("bm25", {log_number("k1", 0.05, 20), number("b", 0, 1)}, {{200, 1.2, 0.75}}),
      {.model = "ials",
       .fixed_json = "{}",
       .dimensions = {log_integer("factors", 16, most_factors, 16), log_number("unobserved_weight", 1e-3, 1), log_number("l2", 3e-4, 0.1),
                      number("frequency_exponent", 0, 1.25), log_integer("epochs", 2, 24, 1)},
       .starts = std::move(ials_starts),
       .cost_of = "factors"},
      {.model = "hybrid",
       .fixed_json = "{}",
       .dimensions = {log_integer("factors", 16, most_factors, 16), log_number("unobserved_weight", 1e-3, 1), log_number("l2", 3e-4, 0.1), number("frequency_exponent", 0, 1.25),
                      log_number("feature_l2", 0.03, 30), log_integer("epochs", 2, 24, 1)},
       .starts = {{std::min(64.0, most_factors), 0.1, 0.003, 1, 0.3, 16}, {std::min(128.0, most_factors), 0.03, 0.003, 1, 1, 12}},
       .cost_of = "factors"},
      {.model = "graph_filter",
       .fixed_json = "{}",
       .dimensions = {number("user_exponent", 0, 1), number("item_exponent", 0.1, 0.7), number("signal_exponent", 0, 0.5), number("power", 0.7, 1.5),
                      log_integer("neighbours", 50, 1000, 10), number("sharpening", 0, 0.6)},
       .starts = {{0.35, 0.35, 0.2, 1, 500, 0}, {0.5, 0.5, 0, 1, 500, 0}, {0.5, 0.35, 0.2, 1, 300, 0.3}},
       .cost_of = {}},
      {.model = "ease",
       .fixed_json = "{}",
       // By default it asks what memory is free, and is refused by that; of so few items it never takes more than a few GB.
       .trial_json = item_count <= most_items_of_ease ? "{\"memory_mb\":1000000000}" : "{}",
       .dimensions = {log_number("l2", 10, 5000)},
       .starts = {{100}, {500}},
       .cost_of = {},
       .in_best = true,
       .most_items = most_items_of_ease},
      {.model = "slim", .fixed_json = "{\"candidates\":500}", .dimensions = {log_number("l1", 0.05, 10), log_number("l2", 1, 500)}, .starts = {{0.2, 50}, {0.5, 15}}, .cost_of = {}, .in_best = false},
      {.model = "bpr",
       .fixed_json = "{}",
       .dimensions = {log_integer("factors", 16, std::min(256.0, most_factors), 16), log_number("learning_rate", 0.01, 0.5), log_number("user_l2", 1e-4, 0.1), log_number("item_l2", 1e-4, 0.1)},
       .starts = {},
       .cost_of = "factors",
       .in_best = false},
      {.model = "vectors", .fixed_json = "{\"fold_in\":\"mean\"}", .dimensions = {}, .starts = {}, .cost_of = {}},
      {.model = "vectors", .fixed_json = "{\"fold_in\":\"ridge\"}", .dimensions = {log_number("l2", 1e-3, 10)}, .starts = {{0.1}}, .cost_of = {}},
      {.model = "buy_again", .fixed_json = "{}", .dimensions = {log_number("shrinkage", 1, 100)}, .starts = {{10}}, .cost_of = {}, .in_best = false},
      {.model = "together",
       .fixed_json = "{}",
       .dimensions = {number("lift_share", 0, 1), log_number("significance", 1e-4, 1)},
       .starts = {{0.3, 0.05}},
       .cost_of = {},
       .in_best = false},
      {.model = "trending", .fixed_json = "{}", .dimensions = {log_number("half_life_days", 0.5, 60), log_number("floor", 0.1, 20)}, .starts = {{7, 2}}, .cost_of = {}, .in_best = false},
      {.model = "seasonal", .fixed_json = "{}", .dimensions = {log_number("shrinkage", 1, 1000)}, .starts = {{20}}, .cost_of = {}, .in_best = false},
  };
}

bool Setup::searches(std::string_view setting) const {
  return std::any_of(dimensions.begin(), dimensions.end(), [&](const Dimension& dimension) { return dimension.name == setting; });
}

std::string settings_of(const Setup& setup, const evaluate::Point& point) {
  auto settings = Json::parse(setup.fixed_json);
  for (std::size_t i = 0; i < point.size(); ++i) {
    const auto& dimension = setup.dimensions[i];
    if (dimension.kind == Kind::integer) settings[dimension.name] = static_cast<std::int64_t>(point[i]);
    else settings[dimension.name] = point[i];
  }
  return settings.dump();
}

}  // namespace pannier::serve
