#include "cf/ials_eigen.hpp"

#include <cmath>
#include <vector>

#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;

namespace {

/// The largest |A v - value v| and |V'V - I|.
double worst(const std::vector<double>& a, std::size_t n, const cf::Eigenbasis& found) {
  double out = 0;
  const auto at = [&](std::size_t i, std::size_t j) { return i >= j ? a[j * n + i] : a[i * n + j]; };
  for (std::size_t j = 0; j < n; ++j) {
    const double* const v = found.vectors.data() + j * n;
    for (std::size_t i = 0; i < n; ++i) {
      double sum = -found.values[j] * v[i], dot = i == j ? -1 : 0;
      for (std::size_t k = 0; k < n; ++k) sum += at(i, k) * v[k], dot += v[k] * found.vectors[i * n + k];
      out = std::max({out, std::abs(sum), std::abs(dot)});
    }
    if (j > 0 && found.values[j] < found.values[j - 1]) out = 1;
  }
  return out;
}

}  // namespace

TEST_CASE("ials_eigen: a matrix of two rows by hand", "[cf][ials]") {
  const auto found = cf::eigenbasis_of(std::vector<double>{2, 1, -77, 2}, 2, 2, {.threads = 1});
  REQUIRE_THAT(found.values[0], WithinAbs(1, 1e-14));
  REQUIRE_THAT(found.values[1], WithinAbs(3, 1e-14));
  REQUIRE_THAT(std::abs(found.vectors[2]), WithinAbs(std::sqrt(0.5), 1e-14));
  REQUIRE_THAT(found.vectors[2] - found.vectors[3], WithinAbs(0, 1e-14));
  REQUIRE(cf::eigenbasis_of(std::vector<double>{5}, 1, 1, {.threads = 1}).values == std::vector<double>{5});
}

TEST_CASE("ials_eigen: vectors are orthonormal and belong to their values, for any number of threads", "[cf][ials]") {
  for (const std::size_t n : {2u, 3u, 8u, 9u, 40u, 130u}) {
    std::vector<double> full(n * n), low(n * n, 0.0);
    for (std::size_t j = 0; j < n; ++j) {
      Random random(3, n, j);
      for (std::size_t i = j; i < n; ++i) full[j * n + i] = random.normal();
    }
    // Rank 2 of n, and a diagonal with equal numbers.
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t i = j; i < n; ++i) low[j * n + i] = std::cos(static_cast<double>(i)) * std::cos(static_cast<double>(j)) + 1;
    std::vector<double> equal(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) equal[i * n + i] = 4;
    for (const auto* matrix : {&full, &low, &equal}) {
      const auto one = cf::eigenbasis_of(*matrix, n, n, {.threads = 1}), three = cf::eigenbasis_of(*matrix, n, n, {.threads = 3});
      INFO("size " << n);
      REQUIRE(worst(*matrix, n, one) < 1e-12 * static_cast<double>(n));
      REQUIRE(one.values == three.values);
      REQUIRE(one.vectors == three.vectors);
    }
  }
  REQUIRE(cf::eigenbasis_of(std::vector<double>(9, 0.0), 3, 3, {.threads = 1}).values == std::vector<double>(3, 0.0));
}
