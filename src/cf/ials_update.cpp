#include "pannier/cf/ials_update.hpp"

#include <algorithm>
#include <cmath>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "cf/ials_basis.hpp"
#include "cf/ials_cells.hpp"
#include "cf/ials_model.hpp"
#include "cf/ials_scratch.hpp"
#include "core/tile_kernels.hpp"
#include "pannier/core/error.hpp"

namespace pannier::cf {
namespace {

constexpr std::size_t rows_a_block = 16;
constexpr std::size_t turned_rows = 64;   ///< Events' vectors that are turned at a time.

[[noreturn]] void refuse(std::string_view argument, std::string what, std::string allowed) {
  throw Error(ErrorCode::invalid_argument, std::string(argument), std::move(what), std::move(allowed));
}

/// One side's vectors, their Gram matrix and its eigenbasis.
struct Fixed {
  Matrix vectors;
  std::vector<double> gram;       ///< Upper triangle, by rows of the vectors' stride.
  std::size_t since_sum = 0;      ///< Rows that have changed since `gram` was summed anew: its rounding grows with them.
  bool known = false;             ///< Whether what follows is that of `gram`.
  Eigenbasis basis;
  Basis turn;                     ///< The same, as tile_kernels::multiply() reads it.
  std::vector<double> diagonal;   ///< Padded by ones.
};

Matrix copy_of(const MatrixView& from, std::size_t rows) {
  Matrix out(rows, from.cols);
  for (std::size_t r = 0; r < std::min(rows, from.rows); ++r) std::ranges::copy(from.row(r), out.row(r).begin());
  return out;
}

void know_basis(Fixed& side, const FitControl& control) {
  if (side.known) return;
  const std::size_t count = side.vectors.cols(), stride = side.vectors.stride();
  side.basis = eigenbasis_of(side.gram, count, stride, control.execution);
  if (side.basis.values.empty()) throw Error(ErrorCode::numerical_failure, "IalsUpdate", "the Gram matrix has no eigenbasis");
  side.turn = basis_of(side.basis, stride);
  side.diagonal.assign(stride, 1.0);
  for (std::size_t j = 0; j < count; ++j) side.diagonal[j] = std::max(0.0, side.basis.values[j]);
  side.known = true;
}

/// What a worker solves its rows with.
struct Scratch {
  std::vector<float> gathered, turned;   // Vectors of the row's events: as they are, by the eigenbasis.
  std::vector<std::uint32_t> numbers;
  std::vector<float> weights;
  IalsRowScratch row;
  std::vector<double> memory;
};

/// The rows that solve `events` against `side`.
Matrix solve(Fixed& side, const CsrView& events, const IalsConfig& config, const FitControl& control) {
  know_basis(side, control);
  const std::size_t factors = side.vectors.cols(), stride = side.vectors.stride();
  std::vector<double> shared(stride, 1.0);
  for (std::size_t k = 0; k < factors; ++k) shared[k] = static_cast<double>(config.unobserved_weight) * side.diagonal[k];
  Matrix out(events.rows, factors);
  std::vector<Scratch> workers(static_cast<std::size_t>(resolved_threads(control.execution)));
  parallel_blocks_with_worker(control.execution, events.rows, rows_a_block, [&](std::size_t begin, std::size_t end, std::size_t, int worker) {
    stop_checkpoint(control, "update");
    auto& scratch = workers[static_cast<std::size_t>(worker)];
    for (std::size_t row = begin; row < end; ++row) {
      const auto columns = events.row_columns(row);
      const auto weights = events.row_values(row);
      if (std::ranges::none_of(weights, [](float w) { return w != 0; })) continue;
      const std::size_t n = columns.size();
      // The events' vectors, in the eigenbasis.
      float* const gathered = aligned_scratch(scratch.gathered, turned_rows * stride);
      float* const turned = aligned_scratch(scratch.turned, n * stride);
      for (std::size_t at = 0; at < n; at += turned_rows) {
        const std::size_t some = std::min(turned_rows, n - at);
        for (std::size_t i = 0; i < some; ++i) std::copy_n(side.vectors.row(columns[at + i]).data(), stride, gathered + i * stride);
        tile_kernels::multiply(some, factors, gathered, 1, stride, side.turn.strips.data(), stride / 16, false, turned + at * stride, stride);
      }
      scratch.numbers.clear();
      scratch.weights.clear();
      for (std::size_t i = 0; i < n; ++i) {
        if (weights[i] == 0) continue;
        scratch.numbers.push_back(static_cast<std::uint32_t>(i));
        scratch.weights.push_back(weights[i]);
      }
      double above = 0, least = 0;
      const MatrixView given{turned, n, factors, stride};
      const auto input = row_of(scratch.numbers, scratch.weights, given, shared.data(), ials_ridge(config, scratch.weights, side.vectors.rows()), {}, config, scratch.row, above);
      const std::size_t needed = round_up(ials_scratch_size<double>(input.events.size(), factors, input.subtracted != 0), 8);
      double* const memory = aligned_scratch(scratch.memory, needed + factors);
      double* const answer = memory + needed;
      bool finite = ials_fixed::solve(input, memory, answer, least);
      const auto x = out.row(row);
      for (std::size_t k = 0; k < factors; ++k) {
        double sum = 0;
        for (std::size_t j = 0; j < factors; ++j) sum += side.basis.vectors[j * factors + k] * answer[j];
        x[k] = static_cast<float>(sum);
        finite &= std::isfinite(x[k]);
      }
      if (!finite) throw Error(ErrorCode::numerical_failure, "events", "the system of row " + std::to_string(row) + " has no finite solution", "smaller weights, or a larger l2");
    }
  });
  return out;
}

void require_finite(const MatrixView& vectors, std::string_view name) {
  for (std::size_t r = 0; r < vectors.rows; ++r)
    if (!std::ranges::all_of(vectors.row(r), [](float x) { return std::isfinite(x); })) refuse(name, "has a number that is not finite in row " + std::to_string(r), "finite numbers");
}

Fixed fixed_of(const MatrixView& vectors, std::string_view name, const FitControl& control) {
  require_finite(vectors, name);
  Fixed out;
  out.vectors = copy_of(vectors, vectors.rows);
  out.gram = gram_of(out.vectors, control);
  if (!std::ranges::all_of(out.gram, [](double x) { return std::isfinite(x); })) refuse(name, "are so large that their Gram matrix is not finite", "smaller numbers");
  return out;
}

/// Puts `rows` where `places` say, and keeps the Gram matrix true. What can fail comes first.
void put(Fixed& side, std::span<const std::uint32_t> places, const Matrix& rows, const FitControl& control) {
  const std::size_t count = side.vectors.cols(), stride = side.vectors.stride();
  std::size_t needed = side.vectors.rows();
  for (const auto place : places) needed = std::max<std::size_t>(needed, place + std::size_t{1});
  const bool sums_anew = side.since_sum + places.size() > needed;
  if (needed > side.vectors.rows() || sums_anew) {
    Matrix changed = copy_of(side.vectors, needed);
    for (std::size_t i = 0; i < places.size(); ++i) std::ranges::copy(rows.row(i), changed.row(places[i]).begin());
    if (sums_anew) {
      auto gram = gram_of(changed, control);
      side.vectors = std::move(changed);
      side.gram = std::move(gram);
      side.since_sum = 0;
      side.known = false;
      return;
    }
    Matrix grown = copy_of(side.vectors, needed);
    side.vectors = std::move(grown);
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto before = side.vectors.row(places[i]);
    const auto now = rows.row(i);
    for (std::size_t k = 0; k < count; ++k)
      for (std::size_t l = k; l < count; ++l)
        side.gram[k * stride + l] += static_cast<double>(now[k]) * static_cast<double>(now[l]) - static_cast<double>(before[k]) * static_cast<double>(before[l]);
    std::ranges::copy(now, before.begin());
  }
  side.since_sum += places.size();
  side.known = false;
}

void require_places(std::span<const std::uint32_t> places, std::size_t present, const CsrView& events, std::string_view name) {
  if (events.rows != places.size()) refuse("events", "has " + std::to_string(events.rows) + " rows", "as many as " + std::string(name) + ", " + std::to_string(places.size()));
  std::vector<std::uint32_t> sorted(places.begin(), places.end());
  std::ranges::sort(sorted);
  std::size_t next = present;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i > 0 && sorted[i] == sorted[i - 1]) refuse(name, std::to_string(sorted[i]) + " comes twice", "each once");
    if (sorted[i] < present) continue;
    if (sorted[i] != next) refuse(name, "has " + std::to_string(sorted[i]) + " where " + std::to_string(next) + " is the next new one", "new ones without gaps");
    ++next;
  }
}

void require_events(const CsrView& events, std::size_t columns, std::string_view of, const IalsConfig& config) {
  require_valid_cells(events, config);
  if (events.cols != columns) refuse("events", "has " + std::to_string(events.cols) + " columns", "the " + std::string(of) + ", " + std::to_string(columns));
}

template <class Body>
auto in_memory(Body body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "IalsUpdate", "no memory for the vectors and their solver");
  }
}

}  // namespace

struct IalsUpdate::State {
  IalsConfig config;
  Fixed users, items;
};

IalsUpdate::IalsUpdate(const MatrixView& users, const MatrixView& items, const IalsConfig& config, const FitControl& control) {
  validate(config);
  if (items.cols == 0) refuse("items", "have no factors", "at least one");
  if (users.cols != items.cols) refuse("users", "have " + std::to_string(users.cols) + " factors", "those of the items, " + std::to_string(items.cols));
  state_ = in_memory([&] { return std::make_unique<State>(State{config, fixed_of(users, "users", control), fixed_of(items, "items", control)}); });
  state_->config.factors = static_cast<std::int32_t>(items.cols);
}

IalsUpdate::IalsUpdate(const IalsFit& fit, const FitControl& control) : IalsUpdate(fit.user_factors, fit.model->item_vectors(), fit.model->config(), control) {}

IalsUpdate::~IalsUpdate() = default;
IalsUpdate::IalsUpdate(IalsUpdate&&) noexcept = default;
IalsUpdate& IalsUpdate::operator=(IalsUpdate&&) noexcept = default;

Matrix IalsUpdate::user_rows(const CsrView& events, const FitControl& control) const {
  require_events(events, state_->items.vectors.rows(), "items", state_->config);
  return in_memory([&] { return solve(state_->items, events, state_->config, control); });
}

Matrix IalsUpdate::item_rows(const CsrView& events, const FitControl& control) const {
  require_events(events, state_->users.vectors.rows(), "users", state_->config);
  return in_memory([&] { return solve(state_->users, events, state_->config, control); });
}

void IalsUpdate::set_users(std::span<const std::uint32_t> users, const CsrView& events, const FitControl& control) {
  require_places(users, state_->users.vectors.rows(), events, "users");
  const Matrix rows = user_rows(events, control);
  in_memory([&] { put(state_->users, users, rows, control); });
}

void IalsUpdate::set_items(std::span<const std::uint32_t> items, const CsrView& events, const FitControl& control) {
  require_places(items, state_->items.vectors.rows(), events, "items");
  const Matrix rows = item_rows(events, control);
  in_memory([&] { put(state_->items, items, rows, control); });
}

MatrixView IalsUpdate::user_factors() const noexcept { return state_->users.vectors; }
MatrixView IalsUpdate::item_factors() const noexcept { return state_->items.vectors; }
const IalsConfig& IalsUpdate::config() const noexcept { return state_->config; }

std::shared_ptr<const IalsModel> IalsUpdate::model(const FitControl& control) const {
  return in_memory([&] {
    auto storage = std::make_shared<IalsStorage>();
    storage->vectors = copy_of(state_->items.vectors, state_->items.vectors.rows());
    storage->diagonal = rotate_to_eigenbasis(storage->vectors, "IalsUpdate", "item vectors", control);
    storage->fold_in = copy_of(storage->vectors, storage->vectors.rows());
    return make_ials_model(state_->config, std::move(storage));
  });
}

}  // namespace pannier::cf
