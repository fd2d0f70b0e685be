/// What all models refuse alike.
#pragma once

#include <span>
#include <string_view>

#include "pannier/clv/customers.hpp"

namespace pannier::clv {

/// Errors: invalid_argument naming the parameter, unless each is in 1e-12 ... 1e12.
void require_parameters(std::span<const std::string_view> names, std::span<const double> values);
void require_horizon(std::string_view name, double horizon);
/// A table with rows, as merge_customers() gives it: rows checked one by one and in order, so that a table made by hand cannot give NaN.
void require_rows(const CustomerTable& customers);
/// `gradient` has `size` places or none.
void require_gradient(std::span<const double> gradient, std::size_t size);
/// Repeat purchases a unit of time over all customers, not 0.
[[nodiscard]] double mean_pace(const CustomerTable& customers);

}  // namespace pannier::clv
