/// Matrix factorisation whose vectors are drawn to what the items' and the people's features say: for those that few events tell of, or none.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "pannier/cf/feature_map.hpp"
#include "pannier/cf/ials.hpp"
#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/data/features.hpp"
#include "pannier/model/artifact.hpp"

namespace pannier::cf {

/// Settings of fit_hybrid(): those of ials, and how far features are believed.
struct HybridConfig {
  std::int32_t factors = 64;
  float unobserved_weight = 0.1f;
  float l2 = 0.003f;
  float frequency_exponent = 1;
  float feature_l2 = 0.3f;
  std::int32_t epochs = 16;
  IalsSolver solver = IalsSolver::automatic;
  std::uint64_t seed = 42;
  bool operator==(const HybridConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, HybridConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("factors", c.factors, Range{1, 4096}, "Length of a latent vector. Raising it costs up to factors squared per event.");
  visit("unobserved_weight", c.unobserved_weight, Range{1e-6, 1e3}, "Weight of one empty cell, where an observed one weighs its own weight.");
  visit("l2", c.l2, Range{1e-9, 1e6}, "How strongly a vector is drawn to what its features say. Raise it when the catalogue is sparse.");
  visit("frequency_exponent", c.frequency_exponent, Range{0, 2}, "Exponent of the row's mass in that strength; 0: the same for all.");
  visit("feature_l2", c.feature_l2, Range{1e-6, 1e6}, "Ridge of the features' weights: a feature that so many average rows have is believed by half.");
  visit("epochs", c.epochs, Range{2, 10000}, "One epoch solves every user, then every item, and after each the weights of their features.");
  visit("solver", c.solver, Choices<IalsSolver>{{"auto", IalsSolver::automatic}, {"exact", IalsSolver::exact}, {"cg", IalsSolver::conjugate_gradients}, {"subspace", IalsSolver::subspace}},
        "How a row is solved before the last epoch, which is exact; auto picks the cheapest for each length of row.");
  visit("seed", c.seed, Range{0, 1.8446744073709551615e19}, "Fixes the initial factors; nothing else is random.");
}

/// What is known of one side: features, and how attributes become them.
struct HybridFeatures {
  CsrView rows{};              ///< items x features or users x features, values not negative: 1 for a token or a category, several bins for a number, rows of length 1 where
                               ///< some have many and others few. Without columns: no features.
  data::FeatureSpace space{};  ///< Whose columns they are; without features where they have no names.
};

/// From features to vectors, in a fitted model's memory: mean + weights' f. Without features: no rows, no mean.
struct FeatureMapView {
  MatrixView weights;           ///< features x factors.
  std::span<const float> mean;
};

/// A fitted one. Items without events have the vectors that their features say: they are recommended, found by similar() and fold in like any other; those without
/// features either have zero vectors.
class HybridModel : public IalsModel {
 public:
  [[nodiscard]] virtual const HybridConfig& hybrid_config() const noexcept = 0;
  /// From an item's features to its two vectors (see IalsModel).
  [[nodiscard]] virtual FeatureMapView item_map() const noexcept = 0;
  [[nodiscard]] virtual FeatureMapView fold_in_item_map() const noexcept = 0;
  /// From a person's features to the vector that their row is drawn to: History's attributes by user_space(), or its feature_columns. A person of whom nothing is known is drawn to the
  /// mean, and has an answer only with evidence.
  [[nodiscard]] virtual FeatureMapView user_map() const noexcept = 0;
  [[nodiscard]] virtual const data::FeatureSpace& item_space() const noexcept = 0;
  [[nodiscard]] virtual const data::FeatureSpace& user_space() const noexcept = 0;
};

struct HybridFit {
  std::shared_ptr<const HybridModel> model;
  Matrix user_factors;   ///< users x factors, see IalsFit.
  FitReport report;
};

/// Minimises   sum over cells w (x_u.y_i - 1)²  +  unobserved_weight * sum over all (u,i) with events on both sides (x_u.y_i)²
///           + l2 * ( sum_u m_u^nu |x_u - p_u|² + sum_i m_i^nu |y_i - q_i|² )  +  ridges of the features' weights
/// with m and nu as in fit_ials(), p_u = mean + V' f_u and q_i = mean + W' f_i, by turns for x, V, y and W. A side without features is drawn to zero, as in fit_ials();
/// without any, the fit is that of fit_ials(). A row without events has no part in it: its empty cells say that nobody could, not that nobody would.
///
/// Shapes:  `events` users x items as in fit_ials(); a row of features for each item, and for each user.
/// Cost:    an epoch of fit_ials() and some ten passes over the features' nonzeros, each times the factors. Memory: as fit_ials(), and four matrices of features x factors.
/// Report:  `objective` is the loss above without the ridges of the features' weights; `detail` as in fit_ials(), and how many items without events got a vector.
/// Repeats: the same bits for any `control.execution.threads`.
/// Explains: an item's reasons are the history's shares of its score; with user features the rest of it is what their attributes say.
/// Errors:  as fit_ials(), also for the features.
/// Source:  the priors of Agarwal & Chen 2009, "Regression-based latent factor models", fitted by block coordinate descent on the loss of Rendle et al. 2021.
[[nodiscard]] HybridFit fit_hybrid(const CsrView& events, const HybridFeatures& items, const HybridFeatures& users, const HybridConfig& config, const FitControl& control = {});

/// Opens a written model; arrays stay in the reader's memory. Errors: malformed_input.
[[nodiscard]] std::shared_ptr<const HybridModel> read_hybrid(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::cf
