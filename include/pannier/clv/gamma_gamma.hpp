/// Gamma-Gamma: what a purchase of a customer is worth, from the average of those seen.
#pragma once

#include <span>

#include "pannier/clv/customers.hpp"
#include "pannier/clv/estimate.hpp"

namespace pannier::clv {

/// Amounts of one customer are gamma distributed with shape p; their scales differ between customers by a gamma distribution of shape q and rate v.
/// Units: v is money, the others have none.
struct GammaGammaParameters {
  double p = 1, q = 2, v = 1;
  bool operator==(const GammaGammaParameters&) const = default;
};

/// The model at given parameters. It takes spend to be independent of how often a customer buys.
///
/// Errors:  invalid_argument: parameters not in 1e-12 ... 1e12; purchases not whole or negative, an average not above 0 where there are purchases.
/// Threads: Immutable: share freely.
/// Source:  Fader & Hardie 2013, The gamma-gamma model of monetary value; Colombo & Jiang 1999.
class GammaGamma {
 public:
  explicit GammaGamma(const GammaGammaParameters& parameters);
  [[nodiscard]] const GammaGammaParameters& parameters() const noexcept { return p_; }

  /// Whether the mean over customers is finite: q above 1. Where it is not, nothing can be said of the spend of a customer without purchases.
  [[nodiscard]] bool has_mean() const noexcept { return p_.q > 1; }
  /// The log-density of an average over so many purchases.
  [[nodiscard]] double log_likelihood(double purchases, double average) const;
  /// The mean amount of a purchase to come: (v + purchases * average) p / (p purchases + q - 1), between the customer's average and that of all. The average of all where there are no
  /// purchases yet. Infinity where p purchases + q <= 1: the model has no mean there.
  [[nodiscard]] double expected_spend(double purchases, double average) const;

 private:
  GammaGammaParameters p_;
};

struct GammaGammaFit {
  GammaGamma model;
  Estimate estimate;  ///< names p, q, v.
};

/// Maximum likelihood, or the posterior's mode with priors, by Newton steps with exact second derivatives from several starts.
///
/// Cost:    some twelve passes over the distinct rows.
/// Repeats: the same bits for any `control.execution.threads` and any order of the customers.
/// Errors:  invalid_argument (priors, a table with what merge_spend() refuses), numerical_failure, cancelled.
[[nodiscard]] GammaGammaFit fit_gamma_gamma(const SpendTable& spend, const EstimateConfig& config = {}, const FitControl& control = {});

/// The log-likelihood of all customers and its gradient by p, q, v (three numbers, or none).
[[nodiscard]] double gamma_gamma_log_likelihood(const SpendTable& spend, const GammaGammaParameters& parameters, std::span<double> gradient = {}, const FitControl& control = {});

}  // namespace pannier::clv
