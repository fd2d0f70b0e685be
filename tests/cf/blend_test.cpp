#include "pannier/cf/blend.hpp"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "pannier/cf/ials.hpp"
#include "pannier/cf/item_knn.hpp"
#include "pannier/core/error.hpp"
#include "pannier/popularity/buy_again.hpp"
#include "pannier/popularity/popular.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/memory_sections.hpp"
#include "support/purchase_log.hpp"
#include "support/synth.hpp"

using namespace pannier;
using cf::BlendMember;
using cf::fit_blend;

namespace {

std::vector<BlendMember> members_of(const CsrView& events, const FitControl& control = {}) {
  return {{"item_knn", cf::fit_item_knn(events, {.neighbours = 20}, control).model},
          {"ials", cf::fit_ials(events, {.factors = 6, .epochs = 3}, control).model},
          {"popular", popularity::fit_popular(events, {}, control).model},
          {"buy_again", popularity::fit_buy_again(support::purchase_log(events), support::purchase_log_end, {}, {}, control).model}};
}

/// Every third cell of a row held out.
data::Split holdout_of(const CsrView& events) {
  data::Split out;
  out.train.rows = out.test.rows = events.rows;
  out.train.cols = out.test.cols = events.cols;
  for (std::size_t r = 0; r < events.rows; ++r) {
    for (std::size_t n = 0; n < events.row_columns(r).size(); ++n) {
      auto& part = n % 3 == 1 ? out.test : out.train;
      part.columns.push_back(events.row_columns(r)[n]);
      part.values.push_back(events.row_values(r)[n]);
    }
    out.train.offsets.push_back(static_cast<std::int64_t>(out.train.columns.size()));
    out.test.offsets.push_back(static_cast<std::int64_t>(out.test.columns.size()));
  }
  return out;
}

cf::BlendFit blended(const CsrView& events, const FitControl& control = {}) {
  const auto holdout = holdout_of(events);
  return fit_blend(members_of(events, control), members_of(holdout.train, control), holdout, {}, control);
}

std::shared_ptr<const model::Recommender> read_member(std::string_view kind, const model::SectionReader& reader, std::uint32_t items) {
  if (kind == "item_knn") return cf::read_item_knn(reader, items);
  if (kind == "ials") return cf::read_ials(reader, items);
  if (kind == "popular") return popularity::read_popular(reader, items);
  if (kind == "buy_again") return popularity::read_buy_again(reader, items);
  throw Error(ErrorCode::unsupported, "kind", std::string(kind));
}

/// Scores as they are told, for everybody with a history.
class Told final : public model::Recommender {
 public:
  explicit Told(std::vector<float> scores) : scores_(std::move(scores)) {}
  std::string_view kind() const noexcept override { return "told"; }
  std::uint32_t item_count() const noexcept override { return static_cast<std::uint32_t>(scores_.size()); }
  std::string config_json() const override { return "{}"; }
  std::size_t recommend(const model::History&, const model::Ask&, model::Workspace&, std::span<Scored>) const override { return 0; }
  void score(const model::History&, std::span<const ItemIndex> candidates, model::Workspace&, std::span<float> out) const override {
    for (std::size_t n = 0; n < candidates.size(); ++n) out[n] = scores_[value(candidates[n])];
  }
  std::size_t similar(ItemIndex, const model::Ask&, model::Workspace&, std::span<Scored>) const override { return 0; }
  std::size_t explain(const model::History&, ItemIndex, model::Workspace&, std::span<model::Reason>) const override { return 0; }
  void write(model::SectionWriter&, const model::ItemOrder&) const override {}

 private:
  std::vector<float> scores_;
};

}  // namespace

TEST_CASE("blend: keeps the promises of a recommender", "[cf][blend]") {
  conformance::check({.fit = [](const CsrView& events, const FitControl& control) -> conformance::Model { return blended(events, control).model; },
                      .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model {
                        return cf::read_blend(reader, items, [](std::string_view) { return nullptr; }, read_member);
                      },
                      .by_evidence = true,
                      .bought = true,
                      .share_tolerance = 2e-5f});
}

TEST_CASE("blend: sums what each member says beside its best, own and new items apart", "[cf][blend]") {
  // Too few people to weigh by: all members alike.
  const std::vector<BlendMember> members{{"a", std::make_shared<Told>(std::vector<float>{8, 4, 2, 0})}, {"b", std::make_shared<Told>(std::vector<float>{0, 1, 5, -1})}};
  data::Split nothing;
  nothing.train.cols = nothing.test.cols = 4;
  const auto fit = fit_blend(members, members, nothing, {});
  REQUIRE(std::vector<float>(fit.model->new_weights().begin(), fit.model->new_weights().end()) == std::vector<float>{0.5f, 0.5f});
  const std::vector<ItemIndex> items{ItemIndex{0}};
  const std::vector<float> weights{1};
  model::Workspace workspace;
  std::vector<Scored> out(4);
  out.resize(fit.model->recommend({.items = items, .weights = weights, .kinds = {}, .ages_us = {}}, {.count = 4, .exclude_history = false}, workspace, out));
  // Item 0 is the person's: 8/8 and 0/5. The others beside the best new ones: 4/4 + 1/5, 2/4 + 5/5; item 3 has -1/5.
  REQUIRE(out == std::vector<Scored>{{ItemIndex{2}, 0.75f}, {ItemIndex{1}, 0.6f}, {ItemIndex{0}, 0.5f}});
}

TEST_CASE("blend: of scale spread a member's scores are divided by their root mean square", "[cf][blend]") {
  const std::vector<BlendMember> members{{"a", std::make_shared<Told>(std::vector<float>{8, 4, 2, 0})}, {"b", std::make_shared<Told>(std::vector<float>{0, 1, 5, -1})}};
  const auto fit = fit_blend(members, {}, {}, {.weights = "2,0.5", .scale = cf::BlendScale::spread});
  const std::vector<ItemIndex> items{ItemIndex{0}};
  const std::vector<float> weights{1};
  model::Workspace workspace;
  std::vector<Scored> out(4);
  REQUIRE(fit.model->recommend({.items = items, .weights = weights, .kinds = {}, .ages_us = {}}, {.count = 4, .exclude_history = false}, workspace, out) == 3);
  // Over four items: of a, sqrt((64 + 16 + 4) / 4) with the person's own item and sqrt(20 / 4) without; of b, sqrt(27 / 4).
  const float a_own = std::sqrt(21.0f), a_new = std::sqrt(5.0f), b = std::sqrt(6.75f);
  REQUIRE((out[0].item == ItemIndex{1} && out[1].item == ItemIndex{0} && out[2].item == ItemIndex{2}));
  REQUIRE_THAT(out[0].score, WithinRel(2 * 4 / a_new + 0.5f * 1 / b, 1e-6f));
  REQUIRE_THAT(out[1].score, WithinRel(2 * 8 / a_own, 1e-6f));
  REQUIRE_THAT(out[2].score, WithinRel(2 * 2 / a_new + 0.5f * 5 / b, 1e-6f));
}

TEST_CASE("blend: of scale spread scores of any size count alike", "[cf][blend]") {
  for (const float size : {1e30f, 1.0f, 1e-30f}) {
    const std::vector<BlendMember> members{{"a", std::make_shared<Told>(std::vector<float>{-8 * size, 4 * size, 2 * size})}};
    const auto fit = fit_blend(members, {}, {}, {.weights = "1", .scale = cf::BlendScale::spread});
    const std::vector<ItemIndex> items{ItemIndex{0}};
    const std::vector<float> weights{1};
    model::Workspace workspace;
    std::vector<Scored> out(2);
    REQUIRE(fit.model->recommend({.items = items, .weights = weights, .kinds = {}, .ages_us = {}}, {.count = 2}, workspace, out) == 2);
    REQUIRE((out[0].item == ItemIndex{1} && out[1].item == ItemIndex{2}));
    REQUIRE_THAT(out[0].score, WithinRel(4 / std::sqrt(20.0f / 3), 1e-5f));
    REQUIRE_THAT(out[1].score, WithinRel(2 / std::sqrt(20.0f / 3), 1e-5f));
  }
}

TEST_CASE("blend: of scale spread keeps the promises of a recommender", "[cf][blend]") {
  const auto spread = [](const CsrView& events, const FitControl& control) -> conformance::Model {
    const auto holdout = holdout_of(events);
    return fit_blend(members_of(events, control), members_of(holdout.train, control), holdout, {.scale = cf::BlendScale::spread}, control).model;
  };
  conformance::check({.fit = spread,
                      .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model {
                        return cf::read_blend(reader, items, [](std::string_view) { return nullptr; }, read_member);
                      },
                      .by_evidence = true,
                      .bought = true,
                      .share_tolerance = 2e-5f});
}

TEST_CASE("blend: given weights ask nobody, and those that say nothing are refused by name", "[cf][blend]") {
  const auto events = synth::two_taste_groups({});
  const auto members = members_of(events);
  const auto blend = fit_blend(members, {}, {}, {.weights = "0.25,0.5,0,1"});
  REQUIRE(std::vector<float>(blend.model->new_weights().begin(), blend.model->new_weights().end()) == std::vector<float>{0.25f, 0.5f, 0, 1});
  REQUIRE(std::vector<float>(blend.model->own_weights().begin(), blend.model->own_weights().end()) == std::vector<float>{0.25f, 0.5f, 0, 1});
  REQUIRE(Contains("\"0.25,0.5,0,1\"").match(blend.model->config_json()));
  for (const auto* wrong : {"1,1,1", "1,1,1,1,1", "1,1,1,-1", "1,1,1,x", "1,1,1,", "1,1,1,nan", "1,1,1,inf", "1, 1,1,1"})
    REQUIRE_THROWS_WITH(fit_blend(members, {}, {}, {.weights = wrong}), StartsWith("weights: ") && Contains("one number a member"));
  REQUIRE_THROWS_WITH(fit_blend(members, {}, {}, {.weights = "0,0,0,0"}), Contains("are all 0"));
}

TEST_CASE("blend: what a workspace answered before, for another person, time or blend, changes no answer", "[cf][blend]") {
  const auto events = synth::two_taste_groups({});
  const auto one = blended(events).model;
  const auto members = members_of(events);
  data::Split nothing;
  nothing.train.cols = nothing.test.cols = static_cast<std::uint32_t>(CsrView(events).cols);
  const auto other = fit_blend(members, members, nothing, {}).model;
  const std::vector<ItemIndex> items{ItemIndex{3}, ItemIndex{5}}, more{ItemIndex{3}, ItemIndex{6}};
  const std::vector<float> weights{2, 1}, lighter{1, 1};
  constexpr std::int64_t day = 86'400'000'000;
  const std::vector<model::Bought> lately{{2, 2, 40 * day, 3 * day}, {}}, long_ago{{2, 2, 240 * day, 203 * day}, {}};
  const std::vector<model::History> asked{{.items = items, .weights = weights, .kinds = {}, .ages_us = {}}, {.items = more, .weights = weights, .kinds = {}, .ages_us = {}},
                                          {.items = items, .weights = lighter, .kinds = {}, .ages_us = {}},
                                          {.items = items, .weights = weights, .kinds = {}, .ages_us = {}, .bought = lately},
                                          {.items = items, .weights = weights, .kinds = {}, .ages_us = {}, .bought = long_ago}};
  model::Workspace shared;
  for (int round = 0; round < 2; ++round)
    for (const auto& history : asked)
      for (const auto& model : {one, other})
        for (const bool exclude : {true, false}) {
          const auto answer = [&](model::Workspace& workspace) {
            std::vector<Scored> out(10);
            out.resize(model->recommend(history, {.count = 10, .exclude_history = exclude}, workspace, out));
            return out;
          };
          const auto reasons = [&](model::Workspace& workspace, std::span<const Scored> answered) {
            std::vector<ItemIndex> wanted;
            for (const auto& scored : answered) wanted.push_back(scored.item);
            std::vector<model::Reason> out(wanted.size() * 3);
            std::vector<std::uint32_t> counts(wanted.size());
            model->explain_each(history, wanted, 3, workspace, out, counts);
            return std::pair(out, counts);
          };
          model::Workspace fresh, fresh_reasons;
          const auto expected = answer(fresh);
          REQUIRE(answer(shared) == expected);
          REQUIRE_FALSE(expected.empty());
          REQUIRE(reasons(shared, expected) == reasons(fresh_reasons, expected));
          REQUIRE(answer(shared) == expected);
        }
}

TEST_CASE("blend: takes the member that finds more, and two where they find more together", "[cf][blend]") {
  // Items 0..9 for everybody; each person has item 10 and will buy two of the ten, one that a knows and one that b knows.
  data::Split split;
  split.train.cols = split.test.cols = 31;
  const auto person = [&](std::uint32_t first, std::uint32_t second) {
    split.train.columns.push_back(30);
    split.train.values.push_back(1);
    split.train.offsets.push_back(static_cast<std::int64_t>(++split.train.rows));
    split.test.columns.insert(split.test.columns.end(), {first, second});
    split.test.values.insert(split.test.values.end(), {1, 1});
    split.test.offsets.push_back(static_cast<std::int64_t>(split.test.columns.size()));
    ++split.test.rows;
  };
  for (int n = 0; n < 100; ++n) person(0, 20);
  std::vector<float> finds_first(31), finds_second(31), finds_none(31);
  for (std::uint32_t i = 0; i < 15; ++i) finds_first[i] = 15.0f - static_cast<float>(i), finds_none[i + 5] = finds_first[i];
  for (std::uint32_t i = 20; i < 30; ++i) finds_second[i] = 30.0f - static_cast<float>(i);
  const std::vector<BlendMember> all{{"none", std::make_shared<Told>(finds_none)}, {"first", std::make_shared<Told>(finds_first)}, {"second", std::make_shared<Told>(finds_second)}};
  const auto both = fit_blend(all, all, split, {});
  CHECK(both.model->new_weights()[0] < both.model->new_weights()[1]);
  CHECK(both.model->new_weights()[1] > 0);
  CHECK(both.model->new_weights()[2] > 0);
  const auto one = fit_blend(std::span(all).first(2), std::span(all).first(2), split, {});
  CHECK(one.model->new_weights()[0] == 0);
  CHECK(one.model->new_weights()[1] == 1);
  CHECK_THAT(one.report.detail, Contains("first the best alone"));
}

TEST_CASE("blend: reasons of several members for one history item are added up", "[cf][blend]") {
  const auto events = synth::two_taste_groups({.users = 120, .items = 30, .seed = 5});
  const auto model = blended(events).model;
  std::vector<ItemIndex> items;
  for (const auto column : CsrView(events).row_columns(4)) items.push_back(ItemIndex{column});
  const std::vector<float> weights(items.size(), 1.0f);
  model::Workspace workspace;
  const model::History history{.items = items, .weights = weights, .kinds = {}, .ages_us = {}};
  std::vector<Scored> best(5);
  best.resize(model->recommend(history, {.count = 5}, workspace, best));
  REQUIRE_FALSE(best.empty());
  for (const auto& [item, score] : best) {
    std::vector<model::Reason> reasons(items.size() + 4);
    const auto found = model->explain(history, item, workspace, reasons);
    REQUIRE(found > 0);
    std::map<std::pair<std::uint32_t, int>, int> seen;
    for (std::size_t n = 0; n < found; ++n) REQUIRE(++seen[{value(reasons[n].item), static_cast<int>(reasons[n].kind)}] == 1);
  }
}

TEST_CASE("blend: written beside its members it keeps their names alone, and is refused without them", "[cf][blend]") {
  const auto events = synth::two_taste_groups({.users = 60, .items = 20, .seed = 5});
  const auto members = members_of(events);
  const auto model = blended(events).model;
  std::vector<ItemIndex> order;
  for (std::uint32_t i = 0; i < 20; ++i) order.push_back(ItemIndex{i});
  support::MemoryWriter writer;
  model->without_members()->write(writer, {order, order});
  REQUIRE(writer.sections().size() == 3);
  const support::MemoryReader reader(writer, model->config_json());
  const auto again = cf::read_blend(reader, 20, [&](std::string_view name) -> std::shared_ptr<const model::Recommender> {
    for (const auto& member : model->members())
      if (member.name == name) return member.model;
    return nullptr;
  }, read_member);
  REQUIRE(std::equal(again->new_weights().begin(), again->new_weights().end(), model->new_weights().begin()));
  REQUIRE_THROWS_WITH(cf::read_blend(reader, 20, [](std::string_view) { return nullptr; }, read_member), Contains("item_knn") && Contains("is not beside the blend"));
}

TEST_CASE("blend: what cannot be blended is refused by name", "[cf][blend]") {
  const auto events = synth::two_taste_groups({.users = 60, .items = 20, .seed = 5});
  const auto members = members_of(events);
  const auto split = holdout_of(events);
  REQUIRE_THROWS_WITH(fit_blend({}, {}, split, {}), StartsWith("members: are 0"));
  REQUIRE_THROWS_WITH(fit_blend(members, std::span(members).first(2), split, {}), StartsWith("rehearsed: are 2"));
  const std::vector<BlendMember> twice{members[0], members[0]}, nested{{"b", blended(events).model}};
  REQUIRE_THROWS_WITH(fit_blend(twice, twice, split, {}), Contains("item_knn twice"));
  REQUIRE_THROWS_WITH(fit_blend(nested, nested, split, {}), Contains("b is a blend itself"));
  REQUIRE_THROWS_WITH(fit_blend(members, members, split, cf::BlendConfig{.members = {}, .people = 0, .horizon_days = 0}), Contains("people"));
}
