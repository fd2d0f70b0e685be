// Models fitted on a matrix of the caller's, through the C interface.
#include <cmath>
#include <cstring>
#include <limits>

#include "shop.hpp"

using shop::ok;

namespace {

/// Four people and four items: items 0 and 1 are had by three and two people, item 2 by one, item 3 by nobody.
struct Matrix {
  std::vector<std::int64_t> offsets{0, 2, 4, 5, 6};
  std::vector<std::uint32_t> columns{0, 1, 0, 1, 0, 2};
  std::vector<float> values{1, 1, 1, 1, 1, 1};
  pnr_csr csr;
  Matrix() { point(); }
  void point() {
    pnr_csr_init(&csr, sizeof csr);
    csr.rows = offsets.size() - 1;
    csr.cols = 4;
    csr.offsets = offsets.data();
    csr.columns = columns.data();
    csr.values = values.data();
    csr.nonzeros = columns.size();
  }
};

pnr_model* fit(const std::string& name, const std::string& config, const pnr_csr& csr) {
  pnr_model* model = nullptr;
  pnr_error error;
  ok(pnr_model_fit(name.data(), name.size(), config.data(), config.size(), &csr, nullptr, &model, &error), error);
  return model;
}

}  // namespace

TEST_CASE("c: popular ranks by hand, leaves out what people have, and pads", "[c][model]") {
  const Matrix matrix;
  auto* const model = fit("popular", "", matrix.csr);
  CHECK(pnr_model_item_count(model) == 4);
  pnr_ask ask;
  pnr_ask_init(&ask, sizeof ask);
  ask.count = 5;
  std::uint32_t columns[20];
  float scores[20];
  pnr_error error;
  ok(pnr_model_recommend(model, &matrix.csr, &ask, columns, scores, &error), error);
  // The first person has 0 and 1, so 2 (one person) and 3 (nobody) are left.
  CHECK(columns[0] == 2);
  CHECK(scores[0] == 1);
  CHECK(columns[2] == UINT32_MAX);
  CHECK(scores[2] == 0);
  // The last has 2: 0 (three people), then 1 (two).
  CHECK(columns[15] == 0);
  CHECK(scores[15] == 3);
  CHECK(columns[16] == 1);

  ask.exclude_history = false;
  const std::uint32_t allowed[] = {1, 2};
  ask.allowed = allowed;
  ask.allowed_count = 2;
  ok(pnr_model_recommend(model, &matrix.csr, &ask, columns, scores, &error), error);
  CHECK(columns[0] == 1);
  CHECK(columns[1] == 2);
  CHECK(columns[2] == UINT32_MAX);
  ask.allowed_count = 0;  // a list of none allows none
  ok(pnr_model_recommend(model, &matrix.csr, &ask, columns, scores, &error), error);
  CHECK(columns[0] == UINT32_MAX);
  pnr_model_free(model);
}

TEST_CASE("c: similar items of item_knn are those had together", "[c][model]") {
  const Matrix matrix;
  auto* const model = fit("item_knn", R"({"neighbours": 3})", matrix.csr);
  const std::uint32_t items[] = {0, 2};
  pnr_ask ask;
  pnr_ask_init(&ask, sizeof ask);
  ask.count = 2;
  std::uint32_t columns[4];
  float scores[4];
  pnr_error error;
  ok(pnr_model_similar(model, items, 2, &ask, columns, scores, &error), error);
  CHECK(columns[0] == 1);
  CHECK_THAT(scores[0], WithinRel(2.0f / std::sqrt(6.0f), 1e-6f));  // two people of three and two
  CHECK(columns[1] == UINT32_MAX);
  CHECK(columns[2] == UINT32_MAX);  // item 2 was had alone
  const std::uint32_t beyond[] = {4};
  columns[0] = 77;
  CHECK(pnr_model_similar(model, beyond, 1, &ask, columns, scores, &error) == PNR_INVALID_ARGUMENT);
  CHECK(columns[0] == 77);
  pnr_model_free(model);
}

TEST_CASE("c: a saved model answers as the fitted one", "[c][model]") {
  const Matrix matrix;
  auto* const model = fit("ials", R"({"factors": 4, "epochs": 3})", matrix.csr);
  const shop::Folder folder;
  const auto file = folder.at("model.pnr");
  pnr_error error;
  ok(pnr_model_save(model, file.data(), file.size(), &error), error);
  pnr_model* loaded = nullptr;
  ok(pnr_model_load(file.data(), file.size(), &loaded, &error), error);
  std::uint32_t columns[2][40];
  float scores[2][40];
  ok(pnr_model_recommend(model, &matrix.csr, nullptr, columns[0], scores[0], &error), error);
  ok(pnr_model_recommend(loaded, &matrix.csr, nullptr, columns[1], scores[1], &error), error);
  CHECK(std::memcmp(columns[0], columns[1], sizeof columns[0]) == 0);
  CHECK(std::memcmp(scores[0], scores[1], sizeof scores[0]) == 0);
  pnr_model_free(loaded);
  pnr_model_free(model);
  const auto missing = folder.at("missing.pnr");
  CHECK(pnr_model_load(missing.data(), missing.size(), &loaded, &error) == PNR_NOT_FOUND);
  std::ofstream(missing) << "not a model";
  CHECK(pnr_model_load(missing.data(), missing.size(), &loaded, &error) == PNR_MALFORMED_INPUT);
}

TEST_CASE("c: a bad matrix, name, setting or ask is refused and nothing is written", "[c][model]") {
  const Matrix good;
  auto* const model = fit("popular", "", good.csr);
  pnr_error error;
  pnr_model* other = nullptr;
  std::uint32_t columns[40] = {77};
  float scores[40] = {77};
  const auto refused = [&](const Matrix& matrix) {
    CHECK(pnr_model_fit("popular", 7, nullptr, 0, &matrix.csr, nullptr, &other, &error) == PNR_INVALID_ARGUMENT);
    CHECK(std::string(error.where).find("events") != std::string::npos);
    CHECK(pnr_model_recommend(model, &matrix.csr, nullptr, columns, scores, &error) == PNR_INVALID_ARGUMENT);
    CHECK(columns[0] == 77);
    CHECK(scores[0] == 77);
  };
  for (const float weight : {-1.0f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Matrix bad;
    bad.values[3] = weight;
    refused(bad);
  }
  {
    Matrix bad;
    bad.columns[1] = 4;
    refused(bad);
  }
  {
    Matrix bad;
    std::swap(bad.columns[0], bad.columns[1]);
    refused(bad);
  }
  {
    Matrix bad;
    bad.offsets[1] = 5;
    refused(bad);
  }
  {
    Matrix bad;
    bad.offsets[4] = 1000;
    refused(bad);
  }
  {
    Matrix bad;
    bad.offsets[0] = -1;
    refused(bad);
  }
  {
    Matrix bad;
    bad.csr.rows = UINT64_MAX;
    refused(bad);
  }
  Matrix narrow;
  narrow.csr.cols = 3;
  CHECK(pnr_model_recommend(model, &narrow.csr, nullptr, columns, scores, &error) == PNR_INVALID_ARGUMENT);
  CHECK(pnr_model_fit("populer", 7, nullptr, 0, &good.csr, nullptr, &other, &error) == PNR_INVALID_ARGUMENT);
  CHECK(std::string(error.where + std::string(error.what) + error.allowed).find("popular") != std::string::npos);
  const std::string unknown = R"({"wheels": 4})", broken = "{";
  CHECK(pnr_model_fit("popular", 7, unknown.data(), unknown.size(), &good.csr, nullptr, &other, &error) == PNR_INVALID_ARGUMENT);
  CHECK(pnr_model_fit("popular", 7, broken.data(), broken.size(), &good.csr, nullptr, &other, &error) == PNR_MALFORMED_INPUT);
  pnr_ask ask;
  pnr_ask_init(&ask, sizeof ask);
  ask.count = 0;
  CHECK(pnr_model_recommend(model, &good.csr, &ask, columns, scores, &error) == PNR_INVALID_ARGUMENT);
  CHECK(std::string(error.where) == "ask.count");
  pnr_ask_init(&ask, sizeof ask);
  ask.threads = -1;
  CHECK(pnr_model_recommend(model, &good.csr, &ask, columns, scores, &error) == PNR_INVALID_ARGUMENT);
  pnr_ask_init(&ask, sizeof ask);
  const std::uint32_t beyond[] = {4};
  ask.allowed = beyond;
  ask.allowed_count = 1;
  CHECK(pnr_model_recommend(model, &good.csr, &ask, columns, scores, &error) == PNR_INVALID_ARGUMENT);
  CHECK(columns[0] == 77);
  CHECK(other == nullptr);
  pnr_model_free(model);
}

TEST_CASE("c: a matrix of no rows is answered with nothing", "[c][model]") {
  const Matrix good;
  auto* const model = fit("popular", "", good.csr);
  Matrix none;
  none.offsets = {0};
  none.columns.clear();
  none.values.clear();
  none.point();
  std::uint32_t column = 77;
  float score = 77;
  pnr_error error;
  ok(pnr_model_recommend(model, &none.csr, nullptr, &column, &score, &error), error);
  CHECK(column == 77);
  CHECK(score == 77);
  pnr_model_free(model);
}

TEST_CASE("c: a fit tells its progress and stops on request", "[c][model]") {
  const Matrix matrix;
  pnr_control control;
  pnr_control_init(&control, sizeof control);
  control.threads = 1;
  int calls = 0;
  control.progress_context = &calls;
  control.progress = [](void* context, const char*, std::size_t, std::uint64_t, std::uint64_t) {
    return ++*static_cast<int*>(context) < 3;
  };
  pnr_model* model = nullptr;
  pnr_error error;
  const std::string config = R"({"factors": 4, "epochs": 50})";
  CHECK(pnr_model_fit("ials", 4, config.data(), config.size(), &matrix.csr, &control, &model, &error) == PNR_CANCELLED);
  CHECK(calls == 3);
  CHECK(model == nullptr);
  control.reserved = 1;
  CHECK(pnr_model_fit("ials", 4, nullptr, 0, &matrix.csr, &control, &model, &error) == PNR_UNSUPPORTED);
}
