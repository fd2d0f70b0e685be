// Exact search by scanning. How far the scan has to go where norms descend:
//
// The score of an item is fl(q.v), the inner product in the fixed order of core/simd. Every term of it passes one rounded product and
// at most ceil(d/16) + 4 rounded sums, so with u = 2^-24 and m = ceil(d/16) + 5
//     fl(q.v) <= q.v + g sum |q_i v_i| + d 2^-149,   g = m u / (1 - m u)        (Higham 2002, section 3.1; the last term: underflow)
//             <= (1 + g) |q| |v| + d 2^-149.
// item_norms() gives n >= |v|. |q| is summed in double with a relative error below (d + 2) 2^-53, so that enlarging it by d 2^-50 makes
// it an upper bound. What remains are the few roundings of the bound itself in double, covered by a last factor 1 + 2^-40.
// Once the bound of an item is not above the k-th best score, no later item can enter: its norm is no larger, and at an equal score
// the items found before it have the lower index.
#include "pannier/model/vectors.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "pannier/core/error.hpp"
#include "pannier/core/simd.hpp"

namespace pannier::model {
namespace {

constexpr std::size_t scan_block = 256;

/// A factor f and a rest r with  fl(q.v) <= f * norm(v) + r.
struct Bound {
  double factor, rest;
};

Bound bound_of(std::span<const float> query) {
  double squares = 0;
  for (const float x : query) squares += static_cast<double>(x) * static_cast<double>(x);
  const auto d = static_cast<double>(query.size());
  const double roundings = (std::ceil(d / 16) + 5) * 0x1p-24;
  const double norm = std::sqrt(squares) * (1 + d * 0x1p-50);
  return {norm * (1 + roundings / (1 - roundings)) * (1 + 0x1p-40), d * 0x1p-149};
}

}  // namespace

std::size_t search_vectors(const VectorModel& model, std::span<const float> query, std::uint32_t count, const ItemSet* allowed,
                           std::span<const std::uint32_t> excluded, Workspace& workspace, std::span<Scored> out) {
  const auto vectors = model.item_vectors();
  if (query.size() != vectors.cols)
    throw Error(ErrorCode::invalid_argument, "query", std::to_string(query.size()) + " numbers", "one a dimension, " + std::to_string(vectors.cols));
  if (allowed != nullptr && allowed->universe() != vectors.rows)
    throw Error(ErrorCode::invalid_argument, "allowed", "is a set over " + std::to_string(allowed->universe()) + " items",
                "one over " + std::to_string(vectors.rows));
  auto& top = workspace.top;
  top.reset(std::min({std::size_t{count}, out.size(), vectors.rows}));
  const auto norms = model.item_norms();
  const bool may_stop = model.norms_descend() && norms.size() == vectors.rows;
  const auto bound = bound_of(query);
  // True when neither `item` nor any later one can enter.
  const auto finished = [&](std::size_t item) {
    if (!may_stop) return false;
    top.tighten();
    return bound.factor * static_cast<double>(norms[item]) + bound.rest <= static_cast<double>(top.threshold());
  };
  const auto offer = [&](std::size_t item, float score) {
    if (!(score >= top.threshold())) return;
    const auto index = static_cast<std::uint32_t>(item);
    if (!std::binary_search(excluded.begin(), excluded.end(), index)) top.push(ItemIndex{index}, score);
  };

  if (allowed != nullptr && std::size_t{allowed->count()} * 4 < vectors.rows) {
    // Few are allowed: only they are scored.
    const auto words = allowed->words();
    for (std::size_t w = 0; w < words.size(); ++w) {
      if (words[w] == 0) continue;
      if (finished(w * 64)) break;
      for (auto word = words[w]; word != 0; word &= word - 1) {
        const auto item = w * 64 + static_cast<std::size_t>(std::countr_zero(word));
        offer(item, fixed_dot(query, vectors.row(item)));
      }
    }
  } else {
    workspace.scores.resize(std::max(workspace.scores.size(), scan_block));
    for (std::size_t first = 0; first < vectors.rows && !finished(first); first += scan_block) {
      const auto block = std::min(scan_block, vectors.rows - first);
      const std::span<float> scores(workspace.scores.data(), block);
      fixed_dots(query, vectors, first, scores);
      for (std::size_t n = 0; n < block; ++n)
        if (scores[n] >= top.threshold() && (allowed == nullptr || allowed->contains(ItemIndex{static_cast<std::uint32_t>(first + n)})))
          offer(first + n, scores[n]);
    }
  }
  return top.finish(out);
}

}  // namespace pannier::model
