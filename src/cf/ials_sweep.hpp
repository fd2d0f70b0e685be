/// A half epoch of alternating least squares: one side's rows, each solved against the other side's vectors.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cf/ials_basis.hpp"
#include "cf/ials_cells.hpp"
#include "cf/ials_plan.hpp"
#include "cf/ials_row.hpp"
#include "cf/ials_scratch.hpp"
#include "pannier/cf/ials.hpp"

namespace pannier::cf {

/// One side of the events, as its half sweeps read it.
struct IalsSide {
  std::string name;                 ///< "user", "item".
  CsrView events;                   ///< Rows of this side, no weight zero.
  std::vector<std::uint32_t> order; ///< Rows with events, longest first: rows of one block are alike, and the long ones start first.
  std::vector<double> ridge;        ///< l2 mass^exponent, by row.
  std::vector<double> mass;         ///< Sum of the weights' magnitudes, by row.

  IalsSide(std::string name, const CsrView& events, const IalsConfig& config);
  [[nodiscard]] std::size_t length(std::size_t row) const noexcept { return events.row_columns(row).size(); }
};

/// What a half sweep leaves behind for the objective.
struct IalsSums {
  double least = 0;    ///< Of the rows' own terms.
  double squares = 0;  ///< ridge |x - p|² over the rows, p what they are drawn to.
};

/// How a half sweep solves its rows.
enum class IalsPass {
  improving,  ///< As the config's solver says, from where they stand.
  exact,      ///< In full.
  final,      ///< In full and in double, as folding in does, so that a person's own row is what their history folds in to.
};

/// The half sweeps of one fit, with their scratch memory. Borrows its arguments.
class IalsSweeps {
 public:
  /// `fit` begins the messages.
  IalsSweeps(std::string fit, const IalsConfig& config, const FitControl& control)
      : fit_(std::move(fit)), config_(config), control_(control), float_(control.execution), warm_(control.execution), double_(control.execution),
        cells_(static_cast<std::size_t>(resolved_threads(control.execution))) {}

  /// Called with the rotation of the other side's vectors, before any row is solved: what the rows are drawn to, in the coordinates after it
  /// (rows as `solved`); null: to zero.
  using Drawn = std::function<const Matrix*(const Basis& forth)>;

  /// Solves every row of `side` given the other side's vectors, which it first rotates. Returns the shared diagonal.
  /// `solved` must be in the coordinates that `given` comes in. `back`, where given, becomes the rotation that undoes the other side's.
  std::vector<double> run(const IalsSide& side, Matrix& solved, const IalsSide& other, Matrix& given, int epoch, IalsPass pass, IalsSums& sums, Basis* back = nullptr,
                          const Drawn& drawn = {});

  void stop_if_asked(int epoch) const;
  [[nodiscard]] std::size_t rows_in_double() const noexcept { return rows_in_double_; }

 private:
  /// What all rows of a half sweep are solved against.
  struct Given {
    const Matrix& vectors;
    std::vector<float> shared, spread;   ///< Padded, see solve_cg().
    std::vector<double> shared_double;
    const Matrix* drawn = nullptr;
    [[nodiscard]] std::span<const float> drawn_row(std::size_t row) const noexcept { return drawn == nullptr ? std::span<const float>() : drawn->row(row); }
  };

  bool solve_in_float(const IalsRow<float>& input, const Given& given, IalsWay way, float* turned, int worker, std::span<float> out, double& least);
  void solve_in_double(const IalsSide& side, std::size_t row, const Given& given, int worker, bool planned, std::span<float> out, double& least, double& above);

  std::string fit_;
  const IalsConfig& config_;
  const FitControl& control_;
  WorkerScratch<float> float_, warm_;
  WorkerScratch<double> double_;
  std::vector<IalsRowScratch> cells_;
  std::atomic<std::size_t> rows_in_double_{0};
};

/// Without the cells of weight zero; `kept` holds the copy where there are any.
[[nodiscard]] CsrView ials_evidence(const CsrView& events, Csr& kept);

/// Which way the rows and the events of both sides go before the last epoch.
[[nodiscard]] std::string describe_ways(const IalsConfig& config, const IalsSide& users, const IalsSide& items);

/// `from` in its first columns where it has rows, and random numbers of the item's own in the others, and in rows of zeros; rows without events stay 0.
[[nodiscard]] Matrix initial_vectors(const IalsSide& side, std::size_t factors, const MatrixView& from, const IalsConfig& config, const FitControl& control);

}  // namespace pannier::cf
