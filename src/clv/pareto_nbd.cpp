#include "pannier/clv/pareto_nbd.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "clv/newton.hpp"
#include "clv/require.hpp"
#include "clv/rising.hpp"
#include "clv/special.hpp"
#include "pannier/core/error.hpp"

namespace pannier::clv {
namespace {

constexpr std::array<std::string_view, 4> names{"r", "alpha", "s", "beta"};
constexpr double negligible = 45;  ///< e^-45 of a positive integral is below its last bit.

/// Cuts [0, end] into pieces on which Gauss's rule is exact to the last bits: `decay(w)` bounds how fast the integrand falls at w and does not fall itself.
/// A rule of 16 nodes integrates e^(-c w) over a length c w = 10 to 1e-22, one of 32 over 40; beyond 3 the integrands' complex singularities, at a distance of pi, would tell.
template <class Decay, class Piece>
void in_pieces(double end, Decay&& decay, Piece&& piece) {
  for (double begin = 0; begin < end;) {
    double length = std::min(end - begin, 3.0), rate = decay(begin + length);
    while (rate * length > 40) length /= 2, rate = decay(begin + length);
    if (!piece(begin, length, gauss(rate * length <= 10 && length <= 1.5 ? 16 : 32))) return;
    begin = begin + length >= end || begin + length == begin ? end : begin + length;
  }
}

/// The lost beside the alive: the integral over the time tau of dropping out, from the last purchase to the end, of
/// s ((alpha + T) / (alpha + tau))^(r + x) ((beta + T) / (beta + tau))^s / (beta + tau), in w = log((m + tau) / (m + t_x)) with m the smaller of alpha and beta, whose factor then is e^w.
/// `visit` is given each node: the share (weight and integrand over exp(reference)), the logarithms of both ratios, 1 / (alpha + tau) and 1 / (beta + tau). Returns the reference.
template <class Visit>
double over_lost(const ParetoNbdParameters& p, const Customer& c, Visit&& visit) {
  const bool by_alpha = p.alpha < p.beta;
  const double m = by_alpha ? p.alpha : p.beta, other = by_alpha ? p.beta : p.alpha, start = m + c.recency, whole = p.r + c.frequency;
  const double end = std::log1p((c.age - c.recency) / start);
  const double steep = by_alpha ? whole - 1 : p.s, bent = by_alpha ? p.s + 1 : whole;
  // In logarithms of the density of w the first falls with slope `steep`, the other with `bent` (m + tau) / (other + tau), which grows; by_alpha its last power is the factor below.
  const auto decay = [&](double w) {
    const double at = start * std::exp(w);
    return steep + bent * (at / (other - m + at));
  };
  const double other_start = std::log1p((c.age - c.recency) / (other + c.recency)), power = by_alpha ? p.s : whole, own = by_alpha ? whole : p.s;
  const double reference = std::log(p.s) + own * end + power * other_start;
  in_pieces(end, decay, [&](double begin, double length, const Rule& rule) {
    double last = 0;
    for (int n = 0; n < rule.size; ++n) {
      const double w = begin + length * rule.node[n], tau = std::min(c.recency + start * std::expm1(w), c.age);
      const double from_m = end - w, from_other = std::log1p((c.age - tau) / (other + tau)), inverse_m = 1 / (m + tau), inverse_other = 1 / (other + tau);
      last = -own * w + power * (from_other - other_start);
      const double share = rule.weight[n] * length * std::exp(last) * (by_alpha ? (m + tau) * inverse_other : 1);
      if (by_alpha) visit(share, from_m, from_other, inverse_m, inverse_other);
      else visit(share, from_other, from_m, inverse_other, inverse_m);
    }
    return last > -negligible - 20 || decay(begin + length) <= 0;
  });
  return reference;
}

/// Adds one row's part: of the alive, and of the odds of the lost with their mean gradient and covariance over the nodes.
void add(const ParetoNbdParameters& p, const Customer& c, double count, Derivatives& d) {
  const double x = c.frequency, whole = p.r + x, grown = std::log1p(c.age / p.alpha), aged = std::log1p(c.age / p.beta), over_a = 1 / (p.alpha + c.age), over_b = 1 / (p.beta + c.age);
  double value = -p.r * grown - x * (std::log(p.alpha) + grown) - p.s * aged;
  std::array<double, 4> g{-grown, p.r / p.alpha - whole * over_a, -aged, p.s / p.beta - p.s * over_b};
  double ra = 1 / p.alpha - over_a, aa = -p.r / (p.alpha * p.alpha) + whole * over_a * over_a, ss = 0, sb = 1 / p.beta - over_b, bb = -p.s / (p.beta * p.beta) + p.s * over_b * over_b;
  std::array<double, 4> mean{};
  std::array<double, 16> square{};
  double mass = 0;
  const double reference = over_lost(p, c, [&](double share, double log_a, double log_b, double inverse_a, double inverse_b) {
    // By r, alpha (over r + x), s, beta (over s + 1): less what does not change with the node, which a covariance does not see.
    const std::array<double, 4> v{log_a, -inverse_a, log_b, -inverse_b};
    mass += share;
    for (std::size_t i = 0; i < 4; ++i) {
      mean[i] += share * v[i];
      for (std::size_t j = 0; j <= i; ++j) square[4 * i + j] += share * v[i] * v[j];
    }
  });
  std::array<double, 16> h{};
  if (mass > 0) {
    const double odds = reference + std::log(mass), lost = logistic(odds), spread = lost * logistic(-odds);
    value += std::max(odds, 0.0) + std::log1p(std::exp(-std::fabs(odds)));
    for (auto& m : mean) m /= mass;
    const std::array<double, 4> scale{1, whole, 1, p.s + 1};
    const std::array<double, 4> o{mean[0], whole * (over_a + mean[1]), 1 / p.s + mean[2], p.s * over_b + (p.s + 1) * mean[3]};
    for (std::size_t i = 0; i < 4; ++i) {
      g[i] += lost * o[i];
      for (std::size_t j = 0; j <= i; ++j) h[4 * i + j] = spread * o[i] * o[j] + lost * scale[i] * scale[j] * (square[4 * i + j] / mass - mean[i] * mean[j]);
    }
    const double square_a = square[5] / mass, square_b = square[15] / mass;
    ra += lost * (over_a + mean[1]), aa += lost * whole * (square_a - over_a * over_a);
    ss -= lost / (p.s * p.s), sb += lost * (over_b + mean[3]), bb += lost * ((p.s + 1) * square_b - p.s * over_b * over_b);
  }
  h[4] += ra, h[5] += aa, h[10] += ss, h[14] += sb, h[15] += bb;
  d.value += count * value;
  for (std::size_t i = 0; i < 4; ++i) {
    d.gradient[static_cast<Eigen::Index>(i)] += count * g[i];
    for (std::size_t j = 0; j <= i; ++j) d.hessian(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) += count * h[4 * i + j];
  }
}

Derivatives likelihood(const CustomerTable& table, const Frequencies& frequencies, const ParetoNbdParameters& p, const FitControl& control) {
  auto sum = sum_rows(control, table.rows.size(), 4, [&](std::size_t begin, std::size_t end, Derivatives& into) {
    for (std::size_t n = begin; n < end; ++n) add(p, table.rows[n], table.counts[n], into);
  });
  const auto r = rises(p.r, frequencies.values);
  for (std::size_t n = 0; n < frequencies.values.size(); ++n) {
    sum.value += frequencies.customers[n] * r[n].log;
    sum.gradient[0] += frequencies.customers[n] * r[n].first;
    sum.hessian(0, 0) += frequencies.customers[n] * r[n].second;
  }
  for (Eigen::Index i = 0; i < 4; ++i)
    for (Eigen::Index j = i + 1; j < 4; ++j) sum.hessian(i, j) = sum.hessian(j, i);
  return sum;
}

ParetoNbdParameters of(std::span<const double> values) { return {values[0], values[1], values[2], values[3]}; }

}  // namespace

ParetoNbd::ParetoNbd(const ParetoNbdParameters& parameters) : p_(parameters) { require_parameters(names, std::array{p_.r, p_.alpha, p_.s, p_.beta}); }

double ParetoNbd::log_odds_lost(const Customer& c) const noexcept {
  double mass = 0;
  const double reference = over_lost(p_, c, [&](double share, double, double, double, double) { mass += share; });
  return mass > 0 ? reference + std::log(mass) : -HUGE_VAL;
}

double ParetoNbd::log_likelihood(const Customer& c) const {
  require_valid(c);
  const double grown = std::log1p(c.age / p_.alpha);
  return rise(p_.r, c.frequency).log - p_.r * grown - c.frequency * (std::log(p_.alpha) + grown) - p_.s * std::log1p(c.age / p_.beta) + log_add(0, log_odds_lost(c));
}

double ParetoNbd::alive(const Customer& c, double later) const {
  require_valid(c);
  require_horizon("later", later);
  return logistic(-log_odds_lost(c)) * std::exp(-p_.s * std::log1p(later / (p_.beta + c.age)));
}

double ParetoNbd::expected(const Customer& c, double horizon) const {
  require_horizon("horizon", horizon);
  const double now = alive(c), shape = p_.s - 1, grown = std::log1p(horizon / (p_.beta + c.age));
  // ((1 - ((beta + T) / (beta + T + t))^(s - 1)) / (s - 1), with its limit at s = 1.
  const double time = std::fabs(shape * grown) < 1e-300 ? grown : -std::expm1(-shape * grown) / shape;
  return now == 0 ? 0 : now * (p_.r + c.frequency) / (p_.alpha + c.age) * (p_.beta + c.age) * time;
}

double ParetoNbd::expected_new(double horizon) const { return expected({}, horizon); }

double ParetoNbd::discounted_for_ever(const Customer& c, double interest) const {
  if (!(interest > 0) || !std::isfinite(interest)) throw Error(ErrorCode::invalid_argument, "interest", interest > 0 ? "is not finite" : "is not above 0", "a finite rate above 0, continuous, for one unit of the customers' time");
  // b times the integral of e^(-z u) (1 + u)^-s over u > 0, with b = beta + T, z = interest * b: in v = log(1 + u). The papers write it as Tricomi's function.
  const double b = p_.beta + c.age, z = interest * b, now = alive(c);
  double sum = 0;
  const auto exponent = [&](double v) { return -z * std::expm1(v) + (1 - p_.s) * v; };
  in_pieces(std::log1p(900 / z), [&](double v) { return z * std::exp(v) + p_.s - 1; }, [&](double begin, double length, const Rule& rule) {
    for (int n = 0; n < rule.size; ++n) sum += length * rule.weight[n] * std::exp(exponent(begin + length * rule.node[n]));
    return exponent(begin + length) > -negligible - 20;
  });
  return now * (p_.r + c.frequency) / (p_.alpha + c.age) * b * sum;
}

ParetoNbdFit fit_pareto_nbd(const CustomerTable& customers, const EstimateConfig& config, const FitControl& control) {
  require_rows(customers);
  const Frequencies frequencies(customers);
  const auto part = part_of(customers);
  const Frequencies part_frequencies(part);
  const LogLikelihood whole = [&](std::span<const double> v) { return likelihood(customers, frequencies, of(v), control); };
  const LogLikelihood rough = [&](std::span<const double> v) { return likelihood(part, part_frequencies, of(v), control); };
  const double pace = mean_pace(customers);
  double time = 0;
  for (std::size_t n = 0; n < customers.rows.size(); ++n) time += customers.counts[n] * customers.rows[n].age;
  time = std::max(time / customers.total, 1e-9);
  const std::vector<std::vector<double>> starts{{0.5, 0.5 / pace, 0.5, time / 3}, {1, 0.5 / pace, 1, time}, {2, 1 / pace, 3, 20 * time}, {0.25, 0.1 / pace, 0.2, time / 20}};
  auto estimate = maximise(names, whole, part.rows.empty() ? LogLikelihood{} : rough, starts, config, control);
  ParetoNbd model(of(estimate.values));
  return {std::move(model), std::move(estimate)};
}

double pareto_nbd_log_likelihood(const CustomerTable& customers, const ParetoNbdParameters& parameters, std::span<double> gradient, const FitControl& control) {
  require_rows(customers);
  const ParetoNbd checked(parameters);
  require_gradient(gradient, 4);
  const auto sum = likelihood(customers, Frequencies(customers), parameters, control);
  for (std::size_t n = 0; n < gradient.size(); ++n) gradient[n] = sum.gradient[static_cast<Eigen::Index>(n)];
  return sum.value;
}

}  // namespace pannier::clv
