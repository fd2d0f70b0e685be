#include "serve/other_reading.hpp"

#include <vector>

#include "support/catch.hpp"

using namespace pannier;
using serve::kept_options;
using serve::told_difference;

TEST_CASE("other_reading: what was left out before is named, one option or several", "[serve][other_reading]") {
  const data::ImportOptions plain{.columns = {{"user", "who"}}, .constant_kind = data::EventKind::purchase};
  auto now = plain;
  now.fold_item_case = true;
  REQUIRE(told_difference(now, kept_options(plain)) == "without fold_case");
  now.refund_prefixes = {"C"};
  REQUIRE(told_difference(now, kept_options(plain)) == "without refund_prefix, fold_case");
  now = plain;
  now.rates = {{"EUR", 0.86}};
  REQUIRE(told_difference(now, kept_options(plain)) == "without rate");
  REQUIRE(told_difference(plain, kept_options({.constant_kind = data::EventKind::purchase})) == "without map");
}

TEST_CASE("other_reading: an option of few values that was there before is named with its value", "[serve][other_reading]") {
  const data::ImportOptions plain{.columns = {{"user", "who"}}};
  auto before = plain;
  before.fold_item_case = true;
  REQUIRE(told_difference(plain, kept_options(before)) == "fold_case=item");
  before = plain;
  before.time_unit = data::TimeUnit::day_first;
  REQUIRE(told_difference(plain, kept_options(before)) == "time_unit=dmy");
  before = plain;
  before.utc_offset_us = -std::int64_t{12'600'000'000};
  REQUIRE(told_difference(plain, kept_options(before)) == "utc_offset=-03:30");
}

TEST_CASE("other_reading: what cannot be guessed names all options", "[serve][other_reading]") {
  data::ImportOptions before{.columns = {{"user", "somebody"}}};
  REQUIRE(told_difference({.columns = {{"user", "who"}}}, kept_options(before)) == "map, kind, kinds, time_unit, utc_offset, refund_prefix, fold_case or rate");
}
