#include "clv/rising.hpp"

#include <cmath>

#include "clv/special.hpp"

namespace pannier::clv {
namespace {
constexpr double added_up = 4096;  ///< Up to here terms are added, which also is exact where c is large; from here on gammas are subtracted.

Rise by_gammas(double c, double n) noexcept { return {log_gamma(c + n) - log_gamma(c), digamma(c + n) - digamma(c), trigamma(c + n) - trigamma(c)}; }

void add(Rise& sum, double c) noexcept {
  sum.log += std::log(c);
  sum.first += 1 / c;
  sum.second -= 1 / (c * c);
}
}  // namespace

std::vector<Rise> rises(double c, std::span<const double> counts, int shift) {
  std::vector<Rise> out;
  out.reserve(counts.size());
  Rise sum;
  double done = 0;
  for (const double count : counts) {
    const double n = count + shift;
    if (n > added_up) {
      out.push_back(by_gammas(c, n));
      continue;
    }
    for (; done < n; ++done) add(sum, c + done);
    out.push_back(sum);
  }
  return out;
}

Rise rise(double c, double count) noexcept {
  if (count > 64) return by_gammas(c, count);
  Rise sum;
  for (double n = 0; n < count; ++n) add(sum, c + n);
  return sum;
}

Frequencies::Frequencies(const CustomerTable& table) {
  for (std::size_t n = 0; n < table.rows.size(); ++n) {
    if (values.empty() || values.back() != table.rows[n].frequency) values.push_back(table.rows[n].frequency), customers.push_back(0);
    customers.back() += table.counts[n];
  }
}

}  // namespace pannier::clv
