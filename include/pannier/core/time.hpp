/// Time is UTC microseconds since 1970-01-01 in an int64, everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pannier {

inline constexpr std::int64_t us_per_second = 1'000'000;
inline constexpr std::int64_t us_per_day = 86'400 * us_per_second;

/// The years an event may lie in, [1970, 2200): times outside are refused, they are a wrong unit or a typing error.
inline constexpr std::int64_t earliest_time_us = 0;
inline constexpr std::int64_t latest_time_us = 7'258'118'400 * us_per_second - 1;

/// ISO 8601 ("2024-05-01T10:00:00.123456Z", "+02:00" offsets, "2024-05-01") or "YYYY-MM-DD HH:MM[:SS[.ffffff]]"; text without
/// an offset is UTC plus `utc_offset_us` taken off. Empty when it is no such time, or no day of the calendar.
/// Cost: no allocation, about 20 ns.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text, std::int64_t utc_offset_us = 0) noexcept;

/// "2024-05-01T10:00:00Z", with six decimals only when there are microseconds.
[[nodiscard]] std::string format_time(std::int64_t time_us);

/// The system clock, the default of what takes a clock.
[[nodiscard]] std::int64_t system_time_us() noexcept;

}  // namespace pannier
