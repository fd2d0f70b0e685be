/// Hold-outs: cutting a part off the training data, to choose by it before anybody looks at a test.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/item_vectors.hpp"
#include "pannier/data/orders.hpp"
#include "pannier/data/split.hpp"
#include "pannier/data/weighting.hpp"
#include "pannier/serve/registry.hpp"

namespace pannier::serve {

/// What a search is measured on: a part of the training data, held out of it.
struct HoldOut {
  data::Split split;                      ///< Histories to answer, and what is to be found.
  Csr fitted;                             ///< What models are fitted on where that is not split.train: without the rows of held-out people. No rows: split.train.
  data::OrderRows orders;                 ///< Of split.log.
  data::WeightingConfig weighting;
  std::vector<std::string> categories;    ///< Of the columns, "" where unknown. Empty: none is known.
  std::vector<std::string> item_ids;      ///< Of the columns, where vectors are to be found by them. Empty: those of split.log, or their numbers.
  std::shared_ptr<const data::ItemVectors> vectors;   ///< For the model vectors. Null: none is given.
  std::shared_ptr<const data::Catalog> catalog{};     ///< For the model hybrid, by the ids of the columns. Null: none is given.
  std::string told;                       ///< How it was cut, in words.

  /// Texts of the columns, as FitData borrows them.
  struct Names {
    std::vector<std::string_view> categories, item_ids;
  };
  /// What to fit on; borrows from this value and from `names`, which it fills.
  [[nodiscard]] FitData fit_data(Names& names) const;
};

/// Each cell of a row with probability `share`, but never all of a row.
/// Errors: invalid_argument (a share outside of 0.01 to 0.5, nothing to hold out, a matrix no model may see). Repeats: by `seed`.
[[nodiscard]] HoldOut hold_out_cells(const CsrView& events, double share, std::uint64_t seed);
/// Whole people, with probability `share` those of at least two cells: models are fitted without them, their histories are `fold_in` of their cells and the rest is to be found, but for
/// items that nobody else has, which split.unknown_items counts (strong generalisation, as Marlin 2004 and Liang et al. 2018 measure).
/// Errors, repeats: as hold_out_cells(); invalid_argument (a fold_in outside of 0.1 to 0.95).
[[nodiscard]] HoldOut hold_out_people(const CsrView& events, double share, std::uint64_t seed, double fold_in = 0.8);
/// The last days of the log: a quarter of it, at most 60 days, where `horizon_days` is 0. `categories` of the log's items.
/// Errors: invalid_argument (nothing to hold out).
[[nodiscard]] HoldOut hold_out_last_days(const data::EventLog& log, const data::WeightingConfig& weighting, double horizon_days,
                                         std::span<const std::string_view> categories = {}, const FitControl& control = {});
/// Each person's last event. Errors: as hold_out_last_days().
[[nodiscard]] HoldOut hold_out_last_events(const data::EventLog& log, const data::WeightingConfig& weighting,
                                           std::span<const std::string_view> categories = {}, const FitControl& control = {});

}  // namespace pannier::serve
