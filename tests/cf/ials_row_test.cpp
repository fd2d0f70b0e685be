#include "cf/ials_row.hpp"

#include <cmath>
#include <vector>

#include "cf/ials_oracle.hpp"
#include "cf/ials_scratch.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;

namespace {

/// A random row with a linear term; the last `subtracted` events are light enough to leave the matrix positive.
struct Case {
  std::size_t factors, width;
  Matrix vectors;
  std::vector<std::uint32_t> items;
  std::vector<float> weights, shared, linear;
  std::vector<double> shared_double, linear_double;
  std::size_t subtracted;
  double ridge = 0.7;

  Case(std::size_t k, std::size_t count, std::size_t less) : factors(k), width(cf::round_up(k, 16)), vectors(400, k), subtracted(less) {
    Random random(23, k, count);
    for (std::size_t r = 0; r < 400; ++r)
      for (float& y : vectors.row(r)) y = static_cast<float>(0.3 * random.normal());
    for (std::size_t i = 0; i < count; ++i) {
      items.push_back(static_cast<std::uint32_t>(random.below(400)));
      weights.push_back(i + less >= count ? 0.01f : static_cast<float>(1 + random.below(4)));
    }
    shared.assign(width, 1.0f);
    linear.assign(width, 0.0f);
    linear_double.assign(width, 0.0);
    for (std::size_t i = 0; i < k; ++i) {
      shared_double.push_back(0.5 + static_cast<double>(i % 9));
      shared[i] = static_cast<float>(shared_double[i]);
      linear[i] = static_cast<float>(2 * random.normal());
      linear_double[i] = static_cast<double>(linear[i]);
    }
  }

  template <class Number>
  cf::IalsRow<Number> row() const {
    if constexpr (std::is_same_v<Number, float>) return {vectors.data(), vectors.stride(), factors, shared.data(), ridge, items, weights, linear.data(), subtracted};
    else return {vectors.data(), vectors.stride(), factors, shared_double.data(), ridge, items, weights, linear_double.data(), subtracted};
  }

  ials_oracle::Dense matrix() const {
    ials_oracle::Dense a(factors, std::vector<double>(factors));
    for (std::size_t k = 0; k < factors; ++k) a[k][k] = shared_double[k] + ridge;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const double w = static_cast<double>(weights[i]) * (i + subtracted >= items.size() ? -1 : 1);
      const auto y = vectors.row(items[i]);
      for (std::size_t k = 0; k < factors; ++k)
        for (std::size_t l = 0; l < factors; ++l) a[k][l] += w * static_cast<double>(y[k]) * static_cast<double>(y[l]);
    }
    return a;
  }
  std::vector<double> right() const {
    std::vector<double> b(linear_double.begin(), linear_double.begin() + static_cast<std::ptrdiff_t>(factors));
    for (std::size_t i = 0; i + subtracted < items.size(); ++i)
      for (std::size_t k = 0; k < factors; ++k) b[k] += static_cast<double>(weights[i]) * static_cast<double>(vectors.row(items[i])[k]);
    return b;
  }
  /// The minimum of the row's terms.
  double least(const std::vector<double>& answer) const {
    double sum = 0;
    for (std::size_t i = 0; i + subtracted < items.size(); ++i) sum += static_cast<double>(weights[i]);
    const auto b = right();
    for (std::size_t k = 0; k < factors; ++k) sum -= b[k] * answer[k];
    return sum;
  }
};

}  // namespace

TEST_CASE("ials rows: every solver comes to the dense answer of a row with a linear term", "[cf][ials]") {
  for (const std::size_t factors : {1u, 16u, 23u, 64u, 130u})
    for (const std::size_t count : {0u, 1u, 7u, 16u, 33u, 150u, 300u}) {
      INFO("factors " << factors << ", events " << count);
      const Case made(factors, count, 0);
      const auto expected = ials_oracle::solve(made.matrix(), made.right());
      const double least = made.least(expected);
      std::vector<double> scratch, answer(factors);
      double told = 0;
      REQUIRE(cf::ials_fixed::solve(made.row<double>(), cf::aligned_scratch(scratch, cf::ials_scratch_size<double>(count, factors)), answer.data(), told));
      REQUIRE_THAT(told, WithinRel(least, 1e-9) || WithinAbs(least, 1e-9));
      for (std::size_t k = 0; k < factors; ++k) REQUIRE_THAT(answer[k], WithinAbs(expected[k], 1e-10));

      std::vector<float> buffer, direct(factors), spread(made.width, 0.0f);
      for (std::size_t k = 0; k < factors; ++k) spread[k] = 0.09f;
      REQUIRE(cf::ials_fast::solve(made.row<float>(), cf::aligned_scratch(buffer, cf::ials_scratch_size<float>(count, factors)), direct.data(), told));
      for (std::size_t k = 0; k < factors; ++k) REQUIRE_THAT(static_cast<double>(direct[k]), WithinAbs(expected[k], 1e-4));
      // Float: the loss is a difference of terms of up to the events' weight and |h|²/E.
      REQUIRE_THAT(told, WithinAbs(least, 1e-3 * (1 + static_cast<double>(factors + count) / 100)));

      std::vector<float> x(made.width, 0.0f);
      REQUIRE(cf::ials_fast::solve_cg(made.row<float>(), spread.data(), 60, cf::aligned_scratch(buffer, cf::ials_fast::ials_cg_scratch_size(factors)), x.data(), told));
      for (std::size_t k = 0; k < factors; ++k) REQUIRE_THAT(static_cast<double>(x[k]), WithinAbs(expected[k], 2e-3));
      REQUIRE_THAT(told, WithinAbs(least, 1e-2));

      std::ranges::fill(x, 0.0f);
      for (int sweep = 0; sweep < 300; ++sweep)
        REQUIRE(cf::ials_fast::solve_subspace(made.row<float>(), cf::aligned_scratch(buffer, cf::ials_fast::ials_subspace_scratch_size(count, factors)), x.data(), told));
      for (std::size_t k = 0; k < factors; ++k) REQUIRE_THAT(static_cast<double>(x[k]), WithinAbs(expected[k], 2e-3));
      REQUIRE_THAT(told, WithinAbs(least, 1e-2));
    }
}

TEST_CASE("ials rows: subtracted events are solved in double, and by no float solver", "[cf][ials]") {
  for (const std::size_t factors : {1u, 16u, 40u})
    for (const std::size_t count : {2u, 20u, 140u, 300u})
      for (const std::size_t less : {std::size_t{1}, count / 2, count}) {
        INFO("factors " << factors << ", events " << count << ", subtracted " << less);
        const Case made(factors, count, less);
        const auto expected = ials_oracle::solve(made.matrix(), made.right());
        const double least = made.least(expected);
        std::vector<double> scratch, answer(factors);
        double told = 0;
        REQUIRE(cf::ials_fixed::solve(made.row<double>(), cf::aligned_scratch(scratch, cf::ials_scratch_size<double>(count, factors, true)), answer.data(), told));
        REQUIRE_THAT(told, WithinRel(least, 1e-9) || WithinAbs(least, 1e-9));
        for (std::size_t k = 0; k < factors; ++k) REQUIRE_THAT(answer[k], WithinAbs(expected[k], 1e-10));
        std::vector<float> buffer(16 * 1024 * 64), x(made.width), spread(made.width, 1.0f);
        REQUIRE_FALSE(cf::ials_fast::solve(made.row<float>(), buffer.data(), x.data(), told));
        REQUIRE_FALSE(cf::ials_fast::solve_cg(made.row<float>(), spread.data(), 2, buffer.data(), x.data(), told));
        REQUIRE_FALSE(cf::ials_fast::solve_subspace(made.row<float>(), buffer.data(), x.data(), told));
      }
}

TEST_CASE("ials rows: the inverse times a target, with and without subtracted events", "[cf][ials]") {
  for (const std::size_t less : {0u, 4u})
    for (const std::size_t factors : {1u, 16u, 40u})
      for (const std::size_t count : {4u, 20u, 140u}) {
        const Case made(factors, count, less);
        const auto target = made.vectors.row(399);
        std::vector<double> expected(factors);
        for (std::size_t k = 0; k < factors; ++k) expected[k] = static_cast<double>(target[k]);
        expected = ials_oracle::solve(made.matrix(), expected);
        std::vector<double> scratch, z(factors);
        double* const at = cf::aligned_scratch(scratch, cf::ials_scratch_size<double>(count, factors, less != 0));
        cf::ials_fixed::factorise_row(made.row<double>(), at);
        for (int again = 0; again < 2; ++again) {
          cf::ials_fixed::inverse_times(made.row<double>(), target.data(), at, z.data());
          for (std::size_t k = 0; k < factors; ++k) REQUIRE_THAT(z[k], WithinAbs(expected[k], 1e-11));
        }
      }
}
