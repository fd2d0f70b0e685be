#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cf/ials_oracle.hpp"
#include "pannier/cf/ials.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::IalsConfig;
using cf::IalsLoss;

namespace {

/// Random cells; `confidence` gives each from a number in [0, 1).
template <class Confidence>
Csr random_cells(std::uint32_t users, std::uint32_t items, std::uint64_t seed, Confidence confidence) {
  synth::CsrBuilder out(items);
  for (std::uint32_t u = 0; u < users; ++u) {
    for (std::uint32_t i = 0; i < items; ++i) {
      Random random(seed, u, i);
      if (random.uniform() >= static_cast<double>(2 * u) / items) continue;
      out.cell(i, confidence(static_cast<float>(random.uniform())));
    }
    out.end_row();
  }
  return out.take();
}

double product(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += static_cast<double>(a[k]) * static_cast<double>(b[k]);
  return sum;
}

/// What is left of a row's equations, against the size of their terms: solved in float, forty people and forty factors are, summed twice (matrix and solution), 160 roundings of
/// 2^-24. How far that moves a score where the equations hardly tell some factors apart is another matter.
double backward_error(const CsrView& events, std::size_t row, std::span<const float> x, const MatrixView& y, const IalsConfig& config) {
  const auto a = ials_oracle::normal_matrix(events, row, y, config);
  const auto b = ials_oracle::right_side(events, row, y);
  double left = 0, terms = 0;
  for (std::size_t k = 0; k < x.size(); ++k) {
    double difference = -b[k], size = std::abs(b[k]);
    for (std::size_t l = 0; l < x.size(); ++l) {
      difference += a[k][l] * static_cast<double>(x[l]);
      size += std::abs(a[k][l] * static_cast<double>(x[l]));
    }
    left = std::max(left, std::abs(difference));
    terms = std::max(terms, size);
  }
  return terms == 0 ? 0 : left / terms;
}

struct Confidences {
  const char* name;
  float (*of)(float);
};
constexpr Confidences every_kind[] = {
    {"all at the unobserved weight", [](float) { return 1.0f; }},
    {"above it", [](float x) { return 1 + std::floor(40 * x); }},
    {"below it", [](float x) { return 0.05f + 0.9f * x; }},
    {"around it, some negative", [](float x) { return 8 * x - 2; }},
};

}  // namespace

TEST_CASE("ials: with the loss of Hu et al., rows, vectors and objective are those of the dense equations", "[cf][ials]") {
  for (const auto& kind : every_kind)
    for (const std::int32_t factors : {1, 7, 16, 40})
      for (const auto solver : {cf::IalsSolver::automatic, cf::IalsSolver::exact, cf::IalsSolver::conjugate_gradients, cf::IalsSolver::subspace}) {
        const auto events = random_cells(40, 90, 3, kind.of);
        const IalsConfig config{.factors = factors, .unobserved_weight = 1, .loss = IalsLoss::replaced, .l2 = 0.05f, .frequency_exponent = 0, .epochs = 4, .solver = solver};
        INFO(kind.name << ", factors " << factors << ", solver " << static_cast<int>(solver));
        const auto fit = cf::fit_ials(events, config);
        const auto by_item = transpose(events);
        for (std::size_t u = 0; u < events.rows; ++u) {
          const auto expected = ials_oracle::solve_row(events, u, fit.model->fold_in_vectors(), config);
          for (std::size_t i = 0; i < events.cols; ++i) {
            const auto y = fit.model->item_vectors().row(i);
            REQUIRE_THAT(product(fit.user_factors.row(u), y), WithinAbs(ials_oracle::score(expected, y), 2e-5));
          }
        }
        for (std::size_t i = 0; i < events.cols; ++i) {
          REQUIRE(backward_error(by_item, i, fit.model->item_vectors().row(i), fit.user_factors, config) <= 160 * 0x1p-24);
        }
        const double loss = ials_oracle::objective(events, fit.user_factors, fit.model->item_vectors(), config);
        REQUIRE_THAT(fit.report.objective.back(), WithinRel(loss, 1e-4));
        REQUIRE(std::ranges::is_sorted(fit.report.objective, [](double a, double b) { return a > b * (1 + 1e-5); }));
      }
}

TEST_CASE("ials: with the loss of Hu et al. a history folds in to the fit's own row, and its shares add up", "[cf][ials]") {
  for (const auto& kind : every_kind) {
    if (kind.of(0) < 0) continue;
    INFO(kind.name);
    const auto events = random_cells(40, 90, 5, kind.of);
    const IalsConfig config{.factors = 12, .unobserved_weight = 1, .loss = IalsLoss::replaced, .l2 = 0.05f, .frequency_exponent = 0, .epochs = 4};
    const auto fit = cf::fit_ials(events, config);
    model::Workspace workspace;
    std::vector<float> query(12);
    for (std::size_t u = 0; u < events.rows; ++u) {
      std::vector<ItemIndex> items;
      for (const auto column : CsrView(events).row_columns(u)) items.push_back(ItemIndex{column});
      const model::History history{items, CsrView(events).row_values(u), {}, {}};
      fit.model->query(history, workspace, query);
      REQUIRE(std::ranges::equal(query, fit.user_factors.row(u)));
      std::vector<model::Reason> reasons(items.size() + 1);
      reasons.resize(fit.model->explain(history, ItemIndex{7}, workspace, reasons));
      const auto expected = ials_oracle::shares(events, u, fit.model->item_vectors().row(7), fit.model->fold_in_vectors(), config);
      double sum = 0;
      for (const auto& reason : reasons) {
        sum += static_cast<double>(reason.weight);
        REQUIRE_THAT(static_cast<double>(reason.weight), WithinAbs(expected[static_cast<std::size_t>(std::ranges::find(items, reason.item) - items.begin())], 1e-6));
      }
      REQUIRE_THAT(sum, WithinAbs(product(query, fit.model->item_vectors().row(7)), 1e-5));
    }
  }
}

TEST_CASE("ials: the two losses are one where no confidence is in the place of another", "[cf][ials]") {
  // w (s - 1)² + a s² with w = c, and c (s - 1)² in the place of a s², differ by a s² - which is nothing as a goes to 0.
  const auto events = random_cells(30, 60, 9, [](float x) { return 1 + x; });
  IalsConfig config{.factors = 8, .unobserved_weight = 1e-6f, .l2 = 0.1f, .frequency_exponent = 0, .epochs = 10};
  const auto added = cf::fit_ials(events, config);
  config.loss = IalsLoss::replaced;
  const auto replaced = cf::fit_ials(events, config);
  for (std::size_t u = 0; u < events.rows; ++u)
    for (std::size_t i = 0; i < events.cols; ++i)
      REQUIRE_THAT(product(added.user_factors.row(u), added.model->item_vectors().row(i)), WithinAbs(product(replaced.user_factors.row(u), replaced.model->item_vectors().row(i)), 1e-3));
}

TEST_CASE("ials: negative confidences are for the loss of Hu et al. alone, and no history has them", "[cf][ials]") {
  const Csr events{2, 3, {0, 2, 4}, {0, 1, 1, 2}, {1, -1, 2, 1}};
  const auto refused = [](const Csr& given, const IalsConfig& config, const std::string& part) {
    try {
      static_cast<void>(cf::fit_ials(given, config));
      FAIL("not refused");
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::invalid_argument);
      REQUIRE_THAT(error.what(), Catch::Matchers::Contains(part));
    }
  };
  refused(events, {.factors = 2}, "row 0 column 1 has the weight -1");
  const IalsConfig config{.factors = 2, .unobserved_weight = 1, .loss = IalsLoss::replaced};
  const auto fit = cf::fit_ials(events, config);
  refused(Csr{1, 2, {0, 2}, {0, 1}, {-1, -2}}, config, "no weight is positive");
  refused(Csr{1, 2, {0, 2}, {0, 1}, {1, -std::numeric_limits<float>::infinity()}}, config, "row 0 column 1");
  refused(Csr{1, 2, {0, 2}, {0, 1}, {1, std::numeric_limits<float>::quiet_NaN()}}, config, "row 0 column 1");
  model::Workspace workspace;
  std::vector<float> query(2);
  const std::vector items{ItemIndex{0}};
  const std::vector<float> weights{-1};
  REQUIRE_THROWS_AS(fit.model->query({items, weights, {}, {}}, workspace, query), Error);
}

TEST_CASE("ials: with the loss of Hu et al. it keeps the promises of a recommender", "[cf][ials]") {
  conformance::check({.fit = [](const CsrView& events, const FitControl& control) -> conformance::Model {
                        return cf::fit_ials(events, {.factors = 6, .loss = IalsLoss::replaced, .l2 = 0.1f}, control).model;
                      },
                      .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return cf::read_ials(reader, items); },
                      .weighs = false});   // Negative weights are taken; the test above has the bad ones.
}
