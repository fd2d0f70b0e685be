#include "cf/singular.hpp"

#include <stop_token>
#include <vector>

#include "pannier/core/error.hpp"
#include "support/catch.hpp"

using namespace pannier;

TEST_CASE("singular: a product by hand", "[cf][singular]") {
  const Csr sparse{2, 3, {0, 2, 3}, {0, 2, 1}, {2, 1, 3}};
  Matrix dense(3, 2);
  for (std::size_t i = 0; i < 3; ++i) dense.row(i)[0] = static_cast<float>(i + 1), dense.row(i)[1] = 1;
  const auto out = cf::product(sparse, dense, {});
  REQUIRE(out.row(0)[0] == 5);
  REQUIRE(out.row(0)[1] == 3);
  REQUIRE(out.row(1)[0] == 6);
  REQUIRE(out.row(1)[1] == 3);
}

TEST_CASE("singular: a product ends when asked to stop", "[cf][singular]") {
  std::stop_source source;
  const Csr sparse{1, 1, {0, 1}, {0}, {1}};
  const FitControl control{.stop = source.get_token()};
  REQUIRE_NOTHROW(cf::product(sparse, Matrix(1, 1), control));
  source.request_stop();
  REQUIRE_THROWS_WITH(cf::product(sparse, Matrix(1, 1), control), StartsWith("product: stopped"));
}
