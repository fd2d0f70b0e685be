/// Why lines are left out: the causes, how often each came, and an example of each.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "pannier/core/error.hpp"
#include "pannier/data/event_file.hpp"
#include "pannier/data/import_map.hpp"

namespace pannier::data {

enum class Cause : std::uint8_t {
  missing_time, bad_time, time_out_of_range, missing_kind, unknown_kind, missing_item, missing_person, bad_quantity,
  zero_quantity, negative_quantity, stock_correction, bad_price, negative_price, bad_value, bad_currency, bad_position,
  bad_dwell_ms, bad_consent, bad_slot, bad_stock, duplicate_item, text_too_long, invalid_utf8, nul_byte, too_few_fields,
  too_many_fields, bad_quote, dropped_item, other_currency, bad_json, bad_type,
  not_a_shop_event, order_without_items, duplicate_user,
};
inline constexpr std::size_t cause_count = 34;

[[nodiscard]] std::string_view name(Cause cause) noexcept;

/// False for what is left out without being wrong.
[[nodiscard]] constexpr bool is_error(Cause cause) noexcept {
  return cause != Cause::stock_correction && cause != Cause::dropped_item && cause != Cause::not_a_shop_event && cause != Cause::order_without_items;
}

/// Adds the counts of a file to those of the files before it; the first example of each stays.
void add_causes(const std::map<std::string, ImportSummary::Cause>& counts, std::map<std::string, ImportSummary::Cause>& sums);

/// Counts the lines of one file. Threads: One thread.
class LineFaults {
 public:
  explicit LineFaults(OnError on_error) : on_error_(on_error) {}

  /// A line with data.
  void count_line() noexcept { ++lines_; }
  /// Its event or item is handed on.
  void count_given() noexcept { ++given_; }
  /// It is left out: `make_error` is asked for the message where one is needed. Errors: that one, with OnError::stop, where it is
  /// `wrong`.
  template <class MakeError>
  void drop(Cause cause, MakeError&& make_error) {
    drop(cause, is_error(cause), make_error);
  }
  template <class MakeError>
  void drop(Cause cause, bool wrong, MakeError&& make_error) {
    const auto at = static_cast<std::size_t>(cause);
    if (on_error_ == OnError::stop && wrong) throw make_error();
    if (dropped_[at]++ == 0) examples_[at] = make_error().what();
  }
  [[nodiscard]] std::uint64_t lines() const noexcept { return lines_; }
  [[nodiscard]] ImportSummary summary() const;

 private:
  OnError on_error_;
  std::uint64_t lines_ = 0, given_ = 0;
  std::array<std::uint64_t, cause_count> dropped_{};
  std::array<std::string, cause_count> examples_;
};

}  // namespace pannier::data
