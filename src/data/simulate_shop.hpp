/// The simulated shop itself: its categories, what their names and seasons are, and its items.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/random.hpp"

namespace pannier::data::simulation {

/// What a stream of random numbers is for. Numbers are never used again for something else: a new one changes no other draw.
enum class Purpose : std::uint64_t { item = 1, person = 2, arrivals = 3, visit = 4, interest = 5 };

inline constexpr std::size_t style_count = 5, brands_of_style = 6, tier_count = 3;
inline constexpr std::uint32_t no_shop_item = 0xFFFFFFFFu;

/// A rise of demand around one day of the year: 1 + amplitude * exp(-(days from the peak)² / (2 width²)).
struct Season {
  double peak_day = 0, width_days = 1, amplitude = 0;
  [[nodiscard]] double factor(double day_of_year) const noexcept;
};

struct Category {
  std::string_view path;
  double demand = 1;                            ///< Share of the items, and of what everybody looks at.
  double price = 10, refund_rate = 0.03;
  bool used_up = false;                         ///< Bought again and again.
  Season season;
  std::array<std::string_view, 2> goes_with;    ///< Paths.
  std::array<std::string_view, 6> nouns;
};
[[nodiscard]] std::span<const Category> categories() noexcept;

[[nodiscard]] std::string_view style_name(std::size_t style) noexcept;
[[nodiscard]] std::string_view brand_name(std::size_t brand) noexcept;  ///< brand = style * brands_of_style + number.

/// How many visits there are on a day, of the average over a year: weeks and the year.
[[nodiscard]] double visits_factor(std::int64_t day_since_1970) noexcept;
inline constexpr double largest_visits_factor = 1.6;  // 1.16 * 1.45 over the mean of the year, 1.07, and some room.
/// Monday first; 1 on average.
inline constexpr std::array<double, 7> weekly_visits{0.95, 0.92, 0.92, 0.95, 1.0, 1.1, 1.16};
inline constexpr Season yearly_visits{335, 22, 0.45};
/// Days since 1970 to the day of its year, from 0.
[[nodiscard]] int day_of_year(std::int64_t day_since_1970) noexcept;

struct ShopItem {
  std::uint8_t category = 0, style = 0, brand = 0, tier = 0, colour = 0, noun = 0;
  std::uint32_t variant = 0;     ///< 0: the first of its name.
  float price = 0, launched = 0; ///< In days from the beginning; most are there from the beginning.
  std::uint32_t stock = 0;
};

/// Items and the tables to draw them from.
class Shop {
 public:
  Shop(std::uint64_t seed, std::uint64_t items, double days);

  [[nodiscard]] std::span<const ShopItem> items() const noexcept { return items_; }
  [[nodiscard]] std::string item_name(std::uint32_t item) const;
  [[nodiscard]] std::string_view colour(std::uint32_t item) const noexcept;
  /// An item of the category by popularity alone; no_shop_item where it has none.
  [[nodiscard]] std::uint32_t draw(std::size_t category, Random& random) const noexcept;
  [[nodiscard]] bool has_items(std::size_t category) const noexcept { return !drawers_[category].items.empty(); }
  /// Position of the category that goes with this one: the first or the second.
  [[nodiscard]] std::size_t goes_with(std::size_t category, std::size_t which) const noexcept { return partners_[category][which]; }

 private:
  /// The items of a category and the sums of their popularity.
  struct Drawer {
    std::vector<std::uint32_t> items;
    std::vector<double> sums;
  };
  std::vector<ShopItem> items_;
  std::vector<Drawer> drawers_;
  std::vector<std::array<std::size_t, 2>> partners_;
};

}  // namespace pannier::data::simulation
