#include "pannier/model/vectors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/simd.hpp"
#include "support/allocation_count.hpp"
#include "support/catch.hpp"

using namespace pannier;
using namespace pannier::model;

namespace {

class Vectors : public VectorModel {
 public:
  /// Random rows with norms of very different size; `sorted` puts the long ones first.
  Vectors(std::size_t items, std::size_t dimensions, bool sorted, std::uint64_t seed) : vectors_(items, dimensions), norms_(items), sorted_(sorted) {
    Random random(seed);
    std::vector<double> scale(items);
    for (auto& s : scale) s = std::exp(2 * random.normal());
    if (sorted) std::sort(scale.begin(), scale.end(), std::greater<>());
    for (std::size_t i = 0; i < items; ++i) {
      double squares = 0;
      for (auto& x : vectors_.row(i)) x = static_cast<float>(random.normal()), squares += static_cast<double>(x) * static_cast<double>(x);
      double length = 0;
      for (auto& x : vectors_.row(i)) x = static_cast<float>(static_cast<double>(x) * scale[i] / std::sqrt(squares + 1e-30)), length += static_cast<double>(x) * static_cast<double>(x);
      norms_[i] = std::nextafter(static_cast<float>(std::sqrt(length)), std::numeric_limits<float>::infinity());
    }
    if (sorted)
      for (std::size_t i = items; i-- > 1;) norms_[i - 1] = std::max(norms_[i - 1], norms_[i]);
  }
  [[nodiscard]] MatrixView item_vectors() const noexcept override { return vectors_; }
  [[nodiscard]] std::span<const float> item_norms() const noexcept override { return norms_; }
  [[nodiscard]] bool norms_descend() const noexcept override { return sorted_; }
  void query(const History&, Workspace&, std::span<float>) const override {}
  Matrix& vectors() { return vectors_; }
  std::vector<float>& norms() { return norms_; }

 private:
  Matrix vectors_;
  std::vector<float> norms_;
  bool sorted_;
};

std::vector<Scored> oracle(const VectorModel& model, std::span<const float> query, std::size_t count, const ItemSet* allowed, const std::vector<std::uint32_t>& excluded) {
  std::vector<Scored> all;
  for (std::uint32_t i = 0; i < model.item_vectors().rows; ++i)
    if ((allowed == nullptr || allowed->contains(ItemIndex{i})) && std::find(excluded.begin(), excluded.end(), i) == excluded.end())
      all.push_back({ItemIndex{i}, fixed_dot(query, model.item_vectors().row(i))});
  std::sort(all.begin(), all.end(), ranks_before);
  all.resize(std::min(count, all.size()));
  return all;
}

std::vector<Scored> found(const VectorModel& model, std::span<const float> query, std::uint32_t count, const ItemSet* allowed, const std::vector<std::uint32_t>& excluded,
                          Workspace& workspace) {
  std::vector<Scored> out(std::min<std::size_t>(count, model.item_vectors().rows + 3));
  out.resize(search_vectors(model, query, count, allowed, excluded, workspace, out));
  return out;
}

std::vector<float> random_query(std::size_t dimensions, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> out(dimensions);
  for (auto& x : out) x = static_cast<float>(random.normal());
  return out;
}

}  // namespace

TEST_CASE("vectors: the search equals scoring and sorting everything, filtered or not, norms in order or not", "[model][vectors]") {
  Workspace workspace;
  for (const bool sorted : {false, true})
    for (const std::size_t items : {0u, 1u, 255u, 256u, 257u, 3000u})
      for (const std::size_t dimensions : {1u, 16u, 33u}) {
        const Vectors model(items, dimensions, sorted, items + dimensions);
        const auto universe = static_cast<std::uint32_t>(items);
        ItemSet few(universe), most(universe, true);
        std::vector<std::uint32_t> excluded;
        for (std::uint32_t i = 0; i < universe; ++i) {
          if (i % 11 == 3) few.insert(ItemIndex{i});
          if (i % 11 == 3) most.erase(ItemIndex{i});
          if (i % 5 == 0) excluded.push_back(i);
        }
        for (std::uint64_t seed = 0; seed < 4; ++seed) {
          const auto query = random_query(dimensions, seed);
          for (const std::uint32_t count : {0u, 1u, 10u, 100u, 5000u})
            for (const auto* allowed : std::vector<const ItemSet*>{nullptr, &few, &most}) {
              REQUIRE(found(model, query, count, allowed, {}, workspace) == oracle(model, query, count, allowed, {}));
              REQUIRE(found(model, query, count, allowed, excluded, workspace) == oracle(model, query, count, allowed, excluded));
            }
        }
      }
}

TEST_CASE("vectors: where norms descend the search stops early, and only there", "[model][vectors]") {
  // The last rows hold what no bound allows: a search that reads them would return them.
  for (const bool sorted : {true, false}) {
    Vectors model(5000, 16, sorted, 1);
    const auto query = random_query(16, 2);
    const auto expected = oracle(model, query, 5, nullptr, {});
    for (std::size_t i = 4500; i < 5000; ++i)
      for (std::size_t k = 0; k < 16; ++k) model.vectors().row(i)[k] = query[k] * 1000;
    Workspace workspace;
    REQUIRE((found(model, query, 5, nullptr, {}, workspace) == expected) == sorted);
  }
}

TEST_CASE("vectors: the bound holds to the last bit: parallel vectors whose computed score exceeds the exact product", "[model][vectors]") {
  // Every item is as long as its norm says and parallel to the query, so that the score meets the bound; ties and near ties abound.
  for (const std::size_t dimensions : {1u, 3u, 17u, 64u, 200u}) {
    Vectors model(2000, dimensions, true, 5);
    const auto query = random_query(dimensions, 6);
    for (std::size_t i = 0; i < 2000; ++i) {
      double length = 0;
      for (std::size_t k = 0; k < dimensions; ++k) {
        const float x = query[k] * (1.0f - static_cast<float>(i / 100) * 0x1p-24f);
        model.vectors().row(i)[k] = x;
        length += static_cast<double>(x) * static_cast<double>(x);
      }
      const double root = std::sqrt(length);
      auto norm = static_cast<float>(root);
      if (static_cast<double>(norm) < root) norm = std::nextafter(norm, std::numeric_limits<float>::infinity());
      model.norms()[i] = norm;
    }
    for (std::size_t i = 2000; i-- > 1;) model.norms()[i - 1] = std::max(model.norms()[i - 1], model.norms()[i]);
    Workspace workspace;
    for (const std::uint32_t count : {1u, 50u, 150u, 1999u}) REQUIRE(found(model, query, count, nullptr, {}, workspace) == oracle(model, query, count, nullptr, {}));
  }
}

TEST_CASE("vectors: negative scores and a zero query are ranked like any other", "[model][vectors]") {
  Vectors model(600, 8, true, 3);
  Workspace workspace;
  const std::vector<float> zero(8, 0.0f);
  REQUIRE(found(model, zero, 3, nullptr, {}, workspace) == std::vector<Scored>{{ItemIndex{0}, 0}, {ItemIndex{1}, 0}, {ItemIndex{2}, 0}});
  for (std::size_t i = 0; i < 600; ++i)
    for (auto& x : model.vectors().row(i)) x = -std::fabs(x);
  const std::vector<float> ones(8, 1.0f);
  REQUIRE(found(model, ones, 7, nullptr, {}, workspace) == oracle(model, ones, 7, nullptr, {}));
}

TEST_CASE("vectors: a query of numbers that are none finds nothing", "[model][vectors]") {
  const Vectors model(300, 4, true, 3);
  Workspace workspace;
  const std::vector<float> query(4, std::numeric_limits<float>::quiet_NaN());
  REQUIRE(found(model, query, 3, nullptr, {}, workspace).empty());
}

TEST_CASE("vectors: a query and a filter of another shape are refused", "[model][vectors]") {
  const Vectors model(10, 4, true, 3);
  Workspace workspace;
  std::vector<Scored> out(3);
  const std::vector<float> query(5);
  REQUIRE_THROWS_WITH(search_vectors(model, query, 3, nullptr, {}, workspace, out), "query: 5 numbers; expected one a dimension, 4");
  const ItemSet allowed(11, true);
  REQUIRE_THROWS_WITH(search_vectors(model, std::span(query).first(4), 3, &allowed, {}, workspace, out), StartsWith("allowed: is a set over 11"));
}

TEST_CASE("vectors: a warmed workspace allocates nothing", "[model][vectors]") {
  const Vectors model(3000, 16, true, 1);
  Workspace workspace;
  std::vector<Scored> out(20);
  const auto a = random_query(16, 1), b = random_query(16, 2);
  (void)search_vectors(model, a, 20, nullptr, {}, workspace, out);
  const auto before = support::allocations();
  (void)search_vectors(model, b, 20, nullptr, {}, workspace, out);
  REQUIRE(support::allocations() == before);
}
