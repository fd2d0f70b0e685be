#include "pannier/data/import_map.hpp"

#include <algorithm>
#include <array>

#include "data/event_fields.hpp"
#include "data/field_text.hpp"
#include "data/import_preset.hpp"
#include "data/log_currency.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/ids.hpp"
#include "pannier/core/time.hpp"

namespace pannier::data {
namespace {

constexpr std::array<std::string_view, event_field_count> field_names = {
    "event_id", "time",     "kind",     "user", "visitor", "session", "order", "item",    "item_name", "quantity",   "price", "currency",
    "value",    "position", "dwell_ms", "query", "page",   "device",  "country", "channel", "consent",  "request_id", "slot"};

constexpr std::string_view expected_form = "field=column[,field=column...]";

[[noreturn]] void refuse(const std::string& problem, const std::string& allowed, const char* where = "map") {
  throw Error(ErrorCode::invalid_argument, where, problem, allowed);
}

/// "a=b,c=d" by its entries. Errors: invalid_argument (no '=', an empty side, a left side twice where `once`).
std::vector<std::pair<std::string, std::string>> parse_pairs(std::string_view text, const char* where, const std::string& form, bool once) {
  std::vector<std::pair<std::string, std::string>> out;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    const auto entry = text.substr(at, end - at);
    const auto equals = entry.find('=');
    if (equals == entry.npos) refuse(shown(entry) + " has no '='", form, where);
    out.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
    const auto& [left, right] = out.back();
    if (left.empty() || right.empty()) refuse(shown(entry) + " has an empty side", form, where);
    if (once && std::any_of(out.begin(), out.end() - 1, [&](const auto& earlier) { return earlier.first == left; }))
      refuse(shown(left) + " is given twice", "each once", where);
    at = end + 1;
  }
  return out;
}

}  // namespace

std::span<const std::string_view> event_field_names() noexcept { return field_names; }

std::string_view name(EventField field) noexcept { return field_names[static_cast<std::size_t>(field)]; }

std::optional<EventField> event_field(std::string_view name) noexcept {
  const auto found = std::find(field_names.begin(), field_names.end(), name);
  if (found == field_names.end()) return std::nullopt;
  return static_cast<EventField>(found - field_names.begin());
}

void check_map(const std::vector<std::pair<std::string, std::string>>& columns) {
  for (auto entry = columns.begin(); entry != columns.end(); ++entry) {
    const auto& [field, column] = *entry;
    if (field.empty() || column.empty()) refuse("'" + field + "=" + column + "' has an empty side", std::string(expected_form));
    if (!event_field(field)) {
      refuse(shown(field) + " is no field of an event" + proposal(field, field_names), "one of " + listed(field_names));
    }
    for (auto earlier = columns.begin(); earlier != entry; ++earlier) {
      if (earlier->first == field)
        refuse("the field " + field + " is given twice, " + shown(earlier->second) + " and " + shown(column), "each field once");
      if (earlier->second == column)
        refuse("the column " + shown(column) + " is given to two fields, " + earlier->first + " and " + field, "each column once");
    }
  }
}

std::vector<std::pair<std::string, std::string>> parse_map(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> columns;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    const auto entry = text.substr(at, end - at);
    const auto equals = entry.find('=');
    if (equals == entry.npos) refuse(shown(entry) + " has no '='", std::string(expected_form));
    columns.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
    at = end + 1;
  }
  check_map(columns);
  return columns;
}

std::vector<std::pair<std::string, EventKind>> parse_kinds(std::string_view text) {
  std::vector<std::pair<std::string, EventKind>> out;
  for (const auto& [word, kind] : parse_pairs(text, "kinds", "word=kind[,word=kind...], as view=view_item,buy=purchase", true)) {
    const auto known = event_kind(kind);
    if (!known) refuse(shown(kind) + " is no kind of event" + proposal(kind, event_kind_names()), "one of " + listed(event_kind_names()), "kinds");
    out.emplace_back(word, *known);
  }
  return out;
}

std::vector<std::string> parse_refund_prefixes(std::string_view text) {
  std::vector<std::string> out;
  for (const auto& [field, prefix] : parse_pairs(text, "refund_prefix", "order=PREFIX, as order=C", false)) {
    if (field != name(EventField::order)) refuse(shown(field) + " is no field that can tell refunds by a prefix", "order, as order=C", "refund_prefix");
    if (std::find(out.begin(), out.end(), prefix) != out.end()) refuse(shown(prefix) + " is given twice", "each prefix once", "refund_prefix");
    out.push_back(prefix);
  }
  return out;
}

std::vector<std::pair<std::string, double>> parse_rates(std::string_view text) {
  ImportOptions options;
  for (const auto& [code, rate] : parse_pairs(text, "rate", "CURRENCY=RATE, as EUR=0.86", true)) {
    const auto worth = parse_number(rate);
    if (!worth) refuse(shown(rate) + " is no rate", "a number above 0, at most 1e6", "rate");
    options.rates.emplace_back(capital_code(code), *worth);
  }
  return LogCurrency(options), options.rates;  // The constructor refuses codes and numbers out of range.
}

TimeUnit parse_time_unit(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, TimeUnit>, 7> units{{{"iso", TimeUnit::automatic_text},
                                                                       {"s", TimeUnit::seconds},
                                                                       {"ms", TimeUnit::milliseconds},
                                                                       {"us", TimeUnit::microseconds},
                                                                       {"none", TimeUnit::none},
                                                                       {"dmy", TimeUnit::day_first},
                                                                       {"mdy", TimeUnit::month_first}}};
  for (const auto& [word, unit] : units)
    if (word == text) return unit;
  refuse(shown(text) + " is no unit of time", "iso, s, ms, us, dmy or mdy for dates with the day or the month first, or none where the order of the file counts", "time_unit");
}

ImportOptions import_options(const ImportTexts& texts) {
  ImportOptions options;
  if (!texts.map.empty()) {
    const auto end = std::min(texts.map.find(','), texts.map.size());
    const auto first = texts.map.substr(0, end);
    const bool preset = first.find('=') == first.npos;
    if (preset) {
      if (find_preset(first) == nullptr)
        refuse(shown(first) + " is no preset and has no '='" + proposal(first, preset_names()),
               std::string(expected_form) + ", or a preset: " + listed(preset_names()));
      options.preset = first;
    }
    if (!preset) options.columns = parse_map(texts.map);
    else if (end < texts.map.size()) options.columns = parse_map(std::string_view(texts.map).substr(end + 1));
  }
  if (!texts.kind.empty()) {
    options.constant_kind = event_kind(texts.kind);
    if (!options.constant_kind)
      refuse(shown(texts.kind) + " is no kind of event" + proposal(texts.kind, event_kind_names()), "one of " + listed(event_kind_names()), "kind");
  }
  if (!texts.kinds.empty()) options.kinds = parse_kinds(texts.kinds);
  if (!texts.time_unit.empty()) options.time_unit = parse_time_unit(texts.time_unit);
  if (!texts.utc_offset.empty()) {
    // The offset as the time parser reads it: midnight in that zone against midnight in UTC.
    const auto there = parse_time("2000-01-01T00:00:00" + texts.utc_offset), here = parse_time("2000-01-01T00:00:00Z");
    if (!there || !here) refuse(shown(texts.utc_offset) + " is no offset", "one as +02:00 or -05:30", "utc_offset");
    options.utc_offset_us = *here - *there;
  }
  if (texts.on_error == "skip") options.on_error = OnError::skip;
  else if (!texts.on_error.empty() && texts.on_error != "stop") refuse(shown(texts.on_error), "stop or skip", "on_error");
  if (!texts.refund_prefix.empty()) options.refund_prefixes = parse_refund_prefixes(texts.refund_prefix);
  if (!texts.fold_case.empty() && texts.fold_case != "item") refuse(shown(texts.fold_case) + " cannot be folded", "item", "fold_case");
  options.fold_item_case = texts.fold_case == "item";
  if (!texts.rate.empty()) options.rates = parse_rates(texts.rate);
  if (!texts.drop_items.empty()) options.drop_items = read_item_list(texts.drop_items);
  return options;
}

std::uint64_t reading_key(const ImportOptions& options) {
  std::uint64_t key = 0;
  const auto add = [&key](std::string_view text) { key = hash64(std::as_bytes(std::span(text)), key + 1); };
  const auto add_number = [&](double number) { add(std::to_string(number)); };
  add(options.preset);
  for (const auto& [field, column] : options.columns) add(field), add(column);
  add_number(options.constant_kind ? static_cast<double>(*options.constant_kind) : 0);
  for (const auto& [word, kind] : options.kinds) add(word), add_number(static_cast<double>(kind));
  add_number(static_cast<double>(options.time_unit));
  add_number(static_cast<double>(options.utc_offset_us));
  for (const auto& prefix : options.refund_prefixes) add(prefix);
  add_number(options.fold_item_case ? 1 : 0);
  for (const auto& [code, rate] : options.rates) add(code), add_number(rate);
  return key;
}

}  // namespace pannier::data
