/// The steps of an answer: a request's history, and what each model ranks for it. All of them work in a workspace's state.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "pannier/core/item_set.hpp"
#include "pannier/model/recommender.hpp"
#include "pannier/serve/engine.hpp"
#include "serve/engine_access.hpp"

namespace pannier::serve {

/// What every step of a request reads beside its history.
struct Question {
  const Request& request;
  const ItemSet* allowed;   ///< By category and stock; null: all.
  std::int64_t now_us;
};

/// Which items of the history an answer leaves out.
enum class Leave { none, bought, all };
[[nodiscard]] Leave leave(const Request& request);

/// The person's events and the session as one history in `state`; true when some of it is evidence.
/// Events of items the generation does not know are left out; items without evidence stay with weight 0, as seen.
bool read_history(const Snapshot& snapshot, const Request& request, std::int64_t now_us, EngineState& state);
/// What the store knows of the user beside events, where the snapshot's personal model reads it; how many attributes that are. Errors: those of the store.
std::size_t read_attributes(const store::PeopleStore& people, const Snapshot& snapshot, const Request& request, EngineState& state);
[[nodiscard]] model::History history_of(const EngineState& state);

// Each fills state.found with the best items and returns how many there are. Errors: those of the model.

/// Items of `model` for the history.
std::size_t rank_history(const model::Recommender& model, const Question& question, EngineState& state);
/// Items of the history itself.
std::size_t rank_repeats(const model::Recommender& model, const Question& question, EngineState& state);
std::size_t rank_similar(const model::Recommender& model, ItemIndex item, const Question& question, Leave left_out, EngineState& state);
/// The cart as a history: its known items once each, which are the seeds and the cells too.
void read_cart(const Snapshot& snapshot, std::span<const ItemKey> cart, EngineState& state);
/// Items bought with the cart that was read.
std::size_t rank_cart(const model::Recommender& model, const Question& question, EngineState& state);
/// Items for nobody, without those of the cells.
std::size_t rank_without_cells(const model::Recommender& model, const Question& question, EngineState& state);
/// What was looked at.
std::size_t rank_views(const Question& question, EngineState& state);

}  // namespace pannier::serve
