#include "pannier/cf/bpr.hpp"

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
#include "support/conformance.hpp"
#include "support/memory_sections.hpp"
#include "support/simd_levels.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::BprConfig;
using cf::BprFit;
using cf::BprLoss;

namespace {

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

bool all_finite(const MatrixView& rows) {
  for (std::size_t r = 0; r < rows.rows; ++r)
    if (!std::ranges::all_of(rows.row(r), [](float x) { return std::isfinite(x); })) return false;
  return true;
}

/// The share of the pairs of an own item and another that the rows have in the right order.
double right_order(const CsrView& events, const MatrixView& people, const MatrixView& items) {
  double right = 0, pairs = 0;
  for (std::size_t u = 0; u < events.rows; ++u) {
    const auto own = events.row_columns(u);
    for (const auto i : own)
      for (std::uint32_t j = 0; j < events.cols; ++j) {
        if (std::ranges::binary_search(own, j)) continue;
        right += score_of(people.row(u), items.row(i)) > score_of(people.row(u), items.row(j));
        ++pairs;
      }
  }
  return right / pairs;
}

/// The vector of the header's formula, in the coordinates of the item vectors, by dense elimination.
std::vector<double> folded_slowly(const BprConfig& config, const MatrixView& v, std::span<const std::uint32_t> items, std::span<const float> weights) {
  const std::size_t d = v.cols;
  std::vector<double> mean(d, 0);
  for (std::size_t i = 0; i < v.rows; ++i)
    for (std::size_t k = 0; k < d; ++k) mean[k] += static_cast<double>(v.row(i)[k]) / static_cast<double>(v.rows);
  const auto y = [&](std::size_t i, std::size_t k) { return (static_cast<double>(v.row(i)[k]) - mean[k]) / 2; };
  ials_oracle::Dense a(d, std::vector<double>(d, 0));
  std::vector<double> b(d, 0);
  double sum = 0;
  for (const float w : weights) sum += static_cast<double>(w);
  for (std::size_t k = 0; k < d; ++k) {
    a[k][k] += static_cast<double>(config.fold_in_l2);
    for (std::size_t l = 0; l < d; ++l) {
      for (std::size_t i = 0; i < v.rows; ++i) a[k][l] += static_cast<double>(config.fold_in_unobserved) * y(i, k) * y(i, l) / static_cast<double>(v.rows);
      for (std::size_t n = 0; n < items.size(); ++n) a[k][l] += static_cast<double>(weights[n]) / sum * y(items[n], k) * y(items[n], l);
    }
    for (std::size_t n = 0; n < items.size(); ++n) b[k] += static_cast<double>(weights[n]) / sum * y(items[n], k);
  }
  return ials_oracle::solve(a, b);
}

/// Scores and shares are off by some 2^-24 |x| |v|, and a person of one or two items meets items whose score is that much smaller than |x| |v|: for
/// them the shares are no sum of large ones.  Seen: 2e-4 of the shares.
constexpr float shares_near_zero = 1e-3f;

}  // namespace

TEST_CASE("bpr: one person with one of two items ends where the gradient vanishes", "[cf][bpr]") {
  // By hand, with s the chance of the wrong order: l2 x = s (v - w), l2 v = s x, l2 w = -s x, so that l2² = 2 s², and the margin
  // x (v - w) is ln(sqrt(2) / l2 - 1).
  for (const float l2 : {0.05f, 0.2f}) {
    const Csr events{1, 2, {0, 1}, {1}, {3}};  // Its weight is the mean weight, whatever it is.
    const auto fit = cf::fit_bpr(events, {.factors = 3, .learning_rate = 0.5f, .user_l2 = l2, .item_l2 = l2, .epochs = 4000});
    const auto items = fit.model->item_vectors();
    const double margin = score_of(fit.trained_rows.row(0), items.row(1)) - score_of(fit.trained_rows.row(0), items.row(0));
    const double expected = std::log(std::sqrt(2.0) / static_cast<double>(l2) - 1);
    REQUIRE_THAT(margin, WithinAbs(expected, 1e-3));
    REQUIRE_THAT(fit.report.objective.back(), WithinAbs(std::log1p(std::exp(-expected)), 1e-4));
  }
}

TEST_CASE("bpr: a person's steps are those of the paper, step by step", "[cf][bpr]") {
  // One event and one item to hold against it: nothing is left to chance but the first vectors, which a fit without movement shows. The steps do
  // not depend on coordinates, so inner products are compared.
  const Csr events{1, 2, {0, 1}, {0}, {1}};
  const auto start = cf::fit_bpr(events, {.factors = 5, .learning_rate = 1e-6f, .epochs = 1});
  std::vector<double> x, v, w;
  for (std::size_t k = 0; k < 5; ++k) {
    x.push_back(static_cast<double>(start.trained_rows.row(0)[k]));
    v.push_back(static_cast<double>(start.model->item_vectors().row(0)[k]));
    w.push_back(static_cast<double>(start.model->item_vectors().row(1)[k]));
  }
  const double rate = 0.3, l2 = 0.02;
  double x_squares = 0, v_squares = 0, w_squares = 0;
  const auto dot = [](const std::vector<double>& a, const std::vector<double>& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); };
  for (int epoch = 1; epoch <= 20; ++epoch) {
    std::vector<double> apart(5);
    for (std::size_t k = 0; k < 5; ++k) apart[k] = v[k] - w[k];
    const double wrong = 1 / (1 + std::exp(dot(x, apart)));
    const auto step = [&](std::vector<double>& row, double& squares, const std::vector<double>& along, double strength) {
      squares += strength * strength * dot(along, along) / 5;
      const double length = rate / std::sqrt(squares + 1e-8);
      for (std::size_t k = 0; k < 5; ++k) row[k] = (row[k] + length * strength * along[k]) / (1 + length * l2);
    };
    step(x, x_squares, apart, wrong);
    step(v, v_squares, x, wrong);
    step(w, w_squares, x, -wrong);
    const auto fit = cf::fit_bpr(events, {.factors = 5, .learning_rate = 0.3f, .user_l2 = 0.02f, .item_l2 = 0.02f, .epochs = epoch});
    const auto items = fit.model->item_vectors();
    REQUIRE_THAT(score_of(fit.trained_rows.row(0), items.row(0)), WithinAbs(dot(x, v), 1e-3));
    REQUIRE_THAT(score_of(fit.trained_rows.row(0), items.row(1)), WithinAbs(dot(x, w), 1e-3));
    REQUIRE_THAT(score_of(items.row(0), items.row(1)), WithinAbs(dot(v, w), 1e-3));
  }
}

TEST_CASE("warp: one person with one of two items gets them apart by one and no further", "[cf][bpr]") {
  const Csr events{1, 2, {0, 1}, {1}, {1}};
  const auto fit = cf::fit_bpr(events, {.loss = BprLoss::warp, .factors = 3, .learning_rate = 0.1f, .user_l2 = 0.01f, .item_l2 = 0.01f, .epochs = 500});
  const auto items = fit.model->item_vectors();
  const double margin = score_of(fit.trained_rows.row(0), items.row(1)) - score_of(fit.trained_rows.row(0), items.row(0));
  REQUIRE(margin >= 1);
  REQUIRE(margin < 1.5);  // One step past it: 0.1 along vectors of about one.
  REQUIRE(fit.report.objective.back() == 0);
}

TEST_CASE("bpr: folding in is the minimum that the header states, by dense elimination", "[cf][bpr]") {
  const auto events = synth::two_taste_groups({.users = 60, .items = 45, .seed = 3, .weighted = true});
  for (const std::int32_t factors : {1, 7, 16, 40}) {
    const BprConfig config{.factors = factors, .epochs = 5, .fold_in_unobserved = 2, .fold_in_l2 = 0.1f};
    const auto fit = cf::fit_bpr(events, config);
    const auto items = fit.model->item_vectors();
    for (std::size_t u = 0; u < events.rows; ++u) {
      const auto expected = folded_slowly(config, items, CsrView(events).row_columns(u), CsrView(events).row_values(u));
      for (std::size_t i = 0; i < events.cols; ++i)
        REQUIRE_THAT(score_of(fit.user_factors.row(u), items.row(i)), WithinAbs(ials_oracle::score(expected, items.row(i)), 1e-5));
    }
  }
}

TEST_CASE("bpr: folding in with the settings of the objective is one Newton step on it from no taste", "[cf][bpr]") {
  // The person's own objective, every item a negative:  sum_i w_i mean_j ln(1 + exp(-(x.v_i - x.v_j))) + l2/2 |x|². At x = 0 its gradient is
  // -1/2 sum_i w_i (v_i - mean), its Hessian 1/4 sum_i w_i mean_j (v_i - v_j)(v_i - v_j)' + l2 I.
  const auto events = synth::two_taste_groups({.users = 40, .items = 30, .seed = 8});
  const BprConfig config{.factors = 4, .user_l2 = 0.05f, .epochs = 4, .fold_in_unobserved = 1, .fold_in_l2 = 0.05f};
  const auto fit = cf::fit_bpr(events, config);
  const auto v = fit.model->item_vectors();
  for (std::size_t u = 0; u < events.rows; ++u) {
    const auto own = CsrView(events).row_columns(u);
    ials_oracle::Dense hessian(4, std::vector<double>(4, 0));
    std::vector<double> descent(4, 0);
    const double share = 1 / static_cast<double>(own.size()) / static_cast<double>(v.rows);
    for (std::size_t k = 0; k < 4; ++k) hessian[k][k] += static_cast<double>(config.user_l2);
    for (const auto i : own)
      for (std::size_t j = 0; j < v.rows; ++j)
        for (std::size_t k = 0; k < 4; ++k) {
          const auto apart = [&](std::size_t f) { return static_cast<double>(v.row(i)[f]) - static_cast<double>(v.row(j)[f]); };
          descent[k] += share * apart(k) / 2;
          for (std::size_t l = 0; l < 4; ++l) hessian[k][l] += share * apart(k) * apart(l) / 4;
        }
    const auto newton = ials_oracle::solve(hessian, descent);
    for (std::size_t i = 0; i < v.rows; ++i)
      REQUIRE_THAT(score_of(fit.user_factors.row(u), v.row(i)), WithinAbs(ials_oracle::score(newton, v.row(i)), 1e-4));
  }
}

TEST_CASE("bpr: people's rows of the fit are what their histories fold in to, bit for bit", "[cf][bpr]") {
  const auto events = synth::two_taste_groups({.users = 50, .items = 40, .seed = 5, .weighted = true});
  const auto fit = cf::fit_bpr(events, {.factors = 9, .epochs = 3});
  model::Workspace workspace;
  std::vector<ItemIndex> items;
  std::vector<float> query(9);
  for (std::size_t u = 0; u < events.rows; ++u) {
    fit.model->query(history_of(events, u, items), workspace, query);
    REQUIRE(std::ranges::equal(query, fit.user_factors.row(u)));
  }
}

TEST_CASE("bpr: folded in, people have their items before the others as well as with the trained rows", "[cf][bpr]") {
  const auto events = synth::two_taste_groups({.users = 200, .items = 80, .seed = 11});
  for (const auto loss : {BprLoss::bpr, BprLoss::warp}) {
    const auto fit = cf::fit_bpr(events, {.loss = loss, .factors = 12, .epochs = 30});
    const double folded = right_order(events, fit.user_factors, fit.model->item_vectors());
    const double trained = right_order(events, fit.trained_rows, fit.model->item_vectors());
    REQUIRE(trained > 0.8);
    REQUIRE(folded > trained - 0.05);
  }
}

TEST_CASE("bpr: the fitted vectors do not depend on the number of threads", "[cf][bpr]") {
  const auto events = synth::two_taste_groups({.users = 300, .items = 120, .seed = 7, .weighted = true});
  for (const auto loss : {BprLoss::bpr, BprLoss::warp}) {
    const BprConfig config{.loss = loss, .factors = 20, .epochs = 3, .popularity_exponent = 0.5f};
    const auto one = cf::fit_bpr(events, config, {.execution = {.threads = 1}});
    for (const int threads : {2, 5}) {
      const auto more = cf::fit_bpr(events, config, {.execution = {.threads = threads}});
      REQUIRE(one.trained_rows == more.trained_rows);
      REQUIRE(one.user_factors == more.user_factors);
      const auto a = one.model->item_vectors(), b = more.model->item_vectors();
      for (std::size_t i = 0; i < a.rows; ++i) REQUIRE(std::ranges::equal(a.row(i), b.row(i)));
      REQUIRE(one.report.objective == more.report.objective);
    }
  }
}

TEST_CASE("bpr: the mean loss falls", "[cf][bpr]") {
  const auto events = synth::two_taste_groups({.users = 200, .items = 60, .seed = 2});
  for (const auto loss : {BprLoss::bpr, BprLoss::warp})
    for (const std::int32_t negatives : {1, 4}) {
      const auto fit = cf::fit_bpr(events, {.loss = loss, .factors = 8, .epochs = 30, .negatives = negatives});
      REQUIRE(fit.report.objective.size() == 30);
      REQUIRE(fit.report.objective.back() < 0.8 * fit.report.objective.front());
    }
}

TEST_CASE("bpr: a seen item without weight is not held against the person", "[cf][bpr]") {
  // Everybody has item 0; item 1 weighs nothing for them, so that item 2 alone stands against item 0.
  synth::CsrBuilder out(3);
  for (int u = 0; u < 20; ++u) out.cell(0).cell(1, 0).end_row();
  const auto seen = out.take();
  const auto fit = cf::fit_bpr(seen, {.factors = 4, .epochs = 50});
  const auto items = fit.model->item_vectors();
  for (std::size_t u = 0; u < 20; ++u) {
    const auto x = fit.trained_rows.row(u);
    REQUIRE(score_of(x, items.row(0)) > score_of(x, items.row(1)));
    REQUIRE(score_of(x, items.row(1)) > score_of(x, items.row(2)));
  }
}

TEST_CASE("bpr: popular items are drawn more often where the exponent says so", "[cf][bpr]") {
  // Half of the people have item 0 of 40 and item 1, the others item 2: drawn against them by popularity, item 0 ends lower for the others.
  synth::CsrBuilder out(40);
  for (int u = 0; u < 60; ++u) (u % 2 == 0 ? out.cell(0).cell(1) : out.cell(2)).end_row();
  const auto events = out.take();
  const auto lead = [&](float exponent) {
    const auto fit = cf::fit_bpr(events, {.factors = 4, .epochs = 3, .negatives = 1, .popularity_exponent = exponent});
    double sum = 0;
    for (std::size_t u = 1; u < 60; u += 2)
      sum += score_of(fit.trained_rows.row(u), fit.model->item_vectors().row(2)) - score_of(fit.trained_rows.row(u), fit.model->item_vectors().row(0));
    return sum;
  };
  REQUIRE(lead(2) > lead(0));
}

TEST_CASE("bpr: odd shapes fit: one person, one item, everything seen, more factors than items, equal weights", "[cf][bpr]") {
  const Csr one_person{1, 5, {0, 3}, {0, 2, 4}, {1, 1, 1}}, one_item{5, 1, {0, 1, 1, 2, 3, 4}, {0, 0, 0, 0}, {1, 2, 1, 1}}, everything{2, 2, {0, 2, 4}, {0, 1, 0, 1}, {1, 1, 1, 1}};
  for (const auto loss : {BprLoss::bpr, BprLoss::warp})
    for (const auto& events : {one_person, one_item, everything, synth::tiny()}) {
      const auto fit = cf::fit_bpr(events, {.loss = loss, .factors = 70, .epochs = 4});
      REQUIRE(all_finite(fit.user_factors));
      REQUIRE(all_finite(fit.trained_rows));
      REQUIRE(all_finite(fit.model->item_vectors()));
      REQUIRE(all_finite(fit.model->fold_in_vectors()));
    }
}

TEST_CASE("bpr: a person who has nearly everything draws in vain and is passed over for that event", "[cf][bpr]") {
  // Popularity to the square: of 200 items the one that person 0 lacks is drawn once in some 44,000 times (100 items of 21² each, 99 of 2², it of 1), so that nearly all of their events go without a pair.
  synth::CsrBuilder out(200);
  for (std::uint32_t item = 0; item < 199; ++item) out.cell(item);
  out.end_row();
  for (int u = 1; u < 20; ++u) {
    for (std::uint32_t item = 0; item < 100; ++item) out.cell(item);
    out.end_row();
  }
  const auto events = out.take();
  for (const auto loss : {BprLoss::bpr, BprLoss::warp})
    for (const std::int32_t negatives : {1, 4}) {
      const auto fitted = [&](int threads) { return cf::fit_bpr(events, {.loss = loss, .factors = 8, .epochs = 3, .negatives = negatives, .popularity_exponent = 2}, {.execution = {.threads = threads}}); };
      const auto one = fitted(1), three = fitted(3);
      REQUIRE(all_finite(one.trained_rows));
      REQUIRE(all_finite(one.model->item_vectors()));
      REQUIRE(one.report.objective == three.report.objective);
      REQUIRE(one.trained_rows == three.trained_rows);
      for (const double objective : one.report.objective) REQUIRE(std::isfinite(objective));
    }
}

TEST_CASE("bpr: weights and settings at the ends of their ranges give finite vectors or a named failure", "[cf][bpr]") {
  const auto events = synth::two_taste_groups({.users = 30, .items = 25, .seed = 77, .weighted = true});
  for (const float scale : {1e-30f, 1e-3f, 1e30f})
    for (const float rate : {1e-6f, 10.0f})
      for (const float l2 : {0.0f, 1e3f})
        for (const auto loss : {BprLoss::bpr, BprLoss::warp}) {
          Csr scaled = events;
          for (float& w : scaled.values) w *= scale;
          try {
            const auto fit = cf::fit_bpr(scaled, {.loss = loss, .factors = 10, .learning_rate = rate, .user_l2 = l2, .item_l2 = l2, .epochs = 3, .popularity_exponent = 2});
            REQUIRE(all_finite(fit.user_factors));
            REQUIRE(all_finite(fit.trained_rows));
            REQUIRE(all_finite(fit.model->item_vectors()));
          } catch (const Error& error) {
            REQUIRE(error.code() == ErrorCode::numerical_failure);
            REQUIRE(error.where() == "fit_bpr");
          }
        }
}

TEST_CASE("bpr: a setting out of range is refused by name", "[cf][bpr]") {
  const auto events = synth::tiny();
  const auto refused = [&](const BprConfig& config, const std::string& name) {
    try {
      static_cast<void>(cf::fit_bpr(events, config));
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::invalid_argument);
      REQUIRE_THAT(error.what(), StartsWith(name));
      return;
    }
    FAIL("not refused: " << name);
  };
  refused({.factors = 0}, "factors");
  refused({.factors = 4097}, "factors");
  refused({.learning_rate = 0}, "learning_rate");
  refused({.learning_rate = std::numeric_limits<float>::quiet_NaN()}, "learning_rate");
  refused({.user_l2 = -1}, "user_l2");
  refused({.item_l2 = std::numeric_limits<float>::infinity()}, "item_l2");
  refused({.epochs = 0}, "epochs");
  refused({.negatives = 0}, "negatives");
  refused({.max_samples = 0}, "max_samples");
  refused({.popularity_exponent = -1}, "popularity_exponent");
  refused({.fold_in_unobserved = 0}, "fold_in_unobserved");
  refused({.fold_in_l2 = 0}, "fold_in_l2");
  REQUIRE_THROWS_WITH(cf::fit_bpr(events, {}, {.execution = {.threads = -1}}), StartsWith("threads"));
}

TEST_CASE("bpr: events without people, items or evidence and bad weights are refused by name", "[cf][bpr]") {
  REQUIRE_THROWS_WITH(cf::fit_bpr(Csr{0, 3, {0}, {}, {}}, {}), StartsWith("events"));
  REQUIRE_THROWS_WITH(cf::fit_bpr(Csr{2, 0, {0, 0, 0}, {}, {}}, {}), StartsWith("events"));
  REQUIRE_THROWS_WITH(cf::fit_bpr(Csr{1, 2, {0, 1}, {1}, {0}}, {}), StartsWith("events"));
  for (const float bad : {-1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    auto events = synth::tiny();
    events.values[3] = bad;
    REQUIRE_THROWS_WITH(cf::fit_bpr(events, {}), StartsWith("events"));
  }
}

TEST_CASE("bpr: a fit reports its epochs and stops when asked", "[cf][bpr]") {
  const auto events = synth::two_taste_groups({.users = 60, .items = 30});
  std::uint64_t last = 0;
  const auto fit = cf::fit_bpr(events, {.factors = 4, .epochs = 5}, {.progress = [&](const Progress& p) {
    REQUIRE(p.stage == "epoch");
    REQUIRE(p.total == 5);
    REQUIRE(p.done >= last);
    last = p.done;
  }});
  REQUIRE(last == 5);
  REQUIRE_THAT(fit.report.detail, StartsWith("bpr: the hardest of "));
  std::stop_source stop;
  FitControl control{.stop = stop.get_token()};
  control.progress = [&](const Progress& p) {
    if (p.done == 2) stop.request_stop();
  };
  try {
    static_cast<void>(cf::fit_bpr(events, {.factors = 4, .epochs = 5}, control));
    FAIL("not stopped");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::cancelled);
  }
}

TEST_CASE("bpr: another seed begins elsewhere, the same seed does not", "[cf][bpr]") {
  const auto events = synth::two_taste_groups({.users = 60, .items = 30});
  const auto a = cf::fit_bpr(events, {.factors = 6, .epochs = 1, .seed = 1}), b = cf::fit_bpr(events, {.factors = 6, .epochs = 1, .seed = 2});
  REQUIRE(a.trained_rows == cf::fit_bpr(events, {.factors = 6, .epochs = 1, .seed = 1}).trained_rows);
  REQUIRE_FALSE(a.trained_rows == b.trained_rows);
}

TEST_CASE("bpr: keeps the promises of a recommender", "[cf][bpr]") {
  conformance::check({.fit = [](const CsrView& events, const FitControl& control) -> conformance::Model {
                        return cf::fit_bpr(events, {.factors = 4, .user_l2 = 0.03f, .item_l2 = 0.03f, .epochs = 40, .negatives = 1}, control).model;
                      },
                      .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model {
                        return cf::read_bpr(reader, items);
                      },
                      .copies_tie = false,
                      .share_tolerance = shares_near_zero});
}

TEST_CASE("warp: keeps the promises of a recommender", "[cf][bpr]") {
  conformance::check({.fit = [](const CsrView& events, const FitControl& control) -> conformance::Model {
                        return cf::fit_bpr(events, {.loss = BprLoss::warp, .factors = 3, .user_l2 = 0.03f, .item_l2 = 0.03f, .epochs = 30, .max_samples = 3}, control).model;
                      },
                      .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model {
                        return cf::read_bpr(reader, items);
                      },
                      .copies_tie = false,
                      .share_tolerance = shares_near_zero});
}

TEST_CASE("bpr: items of equal vectors are ranked by index", "[cf][bpr]") {
  const auto events = synth::two_taste_groups({.users = 40, .items = 20, .seed = 4});
  const auto fit = cf::fit_bpr(events, {.factors = 5, .epochs = 5});
  // A file whose items 3 and 4 are both item 3, and 10 and 11 both item 12.
  std::vector<ItemIndex> order(20);
  for (std::uint32_t n = 0; n < 20; ++n) order[n] = ItemIndex{n == 4 ? 3 : n == 10 || n == 11 ? 12 : n};
  support::MemoryWriter writer;
  fit.model->write(writer, {order, order});
  const auto model = cf::read_bpr(support::MemoryReader(writer, fit.model->config_json()), 20);
  model::Workspace workspace;
  const std::vector items{ItemIndex{0}, ItemIndex{7}};
  std::vector<Scored> out(20);
  REQUIRE(model->recommend({items, std::vector{1.0f, 2.0f}, {}, {}}, {.count = 20, .exclude_history = false}, workspace, out) == 20);
  const auto place = [&](std::uint32_t item) { return std::ranges::find(out, ItemIndex{item}, &Scored::item) - out.begin(); };
  REQUIRE(place(4) == place(3) + 1);
  REQUIRE(place(11) == place(10) + 1);
  REQUIRE(place(12) == place(11) + 1);
}

#if PANNIER_WITH_HIGHWAY
TEST_CASE("bpr: folding in gives the same bits at every SIMD level", "[cf][bpr]") {
  const auto events = synth::two_taste_groups({.users = 40, .items = 90, .seed = 6});
  const auto fit = cf::fit_bpr(events, {.factors = 37, .epochs = 2});
  const auto folded = [&] {
    std::vector<std::vector<float>> out;
    model::Workspace workspace;
    std::vector<ItemIndex> items;
    for (std::size_t u = 0; u < events.rows; ++u) {
      std::vector<float> query(37), scores(events.cols);
      const auto history = history_of(events, u, items);
      fit.model->query(history, workspace, query);
      fit.model->score_all(history, workspace, scores);
      out.push_back(query);
      out.push_back(scores);
    }
    return out;
  };
  const auto expected = folded();
  REQUIRE(support::for_each_level([&] { REQUIRE(folded() == expected); }) >= 1);
}
#endif
