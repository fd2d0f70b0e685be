/// fit_ials(): alternating half sweeps, each an eigenbasis and then one small system a row.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <new>
#include <numeric>
#include <string>
#include <vector>

#include "cf/ials_basis.hpp"
#include "cf/ials_model.hpp"
#include "cf/ials_plan.hpp"
#include "cf/ials_row.hpp"
#include "cf/ials_scratch.hpp"
#include "core/tile_kernels.hpp"
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
  std::vector<double> mass;         ///< Sum of the weights, by row.

  Side(std::string name_given, const CsrView& events_given, const IalsConfig& config)
      : name(std::move(name_given)), events(events_given), ridge(events.rows), mass(events.rows) {
    for (std::size_t row = 0; row < events.rows; ++row) {
      ridge[row] = ials_ridge(config, events.row_values(row), events.cols);
      for (const float w : events.row_values(row)) mass[row] += static_cast<double>(w);
      if (length(row) != 0) order.push_back(static_cast<std::uint32_t>(row));
    }
    std::ranges::sort(order, [&](auto a, auto b) { return length(a) != length(b) ? length(a) > length(b) : a < b; });
  }
  [[nodiscard]] std::size_t length(std::size_t row) const noexcept { return events.row_columns(row).size(); }
};

/// What a half sweep leaves behind for the objective.
struct Sums {
  double least = 0;    ///< Of the rows' own terms.
  double squares = 0;  ///< ridge |x|² over the rows.
};

class Fit {
 public:
  Fit(const IalsConfig& config, const FitControl& control) : config_(config), control_(control), float_(control.execution), warm_(control.execution), double_(control.execution) {}

  /// Solves every row of `side` given the other side's vectors, which it first rotates. Returns the shared diagonal.
  /// `exact` solves each row in full; otherwise as the config's solver says, from where `solved` stands, which must be in the coordinates
  /// that `given` comes in. The `final` one solves as folding in does, so that a person's own row is what their history folds in to.
  /// `back`, where given, becomes the rotation that undoes the other side's.
  std::vector<double> half_sweep(const Side& side, Matrix& solved, const Side& other, Matrix& given, int epoch, bool exact, bool final, Sums& sums, Basis* back = nullptr) {
    Basis forth;
    auto diagonal = rotate_to_eigenbasis(given, "fit_ials", other.name + " vectors", control_, &forth, back);
    const std::size_t factors = given.cols(), stride = given.stride();
    std::vector<double> shared(factors);
    Given inputs{given, std::vector<float>(stride, 1.0f), std::vector<float>(stride, 0.0f)};
    for (std::size_t k = 0; k < factors; ++k) {
      shared[k] = static_cast<double>(config_.unobserved_weight) * diagonal[k];
      inputs.shared[k] = static_cast<float>(shared[k]);
    }
    if (!exact && (config_.solver == IalsSolver::automatic || config_.solver == IalsSolver::conjugate_gradients)) {
      const auto squares = mean_squares(given, other.mass, control_);
      for (std::size_t k = 0; k < factors; ++k) inputs.spread[k] = static_cast<float>(squares[k]);
    }
    std::vector<Sums> block_sums((side.order.size() + rows_a_block - 1) / rows_a_block);
    parallel_blocks_with_worker(control_.execution, side.order.size(), rows_a_block, [&](std::size_t begin, std::size_t end, std::size_t block, int worker) {
      stop_if_asked(epoch);
      // The block's rows as the last epoch left them, in the coordinates of now.
      float* const turned = warm_.get(worker, 2 * rows_a_block * stride);
      bool improves = false;
      for (std::size_t at = begin; at < end; ++at) improves |= improves_row(ials_way(config_.solver, exact, side.length(side.order[at]), factors));
      if (improves) {
        float* const before = turned + rows_a_block * stride;
        for (std::size_t at = begin; at < end; ++at) std::copy_n(solved.row(side.order[at]).data(), stride, before + (at - begin) * stride);
        tile_kernels::multiply(end - begin, factors, before, 1, stride, forth.strips.data(), stride / 16, false, turned, stride);
      }
      for (std::size_t at = begin; at < end; ++at) {
        const std::size_t row = side.order[at];
        if (at + 1 < end) fetch_first_events(side.events.row_columns(side.order[at + 1]), given);
        const IalsRow<float> input{given.data(), stride, factors, inputs.shared.data(), side.ridge[row], side.events.row_columns(row), side.events.row_values(row)};
        const auto out = solved.row(row);
        double least = 0;
        if (final || !solve_in_float(input, inputs, ials_way(config_.solver, exact, input.events.size(), factors), turned + (at - begin) * stride, worker, out, least))
          solve_in_double(input, shared.data(), side, row, worker, final, out, least);
        block_sums[block].least += least;
        block_sums[block].squares += side.ridge[row] * sum_of_squares(out);
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
  /// What all rows of a half sweep are solved against.
  struct Given {
    const Matrix& vectors;
    std::vector<float> shared, spread;  ///< Padded, see solve_cg().
  };

  /// Begins to load what the next row starts with, while this one is solved: short rows are over before their own prefetching helps.
  static void fetch_first_events(std::span<const std::uint32_t> events, const Matrix& given) noexcept {
    constexpr std::size_t most_numbers = 2048;  // A quarter of a first cache.
    const std::size_t stride = given.stride(), count = std::min<std::size_t>({events.size(), 16, std::max<std::size_t>(1, most_numbers / stride)});
    for (std::size_t i = 0; i < count; ++i) {
      const float* const from = given.data() + events[i] * stride;
      for (std::size_t k = 0; k < stride; k += 16) __builtin_prefetch(from + k);
    }
  }

  static bool improves_row(IalsWay way) noexcept { return way == IalsWay::gradients || way == IalsWay::blocks; }

  static double sum_of_squares(std::span<const float> x) noexcept {
    double sums[4] = {};
    for (std::size_t k = 0; k < x.size(); ++k) sums[k % 4] += static_cast<double>(x[k]) * static_cast<double>(x[k]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }

  /// False where float is not good enough. `turned` is the row to improve, and lost.
  bool solve_in_float(const IalsRow<float>& input, const Given& given, IalsWay way, float* turned, int worker, std::span<float> out, double& least) {
    const std::size_t factors = input.factors, events = input.events.size();
    if (!improves_row(way)) return ials_fast::solve(input, float_.get(worker, ials_scratch_size<float>(events, factors)), out.data(), least);
    bool good = false;
    if (way == IalsWay::gradients) {
      const int steps = config_.solver == IalsSolver::automatic ? gradient_steps_auto : gradient_steps;
      good = ials_fast::solve_cg(input, given.spread.data(), steps, float_.get(worker, ials_fast::ials_cg_scratch_size(factors)), turned, least);
    } else {
      good = ials_fast::solve_subspace(input, float_.get(worker, ials_fast::ials_subspace_scratch_size(events, factors)), turned, least);
    }
    std::copy_n(turned, factors, out.data());
    return good;
  }

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
  WorkerScratch<float> float_, warm_;
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

/// Which way the rows and the events of both sides go before the last epoch.
std::string describe(const IalsConfig& config, const Side& users, const Side& items) {
  constexpr IalsWay ways[] = {IalsWay::dual, IalsWay::primal, IalsWay::gradients, IalsWay::blocks};
  constexpr const char* names[] = {"dual", "primal", "conjugate gradients", "blocks of 16"};
  const bool exact = config.epochs == 1;
  double rows[4] = {}, events[4] = {}, all_rows = 0, all_events = 0;
  for (const Side* side : {&users, &items})
    for (const auto row : side->order) {
      const std::size_t length = side->length(row);
      const auto way = static_cast<std::size_t>(std::ranges::find(ways, ials_way(config.solver, exact, length, static_cast<std::size_t>(config.factors))) - ways);
      rows[way] += 1, all_rows += 1;
      events[way] += static_cast<double>(length), all_events += static_cast<double>(length);
    }
  const char* const solver = exact || config.solver == IalsSolver::exact ? "exact" : config.solver == IalsSolver::conjugate_gradients ? "cg" : config.solver == IalsSolver::subspace ? "subspace" : "auto";
  std::string out = std::string(solver) + ": ";
  bool first = true;
  for (std::size_t way = 0; way < 4; ++way) {
    if (rows[way] == 0) continue;
    char part[96];
    std::snprintf(part, sizeof part, "%s%s for %.0f %% of the rows (%.0f %% of the events)", first ? "" : ", ", names[way], 100 * rows[way] / all_rows, 100 * events[way] / all_events);
    out += part;
    first = false;
  }
  if (!exact && config.solver != IalsSolver::exact) out += "; the last epoch exact";
  return out;
}

constexpr std::uint64_t initial_items = 0x69616C73;  // The purpose of these random numbers.

/// `from` in its first columns where it has rows, and random numbers of the item's own in the others, and in rows of zeros; rows without events stay 0.
Matrix initial_vectors(const Side& side, std::size_t factors, const MatrixView& from, const IalsConfig& config, const FitControl& control) {
  Matrix out(side.events.rows, factors);
  const double deviation = 0.1 / std::sqrt(static_cast<double>(config.factors));
  parallel_blocks(control.execution, side.order.size(), 1024, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t at = begin; at < end; ++at) {
      const auto item = side.order[at];
      Random random(config.seed, initial_items, item);
      const auto row = out.row(item);
      for (float& y : row) y = static_cast<float>(deviation * random.normal());
      if (from.rows == 0) continue;
      const auto known = from.row(item);
      if (std::ranges::any_of(known, [](float y) { return y != 0; })) std::ranges::copy(known, row.begin());
    }
  });
  return out;
}

IalsFit fit(const CsrView& given, const IalsConfig& config, const FitControl& control, const MatrixView& start) {
  const auto begin = std::chrono::steady_clock::now();
  Csr kept;
  const CsrView events = evidence(given, kept);
  if (events.nonzeros() == 0) throw Error(ErrorCode::invalid_argument, "events", "no weight is positive", "at least one");
  const auto factors = static_cast<std::size_t>(config.factors);
  Matrix users(events.rows, factors);
  auto storage = std::make_shared<IalsStorage>();

  const Csr by_item = transpose(events);
  const Side user_side("user", events, config), item_side("item", by_item, config);

  FitReport report;
  Fit sweeps(config, control);
  const auto epochs = static_cast<std::uint64_t>(config.epochs);
  int epoch = 0;
  Matrix& items = storage->vectors;
  items = initial_vectors(item_side, factors, start, config, control);
  if (start.rows == 0 && config.start_factors > 0) {
    // Epochs of fewer factors, the last one left to all of them; each begins where the one before ended.
    Matrix fewer = items;
    for (auto some = static_cast<std::size_t>(config.start_factors); some < factors && epoch + 1 < config.epochs; some *= 2, ++epoch) {
      checkpoint(control, "epoch", static_cast<std::uint64_t>(epoch), epochs);
      fewer = initial_vectors(item_side, some, epoch == 0 ? MatrixView{} : MatrixView(fewer), config, control);
      Matrix people(events.rows, some);
      Sums of_items, of_users;
      sweeps.half_sweep(user_side, people, item_side, fewer, epoch, false, false, of_users);
      sweeps.half_sweep(item_side, fewer, user_side, people, epoch, false, false, of_items);
      report.objective.push_back(of_items.least + of_users.squares);
    }
    if (epoch > 0) items = initial_vectors(item_side, factors, fewer, config, control);
  }
  bool stops = false;
  for (const int first = epoch; epoch < config.epochs; ++epoch) {
    const bool last = epoch + 1 == config.epochs || stops;
    checkpoint(control, "epoch", static_cast<std::uint64_t>(epoch), epochs);
    Sums of_items, of_users;
    auto diagonal = sweeps.half_sweep(user_side, users, item_side, items, epoch, last, last, of_users);
    checkpoint(control, "epoch", static_cast<std::uint64_t>(epoch), epochs);
    if (last) {
      // What people fold in against stays as it is; the items' last vectors come back to the coordinates of the people's rows.
      storage->diagonal = std::move(diagonal);
      storage->fold_in = items;
      Matrix rotated = users;
      Basis back;
      sweeps.half_sweep(item_side, items, user_side, rotated, epoch, true, false, of_items, &back);
      rotate(items, back, control);
    } else {
      sweeps.half_sweep(item_side, items, user_side, users, epoch, false, false, of_items);
    }
    const double before = epoch == first ? std::numeric_limits<double>::infinity() : report.objective.back(), now = of_items.least + of_users.squares;
    report.objective.push_back(now);
    if (last) break;
    stops = config.tolerance > 0 && before - now < static_cast<double>(config.tolerance) * before;
  }
  checkpoint(control, "epoch", epochs, epochs);

  report.detail = describe(config, user_side, item_side);
  if (sweeps.rows_in_double() != 0) report.detail += "; " + std::to_string(sweeps.rows_in_double()) + " solved in double";
  report.epochs = static_cast<int>(report.objective.size());
  if (report.epochs < config.epochs) report.detail += "; stopped after " + std::to_string(report.epochs) + " epochs";
  IalsFit out{make_ials_model(config, std::move(storage)), std::move(users), {}};
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  out.report = std::move(report);
  return out;
}

}  // namespace

namespace {

IalsFit fit_or_refuse(const CsrView& events, const IalsConfig& config, const FitControl& control, const MatrixView& start) {
  validate(config);
  require_valid_weights(events, "events");
  if (events.rows == 0) throw Error(ErrorCode::invalid_argument, "events", "has no users", "at least one");
  if (events.cols == 0) throw Error(ErrorCode::invalid_argument, "events", "has no items", "at least one column");
  try {
    return fit(events, config, control, start);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "fit_ials", "no memory for " + std::to_string(events.rows) + " users and " + std::to_string(events.cols) + " items of " + std::to_string(config.factors) + " factors");
  }
}

}  // namespace

IalsFit fit_ials(const CsrView& events, const IalsConfig& config, const FitControl& control) { return fit_or_refuse(events, config, control, {}); }

IalsFit fit_ials_from(const MatrixView& start, const CsrView& events, const IalsConfig& config, const FitControl& control) {
  const auto refuse = [](std::string what, std::string allowed) { throw Error(ErrorCode::invalid_argument, "start", std::move(what), std::move(allowed)); };
  if (start.rows != events.cols) refuse("has " + std::to_string(start.rows) + " items", "those of events, " + std::to_string(events.cols));
  if (start.cols == 0 || start.cols > static_cast<std::size_t>(std::max(config.factors, 0))) refuse("has " + std::to_string(start.cols) + " factors", "from 1 to " + std::to_string(config.factors));
  for (std::size_t item = 0; item < start.rows; ++item)
    if (!std::ranges::all_of(start.row(item), [](float y) { return std::isfinite(y); })) refuse("has a number that is not finite in row " + std::to_string(item), "finite numbers");
  return fit_or_refuse(events, config, control, start);
}

}  // namespace pannier::cf
