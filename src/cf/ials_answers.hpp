/// What a model whose people fold in by a row of alternating least squares answers.
#pragma once

#include <algorithm>
#include <memory>
#include <utility>

#include "cf/fold_in_model.hpp"
#include "cf/ials_cells.hpp"
#include "cf/ials_model.hpp"

namespace pannier::cf {

/// Interface is IalsModel or derives from it.
template <class Interface>
class IalsAnswers : public FoldInModel<Interface> {
 public:
  using Base = FoldInModel<Interface>;
  IalsAnswers(const IalsConfig& config, MatrixView vectors, MatrixView fold_in_vectors, std::span<const float> norms,
              std::span<const double> diagonal, std::shared_ptr<const void> keeper)
      : Base({vectors, fold_in_vectors, norms, diagonal}, static_cast<double>(config.unobserved_weight), std::move(keeper)), config_(config) {}

  const IalsConfig& config() const noexcept override { return config_; }

 protected:
  /// What people are drawn to instead of zero, where draws(): added, times `ridge`, to `linear`. False where nothing is known of the person (what everybody is drawn to is added all the same);
  /// then no evidence is no answer.
  virtual bool add_drawn(const model::History& /*history*/, double /*ridge*/, model::Workspace& /*workspace*/, double* /*linear*/) const { return false; }

 private:
  using typename Base::Evidence;
  using typename Base::Person;

  Person person(const Evidence& evidence, const model::History& history, model::Workspace& workspace) const final {
    const auto& fold_in = this->fold_in_matrix();
    const std::size_t factors = fold_in.cols, events = evidence.items.size();
    const bool replaced = config_.loss == IalsLoss::replaced;
    const std::size_t needed = round_up(std::max(ials_scratch_size<double>(events, factors), replaced ? ials_scratch_size<double>(events, factors, true) : 0), 8);
    const std::size_t width = round_up(factors, 16);
    double* const scratch = aligned_scratch(workspace.doubles, needed + 2 * width);
    Person out{{fold_in.data, fold_in.stride, factors, this->shared(), ials_ridge(config_, evidence.weights, fold_in.rows), evidence.items, evidence.weights}, scratch, scratch + needed, !evidence.items.empty()};
    if (!replaced && !this->draws()) return out;
    double* const linear = out.answer + width;
    std::fill_n(linear, width, 0.0);
    out.row.linear = linear;
    if (this->draws()) out.known |= add_drawn(history, out.row.ridge, workspace, linear);
    if (replaced) {
      IalsCells cells{std::move(workspace.touched), std::move(workspace.scores), 0};
      cells.read(evidence.items, evidence.weights, fold_in, static_cast<double>(config_.unobserved_weight), linear);
      workspace.touched = std::move(cells.events);
      workspace.scores = std::move(cells.weights);
      out.row.events = workspace.touched;
      out.row.weights = workspace.scores;
      out.row.subtracted = cells.subtracted;
    }
    return out;
  }

  IalsConfig config_;
};

using IalsArrays = FoldInArrays;
[[nodiscard]] inline IalsArrays read_ials_arrays(const model::SectionReader& reader, std::uint32_t item_count, std::size_t factors) {
  return read_fold_in_arrays(reader, item_count, factors);
}

}  // namespace pannier::cf
