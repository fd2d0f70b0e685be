/// Partial updates of a factorisation: new people, new items and changed rows, without a refit.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "pannier/cf/ials.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"

namespace pannier::cf {

/// Both sides' vectors of a factorisation and their Gram matrices, which follow each changed row.
///
/// A row is solved exactly against the other side as it stands, by the loss of fit_ials(): what a half epoch of a refit would set it to. What it changes on the other
/// side is seen by later calls alone, so many changed rows want a refit, which fit_ials_from() begins where this stands.
///
/// Errors:  invalid_argument (naming the argument), out_of_memory, numerical_failure, cancelled: all leave everything as it was.
/// Threads: One thread; solving itself uses those of `control.execution`, with the same bits for any number of them.
class IalsUpdate {
 public:
  /// Of vectors in common coordinates; rows of zeros are people or items without evidence. config: factors are the vectors' length; loss, unobserved_weight, l2 and
  /// frequency_exponent count, the others do not.
  IalsUpdate(const MatrixView& users, const MatrixView& items, const IalsConfig& config, const FitControl& control = {});
  /// Of a fit: its people's rows and the vectors with which items are scored.
  explicit IalsUpdate(const IalsFit& fit, const FitControl& control = {});
  ~IalsUpdate();
  IalsUpdate(IalsUpdate&&) noexcept;
  IalsUpdate& operator=(IalsUpdate&&) noexcept;

  /// Sets the people's rows to the solutions of events' rows (as many as `users`, columns are items). Numbers from user_factors().rows on are new people, who must
  /// come without gaps; all different. A row without evidence becomes zero.
  /// Cost: a row of n events O(n k²) to turn its items and then as in a fit; once after items have changed O(k³). Memory: O(users k) where there are new ones.
  void set_users(std::span<const std::uint32_t> users, const CsrView& events, const FitControl& control = {});
  /// The same for items: events' rows are items, its columns people.
  void set_items(std::span<const std::uint32_t> items, const CsrView& events, const FitControl& control = {});

  /// What set_users() would set rows of such events to; everything stays as it is.
  [[nodiscard]] Matrix user_rows(const CsrView& events, const FitControl& control = {}) const;
  [[nodiscard]] Matrix item_rows(const CsrView& events, const FitControl& control = {}) const;

  [[nodiscard]] MatrixView user_factors() const noexcept;
  [[nodiscard]] MatrixView item_factors() const noexcept;
  [[nodiscard]] const IalsConfig& config() const noexcept;

  /// A model of the items as they stand: people fold in against the vectors that items are scored with.
  /// Its coordinates are its own. Cost: O(items k²).
  [[nodiscard]] std::shared_ptr<const IalsModel> model(const FitControl& control = {}) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pannier::cf
