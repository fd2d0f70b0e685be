/// Matrices of a given shape: taste clusters x Zipf popularity, log-normal degrees. Deterministic.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "pannier/core/matrix.hpp"
#include "pannier/core/random.hpp"

namespace pannier::bench {

struct Shape {
  const char* name;
  std::size_t users, items, events;
  double spread;   ///< Sigma of the log-normal number of events a user.
};
inline constexpr Shape small{"small", 300, 200, 3'000, 0.8};
inline constexpr Shape ml1{"ml1", 6'040, 3'706, 910'000, 1.0};
inline constexpr Shape shop{"shop", 100'000, 20'000, 936'000, 0.8};
inline constexpr Shape ml20{"ml20", 138'493, 26'744, 10'350'000, 1.1};
inline constexpr Shape large_shop{"large_shop", 500'000, 100'000, 4'680'000, 0.8};

inline Csr matrix(const Shape& shape) {
  constexpr std::size_t clusters = 40;
  std::vector<std::vector<double>> tables(clusters, std::vector<double>(shape.items));
  std::vector<std::size_t> home(shape.items);
  for (std::size_t i = 0; i < shape.items; ++i) home[i] = Random(1, 1, i).below(clusters);
  for (std::size_t c = 0; c < clusters; ++c) {
    double sum = 0;
    for (std::size_t i = 0; i < shape.items; ++i)
      tables[c][i] = sum += std::pow(static_cast<double>(i + 1), -0.8) * (home[i] == c ? 20.0 : 1.0);
  }
  std::vector<double> degrees(shape.users);
  double sum = 0;
  for (std::size_t u = 0; u < shape.users; ++u) sum += degrees[u] = std::exp(shape.spread * Random(1, 2, u).normal());
  Csr csr;
  csr.rows = shape.users;
  csr.cols = shape.items;
  std::vector<std::uint32_t> row;
  for (std::size_t u = 0; u < shape.users; ++u) {
    Random random(1, 3, u);
    const auto& table = tables[random.below(clusters)];
    const auto wanted = std::max<std::size_t>(1, static_cast<std::size_t>(degrees[u] * static_cast<double>(shape.events) / sum));
    row.clear();
    for (std::size_t k = 0; k < wanted; ++k)
      row.push_back(static_cast<std::uint32_t>(std::upper_bound(table.begin(), table.end() - 1, random.uniform() * table.back()) - table.begin()));
    std::sort(row.begin(), row.end());
    row.erase(std::unique(row.begin(), row.end()), row.end());
    csr.columns.insert(csr.columns.end(), row.begin(), row.end());
    csr.offsets.push_back(static_cast<std::int64_t>(csr.columns.size()));
  }
  csr.values.assign(csr.columns.size(), 1.0f);
  return csr;
}

}  // namespace pannier::bench
