// As long as it is because its three parts share one budget, the models they keep and the way a trial is run: each model's own search, blends of the best few, and the members' settings
// searched on inside the best blend. A search of one setup is an arm; arms take turns, those of better models more often.
#include "pannier/serve/tune.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/sort_stably.hpp"
#include "pannier/cf/blend.hpp"
#include "pannier/core/error.hpp"
#include "pannier/evaluate/protocol.hpp"
#include "pannier/evaluate/tune.hpp"
#include "serve/json_text.hpp"
#include "serve/search_space.hpp"

namespace pannier::serve {
namespace {

constexpr double low_fidelity = 0.3;
constexpr int fewest_epochs = 2;
constexpr std::int32_t most_people_to_weigh = 4000;
constexpr std::size_t most_members = 4;              // of a blend
constexpr std::size_t most_candidates = 6;           // to join one
constexpr double models_share = 0.6;                 // of best's time or trials, before blends begin
constexpr std::size_t fewest_trials_an_arm = 12;     // below, every trial is in full
constexpr int most_failures = 3;                     // of an arm that has no success
constexpr double reserve_factor = 1.3, reserve_seconds = 1;
constexpr double most_of_budget = 0.25;              // that one trial is expected to take
constexpr std::array<std::string_view, 6> metric_names{"ndcg", "recall", "recall_min", "hr", "mrr", "map"};

std::uint32_t cut_off_of(const std::string& metric) {
  const auto at = metric.find('@');
  std::uint32_t k = 0;
  const auto* const end = metric.data() + metric.size();
  const bool known = at != std::string::npos && std::find(metric_names.begin(), metric_names.end(), std::string_view(metric).substr(0, at)) != metric_names.end();
  if (!known || std::from_chars(metric.data() + at + 1, end, k).ptr != end || k == 0 || k > 100'000 || metric != metric.substr(0, at + 1) + std::to_string(k))
    throw Error(ErrorCode::invalid_argument, "metric", "is " + described(Json(metric)), "ndcg, recall, recall_min, hr, mrr or map, @ and a cut-off from 1 to 100000, as ndcg@20");
  return k;
}

std::string shortest(float number) {
  std::array<char, 32> text;
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr};
}

/// The settings that differ from the model's own.
std::string without_defaults(const std::string& name, const std::string& settings) {
  const auto defaults = Json::parse(complete_settings(name, "", name)), all = Json::parse(complete_settings(name, settings, name));
  Json out = Json::object();
  for (const auto& [key, value] : all.items())
    if (value != defaults.at(key)) out[key] = value;
  return out.dump();
}

struct Arm {
  Setup setup;
  evaluate::Search search;
  std::size_t trials = 0;
  int failures = 0;                  ///< Before the first success.
  bool succeeded = false, given_up = false;
};

/// A model's best trial in full.
struct Kept {
  const Arm* arm = nullptr;
  evaluate::Point point;
  std::string name, settings;
  std::shared_ptr<const model::Recommender> model;
  double metric = 0, fit_seconds = 0, rank_seconds = 0;
};

struct KeptBlend {
  std::vector<Kept> members;
  std::string settings;              ///< Of the blend itself.
  double metric = 0, rank_seconds = 0;
};

/// Ends a trial whose time is up.
struct TimeIsUp {};

class Tuner {
 public:
  Tuner(HoldOut holdout, const TuneConfig& config, const TuneRest& rest, const std::function<void(const TuneTrial&)>& each, const FitControl& control)
      : holdout_(std::move(holdout)), config_(config), rest_(rest), each_(each), control_(control), cut_off_(cut_off_of(config.metric)) {
    if (config.trials == 0 && config.budget == 0) throw Error(ErrorCode::invalid_argument, "trials", "are 0 beside a budget of 0", "a number of trials, or a budget in seconds");
    require_known_model();
    begin_ = now();
    data_ = holdout_.fit_data(names_);
    full_ = holdout_.split.test;
    low_ = every(full_, config.people * low_fidelity);
    full_ = every(full_, config.people);
    if (full_.columns.empty()) throw Error(ErrorCode::invalid_argument, "holdout", "holds nothing out", "somebody with something to find");
    blends_ = config.model == "best" || config.model == "blend";
    make_arms();
    trial_control_ = control;
    trial_control_.progress = [this](const Progress&) {
      if (budget() && spent() > deadline_) time_is_up_ = true;
      if (time_is_up_) throw TimeIsUp{};
      try {
        report();
      } catch (...) {
        callers_ = std::current_exception();
        throw;
      }
    };
    trial_control_.gate = std::make_shared<std::mutex>();
  }

  TuneResult run() {
    report();
    search_models(blends_ ? models_share : 1);
    if (blends_) {
      grow_blend();
      while (blend_ && refine_blend()) {}
      // What is left of trials or time where blends lead no further.
      search_models(1);
    }
    if (kept_.empty()) fail();
    TuneResult out;
    const auto& single = best_single();
    if (blend_ && (config_.model == "blend" || blend_->metric > single.metric)) {
      for (const auto& member : blend_->members) out.best.push_back({member.name, without_defaults(member.name, member.settings)});
      out.best.push_back({"blend", without_defaults("blend", blend_->settings)});
      out.metric = blend_->metric;
    } else {
      if (config_.model == "blend") throw Error(ErrorCode::invalid_argument, "model", "is blend, and nothing that was tried got a weight beside " + single.name, "best, or more trials");
      out.best.push_back({single.name, without_defaults(single.name, single.settings)});
      out.metric = single.metric;
    }
    out.trials = std::move(trials_);
    out.stopped = stopped_.empty() ? "nothing was left to try" : stopped_;
    return out;
  }

 private:
  void require_known_model() const {
    const auto names = tuned_names();
    if (std::find(names.begin(), names.end(), config_.model) != names.end()) return;
    std::string allowed;
    for (const auto name : names) (allowed += allowed.empty() ? "" : ", ") += name;
    const auto near = nearest_name(config_.model, names);
    throw Error(ErrorCode::invalid_argument, "model", "is " + described(Json(config_.model)) + (near.empty() ? "" : "; did you mean " + std::string(near) + "?"), std::move(allowed));
  }

  /// The test of every n-th person with one, so that at most `people` are left.
  static Csr every(const Csr& test, double people) {
    Csr out;
    out.rows = test.rows, out.cols = test.cols;
    std::size_t tested = 0, number = 0;
    for (std::size_t r = 0; r < test.rows; ++r) tested += test.offsets[r + 1] > test.offsets[r];
    const auto most = static_cast<std::size_t>(std::max(1.0, people));
    const auto step = std::max<std::size_t>(1, (tested + most - 1) / most);
    const CsrView view = test;
    for (std::size_t r = 0; r < test.rows; ++r) {
      const auto columns = view.row_columns(r);
      if (!columns.empty() && number++ % step == 0) out.columns.insert(out.columns.end(), columns.begin(), columns.end());
      out.offsets.push_back(static_cast<std::int64_t>(out.columns.size()));
    }
    out.values.assign(out.columns.size(), 1.0f);
    return out;
  }

  void make_arms() {
    auto setups = search_setups(static_cast<std::uint32_t>(holdout_.split.train.cols));
    std::erase_if(setups, [&](const Setup& setup) {
      if (!blends_) return setup.model != config_.model;
      if (!setup.in_best) return true;
      if (setup.most_items == 0 || holdout_.split.train.cols <= setup.most_items) return false;
      add({.name = setup.model, .config_json = setup.fixed_json, .metric = std::numeric_limits<double>::quiet_NaN(),
           .failure = "not tried on " + std::to_string(holdout_.split.train.cols) + " items: best tries it on " + std::to_string(setup.most_items) + " at most"});
      return true;
    });
    const bool in_full = config_.trials != 0 && static_cast<std::size_t>(config_.trials) < fewest_trials_an_arm * setups.size();
    for (auto& setup : setups) {
      evaluate::SearchConfig search{.fidelities = {low_fidelity, 1}, .explore = static_cast<std::uint32_t>(std::max<std::size_t>(2, 2 * setup.dimensions.size())), .seed = config_.seed};
      if (in_full || setup.dimensions.empty()) search.fidelities = {1};
      evaluate::SearchSpace space{.dimensions = setup.dimensions, .starts = setup.starts};
      arms_.push_back({.setup = std::move(setup), .search = evaluate::Search(std::move(space), std::move(search))});
    }
  }

  // Time and trials.

  [[nodiscard]] bool budget() const noexcept { return config_.budget > 0; }
  [[nodiscard]] double now() const {
    return rest_.clock ? rest_.clock() : std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
  [[nodiscard]] double spent() const { return rest_.seconds_spent + now() - begin_; }
  /// What the final fit and the ranking after it would take for the best so far.
  [[nodiscard]] double reserve() const {
    double fit = 0, rank = 0;
    const auto count = [&](double fit_seconds, double rank_seconds) {
      fit += fit_seconds;
      rank += rank_seconds;
    };
    if (blend_) {
      for (const auto& member : blend_->members) count(member.fit_seconds, 0);
      count(0, blend_->rank_seconds);
    } else if (!kept_.empty()) {
      count(best_single().fit_seconds, best_single().rank_seconds);
    }
    return reserve_factor * ((rest_.fit ? fit : 0) + rank * static_cast<double>(rest_.people_to_rank)) + reserve_seconds;
  }
  [[nodiscard]] double time_left() const { return config_.budget - spent() - reserve(); }

  /// Whether there is time or a trial left at all; says why not.
  bool may_go_on(double share = 1) {
    report();
    if (config_.trials != 0 && begun_ >= static_cast<std::size_t>(config_.trials)) {
      stopped_ = "all " + std::to_string(config_.trials) + " trials were run";
      return false;
    }
    if (budget() && time_left() <= 0) {
      stopped_ = "the budget of " + described(Json(config_.budget)) + " seconds is spent, but for the final fit";
      return false;
    }
    if (share >= 1) return true;
    if (config_.trials != 0 && static_cast<double>(begun_) >= share * config_.trials) return false;
    return !budget() || spent() < rest_.seconds_spent + share * (config_.budget - rest_.seconds_spent - reserve());
  }

  void report() const {
    if (config_.trials != 0) checkpoint(control_, "tuning", begun_, static_cast<std::uint64_t>(config_.trials));
    else checkpoint(control_, "tuning", static_cast<std::uint64_t>(std::min(spent(), config_.budget)), static_cast<std::uint64_t>(config_.budget));
  }

  /// In units of the setup's cheapest fit.
  static double cost(const Setup& setup, const std::string& settings, double fidelity) {
    double out = fidelity;
    const auto known = Json::parse(settings);
    if (!setup.cost_of.empty()) out *= std::pow(known.at(setup.cost_of).get<double>(), 1.5);
    return out * known.value("epochs", 1.0);
  }
  [[nodiscard]] double expected_seconds(const Setup& setup, const std::string& settings, double fidelity) const {
    const auto known = seconds_of_.find(setup.model + setup.fixed_json);
    if (known == seconds_of_.end()) return 0;
    // No trial takes longer than a cheaper one does in proportion, nor than a dearer one.
    const double asked = cost(setup, settings, fidelity);
    double out = std::numeric_limits<double>::infinity();
    for (const auto& [paid, seconds] : known->second) out = std::min(out, seconds * std::max(1.0, asked / paid));
    return out;
  }

  void add(TuneTrial trial) {
    if (each_) each_(trial);
    trials_.push_back(std::move(trial));
  }

  /// Runs `body`, which measures and fills the trial, and records it. NaN where it failed.
  template <class Body>
  double attempt(TuneTrial trial, const Body& body) {
    const double started = spent();
    ++begun_;
    time_is_up_ = false;
    deadline_ = config_.budget - reserve();
    try {
      body(trial);
      if (!std::isfinite(trial.metric)) trial.failure = "the metric is not finite";
    } catch (const TimeIsUp&) {
      trial.failure = "broken off: its time was up";
    } catch (const std::bad_alloc&) {
      trial.failure = "memory: an allocation failed";
    } catch (const Error& error) {
      if (callers_) std::rethrow_exception(callers_);
      if (error.code() == ErrorCode::cancelled) throw;
      if (!first_failure_) first_failure_ = std::current_exception();
      trial.failure = error.what();
    }
    if (!trial.failure.empty()) trial.metric = std::numeric_limits<double>::quiet_NaN();
    trial.seconds = spent() - started;
    const double metric = trial.metric;
    add(std::move(trial));
    return metric;
  }

  evaluate::Quality rank(const model::Recommender& model, Csr& test) {
    struct Swapped {
      Csr &a, &b;
      Swapped(Csr& one, Csr& other) : a(one), b(other) { std::swap(a, b); }
      ~Swapped() { std::swap(a, b); }
    } swapped(holdout_.split.test, test);
    return evaluate::evaluate(model, holdout_.split, {.at = {cut_off_}}, trial_control_);
  }

  FittedModel fit(const std::string& name, const std::string& settings, double fidelity) {
    auto complete = Json::parse(complete_settings(name, settings, name));
    if (const auto epochs = complete.find("epochs"); fidelity < 1 && epochs != complete.end())
      *epochs = std::max(std::min(fewest_epochs, epochs->get<int>()), static_cast<int>(std::lround(fidelity * epochs->get<int>())));
    return fit_model(name, complete.dump(), data_, trial_control_);
  }

  /// One trial of a point; keeps what is the best of its model in full.
  double try_point(Arm& arm, const evaluate::Point& point, double fidelity) {
    const auto settings = settings_of(arm.setup, point);
    Kept kept{.arm = &arm, .point = point, .name = arm.setup.model, .settings = settings, .model = nullptr};
    ++arm.trials;
    const double metric = attempt({.name = kept.name, .config_json = without_defaults(kept.name, settings), .fidelity = fidelity, .failure = {}}, [&](TuneTrial& trial) {
      const double started = spent();
      kept.model = fit(kept.name, settings, arm.setup.searches("epochs") ? 1 : fidelity).model;
      kept.fit_seconds = spent() - started;
      const auto quality = rank(*kept.model, fidelity < 1 ? low_ : full_);
      kept.rank_seconds = quality.seconds / static_cast<double>(quality.people);
      trial.metric = kept.metric = quality.metrics.at(config_.metric);
      seconds_of_[arm.setup.model + arm.setup.fixed_json].emplace_back(cost(arm.setup, settings, fidelity), spent() - started);
    });
    if (std::isfinite(metric)) {
      arm.succeeded = true;
      if (fidelity == 1) {
        auto& best = kept_[kept.name];
        if (best.model == nullptr || metric > best.metric) best = std::move(kept);
      }
    } else if (!arm.succeeded && ++arm.failures >= most_failures) {
      arm.given_up = true;
    }
    return metric;
  }

  // The models one by one.

  [[nodiscard]] const Kept& best_single() const {
    const Kept* best = nullptr;
    for (const auto& [name, kept] : kept_)
      if (best == nullptr || kept.metric > best->metric) best = &kept;
    return *best;
  }

  [[nodiscard]] static double best_of(const Arm& arm) {
    const auto best = arm.search.best();
    return best ? best->metric : -std::numeric_limits<double>::infinity();
  }

  /// The arm whose turn it is: models by the rank of their best arm, then the arms of a model by theirs, each next one half as often.
  Arm* turn() {
    for (auto& arm : arms_)
      if (!arm.given_up && arm.trials == 0) return &arm;
    std::map<std::string, double> models;
    for (const auto& arm : arms_) models.try_emplace(arm.setup.model, -std::numeric_limits<double>::infinity()).first->second = std::max(models[arm.setup.model], best_of(arm));
    Arm* chosen = nullptr;
    double least = 0;
    for (std::size_t a = 0; a < arms_.size(); ++a) {
      auto& arm = arms_[a];
      if (arm.given_up) continue;
      double share = 1;
      for (const auto& [name, metric] : models)
        if (name != arm.setup.model && metric > models[arm.setup.model]) share += 1;
      share = 1 / share;
      for (std::size_t b = 0; b < arms_.size(); ++b) {
        if (a == b || arms_[b].setup.model != arm.setup.model) continue;
        if (best_of(arms_[b]) > best_of(arm) || (best_of(arms_[b]) == best_of(arm) && b < a)) share /= 2;
      }
      if (const double load = static_cast<double>(arm.trials) / share; chosen == nullptr || load < least) chosen = &arm, least = load;
    }
    return chosen;
  }

  void search_models(double share) {
    int skipped = 0;
    while (may_go_on(share)) {
      auto* const arm = turn();
      if (arm == nullptr) break;
      const auto proposal = arm->search.next();
      if (!proposal) {
        arm->given_up = true;
        continue;
      }
      if (budget()) {
        const double seconds = expected_seconds(arm->setup, settings_of(arm->setup, proposal->point), proposal->fidelity);
        if (seconds > time_left() || seconds > most_of_budget * config_.budget) {
          arm->search.tell(std::numeric_limits<double>::quiet_NaN());
          ++arm->trials;
          if (++skipped > 1000) break;
          continue;
        }
      }
      arm->search.tell(try_point(*arm, proposal->point, proposal->fidelity));
    }
    // A model that never came to a trial in full gets one.
    for (auto& arm : arms_) {
      const auto best = arm.search.best();
      if (!best || kept_.contains(arm.setup.model) || !may_go_on()) continue;
      if (budget() && expected_seconds(arm.setup, settings_of(arm.setup, best->proposal.point), 1) > time_left()) continue;
      try_point(arm, best->proposal.point, 1);
    }
  }

  [[noreturn]] void fail() {
    if (first_failure_) std::rethrow_exception(first_failure_);
    throw Error(ErrorCode::invalid_argument, budget() ? "budget" : "trials", "ended before one trial in full", "more of it");
  }

  // Blends.

  struct Tried {
    double metric = 0;     ///< NaN where it failed.
    bool adopted = false;
  };
  /// Weighs and measures members, one of them fitted anew where `refit` names it; adopts what is better than every blend so far. Members that get no weight are left out.
  Tried try_blend(std::vector<Kept> members, const std::string& scale, std::optional<std::size_t> refit = {}) {
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
        member.model = fit(member.name, member.settings, 1).model;
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

  /// Joins members to the best model, one by one, while one of them helps.
  void grow_blend() {
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

  /// The settings of all members of the best blend as one space, searched from where they are, one step at a time. True where a member got no weight any more: then
  /// there is another space to search.
  bool refine_blend() {
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

  HoldOut holdout_;
  TuneConfig config_;
  TuneRest rest_;
  const std::function<void(const TuneTrial&)>& each_;
  FitControl control_, trial_control_;
  std::uint32_t cut_off_;
  std::vector<std::string_view> names_;
  FitData data_;
  Csr full_, low_;                                 ///< What is to be found, of the people who are asked.
  bool blends_ = false;
  std::vector<Arm> arms_;
  std::map<std::string, Kept> kept_;               ///< By model.
  std::optional<KeptBlend> blend_;
  std::map<std::string, std::vector<std::pair<double, double>>> seconds_of_;   ///< Cost and seconds of the trials, by setup.
  std::vector<TuneTrial> trials_;
  std::size_t begun_ = 0;
  std::exception_ptr first_failure_;
  std::exception_ptr callers_;                     ///< What the caller's own progress function threw, or a stop: no trial's failure.
  std::string stopped_;
  double begin_ = 0;
  double deadline_ = 0;
  bool time_is_up_ = false;
};

}  // namespace

TuneResult tune(HoldOut holdout, const TuneConfig& config, const TuneRest& rest, const std::function<void(const TuneTrial&)>& each, const FitControl& control) {
  validate(config);
  return Tuner(std::move(holdout), config, rest, each, control).run();
}

std::vector<std::string_view> tuned_names() {
  std::vector<std::string_view> out{"best", "blend"};
  const auto setups = search_setups(1000);
  for (const auto name : model_names())
    if (std::any_of(setups.begin(), setups.end(), [&](const Setup& setup) { return setup.model == name; })) out.push_back(name);
  return out;
}

FittedModel fit_in_order(std::span<const ModelRequest> models, const FitData& data, const FitControl& control) {
  if (models.empty()) throw Error(ErrorCode::invalid_argument, "models", "are none", "at least one");
  std::vector<Sibling> siblings;
  FittedModel last;
  for (const auto& request : models) {
    auto with = data;
    with.siblings = siblings;
    last = fit_model(request.name, request.config_json, with, control);
    siblings.push_back({request.name, request.config_json, last.model});
  }
  return last;
}

}  // namespace pannier::serve
