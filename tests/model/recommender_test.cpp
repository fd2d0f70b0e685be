#include "pannier/model/recommender.hpp"

#include <algorithm>
#include <atomic>
#include <vector>

#include "model/marked_history.hpp"
#include "pannier/core/error.hpp"
#include "support/catch.hpp"
#include "support/synth.hpp"

using namespace pannier;
using namespace pannier::model;

namespace {

std::string refusal(const History& history, const Ask& ask = {}, std::uint32_t items = 10) {
  Workspace workspace;
  std::string text = "accepted";
  try {
    require_valid(history, ask, items, workspace);
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::invalid_argument);
    text = error.what();
  }
  REQUIRE(std::all_of(workspace.marks.begin(), workspace.marks.end(), [](auto word) { return word == 0; }));
  return text;
}

/// Answers with the history's items, each with its weight.
class Echo : public Recommender {
 public:
  explicit Echo(std::uint32_t items) : items_(items) {}
  [[nodiscard]] std::string_view kind() const noexcept override { return "echo"; }
  [[nodiscard]] std::uint32_t item_count() const noexcept override { return items_; }
  [[nodiscard]] std::string config_json() const override { return "{}"; }
  std::size_t recommend(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    require_valid(history, ask, items_, workspace);
    workspace.top.reset(std::min<std::size_t>(ask.count, out.size()));
    for (std::size_t n = 0; n < history.items.size(); ++n) workspace.top.push(history.items[n], history.weights[n]);
    return workspace.top.finish(out);
  }
  void score(const History&, std::span<const ItemIndex>, Workspace&, std::span<float>) const override {}
  std::size_t similar(ItemIndex, const Ask&, Workspace&, std::span<Scored>) const override { return 0; }
  std::size_t explain(const History&, ItemIndex, Workspace&, std::span<Reason>) const override { return 0; }
  void write(SectionWriter&, const ItemOrder&) const override {}

 private:
  std::uint32_t items_;
};

}  // namespace

TEST_CASE("recommender: a valid history passes, in any order, with zeros and without extras", "[model][recommender]") {
  const std::vector<ItemIndex> items{ItemIndex{9}, ItemIndex{0}, ItemIndex{5}};
  const std::vector<float> weights{0, 1, 2.5f};
  const std::vector<std::int64_t> ages{0, 5, 1};
  const std::vector<data::EventKind> kinds(3, data::EventKind::purchase);
  REQUIRE(refusal({}) == "accepted");
  REQUIRE(refusal({items, weights, {}, {}}) == "accepted");
  REQUIRE(refusal({items, weights, kinds, ages}) == "accepted");
  const ItemSet all(10, true);
  REQUIRE(refusal({items, weights, {}, {}}, {.allowed = &all}) == "accepted");
}

TEST_CASE("recommender: a bad history is refused by field, place and range", "[model][recommender]") {
  const std::vector<ItemIndex> items{ItemIndex{3}, ItemIndex{10}}, twice{ItemIndex{3}, ItemIndex{4}, ItemIndex{3}};
  const std::vector<float> weights{1, 1, 1};
  REQUIRE(refusal({items, std::span(weights).first(2), {}, {}}) == "history.items: item 10 at 1; expected items below 10");
  REQUIRE(refusal({twice, weights, {}, {}}) == "history.items: item 3 at 2 is there before; expected each item once");
  REQUIRE(refusal({items, weights, {}, {}}) == "history.weights: 3 entries for 2 items; expected as many");
  const ItemSet other(9, true);
  REQUIRE(refusal({}, {.allowed = &other}) == "allowed: is a set over 9 items; expected one over 10");
}

TEST_CASE("recommender: marks stand for the time of one call and are taken back, words shared or not", "[model][recommender]") {
  Workspace workspace;
  const std::vector<ItemIndex> items{ItemIndex{0}, ItemIndex{63}, ItemIndex{64}, ItemIndex{199}};
  {
    const MarkedHistory seen(items, 200, workspace);
    for (std::uint32_t i = 0; i < 200; ++i) REQUIRE(seen.contains(ItemIndex{i}) == (i == 0 || i == 63 || i == 64 || i == 199));
  }
  for (const auto word : workspace.marks) REQUIRE(word == 0);
}

TEST_CASE("recommender: a batch pads short rows and equals single calls on any number of threads", "[model][recommender]") {
  const Echo model(50);
  const auto cells = synth::two_taste_groups({.users = 300, .items = 50, .seed = 5, .weighted = true});
  const CsrView rows = cells;
  for (const int threads : {1, 2, 5}) {
    std::vector<ItemIndex> items(rows.rows * 8);
    std::vector<float> scores(rows.rows * 8, -1);
    model.recommend_batch(rows, {.count = 8}, {.threads = threads}, items, scores);
    Workspace workspace;
    for (std::size_t r = 0; r < rows.rows; ++r) {
      std::vector<ItemIndex> history;
      for (const auto column : rows.row_columns(r)) history.push_back(ItemIndex{column});
      std::vector<Scored> single(8);
      const auto found = model.recommend({history, rows.row_values(r), {}, {}}, {.count = 8}, workspace, single);
      for (std::size_t n = 0; n < 8; ++n) {
        REQUIRE(items[r * 8 + n] == (n < found ? single[n].item : no_item));
        REQUIRE(scores[r * 8 + n] == (n < found ? single[n].score : 0.0f));
      }
    }
  }
}

TEST_CASE("recommender: an enormous count is refused by the size of its output, not tried", "[model][recommender]") {
  const Echo model(5);
  std::vector<ItemIndex> items(4);
  std::vector<float> scores(4);
  REQUIRE_THROWS_WITH(model.recommend_batch(synth::tiny(), {.count = 0xFFFFFFFF}, {}, items, scores), StartsWith("items: 4 entries; expected 4 rows of 4294967295"));
}
