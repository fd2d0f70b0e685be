/// BG/NBD and MBG/NBD: customers buy at rates of their own until they drop out, which may happen after each purchase.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "pannier/clv/customers.hpp"
#include "pannier/clv/estimate.hpp"

namespace pannier::clv {

/// When a customer may be lost.
enum class DropOut {
  after_repeats,  ///< BG/NBD: after each repeat purchase. Whoever bought once is alive with certainty, and no churn score.
  after_any,      ///< MBG/NBD: also right after the first purchase.
};

/// Rates of purchase are gamma distributed (shape r, mean r / alpha), the probabilities of dropping out beta distributed (mean a / (a + b)).
/// Units: alpha is a time, in the unit of the customers; the others have none.
struct BgNbdParameters {
  double r = 1, alpha = 1, a = 1, b = 1;
  bool operator==(const BgNbdParameters&) const = default;
};

/// The model at given parameters.
///
/// Cost:    log_likelihood and alive: some logarithms. expected: a series of some ten terms, or where the horizon is many times the age, or the parameters are near a limit of the
///          model, an integral of about a thousand nodes. Never NaN for a valid customer and a finite horizon.
/// Errors:  invalid_argument: parameters not in 1e-12 ... 1e12, a customer that cannot be (clv/customers), a horizon below 0 or not finite.
/// Threads: Immutable: share freely.
/// Source:  Fader, Hardie & Lee 2005, "Counting your customers" the easy way; Batislam, Denizel & Filiztekin 2007 for the modification.
class BgNbd {
 public:
  BgNbd(const BgNbdParameters& parameters, DropOut drop_out);
  [[nodiscard]] const BgNbdParameters& parameters() const noexcept { return p_; }
  [[nodiscard]] DropOut drop_out() const noexcept { return drop_out_; }

  [[nodiscard]] double log_likelihood(const Customer& customer) const;
  /// P(alive) `later` after the end of calibration, whatever is bought until then.
  [[nodiscard]] double alive(const Customer& customer, double later = 0) const;
  /// Purchases to be expected from the end of calibration until `horizon` after it.
  [[nodiscard]] double expected(const Customer& customer, double horizon) const;
  /// Repeat purchases of somebody of whom only the first purchase is known, from it on.
  [[nodiscard]] double expected_new(double horizon) const;

 private:
  [[nodiscard]] double log_odds_lost(const Customer& customer) const noexcept;
  BgNbdParameters p_;
  DropOut drop_out_;
};

struct BgNbdFit {
  BgNbd model;
  Estimate estimate;  ///< names r, alpha, a, b.
};

/// Maximum likelihood, or the posterior's mode with priors, by Newton steps with exact second derivatives from several starts.
///
/// Cost:    some twelve passes over the distinct rows.
/// Repeats: the same bits for any `control.execution.threads` and any order of the customers.
/// Errors:  invalid_argument (priors), numerical_failure, cancelled.
[[nodiscard]] BgNbdFit fit_bg_nbd(const CustomerTable& customers, DropOut drop_out, const EstimateConfig& config = {}, const FitControl& control = {});

/// The log-likelihood of all customers and its gradient by r, alpha, a, b. A pure function of a block of rows: sums over blocks are the whole's.
/// Shapes: gradient has four numbers, or none.
[[nodiscard]] double bg_nbd_log_likelihood(const CustomerTable& customers, const BgNbdParameters& parameters, DropOut drop_out, std::span<double> gradient = {}, const FitControl& control = {});

}  // namespace pannier::clv
