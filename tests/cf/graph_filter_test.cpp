#include "pannier/cf/graph_filter.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "pannier/cf/item_knn.hpp"
#include "pannier/core/error.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::fit_graph_filter;
using cf::GraphFilterConfig;
using cf::GraphFilterKind;

namespace {

using Dense = Eigen::MatrixXd;

conformance::Subject subject(GraphFilterConfig config) {
  return {.fit = [=](const CsrView& events, const FitControl& control) -> conformance::Model { return fit_graph_filter(events, config, control).model; },
          .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return cf::read_graph_filter(reader, items); },
          .by_evidence = config.rank == 0};
}

Dense dense(const CsrView& m) {
  Dense out = Dense::Zero(static_cast<Eigen::Index>(m.rows), static_cast<Eigen::Index>(m.cols));
  for (std::size_t r = 0; r < m.rows; ++r)
    for (std::size_t n = 0; n < m.row_columns(r).size(); ++n) out(static_cast<Eigen::Index>(r), m.row_columns(r)[n]) = static_cast<double>(m.row_values(r)[n]);
  return out;
}

/// What one unit of each item gives each other: the definition in double, every entry kept.
Dense oracle(const CsrView& events, const GraphFilterConfig& c) {
  const Dense x = dense(events);
  const auto items = x.cols();
  const Eigen::VectorXd of_items = x.colwise().sum().transpose(), of_people = x.rowwise().sum();
  Dense r = x;
  for (Eigen::Index u = 0; u < x.rows(); ++u)
    for (Eigen::Index i = 0; i < items; ++i)
      if (x(u, i) > 0) r(u, i) /= std::pow(of_people[u], static_cast<double>(c.user_exponent)) * std::pow(of_items[i], static_cast<double>(c.item_exponent));
  Dense p = r.transpose() * r;
  for (Eigen::Index i = 0; i < items; ++i)
    for (Eigen::Index j = 0; j < items; ++j)
      if (p(i, j) > 0) p(i, j) = std::pow(p(i, j), static_cast<double>(c.power)) * std::pow(of_items[j] / of_items[i], static_cast<double>(c.signal_exponent));
  Dense f = p;
  if (c.filter == GraphFilterKind::second_order) f = 2 * p - p * p;
  if (c.rank > 0) {
    const Eigen::JacobiSVD<Dense> svd(r, Eigen::ComputeThinU | Eigen::ComputeThinV);
    const Dense v = svd.matrixV().leftCols(std::min<Eigen::Index>(c.rank, svd.matrixV().cols()));
    Dense low = v * v.transpose();
    for (Eigen::Index i = 0; i < items; ++i)
      for (Eigen::Index j = 0; j < items; ++j)
        low(i, j) = of_items[i] > 0 && of_items[j] > 0 ? low(i, j) * std::pow(of_items[j] / of_items[i], static_cast<double>(c.item_exponent)) : 0;
    f += static_cast<double>(c.low_rank_weight) * low;
  }
  return f * (Dense::Identity(items, items) - static_cast<double>(c.sharpening) * p);
}

/// The same as the model has it.
Dense given(const cf::GraphFilterModel& model) {
  Dense out = dense(model.rows());
  if (model.in().cols == 0) return out;
  for (Eigen::Index i = 0; i < out.rows(); ++i)
    for (Eigen::Index j = 0; j < out.cols(); ++j)
      for (std::size_t k = 0; k < model.in().cols; ++k)
        out(i, j) += static_cast<double>(model.in().row(static_cast<std::size_t>(i))[k]) * static_cast<double>(model.out().row(static_cast<std::size_t>(j))[k]);
  return out;
}

void require_alike(const Dense& a, const Dense& b, double tolerance) {
  const double size = b.cwiseAbs().maxCoeff();
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    for (Eigen::Index j = 0; j < a.cols(); ++j)
      if (i != j) REQUIRE_THAT(a(i, j), WithinAbs(b(i, j), tolerance * size));
}

}  // namespace

TEST_CASE("graph_filter: keeps the promises of a recommender", "[cf][graph_filter]") {
  SECTION("as it stands") { conformance::check(subject({})); }
  SECTION("second order") { conformance::check(subject({.filter = GraphFilterKind::second_order, .user_exponent = 0.5f, .item_exponent = 0.5f, .signal_exponent = 0})); }
  SECTION("with few neighbours and a power") { conformance::check(subject({.power = 1.5f, .neighbours = 15})); }
  SECTION("with a low-pass part") { conformance::check(subject({.rank = 6, .low_rank_weight = 0.5f})); }
  SECTION("sharpened") { conformance::check(subject({.user_exponent = 0.5f, .item_exponent = 0.5f, .sharpening = 0.4f, .rank = 2})); }
}

TEST_CASE("graph_filter: by hand", "[cf][graph_filter]") {
  // tiny(): item 0 has people 0 1 3, item 1 has 0 1 2, item 2 has 1; people have 2, 3, 2 and 1 items.
  const auto rows = dense(fit_graph_filter(synth::tiny(), {.user_exponent = 0.5f, .item_exponent = 0.5f, .signal_exponent = 0}).model->rows());
  REQUIRE_THAT(rows(0, 1), WithinRel((1.0 / 2 + 1.0 / 3) / 3, 1e-6));
  REQUIRE_THAT(rows(2, 0), WithinRel(1 / (3 * std::sqrt(3.0)), 1e-6));
  REQUIRE_THAT(rows(0, 2), WithinRel(1 / (3 * std::sqrt(3.0)), 1e-6));
  const auto weighed = dense(fit_graph_filter(synth::tiny(), {.user_exponent = 0.5f, .item_exponent = 0.5f, .signal_exponent = 1}).model->rows());
  REQUIRE_THAT(weighed(2, 0), WithinRel(3 / (3 * std::sqrt(3.0)), 1e-6));
  REQUIRE_THAT(weighed(0, 2), WithinRel(1.0 / 3 / (3 * std::sqrt(3.0)), 1e-6));
  // Two people with items 0 1 and 1 2: P = [1/2 1/2r .; 1/2r 1/2 1/2r; . 1/2r 1/2] with r = sqrt 2; (P^2)_02 = 1/8.
  const Csr path{2, 3, {0, 2, 4}, {0, 1, 1, 2}, {1, 1, 1, 1}};
  const GraphFilterConfig second{.filter = GraphFilterKind::second_order, .user_exponent = 0.5f, .item_exponent = 0.5f, .signal_exponent = 0};
  const auto two = dense(fit_graph_filter(path, second).model->rows());
  REQUIRE_THAT(two(0, 2), WithinRel(-1.0 / 8, 1e-6));
  REQUIRE_THAT(two(0, 1), WithinRel(2 / (2 * std::sqrt(2.0)) - 1 / (2 * std::sqrt(2.0)), 1e-6));
}

TEST_CASE("graph_filter: equals the definition in double", "[cf][graph_filter]") {
  for (const bool weighted : {false, true}) {
    const auto many = synth::two_taste_groups({.users = 70, .items = 40, .seed = 4, .weighted = weighted});
    const auto few = synth::two_taste_groups({.users = 70, .items = 12, .seed = 4, .weighted = weighted});
    for (GraphFilterConfig config : std::vector<GraphFilterConfig>{
             {},
             {.user_exponent = 0.7f, .item_exponent = 0.2f, .signal_exponent = 0},
             {.user_exponent = 0, .item_exponent = 1, .signal_exponent = 0.3f, .power = 1.4f},
             {.filter = GraphFilterKind::second_order, .user_exponent = 0.5f, .item_exponent = 0.5f, .signal_exponent = 0.2f},
             {.sharpening = 0.7f},
             {.rank = 5, .low_rank_weight = 0.4f},
             {.user_exponent = 0.5f, .item_exponent = 0.5f, .signal_exponent = 0, .sharpening = 1.3f, .rank = 7},
             {.filter = GraphFilterKind::second_order, .rank = 3, .low_rank_weight = 2}}) {
      config.neighbours = 1000;
      INFO(to_json(config) << weighted);
      // Where there are singular vectors, few items, all of whose space is searched: else those that nearly tie with the last are found as a mix.
      const auto& events = config.rank > 0 ? few : many;
      require_alike(given(*fit_graph_filter(events, config, {.execution = {.threads = 2}}).model), oracle(events, config), config.rank > 0 ? 1e-3 : 1e-5);
    }
  }
}

TEST_CASE("graph_filter: a matrix of small rank has as many singular vectors, and their part is all of it", "[cf][graph_filter]") {
  // Three groups of people with the same items each: rank 3, so the projection on any more vectors is that on three.
  synth::CsrBuilder builder(12);
  for (std::uint32_t u = 0; u < 30; ++u) {
    for (std::uint32_t i = 0; i < 4; ++i) builder.cell(4 * (u % 3) + i);
    builder.end_row();
  }
  const auto events = builder.take();
  const auto model = fit_graph_filter(events, {.user_exponent = 0.5f, .item_exponent = 0.5f, .rank = 64, .low_rank_weight = 1}).model;
  REQUIRE(model->in().cols == 3);
  require_alike(given(*model) - dense(model->rows()), oracle(events, {.user_exponent = 0.5f, .item_exponent = 0.5f, .rank = 3, .low_rank_weight = 1}) - dense(model->rows()), 1e-4);
}

TEST_CASE("graph_filter: with three exponents alike it is a walk of item_knn", "[cf][graph_filter]") {
  const auto events = synth::two_taste_groups({.users = 60, .items = 30, .seed = 5});
  const auto walk = dense(cf::fit_item_knn(events, {.similarity = cf::ItemSimilarity::p3, .neighbours = 1000, .alpha = 0.7f}).model->similarities());
  require_alike(dense(fit_graph_filter(events, {.user_exponent = 0.35f, .item_exponent = 0.35f, .signal_exponent = 0.35f, .neighbours = 1000}).model->rows()), walk, 1e-5);
}

TEST_CASE("graph_filter: each column keeps its largest entries by size", "[cf][graph_filter]") {
  const auto events = synth::two_taste_groups({.users = 70, .items = 60, .seed = 4});
  const auto rows = dense(fit_graph_filter(events, {.neighbours = 10}).model->rows()), all = dense(fit_graph_filter(events, {.neighbours = 1000}).model->rows());
  int left_out = 0;
  for (Eigen::Index j = 0; j < rows.cols(); ++j) {
    // What is kept is as it was, and ten are as large as anything that was left out (items keep some neighbours of their own beside).
    std::vector<double> sizes;
    double most_left_out = 0;
    for (Eigen::Index i = 0; i < rows.rows(); ++i) {
      const double was = static_cast<double>(all(i, j)), is = static_cast<double>(rows(i, j));
      sizes.push_back(std::fabs(was));
      if (is != 0) REQUIRE(is == was);
      else most_left_out = std::max(most_left_out, std::fabs(was));
    }
    std::ranges::sort(sizes, std::greater<>());
    REQUIRE(most_left_out <= sizes[9]);
    left_out += most_left_out > 0;
  }
  REQUIRE(left_out > 0);
  // Sharpening works on lists that are cut before; what falls below 0 counts by its size.
  const auto sharp = dense(fit_graph_filter(events, {.neighbours = 10, .sharpening = 3}).model->rows());
  bool below = false;
  for (Eigen::Index j = 0; j < sharp.cols(); ++j) {
    REQUIRE((sharp.col(j).array() != 0).count() <= 10);
    below |= (sharp.col(j).array() < 0).any();
  }
  REQUIRE(below);
}

TEST_CASE("graph_filter: what cannot be is refused by name", "[cf][graph_filter]") {
  REQUIRE_THROWS_WITH(fit_graph_filter(synth::tiny(), {.user_exponent = -1}), StartsWith("user_exponent: -1 is out of range"));
  REQUIRE_THROWS_WITH(fit_graph_filter(synth::tiny(), {.rank = -1}), StartsWith("rank: -1 is out of range"));
  REQUIRE_THROWS_WITH(fit_graph_filter(synth::tiny(), {.filter = GraphFilterKind::second_order, .sharpening = 1}), StartsWith("sharpening: is 1") && Contains("second_order"));
  REQUIRE_THROWS_WITH(fit_graph_filter(Csr{}, {}), StartsWith("events: has no items"));
  const float huge = std::numeric_limits<float>::max();
  const Csr overflow{1, 2, {0, 2}, {0, 1}, {huge, huge}};
  for (const std::int32_t rank : {0, 2})
    REQUIRE_THROWS_WITH(fit_graph_filter(overflow, {.user_exponent = 0, .item_exponent = 0, .rank = rank}), Contains("overflow"));
}

TEST_CASE("graph_filter: nobody, one item, and weights of zero leave a model without answers", "[cf][graph_filter]") {
  for (const std::int32_t rank : {0, 3})
    for (const Csr& events : std::vector<Csr>{{0, 3, {0}, {}, {}}, {1, 1, {0, 1}, {0}, {1}}, {2, 2, {0, 1, 2}, {0, 1}, {0, 0}}}) {
      const auto model = fit_graph_filter(events, {.sharpening = 0.5f, .rank = rank}).model;
      REQUIRE(model->rows().nonzeros() == 0);
      model::Workspace workspace;
      std::vector<Scored> out(3);
      const std::vector<ItemIndex> items{ItemIndex{0}};
      const std::vector<float> weights{1};
      const auto found = model->recommend({items, weights, {}, {}}, {.count = 3}, workspace, out);
      for (std::size_t n = 0; n < found; ++n) REQUIRE(out[n].score == 0);
    }
}
