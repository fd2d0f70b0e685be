/// Private parts of the engine's public values, for the sources of the engine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pannier/data/weighting.hpp"
#include "pannier/model/recommender.hpp"
#include "pannier/serve/engine.hpp"
#include "pannier/store/people.hpp"
#include "serve/engine_snapshot.hpp"
#include "serve/recent_views.hpp"

namespace pannier::serve {

/// Everything a request needs beside the snapshot; each vector keeps its memory from request to request.
struct EngineWorkspace::State {
  std::shared_ptr<const Snapshot> snapshot;       ///< Seen last; held, so that its address stays its own.
  model::Workspace work;
  std::vector<store::PersonEvent> events;
  std::vector<data::WeighedEvent> weighed, scratch;
  std::vector<data::HistoryCell> cells;
  std::vector<std::uint32_t> seeds, sorted_seeds; ///< The session's known items, as given and sorted.
  std::vector<ItemIndex> items;                   ///< The history, as models read it.
  std::vector<float> weights;
  std::vector<data::EventKind> kinds;
  std::vector<std::int64_t> ages_us;
  std::vector<model::Bought> bought;
  std::vector<store::PersonAttribute> known;      ///< Of the person, where the personal model reads it.
  std::vector<data::Attribute> attributes;        ///< The same, as models read it.
  std::vector<std::uint64_t> dropped;             ///< Bitmap over items; all zero between requests.
  /// What a category allows of the snapshot, the one asked for last first, at most most_categories.
  struct Category {
    std::string path;
    ItemSet allowed;
  };
  static constexpr std::size_t most_categories = 8;
  std::vector<Category> categories;
  std::vector<View> views;
  std::vector<Scored> found;
  std::vector<Answer> answers;
  std::vector<AnswerReason> reasons;
  std::vector<ItemIndex> explained;               ///< The answers' items.
  std::vector<model::Reason> found_reasons;       ///< So many an item, and how many of them there are.
  std::vector<std::uint32_t> reason_counts;
};

struct EngineAccess {
  using State = EngineWorkspace::State;
  static State& state(EngineWorkspace& workspace) noexcept { return *workspace.state_; }

  /// Makes `response` hold the workspace's answers and reasons; unchanged when memory runs out.
  static void fill(Response& response, const State& from, Policy policy, bool fallback, std::uint64_t request_id) {
    const auto count = from.answers.size();
    response.items_.reserve(count);
    response.keys_.reserve(count);
    response.scores_.reserve(count);
    response.reasons_.reserve(from.reasons.size());
    response.items_.assign(from.answers.begin(), from.answers.end());
    response.reasons_.assign(from.reasons.begin(), from.reasons.end());
    response.keys_.resize(count);
    response.scores_.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      response.keys_[i] = from.answers[i].key;
      response.scores_[i] = from.answers[i].score;
    }
    if (response.generation_ != from.snapshot->generation) response.generation_ = from.snapshot->generation;
    if (response.overlay_ != from.snapshot->overlay) response.overlay_ = from.snapshot->overlay;
    response.policy_ = policy;
    response.fallback_ = fallback;
    response.request_id_ = request_id;
  }
  static void set_microseconds(Response& response, float microseconds) noexcept { response.microseconds_ = microseconds; }
};

using EngineState = EngineAccess::State;

}  // namespace pannier::serve
