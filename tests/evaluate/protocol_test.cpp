#include "pannier/evaluate/protocol.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/evaluate/beyond.hpp"
#include "pannier/evaluate/metrics.hpp"
#include "support/catch.hpp"
#include "support/synth.hpp"

using namespace pannier;
using evaluate::ProtocolConfig;

namespace {

/// Ranks item (sum of the history's items + n * 7) mod items in the n-th place: no sense, but every person has another list.
class Scatter : public model::Recommender {
 public:
  explicit Scatter(std::uint32_t items) : items_(items) {}
  [[nodiscard]] std::string_view kind() const noexcept override { return "scatter"; }
  [[nodiscard]] std::uint32_t item_count() const noexcept override { return items_; }
  [[nodiscard]] std::string config_json() const override { return "{}"; }
  std::size_t recommend(const model::History& history, const model::Ask& ask, model::Workspace&, std::span<Scored> out) const override {
    std::uint32_t item = 0;
    for (const auto i : history.items) item = (item + value(i)) % items_;
    std::size_t found = 0;
    for (std::uint32_t n = 0; n < items_ && found < std::min<std::size_t>(ask.count, out.size()); ++n, item = (item + 7) % items_) {
      const bool seen = std::find(history.items.begin(), history.items.end(), ItemIndex{item}) != history.items.end();
      if (!(seen && ask.exclude_history)) out[found++] = {ItemIndex{item}, static_cast<float>(items_ - n)};
    }
    return history.items.empty() ? 0 : found;
  }
  void score(const model::History&, std::span<const ItemIndex>, model::Workspace&, std::span<float>) const override {}
  std::size_t similar(ItemIndex, const model::Ask&, model::Workspace&, std::span<Scored>) const override { return 0; }
  std::size_t explain(const model::History&, ItemIndex, model::Workspace&, std::span<model::Reason>) const override { return 0; }
  void write(model::SectionWriter&, const model::ItemOrder&) const override {}

 private:
  std::uint32_t items_;
};

struct Data {
  Csr train, test;
};

/// 45 items (not a multiple of 7); person 3 has nothing held out, person 5 no history, and some held-out items are seen ones.
Data sample() {
  Data out{synth::two_taste_groups({.users = 60, .items = 45, .seed = 1}), synth::two_taste_groups({.users = 60, .items = 45, .seed = 2})};
  const auto without = [](const CsrView& matrix, std::size_t row) {
    synth::CsrBuilder builder(matrix.cols);
    for (std::size_t r = 0; r < matrix.rows; ++r) {
      if (r != row)
        for (const auto c : matrix.row_columns(r)) builder.cell(c);
      builder.end_row();
    }
    return builder.take();
  };
  out.train = without(out.train, 5);
  out.test = without(out.test, 3);
  return out;
}

}  // namespace

TEST_CASE("protocol: one person by hand", "[evaluate][protocol]") {
  // History {1}; the list is 1, 3 (= 8 mod 5), 0, 2, 4; without what is seen 3, 0, 2, 4. Held out: 0 and 4.
  const Csr train{1, 5, {0, 1}, {1}, {1}}, test{1, 5, {0, 2}, {0, 4}, {1, 1}};
  const auto quality = evaluate::evaluate(Scatter(5), train, test, {.at = {2}});
  REQUIRE(quality.people == 1);
  REQUIRE(quality.empty_people == 0);
  REQUIRE(quality.held_out == 2);
  REQUIRE(quality.metrics.at("recall@2") == 0.5);
  REQUIRE(quality.metrics.at("hr@2") == 1);
  REQUIRE(quality.metrics.at("mrr@2") == 0.5);
  REQUIRE(quality.metrics.at("map@2") == 0.25);
  REQUIRE_THAT(quality.metrics.at("ndcg@2"), WithinAbs((1 / std::log2(3.0)) / (1 + 1 / std::log2(3.0)), 1e-15));
  REQUIRE(quality.metrics.at("coverage@2") == 0.4);
  REQUIRE(quality.metrics.at("novelty@2") == 0);  // everybody is one person, and an unknown item counts as one
  const auto interval = quality.interval.at("ndcg@2");
  REQUIRE(interval.first == quality.metrics.at("ndcg@2"));
  REQUIRE(interval.second == quality.metrics.at("ndcg@2"));
}

TEST_CASE("protocol: without intervals the means are the same", "[evaluate][protocol]") {
  const auto [train, test] = sample();
  const Scatter model(45);
  const auto with = evaluate::evaluate(model, train, test, {.at = {5}}), without = evaluate::evaluate(model, train, test, {.at = {5}, .intervals = false});
  REQUIRE(without.metrics == with.metrics);
  REQUIRE_FALSE(with.interval.empty());
  REQUIRE(without.interval.empty());
  for (const auto& [name, slice] : without.slices) {
    REQUIRE(slice.metrics == with.slices.at(name).metrics);
    REQUIRE(slice.interval.empty());
  }
}

TEST_CASE("protocol: equals single calls and the definitions, with seen items and without", "[evaluate][protocol]") {
  const auto [train_cells, test_cells] = sample();
  const CsrView train = train_cells, test = test_cells;
  const Scatter model(45);
  for (const bool exclude : {true, false}) {
    const auto quality = evaluate::evaluate(model, train, test, {.at = {5, 20, 100}, .exclude_seen = exclude});
    for (const std::uint32_t k : {5u, 20u, 100u}) {
      double recall = 0, ndcg = 0, novelty = 0;
      std::size_t people = 0, slots = 0, held_out = 0;
      std::set<std::uint32_t> shown;
      for (std::size_t u = 0; u < 60; ++u) {
        std::vector<std::uint32_t> targets;
        std::vector<ItemIndex> history;
        for (const auto i : train.row_columns(u)) history.push_back(ItemIndex{i});
        for (const auto i : test.row_columns(u))
          if (!exclude || std::find(history.begin(), history.end(), ItemIndex{i}) == history.end()) targets.push_back(i);
        if (targets.empty()) continue;
        ++people;
        held_out += targets.size();
        model::Workspace workspace;
        std::vector<Scored> out(k);
        out.resize(model.recommend({history, train.row_values(u), {}, {}}, {.count = k, .exclude_history = exclude}, workspace, out));
        std::vector<ItemIndex> ranked;
        for (const auto& scored : out) {
          ranked.push_back(scored.item);
          shown.insert(value(scored.item));
          double owners = 0;
          for (std::size_t v = 0; v < 60; ++v) owners += std::count(train.row_columns(v).begin(), train.row_columns(v).end(), value(scored.item)) > 0;
          novelty += -std::log2(std::max(1.0, owners) / 59);  // person 5 has nothing
          ++slots;
        }
        const auto metrics = evaluate::list_metrics(ranked, targets, k);
        recall += metrics.recall;
        ndcg += metrics.ndcg;
      }
      const auto at = "@" + std::to_string(k);
      REQUIRE(quality.people == people);
      REQUIRE(quality.empty_people == 60 - people);
      REQUIRE(quality.held_out == held_out);
      REQUIRE_THAT(quality.metrics.at("recall" + at), WithinAbs(recall / static_cast<double>(people), 1e-12));
      REQUIRE_THAT(quality.metrics.at("ndcg" + at), WithinAbs(ndcg / static_cast<double>(people), 1e-12));
      REQUIRE_THAT(quality.metrics.at("novelty" + at), WithinAbs(novelty / static_cast<double>(slots), 1e-12));
      REQUIRE_THAT(quality.metrics.at("coverage" + at), WithinAbs(static_cast<double>(shown.size()) / 45, 1e-15));
      const auto interval = quality.interval.at("ndcg" + at);
      REQUIRE(interval.first < quality.metrics.at("ndcg" + at));
      REQUIRE(interval.second > quality.metrics.at("ndcg" + at));
    }
  }
}

TEST_CASE("protocol: one person by hand, beyond accuracy", "[evaluate][protocol]") {
  // As above: the list is 3, 0. The one trained item is the head; 0 and 4 are held out, both of the tail; the person is a new one.
  const Csr train{1, 5, {0, 1}, {1}, {1}}, test{1, 5, {0, 2}, {0, 4}, {1, 1}};
  const std::vector<std::string_view> categories{"a", "a", "b", "b", ""};
  const auto quality = evaluate::evaluate(Scatter(5), train, test, {.at = {2}, .categories = categories});
  REQUIRE(quality.diversity_by_category);
  REQUIRE(quality.metrics.at("diversity@2") == 1);   // 3 is b, 0 is a
  REQUIRE_THAT(quality.metrics.at("gini@2"), WithinAbs(0.6, 1e-15));   // 0 0 0 1 1: (2*4 - 6 + 2*5 - 6) / (5 * 2)
  REQUIRE(quality.tail_items == 4);
  REQUIRE(quality.slices.at("tail_items").held_out == 2);
  REQUIRE(quality.slices.at("tail_items").metrics == std::map<std::string, double>{{"ndcg@2", quality.metrics.at("ndcg@2")}});
  REQUIRE(quality.slices.at("new_users").people == 1);
  REQUIRE(quality.person_ndcg == std::vector<double>{quality.metrics.at("ndcg@2")});
  const auto old = evaluate::evaluate(Scatter(5), train, test, {.at = {1}, .new_user_items = 0});
  REQUIRE(old.slices.at("new_users").people == 0);
  REQUIRE(old.slices.at("new_users").metrics.empty());
  REQUIRE(old.metrics.count("diversity@1") == 0);   // no list holds a pair
}

TEST_CASE("protocol: slices, diversity, exposure and the lists shown equal the definitions", "[evaluate][protocol]") {
  const auto [train_cells, test_cells] = sample();
  const CsrView train = train_cells, test = test_cells;
  std::vector<double> lengths;
  for (std::size_t u = 0; u < 60; ++u) lengths.push_back(static_cast<double>(train.row_columns(u).size()));
  std::nth_element(lengths.begin(), lengths.begin() + 30, lengths.end());
  const auto few = static_cast<std::uint32_t>(lengths[30]);
  for (const bool exclude : {true, false}) {
    struct Seen {
      std::size_t row;
      std::vector<ItemIndex> items;
      std::vector<std::uint32_t> held_out;
    };
    std::vector<Seen> seen;
    const auto quality = evaluate::evaluate(Scatter(45), train, test, {.at = {10, 3}, .exclude_seen = exclude, .new_user_items = few, .head_share = 0.5}, {},
                                            [&](std::size_t row, std::span<const Scored> ranked, std::span<const std::uint32_t> held_out) {
                                              Seen one{row, {}, {held_out.begin(), held_out.end()}};
                                              for (const auto& scored : ranked) one.items.push_back(scored.item);
                                              for (std::size_t n = 1; n < ranked.size(); ++n) REQUIRE(ranked[n].score < ranked[n - 1].score);
                                              seen.push_back(std::move(one));
                                            });
    REQUIRE(seen.size() == quality.people);
    const auto head = evaluate::head_items(train, 0.5);
    evaluate::ListDiversity diversity(train, {});
    for (const std::uint32_t k : {10u, 3u}) {
      double fresh = 0, fresh_people = 0, tail = 0, tail_people = 0, tail_pairs = 0, varied = 0, lists = 0;
      std::vector<std::uint64_t> shown(45, 0);
      for (const auto& one : seen) {
        const auto targets = test.row_columns(one.row);
        for (const auto item : one.held_out) {
          REQUIRE(std::find(targets.begin(), targets.end(), item) != targets.end());
          if (exclude) REQUIRE(std::count(train.row_columns(one.row).begin(), train.row_columns(one.row).end(), item) == 0);
        }
        const std::vector<ItemIndex> top(one.items.begin(), one.items.begin() + std::min<std::ptrdiff_t>(k, static_cast<std::ptrdiff_t>(one.items.size())));
        for (const auto item : top) ++shown[value(item)];
        std::vector<std::uint32_t> rare;
        for (const auto item : one.held_out)
          if (!head.contains(ItemIndex{item})) rare.push_back(item);
        if (train.row_columns(one.row).size() <= few) {
          fresh += evaluate::list_metrics(top, one.held_out, k).ndcg;
          ++fresh_people;
        }
        if (!rare.empty()) {
          tail += evaluate::list_metrics(top, rare, k).ndcg;
          ++tail_people;
          tail_pairs += static_cast<double>(rare.size());
        }
        if (const auto d = diversity.of(top)) varied += *d, ++lists;
      }
      const auto at = "@" + std::to_string(k);
      REQUIRE(fresh_people > 10);
      REQUIRE(tail_people > 10);
      const auto& new_users = quality.slices.at("new_users");
      const auto& tail_items = quality.slices.at("tail_items");
      REQUIRE(static_cast<double>(new_users.people) == fresh_people);
      REQUIRE(static_cast<double>(tail_items.people) == tail_people);
      REQUIRE(static_cast<double>(tail_items.held_out) == tail_pairs);
      REQUIRE_THAT(new_users.metrics.at("ndcg" + at), WithinAbs(fresh / fresh_people, 1e-12));
      REQUIRE_THAT(tail_items.metrics.at("ndcg" + at), WithinAbs(tail / tail_people, 1e-12));
      REQUIRE(tail_items.interval.at("ndcg" + at).first <= tail_items.metrics.at("ndcg" + at));
      REQUIRE(tail_items.interval.at("ndcg" + at).second >= tail_items.metrics.at("ndcg" + at));
      REQUIRE_THAT(quality.metrics.at("diversity" + at), WithinAbs(varied / lists, 1e-12));
      REQUIRE_THAT(quality.metrics.at("gini" + at), WithinAbs(evaluate::gini(shown), 1e-15));
      for (const auto* metric : {"ndcg", "recall", "hr", "map"}) {
        const auto bounds = quality.interval.at(metric + at);
        REQUIRE((bounds.first <= quality.metrics.at(metric + at) && quality.metrics.at(metric + at) <= bounds.second));
      }
    }
    REQUIRE(quality.person_ndcg.size() == quality.people);
  }
}

TEST_CASE("protocol: the interval has the width that the spread of people gives it", "[evaluate][protocol]") {
  const auto [train, test] = sample();
  const auto quality = evaluate::evaluate(Scatter(45), train, test, {.at = {10}});
  // Normal theory: 2 * 1.96 * deviation / sqrt(n); the deviation is bounded by 1/2 and, here, at least .05.
  const auto [low, high] = quality.interval.at("ndcg@10");
  const double n = static_cast<double>(quality.people);
  REQUIRE(high - low < 2 * 1.96 * 0.5 / std::sqrt(n) * 1.1);
  REQUIRE(high - low > 2 * 1.96 * 0.05 / std::sqrt(n));
}

TEST_CASE("protocol: the same bits for any number of threads", "[evaluate][protocol]") {
  const auto [train, test] = sample();
  const auto one = evaluate::evaluate(Scatter(45), train, test, {.at = {5, 10}}, {.execution = {.threads = 1}});
  for (const int threads : {2, 4}) {
    const auto many = evaluate::evaluate(Scatter(45), train, test, {.at = {5, 10}}, {.execution = {.threads = threads}});
    REQUIRE(many.metrics == one.metrics);
    REQUIRE(many.interval == one.interval);
    REQUIRE(many.slices.at("tail_items").interval == one.slices.at("tail_items").interval);
  }
}

TEST_CASE("protocol: what cannot be evaluated is refused", "[evaluate][protocol]") {
  const auto [train, test] = sample();
  const Scatter model(45);
  REQUIRE_THROWS_WITH(evaluate::evaluate(Scatter(44), train, test, {}), StartsWith("train: 45 items; expected those of the model, 44"));
  REQUIRE_THROWS_WITH(evaluate::evaluate(model, train, synth::two_taste_groups({.users = 59, .items = 45}), {}), StartsWith("test: 59 x 45; expected the shape of train, 60 x 45"));
  REQUIRE_THROWS_WITH(evaluate::evaluate(model, train, test, {.at = {}}), StartsWith("at: no cut-off"));
  REQUIRE_THROWS_WITH(evaluate::evaluate(model, train, test, {.at = {5, 0}}), StartsWith("at: a cut-off of 0"));
  REQUIRE_THROWS_WITH(evaluate::evaluate(model, train, train, {}), StartsWith("test: nobody with a held-out item"));
  REQUIRE_NOTHROW(evaluate::evaluate(model, train, train, {.exclude_seen = false}));
  REQUIRE_THROWS_WITH(evaluate::evaluate(model, train, test, {.head_share = 2}), StartsWith("head_share: 2"));
  const std::vector<std::string_view> categories(44, "a");
  REQUIRE_THROWS_WITH(evaluate::evaluate(model, train, test, {.categories = categories}), StartsWith("categories: 44 of them"));
  auto bad = test;
  bad.columns[0] = 45;
  REQUIRE_THROWS_WITH(evaluate::evaluate(model, train, bad, {}), StartsWith("test: row 0 column 45"));
  std::stop_source source;
  source.request_stop();
  REQUIRE_THROWS_WITH(evaluate::evaluate(model, train, test, {}, {.stop = source.get_token()}), StartsWith("ranking: stopped"));
}

namespace {

/// Recommends what was bought most often, oldest first on ties, and remembers what it was asked.
class MostBought final : public model::Recommender {
 public:
  std::string_view kind() const noexcept override { return "most_bought"; }
  std::uint32_t item_count() const noexcept override { return 4; }
  std::string config_json() const override { return "{}"; }
  std::size_t recommend(const model::History& history, const model::Ask& ask, model::Workspace&, std::span<Scored> out) const override {
    REQUIRE(ask.time_us == 100);
    REQUIRE(history.bought.size() == history.items.size());
    std::vector<Scored> all;
    for (std::size_t n = 0; n < history.items.size(); ++n)
      if (!ask.exclude_history) all.push_back({history.items[n], static_cast<float>(history.bought[n].times)});
    std::sort(all.begin(), all.end(), ranks_before);
    const auto count = std::min<std::size_t>(all.size(), out.size());
    std::copy_n(all.begin(), count, out.begin());
    return count;
  }
  void score(const model::History&, std::span<const ItemIndex>, model::Workspace&, std::span<float>) const override {}
  std::size_t similar(ItemIndex, const model::Ask&, model::Workspace&, std::span<Scored>) const override { return 0; }
  std::size_t explain(const model::History&, ItemIndex, model::Workspace&, std::span<model::Reason>) const override { return 0; }
  void write(model::SectionWriter&, const model::ItemOrder&) const override {}
};

}  // namespace

TEST_CASE("protocol: a split's histories know their purchases and the request's time", "[evaluate][protocol]") {
  data::EventLog log;
  const auto key = user_key(PersonSort::user, "u");
  const auto buy = [&](const char* item, std::int64_t time) { log.append(key, item, {}, data::EventKind::purchase, time, 1, 2, {}); };
  buy("a", 1), buy("b", 2), buy("b", 3), buy("c", 4), buy("d", 5), buy("b", 200);
  const auto split = data::split_by_time(log, {}, 100);
  const auto quality = evaluate::evaluate(MostBought(), split, {.at = {1}, .exclude_seen = false});
  REQUIRE(quality.people == 1);
  REQUIRE(quality.metrics.at("hr@1") == 1);  // b, bought twice, comes first.
}
