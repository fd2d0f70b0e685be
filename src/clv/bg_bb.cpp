#include "pannier/clv/bg_bb.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <string>
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

constexpr std::array<std::string_view, 4> names{"alpha", "beta", "gamma", "delta"};
constexpr double most_opportunities = 1e6;

void require_discrete(const Customer& c, const std::string& where) {
  require_valid(c);
  const auto refuse = [&](const char* field, const char* problem, const char* allowed) { throw Error(ErrorCode::invalid_argument, where + "." + field, problem, allowed); };
  if (c.age != std::floor(c.age) || c.age > most_opportunities) refuse("age", "is no number of opportunities", "a whole number from 0 to 1e6");
  if (c.recency != std::floor(c.recency)) refuse("recency", "is no number of an opportunity", "a whole number");
  if (c.frequency > c.recency) refuse("frequency", "is above the number of opportunities up to the last that was taken", "at most the recency");
}

/// The rising factors of all whole numbers up to the most opportunities, of the five sums that the likelihood is made of.
class Tables {
 public:
  Tables(const BgBbParameters& p, double most) : log_gamma_(std::log(p.gamma)), p_(p) {
    std::vector<double> counts(static_cast<std::size_t>(most) + 2);
    std::iota(counts.begin(), counts.end(), 0.0);
    alpha_ = rises(p.alpha, counts), beta_ = rises(p.beta, counts), both_ = rises(p.alpha + p.beta, counts), delta_ = rises(p.delta, counts), drop_ = rises(p.gamma + p.delta, counts);
  }

  /// Of the customer's history `lasting` opportunities, lost at the next or (`alive`) not: log-likelihood, gradient, second derivatives.
  struct Term {
    double log = 0;
    std::array<double, 4> g{};
    double aa = 0, ab = 0, bb = 0, cc = 0, cd = 0, dd = 0;
  };
  [[nodiscard]] Term term(double x, double lasting, bool alive) const {
    const auto& a = alpha_[at(x)];
    const auto& b = beta_[at(lasting - x)];
    const auto& ab = both_[at(lasting)];
    const auto& d = delta_[at(lasting)];
    const auto& cd = drop_[at(alive ? lasting : lasting + 1)];
    Term out{a.log + b.log - ab.log + d.log - cd.log, {a.first - ab.first, b.first - ab.first, -cd.first, d.first - cd.first}, a.second - ab.second, -ab.second, b.second - ab.second, -cd.second, -cd.second, d.second - cd.second};
    if (!alive) out.log += log_gamma_, out.g[2] += 1 / p_.gamma, out.cc -= 1 / (p_.gamma * p_.gamma);
    return out;
  }

  void add(const Customer& c, double count, Derivatives& d) const {
    // The mixture over the opportunity at which the customer was lost, by running means under the largest term so far.
    double high = -HUGE_VAL, mass = 0;
    Derivatives sum(4);
    const auto mix = [&](const Term& t) {
      if (t.log > high) {
        const double factor = std::exp(high - t.log);
        mass *= factor, sum.gradient *= factor, sum.hessian *= factor, high = t.log;
      }
      const double share = std::exp(t.log - high);
      mass += share;
      const Eigen::Vector4d g(t.g.data());
      Eigen::Matrix4d h = g * g.transpose();
      h(0, 0) += t.aa, h(0, 1) += t.ab, h(1, 0) += t.ab, h(1, 1) += t.bb, h(2, 2) += t.cc, h(2, 3) += t.cd, h(3, 2) += t.cd, h(3, 3) += t.dd;
      sum.gradient += share * g;
      sum.hessian += share * h;
    };
    mix(term(c.frequency, c.age, true));
    for (double lasting = c.recency; lasting < c.age; ++lasting) mix(term(c.frequency, lasting, false));
    sum.gradient /= mass;
    sum.hessian /= mass;
    d.value += count * (high + std::log(mass));
    d.gradient += count * sum.gradient;
    d.hessian += count * (sum.hessian - sum.gradient * sum.gradient.transpose());
  }

 private:
  static std::size_t at(double n) noexcept { return static_cast<std::size_t>(n); }
  std::vector<Rise> alpha_, beta_, both_, delta_, drop_;
  double log_gamma_;
  BgBbParameters p_;
};

double most_of(const CustomerTable& table) {
  double most = 0;
  for (const auto& row : table.rows) most = std::max(most, row.age);
  return most;
}

Derivatives likelihood(const CustomerTable& table, double most, const BgBbParameters& p, const FitControl& control) {
  const Tables tables(p, most);
  return sum_rows(control, table.rows.size(), 4, [&](std::size_t begin, std::size_t end, Derivatives& into) {
    for (std::size_t n = begin; n < end; ++n) tables.add(table.rows[n], table.counts[n], into);
  });
}

BgBbParameters of(std::span<const double> values) { return {values[0], values[1], values[2], values[3]}; }

void require_table(const CustomerTable& customers) {
  require_rows(customers);
  for (std::size_t n = 0; n < customers.rows.size(); ++n) require_discrete(customers.rows[n], "customers.rows[" + std::to_string(n) + "]");
}

void require_whole(const char* name, double number) {
  require_horizon(name, number);
  if (number != std::floor(number)) throw Error(ErrorCode::invalid_argument, name, "is no whole number", "a whole number of opportunities");
}

/// Of a customer alive with the drop-out's distribution (gamma, d): the sum over k = 1 ... m of the probability to be alive k opportunities later,
/// (d)_k / (gamma + d)_k, which telescopes to d (1 - (d + 1)_m / (gamma + d)_m) / (gamma - 1).
double opportunities_alive(double gamma, double d, double m) noexcept {
  double sum = 0, now = 1, k = 0;
  for (; k < m && k < 4096; ++k) now *= (d + k) / (gamma + d + k), sum += now;
  if (k == m) return sum;
  const double rest = m - k, from = d + k, over = gamma - 1;
  if (std::fabs(over) < 1e-7) return sum + now * from * (digamma(from + 1 + rest) - digamma(from + 1));
  return sum - now * from * std::expm1(rise(from + 1, rest).log - rise(gamma + from, rest).log) / over;
}

}  // namespace

BgBb::BgBb(const BgBbParameters& parameters) : p_(parameters) { require_parameters(names, std::array{p_.alpha, p_.beta, p_.gamma, p_.delta}); }

double BgBb::log_likelihood(const Customer& c) const {
  require_discrete(c, "customer");
  Derivatives d(4);
  Tables(p_, c.age).add(c, 1, d);
  return d.value;
}

double BgBb::alive(const Customer& c, double later) const {
  require_whole("later", later);
  const double likelihood = log_likelihood(c);
  const double now = Tables(p_, c.age).term(c.frequency, c.age, true).log - likelihood;
  return std::min(1.0, std::exp(now + rise(p_.delta + c.age, later).log - rise(p_.gamma + p_.delta + c.age, later).log));
}

double BgBb::expected(const Customer& c, double opportunities) const {
  require_whole("opportunities", opportunities);
  return alive(c) * (p_.alpha + c.frequency) / (p_.alpha + p_.beta + c.age) * opportunities_alive(p_.gamma, p_.delta + c.age, opportunities);
}

double BgBb::expected_new(double opportunities) const { return expected({}, opportunities); }

BgBbFit fit_bg_bb(const CustomerTable& customers, const EstimateConfig& config, const FitControl& control) {
  require_table(customers);
  const double most = most_of(customers);
  const LogLikelihood whole = [&](std::span<const double> v) { return likelihood(customers, most, of(v), control); };
  const double pace = std::min(0.9, mean_pace(customers));
  const std::vector<std::vector<double>> starts{{1, 1, 0.5, 2}, {1, 1 / pace, 1, 10}, {5 * pace, 5 * (1 - pace), 1, 1}, {0.3, 0.5, 3, 30}};
  auto estimate = maximise(names, whole, {}, starts, config, control);
  BgBb model(of(estimate.values));
  return {std::move(model), std::move(estimate)};
}

double bg_bb_log_likelihood(const CustomerTable& customers, const BgBbParameters& parameters, std::span<double> gradient, const FitControl& control) {
  require_table(customers);
  const BgBb checked(parameters);
  require_gradient(gradient, 4);
  const auto sum = likelihood(customers, most_of(customers), parameters, control);
  for (std::size_t n = 0; n < gradient.size(); ++n) gradient[n] = sum.gradient[static_cast<Eigen::Index>(n)];
  return sum.value;
}

}  // namespace pannier::clv
