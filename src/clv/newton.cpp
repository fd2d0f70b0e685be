#include "clv/newton.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>

#include "pannier/core/error.hpp"

namespace pannier::clv {
namespace {

using Vector = Derivatives::Vector;
using Square = Derivatives::Square;

constexpr double lowest = 1e-7, highest = 1e9;   ///< Parameters beyond are limits of the models: a Poisson rate that all share, a drop-out that none has.
constexpr double open = 3;                       ///< A direction of the log parameters whose standard error is a factor e^3 is not identified.
constexpr std::size_t block_rows = 2048, race_rows = 8192;

std::vector<double> natural(const Vector& logs) {
  std::vector<double> out;
  for (Eigen::Index n = 0; n < logs.size(); ++n) out.push_back(std::exp(logs[n]));
  return out;
}

bool finite(const Derivatives& d) { return std::isfinite(d.value) && d.gradient.allFinite() && d.hessian.allFinite(); }

/// The likelihood and the priors, by the logarithms of the parameters.
class InLogs {
 public:
  InLogs(const LogLikelihood& likelihood, const EstimateConfig& config) : likelihood_(likelihood), config_(config) {}

  [[nodiscard]] Derivatives operator()(const Vector& logs) const {
    const auto values = natural(logs);
    auto d = likelihood_(values);
    for (Eigen::Index i = 0; i < logs.size(); ++i)
      for (Eigen::Index j = 0; j < logs.size(); ++j) {
        d.hessian(i, j) *= values[static_cast<std::size_t>(i)] * values[static_cast<std::size_t>(j)];
        if (i == j) d.hessian(i, i) += values[static_cast<std::size_t>(i)] * d.gradient[i];
      }
    for (Eigen::Index i = 0; i < logs.size(); ++i) d.gradient[i] *= values[static_cast<std::size_t>(i)];
    for (std::size_t n = 0; n < config_.priors.size(); ++n) {
      const auto i = static_cast<Eigen::Index>(n);
      const double spread = std::log(config_.priors[n].factor);
      if (!std::isfinite(spread)) continue;
      const double off = (logs[i] - std::log(config_.priors[n].median)) / spread;
      d.value -= off * off / 2;
      d.gradient[i] -= off / spread;
      d.hessian(i, i) -= 1 / (spread * spread);
    }
    return d;
  }

 private:
  const LogLikelihood& likelihood_;
  const EstimateConfig& config_;
};

/// The step s, |s| <= radius, that maximises g.s + s.H s / 2.
Vector trust_step(const Vector& gradient, const Square& hessian, double radius) {
  const Eigen::SelfAdjointEigenSolver<Square> eigen(-hessian);
  const Vector along = eigen.eigenvectors().transpose() * gradient;
  const auto& curvature = eigen.eigenvalues();
  const double most = curvature.cwiseAbs().maxCoeff(), least = curvature.minCoeff();
  const auto step_at = [&](double shift) {
    Vector s = along;
    for (Eigen::Index n = 0; n < s.size(); ++n) s[n] = along[n] == 0 ? 0 : along[n] / (curvature[n] + shift);
    return s;
  };
  double low = std::max(0.0, -least) + 1e-14 * most + 1e-300;
  Vector step = step_at(least > 1e-14 * most ? 0 : low);
  if (step.allFinite() && step.norm() <= radius) return eigen.eigenvectors() * step;
  double high = low + gradient.norm() / radius + most;
  for (int n = 0; n < 100; ++n) {
    const double middle = n < 50 ? std::sqrt(low * high) : (low + high) / 2;
    step = step_at(middle);
    if (!step.allFinite() || step.norm() > radius) low = middle;
    else high = middle;
  }
  return eigen.eigenvectors() * step_at(high);
}

struct Climb {
  Vector at;
  Derivatives here;
  int steps = 0;
  bool converged = false;
};

/// Takes out the parameters that stand at a bound and would go beyond.
void hold_at_bounds(const Vector& at, Vector& gradient, Square& hessian) {
  for (Eigen::Index n = 0; n < at.size(); ++n)
    if ((at[n] <= std::log(lowest) && gradient[n] < 0) || (at[n] >= std::log(highest) && gradient[n] > 0)) {
      gradient[n] = 0;
      hessian.row(n).setZero();
      hessian.col(n).setZero();
      hessian(n, n) = -1;
    }
}

Climb climb(const InLogs& objective, const Vector& start, int iterations, const FitControl& control) {
  Climb out{start, objective(start), 0, false};
  if (!finite(out.here)) return out;
  double radius = 1;
  while (out.steps < iterations) {
    checkpoint(control, "newton step", static_cast<std::uint64_t>(out.steps), static_cast<std::uint64_t>(iterations));
    auto gradient = out.here.gradient;
    auto hessian = out.here.hessian;
    hold_at_bounds(out.at, gradient, hessian);
    const Vector step = trust_step(gradient, hessian, radius);
    const double gain = gradient.dot(step) + 0.5 * step.dot(hessian * step);
    const Vector next = (out.at + step).cwiseMax(std::log(lowest)).cwiseMin(std::log(highest));
    // Below this the sums' own roundings decide; the step is still taken where it does not lose.
    const bool last = !(gain > 1e-13 * (1 + std::fabs(out.here.value))) && step.norm() < 0.5 * radius + 1e-9;
    const auto there = objective(next);
    ++out.steps;
    const double gained = there.value - out.here.value;
    if (finite(there) && (gained > 0 || (last && gained >= -1e-12 * std::fabs(out.here.value) && there.gradient.norm() <= out.here.gradient.norm()))) {
      out.at = next;
      out.here = there;
      if (gained > 0.75 * gain && step.norm() > 0.8 * radius) radius = std::min(2 * radius, 4.0);
      else if (gained < 0.25 * gain) radius = std::max(radius / 2, 1e-8);
    } else {
      radius = std::min(radius, step.norm()) / 4;
    }
    if (last || radius < 1e-9 || (out.here.gradient.norm() == 0)) {
      out.converged = true;
      break;
    }
  }
  return out;
}

/// Standard errors and covariance from the observed information of the log parameters, by directions.
void read_off(const Climb& climb, Estimate& out) {
  const auto size = climb.at.size();
  auto hessian = climb.here.hessian;
  std::vector<std::string> loose;
  std::vector<bool> infinite(static_cast<std::size_t>(size), false);
  for (Eigen::Index n = 0; n < size; ++n)
    if (climb.at[n] <= std::log(lowest) || climb.at[n] >= std::log(highest)) {
      infinite[static_cast<std::size_t>(n)] = true;
      hessian.row(n).setZero();
      hessian.col(n).setZero();
    }
  const Eigen::SelfAdjointEigenSolver<Square> eigen(-hessian);
  Square covariance = Square::Zero(size, size);
  for (Eigen::Index k = 0; k < size; ++k) {
    const double information = eigen.eigenvalues()[k];
    const Vector direction = eigen.eigenvectors().col(k);
    if (information > 1 / (open * open)) {
      covariance += direction * direction.transpose() / information;
      continue;
    }
    for (Eigen::Index n = 0; n < size; ++n)
      if (std::fabs(direction[n]) > 0.05) infinite[static_cast<std::size_t>(n)] = true;
  }
  out.values = natural(climb.at);
  out.standard_errors.assign(static_cast<std::size_t>(size), 0);
  out.covariance.assign(static_cast<std::size_t>(size * size), 0);
  for (std::size_t i = 0; i < out.values.size(); ++i) {
    for (std::size_t j = 0; j < out.values.size(); ++j)
      out.covariance[i * out.values.size() + j] = covariance(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) * (out.values[i] * out.values[j]);
    out.standard_errors[i] = infinite[i] ? std::numeric_limits<double>::infinity() : std::sqrt(out.covariance[i * out.values.size() + i]);
    if (infinite[i]) loose.emplace_back(out.names[i]);
  }
  if (loose.empty()) return;
  out.identified = false;
  std::string list;
  for (const auto& name : loose) list += (list.empty() ? "" : ", ") + name;
  out.note = "the data do not fix " + list + (loose.size() == 1 ? "" : " one by one") + ": the likelihood hardly falls along a ridge; forecasts within reach of the data stand, these parameters mean nothing alone";
}

void require_priors(std::span<const std::string_view> names, const EstimateConfig& config) {
  if (config.iterations < 1) throw Error(ErrorCode::invalid_argument, "iterations", "is " + std::to_string(config.iterations), "at least 1");
  if (!config.priors.empty() && config.priors.size() != names.size())
    throw Error(ErrorCode::invalid_argument, "priors", "has " + std::to_string(config.priors.size()) + " priors", "none, or one for each of " + std::to_string(names.size()) + " parameters");
  for (std::size_t n = 0; n < config.priors.size(); ++n) {
    const auto& prior = config.priors[n];
    if (!(prior.median > 0) || !std::isfinite(prior.median)) throw Error(ErrorCode::invalid_argument, "priors[" + std::string(names[n]) + "].median", "is " + std::to_string(prior.median), "a finite number above 0");
    if (!(prior.factor > 1)) throw Error(ErrorCode::invalid_argument, "priors[" + std::string(names[n]) + "].factor", "is " + std::to_string(prior.factor), "above 1");
  }
}

}  // namespace

Derivatives sum_rows(const FitControl& control, std::size_t rows, int size, const std::function<void(std::size_t, std::size_t, Derivatives&)>& block) {
  std::vector<Derivatives> parts((rows + block_rows - 1) / block_rows, Derivatives(size));
  parallel_blocks(control.execution, rows, block_rows, [&](std::size_t begin, std::size_t end, std::size_t n) { block(begin, end, parts[n]); });
  Derivatives sum(size);
  for (const auto& part : parts) sum += part;
  return sum;
}

Estimate maximise(std::span<const std::string_view> names, const LogLikelihood& likelihood, const LogLikelihood& rough, std::span<const std::vector<double>> starts, const EstimateConfig& config,
                  const FitControl& control) {
  const auto begin = std::chrono::steady_clock::now();
  require_priors(names, config);
  const InLogs whole(likelihood, config), part(rough ? rough : likelihood, config);
  Climb best;
  bool any = false;
  int steps = 0;
  for (const auto& start : starts) {
    Vector at(static_cast<Eigen::Index>(start.size()));
    for (std::size_t n = 0; n < start.size(); ++n) at[static_cast<Eigen::Index>(n)] = std::clamp(std::log(start[n]), std::log(lowest), std::log(highest));
    const auto tried = climb(part, at, config.iterations, control);
    steps += tried.steps;
    // A later start must be better by more than roundings, so that the first of equal maxima stands.
    if (finite(tried.here) && (!any || tried.here.value > best.here.value + 1e-9 * std::fabs(best.here.value))) best = tried, any = true;
  }
  if (any && rough) {
    best = climb(whole, best.at, config.iterations, control);
    steps += best.steps;
    any = finite(best.here);
  }
  if (!any) throw Error(ErrorCode::numerical_failure, "fit", "the likelihood is not finite at any start");
  Estimate out;
  out.names.assign(names.begin(), names.end());
  read_off(best, out);
  out.log_likelihood = likelihood(out.values).value;
  out.report.epochs = steps;
  out.report.converged = best.converged;
  out.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return out;
}

CustomerTable part_of(const CustomerTable& table) {
  CustomerTable out;
  if (table.rows.size() <= 2 * race_rows) return out;
  const auto stride = table.rows.size() / race_rows;
  for (std::size_t n = stride / 2; n < table.rows.size(); n += stride) {
    out.rows.push_back(table.rows[n]);
    out.counts.push_back(table.counts[n]);
    out.total += table.counts[n];
  }
  return out;
}

}  // namespace pannier::clv
