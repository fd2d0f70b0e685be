/// What the models of lifetime value know of a customer: how often they came back, when last, for how long they were watched.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pannier::clv {

/// One customer's purchases up to the end of calibration. The first purchase is time 0 and is not counted.
/// Units: `recency` and `age` share one unit of time, which is also that of the parameters fitted on them (weeks in the literature: days / 7).
struct Customer {
  double frequency = 0;  ///< x, repeat purchases: a whole number of occasions (days, where orders of one day count once).
  double recency = 0;    ///< t_x, from the first purchase to the last; 0 exactly where frequency is 0.
  double age = 0;        ///< T, from the first purchase to the end of calibration; at least `recency`.
  bool operator==(const Customer&) const = default;
};

/// Distinct customers with how many there are of each, in ascending order of frequency, recency and age.
struct CustomerTable {
  std::vector<Customer> rows;
  std::vector<double> counts;             ///< One a row, above zero.
  std::vector<std::uint32_t> row_of;      ///< The row of each customer given, in the order given.
  double total = 0;                       ///< The sum of counts.
};

struct CustomerRules {
  /// Keeps customers whose age is 0: they bought for the first time at the very end, and say nothing of the parameters (their likelihood is 1). Else they are refused.
  bool allow_new = false;
};

/// Checks customers and merges equal ones.
///
/// Shapes:  frequency, recency and age have one length; counts the same, or none where each customer counts once.
/// Cost:    O(n) and the sort of the distinct rows; 4 bytes a customer are kept.
/// Repeats: rows and their order do not depend on the order of the customers; nor do the counts while they are whole numbers below 2^53.
/// Errors:  invalid_argument naming the array and the 0-based position: a number that is not finite, a frequency that is not whole, negative or above 1e9, a recency above the age
///          or negative, a recency of 0 with repeats or above 0 without, an age of 0 (unless allowed), a count that is not above zero; no customers; lengths that differ.
[[nodiscard]] CustomerTable merge_customers(std::span<const double> frequency, std::span<const double> recency, std::span<const double> age, std::span<const double> counts = {}, CustomerRules rules = {});

/// Refuses one customer as merge_customers() does; the message says customer.frequency and so on. An age of 0 is allowed: such a customer can be scored.
void require_valid(const Customer& customer);

/// What distinct customers spent: how many purchases an average is over.
struct SpendTable {
  std::vector<double> purchases;          ///< The number of purchases averaged, above zero, whole.
  std::vector<double> averages;           ///< Money a purchase, above zero.
  std::vector<double> counts;
  double total = 0;
};

/// Checks and merges what customers spent. Customers without purchases (0, with an average of 0 or none to speak of) are left out: they say nothing of spend.
///
/// Shapes: purchases and averages have one length; counts the same or none.
/// Units:  averages in one currency.
/// Errors: invalid_argument naming the array and position: numbers that are not finite, negative spend, no spend with purchases, purchases that are not whole; lengths that differ;
///         nobody with purchases.
[[nodiscard]] SpendTable merge_spend(std::span<const double> purchases, std::span<const double> averages, std::span<const double> counts = {});

}  // namespace pannier::clv
