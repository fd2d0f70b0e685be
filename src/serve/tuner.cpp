#include "serve/tuner.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <new>
#include <string_view>

#include "pannier/core/error.hpp"
#include "serve/json_text.hpp"

namespace pannier::serve {
namespace {

constexpr double low_fidelity = 0.3;
constexpr int fewest_epochs = 2;
constexpr std::size_t fewest_trials_an_arm = 12;     // below, every trial is in full
constexpr int most_failures = 3;                     // of an arm that has no success
constexpr double reserve_factor = 1.3, reserve_seconds = 1;
constexpr std::array<std::string_view, 6> metric_names{"ndcg", "recall", "recall_min", "hr", "mrr", "map"};

/// Ends a trial whose time is up.
struct TimeIsUp {};

/// The test of every n-th person with one, so that at most `people` are left.
Csr every(const Csr& test, double people) {
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

/// In units of the setup's cheapest fit.
double cost(const Setup& setup, const std::string& settings, double fidelity) {
  double out = fidelity;
  const auto known = Json::parse(settings);
  if (!setup.cost_of.empty()) out *= std::pow(known.at(setup.cost_of).get<double>(), 1.5);
  return out * known.value("epochs", 1.0);
}

double best_of(const evaluate::Search& search) {
  const auto best = search.best();
  return best ? best->metric : -std::numeric_limits<double>::infinity();
}

}  // namespace

std::uint32_t cut_off_of(const std::string& metric) {
  const auto at = metric.find('@');
  std::uint32_t k = 0;
  const auto* const end = metric.data() + metric.size();
  const bool known = at != std::string::npos && std::find(metric_names.begin(), metric_names.end(), std::string_view(metric).substr(0, at)) != metric_names.end();
  if (!known || std::from_chars(metric.data() + at + 1, end, k).ptr != end || k == 0 || k > 100'000 || metric != metric.substr(0, at + 1) + std::to_string(k))
    throw Error(ErrorCode::invalid_argument, "metric", "is " + described(Json(metric)), "ndcg, recall, recall_min, hr, mrr or map, @ and a cut-off from 1 to 100000, as ndcg@20");
  return k;
}

std::string without_defaults(const std::string& name, const std::string& settings) {
  const auto defaults = Json::parse(complete_settings(name, "", name)), all = Json::parse(complete_settings(name, settings, name));
  Json out = Json::object();
  for (const auto& [key, value] : all.items())
    if (value != defaults.at(key)) out[key] = value;
  return out.dump();
}

Tuner::Tuner(HoldOut holdout, const TuneConfig& config, const TuneRest& rest, const std::function<void(const TuneTrial&)>& each, const FitControl& control)
    : holdout_(std::move(holdout)), config_(config), rest_(rest), each_(each), control_(control), cut_off_(cut_off_of(config.metric)) {
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

TuneResult Tuner::run() {
  report();
  if (blends_) search_blends();
  else search_models(1);
  if (kept_.empty()) fail();
  TuneResult out;
  const auto& single = best_single();
  std::string alone;
  if (config_.model == "blend" && !blend_) {
    blend_ = blend_of_one();
    alone = "; no model gained a weight beside " + single.name;
  }
  if (blend_ && (config_.model == "blend" || blend_->metric > single.metric)) {
    for (const auto& member : blend_->members) out.best.push_back({member.name, without_defaults(member.name, member.settings)});
    out.best.push_back({"blend", without_defaults("blend", blend_->settings)});
    out.metric = blend_->metric;
  } else {
    out.best.push_back({single.name, without_defaults(single.name, single.settings)});
    out.metric = single.metric;
  }
  out.trials = std::move(trials_);
  out.stopped = (stopped_.empty() ? "nothing was left to try" : stopped_) + alone;
  return out;
}

void Tuner::make_arms() {
  auto setups = search_setups(static_cast<std::uint32_t>(holdout_.split.train.cols));
  std::erase_if(setups, [&](const Setup& setup) {
    if (!blends_) return setup.model != config_.model;
    if (!setup.in_best || (setup.model == "vectors" && holdout_.vectors == nullptr) || (setup.model == "hybrid" && holdout_.catalog == nullptr)) return true;
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

double Tuner::now() const {
  return rest_.clock ? rest_.clock() : std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double Tuner::reserve() const {
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

bool Tuner::may_go_on(double share) {
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

void Tuner::report() const {
  if (config_.trials != 0) checkpoint(control_, "tuning", begun_, static_cast<std::uint64_t>(config_.trials));
  else checkpoint(control_, "tuning", static_cast<std::uint64_t>(std::min(spent(), config_.budget)), static_cast<std::uint64_t>(config_.budget));
}

double Tuner::expected_seconds(const Setup& setup, const std::string& settings, double fidelity) const {
  const auto known = seconds_of_.find(setup.model + setup.fixed_json);
  if (known == seconds_of_.end()) return 0;
  // No trial takes longer than a cheaper one does in proportion, nor than a dearer one.
  const double asked = cost(setup, settings, fidelity);
  double out = std::numeric_limits<double>::infinity();
  for (const auto& [paid, seconds] : known->second) out = std::min(out, seconds * std::max(1.0, asked / paid));
  return out;
}

void Tuner::add(TuneTrial trial) {
  if (each_) each_(trial);
  trials_.push_back(std::move(trial));
}

double Tuner::attempt(TuneTrial trial, const std::function<void(TuneTrial&)>& body) {
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

evaluate::Quality Tuner::rank(const model::Recommender& model, Csr& test) {
  struct Swapped {
    Csr &a, &b;
    Swapped(Csr& one, Csr& other) : a(one), b(other) { std::swap(a, b); }
    ~Swapped() { std::swap(a, b); }
  } swapped(holdout_.split.test, test);
  return evaluate::evaluate(model, holdout_.split, {.at = {cut_off_}, .intervals = false}, trial_control_);
}

FittedModel Tuner::fit(const Setup& setup, const std::string& settings, double fidelity) {
  auto complete = Json::parse(complete_settings(setup.model, settings, setup.model));
  complete.update(Json::parse(setup.trial_json));
  if (const auto epochs = complete.find("epochs"); fidelity < 1 && epochs != complete.end())
    *epochs = std::max(std::min(fewest_epochs, epochs->get<int>()), static_cast<int>(std::lround(fidelity * epochs->get<int>())));
  return fit_model(setup.model, complete.dump(), data_, trial_control_);
}

double Tuner::try_point(Arm& arm, const evaluate::Point& point, double fidelity) {
  const auto settings = settings_of(arm.setup, point);
  Kept kept{.arm = &arm, .point = point, .name = arm.setup.model, .settings = settings, .model = nullptr};
  ++arm.trials;
  const double metric = attempt({.name = kept.name, .config_json = without_defaults(kept.name, settings), .fidelity = fidelity, .failure = {}}, [&](TuneTrial& trial) {
    const double started = spent();
    kept.model = fit(arm.setup, settings, arm.setup.searches("epochs") ? 1 : fidelity).model;
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

const Tuner::Kept& Tuner::best_single() const {
  const Kept* best = nullptr;
  for (const auto& [name, kept] : kept_)
    if (best == nullptr || kept.metric > best->metric) best = &kept;
  return *best;
}

Tuner::Arm* Tuner::turn() {
  for (auto& arm : arms_)
    if (!arm.given_up && arm.trials == 0) return &arm;
  std::map<std::string, double> models;
  for (const auto& arm : arms_) models.try_emplace(arm.setup.model, -std::numeric_limits<double>::infinity()).first->second = std::max(models[arm.setup.model], best_of(arm.search));
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
      if (best_of(arms_[b].search) > best_of(arm.search) || (best_of(arms_[b].search) == best_of(arm.search) && b < a)) share /= 2;
    }
    if (const double load = static_cast<double>(arm.trials) / share; chosen == nullptr || load < least) chosen = &arm, least = load;
  }
  return chosen;
}

void Tuner::search_models(double share) {
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

void Tuner::fail() {
  if (first_failure_) std::rethrow_exception(first_failure_);
  throw Error(ErrorCode::invalid_argument, budget() ? "budget" : "trials", "ended before one trial in full", "more of it");
}

}  // namespace pannier::serve
