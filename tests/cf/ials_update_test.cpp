#include "pannier/cf/ials_update.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stop_token>
#include <string>
#include <vector>

#include "cf/ials_oracle.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::IalsConfig;
using cf::IalsLoss;
using cf::IalsUpdate;

namespace {

Matrix random_vectors(std::size_t rows, std::size_t factors, std::uint64_t seed) {
  Matrix out(rows, factors);
  for (std::size_t r = 0; r < rows; ++r) {
    Random random(seed, factors, r);
    for (float& x : out.row(r)) x = static_cast<float>(0.3 * random.normal());
  }
  return out;
}

/// Row r has 3 r cells, so the first has none; a cell of weight zero among them.
Csr random_events(std::uint32_t rows, std::uint32_t cols, std::uint64_t seed) {
  synth::CsrBuilder out(cols);
  for (std::uint32_t r = 0; r < rows; ++r) {
    for (std::uint32_t c = 0; c < cols; ++c) {
      Random random(seed, r, c);
      if (random.uniform() < static_cast<double>(3 * r) / cols) out.cell(c, std::floor(static_cast<float>(random.uniform()) * 5));
    }
    out.end_row();
  }
  return out.take();
}

std::vector<std::uint32_t> numbers(std::uint32_t from, std::uint32_t count) {
  std::vector<std::uint32_t> out(count);
  std::iota(out.begin(), out.end(), from);
  return out;
}

void require_solved(const CsrView& events, const MatrixView& rows, const MatrixView& against, const IalsConfig& config) {
  for (std::size_t r = 0; r < events.rows; ++r) {
    INFO("row " << r);
    if (std::ranges::none_of(events.row_values(r), [](float w) { return w != 0; })) {
      REQUIRE(std::ranges::all_of(rows.row(r), [](float x) { return x == 0; }));
      continue;
    }
    const auto expected = ials_oracle::solve_row(events, r, against, config);
    for (std::size_t k = 0; k < rows.cols; ++k) REQUIRE_THAT(static_cast<double>(rows.row(r)[k]), WithinAbs(expected[k], 1e-5));
  }
}

template <class Call>
void refused(Call call, const std::string& where, const std::string& what) {
  try {
    call();
    FAIL("not refused");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::invalid_argument);
    REQUIRE(error.where() == where);
    REQUIRE_THAT(std::string(error.what()), Catch::Matchers::Contains(what));
  }
}

}  // namespace

TEST_CASE("ials update: changed and new rows solve the dense equations of what stands on the other side", "[cf][ials]") {
  for (const auto loss : {IalsLoss::added, IalsLoss::replaced})
    for (const std::size_t factors : {1u, 7u, 16u, 33u}) {
      INFO("factors " << factors << ", loss " << static_cast<int>(loss));
      const IalsConfig config{.unobserved_weight = 0.7f, .loss = loss, .l2 = 0.05f, .frequency_exponent = 0.5f};
      IalsUpdate update(random_vectors(50, factors, 1), random_vectors(60, factors, 2), config);
      const Matrix first = random_vectors(50, factors, 1);

      // Some people anew, in no order, and five more than there were.
      auto places = numbers(45, 10);
      std::ranges::reverse(places);
      places.push_back(3);
      const auto of_users = random_events(11, 60, 5);
      update.set_users(places, of_users);
      REQUIRE(update.user_factors().rows == 55);
      Matrix rows(11, factors);
      for (std::size_t i = 0; i < places.size(); ++i) std::ranges::copy(update.user_factors().row(places[i]), rows.row(i).begin());
      require_solved(of_users, rows, update.item_factors(), config);
      for (std::size_t u = 0; u < 45; ++u)
        if (u != 3) REQUIRE(std::ranges::equal(update.user_factors().row(u), first.row(u)));

      // Items against the changed people: the Gram matrix has followed. Again and again, past the number of rows, where it is summed anew.
      for (std::uint32_t time = 0; time < 12; ++time) {
        const auto of_items = random_events(18, 55, 7 + time);
        update.set_items(numbers(40 + 2 * time % 20, 18), Csr{18, update.user_factors().rows, of_items.offsets, of_items.columns, of_items.values});
        const auto again = random_events(20, static_cast<std::uint32_t>(update.item_factors().rows), 31 + time);
        const Matrix asked = update.user_rows(again);
        require_solved(again, asked, update.item_factors(), config);
        update.set_users(numbers(0, 20), again);
        for (std::size_t u = 0; u < 20; ++u) REQUIRE(std::ranges::equal(update.user_factors().row(u), asked.row(u)));
        const auto items_again = random_events(5, 55, 77 + time);
        require_solved(items_again, update.item_rows(items_again), update.user_factors(), config);
      }
    }
}

TEST_CASE("ials update: of a fit, a person's own events give the fit's row, and the model folds in as the update solves", "[cf][ials]") {
  const auto events = random_events(60, 90, 3);
  const IalsConfig config{.factors = 8, .unobserved_weight = 0.3f, .l2 = 0.05f, .epochs = 200};
  const auto fit = cf::fit_ials(events, config);
  IalsUpdate update(fit);
  const Matrix rows = update.user_rows(events);
  const auto model = update.model();
  model::Workspace workspace;
  std::vector<float> scores(90);
  for (std::size_t u = 1; u < 60; ++u) {
    // At convergence the vectors that people were solved against are those that items are scored with.
    double size = 0, apart = 0;
    for (std::size_t k = 0; k < 8; ++k) {
      size += static_cast<double>(rows.row(u)[k]) * static_cast<double>(rows.row(u)[k]);
      apart += std::pow(static_cast<double>(rows.row(u)[k] - fit.user_factors.row(u)[k]), 2);
    }
    REQUIRE(apart <= 1e-3 * size);
    std::vector<ItemIndex> items;
    for (const auto column : CsrView(events).row_columns(u)) items.push_back(ItemIndex{column});
    model->score_all({items, CsrView(events).row_values(u), {}, {}}, workspace, scores);
    for (std::size_t i = 0; i < 90; ++i) {
      double expected = 0;
      for (std::size_t k = 0; k < 8; ++k) expected += static_cast<double>(rows.row(u)[k]) * static_cast<double>(update.item_factors().row(i)[k]);
      REQUIRE_THAT(static_cast<double>(scores[i]), WithinAbs(expected, 1e-5));
    }
  }
}

TEST_CASE("ials update: rows have the same bits for any number of threads", "[cf][ials]") {
  const IalsConfig config{.l2 = 0.05f};
  const auto events = random_events(70, 200, 3);
  const IalsUpdate update(random_vectors(10, 24, 1), random_vectors(200, 24, 2), config);
  const Matrix one = update.user_rows(events, {.execution = {.threads = 1}});
  const IalsUpdate other(random_vectors(10, 24, 1), random_vectors(200, 24, 2), config, {.execution = {.threads = 4}});
  REQUIRE(other.user_rows(events, {.execution = {.threads = 4}}) == one);
}

TEST_CASE("ials update: what does not fit is refused by name and leaves everything as it was", "[cf][ials]") {
  const IalsConfig config{};
  const auto users = random_vectors(5, 3, 1), items = random_vectors(4, 3, 2);
  refused([&] { IalsUpdate(random_vectors(5, 2, 1), items, config); }, "users", "have 2 factors");
  refused([&] { IalsUpdate(Matrix(5, 0), Matrix(4, 0), config); }, "items", "have no factors");
  refused([&] { IalsUpdate(users, items, {.l2 = -1}); }, "l2", "-1");
  auto bad = random_vectors(4, 3, 2);
  bad.row(2)[1] = std::numeric_limits<float>::quiet_NaN();
  refused([&] { IalsUpdate(users, bad, config); }, "items", "row 2");

  IalsUpdate update(users, items, config);
  const Csr one{1, 4, {0, 1}, {2}, {1}};
  refused([&] { update.set_users(numbers(0, 2), one); }, "events", "has 1 rows");
  refused([&] { update.set_users(numbers(6, 1), one); }, "users", "has 6 where 5 is the next new one");
  refused([&] { update.set_users(std::vector<std::uint32_t>{1, 1}, Csr{2, 4, {0, 1, 2}, {2, 3}, {1, 1}}); }, "users", "1 comes twice");
  refused([&] { update.set_users(numbers(0, 1), Csr{1, 5, {0, 1}, {2}, {1}}); }, "events", "has 5 columns");
  refused([&] { update.set_users(numbers(0, 1), Csr{1, 4, {0, 1}, {2}, {-1}}); }, "events", "row 0 column 2");
  refused([&] { update.set_items(numbers(0, 1), Csr{1, 5, {0, 1}, {2}, {std::numeric_limits<float>::infinity()}}); }, "events", "row 0 column 2");
  std::stop_source stop;
  stop.request_stop();
  REQUIRE_THROWS_AS(update.set_users(numbers(0, 1), one, {.execution = {}, .progress = {}, .stop = stop.get_token()}), Error);
  REQUIRE(update.user_factors().rows == 5);
  for (std::size_t r = 0; r < 5; ++r) REQUIRE(std::ranges::equal(update.user_factors().row(r), users.row(r)));
  for (std::size_t r = 0; r < 4; ++r) REQUIRE(std::ranges::equal(update.item_factors().row(r), items.row(r)));
  update.set_users({}, Csr{0, 4, {0}, {}, {}});
  REQUIRE(update.user_rows(Csr{2, 4, {0, 0, 0}, {}, {}}) == Matrix(2, 3));
}

TEST_CASE("ials_update: begins without any people", "[cf][ials_update]") {
  const auto items = random_vectors(30, 5, 61);
  const auto events = random_events(6, 30, 62);
  const IalsConfig config{.factors = 5, .loss = IalsLoss::replaced, .l2 = 0.1f, .frequency_exponent = 0};
  IalsUpdate update(Matrix(0, 5), items, config);
  require_solved(events, update.user_rows(events), items, config);
  update.set_users(numbers(0, 6), events);
  REQUIRE(update.user_factors().rows == 6);
}
