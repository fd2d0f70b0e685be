#include "pannier/clv/bg_nbd.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "clv/beta_mixture.hpp"
#include "clv/newton.hpp"
#include "clv/require.hpp"
#include "clv/rising.hpp"
#include "clv/special.hpp"

namespace pannier::clv {
namespace {

constexpr std::array<std::string_view, 4> names{"r", "alpha", "a", "b"};

/// Beta(a, b + x + first) is what of the drop-out's distribution is left of who is alive after x repeats; who was lost was so after one purchase more.
int first_of(DropOut drop_out) { return drop_out == DropOut::after_any ? 1 : 0; }

/// What one row adds beyond the terms that all rows of its frequency share:
/// -r log(1 + T/alpha) - x log(alpha + T) + log(1 + a / (b + x + first - 1) ((alpha + T) / (alpha + t_x))^(r + x)), the last where somebody may have been lost.
class Rows {
 public:
  Rows(const CustomerTable& table, const BgNbdParameters& p, int first) : table_(table), p_(p), first_(first), log_alpha_(std::log(p.alpha)), log_a_(std::log(p.a)) {}

  void add(std::size_t begin, std::size_t end, Derivatives& into) const {
    double value = 0, g_r = 0, g_alpha = 0, g_a = 0, g_b = 0, rr = 0, r_alpha = 0, r_a = 0, r_b = 0, alpha2 = 0, alpha_a = 0, alpha_b = 0, aa = 0, ab = 0, bb = 0;
    double frequency = -1, log_lost = 0;
    for (std::size_t n = begin; n < end; ++n) {
      const auto& row = table_.rows[n];
      const double count = table_.counts[n], x = row.frequency, whole = p_.r + x, over = 1 / (p_.alpha + row.age), grown = std::log1p(row.age / p_.alpha);
      value += count * (-p_.r * grown - x * (log_alpha_ + grown));
      // Of the alive: d/dr = -log(alpha + T) + log alpha, d/dalpha = r / alpha - (r + x) / (alpha + T).
      double d_r = -grown, d_alpha = p_.r / p_.alpha - whole * over;
      double d_alpha2 = -p_.r / (p_.alpha * p_.alpha) + whole * over * over, d_r_alpha = 1 / p_.alpha - over;
      if (x + first_ > 0) {
        const double beyond = p_.b + x + first_ - 1, under = 1 / (p_.alpha + row.recency), longer = std::log1p((row.age - row.recency) * under);
        if (x != frequency) frequency = x, log_lost = log_a_ - std::log(beyond);
        const double odds = log_lost + whole * longer, e = std::exp(-std::fabs(odds)), lost = (odds < 0 ? e : 1) / (1 + e), spread = lost * (odds < 0 ? 1 : e) / (1 + e);
        value += count * (std::max(odds, 0.0) + std::log1p(e));
        // Of the odds: by r, alpha, a, b; the mean over alive and lost of both, and their covariance.
        const double o_r = longer, o_alpha = whole * (over - under), o_a = 1 / p_.a, o_b = -1 / beyond;
        d_r += lost * o_r, d_alpha += lost * o_alpha;
        d_alpha2 += lost * whole * (under * under - over * over) + spread * o_alpha * o_alpha;
        d_r_alpha += lost * (over - under) + spread * o_r * o_alpha;
        g_a += count * lost * o_a, g_b += count * lost * o_b;
        rr += count * spread * o_r * o_r;
        r_a += count * spread * o_r * o_a, r_b += count * spread * o_r * o_b;
        alpha_a += count * spread * o_alpha * o_a, alpha_b += count * spread * o_alpha * o_b;
        aa += count * (spread - lost) * o_a * o_a, ab += count * spread * o_a * o_b, bb += count * (spread + lost) * o_b * o_b;
      }
      g_r += count * d_r, g_alpha += count * d_alpha, alpha2 += count * d_alpha2, r_alpha += count * d_r_alpha;
    }
    into.value += value;
    into.gradient += Eigen::Vector4d(g_r, g_alpha, g_a, g_b);
    Eigen::Matrix4d h;
    h << rr, r_alpha, r_a, r_b, r_alpha, alpha2, alpha_a, alpha_b, r_a, alpha_a, aa, ab, r_b, alpha_b, ab, bb;
    into.hessian += h;
  }

 private:
  const CustomerTable& table_;
  BgNbdParameters p_;
  int first_;
  double log_alpha_, log_a_;
};

Derivatives likelihood(const CustomerTable& table, const Frequencies& frequencies, const BgNbdParameters& p, int first, const FitControl& control) {
  const Rows rows(table, p, first);
  auto sum = sum_rows(control, table.rows.size(), 4, [&](std::size_t begin, std::size_t end, Derivatives& into) { rows.add(begin, end, into); });
  const auto r = rises(p.r, frequencies.values), b = rises(p.b, frequencies.values, first), both = rises(p.a + p.b, frequencies.values, first);
  for (std::size_t n = 0; n < frequencies.values.size(); ++n) {
    const double count = frequencies.customers[n];
    sum.value += count * (r[n].log + b[n].log - both[n].log);
    sum.gradient[0] += count * r[n].first;
    sum.gradient[2] -= count * both[n].first;
    sum.gradient[3] += count * (b[n].first - both[n].first);
    sum.hessian(0, 0) += count * r[n].second;
    sum.hessian(2, 2) -= count * both[n].second;
    sum.hessian(2, 3) -= count * both[n].second;
    sum.hessian(3, 2) -= count * both[n].second;
    sum.hessian(3, 3) += count * (b[n].second - both[n].second);
  }
  return sum;
}

BgNbdParameters of(std::span<const double> values) { return {values[0], values[1], values[2], values[3]}; }

}  // namespace

BgNbd::BgNbd(const BgNbdParameters& parameters, DropOut drop_out) : p_(parameters), drop_out_(drop_out) {
  require_parameters(names, std::array{p_.r, p_.alpha, p_.a, p_.b});
}

double BgNbd::log_odds_lost(const Customer& c) const noexcept {
  return std::log(p_.a) - std::log(p_.b + c.frequency + first_of(drop_out_) - 1) + (p_.r + c.frequency) * std::log1p((c.age - c.recency) / (p_.alpha + c.recency));
}

double BgNbd::log_likelihood(const Customer& c) const {
  require_valid(c);
  const double x = c.frequency, n = x + first_of(drop_out_), grown = std::log1p(c.age / p_.alpha);
  const double alive = rise(p_.r, x).log - p_.r * grown - x * (std::log(p_.alpha) + grown) + rise(p_.b, n).log - rise(p_.a + p_.b, n).log;
  return n > 0 ? alive + log_add(0, log_odds_lost(c)) : alive;
}

double BgNbd::alive(const Customer& c, double later) const {
  require_valid(c);
  require_horizon("later", later);
  const double n = c.frequency + first_of(drop_out_), now = n > 0 ? logistic(-log_odds_lost(c)) : 1;
  return later == 0 ? now : now * mean_survival(p_.a, p_.b + n, p_.r + c.frequency, p_.alpha + c.age, later);
}

double BgNbd::expected(const Customer& c, double horizon) const {
  require_horizon("horizon", horizon);
  const double now = alive(c);
  return now == 0 ? 0 : now * mean_purchases(p_.a, p_.b + c.frequency + first_of(drop_out_), p_.r + c.frequency, p_.alpha + c.age, horizon);
}

double BgNbd::expected_new(double horizon) const { return expected({}, horizon); }

BgNbdFit fit_bg_nbd(const CustomerTable& customers, DropOut drop_out, const EstimateConfig& config, const FitControl& control) {
  require_rows(customers);
  const int first = first_of(drop_out);
  const Frequencies frequencies(customers);
  const auto part = part_of(customers);
  const Frequencies part_frequencies(part);
  const LogLikelihood whole = [&](std::span<const double> v) { return likelihood(customers, frequencies, of(v), first, control); };
  const LogLikelihood rough = [&](std::span<const double> v) { return likelihood(part, part_frequencies, of(v), first, control); };
  const double pace = mean_pace(customers);
  const std::vector<std::vector<double>> starts{{0.5, 0.5 / pace, 0.5, 2}, {1, 0.5 / pace, 1, 1}, {2, 1 / pace, 0.2, 10}, {0.25, 0.1 / pace, 3, 3}};
  auto estimate = maximise(names, whole, part.rows.empty() ? LogLikelihood{} : rough, starts, config, control);
  BgNbd model(of(estimate.values), drop_out);
  return {std::move(model), std::move(estimate)};
}

double bg_nbd_log_likelihood(const CustomerTable& customers, const BgNbdParameters& parameters, DropOut drop_out, std::span<double> gradient, const FitControl& control) {
  require_rows(customers);
  const BgNbd checked(parameters, drop_out);
  require_gradient(gradient, 4);
  const auto sum = likelihood(customers, Frequencies(customers), parameters, first_of(drop_out), control);
  for (std::size_t n = 0; n < gradient.size(); ++n) gradient[n] = sum.gradient[static_cast<Eigen::Index>(n)];
  return sum.value;
}

}  // namespace pannier::clv
