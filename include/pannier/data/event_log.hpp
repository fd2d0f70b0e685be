/// Events in memory, column by column, with people and items as dense numbers: what matrices, sessions and customers are built from.
#pragma once

#include <cstdint>
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

/// Append-only columns. People and items are numbered by first appearance.
/// Threads: One writer; reading is free once nobody appends.
class EventLog {
 public:
  EventLog();
  ~EventLog();
  EventLog(EventLog&&) noexcept;
  EventLog& operator=(EventLog&&) noexcept;

  /// Appends a valid event. Errors: invalid_argument (as require_valid; two item ids of one key, naming both).
  void append(const Event& event);
  /// As append, for rows whose person is only known as a key (a store's rows). `item` may be empty for a search.
  void append(const std::optional<UserKey>& person, std::string_view item, std::string_view item_name, EventKind kind,
              std::int64_t time_us, double quantity, double price, std::string_view order);
  /// Makes an item known without an event (a catalogue item). Returns its index.
  ItemIndex add_item(std::string_view id);

  [[nodiscard]] std::size_t size() const noexcept;
  [[nodiscard]] std::uint32_t person_count() const noexcept;
  [[nodiscard]] std::uint32_t item_count() const noexcept;

  [[nodiscard]] std::span<const std::uint32_t> persons() const noexcept;    ///< no_person where unknown.
  [[nodiscard]] std::span<const std::uint32_t> items() const noexcept;      ///< value(no_item) where none.
  [[nodiscard]] std::span<const EventKind> kinds() const noexcept;
  [[nodiscard]] std::span<const std::int64_t> times_us() const noexcept;
  [[nodiscard]] std::span<const float> quantities() const noexcept;
  [[nodiscard]] std::span<const float> prices() const noexcept;             ///< NaN where unknown.
  [[nodiscard]] std::span<const std::uint32_t> orders() const noexcept;     ///< Dense number of the order, 0xFFFFFFFF where none.

  [[nodiscard]] UserKey person_key(std::uint32_t person) const noexcept;
  [[nodiscard]] std::string_view item_id(ItemIndex item) const noexcept;
  [[nodiscard]] std::string_view item_name(ItemIndex item) const noexcept;  ///< Last non-empty name seen, or "".
  [[nodiscard]] std::optional<std::uint32_t> find_person(const UserKey& key) const noexcept;
  [[nodiscard]] std::optional<ItemIndex> find_item(ItemKey key) const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pannier::data
