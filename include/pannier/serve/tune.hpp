/// Tuning: which model with which settings, or which blend of models, ranks a hold-out of the training data best.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/orders.hpp"
#include "pannier/data/split.hpp"
#include "pannier/data/weighting.hpp"
#include "pannier/serve/registry.hpp"
#include "pannier/serve/train.hpp"

namespace pannier::serve {

/// What a search is measured on: a part of the training data, held out of it.
struct HoldOut {
  data::Split split;                      ///< Histories to answer, and what is to be found.
  Csr fitted;                             ///< What models are fitted on where that is not split.train: without the rows of held-out people. No rows: split.train.
  data::OrderRows orders;                 ///< Of split.log.
  data::WeightingConfig weighting;
  std::vector<std::string> categories;    ///< Of the columns, "" where unknown. Empty: none is known.
  std::string told;                       ///< How it was cut, in words.

  /// What to fit on; borrows from this value and from `names`, which it fills.
  [[nodiscard]] FitData fit_data(std::vector<std::string_view>& names) const;
};

/// Each cell of a row with probability `share`, but never all of a row.
/// Errors: invalid_argument (a share outside of 0.01 to 0.5, nothing to hold out, a matrix no model may see). Repeats: by `seed`.
[[nodiscard]] HoldOut hold_out_cells(const CsrView& events, double share, std::uint64_t seed);
/// Whole people, with probability `share` those of at least two cells: models are fitted without them, their histories are `fold_in` of their cells and the rest is to be found, but for
/// items that nobody else has, which split.unknown_items counts (strong generalisation, as Marlin 2004 and Liang et al. 2018 measure).
/// Errors, repeats: as hold_out_cells(); invalid_argument (a fold_in outside of 0.1 to 0.95).
[[nodiscard]] HoldOut hold_out_people(const CsrView& events, double share, std::uint64_t seed, double fold_in = 0.8);
/// The last days of the log: a quarter of it, at most 60 days, where `horizon_days` is 0. `categories` of the log's items.
/// Errors: invalid_argument (nothing to hold out).
[[nodiscard]] HoldOut hold_out_last_days(const data::EventLog& log, const data::WeightingConfig& weighting, double horizon_days,
                                         std::span<const std::string_view> categories = {}, const FitControl& control = {});
/// Each person's last event. Errors: as hold_out_last_days().
[[nodiscard]] HoldOut hold_out_last_events(const data::EventLog& log, const data::WeightingConfig& weighting,
                                           std::span<const std::string_view> categories = {}, const FitControl& control = {});

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
/// joined one by one to the best model while that helps, then the members' settings are searched on inside the blend; what is left goes to the models again. A blend's weights are found on the hold-out too, and given as its setting `weights`.
///
/// With a budget no trial begins that is not expected to leave time for what `rest` names, by the seconds that trials of this kind took; one that turns out to take longer is broken off.
/// A refusal by a model (memory, bad settings, no log) is a failed trial with its message; a model whose first trials all fail is given up. What the caller's own progress function
/// throws comes through.
/// `each` sees every trial as it ends. Progress: stage "tuning", trials done of trials, or seconds of the budget.
/// Errors: invalid_argument (a setting, an unknown model or metric, neither trials nor budget, a model without settings to search by another name than best, nobody held out), cancelled;
///         the error of the first trial where no trial succeeds.
/// Repeats: without a budget, the same trials for any number of threads.
[[nodiscard]] TuneResult tune(HoldOut holdout, const TuneConfig& config, const TuneRest& rest = {}, const std::function<void(const TuneTrial&)>& each = {},
                              const FitControl& control = {});

/// The names that `tune` knows: the models with settings to search, and best.
[[nodiscard]] std::vector<std::string_view> tuned_names();

/// Fits `models` in order, each beside those before it, and gives the last. data.siblings are not looked at. Errors: as fit_model(); invalid_argument (none).
[[nodiscard]] FittedModel fit_in_order(std::span<const ModelRequest> models, const FitData& data, const FitControl& control = {});

}  // namespace pannier::serve
