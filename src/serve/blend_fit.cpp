#include "serve/blend_fit.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/data/orders.hpp"
#include "pannier/data/split.hpp"
#include "serve/holdout_cut.hpp"
#include "serve/json_text.hpp"

namespace pannier::serve {
namespace {

constexpr double held_out_share = 0.2;   // of the cells
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

data::Split holdout_of(const FitData& data, double horizon_days, const FitControl& control) {
  if (data.log == nullptr) {
    require_valid_weights(data.events, "events");
    return cut_cells(data.events, held_out_share, held_out_seed);
  }
  return data::split_by_time(*data.log, data.weighting, horizon_begin_us(*data.log, data.now_us, horizon_days), control);
}

/// The settings with fewer epochs, where they have any.
std::string quick(const std::string& settings, std::int32_t most_epochs) {
  if (most_epochs == 0) return settings;
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

  if (!config.weights.empty()) {
    auto fit = cf::fit_blend(members, {}, {}, config, control);
    fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return fit;
  }
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
    auto part = fit_data_of(holdout, orders, data.weighting);
    part.categories = categories;
    part.vectors = data.vectors;
    part.catalog = data.catalog;
    part.user_attributes = data.user_attributes;
    if (!logged) {
      part.item_features = data.item_features, part.user_features = data.user_features;
      part.item_space = data.item_space, part.user_space = data.user_space;
      part.item_ids = data.item_ids;
    }
    for (const auto& one : chosen) rehearsed.push_back({one.name, fit_model(one.name, quick(one.settings, config.rehearsal_epochs), part, control).model});
  }
  auto fit = cf::fit_blend(members, rehearsed, holdout, config, control);
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

}  // namespace pannier::serve
