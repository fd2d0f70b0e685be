/// Refunds are settled first, once for all: units_left() says of every purchase of the log how many units remain. Rows, baskets and
/// visits are then groups of events.
#include "pannier/data/orders.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "data/csr_blocks.hpp"
#include "data/person_events.hpp"
#include "data/shares.hpp"
#include "pannier/core/time.hpp"

namespace pannier::data {
namespace {

/// Anonymous purchases and refunds in order of (item, price, time, place), with the units that the own order left.
struct Open {
  std::uint32_t item, price, place;
  std::int64_t time_us;
  bool refund;
};

/// Equal prices have equal bits: zeros and unknown prices are made one each.
std::uint32_t price_bits(float price) {
  return std::isnan(price) ? 0xFFFFFFFFu : std::bit_cast<std::uint32_t>(price == 0.0f ? 0.0f : price);
}

void require_countable(const EventLog& log) {
  if (log.size() > 0xFFFFFFFFu)
    throw Error(ErrorCode::unsupported, "event log", "has " + std::to_string(log.size()) + " events", "at most 4294967295");
}

/// Purchases of one group, oldest first, from which refunds take.
class Stock {
 public:
  explicit Stock(std::vector<float>& left) : left_(left) {}
  void clear() { open_.clear(), by_units_.clear(); }
  void add(std::uint32_t purchase) {
    if (!(left_[purchase] > 0)) return;
    open_.push_back(purchase);
    by_units_[left_[purchase]].push_back(purchase);
  }
  /// The latest purchase of exactly `units`, of which nothing was taken.
  bool take_exactly(float units) {
    const auto found = by_units_.find(units);
    if (found == by_units_.end()) return false;
    auto& same = found->second;
    while (!same.empty() && left_[same.back()] != units) same.pop_back();
    if (same.empty()) return false;
    left_[same.back()] = 0;
    same.pop_back();
    return true;
  }
  /// From the latest on; returns what it found.
  double take(double units) {
    double taken = 0;
    while (!open_.empty() && taken < units) {
      auto& left = left_[open_.back()];
      const double some = std::min(units - taken, static_cast<double>(left));
      taken += some;
      left = some < static_cast<double>(left) ? static_cast<float>(static_cast<double>(left) - some) : 0.0f;
      if (!(left > 0)) open_.pop_back();
    }
    return taken;
  }

 private:
  std::vector<float>& left_;
  std::vector<std::uint32_t> open_;
  std::map<float, std::vector<std::uint32_t>> by_units_;
};

/// Settles the purchases and refunds without a person; `left` holds every event's units and then what is left of them (of a refund: what
/// it did not find).
RefundMatches settle_anonymous(const EventLog& log, std::vector<float>& left) {
  const auto persons = log.persons(), items = log.items(), orders = log.orders();
  const auto kinds = log.kinds();
  const auto times = log.times_us();
  std::vector<Open> events;
  bool refunds = false;
  for (std::uint32_t place = 0; place < log.size(); ++place) {
    if (persons[place] != no_person || items[place] == value(no_item)) continue;
    const bool refund = kinds[place] == EventKind::refund;
    if (!refund && kinds[place] != EventKind::purchase) continue;
    refunds = refunds || refund;
    events.push_back({items[place], price_bits(log.prices()[place]), place, times[place], refund});
  }
  RefundMatches matches;
  if (!refunds) return matches;

  Stock stock(left);
  // In its own order, whatever the price.
  const auto in_order = [&](const Open& e) { return std::tie(orders[e.place], e.item, e.time_us, e.place); };
  std::sort(events.begin(), events.end(), [&](const Open& a, const Open& b) { return in_order(a) < in_order(b); });
  for (std::size_t n = 0; n < events.size(); ++n) {
    const auto& event = events[n];
    if (n == 0 || orders[event.place] != orders[events[n - 1].place] || event.item != events[n - 1].item) stock.clear();
    if (event.refund) {
      const double wanted = left[event.place];
      left[event.place] = static_cast<float>(wanted - stock.take(wanted));
    } else {
      stock.add(event.place);
    }
  }
  // Then anywhere, at its price.
  const auto anywhere = [](const Open& e) { return std::tie(e.item, e.price, e.time_us, e.place); };
  std::sort(events.begin(), events.end(), [&](const Open& a, const Open& b) { return anywhere(a) < anywhere(b); });
  for (std::size_t n = 0; n < events.size(); ++n) {
    const auto& event = events[n];
    if (n == 0 || event.item != events[n - 1].item || event.price != events[n - 1].price) stock.clear();
    if (!event.refund) {
      stock.add(event.place);
      continue;
    }
    auto& missing = left[event.place];
    if (missing > 0) missing = stock.take_exactly(missing) ? 0.0f : static_cast<float>(static_cast<double>(missing) - stock.take(static_cast<double>(missing)));
    const auto units = log.quantities()[event.place];
    ++(!(missing > 0) ? matches.whole : missing < units ? matches.in_part : matches.unmatched);
  }
  return matches;
}

/// Events of one group, by (group, item, place).
struct Member {
  std::uint64_t group;
  std::uint32_t item;
};

/// One row a group, in ascending order of groups; each item once, values 1.
void append_rows(std::vector<Member>& members, Csr& out) {
  const auto key = [](const Member& m) { return std::tie(m.group, m.item); };
  std::sort(members.begin(), members.end(), [&](const Member& a, const Member& b) { return key(a) < key(b); });
  for (std::size_t n = 0; n < members.size(); ++n) {
    const bool same_group = n > 0 && members[n].group == members[n - 1].group;
    if (same_group && members[n].item == members[n - 1].item) continue;
    if (n > 0 && !same_group) out.offsets.push_back(static_cast<std::int64_t>(out.columns.size()));
    out.columns.push_back(members[n].item);
    out.values.push_back(1);
  }
  if (!members.empty()) out.offsets.push_back(static_cast<std::int64_t>(out.columns.size()));
  out.rows = out.offsets.size() - 1;
}

std::uint64_t pair_of(std::uint32_t first, std::uint32_t second) { return std::uint64_t{first} << 32 | second; }

/// Valid times are years 1970 to 2199.
std::uint32_t day_of(std::int64_t time_us) { return static_cast<std::uint32_t>(time_us / us_per_day); }

}  // namespace

OrderRows build_order_rows(const EventLog& log, const WeightingConfig& config, std::int64_t now_us, const FitControl& control) {
  require_valid(config);
  require_countable(log);
  checkpoint(control, "orders", 0, log.order_count());
  OrderRows out;
  std::vector<float> left(log.quantities().begin(), log.quantities().end());
  out.refunds = settle_anonymous(log, left);

  // Places by order; refunds are settled already.
  const auto persons = log.persons(), items = log.items(), orders = log.orders();
  const auto kinds = log.kinds();
  const auto wanted = [&](std::size_t place) {
    return persons[place] == no_person && items[place] != value(no_item) && orders[place] != no_order &&
           config.weights[static_cast<std::size_t>(kinds[place])] > 0;
  };
  std::vector<std::uint32_t> offsets(std::size_t{log.order_count()} + 1, 0);
  for (std::size_t place = 0; place < log.size(); ++place)
    if (wanted(place)) ++offsets[orders[place] + std::size_t{1}];
  for (std::size_t o = 0; o < log.order_count(); ++o) offsets[o + 1] += offsets[o];
  std::vector<std::uint32_t> places(offsets.back()), next(offsets.begin(), offsets.end() - 1);
  for (std::size_t place = 0; place < log.size(); ++place)
    if (wanted(place)) places[next[orders[place]]++] = static_cast<std::uint32_t>(place);

  constexpr std::size_t block_orders = 256;
  struct Scratch {
    std::vector<WeighedEvent> events, settled;
    std::vector<HistoryCell> cells;
  };
  std::vector<Scratch> scratch(static_cast<std::size_t>(resolved_threads(control.execution)));
  const auto blocks_count = (log.order_count() + block_orders - 1) / block_orders;
  std::vector<CsrBlock> blocks(blocks_count);
  std::vector<std::vector<std::uint32_t>> numbers(blocks_count);
  parallel_blocks_with_worker(
      control.execution, log.order_count(), block_orders, [&](std::size_t begin, std::size_t end, std::size_t b, int worker) {
        auto& s = scratch[static_cast<std::size_t>(worker)];
        for (auto order = begin; order < end; ++order) {
          s.events.clear();
          for (auto n = offsets[order]; n < offsets[order + 1]; ++n) {
            const auto place = places[n];
            const WeighedEvent event{.item = items[place], .kind = kinds[place], .time_us = log.times_us()[place], .quantity = log.quantities()[place]};
            s.events.push_back(event);
            // What refunds took, as one right behind it: that takes exactly from it.
            if (kinds[place] == EventKind::purchase && left[place] < event.quantity) {
              s.events.push_back(event);
              s.events.back().kind = EventKind::refund;
              s.events.back().quantity = event.quantity - left[place];
            }
          }
          weigh_history(s.events, config, now_us, false, s.settled, s.cells);
          if (s.cells.empty()) continue;
          std::sort(s.cells.begin(), s.cells.end(), [](const HistoryCell& x, const HistoryCell& y) { return x.item < y.item; });
          numbers[b].push_back(static_cast<std::uint32_t>(order));
          blocks[b].lengths.push_back(s.cells.size());
          for (const auto& cell : s.cells) {
            blocks[b].columns.push_back(cell.item);
            blocks[b].values.push_back(cell.weight);
          }
        }
      });
  for (const auto& block : numbers) out.orders.insert(out.orders.end(), block.begin(), block.end());
  out.cells = join(blocks, log.item_count(), control.execution);
  checkpoint(control, "orders", log.order_count(), log.order_count());
  return out;
}

RefundMatches match_refunds(const EventLog& log) {
  require_countable(log);
  RefundMatches matches;
  const auto kinds = log.kinds();
  if (std::find(kinds.begin(), kinds.end(), EventKind::refund) == kinds.end()) return matches;
  const PersonEvents people(log, [&](std::size_t place) { return kinds[place] == EventKind::refund || kinds[place] == EventKind::purchase; });
  std::vector<float> left(log.quantities().begin(), log.quantities().end());
  Stock stock(left);
  std::vector<std::uint32_t> places;
  const auto key = [&](std::uint32_t place) { return std::tuple(log.items()[place], log.times_us()[place], place); };
  for (std::uint32_t person = 0; person < log.person_count(); ++person) {
    const auto own = people.places(person);
    places.assign(own.begin(), own.end());
    std::sort(places.begin(), places.end(), [&](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
    for (std::size_t n = 0; n < places.size(); ++n) {
      const auto place = places[n];
      if (n == 0 || log.items()[place] != log.items()[places[n - 1]]) stock.clear();
      if (kinds[place] == EventKind::purchase) {
        stock.add(place);
        continue;
      }
      const double wanted = left[place], taken = stock.take(wanted);
      ++(taken >= wanted ? matches.whole : taken > 0 ? matches.in_part : matches.unmatched);
    }
  }
  return matches;
}

Baskets build_baskets(const EventLog& log, const FitControl& control) {
  require_countable(log);
  checkpoint(control, "baskets", 0, log.size());
  Baskets out;
  out.cells.cols = log.item_count();
  std::vector<float> left(log.quantities().begin(), log.quantities().end());
  out.refunds = settle_anonymous(log, left);
  const auto kinds = log.kinds();
  const PersonEvents people(log, [&](std::size_t place) { return kinds[place] == EventKind::refund || kinds[place] == EventKind::purchase; });
  std::vector<WeighedEvent> events, settled;
  for (std::uint32_t person = 0; person < log.person_count(); ++person) {
    people.events(person, events);
    settle(events, settled);
    const auto places = people.places(person);
    for (const auto& event : settled) left[places[event.place]] = event.quantity;  // A share: all that counts is whether any is left.
  }
  checkpoint(control, "baskets", log.size() / 2, log.size());

  const auto persons = log.persons(), items = log.items(), orders = log.orders();
  std::vector<Member> by_order, by_day;
  for (std::size_t place = 0; place < log.size(); ++place) {
    if (kinds[place] != EventKind::purchase || items[place] == value(no_item) || !(left[place] > 0)) continue;
    if (orders[place] != no_order) by_order.push_back({pair_of(orders[place], persons[place]), items[place]});
    else if (persons[place] != no_person) by_day.push_back({pair_of(persons[place], day_of(log.times_us()[place])), items[place]});
  }
  append_rows(by_order, out.cells);
  append_rows(by_day, out.cells);
  checkpoint(control, "baskets", log.size(), log.size());
  return out;
}

Csr build_visits(const EventLog& log, const FitControl& control) {
  require_countable(log);
  checkpoint(control, "visits", 0, log.size());
  Csr out;
  out.cols = log.item_count();
  std::vector<Member> views;
  for (std::size_t place = 0; place < log.size(); ++place)
    if (log.kinds()[place] == EventKind::view_item && log.persons()[place] != no_person && log.items()[place] != value(no_item))
      views.push_back({pair_of(log.persons()[place], day_of(log.times_us()[place])), log.items()[place]});
  append_rows(views, out);
  checkpoint(control, "visits", log.size(), log.size());
  return out;
}

}  // namespace pannier::data
