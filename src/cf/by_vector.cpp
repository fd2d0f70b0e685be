#include "cf/by_vector.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/number_or_zero.hpp"
#include "pannier/core/simd.hpp"

namespace pannier::cf::by_vector {
namespace {

constexpr std::size_t items_a_block = 1024;  ///< Scored at a time.

}  // namespace

float norm_of(std::span<const float> vector) noexcept {
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * static_cast<double>(x);
  // The sum is off by less than (length + 1) roundings of a double.
  const double length = std::sqrt(squares) * (1 + static_cast<double>(vector.size() + 2) * 0x1p-53);
  const auto norm = static_cast<float>(length);
  return static_cast<double>(norm) < length ? std::nextafter(norm, std::numeric_limits<float>::infinity()) : norm;
}

std::size_t recommend(const model::VectorModel& model, std::span<const float> query, const model::History& history, const model::Ask& ask,
                      model::Workspace& workspace, std::span<Scored> out) {
  if (query.empty()) return 0;
  auto& excluded = workspace.touched;
  excluded.clear();
  if (ask.exclude_history) {
    for (const auto item : history.items) excluded.push_back(value(item));
    std::ranges::sort(excluded);
  }
  return model::search_vectors(model, query, ask.count, ask.allowed, excluded, workspace, out);
}

void score(const model::VectorModel& model, std::span<const float> query, std::span<const ItemIndex> candidates, std::span<float> out) {
  const auto vectors = model.item_vectors();
  for (std::size_t c = 0; c < candidates.size(); ++c)
    out[c] = query.empty() ? 0 : number_or_zero(fixed_dot(query, vectors.row(value(candidates[c]))));
}

void score_all(const model::VectorModel& model, std::span<const float> query, std::span<float> out) {
  if (query.empty()) {
    std::ranges::fill(out, 0.0f);
    return;
  }
  fixed_dots(query, model.item_vectors(), 0, out);
  for (auto& score : out) score = number_or_zero(score);
}

std::size_t similar(const model::VectorModel& model, std::size_t dimensions, std::span<const float> norms, ItemIndex item, const model::Ask& ask,
                    model::Workspace& workspace, std::span<Scored> out) {
  const auto vectors = model.item_vectors();
  const float own = norms[value(item)];
  if (!(own > 0)) return 0;
  auto& query = workspace.floats;
  query.assign(vectors.cols, 0.0f);
  std::ranges::copy(vectors.row(value(item)).first(dimensions), query.begin());
  workspace.top.reset(std::min<std::size_t>({ask.count, out.size(), vectors.rows}));
  workspace.scores.resize(std::min(items_a_block, vectors.rows));
  for (std::size_t first = 0; first < vectors.rows; first += items_a_block) {
    const std::size_t count = std::min(items_a_block, vectors.rows - first);
    fixed_dots(query, vectors, first, std::span(workspace.scores).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      const auto other = ItemIndex{static_cast<std::uint32_t>(first + i)};
      const float norm = norms[first + i];
      if (other == item || !(norm > 0) || (ask.allowed != nullptr && !ask.allowed->contains(other))) continue;
      workspace.top.push(other, workspace.scores[i] / (own * norm));
    }
  }
  return workspace.top.finish(out);
}

}  // namespace pannier::cf::by_vector
