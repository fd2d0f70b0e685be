#include <algorithm>
#include <cmath>
#include <limits>

#include "pannier/cf/bpr.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/synth.hpp"

using namespace pannier;

namespace {

/// Vectors of numbers around 0, with a last column of `last`.
Matrix start_rows(std::size_t rows, std::size_t factors, float last, std::uint64_t seed) {
  Matrix out(rows, factors + 1);
  for (std::size_t r = 0; r < rows; ++r) {
    Random random(seed, r);
    for (float& x : out.row(r)) x = static_cast<float>(0.1 * random.normal());
    out.row(r)[factors] = last;
  }
  return out;
}

}  // namespace

TEST_CASE("bpr: one plain step is the one of the paper, with a bias beside a 1 that stands still", "[cf][bpr]") {
  // One person, one event, and the one other item is drawn by who has it: nobody, so person 1 has it too.
  synth::CsrBuilder built(2);
  const auto events = built.cell(0).end_row().cell(1).end_row().take();
  const auto users = start_rows(2, 3, 1, 1), items = start_rows(2, 3, 0.3f, 2);
  const cf::BprRowsConfig config{.learning_rate = 0.05f, .l2 = 0.02f, .epochs = 1, .seed = 3};
  const auto fit = cf::fit_bpr_rows(events, users, items, config);
  REQUIRE(fit.users.cols() == 4);
  REQUIRE(fit.skipped <= 2);
  for (std::size_t u = 0; u < 2; ++u) REQUIRE(fit.users.row(u)[3] == 1.0f);
  // Whoever took a step took this one, since both step against items as they stood: x + r (w (y - z) - l2 x), to the second order of r l2.
  std::size_t stepped = 0;
  for (std::size_t u = 0; u < 2; ++u) {
    if (std::ranges::equal(fit.users.row(u), users.row(u))) continue;
    ++stepped;
    const auto x = users.row(u), y = items.row(u), z = items.row(1 - u);
    double margin = 0;
    for (std::size_t k = 0; k < 4; ++k) margin += static_cast<double>(x[k]) * (static_cast<double>(y[k]) - static_cast<double>(z[k]));
    const double wrong = 1 / (1 + std::exp(margin));
    for (std::size_t k = 0; k < 3; ++k) {
      const double now = static_cast<double>(x[k]), pull = wrong * (static_cast<double>(y[k]) - static_cast<double>(z[k]));
      REQUIRE_THAT(static_cast<double>(fit.users.row(u)[k]), WithinAbs(now + 0.05 * (pull - 0.02 * now), 1e-5));
    }
  }
  REQUIRE(stepped == 2 - fit.skipped);
}

TEST_CASE("bpr: plain epochs in one call or in several have the same bits for any number of threads, and order the pairs", "[cf][bpr]") {
  const auto events = synth::checkerboard(60);
  const auto users = start_rows(60, 4, 1, 4), items = start_rows(60, 4, 0, 5);
  cf::BprRowsConfig config{.learning_rate = 0.1f, .l2 = 0, .epochs = 40, .seed = 6};
  const auto whole = cf::fit_bpr_rows(events, users, items, config, {.execution = {.threads = 1}});
  config.epochs = 15;
  const auto first = cf::fit_bpr_rows(events, users, items, config, {.execution = {.threads = 3}});
  config.first_epoch = 15, config.epochs = 25;
  const auto rest = cf::fit_bpr_rows(events, first.users, first.items, config, {.execution = {.threads = 2}});
  REQUIRE(rest.users == whole.users);
  REQUIRE(rest.items == whole.items);
  REQUIRE(whole.right == first.right + rest.right);
  REQUIRE(whole.skipped == first.skipped + rest.skipped);
  config.epochs = 1, config.first_epoch = 40;
  const auto after = cf::fit_bpr_rows(events, whole.users, whole.items, config);
  REQUIRE(after.right >= (events.columns.size() - after.skipped) * 95 / 100);
  // A draw is of the person's own parity half of the time, and of their own items then but for one in thirty.
  REQUIRE(after.skipped > events.columns.size() * 2 / 5);
  REQUIRE(after.skipped < events.columns.size() * 3 / 5);
  config.verify = false;
  REQUIRE(cf::fit_bpr_rows(events, whole.users, whole.items, config).skipped == 0);
}

TEST_CASE("bpr: plain steps refuse what does not fit by name", "[cf][bpr]") {
  const auto events = synth::tiny();
  const auto users = start_rows(4, 2, 1, 1), items = start_rows(5, 2, 0, 2);
  REQUIRE_THROWS_WITH(cf::fit_bpr_rows(events, items, items, {}), StartsWith("users: has 5 rows"));
  REQUIRE_THROWS_WITH(cf::fit_bpr_rows(events, users, users, {}), StartsWith("items: has 4 rows"));
  REQUIRE_THROWS_WITH(cf::fit_bpr_rows(events, users, start_rows(5, 3, 0, 2), {}), StartsWith("users: have 3 columns"));
  REQUIRE_THROWS_WITH(cf::fit_bpr_rows(events, Matrix(4, 1), Matrix(5, 1), {}), StartsWith("users: has 1 columns"));
  REQUIRE_THROWS_WITH(cf::fit_bpr_rows(events, users, items, {.learning_rate = 0}), StartsWith("learning_rate"));
  auto broken = start_rows(5, 2, 0, 2);
  broken.row(3)[1] = std::numeric_limits<float>::quiet_NaN();
  REQUIRE_THROWS_WITH(cf::fit_bpr_rows(events, users, broken, {}), StartsWith("items: has a number that is not finite in row 3"));
  auto nothing = synth::tiny();
  std::ranges::fill(nothing.values, 0.0f);
  REQUIRE_THROWS_WITH(cf::fit_bpr_rows(nothing, users, items, {}), StartsWith("events: no weight is positive"));
}
