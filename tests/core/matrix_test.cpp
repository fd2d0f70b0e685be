#include "pannier/core/matrix.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "support/catch.hpp"

using namespace pannier;

namespace {

Csr small() { return {2, 3, {0, 2, 3}, {0, 2, 1}, {1, 2, 3}}; }

std::string refusal(const Csr& matrix) {
  try {
    require_valid_weights(matrix, "events");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::invalid_argument);
    REQUIRE(error.where() == "events");
    return error.problem();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("matrix: rows start at 64-byte boundaries and everything is zero, padding too", "[core][matrix]") {
  for (const std::size_t cols : {1u, 15u, 16u, 17u, 64u}) {
    const Matrix m(3, cols);
    REQUIRE(m.rows() == 3);
    REQUIRE(m.cols() == cols);
    REQUIRE(m.stride() % 16 == 0);
    REQUIRE(m.stride() >= cols);
    REQUIRE(m.stride() < cols + 16);
    REQUIRE(reinterpret_cast<std::uintptr_t>(m.row(1).data()) % 64 == 0);
    for (std::size_t i = 0; i < 3 * m.stride(); ++i) REQUIRE(m.data()[i] == 0.0f);
  }
}

TEST_CASE("matrix: a copy is equal and independent, a move leaves an empty matrix", "[core][matrix]") {
  Matrix a(2, 3);
  a.row(1)[2] = 7;
  Matrix b = a;
  REQUIRE(b == a);
  b.row(0)[0] = 1;
  REQUIRE_FALSE(b == a);
  REQUIRE(a.row(0)[0] == 0);
  a = b;
  REQUIRE(a == b);
  const Matrix c = std::move(b);
  REQUIRE(c == a);
  REQUIRE(b.rows() == 0);
  REQUIRE(b == Matrix());
  b = c;
  REQUIRE(b == c);
}

TEST_CASE("matrix: equality is about bits and shape", "[core][matrix]") {
  Matrix a(1, 1), b(1, 1);
  a.row(0)[0] = 0.0f;
  b.row(0)[0] = -0.0f;
  REQUIRE_FALSE(a == b);
  a.row(0)[0] = b.row(0)[0] = std::numeric_limits<float>::quiet_NaN();
  REQUIRE(a == b);
  REQUIRE_FALSE(Matrix(1, 2) == Matrix(2, 1));
  REQUIRE(Matrix(0, 5) == Matrix(0, 5));
}

TEST_CASE("matrix: a size that cannot be had is refused by its shape", "[core][matrix]") {
  const auto huge = std::numeric_limits<std::size_t>::max();
  for (const auto& [rows, cols] : {std::pair{huge, std::size_t{1}}, std::pair{std::size_t{1}, huge}, std::pair{huge / 64, std::size_t{1024}}}) {
    try {
      const Matrix m(rows, cols);
      FAIL("accepted");
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::out_of_memory);
      REQUIRE_THAT(error.what(), Contains(std::to_string(rows) + " rows of " + std::to_string(cols)));
    }
  }
}

TEST_CASE("matrix: valid weights pass, also none at all and a weight of zero", "[core][matrix]") {
  REQUIRE(refusal(small()) == "accepted");
  REQUIRE(refusal({}) == "accepted");
  REQUIRE(refusal({2, 0, {0, 0, 0}, {}, {}}) == "accepted");
  REQUIRE(refusal({1, 1, {0, 1}, {0}, {0}}) == "accepted");
}

TEST_CASE("matrix: what no model may see is refused with row and column", "[core][matrix]") {
  auto m = small();
  m.columns = {2, 0, 1};
  REQUIRE_THAT(refusal(m), Contains("row 0 column 0 follows column 2"));
  m.columns = {2, 2, 1};
  REQUIRE_THAT(refusal(m), Contains("row 0 column 2 is repeated"));
  m.columns = {0, 3, 1};
  REQUIRE_THAT(refusal(m), Contains("row 0 column 3 is out of range"));
  for (const float weight : {-1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    m = small();
    m.values[2] = weight;
    REQUIRE_THAT(refusal(m), StartsWith("row 1 column 1 has the weight"));
  }
}

TEST_CASE("matrix: offsets that do not fit are refused before anything is read through them", "[core][matrix]") {
  auto m = small();
  m.offsets = {0, 2};
  REQUIRE_THAT(refusal(m), Contains("2 offsets for 2 rows"));
  m.offsets = {};
  REQUIRE_THAT(refusal(m), Contains("0 offsets for 2 rows"));
  m.offsets = {1, 2, 3};
  REQUIRE_THAT(refusal(m), Contains("the first offset is 1"));
  m.offsets = {0, -1, 3};
  REQUIRE_THAT(refusal(m), Contains("row 0 ends at offset -1 before it begins"));
  m.offsets = {0, 4, 3};
  REQUIRE_THAT(refusal(m), Contains("row 0 ends at offset 4"));
  m.offsets = {0, 1, 2};
  REQUIRE_THAT(refusal(m), Contains("the last offset is 2"));
  m = small();
  m.values.pop_back();
  REQUIRE_THAT(refusal(m), Contains("2 values for 3 columns"));
  m = small();
  m.cols = std::size_t{1} << 32;
  REQUIRE_THAT(refusal(m), Contains("4294967296 columns"));
}

TEST_CASE("matrix: the transpose by hand, and twice is the matrix again", "[core][matrix]") {
  REQUIRE(transpose(small()) == Csr{3, 2, {0, 1, 2, 3}, {0, 1, 0}, {1, 3, 2}});
  Csr m;
  m.rows = 40;
  m.cols = 25;
  Random random(5);
  for (std::size_t r = 0; r < m.rows; ++r) {
    for (std::uint32_t c = 0; c < 25; ++c)
      if (random.uniform() < 0.2) m.columns.push_back(c), m.values.push_back(static_cast<float>(random.uniform()));
    m.offsets.push_back(static_cast<std::int64_t>(m.columns.size()));
  }
  const auto t = transpose(m);
  REQUIRE_NOTHROW(require_valid_weights(t, "transpose"));
  REQUIRE(transpose(t) == m);
}
