/// The engine: one current generation, the people store, and requests answered in-process.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/ids.hpp"
#include "pannier/core/item_set.hpp"
#include "pannier/data/catalog.hpp"
#include "pannier/data/event.hpp"
#include "pannier/store/generation.hpp"
#include "pannier/store/store.hpp"

namespace pannier::serve {

enum class Op { recommend, similar, together };

/// Which step answered. A request may ask for any of them but none and together first; the numbers never change.
enum class Policy {
  none,
  personal,         ///< The history folded into the personal model.
  similar,          ///< Like the session's last item that has similar ones; asked for first, else like the history's, newest first, at most 20 tried.
  popular,
  together,         ///< What is bought with a cart; of op together alone.
  trending,         ///< Bought more than before; the model trending.
  seasonal,         ///< Bought at this time of the week and year; the model seasonal.
  buy_again,        ///< What the person is about to need again; the model buy_again.
  recently_viewed,  ///< What the person and the session looked at, the latest look first, without what was bought (and kept) since. No model.
};
[[nodiscard]] std::string_view name(Policy policy) noexcept;   ///< "none", "personal", ...
[[nodiscard]] std::optional<Policy> policy_named(std::string_view name) noexcept;

/// One request. Texts and spans are borrowed for the call.
/// op recommend: for `user` (else `visitor`) and/or the anonymous `session` of items (oldest first); `items` is empty.
/// op similar:   items similar to the one of `items`; reads `count`, `category` and `explain` beside it, the person changes nothing.
/// op together:  what is bought together with `items`, a cart of 1 to 10,000, of which unknown ones are ignored; else as similar. No item of the cart is returned.
struct Request {
  Op op = Op::recommend;
  std::string_view user{}, visitor{};      ///< At most one is used: the user when not empty, else the visitor.
  std::span<const ItemKey> session{};      ///< At most 10,000; unknown items are ignored.
  std::span<const ItemKey> items{};        ///< op similar: the one item; op together: the cart.
  std::uint32_t count = 10;                ///< 1 to 10,000; more than the catalogue gives what there is.
  /// Without the items of the person's events and of the session: false lets repeats in. Without meaning for the policies buy_again and
  /// recently_viewed, which offer nothing else.
  bool exclude_seen = true;
  bool exclude_bought = false;             ///< Without bought items, also when seen ones may return; without meaning for buy_again.
  std::int64_t time_us = 0;                ///< 0: the engine's clock.
  bool explain = false;                    ///< Fill in 1 to 3 reasons an item, largest share of the score first.
  std::string_view page{};                 ///< Reserved; kept for logs.
  Policy policy = Policy::personal;        ///< op recommend: the first step; then the chain.
  std::string_view category{};             ///< Only items whose category is this path or lies under it ("home" has "home/mugs"); "": all.
};

/// One recommended item.
struct Answer {
  ItemKey key{};
  ItemIndex index = no_item;               ///< In the answering generation.
  float score = 0;
  float propensity = 1;                    ///< Probability that the policy showed it in this slot.
  std::uint32_t first_reason = 0, reason_count = 0;
};
/// The first five are model::ReasonKind.
enum class ReasonKind : std::uint8_t { because_of, buy_again, popular, trending, seasonal, similar_to, bought_with, recently_viewed };
[[nodiscard]] std::string_view name(ReasonKind kind) noexcept;   ///< "because_of", ...

/// Why an item. Each explained item has at least one:
/// because_of        an item of the history or the session, and its share of the score;
/// bought_with       an item of the cart, and its share of the score;
/// similar_to        the item asked about (or the session's), and the similarity;
/// buy_again         the item itself, which the person bought, and the score (of personal: its share);
/// popular, trending, seasonal, recently_viewed   the item itself, and the score of the model (popular: how many people, unless it is weighted).
/// Where no item of the history speaks for a personal item (each share is 0 or less), nothing personal is claimed: the reason is popular, with what the model popular
/// gives the item; where that is nothing, because_of the item whose share is the largest, with that share, which then is not above 0. A person without a history, known
/// by attributes alone, has popular reasons only, of weight 0 where nobody has the item.
struct AnswerReason {
  ItemKey key{};
  ItemIndex index = no_item;
  float weight = 0;
  ReasonKind kind = ReasonKind::because_of;
  std::uint32_t times = 0;                 ///< buy_again: at how many different times the person bought it, as the history tells; else 0.
  float every_days = 0;                    ///< buy_again: days between those, on average; 0 where it was bought once.
};

struct Overlay;

/// What an engine knows of an item now.
struct ItemFacts {
  std::string id, name;
  double price = std::numeric_limits<double>::quiet_NaN();   ///< NaN: unknown.
  double stock = std::numeric_limits<double>::quiet_NaN();   ///< NaN: unknown, and so in stock.
  bool trained = false;                                      ///< The generation knows it: it can be recommended. False: upserted since.
};

/// A reusable answer. After the largest request nothing is allocated. Names and ids are read through it: it holds its generation.
/// Threads: One thread.
class Response {
 public:
  [[nodiscard]] std::span<const Answer> items() const noexcept { return items_; }
  [[nodiscard]] std::span<const AnswerReason> reasons(std::size_t slot) const noexcept {
    return std::span(reasons_).subspan(items_[slot].first_reason, items_[slot].reason_count);
  }
  [[nodiscard]] std::span<const ItemKey> keys() const noexcept { return keys_; }       ///< Contiguous, for FFI.
  [[nodiscard]] std::span<const float> scores() const noexcept { return scores_; }
  [[nodiscard]] std::string_view item_id(std::size_t slot) const noexcept;
  [[nodiscard]] std::string_view item_name(std::size_t slot) const noexcept;
  [[nodiscard]] std::string_view reason_id(const AnswerReason& reason) const noexcept;
  [[nodiscard]] std::string_view reason_name(const AnswerReason& reason) const noexcept;
  [[nodiscard]] Policy policy() const noexcept { return policy_; }
  /// Another step answered than the one asked for first (recommend: its policy, similar: similar, together: together).
  [[nodiscard]] bool fallback() const noexcept { return fallback_; }
  [[nodiscard]] std::string_view generation() const noexcept;
  [[nodiscard]] std::uint64_t request_id() const noexcept { return request_id_; }
  [[nodiscard]] float microseconds() const noexcept { return microseconds_; }

 private:
  friend struct EngineAccess;
  [[nodiscard]] std::string_view name_of(ItemKey key, ItemIndex index) const noexcept;
  std::vector<Answer> items_;
  std::vector<AnswerReason> reasons_;
  std::vector<ItemKey> keys_;
  std::vector<float> scores_;
  std::shared_ptr<const store::Generation> generation_;
  std::shared_ptr<const Overlay> overlay_;
  Policy policy_ = Policy::none;
  bool fallback_ = false;
  std::uint64_t request_id_ = 0;
  float microseconds_ = 0;
};

/// What a caller keeps a thread: scratch and the snapshot it saw last. After warming, a request allocates nothing and takes no lock in memory mode.
class EngineWorkspace {
 public:
  EngineWorkspace();
  ~EngineWorkspace();
  EngineWorkspace(EngineWorkspace&&) noexcept;
  EngineWorkspace& operator=(EngineWorkspace&&) noexcept;

 private:
  friend struct EngineAccess;
  struct State;
  std::unique_ptr<State> state_;
};

struct EngineOptions {
  std::function<std::int64_t()> clock{};     ///< UTC microseconds; default system_time_us.
  std::size_t history_limit = 100'000;       ///< Last events of a person that are read.
  model::Check check = model::Check::structure;
  std::size_t overlay_bytes = std::size_t{64} << 20;   ///< Most memory of live changes of the catalogue since the last training (about 110 bytes an item, and its texts).
  std::uint64_t request_seed = 0;            ///< Where request ids begin; 0: drawn from the system when opening.
};

/// Threads: Thread-safe; one workspace and one response a thread. Starts no thread. Works before and after fork().
class Engine {
 public:
  /// Opens the store's current generation and people. Errors: not_found (nothing published yet), malformed_input, unsupported.
  [[nodiscard]] static std::shared_ptr<Engine> open(std::shared_ptr<store::Store> store, EngineOptions options = {});
  /// Serves a generation from bytes that the caller keeps; people live in this process's memory.
  [[nodiscard]] static std::shared_ptr<Engine> open(std::span<const std::byte> generation, EngineOptions options = {});
  virtual ~Engine() = default;

  /// Answers one request. Chain of recommend: the policy asked for -> personal (a history is known: the person's events and the session, folded in) -> similar (to
  /// the session's last item that has similar ones) -> popular; of together: together -> similar (to the cart's last item that has
  /// similar ones) -> popular; the response names the step. A step that has no item for the request, or whose
  /// model the generation does not hold, passes on; one that has fewer than asked answers with those. A person nobody knows is no error. The person's
  /// events that a damaged store cannot give are counted in damaged_reads() and answered without. docs/interface.md says which model answers a step.
  /// Items with a stock of 0 or less are never among the answers, whatever the policy; they may be among the reasons. A category costs one pass over
  /// its own items the first time that a workspace meets it (the last 8 are kept).
  /// Errors: invalid_argument (count of 0 or above 10,000, a session above 10,000, a time out of range, a category that no item has, with a near
  /// one proposed; recommend: items, policy none or together; similar: not one item, or one the generation does not know; together: no item, or more than 10,000;
  /// both: a policy); the response is untouched.
  virtual void answer(const Request& request, EngineWorkspace& workspace, Response& response) const = 0;

  /// Requests so far whose person's events could not be read.
  [[nodiscard]] virtual std::uint64_t damaged_reads() const noexcept = 0;

  /// Records events, all or none; the next request knows them. Returns how many were new: an event whose id is known changes nothing, where an
  /// event without an id has one derived from what it says (data::event_id), so that a retried call records nothing twice.
  /// Errors: invalid_argument naming the event and its field (another currency than the store's, too), read_only, io_failure.
  virtual store::AppendCounts record(std::span<const data::Event> events) = 0;

  /// Forgets a person: events and state. The next request knows nothing. Errors: read_only, io_failure.
  virtual store::EraseReceipt erase(PersonSort sort, std::string_view id) = 0;

  /// Says what the shop knows of items now: the fields given (texts that are not empty, numbers that are not NaN) count from the next request on, the
  /// others stay. All or none. Kept in the store: this engine opened again has them, another process after reload(), and the next training takes them
  /// over into the catalogue, where an items file that is given has the last word. Name, price and stock count at once; category, brand, image and
  /// attributes after the next training. An item that the generation does not know is known by its id and name from then on, may be recorded, be in a session
  /// and be asked about, and cannot be recommended before the next training.
  /// Cost: one transaction, and a copy of what changed since the last training and of a bit an item; give many items in one call.
  /// Errors: invalid_argument naming the item and the field (also two ids of one key; more than EngineOptions::overlay_bytes), read_only, io_failure.
  virtual void upsert_items(std::span<const data::CatalogItem> items) = 0;

  /// As upsert_items() of the stock alone. At 0 or less the item is in no answer, whatever the policy.
  /// Errors: not_found (an item that neither the generation nor an upsert knows), invalid_argument (units that are no number, or beyond 1e9), read_only, io_failure.
  virtual void set_stock(std::string_view item, double units) = 0;

  /// What is known of an item now; nothing of an unknown one.
  [[nodiscard]] virtual std::optional<ItemFacts> item(ItemKey key) const = 0;

  /// Looks at the store's CURRENT and swaps to what it names, and takes in live changes of the catalogue that other processes made. Returns true when
  /// either changed. A damaged new generation is refused by
  /// an error and the old one goes on serving. Requests run meanwhile; each is answered by one generation as a whole.
  virtual bool reload() = 0;

  [[nodiscard]] virtual std::shared_ptr<const store::Generation> generation() const = 0;

  /// One JSON request in, one JSON answer out: op recommend (the default), similar, together, record (one event under the event fields' names, or
  /// {"events": [...]}; answers {"recorded", "duplicates"}). docs/interface.md lists the keys. Unknown and repeated keys are refused.
  /// Errors: malformed_input (no JSON object, bad UTF-8), invalid_argument naming the key, unsupported (an op or key that is not built), and those of the operation.
  [[nodiscard]] virtual std::string call_json(std::string_view request, EngineWorkspace& workspace, Response& response) = 0;
};

/// The JSON answer of a response: {"request_id", "generation", "policy", "fallback", "items": [{"item", "name", "score", "reasons": [{"kind",
/// "item", "weight"}], "propensity"}], "microseconds"}. Scores in their shortest form that reads back as the same float; the request id as 16 hex digits.
[[nodiscard]] std::string to_json(const Response& response);

/// An Error as {"error": {"code", "where", "what", "allowed"}}.
[[nodiscard]] std::string to_json(const Error& error);

}  // namespace pannier::serve
