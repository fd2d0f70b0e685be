#include "pannier/data/co_occurrence.hpp"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <string>

#include "pannier/core/error.hpp"

namespace pannier::data {
namespace {

/// What one worker reuses from row to row. `dense` is zero between rows.
struct Accumulator {
  std::vector<float> dense;
  std::vector<std::uint32_t> touched;  // One more than the items: the entry past the end is written, never read.
  std::vector<float> sums;

  void reserve(std::size_t items) {
    if (dense.size() == items) return;
    dense.assign(items, 0.0f);
    touched.resize(items + 1);
    sums.resize(items);
  }
};

/// Adds scale * (one user's row) into the accumulator and lists the items that are met first. Weights are not negative, so
/// that a sum which left zero never returns to it. Returns the number of touched items.
template <bool ones>
std::size_t add_row(const CsrView& by_user, std::size_t begin, std::size_t end, float scale, float* dense,
                    std::uint32_t* touched, std::size_t count) {
  const auto* const columns = by_user.columns.data();
  const auto* const values = by_user.values.data();
  for (std::size_t i = begin; i < end; ++i) {
    const auto other = columns[i];
    const float product = ones ? scale : scale * values[i];
    const float before = dense[other];
    touched[count] = other;
    count += static_cast<std::size_t>(before == 0.0f && product > 0.0f);
    dense[other] = before + product;
  }
  return count;
}

inline void prefetch(const void* address) { __builtin_prefetch(address, 0, 3); }

/// Distance in users at which a row of `by_user` is asked for before it is read.
constexpr std::size_t ahead = 8;

template <bool ones>
std::size_t accumulate(const CsrView& by_user, std::span<const std::uint32_t> users, std::span<const float> weights,
                       Accumulator& worker) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < users.size(); ++i) {
    if (i + ahead < users.size()) {
      const auto at = static_cast<std::size_t>(by_user.offsets[users[i + ahead]]);
      prefetch(by_user.columns.data() + at);
      if constexpr (!ones) prefetch(by_user.values.data() + at);
    }
    const auto user = users[i];
    count = add_row<ones>(by_user, static_cast<std::size_t>(by_user.offsets[user]),
                          static_cast<std::size_t>(by_user.offsets[user + std::size_t{1}]), ones ? 1.0f : weights[i],
                          worker.dense.data(), worker.touched.data(), count);
  }
  return count;
}

std::string shape(const CsrView& m) {
  return std::to_string(m.rows) + " x " + std::to_string(m.cols) + " with " + std::to_string(m.nonzeros()) + " cells";
}

}  // namespace

void for_each_co_occurrence(const CsrView& by_user, const CsrView& by_item, const FitControl& control,
                            const CoOccurrenceRow& row) {
  if (by_user.rows != by_item.cols || by_user.cols != by_item.rows || by_user.nonzeros() != by_item.nonzeros() ||
      by_user.offsets.size() != by_user.rows + 1 || by_item.offsets.size() != by_item.rows + 1 ||
      by_user.values.size() != by_user.nonzeros() || by_item.values.size() != by_item.nonzeros())
    throw Error(ErrorCode::invalid_argument, "by_item", "is " + shape(by_item) + " beside by_user of " + shape(by_user),
                "its transpose");
  const auto items = by_item.rows;
  const bool ones = std::all_of(by_user.values.begin(), by_user.values.end(), [](float v) { return v == 1.0f; });

  // Popular items have long rows: small blocks, taken as workers become free.
  constexpr std::size_t block_items = 32;
  std::vector<Accumulator> workers(static_cast<std::size_t>(resolved_threads(control.execution)));
  std::mutex reporting;
  std::size_t done = 0;
  checkpoint(control, "co-occurrence", 0, items);
  parallel_blocks_with_worker(
      control.execution, items, block_items,
      [&](std::size_t begin, std::size_t end, std::size_t, int worker_number) {
        auto& worker = workers[static_cast<std::size_t>(worker_number)];
        worker.reserve(items);
        for (auto item = begin; item < end; ++item) {
          const auto users = by_item.row_columns(item);
          const auto weights = by_item.row_values(item);
          const auto count = ones ? accumulate<true>(by_user, users, weights, worker)
                                  : accumulate<false>(by_user, users, weights, worker);
          for (std::size_t i = 0; i < count; ++i) {
            auto& sum = worker.dense[worker.touched[i]];
            worker.sums[i] = sum;
            sum = 0.0f;
          }
          row(static_cast<std::uint32_t>(item), {worker.touched.data(), count}, {worker.sums.data(), count}, worker_number);
        }
        const std::scoped_lock lock(reporting);
        done += end - begin;
        checkpoint(control, "co-occurrence", done, items);
      });
}

}  // namespace pannier::data
