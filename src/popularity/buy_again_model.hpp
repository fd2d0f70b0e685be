/// What fitting and serving buy_again share: the features of a purchase and the arrays of the model.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>

#include "pannier/core/time.hpp"
#include "pannier/model/recommender.hpp"
#include "pannier/popularity/buy_again.hpp"

namespace pannier::popularity {

/// Base-2 logarithm of a positive normal float with a straight line between powers of 2: exact there, at most .0861 off, monotone.
[[nodiscard]] inline float line_log2(float x) noexcept {
  return static_cast<float>(static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(x)) - 0x3F800000) * 0x1p-23f;
}

/// The weights' order: 1, times, under due, over due, units, repeat rate, recent buyers, breadth.
inline constexpr std::size_t buy_again_features = 8;
/// How many gaps of the person's own the item's interval counts for.
inline constexpr float interval_gaps = 3;

/// lg(time since the last purchase / expected interval), days of less than 1 being about 1.
[[nodiscard]] inline float due_ratio(const model::Bought& bought, float item_interval_days) noexcept {
  constexpr double day = static_cast<double>(us_per_day);
  const auto last = static_cast<float>(static_cast<double>(bought.last_age_us) / day);
  const auto span = static_cast<float>(static_cast<double>(bought.first_age_us - bought.last_age_us) / day);
  const auto gaps = static_cast<float>(bought.times - 1) + interval_gaps;
  const float interval = (span + interval_gaps * item_interval_days) / gaps;
  return line_log2((1 + last) / (1 + interval));
}

/// The part of the log-odds that depends on the person; bought.times > 0.
[[nodiscard]] inline float own_log_odds(std::span<const float> weights, const model::Bought& bought, float item_interval_days) noexcept {
  const auto times = static_cast<float>(bought.times);
  const float due = due_ratio(bought, item_interval_days);
  return weights[1] * line_log2(times) + (due < 0 ? weights[2] : weights[3]) * due + weights[4] * line_log2(1 + bought.units / times);
}

struct BuyAgainArrays {
  std::span<const float> weights;         ///< buy_again_features of them; those of the item's own features are in `appeal` already.
  std::span<const float> interval_days;   ///< One an item.
  std::span<const float> appeal;          ///< One an item: its part of the log-odds.
};

[[nodiscard]] std::shared_ptr<const BuyAgainModel> make_buy_again(const BuyAgainConfig& config, double horizon_days, const BuyAgainArrays& arrays,
                                                                  std::shared_ptr<const void> keeper);

}  // namespace pannier::popularity
