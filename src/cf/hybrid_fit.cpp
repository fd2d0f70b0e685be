/// fit_hybrid(): half sweeps of ials, after each a regression of its vectors on their features.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "cf/feature_regression.hpp"
#include "cf/hybrid_model.hpp"
#include "cf/ials_basis.hpp"
#include "cf/ials_sweep.hpp"
#include "pannier/cf/hybrid.hpp"
#include "pannier/core/error.hpp"

namespace pannier::cf {
namespace {

/// Steps of the regression in an epoch: it goes on from where the last one ended. The last regression runs until it has converged.
constexpr FeatureMapConfig some_steps{.l2 = 1, .steps = 8, .tolerance = 1e-3f};
constexpr FeatureMapConfig all_steps{};

/// The features of one side and what they say.
class Features {
 public:
  Features(const CsrView& features, const IalsSide& side, double l2, const FitControl& control)
      : features_(features), control_(control), weights_(row_weights(features, side)), regression_(features, weights_, l2, control) {}

  [[nodiscard]] bool any() const noexcept { return features_.cols != 0; }
  [[nodiscard]] bool described(std::size_t row) const noexcept {
    return std::ranges::any_of(features_.row_values(row), [](float x) { return x > 0; });
  }

  /// Into other coordinates.
  void turn(FeatureMap& map, const Basis& basis) const {
    if (map.mean.empty()) return;
    Matrix mean(1, map.mean.size());
    std::ranges::copy(map.mean, mean.row(0).begin());
    rotate(mean, basis, control_);
    map.mean.assign(mean.row(0).begin(), mean.row(0).end());
    rotate(map.weights, basis, control_);
  }

  void learn(FeatureMap& map, const Matrix& vectors, const FeatureMapConfig& config) const {
    if (map.mean.empty()) map.weights = Matrix(features_.cols, vectors.cols());
    FitReport report;
    regression_.improve(map, vectors, config, report);
  }

  [[nodiscard]] Matrix say(const FeatureMap& map) const {
    Matrix out(features_.rows, map.mean.size());
    apply_feature_map(map, features_, out, control_.execution);
    return out;
  }

 private:
  /// A row counts by its ridge, as the loss has it, in units of an average row's; one without events has none.
  static std::vector<float> row_weights(const CsrView& features, const IalsSide& side) {
    std::vector<float> out(features.rows, 0.0f);
    if (features.cols == 0) return out;
    double sum = 0;
    for (const auto row : side.order) sum += side.ridge[row];
    for (const auto row : side.order) out[row] = static_cast<float>(side.ridge[row] * static_cast<double>(side.order.size()) / sum);
    return out;
  }

  CsrView features_;
  FitControl control_;
  std::vector<float> weights_;
  FeatureRegression regression_;
};

HybridFit fit(const CsrView& given, const HybridFeatures& item_given, const HybridFeatures& user_given, const HybridConfig& config, const FitControl& control) {
  const auto begin = std::chrono::steady_clock::now();
  const IalsConfig inner = ials_config(config);
  Csr kept;
  const CsrView events = ials_evidence(given, kept);
  if (events.nonzeros() == 0) throw Error(ErrorCode::invalid_argument, "events", "no weight is positive", "at least one");
  const Csr by_item = transpose(events);
  const IalsSide user_side("user", events, inner), item_side("item", by_item, inner);
  const FitControl quiet{.execution = control.execution, .progress = {}, .stop = control.stop};
  const Features of_items(item_given.rows, item_side, static_cast<double>(config.feature_l2), quiet), of_users(user_given.rows, user_side, static_cast<double>(config.feature_l2), quiet);

  const auto factors = static_cast<std::size_t>(config.factors);
  auto storage = std::make_shared<HybridStorage>();
  storage->item_space = item_given.space;
  storage->user_space = user_given.space;
  FeatureMap &items_said = storage->items, &users_said = storage->users;
  Matrix users(events.rows, factors), said;
  Matrix& items = storage->vectors.vectors;
  items = initial_vectors(item_side, factors, {}, inner, control);
  IalsSweeps sweeps("fit_hybrid", inner, control);
  // Both sides' maps stand in the coordinates of the vectors, which each half sweep turns.
  const auto drawn_to = [&](const Features& side, const FeatureMap& map) {
    return [&](const Basis& forth) -> const Matrix* {
      of_items.turn(items_said, forth);
      of_users.turn(users_said, forth);
      if (map.mean.empty()) return nullptr;
      said = side.say(map);
      return &said;
    };
  };

  FitReport report;
  for (int epoch = 0; epoch < config.epochs; ++epoch) {
    const bool last = epoch + 1 == config.epochs;
    checkpoint(control, "epoch", static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(config.epochs));
    IalsSums item_sums, user_sums;
    auto diagonal = sweeps.run(user_side, users, item_side, items, epoch, last ? IalsPass::final : IalsPass::improving, user_sums, nullptr, drawn_to(of_users, users_said));
    checkpoint(control, "epoch", static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(config.epochs));
    if (last) {
      // What people fold in against, and are drawn to, stays as it is; the items' last vectors come back to these coordinates.
      storage->vectors.diagonal = std::move(diagonal);
      storage->vectors.fold_in = items;
      storage->fold_in_items = {items_said.weights, items_said.mean};
      FeatureMap users_kept{users_said.weights, users_said.mean};
      Matrix rotated = users;
      Basis back;
      sweeps.run(item_side, items, user_side, rotated, epoch, IalsPass::exact, item_sums, &back, drawn_to(of_items, items_said));
      rotate(items, back, control);
      of_items.turn(items_said, back);
      users_said = std::move(users_kept);
      if (of_items.any()) of_items.learn(items_said, items, all_steps);
    } else {
      if (of_users.any()) of_users.learn(users_said, users, some_steps);
      sweeps.run(item_side, items, user_side, users, epoch, IalsPass::improving, item_sums, nullptr, drawn_to(of_items, items_said));
      if (of_items.any()) of_items.learn(items_said, items, some_steps);
    }
    report.objective.push_back(item_sums.least + user_sums.squares);
  }
  checkpoint(control, "epoch", static_cast<std::uint64_t>(config.epochs), static_cast<std::uint64_t>(config.epochs));

  report.detail = describe_ways(inner, user_side, item_side);
  if (sweeps.rows_in_double() != 0) report.detail += "; " + std::to_string(sweeps.rows_in_double()) + " solved in double";
  if (of_items.any()) {
    std::size_t mapped = 0, undescribed = 0;
    const Matrix scored = of_items.say(items_said), folded = of_items.say(storage->fold_in_items);
    for (std::size_t i = 0; i < items.rows(); ++i) {
      if (item_side.length(i) != 0) continue;
      if (!of_items.described(i)) {
        ++undescribed;
        continue;
      }
      ++mapped;
      std::ranges::copy(scored.row(i), items.row(i).begin());
      std::ranges::copy(folded.row(i), storage->vectors.fold_in.row(i).begin());
    }
    report.detail += "; of the items without events " + std::to_string(mapped) + " placed by their features, " + std::to_string(undescribed) + " have none";
  }
  report.epochs = config.epochs;
  HybridFit out{make_hybrid_model(config, std::move(storage)), std::move(users), {}};
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  out.report = std::move(report);
  return out;
}

void require_valid_features(const HybridFeatures& given, std::size_t rows, const char* name, const char* of) {
  const auto& features = given.rows;
  if (given.space.size() != 0 && given.space.size() != features.cols)
    throw Error(ErrorCode::invalid_argument, std::string(name) + ".space", "has " + std::to_string(given.space.size()) + " features", "as many as the rows have columns, " + std::to_string(features.cols));
  if (features.cols == 0) return;
  require_valid_weights(features, name);
  if (features.rows != rows)
    throw Error(ErrorCode::invalid_argument, name, "has " + std::to_string(features.rows) + " rows", "as many as events have " + std::string(of) + ", " + std::to_string(rows));
}

}  // namespace

HybridFit fit_hybrid(const CsrView& events, const HybridFeatures& items, const HybridFeatures& users, const HybridConfig& config, const FitControl& control) {
  validate(config);
  require_valid_weights(events, "events");
  if (events.rows == 0) throw Error(ErrorCode::invalid_argument, "events", "has no users", "at least one");
  if (events.cols == 0) throw Error(ErrorCode::invalid_argument, "events", "has no items", "at least one column");
  require_valid_features(items, events.cols, "item_features", "items");
  require_valid_features(users, events.rows, "user_features", "users");
  try {
    return fit(events, items, users, config, control);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "fit_hybrid",
                "no memory for " + std::to_string(events.rows) + " users, " + std::to_string(events.cols) + " items and " + std::to_string(items.rows.cols + users.rows.cols) + " features of " + std::to_string(config.factors) + " factors");
  }
}

}  // namespace pannier::cf
