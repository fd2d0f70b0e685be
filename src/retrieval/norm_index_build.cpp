// Builds an index: the order of the norms, the copy, the codes.
#include <bit>
#include <limits>

#include "retrieval/norm_index_state.hpp"

namespace pannier::retrieval {
namespace {

using kernels::block_items;

constexpr std::size_t items_a_task = 4096;

float float_above(double x) noexcept {
  const auto nearest = static_cast<float>(x);
  return static_cast<double>(nearest) < x ? std::nextafter(nearest, std::numeric_limits<float>::infinity()) : nearest;
}

void require_dimensions(std::size_t dimensions) {
  if (dimensions == 0 || dimensions > most_dimensions)
    refuse("vectors", "has " + std::to_string(dimensions) + " dimensions", "1 to " + std::to_string(most_dimensions) + ", a bias among them");
}

void require_items(std::size_t items) {
  if (items >= value(no_item)) refuse("vectors", "has " + std::to_string(items) + " items", "at most " + std::to_string(value(no_item) - 1));
}

}  // namespace

void NormIndex::State::sort(const Execution& execution, std::span<const float> norms) {
  // Norms are not negative, so their bits are in the order of their values: the longest first, ties by item.
  std::vector<std::uint64_t> keys(norms.size());
  parallel_blocks(execution, norms.size(), items_a_task, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t i = begin; i < end; ++i) keys[i] = std::uint64_t{~std::bit_cast<std::uint32_t>(norms[i])} << 32 | i;
  });
  if (std::ranges::is_sorted(keys)) return;
  std::ranges::sort(keys);
  items.resize(keys.size());
  positions.resize(keys.size());
  for (std::size_t p = 0; p < keys.size(); ++p) {
    items[p] = static_cast<std::uint32_t>(keys[p]);
    positions[items[p]] = static_cast<std::uint32_t>(p);
  }
}

void NormIndex::State::encode_blocks(const Execution& execution) {
  const std::size_t blocks = (rows.rows + block_items - 1) / block_items, block_bytes = groups() * kernels::group_bytes;
  codes = Matrix(1, blocks * block_bytes / sizeof(float));
  bounds.resize(blocks);
  auto* const bytes = reinterpret_cast<std::uint8_t*>(codes.data());
  parallel_blocks(execution, blocks, items_a_task / block_items, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t b = begin; b < end; ++b) {
      auto* const block = bytes + b * block_bytes;
      std::fill_n(block, block_bytes, std::uint8_t{128});
      const std::size_t first = b * block_items, count = std::min(block_items, rows.rows - first);
      float largest = 0;
      for (std::size_t i = 0; i < count; ++i)
        for (const float x : row(first + i)) largest = std::max(largest, std::fabs(x));
      const auto [scale, inverse] = scale_of(static_cast<double>(largest));
      kernels::BlockBound bound{inverse, 0, 0};
      for (std::size_t i = 0; i < count; ++i) {
        const auto vector = row(first + i);
        const double norm = norm_above(vector);
        const double residual = encode(vector, scale, inverse, norm, [&](std::size_t k, int code) {
          block[k / 4 * kernels::group_bytes + i * 4 + k % 4] = static_cast<std::uint8_t>(code + 128);
        });
        bound.norm = std::max(bound.norm, norm);
        bound.residual = std::max(bound.residual, residual);
      }
      bounds[b] = bound;
    }
  });
  // Norms that the sort saw as equal floats may ascend in double; a stop speaks of all later blocks.
  for (std::size_t b = blocks; b-- > 1;) bounds[b - 1].norm = std::max(bounds[b - 1].norm, bounds[b].norm);
  largest_norm = blocks == 0 ? 0 : bounds.front().norm;
}

NormIndex::NormIndex(const MatrixView& vectors, std::span<const float> bias, const Execution& execution) {
  const std::size_t count = vectors.rows, dimensions = vectors.cols + (bias.empty() ? 0 : 1);
  require_items(count);
  require_dimensions(vectors.cols == 0 ? 0 : dimensions);
  if (!bias.empty() && bias.size() != count) refuse("bias", "has " + std::to_string(bias.size()) + " numbers", "one an item, " + std::to_string(count) + ", or none");
  const auto state = std::make_shared<State>();
  std::vector<float> norms(count);
  parallel_blocks(execution, count, items_a_task, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t i = begin; i < end; ++i) {
      const auto vector = vectors.row(i);
      double norm = norm_above(vector);
      if (!bias.empty()) norm = std::sqrt(norm * norm + static_cast<double>(bias[i]) * static_cast<double>(bias[i]));
      if (!std::isfinite(norm)) {
        for (std::size_t k = 0; k < vector.size(); ++k)
          if (!std::isfinite(vector[k])) refuse("vectors[" + std::to_string(i) + "][" + std::to_string(k) + "]", "is " + number(vector[k]), "a finite number");
        refuse("bias[" + std::to_string(i) + "]", "is " + number(bias[i]), "a finite number");
      }
      norms[i] = float_above(norm);
    }
  });
  state->sort(execution, norms);
  state->query_size = vectors.cols;
  state->copy = Matrix(1, count * dimensions);
  state->rows = {state->copy.data(), count, dimensions, dimensions};
  parallel_blocks(execution, count, items_a_task, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t p = begin; p < end; ++p) {
      const auto item = state->item(p);
      auto* const to = state->copy.data() + p * dimensions;
      std::ranges::copy(vectors.row(item), to);
      if (!bias.empty()) to[dimensions - 1] = bias[item];
    }
  });
  state->encode_blocks(execution);
  state_ = state;
}

NormIndex NormIndex::borrowing(const MatrixView& vectors, const Execution& execution) {
  require_items(vectors.rows);
  require_dimensions(vectors.cols);
  const auto state = std::make_shared<State>();
  state->rows = vectors;
  state->query_size = vectors.cols;
  std::vector<float> norms(vectors.rows);
  parallel_blocks(execution, vectors.rows, items_a_task, [&](std::size_t begin, std::size_t end, std::size_t) {
    for (std::size_t i = begin; i < end; ++i) norms[i] = float_above(norm_above(vectors.row(i)));
  });
  if (std::ranges::all_of(norms, [](float norm) { return std::isfinite(norm); })) {
    state->sort(execution, norms);
    state->ordered = state->items.empty();
    state->encode_blocks(execution);
  }
  return NormIndex(state);
}

std::size_t NormIndex::item_count() const noexcept { return state_->rows.rows; }
std::size_t NormIndex::query_size() const noexcept { return state_->query_size; }
std::size_t NormIndex::bytes() const noexcept {
  return (state_->copy.stride() + state_->codes.stride()) * sizeof(float) + (state_->items.size() + state_->positions.size()) * sizeof(std::uint32_t) +
         state_->bounds.size() * sizeof(kernels::BlockBound);
}

}  // namespace pannier::retrieval
