#include "pannier/clv/customers.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string>
#include <tuple>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"

namespace pannier::clv {
namespace {

constexpr double most_purchases = 1e9;
constexpr std::size_t most_customers = 0xFFFFFFFEu;

std::string text(double number) {
  if (std::isnan(number)) return "NaN";
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  return {buffer.data(), end};
}

/// Where a number stands: "recency[12]" in an array, "customer.recency" alone.
struct Place {
  const char* array;
  std::size_t position;
  bool alone = false;
  [[nodiscard]] std::string text() const { return alone ? "customer." + std::string(array) : std::string(array) + "[" + std::to_string(position) + "]"; }
};

[[noreturn]] void refuse(const Place& place, const std::string& problem, const char* allowed) { throw Error(ErrorCode::invalid_argument, place.text(), problem, allowed); }

void require_whole(const Place& place, double number) {
  if (!(number >= 0 && number <= most_purchases) || number != std::floor(number)) refuse(place, "is " + text(number), "a whole number from 0 to 1e9");
}

void require_time(const Place& place, double number) {
  if (!(number >= 0) || !std::isfinite(number)) refuse(place, "is " + text(number), "a finite time of at least 0");
}

void require_customer(const Customer& c, std::size_t n, bool alone, bool allow_new) {
  require_whole({"frequency", n, alone}, c.frequency);
  require_time({"recency", n, alone}, c.recency);
  require_time({"age", n, alone}, c.age);
  if (c.recency > c.age) refuse({"recency", n, alone}, "is " + text(c.recency) + ", after the end of calibration at age " + text(c.age), "at most the age");
  if (c.frequency > 0 && c.recency == 0) refuse({"recency", n, alone}, "is 0 with a frequency of " + text(c.frequency), "above 0 where there are repeat purchases (those of the first day count as the first)");
  if (c.frequency == 0 && c.recency > 0) refuse({"recency", n, alone}, "is " + text(c.recency) + " with a frequency of 0", "0 where there are no repeat purchases");
  if (c.age == 0 && !allow_new) refuse({"age", n, alone}, "is 0", "above 0 (leave out who first bought at the very end of calibration, or set allow_new)");
}

void require_lengths(const char* first, std::size_t expected, const char* name, std::size_t length) {
  if (length != expected) throw Error(ErrorCode::invalid_argument, name, "has " + std::to_string(length) + " numbers", std::string("as many as ") + first + ", " + std::to_string(expected));
}

double count_of(std::span<const double> counts, std::size_t n) {
  if (counts.empty()) return 1;
  if (!(counts[n] > 0) || !std::isfinite(counts[n])) refuse({"counts", n}, "is " + text(counts[n]), "a finite number above 0");
  return counts[n];
}

std::uint64_t hash(const Customer& c) noexcept {
  return mix64(mix64(mix64(std::bit_cast<std::uint64_t>(c.frequency)) ^ std::bit_cast<std::uint64_t>(c.recency)) ^ std::bit_cast<std::uint64_t>(c.age));
}

/// Merges equal rows by a table of positions with open addressing, then orders the distinct ones.
class Merger {
 public:
  explicit Merger(std::size_t expected) { table_.resize(std::bit_ceil(std::max<std::size_t>(64, std::min<std::size_t>(expected, 1u << 16) * 2)), empty); }

  void add(const Customer& given, double count) {
    const Customer customer{given.frequency + 0.0, given.recency + 0.0, given.age + 0.0};  // -0 is 0.
    if (2 * rows_.size() >= table_.size()) grow();
    auto at = hash(customer) & (table_.size() - 1);
    while (table_[at] != empty && rows_[table_[at]] != customer) at = (at + 1) & (table_.size() - 1);
    if (table_[at] == empty) {
      table_[at] = static_cast<std::uint32_t>(rows_.size());
      rows_.push_back(customer);
      counts_.push_back(0);
    }
    counts_[table_[at]] += count;
    row_of_.push_back(table_[at]);
  }

  CustomerTable take() {
    std::vector<std::uint32_t> order(rows_.size()), rank(rows_.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::sort(order, {}, [&](std::uint32_t n) { return std::tuple(rows_[n].frequency, rows_[n].recency, rows_[n].age); });
    CustomerTable out;
    out.rows.reserve(rows_.size());
    out.counts.reserve(rows_.size());
    for (std::uint32_t n = 0; n < order.size(); ++n) {
      rank[order[n]] = n;
      out.rows.push_back(rows_[order[n]]);
      out.counts.push_back(counts_[order[n]]);
      out.total += counts_[order[n]];
    }
    for (auto& row : row_of_) row = rank[row];
    out.row_of = std::move(row_of_);
    return out;
  }

 private:
  static constexpr std::uint32_t empty = 0xFFFFFFFFu;

  void grow() {
    std::vector<std::uint32_t> larger(table_.size() * 2, empty);
    for (std::uint32_t n = 0; n < rows_.size(); ++n) {
      auto at = hash(rows_[n]) & (larger.size() - 1);
      while (larger[at] != empty) at = (at + 1) & (larger.size() - 1);
      larger[at] = n;
    }
    table_.swap(larger);
  }

  std::vector<std::uint32_t> table_, row_of_;
  std::vector<Customer> rows_;
  std::vector<double> counts_;
};

}  // namespace

CustomerTable merge_customers(std::span<const double> frequency, std::span<const double> recency, std::span<const double> age, std::span<const double> counts, CustomerRules rules) {
  if (frequency.empty()) throw Error(ErrorCode::invalid_argument, "frequency", "has no customers", "at least one");
  require_lengths("frequency", frequency.size(), "recency", recency.size());
  require_lengths("frequency", frequency.size(), "age", age.size());
  if (!counts.empty()) require_lengths("frequency", frequency.size(), "counts", counts.size());
  if (frequency.size() > most_customers) throw Error(ErrorCode::invalid_argument, "frequency", "has " + std::to_string(frequency.size()) + " customers", "at most 4294967294");
  Merger merger(frequency.size());
  for (std::size_t n = 0; n < frequency.size(); ++n) {
    const Customer customer{frequency[n], recency[n], age[n]};
    require_customer(customer, n, false, rules.allow_new);
    merger.add(customer, count_of(counts, n));
  }
  return merger.take();
}

void require_valid(const Customer& customer) { require_customer(customer, 0, true, true); }

SpendTable merge_spend(std::span<const double> purchases, std::span<const double> averages, std::span<const double> counts) {
  require_lengths("purchases", purchases.size(), "averages", averages.size());
  if (!counts.empty()) require_lengths("purchases", purchases.size(), "counts", counts.size());
  if (purchases.size() > most_customers) throw Error(ErrorCode::invalid_argument, "purchases", "has " + std::to_string(purchases.size()) + " customers", "at most 4294967294");
  Merger merger(purchases.size());
  bool any = false;
  for (std::size_t n = 0; n < purchases.size(); ++n) {
    require_whole({"purchases", n}, purchases[n]);
    const double count = count_of(counts, n);
    if (!(averages[n] >= 0) || !std::isfinite(averages[n])) refuse({"averages", n}, "is " + text(averages[n]), "a finite amount of at least 0 (settle refunds first)");
    if (purchases[n] == 0) continue;
    if (averages[n] == 0) refuse({"averages", n}, "is 0 with " + text(purchases[n]) + " purchases", "above 0 where there are purchases (leave out who got everything for nothing)");
    merger.add({purchases[n], averages[n], 0}, count);
    any = true;
  }
  if (!any) throw Error(ErrorCode::invalid_argument, "purchases", "has nobody with purchases", "at least one customer with a purchase");
  auto merged = merger.take();
  SpendTable out;
  for (const auto& row : merged.rows) {
    out.purchases.push_back(row.frequency);
    out.averages.push_back(row.recency);
  }
  out.counts = std::move(merged.counts);
  out.total = merged.total;
  return out;
}

}  // namespace pannier::clv
