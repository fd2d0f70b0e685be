/// Implicit-feedback matrix factorisation by alternating least squares.
#pragma once

#include <cstdint>
#include <memory>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"
#include "pannier/model/vectors.hpp"

namespace pannier::cf {

/// How a row is solved in all epochs but the last. In the last one every row is solved exactly, so that folding in gives the fit's own rows.
enum class IalsSolver {
  automatic,            ///< "auto": each row by the cheapest of dual, primal and two steps of conjugate gradients, by a model of their cost.
  exact,                ///< "exact": dual or primal form.
  conjugate_gradients,  ///< "cg": three steps from the last epoch's row, preconditioned by what the average row of its mass looks like.
  subspace,             ///< "subspace": blocks of 16 coordinates, each solved exactly given the others (iALS++).
};

/// What an event's weight w does to its cell, whose unobserved weight is a.
enum class IalsLoss {
  added,     ///< "added": it stands beside it, w (s - 1)² + a s² (Rendle et al. 2021).
  replaced,  ///< "replaced": it stands in its place, w (s - 1)², and a negative one asks for nothing, |w| s² (Hu et al. 2008; as libraries after them have it).
};

/// Settings of fit_ials(). A plain value: copy it, compare it, write it as JSON.
struct IalsConfig {
  std::int32_t factors = 64;
  float unobserved_weight = 0.1f;
  IalsLoss loss = IalsLoss::added;
  float l2 = 0.003f;
  float frequency_exponent = 1;
  std::int32_t epochs = 16;
  std::int32_t start_factors = 0;
  float tolerance = 0;
  IalsSolver solver = IalsSolver::automatic;
  std::uint64_t seed = 42;
  bool operator==(const IalsConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, IalsConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("factors", c.factors, Range{1, 4096}, "Length of a latent vector. Raising it costs up to factors squared per event.");
  visit("unobserved_weight", c.unobserved_weight, Range{1e-6, 1e3}, "Weight of one empty cell, where an observed one weighs its own weight.");
  visit("loss", c.loss, Choices<IalsLoss>{{"added", IalsLoss::added}, {"replaced", IalsLoss::replaced}},
        "What an event's weight does to the unobserved weight of its cell: added to it, or in its place, which is the loss of Hu et al. 2008.");
  visit("l2", c.l2, Range{1e-9, 1e6}, "Ridge strength. Raise it when the catalogue is sparse.");
  visit("frequency_exponent", c.frequency_exponent, Range{0, 2}, "Exponent of the row's mass in the ridge; 0 is plain ridge.");
  visit("epochs", c.epochs, Range{1, 10000}, "One epoch solves every user, then every item.");
  visit("start_factors", c.start_factors, Range{0, 4096}, "Begins with so many factors and doubles them after each epoch, up to `factors`; 0: all from the beginning.");
  visit("tolerance", c.tolerance, Range{0, 1}, "Stops early: once an epoch lowers the loss by less than this share of it, the next one is the last; 0: never.");
  visit("solver", c.solver, Choices<IalsSolver>{{"auto", IalsSolver::automatic}, {"exact", IalsSolver::exact}, {"cg", IalsSolver::conjugate_gradients}, {"subspace", IalsSolver::subspace}},
        "How a row is solved before the last epoch, which is exact; auto picks the cheapest for each length of row.");
  visit("seed", c.seed, Range{0, 1.8446744073709551615e19}, "Fixes the initial factors; nothing else is random.");
}

/// A fitted factorisation: item vectors and what folding a person in needs. Users are not part of it.
///
/// An item has two vectors: item_vectors(), with which it is scored, are those of the last half epoch, solved against the
/// people's final rows; fold_in_vectors() are those of the half epoch before, against which the people's rows were solved. So folding
/// a person in gives exactly the kind of row that the scoring vectors were fitted to; with one set for both, the people would have to be solved
/// once more and leave the rows that the items know (docs/benchmarks.md has the accuracy of both). At convergence the two sets are one.
///
/// Factors beyond the tastes of a small catalogue do not stay idle: they fit single empty cells unless the ridge holds them down. What is
/// recommended is the same, but the cosine of similar() weighs them like any other; a larger l2 sets them to zero.
class IalsModel : public model::Recommender, public model::VectorModel {
 public:
  /// item_count x factors, in the coordinates of item_vectors().
  [[nodiscard]] virtual MatrixView fold_in_vectors() const noexcept = 0;
  [[nodiscard]] virtual const IalsConfig& config() const noexcept = 0;
};

struct IalsFit {
  std::shared_ptr<const IalsModel> model;
  Matrix user_factors;   ///< users x factors: the fit's own rows, in the coordinates of model->item_vectors(); what folding a row in gives.
  FitReport report;
};

/// Minimises   sum over cells w (x_u.y_i - 1)²  +  unobserved_weight * sum over all (u,i) (x_u.y_i)²
///           + l2 * ( sum_u m_u^nu |x_u|² + sum_i m_i^nu |y_i|² ),   m = (sum of the row's w) + unobserved_weight * (rows of the other side)
/// with w the cell's weight and nu = frequency_exponent; with config.loss replaced, the cells of events have no part in the second sum, and the weight of those
/// whose w is negative stands before s² (m then sums magnitudes). Rows are solved as config.solver says; the last epoch solves each exactly.
///
/// Shapes:  `events` is users x items; weights are dimensionless and, but for config.loss replaced, not negative (0: no evidence, left out).
/// Cost:    each half epoch rotates to the eigenbasis of the fixed side's Gram matrix, O((users + items) k² + k³), where the shared term is
///          diagonal. A row of n events then costs O(n² k + n³) in dual form (n x n), O(n k² + k³) in primal form (k x k), O(n k) by
///          conjugate gradients, O(16 n k) by blocks. With config.loss replaced, rows with weights below the unobserved
///          weight are solved in primal form in double. Memory O((users + items) k), and up to O(k²) a thread.
/// Report:  `detail` says which share of the rows and of the events took which way; `objective` is the loss above after each epoch, for any
///          solver, at no pass of its own.
/// Repeats: the same events, config and build give the same bits for any `control.execution.threads`.
/// Errors:  invalid_argument (no users, no items, no positive weight, a setting or a weight out of range), out_of_memory, numerical_failure, cancelled.
///          A negative weight has no place in a History: folding in refuses it.
/// Source:  Hu, Koren & Volinsky 2008; loss and regularisation as in Rendle, Krichene, Zhang & Koren 2021 (arXiv:2110.14037), with the cell's weight in place of 1.
///          Growing factors: as blocks of dimensions are added in Bayer, He, Kanagal & Rendle 2017 (arXiv:1611.04666), doubled here.
///          Conjugate gradients from the row before: Takács, Pilászy & Tikk 2011; blocks of coordinates: Rendle et al. 2021 (arXiv:2110.14044).
[[nodiscard]] IalsFit fit_ials(const CsrView& events, const IalsConfig& config, const FitControl& control = {});

/// The same from item vectors of an earlier fit (a warm start) instead of random ones: `start` is items x at most `factors`, by the columns of `events`. Rows of zeros, which
/// are new items, and further factors begin at random. config.start_factors does not count.
/// Errors: as fit_ials(); invalid_argument naming start (another number of items, no or more factors, a number that is not finite).
[[nodiscard]] IalsFit fit_ials_from(const MatrixView& start, const CsrView& events, const IalsConfig& config, const FitControl& control = {});

/// Opens a written model; arrays stay in the reader's memory. Errors: malformed_input.
[[nodiscard]] std::shared_ptr<const IalsModel> read_ials(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::cf
