/// Customer lifetime value: expected purchases, discounted by a rate whose period is named, times what a purchase is worth.
#pragma once

#include <functional>

namespace pannier::clv {

/// How the future is weighed. There is no default: a yearly rate taken for a weekly one is the usual mistake.
struct Discount {
  double rate;     ///< Interest of one `period`: .1 for 10 percent. At least 0.
  double period;   ///< The length of that period in the unit of the customers: 52.18 for a yearly rate where they are in weeks, 1 for a weekly one. Above 0.
};

/// Purchases until `horizon`, each weighed by (1 + rate)^-(time / period): the integral of the discount against `expected`, by parts, with Gauss's rule on pieces that grow with the
/// distance, so that it is smooth near 0 and far.
///
/// `expected(t)` gives the purchases expected until t: 0 at 0, not falling, finite. Any model's.
/// Units:   `horizon` as the customers'; the result is in purchases.
/// Cost:    16 evaluations of `expected` a piece, some 4 + log2(horizon / step) pieces, where the step is the shorter of a hundredth of the horizon and of half the time in which the discount halves.
/// Errors:  invalid_argument (a rate below 0, a period not above 0, a horizon below 0, or not finite), and what `expected` throws.
/// Source:  Fader, Hardie & Lee 2005, RFM and CLV (discounted expected transactions), over a finite horizon. Peers take whole months and discount each at its end; where that is wanted, sum
///          expected(k) - expected(k - 1) over them.
[[nodiscard]] double discounted_purchases(const std::function<double(double)>& expected, double horizon, const Discount& discount);

/// Value until `horizon`: discounted_purchases() times the expected spend of a purchase, times the margin.
/// Units:  that of `spend`; `margin` is the share of the spend that is earned, 0 to 1.
/// Errors: invalid_argument (spend negative or not finite, margin out of range) and those of discounted_purchases().
[[nodiscard]] double lifetime_value(const std::function<double(double)>& expected, double spend, double margin, double horizon, const Discount& discount);

}  // namespace pannier::clv
