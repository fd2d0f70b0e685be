#include "pannier/data/event_file.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "data/event_builder.hpp"
#include "data/event_fields.hpp"
#include "data/ordinals.hpp"
#include "data/table_file.hpp"

namespace pannier::data {
namespace {

/// Which column of the file each field reads.
class ColumnPlan {
 public:
  ColumnPlan(const TableFile& table, const ImportOptions& options) {
    for (const auto& [field, column] : options.columns) {
      const auto at = table.find(column);
      if (!at) table.refuse_missing(column, "the event's " + field + ", which the map reads from it", "a column of the file");
      take(*event_field(field), *at);
    }
    for (std::size_t number = 0; number < event_field_count; ++number) {
      const auto field = static_cast<EventField>(number);
      const auto at = table.find(name(field));
      if (at && !has(field) && !is_taken(*at) && !(field == EventField::kind && options.constant_kind)) take(field, *at);
    }
    require(table, EventField::time, true);
    require(table, EventField::kind, !options.constant_kind.has_value());
    require(table, EventField::item, options.constant_kind != EventKind::search && !has(EventField::query));
    using enum EventField;
    if (!has(user) && !has(visitor) && !has(session) && !has(order))
      table.refuse_missing(name(user), "the person or the order", "a column named user, visitor, session or order, or --map user=COLUMN");
  }

  [[nodiscard]] const std::vector<std::pair<EventField, std::uint32_t>>& columns() const noexcept { return columns_; }
  [[nodiscard]] std::optional<std::uint32_t> column_of(EventField field) const noexcept {
    for (const auto& [taken, column] : columns_)
      if (taken == field) return column;
    return std::nullopt;
  }

 private:
  void take(EventField field, std::uint32_t column) { columns_.emplace_back(field, column); }
  [[nodiscard]] bool has(EventField field) const noexcept { return column_of(field).has_value(); }
  [[nodiscard]] bool is_taken(std::uint32_t column) const noexcept {
    return std::any_of(columns_.begin(), columns_.end(), [&](const auto& taken) { return taken.second == column; });
  }
  void require(const TableFile& table, EventField field, bool needed) const {
    if (!needed || has(field)) return;
    const std::string text(name(field));
    table.refuse_missing(text, "the event's " + text,
                         "a column named " + text + ", or --map " + text + "=COLUMN" +
                             (field == EventField::kind ? ", or --kind KIND for all lines" : ""));
  }

  std::vector<std::pair<EventField, std::uint32_t>> columns_;
};

}  // namespace

ImportSummary read_events(const std::filesystem::path& file, const ImportOptions& options,
                          const std::function<void(std::span<const ImportedEvent>)>& sink, const FitControl& control) {
  const EventBuilder builder(options);
  if (!sink) throw Error(ErrorCode::invalid_argument, "sink", "is empty", "a function that takes the events");
  TableFile table(file);
  const ColumnPlan plan(table, options);
  LineFaults faults(options.on_error);
  Ordinals ordinals;
  EventTexts texts{};

  constexpr std::size_t block_size = 1024;
  std::vector<ImportedEvent> block(block_size);
  std::vector<UserKey> keys(block_size);  // Of the block's events without an id.
  std::size_t filled = 0;
  const auto hand_on = [&] {
    for (std::size_t at = 0; at < filled; ++at)
      block[at].ordinal = block[at].event.id.empty() ? ordinals.next(keys[at]) : 0;
    if (filled > 0) sink(std::span<const ImportedEvent>(block.data(), std::exchange(filled, 0)));
  };
  const auto report = [&] {
    const auto& source = table.reader().source();
    checkpoint(control, "reading events", source.position(), source.size());
  };
  const auto drop = [&](const EventFault& fault) {
    faults.drop(fault.cause, [&] {
      const auto column = plan.column_of(fault.field);
      const bool of_line = fault.cause == Cause::missing_person || !column;
      return builder.describe(fault, texts, table.where(of_line ? std::string_view{} : table.columns()[*column]));
    });
  };

  report();
  table.read(
      faults,
      [&] {
        hand_on();
        report();
      },
      [&](std::span<const std::string_view> fields) {
        for (const auto& [field, column] : plan.columns()) {
          const auto text = texts[static_cast<std::size_t>(field)] = fields[column];
          if (const auto flaw = table.flaw(text, longest_text); flaw != TextFlaw::none)
            return drop({cause_of(flaw), field});
        }
        auto& event = block[filled].event;
        if (const auto fault = builder.build(texts, event)) return drop(*fault);
        if (event.id.empty()) {
          keys[filled] = event_id(event, 0);
          ordinals.prefetch(keys[filled]);
        }
        faults.count_given();
        if (++filled == block_size) hand_on();
      });
  return faults.summary();
}

}  // namespace pannier::data
