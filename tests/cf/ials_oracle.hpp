#pragma once

/// The slow and obvious version of one row of iALS: dense normal equations in double, Gaussian elimination.

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "pannier/cf/ials.hpp"
#include "pannier/core/matrix.hpp"

namespace pannier::ials_oracle {

using Dense = std::vector<std::vector<double>>;

inline double ridge(const CsrView& events, std::size_t row, const cf::IalsConfig& config) {
  double mass = static_cast<double>(config.unobserved_weight) * static_cast<double>(events.cols);
  for (const float w : events.row_values(row)) mass += std::abs(static_cast<double>(w));
  return static_cast<double>(config.l2) * std::pow(mass, static_cast<double>(config.frequency_exponent));
}

/// What an event of weight w adds to its cell's a in the matrix, and to the right side.
inline double in_matrix(float w, const cf::IalsConfig& config) {
  if (w == 0) return 0;
  return config.loss == cf::IalsLoss::added ? static_cast<double>(w) : std::abs(static_cast<double>(w)) - static_cast<double>(config.unobserved_weight);
}
inline double on_the_right(float w) { return w > 0 ? static_cast<double>(w) : 0.0; }

/// a Y'Y + ridge I + H' W H.
inline Dense normal_matrix(const CsrView& events, std::size_t row, const MatrixView& y, const cf::IalsConfig& config) {
  Dense a(y.cols, std::vector<double>(y.cols));
  const auto add = [&](std::size_t i, double weight) {
    for (std::size_t k = 0; k < y.cols; ++k)
      for (std::size_t l = 0; l < y.cols; ++l) a[k][l] += weight * static_cast<double>(y.row(i)[k]) * static_cast<double>(y.row(i)[l]);
  };
  for (std::size_t i = 0; i < y.rows; ++i) add(i, static_cast<double>(config.unobserved_weight));
  const auto columns = events.row_columns(row);
  for (std::size_t n = 0; n < columns.size(); ++n) add(columns[n], in_matrix(events.row_values(row)[n], config));
  for (std::size_t k = 0; k < y.cols; ++k) a[k][k] += ridge(events, row, config);
  return a;
}

inline std::vector<double> right_side(const CsrView& events, std::size_t row, const MatrixView& y) {
  std::vector<double> b(y.cols);
  const auto columns = events.row_columns(row);
  for (std::size_t n = 0; n < columns.size(); ++n)
    for (std::size_t k = 0; k < y.cols; ++k) b[k] += on_the_right(events.row_values(row)[n]) * static_cast<double>(y.row(columns[n])[k]);
  return b;
}

/// Elimination with row pivoting.
inline std::vector<double> solve(Dense a, std::vector<double> b) {
  const std::size_t n = b.size();
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t best = k;
    for (std::size_t i = k + 1; i < n; ++i)
      if (std::abs(a[i][k]) > std::abs(a[best][k])) best = i;
    std::swap(a[k], a[best]);
    std::swap(b[k], b[best]);
    for (std::size_t i = k + 1; i < n; ++i) {
      const double x = a[i][k] / a[k][k];
      for (std::size_t j = k; j < n; ++j) a[i][j] -= x * a[k][j];
      b[i] -= x * b[k];
    }
  }
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) b[k] -= a[k][j] * b[j];
    b[k] /= a[k][k];
  }
  return b;
}

inline std::vector<double> solve_row(const CsrView& events, std::size_t row, const MatrixView& y, const cf::IalsConfig& config) {
  return solve(normal_matrix(events, row, y, config), right_side(events, row, y));
}

inline double score(const std::vector<double>& x, std::span<const float> y) {
  double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) sum += x[k] * static_cast<double>(y[k]);
  return sum;
}

/// |A x - b|, relative to the row's weight.
inline double gradient(const CsrView& events, std::size_t row, std::span<const float> x, const MatrixView& y, const cf::IalsConfig& config) {
  const auto a = normal_matrix(events, row, y, config);
  const auto b = right_side(events, row, y);
  double squares = 0, weight = 1;
  for (std::size_t k = 0; k < x.size(); ++k) {
    double difference = -b[k];
    for (std::size_t l = 0; l < x.size(); ++l) difference += a[k][l] * static_cast<double>(x[l]);
    squares += difference * difference;
  }
  for (const float w : events.row_values(row)) weight += std::abs(static_cast<double>(w));
  return std::sqrt(squares) / weight;
}

/// What item events[n] of the person gives to the score of `target`: w y_target' A^-1 y.
inline std::vector<double> shares(const CsrView& events, std::size_t row, std::span<const float> target, const MatrixView& y, const cf::IalsConfig& config) {
  std::vector<double> b(y.cols);
  for (std::size_t k = 0; k < y.cols; ++k) b[k] = static_cast<double>(target[k]);
  const auto g = solve(normal_matrix(events, row, y, config), b);
  std::vector<double> out;
  for (std::size_t n = 0; n < events.row_columns(row).size(); ++n)
    out.push_back(on_the_right(events.row_values(row)[n]) * score(g, y.row(events.row_columns(row)[n])));
  return out;
}

/// The loss as fit_ials() states it, cell by cell.
inline double objective(const CsrView& events, const MatrixView& x, const MatrixView& y, const cf::IalsConfig& config) {
  const auto product = [](std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (std::size_t k = 0; k < a.size(); ++k) sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
    return sum;
  };
  double loss = 0;
  for (std::size_t u = 0; u < x.rows; ++u) {
    for (std::size_t i = 0; i < y.rows; ++i) {
      const double s = product(x.row(u), y.row(i));
      loss += static_cast<double>(config.unobserved_weight) * s * s;
    }
    for (std::size_t n = 0; n < events.row_columns(u).size(); ++n) {
      const double s = product(x.row(u), y.row(events.row_columns(u)[n]));
      const float w = events.row_values(u)[n];
      const double miss = s - (w > 0 ? 1 : 0);
      loss += std::abs(static_cast<double>(w)) * miss * miss;
      if (config.loss == cf::IalsLoss::replaced) loss -= static_cast<double>(config.unobserved_weight) * s * s;
    }
    loss += ridge(events, u, config) * product(x.row(u), x.row(u));
  }
  const auto by_item = transpose(events);
  for (std::size_t i = 0; i < y.rows; ++i) loss += ridge(by_item, i, config) * product(y.row(i), y.row(i));
  return loss;
}

}  // namespace pannier::ials_oracle
