/// What every fit of lifetime value takes and gives: weak priors with units, parameters with standard errors, and what the data leave open.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/fit.hpp"

namespace pannier::clv {

/// A log-normal prior on one parameter, in that parameter's own unit: it is thought to lie near `median`, within `factor` times or one `factor`th of it with probability .68.
/// Unlike a penalty on the size, it means the same in days and in weeks once the median is converted.
struct Prior {
  double median = 1;                                          ///< Above zero, in the parameter's unit.
  double factor = std::numeric_limits<double>::infinity();    ///< Above 1; infinity: no prior.
  bool operator==(const Prior&) const = default;
};

struct EstimateConfig {
  std::vector<Prior> priors{};   ///< One a parameter, in the order of Estimate::names; empty: maximum likelihood.
  int iterations = 200;          ///< Newton steps from a start, at most.
};

/// A maximum, and how sharply the data fix it.
///
/// Parameters are positive and maximised in their logarithms. `covariance` is the inverse of the observed information (of the posterior, where there are priors) at the maximum.
/// On a ridge, where the likelihood hardly falls along some direction of the log parameters, or at the edge of what is searched (1e-7 to 1e9), single parameters mean nothing
/// although the forecasts stand: `identified` is false, `note` says which, and what hangs on them has a standard error of infinity.
struct Estimate {
  std::vector<std::string_view> names;
  std::vector<double> values;
  std::vector<double> standard_errors;     ///< In the parameters' units; never NaN.
  std::vector<double> covariance;          ///< names x names, row by row, of the parameters; of the directions that are identified.
  double log_likelihood = 0;               ///< Without priors.
  bool identified = true;
  std::string note;                        ///< In words, or empty.
  FitReport report;                        ///< epochs counts Newton steps; converged is false where they did not suffice.
};

}  // namespace pannier::clv
