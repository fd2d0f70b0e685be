/// The fitted model behind BprModel, for the fit that makes it.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "pannier/cf/bpr.hpp"

namespace pannier::cf {

/// The arrays of a fitted model, owned.
struct BprStorage {
  Matrix vectors;                ///< items x factors, in the coordinates of fold_in.
  Matrix fold_in;                ///< items x factors, (v - mean) / 2 in the eigenbasis of its covariance.
  std::vector<double> diagonal;  ///< The covariance there.
  std::vector<float> norms;      ///< Of `vectors`.
};

/// A model of `storage`; the norms are computed here.
[[nodiscard]] std::shared_ptr<const BprModel> make_bpr_model(const BprConfig& config, std::shared_ptr<BprStorage> storage);

}  // namespace pannier::cf
