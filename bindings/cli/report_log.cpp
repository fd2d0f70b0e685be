/// What a report says of a log: sales by week and month, how popular what is.
#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <unordered_set>

#include "pannier/core/time.hpp"
#include "report.hpp"

namespace pannier::cli {
namespace {

constexpr std::int64_t day_us = 86'400'000'000;

std::int64_t day_of(std::int64_t time_us) { return time_us / day_us; }            // times are of 1970 and later
std::int64_t week_of(std::int64_t day) { return (day + 3) / 7; }                  // 1970-01-01 was a Thursday
std::string date_of(std::int64_t day) { return format_time(std::max<std::int64_t>(0, day) * day_us).substr(0, 10); }

struct Sales {
  double revenue = 0, refunded = 0;
  std::uint64_t orders = 0, events = 0, purchases = 0;
  std::set<std::uint32_t> people;
  void add(const Sales& other) {
    revenue += other.revenue, refunded += other.refunded;
    orders += other.orders, events += other.events, purchases += other.purchases;
    people.insert(other.people.begin(), other.people.end());
  }
  [[nodiscard]] Json json(const std::string& from) const {
    return {{"from", from}, {"revenue", revenue - refunded}, {"refunded", refunded}, {"orders", orders},
            {"customers", people.size()}, {"purchases", purchases}, {"events", events}};
  }
};

std::map<std::int64_t, Sales> sales_by_day(const data::EventLog& log) {
  std::map<std::int64_t, Sales> days;
  std::vector<bool> seen(log.order_count());
  std::unordered_set<std::uint64_t> visits;   // a person's day, where purchases have no order
  for (std::size_t n = 0; n < log.size(); ++n) {
    const auto day = day_of(log.times_us()[n]);
    auto& sales = days[day];
    ++sales.events;
    const auto kind = log.kinds()[n];
    const bool purchase = kind == data::EventKind::purchase;
    if (!purchase && kind != data::EventKind::refund) continue;
    const double amount = static_cast<double>(log.quantities()[n]) * static_cast<double>(log.prices()[n]);
    if (std::isfinite(amount)) (purchase ? sales.revenue : sales.refunded) += amount;
    if (!purchase) continue;
    ++sales.purchases;
    const auto person = log.persons()[n], order = log.orders()[n];
    bool first = true;
    if (order != data::no_order) {
      first = !seen[order];
      seen[order] = true;
    } else if (person != data::no_person) {
      first = visits.insert((static_cast<std::uint64_t>(person) << 32) | static_cast<std::uint64_t>(day)).second;
    }
    if (!first) continue;
    ++sales.orders;
    if (person != data::no_person) sales.people.insert(person);
  }
  return days;
}

}  // namespace

Json sales_json(const data::EventLog& log) {
  const auto days = sales_by_day(log);
  std::map<std::int64_t, Sales> weeks;
  std::map<std::string, Sales> months, years;
  Sales all;
  for (const auto& [day, sales] : days) {
    weeks[week_of(day)].add(sales);
    months[date_of(day).substr(0, 7)].add(sales);
    years[date_of(day).substr(0, 4)].add(sales);
    all.add(sales);
  }
  Json out = all.json(days.empty() ? "" : date_of(days.begin()->first));
  // Events of 1970-01-01 alone are those of a log without times (--time-unit none).
  out["timed"] = days.size() != 1 || days.begin()->first != 0;
  out["until"] = days.empty() ? "" : date_of(days.rbegin()->first);
  const auto priced = std::count_if(log.prices().begin(), log.prices().end(), [](float price) { return std::isfinite(price) && price > 0; });
  out["has_prices"] = priced > 0 && all.revenue > 0;
  out["has_orders"] = log.order_count() > 0;
  Json& by_week = out["weeks"] = Json::array();
  if (!weeks.empty() && weeks.rbegin()->first - weeks.begin()->first < 2'000)
    for (auto week = weeks.begin()->first; week <= weeks.rbegin()->first; ++week) by_week.push_back(weeks[week].json(date_of(week * 7 - 3)));
  for (const auto& [key, spans] : {std::pair("months", &months), std::pair("years", &years)}) {
    Json list = Json::array();
    for (const auto& [from, sales] : *spans) list.push_back(sales.json(from));
    out[key] = std::move(list);
  }
  return out;
}

Json popularity_json(const data::EventLog& log, const data::WeightingConfig& weighting, const store::ItemTable& items) {
  std::vector<std::uint64_t> counts(log.item_count(), 0);
  const bool bought = std::find(log.kinds().begin(), log.kinds().end(), data::EventKind::purchase) != log.kinds().end();
  std::uint64_t all = 0;
  for (std::size_t n = 0; n < log.size(); ++n) {
    const auto kind = log.kinds()[n];
    if (log.items()[n] == value(no_item) || (bought ? kind != data::EventKind::purchase : weighting.weights[static_cast<std::size_t>(kind)] <= 0)) continue;
    ++counts[log.items()[n]];
    ++all;
  }
  std::vector<std::uint32_t> order(counts.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return counts[a] != counts[b] ? counts[a] > counts[b] : a < b; });
  while (!order.empty() && counts[order.back()] == 0) order.pop_back();

  Json out = {{"of", bought ? "purchases" : "events"}, {"events", all}, {"items", order.size()}, {"items_without", counts.size() - order.size()}};
  Json& points = out["points"] = Json::array();
  double next = 1;
  for (std::size_t rank = 1; rank <= order.size(); ++rank) {
    if (static_cast<double>(rank) < next && rank != order.size()) continue;
    points.push_back({rank, counts[order[rank - 1]]});
    next = static_cast<double>(rank) * 1.03;
  }
  // How much the most popular hold together.
  std::vector<std::uint64_t> held{0};
  for (const auto item : order) held.push_back(held.back() + counts[item]);
  const auto head = static_cast<std::size_t>(std::lower_bound(held.begin(), held.end(), (all * 4 + 4) / 5) - held.begin());
  out["head_items"] = head;
  Json& shares = out["shares"] = Json::array();
  if (!order.empty())
    for (const double part : {0.01, 0.05, 0.1, 0.2, 0.5}) {
      const auto top = std::max<std::size_t>(1, static_cast<std::size_t>(std::lround(part * static_cast<double>(order.size()))));
      shares.push_back({{"top", part}, {"items", top}, {"share", static_cast<double>(held[top]) / static_cast<double>(all)}});
    }
  Json& best = out["best"] = Json::array();
  for (std::size_t n = 0; n < std::min<std::size_t>(10, order.size()); ++n) {
    const auto id = log.item_id(ItemIndex{order[n]});
    const auto known = items.find(item_key(id));
    best.push_back({{"item", id}, {"name", known ? items.item_name(*known) : std::string_view{}}, {"count", counts[order[n]]}});
  }
  return out;
}

}  // namespace pannier::cli
