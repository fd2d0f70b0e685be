#include "pannier/serve/holdout.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <vector>

#include "pannier/core/error.hpp"
#include "support/catch.hpp"
#include "support/purchase_log.hpp"
#include "support/synth.hpp"

using namespace pannier;

namespace {

Csr shop() { return synth::two_taste_groups({.users = 120, .items = 60, .seed = 3}); }

}  // namespace

TEST_CASE("holdout: random cells are held out of rows that keep one, people in whole, the last events in time", "[serve][holdout]") {
  const auto events = shop();
  const CsrView all = events;
  const auto cells = serve::hold_out_cells(events, 0.2, 1);
  const CsrView train = cells.split.train, test = cells.split.test;
  REQUIRE(train.nonzeros() + test.nonzeros() == all.nonzeros());
  // A fifth of about a thousand: five standard deviations.
  const double share = static_cast<double>(test.nonzeros()) / static_cast<double>(all.nonzeros());
  REQUIRE_THAT(share, WithinAbs(0.2, 5 * std::sqrt(0.16 / static_cast<double>(all.nonzeros()))));
  for (std::size_t r = 0; r < all.rows; ++r) {
    std::set<std::uint32_t> both(train.row_columns(r).begin(), train.row_columns(r).end());
    REQUIRE((all.row_columns(r).empty() || !both.empty()));
    both.insert(test.row_columns(r).begin(), test.row_columns(r).end());
    REQUIRE(std::vector<std::uint32_t>(both.begin(), both.end()) == std::vector<std::uint32_t>(all.row_columns(r).begin(), all.row_columns(r).end()));
  }
  REQUIRE(serve::hold_out_cells(events, 0.2, 1).split.test == cells.split.test);
  REQUIRE_FALSE(serve::hold_out_cells(events, 0.2, 2).split.test == cells.split.test);

  const auto people = serve::hold_out_people(events, 0.3, 1);
  const CsrView fitted = people.fitted, histories = people.split.train, to_find = people.split.test;
  std::size_t held_out = 0;
  for (std::size_t r = 0; r < all.rows; ++r) {
    REQUIRE(histories.row_columns(r).size() + to_find.row_columns(r).size() == all.row_columns(r).size());
    if (to_find.row_columns(r).empty()) {
      REQUIRE(fitted.row_columns(r).size() == all.row_columns(r).size());
      continue;
    }
    ++held_out;
    REQUIRE(fitted.row_columns(r).empty());
    REQUIRE_FALSE(histories.row_columns(r).empty());
    REQUIRE_THAT(static_cast<double>(to_find.row_columns(r).size()), WithinAbs(0.2 * static_cast<double>(all.row_columns(r).size()), 0.81));
  }
  REQUIRE_THAT(static_cast<double>(held_out), WithinAbs(36, 5 * std::sqrt(120 * 0.21)));

  // Of half of their items the rest is known; what nobody else has is not asked for.
  auto rare = events;
  rare.cols = 61;
  for (std::size_t r = 0; r < rare.rows; ++r) rare.offsets[r + 1] += static_cast<std::int64_t>(r + 1 >= 7 ? 1 : 0);
  rare.columns.insert(rare.columns.begin() + rare.offsets[7] - 1, 60);   // Person 6 alone has item 60.
  rare.values.insert(rare.values.begin() + rare.offsets[7] - 1, 1.0f);
  std::size_t unknown = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto half = serve::hold_out_people(rare, 0.5, seed, 0.5);
    const CsrView of_half = half.split.test, trained = half.fitted;
    std::set<std::uint32_t> known(trained.columns.begin(), trained.columns.end());
    for (const auto column : of_half.columns) REQUIRE(known.contains(column));
    std::size_t wanted = 0;
    for (std::size_t r = 0; r < rare.rows; ++r)
      if (const auto all_of = CsrView(rare).row_columns(r).size(); all_of > 1 && trained.row_columns(r).empty()) wanted += std::clamp<std::size_t>((all_of + 1) / 2, 1, all_of - 1);
    REQUIRE(of_half.nonzeros() + half.split.unknown_items == wanted);
    unknown += half.split.unknown_items;
  }
  REQUIRE(unknown > 0);

  const auto log = support::purchase_log(events);
  const auto last = serve::hold_out_last_days(log, {}, 10);
  REQUIRE(last.split.now_us == support::day_0 + 89 * us_per_day);   // The log's last purchase is of day 99.
  REQUIRE(last.split.test.columns.size() > 0);
  REQUIRE(Contains("last").match(last.told));
  const auto one_each = serve::hold_out_last_events(log, {});
  for (std::size_t r = 0; r < one_each.split.test.rows; ++r) REQUIRE(CsrView(one_each.split.test).row_columns(r).size() <= 1);
}

TEST_CASE("holdout: one that holds nothing is refused by name", "[serve][holdout]") {
  REQUIRE_THROWS_WITH(serve::hold_out_cells(shop(), 0.6, 1), StartsWith("share: is 0.6"));
  REQUIRE_THROWS_WITH(serve::hold_out_cells(shop(), std::nan(""), 1), StartsWith("share: "));
  const Csr single{3, 2, {0, 1, 2, 3}, {0, 1, 0}, {1, 1, 1}};
  REQUIRE_THROWS_WITH(serve::hold_out_cells(single, 0.2, 1), Contains("nothing to hold out"));
  REQUIRE_THROWS_WITH(serve::hold_out_people(single, 0.2, 1), Contains("nothing to hold out"));
  REQUIRE_THROWS_WITH(serve::hold_out_people(shop(), 0.2, 1, 1.0), StartsWith("fold_in: is 1"));
  Csr bad = shop();
  bad.values[0] = std::numeric_limits<float>::quiet_NaN();
  REQUIRE_THROWS_AS(serve::hold_out_cells(bad, 0.2, 1), Error);
  REQUIRE_THROWS_AS(serve::hold_out_last_days(data::EventLog(), {}, 0), Error);
}
