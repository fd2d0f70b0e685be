// Past 500 lines: the whole ladder of one unit, from a row by hand over the dense oracle to damaged files.
#include "pannier/cf/ials.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>


#include "cf/ials_oracle.hpp"
#include "cf/ials_row.hpp"
#include "cf/ials_scratch.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/memory_sections.hpp"
#include "support/simd_levels.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::IalsConfig;
using cf::IalsFit;

namespace {

/// Random cells with weights 1 .. heaviest; row u has about `length(u)` of them.
template <class Length>
Csr random_events(std::uint32_t users, std::uint32_t items, float heaviest, std::uint64_t seed, Length length) {
  synth::CsrBuilder out(items);
  for (std::uint32_t u = 0; u < users; ++u) {
    const double density = static_cast<double>(length(u)) / items;
    for (std::uint32_t i = 0; i < items; ++i) {
      Random random(seed, u, i);
      if (random.uniform() >= density) continue;
      out.cell(i, 1 + std::floor(static_cast<float>(random.uniform()) * heaviest));
    }
    out.end_row();
  }
  return out.take();
}

model::History history_of(const CsrView& events, std::size_t row, std::vector<ItemIndex>& items) {
  items.clear();
  for (const auto column : events.row_columns(row)) items.push_back(ItemIndex{column});
  return {items, events.row_values(row), {}, {}};
}

double score_of(std::span<const float> x, std::span<const float> y) {
  double sum = 0;
  for (std::size_t k = 0; k < x.size(); ++k) sum += static_cast<double>(x[k]) * static_cast<double>(y[k]);
  return sum;
}

/// The largest difference between any score of two fits.
double largest_score_difference(const IalsFit& a, const IalsFit& b) {
  double worst = 0;
  for (std::size_t u = 0; u < a.user_factors.rows(); ++u)
    for (std::size_t i = 0; i < a.model->item_vectors().rows; ++i)
      worst = std::max(worst, std::abs(score_of(a.user_factors.row(u), a.model->item_vectors().row(i)) -
                                       score_of(b.user_factors.row(u), b.model->item_vectors().row(i))));
  return worst;
}

bool all_zero(std::span<const float> x) {
  return std::all_of(x.begin(), x.end(), [](float v) { return v == 0; });
}

bool all_finite(const IalsFit& fit) {
  const auto finite = [](std::span<const float> x) { return std::all_of(x.begin(), x.end(), [](float v) { return std::isfinite(v); }); };
  for (std::size_t u = 0; u < fit.user_factors.rows(); ++u)
    if (!finite(fit.user_factors.row(u))) return false;
  for (std::size_t i = 0; i < fit.model->item_vectors().rows; ++i)
    if (!finite(fit.model->item_vectors().row(i)) || !finite(fit.model->fold_in_vectors().row(i))) return false;
  return true;
}

constexpr cf::IalsSolver every_solver[] = {cf::IalsSolver::automatic, cf::IalsSolver::exact, cf::IalsSolver::conjugate_gradients, cf::IalsSolver::subspace};

}  // namespace

TEST_CASE("ials: one person, one item and one factor meet where the gradient vanishes", "[cf][ials]") {
  // By hand: x and y end with equal squares s, and x (s + a s + lambda) = w y' with x = y gives s (1 + a) + l2 (1 + a) = 1 for
  // w = 1 and one row on the other side: s = (1 - .1 * 1.5) / 1.5.
  const Csr events{1, 1, {0, 1}, {0}, {1}};
  const auto fit = cf::fit_ials(events, {.factors = 1, .unobserved_weight = 0.5f, .l2 = 0.1f, .epochs = 200});
  const double x = fit.user_factors.row(0)[0], y = fit.model->item_vectors().row(0)[0];
  REQUIRE_THAT(x * y, WithinAbs(0.85 / 1.5, 1e-5));
  REQUIRE_THAT(x * x, WithinAbs(0.85 / 1.5, 1e-3));
  REQUIRE(fit.report.epochs == 200);
}

TEST_CASE("ials: a person's row solves the dense normal equations of its items", "[cf][ials]") {
  // Lengths on both sides of the change from dual to primal form, in a few sizes around the register tiles.
  for (const std::int32_t factors : {1, 2, 7, 16, 17, 40}) {
    for (const float exponent : {0.0f, 0.5f, 1.0f}) {
      const auto events = random_events(40, 90, 5, 3, [](std::uint32_t u) { return 2 * u; });
      const IalsConfig config{.factors = factors, .unobserved_weight = 0.2f, .l2 = 0.05f, .frequency_exponent = exponent, .epochs = 3};
      const auto fit = cf::fit_ials(events, config);
      for (std::size_t u = 0; u < events.rows; ++u) {
        const auto expected = ials_oracle::solve_row(events, u, fit.model->fold_in_vectors(), config);
        INFO("factors " << factors << ", exponent " << exponent << ", person " << u);
        for (std::size_t i = 0; i < events.cols; ++i) {
          const auto y = fit.model->item_vectors().row(i);
          REQUIRE_THAT(score_of(fit.user_factors.row(u), y), WithinAbs(ials_oracle::score(expected, y), 1e-5));
        }
      }
    }
  }
}

TEST_CASE("ials: an item's vector solves the dense normal equations of the people's rows", "[cf][ials]") {
  for (const std::int32_t factors : {1, 7, 16, 40}) {
    const auto events = random_events(90, 40, 5, 3, [](std::uint32_t u) { return u % 30; });
    const IalsConfig config{.factors = factors, .unobserved_weight = 0.2f, .l2 = 0.05f, .epochs = 3};
    const auto fit = cf::fit_ials(events, config);
    const auto by_item = transpose(events);
    for (std::size_t i = 0; i < by_item.rows; ++i) {
      const auto expected = ials_oracle::solve_row(by_item, i, fit.user_factors, config);
      INFO("factors " << factors << ", item " << i);
      for (std::size_t u = 0; u < events.rows; ++u)
        REQUIRE_THAT(score_of(fit.user_factors.row(u), fit.model->item_vectors().row(i)),
                     WithinAbs(ials_oracle::score(expected, fit.user_factors.row(u)), 1e-5));
    }
  }
}

TEST_CASE("ials: the reported objective is the loss of the header, and never rises", "[cf][ials]") {
  for (const std::int32_t factors : {3, 24}) {
    const auto events = random_events(70, 50, 4, 11, [](std::uint32_t u) { return u % 30; });
    const IalsConfig config{.factors = factors, .unobserved_weight = 0.1f, .l2 = 0.02f, .frequency_exponent = 0.7f, .epochs = 12};
    const auto fit = cf::fit_ials(events, config);
    REQUIRE(fit.report.objective.size() == 12);
    REQUIRE_THAT(fit.report.objective.back(),
                 WithinRel(ials_oracle::objective(events, fit.user_factors, fit.model->item_vectors(), config), 1e-5));
    for (std::size_t e = 1; e < 12; ++e) REQUIRE(fit.report.objective[e] <= fit.report.objective[e - 1] * (1 + 1e-6));
    REQUIRE(fit.report.objective.back() < 0.9 * fit.report.objective.front());
  }
}

TEST_CASE("ials: every solver's objective falls from epoch to epoch and ends where the exact one's does", "[cf][ials]") {
  const auto events = random_events(120, 90, 4, 13, [](std::uint32_t u) { return 1 + u % 60; });
  for (const std::int32_t factors : {5, 32}) {
    IalsConfig config{.factors = factors, .unobserved_weight = 0.1f, .l2 = 0.05f, .epochs = 40, .solver = cf::IalsSolver::exact};
    const double exact = cf::fit_ials(events, config).report.objective.back();
    for (const auto solver : every_solver) {
      config.solver = solver;
      const auto fit = cf::fit_ials(events, config);
      INFO("factors " << factors << ", " << fit.report.detail);
      for (std::size_t e = 1; e < 40; ++e) REQUIRE(fit.report.objective[e] <= fit.report.objective[e - 1] * (1 + 1e-6));
      REQUIRE_THAT(fit.report.objective.back(), WithinRel(ials_oracle::objective(events, fit.user_factors, fit.model->item_vectors(), config), 1e-5));
      REQUIRE_THAT(fit.report.objective.back(), WithinRel(exact, 5e-3));
    }
  }
}

TEST_CASE("ials: the solvers that improve a row tell its loss, and come to the exact row", "[cf][ials]") {
  // Lengths and widths around the groups of rows and the register tiles.
  for (const std::size_t factors : {1u, 16u, 23u, 64u, 200u})
    for (const std::size_t count : {1u, 7u, 8u, 33u, 150u, 300u}) {
      Matrix vectors(400, factors);
      for (std::size_t r = 0; r < 400; ++r) {
        Random random(17, factors, r);
        for (float& y : vectors.row(r)) y = static_cast<float>(0.3 * random.normal());
      }
      std::vector<std::uint32_t> items(count);
      std::vector<float> weights(count);
      Random random(5, factors, count);
      for (std::size_t i = 0; i < count; ++i) {
        items[i] = static_cast<std::uint32_t>(random.below(400));
        weights[i] = static_cast<float>(1 + random.below(4));
      }
      const std::size_t width = cf::round_up(factors, 16);
      std::vector<float> shared(width, 1.0f), spread(width, 0.0f);
      std::vector<double> shared_double(factors);
      for (std::size_t k = 0; k < factors; ++k) {
        shared_double[k] = 0.5 + static_cast<double>(k % 9);
        shared[k] = static_cast<float>(shared_double[k]);
        spread[k] = 0.09f;
      }
      const cf::IalsRow<float> row{vectors.data(), vectors.stride(), factors, shared.data(), 0.7, items, weights};
      const auto loss = [&](std::span<const float> x) {
        double sum = 0;
        for (std::size_t k = 0; k < factors; ++k) sum += (shared_double[k] + 0.7) * static_cast<double>(x[k]) * static_cast<double>(x[k]);
        for (std::size_t i = 0; i < count; ++i) {
          const double miss = 1 - score_of(x.first(factors), vectors.row(items[i]));
          sum += static_cast<double>(weights[i]) * miss * miss;
        }
        return sum;
      };
      std::vector<double> scratch, answer(factors);
      double least = 0;
      const cf::IalsRow<double> in_double{vectors.data(), vectors.stride(), factors, shared_double.data(), 0.7, items, weights};
      REQUIRE(cf::ials_fixed::solve(in_double, cf::aligned_scratch(scratch, cf::ials_scratch_size<double>(count, factors)), answer.data(), least));

      std::vector<float> buffer, start(width, 0.0f);
      for (std::size_t k = 0; k < factors; ++k) start[k] = static_cast<float>(0.2 * random.normal());
      INFO("factors " << factors << ", events " << count);
      const auto improve = [&](bool blocks, int times, std::vector<float>& x) {
        double told = 0;
        if (!blocks) REQUIRE(cf::ials_fast::solve_cg(row, spread.data(), times, cf::aligned_scratch(buffer, cf::ials_fast::ials_cg_scratch_size(factors)), x.data(), told));
        for (int n = 0; blocks && n < times; ++n)
          REQUIRE(cf::ials_fast::solve_subspace(row, cf::aligned_scratch(buffer, cf::ials_fast::ials_subspace_scratch_size(count, factors)), x.data(), told));
        REQUIRE_THAT(told, WithinRel(loss(x), 1e-4));
      };
      for (const bool blocks : {false, true}) {
        double before = loss(start);
        for (const int times : {1, 2}) {
          auto x = start;
          improve(blocks, times, x);
          REQUIRE(loss(x) <= before * (1 + 1e-5));
          before = loss(x);
        }
        auto x = start;
        improve(blocks, blocks ? 300 : 60, x);
        for (std::size_t k = 0; k < factors; ++k) REQUIRE_THAT(static_cast<double>(x[k]), WithinAbs(answer[k], 2e-3));
        for (std::size_t k = factors; k < width; ++k) REQUIRE(x[k] == 0);
      }
    }
}

TEST_CASE("ials: at convergence the gradient of both sides vanishes", "[cf][ials]") {
  const auto events = random_events(40, 30, 3, 5, [](std::uint32_t u) { return 1 + u % 20; });
  const IalsConfig config{.factors = 4, .unobserved_weight = 0.3f, .l2 = 0.2f, .epochs = 600};
  const auto fit = cf::fit_ials(events, config);
  const auto by_item = transpose(events);
  // The gradient of a row x is twice (A x - b); b is of the order of the row's weight.
  for (std::size_t u = 0; u < events.rows; ++u)
    REQUIRE(ials_oracle::gradient(events, u, fit.user_factors.row(u), fit.model->item_vectors(), config) < 2e-3);
  for (std::size_t i = 0; i < by_item.rows; ++i)
    REQUIRE(ials_oracle::gradient(by_item, i, fit.model->item_vectors().row(i), fit.user_factors, config) < 1e-4);
}

TEST_CASE("ials: the fitted factors do not depend on the number of threads", "[cf][ials]") {
  const auto events = synth::two_taste_groups({.users = 300, .items = 120, .seed = 7, .weighted = true});
  for (const auto solver : every_solver) {
    const IalsConfig config{.factors = 24, .epochs = 3, .solver = solver};
    const auto one = cf::fit_ials(events, config, {.execution = {.threads = 1}});
    for (const int threads : {2, 5}) {
      const auto more = cf::fit_ials(events, config, {.execution = {.threads = threads}});
      REQUIRE(one.user_factors == more.user_factors);
      const auto a = one.model->item_vectors(), b = more.model->item_vectors();
      for (std::size_t i = 0; i < a.rows; ++i) REQUIRE(std::ranges::equal(a.row(i), b.row(i)));
      REQUIRE(one.report.objective == more.report.objective);
    }
  }
}

TEST_CASE("ials: the order of the people changes no score", "[cf][ials]") {
  const auto events = random_events(60, 40, 3, 9, [](std::uint32_t u) { return 2 + u % 12; });
  Csr turned{events.rows, events.cols, {0}, {}, {}};
  for (std::size_t u = events.rows; u-- > 0;) {
    std::ranges::copy(CsrView(events).row_columns(u), std::back_inserter(turned.columns));
    std::ranges::copy(CsrView(events).row_values(u), std::back_inserter(turned.values));
    turned.offsets.push_back(static_cast<std::int64_t>(turned.columns.size()));
  }
  const IalsConfig config{.factors = 8, .l2 = 0.05f, .epochs = 4};
  const auto a = cf::fit_ials(events, config), b = cf::fit_ials(turned, config);
  for (std::size_t u = 0; u < events.rows; ++u)
    for (std::size_t i = 0; i < events.cols; ++i)
      REQUIRE_THAT(score_of(a.user_factors.row(u), a.model->item_vectors().row(i)),
                   WithinAbs(score_of(b.user_factors.row(59 - u), b.model->item_vectors().row(i)), 1e-4));
}

TEST_CASE("ials: folding in a person of the training data gives that person's row", "[cf][ials]") {
  const std::vector<std::uint32_t> lengths{1, 2, 3, 5, 8, 12, 16, 20, 33, 50, 77, 100, 128, 200, 700, 2000};
  const auto events = random_events(32, 2100, 50, 21, [&](std::uint32_t u) { return lengths[u % lengths.size()]; });
  model::Workspace workspace;
  std::vector<ItemIndex> items;
  for (const std::int32_t factors : {8, 33, 64, 128}) {
    for (const auto& [unobserved, l2] : {std::pair{0.01f, 0.003f}, std::pair{1.0f, 0.1f}, std::pair{1e-5f, 1e-5f}}) {
      const auto fit = cf::fit_ials(events, {.factors = factors, .unobserved_weight = unobserved, .l2 = l2, .epochs = 2});
      std::vector<float> query(static_cast<std::size_t>(factors));
      for (std::size_t u = 0; u < events.rows; ++u) {
        fit.model->query(history_of(events, u, items), workspace, query);
        for (std::size_t i = 0; i < events.cols; ++i) {
          const auto y = fit.model->item_vectors().row(i);
          REQUIRE_THAT(score_of(query, y), WithinAbs(score_of(fit.user_factors.row(u), y), 1e-5));
        }
        // In another order too: the same up to rounding.
        std::vector<ItemIndex> turned(items.rbegin(), items.rend());
        const auto weights = CsrView(events).row_values(u);
        std::vector<float> turned_weights(weights.rbegin(), weights.rend());
        fit.model->query({turned, turned_weights, {}, {}}, workspace, query);
        for (std::size_t i = 0; i < events.cols; i += 7) {
          const auto y = fit.model->item_vectors().row(i);
          REQUIRE_THAT(score_of(query, y), WithinAbs(score_of(fit.user_factors.row(u), y), 1e-5));
        }
      }
    }
  }
}

#if PANNIER_WITH_HIGHWAY
TEST_CASE("ials: folding in gives the same bits at every SIMD level", "[cf][ials]") {
  const auto events = random_events(24, 300, 5, 41, [](std::uint32_t u) { return 1 + 9 * u; });
  const auto fit = cf::fit_ials(events, {.factors = 37, .unobserved_weight = 0.05f, .l2 = 0.01f, .epochs = 2});
  const auto folded = [&] {
    std::vector<std::vector<float>> out;
    model::Workspace workspace;
    std::vector<ItemIndex> items;
    for (std::size_t u = 0; u < events.rows; ++u) {
      std::vector<float> query(37);
      const auto history = history_of(events, u, items);
      fit.model->query(history, workspace, query);
      out.push_back(query);
      std::vector<model::Reason> reasons(items.size());
      for (auto& reason : std::span(reasons).first(fit.model->explain(history, ItemIndex{7}, workspace, reasons))) out.back().push_back(reason.weight);
    }
    return out;
  };
  const auto expected = folded();
  REQUIRE(support::for_each_level([&] { REQUIRE(folded() == expected); }) >= 1);
}
#endif

TEST_CASE("ials: the shares of the history add up to the score, as the dense inverse says", "[cf][ials]") {
  const auto events = random_events(20, 120, 5, 31, [](std::uint32_t u) { return 1 + 5 * u; });
  for (const std::int32_t factors : {6, 40}) {
    const IalsConfig config{.factors = factors, .unobserved_weight = 0.1f, .l2 = 0.02f, .epochs = 3};
    const auto fit = cf::fit_ials(events, config);
    model::Workspace workspace;
    std::vector<ItemIndex> items;
    for (std::size_t u = 0; u < events.rows; ++u) {
      const auto history = history_of(events, u, items);
      for (const std::uint32_t target : {0u, 57u, 119u}) {
        std::vector<model::Reason> reasons(items.size() + 3);
        const auto count = fit.model->explain(history, ItemIndex{target}, workspace, reasons);
        REQUIRE(count == items.size());
        reasons.resize(count);
        float score = 0;
        fit.model->score(history, std::vector{ItemIndex{target}}, workspace, {&score, 1});
        double sum = 0, size = 0;
        for (const auto& reason : reasons) sum += static_cast<double>(reason.weight), size += std::abs(static_cast<double>(reason.weight));
        REQUIRE_THAT(sum, WithinAbs(static_cast<double>(score), 1e-5 * size + 1e-7));
        REQUIRE(std::ranges::is_sorted(reasons, [](const auto& a, const auto& b) { return a.weight > b.weight; }));
        const auto expected = ials_oracle::shares(events, u, fit.model->item_vectors().row(target), fit.model->fold_in_vectors(), config);
        for (const auto& reason : reasons) {
          const auto at = static_cast<std::size_t>(std::ranges::find(items, reason.item) - items.begin());
          REQUIRE_THAT(static_cast<double>(reason.weight), WithinAbs(expected[at], 1e-5 * size + 1e-7));
        }
      }
    }
  }
}

TEST_CASE("ials: similar items are those of the largest cosine", "[cf][ials]") {
  const auto events = synth::two_taste_groups({.users = 80, .items = 40, .seed = 3});
  const auto fit = cf::fit_ials(events, {.factors = 12, .epochs = 3});
  const auto vectors = fit.model->item_vectors();
  model::Workspace workspace;
  for (std::uint32_t item = 0; item < 40; ++item) {
    std::vector<Scored> found(50);
    found.resize(fit.model->similar(ItemIndex{item}, {.count = 50}, workspace, found));
    if (all_zero(vectors.row(item))) {
      REQUIRE(found.empty());
      continue;
    }
    std::vector<Scored> expected;
    for (std::uint32_t other = 0; other < 40; ++other) {
      if (other == item || all_zero(vectors.row(other))) continue;
      const double lengths = std::sqrt(score_of(vectors.row(item), vectors.row(item)) * score_of(vectors.row(other), vectors.row(other)));
      expected.push_back({ItemIndex{other}, static_cast<float>(score_of(vectors.row(item), vectors.row(other)) / lengths)});
    }
    std::ranges::sort(expected, ranks_before);
    REQUIRE(found.size() == expected.size());
    for (std::size_t n = 0; n < found.size(); ++n) REQUIRE_THAT(found[n].score, WithinAbs(expected[n].score, 1e-6));
  }
}

TEST_CASE("ials: people and items without evidence have zero vectors", "[cf][ials]") {
  const Csr events{4, 4, {0, 2, 2, 3, 4}, {0, 2, 0, 3}, {1, 2, 3, 0}};  // The only cell of person 3 and of item 3 weighs nothing.
  const auto fit = cf::fit_ials(events, {.factors = 3});
  REQUIRE(all_finite(fit));
  REQUIRE(all_zero(fit.user_factors.row(1)));
  REQUIRE(all_zero(fit.user_factors.row(3)));
  REQUIRE(all_zero(fit.model->item_vectors().row(1)));
  REQUIRE(all_zero(fit.model->item_vectors().row(3)));
  REQUIRE_FALSE(all_zero(fit.user_factors.row(0)));
  model::Workspace workspace;
  std::vector<Scored> out(4);
  REQUIRE(fit.model->similar(ItemIndex{1}, {}, workspace, out) == 0);
  const std::vector items{ItemIndex{2}};
  REQUIRE(fit.model->recommend({items, std::vector{0.0f}, {}, {}}, {}, workspace, out) == 0);
}

TEST_CASE("ials: a cell of weight zero is as no cell", "[cf][ials]") {
  const Csr with{3, 3, {0, 2, 4, 5}, {0, 1, 1, 2, 2}, {1, 0, 2, 1, 1}}, without{3, 3, {0, 1, 3, 4}, {0, 1, 2, 2}, {1, 2, 1, 1}};
  const auto a = cf::fit_ials(with, {.factors = 2}), b = cf::fit_ials(without, {.factors = 2});
  REQUIRE(a.user_factors == b.user_factors);
  REQUIRE(largest_score_difference(a, b) == 0);
}

TEST_CASE("ials: odd shapes fit: one person, one item, more factors than items, equal weights", "[cf][ials]") {
  const Csr one_person{1, 5, {0, 3}, {0, 2, 4}, {1, 1, 1}}, one_item{5, 1, {0, 1, 1, 2, 3, 4}, {0, 0, 0, 0}, {1, 2, 1, 1}};
  for (const auto& events : {one_person, one_item, synth::tiny()}) {
    const auto fit = cf::fit_ials(events, {.factors = 70, .epochs = 8});
    REQUIRE(all_finite(fit));
    for (std::size_t u = 0; u < events.rows; ++u)
      for (const auto item : CsrView(events).row_columns(u))
        REQUIRE(score_of(fit.user_factors.row(u), fit.model->item_vectors().row(item)) > 0.3);
  }
}

TEST_CASE("ials: weights and settings at the ends of their ranges give finite factors", "[cf][ials]") {
  const auto events = random_events(50, 60, 4, 77, [](std::uint32_t u) { return 1 + u; });
  for (const float scale : {1e-30f, 1e-3f, 1e6f, 1e30f}) {
    Csr scaled = events;
    for (float& w : scaled.values) w *= scale;
    for (const float unobserved : {1e-6f, 1.0f, 1e3f})
      for (const float l2 : {1e-9f, 1.0f, 1e6f})
        for (const float exponent : {0.0f, 1.0f, 2.0f}) {
          const auto fit = cf::fit_ials(scaled, {.factors = 20, .unobserved_weight = unobserved, .l2 = l2, .frequency_exponent = exponent, .epochs = 3});
          REQUIRE(all_finite(fit));
        }
  }
}

TEST_CASE("ials: rows that float cannot solve are solved in double", "[cf][ials]") {
  // Nearly no ridge and large weights: the system's largest eigenvalue is far beyond what float can tell from its smallest.
  auto events = random_events(60, 50, 1, 13, [](std::uint32_t u) { return 10 + u % 30; });
  for (float& w : events.values) w *= 1000;
  const IalsConfig config{.factors = 24, .unobserved_weight = 1e-5f, .l2 = 1e-8f, .epochs = 6};
  const auto fit = cf::fit_ials(events, config);
  REQUIRE_THAT(fit.report.detail, Contains("solved in double"));
  REQUIRE_THAT(fit.report.objective.back(),
               WithinRel(ials_oracle::objective(events, fit.user_factors, fit.model->item_vectors(), config), 1e-2));
  for (std::size_t e = 1; e < fit.report.objective.size(); ++e) REQUIRE(fit.report.objective[e] <= fit.report.objective[e - 1] * 1.001);
}

TEST_CASE("ials: a setting out of range is refused by name", "[cf][ials]") {
  const auto events = synth::tiny();
  const auto refused = [&](const IalsConfig& config, const std::string& name) {
    try {
      static_cast<void>(cf::fit_ials(events, config));
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::invalid_argument);
      REQUIRE_THAT(error.what(), StartsWith(name));
      return;
    }
    FAIL("not refused: " << name);
  };
  refused({.factors = 0}, "factors");
  refused({.factors = 4097}, "factors");
  refused({.unobserved_weight = 0}, "unobserved_weight");
  refused({.unobserved_weight = std::numeric_limits<float>::quiet_NaN()}, "unobserved_weight");
  refused({.l2 = 0}, "l2");
  refused({.l2 = -1}, "l2");
  refused({.frequency_exponent = 3}, "frequency_exponent");
  refused({.epochs = 0}, "epochs");
  REQUIRE_THROWS_WITH(cf::fit_ials(events, {}, {.execution = {.threads = -1}}), StartsWith("threads"));
}

TEST_CASE("ials: events without people, items or evidence and bad weights are refused by name", "[cf][ials]") {
  REQUIRE_THROWS_WITH(cf::fit_ials(Csr{0, 3, {0}, {}, {}}, {}), StartsWith("events"));
  REQUIRE_THROWS_WITH(cf::fit_ials(Csr{2, 0, {0, 0, 0}, {}, {}}, {}), StartsWith("events"));
  REQUIRE_THROWS_WITH(cf::fit_ials(Csr{1, 2, {0, 1}, {1}, {0}}, {}), StartsWith("events"));
  for (const float bad : {-1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    auto events = synth::tiny();
    events.values[3] = bad;
    REQUIRE_THROWS_WITH(cf::fit_ials(events, {}), StartsWith("events"));
  }
}

TEST_CASE("ials: a fit reports its epochs and stops when asked", "[cf][ials]") {
  const auto events = synth::two_taste_groups({.users = 60, .items = 30});
  std::uint64_t last = 0;
  const auto fit = cf::fit_ials(events, {.factors = 4, .epochs = 5}, {.progress = [&](const Progress& p) {
    REQUIRE(p.stage == "epoch");
    REQUIRE(p.total == 5);
    REQUIRE(p.done >= last);
    last = p.done;
  }});
  REQUIRE(last == 5);
  REQUIRE_THAT(fit.report.detail, StartsWith("auto: primal for ") && Contains("% of the rows") && EndsWith("the last epoch exact"));
  REQUIRE_THAT(cf::fit_ials(events, {.factors = 64, .epochs = 2, .solver = cf::IalsSolver::exact}).report.detail, StartsWith("exact: dual for "));

  std::stop_source stop;
  FitControl control{.stop = stop.get_token()};
  control.progress = [&](const Progress& p) {
    if (p.done == 2) stop.request_stop();
  };
  try {
    static_cast<void>(cf::fit_ials(events, {.factors = 4, .epochs = 5}, control));
    FAIL("not stopped");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::cancelled);
  }
}

TEST_CASE("ials: another seed begins elsewhere, the same seed does not", "[cf][ials]") {
  const auto events = synth::two_taste_groups({.users = 60, .items = 30});
  const auto a = cf::fit_ials(events, {.factors = 6, .epochs = 1, .seed = 1}), b = cf::fit_ials(events, {.factors = 6, .epochs = 1, .seed = 2});
  REQUIRE(a.user_factors == cf::fit_ials(events, {.factors = 6, .epochs = 1, .seed = 1}).user_factors);
  REQUIRE_FALSE(a.user_factors == b.user_factors);
}

TEST_CASE("ials: keeps the promises of a recommender", "[cf][ials]") {
  conformance::check({.fit = [](const CsrView& events, const FitControl& control) -> conformance::Model {
                        // At l2 = 0.003 the four factors beyond the two tastes fit the empty cells, see the next test.
                        return cf::fit_ials(events, {.factors = 6, .l2 = 0.1f}, control).model;
                      },
                      .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model {
                        return cf::read_ials(reader, items);
                      }});
}

TEST_CASE("ials: factors beyond the tastes fit single empty cells, unless the ridge sets them to zero", "[cf][ials]") {
  const auto events = synth::checkerboard(30);  // two tastes, and for everyone one item of their taste that they do not have
  const auto sizes = [&](float l2) {
    const auto fit = cf::fit_ials(events, {.factors = 6, .l2 = l2});
    const auto vectors = fit.model->item_vectors();
    std::vector<double> squares(6, 0);
    for (std::size_t i = 0; i < vectors.rows; ++i)
      for (std::size_t k = 0; k < 6; ++k) squares[k] += static_cast<double>(vectors.row(i)[k]) * static_cast<double>(vectors.row(i)[k]);
    std::ranges::sort(squares, std::greater<>());
    return squares;
  };
  const auto weak = sizes(0.003f), strong = sizes(0.1f);
  for (std::size_t k = 2; k < 6; ++k) {
    REQUIRE(weak[k] > 0.1);
    REQUIRE(strong[k] < 1e-6 * strong[1]);
  }
}

TEST_CASE("ials: a written model comes back in the given order, and knows whether its norms descend", "[cf][ials]") {
  const auto events = synth::two_taste_groups({.users = 80, .items = 40, .seed = 3, .weighted = true});
  const auto fit = cf::fit_ials(events, {.factors = 20, .epochs = 3});
  std::vector<ItemIndex> old_index(40), new_index(40);
  std::vector<std::uint32_t> order(40);
  std::iota(order.begin(), order.end(), 0u);
  const auto norms = fit.model->item_norms();
  std::ranges::sort(order, [&](auto a, auto b) { return norms[a] != norms[b] ? norms[a] > norms[b] : a < b; });
  for (std::uint32_t n = 0; n < 40; ++n) old_index[n] = ItemIndex{order[n]}, new_index[order[n]] = ItemIndex{n};
  support::MemoryWriter writer;
  fit.model->write(writer, {old_index, new_index});
  const support::MemoryReader reader(writer, fit.model->config_json());
  const auto back = cf::read_ials(reader, 40);
  REQUIRE(back->config() == fit.model->config());
  REQUIRE(back->norms_descend());
  REQUIRE_FALSE(fit.model->norms_descend());

  model::Workspace workspace;
  std::vector<ItemIndex> items;
  for (std::size_t u = 0; u < events.rows; ++u) {
    const auto history = history_of(events, u, items);
    std::vector<float> here(20), there(20);
    fit.model->query(history, workspace, here);
    std::vector<ItemIndex> moved;
    for (const auto item : items) moved.push_back(new_index[value(item)]);
    back->query({moved, history.weights, {}, {}}, workspace, there);
    REQUIRE(here == there);
    std::vector<Scored> a(10), b(10);
    a.resize(fit.model->recommend(history, {.count = 10}, workspace, a));
    b.resize(back->recommend({moved, history.weights, {}, {}}, {.count = 10}, workspace, b));
    REQUIRE(a.size() == b.size());
    for (std::size_t n = 0; n < a.size(); ++n) REQUIRE(a[n].score == b[n].score);
  }
}

TEST_CASE("ials: damaged numbers never crash, and never become a score that is not a number", "[cf][ials]") {
  const auto events = synth::two_taste_groups({.users = 40, .items = 24, .seed = 5});
  const auto fit = cf::fit_ials(events, {.factors = 9, .epochs = 2});
  std::vector<ItemIndex> same(24);
  for (std::uint32_t n = 0; n < 24; ++n) same[n] = ItemIndex{n};
  support::MemoryWriter writer;
  fit.model->write(writer, {same, same});
  model::Workspace workspace;
  std::vector<ItemIndex> items;
  for (const std::string name : {"item_vectors", "fold_in_vectors", "norms", "diagonal"}) {
    const auto bits = writer.sections().find(name)->second.size() * 8;
    for (std::uint64_t trial = 0; trial < 30; ++trial) {
      support::MemoryReader reader(writer, fit.model->config_json());
      Random random(trial, 1);
      for (int flips = 0; flips < 40; ++flips) reader.flip(name, random.below(bits) | (flips % 2 == 0 ? 0x18u : 0u));  // Exponents too.
      const auto model = cf::read_ials(reader, 24);
      for (std::size_t u = 0; u < 10; ++u) {
        const auto history = history_of(events, u, items);
        std::vector<Scored> out(24);
        out.resize(model->recommend(history, {.count = 24}, workspace, out));
        for (const auto& scored : out) REQUIRE_FALSE(std::isnan(scored.score));
        std::vector<float> scores(24);
        model->score(history, same, workspace, scores);
        for (const float score : scores) REQUIRE_FALSE(std::isnan(score));
        std::vector<model::Reason> reasons(24);
        static_cast<void>(model->explain(history, ItemIndex{3}, workspace, reasons));
        std::vector<model::Reason> each(2 * same.size());
        std::vector<std::uint32_t> counts(same.size());
        model->explain_each(history, same, 2, workspace, each, counts);
        for (const auto& reason : each) REQUIRE_FALSE(std::isnan(reason.weight));
        static_cast<void>(model->similar(ItemIndex{static_cast<std::uint32_t>(u)}, {}, workspace, out));
      }
    }
  }
}
