/// Pareto/NBD: customers buy at rates of their own until they drop out, which may happen at any time.
#pragma once

#include <span>

#include "pannier/clv/customers.hpp"
#include "pannier/clv/estimate.hpp"

namespace pannier::clv {

/// Rates of purchase are gamma distributed (shape r, mean r / alpha), rates of dropping out too (shape s, mean s / beta).
/// Units: alpha and beta are times, in the unit of the customers; r and s have none.
struct ParetoNbdParameters {
  double r = 1, alpha = 1, s = 1, beta = 1;
  bool operator==(const ParetoNbdParameters&) const = default;
};

/// The model at given parameters.
///
/// Cost:    log_likelihood and alive: an integral of 16 or 32 nodes a piece, one piece for most customers. Never NaN for a valid customer and a finite horizon.
/// Errors:  invalid_argument: parameters not in 1e-12 ... 1e12, a customer that cannot be (clv/customers), a horizon or a rate of interest out of range.
/// Threads: Immutable: share freely.
/// Source:  Schmittlein, Morrison & Colombo 1987; Fader & Hardie 2005, 2007, 2014 (notes on the model's expressions). The integral over the time of dropping out, which the papers
///          write as a difference of two hypergeometric functions that cancels, is taken itself, of positive terms.
class ParetoNbd {
 public:
  explicit ParetoNbd(const ParetoNbdParameters& parameters);
  [[nodiscard]] const ParetoNbdParameters& parameters() const noexcept { return p_; }

  [[nodiscard]] double log_likelihood(const Customer& customer) const;
  /// P(alive) `later` after the end of calibration, whatever is bought until then.
  [[nodiscard]] double alive(const Customer& customer, double later = 0) const;
  /// Purchases to be expected from the end of calibration until `horizon` after it.
  [[nodiscard]] double expected(const Customer& customer, double horizon) const;
  /// Repeat purchases of somebody of whom only the first purchase is known, from it on.
  [[nodiscard]] double expected_new(double horizon) const;
  /// DERT: all purchases to come, each weighed by exp(-interest * time).
  /// Units: `interest` is continuous, for one unit of the customers' time, above 0: log(1.1) / 52.18 for ten percent a year where they are in weeks.
  [[nodiscard]] double discounted_for_ever(const Customer& customer, double interest) const;

 private:
  [[nodiscard]] double log_odds_lost(const Customer& customer) const noexcept;
  ParetoNbdParameters p_;
};

struct ParetoNbdFit {
  ParetoNbd model;
  Estimate estimate;  ///< names r, alpha, s, beta. On many shops only s / beta is identified: see Estimate::note.
};

/// Maximum likelihood, or the posterior's mode with priors, by Newton steps with exact second derivatives from several starts.
///
/// Cost:    some fifteen passes over the distinct rows, each a row's integral.
/// Repeats: the same bits for any `control.execution.threads` and any order of the customers.
/// Errors:  invalid_argument (priors), numerical_failure, cancelled.
[[nodiscard]] ParetoNbdFit fit_pareto_nbd(const CustomerTable& customers, const EstimateConfig& config = {}, const FitControl& control = {});

/// The log-likelihood of all customers and its gradient by r, alpha, s, beta (four numbers, or none).
[[nodiscard]] double pareto_nbd_log_likelihood(const CustomerTable& customers, const ParetoNbdParameters& parameters, std::span<double> gradient = {}, const FitControl& control = {});

}  // namespace pannier::clv
