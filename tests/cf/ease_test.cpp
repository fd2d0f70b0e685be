#include "pannier/cf/ease.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/memory_sections.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::EaseConfig;
using cf::fit_ease;

namespace {

using Dense = Eigen::MatrixXd;

conformance::Subject subject(EaseConfig config) {
  return {.fit = [=](const CsrView& events, const FitControl& control) -> conformance::Model { return fit_ease(events, config, control).model; },
          .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return cf::read_ease(reader, items); },
          .by_evidence = config.neighbours > 0};
}

Dense dense(const CsrView& m) {
  Dense out = Dense::Zero(static_cast<Eigen::Index>(m.rows), static_cast<Eigen::Index>(m.cols));
  for (std::size_t r = 0; r < m.rows; ++r)
    for (std::size_t n = 0; n < m.row_columns(r).size(); ++n) out(static_cast<Eigen::Index>(r), m.row_columns(r)[n]) = static_cast<double>(m.row_values(r)[n]);
  return out;
}

/// The definition, in double.
Dense oracle(const CsrView& events, double l2) {
  const Dense x = dense(events);
  const Dense p = (x.transpose() * x + l2 * Dense::Identity(x.cols(), x.cols())).inverse();
  Dense b = p;
  for (Eigen::Index i = 0; i < p.rows(); ++i)
    for (Eigen::Index j = 0; j < p.cols(); ++j) b(i, j) = i == j ? 0 : -p(i, j) / p(j, j);
  return b;
}

float weight(const cf::EaseModel& model, Eigen::Index i, Eigen::Index j) { return model.weight(ItemIndex{static_cast<std::uint32_t>(i)}, ItemIndex{static_cast<std::uint32_t>(j)}); }

/// Some items of each person, more of the low ones; fewer draws than cells.
Csr random_events(std::uint32_t users, std::uint32_t items, std::uint32_t each) {
  synth::CsrBuilder builder(items);
  for (std::uint32_t u = 0; u < users; ++u) {
    Random random(11, u);
    std::vector<std::uint32_t> has;
    for (std::uint32_t n = 0; n < each; ++n) has.push_back(static_cast<std::uint32_t>(static_cast<double>(items) * random.uniform() * random.uniform()));
    std::sort(has.begin(), has.end());
    has.erase(std::unique(has.begin(), has.end()), has.end());
    for (const auto item : has) builder.cell(item, static_cast<float>(1 + item % 3));
    builder.end_row();
  }
  return builder.take();
}

}  // namespace

TEST_CASE("ease: keeps the promises of a recommender", "[cf][ease]") {
  SECTION("all weights") { conformance::check(subject({.l2 = 20})); }
  SECTION("the largest") { conformance::check(subject({.l2 = 20, .neighbours = 20})); }
}

TEST_CASE("ease: by hand", "[cf][ease]") {
  // Two items that one person has together and one each alone: X'X + 1 = [3 1; 1 3], its inverse [3 -1; -1 3] / 8, so B = 1/3.
  const Csr events{3, 2, {0, 2, 3, 4}, {0, 1, 0, 1}, {1, 1, 1, 1}};
  const auto model = fit_ease(events, {.l2 = 1}).model;
  REQUIRE_THAT(static_cast<double>(weight(*model, 0, 1)), WithinRel(1.0 / 3, 1e-6));
  REQUIRE_THAT(static_cast<double>(weight(*model, 1, 0)), WithinRel(1.0 / 3, 1e-6));
  REQUIRE(weight(*model, 0, 0) == 0);
  model::Workspace workspace;
  std::vector<float> scores(2);
  const std::vector<ItemIndex> items{ItemIndex{0}};
  const std::vector<float> weights{3};
  model->score_all({items, weights, {}, {}}, workspace, scores);
  REQUIRE_THAT(static_cast<double>(scores[1]), WithinRel(1.0, 1e-6));
}

TEST_CASE("ease: equals the definition in double, in one block, in whole blocks and in broken ones", "[cf][ease]") {
  for (const std::uint32_t items : {5u, 60u, 256u, 300u, 700u})
    for (const float l2 : {2.0f, 200.0f}) {
      const auto events = random_events(400, items, 12);
      const auto model = fit_ease(events, {.l2 = l2}, {.execution = {.threads = 2}}).model;
      const auto b = oracle(events, static_cast<double>(l2));
      const double size = b.cwiseAbs().maxCoeff();
      double worst = 0;
      for (Eigen::Index i = 0; i < b.rows(); ++i)
        for (Eigen::Index j = 0; j < b.cols(); ++j) worst = std::max(worst, std::fabs(static_cast<double>(weight(*model, i, j)) - b(i, j)));
      INFO(items << " items, l2 " << l2);
      // Float sums of up to 700 terms in a matrix whose condition is that of its largest column over l2.
      REQUIRE(worst <= size * (l2 < 10 ? 2e-4 : 1e-5));
    }
}

TEST_CASE("ease: each person's history is reproduced best: the objective has no slope off the diagonal", "[cf][ease]") {
  const auto events = random_events(200, 80, 10);
  const double l2 = 5;
  const auto model = fit_ease(events, {.l2 = static_cast<float>(l2)}).model;
  const Dense x = dense(events);
  Dense b(80, 80);
  for (Eigen::Index i = 0; i < 80; ++i)
    for (Eigen::Index j = 0; j < 80; ++j) b(i, j) = static_cast<double>(weight(*model, i, j));
  const Dense slope = x.transpose() * (x * b - x) + l2 * b;
  const double size = (x.transpose() * x).cwiseAbs().maxCoeff();
  for (Eigen::Index i = 0; i < 80; ++i)
    for (Eigen::Index j = 0; j < 80; ++j)
      if (i != j) REQUIRE_THAT(slope(i, j), WithinAbs(0, 1e-5 * size));
}

TEST_CASE("ease: what is kept are the largest weights of each column", "[cf][ease]") {
  const auto events = random_events(300, 90, 10);
  const auto all = fit_ease(events, {.l2 = 10}).model, some = fit_ease(events, {.l2 = 10, .neighbours = 7}).model;
  for (Eigen::Index j = 0; j < 90; ++j) {
    std::vector<Scored> column;
    for (std::uint32_t i = 0; i < 90; ++i)
      if (weight(*all, i, j) != 0) column.push_back({ItemIndex{i}, std::fabs(weight(*all, i, j))});
    std::sort(column.begin(), column.end(), ranks_before);
    for (std::size_t n = 0; n < column.size(); ++n)
      REQUIRE(some->weight(column[n].item, ItemIndex{static_cast<std::uint32_t>(j)}) == (n < 7 ? all->weight(column[n].item, ItemIndex{static_cast<std::uint32_t>(j)}) : 0.0f));
  }
}

TEST_CASE("ease: the weights do not depend on the number of threads, over several blocks", "[cf][ease]") {
  const auto events = random_events(300, 600, 10);
  const auto one = fit_ease(events, {.l2 = 10}, {.execution = {.threads = 1}}).model, three = fit_ease(events, {.l2 = 10}, {.execution = {.threads = 3}}).model;
  bool same = true;
  for (Eigen::Index i = 0; i < 600; ++i)
    for (Eigen::Index j = 0; j < 600; ++j) same &= weight(*one, i, j) == weight(*three, i, j);
  REQUIRE(same);
}

TEST_CASE("ease: what does not fit is refused before it begins, and says how much it takes", "[cf][ease]") {
  const Csr wide{1, 20000, {0, 1}, {7}, {1}};
  try {
    (void)fit_ease(wide, {.memory_mb = 1000});
    FAIL("began");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::out_of_memory);
    REQUIRE_THAT(error.what(), StartsWith("ease: takes 16") && Contains("20000 items") && Contains("memory_mb allows 1000 MB"));
  }
  const Csr wider{1, 40'000'000, {0, 1}, {7}, {1}};
  try {
    (void)fit_ease(wider, {});
    FAIL("began");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::out_of_memory);
    REQUIRE_THAT(error.what(), Contains("the machine has"));
  }
  REQUIRE(cf::ease_memory(41'000, 2) > std::size_t{41'000} * 41'000 * 4);
  REQUIRE(cf::ease_memory(41'000, 2) < std::size_t{41'000} * 41'000 * 5);
  REQUIRE(cf::ease_memory(41'000, 2, 1'000'000) >= cf::ease_memory(41'000, 2) + 8'000'000);                // The events by item.
  REQUIRE(cf::ease_memory(41'000, 2, 0, 500) >= cf::ease_memory(41'000, 2) + std::size_t{41'000} * 500 * 16);   // Lists, as rows and by item.
}

TEST_CASE("ease: memory that the machine refuses after all is named", "[cf][ease]") {
  // Within memory_mb, and beyond the 2^47 bytes of an address space: 10 million items squared of 4 bytes.
  const Csr wide{1, 10'000'000, {0, 1}, {7}, {1}};
  try {
    (void)fit_ease(wide, {.memory_mb = 1'000'000'000});
    FAIL("fitted");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::out_of_memory);
    REQUIRE_THAT(error.what(), StartsWith("ease: takes") && Contains("10000000 items") && Contains("an allocation failed"));
  }
}

TEST_CASE("ease: what has no score has no reasons, also where a file is damaged", "[cf][ease]") {
  constexpr std::uint32_t items = 60, history_item = 3, target = 20;
  const auto model = fit_ease(random_events(300, items, 8), {.l2 = 5}).model;
  std::vector<ItemIndex> order;
  for (std::uint32_t i = 0; i < items; ++i) order.push_back(ItemIndex{i});
  support::MemoryWriter writer;
  model->write(writer, {order, order});
  support::MemoryReader reader(writer, model->config_json());
  // The weight of the history's first item for the target becomes a NaN: exponent and first bit of the fraction all ones.
  for (std::size_t bit = 22; bit < 31; ++bit) {
    const std::size_t at = 32 * (history_item * items + target) + bit;
    if ((reader.section("weights")[at / 8] & static_cast<std::byte>(1 << (at % 8))) == std::byte{0}) reader.flip("weights", at);
  }
  const auto damaged = cf::read_ease(reader, items);
  REQUIRE(std::isnan(damaged->weight(ItemIndex{history_item}, ItemIndex{target})));
  const std::vector known{ItemIndex{history_item}, ItemIndex{9}};
  const std::vector weights{1.0f, 2.0f};
  const model::History history{known, weights, {}, {}};
  model::Workspace workspace;
  std::vector<model::Reason> reasons(2);
  REQUIRE(model->explain(history, ItemIndex{target}, workspace, reasons) == 2);
  float score = 1;
  const ItemIndex asked{target};
  damaged->score(history, {&asked, 1}, workspace, {&score, 1});
  REQUIRE(score == 0);
  REQUIRE(damaged->explain(history, asked, workspace, reasons) == 0);
}

TEST_CASE("ease: what cannot be is refused by name", "[cf][ease]") {
  REQUIRE_THROWS_WITH(fit_ease(synth::tiny(), {.l2 = 0}), StartsWith("l2: 0 is out of range"));
  REQUIRE_THROWS_WITH(fit_ease(synth::tiny(), {.neighbours = -1}), StartsWith("neighbours: -1 is out of range"));
  REQUIRE_THROWS_WITH(fit_ease(Csr{}, {}), StartsWith("events: has no items"));
  const float huge = std::numeric_limits<float>::max();
  const Csr overflow{1, 2, {0, 2}, {0, 1}, {huge, huge}};
  REQUIRE_THROWS_WITH(fit_ease(overflow, {}), Contains("the weights of items 0 and") && Contains("overflow"));
  // Two equal columns of 1e8: l2 is lost beside them, so the second has no pivot of its own.
  const Csr lost{1, 2, {0, 2}, {0, 1}, {1e8f, 1e8f}};
  REQUIRE_THROWS_WITH(fit_ease(lost, {.l2 = 1}), Contains("leave nothing of l2"));
}

TEST_CASE("ease: nobody, one item, and weights of zero leave a model without answers", "[cf][ease]") {
  for (const std::int32_t neighbours : {0, 2})
    for (const Csr& events : std::vector<Csr>{{0, 3, {0}, {}, {}}, {1, 1, {0, 1}, {0}, {1}}, {2, 2, {0, 1, 2}, {0, 1}, {0, 0}}}) {
      const auto model = fit_ease(events, {.neighbours = neighbours}).model;
      for (std::uint32_t i = 0; i < events.cols; ++i)
        for (std::uint32_t j = 0; j < events.cols; ++j) REQUIRE(model->weight(ItemIndex{i}, ItemIndex{j}) == 0);
    }
}
