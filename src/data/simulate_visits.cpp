#include "data/simulate_visits.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pannier::data::simulation {
namespace {

constexpr std::int64_t day_s = 86'400;

/// A time of the day: evening, noon or morning.
std::int64_t time_of_day(Random& random) {
  const double which = random.uniform();
  const double hour = which < 0.45 ? 20 + 1.7 * random.normal() : which < 0.78 ? 12.6 + 1.9 * random.normal() : 9.2 + 1.5 * random.normal();
  return static_cast<std::int64_t>(std::clamp(hour, 0.0, 23.9) * 3600);
}

class Visit {
 public:
  Visit(const Shop& shop, const Day& day, std::uint64_t seed, std::uint32_t person_number, Person& person, std::vector<Row>& rows)
      : shop_(shop), day_(day), person_(person), rows_(rows),
        random_(seed, static_cast<std::uint64_t>(Purpose::visit), person.entity << 24 ^ (person.entity >> 63 << 63) ^ person.visits) {
    blank_.person = person_number;
    blank_.visit = person.visits;
  }

  void run() {
    const bool buys = random_.uniform() < person_.conversion;
    blank_.signed_in = !person_.guest && random_.uniform() >= 0.18;
    blank_.device = random_.uniform() < 0.8 ? person_.device : static_cast<std::uint8_t>(random_.below(devices.size()));
    const bool as_found = person_.visits == 0 || random_.uniform() < 0.3;
    const auto channel = static_cast<std::uint8_t>(random_.below(channels.size()));
    blank_.channel = as_found ? person_.source : channel;
    time_s_ = std::max(static_cast<std::int64_t>(day_.number) * day_s + time_of_day(random_), person_.busy_until_s + 1800);

    const auto intent = category_of_taste();
    searches_ = random_.uniform() < 0.15;
    const auto views = 1 + static_cast<int>(std::min(3.4 * random_.exponential(), 40.0)) + (buys ? 2 : 0);
    for (int n = 0; n < views; ++n) view(choose_item(intent, n == 0, buys), buys, n + 1 == views);
    if (buys) {
      buy();
    } else if (!cart_.empty()) {
      leave();
    }
    ++person_.visits;
    person_.busy_until_s = time_s_;
  }

 private:
  struct Line {
    std::uint32_t item = 0;
    std::uint16_t quantity = 1;
  };

  Row& add(EventKind kind, std::uint32_t item) {
    auto row = blank_;
    row.time_s = time_s_;
    row.kind = kind;
    row.item = item;
    row.step = step_++;
    return rows_.emplace_back(row);
  }

  /// A category by the person's taste and the season; now and then by everybody's.
  std::size_t category_of_taste() {
    if (random_.uniform() < 0.1) return category_of_all();
    std::array<double, Person::most_categories> weights{};
    double sum = 0;
    for (std::size_t i = 0; i < person_.category_count; ++i)
      sum += weights[i] = static_cast<double>(person_.shares[i]) * day_.season[person_.categories[i]];
    double at = random_.uniform() * sum;
    for (std::size_t i = 0; i + 1 < person_.category_count; ++i) {
      if (at < weights[i]) return person_.categories[i];
      at -= weights[i];
    }
    return person_.categories[person_.category_count - std::size_t{1}];
  }

  std::size_t category_of_all() {
    const double at = random_.uniform() * day_.demand_sums.back();
    return static_cast<std::size_t>(std::upper_bound(day_.demand_sums.begin(), day_.demand_sums.end() - 1, at) - day_.demand_sums.begin());
  }

  std::uint32_t choose_item(std::size_t intent, bool first, bool buys) {
    const double remembers = random_.uniform();
    if (first && person_.left_in_cart != no_shop_item && remembers < 0.5) return person_.left_in_cart;
    if (first && buys && person_.used_up != no_shop_item && remembers < 0.6) return person_.used_up;
    if (!first && remembers < 0.1) {
      const auto item = person_.seen[random_.below(person_.seen.size())];
      if (item != no_shop_item) return item;
    }
    const double where = random_.uniform();
    auto category = where < 0.68 ? intent : where < 0.82 ? shop_.goes_with(intent, random_.below(2)) : category_of_taste();
    if (!shop_.has_items(category)) category = intent;
    return choose(shop_, person_, category, day_.number, random_);
  }

  void view(std::uint32_t item, bool buys, bool last) {
    if (item == no_shop_item) return;
    const double likes = liking(person_, shop_.items()[item]);
    const double dwell_s = std::clamp(std::exp(2.3 + 1.1 * likes + 0.8 * random_.normal()), 1.0, 1200.0);
    auto& row = add(EventKind::view_item, item);
    row.dwell_ms = static_cast<std::int32_t>(dwell_s * 1000);
    row.searched = std::exchange(searches_, false);
    time_s_ += 2 + static_cast<std::int64_t>(dwell_s);
    std::rotate(person_.seen.begin(), person_.seen.end() - 1, person_.seen.end());
    person_.seen[0] = item;

    const double carts = random_.uniform(), more = random_.uniform();
    const bool in_cart = std::any_of(cart_.begin(), cart_.end(), [&](const Line& line) { return line.item == item; });
    if (in_cart || cart_.size() >= 12) return;
    if (carts < (0.02 + 0.07 * likes) * (buys ? 7 : 1) || (buys && last && cart_.empty())) {
      if (buys) blank_.signed_in = !person_.guest;  // At the latest, the order signs in.
      const bool used_up = categories()[shop_.items()[item].category].used_up;
      const auto quantity = static_cast<std::uint16_t>(more < (used_up ? 0.5 : 0.85) ? 1 : 2 + static_cast<int>(random_.below(used_up ? 4 : 2)));
      cart_.push_back({item, quantity});
      add(EventKind::add_to_cart, item).quantity = quantity;
      time_s_ += 3 + static_cast<std::int64_t>(random_.below(20));
    }
  }

  void buy() {
    if (cart_.empty()) return;  // Nothing was there to be seen.
    time_s_ += 60 + static_cast<std::int64_t>(random_.below(240));
    for (const auto& [item, quantity] : cart_) {
      auto& row = add(EventKind::purchase, item);
      row.quantity = quantity;
      row.in_order = true;
      row.opens_order = item == cart_.front().item;
    }
    const auto bought_s = time_s_;
    for (const auto& [item, quantity] : cart_) {
      const auto& category = categories()[shop_.items()[item].category];
      if (category.used_up) person_.used_up = item;
      const double sent_back = random_.uniform();
      const double after_s = (3 + 12 * random_.uniform()) * day_s;
      if (sent_back >= category.refund_rate) continue;
      time_s_ = bought_s + static_cast<std::int64_t>(after_s);
      auto& row = add(EventKind::refund, item);
      row.quantity = sent_back < 0.7 * category.refund_rate ? quantity : std::uint16_t{1};
      row.in_order = true;
    }
    time_s_ = bought_s;
    person_.left_in_cart = no_shop_item;
  }

  void leave() {
    for (auto line = cart_.begin(); line != cart_.end();) {
      if (random_.uniform() < 0.2) {
        add(EventKind::remove_from_cart, line->item).quantity = line->quantity;
        time_s_ += 2 + static_cast<std::int64_t>(random_.below(10));
        line = cart_.erase(line);
      } else {
        ++line;
      }
    }
    person_.left_in_cart = cart_.empty() ? no_shop_item : cart_.back().item;
  }

  const Shop& shop_;
  const Day& day_;
  Person& person_;
  std::vector<Row>& rows_;
  Random random_;
  Row blank_;
  std::vector<Line> cart_;
  std::int64_t time_s_ = 0;
  std::uint16_t step_ = 0;
  bool searches_ = false;   ///< The first item was found by a search.
};

}  // namespace

Day make_day(const Shop& shop, std::int64_t number, std::int64_t day_since_1970) {
  Day day;
  day.number = static_cast<double>(number);
  double sum = 0;
  for (std::size_t c = 0; c < categories().size(); ++c) {
    const auto& category = categories()[c];
    // Christmas things are hardly asked for in summer.
    const double season = category.season.factor(day_of_year(day_since_1970));
    day.season.push_back(season / (1 + category.season.amplitude / 4));
    sum += shop.has_items(c) ? category.demand * day.season.back() : 0.0;
    day.demand_sums.push_back(sum);
  }
  return day;
}

void visit(const Shop& shop, const Day& day, std::uint64_t seed, std::uint32_t person_number, Person& person, std::vector<Row>& rows) {
  Visit(shop, day, seed, person_number, person, rows).run();
}

}  // namespace pannier::data::simulation
