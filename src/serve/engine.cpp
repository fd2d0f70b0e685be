/// Readers never wait: a workspace holds the snapshot it saw last and compares its address with the engine's latest; only when
/// they differ it takes the mutex once. The address cannot be another snapshot's, because the workspace keeps its own alive.
#include "pannier/serve/engine.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <utility>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/time.hpp"
#include "serve/engine_access.hpp"
#include "serve/engine_json.hpp"
#include "serve/engine_snapshot.hpp"

namespace pannier::serve {
namespace {

constexpr std::uint32_t largest_count = 10'000;
constexpr std::size_t longest_session = 10'000, longest_cart = 10'000;
constexpr std::size_t reasons_per_item = 3;

using State = EngineAccess::State;

void require_valid(const Request& request) {
  const auto refuse = [](const char* where, const std::string& what, const char* allowed) {
    throw Error(ErrorCode::invalid_argument, where, what, allowed);
  };
  if (request.count < 1 || request.count > largest_count) refuse("request.count", "is " + std::to_string(request.count), "1 to 10000");
  if (request.time_us != 0 && (request.time_us < earliest_time_us || request.time_us > latest_time_us))
    refuse("request.time_us", "is " + std::to_string(request.time_us), "0 (the engine's clock), or microseconds of the years 1970 to 2199");
  if (request.session.size() > longest_session)
    refuse("request.session", "has " + std::to_string(request.session.size()) + " items", "at most 10000");
  if (request.op == Op::similar && request.items.size() != 1)
    refuse("request.items", "has " + std::to_string(request.items.size()) + " items", "exactly one, whose similar items are wanted");
  if (request.op == Op::together && (request.items.empty() || request.items.size() > longest_cart))
    refuse("request.items", "has " + std::to_string(request.items.size()) + " items", "1 to 10000, the cart");
  if (request.op == Op::recommend && !request.items.empty())
    refuse("request.items", "has " + std::to_string(request.items.size()) + " items", "none for recommend (a session's items go into session)");
}

/// Which items of the history an answer leaves out.
enum class Leave { none, bought, all };

Leave leave(const Request& request) {
  return request.exclude_seen ? Leave::all : request.exclude_bought ? Leave::bought : Leave::none;
}

/// The person's events and the session as one history in `state`; true when some of it is evidence.
/// Events of items the generation does not know are left out; items without evidence stay with weight 0, as seen.
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

model::History history_of(const State& state) {
  return {.items = state.items, .weights = state.weights, .kinds = state.kinds, .ages_us = state.ages_us, .bought = state.bought};
}

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

/// Items of `model` for the history in `state`.
std::size_t rank_history(const model::Recommender& model, const Request& request, State& state) {
  const auto left_out = leave(request) == Leave::bought ? Leave::bought : Leave::none;  // All of the history: the model leaves it out.
  return rank_without(state, request.count, left_out, [&](std::uint32_t count, std::span<Scored> out) {
    return model.recommend(history_of(state), {.count = count, .allowed = nullptr, .exclude_history = request.exclude_seen}, state.work, out);
  });
}

std::size_t rank_similar(const model::Recommender& model, ItemIndex item, std::uint32_t count, Leave left_out, State& state) {
  return rank_without(state, count, left_out, [&](std::uint32_t wanted, std::span<Scored> out) {
    return model.similar(item, {.count = wanted, .allowed = nullptr, .exclude_history = false}, state.work, out);
  });
}

struct Outcome {
  Policy policy = Policy::none;
  ItemIndex seed = no_item;   ///< Of policy similar.
  std::size_t count = 0;
};

class LiveEngine final : public Engine {
 public:
  LiveEngine(std::shared_ptr<store::Store> store, std::shared_ptr<store::PeopleStore> own_people,
             std::shared_ptr<const store::Generation> generation, EngineOptions options)
      : store_(std::move(store)), own_people_(std::move(own_people)), people_(store_ ? store_->people() : *own_people_),
        options_(std::move(options)), current_(open_snapshot(std::move(generation))), latest_(current_.get()),
        request_seed_(options_.request_seed) {
    if (!options_.clock) options_.clock = system_time_us;
    if (request_seed_ == 0) {
      std::random_device system;
      request_seed_ = mix64(std::uint64_t{system()} << 32 | system());
    }
  }

  void answer(const Request& request, EngineWorkspace& workspace, Response& response) const override;
  std::uint64_t damaged_reads() const noexcept override { return damaged_reads_.load(std::memory_order_relaxed); }
  store::AppendCounts record(std::span<const data::Event> events) override;
  store::EraseReceipt erase(PersonSort sort, std::string_view id) override;
  bool reload() override;
  std::shared_ptr<const store::Generation> generation() const override {
    const std::lock_guard lock(swap_);
    return current_->generation;
  }
  std::string call_json(std::string_view request, EngineWorkspace& workspace, Response& response) override;

 private:
  const Snapshot& refreshed(State& state) const;
  void read_events(const Request& request, State& state) const;
  Outcome recommend(const Snapshot& snapshot, const Request& request, std::int64_t now_us, State& state) const;
  Outcome similar(const Snapshot& snapshot, const Request& request, State& state) const;
  Outcome together(const Snapshot& snapshot, const Request& request, State& state) const;
  Outcome similar_to_seeds(const Snapshot& snapshot, std::uint32_t count, Leave left_out, State& state) const;
  void explain(const Snapshot& snapshot, const Outcome& outcome, State& state) const;
  void require_writable(const char* what) const;

  /// Runs one step; a model that finds its data damaged counts as one without an answer.
  template <class Step>
  std::size_t attempt(State& state, Step&& step) const {
    try {
      return step();
    } catch (const Error&) {
      damaged_reads_.fetch_add(1, std::memory_order_relaxed);
      state.work = {};  // Its buffers promise to be clean between calls.
      return 0;
    }
  }

  const std::shared_ptr<store::Store> store_;              ///< Null when serving from bytes.
  const std::shared_ptr<store::PeopleStore> own_people_;
  store::PeopleStore& people_;
  EngineOptions options_;
  std::mutex reload_;                                      ///< One reload at a time.
  mutable std::mutex swap_;                                ///< Guards current_.
  std::shared_ptr<const Snapshot> current_;
  std::atomic<const Snapshot*> latest_;                    ///< current_.get(); only compared, never followed.
  std::uint64_t request_seed_;
  mutable std::atomic<std::uint64_t> requests_{0}, damaged_reads_{0};
};

const Snapshot& LiveEngine::refreshed(State& state) const {
  if (state.snapshot.get() != latest_.load(std::memory_order_acquire)) {
    {
      const std::lock_guard lock(swap_);
      state.snapshot = current_;
    }
    state.dropped.assign((state.snapshot->generation->items().size() + 63u) / 64u, 0);
  }
  return *state.snapshot;
}

void LiveEngine::read_events(const Request& request, State& state) const {
  state.events.clear();
  const bool is_user = !request.user.empty();
  if (!is_user && request.visitor.empty()) return;
  try {
    people_.recent(is_user ? user_key(PersonSort::user, request.user) : user_key(PersonSort::visitor, request.visitor), options_.history_limit,
                   state.events);
  } catch (const Error&) {
    damaged_reads_.fetch_add(1, std::memory_order_relaxed);
    state.events.clear();
  }
}

Outcome LiveEngine::recommend(const Snapshot& snapshot, const Request& request, std::int64_t now_us, State& state) const {
  read_events(request, state);
  const bool evidence = read_history(snapshot, request, now_us, state);
  if (evidence && snapshot.personal != nullptr) {
    const auto count = attempt(state, [&] { return rank_history(*snapshot.personal, request, state); });
    if (count > 0) return {.policy = Policy::personal, .seed = no_item, .count = count};
  }
  if (const auto outcome = similar_to_seeds(snapshot, request.count, leave(request), state); outcome.count > 0) return outcome;
  if (snapshot.popular == nullptr) return {};
  const auto count = attempt(state, [&] { return rank_history(*snapshot.popular, request, state); });
  return {.policy = Policy::popular, .seed = no_item, .count = count};
}

/// Items similar to the last of the seeds that has some.
Outcome LiveEngine::similar_to_seeds(const Snapshot& snapshot, std::uint32_t wanted, Leave left_out, State& state) const {
  if (snapshot.similar == nullptr) return {};
  for (auto seed = state.seeds.rbegin(); seed != state.seeds.rend(); ++seed) {
    const ItemIndex item{*seed};
    const auto count = attempt(state, [&] { return rank_similar(*snapshot.similar, item, wanted, left_out, state); });
    if (count > 0) return {.policy = Policy::similar, .seed = item, .count = count};
  }
  return {};
}

Outcome LiveEngine::together(const Snapshot& snapshot, const Request& request, State& state) const {
  const auto& items = snapshot.generation->items();
  state.seeds.clear();
  state.cells.clear();
  state.items.clear();
  for (const auto key : request.items) {
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
  if (snapshot.together != nullptr && !state.items.empty()) {
    const auto count = attempt(state, [&] {
      return rank_without(state, request.count, Leave::none, [&](std::uint32_t wanted, std::span<Scored> out) {
        return snapshot.together->recommend(history_of(state), {.count = wanted, .allowed = nullptr, .exclude_history = true}, state.work, out);
      });
    });
    if (count > 0) return {.policy = Policy::together, .seed = no_item, .count = count};
  }
  if (const auto outcome = similar_to_seeds(snapshot, request.count, Leave::all, state); outcome.count > 0) return outcome;
  if (snapshot.popular == nullptr) return {};
  const auto count = attempt(state, [&] {
    return rank_without(state, request.count, Leave::all, [&](std::uint32_t wanted, std::span<Scored> out) {
      return snapshot.popular->recommend({}, {.count = wanted, .allowed = nullptr, .exclude_history = false}, state.work, out);
    });
  });
  return {.policy = Policy::popular, .seed = no_item, .count = count};
}

Outcome LiveEngine::similar(const Snapshot& snapshot, const Request& request, State& state) const {
  const auto item = snapshot.generation->items().find(request.items[0]);
  if (!item)
    throw Error(ErrorCode::invalid_argument, "request.items[0]", "is an item that generation " + snapshot.generation->info().id + " does not know",
                "an item of the catalogue or of an event before the last training");
  state.cells.clear();
  if (snapshot.similar != nullptr) {
    const auto count = attempt(state, [&] { return rank_similar(*snapshot.similar, *item, request.count, Leave::none, state); });
    if (count > 0) return {.policy = Policy::similar, .seed = *item, .count = count};
  }
  if (snapshot.popular == nullptr) return {};
  // The item itself is the one cell that is left out.
  state.cells.push_back({.item = value(*item), .weight = 0, .last_kind = data::EventKind::view_item, .last_time_us = 0, .bought = false});
  const auto count = attempt(state, [&] {
    return rank_without(state, request.count, Leave::all, [&](std::uint32_t wanted, std::span<Scored> out) {
      return snapshot.popular->recommend({}, {.count = wanted, .allowed = nullptr, .exclude_history = false}, state.work, out);
    });
  });
  return {.policy = Policy::popular, .seed = no_item, .count = count};
}

void LiveEngine::explain(const Snapshot& snapshot, const Outcome& outcome, State& state) const {
  const auto& items = snapshot.generation->items();
  const auto count = state.answers.size();
  const auto* folded = outcome.policy == Policy::personal ? snapshot.personal : outcome.policy == Policy::together ? snapshot.together : nullptr;
  if (folded != nullptr) {
    state.explained.resize(count);
    for (std::size_t slot = 0; slot < count; ++slot) state.explained[slot] = state.answers[slot].index;
    state.found_reasons.resize(count * reasons_per_item);
    state.reason_counts.resize(count);
    const auto explained = attempt(state, [&] {
      folded->explain_each(history_of(state), state.explained, reasons_per_item, state.work, state.found_reasons, state.reason_counts);
      return count;
    });
    if (explained == 0) return;
  }
  for (std::size_t slot = 0; slot < count; ++slot) {
    auto& answer = state.answers[slot];
    answer.first_reason = static_cast<std::uint32_t>(state.reasons.size());
    const auto give = [&](const model::Reason& reason) {
      if (reason.weight > 0) state.reasons.push_back({.key = items.key(reason.item), .index = reason.item, .weight = reason.weight});
    };
    if (folded != nullptr) {
      for (std::uint32_t i = 0; i < state.reason_counts[slot]; ++i) give(state.found_reasons[slot * reasons_per_item + i]);
    } else if (outcome.policy == Policy::similar) {
      give({.item = outcome.seed, .weight = answer.score});
    }
    answer.reason_count = static_cast<std::uint32_t>(state.reasons.size()) - answer.first_reason;
  }
}

void LiveEngine::answer(const Request& request, EngineWorkspace& workspace, Response& response) const {
  require_valid(request);
  const auto start = std::chrono::steady_clock::now();
  auto& state = EngineAccess::state(workspace);
  const auto& snapshot = refreshed(state);
  const auto now_us = request.time_us != 0 ? request.time_us : options_.clock();
  const auto outcome = request.op == Op::similar    ? similar(snapshot, request, state)
                       : request.op == Op::together ? together(snapshot, request, state)
                                                    : recommend(snapshot, request, now_us, state);

  const auto& items = snapshot.generation->items();
  state.answers.clear();
  state.reasons.clear();
  for (std::size_t i = 0; i < outcome.count; ++i) {
    const auto [item, score] = state.found[i];
    state.answers.push_back({.key = items.key(item), .index = item, .score = score, .propensity = 1, .first_reason = 0, .reason_count = 0});
  }
  if (request.explain) explain(snapshot, outcome, state);

  const auto number = requests_.fetch_add(1, std::memory_order_relaxed);
  const auto process = mix64(request_seed_ ^ mix64(static_cast<std::uint64_t>(getpid())));
  const auto first = request.op == Op::similar ? Policy::similar : request.op == Op::together ? Policy::together : Policy::personal;
  EngineAccess::fill(response, state, outcome.policy, outcome.policy != first, mix64(process + number));
  const std::chrono::duration<float, std::micro> taken = std::chrono::steady_clock::now() - start;
  EngineAccess::set_microseconds(response, taken.count());
}

void LiveEngine::require_writable(const char* what) const {
  if (store_ && store_->read_only())
    throw Error(ErrorCode::read_only, store_->folder().string(), std::string("was opened read-only, so it cannot ") + what, "a store opened for writing");
}

store::AppendCounts LiveEngine::record(std::span<const data::Event> events) {
  require_writable("record events");
  std::vector<data::ImportedEvent> imported(events.size());
  std::map<UserKey, std::uint64_t> equal;  // Counts equal events without an id, as in a file.
  for (std::size_t i = 0; i < events.size(); ++i) {
    data::require_valid(events[i], events.size() == 1 ? "event" : "events[" + std::to_string(i) + "]");
    imported[i].event = events[i];
    if (events.size() > 1 && events[i].id.empty()) imported[i].ordinal = equal[data::event_id(events[i], 0)]++;
  }
  return imported.empty() ? store::AppendCounts{} : people_.append(imported);
}

store::EraseReceipt LiveEngine::erase(PersonSort sort, std::string_view id) {
  require_writable("erase a person");
  return people_.erase(user_key(sort, id), false);
}

bool LiveEngine::reload() {
  if (!store_) return false;
  const std::lock_guard one(reload_);
  const auto id = store_->current();
  if (!id) throw Error(ErrorCode::not_found, store_->folder().string(), "holds no published generation any more", "a store that was trained");
  if (generation()->info().id == *id) return false;
  auto next = open_snapshot(store_->open_generation(*id, options_.check));
  const std::lock_guard lock(swap_);
  current_.swap(next);
  latest_.store(current_.get(), std::memory_order_release);
  return true;
}

std::string LiveEngine::call_json(std::string_view request, EngineWorkspace& workspace, Response& response) {
  return answer_json(*this, options_.clock, request, workspace, response);
}

}  // namespace

std::string_view name(Policy policy) noexcept {
  switch (policy) {
    case Policy::personal: return "personal";
    case Policy::similar: return "similar";
    case Policy::popular: return "popular";
    case Policy::together: return "together";
    case Policy::none: break;
  }
  return "none";
}

std::string_view Response::item_id(std::size_t slot) const noexcept {
  return slot < items_.size() ? generation_->items().id(items_[slot].index) : std::string_view{};
}
std::string_view Response::item_name(std::size_t slot) const noexcept {
  return slot < items_.size() ? generation_->items().item_name(items_[slot].index) : std::string_view{};
}
std::string_view Response::reason_id(const AnswerReason& reason) const noexcept {
  return generation_ ? generation_->items().id(reason.index) : std::string_view{};
}
std::string_view Response::generation() const noexcept { return generation_ ? std::string_view(generation_->info().id) : std::string_view{}; }

EngineWorkspace::EngineWorkspace() : state_(std::make_unique<State>()) {}
EngineWorkspace::~EngineWorkspace() = default;
EngineWorkspace::EngineWorkspace(EngineWorkspace&&) noexcept = default;
EngineWorkspace& EngineWorkspace::operator=(EngineWorkspace&&) noexcept = default;

namespace {

/// Nothing is current: was anything ever published?
[[noreturn]] void refuse_without_current(const store::Store& store) {
  const auto present = store.generations();
  if (present.empty()) throw Error(ErrorCode::not_found, store.folder().string(), "holds no published generation", "a store that was trained");
  throw Error(ErrorCode::not_found, store.folder().string(), "has no CURRENT, which names the generation that serves",
              "a roll back to one of its generations, of which " + present.back() + " is the newest");
}

}  // namespace

std::shared_ptr<Engine> Engine::open(std::shared_ptr<store::Store> store, EngineOptions options) {
  if (!store) throw Error(ErrorCode::invalid_argument, "store", "is null", "an opened store");
  const auto id = store->current();
  if (!id) refuse_without_current(*store);
  auto generation = store->open_generation(*id, options.check);
  return std::make_shared<LiveEngine>(std::move(store), nullptr, std::move(generation), std::move(options));
}

std::shared_ptr<Engine> Engine::open(std::span<const std::byte> generation, EngineOptions options) {
  auto opened = store::Generation::open(generation, options.check);
  return std::make_shared<LiveEngine>(nullptr, store::PeopleStore::in_memory(), std::move(opened), std::move(options));
}

}  // namespace pannier::serve
