/// BG/BB: customers who may buy or not at each of a row of opportunities, until they drop out.
#pragma once

#include <span>

#include "pannier/clv/customers.hpp"
#include "pannier/clv/estimate.hpp"

namespace pannier::clv {

/// The probability of buying at an opportunity is beta distributed (alpha, beta), that of dropping out before it too (gamma, delta). No parameter has a unit.
struct BgBbParameters {
  double alpha = 1, beta = 1, gamma = 1, delta = 1;
  bool operator==(const BgBbParameters&) const = default;
};

/// The model at given parameters. A customer's recency and age count opportunities: `age` is n, how many there were after the first purchase, `recency` the last that was taken (0: none),
/// `frequency` how many were.
///
/// Cost:    O(age - recency) for log_likelihood and alive; O(horizon), at most 4096, for expected.
/// Errors:  invalid_argument: parameters not in 1e-12 ... 1e12; a customer that cannot be, whose times are not whole or above 1e6, or who took more opportunities than there were up to the last taken;
///          opportunities to come that are not whole or negative.
/// Threads: Immutable: share freely.
/// Source:  Fader, Hardie & Shang 2010, Customer-base analysis in a discrete-time noncontractual setting.
class BgBb {
 public:
  explicit BgBb(const BgBbParameters& parameters);
  [[nodiscard]] const BgBbParameters& parameters() const noexcept { return p_; }

  [[nodiscard]] double log_likelihood(const Customer& customer) const;
  /// P(alive) at the opportunity `later` after the last observed; the paper's P(alive at n + 1) is that of later = 1.
  [[nodiscard]] double alive(const Customer& customer, double later = 0) const;
  /// Of the next `opportunities`, how many are expected to be taken.
  [[nodiscard]] double expected(const Customer& customer, double opportunities) const;
  /// The same of somebody of whom only the first purchase is known.
  [[nodiscard]] double expected_new(double opportunities) const;

 private:
  BgBbParameters p_;
};

struct BgBbFit {
  BgBb model;
  Estimate estimate;  ///< names alpha, beta, gamma, delta.
};

/// Maximum likelihood, or the posterior's mode with priors, by Newton steps with exact second derivatives from several starts.
///
/// Cost:    some fifteen passes over the distinct rows, each O(age - recency).
/// Repeats: the same bits for any `control.execution.threads` and any order of the customers.
/// Errors:  invalid_argument (a customer as above, naming its row; priors), numerical_failure, cancelled.
[[nodiscard]] BgBbFit fit_bg_bb(const CustomerTable& customers, const EstimateConfig& config = {}, const FitControl& control = {});

/// The log-likelihood of all customers and its gradient by alpha, beta, gamma, delta (four numbers, or none).
[[nodiscard]] double bg_bb_log_likelihood(const CustomerTable& customers, const BgBbParameters& parameters, std::span<double> gradient = {}, const FitControl& control = {});

}  // namespace pannier::clv
