#include "serve/blend_fit.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/time.hpp"
#include "pannier/data/orders.hpp"
#include "pannier/data/split.hpp"
#include "serve/json_text.hpp"

namespace pannier::serve {
namespace {

constexpr int most_epochs = 6;
constexpr double longest_automatic_horizon_days = 60;
constexpr std::uint64_t held_out_share = 5;   // one cell in five
constexpr std::uint64_t held_out_seed = 0x626C656E64;

struct Chosen {
  std::string name, settings;
  std::shared_ptr<const model::Recommender> model;
};

std::vector<std::string> names_of(const cf::BlendConfig& config, const FitData& data) {
  std::vector<std::string> out;
  const auto has = [&](std::string_view name) {
    return std::any_of(data.siblings.begin(), data.siblings.end(), [&](const Sibling& sibling) { return sibling.name == name; });
  };
  if (config.members.empty()) {
    for (const auto* name : {"buy_again", "item_knn", "ials", "popular"})
      if (data.siblings.empty() ? std::string_view(name) != "buy_again" || data.log != nullptr : has(name)) out.emplace_back(name);
    return out;
  }
  for (std::size_t begin = 0; begin <= config.members.size();) {
    const auto end = std::min(config.members.find(',', begin), config.members.size());
    out.push_back(config.members.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

std::vector<Chosen> choose(const cf::BlendConfig& config, const FitData& data, const FitControl& control) {
  std::vector<Chosen> out;
  for (auto& name : names_of(config, data)) {
    if (name == "blend") throw Error(ErrorCode::invalid_argument, "members", "name a blend", "models that are none");
    if (data.siblings.empty()) {
      out.push_back({.name = name, .settings = complete_settings(name, "", "members"), .model = fit_model(name, "", data, control).model});
      continue;
    }
    const auto sibling = std::find_if(data.siblings.begin(), data.siblings.end(), [&](const Sibling& one) { return one.name == name; });
    if (sibling == data.siblings.end()) {
      std::string allowed;
      for (const auto& one : data.siblings) (allowed += allowed.empty() ? "" : ", ") += one.name;
      throw Error(ErrorCode::invalid_argument, "members", "name " + described(Json(name)), "models fitted before the blend: " + allowed);
    }
    out.push_back({.name = name, .settings = complete_settings(name, sibling->config_json, "members"), .model = sibling->model});
  }
  if (out.empty()) throw Error(ErrorCode::invalid_argument, "members", "are none", "buy_again, item_knn, ials or popular before the blend, or other models by name");
  return out;
}

/// One cell in five of every row of at least two is the test.
data::Split cut_matrix(const CsrView& events) {
  data::Split out;
  out.train.rows = out.test.rows = events.rows;
  out.train.cols = out.test.cols = events.cols;
  for (std::size_t r = 0; r < events.rows; ++r) {
    const auto columns = events.row_columns(r);
    const auto values = events.row_values(r);
    std::size_t left = columns.size();
    for (std::size_t n = 0; n < columns.size(); ++n) {
      const bool held_out = left > 1 && values[n] > 0 && Random(held_out_seed, r, columns[n]).below(held_out_share) == 0;
      left -= held_out;
      auto& part = held_out ? out.test : out.train;
      part.columns.push_back(columns[n]);
      part.values.push_back(held_out ? 1.0f : values[n]);
    }
    out.train.offsets.push_back(static_cast<std::int64_t>(out.train.columns.size()));
    out.test.offsets.push_back(static_cast<std::int64_t>(out.test.columns.size()));
  }
  return out;
}

bool has_weight(const Csr& matrix) {
  return std::any_of(matrix.values.begin(), matrix.values.end(), [](float weight) { return weight > 0; });
}

data::Split holdout_of(const FitData& data, double horizon_days, const FitControl& control) {
  if (data.log == nullptr) {
    require_valid_weights(data.events, "events");
    return cut_matrix(data.events);
  }
  std::int64_t first = data.now_us;
  for (std::size_t n = 0; n < data.log->size(); ++n)
    if (data.log->persons()[n] != data::no_person) first = std::min(first, data.log->times_us()[n]);
  const double span_us = static_cast<double>(data.now_us) - static_cast<double>(first), day_us = static_cast<double>(us_per_day);
  const double horizon_us = horizon_days > 0 ? horizon_days * day_us : std::min(longest_automatic_horizon_days * day_us, span_us / 4);
  return data::split_by_time(*data.log, data.weighting, data.now_us - static_cast<std::int64_t>(horizon_us), control);
}

/// The settings with fewer epochs, where they have any.
std::string quick(const std::string& settings) {
  auto object = parse_object(settings, "settings");
  if (const auto epochs = object.find("epochs"); epochs != object.end() && epochs->is_number_integer() && epochs->get<std::int64_t>() > most_epochs) *epochs = most_epochs;
  return object.dump();
}

}  // namespace

cf::BlendFit fit_blend_on(const FitData& data, const cf::BlendConfig& config, const FitControl& control) {
  const auto begin = std::chrono::steady_clock::now();
  const auto chosen = choose(config, data, control);
  std::vector<cf::BlendMember> members, rehearsed;
  for (const auto& one : chosen) members.push_back({one.name, one.model});

  auto holdout = holdout_of(data, config.horizon_days, control);
  if (!has_weight(holdout.train) || !has_weight(holdout.test)) {
    // Nothing to rehearse with: no test at all.
    holdout = {};
    holdout.train.cols = holdout.test.cols = members.front().model->item_count();
    rehearsed = members;
  } else {
    const bool logged = !holdout.cells.empty();
    const auto orders = logged ? data::build_order_rows(holdout.log, data.weighting, holdout.now_us, control) : data::OrderRows{};
    std::vector<std::string_view> categories;
    if (logged && !data.categories.empty())
      for (const auto item : holdout.items) categories.push_back(data.categories[item]);
    const FitData part{.events = holdout.train, .orders = orders, .log = logged ? &holdout.log : nullptr, .weighting = data.weighting,
                       .now_us = holdout.now_us, .categories = categories, .siblings = {}};
    for (const auto& one : chosen) rehearsed.push_back({one.name, fit_model(one.name, quick(one.settings), part, control).model});
  }
  auto fit = cf::fit_blend(members, rehearsed, holdout, config, control);
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

}  // namespace pannier::serve
