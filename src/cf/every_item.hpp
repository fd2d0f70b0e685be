/// What models share that score every item.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/marked_history.hpp"
#include "pannier/core/simd.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::cf {

inline bool weighs(const model::History& history) {
  return std::any_of(history.weights.begin(), history.weights.end(), [](float weight) { return weight > 0; });
}

/// The first `count` numbers of a buffer that only grows.
inline std::span<float> first_of(std::vector<float>& values, std::size_t count) {
  if (values.size() < count) values.resize(count);
  return std::span(values).first(count);
}

/// offer(i) of every value that is at least what least() is when it is reached.
template <class Least, class Offer>
void each_at_least(std::span<const float> values, const Least& least, const Offer& offer) {
  for (auto i = first_at_least(values, 0, least()); i < values.size(); i = first_at_least(values, i + 1, least())) offer(i);
}

/// The best of all items by `scores`, whatever their sign.
inline std::size_t select_best(std::span<const float> scores, const model::Ask& ask, std::span<const ItemIndex> left_out, model::Workspace& workspace,
                               std::span<Scored> out) {
  const model::MarkedHistory marked(left_out, static_cast<std::uint32_t>(scores.size()), workspace);
  auto& top = workspace.top;
  top.reset(std::min({std::size_t{ask.count}, out.size(), scores.size()}));
  each_at_least(scores, [&] { return top.threshold(); }, [&](std::size_t item) {
    const ItemIndex index{static_cast<std::uint32_t>(item)};
    if (!marked.contains(index) && (ask.allowed == nullptr || ask.allowed->contains(index))) top.push(index, scores[item]);
  });
  return top.finish(out);
}

/// Whether the item has any score to give reasons of.
inline bool is_scored(const model::Recommender& model, const model::History& history, ItemIndex item, model::Workspace& workspace) {
  float score = 0;
  model.score(history, {&item, 1}, workspace, {&score, 1});
  return score != 0;
}

/// The largest shares of a score, shares of zero left out: share(n) is what entry n of the history gives.
template <class Share>
std::size_t largest_shares(const model::History& history, model::Workspace& workspace, std::span<model::Reason> out, Share share) {
  auto& top = workspace.top;
  const auto most = std::min(history.items.size(), out.size());
  top.reset(most);
  for (std::size_t n = 0; n < history.items.size(); ++n)
    if (history.weights[n] > 0)
      if (const float given = share(n); given != 0) top.push(history.items[n], given);
  auto& scored = workspace.scored;
  scored.resize(std::max(scored.size(), most));
  const auto found = top.finish(std::span(scored).first(most));
  for (std::size_t n = 0; n < found; ++n) out[n] = {scored[n].item, scored[n].score};
  return found;
}

}  // namespace pannier::cf
