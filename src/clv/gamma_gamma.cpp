#include "pannier/clv/gamma_gamma.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clv/newton.hpp"
#include "clv/require.hpp"
#include "clv/special.hpp"
#include "pannier/core/error.hpp"

namespace pannier::clv {
namespace {

constexpr std::array<std::string_view, 3> names{"p", "q", "v"};

void require_spend(const SpendTable& spend) {
  if (spend.purchases.empty() || spend.averages.size() != spend.purchases.size() || spend.counts.size() != spend.purchases.size())
    throw Error(ErrorCode::invalid_argument, "spend", "has " + std::to_string(spend.purchases.size()) + " rows", "at least one, as merge_spend() gives them");
  static_cast<void>(merge_spend(spend.purchases, spend.averages, spend.counts));
}

/// One row: log Gamma(s + q) - log Gamma(s) - log Gamma(q) - log m + s log(w / (1 + w)) - q log(1 + w), with s = p n of the purchases n and w = n m / v.
void add(double n, double m, double count, double p, double q, double v, double digamma_q, double trigamma_q, Derivatives& d) {
  const double s = p * n, w = n * m / v, log_w = std::log(w), grown = std::log1p(w), inside = w / (1 + w), first = digamma(s + q), second = trigamma(s + q);
  // log(w / (1 + w)) = -log(1 + 1/w), which keeps what is left of it where w is large.
  const double log_inside = w > 1 ? -std::log1p(1 / w) : log_w - grown;
  d.value += count * (-log_beta(s, q) - std::log(m) + s * log_inside - q * grown);
  d.gradient[0] += count * n * (first - digamma(s) + log_inside);
  d.gradient[1] += count * (first - digamma_q - grown);
  d.gradient[2] += count * (q * inside - s / (1 + w)) / v;
  d.hessian(0, 0) += count * n * n * (second - trigamma(s));
  d.hessian(0, 1) += count * n * second;
  d.hessian(0, 2) -= count * n / ((1 + w) * v);
  d.hessian(1, 1) += count * (second - trigamma_q);
  d.hessian(1, 2) += count * inside / v;
  // With u = log v: d/du of q w/(1+w) - s/(1+w) is -(q + s) w/(1+w)^2; by v it is that less the gradient, over v squared.
  d.hessian(2, 2) += count * (-(q + s) * inside / (1 + w) - (q * inside - s / (1 + w))) / (v * v);
}

Derivatives likelihood(const SpendTable& spend, std::span<const double> values, const FitControl& control) {
  const double p = values[0], q = values[1], v = values[2], digamma_q = digamma(q), trigamma_q = trigamma(q);
  auto sum = sum_rows(control, spend.purchases.size(), 3, [&](std::size_t begin, std::size_t end, Derivatives& into) {
    for (std::size_t n = begin; n < end; ++n) add(spend.purchases[n], spend.averages[n], spend.counts[n], p, q, v, digamma_q, trigamma_q, into);
  });
  sum.hessian(1, 0) = sum.hessian(0, 1), sum.hessian(2, 0) = sum.hessian(0, 2), sum.hessian(2, 1) = sum.hessian(1, 2);
  return sum;
}

GammaGammaParameters of(std::span<const double> values) { return {values[0], values[1], values[2]}; }

SpendTable part_of_spend(const SpendTable& spend) {
  SpendTable out;
  constexpr std::size_t race_rows = 8192;
  if (spend.purchases.size() <= 2 * race_rows) return out;
  const auto stride = spend.purchases.size() / race_rows;
  for (std::size_t n = stride / 2; n < spend.purchases.size(); n += stride) {
    out.purchases.push_back(spend.purchases[n]);
    out.averages.push_back(spend.averages[n]);
    out.counts.push_back(spend.counts[n]);
  }
  return out;
}

void require_one(double purchases, double average) {
  const double n[]{purchases}, m[]{average};
  if (purchases == 0 && average == 0) return;
  if (purchases == 0) {
    if (!(average >= 0) || !std::isfinite(average)) throw Error(ErrorCode::invalid_argument, "average", "is not a finite amount of at least 0");
    return;
  }
  static_cast<void>(merge_spend(n, m));
}

}  // namespace

GammaGamma::GammaGamma(const GammaGammaParameters& parameters) : p_(parameters) { require_parameters(names, std::array{p_.p, p_.q, p_.v}); }

double GammaGamma::log_likelihood(double purchases, double average) const {
  require_one(purchases, average);
  if (purchases == 0) return 0;
  Derivatives d(3);
  add(purchases, average, 1, p_.p, p_.q, p_.v, 0, 0, d);
  return d.value;
}

double GammaGamma::expected_spend(double purchases, double average) const {
  require_one(purchases, average);
  const double below = p_.p * purchases + p_.q - 1;
  return below > 0 ? p_.p * (p_.v + purchases * average) / below : std::numeric_limits<double>::infinity();
}

GammaGammaFit fit_gamma_gamma(const SpendTable& spend, const EstimateConfig& config, const FitControl& control) {
  require_spend(spend);
  const auto part = part_of_spend(spend);
  const LogLikelihood whole = [&](std::span<const double> v) { return likelihood(spend, v, control); };
  const LogLikelihood rough = [&](std::span<const double> v) { return likelihood(part, v, control); };
  double money = 0, count = 0;
  for (std::size_t n = 0; n < spend.purchases.size(); ++n) {
    // By logarithms: one order of a million must not decide where the search begins.
    money += spend.counts[n] * std::log(spend.averages[n]);
    count += spend.counts[n];
  }
  const double middle = std::exp(money / count);
  const std::vector<std::vector<double>> starts{{2, 3, middle}, {1, 1.5, middle}, {6, 4, middle / 2}, {0.5, 8, 16 * middle}};
  auto estimate = maximise(names, whole, part.purchases.empty() ? LogLikelihood{} : rough, starts, config, control);
  if (estimate.values[1] <= 1) {
    if (!estimate.note.empty()) estimate.note += "; ";
    estimate.note += "q is at most 1: amounts differ so much between customers that their mean is infinite, and customers with few purchases have no expected spend";
  }
  GammaGamma model(of(estimate.values));
  return {std::move(model), std::move(estimate)};
}

double gamma_gamma_log_likelihood(const SpendTable& spend, const GammaGammaParameters& parameters, std::span<double> gradient, const FitControl& control) {
  require_spend(spend);
  const GammaGamma checked(parameters);
  require_gradient(gradient, 3);
  const auto sum = likelihood(spend, std::array{parameters.p, parameters.q, parameters.v}, control);
  for (std::size_t n = 0; n < gradient.size(); ++n) gradient[n] = sum.gradient[static_cast<Eigen::Index>(n)];
  return sum.value;
}

}  // namespace pannier::clv
