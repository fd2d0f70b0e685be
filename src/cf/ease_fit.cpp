#include <Eigen/Cholesky>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cf/ease_model.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/tile.hpp"
#include "pannier/core/top_k.hpp"
#include "pannier/data/co_occurrence.hpp"

namespace pannier::cf {
namespace {

/// Items that are swept out at once: the depth of one piece of a product.
constexpr std::size_t block_items = tile_depth;

/// Rows of the triangle that one call of the dense kernel updates.
constexpr std::size_t update_rows = 384;

/// Columns whose largest weights a worker looks for at a time.
constexpr std::size_t columns_a_look = 512;

/// Bytes the machine can give without swapping; the largest number where it does not say.
std::size_t free_memory() {
  std::ifstream in("/proc/meminfo");
  for (std::string name, unit; in >> name;) {
    std::size_t kilobytes = 0;
    if (!(in >> kilobytes)) break;
    if (name == "MemAvailable:") return kilobytes * 1024;
    std::getline(in, unit);
  }
  return std::numeric_limits<std::size_t>::max();
}

std::string megabytes(std::size_t bytes) { return std::to_string((bytes + 999'999) / 1'000'000) + " MB"; }

std::size_t needed_memory(const CsrView& events, const EaseConfig& config, const FitControl& control) {
  return ease_memory(events.cols, resolved_threads(control.execution), events.columns.size(), static_cast<std::size_t>(config.neighbours));
}

void require_memory(const CsrView& events, const EaseConfig& config, const FitControl& control) {
  const auto needed = needed_memory(events, config, control), items = events.cols;
  const auto given = config.memory_mb > 0 ? static_cast<std::size_t>(config.memory_mb) * 1'000'000 : free_memory();
  if (needed > given)
    throw Error(ErrorCode::out_of_memory, "ease", "takes " + megabytes(needed) + " for " + std::to_string(items) + " items, and " +
                    (config.memory_mb > 0 ? "memory_mb allows " : "the machine has ") + megabytes(given) + (config.memory_mb > 0 ? "" : " free"),
                "fewer items, or more memory");
}

/// The upper triangle of X'X + l2 I, by rows.
Matrix regularised_gram(const CsrView& events, float l2, const FitControl& control) {
  Matrix out(events.cols, events.cols);
  const auto by_item = transpose(events);
  data::for_each_co_occurrence(events, by_item, control, [&](std::uint32_t item, std::span<const std::uint32_t> others, std::span<const float> sums, int) {
    const auto row = out.row(item);
    for (std::size_t n = 0; n < others.size(); ++n) {
      if (!std::isfinite(sums[n]))
        throw Error(ErrorCode::numerical_failure, "ease", "the weights of items " + std::to_string(item) + " and " + std::to_string(others[n]) + " overflow");
      if (others[n] >= item) row[others[n]] = sums[n];
    }
    row[item] += l2;
  });
  return out;
}

/// The inverse of a block of the diagonal, in double; both triangles. What is left of the diagonal, the squares of Cholesky's roots,
/// is noise where it is below the rounding of what it was before the sweeps.
Matrix inverse_of_pivot(const Matrix& a, const std::vector<float>& before, std::size_t at, std::size_t size) {
  const auto n = static_cast<Eigen::Index>(size);
  Eigen::MatrixXd pivot(n, n);
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = i; j < size; ++j)
      pivot(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = pivot(static_cast<Eigen::Index>(j), static_cast<Eigen::Index>(i)) = static_cast<double>(a.row(at + i)[at + j]);
  const Eigen::LLT<Eigen::MatrixXd> cholesky(pivot);
  bool left = pivot.allFinite() && cholesky.info() == Eigen::Success;
  for (std::size_t i = 0; i < size && left; ++i) {
    const double root = cholesky.matrixLLT()(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(i));
    left = root * root > static_cast<double>(before[at + i]) * static_cast<double>(std::numeric_limits<float>::epsilon());
  }
  if (!left)
    throw Error(ErrorCode::numerical_failure, "ease", "the weights of items " + std::to_string(at) + " to " + std::to_string(at + size - 1) + " leave nothing of l2", "a larger l2");
  const Eigen::MatrixXd inverse = cholesky.solve(Eigen::MatrixXd::Identity(n, n));
  Matrix out(size, size);
  for (std::size_t i = 0; i < size; ++i)
    for (std::size_t j = 0; j < size; ++j) out.row(i)[j] = static_cast<float>(inverse(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)));
  return out;
}

MatrixView part(const Matrix& m, std::size_t row, std::size_t rows, std::size_t column, std::size_t columns) {
  return {m.data() + row * m.stride() + column, rows, columns, m.stride()};
}

/// Turns a positive definite matrix into minus its inverse; of both the upper triangle.
///
/// One block K after the other, with D = A_KK and W = D^-1 A_K*: A_ij -= A_iK W_j outside of K, then A_K* = W and A_KK = -D^-1. What has been swept
/// stays symmetric, so the triangle is enough.
void sweep(Matrix& a, const FitControl& control) {
  const std::size_t items = a.rows();
  std::vector<float> before(items);
  for (std::size_t i = 0; i < items; ++i) before[i] = a.row(i)[i];
  std::vector<TileScratch> scratches(static_cast<std::size_t>(resolved_threads(control.execution)));
  Matrix panel(std::min(block_items, items), items), solved(panel.rows(), items);
  for (std::size_t at = 0; at < items; at += block_items) {
    checkpoint(control, "inverse", at, items);
    const std::size_t size = std::min(block_items, items - at), end = at + size;
    const auto inverse = inverse_of_pivot(a, before, at, size);
    // A_K*, from above the block and from its right; 0 in the block, which so stays out of the update.
    parallel_blocks(control.execution, size, 16, [&](std::size_t first, std::size_t last, std::size_t) {
      for (std::size_t i = 0; i < at; ++i)
        for (auto k = first; k < last; ++k) panel.row(k)[i] = a.row(i)[at + k];
      for (auto k = first; k < last; ++k) {
        std::fill_n(panel.row(k).data() + at, size, 0.0f);
        std::copy(a.row(at + k).begin() + static_cast<std::ptrdiff_t>(end), a.row(at + k).end(), panel.row(k).begin() + static_cast<std::ptrdiff_t>(end));
      }
    });
    parallel_blocks_with_worker(control.execution, size, 96, [&](std::size_t first, std::size_t last, std::size_t, int worker) {
      multiply({part(inverse, first, last - first, 0, size)}, {part(panel, 0, size, 0, items)}, scratches[static_cast<std::size_t>(worker)], [&](const TileBlock& block) {
        for (std::size_t r = 0; r < block.rows; ++r)
          std::memcpy(solved.row(first + block.row + r).data() + block.column, block.values + r * block.stride, block.columns * sizeof(float));
      });
    });
    parallel_blocks_with_worker(control.execution, items, update_rows, [&](std::size_t first, std::size_t last, std::size_t, int worker) {
      multiply({part(panel, 0, size, first, last - first), true}, {part(solved, 0, size, first, items - first)}, scratches[static_cast<std::size_t>(worker)],
               [&](const TileBlock& block) {
                 for (std::size_t r = 0; r < block.rows; ++r) {
                   auto* const row = a.row(first + block.row + r).data() + first + block.column;
                   const auto* const values = block.values + r * block.stride;
                   for (std::size_t c = 0; c < block.columns; ++c) row[c] -= values[c];
                 }
               });
    });
    parallel_blocks(control.execution, at, 64, [&](std::size_t first, std::size_t last, std::size_t) {
      for (auto i = first; i < last; ++i)
        for (std::size_t k = 0; k < size; ++k) a.row(i)[at + k] = solved.row(k)[i];
    });
    for (std::size_t k = 0; k < size; ++k) {
      for (std::size_t j = 0; j < size; ++j) a.row(at + k)[at + j] = -inverse.row(k)[j];
      std::copy(solved.row(k).begin() + static_cast<std::ptrdiff_t>(end), solved.row(k).end(), a.row(at + k).begin() + static_cast<std::ptrdiff_t>(end));
    }
  }
  checkpoint(control, "inverse", items, items);
}

/// B from minus the inverse: both triangles, columns over the diagonal, which becomes 0.
void weights_of(Matrix& a, const FitControl& control) {
  const std::size_t items = a.rows();
  std::vector<float> scales(items);
  for (std::size_t i = 0; i < items; ++i) {
    if (!(a.row(i)[i] < 0) || !std::isfinite(1 / a.row(i)[i]))
      throw Error(ErrorCode::numerical_failure, "ease", "the weights of item " + std::to_string(i) + " leave nothing of l2", "a larger l2");
    scales[i] = -1 / a.row(i)[i];
  }
  // The lower triangle in squares, so that both sides of a copy stay in the caches.
  constexpr std::size_t square = 64;
  const std::size_t squares = (items + square - 1) / square;
  parallel_blocks(control.execution, squares, 1, [&](std::size_t below, std::size_t, std::size_t) {
    for (std::size_t above = 0; above <= below; ++above)
      for (std::size_t i = below * square; i < std::min(items, (below + 1) * square); ++i)
        for (std::size_t j = above * square; j < std::min(i, (above + 1) * square); ++j) a.row(i)[j] = a.row(j)[i];
  });
  std::vector<std::uint8_t> overflows(items, 0);
  parallel_blocks(control.execution, items, 64, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (auto i = begin; i < end; ++i) {
      auto* const row = a.row(i).data();
      float sum = 0;  // 0 times what is not finite is no number.
      for (std::size_t j = 0; j < items; ++j) {
        row[j] *= scales[j];
        sum += 0 * row[j];
      }
      row[i] = 0;
      overflows[i] = std::isnan(sum);
    }
  });
  if (const auto first = std::ranges::find(overflows, 1); first != overflows.end())
    throw Error(ErrorCode::numerical_failure, "ease", "the weights of item " + std::to_string(first - overflows.begin()) + " overflow");
}

/// Of each column the `neighbours` largest by size, as rows.
Csr largest(const Matrix& weights, std::size_t neighbours, const FitControl& control) {
  const std::size_t items = weights.rows();
  std::vector<std::vector<std::uint32_t>> kept(items);
  std::vector<std::vector<TopK>> workers(static_cast<std::size_t>(resolved_threads(control.execution)));
  parallel_blocks_with_worker(control.execution, items, columns_a_look, [&](std::size_t begin, std::size_t end, std::size_t, int worker) {
    auto& tops = workers[static_cast<std::size_t>(worker)];
    tops.resize(columns_a_look);
    for (auto& top : tops) top.reset(std::min(neighbours, items));
    for (std::uint32_t i = 0; i < items; ++i) {
      const auto row = weights.row(i);
      for (auto j = begin; j < end; ++j)
        if (row[j] != 0) tops[j - begin].push(ItemIndex{i}, std::fabs(row[j]));
    }
    for (auto j = begin; j < end; ++j) {
      for (const auto& scored : tops[j - begin].kept()) kept[j].push_back(value(scored.item));
      std::ranges::sort(kept[j]);
    }
  });
  Csr out;
  out.rows = out.cols = items;
  for (std::uint32_t j = 0; j < items; ++j) {
    for (const auto i : kept[j]) {
      out.columns.push_back(i);
      out.values.push_back(weights.row(i)[j]);
    }
    out.offsets.push_back(static_cast<std::int64_t>(out.columns.size()));
    kept[j] = {};
  }
  return transpose(out);
}

}  // namespace

std::size_t ease_memory(std::size_t items, int threads, std::size_t nonzeros, std::size_t neighbours) noexcept {
  const auto stride = (static_cast<double>(items) + 15) / 16 * 16;
  const auto panels = 2.0 * static_cast<double>(std::min(block_items, items)) * stride;
  const auto kept = static_cast<double>(std::min(neighbours, items));
  // The matrix and the panels; the events by item; lists, their rows and those by item; what a thread has.
  const auto bytes = 4 * (static_cast<double>(items) * stride + panels) + 8 * (static_cast<double>(nonzeros) + static_cast<double>(items)) + (kept > 0 ? static_cast<double>(items) * (20 * kept + 48) : 0) +
                     static_cast<double>(threads) * (12 * stride + (1 << 20) + 16 * kept * static_cast<double>(columns_a_look));
  return bytes < 9e18 ? static_cast<std::size_t>(bytes) : std::numeric_limits<std::size_t>::max();
}

namespace {

EaseFit fit(const CsrView& events, const EaseConfig& config, const FitControl& control) {
  const auto begin = std::chrono::steady_clock::now();

  const auto weights = std::make_shared<Matrix>(regularised_gram(events, config.l2, control));
  sweep(*weights, control);
  weights_of(*weights, control);

  EaseFit fit;
  fit.report.detail = megabytes(needed_memory(events, config, control)) + " for the inverse";
  if (config.neighbours == 0) {
    fit.model = make_ease(config, {.weights = *weights, .rows = {}}, weights);
  } else {
    const auto rows = std::make_shared<const Csr>(largest(*weights, static_cast<std::size_t>(config.neighbours), control));
    fit.report.detail += ", " + std::to_string(rows->columns.size()) + " weights kept";
    fit.model = make_ease(config, {.weights = {}, .rows = {rows->offsets, rows->columns, rows->values}}, rows);
  }
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

}  // namespace

EaseFit fit_ease(const CsrView& events, const EaseConfig& config, const FitControl& control) {
  validate(config);
  require_valid_weights(events, "events");
  if (events.cols == 0) throw Error(ErrorCode::invalid_argument, "events", "has no items", "at least one column");
  require_memory(events, config, control);
  const auto failed = [&] {
    return Error(ErrorCode::out_of_memory, "ease", "takes " + megabytes(needed_memory(events, config, control)) + " for " + std::to_string(events.cols) + " items, and an allocation failed",
                 "fewer items, or more memory");
  };
  try {
    return fit(events, config, control);
  } catch (const std::bad_alloc&) {
    throw failed();
  } catch (const Error& error) {  // A matrix names itself.
    if (error.code() == ErrorCode::out_of_memory) throw failed();
    throw;
  }
}

}  // namespace pannier::cf
