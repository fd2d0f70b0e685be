/// The search that tune() runs: arms that take turns, and blends of the best. Its parts: tuner.cpp runs trials within trials and time and searches models one by one,
/// tuner_blend.cpp joins the best few and searches the members' settings on inside the best blend.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pannier/evaluate/protocol.hpp"
#include "pannier/evaluate/tune.hpp"
#include "pannier/serve/tune.hpp"
#include "serve/search_space.hpp"

namespace pannier::serve {

/// The cut-off of a metric's name. Errors: invalid_argument (no such metric).
[[nodiscard]] std::uint32_t cut_off_of(const std::string& metric);

/// The settings that differ from the model's own.
[[nodiscard]] std::string without_defaults(const std::string& name, const std::string& settings);

/// One thread.
class Tuner {
 public:
  Tuner(HoldOut holdout, const TuneConfig& config, const TuneRest& rest, const std::function<void(const TuneTrial&)>& each, const FitControl& control);
  [[nodiscard]] TuneResult run();

 private:
  static constexpr double most_of_budget = 0.25;   ///< That one trial is expected to take.

  /// The search of one setup.
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

  struct Tried {
    double metric = 0;     ///< NaN where it failed.
    bool adopted = false;
  };

  void make_arms();

  // Time and trials.
  [[nodiscard]] bool budget() const noexcept { return config_.budget > 0; }
  [[nodiscard]] double now() const;
  [[nodiscard]] double spent() const { return rest_.seconds_spent + now() - begin_; }
  /// What the final fit and the ranking after it would take for the best so far.
  [[nodiscard]] double reserve() const;
  [[nodiscard]] double time_left() const { return config_.budget - spent() - reserve(); }
  /// Whether there is time or a trial left at all; says why not.
  bool may_go_on(double share = 1);
  void report() const;
  [[nodiscard]] double expected_seconds(const Setup& setup, const std::string& settings, double fidelity) const;
  void add(TuneTrial trial);

  // Trials.
  /// Runs `body`, which measures and fills the trial, and records it. NaN where it failed.
  double attempt(TuneTrial trial, const std::function<void(TuneTrial&)>& body);
  evaluate::Quality rank(const model::Recommender& model, Csr& test);
  FittedModel fit(const Setup& setup, const std::string& settings, double fidelity);
  /// One trial of a point; keeps what is the best of its model in full.
  double try_point(Arm& arm, const evaluate::Point& point, double fidelity);

  // The models one by one.
  [[nodiscard]] const Kept& best_single() const;
  /// The arm whose turn it is: models by the rank of their best arm, then the arms of a model by theirs, each next one half as often.
  Arm* turn();
  void search_models(double share);
  [[noreturn]] void fail();

  // Blends.
  /// Models and blends in turns: what is left where blends lead no further goes to the models, and what those find to blends again.
  void search_blends();
  /// Weighs and measures members, one of them fitted anew where `refit` names it; adopts what is better than every blend so far. Members that get no weight are left out.
  Tried try_blend(std::vector<Kept> members, const std::string& scale, std::optional<std::size_t> refit = {});
  /// Joins members to the best model, one by one, while one of them helps. Nothing where no model is better than when it was last called.
  void grow_blend();
  /// The settings of all members of the best blend as one space, searched from where they are, one step at a time. True where a member got no weight any more: then
  /// there is another space to search.
  bool refine_blend();
  /// What a blend ends with where no member gained a weight: the best model alone.
  [[nodiscard]] KeptBlend blend_of_one() const;

  HoldOut holdout_;
  TuneConfig config_;
  TuneRest rest_;
  const std::function<void(const TuneTrial&)>& each_;
  FitControl control_, trial_control_;
  std::uint32_t cut_off_;
  HoldOut::Names names_;
  FitData data_;
  Csr full_, low_;                                 ///< What is to be found, of the people who are asked.
  bool blends_ = false;
  std::vector<Arm> arms_;
  std::map<std::string, Kept> kept_;               ///< By model.
  std::map<std::string, std::string> grown_;       ///< The settings of kept_ when a blend was last grown.
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

}  // namespace pannier::serve
