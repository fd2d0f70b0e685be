#include "pannier/serve/tune.hpp"

#include <algorithm>
#include <utility>

#include "pannier/core/error.hpp"
#include "serve/json_text.hpp"
#include "serve/search_space.hpp"
#include "serve/tuner.hpp"

namespace pannier::serve {

void require_valid(const TuneConfig& config) {
  validate(config);
  static_cast<void>(cut_off_of(config.metric));
  if (config.trials == 0 && config.budget == 0) throw Error(ErrorCode::invalid_argument, "trials", "are 0 beside a budget of 0", "a number of trials, or a budget in seconds");
  const auto names = tuned_names();
  if (std::find(names.begin(), names.end(), config.model) != names.end()) return;
  std::string allowed;
  for (const auto name : names) (allowed += allowed.empty() ? "" : ", ") += name;
  const auto near = nearest_name(config.model, names);
  throw Error(ErrorCode::invalid_argument, "model", "is " + described(Json(config.model)) + (near.empty() ? "" : "; did you mean " + std::string(near) + "?"), std::move(allowed));
}

TuneResult tune(HoldOut holdout, const TuneConfig& config, const TuneRest& rest, const std::function<void(const TuneTrial&)>& each, const FitControl& control) {
  require_valid(config);
  return Tuner(std::move(holdout), config, rest, each, control).run();
}

std::vector<std::string_view> tuned_names() {
  std::vector<std::string_view> out{"best", "blend"};
  const auto setups = search_setups(1000);
  for (const auto name : model_names())
    if (std::any_of(setups.begin(), setups.end(), [&](const Setup& setup) { return setup.model == name; })) out.push_back(name);
  return out;
}

}  // namespace pannier::serve
