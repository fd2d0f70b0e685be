#include "data/import_notes.hpp"

#include <algorithm>
#include <utility>

#include "data/field_text.hpp"
#include "data/item_folding.hpp"
#include "pannier/core/ids.hpp"
#include "pannier/core/time.hpp"

namespace pannier::data {
namespace {

constexpr std::array<std::string_view, 8> note_names = {"cancellation", "negative_quantity", "negative_price", "zero_price",
                                                        "without_person", "duplicate_line", "case_variants", "order_over_days"};

std::string counted(std::uint64_t number, const char* one, const char* many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

}  // namespace

std::uint64_t ImportNotes::hash_of(std::string_view text) noexcept { return hash64(std::as_bytes(std::span(text)), 0); }

std::string ImportNotes::example(std::string place, std::string_view before, std::string_view text) {
  if (!text.empty()) ((place += ": ") += before) += shown(text);
  return place;
}

/// True for the second spelling of an item, once an item.
bool ImportNotes::is_variant(std::string_view item) {
  folded_.clear();
  for (const char c : trimmed(item)) folded_ += to_capital(c);
  const auto known = items_.find(hash_of(folded_));
  if (known.value == nullptr) return false;
  const auto hash = hash_of(item);
  if (known.is_new) known.value->hash = hash;
  return hash != known.value->hash && !std::exchange(known.value->several, true);
}

/// True for the second day of an order, once an order.
bool ImportNotes::splits_order(const Event& event) {
  const auto day = static_cast<std::int32_t>((event.time_us + options_.utc_offset_us) / us_per_day);
  if (event.order == last_order_ && day == last_day_) return false;
  last_order_.assign(event.order);
  last_day_ = day;
  const auto known = orders_.find(hash_of(event.order));
  if (known.value == nullptr) return false;
  if (known.is_new) known.value->day = day;
  return day != known.value->day && !std::exchange(known.value->several, true);
}

void ImportNotes::see_prefix(std::string_view order, bool negative) noexcept {
  if (order.empty()) return;
  const char first = to_capital(order[0]);
  if (first >= '0' && first <= '9') ++numbered_orders_;
  if (first < 'A' || first > 'Z') return;
  auto& prefix = prefixes_[static_cast<std::size_t>(first - 'A')];
  ++prefix.lines;
  prefix.negative += negative ? 1 : 0;
}

void ImportNotes::see_unknown_kind(std::string_view word) {
  const auto known = std::find_if(unknown_kinds_.begin(), unknown_kinds_.end(), [&](const auto& entry) { return entry.first == word; });
  if (known != unknown_kinds_.end()) ++known->second;
  else if (unknown_kinds_.size() < 16) unknown_kinds_.emplace_back(word, 1);
}

void ImportNotes::tell(ImportSummary& summary, std::string_view refused_currency) const {
  for (std::size_t which = 0; which < note_count; ++which)
    if (counts_[which].lines > 0) summary.noted[std::string(note_names[which])] = {counts_[which].lines, counts_[which].example};
  const auto propose = [&](std::string text) { summary.proposals.push_back(std::move(text)); };
  const bool vendor = !options_.preset.empty();
  for (const auto& [word, lines] : unknown_kinds_)
    if (const auto near = near_kind(word, !vendor); !near.empty())
      propose((vendor ? "kind " : "unknown kind ") + word + " (" + counted(lines, "line", "lines") + "): did you mean " + std::string(near) +
              "? --kinds " + word + "=" + std::string(near));
  propose_time(summary);
  if (const auto variants = counts_[static_cast<std::size_t>(Note::case_variants)].lines; variants > 0 && !options_.fold_item_case)
    propose(counted(variants, "code differs", "codes differ") + " only in case or in blanks at the ends: --fold-case item makes them one");
  if (!refused_currency.empty())
    propose("two currencies, " + summary.currency + " and " + std::string(refused_currency) + ": --rate " + std::string(refused_currency) +
            "=RATE, the worth of one " + std::string(refused_currency) + " in " + summary.currency);
  for (const auto& [lines, field, example] : floats_)
    if (lines > 0)
      propose(counted(lines, "line names its ", "lines name their ") + std::string(field) + " by a whole number with \".0\" behind, as " + example +
              " (tables with missing values are written so): " + example.substr(0, example.size() - 2) + " of another file is another " + std::string(field) +
              "; write ids as texts or whole numbers");
  if (options_.refund_prefixes.empty())
    for (std::size_t letter = 0; letter < prefixes_.size(); ++letter) {
      const auto& [lines, negative] = prefixes_[letter];
      if (lines < 3 || numbered_orders_ < lines || 10 * negative < 9 * lines) continue;
      const std::string prefix(1, static_cast<char>('A' + letter));
      propose(std::to_string(negative) + " of " + std::to_string(lines) + " lines of orders that begin with " + prefix +
              " have a negative quantity: --refund-prefix order=" + prefix);
    }
}

void ImportNotes::propose_time(ImportSummary& summary) const {
  if (events_ == 0 || options_.time_unit == TimeUnit::none) return;
  if (events_ > 1 && first_us_ == last_us_) {
    summary.proposals.push_back("all " + std::to_string(events_) + " events have one timestamp, " + format_time(first_us_) +
                                ": is another column the time? --time-unit none takes the order of the file");
    return;
  }
  if (first_us_ >= first_likely_time_us && last_us_ < end_of_likely_times_us) return;
  const bool late = last_us_ >= end_of_likely_times_us;
  const auto odd = late ? last_us_ : first_us_;
  auto text = "times of year " + format_time(odd).substr(0, 4);
  const auto scale = options_.time_unit == TimeUnit::seconds ? us_per_second : options_.time_unit == TimeUnit::milliseconds ? 1000 : 1;
  const auto unit = options_.time_unit == TimeUnit::automatic_text ? std::string_view{} : likely_time_unit(static_cast<double>(odd) / static_cast<double>(scale));
  text += unit.empty() ? ": is the column of times the right one?" : ": is --time-unit " + std::string(unit) + " wanted?";
  summary.proposals.push_back(std::move(text));
}

}  // namespace pannier::data
