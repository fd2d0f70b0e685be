/// The most popular items: the floor every personal model has to beat, and the last step of every fallback chain.
#pragma once

#include <memory>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::popularity {

struct PopularConfig {
  bool weighted = false;
  bool operator==(const PopularConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, PopularConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("weighted", c.weighted, "Rank by the sum of weights instead of by the number of people.");
}

/// Answers everyone with the same ranking, without what they have; needs no history.
class PopularModel : public model::Recommender {
 public:
  /// The score of each item: people (or weight) with a positive cell.
  [[nodiscard]] virtual std::span<const float> popularity() const noexcept = 0;
};

struct PopularFit {
  std::shared_ptr<const PopularModel> model;
  FitReport report;
};

/// Errors: invalid_argument (no items, bad weights). Items nobody has are ranked last, by index, with score 0.
[[nodiscard]] PopularFit fit_popular(const CsrView& events, const PopularConfig& config, const FitControl& control = {});

[[nodiscard]] std::shared_ptr<const PopularModel> read_popular(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::popularity
