#include "pannier/clv/customers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;
using clv::merge_customers;
using clv::merge_spend;
using Numbers = std::vector<double>;

TEST_CASE("customers: equal rows are merged with their counts, in order, and each customer finds its row", "[clv][customers]") {
  const Numbers x{2, 0, 2, 1, 0}, t{5, 0, 5, 3, -0.0}, age{9, 4, 9, 9, 4};
  const auto table = merge_customers(x, t, age);
  REQUIRE(table.rows == std::vector<clv::Customer>{{0, 0, 4}, {1, 3, 9}, {2, 5, 9}});
  REQUIRE(table.counts == Numbers{2, 1, 2});
  REQUIRE(table.row_of == std::vector<std::uint32_t>{2, 0, 2, 1, 0});
  REQUIRE(table.total == 5);
  const auto weighed = merge_customers(x, t, age, Numbers{1, 2, 3, 4, 0.5});
  REQUIRE(weighed.counts == Numbers{2.5, 4, 4});
}

TEST_CASE("customers: many rows in any order give the same table", "[clv][customers]") {
  constexpr std::size_t n = 20000;
  Numbers x(n), t(n), age(n);
  Random random(5);
  for (std::size_t i = 0; i < n; ++i) {
    age[i] = static_cast<double>(1 + random.below(40));
    x[i] = static_cast<double>(random.below(4));
    t[i] = x[i] == 0 ? 0 : static_cast<double>(1 + random.below(static_cast<std::uint64_t>(age[i])));
  }
  const auto table = merge_customers(x, t, age);
  REQUIRE(table.rows.size() > 1000);
  REQUIRE(table.total == n);
  for (std::size_t i = 0; i < n; ++i) REQUIRE(table.rows[table.row_of[i]] == clv::Customer{x[i], t[i], age[i]});
  auto reversed = [](Numbers v) { std::ranges::reverse(v); return v; };
  const auto back = merge_customers(reversed(x), reversed(t), reversed(age));
  REQUIRE(back.rows == table.rows);
  REQUIRE(back.counts == table.counts);
}

TEST_CASE("customers: what no customer can be is refused by name and place", "[clv][customers]") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  const auto refused = [](Numbers x, Numbers t, Numbers age, const char* where, const char* what) {
    x.insert(x.begin(), 1), t.insert(t.begin(), 2), age.insert(age.begin(), 3);
    try {
      (void)merge_customers(x, t, age);
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::invalid_argument);
      REQUIRE(error.where() == where);
      REQUIRE_THAT(error.problem(), Contains(what));
      REQUIRE_FALSE(error.allowed().empty());
      return;
    }
    FAIL("not refused: " << where);
  };
  refused({2}, {12.5}, {10}, "recency[1]", "is 12.5, after the end of calibration at age 10");
  refused({2}, {0}, {10}, "recency[1]", "is 0 with a frequency of 2");
  refused({0}, {3}, {10}, "recency[1]", "is 3 with a frequency of 0");
  refused({0}, {0}, {0}, "age[1]", "is 0");
  refused({1.5}, {3}, {10}, "frequency[1]", "is 1.5");
  refused({-1}, {3}, {10}, "frequency[1]", "is -1");
  refused({nan}, {3}, {10}, "frequency[1]", "NaN");
  refused({1}, {nan}, {10}, "recency[1]", "NaN");
  refused({1}, {3}, {infinite}, "age[1]", "is inf");
  refused({1}, {-3}, {10}, "recency[1]", "is -3");
  refused({1e10}, {3}, {10}, "frequency[1]", "is 1e+10");
  REQUIRE_THROWS_WITH(merge_customers({}, {}, {}), Contains("has no customers"));
  REQUIRE_THROWS_WITH(merge_customers(Numbers{1}, Numbers{}, Numbers{3}), Contains("recency: has 0 numbers"));
  REQUIRE_THROWS_WITH(merge_customers(Numbers{1}, Numbers{2}, Numbers{3}, Numbers{0}), Contains("counts[0]: is 0"));
  REQUIRE_THROWS_WITH(merge_customers(Numbers{1}, Numbers{2}, Numbers{3}, Numbers{1, 1}), Contains("counts: has 2 numbers"));
}

TEST_CASE("customers: who bought first at the very end is kept where that is allowed, and can be scored", "[clv][customers]") {
  REQUIRE(merge_customers(Numbers{0}, Numbers{0}, Numbers{0}, {}, {.allow_new = true}).rows.front() == clv::Customer{});
  REQUIRE_NOTHROW(clv::require_valid(clv::Customer{}));
  REQUIRE_THROWS_WITH(clv::require_valid({1, 3, 2}), Contains("customer.recency: is 3"));
}

TEST_CASE("customers: spend of those without purchases is left out, negative and missing spend is refused", "[clv][customers]") {
  const auto table = merge_spend(Numbers{2, 0, 1, 2}, Numbers{10, 0, 5, 10});
  REQUIRE(table.purchases == Numbers{1, 2});
  REQUIRE(table.averages == Numbers{5, 10});
  REQUIRE(table.counts == Numbers{1, 2});
  REQUIRE_THROWS_WITH(merge_spend(Numbers{1}, Numbers{-5}), Contains("averages[0]: is -5"));
  REQUIRE_THROWS_WITH(merge_spend(Numbers{1}, Numbers{0}), Contains("averages[0]: is 0 with 1 purchases"));
  REQUIRE_THROWS_WITH(merge_spend(Numbers{1}, Numbers{std::nan("")}), Contains("averages[0]: is NaN"));
  REQUIRE_THROWS_WITH(merge_spend(Numbers{0.5}, Numbers{1}), Contains("purchases[0]: is 0.5"));
  REQUIRE_THROWS_WITH(merge_spend(Numbers{0}, Numbers{0}), Contains("nobody with purchases"));
}
