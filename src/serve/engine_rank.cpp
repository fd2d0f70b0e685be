#include "serve/engine_rank.hpp"

#include <algorithm>
#include <span>

#include "serve/recent_views.hpp"

namespace pannier::serve {
namespace {

using State = EngineState;

/// The best `count` items that `rank` gives beyond those to leave out: asks for as many more and drops them, which is exact.
template <class Rank>
std::size_t rank_without(State& state, std::uint32_t count, Leave left_out, Rank&& rank) {
  std::uint32_t extra = 0;
  const auto is_left_out = [&](const data::HistoryCell& cell) { return left_out == Leave::all || (left_out == Leave::bought && cell.bought); };
  for (const auto& cell : state.cells) {
    if (!is_left_out(cell)) continue;
    state.dropped[cell.item / 64] |= std::uint64_t{1} << (cell.item % 64);
    ++extra;
  }
  const auto universe = state.snapshot->generation->items().size();
  const auto wanted = std::min(count + extra, universe);
  state.found.resize(wanted);
  std::size_t kept = 0;
  const auto clear = [&] {
    for (const auto& cell : state.cells) state.dropped[cell.item / 64] &= ~(std::uint64_t{1} << (cell.item % 64));
  };
  try {
    const auto found = rank(wanted, std::span(state.found));
    for (std::size_t i = 0; i < found && kept < count; ++i) {
      const auto item = value(state.found[i].item);
      if (item < universe && (state.dropped[item / 64] >> (item % 64) & 1u) == 0) state.found[kept++] = state.found[i];
    }
  } catch (...) {
    clear();
    throw;
  }
  clear();
  return kept;
}

}  // namespace

Leave leave(const Request& request) {
  return request.exclude_seen ? Leave::all : request.exclude_bought ? Leave::bought : Leave::none;
}

bool read_history(const Snapshot& snapshot, const Request& request, std::int64_t now_us, State& state) {
  const auto& items = snapshot.generation->items();
  state.weighed.clear();
  for (const auto& event : state.events) {
    if (!event.has_item) continue;
    if (const auto item = items.find(event.item))
      state.weighed.push_back({.item = value(*item), .kind = event.kind, .time_us = event.time_us, .quantity = event.quantity});
  }
  state.seeds.clear();
  for (const auto key : request.session) {
    const auto item = items.find(key);
    if (!item) continue;
    state.seeds.push_back(value(*item));
    state.weighed.push_back({.item = value(*item), .kind = data::EventKind::view_item, .time_us = now_us, .quantity = 1});
  }
  data::weigh_history(state.weighed, snapshot.weighting, now_us, true, state.scratch, state.cells);

  // Where views are no evidence in training, those of the session at hand still are: it is all that is known of it.
  if (!state.seeds.empty() && snapshot.weighting.weights[static_cast<std::size_t>(data::EventKind::view_item)] <= 0) {
    state.sorted_seeds.assign(state.seeds.begin(), state.seeds.end());
    std::sort(state.sorted_seeds.begin(), state.sorted_seeds.end());
    for (auto& cell : state.cells)
      if (std::binary_search(state.sorted_seeds.begin(), state.sorted_seeds.end(), cell.item)) cell.weight = std::max(cell.weight, 1.0f);
  }

  const auto count = state.cells.size();
  state.items.resize(count);
  state.weights.resize(count);
  state.kinds.resize(count);
  state.ages_us.resize(count);
  state.bought.resize(count);
  bool evidence = false;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& cell = state.cells[i];
    state.items[i] = ItemIndex{cell.item};
    state.weights[i] = cell.weight;
    state.kinds[i] = cell.last_kind;
    state.ages_us[i] = std::max<std::int64_t>(0, now_us - cell.last_time_us);
    state.bought[i] = model::aged(cell.purchases, now_us);
    evidence = evidence || cell.weight > 0;
  }
  return evidence;
}

std::size_t read_attributes(const store::PeopleStore& people, const Snapshot& snapshot, const Request& request, State& state) {
  state.attributes.clear();
  if (snapshot.personal == nullptr || !snapshot.personal->reads_attributes() || request.user.empty()) return 0;
  state.known = people.attributes(user_key(PersonSort::user, request.user));
  for (const auto& attribute : state.known) state.attributes.push_back({attribute.name, attribute.value});
  return state.attributes.size();
}

model::History history_of(const State& state) {
  return {.items = state.items, .weights = state.weights, .kinds = state.kinds, .ages_us = state.ages_us, .bought = state.bought, .attributes = state.attributes};
}

std::size_t rank_history(const model::Recommender& model, const Question& question, State& state) {
  const auto left_out = leave(question.request) == Leave::bought ? Leave::bought : Leave::none;  // All of the history: the model leaves it out.
  return rank_without(state, question.request.count, left_out, [&](std::uint32_t count, std::span<Scored> out) {
    return model.recommend(history_of(state),
                           {.count = count, .allowed = question.allowed, .exclude_history = question.request.exclude_seen, .time_us = question.now_us},
                           state.work, out);
  });
}

std::size_t rank_repeats(const model::Recommender& model, const Question& question, State& state) {
  return rank_without(state, question.request.count, Leave::none, [&](std::uint32_t count, std::span<Scored> out) {
    return model.recommend(history_of(state), {.count = count, .allowed = question.allowed, .exclude_history = false, .time_us = question.now_us},
                           state.work, out);
  });
}

std::size_t rank_similar(const model::Recommender& model, ItemIndex item, const Question& question, Leave left_out, State& state) {
  return rank_without(state, question.request.count, left_out, [&](std::uint32_t wanted, std::span<Scored> out) {
    return model.similar(item, {.count = wanted, .allowed = question.allowed, .exclude_history = false, .time_us = question.now_us}, state.work, out);
  });
}

std::size_t rank_views(const Question& question, State& state) {
  const auto left_out = question.request.exclude_bought ? Leave::bought : Leave::none;
  return rank_without(state, question.request.count, left_out, [&](std::uint32_t, std::span<Scored> out) {
    return rank_recent_views(state.weighed, question.now_us, question.allowed, state.views, out);
  });
}

void read_cart(const Snapshot& snapshot, std::span<const ItemKey> cart, State& state) {
  const auto& items = snapshot.generation->items();
  state.seeds.clear();
  state.attributes.clear();
  state.cells.clear();
  state.items.clear();
  for (const auto key : cart) {
    const auto item = items.find(key);
    if (!item) continue;
    auto& word = state.dropped[value(*item) / 64];
    const auto bit = std::uint64_t{1} << (value(*item) % 64);
    if ((word & bit) != 0) continue;  // Two of it are in the cart.
    word |= bit;
    state.seeds.push_back(value(*item));
    state.items.push_back(*item);
    state.cells.push_back({.item = value(*item), .weight = 1, .last_kind = data::EventKind::add_to_cart, .last_time_us = 0, .bought = false});
  }
  for (const auto seed : state.seeds) state.dropped[seed / 64] &= ~(std::uint64_t{1} << (seed % 64));
  state.weights.assign(state.items.size(), 1.0f);
  state.kinds.clear(), state.ages_us.clear(), state.bought.clear();
}

std::size_t rank_cart(const model::Recommender& model, const Question& question, State& state) {
  return rank_without(state, question.request.count, Leave::none, [&](std::uint32_t wanted, std::span<Scored> out) {
    return model.recommend(history_of(state), {.count = wanted, .allowed = question.allowed, .exclude_history = true, .time_us = question.now_us},
                           state.work, out);
  });
}

std::size_t rank_without_cells(const model::Recommender& model, const Question& question, State& state) {
  return rank_without(state, question.request.count, Leave::all, [&](std::uint32_t wanted, std::span<Scored> out) {
    return model.recommend({}, {.count = wanted, .allowed = question.allowed, .exclude_history = false, .time_us = question.now_us}, state.work, out);
  });
}

}  // namespace pannier::serve
