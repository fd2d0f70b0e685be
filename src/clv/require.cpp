#include "clv/require.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <tuple>

#include "pannier/core/error.hpp"

namespace pannier::clv {
namespace {
std::string text(double number) {
  std::ostringstream out;
  out << number;
  return out.str();
}
}  // namespace

void require_parameters(std::span<const std::string_view> names, std::span<const double> values) {
  for (std::size_t n = 0; n < names.size(); ++n)
    if (!(values[n] >= 1e-12 && values[n] <= 1e12)) throw Error(ErrorCode::invalid_argument, std::string(names[n]), "is " + text(values[n]), "1e-12 to 1e12");
}

void require_horizon(std::string_view name, double horizon) {
  if (!(horizon >= 0) || !std::isfinite(horizon)) throw Error(ErrorCode::invalid_argument, std::string(name), "is " + text(horizon), "a finite time of at least 0");
}

void require_rows(const CustomerTable& customers) {
  if (customers.rows.empty() || customers.rows.size() != customers.counts.size()) throw Error(ErrorCode::invalid_argument, "customers", "has " + std::to_string(customers.rows.size()) + " rows and " + std::to_string(customers.counts.size()) + " counts", "at least one of each, as merge_customers() gives them");
  const auto key = [](const Customer& c) { return std::tuple(c.frequency, c.recency, c.age); };
  for (std::size_t n = 0; n < customers.rows.size(); ++n) {
    require_valid(customers.rows[n]);
    if (!(customers.counts[n] > 0) || !std::isfinite(customers.counts[n])) throw Error(ErrorCode::invalid_argument, "customers.counts[" + std::to_string(n) + "]", "is " + text(customers.counts[n]), "a finite number above 0");
    if (n > 0 && !(key(customers.rows[n - 1]) < key(customers.rows[n]))) throw Error(ErrorCode::invalid_argument, "customers.rows[" + std::to_string(n) + "]", "is out of order", "ascending distinct rows, as merge_customers() gives them");
  }
}

void require_gradient(std::span<const double> gradient, std::size_t size) {
  if (!gradient.empty() && gradient.size() != size) throw Error(ErrorCode::invalid_argument, "gradient", "has " + std::to_string(gradient.size()) + " places", "none or " + std::to_string(size));
}

double mean_pace(const CustomerTable& customers) {
  double purchases = 0.5, time = 0;
  for (std::size_t n = 0; n < customers.rows.size(); ++n) {
    purchases += customers.counts[n] * customers.rows[n].frequency;
    time += customers.counts[n] * customers.rows[n].age;
  }
  return purchases / std::max(time, 1e-9);
}

}  // namespace pannier::clv
