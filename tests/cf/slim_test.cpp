#include "pannier/cf/slim.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::fit_slim;
using cf::SlimConfig;

namespace {

conformance::Subject subject(SlimConfig config) {
  return {.fit = [=](const CsrView& events, const FitControl& control) -> conformance::Model { return fit_slim(events, config, control).model; },
          .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return cf::read_slim(reader, items); },
          .by_evidence = true,
          .few_similar = true,
          .copies_tie = false};
}

using Dense = std::vector<std::vector<double>>;

Dense dense(const CsrView& m) {
  Dense out(m.rows, std::vector<double>(m.cols, 0.0));
  for (std::size_t r = 0; r < m.rows; ++r)
    for (std::size_t n = 0; n < m.row_columns(r).size(); ++n) out[r][m.row_columns(r)[n]] = static_cast<double>(m.row_values(r)[n]);
  return out;
}

Dense gram(const Dense& x) {
  const auto items = x.front().size();
  Dense out(items, std::vector<double>(items, 0.0));
  for (const auto& row : x)
    for (std::size_t i = 0; i < items; ++i)
      if (row[i] != 0)
        for (std::size_t j = 0; j < items; ++j) out[i][j] += row[i] * row[j];
  return out;
}

Csr random_events(std::uint32_t users, std::uint32_t items, std::uint32_t each) {
  synth::CsrBuilder builder(items);
  for (std::uint32_t u = 0; u < users; ++u) {
    Random random(17, u);
    std::vector<std::uint32_t> has;
    for (std::uint32_t n = 0; n < each; ++n) has.push_back(static_cast<std::uint32_t>(static_cast<double>(items) * random.uniform() * random.uniform()));
    std::sort(has.begin(), has.end());
    has.erase(std::unique(has.begin(), has.end()), has.end());
    for (const auto item : has) builder.cell(item, static_cast<float>(1 + item % 3));
    builder.end_row();
  }
  return builder.take();
}

float weight(const cf::SlimModel& model, std::size_t i, std::size_t j) { return model.weight(ItemIndex{static_cast<std::uint32_t>(i)}, ItemIndex{static_cast<std::uint32_t>(j)}); }

/// The definition: plain cyclic descent on the Gram in double, over every item that occurs with j, far longer than needed.
Dense oracle(const Dense& g, const SlimConfig& config) {
  const auto items = g.size();
  Dense out(items, std::vector<double>(items, 0.0));
  for (std::size_t j = 0; j < items; ++j) {
    std::vector<double> w(items, 0.0);
    for (int sweep = 0; sweep < 3000; ++sweep)
      for (std::size_t i = 0; i < items; ++i) {
        if (i == j || g[i][j] == 0) continue;
        double slope = g[i][j];
        for (std::size_t k = 0; k < items; ++k)
          if (k != i) slope -= g[i][k] * w[k];
        double size = std::fabs(slope) - static_cast<double>(config.l1);
        if (size < 0 || (config.non_negative && slope < 0)) size = 0;
        w[i] = std::copysign(size, slope) / (g[i][i] + static_cast<double>(config.l2));
      }
    for (std::size_t i = 0; i < items; ++i) out[i][j] = w[i];
  }
  return out;
}

}  // namespace

TEST_CASE("slim: keeps the promises of a recommender", "[cf][slim]") {
  SECTION("not below zero") { conformance::check(subject({.l1 = 0.1f, .l2 = 1})); }
  SECTION("of both signs") { conformance::check(subject({.l1 = 0.1f, .l2 = 1, .non_negative = false, .neighbours = 0})); }
  SECTION("few") { conformance::check(subject({.l1 = 0.1f, .l2 = 1, .candidates = 20, .neighbours = 8})); }
}

TEST_CASE("slim: by hand", "[cf][slim]") {
  // Two items that three people have together, and one more each alone: x_0.x_1 = 3, squares 4: (3 - 1) / (4 + 1) = .4.
  const Csr events{5, 2, {0, 2, 4, 6, 7, 8}, {0, 1, 0, 1, 0, 1, 0, 1}, {1, 1, 1, 1, 1, 1, 1, 1}};
  const auto model = fit_slim(events, {.l1 = 1, .l2 = 1}).model;
  REQUIRE(weight(*model, 0, 1) == 0.4f);
  REQUIRE(weight(*model, 1, 0) == 0.4f);
  REQUIRE(weight(*model, 0, 0) == 0);
  REQUIRE(weight(*fit_slim(events, {.l1 = 3, .l2 = 1}).model, 0, 1) == 0);
}

TEST_CASE("slim: equals the definition in double", "[cf][slim]") {
  const auto events = random_events(150, 30, 9);
  const auto g = gram(dense(events));
  for (const bool non_negative : {true, false})
    for (const float l1 : {0.0f, 2.0f, 20.0f}) {
      const SlimConfig config{.l1 = l1, .l2 = 5, .non_negative = non_negative, .candidates = 0, .neighbours = 0, .sweeps = 10000};
      const auto fit = fit_slim(events, config);
      REQUIRE(fit.report.converged);
      const auto expected = oracle(g, config);
      double largest = 0, worst = 0;
      std::size_t negative = 0;
      for (std::size_t i = 0; i < 30; ++i)
        for (std::size_t j = 0; j < 30; ++j) {
          largest = std::max(largest, std::fabs(expected[i][j]));
          worst = std::max(worst, std::fabs(expected[i][j] - static_cast<double>(weight(*fit.model, i, j))));
          negative += weight(*fit.model, i, j) < 0 ? 1u : 0u;
        }
      INFO("l1 " << l1 << ", non_negative " << non_negative);
      REQUIRE(largest > 0.05);
      // It stops where no sum moves by 1e-4 of the largest; what is left to go is at most that over the share of the curvature that l2 has.
      REQUIRE(worst <= 5e-3 * largest);
      REQUIRE((negative > 0) == (!non_negative && l1 < 20));
    }
}

TEST_CASE("slim: candidates and neighbours bound what is kept, and sweeps that do not suffice are told", "[cf][slim]") {
  const auto events = random_events(300, 60, 12);
  const auto count = [&](const cf::SlimModel& model, std::size_t j) {
    std::size_t out = 0;
    for (std::size_t i = 0; i < 60; ++i) out += weight(model, i, j) != 0 ? 1u : 0u;
    return out;
  };
  const SlimConfig all{.l1 = 0.1f, .l2 = 1, .candidates = 0, .neighbours = 0};
  auto kept = all, sought = all;
  kept.neighbours = 4, sought.candidates = 6;
  const auto whole = fit_slim(events, all).model, some = fit_slim(events, kept).model, narrow = fit_slim(events, sought).model;
  for (std::size_t j = 0; j < 60; ++j) {
    REQUIRE(count(*some, j) == std::min<std::size_t>(4, count(*whole, j)));
    REQUIRE(count(*narrow, j) <= 6);
    // What is kept are the largest, as they were.
    float least = std::numeric_limits<float>::infinity(), left = 0;
    for (std::size_t i = 0; i < 60; ++i)
      if (const float of_some = weight(*some, i, j); of_some != 0) {
        REQUIRE(of_some == weight(*whole, i, j));
        least = std::min(least, of_some);
      } else {
        left = std::max(left, weight(*whole, i, j));
      }
    REQUIRE(left <= least);
  }
  auto once = all;
  once.sweeps = 1;
  const auto stopped = fit_slim(events, once);
  REQUIRE_FALSE(stopped.report.converged);
  REQUIRE_THAT(stopped.report.detail, Contains("stopped by sweeps"));
}

TEST_CASE("slim: a column does not know what was solved before it", "[cf][slim]") {
  // The same events among others in other columns, which another worker or none has solved before.
  const auto events = random_events(200, 40, 10);
  const auto one = fit_slim(events, {.l1 = 1, .l2 = 3}, {.execution = {.threads = 1}}).model;
  const auto many = fit_slim(events, {.l1 = 1, .l2 = 3}, {.execution = {.threads = 5}}).model;
  for (std::size_t i = 0; i < 40; ++i)
    for (std::size_t j = 0; j < 40; ++j) REQUIRE(weight(*one, i, j) == weight(*many, i, j));
}

TEST_CASE("slim: no items, settings out of range and weights that overflow are refused by name", "[cf][slim]") {
  REQUIRE_THROWS_WITH(fit_slim(Csr{}, {}), Contains("has no items"));
  const auto events = synth::tiny();
  REQUIRE_THROWS_WITH(fit_slim(events, {.l2 = 0}), Contains("l2"));
  REQUIRE_THROWS_WITH(fit_slim(events, {.sweeps = 0}), Contains("sweeps"));
  auto huge = events;
  for (auto& value : huge.values) value = 3e38f;
  REQUIRE_THROWS_WITH(fit_slim(huge, {}), Contains("overflow"));
}
