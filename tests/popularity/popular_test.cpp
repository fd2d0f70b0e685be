#include "pannier/popularity/popular.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <vector>

#include "pannier/core/error.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/memory_sections.hpp"
#include "support/synth.hpp"

using namespace pannier;
using popularity::fit_popular;

namespace {

conformance::Subject subject(bool weighted) {
  return {.fit = [=](const CsrView& events, const FitControl& control) -> conformance::Model { return fit_popular(events, {.weighted = weighted}, control).model; },
          .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return popularity::read_popular(reader, items); },
          .personal = false,
          .similar = false};
}

std::vector<Scored> ranked(const popularity::PopularModel& model) {
  model::Workspace workspace;
  std::vector<Scored> out(model.item_count());
  out.resize(model.recommend({}, {.count = model.item_count()}, workspace, out));
  return out;
}

}  // namespace

TEST_CASE("popular: keeps the promises of a recommender", "[popularity][popular]") { conformance::check(subject(false)); }

TEST_CASE("popular: keeps the promises of a recommender when weights are summed", "[popularity][popular]") { conformance::check(subject(true)); }

TEST_CASE("popular: counts people by hand", "[popularity][popular]") {
  const auto fit = fit_popular(synth::tiny(), {});
  REQUIRE(ranked(*fit.model) == std::vector<Scored>{{ItemIndex{0}, 3}, {ItemIndex{1}, 3}, {ItemIndex{2}, 1}, {ItemIndex{3}, 1}, {ItemIndex{4}, 0}});
  REQUIRE(fit.report.seconds >= 0);
}

TEST_CASE("popular: a cell without weight is nobody, a sum of weights is a sum", "[popularity][popular]") {
  const Csr events{2, 3, {0, 3, 5}, {0, 1, 2, 0, 1}, {0, 1, 4, 0.5f, 2}};
  const auto counted = fit_popular(events, {}).model, summed = fit_popular(events, {.weighted = true}).model;
  REQUIRE(std::vector<float>(counted->popularity().begin(), counted->popularity().end()) == std::vector<float>{1, 2, 1});
  REQUIRE(std::vector<float>(summed->popularity().begin(), summed->popularity().end()) == std::vector<float>{0.5f, 3, 4});
}

TEST_CASE("popular: equals counting with a map", "[popularity][popular]") {
  const auto events = synth::two_taste_groups({.users = 300, .items = 50, .seed = 2, .weighted = true});
  std::map<std::uint32_t, float> people;
  for (const auto column : events.columns) ++people[column];
  for (const auto& [item, score] : ranked(*fit_popular(events, {}).model)) REQUIRE(score == people[value(item)]);
}

TEST_CASE("popular: nobody at all is a ranking by index", "[popularity][popular]") {
  const auto fit = fit_popular(Csr{0, 3, {0}, {}, {}}, {});
  REQUIRE(ranked(*fit.model) == std::vector<Scored>{{ItemIndex{0}, 0}, {ItemIndex{1}, 0}, {ItemIndex{2}, 0}});
}

TEST_CASE("popular: no items and weights beyond a float are refused", "[popularity][popular]") {
  REQUIRE_THROWS_WITH(fit_popular(Csr{}, {}), StartsWith("events: has no items"));
  const float huge = std::numeric_limits<float>::max();
  const Csr events{2, 1, {0, 1, 2}, {0, 0}, {huge, huge}};
  REQUIRE_THROWS_WITH(fit_popular(events, {.weighted = true}), Contains("weights of item 0"));
  REQUIRE_NOTHROW(fit_popular(events, {}));
}

TEST_CASE("popular: numbers of a damaged file that are none are read as 0", "[popularity][popular]") {
  const auto model = fit_popular(synth::tiny(), {}).model;
  std::vector<ItemIndex> order{ItemIndex{0}, ItemIndex{1}, ItemIndex{2}, ItemIndex{3}, ItemIndex{4}};
  support::MemoryWriter writer;
  model->write(writer, {order, order});
  support::MemoryReader reader(writer, "{}");
  // 3 is 0x40400000: with these bits set it is a NaN.
  for (const std::size_t bit : {23u, 24u, 25u, 26u, 27u, 28u, 29u}) {
    const auto bytes = reader.section("popularity");
    if ((bytes[bit / 8] & static_cast<std::byte>(1 << (bit % 8))) == std::byte{0}) reader.flip("popularity", bit);
  }
  float stored = 0;
  std::memcpy(&stored, reader.section("popularity").data(), sizeof stored);
  REQUIRE(std::isnan(stored));
  const auto damaged = popularity::read_popular(reader, 5);
  for (const auto& [item, score] : ranked(*damaged)) REQUIRE(score == (item == ItemIndex{0} ? 0 : model->popularity()[value(item)]));
}

TEST_CASE("popular: a config that does not fit is refused when a model is read", "[popularity][popular]") {
  const auto model = fit_popular(synth::tiny(), {}).model;
  std::vector<ItemIndex> order{ItemIndex{0}, ItemIndex{1}, ItemIndex{2}, ItemIndex{3}, ItemIndex{4}};
  support::MemoryWriter writer;
  model->write(writer, {order, order});
  REQUIRE_THROWS_AS(popularity::read_popular(support::MemoryReader(writer, R"({"weight":true})"), 5), Error);
  REQUIRE_NOTHROW(popularity::read_popular(support::MemoryReader(writer, "{}"), 5));
}
