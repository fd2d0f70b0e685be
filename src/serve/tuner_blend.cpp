#include "serve/tuner.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/shortest.hpp"
#include "core/sort_stably.hpp"
#include "pannier/cf/blend.hpp"
#include "serve/json_text.hpp"

namespace pannier::serve {
namespace {

constexpr std::int32_t most_people_to_weigh = 4000;
constexpr std::size_t most_members = 4;              // of a blend
constexpr std::size_t most_candidates = 6;           // to join one
constexpr double models_share = 0.6;                 // of the time or trials, before blends begin
constexpr double most_models_share = 0.95;           // before a blend is grown for the last time where none was found

}  // namespace

Tuner::Tried Tuner::try_blend(std::vector<Kept> members, const std::string& scale, std::optional<std::size_t> refit) {
  KeptBlend blend;
  std::string names;
  Json told = Json::object();
  for (const auto& member : members) {
    (names += names.empty() ? "" : ",") += member.name;
    const auto settings = Json::parse(without_defaults(member.name, member.settings));
    for (const auto& [key, value] : settings.items()) told[member.name + "." + key] = value;
  }
  told["members"] = names;
  told["scale"] = scale;
  const double metric = attempt({.name = "blend", .config_json = told.dump(), .failure = {}}, [&](TuneTrial& trial) {
    if (refit) {
      auto& member = members[*refit];
      const double started = spent();
      member.model = fit(member.arm->setup, member.settings, 1).model;
      member.fit_seconds = spent() - started;
    }
    std::vector<cf::BlendMember> given;
    for (const auto& member : members) given.push_back({member.name, member.model});
    cf::BlendConfig config = from_json<cf::BlendConfig>(Json{{"scale", scale}, {"people", std::min(most_people_to_weigh, config_.people)}}.dump(), "blend");
    const auto weighed = cf::fit_blend(given, given, holdout_.split, config, trial_control_).model;
    std::vector<cf::BlendMember> kept;
    std::string weights, kept_names;
    for (std::size_t m = 0; m < members.size(); ++m) {
      const float weight = weighed->new_weights()[m];
      if (weight == 0) continue;
      kept.push_back(given[m]);
      blend.members.push_back(members[m]);
      (weights += weights.empty() ? "" : ",") += shortest(weight);
      (kept_names += kept_names.empty() ? "" : ",") += members[m].name;
    }
    blend.settings = Json{{"members", kept_names}, {"weights", weights}, {"scale", scale}}.dump();
    told["weights"] = weights;
    told["members"] = kept_names;
    trial.config_json = told.dump();
    config = from_json<cf::BlendConfig>(blend.settings, "blend");
    const auto model = cf::fit_blend(kept, {}, {}, config, trial_control_).model;
    const auto quality = rank(*model, full_);
    blend.rank_seconds = quality.seconds / static_cast<double>(quality.people);
    trial.metric = blend.metric = quality.metrics.at(config_.metric);
  });
  if (!std::isfinite(metric) || blend.members.size() < 2 || (blend_ && metric <= blend_->metric)) return {metric, false};
  blend_ = std::move(blend);
  return {metric, true};
}

void Tuner::search_blends() {
  for (double share = models_share; share < most_models_share; share = (1 + share) / 2) {
    search_models(share);
    grow_blend();
    while (blend_ && refine_blend()) {}
    if (blend_) break;
  }
  search_models(1);
  if (!blend_) grow_blend();
}

Tuner::KeptBlend Tuner::blend_of_one() const {
  const auto& single = best_single();
  return {.members = {single}, .settings = Json{{"members", single.name}, {"weights", "1"}}.dump(), .metric = single.metric, .rank_seconds = single.rank_seconds};
}

void Tuner::grow_blend() {
  std::map<std::string, std::string> settings;
  for (const auto& [name, kept] : kept_) settings[name] = kept.settings;
  if (settings == std::exchange(grown_, settings)) return;
  std::vector<Kept> candidates;
  for (const auto& [name, kept] : kept_) candidates.push_back(kept);
  sort_stably(candidates, [](const Kept& a, const Kept& b) { return a.metric > b.metric; });
  if (candidates.size() > most_candidates) candidates.resize(most_candidates);
  if (candidates.size() < 2) return;
  std::vector<Kept> members{candidates.front()};
  std::string scale = "spread";
  bool scaled = false;
  while (members.size() < most_members) {
    bool better = false;
    for (const auto& candidate : candidates) {
      if (std::any_of(members.begin(), members.end(), [&](const Kept& member) { return member.name == candidate.name; })) continue;
      if (!may_go_on()) return;
      auto joined = members;
      joined.push_back(candidate);
      better = try_blend(joined, scale).adopted || better;
      if (scaled || !may_go_on()) continue;
      scaled = true;
      const bool largest = try_blend(joined, "largest").adopted;
      if (largest) scale = "largest";
      better = better || largest;
    }
    if (!better) return;
    members = blend_->members;
  }
}

bool Tuner::refine_blend() {
  evaluate::SearchSpace space;
  evaluate::Point start;
  const auto members = blend_->members;
  for (std::size_t m = 0; m < members.size(); ++m)
    for (std::size_t i = 0; i < members[m].point.size(); ++i) {
      auto dimension = members[m].arm->setup.dimensions[i];
      dimension.name = members[m].name + "." + dimension.name;
      space.dimensions.push_back(std::move(dimension));
      start.push_back(members[m].point[i]);
    }
  if (space.dimensions.empty()) return false;
  const std::string scale = Json::parse(blend_->settings).value("scale", "largest");
  space.starts = {start};
  evaluate::Search search(std::move(space), {.fidelities = {1}, .explore = 1, .seed = config_.seed});
  static_cast<void>(search.next());
  search.tell(blend_->metric);
  auto best = members;
  int skipped = 0;
  while (may_go_on() && skipped < 100) {
    const auto proposal = search.next();
    if (!proposal) return false;
    auto tried = best;
    std::size_t at = 0, changed = 0, which = 0;
    for (std::size_t m = 0; m < tried.size(); ++m) {
      const evaluate::Point point(proposal->point.begin() + static_cast<std::ptrdiff_t>(at), proposal->point.begin() + static_cast<std::ptrdiff_t>(at + tried[m].point.size()));
      at += tried[m].point.size();
      if (point == tried[m].point) continue;
      tried[m].point = point;
      ++changed;
      which = m;
    }
    if (changed != 1) {
      // A point far from the best: only steps are wanted.
      search.tell(std::numeric_limits<double>::quiet_NaN());
      ++skipped;
      continue;
    }
    auto& member = tried[which];
    member.settings = settings_of(member.arm->setup, member.point);
    if (budget()) {
      const double rank = 2 * blend_->rank_seconds * static_cast<double>(std::min<std::size_t>(static_cast<std::size_t>(config_.people), full_.rows));
      const double seconds = expected_seconds(member.arm->setup, member.settings, 1) + rank;
      if (seconds > time_left() || seconds > most_of_budget * config_.budget) {
        search.tell(std::numeric_limits<double>::quiet_NaN());
        ++skipped;
        continue;
      }
    }
    skipped = 0;
    const auto result = try_blend(tried, scale, which);
    search.tell(result.metric);
    if (!result.adopted) continue;
    if (blend_->members.size() != members.size()) return true;
    best = blend_->members;
  }
  return false;
}

}  // namespace pannier::serve
