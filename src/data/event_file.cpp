#include "pannier/data/event_file.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "data/byte_source.hpp"
#include "data/event_builder.hpp"
#include "data/event_fields.hpp"
#include "data/field_text.hpp"
#include "data/import_notes.hpp"
#include "data/item_folding.hpp"
#include "data/json_events.hpp"
#include "data/log_currency.hpp"
#include "data/no_products.hpp"
#include "data/ordinals.hpp"
#include "data/table_file.hpp"
#include "data/text_arena.hpp"

namespace pannier::data {
namespace {

/// Which column of the file each field reads.
class ColumnPlan {
 public:
  ColumnPlan(const TableFile& table, const ImportOptions& options, const Preset* preset) : preset_(preset) {
    for (const auto& [field, column] : options.columns) {
      const auto at = table.find(column);
      if (!at) table.refuse_missing(column, "the event's " + field + ", which the map reads from it", "a column of the file");
      take(*event_field(field), *at);
    }
    const auto take_free = [&](EventField field, std::string_view column) {
      const auto at = table.find(column);
      if (at && !has(field) && !is_taken(*at) && !(field == EventField::kind && options.constant_kind)) take(field, *at);
    };
    if (preset != nullptr) {
      for (const auto& [field, outer, inner] : preset->fields)
        for (auto names : {outer, inner})
          for (; !names.empty(); names.remove_prefix(std::min(names.find('|'), names.size() - 1) + 1)) take_free(field, names.substr(0, names.find('|')));
    } else {
      for (const auto column : event_field_names()) take_free(*event_field(column), column);
    }
    require(table, EventField::time, options.time_unit != TimeUnit::none);
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
                             (field == EventField::kind ? ", or --kind KIND for all lines" : "") +
                             (preset_ != nullptr && !preset_->item_arrays.empty() ? "; the preset " + std::string(preset_->name) + " is for JSON lines" : ""));
  }

  const Preset* preset_;
  std::vector<std::pair<EventField, std::uint32_t>> columns_;
};

/// From the texts of events, in file order, to blocks of events for the sink: all that does not depend on the file's format.
class Importer {
 public:
  using Sink = std::function<void(std::span<const ImportedEvent>)>;
  Importer(const ImportOptions& options, NoProducts& no_products, const Sink& sink)
      : builder_(options), currency_(options), dropped_items_(options), notes_(options), no_products_(no_products), sink_(sink), faults_(options.on_error) {
    if (!sink) throw Error(ErrorCode::invalid_argument, "sink", "is empty", "a function that takes the events");
  }

  /// One event. `place(field)` gives its place in the file, of a field where one is named.
  /// `whole`: it is not an element of an array of items.
  template <class Place>
  void take(EventTexts& texts, std::uint64_t line, bool whole, const Place& place) {
    auto& item = texts[static_cast<std::size_t>(EventField::item)];
    const auto line_place = [&] { return place(std::nullopt); };
    notes_.see_item(item, line_place);
    item = dropped_items_.folded(item, arena_);
    const auto drop = [&](EventFault fault) {
      // A collector's log names events without people and orders without items as a matter of course.
      const bool of_preset = builder_.preset() != nullptr && builder_.preset()->closed;
      if (of_preset && whole && fault.cause == Cause::missing_item) fault = without_item(block_[filled_].event.kind);
      faults_.drop(fault.cause, is_error(fault.cause) && !(of_preset && fault.cause == Cause::missing_person),
                   [&] { return describe(fault, texts, place); });
    };
    auto& event = block_[filled_].event;
    EventFacts facts;
    const auto fault = builder_.build(texts, line, event, facts);
    notes_.see(texts, facts, line_place);
    if (dropped_items_.has(item)) return drop({Cause::dropped_item, EventField::item});
    if (fault && (fault->cause == Cause::unknown_kind || fault->cause == Cause::not_a_shop_event))
      notes_.see_unknown_kind(texts[static_cast<std::size_t>(EventField::kind)]);
    if (fault) return drop(*fault);
    switch (currency_.settle(event)) {
      case LogCurrency::Verdict::fits: break;
      case LogCurrency::Verdict::other_currency: return drop({Cause::other_currency, EventField::currency});
      case LogCurrency::Verdict::too_large: return drop({Cause::bad_price, EventField::price});
    }
    notes_.see_event(event, line_place);
    no_products_.see(event, line_place);
    if (event.id.empty()) {
      keys_[filled_] = event_id(event, 0);
      ordinals_.prefetch(keys_[filled_]);
    }
    faults_.count_given();
    if (++filled_ == block_size) hand_on();
  }
  template <class Place>
  void drop(Cause cause, EventField field, const EventTexts& texts, const Place& place) {
    faults_.drop(cause, [&] { return describe({cause, field}, texts, place); });
  }

  /// Before the texts of the events so far die.
  void end_block() {
    hand_on();
    arena_.clear();
  }
  /// Numbers of a file whose decimal sign may be a comma.
  void take_decimal_commas(EventTexts& texts) {
    for (const auto field : {EventField::quantity, EventField::price, EventField::value}) {
      auto& text = texts[static_cast<std::size_t>(field)];
      text = with_decimal_point(text, [&](std::size_t size) { return arena_.room(size); });
    }
  }
  [[nodiscard]] const Preset* preset() const noexcept { return builder_.preset(); }
  [[nodiscard]] LineFaults& faults() noexcept { return faults_; }
  [[nodiscard]] ImportNotes& notes() noexcept { return notes_; }
  void propose(std::string text) { proposals_.push_back(std::move(text)); }
  [[nodiscard]] ImportSummary summary() const {
    auto out = faults_.summary();
    out.currency = currency_.code();
    out.proposals = proposals_;
    notes_.tell(out, currency_.refused());
    return out;
  }

 private:
  static constexpr std::size_t block_size = 1024;

  template <class Place>
  [[nodiscard]] Error describe(const EventFault& fault, const EventTexts& texts, const Place& place) const {
    auto where = fault.cause == Cause::missing_person ? place(std::nullopt) : place(fault.field);
    if (fault.cause == Cause::other_currency)
      return currency_.describe(texts[static_cast<std::size_t>(EventField::currency)], std::move(where));
    return builder_.describe(fault, texts, std::move(where));
  }
  static EventFault without_item(EventKind kind) {
    const bool order = kind == EventKind::purchase || kind == EventKind::refund;
    return order ? EventFault{Cause::order_without_items, EventField::order} : EventFault{Cause::not_a_shop_event, EventField::kind};
  }
  void hand_on() {
    for (std::size_t at = 0; at < filled_; ++at) block_[at].ordinal = block_[at].event.id.empty() ? ordinals_.next(keys_[at]) : 0;
    if (filled_ > 0) sink_(std::span<const ImportedEvent>(block_.data(), std::exchange(filled_, 0)));
  }

  EventBuilder builder_;
  LogCurrency currency_;
  DroppedItems dropped_items_;
  ImportNotes notes_;
  NoProducts& no_products_;
  std::vector<std::string> proposals_;
  const Sink& sink_;
  LineFaults faults_;
  Ordinals ordinals_;
  TextArena arena_;
  std::vector<ImportedEvent> block_ = std::vector<ImportedEvent>(block_size);
  std::vector<UserKey> keys_ = std::vector<UserKey>(block_size);  ///< Of the block's events without an id.
  std::size_t filled_ = 0;
};

void report(const RecordReader& reader, const FitControl& control) {
  checkpoint(control, "reading events", reader.source().position(), reader.source().size());
}

void read_table(Importer& importer, RecordReader reader, const ImportOptions& options, const FitControl& control) {
  TableFile table(std::move(reader));
  const ColumnPlan plan(table, options, importer.preset());
  EventTexts texts{};
  const auto place = [&](std::optional<EventField> field) {
    const auto column = field ? plan.column_of(*field) : std::nullopt;
    return table.where(column ? std::string_view(table.columns()[*column]) : std::string_view{});
  };
  report(table.reader(), control);
  table.read(
      importer.faults(),
      [&] {
        importer.end_block();
        report(table.reader(), control);
      },
      [&](std::span<const std::string_view> fields) {
        importer.notes().see_line(table.reader().bytes(), [&] { return place(std::nullopt); });
        for (const auto& [field, column] : plan.columns()) {
          const auto text = texts[static_cast<std::size_t>(field)] = fields[column];
          if (const auto flaw = table.flaw(text, longest_text); flaw != TextFlaw::none)
            return importer.drop(cause_of(flaw), field, texts, place);
        }
        if (table.reader().has_semicolons()) importer.take_decimal_commas(texts);
        importer.take(texts, table.reader().line(), true, place);
      });
}

void read_json(Importer& importer, RecordReader reader, const ImportOptions& options, const FitControl& control) {
  JsonEvents events(std::move(reader), options, importer.preset());
  const auto place = [&](std::optional<EventField> field) { return events.where(field); };
  report(events.reader(), control);
  events.read(
      importer.faults(),
      [&] {
        importer.end_block();
        report(events.reader(), control);
      },
      [&](JsonEvents::Item& item) {
        if (item.first) importer.notes().see_line(events.reader().bytes(), [&] { return place(std::nullopt); });
        if (events.suspect())
          for (std::size_t field = 0; field < event_field_count; ++field)
            if (const auto flaw = text_flaw(item.texts[field], longest_text); flaw != TextFlaw::none)
              return importer.drop(cause_of(flaw), static_cast<EventField>(field), item.texts, place);
        importer.take(item.texts, events.reader().line(), !item.of_array, place);
      });
  for (const auto& path : events.unused_paths()) importer.propose("the path " + shown(path) + " of the map led nowhere in the whole file");
  if (const auto names = events.item_names(); names.size() > 1) {
    std::string text = "items are named by " + names[0].first + " in " + std::to_string(names[0].second) + " events";
    for (std::size_t i = 1; i < names.size(); ++i) text += ", by " + names[i].first + " in " + std::to_string(names[i].second);
    importer.propose(text + ": a product that has both is two items; --map PRESET,item=PATH reads one of them");
  }
}

/// A file; which of its codes are no products is told once all files were seen.
ImportSummary read_file(const std::filesystem::path& file, const ImportOptions& options, NoProducts& no_products,
                        const std::function<void(std::span<const ImportedEvent>)>& sink, const FitControl& control) {
  return read_whole(file, [&] {
    Importer importer(options, no_products, sink);
    RecordReader reader(open_bytes(file), file);
    if (reader.dialect() == Dialect::json) read_json(importer, std::move(reader), options, control);
    else read_table(importer, std::move(reader), options, control);
    return importer.summary();
  });
}

void tell(const NoProducts& no_products, ImportSummary& summary) {
  summary.no_products = no_products.found();
  if (auto text = propose_dropping(summary.no_products); !text.empty()) summary.proposals.push_back(std::move(text));
}

}  // namespace

ImportSummary read_events(const std::filesystem::path& file, const ImportOptions& options,
                          const std::function<void(std::span<const ImportedEvent>)>& sink, const FitControl& control) {
  NoProducts no_products;
  auto out = read_file(file, options, no_products, sink, control);
  tell(no_products, out);
  return out;
}

ImportSummary read_event_files(std::span<const std::filesystem::path> files, const ImportOptions& options,
                               const std::function<void(std::span<const ImportedEvent>)>& sink, const FitControl& control,
                               const std::function<void(const std::filesystem::path& file)>& file_end) {
  ImportSummary out{.read = 0, .given = 0, .dropped = {}, .noted = {}, .proposals = {}, .no_products = {}, .currency = options.currency};
  auto settled = options;
  NoProducts no_products;
  for (const auto& file : files) {
    settled.currency = out.currency;
    auto summary = read_file(file, settled, no_products, sink, control);
    if (file_end) file_end(file);
    out.read += summary.read;
    out.given += summary.given;
    out.currency = std::move(summary.currency);
    add_causes(summary.dropped, out.dropped);
    add_causes(summary.noted, out.noted);
    for (auto& proposal : summary.proposals)
      if (std::find(out.proposals.begin(), out.proposals.end(), proposal) == out.proposals.end()) out.proposals.push_back(std::move(proposal));
  }
  tell(no_products, out);
  return out;
}

std::optional<UserKey> content_key(const std::filesystem::path& file) {
  if (std::error_code ignored; file == "-" || (std::filesystem::exists(file, ignored) && !std::filesystem::is_regular_file(file, ignored))) return std::nullopt;
  RawFile raw(file);
  std::vector<char> block(std::size_t{1} << 20);
  UserKey key;
  for (;;) {
    const auto size = raw.read(block);
    key = hash128(std::as_bytes(std::span(block).first(size)), key.low);
    if (size == 0) return key;
  }
}

}  // namespace pannier::data
