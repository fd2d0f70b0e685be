#pragma once

/// Small matrices with a shape that tests know.

#include <cstdint>
#include <utility>

#include "pannier/core/matrix.hpp"
#include "pannier/core/random.hpp"

namespace pannier::synth {

/// Builds a CSR cell by cell, rows and columns ascending.
class CsrBuilder {
 public:
  explicit CsrBuilder(std::size_t cols) { csr_.cols = cols; }
  CsrBuilder& cell(std::uint32_t column, float value = 1) {
    csr_.columns.push_back(column);
    csr_.values.push_back(value);
    return *this;
  }
  CsrBuilder& end_row() {
    csr_.offsets.push_back(static_cast<std::int64_t>(csr_.columns.size()));
    ++csr_.rows;
    return *this;
  }
  [[nodiscard]] Csr take() { return std::move(csr_); }

 private:
  Csr csr_;
};

/// 4 people x 5 items, weights 1; item 4 is nobody's.
///     0: 0 1      1: 0 1 2      2: 1 3      3: 0
inline Csr tiny() { return {4, 5, {0, 2, 5, 7, 8}, {0, 1, 0, 1, 2, 1, 3, 0}, {1, 1, 1, 1, 1, 1, 1, 1}}; }

/// size x size: person u has the items of their parity, except item u, which is what they should be shown next.
inline Csr checkerboard(std::uint32_t size) {
  CsrBuilder out(size);
  for (std::uint32_t u = 0; u < size; ++u) {
    for (std::uint32_t i = u % 2; i < size; i += 2)
      if (i != u) out.cell(i);
    out.end_row();
  }
  return out.take();
}

struct TasteGroups {
  std::uint32_t users = 100, items = 60;
  std::uint64_t seed = 1;
  bool weighted = false;  ///< Weights of 0.5 .. 3 in halves instead of 1.
};

/// Two groups of people, by parity, and of items, by parity: within a group popular (low) items are had by most, the other
/// group's by few. The last three items are had by nobody and by everybody, and the last but two copies the last but three.
inline Csr two_taste_groups(const TasteGroups& shape) {
  CsrBuilder out(shape.items);
  for (std::uint32_t u = 0; u < shape.users; ++u) {
    bool before = false;
    float before_weight = 1;
    for (std::uint32_t i = 0; i < shape.items; ++i) {
      Random random(shape.seed, u, i);
      const double own = 0.6 / (1 + 4.0 * i / shape.items), other = 0.05;
      const auto weight = shape.weighted ? static_cast<float>(1 + random.below(6)) / 2 : 1.0f;
      bool has = random.uniform() < (i % 2 == u % 2 ? own : other);
      if (shape.items >= 8) {
        if (i + 3 == shape.items) has = before;
        if (i + 2 == shape.items) has = false;
        if (i + 1 == shape.items) has = true;
      }
      if (has) out.cell(i, i + 3 == shape.items ? before_weight : weight);
      before = has;
      before_weight = weight;
    }
    out.end_row();
  }
  return out.take();
}

}  // namespace pannier::synth
