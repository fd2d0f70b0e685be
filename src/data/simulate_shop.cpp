#include "data/simulate_shop.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace pannier::data::simulation {
namespace {

constexpr Season spring{115, 30, 2.0}, summer{182, 34, 2.0}, winter{358, 45, 1.5}, advent{340, 18, 12.0}, always{};

constexpr std::array<Category, 30> shop_categories{{
    {"kitchen/mugs", 1.3, 11, .02, false, {335, 30, .8}, {"pantry/coffee", "pantry/tea"},
     {"Enamel mug", "Stoneware mug", "Espresso cup", "Travel mug", "Porcelain mug", "Glass tea cup"}},
    {"kitchen/pans", 1.0, 42, .04, false, always, {"kitchen/knives", "kitchen/baking"},
     {"Frying pan", "Cast iron pot", "Saucepan", "Wok", "Grill pan", "Casserole dish"}},
    {"kitchen/knives", .7, 36, .03, false, always, {"kitchen/pans", "kitchen/storage"},
     {"Chef's knife", "Bread knife", "Paring knife", "Knife block", "Steak knife set", "Kitchen scissors"}},
    {"kitchen/baking", .9, 16, .03, false, {345, 30, 1.2}, {"kitchen/storage", "kitchen/pans"},
     {"Cake tin", "Mixing bowl", "Rolling pin", "Muffin tray", "Whisk", "Kitchen scale"}},
    {"kitchen/storage", .8, 14, .02, false, always, {"kitchen/baking", "pantry/spices"},
     {"Storage jar", "Bread bin", "Lunch box", "Spice rack", "Glass container", "Cake box"}},
    {"pantry/coffee", 1.0, 12, .01, true, always, {"kitchen/mugs", "pantry/tea"},
     {"Espresso beans", "Filter coffee", "Decaf beans", "Coffee gift box", "Cold brew bags", "House blend"}},
    {"pantry/tea", .8, 8, .01, true, {15, 50, .8}, {"kitchen/mugs", "pantry/coffee"},
     {"Green tea", "Earl Grey", "Herbal tea", "Chai mix", "Rooibos", "Tea sampler"}},
    {"pantry/spices", .7, 6, .01, true, always, {"kitchen/storage", "kitchen/pans"},
     {"Smoked paprika", "Curry blend", "Sea salt", "Peppercorns", "Cinnamon sticks", "Herb mix"}},
    {"living/lamps", 1.0, 58, .06, false, {330, 50, .7}, {"living/cushions", "living/frames"},
     {"Table lamp", "Floor lamp", "Pendant lamp", "Reading lamp", "Wall lamp", "String lights"}},
    {"living/cushions", 1.1, 24, .05, false, always, {"living/rugs", "bedroom/blankets"},
     {"Cushion cover", "Floor cushion", "Seat pad", "Bolster", "Pouffe", "Bench cushion"}},
    {"living/candles", 1.2, 13, .01, true, {335, 40, 1.5}, {"living/frames", "bath/soap"},
     {"Scented candle", "Pillar candle", "Candle holder", "Tea light set", "Lantern", "Dinner candles"}},
    {"living/rugs", .6, 95, .08, false, always, {"living/cushions", "living/lamps"},
     {"Wool rug", "Hallway runner", "Round rug", "Jute rug", "Cotton rug", "Doormat"}},
    {"living/frames", .8, 19, .03, false, always, {"living/candles", "stationery/cards"},
     {"Picture frame", "Art print", "Mirror", "Wall clock", "Vase", "Photo box"}},
    {"bedroom/linen", .9, 49, .06, false, always, {"bedroom/pillows", "bedroom/blankets"},
     {"Duvet cover set", "Fitted sheet", "Pillowcase pair", "Flat sheet", "Bedspread", "Linen set"}},
    {"bedroom/blankets", .8, 39, .05, false, winter, {"living/cushions", "bedroom/linen"},
     {"Wool blanket", "Throw", "Fleece blanket", "Knitted plaid", "Weighted blanket", "Picnic blanket"}},
    {"bedroom/pillows", .5, 33, .05, false, always, {"bedroom/linen", "bedroom/blankets"},
     {"Feather pillow", "Neck pillow", "Duvet", "Mattress topper", "Body pillow", "Sleep mask"}},
    {"bath/towels", .9, 18, .03, false, always, {"bath/soap", "bedroom/linen"},
     {"Bath towel", "Hand towel set", "Bath mat", "Bathrobe", "Hammam towel", "Face cloth set"}},
    {"bath/soap", .8, 9, .01, true, always, {"bath/towels", "living/candles"},
     {"Bar soap", "Bath salt", "Soap dish", "Hand cream", "Shower oil", "Soap dispenser"}},
    {"garden/pots", 1.0, 17, .03, false, spring, {"garden/seeds", "garden/tools"},
     {"Plant pot", "Window box", "Hanging basket", "Herb planter", "Watering can", "Plant stand"}},
    {"garden/seeds", .8, 5, .01, true, {95, 24, 3.0}, {"garden/pots", "garden/tools"},
     {"Tomato seeds", "Wildflower mix", "Basil seeds", "Sunflower seeds", "Tulip bulbs", "Salad seeds"}},
    {"garden/tools", .7, 22, .03, false, spring, {"garden/pots", "garden/seeds"},
     {"Hand trowel", "Pruning shears", "Garden gloves", "Rake", "Garden hose", "Kneeling mat"}},
    {"outdoor/camping", .8, 46, .05, false, summer, {"outdoor/bottles", "outdoor/picnic"},
     {"Camping stove", "Sleeping bag", "Head torch", "Camping chair", "Hammock", "Folding table"}},
    {"outdoor/bottles", .9, 21, .02, false, {175, 50, .9}, {"outdoor/camping", "outdoor/picnic"},
     {"Water bottle", "Vacuum flask", "Drinking straw set", "Sports bottle", "Food flask", "Bottle sleeve"}},
    {"outdoor/picnic", .6, 28, .03, false, summer, {"outdoor/bottles", "bedroom/blankets"},
     {"Picnic basket", "Cool bag", "Cutlery set", "Folding stool", "Beach towel", "Kite"}},
    {"kids/toys", 1.2, 20, .04, false, {345, 28, 2.0}, {"kids/books", "kids/clothes"},
     {"Wooden train", "Building blocks", "Stuffed bear", "Marble run", "Toy kitchen", "Puzzle"}},
    {"kids/books", .9, 12, .02, false, {345, 28, 1.2}, {"kids/toys", "stationery/cards"},
     {"Picture book", "Sticker book", "Colouring book", "Bedtime stories", "Board book", "Activity book"}},
    {"kids/clothes", 1.0, 23, .08, false, always, {"kids/toys", "kids/books"},
     {"Romper", "Rain jacket", "Knitted hat", "Pyjamas", "Wool socks", "Dungarees"}},
    {"stationery/cards", .9, 7, .01, true, {345, 18, 3.0}, {"christmas/ornaments", "living/frames"},
     {"Greeting card set", "Notebook", "Gift wrap", "Fountain pen", "Wall calendar", "Postcard set"}},
    {"christmas/ornaments", .7, 10, .02, false, advent, {"stationery/cards", "living/candles"},
     {"Glass bauble", "Straw star", "Advent calendar", "Tree topper", "Wreath", "Nutcracker"}},
    {"pets/dogs", .8, 19, .03, true, always, {"pets/dogs", "outdoor/bottles"},
     {"Dog bed", "Chew toy", "Dog lead", "Training treats", "Food bowl", "Dog biscuits"}},
}};

struct Style {
  std::string_view name;
  std::array<std::string_view, 6> colours;
  std::array<std::string_view, brands_of_style> brands;
};

constexpr std::array<Style, style_count> styles{{
    {"rustic", {"forest green", "oat", "terracotta", "chestnut", "hay", "slate"},
     {"Hollow Oak", "Barn and Bell", "Millstone", "Thistle Farm", "Old Orchard", "Copper Lane"}},
    {"nordic", {"off-white", "fog grey", "ice blue", "charcoal", "birch", "sand"},
     {"Fjordby", "Nordlys", "Lille Hus", "Skagen Works", "Vinterhavn", "Birk"}},
    {"retro", {"mustard", "tangerine", "teal", "cream", "olive", "cherry red"},
     {"Atomic Age", "Milk Bar", "Cadillac Club", "Jukebox", "Formica Sons", "Sixty Four"}},
    {"elegant", {"emerald", "blush", "gold", "midnight blue", "ivory", "burgundy"},
     {"Maison Claire", "Belgravia", "Aurelia", "Sterling Row", "Opaline", "Verity"}},
    {"playful", {"sunny yellow", "coral", "sky blue", "lilac", "mint", "confetti"},
     {"Hopscotch", "Jelly Bean", "Pip and Pop", "Kaleido", "Bumble", "Paper Moon"}},
}};

std::size_t position_of(std::string_view path) {
  const auto found = std::find_if(shop_categories.begin(), shop_categories.end(), [&](const Category& c) { return c.path == path; });
  return static_cast<std::size_t>(found - shop_categories.begin());
}

/// A position drawn by weights whose sum is `sum`.
template <class Weights>
std::size_t draw_position(const Weights& weights, double sum, Random& random) {
  double at = random.uniform() * sum;
  std::size_t position = 0;
  for (; position + 1 < weights.size() && at >= weights[position]; ++position) at -= weights[position];
  return position;
}

}  // namespace

double Season::factor(double day_of_year) const noexcept {
  double distance = std::abs(day_of_year - peak_day);
  distance = std::min(distance, 365 - distance) / width_days;
  return 1 + amplitude * std::exp(-distance * distance / 2);
}

std::span<const Category> categories() noexcept { return shop_categories; }
std::string_view style_name(std::size_t style) noexcept { return styles[style].name; }
std::string_view brand_name(std::size_t brand) noexcept { return styles[brand / brands_of_style].brands[brand % brands_of_style]; }

int day_of_year(std::int64_t day_since_1970) noexcept {
  using namespace std::chrono;
  const sys_days day{days{day_since_1970}};
  const auto first = sys_days{year_month_day{day}.year() / January / 1};
  return static_cast<int>((day - first).count());
}

double visits_factor(std::int64_t day_since_1970) noexcept {
  const auto weekday = static_cast<std::size_t>((day_since_1970 + 3) % 7);  // 1970-01-01 was a Thursday.
  // Over a year the rise adds its area, amplitude * width * sqrt(2 pi), to the 365 days.
  constexpr double mean = 1 + yearly_visits.amplitude * yearly_visits.width_days * 2.5066282746310002 / 365;
  return weekly_visits[weekday] * yearly_visits.factor(day_of_year(day_since_1970)) / mean;
}

Shop::Shop(std::uint64_t seed, std::uint64_t items, double days) : drawers_(shop_categories.size()) {
  std::array<double, shop_categories.size()> demand{};
  double whole = 0;
  for (std::size_t c = 0; c < demand.size(); ++c) {
    whole += demand[c] = shop_categories[c].demand;
    partners_.push_back({position_of(shop_categories[c].goes_with[0]), position_of(shop_categories[c].goes_with[1])});
  }
  items_.reserve(items);
  std::array<std::array<std::uint32_t, style_count>, shop_categories.size()> made{};
  for (std::uint64_t i = 0; i < items; ++i) {
    Random random(seed, static_cast<std::uint64_t>(Purpose::item), i);
    const auto category = draw_position(demand, whole, random);
    const auto style = static_cast<std::size_t>(random.below(style_count));
    // Nouns and colours are dealt out in turn, so that names repeat as late as they can.
    const auto n = made[category][style]++;
    const auto turn = n % 36;
    ShopItem item;
    item.category = static_cast<std::uint8_t>(category);
    item.style = static_cast<std::uint8_t>(style);
    item.brand = static_cast<std::uint8_t>(style * brands_of_style + random.below(brands_of_style));
    item.noun = static_cast<std::uint8_t>((turn + style) % 6);
    item.colour = static_cast<std::uint8_t>((turn + turn / 6 + category) % 6);
    item.variant = n / 36;
    const double dearness = random.normal();
    item.tier = dearness < -0.5 ? 0 : dearness < 0.6 ? 1 : 2;
    // Prices end in .95 or .50 or nothing.
    const double price = shop_categories[category].price * std::exp(0.45 * dearness);
    item.price = static_cast<float>(std::max(1.0, std::round(price)) - (random.uniform() < 0.6 ? 0.05 : random.uniform() < 0.5 ? 0.5 : 0.0));
    const bool late = random.uniform() < 0.12 && i >= 20;
    item.launched = static_cast<float>(late ? days * random.uniform() : 0.0);
    item.stock = random.uniform() < 0.04 ? 0 : static_cast<std::uint32_t>(1 + 60 * random.exponential());
    // Popularity has a heavy tail: rank r of n has about (n/r)^0.65.
    const double popularity = std::pow(1 - random.uniform(), -0.65);
    auto& drawer = drawers_[category];
    drawer.sums.push_back((drawer.sums.empty() ? 0.0 : drawer.sums.back()) + popularity);
    drawer.items.push_back(static_cast<std::uint32_t>(i));
    items_.push_back(item);
  }
}

std::string Shop::item_name(std::uint32_t number) const {
  const auto& item = items_[number];
  auto name = std::string(shop_categories[item.category].nouns[item.noun]) + ", " + std::string(colour(number));
  if (item.variant > 0) name += ", No. " + std::to_string(item.variant + 1);
  return name;
}

std::string_view Shop::colour(std::uint32_t item) const noexcept { return styles[items_[item].style].colours[items_[item].colour]; }

std::uint32_t Shop::draw(std::size_t category, Random& random) const noexcept {
  const auto& drawer = drawers_[category];
  if (drawer.items.empty()) return no_shop_item;
  const double at = random.uniform() * drawer.sums.back();
  const auto found = std::upper_bound(drawer.sums.begin(), drawer.sums.end() - 1, at);
  return drawer.items[static_cast<std::size_t>(found - drawer.sums.begin())];
}

}  // namespace pannier::data::simulation
