/// Events in memory, column by column, with people and items as dense numbers: what matrices, sessions and customers are built from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/ids.hpp"
#include "pannier/data/event.hpp"

namespace pannier::data {

/// No person: an event kept for its order alone.
inline constexpr std::uint32_t no_person = 0xFFFFFFFFu;
/// No order.
inline constexpr std::uint32_t no_order = 0xFFFFFFFFu;

/// Append-only columns. People, items and orders are numbered by first appearance. A moved-from log may only be assigned to or destroyed.
/// Cost: about 30 bytes an event, 30 a person, 60 and its texts an item; appending is O(1) (two or three hash probes).
/// Threads: One writer; reading is free once nobody appends.
class EventLog {
 public:
  EventLog();
  ~EventLog();
  EventLog(EventLog&&) noexcept;
  EventLog& operator=(EventLog&&) noexcept;

  /// Appends a valid event. Errors: invalid_argument (as require_valid; two item ids of one key, naming both), with the log as it was.
  void append(const Event& event);
  /// As append, for rows whose person is only known as a key (a store's rows). `item` may be empty for a search; the row was checked
  /// when it was stored: here only the keys of item ids are.
  void append(const std::optional<UserKey>& person, std::string_view item, std::string_view item_name, EventKind kind,
              std::int64_t time_us, double quantity, double price, std::string_view order);
  /// Makes an item known without an event (a catalogue item). Returns its index.
  /// Errors: invalid_argument (an empty id, two item ids of one key, naming both).
  ItemIndex add_item(std::string_view id);

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::uint32_t person_count() const noexcept;
  [[nodiscard]] std::uint32_t item_count() const noexcept;
  [[nodiscard]] std::uint32_t order_count() const noexcept;

  // The columns, one entry an event; borrowed until the next append.
  [[nodiscard]] std::span<const std::uint32_t> persons() const noexcept;    ///< no_person where unknown.
  [[nodiscard]] std::span<const std::uint32_t> items() const noexcept;      ///< value(no_item) where none.
  [[nodiscard]] std::span<const EventKind> kinds() const noexcept;
  [[nodiscard]] std::span<const std::int64_t> times_us() const noexcept;
  [[nodiscard]] std::span<const float> quantities() const noexcept;
  [[nodiscard]] std::span<const float> prices() const noexcept;             ///< NaN where unknown.
  [[nodiscard]] std::span<const std::uint32_t> orders() const noexcept;     ///< Dense number of the order, no_order where none.

  // Numbers out of range give an empty text or a zero key. Ids live as long as the log, names until the next append.
  [[nodiscard]] UserKey person_key(std::uint32_t person) const noexcept;
  [[nodiscard]] std::string_view item_id(ItemIndex item) const noexcept;
  [[nodiscard]] std::string_view item_name(ItemIndex item) const noexcept;  ///< Last non-empty name seen, or "".
  [[nodiscard]] std::optional<std::uint32_t> find_person(const UserKey& key) const noexcept;
  [[nodiscard]] std::optional<ItemIndex> find_item(ItemKey key) const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The events at the places that `keep` wants, in their order. The items of `items` (numbers of `log`) are known first, in that order; people, orders and
/// further items are numbered by first appearance. Names of items stay behind, and orders are called by their old numbers.
[[nodiscard]] EventLog filtered(const EventLog& log, const std::function<bool(std::size_t place)>& keep, std::span<const std::uint32_t> items = {});

}  // namespace pannier::data
