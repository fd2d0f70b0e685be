// Long, because it is one suite: each promise of model::Recommender is one function below, and check() lists them.
#include "support/conformance.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/time.hpp"
#include "support/allocation_count.hpp"
#include "support/catch.hpp"
#include "support/memory_sections.hpp"
#include "support/synth.hpp"

namespace pannier::conformance {
namespace {

using model::Ask;
using model::History;
using model::Reason;
using model::Recommender;
using model::Workspace;

constexpr Scored untouched{ItemIndex{0xABCDEF}, -123.25f};

/// A history that owns its arrays.
struct Person {
  std::vector<ItemIndex> items;
  std::vector<float> weights;
  std::vector<model::Bought> bought{};
  [[nodiscard]] History history() const { return {items, weights, {}, {}, bought}; }
  [[nodiscard]] bool has(ItemIndex item) const { return std::find(items.begin(), items.end(), item) != items.end(); }
};

Person person_of(const CsrView& events, std::size_t row) {
  Person out;
  for (const auto column : events.row_columns(row)) out.items.push_back(ItemIndex{column});
  out.weights.assign(events.row_values(row).begin(), events.row_values(row).end());
  return out;
}

/// The person with the purchases that the weights stand for, days between them, where the subject reads them.
Person with_purchases(const Subject& subject, Person person) {
  if (!subject.bought) return person;
  for (std::size_t n = 0; n < person.items.size(); ++n) {
    const auto times = person.weights[n] > 0 ? static_cast<std::uint32_t>(1 + person.weights[n]) : 0u;
    const std::int64_t last = times == 0 ? 0 : (1 + value(person.items[n]) % 9) * us_per_day;
    person.bought.push_back({.times = times, .units = static_cast<float>(2 * times), .first_age_us = last + (times > 1 ? 20 * times * us_per_day : 0), .last_age_us = last});
  }
  return person;
}

bool same_bits(float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }
bool same_bits(const std::vector<Scored>& a, const std::vector<Scored>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Scored& x, const Scored& y) { return x.item == y.item && same_bits(x.score, y.score); });
}

bool all_zero(const Workspace& workspace) {
  return std::all_of(workspace.marks.begin(), workspace.marks.end(), [](std::uint64_t word) { return word == 0; });
}

std::vector<Scored> recommended(const Recommender& model, const History& history, const Ask& ask, Workspace& workspace,
                                std::optional<std::size_t> room = {}) {
  std::vector<Scored> out(room.value_or(std::min(ask.count, model.item_count() + 5)), untouched);
  const auto found = model.recommend(history, ask, workspace, out);
  REQUIRE(found <= out.size());
  for (std::size_t n = found; n < out.size(); ++n) REQUIRE(out[n] == untouched);
  REQUIRE(all_zero(workspace));
  out.resize(found);
  return out;
}

std::vector<Scored> recommended(const Recommender& model, const History& history, const Ask& ask) {
  Workspace workspace;
  return recommended(model, history, ask, workspace);
}

std::vector<Scored> similar_to(const Recommender& model, ItemIndex item, const Ask& ask, Workspace& workspace) {
  std::vector<Scored> out(std::min(ask.count, model.item_count() + 5), untouched);
  const auto found = model.similar(item, ask, workspace, out);
  REQUIRE(found <= out.size());
  for (std::size_t n = found; n < out.size(); ++n) REQUIRE(out[n] == untouched);
  REQUIRE(all_zero(workspace));
  out.resize(found);
  return out;
}

/// Everything the model says about a person, the history's items too.
std::vector<Scored> everything(const Recommender& model, const Person& person) {
  return recommended(model, person.history(), {.count = model.item_count(), .exclude_history = false});
}

Csr sample() { return synth::two_taste_groups({.users = 90, .items = 41, .seed = 3, .weighted = true}); }

/// People of the sample, a stranger, one whose history is not in order, one with a seen item that weighs nothing.
std::vector<Person> people(const Subject& subject, const CsrView& events) {
  std::vector<Person> out;
  for (const std::size_t row : {0u, 1u, 2u, 17u, 88u}) out.push_back(person_of(events, row));
  out.push_back({{ItemIndex{5}, ItemIndex{2}, ItemIndex{0}}, {1, 2.5f, 0.25f}});
  out.push_back({{ItemIndex{4}}, {1}});
  out.push_back({{ItemIndex{6}, ItemIndex{1}, ItemIndex{8}}, {1, 0, 3}});
  Person reversed = person_of(events, 3);
  std::reverse(reversed.items.begin(), reversed.items.end());
  std::reverse(reversed.weights.begin(), reversed.weights.end());
  out.push_back(reversed);
  for (auto& person : out) person = with_purchases(subject, std::move(person));
  return out;
}

void names_itself(const Subject& subject) {
  const auto events = sample();
  const auto model = subject.fit(events, {});
  REQUIRE_FALSE(model->kind().empty());
  REQUIRE(model->item_count() == events.cols);
  REQUIRE_THAT(model->config_json(), StartsWith("{"));
}

/// The code that `call` throws; ok where it throws none.
template <class Call>
ErrorCode code_of(const Call& call) {
  try {
    call();
    return ErrorCode::ok;
  } catch (const Error& error) {
    return error.code();
  }
}

void knows_the_checkerboard(const Subject& subject) {
  const auto events = synth::checkerboard(30);
  const auto model = subject.fit(events, {});
  for (std::size_t u = 0; u < events.rows; ++u) {
    const auto person = with_purchases(subject, person_of(events, u));
    const auto best = recommended(*model, person.history(), {.count = 30});
    if (subject.own_items) {
      REQUIRE(best.empty());
      REQUIRE(recommended(*model, person.history(), {.count = 30, .exclude_history = false}).size() == person.items.size());
      continue;
    }
    REQUIRE_FALSE(best.empty());
    if (subject.personal) {
      REQUIRE(value(best[0].item) == u);
      // Of one's own items and of the others': the former before the latter.
      const auto all = recommended(*model, person.history(), {.count = 30, .exclude_history = false});
      REQUIRE(all.size() >= 15);
      for (std::size_t n = 0; n < 15; ++n) REQUIRE(value(all[n].item) % 2 == u % 2);
    } else {
      REQUIRE(best.size() == 30 - person.items.size());
    }
  }
  if (subject.similar) {
    Workspace workspace;
    for (std::uint32_t i = 0; i < 30; ++i) {
      const auto near = similar_to(*model, ItemIndex{i}, {.count = 14}, workspace);
      REQUIRE((subject.few_similar || near.size() == 14));
      for (const auto& [item, score] : near) REQUIRE((value(item) % 2 == i % 2 && value(item) != i));
    }
  }
}

void ranks_best_first(const Subject& subject) {
  const auto events = sample();
  const auto model = subject.fit(events, {});
  for (const auto& person : people(subject, events)) {
    const auto all = everything(*model, person);
    REQUIRE_FALSE(all.empty());
    for (std::size_t n = 0; n < all.size(); ++n) {
      REQUIRE(value(all[n].item) < events.cols);
      REQUIRE_FALSE(std::isnan(all[n].score));
      if (n > 0) REQUIRE(ranks_before(all[n - 1], all[n]));
    }
    if (!subject.by_evidence) REQUIRE(all.size() == events.cols);
  }
}

void breaks_ties_by_index(const Subject& subject) {
  const auto events = sample();  // item cols - 3 copies item cols - 4, column for column
  const auto model = subject.fit(events, {});
  const auto copied = static_cast<std::uint32_t>(events.cols) - 4;
  int seen = 0;
  auto known = people(subject, events);
  if (subject.own_items) {
    known.push_back(with_purchases(subject, {{ItemIndex{copied}, ItemIndex{copied + 1}, ItemIndex{3}}, {1, 1, 2}}));
    known.back().bought[1] = known.back().bought[0];
  }
  for (const auto& person : known) {
    if (!subject.own_items && (person.has(ItemIndex{copied}) || person.has(ItemIndex{copied + 1}))) continue;
    if (subject.own_items && !(person.has(ItemIndex{copied}) && person.bought[0] == person.bought[1])) continue;
    const auto all = everything(*model, person);
    for (std::size_t n = 0; n + 1 < all.size(); ++n)
      if (value(all[n].item) == copied && same_bits(all[n].score, all[n + 1].score)) {
        REQUIRE(value(all[n + 1].item) == copied + 1);
        ++seen;
      }
    for (std::size_t n = 0; n + 1 < all.size(); ++n)
      if (value(all[n].item) == copied + 1) REQUIRE_FALSE(same_bits(all[n].score, all[n + 1].score));
  }
  if (subject.copies_tie) REQUIRE(seen > 0);
}

void filters_and_excludes(const Subject& subject) {
  const auto events = sample();
  const auto model = subject.fit(events, {});
  const auto items = model->item_count();
  std::vector<ItemSet> sets{ItemSet(items), ItemSet(items, true), ItemSet(items), ItemSet(items)};
  for (std::uint32_t i = 0; i < items; i += 3) sets[2].insert(ItemIndex{i});
  sets[3].insert(ItemIndex{7});
  Workspace workspace;
  for (const auto& person : people(subject, events)) {
    const auto all = everything(*model, person);
    for (const auto* allowed : std::vector<const ItemSet*>{nullptr, &sets[0], &sets[1], &sets[2], &sets[3]})
      for (const bool exclude : {true, false})
        for (const std::uint32_t count : {0u, 1u, 3u, 10u, items, items + 5, std::numeric_limits<std::uint32_t>::max()}) {
          std::vector<Scored> expected;
          for (const auto& scored : all)
            if ((allowed == nullptr || allowed->contains(scored.item)) && !(exclude && person.has(scored.item)) && expected.size() < count)
              expected.push_back(scored);
          REQUIRE(same_bits(recommended(*model, person.history(), {count, allowed, exclude}, workspace), expected));
          expected.resize(std::min<std::size_t>(expected.size(), 2));
          REQUIRE(same_bits(recommended(*model, person.history(), {count, allowed, exclude}, workspace, 2), expected));
        }
  }
}

void scores_as_it_recommends(const Subject& subject) {
  const auto events = sample();
  const auto model = subject.fit(events, {});
  Workspace workspace;
  for (const auto& person : people(subject, events)) {
    std::vector<float> expected(model->item_count(), 0.0f);
    for (const auto& [item, score] : everything(*model, person)) expected[value(item)] = score;
    std::vector<ItemIndex> candidates;
    for (std::uint32_t i = model->item_count(); i-- > 0;) candidates.push_back(ItemIndex{i});
    candidates.push_back(ItemIndex{3});
    candidates.push_back(ItemIndex{3});
    std::vector<float> scores(candidates.size(), -1.0f);
    model->score(person.history(), candidates, workspace, scores);
    std::vector<float> all(model->item_count(), -1.0f), each(all);
    std::vector<ItemIndex> every;
    for (std::uint32_t i = 0; i < model->item_count(); ++i) every.push_back(ItemIndex{i});
    model->score_all(person.history(), workspace, all);
    model->score(person.history(), every, workspace, each);
    REQUIRE(std::equal(all.begin(), all.end(), each.begin(), [](float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }));
    REQUIRE(all_zero(workspace));
    for (std::size_t n = 0; n < candidates.size(); ++n) REQUIRE(same_bits(scores[n], expected[value(candidates[n])]));
    model->score(person.history(), {}, workspace, {});
  }
}

void answers_a_batch_as_single_calls(const Subject& subject) {
  const auto events = sample();
  const auto model = subject.fit(events, {});
  ItemSet allowed(model->item_count());
  for (std::uint32_t i = 0; i < model->item_count(); ++i)
    if (i % 4 != 1) allowed.insert(ItemIndex{i});
  // The sample's people many times over, with an empty row, a full one and one that weighs nothing.
  synth::CsrBuilder builder(events.cols);
  for (int copy = 0; copy < 3; ++copy)
    for (std::size_t r = 0; r < events.rows; ++r) {
      const auto person = person_of(events, r);
      for (std::size_t n = 0; n < person.items.size(); ++n) builder.cell(value(person.items[n]), person.weights[n] * static_cast<float>(copy + 1));
      builder.end_row();
    }
  builder.end_row();
  for (std::uint32_t i = 0; i < events.cols; ++i) builder.cell(i);
  builder.end_row().cell(2, 0).end_row();
  const auto rows = builder.take();
  // Lists of each row's own: row r may have every item but each (r % 5 + 2)th, and is denied its (r % 3 + 2)nds.
  synth::CsrBuilder yes(events.cols), no(events.cols);
  for (std::uint32_t r = 0; r < rows.rows; ++r, yes.end_row(), no.end_row())
    for (std::uint32_t i = 0; i < events.cols; ++i) {
      if (i % (r % 5 + 2) != 0) yes.cell(i);
      if (i % (r % 3 + 2) == 1) no.cell(i);
    }
  const Csr yes_rows = yes.take(), no_rows = no.take();
  const CsrView may = yes_rows, denied = no_rows;
  const auto set_of = [&](const Ask& ask, std::size_t r) {
    ItemSet out(model->item_count());
    for (std::uint32_t i = 0; i < model->item_count(); ++i)
      if ((ask.allowed == nullptr || ask.allowed->contains(ItemIndex{i})) && (ask.row_allowed == nullptr || std::ranges::binary_search(ask.row_allowed->row_columns(r), i)) &&
          (ask.row_denied == nullptr || !std::ranges::binary_search(ask.row_denied->row_columns(r), i)))
        out.insert(ItemIndex{i});
    return out;
  };
  for (const Ask& ask : {Ask{.count = 7}, Ask{.count = 60, .exclude_history = false}, Ask{.count = 5, .allowed = &allowed}, Ask{.count = 0}, Ask{.count = 6, .row_denied = &denied},
                         Ask{.count = 6, .allowed = &allowed, .row_allowed = &may}, Ask{.count = 60, .allowed = &allowed, .exclude_history = false, .row_allowed = &may, .row_denied = &denied}})
    for (const int threads : {1, 3}) {
      std::vector<ItemIndex> items(rows.rows * ask.count, ItemIndex{77});
      std::vector<float> scores(rows.rows * ask.count, -1.0f);
      model->recommend_batch(rows, ask, {.threads = threads}, items, scores);
      Workspace workspace;
      for (std::size_t r = 0; r < rows.rows; ++r) {
        const auto own = set_of(ask, r);
        const bool listed = ask.row_allowed != nullptr || ask.row_denied != nullptr;
        const auto single = recommended(*model, person_of(rows, r).history(), listed ? Ask{.count = ask.count, .allowed = &own, .exclude_history = ask.exclude_history} : ask, workspace);
        bool equal = true;
        for (std::size_t n = 0; n < ask.count; ++n) {
          const auto at = r * ask.count + n;
          equal = equal && (n < single.size() ? items[at] == single[n].item && same_bits(scores[at], single[n].score)
                                              : items[at] == no_item && same_bits(scores[at], 0.0f));
        }
        REQUIRE(equal);
      }
    }
  model->recommend_batch({0, events.cols, std::vector<std::int64_t>{0}, {}, {}}, {}, {}, {}, {});
}

void answers_alike_from_any_workspace(const Subject& subject) {
  const auto events = sample();
  const auto model = subject.fit(events, {});
  Workspace kept;
  kept.floats.assign(3, std::numeric_limits<float>::quiet_NaN());
  kept.more_floats = kept.scores = kept.floats;
  kept.doubles.assign(5, -1e300);
  kept.indices.assign(100, 0xFFFFFFFFu);
  kept.touched = kept.indices;
  for (const auto& person : people(subject, events))
    for (const std::uint32_t count : {3u, 1000u, 1u})
      REQUIRE(same_bits(recommended(*model, person.history(), {.count = count}, kept), recommended(*model, person.history(), {.count = count})));
}

void allocates_nothing_when_warm(const Subject& subject) {
  const auto events = sample();
  const auto model = subject.fit(events, {});
  const auto known = people(subject, events);
  Workspace workspace;
  std::vector<Scored> out(model->item_count());
  std::vector<Reason> reasons(10), each(30);
  std::vector<std::uint32_t> counts(3);
  std::vector<float> scores(1);
  const std::vector<ItemIndex> candidate{ItemIndex{2}}, candidates{ItemIndex{2}, ItemIndex{0}, ItemIndex{5}};
  const auto requests = [&] {
    for (const auto& person : known) {
      const auto history = person.history();
      model->recommend(history, {.count = 20}, workspace, out);
      model->score(history, candidate, workspace, scores);
      model->explain(history, ItemIndex{2}, workspace, reasons);
      model->explain_each(history, candidates, 10, workspace, each, counts);
      model->similar(ItemIndex{2}, {.count = 20}, workspace, out);
    }
  };
  requests();
  const auto before = support::allocations();
  requests();
  REQUIRE(support::allocations() == before);
}

void needs_evidence(const Subject& subject) {
  const auto events = sample();
  const auto model = subject.fit(events, {});
  const auto nothing = recommended(*model, {}, {.count = 5});
  const std::vector<ItemIndex> items{ItemIndex{3}, ItemIndex{9}};
  const std::vector<float> weights{0, 0};
  const auto seen = recommended(*model, {items, weights, {}, {}}, {.count = 5});
  if (subject.personal) {
    REQUIRE(nothing.empty());
    REQUIRE(seen.empty());  // a weight of zero is a seen item without evidence
  } else {
    REQUIRE(nothing.size() == 5);
    REQUIRE(seen.size() == 5);
    for (const auto& scored : seen) REQUIRE((value(scored.item) != 3 && value(scored.item) != 9));
  }
}

void refuses_bad_input(const Subject& subject) {
  const auto events = sample();
  const auto model = subject.fit(events, {});
  const auto items = model->item_count();
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const ItemSet other_universe(items + 1, true);
  const std::vector<data::EventKind> kinds(1, data::EventKind::view_item);
  const std::vector<std::int64_t> one_age(1, 5), negative_ages{0, -1};
  struct Bad {
    const char* what;
    Person person;
    Ask ask{};
    std::span<const data::EventKind> kinds{};
    std::span<const std::int64_t> ages{};
  };
  const Person good{{ItemIndex{1}, ItemIndex{2}}, {1, 1}};
  const std::vector<Bad> bads{{"history.items: item 41", {{ItemIndex{1}, ItemIndex{items}}, {1, 1}}},
                              {"history.items: item 4294967295", {{no_item}, {1}}},
                              {"history.items: item 1", {{ItemIndex{1}, ItemIndex{2}, ItemIndex{1}}, {1, 1, 1}}},
                              {"history.weights: nan", {{ItemIndex{1}}, {nan}}},
                              {"history.weights: inf", {{ItemIndex{1}}, {inf}}},
                              {"history.weights: -0.5", {{ItemIndex{1}, ItemIndex{2}}, {1, -0.5f}}},
                              {"history.weights: 1 entries", {{ItemIndex{1}, ItemIndex{2}}, {1}}},
                              {"history.kinds: 1 entries", good, {}, kinds},
                              {"history.ages_us: 1 entries", good, {}, {}, one_age},
                              {"history.ages_us: -1", good, {}, {}, negative_ages},
                              {"allowed: is a set over 42", good, {.allowed = &other_universe}}};
  Workspace workspace;
  for (const auto& bad : bads) {
    const History history{bad.person.items, bad.person.weights, bad.kinds, bad.ages};
    std::vector<Scored> out(5, untouched);
    std::vector<Reason> reasons(5, {ItemIndex{8}, 8});
    std::vector<float> scores(1, 8);
    const std::vector<ItemIndex> candidates{ItemIndex{0}};
    INFO(bad.what);
    const auto refused = [&](const auto& call) {
      try {
        call();
        FAIL("accepted");
      } catch (const Error& error) {
        REQUIRE(error.code() == ErrorCode::invalid_argument);
        REQUIRE_THAT(error.what(), StartsWith(bad.what));
      }
      REQUIRE(all_zero(workspace));
    };
    refused([&] { (void)model->recommend(history, bad.ask, workspace, out); });
    if (bad.ask.allowed == nullptr) {
      refused([&] { model->score(history, candidates, workspace, scores); });
      refused([&] { (void)model->explain(history, ItemIndex{0}, workspace, reasons); });
    } else {
      refused([&] { (void)model->similar(ItemIndex{0}, bad.ask, workspace, out); });
    }
    REQUIRE(out == std::vector<Scored>(5, untouched));
    REQUIRE(reasons == std::vector<Reason>(5, {ItemIndex{8}, 8}));
    REQUIRE(scores == std::vector<float>(1, 8));
  }

  std::vector<Scored> out(5, untouched);
  std::vector<Reason> reasons(5, {ItemIndex{8}, 8});
  std::vector<float> scores(2, 8);
  const std::vector<ItemIndex> beyond{ItemIndex{0}, ItemIndex{items}};
  REQUIRE(code_of([&] { model->score(good.history(), beyond, workspace, scores); }) == ErrorCode::invalid_argument);
  REQUIRE(code_of([&] { model->score(good.history(), std::span(beyond).first(1), workspace, scores); }) == ErrorCode::invalid_argument);
  REQUIRE(code_of([&] { (void)model->explain(good.history(), ItemIndex{items}, workspace, reasons); }) == ErrorCode::invalid_argument);
  REQUIRE(code_of([&] { (void)model->similar(ItemIndex{items}, {}, workspace, out); }) == ErrorCode::invalid_argument);
  REQUIRE(out == std::vector<Scored>(5, untouched));
  REQUIRE(scores == std::vector<float>(2, 8));

  // A batch is refused whole, whichever row is bad.
  Csr rows{2, items, {0, 1, 2}, {0, 1}, {1, 1}};
  std::vector<ItemIndex> batch_items(2 * 3, ItemIndex{9});
  std::vector<float> batch_scores(2 * 3, 9);
  const auto batch = [&](const CsrView& histories, const Ask& ask, std::size_t room) {
    return code_of([&] { model->recommend_batch(histories, ask, {.threads = 2}, std::span(batch_items).first(room), std::span(batch_scores).first(room)); });
  };
  REQUIRE(batch(rows, {.count = 3}, 6) == ErrorCode::ok);
  batch_items.assign(6, ItemIndex{9});
  batch_scores.assign(6, 9);
  REQUIRE(batch(rows, {.count = 3}, 5) == ErrorCode::invalid_argument);
  REQUIRE(batch(rows, {.count = 2}, 6) == ErrorCode::invalid_argument);
  REQUIRE(batch(rows, {.count = 3, .allowed = &other_universe}, 6) == ErrorCode::invalid_argument);
  const CsrView lists = rows;
  Csr fewer{1, items, {0, 1}, {0}, {1}};
  const CsrView one_list = fewer;
  REQUIRE(batch(rows, {.count = 3, .row_denied = &lists}, 6) == ErrorCode::ok);
  batch_items.assign(6, ItemIndex{9});
  batch_scores.assign(6, 9);
  REQUIRE(batch(rows, {.count = 3, .row_allowed = &one_list}, 6) == ErrorCode::invalid_argument);
  REQUIRE(batch(rows, {.count = 3, .row_denied = &one_list}, 6) == ErrorCode::invalid_argument);
  // Lists of rows are of batches.
  REQUIRE(code_of([&] { (void)model->recommend(good.history(), {.count = 3, .row_denied = &lists}, workspace, out); }) == ErrorCode::invalid_argument);
  auto bad = rows;
  bad.values[1] = nan;
  REQUIRE(batch(bad, {.count = 3}, 6) == ErrorCode::invalid_argument);
  bad = rows;
  bad.columns[1] = items;
  REQUIRE(batch(bad, {.count = 3}, 6) == ErrorCode::invalid_argument);
  bad = rows;
  bad.cols = items + 1;
  REQUIRE(batch(bad, {.count = 3}, 6) == ErrorCode::invalid_argument);
  REQUIRE(batch_items == std::vector<ItemIndex>(6, ItemIndex{9}));
  REQUIRE(batch_scores == std::vector<float>(6, 9));
}

void explains_the_whole_score(const Subject& subject) {
  const auto events = sample();
  const auto model = subject.fit(events, {});
  Workspace workspace;
  int explained = 0;
  std::vector<float> all(model->item_count());
  for (const auto& person : people(subject, events)) {
    model->score_all(person.history(), workspace, all);
    for (std::uint32_t i = 0; i < all.size(); ++i) {
      std::vector<Reason> reasons(person.items.size() + 3);
      if (all[i] == 0) REQUIRE(model->explain(person.history(), ItemIndex{i}, workspace, reasons) == 0);
    }
    for (const auto& [item, score] : everything(*model, person)) {
      std::vector<Reason> reasons(person.items.size() + 3, {ItemIndex{9999}, 9999});
      const auto found = model->explain(person.history(), item, workspace, reasons);
      REQUIRE(all_zero(workspace));
      REQUIRE(found <= person.items.size() + 1);
      if (!subject.explains) {
        REQUIRE(found == 0);
        continue;
      }
      double sum = 0, size = 0;
      for (std::size_t n = 0; n < found; ++n) {
        REQUIRE((reasons[n].kind == model::ReasonKind::because_of ? person.has(reasons[n].item) : reasons[n].item == item));
        for (std::size_t m = 0; m < n; ++m) REQUIRE((reasons[m].item != reasons[n].item || reasons[m].kind != reasons[n].kind));
        // What the person did before what everybody does, each by its share.
        const auto is_own = [](const model::Reason& reason) { return reason.kind == model::ReasonKind::because_of || reason.kind == model::ReasonKind::buy_again; };
        if (n > 0 && is_own(reasons[n - 1]) == is_own(reasons[n])) REQUIRE(reasons[n - 1].weight >= reasons[n].weight);
        if (n > 0) REQUIRE(is_own(reasons[n - 1]) >= is_own(reasons[n]));
        sum += static_cast<double>(reasons[n].weight);
        size += std::fabs(static_cast<double>(reasons[n].weight));
      }
      REQUIRE(std::fabs(sum - static_cast<double>(score)) <= static_cast<double>(subject.share_tolerance) * size);
      explained += found > 0;
      // Little room: the largest shares.
      std::vector<Reason> few(1);
      REQUIRE(model->explain(person.history(), item, workspace, few) == std::min<std::size_t>(1, found));
      if (found > 0) REQUIRE(few[0] == reasons[0]);
    }
  }
  REQUIRE((explained > 0) == subject.explains);
}

void explains_each_item_as_alone(const Subject& subject) {
  const auto events = sample();
  const auto model = subject.fit(events, {});
  const auto count = model->item_count();
  std::vector<ItemIndex> items;
  for (std::uint32_t n = 0; n < count; ++n) items.push_back(ItemIndex{(n * 7 + 3) % count});
  items.push_back(items[0]);  // an item may be asked about twice
  Workspace workspace, other;
  const Reason blank{ItemIndex{9999}, 9999};
  for (const auto& person : people(subject, events))
    for (const std::size_t most : {std::size_t{0}, std::size_t{1}, std::size_t{3}, person.items.size() + 2}) {
      std::vector<Reason> out(items.size() * most, blank);
      std::vector<std::uint32_t> counts(items.size(), 9999);
      model->explain_each(person.history(), items, most, workspace, out, counts);
      REQUIRE(all_zero(workspace));
      for (std::size_t n = 0; n < items.size(); ++n) {
        std::vector<Reason> alone(most, blank);
        REQUIRE(model->explain(person.history(), items[n], other, alone) == counts[n]);
        REQUIRE(std::equal(alone.begin(), alone.end(), out.begin() + static_cast<std::ptrdiff_t>(n * most)));
      }
      model->explain_each(person.history(), {}, most, workspace, {}, {});
    }

  const auto person = people(subject, events).front();
  std::vector<Reason> out(6, blank);
  std::vector<std::uint32_t> counts(3, 9999);
  const auto code = [&](const History& history, std::vector<ItemIndex> asked, std::size_t most, std::size_t room, std::size_t counted) {
    const auto is = code_of([&] { model->explain_each(history, asked, most, workspace, std::span(out).first(room), std::span(counts).first(counted)); });
    REQUIRE(out == std::vector<Reason>(6, blank));
    REQUIRE(counts == std::vector<std::uint32_t>(3, 9999));
    return is;
  };
  const std::vector<ItemIndex> three{ItemIndex{0}, ItemIndex{1}, ItemIndex{2}};
  REQUIRE(code(person.history(), three, 2, 5, 3) == ErrorCode::invalid_argument);
  REQUIRE(code(person.history(), three, 2, 6, 2) == ErrorCode::invalid_argument);
  REQUIRE(code(person.history(), {ItemIndex{0}, ItemIndex{1}, ItemIndex{count}}, 2, 6, 3) == ErrorCode::invalid_argument);
  const std::vector<float> negative(person.items.size(), -1.0f);
  REQUIRE(code({person.items, negative, {}, {}}, three, 2, 6, 3) == ErrorCode::invalid_argument);
}

void finds_similar_items(const Subject& subject) {
  const auto events = sample();
  const auto model = subject.fit(events, {});
  Workspace workspace;
  ItemSet allowed(model->item_count());
  for (std::uint32_t i = 0; i < model->item_count(); i += 2) allowed.insert(ItemIndex{i});
  std::size_t found = 0;
  for (std::uint32_t i = 0; i < model->item_count(); ++i) {
    const auto all = similar_to(*model, ItemIndex{i}, {.count = model->item_count()}, workspace);
    found += all.size();
    for (std::size_t n = 0; n < all.size(); ++n) {
      REQUIRE(value(all[n].item) != i);
      REQUIRE_FALSE(std::isnan(all[n].score));
      if (n > 0) REQUIRE(ranks_before(all[n - 1], all[n]));
    }
    std::vector<Scored> expected;
    for (const auto& scored : all)
      if (allowed.contains(scored.item) && expected.size() < 3) expected.push_back(scored);
    REQUIRE(same_bits(similar_to(*model, ItemIndex{i}, {.count = 3, .allowed = &allowed}, workspace), expected));
  }
  REQUIRE((found > 0) == subject.similar);
}

void fits_alike_on_any_threads(const Subject& subject) {
  const auto events = sample();
  std::vector<ItemIndex> identity(events.cols);
  for (std::uint32_t i = 0; i < events.cols; ++i) identity[i] = ItemIndex{i};
  const auto sections = [&](int threads) {
    support::MemoryWriter writer;
    subject.fit(events, {.execution = {.threads = threads}})->write(writer, {identity, identity});
    return writer.sections();
  };
  const auto one = sections(1);
  REQUIRE_FALSE(one.empty());
  for (const int threads : {2, 4}) REQUIRE(sections(threads) == one);
  // An order that is none of this catalogue's is refused before anything is written.
  const auto model = subject.fit(events, {});
  auto wrong = identity;
  wrong.back() = ItemIndex{static_cast<std::uint32_t>(events.cols)};
  for (const auto& order : {model::ItemOrder{std::span(identity).first(identity.size() - 1), identity}, model::ItemOrder{identity, {}}, model::ItemOrder{wrong, identity}, model::ItemOrder{identity, wrong}}) {
    support::MemoryWriter writer;
    REQUIRE(code_of([&] { model->write(writer, order); }) == ErrorCode::invalid_argument);
    REQUIRE(writer.sections().empty());
  }
}

void can_be_stopped(const Subject& subject) {
  const auto events = sample();
  std::stop_source source;
  source.request_stop();
  try {
    (void)subject.fit(events, {.stop = source.get_token()});
    FAIL("went on");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::cancelled);
  }
  if (!subject.weighs) return;
  for (const float weight : {std::numeric_limits<float>::quiet_NaN(), -1.0f, std::numeric_limits<float>::infinity()}) {
    auto bad = events;
    bad.values[5] = weight;
    try {
      (void)subject.fit(bad, {});
      FAIL("accepted " << weight);
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::invalid_argument);
    }
  }
}

/// A model written in an order of its own and read back, with the order.
struct Written {
  std::vector<ItemIndex> old_index, new_index;
  support::MemoryWriter writer;

  Written(const Recommender& model, std::uint64_t seed) {
    for (std::uint32_t i = 0; i < model.item_count(); ++i) old_index.push_back(ItemIndex{i});
    Random random(seed);
    if (seed != 0)
      for (std::size_t n = old_index.size(); n > 1; --n) std::swap(old_index[n - 1], old_index[random.below(n)]);
    new_index.resize(old_index.size());
    for (std::uint32_t i = 0; i < old_index.size(); ++i) new_index[value(old_index[i])] = ItemIndex{i};
    model.write(writer, {old_index, new_index});
  }
  [[nodiscard]] support::MemoryReader reader(const Recommender& model) const { return {writer, model.config_json()}; }
};

void reads_what_it_wrote(const Subject& subject) {
  const auto events = sample();
  const auto model = subject.fit(events, {});
  for (const std::uint64_t seed : {0u, 1u, 2u}) {
    const Written written(*model, seed);
    Model again;
    {
      const auto reader = written.reader(*model);
      again = subject.read(reader, model->item_count());
    }  // the model keeps what it needs
    REQUIRE(again->kind() == model->kind());
    REQUIRE(again->item_count() == model->item_count());
    REQUIRE(again->config_json() == model->config_json());
    const auto there = [&](const Person& person) {
      Person out = person;
      for (auto& item : out.items) item = written.new_index[value(item)];
      return out;
    };
    // Equal bits of every score; among equals the new index decides, so they are brought to the old order.
    const auto back = [&](std::vector<Scored> answers) {
      for (auto& scored : answers) scored.item = written.old_index[value(scored.item)];
      std::sort(answers.begin(), answers.end(), ranks_before);
      return answers;
    };
    Workspace workspace;
    for (const auto& person : people(subject, events)) {
      const auto here = everything(*model, person);
      const auto answers = everything(*again, there(person));
      for (std::size_t n = 1; n < answers.size(); ++n) REQUIRE(ranks_before(answers[n - 1], answers[n]));
      REQUIRE(same_bits(back(answers), here));
      std::vector<Reason> reasons(50), reasons_there(50);
      const ItemIndex item = here.front().item;
      const auto count = model->explain(person.history(), item, workspace, reasons);
      REQUIRE(again->explain(there(person).history(), written.new_index[value(item)], workspace, reasons_there) == count);
      for (std::size_t n = 0; n < count; ++n) REQUIRE(same_bits(reasons_there[n].weight, reasons[n].weight));
    }
    for (std::uint32_t i = 0; i < model->item_count(); ++i) {
      const Ask ask{.count = model->item_count()};
      REQUIRE(same_bits(back(similar_to(*again, written.new_index[i], ask, workspace)), similar_to(*model, ItemIndex{i}, ask, workspace)));
    }
    // Written once more in the order of the file, the bytes are the same.
    const Written identity(*again, 0);
    REQUIRE(identity.writer.sections() == written.writer.sections());
  }
}

/// Every call a damaged model must survive: it may answer otherwise or refuse, and names no item that does not exist.
void use(const Recommender& model, const std::vector<Person>& persons) {
  Workspace workspace;
  std::vector<Scored> out(model.item_count() + 1);
  std::vector<Reason> reasons(64);
  std::vector<float> scores(model.item_count());
  std::vector<ItemIndex> candidates;
  for (std::uint32_t i = 0; i < model.item_count(); ++i) candidates.push_back(ItemIndex{i});
  const auto in_range = [&](std::size_t found) {
    bool right = found <= out.size();
    for (std::size_t n = 0; n < std::min(found, out.size()); ++n) right = right && value(out[n].item) < model.item_count();
    if (!right) FAIL("an item that does not exist");
  };
  const auto survive = [](const auto& call) {
    try {
      call();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::malformed_input) FAIL("refused with " << error.what());
    }
  };
  for (const auto& person : persons) {
    survive([&] { in_range(model.recommend(person.history(), {.count = 50}, workspace, out)); });
    survive([&] { in_range(model.recommend(person.history(), {.count = 3, .exclude_history = false}, workspace, out)); });
    survive([&] { model.score(person.history(), candidates, workspace, scores); });
    for (const float score : scores)
      if (std::isnan(score)) FAIL("a score that is not a number");
    survive([&] { model.score_all(person.history(), workspace, scores); });
    for (const float score : scores)
      if (std::isnan(score)) FAIL("a score of all that is not a number");
    survive([&] { (void)model.explain(person.history(), ItemIndex{0}, workspace, reasons); });
    std::vector<Reason> each(candidates.size() * 2);
    std::vector<std::uint32_t> counts(candidates.size());
    survive([&] { model.explain_each(person.history(), candidates, 2, workspace, each, counts); });
    if (!all_zero(workspace)) FAIL("marks were left behind");
  }
  const Csr histories{2, model.item_count(), {0, 1, 2}, {0, 1}, {1, 2}};
  std::vector<ItemIndex> listed(2 * 6);
  std::vector<float> listed_scores(2 * 6);
  survive([&] { model.recommend_batch(histories, {.count = 6}, {.threads = 1}, listed, listed_scores); });
  for (std::size_t n = 0; n < listed.size(); ++n)
    if ((listed[n] != no_item && value(listed[n]) >= model.item_count()) || std::isnan(listed_scores[n])) FAIL("a batch with what does not exist");
  for (std::uint32_t i = 0; i < model.item_count(); i += 5)
    survive([&] { in_range(model.similar(ItemIndex{i}, {.count = 50}, workspace, out)); });
}

void survives_damage(const Subject& subject) {
  const auto events = synth::two_taste_groups({.users = 24, .items = 14, .seed = 9, .weighted = true});
  const auto model = subject.fit(events, {});
  const auto items = model->item_count();
  const std::vector<Person> persons{with_purchases(subject, person_of(events, 0)), with_purchases(subject, {{ItemIndex{1}, ItemIndex{13}}, {1, 2}})};
  const Written written(*model, 4);
  const auto refused = [&](const support::MemoryReader& reader, std::uint32_t item_count) {
    try {
      const auto damaged = subject.read(reader, item_count);
      use(*damaged, persons);
      return false;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::malformed_input) FAIL("refused with " << error.what());
      return true;
    }
  };
  REQUIRE_FALSE(refused(written.reader(*model), items));
  for (const auto& [name, bytes] : written.writer.sections()) {
    INFO("section " << name);
    auto without = written.reader(*model);
    without.remove(name);
    REQUIRE(refused(without, items));
    for (std::size_t size = 0; size < bytes.size(); size += std::max<std::size_t>(1, bytes.size() / 200)) {
      auto reader = written.reader(*model);
      reader.truncate(name, size);
      REQUIRE(refused(reader, items));
    }
    const std::size_t bits = bytes.size() * 8, step = std::max<std::size_t>(1, bits / 1500);
    for (std::size_t bit = 0; bit < bits; bit += step % 8 == 0 ? step + 1 : step) {
      auto reader = written.reader(*model);
      reader.flip(name, bit);
      (void)refused(reader, items);
    }
  }
  REQUIRE(refused(written.reader(*model), items + 1));
  REQUIRE(refused(written.reader(*model), items - 1));
  REQUIRE(refused(written.reader(*model), 0));
}

}  // namespace

void check(const Subject& subject) {
  SECTION("it names itself") { names_itself(subject); }
  SECTION("it knows the checkerboard") { knows_the_checkerboard(subject); }
  SECTION("it ranks best first, without NaN") { ranks_best_first(subject); }
  SECTION("it breaks ties by index") { breaks_ties_by_index(subject); }
  SECTION("a filter and the history remove, whatever the count") { filters_and_excludes(subject); }
  SECTION("score() has the bits of recommend()") { scores_as_it_recommends(subject); }
  SECTION("a batch is single calls, bit for bit") { answers_a_batch_as_single_calls(subject); }
  SECTION("answers do not depend on what a workspace held") { answers_alike_from_any_workspace(subject); }
  SECTION("a warmed workspace allocates nothing") { allocates_nothing_when_warm(subject); }
  SECTION("without evidence nothing personal is said") { needs_evidence(subject); }
  SECTION("bad input is refused by name, outputs untouched") { refuses_bad_input(subject); }
  SECTION("the shares of an explanation add up to the score") { explains_the_whole_score(subject); }
  SECTION("several items are explained as each alone, bit for bit") { explains_each_item_as_alone(subject); }
  SECTION("similar items are ranked, filtered and never the item itself") { finds_similar_items(subject); }
  SECTION("the fit does not depend on the number of threads") { fits_alike_on_any_threads(subject); }
  SECTION("a fit can be stopped and refuses bad weights") { can_be_stopped(subject); }
  SECTION("what is written in any order of items reads back with the same bits") { reads_what_it_wrote(subject); }
  SECTION("damaged sections are refused or survived, never followed") { survives_damage(subject); }
}

}  // namespace pannier::conformance
