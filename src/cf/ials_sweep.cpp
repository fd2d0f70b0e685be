#include "cf/ials_sweep.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "core/tile_kernels.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"

namespace pannier::cf {
namespace {

constexpr std::size_t rows_a_block = 16;
constexpr std::uint64_t initial_items = 0x69616C73;  // The purpose of these random numbers.

/// Begins to load what the next row starts with, while this one is solved: short rows are over before their own prefetching helps.
void fetch_first_events(std::span<const std::uint32_t> events, const Matrix& given) noexcept {
  constexpr std::size_t most_numbers = 2048;  // A quarter of a first cache.
  const std::size_t stride = given.stride(), count = std::min<std::size_t>({events.size(), 16, std::max<std::size_t>(1, most_numbers / stride)});
  for (std::size_t i = 0; i < count; ++i) {
    const float* const from = given.data() + events[i] * stride;
    for (std::size_t k = 0; k < stride; k += 16) __builtin_prefetch(from + k);
  }
}

bool improves_row(IalsWay way) noexcept { return way == IalsWay::gradients || way == IalsWay::blocks; }

/// |x - from|², `from` zero where it is empty.
double squared_distance(std::span<const float> x, std::span<const float> from) noexcept {
  double sums[4] = {};
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double d = static_cast<double>(x[k]) - (from.empty() ? 0.0 : static_cast<double>(from[k]));
    sums[k % 4] += d * d;
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

IalsSide::IalsSide(std::string name_given, const CsrView& events_given, const IalsConfig& config)
    : name(std::move(name_given)), events(events_given), ridge(events.rows), mass(events.rows) {
  for (std::size_t row = 0; row < events.rows; ++row) {
    ridge[row] = ials_ridge(config, events.row_values(row), events.cols);
    for (const float w : events.row_values(row)) mass[row] += std::abs(static_cast<double>(w));
    if (length(row) != 0) order.push_back(static_cast<std::uint32_t>(row));
  }
  std::ranges::sort(order, [&](auto a, auto b) { return length(a) != length(b) ? length(a) > length(b) : a < b; });
}

void IalsSweeps::stop_if_asked(int epoch) const {
  stop_checkpoint(control_, "epoch", static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(config_.epochs));
}

std::vector<double> IalsSweeps::run(const IalsSide& side, Matrix& solved, const IalsSide& other, Matrix& given, int epoch, IalsPass pass, IalsSums& sums, Basis* back, const Drawn& drawn) {
  const bool exact = pass != IalsPass::improving, final = pass == IalsPass::final;
  Basis forth;
  auto diagonal = rotate_to_eigenbasis(given, fit_, other.name + " vectors", control_, &forth, back);
  const std::size_t factors = given.cols(), stride = given.stride();
  Given inputs{given, std::vector<float>(stride, 1.0f), std::vector<float>(stride, 0.0f), std::vector<double>(stride, 1.0)};
  for (std::size_t k = 0; k < factors; ++k) {
    inputs.shared_double[k] = static_cast<double>(config_.unobserved_weight) * diagonal[k];
    inputs.shared[k] = static_cast<float>(inputs.shared_double[k]);
  }
  if (drawn) inputs.drawn = drawn(forth);
  if (!exact && (config_.solver == IalsSolver::automatic || config_.solver == IalsSolver::conjugate_gradients)) {
    const auto squares = mean_squares(given, other.mass, control_);
    for (std::size_t k = 0; k < factors; ++k) inputs.spread[k] = static_cast<float>(squares[k]);
  }
  std::vector<IalsSums> block_sums((side.order.size() + rows_a_block - 1) / rows_a_block);
  parallel_blocks_with_worker(control_.execution, side.order.size(), rows_a_block, [&](std::size_t begin, std::size_t end, std::size_t block, int worker) {
    stop_if_asked(epoch);
    auto& cells = cells_[static_cast<std::size_t>(worker)];
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
      const auto out = solved.row(row);
      double least = 0, above = 0;
      bool good = false;
      if (!final) {
        const auto input = row_of(side.events.row_columns(row), side.events.row_values(row), inputs.vectors, inputs.shared.data(), side.ridge[row], inputs.drawn_row(row), config_, cells, above);
        good = solve_in_float(input, inputs, ials_way(config_.solver, exact, side.length(row), factors), turned + (at - begin) * stride, worker, out, least);
      }
      if (!good) solve_in_double(side, row, inputs, worker, final, out, least, above);
      block_sums[block].least += least + above;
      block_sums[block].squares += side.ridge[row] * squared_distance(out, inputs.drawn_row(row));
    }
  });
  sums = {};
  for (const auto& each : block_sums) {
    sums.least += each.least;
    sums.squares += each.squares;
  }
  return diagonal;
}

/// False where float is not good enough. `turned` is the row to improve, and lost.
bool IalsSweeps::solve_in_float(const IalsRow<float>& input, const Given& given, IalsWay way, float* turned, int worker, std::span<float> out, double& least) {
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

void IalsSweeps::solve_in_double(const IalsSide& side, std::size_t row, const Given& given, int worker, bool planned, std::span<float> out, double& least, double& above) {
  auto& cells = cells_[static_cast<std::size_t>(worker)];
  const auto input = row_of(side.events.row_columns(row), side.events.row_values(row), given.vectors, given.shared_double.data(), side.ridge[row], given.drawn_row(row), config_, cells, above);
  const std::size_t factors = input.factors, needed = ials_scratch_size<double>(input.events.size(), factors, input.subtracted != 0);
  double* const scratch = double_.get(worker, needed + round_up(factors, 8));
  double* const answer = scratch + round_up(needed, 8);
  bool finite = ials_fixed::solve(input, scratch, answer, least);
  for (std::size_t k = 0; k < factors; ++k) {
    out[k] = static_cast<float>(answer[k]);
    finite &= std::isfinite(out[k]);
  }
  if (!finite)
    throw Error(ErrorCode::numerical_failure, fit_, "the system of " + side.name + " " + std::to_string(row) + " has no finite solution", "smaller weights, or a larger l2");
  if (!planned) ++rows_in_double_;
}

CsrView ials_evidence(const CsrView& events, Csr& kept) {
  if (std::ranges::find(events.values, 0.0f) == events.values.end()) return events;
  kept = Csr{events.rows, events.cols, {0}, {}, {}};
  for (std::size_t row = 0; row < events.rows; ++row) {
    const auto columns = events.row_columns(row);
    const auto weights = events.row_values(row);
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (weights[i] != 0) {
        kept.columns.push_back(columns[i]);
        kept.values.push_back(weights[i]);
      }
    kept.offsets.push_back(static_cast<std::int64_t>(kept.columns.size()));
  }
  return kept;
}

std::string describe_ways(const IalsConfig& config, const IalsSide& users, const IalsSide& items) {
  constexpr IalsWay ways[] = {IalsWay::dual, IalsWay::primal, IalsWay::gradients, IalsWay::blocks};
  constexpr const char* names[] = {"dual", "primal", "conjugate gradients", "blocks of 16"};
  const bool exact = config.epochs == 1;
  double rows[4] = {}, events[4] = {}, all_rows = 0, all_events = 0;
  for (const IalsSide* side : {&users, &items})
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

Matrix initial_vectors(const IalsSide& side, std::size_t factors, const MatrixView& from, const IalsConfig& config, const FitControl& control) {
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

}  // namespace pannier::cf
