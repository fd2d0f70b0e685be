/// The people of the simulated shop: their tastes, how often they come, when they stop coming.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "data/simulate_shop.hpp"
#include "pannier/core/random.hpp"

namespace pannier::data::simulation {

inline constexpr std::array<std::string_view, 3> devices{"desktop", "mobile", "tablet"};
inline constexpr std::array<std::string_view, 8> countries{"DE", "GB", "FR", "NL", "SE", "AT", "US", "CH"};
inline constexpr std::array<std::string_view, 5> channels{"direct", "search", "email", "social", "ads"};

/// A group of people of like tastes.
struct Archetype {
  std::string_view name;
  double share = 0;
  std::array<std::string_view, 6> favourites;  ///< Paths of categories.
};
[[nodiscard]] std::span<const Archetype> archetypes() noexcept;

/// A registered user, or a guest: a visitor who never signs in. Times are days from the beginning.
struct Person {
  static constexpr std::size_t most_categories = 6;

  std::uint64_t entity = 0;                 ///< For draws: the number, with the top bit set for guests.
  Random arrivals{0};
  double joined = 0, dropout = 0;           ///< First visit; no visit from then on.
  double visit_rate = 0, conversion = 0;    ///< Visits a day over an average year; the share of them that buy.
  double next_visit = 0;                    ///< State: the next visit, before thinning by season.
  std::int64_t busy_until_s = 0;            ///< State: the end of the last visit.
  std::array<std::uint32_t, 4> seen{no_shop_item, no_shop_item, no_shop_item, no_shop_item};  ///< State: viewed last.
  std::uint32_t left_in_cart = no_shop_item, used_up = no_shop_item;                           ///< State.
  std::uint32_t visits = 0;                 ///< State: how many so far.
  std::array<float, most_categories> shares{};
  std::array<std::uint8_t, most_categories> categories{};
  std::uint8_t category_count = 0;
  std::uint8_t archetype = 0, style = 0, second_style = 0, tier = 0;
  std::array<std::uint8_t, 2> brands{};
  std::uint8_t device = 0, country = 0, source = 0;
  bool guest = false;

  /// Orders a day over an average year, while the person comes: Gamma distributed over people.
  [[nodiscard]] double order_rate() const noexcept { return visit_rate * conversion; }
};

/// Everything about a person that does not change, and the state before the first visit.
[[nodiscard]] Person make_person(const Shop& shop, std::uint64_t seed, std::uint64_t number, bool guest, double days);

/// What the person named as an interest when signing up, as six in ten do: the department ("kitchen") of one of their categories, or "".
[[nodiscard]] std::string_view interest(const Person& person, std::uint64_t seed) noexcept;

/// How much the person likes an item, in (0, 1]: style, brand and price level, whatever its category.
[[nodiscard]] double liking(const Person& person, const ShopItem& item) noexcept;

/// An item of the category, drawn by popularity times liking; launched before `day`. no_shop_item where none comes up.
[[nodiscard]] std::uint32_t choose(const Shop& shop, const Person& person, std::size_t category, double day, Random& random) noexcept;

}  // namespace pannier::data::simulation
