#include "pannier/core/time.hpp"

#include <string>

#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;

TEST_CASE("time: every accepted form, against values of date(1)", "[core][time]") {
  constexpr std::int64_t ten = 1'714'557'600 * us_per_second;  // 2024-05-01T10:00:00Z
  REQUIRE(parse_time("2024-05-01T10:00:00Z") == ten);
  REQUIRE(parse_time("2024-05-01T10:00:00") == ten);
  REQUIRE(parse_time("2024-05-01 10:00:00") == ten);
  REQUIRE(parse_time("2024-05-01 10:00") == ten);
  REQUIRE(parse_time("2024-05-01T10:00Z") == ten);
  REQUIRE(parse_time("2024-05-01T12:00:00+02:00") == ten);
  REQUIRE(parse_time("2024-05-01T12:00:00+0200") == ten);
  REQUIRE(parse_time("2024-05-01T12:00:00+02") == ten);
  REQUIRE(parse_time("2024-05-01T04:30:00-05:30") == ten);
  REQUIRE(parse_time("2024-05-01") == ten - 10 * 3600 * us_per_second);
  REQUIRE(parse_time("2024-05-01T10:00:00.5Z") == ten + 500'000);
  REQUIRE(parse_time("2024-05-01 10:00:00.123456") == ten + 123'456);
  REQUIRE(parse_time("2024-05-01T10:00:00.123456789Z") == ten + 123'456);
  REQUIRE(parse_time("1970-01-01") == 0);
  REQUIRE(parse_time("1969-12-31T23:59:59Z") == -us_per_second);
  REQUIRE(parse_time("2199-12-31T23:59:59.999999Z") == latest_time_us);
  REQUIRE(parse_time("2000-02-29") == 951'782'400 * us_per_second);
}

TEST_CASE("time: an offset of the caller is taken off only where the text has none", "[core][time]") {
  constexpr std::int64_t hour = 3600 * us_per_second;
  REQUIRE(parse_time("1970-01-01 05:00", 2 * hour) == 3 * hour);
  REQUIRE(parse_time("1970-01-01", -hour) == hour);
  REQUIRE(parse_time("1970-01-01T05:00Z", 2 * hour) == 5 * hour);
  REQUIRE(parse_time("1970-01-01T05:00+01:00", 2 * hour) == 4 * hour);
}

TEST_CASE("time: what is no time or no day of the calendar is refused", "[core][time]") {
  for (const char* text : {"", " ", "2024", "2024-05", "2024-5-1", "2024-05-01T", "2024-05-01 ", "2024-05-01T10", "2024-05-01T10:", "2024-05-01T10:0",
                           "2024-05-01T24:00:00", "2024-05-01T10:60", "2024-05-01T10:00:60", "2024-05-01T10:00:00.", "2024-05-01T10:00:00.1234567890",
                           "2024-05-01T10:00:00ZZ", "2024-05-01T10:00:00 Z", "2024-05-01T10:00:00+", "2024-05-01T10:00:00+2", "2024-05-01T10:00:00+24:00",
                           "2024-05-01T10:00:00+02:60", "2024-05-01T10:00:00+02:", "2024-05-01Z", "2024-02-30", "2023-02-29", "1900-02-29", "2024-00-01",
                           "2024-13-01", "2024-01-00", "2024-01-32", "+024-01-01", "2024/05/01", "01-05-2024", "nan", "1714557600", "2024-05-01T10:00:00\n"}) {
    INFO(text);
    REQUIRE_FALSE(parse_time(text).has_value());
  }
  const std::string whole = "2024-05-01T10:00:00.123456+02:00";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto text = whole.substr(0, length);
    const bool legal = length == 10 || length == 16 || length == 19 || (length >= 21 && length <= 26) || length == 29;
    INFO(text);
    REQUIRE(parse_time(text).has_value() == legal);
  }
}

TEST_CASE("time: formatting by hand", "[core][time]") {
  REQUIRE(format_time(0) == "1970-01-01T00:00:00Z");
  REQUIRE(format_time(1) == "1970-01-01T00:00:00.000001Z");
  REQUIRE(format_time(-1) == "1969-12-31T23:59:59.999999Z");
  REQUIRE(format_time(1'714'557'600 * us_per_second) == "2024-05-01T10:00:00Z");
  REQUIRE(format_time(951'782'400 * us_per_second) == "2000-02-29T00:00:00Z");
  REQUIRE(format_time(latest_time_us) == "2199-12-31T23:59:59.999999Z");
}

TEST_CASE("time: what is formatted reads back", "[core][time]") {
  Random random(3);
  for (int n = 0; n < 5000; ++n) {
    const auto time = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(latest_time_us))) / (n % 2 == 0 ? us_per_second : 1) * (n % 2 == 0 ? us_per_second : 1);
    REQUIRE(parse_time(format_time(time)) == time);
  }
  for (std::int64_t day = 0; day < 84'000; ++day) REQUIRE(parse_time(format_time(day * us_per_day)) == day * us_per_day);
}

TEST_CASE("time: the system's clock lies in the accepted years", "[core][time]") {
  REQUIRE(system_time_us() > 1'577'836'800 * us_per_second);
  REQUIRE(system_time_us() < latest_time_us);
}
