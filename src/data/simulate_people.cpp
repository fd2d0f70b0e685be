#include "data/simulate_people.hpp"

#include <algorithm>
#include <cmath>

namespace pannier::data::simulation {
namespace {

constexpr std::array<Archetype, 8> shop_archetypes{{
    {"home cook", .18, {"kitchen/pans", "kitchen/knives", "kitchen/baking", "pantry/spices", "kitchen/storage", "kitchen/mugs"}},
    {"young family", .17, {"kids/toys", "kids/books", "kids/clothes", "bath/towels", "stationery/cards", "outdoor/picnic"}},
    {"gardener", .12, {"garden/pots", "garden/seeds", "garden/tools", "outdoor/picnic", "living/candles", "pantry/tea"}},
    {"decorator", .16, {"living/lamps", "living/cushions", "living/rugs", "living/frames", "bedroom/linen", "living/candles"}},
    {"outdoor fan", .11, {"outdoor/camping", "outdoor/bottles", "outdoor/picnic", "pets/dogs", "pantry/coffee", "bedroom/blankets"}},
    {"gift giver", .13, {"stationery/cards", "christmas/ornaments", "living/candles", "kitchen/mugs", "kids/toys", "bath/soap"}},
    {"coffee lover", .07, {"pantry/coffee", "kitchen/mugs", "pantry/tea", "kitchen/storage", "stationery/cards", "outdoor/bottles"}},
    {"nest builder", .06, {"bedroom/linen", "bedroom/pillows", "bedroom/blankets", "bath/towels", "bath/soap", "kitchen/storage"}},
}};

template <std::size_t n>
std::uint8_t draw(const std::array<double, n>& shares, Random& random) {
  double at = random.uniform();
  for (std::size_t i = 0; i + 1 < n; ++i) {
    if (at < shares[i]) return static_cast<std::uint8_t>(i);
    at -= shares[i];
  }
  return static_cast<std::uint8_t>(n - 1);
}

/// Shares of the categories: Dirichlet around the archetype's favourites, the largest few kept.
void give_tastes(const Shop& shop, Person& person, Random& random) {
  const auto all = categories();
  const auto& favourites = shop_archetypes[person.archetype].favourites;
  std::vector<std::pair<double, std::uint8_t>> tastes;
  for (std::size_t c = 0; c < all.size(); ++c) {
    const bool favourite = std::find(favourites.begin(), favourites.end(), all[c].path) != favourites.end();
    const double share = random.gamma(favourite ? 0.7 : 0.04);
    if (shop.has_items(c)) tastes.emplace_back(share, static_cast<std::uint8_t>(c));
  }
  std::sort(tastes.begin(), tastes.end(), [](const auto& a, const auto& b) { return a.first > b.first || (a.first == b.first && a.second < b.second); });
  tastes.resize(std::min(tastes.size(), Person::most_categories));
  double sum = 0;
  for (const auto& [share, category] : tastes) sum += share;
  for (const auto& [share, category] : tastes) {
    if (person.category_count > 0 && share < 0.01 * sum) break;
    person.shares[person.category_count] = static_cast<float>(sum > 0 ? share / sum : 1.0);
    person.categories[person.category_count++] = category;
  }
}

}  // namespace

std::span<const Archetype> archetypes() noexcept { return shop_archetypes; }

Person make_person(const Shop& shop, std::uint64_t seed, std::uint64_t number, bool guest, double days) {
  Person person;
  person.guest = guest;
  person.entity = number | (guest ? std::uint64_t{1} << 63 : 0);
  person.arrivals = Random(seed, static_cast<std::uint64_t>(Purpose::arrivals), person.entity);
  Random random(seed, static_cast<std::uint64_t>(Purpose::person), person.entity);
  std::array<double, shop_archetypes.size()> shares{};
  for (std::size_t i = 0; i < shares.size(); ++i) shares[i] = shop_archetypes[i].share;
  person.archetype = draw(shares, random);
  person.style = static_cast<std::uint8_t>(random.below(style_count));
  person.second_style = static_cast<std::uint8_t>((person.style + 1 + random.below(style_count - 1)) % style_count);
  person.tier = draw<tier_count>({.35, .40, .25}, random);
  for (auto& brand : person.brands) brand = static_cast<std::uint8_t>(person.style * brands_of_style + random.below(brands_of_style));
  person.device = draw<devices.size()>({.38, .54, .08}, random);
  person.country = draw<countries.size()>({.34, .22, .12, .10, .07, .06, .05, .04}, random);
  person.source = draw<channels.size()>({.22, .38, .06, .18, .16}, random);

  // Orders come at a Gamma rate and end after an exponential lifetime (Schmittlein, Morrison & Colombo 1987).
  const double order_rate = random.gamma(0.9) / 0.9 / 62;
  const double lifetime = 320 * random.gamma(2.0) / 2 * random.exponential();
  const double when = random.uniform();
  if (guest) {
    person.joined = days * when;
    person.conversion = 0.03;
    person.visit_rate = 0.06;
    person.dropout = person.joined + 6 * random.exponential();
  } else {
    person.joined = days * when * std::sqrt(when);
    person.conversion = 0.05 + 0.18 * random.uniform();
    person.visit_rate = order_rate / person.conversion;
    person.dropout = person.joined + lifetime;
  }
  person.next_visit = person.joined;
  give_tastes(shop, person, random);
  return person;
}

std::string_view interest(const Person& person, std::uint64_t seed) noexcept {
  Random random(seed, static_cast<std::uint64_t>(Purpose::interest), person.entity);
  if (random.uniform() >= 0.6 || person.category_count == 0) return {};
  double at = random.uniform();
  std::size_t category = 0;
  while (category + 1 < person.category_count && at >= static_cast<double>(person.shares[category])) at -= static_cast<double>(person.shares[category++]);
  const auto path = categories()[person.categories[category]].path;
  return path.substr(0, path.find('/'));
}

double liking(const Person& person, const ShopItem& item) noexcept {
  const double style = item.style == person.style ? 1.0 : item.style == person.second_style ? 0.35 : 0.07;
  const double brand = item.brand == person.brands[0] || item.brand == person.brands[1] ? 1.0 : 0.5;
  const int tiers = item.tier < person.tier ? person.tier - item.tier : item.tier - person.tier;
  const double price = tiers == 0 ? 1.0 : tiers == 1 ? 0.55 : 0.2;
  return style * brand * price;
}

std::uint32_t choose(const Shop& shop, const Person& person, std::size_t category, double day, Random& random) noexcept {
  std::uint32_t last = no_shop_item;
  for (int round = 0; round < 64; ++round) {
    const auto item = shop.draw(category, random);
    if (item == no_shop_item) return item;
    const double chance = random.uniform();
    if (shop.items()[item].launched > static_cast<float>(day)) continue;
    last = item;
    if (chance < liking(person, shop.items()[item])) break;
  }
  return last;
}

}  // namespace pannier::data::simulation
