/// fit_ials(): alternating half sweeps, each an eigenbasis and then one small exact system a row.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <new>
#include <numeric>
#include <string>
#include <vector>

#include "cf/ials_basis.hpp"
#include "cf/ials_model.hpp"
#include "cf/ials_row.hpp"
#include "cf/ials_scratch.hpp"
#include "pannier/cf/ials.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"

namespace pannier::cf {
namespace {

constexpr std::size_t rows_a_block = 16;

/// One side of the events, as its half sweeps read it.
struct Side {
  std::string name;                 ///< "user", "item".
  CsrView events;                   ///< Rows of this side, positive weights only.
  std::vector<std::uint32_t> order; ///< Rows with events, longest first: rows of one block are alike, and the long ones start first.
  std::vector<double> ridge;        ///< l2 mass^exponent, by row.
  std::size_t dual_rows = 0;

  Side(std::string name_given, const CsrView& events_given, const IalsConfig& config)
      : name(std::move(name_given)), events(events_given), ridge(events.rows) {
    const auto length = [&](std::size_t row) { return events.row_columns(row).size(); };
    for (std::size_t row = 0; row < events.rows; ++row) {
      ridge[row] = ials_ridge(config, events.row_values(row), events.cols);
      if (length(row) == 0) continue;
      order.push_back(static_cast<std::uint32_t>(row));
      dual_rows += solves_dual(length(row), static_cast<std::size_t>(config.factors));
    }
    std::ranges::sort(order, [&](auto a, auto b) { return length(a) != length(b) ? length(a) > length(b) : a < b; });
  }
};

/// What a half sweep leaves behind for the objective.
struct Sums {
  double least = 0;    ///< Of the rows' own terms.
  double squares = 0;  ///< ridge |x|² over the rows.
};

class Fit {
 public:
  Fit(const IalsConfig& config, const FitControl& control) : config_(config), control_(control), float_(control.execution), double_(control.execution) {}

  /// Solves every row of `side` given the other side's vectors, which it first rotates. Returns the shared diagonal.
  /// The `final` one solves as folding in does, so that a person's own row is what their history folds in to.
  /// `back`, where given, becomes the rotation that undoes the other side's.
  std::vector<double> half_sweep(const Side& side, Matrix& solved, const Side& other, Matrix& given, int epoch, bool final, Sums& sums, Basis* back = nullptr) {
    auto diagonal = rotate_to_eigenbasis(given, other.name + " vectors", control_, back);
    const std::size_t factors = given.cols();
    std::vector<double> shared(factors);
    std::vector<float> shared_float(factors);
    for (std::size_t k = 0; k < factors; ++k) {
      shared[k] = static_cast<double>(config_.unobserved_weight) * diagonal[k];
      shared_float[k] = static_cast<float>(shared[k]);
    }
    std::vector<Sums> block_sums((side.order.size() + rows_a_block - 1) / rows_a_block);
    parallel_blocks_with_worker(control_.execution, side.order.size(), rows_a_block, [&](std::size_t begin, std::size_t end, std::size_t block, int worker) {
      stop_if_asked(epoch);
      for (std::size_t at = begin; at < end; ++at) {
        const std::size_t row = side.order[at];
        const IalsRow<float> input{given.data(), given.stride(), factors, shared_float.data(), side.ridge[row], side.events.row_columns(row), side.events.row_values(row)};
        const auto out = solved.row(row);
        double least = 0;
        if (final || !ials_fast::solve(input, float_.get(worker, ials_scratch_size<float>(input.events.size(), factors)), out.data(), least))
          solve_in_double(input, shared.data(), side, row, worker, final, out, least);
        double squares = 0;
        for (const float x : out) squares += static_cast<double>(x) * static_cast<double>(x);
        block_sums[block].least += least;
        block_sums[block].squares += side.ridge[row] * squares;
      }
    });
    sums = {};
    for (const auto& each : block_sums) {
      sums.least += each.least;
      sums.squares += each.squares;
    }
    return diagonal;
  }

  void stop_if_asked(int epoch) const {
    if (control_.stop.stop_requested()) checkpoint({.execution = {}, .progress = {}, .stop = control_.stop}, "epoch", static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(config_.epochs));
  }

  [[nodiscard]] std::size_t rows_in_double() const noexcept { return rows_in_double_; }

 private:
  void solve_in_double(const IalsRow<float>& input, const double* shared, const Side& side, std::size_t row, int worker, bool planned, std::span<float> out, double& least) {
    const std::size_t factors = input.factors;
    const IalsRow<double> again{input.vectors, input.stride, factors, shared, input.ridge, input.events, input.weights};
    const std::size_t needed = ials_scratch_size<double>(input.events.size(), factors);
    double* const scratch = double_.get(worker, needed + round_up(factors, 8));
    double* const answer = scratch + round_up(needed, 8);
    bool finite = ials_fixed::solve(again, scratch, answer, least);
    for (std::size_t k = 0; k < factors; ++k) {
      out[k] = static_cast<float>(answer[k]);
      finite &= std::isfinite(out[k]);
    }
    if (!finite)
      throw Error(ErrorCode::numerical_failure, "fit_ials", "the system of " + side.name + " " + std::to_string(row) + " has no finite solution", "smaller weights, or a larger l2");
    if (!planned) ++rows_in_double_;
  }

  const IalsConfig& config_;
  const FitControl& control_;
  WorkerScratch<float> float_;
  WorkerScratch<double> double_;
  std::atomic<std::size_t> rows_in_double_{0};
};

/// Without the cells of weight zero; `kept` holds the copy where there are any.
CsrView evidence(const CsrView& events, Csr& kept) {
  if (std::ranges::find(events.values, 0.0f) == events.values.end()) return events;
  kept = Csr{events.rows, events.cols, {0}, {}, {}};
  for (std::size_t row = 0; row < events.rows; ++row) {
    const auto columns = events.row_columns(row);
    const auto weights = events.row_values(row);
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (weights[i] > 0) {
        kept.columns.push_back(columns[i]);
        kept.values.push_back(weights[i]);
      }
    kept.offsets.push_back(static_cast<std::int64_t>(kept.columns.size()));
  }
  return kept;
}

constexpr std::uint64_t initial_items = 0x69616C73;  // The purpose of these random numbers.

IalsFit fit(const CsrView& given, const IalsConfig& config, const FitControl& control) {
  const auto start = std::chrono::steady_clock::now();
  Csr kept;
  const CsrView events = evidence(given, kept);
  if (events.nonzeros() == 0) throw Error(ErrorCode::invalid_argument, "events", "no weight is positive", "at least one");
  const auto factors = static_cast<std::size_t>(config.factors);
  Matrix users(events.rows, factors);
  auto storage = std::make_shared<IalsStorage>();
  storage->vectors = Matrix(events.cols, factors);
  Matrix& items = storage->vectors;

  const Csr by_item = transpose(events);
  const Side user_side("user", events, config), item_side("item", by_item, config);
  const double deviation = 0.1 / std::sqrt(static_cast<double>(factors));
  parallel_blocks(control.execution, item_side.order.size(), 1024, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t at = begin; at < end; ++at) {
      Random random(config.seed, initial_items, item_side.order[at]);
      for (float& y : items.row(item_side.order[at])) y = static_cast<float>(deviation * random.normal());
    }
  });

  FitReport report;
  Fit sweeps(config, control);
  const auto epochs = static_cast<std::uint64_t>(config.epochs);
  for (int epoch = 0; epoch < config.epochs; ++epoch) {
    const bool last = epoch + 1 == config.epochs;
    checkpoint(control, "epoch", static_cast<std::uint64_t>(epoch), epochs);
    Sums of_items, of_users;
    auto diagonal = sweeps.half_sweep(user_side, users, item_side, items, epoch, last, of_users);
    checkpoint(control, "epoch", static_cast<std::uint64_t>(epoch), epochs);
    if (last) {
      // What people fold in against stays as it is; the items' last vectors come back to the coordinates of the people's rows.
      storage->diagonal = std::move(diagonal);
      storage->fold_in = items;
      Matrix rotated = users;
      Basis back;
      sweeps.half_sweep(item_side, items, user_side, rotated, epoch, false, of_items, &back);
      rotate(items, back, control);
    } else {
      sweeps.half_sweep(item_side, items, user_side, users, epoch, false, of_items);
    }
    report.objective.push_back(of_items.least + of_users.squares);
  }
  checkpoint(control, "epoch", epochs, epochs);

  const auto rows = user_side.order.size() + item_side.order.size();
  const auto dual = user_side.dual_rows + item_side.dual_rows;
  char detail[160];
  std::snprintf(detail, sizeof detail, "exact: dual for %.0f %% of the rows, primal for %.0f %%", 100.0 * static_cast<double>(dual) / static_cast<double>(rows), 100.0 * static_cast<double>(rows - dual) / static_cast<double>(rows));
  report.detail = detail;
  if (sweeps.rows_in_double() != 0) report.detail += "; " + std::to_string(sweeps.rows_in_double()) + " solved in double";
  report.epochs = config.epochs;
  IalsFit out{make_ials_model(config, std::move(storage)), std::move(users), {}};
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  out.report = std::move(report);
  return out;
}

}  // namespace

IalsFit fit_ials(const CsrView& events, const IalsConfig& config, const FitControl& control) {
  validate(config);
  require_valid_weights(events, "events");
  if (events.rows == 0) throw Error(ErrorCode::invalid_argument, "events", "has no users", "at least one");
  if (events.cols == 0) throw Error(ErrorCode::invalid_argument, "events", "has no items", "at least one");
  try {
    return fit(events, config, control);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "fit_ials", "no memory for " + std::to_string(events.rows) + " users and " + std::to_string(events.cols) + " items of " + std::to_string(config.factors) + " factors");
  }
}

}  // namespace pannier::cf
