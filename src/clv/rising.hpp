/// log(Gamma(c + n) / Gamma(c)) for whole n, with derivatives by c: what likelihoods of counts share among all customers of one frequency.
#pragma once

#include <span>
#include <vector>

#include "pannier/clv/customers.hpp"

namespace pannier::clv {

struct Rise {
  double log = 0, first = 0, second = 0;
};

/// At each of `counts`, which ascend; `shift` is added to each. Cost: O(min(largest count, 4096) + counts).
[[nodiscard]] std::vector<Rise> rises(double c, std::span<const double> counts, int shift = 0);
/// At one count.
[[nodiscard]] Rise rise(double c, double count) noexcept;

/// The distinct frequencies of a table, with how many customers have each. Rows of one frequency follow each other in a table.
struct Frequencies {
  std::vector<double> values, customers;
  explicit Frequencies(const CustomerTable& table);
};

}  // namespace pannier::clv
