/// What is worth saying of a file beside what was left out: facts with an example, and proposals for options that would help.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/event_builder.hpp"
#include "data/text_arena.hpp"
#include "pannier/data/event.hpp"
#include "pannier/data/event_file.hpp"
#include "pannier/data/import_map.hpp"

namespace pannier::data {

/// Values by 64-bit hash, open addressing, at most 3/4 full, with a bound: what comes after it is full is not remembered.
template <class Value>
class BoundedTable {
 public:
  /// The most keys that are remembered.
  static constexpr std::size_t most = std::size_t{3} << 19;  // 1,572,864: 3/4 of 2^21

  /// The value of the key and whether it is new; null where there is no room for a new one.
  struct Place {
    Value* value = nullptr;
    bool is_new = false;
  };
  [[nodiscard]] Place find(std::uint64_t hash) {
    if (hash == 0) hash = 1;  // 0 marks a free slot.
    if (4 * (size_ + 1) > 3 * slots_.size() && size_ < most) grow();
    for (auto at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
      auto& slot = slots_[at];
      if (slot.hash == hash) return {&slot.value, false};
      if (slot.hash != 0) continue;
      if (size_ == most) return {};
      slot.hash = hash;
      ++size_;
      return {&slot.value, true};
    }
  }
  void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&slots_[hash & (slots_.size() - 1)], 1); }
  [[nodiscard]] bool full() const noexcept { return size_ == most; }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    [[no_unique_address]] Value value{};
  };
  void grow() {
    std::vector<Slot> larger(2 * slots_.size());
    for (auto& slot : slots_) {
      if (slot.hash == 0) continue;
      auto at = slot.hash & (larger.size() - 1);
      while (larger[at].hash != 0) at = (at + 1) & (larger.size() - 1);
      larger[at] = slot;
    }
    slots_ = std::move(larger);
  }
  std::vector<Slot> slots_ = std::vector<Slot>(1024);
  std::size_t size_ = 0;
};

/// Memory: bounded; at most 16 MiB for lines, 48 MiB for items and 32 MiB for orders, which is reached at 1.5 million different ones.
/// Threads: One thread.
class ImportNotes {
 public:
  explicit ImportNotes(const ImportOptions& options) : options_(options) {}

  /// A line whose fields could be told apart, used or not. `place()` gives FILE:LINE.
  template <class Place>
  void see(const EventTexts& texts, const EventFacts& facts, const Place& place) {
    const auto text = [&](EventField field) { return texts[static_cast<std::size_t>(field)]; };
    if (facts.cancellation) note(Note::cancellation, place, "order ", text(EventField::order));
    if (facts.negative_quantity) note(Note::negative_quantity, place, "", text(EventField::quantity));
    if (facts.negative_price) note(Note::negative_price, place, "", text(EventField::price));
    if (facts.zero_price) note(Note::zero_price, place, "", text(EventField::price));
    if (facts.without_person) note(Note::without_person, place, text(EventField::order).empty() ? "" : "order ", text(EventField::order));
    see_prefix(text(EventField::order), facts.negative_quantity);
    see_number("item", text(EventField::item), floats_[0]);
    see_number("user", text(EventField::user), floats_[1]);
  }
  /// An item's id as it stands in the file.
  template <class Place>
  void see_item(std::string_view item, const Place& place) {
    if (item.empty() || item == last_item_) return;
    last_item_.assign(item);
    if (is_variant(item)) note(Note::case_variants, place, "", item);
  }
  /// The bytes of a line; what makes equal lines equal.
  template <class Place>
  void see_line(std::string_view bytes, const Place& place) {
    const auto hash = hash_of(bytes);
    const auto known = lines_.find(hash);
    if (known.value != nullptr && !known.is_new) note(Note::duplicate_line, place, "", {});
  }
  /// An event that is handed on.
  template <class Place>
  void see_event(const Event& event, const Place& place) {
    if (event.time_us < first_us_) first_us_ = event.time_us;
    if (event.time_us > last_us_) last_us_ = event.time_us;
    ++events_;
    if (event.kind == EventKind::purchase && !event.order.empty() && splits_order(event)) note(Note::order_over_days, place, "order ", event.order);
  }
  void see_unknown_kind(std::string_view word);

  /// Writes facts and proposals.
  void tell(ImportSummary& summary, std::string_view refused_currency) const;

 private:
  enum class Note : std::uint8_t {
    cancellation, negative_quantity, negative_price, zero_price, without_person, duplicate_line, case_variants, order_over_days
  };
  static constexpr std::size_t note_count = 8;
  struct Count {
    std::uint64_t lines = 0;
    std::string example;
  };
  struct Nothing {};
  struct Spelling {
    std::uint64_t hash = 0;   ///< Of the first spelling.
    bool several = false;
  };
  struct OrderDay {
    std::int32_t day = 0;
    bool several = false;
  };
  /// Ids that are whole numbers with ".0" behind.
  struct Floats {
    std::uint64_t lines = 0;
    std::string_view field;
    std::string example;
  };
  struct Prefix {
    std::uint64_t lines = 0, negative = 0;
  };

  template <class Place>
  void note(Note which, const Place& place, std::string_view before, std::string_view text) {
    auto& count = counts_[static_cast<std::size_t>(which)];
    if (count.lines++ == 0) count.example = example(place(), before, text);
  }
  [[nodiscard]] static std::string example(std::string place, std::string_view before, std::string_view text);
  [[nodiscard]] static std::uint64_t hash_of(std::string_view text) noexcept;
  [[nodiscard]] bool is_variant(std::string_view item);
  [[nodiscard]] bool splits_order(const Event& event);
  void see_prefix(std::string_view order, bool negative) noexcept;
  static void see_number(std::string_view field, std::string_view id, Floats& floats) {
    if (id.size() > 2 && id.ends_with(".0") && id.find_first_not_of("0123456789") == id.size() - 2 && floats.lines++ == 0)
      floats.field = field, floats.example = id;
  }
  void propose_time(ImportSummary& summary) const;

  const ImportOptions& options_;
  std::array<Count, note_count> counts_;
  BoundedTable<Nothing> lines_;
  BoundedTable<Spelling> items_;
  BoundedTable<OrderDay> orders_;
  std::array<Prefix, 26> prefixes_{};          ///< Lines whose order begins with a letter.
  std::array<Floats, 2> floats_;               ///< Items, users.
  std::uint64_t numbered_orders_ = 0;          ///< Lines whose order begins with a digit.
  std::string last_item_, last_order_, folded_;
  std::int32_t last_day_ = 0;
  std::int64_t first_us_ = INT64_MAX, last_us_ = INT64_MIN;
  std::uint64_t events_ = 0;
  std::vector<std::pair<std::string, std::uint64_t>> unknown_kinds_;  ///< At most 16.
};

}  // namespace pannier::data
