/// Means over a beta distributed probability p and gamma distributed rates: what the models of the BG kind expect.
#pragma once

namespace pannier::clv {

/// E[(1 - (1 + p t / alpha)^-r) / p] for p of the beta distribution (a, b): the purchases until `t` of a customer alive, whose rate is of the gamma distribution (r, alpha).
///
/// (C (1 - (1-z)^e) / e) - (1-z)^e A z sum_m (A+1)_m (a)_m z^m / ((C+1)_m (m+1)!),  with z = t / (alpha + t), e = a - 1, C = a + b - 1, A = C - r: the published form with its factor
/// 2F1(C - r, a - 1; C; z) rid of the divisions by e and by C, so that a = 1 and a + b = 1 are nothing special. Where the sum cancels or is slow it is beta_mean_by_nodes().
[[nodiscard]] double mean_purchases(double a, double b, double r, double alpha, double t) noexcept;

/// The same by the trapezoid rule in the logarithm of the odds of p, stretched doubly exponentially: positive terms only, for any parameters.
[[nodiscard]] double mean_purchases_by_nodes(double a, double b, double r, double alpha, double t) noexcept;

/// E[(1 + p t / alpha)^-r]: the probability that who is alive still is after `t`. By nodes.
[[nodiscard]] double mean_survival(double a, double b, double r, double alpha, double t) noexcept;

}  // namespace pannier::clv
