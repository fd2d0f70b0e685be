// The exact index over vectors of the caller's, through the C interface.
#include <limits>
#include <vector>

#include "shop.hpp"

using shop::ok;

namespace {

constexpr float vectors[] = {1, 0, 3, 4, 0, 2};  // three items of two numbers

pnr_vector_index* build(const float* bias) {
  pnr_vector_index* index = nullptr;
  pnr_error error;
  ok(pnr_vector_index_build(vectors, 3, 2, bias, 1, &index, &error), error);
  return index;
}

}  // namespace

TEST_CASE("c: a vector index ranks by inner product, ties by index, and pads", "[c][vector_index]") {
  auto* const index = build(nullptr);
  CHECK(pnr_vector_index_item_count(index) == 3);
  CHECK(pnr_vector_index_dimensions(index) == 2);
  const float queries[] = {2, -1, 0, 1};  // 2, 2, -2 and 0, 4, 2
  pnr_ask ask;
  pnr_ask_init(&ask, sizeof ask);
  ask.count = 4;
  std::uint32_t items[10];   // As many as an ask by default wants.
  float scores[10];
  pnr_error error;
  ok(pnr_vector_index_search(index, queries, 2, &ask, items, scores, &error), error);
  CHECK(std::vector<std::uint32_t>(items, items + 8) == std::vector<std::uint32_t>{0, 1, 2, UINT32_MAX, 1, 2, 0, UINT32_MAX});
  CHECK(std::vector<float>(scores, scores + 8) == std::vector<float>{2, 2, -2, 0, 4, 2, 0, 0});
  const std::uint32_t allowed[] = {2, 0};
  ask.allowed = allowed;
  ask.allowed_count = 2;
  ask.count = 1;
  ok(pnr_vector_index_search(index, queries, 2, &ask, items, scores, &error), error);
  CHECK((items[0] == 0 && items[1] == 2));
  pnr_vector_index_free(index);
  pnr_vector_index_free(nullptr);
  CHECK(pnr_vector_index_item_count(nullptr) == 0);

  const float bias[] = {0, 0, 5};
  auto* const with_bias = build(bias);
  CHECK(pnr_vector_index_dimensions(with_bias) == 2);
  ok(pnr_vector_index_search(with_bias, queries, 1, nullptr, items, scores, &error), error);
  CHECK((items[0] == 2 && scores[0] == 3));
  pnr_vector_index_free(with_bias);
}

TEST_CASE("c: vectors, queries and asks that cannot be searched are refused by name, and nothing is written", "[c][vector_index]") {
  const float bad[] = {1, 0, 3, std::numeric_limits<float>::quiet_NaN(), 0, 2};
  pnr_error error;
  pnr_vector_index* index = nullptr;
  CHECK(pnr_vector_index_build(bad, 3, 2, nullptr, 1, &index, &error) == PNR_INVALID_ARGUMENT);
  CHECK(std::string(error.where) == "vectors[1][1]");
  CHECK(pnr_vector_index_build(vectors, 3, 0, nullptr, 1, &index, &error) == PNR_INVALID_ARGUMENT);
  CHECK(pnr_vector_index_build(nullptr, 3, 2, nullptr, 1, &index, &error) == PNR_INVALID_ARGUMENT);
  CHECK(pnr_vector_index_build(vectors, UINT64_MAX / 2, 2, nullptr, 1, &index, &error) == PNR_INVALID_ARGUMENT);
  CHECK(pnr_vector_index_build(vectors, 3, 2, nullptr, 1, nullptr, &error) == PNR_INVALID_ARGUMENT);
  CHECK(index == nullptr);

  index = build(nullptr);
  std::uint32_t items[20] = {77};
  float scores[20] = {7};
  const auto refused = [&](const float* queries, std::uint64_t rows, const pnr_ask* ask, const std::string& where) {
    CHECK(pnr_vector_index_search(index, queries, rows, ask, items, scores, &error) == PNR_INVALID_ARGUMENT);
    CHECK(std::string(error.where) == where);
    CHECK((items[0] == 77 && scores[0] == 7));
  };
  refused(bad + 2, 1, nullptr, "queries[0][1]");
  refused(nullptr, 1, nullptr, "queries");
  pnr_ask ask;
  pnr_ask_init(&ask, sizeof ask);
  ask.count = 0;
  refused(vectors, 1, &ask, "ask.count");
  pnr_ask_init(&ask, sizeof ask);
  const std::uint32_t beyond[] = {3};
  ask.allowed = beyond;
  ask.allowed_count = 1;
  refused(vectors, 1, &ask, "ask.allowed");
  CHECK(pnr_vector_index_search(nullptr, vectors, 1, nullptr, items, scores, &error) == PNR_INVALID_ARGUMENT);
  pnr_vector_index_free(index);
}
