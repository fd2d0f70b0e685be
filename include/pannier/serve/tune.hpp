/// Tuning: which model with which settings, or which blend of models, ranks a hold-out of the training data best.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/serve/holdout.hpp"
#include "pannier/serve/registry.hpp"

namespace pannier::serve {

struct TuneConfig {
  std::string model = "best";
  std::string metric = "ndcg@20";
  std::int32_t trials = 0;
  double budget = 0;
  std::int32_t people = 10000;
  std::uint64_t seed = 42;
  bool operator==(const TuneConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, TuneConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("model", c.model, "A model's name, blend, or best: several models, and blends of the best few.");
  visit("metric", c.metric, "What is to be large: ndcg, recall, recall_min, hr, mrr or map, @ and a cut-off.");
  visit("trials", c.trials, Range{0, 1000000}, "Trials, at most; 0: as many as the budget allows.");
  visit("budget", c.budget, Range{0, 1e9}, "Seconds for everything, the final fit too; 0: no limit.");
  visit("people", c.people, Range{1, 1e9}, "People of the hold-out that a trial in full is measured on, every n-th where they are more.");
  visit("seed", c.seed, Range{0, 1.8446744073709551615e19}, "Shifts the sequence of points.");
}

/// Errors: invalid_argument naming the field (a range, an unknown model or metric, neither trials nor a budget).
void require_valid(const TuneConfig& config);

struct TuneTrial {
  std::string name;                       ///< Of the model.
  std::string config_json;                ///< Settings that are not by default, a JSON object; of a blend also its members', as "ials.factors".
  double fidelity = 1;                    ///< Below 1: fewer people, and fewer epochs where they are not searched.
  double metric = 0;                      ///< NaN where it failed.
  double seconds = 0;
  std::string failure;                    ///< Why it failed or was not begun; empty where it did not.
};

struct TuneResult {
  std::vector<TuneTrial> trials;          ///< In the order in which they ran.
  std::vector<ModelRequest> best;         ///< The model, or a blend's members and then the blend: the "models" of a train config. Settings that are not by default.
  double metric = 0;                      ///< Of the best, on the hold-out.
  std::string stopped;                    ///< Why the search ended, in words.
};

/// What the budget has to hold beside the search.
struct TuneRest {
  double seconds_spent = 0;               ///< Of the budget, before the search.
  std::uint64_t people_to_rank = 0;       ///< After the final fit.
  bool fit = false;                       ///< Whether there is one.
  std::function<double()> clock{};        ///< Seconds since any moment; null: the steady clock.
};

/// Searches the settings of config.model on the hold-out. Each model that is searched, and each way it may be set up (a similarity), has a search of its own
/// (evaluate::Search; fidelities 0.3 and 1); trials go to them in turn, more to those that are better. Of `best`, the last two fifths go to blends: members are
/// joined one by one to the best model while that helps, then the members' settings are searched on inside the blend; where none is found, the models are searched on and better ones joined
/// again; what is left goes to the models. A blend's weights are found on the hold-out too, and given as its setting `weights`. Of `blend` the answer is a blend, of the best model alone where none gained a weight beside it.
/// `vectors` are searched where the hold-out has some, `hybrid` where it has a catalogue.
///
/// With a budget no trial of a model begins that is not expected to leave time for what `rest` names, by the seconds that trials of this kind took; joining members to a blend, whose
/// models are fitted already, begins while there is any time left. A trial that turns out to take longer is broken off.
/// A refusal by a model (memory, bad settings, no log) is a failed trial with its message; a model whose first trials all fail is given up. What the caller's own progress function
/// throws comes through.
/// `each` sees every trial as it ends. Progress: stage "tuning", trials done of trials, or seconds of the budget.
/// Errors: as require_valid(); invalid_argument (nobody held out, a budget that ends before one trial in full), cancelled; the error of the first trial where no trial succeeds.
/// Repeats: without a budget, the same trials for any number of threads. ease by its own name on more items than `best` tries it on is refused by what memory is free at that time.
[[nodiscard]] TuneResult tune(HoldOut holdout, const TuneConfig& config, const TuneRest& rest = {}, const std::function<void(const TuneTrial&)>& each = {},
                              const FitControl& control = {});

/// The names that `tune` knows: best, blend, and the models of the table of searches (popular, which has nothing to search, is one trial).
[[nodiscard]] std::vector<std::string_view> tuned_names();

}  // namespace pannier::serve
