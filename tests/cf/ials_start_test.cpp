// Where a fit of ials begins and when it ends: early stop, a start from an earlier fit, growing factors.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "pannier/cf/ials.hpp"
#include "pannier/core/error.hpp"
#include "support/catch.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::IalsConfig;

namespace {

Csr shop() { return synth::two_taste_groups({.users = 90, .items = 40, .seed = 5, .weighted = true}); }

bool same_vectors(const cf::IalsFit& a, const cf::IalsFit& b) {
  const auto one = a.model->item_vectors(), other = b.model->item_vectors();
  if (one.rows != other.rows || one.cols != other.cols || !(a.user_factors == b.user_factors)) return false;
  for (std::size_t i = 0; i < one.rows; ++i)
    if (!std::ranges::equal(one.row(i), other.row(i))) return false;
  return true;
}

}  // namespace

TEST_CASE("ials: stopped early it is the fit of so many epochs, bit for bit", "[cf][ials]") {
  IalsConfig config{.factors = 8, .l2 = 0.02f, .epochs = 60, .tolerance = 0.01f};
  const auto stopped = cf::fit_ials(shop(), config);
  const auto& losses = stopped.report.objective;
  REQUIRE(losses.size() < 60);
  REQUIRE(stopped.report.epochs == static_cast<int>(losses.size()));
  REQUIRE(Contains("stopped after " + std::to_string(losses.size()) + " epochs").match(stopped.report.detail));
  // The last epoch but one is the first that gained too little.
  for (std::size_t e = 1; e + 1 < losses.size(); ++e) REQUIRE((losses[e - 1] - losses[e] < 0.01 * losses[e - 1]) == (e + 2 == losses.size()));
  config.epochs = static_cast<std::int32_t>(losses.size());
  config.tolerance = 0;
  REQUIRE(same_vectors(stopped, cf::fit_ials(shop(), config)));
  config.epochs = 1;
  config.tolerance = 1;
  REQUIRE(cf::fit_ials(shop(), config).report.epochs == 1);
}

TEST_CASE("ials: from an earlier fit it begins where that ended, new items and further factors at random", "[cf][ials]") {
  const auto events = shop();
  const IalsConfig config{.factors = 8, .l2 = 0.02f, .epochs = 2};
  IalsConfig longer = config;
  longer.epochs = 30;
  const auto cold = cf::fit_ials(events, config), converged = cf::fit_ials(events, longer);
  const auto warm = cf::fit_ials_from(converged.model->item_vectors(), events, config);
  REQUIRE(warm.report.objective.front() < cold.report.objective.front());
  REQUIRE_THAT(warm.report.objective.back(), WithinRel(converged.report.objective.back(), 0.01));   // Half a per cent in this run: fold-in's vectors are of half an epoch before.
  // An item without a vector gets one.
  IalsConfig fewer = longer;
  fewer.factors = 5;
  const auto small = cf::fit_ials(events, fewer);
  Matrix some(events.cols, 5);
  for (std::size_t i = 1; i < events.cols; ++i) std::ranges::copy(small.model->item_vectors().row(i), some.row(i).begin());
  const auto grown = cf::fit_ials_from(some, events, config);
  REQUIRE(grown.model->item_norms()[0] > 0);
  REQUIRE(grown.report.objective.front() < cold.report.objective.front());
  for (const int threads : {1, 3}) REQUIRE(same_vectors(grown, cf::fit_ials_from(some, events, config, {.execution = {.threads = threads}})));
}

TEST_CASE("ials: factors that grow take the epochs that were asked for, all of them in the last", "[cf][ials]") {
  const auto events = shop();
  IalsConfig config{.factors = 12, .l2 = 0.02f, .epochs = 12, .start_factors = 3};
  const auto fit = cf::fit_ials(events, config);   // 3 and 6 factors, then ten epochs of 12.
  REQUIRE(fit.report.objective.size() == 12);
  REQUIRE(fit.model->item_vectors().cols == 12);
  for (std::size_t e = 3; e < 12; ++e) REQUIRE(fit.report.objective[e] <= fit.report.objective[e - 1] * (1 + 1e-6));
  for (const int threads : {1, 3}) REQUIRE(same_vectors(fit, cf::fit_ials(events, config, {.execution = {.threads = threads}})));
  IalsConfig whole = config;
  whole.start_factors = 0;
  const auto plain = cf::fit_ials(events, whole);
  REQUIRE_FALSE(same_vectors(fit, plain));
  REQUIRE_THAT(fit.report.objective.back(), WithinRel(plain.report.objective.back(), 0.02));   // 0.3 % apart in this run: two ends of a loss with many.
  whole.start_factors = 12;
  REQUIRE(same_vectors(plain, cf::fit_ials(events, whole)));
  config.epochs = 1;   // No epoch is left for fewer factors.
  REQUIRE(cf::fit_ials(events, config).report.objective.size() == 1);
}

TEST_CASE("ials: a start that does not fit is refused by name", "[cf][ials]") {
  const auto events = shop();
  const auto refused = [&](const Matrix& start, const char* what) {
    REQUIRE_THROWS_WITH(cf::fit_ials_from(start, events, {.factors = 4, .epochs = 2}), StartsWith(std::string("start: ") + what));
  };
  refused(Matrix(events.cols + 1, 4), "has 41 items");
  refused(Matrix(0, 4), "has 0 items");
  refused(Matrix(events.cols, 5), "has 5 factors");
  Matrix bad(events.cols, 4);
  bad.row(7)[2] = std::numeric_limits<float>::infinity();
  refused(bad, "has a number that is not finite in row 7");
}
