#pragma once

/// One suite that every recommender passes: what the class comment of model::Recommender promises.
///
///     TEST_CASE("popular: keeps the promises of a recommender", "[popularity][popular]") {
///       conformance::check({.fit = [](const CsrView& events, const FitControl& control) -> conformance::Model { ... },
///                           .read = [](const model::SectionReader& reader, std::uint32_t items) -> conformance::Model { ... },
///                           .personal = false});
///     }

#include <cstdint>
#include <functional>
#include <memory>

#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::conformance {

using Model = std::shared_ptr<const model::Recommender>;

/// What is tested.
struct Subject {
  std::function<Model(const CsrView& events, const FitControl& control)> fit;
  std::function<Model(const model::SectionReader& reader, std::uint32_t item_count)> read;
  bool personal = true;       ///< False: the same ranking for everyone, also without a history.
  bool by_evidence = false;   ///< True: items without evidence are not returned.
  bool similar = true;        ///< False: similar() finds nothing.
  bool few_similar = false;   ///< So few weights are kept that similar() finds some items of the same taste, or none, not all.
  bool explains = true;       ///< False: explain() gives no reasons.
  bool bought = false;        ///< True: the histories tell of purchases, as many of an item as its weight says.
  bool own_items = false;     ///< True: only items that the person bought are recommended.
  bool weighs = true;         ///< False: the fit does not read the weights, so that bad ones are not refused.
  bool copies_tie = true;     ///< False: items that the same people have need not score alike, as the fit draws for each.
  float share_tolerance = 1e-5f;  ///< How far the shares may add up from the score, per unit of their absolute sum.
};

/// Runs the suite inside a TEST_CASE, a SECTION a promise.
void check(const Subject& subject);

}  // namespace pannier::conformance
