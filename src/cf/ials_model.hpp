/// The fitted model behind IalsModel, for the fit that makes it.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "pannier/cf/ials.hpp"

namespace pannier::cf {

/// The arrays of a fitted model, owned.
struct IalsStorage {
  Matrix vectors;                ///< items x factors, in the coordinates of fold_in.
  Matrix fold_in;                ///< items x factors, the vectors that people were solved against, in the eigenbasis of their Gram matrix.
  std::vector<double> diagonal;  ///< That matrix's diagonal.
  std::vector<float> norms;
};

/// A model of `storage`; the norms are computed here.
[[nodiscard]] std::shared_ptr<const IalsModel> make_ials_model(const IalsConfig& config, std::shared_ptr<IalsStorage> storage);

/// A copy whose vectors `change` has been called with, item by item; the shared Gram matrix stays that of the fit.
/// Errors: invalid_argument for a model that this library did not make.
[[nodiscard]] std::shared_ptr<const IalsModel> with_vectors(const IalsModel& model, const std::function<void(std::size_t item, std::span<float> vector, std::span<float> fold_in)>& change);

}  // namespace pannier::cf
