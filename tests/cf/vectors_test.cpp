#include "pannier/cf/vectors.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/memory_sections.hpp"

using namespace pannier;
using cf::fit_vectors;
using cf::FoldIn;
using cf::VectorsConfig;

namespace {

Matrix random_vectors(std::size_t items, std::size_t columns) {
  Matrix out(items, columns);
  for (std::size_t i = 0; i < items; ++i) {
    Random random(5, static_cast<std::uint32_t>(i));
    for (auto& x : out.row(i)) x = static_cast<float>(random.uniform() - 0.3);
  }
  return out;
}

std::vector<std::uint32_t> all_rows(std::size_t items) {
  std::vector<std::uint32_t> out(items);
  std::iota(out.begin(), out.end(), 0u);
  return out;
}

/// An item's vector is its column of the events: who has it.
conformance::Subject subject(VectorsConfig config, bool with_bias) {
  return {.fit = [=](const CsrView& events, const FitControl& control) -> conformance::Model {
            Matrix vectors(events.cols, std::min<std::size_t>(events.rows, 100));
            std::vector<float> bias(with_bias ? events.cols : 0, 0);
            for (std::size_t r = 0; r < events.rows; ++r)
              for (std::size_t n = 0; n < events.row_columns(r).size(); ++n) {
                const auto item = events.row_columns(r)[n];
                vectors.row(item)[r % vectors.cols()] += events.row_values(r)[n];
                if (with_bias) bias[item] += 0.25f;
              }
            return fit_vectors(vectors, bias, all_rows(events.cols), config, control).model;
          },
          .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return cf::read_vectors(reader, items); },
          .weighs = false};
}

struct Answer {
  std::vector<float> scores;
  std::vector<Scored> best;
};

Answer ask(const model::Recommender& model, const std::vector<ItemIndex>& items, const std::vector<float>& weights, const ItemSet* allowed = nullptr) {
  model::Workspace workspace;
  Answer out{.scores = std::vector<float>(model.item_count()), .best = std::vector<Scored>(model.item_count())};
  const model::History history{items, weights, {}, {}};
  model.score_all(history, workspace, out.scores);
  out.best.resize(model.recommend(history, {.count = model.item_count(), .allowed = allowed}, workspace, out.best));
  return out;
}

}  // namespace

TEST_CASE("vectors: keeps the promises of a recommender", "[cf][vectors]") {
  SECTION("mean") { conformance::check(subject({}, false)); }
  SECTION("mean, with a bias") { conformance::check(subject({}, true)); }
  SECTION("ridge") { conformance::check(subject({.fold_in = FoldIn::ridge, .l2 = 0.5f}, false)); }
  SECTION("ridge, with a bias") { conformance::check(subject({.fold_in = FoldIn::ridge, .l2 = 0.5f}, true)); }
}

TEST_CASE("vectors: by hand", "[cf][vectors]") {
  Matrix vectors(3, 2);
  vectors.row(0)[0] = 1;                             // (1, 0)
  vectors.row(1)[1] = 2;                             // (0, 2)
  vectors.row(2)[0] = 3, vectors.row(2)[1] = 4;      // (3, 4)
  const std::vector<float> bias{0, 0, 10};
  const std::vector<ItemIndex> items{ItemIndex{0}, ItemIndex{1}};
  // The mean of 3 (1, 0) and 1 (0, 2) is (.75, .5): 2.25 + 2 + 10.
  const auto mean = fit_vectors(vectors, bias, all_rows(3), {}).model;
  REQUIRE(ask(*mean, items, {3, 1}).scores[2] == 14.25f);
  model::Workspace workspace;
  std::vector<model::Reason> reasons(2);
  const std::vector<float> weights{3, 1};
  REQUIRE(mean->explain({items, weights, {}, {}}, ItemIndex{2}, workspace, reasons) == 2);
  REQUIRE(reasons[0] == model::Reason{ItemIndex{0}, 2.25f + 7.5f});   // .75 (3 + 10)
  REQUIRE(reasons[1] == model::Reason{ItemIndex{1}, 2 + 2.5f});       // .25 (8 + 10)
  // Cosines without the bias: (3, 4) with (1, 0) is .6, with (0, 2) is .8.
  std::vector<Scored> near(2);
  REQUIRE(mean->similar(ItemIndex{2}, {.count = 2}, workspace, near) == 2);
  REQUIRE(near[0].item == ItemIndex{1});
  REQUIRE_THAT(static_cast<double>(near[0].score), WithinAbs(0.8, 1e-6));
  REQUIRE_THAT(static_cast<double>(near[1].score), WithinAbs(0.6, 1e-6));
  // Ridge in one dimension each: q0 = .75 / (.75 + 1), q1 = .25 * 2 / (.25 * 4 + 1).
  const auto ridge = fit_vectors(vectors, {}, all_rows(3), {.fold_in = FoldIn::ridge, .l2 = 1}).model;
  REQUIRE_THAT(static_cast<double>(ask(*ridge, items, {3, 1}).scores[2]), WithinRel(3 * 0.75 / 1.75 + 4 * 0.25, 1e-6));
}

TEST_CASE("vectors: equals the definition in double", "[cf][vectors]") {
  const auto vectors = random_vectors(60, 24);
  std::vector<float> bias;
  for (int i = 0; i < 60; ++i) bias.push_back(static_cast<float>(i % 7) / 8);
  for (const std::size_t size : {1u, 5u, 23u, 40u})
    for (const float l2 : {0.01f, 1.0f}) {
      std::vector<ItemIndex> items;
      std::vector<float> weights;
      Eigen::MatrixXd v(static_cast<Eigen::Index>(size), 24);
      Eigen::VectorXd w(static_cast<Eigen::Index>(size));
      for (std::uint32_t i = 0; i < size; ++i) {
        items.push_back(ItemIndex{i}), weights.push_back(static_cast<float>(1 + i % 4));
        for (std::uint32_t k = 0; k < 24; ++k) v(i, k) = static_cast<double>(vectors.row(i)[k]);
        w(i) = static_cast<double>(weights.back());
      }
      w /= w.sum();
      const Eigen::VectorXd mean = v.transpose() * w;
      const Eigen::MatrixXd gram = v.transpose() * w.asDiagonal() * v + static_cast<double>(l2) * Eigen::MatrixXd::Identity(24, 24);
      const Eigen::VectorXd ridge = gram.ldlt().solve(mean);
      for (const auto fold_in : {FoldIn::mean, FoldIn::ridge}) {
        const auto scores = ask(*fit_vectors(vectors, bias, all_rows(60), {.fold_in = fold_in, .l2 = l2}).model, items, weights).scores;
        const auto& q = fold_in == FoldIn::mean ? mean : ridge;
        for (std::uint32_t j = 0; j < 60; ++j) {
          double expected = static_cast<double>(bias[j]);
          for (std::uint32_t k = 0; k < 24; ++k) expected += q(k) * static_cast<double>(vectors.row(j)[k]);
          // The query is solved in double and rounded to float; the product is a float sum of 25 terms whose absolute sum is below |q| |v| + 1 < 10.
          REQUIRE_THAT(static_cast<double>(scores[j]), WithinAbs(expected, 10 * 30 * 6e-8));
        }
      }
    }
}

TEST_CASE("vectors: an item without a vector is never recommended, is no evidence and is similar to none", "[cf][vectors]") {
  Matrix vectors(3, 1);
  vectors.row(0)[0] = 1, vectors.row(1)[0] = -1, vectors.row(2)[0] = -2;
  // Items: rows 0, none, 1, 2, none. By a plain product the two without would be before those below zero.
  const std::vector<std::uint32_t> rows{0, value(no_item), 1, 2, value(no_item)};
  const auto model = fit_vectors(vectors, {}, rows, {}).model;
  REQUIRE((model->has_vector(ItemIndex{0}) && !model->has_vector(ItemIndex{1})));
  const auto order = [](const Answer& answer) {
    std::vector<std::uint32_t> out;
    for (const auto& scored : answer.best) out.push_back(value(scored.item));
    return out;
  };
  REQUIRE(order(ask(*model, {ItemIndex{0}}, {1})) == std::vector<std::uint32_t>{2, 3});
  ItemSet allowed(5);
  for (const std::uint32_t i : {0u, 1u, 3u, 4u}) allowed.insert(ItemIndex{i});
  REQUIRE(order(ask(*model, {ItemIndex{0}}, {1}, &allowed)) == std::vector<std::uint32_t>{3});
  REQUIRE(ask(*model, {ItemIndex{0}}, {1}).scores[1] == 0);
  REQUIRE(ask(*model, {ItemIndex{1}, ItemIndex{4}}, {1, 5}).best.empty());
  REQUIRE(order(ask(*model, {ItemIndex{1}, ItemIndex{0}}, {9, 1})) == std::vector<std::uint32_t>{2, 3});
  REQUIRE(ask(*model, {ItemIndex{1}, ItemIndex{0}}, {9, 1}).scores[3] == -2);
  model::Workspace workspace;
  std::vector<Scored> near(5);
  REQUIRE(model->similar(ItemIndex{1}, {.count = 5}, workspace, near) == 0);
  REQUIRE(model->similar(ItemIndex{0}, {.count = 5}, workspace, near) == 2);
}

TEST_CASE("vectors: where some have no vector, a batch answers as single calls do, and a model read back as the one that was written", "[cf][vectors]") {
  const auto vectors = random_vectors(50, 9);
  const std::vector<float> bias(50, 0.5f);
  auto rows = all_rows(50);
  for (std::size_t i = 0; i < 50; i += 3) rows[i] = value(no_item);
  ItemSet allowed(50);
  for (std::uint32_t i = 0; i < 50; i += 2) allowed.insert(ItemIndex{i});
  Csr histories{.rows = 0, .cols = 50, .offsets = {0}, .columns = {}, .values = {}};
  for (std::uint32_t r = 0; r < 40; ++r, ++histories.rows) {
    for (std::uint32_t i = r % 5; i < 50; i += 7 + r) histories.columns.push_back(i), histories.values.push_back(static_cast<float>(1 + i % 3));
    histories.offsets.push_back(static_cast<std::int64_t>(histories.columns.size()));
  }
  for (const auto fold_in : {FoldIn::mean, FoldIn::ridge}) {
    const VectorsConfig config{.fold_in = fold_in};
    const auto fitted = fit_vectors(vectors, bias, rows, config).model;
    support::MemoryWriter writer;
    std::vector<ItemIndex> order;
    for (std::uint32_t i = 0; i < 50; ++i) order.push_back(ItemIndex{i});
    fitted->write(writer, {order, order});
    const support::MemoryReader reader(writer, fitted->config_json());
    const auto read = cf::read_vectors(reader, 50);
    for (const auto* set : std::initializer_list<const ItemSet*>{nullptr, &allowed})
      for (const model::Recommender* model : std::initializer_list<const model::Recommender*>{fitted.get(), read.get()}) {
        std::vector<ItemIndex> items(40 * 8);
        std::vector<float> scores(40 * 8);
        model->recommend_batch(histories, {.count = 8, .allowed = set}, {.threads = 2}, items, scores);
        model::Workspace workspace;
        for (std::size_t r = 0; r < 40; ++r) {
          std::vector<ItemIndex> own;
          for (const auto column : CsrView(histories).row_columns(r)) own.push_back(ItemIndex{column});
          std::vector<Scored> best(8, Scored{no_item, 0});
          static_cast<void>(fitted->recommend({own, CsrView(histories).row_values(r), {}, {}}, {.count = 8, .allowed = set}, workspace, best));
          for (std::size_t n = 0; n < 8; ++n) {
            REQUIRE(items[8 * r + n] == best[n].item);
            REQUIRE(scores[8 * r + n] == best[n].score);
            if (best[n].item != no_item) REQUIRE((fitted->has_vector(best[n].item) && (set == nullptr || set->contains(best[n].item))));
          }
        }
      }
  }
}

TEST_CASE("vectors: numbers that are none, rows that are not there and nothing to serve are refused by name", "[cf][vectors]") {
  const auto vectors = random_vectors(3, 2);
  const std::vector<float> bias{1, 2};
  REQUIRE_THROWS_WITH(fit_vectors(vectors, bias, all_rows(3), {}), Contains("bias") && Contains("2 numbers"));
  REQUIRE_THROWS_WITH(fit_vectors(vectors, {}, std::vector<std::uint32_t>{0, 3}, {}), Contains("has 3 for item 1"));
  REQUIRE_THROWS_WITH(fit_vectors(vectors, {}, {}, {}), Contains("0 items"));
  REQUIRE_THROWS_WITH(fit_vectors(vectors, {}, std::vector<std::uint32_t>{value(no_item), value(no_item)}, {}), Contains("none of the 2 items"));
  REQUIRE_THROWS_WITH(fit_vectors(Matrix(3, 0), {}, all_rows(3), {}), Contains("0 columns"));
  REQUIRE_THROWS_WITH(fit_vectors(vectors, {}, all_rows(3), {.l2 = 0}), Contains("l2"));
  auto bad = vectors;
  bad.row(1)[1] = std::numeric_limits<float>::quiet_NaN();
  REQUIRE_THROWS_WITH(fit_vectors(bad, {}, all_rows(3), {}), Contains("row 1") && Contains("not finite"));
  const std::vector<float> infinite{0, 0, std::numeric_limits<float>::infinity()};
  REQUIRE_THROWS_WITH(fit_vectors(vectors, infinite, all_rows(3), {}), Contains("row 2") && Contains("not finite"));
}
