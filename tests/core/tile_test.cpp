#include "pannier/core/tile.hpp"

#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"
#include "support/simd_levels.hpp"

using namespace pannier;
using support::for_each_level;

namespace {

/// Numbers in rows `gap` further apart than they are long; what lies between is NaN, so that reading it shows.
struct Guarded {
  std::vector<float> numbers;
  MatrixView view;
  Guarded(std::size_t rows, std::size_t cols, std::size_t gap, std::uint64_t seed, bool whole = false) : numbers(rows * (cols + gap), std::numeric_limits<float>::quiet_NaN()) {
    for (std::size_t r = 0; r < rows; ++r) {
      Random random(seed, 1, r);
      for (std::size_t c = 0; c < cols; ++c) {
        const double x = random.uniform() - 0.5;
        numbers[r * (cols + gap) + c] = static_cast<float>(whole ? std::floor(16 * x) : x);
      }
    }
    view = {numbers.data(), rows, cols, cols + gap};
  }
};

float at(const TileFactor& factor, std::size_t row, std::size_t col) {
  return factor.transposed ? factor.view.data[col * factor.view.stride + row] : factor.view.data[row * factor.view.stride + col];
}

/// The product as the hook is told it; every number must be told exactly once.
std::vector<float> product(const TileFactor& a, const TileFactor& b) {
  std::vector<float> out(a.rows() * b.cols());
  std::vector<int> told(out.size());
  TileScratch scratch;
  multiply(a, b, scratch, [&](const TileBlock& block) {
    for (std::size_t r = 0; r < block.rows; ++r)
      for (std::size_t c = 0; c < block.columns; ++c) {
        out[(block.row + r) * b.cols() + block.column + c] = block.values[r * block.stride + c];
        ++told[(block.row + r) * b.cols() + block.column + c];
      }
  });
  for (const int times : told) REQUIRE(times == 1);
  return out;
}

}  // namespace

TEST_CASE("tile: a product by hand", "[core][tile]") {
  const std::vector<float> a{1, 2, 3, 4, 5, 6}, b{1, 0, -1, 2, 1, 0};
  const TileFactor left{{a.data(), 2, 3, 3}};
  REQUIRE(product(left, {{b.data(), 2, 3, 3}, true}) == std::vector<float>{-2, 4, -2, 13});
  REQUIRE(product(left, {{b.data(), 3, 2, 2}}) == std::vector<float>{2, 4, 5, 10});
  REQUIRE(product({{a.data(), 3, 2, 2}, true}, {{b.data(), 2, 3, 3}, true}) == std::vector<float>{-4, 5, -4, 8});
}

TEST_CASE("tile: products of whole numbers are exact, in every shape, at every SIMD level", "[core][tile]") {
  // Around the edges of register tiles, strips, blocks and pieces of depth; nothing beside the views may be read.
  for_each_level([] {
    for (const std::size_t rows : {1u, 5u, 8u, 17u, 97u})
      for (const std::size_t columns : {1u, 3u, 16u, 33u, 130u})
        for (const std::size_t depth : {1u, 4u, 7u, 64u, 259u}) {
          const Guarded a(rows, depth, 3, 1, true), a_turned(depth, rows, 1, 2, true), b(depth, columns, 2, 3, true), b_turned(columns, depth, 5, 4, true);
          for (const TileFactor& left : {TileFactor{a.view}, TileFactor{a_turned.view, true}})
            for (const TileFactor& right : {TileFactor{b.view}, TileFactor{b_turned.view, true}}) {
              const auto found = product(left, right);
              std::size_t wrong = 0;
              for (std::size_t r = 0; r < rows; ++r)
                for (std::size_t c = 0; c < columns; ++c) {
                  double sum = 0;
                  for (std::size_t p = 0; p < depth; ++p) sum += static_cast<double>(at(left, r, p)) * static_cast<double>(at(right, p, c));
                  wrong += static_cast<double>(found[r * columns + c]) != sum;
                }
              INFO(rows << " x " << depth << " x " << columns);
              REQUIRE(wrong == 0);
            }
        }
  });
}

TEST_CASE("tile: a deep product is as good as a sum of floats can be", "[core][tile]") {
  const Guarded a(7, 5000, 0, 1), b(21, 5000, 0, 2);
  const auto found = product({a.view}, {b.view, true});
  for (std::size_t r = 0; r < 7; ++r)
    for (std::size_t c = 0; c < 21; ++c) {
      double sum = 0, size = 0;
      for (std::size_t p = 0; p < 5000; ++p) {
        const double term = static_cast<double>(a.view.row(r)[p]) * static_cast<double>(b.view.row(c)[p]);
        sum += term, size += std::abs(term);
      }
      REQUIRE_THAT(static_cast<double>(found[r * 21 + c]), WithinAbs(sum, 300 * 0x1p-24 * size));
    }
}

TEST_CASE("tile: a number's bits do not depend on its place or on its neighbours", "[core][tile]") {
  const Guarded a(100, 300, 0, 1), b(150, 300, 0, 2);
  for_each_level([&] {
    const auto all = product({a.view}, {b.view, true});
    for (const std::size_t row : {0u, 5u, 96u, 99u})
      for (const std::size_t column : {0u, 15u, 130u, 149u}) {
        const MatrixView one_row{a.view.data + row * 300, 1, 300, 300}, one_column{b.view.data + column * 300, 1, 300, 300};
        REQUIRE(product({one_row}, {one_column, true})[0] == all[row * 150 + column]);
      }
  });
}

TEST_CASE("tile: empty factors give no block, an empty depth zeros", "[core][tile]") {
  const std::vector<float> none(64);
  TileScratch scratch;
  int blocks = 0;
  multiply({{none.data(), 0, 5, 5}}, {{none.data(), 3, 5, 5}, true}, scratch, [&](const TileBlock&) { ++blocks; });
  multiply({{none.data(), 3, 5, 5}}, {{none.data(), 0, 5, 5}, true}, scratch, [&](const TileBlock&) { ++blocks; });
  REQUIRE(blocks == 0);
  REQUIRE(product({{none.data(), 3, 0, 0}}, {{none.data(), 2, 0, 0}, true}) == std::vector<float>(6, 0.0f));
}

TEST_CASE("tile: inner sizes that differ are refused, and what the hook throws arrives", "[core][tile]") {
  const std::vector<float> some(64);
  TileScratch scratch;
  const auto nothing = [](const TileBlock&) {};
  REQUIRE_THROWS_WITH(multiply({{some.data(), 2, 3, 3}}, {{some.data(), 4, 5, 5}}, scratch, nothing), Contains("4 rows") && Contains("3, the columns of a"));
  REQUIRE_THROWS_AS(multiply({{some.data(), 2, 3, 3}}, {{some.data(), 3, 5, 5}}, scratch, [](const TileBlock&) { throw std::runtime_error("enough"); }), std::runtime_error);
}

TEST_CASE("tile: the Gram update adds the rows to the upper triangle", "[core][tile]") {
  for_each_level([] {
    for (const std::size_t cols : {1u, 7u, 16u, 37u, 64u, 130u})
      for (const std::size_t count : {0u, 1u, 90u, 300u}) {
        const Guarded rows(count, cols, 4, 5, true);
        Matrix gram(cols, cols);
        for (std::size_t i = 0; i < cols; ++i) gram.row(i)[i] = 7;
        TileScratch scratch;
        add_gram(rows.view, gram.data(), gram.stride(), scratch);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < cols; ++i)
          for (std::size_t j = i; j < cols; ++j) {
            double sum = i == j ? 7 : 0;
            for (std::size_t n = 0; n < count; ++n)
              sum += static_cast<double>(rows.view.row(n)[i]) * static_cast<double>(rows.view.row(n)[j]);
            wrong += static_cast<double>(gram.row(i)[j]) != sum;
          }
        INFO(cols << " columns, " << count << " rows");
        REQUIRE(wrong == 0);
      }
  });
}

TEST_CASE("tile: strips of a Gram update are the same strips of the whole", "[core][tile]") {
  const Guarded rows(700, 83, 0, 8);
  TileScratch scratch;
  Matrix whole(83, 83);
  add_gram(rows.view, whole.data(), whole.stride(), scratch);
  for (std::size_t first = 0; first < 6; ++first) {
    Matrix part(32, 83);
    add_gram(rows.view, part.data(), part.stride(), scratch, first, first + 2);
    for (std::size_t i = 0; i < 32 && 16 * first + i < 83; ++i)
      for (std::size_t j = 16 * first + i; j < 83; ++j) REQUIRE(part.row(i)[j] == whole.row(16 * first + i)[j]);
  }
  REQUIRE_NOTHROW(add_gram(rows.view, whole.data(), whole.stride(), scratch, 6));
}
