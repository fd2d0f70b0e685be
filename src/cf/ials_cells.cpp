#include "cf/ials_cells.hpp"

#include <cmath>
#include <type_traits>

#include "pannier/core/simd.hpp"

namespace pannier::cf {

template <class Number>
double IalsCells::read(std::span<const std::uint32_t> columns, std::span<const float> confidences, const MatrixView& vectors, double unobserved, Number* linear) {
  events.clear();
  weights.clear();
  double above = 0;
  const auto add = [&](std::size_t n, float weight, double more) {
    if (weight > 0) {
      events.push_back(columns[n]);
      weights.push_back(weight);
    }
    if (more == 0) return;
    const auto y = vectors.row(columns[n]);
    if constexpr (std::is_same_v<Number, float>) add_scaled(static_cast<float>(more), y, {linear, y.size()});
    else
      for (std::size_t k = 0; k < y.size(); ++k) linear[k] += more * static_cast<double>(y[k]);
  };
  const auto surplus = [&](std::size_t n) { return static_cast<float>(std::abs(static_cast<double>(confidences[n])) - unobserved); };
  const auto wanted = [&](std::size_t n) { return confidences[n] > 0 ? static_cast<double>(confidences[n]) : 0.0; };
  for (std::size_t n = 0; n < columns.size(); ++n) {
    const float w = surplus(n);
    if (w < 0) continue;
    const double more = wanted(n) - static_cast<double>(w);
    above += more;
    add(n, w, more);
  }
  const std::size_t added = events.size();
  for (std::size_t n = 0; n < columns.size(); ++n) {
    const float w = surplus(n);
    if (w >= 0) continue;
    above += wanted(n);
    add(n, -w, wanted(n));
  }
  subtracted = events.size() - added;
  return above;
}

template double IalsCells::read(std::span<const std::uint32_t>, std::span<const float>, const MatrixView&, double, float*);
template double IalsCells::read(std::span<const std::uint32_t>, std::span<const float>, const MatrixView&, double, double*);

template <class Number>
IalsRow<Number> row_of(std::span<const std::uint32_t> columns, std::span<const float> weights, const MatrixView& vectors, const Number* shared, double ridge,
                       std::span<const float> drawn, const IalsConfig& config, IalsRowScratch& scratch, double& above) {
  IalsRow<Number> out{vectors.data, vectors.stride, vectors.cols, shared, ridge, columns, weights};
  above = 0;
  const bool replaced = config.loss == IalsLoss::replaced;
  if (!replaced && drawn.empty()) return out;
  auto& linear = [&]() -> std::vector<Number>& {
    if constexpr (std::is_same_v<Number, float>) return scratch.linear;
    else return scratch.linear_double;
  }();
  linear.assign(vectors.stride, Number{0});
  double squares = 0;
  for (std::size_t k = 0; k < drawn.size(); ++k) {
    linear[k] = static_cast<Number>(ridge * static_cast<double>(drawn[k]));
    squares += static_cast<double>(drawn[k]) * static_cast<double>(drawn[k]);
  }
  above += ridge * squares;
  if (replaced) {
    above += scratch.cells.read(columns, weights, vectors, static_cast<double>(config.unobserved_weight), linear.data());
    out.events = scratch.cells.events;
    out.weights = scratch.cells.weights;
    out.subtracted = scratch.cells.subtracted;
  }
  out.linear = linear.data();
  return out;
}
template IalsRow<float> row_of(std::span<const std::uint32_t>, std::span<const float>, const MatrixView&, const float*, double, std::span<const float>, const IalsConfig&, IalsRowScratch&, double&);
template IalsRow<double> row_of(std::span<const std::uint32_t>, std::span<const float>, const MatrixView&, const double*, double, std::span<const float>, const IalsConfig&, IalsRowScratch&, double&);

void require_valid_cells(const CsrView& events, const IalsConfig& config) {
  if (config.loss == IalsLoss::added) return require_valid_weights(events, "events");
  std::vector<float> magnitudes(events.values.begin(), events.values.end());
  for (float& w : magnitudes) w = std::abs(w);
  CsrView checked = events;
  checked.values = magnitudes;
  require_valid_weights(checked, "events");
}

double ials_mass(const IalsConfig& config, std::span<const float> weights, std::size_t others) noexcept {
  double mass = static_cast<double>(config.unobserved_weight) * static_cast<double>(others);
  for (const float w : weights) mass += std::abs(static_cast<double>(w));
  return mass;
}

double ials_ridge(const IalsConfig& config, std::span<const float> weights, std::size_t others) {
  return static_cast<double>(config.l2) * fixed_pow(ials_mass(config, weights, others), static_cast<double>(config.frequency_exponent));
}

}  // namespace pannier::cf
