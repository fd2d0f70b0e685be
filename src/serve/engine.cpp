/// Readers never wait: a workspace holds the snapshot it saw last and compares its address with the engine's latest; only when
/// they differ it takes the mutex once. The address cannot be another snapshot's, because the workspace keeps its own alive.
#include "pannier/serve/engine.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <mutex>
#include <random>
#include <utility>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/time.hpp"
#include "serve/engine_access.hpp"
#include "serve/engine_json.hpp"
#include "serve/engine_rank.hpp"
#include "serve/engine_snapshot.hpp"
#include "serve/recorded.hpp"

namespace pannier::serve {
namespace {

constexpr std::uint32_t largest_count = 10'000;
constexpr std::size_t longest_session = 10'000, longest_cart = 10'000;
constexpr std::size_t reasons_per_item = 3;
constexpr std::size_t most_history_seeds = 20;

using State = EngineState;

void require_valid(const Request& request) {
  const auto refuse = [](const char* where, const std::string& what, const char* allowed) {
    throw Error(ErrorCode::invalid_argument, where, what, allowed);
  };
  const auto has = [](std::size_t items) { return "has " + std::to_string(items) + (items == 1 ? " item" : " items"); };
  if (request.count < 1 || request.count > largest_count) refuse("request.count", "is " + std::to_string(request.count), "1 to 10000");
  if (request.time_us != 0 && (request.time_us < earliest_time_us || request.time_us > latest_time_us))
    refuse("request.time_us", "is " + std::to_string(request.time_us), "0 (the engine's clock), or microseconds of the years 1970 to 2199");
  if (request.session.size() > longest_session)
    refuse("request.session", has(request.session.size()), "at most 10000");
  if (!data::is_utf8(request.user)) refuse("request.user", "is no UTF-8", "UTF-8 text");
  if (!data::is_utf8(request.visitor)) refuse("request.visitor", "is no UTF-8", "UTF-8 text");
  if (request.op == Op::similar && request.items.size() != 1)
    refuse("request.items", has(request.items.size()), "exactly one, whose similar items are wanted");
  if (request.op == Op::together && (request.items.empty() || request.items.size() > longest_cart))
    refuse("request.items", has(request.items.size()), "1 to 10000, the cart");
  if (request.op == Op::recommend && !request.items.empty())
    refuse("request.items", has(request.items.size()), "none for recommend (a session's items go into session)");
  if (request.policy == Policy::together || name(request.policy) == name(Policy::none))  // None, or no policy at all.
    refuse("request.policy", "is " + std::to_string(static_cast<int>(request.policy)), "personal, similar, popular, trending, seasonal, buy_again, recently_viewed");
  if (request.op != Op::recommend && request.policy != Policy::personal)
    refuse("request.policy", "is " + std::string(name(request.policy)), "absent for similar and together, which have one way");
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
    try {
      if (const auto changes = people_.item_changes(current_->overlay->version); !changes.empty()) swap(with_changes(*current_, changes));
    } catch (const Error&) {  // Without them, rather than not at all.
      damaged_reads_.fetch_add(1, std::memory_order_relaxed);
    }
    if (request_seed_ == 0) {
      std::random_device system;
      request_seed_ = mix64(std::uint64_t{system()} << 32 | system());
    }
  }

  void answer(const Request& request, EngineWorkspace& workspace, Response& response) const override;
  std::uint64_t damaged_reads() const noexcept override { return damaged_reads_.load(std::memory_order_relaxed); }
  store::AppendCounts record(std::span<const data::Event> events) override;
  store::EraseReceipt erase(PersonSort sort, std::string_view id) override;
  void upsert_items(std::span<const data::CatalogItem> items) override;
  void set_stock(std::string_view item, double units) override;
  std::optional<ItemFacts> item(ItemKey key) const override;
  bool reload() override;
  std::shared_ptr<const store::Generation> generation() const override {
    const std::lock_guard lock(swap_);
    return current_->generation;
  }
  std::string call_json(std::string_view request, EngineWorkspace& workspace, Response& response) override;

 private:
  const Snapshot& refreshed(State& state) const;
  void read_events(const Request& request, State& state) const;
  const ItemSet* allowed(const Snapshot& snapshot, std::string_view category, State& state) const;
  Outcome recommend(const Snapshot& snapshot, const Question& question, State& state) const;
  Outcome similar(const Snapshot& snapshot, const Question& question, State& state) const;
  Outcome together(const Snapshot& snapshot, const Question& question, State& state) const;
  Outcome step(Policy policy, const Snapshot& snapshot, const Question& question, bool evidence, State& state) const;
  std::size_t rank_like_seen(const Snapshot& snapshot, const Question& question, Leave left_out, bool also_history, State& state, ItemIndex& seed) const;
  void add_reason(const Snapshot& snapshot, const model::Reason& reason, ReasonKind kind, State& state) const;
  void find_reasons(const model::Recommender& model, State& state) const;
  void explain_by_history(const Snapshot& snapshot, std::size_t slot, bool cart, State& state) const;
  void explain(const Snapshot& snapshot, const Outcome& outcome, State& state) const;
  void require_writable(const char* what) const;
  std::shared_ptr<const Snapshot> snapshot() const {
    const std::lock_guard lock(swap_);
    return current_;
  }
  void swap(std::shared_ptr<const Snapshot> next);
  void change_items(const Snapshot& now, std::span<const data::CatalogItem> items);

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
    state.categories.clear();
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

const ItemSet* LiveEngine::allowed(const Snapshot& snapshot, std::string_view category, State& state) const {
  if (category.empty()) return snapshot.all_in_stock ? nullptr : &snapshot.in_stock;
  auto& kept = state.categories;
  auto known = std::find_if(kept.begin(), kept.end(), [&](const auto& entry) { return entry.path == category; });
  if (known == kept.end()) {
    const auto& index = snapshot.categories->index();
    const auto items = index.find(category);
    if (items.empty()) index.refuse(category, "request.category", snapshot.generation->info().id);
    State::Category fresh{.path = std::string(category), .allowed = ItemSet(snapshot.generation->items().size())};
    for (const auto item : items)
      if (snapshot.in_stock.contains(item)) fresh.allowed.insert(item);
    if (kept.size() == State::most_categories) kept.pop_back();
    known = kept.insert(kept.end(), std::move(fresh));
  }
  std::rotate(kept.begin(), known, known + 1);
  return &kept.front().allowed;
}

std::size_t LiveEngine::rank_like_seen(const Snapshot& snapshot, const Question& question, Leave left_out, bool also_history, State& state, ItemIndex& seed) const {
  const auto like = [&](ItemIndex item) {
    seed = item;
    return attempt(state, [&] { return rank_similar(*snapshot.similar, item, question, left_out, state); });
  };
  for (auto item = state.seeds.rbegin(); item != state.seeds.rend(); ++item)
    if (const auto count = like(ItemIndex{*item}); count > 0) return count;
  if (!also_history) return 0;
  std::size_t tried = 0;
  for (auto item = state.items.rbegin(); item != state.items.rend() && tried < most_history_seeds; ++item, ++tried)
    if (const auto count = like(*item); count > 0) return count;
  return 0;
}

Outcome LiveEngine::step(Policy policy, const Snapshot& snapshot, const Question& question, bool evidence, State& state) const {
  const auto ask = [&](const model::Recommender* model, auto&& rank) -> Outcome {
    if (model == nullptr) return {};
    return {.policy = policy, .seed = no_item, .count = attempt(state, [&] { return rank(*model, question, state); })};
  };
  switch (policy) {
    case Policy::personal: return evidence ? ask(snapshot.personal, rank_history) : Outcome{};
    case Policy::popular: return ask(snapshot.popular, rank_history);
    case Policy::trending: return ask(snapshot.trending, rank_history);
    case Policy::seasonal: return ask(snapshot.seasonal, rank_history);
    case Policy::buy_again: return ask(snapshot.buy_again, rank_repeats);
    case Policy::recently_viewed: return {.policy = policy, .seed = no_item, .count = rank_views(question, state)};
    case Policy::similar: {
      if (snapshot.similar == nullptr) return {};
      Outcome outcome{.policy = policy};
      outcome.count = rank_like_seen(snapshot, question, leave(question.request), question.request.policy == Policy::similar, state, outcome.seed);
      return outcome;
    }
    case Policy::none:
    case Policy::together: break;
  }
  return {};
}

Outcome LiveEngine::recommend(const Snapshot& snapshot, const Question& question, State& state) const {
  read_events(question.request, state);
  static_cast<void>(attempt(state, [&] { return read_attributes(people_, snapshot, question.request, state); }));
  const bool evidence = read_history(snapshot, question.request, question.now_us, state) || !state.attributes.empty();
  const auto first = question.request.policy;
  if (const auto outcome = step(first, snapshot, question, evidence, state); outcome.count > 0) return outcome;
  for (const auto policy : {Policy::personal, Policy::similar, Policy::popular}) {
    if (policy == first) continue;
    if (const auto outcome = step(policy, snapshot, question, evidence, state); outcome.count > 0) return outcome;
  }
  return {.policy = snapshot.popular == nullptr ? Policy::none : Policy::popular};
}

Outcome LiveEngine::similar(const Snapshot& snapshot, const Question& question, State& state) const {
  const auto key = question.request.items[0];
  const auto item = snapshot.generation->items().find(key);
  if (!item && snapshot.overlay->find(key) == nullptr)
    throw Error(ErrorCode::invalid_argument, "request.items[0]", "is an item that generation " + snapshot.generation->info().id + " does not know",
                "an item of the catalogue or of an event before the last training");
  state.cells.clear();
  if (item && snapshot.similar != nullptr) {  // To an item that is new since the training nothing is similar yet.
    const auto count = attempt(state, [&] { return rank_similar(*snapshot.similar, *item, question, Leave::none, state); });
    if (count > 0) return {.policy = Policy::similar, .seed = *item, .count = count};
  }
  if (snapshot.popular == nullptr) return {};
  // The item itself is the one cell that is left out.
  if (item) state.cells.push_back({.item = value(*item), .weight = 0, .last_kind = data::EventKind::view_item, .last_time_us = 0, .bought = false});
  const auto count = attempt(state, [&] { return rank_without_cells(*snapshot.popular, question, state); });
  return {.policy = Policy::popular, .seed = no_item, .count = count};
}

Outcome LiveEngine::together(const Snapshot& snapshot, const Question& question, State& state) const {
  read_cart(snapshot, question.request.items, state);
  if (snapshot.together != nullptr && !state.items.empty()) {
    const auto count = attempt(state, [&] { return rank_cart(*snapshot.together, question, state); });
    if (count > 0) return {.policy = Policy::together, .seed = no_item, .count = count};
  }
  if (snapshot.similar != nullptr) {
    Outcome outcome{.policy = Policy::similar};
    outcome.count = rank_like_seen(snapshot, question, Leave::all, false, state, outcome.seed);
    if (outcome.count > 0) return outcome;
  }
  if (snapshot.popular == nullptr) return {};
  const auto count = attempt(state, [&] { return rank_without_cells(*snapshot.popular, question, state); });
  return {.policy = Policy::popular, .seed = no_item, .count = count};
}

void LiveEngine::add_reason(const Snapshot& snapshot, const model::Reason& reason, ReasonKind kind, State& state) const {
  AnswerReason added{.key = snapshot.generation->items().key(reason.item), .index = reason.item, .weight = reason.weight, .kind = kind};
  if (kind == ReasonKind::buy_again) {
    const auto place = std::find(state.items.begin(), state.items.end(), reason.item);
    if (place != state.items.end() && state.bought.size() == state.items.size()) {
      const auto& bought = state.bought[static_cast<std::size_t>(place - state.items.begin())];
      added.times = bought.times;
      if (bought.times > 1)
        added.every_days = static_cast<float>(static_cast<double>(bought.first_age_us - bought.last_age_us) / static_cast<double>(us_per_day) /
                                              static_cast<double>(bought.times - 1));
    }
  }
  state.reasons.push_back(added);
}

void LiveEngine::find_reasons(const model::Recommender& model, State& state) const {
  const auto count = state.answers.size();
  state.explained.resize(count);
  for (std::size_t slot = 0; slot < count; ++slot) state.explained[slot] = state.answers[slot].index;
  state.found_reasons.resize(count * reasons_per_item);
  state.reason_counts.assign(count, 0);
  const auto explained = attempt(state, [&] {
    model.explain_each(history_of(state), state.explained, reasons_per_item, state.work, state.found_reasons, state.reason_counts);
    return count;
  });
  if (explained == 0) std::fill(state.reason_counts.begin(), state.reason_counts.end(), 0u);
}

void LiveEngine::explain_by_history(const Snapshot& snapshot, std::size_t slot, bool cart, State& state) const {
  const auto& answer = state.answers[slot];
  const auto found = std::span(state.found_reasons).subspan(slot * reasons_per_item, state.reason_counts[slot]);
  const auto kind = [&](const model::Reason& reason) { return cart ? ReasonKind::bought_with : static_cast<ReasonKind>(reason.kind); };
  for (const auto& reason : found)
    if (reason.weight > 0) add_reason(snapshot, reason, kind(reason), state);
  if (state.reasons.size() > answer.first_reason) return;
  // Nothing of the history speaks for it.
  float people = 0;
  if (snapshot.popular != nullptr)
    static_cast<void>(attempt(state, [&] {
      snapshot.popular->score({}, {&answer.index, 1}, state.work, {&people, 1});
      return std::size_t{1};
    }));
  if (people > 0 || state.items.empty()) return add_reason(snapshot, {.item = answer.index, .weight = people}, ReasonKind::popular, state);
  if (!found.empty()) return add_reason(snapshot, found[0], kind(found[0]), state);
  const auto heaviest = std::max_element(state.weights.begin(), state.weights.end());
  add_reason(snapshot, {.item = state.items[static_cast<std::size_t>(heaviest - state.weights.begin())], .weight = 0},
             cart ? ReasonKind::bought_with : ReasonKind::because_of, state);
}

void LiveEngine::explain(const Snapshot& snapshot, const Outcome& outcome, State& state) const {
  if (outcome.policy == Policy::personal) find_reasons(*snapshot.personal, state);
  if (outcome.policy == Policy::together) find_reasons(*snapshot.together, state);
  for (std::size_t slot = 0; slot < state.answers.size(); ++slot) {
    auto& answer = state.answers[slot];
    answer.first_reason = static_cast<std::uint32_t>(state.reasons.size());
    const auto itself = [&](ReasonKind kind) { add_reason(snapshot, {.item = answer.index, .weight = answer.score}, kind, state); };
    switch (outcome.policy) {
      case Policy::personal: explain_by_history(snapshot, slot, false, state); break;
      case Policy::together: explain_by_history(snapshot, slot, true, state); break;
      case Policy::similar: add_reason(snapshot, {.item = outcome.seed, .weight = answer.score}, ReasonKind::similar_to, state); break;
      case Policy::popular: itself(ReasonKind::popular); break;
      case Policy::trending: itself(ReasonKind::trending); break;
      case Policy::seasonal: itself(ReasonKind::seasonal); break;
      case Policy::buy_again: itself(ReasonKind::buy_again); break;
      case Policy::recently_viewed: itself(ReasonKind::recently_viewed); break;
      case Policy::none: break;
    }
    answer.reason_count = static_cast<std::uint32_t>(state.reasons.size()) - answer.first_reason;
  }
}

void LiveEngine::answer(const Request& request, EngineWorkspace& workspace, Response& response) const {
  require_valid(request);
  const auto start = std::chrono::steady_clock::now();
  auto& state = EngineAccess::state(workspace);
  const auto& snapshot = refreshed(state);
  const Question question{.request = request,
                          .allowed = allowed(snapshot, request.category, state),
                          .now_us = request.time_us != 0 ? request.time_us : options_.clock()};
  const auto outcome = request.op == Op::similar    ? similar(snapshot, question, state)
                       : request.op == Op::together ? together(snapshot, question, state)
                                                    : recommend(snapshot, question, state);

  const auto& items = snapshot.generation->items();
  state.answers.clear();
  state.reasons.clear();
  for (std::size_t i = 0; i < outcome.count; ++i) {
    const auto [item, score] = state.found[i];
    if (question.allowed != nullptr && !question.allowed->contains(item)) continue;  // The last word, whatever a model says.
    state.answers.push_back({.key = items.key(item), .index = item, .score = score, .propensity = 1, .first_reason = 0, .reason_count = 0});
  }
  if (request.explain) explain(snapshot, outcome, state);

  const auto number = requests_.fetch_add(1, std::memory_order_relaxed);
  const auto process = mix64(request_seed_ ^ mix64(static_cast<std::uint64_t>(getpid())));
  const auto first = request.op == Op::similar ? Policy::similar : request.op == Op::together ? Policy::together : request.policy;
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
  const auto imported = recorded(events, people_);
  return imported.empty() ? store::AppendCounts{} : append_recorded(imported, people_);
}

store::EraseReceipt LiveEngine::erase(PersonSort sort, std::string_view id) {
  require_writable("erase a person");
  return people_.erase(user_key(sort, id), false);
}

void LiveEngine::swap(std::shared_ptr<const Snapshot> next) {
  const std::lock_guard lock(swap_);
  current_.swap(next);
  latest_.store(current_.get(), std::memory_order_release);
}

bool LiveEngine::reload() {
  if (!store_) return false;
  const std::lock_guard one(reload_);
  const auto id = store_->current();
  if (!id) throw Error(ErrorCode::not_found, store_->folder().string(), "holds no published generation any more", "a store that was trained");
  const auto now = snapshot();
  auto next = now->generation->info().id == *id ? now : open_snapshot(store_->open_generation(*id, options_.check));
  if (people_.last_item_change() > next->overlay->version)
    if (const auto changes = people_.item_changes(next->overlay->version); !changes.empty()) next = with_changes(*next, changes);
  if (next == now) return false;
  swap(std::move(next));
  return true;
}

/// Under reload_.
void LiveEngine::change_items(const Snapshot& now, std::span<const data::CatalogItem> items) {
  auto bytes = now.overlay->bytes;
  for (const auto& item : items) {
    const auto key = item_key(item.id);
    const auto index = now.generation->items().find(key);
    const auto* changed = now.overlay->find(key);
    const auto known = index ? now.generation->items().id(*index) : changed != nullptr ? std::string_view(changed->id) : std::string_view(item.id);
    if (known != item.id)
      throw Error(ErrorCode::invalid_argument, "items", "'" + item.id + "' and '" + std::string(known) + "' have the same key", "another id for one of the two");
    bytes += overlay_bytes(item.id, item.name);
  }
  if (bytes > options_.overlay_bytes)
    throw Error(ErrorCode::invalid_argument, "items", "would make the changes since the last training take " + std::to_string(bytes) + " bytes of memory",
                "at most " + std::to_string(options_.overlay_bytes) + "; a training takes them over into the catalogue");
  people_.change_items(items);
  swap(with_changes(now, people_.item_changes(now.overlay->version)));
}

void LiveEngine::upsert_items(std::span<const data::CatalogItem> items) {
  require_writable("change items");
  if (items.empty()) return;
  const std::lock_guard one(reload_);
  change_items(*snapshot(), items);
}

void LiveEngine::set_stock(std::string_view item, double units) {
  require_writable("change stock");
  if (!std::isfinite(units)) throw Error(ErrorCode::invalid_argument, "stock", "is " + std::to_string(units), "a number within 1e9 either way");
  data::CatalogItem changed;
  changed.id = item;
  changed.stock = units;
  const std::lock_guard one(reload_);
  const auto now = snapshot();
  const auto key = item_key(item);
  if (!now->generation->items().find(key) && now->overlay->find(key) == nullptr)
    throw Error(ErrorCode::not_found, "item", "'" + changed.id + "' is neither in generation " + now->generation->info().id + " nor new since it",
                "an item of the catalogue, of an event before the last training, or one that was upserted");
  change_items(*now, {&changed, 1});
}

std::optional<ItemFacts> LiveEngine::item(ItemKey key) const {
  const auto now = snapshot();
  const auto& items = now->generation->items();
  const auto index = items.find(key);
  const auto* changed = now->overlay->find(key);
  if (!index && changed == nullptr) return {};
  ItemFacts facts;
  if (index) facts = {.id = std::string(items.id(*index)), .name = std::string(items.item_name(*index)), .price = items.price(*index), .stock = items.stock(*index), .trained = true};
  if (changed != nullptr) {
    facts.id = changed->id;
    if (!changed->name.empty()) facts.name = changed->name;
    if (!std::isnan(changed->price)) facts.price = changed->price;
    if (!std::isnan(changed->stock)) facts.stock = changed->stock;
  }
  return facts;
}

std::string LiveEngine::call_json(std::string_view request, EngineWorkspace& workspace, Response& response) {
  return answer_json(*this, options_.clock, request, workspace, response);
}

}  // namespace

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
