#include "pannier/core/time.hpp"

#include <chrono>
#include <cstdio>

namespace pannier {
namespace {

/// Reads a text from its front; every step refuses what does not fit.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}
  [[nodiscard]] bool done() const { return at_ == text_.size(); }
  [[nodiscard]] bool next_is(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool accept(char c) {
    if (!next_is(c)) return false;
    ++at_;
    return true;
  }
  /// Exactly `digits` digits with a value of at most `most`.
  bool number(int digits, int most, int& out) {
    if (text_.size() - at_ < static_cast<std::size_t>(digits)) return false;
    int sum = 0;
    for (int n = 0; n < digits; ++n) {
      const char c = text_[at_ + static_cast<std::size_t>(n)];
      if (c < '0' || c > '9') return false;
      sum = sum * 10 + (c - '0');
    }
    if (sum > most) return false;
    at_ += static_cast<std::size_t>(digits);
    out = sum;
    return true;
  }
  /// One to nine digits after a point, as microseconds; what is finer is dropped.
  bool fraction(std::int64_t& out) {
    std::int64_t sum = 0;
    int digits = 0;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_, ++digits) {
      if (digits == 9) return false;
      if (digits < 6) sum = sum * 10 + (text_[at_] - '0');
    }
    if (digits == 0) return false;
    for (int n = digits; n < 6; ++n) sum *= 10;
    out = sum;
    return true;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text, std::int64_t utc_offset_us) noexcept {
  Cursor cursor(text);
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  std::int64_t micros = 0, offset_us = utc_offset_us;
  if (!cursor.number(4, 9999, year) || !cursor.accept('-') || !cursor.number(2, 12, month) || !cursor.accept('-') ||
      !cursor.number(2, 31, day))
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  if (!cursor.done()) {
    if (!cursor.accept('T') && !cursor.accept(' ') && !cursor.accept('t')) return std::nullopt;
    if (!cursor.number(2, 23, hour) || !cursor.accept(':') || !cursor.number(2, 59, minute)) return std::nullopt;
    if (cursor.accept(':')) {
      if (!cursor.number(2, 59, second)) return std::nullopt;
      if (cursor.accept('.') && !cursor.fraction(micros)) return std::nullopt;
    }
    if (cursor.accept('Z') || cursor.accept('z')) {
      offset_us = 0;
    } else if (cursor.next_is('+') || cursor.next_is('-')) {
      const bool west = cursor.accept('-');
      if (!west) cursor.accept('+');
      int offset_hours = 0, offset_minutes = 0;
      if (!cursor.number(2, 23, offset_hours)) return std::nullopt;
      if (!cursor.done()) {
        cursor.accept(':');
        if (!cursor.number(2, 59, offset_minutes)) return std::nullopt;
      }
      offset_us = (offset_hours * std::int64_t{3600} + offset_minutes * std::int64_t{60}) * us_per_second;
      if (west) offset_us = -offset_us;
    }
  }
  if (!cursor.done()) return std::nullopt;
  const auto days = std::chrono::sys_days{date}.time_since_epoch().count();
  const auto seconds = hour * std::int64_t{3600} + minute * std::int64_t{60} + second;
  return days * us_per_day + seconds * us_per_second + micros - offset_us;
}

std::string format_time(std::int64_t time_us) {
  auto days = time_us / us_per_day;
  auto rest = time_us % us_per_day;
  if (rest < 0) {
    rest += us_per_day;
    --days;
  }
  // Civil date from days, over 400-year eras: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
  const auto shifted = days + 719'468;
  const auto era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const auto day_of_era = shifted - era * 146'097;
  const auto year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const auto day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const auto shifted_month = (5 * day_of_year + 2) / 153;
  const auto day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const auto month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const auto year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);

  const auto seconds = rest / us_per_second, micros = rest % us_per_second;
  char text[64];
  int length = std::snprintf(text, sizeof text, "%04lld-%02d-%02dT%02d:%02d:%02d", static_cast<long long>(year), static_cast<int>(month),
                             static_cast<int>(day), static_cast<int>(seconds / 3600), static_cast<int>(seconds / 60 % 60), static_cast<int>(seconds % 60));
  std::string out(text, static_cast<std::size_t>(length));
  if (micros != 0) {
    length = std::snprintf(text, sizeof text, ".%06d", static_cast<int>(micros));
    out.append(text, static_cast<std::size_t>(length));
  }
  return out + "Z";
}

std::int64_t system_time_us() noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace pannier
