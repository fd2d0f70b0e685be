#include "pannier/popularity/buy_again.hpp"

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "support/catch.hpp"
#include "support/conformance.hpp"
#include "support/memory_sections.hpp"
#include "support/purchase_log.hpp"
#include "support/synth.hpp"

using namespace pannier;
using popularity::fit_buy_again;
using support::buy;
using support::day_0;

namespace {

std::int64_t at_day(double day) { return day_0 + static_cast<std::int64_t>(day * static_cast<double>(us_per_day)); }
std::int64_t in_days(double days) { return static_cast<std::int64_t>(days * static_cast<double>(us_per_day)); }

model::Bought bought(std::uint32_t times, double first_days, double last_days, float units = 1) {
  return {.times = times, .units = units, .first_age_us = in_days(first_days), .last_age_us = in_days(last_days)};
}

struct Known {
  std::vector<ItemIndex> items;
  std::vector<float> weights;
  std::vector<model::Bought> purchases;
  void add(std::uint32_t item, const model::Bought& what) {
    items.push_back(ItemIndex{item});
    weights.push_back(1);
    purchases.push_back(what);
  }
  [[nodiscard]] model::History history() const { return {.items = items, .weights = weights, .kinds = {}, .ages_us = {}, .bought = purchases}; }
};

std::vector<float> scores(const model::Recommender& model, const Known& known) {
  model::Workspace workspace;
  std::vector<float> out(known.items.size());
  model.score(known.history(), known.items, workspace, out);
  return out;
}

/// 120 people over 200 days: item 0 every 10 days, item 1 every 40, item 2 once each, items 3 and 4 now and then.
data::EventLog shop_of_habits() {
  data::EventLog log;
  for (const auto* item : {"bread", "soap", "lamp", "tea", "mug"}) static_cast<void>(log.add_item(item));
  for (int person = 0; person < 120; ++person) {
    const auto user = "u" + std::to_string(person);
    const double start = person % 10;
    for (double day = start; day < 200; day += 10) buy(log, user, "bread", day);
    for (double day = start; day < 200; day += 40) buy(log, user, "soap", day, 3);
    buy(log, user, "lamp", start + person % 90);
    if (person % 3 == 0) buy(log, user, "tea", start + 50), buy(log, user, "tea", start + 110);
    if (person % 4 == 0) buy(log, user, "mug", start + 70);
  }
  return log;
}

template <class T>
std::vector<T> values_of(const std::vector<std::byte>& bytes) {
  std::vector<T> out(bytes.size() / sizeof(T));
  std::memcpy(out.data(), bytes.data(), out.size() * sizeof(T));
  return out;
}

}  // namespace

TEST_CASE("buy_again: keeps the promises of a recommender", "[popularity][buy_again]") {
  conformance::check({.fit = [](const CsrView& events, const FitControl& control) -> conformance::Model {
                        return fit_buy_again(support::purchase_log(events), support::purchase_log_end, {}, {}, control).model;
                      },
                      .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { return popularity::read_buy_again(reader, items); },
                      .by_evidence = true,
                      .similar = false,
                      .bought = true,
                      .own_items = true,
                      .weighs = false});
}

TEST_CASE("buy_again: intervals are the mean gaps of the people who bought more than once", "[popularity][buy_again]") {
  data::EventLog log;
  for (const double day : {0.0, 10.0, 20.0}) buy(log, "ann", "a", day);
  for (const double day : {0.0, 20.0}) buy(log, "bob", "a", day);
  buy(log, "bob", "b", 5);
  for (const double day : {1.0, 7.0}) buy(log, "cy", "b", day);
  buy(log, "cy", "b", 9, 1, data::EventKind::refund);  // what was bought on day 7 comes back
  const auto model = fit_buy_again(log, at_day(100), {}, {.horizon_days = 30, .shrinkage = 0}).model;
  REQUIRE(model->horizon_days() == 30);
  CHECK_THAT(model->interval_days()[0], WithinRel(40.0f / 3, 1e-6f));
  // Nobody kept a second b: the shop's mean, to which half the log's length is one more gap.
  CHECK_THAT(model->interval_days()[1], WithinRel((40.0f + 50) / 4, 1e-6f));
  const auto drawn = fit_buy_again(log, at_day(100), {}, {.horizon_days = 30, .shrinkage = 2}).model;
  CHECK_THAT(drawn->interval_days()[0], WithinRel((40.0f + 2 * 22.5f) / 5, 1e-6f));
}

TEST_CASE("buy_again: an item's interval is drawn to its category's before the shop's", "[popularity][buy_again]") {
  data::EventLog log;
  for (const auto* item : {"rye", "oat", "lamp", "desk"}) static_cast<void>(log.add_item(item));
  for (int person = 0; person < 30; ++person) {
    const auto user = "u" + std::to_string(person);
    for (double day = 0; day < 100; day += 5) buy(log, user, "rye", day);
    for (double day = 0; day < 100; day += 45) buy(log, user, "lamp", day);
  }
  buy(log, "u0", "oat", 3);
  buy(log, "u0", "desk", 3);
  const std::vector<std::string_view> categories{"bread", "bread", "furniture", "furniture"};
  const auto with = fit_buy_again(log, at_day(100), categories, {}).model, without = fit_buy_again(log, at_day(100), {}, {}).model;
  CHECK(with->interval_days()[1] < without->interval_days()[1]);
  CHECK(with->interval_days()[3] > without->interval_days()[3]);
  CHECK(without->interval_days()[1] == without->interval_days()[3]);
  REQUIRE_THROWS_WITH(fit_buy_again(log, at_day(100), std::span(categories).first(3), {}), StartsWith("categories"));
}

TEST_CASE("buy_again: habits are foreseen, and what is bought once is not", "[popularity][buy_again]") {
  const auto log = shop_of_habits();
  const auto fit = fit_buy_again(log, at_day(200), {}, {.horizon_days = 40});
  REQUIRE(fit.report.converged);
  Known person;
  person.add(0, bought(19, 190, 5));
  person.add(1, bought(5, 190, 25, 15));
  person.add(2, bought(1, 120, 120));
  const auto likely = scores(*fit.model, person);
  CHECK(likely[0] > 0.9f);
  CHECK(likely[1] > 0.5f);
  CHECK(likely[2] < 0.2f);
  CHECK_THAT(fit.model->interval_days()[0], WithinAbs(10.0f, 0.2f));
  CHECK_THAT(fit.model->interval_days()[1], WithinAbs(40.0f, 0.6f));
  // The mean of the probabilities is the share bought again (a regression with an intercept, drawn a little to the general shop).
  double foreseen = 0, people = 0;
  for (int n = 0; n < 120; ++n) {
    Known one;
    const double start = n % 10;
    one.add(0, bought(16, 160 - start, 160 - start - 150));
    one.add(1, bought(4, 160 - start, 160 - start - 120, 12));
    one.add(2, bought(1, 160 - start - n % 90, 160 - start - n % 90));
    for (const auto p : scores(*fit.model, one)) foreseen += static_cast<double>(p);
    people += 3;
  }
  CHECK_THAT(foreseen / people, WithinAbs(2.0 / 3, 0.06));
}

TEST_CASE("buy_again: more purchases, and units, raise the probability; long overdue lowers it", "[popularity][buy_again]") {
  const auto model = fit_buy_again(shop_of_habits(), at_day(200), {}, {.horizon_days = 40}).model;
  const auto one = [&](const model::Bought& what) {
    Known person;
    person.add(0, what);
    return scores(*model, person)[0];
  };
  CHECK(one(bought(4, 100, 10)) > one(bought(2, 100, 10)));
  CHECK(one(bought(4, 190, 10)) > one(bought(4, 190, 150)));
}

TEST_CASE("buy_again: the score is the logistic of what the file says", "[popularity][buy_again]") {
  const auto model = fit_buy_again(shop_of_habits(), at_day(200), {}, {}).model;
  std::vector<ItemIndex> order;
  for (std::uint32_t i = 0; i < 5; ++i) order.push_back(ItemIndex{i});
  support::MemoryWriter writer;
  model->write(writer, {order, order});
  const auto sections = writer.sections();
  const auto w = values_of<float>(sections.at("weights")), intervals = values_of<float>(sections.at("interval_days")), appeal = values_of<float>(sections.at("appeal"));
  const auto line = [](double x) {  // the logarithm with a straight line between powers of 2, the slow way
    double power = 1, lg = 0;
    while (power * 2 <= x) power *= 2, ++lg;
    while (power > x) power /= 2, --lg;
    return lg + x / power - 1;
  };
  Known person;
  person.add(0, bought(7, 90, 3.5, 20));
  person.add(1, bought(2, 70, 60, 5));
  person.add(3, bought(1, 0.25, 0.25));
  const auto got = scores(*model, person);
  for (std::size_t n = 0; n < 3; ++n) {
    const auto& b = person.purchases[n];
    const auto item = value(person.items[n]);
    const double last = static_cast<double>(b.last_age_us) / 86'400e6, span = static_cast<double>(b.first_age_us - b.last_age_us) / 86'400e6;
    const double interval = (span + 3 * static_cast<double>(intervals[item])) / (b.times - 1 + 3);
    const double due = line((1 + last) / (1 + interval));
    const double odds = static_cast<double>(w[0]) + static_cast<double>(w[1]) * line(b.times) + static_cast<double>(due < 0 ? w[2] : w[3]) * due +
                        static_cast<double>(w[4]) * line(1 + static_cast<double>(b.units) / b.times) + static_cast<double>(appeal[item]) + static_cast<double>(w[7]) * line(3);
    CHECK_THAT(got[n], WithinRel(static_cast<float>(1 / (1 + std::exp2(-odds))), 1e-5f));  // about 20 roundings of a float in the exponent
  }
}

TEST_CASE("buy_again: what was not bought, or came back, has no evidence", "[popularity][buy_again]") {
  const auto model = fit_buy_again(shop_of_habits(), at_day(200), {}, {}).model;
  Known person;
  person.add(0, bought(2, 50, 10));
  person.add(2, {});
  model::Workspace workspace;
  std::vector<Scored> out(5);
  REQUIRE(model->recommend(person.history(), {.count = 5, .exclude_history = false}, workspace, out) == 1);
  REQUIRE(out[0].item == ItemIndex{0});
  REQUIRE(scores(*model, person)[1] == 0);
  REQUIRE(model->recommend(person.history(), {.count = 5}, workspace, out) == 0);
  std::vector<model::Reason> reasons(3);
  REQUIRE(model->explain(person.history(), ItemIndex{0}, workspace, reasons) == 1);
  REQUIRE(reasons[0] == model::Reason{ItemIndex{0}, out[0].score, model::ReasonKind::buy_again});
  REQUIRE(model->explain(person.history(), ItemIndex{2}, workspace, reasons) == 0);
  person.purchases.clear();
  REQUIRE(model->recommend(person.history(), {.count = 5, .exclude_history = false}, workspace, out) == 0);
}

TEST_CASE("buy_again: a log of one moment, or of views, still gives a model", "[popularity][buy_again]") {
  data::EventLog log;
  buy(log, "ann", "a", 0);
  buy(log, "ann", "b", 0, 1, data::EventKind::view_item);
  const auto model = fit_buy_again(log, at_day(0), {}, {}).model;
  Known person;
  person.add(0, bought(1, 0, 0));
  person.add(1, bought(3, 9, 2));
  for (const auto p : scores(*model, person)) CHECK((p > 0 && p < 1));
  REQUIRE_THROWS_WITH(fit_buy_again(data::EventLog(), 0, {}, {}), StartsWith("log: has no items"));
  REQUIRE_THROWS_WITH(fit_buy_again(log, 0, {}, {.shrinkage = -1}), Contains("shrinkage"));
}
