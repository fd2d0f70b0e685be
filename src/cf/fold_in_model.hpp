/// What a model whose people fold in as the solution of one linear system answers: folding in, scoring, similar items, reasons, batches, writing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cf/by_vector.hpp"
#include "cf/ials_row.hpp"
#include "cf/ials_scratch.hpp"
#include "model/item_order.hpp"
#include "pannier/core/error.hpp"
#include "pannier/model/recommender.hpp"
#include "pannier/model/vectors.hpp"

namespace pannier::cf {

/// The written arrays of one. `diagonal` is that of the shared matrix in the coordinates of fold_in.
struct FoldInArrays {
  MatrixView vectors, fold_in;
  std::span<const float> norms;
  std::span<const double> diagonal;
};
[[nodiscard]] inline FoldInArrays read_fold_in_arrays(const model::SectionReader& reader, std::uint32_t item_count, std::size_t factors) {
  const std::size_t stride = round_up(factors, 16);
  const auto vectors = reader.array<float>("item_vectors", item_count * stride);
  const auto fold_in = reader.array<float>("fold_in_vectors", item_count * stride);
  return {{vectors.data(), item_count, factors, stride}, {fold_in.data(), item_count, factors, stride}, reader.array<float>("norms", item_count), reader.array<double>("diagonal", factors)};
}

/// Interface is a model::VectorModel and a model::Recommender with fold_in_vectors(). What is left to a derived class is a person's system.
template <class Interface>
class FoldInModel : public Interface {
 public:
  /// `unobserved`: what the diagonal is multiplied by in a person's system.
  FoldInModel(const FoldInArrays& arrays, double unobserved, std::shared_ptr<const void> keeper)
      : vectors_(arrays.vectors), fold_in_(arrays.fold_in), norms_(arrays.norms), diagonal_(arrays.diagonal), keeper_(std::move(keeper)) {
    shared_.resize(round_up(diagonal_.size(), 16), 1.0);
    for (std::size_t k = 0; k < diagonal_.size(); ++k) shared_[k] = unobserved * diagonal_[k];
    for (std::size_t i = 1; i < norms_.size(); ++i) descend_ &= norms_[i - 1] >= norms_[i];
  }

  std::span<const double> diagonal() const noexcept { return diagonal_; }
  std::uint32_t item_count() const noexcept override { return static_cast<std::uint32_t>(vectors_.rows); }
  const model::VectorModel* vectors() const noexcept override { return this; }
  MatrixView item_vectors() const noexcept override { return vectors_; }
  MatrixView fold_in_vectors() const noexcept override { return fold_in_; }
  std::span<const float> item_norms() const noexcept override { return norms_; }
  bool norms_descend() const noexcept override { return descend_; }

  void query(const model::History& history, model::Workspace& workspace, std::span<float> out) const override {
    if (out.size() != vectors_.cols)
      throw Error(ErrorCode::invalid_argument, "out", "has " + std::to_string(out.size()) + " numbers", std::to_string(vectors_.cols));
    model::require_valid(history, {}, this->item_count(), workspace);
    fold_in(evidence(history, workspace), history, workspace, out);
  }

  std::size_t recommend(const model::History& history, const model::Ask& ask, model::Workspace& workspace,
                        std::span<Scored> out) const override {
    model::require_valid(history, ask, this->item_count(), workspace);
    return by_vector::recommend(*this, own_query(history, workspace), history, ask, workspace, out);
  }

  void score(const model::History& history, std::span<const ItemIndex> candidates, model::Workspace& workspace,
             std::span<float> out) const override {
    model::require_valid(history, {}, this->item_count(), workspace);
    model::require_valid_candidates(candidates, this->item_count(), out.size());
    by_vector::score(*this, own_query(history, workspace), candidates, out);
  }

  void score_all(const model::History& history, model::Workspace& workspace, std::span<float> out) const override {
    model::require_valid(history, {}, this->item_count(), workspace);
    model::require_valid_all(this->item_count(), out.size());
    by_vector::score_all(*this, own_query(history, workspace), out);
  }

  std::size_t similar(ItemIndex item, const model::Ask& ask, model::Workspace& workspace, std::span<Scored> out) const override {
    model::require_valid({}, ask, this->item_count(), workspace);
    model::require_valid_item(item, this->item_count());
    return by_vector::similar(*this, vectors_.cols, norms_, item, ask, workspace, out);
  }

  std::size_t explain(const model::History& history, ItemIndex item, model::Workspace& workspace, std::span<model::Reason> out) const override {
    model::require_valid(history, {}, this->item_count(), workspace);
    model::require_valid_item(item, this->item_count());
    std::uint32_t count = 0;
    give_reasons(history, {&item, 1}, out.size(), workspace, out, {&count, 1});
    return count;
  }

  void explain_each(const model::History& history, std::span<const ItemIndex> items, std::size_t most, model::Workspace& workspace,
                    std::span<model::Reason> out, std::span<std::uint32_t> counts) const override {
    model::require_valid(history, {}, this->item_count(), workspace);
    model::require_valid_explanations(items, most, this->item_count(), out.size(), counts.size());
    give_reasons(history, items, most, workspace, out, counts);
  }

  void recommend_batch(const CsrView& histories, const model::Ask& ask, const Execution& execution, std::span<ItemIndex> items,
                       std::span<float> scores) const override {
    model::require_valid_batch(histories, ask, this->item_count(), items, scores);
    by_vector::recommend_batch(*this, histories, ask, execution, [this](std::size_t, std::span<const std::uint32_t> columns, std::span<const float> weights, model::Workspace& workspace, std::span<float> out) {
      return fold_in(evidence(columns, weights, workspace), {}, workspace, out);
    }, items, scores);
  }

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    model::require_valid_order(order, this->item_count());
    const std::size_t count = vectors_.rows, stride = vectors_.stride;
    std::vector<float> rows(count * stride, 0.0f), fold_in_rows(count * stride, 0.0f), norms(count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto from = value(order.old_index[i]);
      std::ranges::copy(vectors_.row(from), rows.begin() + static_cast<std::ptrdiff_t>(i * stride));
      std::ranges::copy(fold_in_.row(from), fold_in_rows.begin() + static_cast<std::ptrdiff_t>(i * stride));
      norms[i] = norms_[from];
    }
    writer.array<float>("item_vectors", rows);
    writer.array<float>("fold_in_vectors", fold_in_rows);
    writer.array<float>("norms", norms);
    writer.array<double>("diagonal", diagonal_);
  }

 protected:
  /// A person's system, and the scratch memory it is solved in.
  struct Person {
    IalsRow<double> row;
    double* scratch;   ///< ials_scratch_size numbers, and further ones:
    double* answer;    ///< `factors` numbers.
    bool known;        ///< Whether there is anything to answer from.
  };

  /// Of the positive weights of a history, as prepare() leaves them; borrows from the workspace (indices, more_floats).
  struct Evidence {
    std::span<const std::uint32_t> items;
    std::span<const float> weights;
  };

  /// Turns the positive weights of a history into those of the system.
  virtual void prepare(std::span<float> /*weights*/) const {}
  /// Whether people are drawn to something else than zero, so that one without evidence may have an answer.
  virtual bool draws() const noexcept { return false; }
  /// Takes workspace.doubles, and may take touched and scores.
  virtual Person person(const Evidence& evidence, const model::History& history, model::Workspace& workspace) const = 0;

  [[nodiscard]] const MatrixView& fold_in_matrix() const noexcept { return fold_in_; }
  /// The diagonal times `unobserved`, 1 in the padding.
  [[nodiscard]] const double* shared() const noexcept { return shared_.data(); }

 private:
  template <class Items, class Index>
  Evidence evidence_of(const Items& items, std::span<const float> weights, model::Workspace& workspace, const Index& index) const {
    workspace.indices.clear();
    workspace.more_floats.clear();
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (!(weights[i] > 0)) continue;
      workspace.indices.push_back(index(items[i]));
      workspace.more_floats.push_back(weights[i]);
    }
    prepare(workspace.more_floats);
    return {workspace.indices, workspace.more_floats};
  }
  Evidence evidence(const model::History& history, model::Workspace& workspace) const {
    return evidence_of(history.items, history.weights, workspace, [](ItemIndex item) { return value(item); });
  }
  Evidence evidence(std::span<const std::uint32_t> columns, std::span<const float> weights, model::Workspace& workspace) const {
    return evidence_of(columns, weights, workspace, [](std::uint32_t column) { return column; });
  }

  /// False, and zeros, without evidence.
  bool fold_in(const Evidence& evidence, const model::History& history, model::Workspace& workspace, std::span<float> out) const {
    if (evidence.items.empty() && !draws()) {
      std::ranges::fill(out, 0.0f);
      return false;
    }
    const auto [row, scratch, answer, known] = person(evidence, history, workspace);
    if (!known) {
      std::ranges::fill(out, 0.0f);
      return false;
    }
    double least = 0;
    static_cast<void>(ials_fixed::solve(row, scratch, answer, least));
    for (std::size_t k = 0; k < row.factors; ++k) out[k] = static_cast<float>(answer[k]);
    return true;
  }

  /// The person's vector, in workspace.floats; empty without evidence.
  std::span<const float> own_query(const model::History& history, model::Workspace& workspace) const {
    workspace.floats.resize(vectors_.cols);
    return fold_in(evidence(history, workspace), history, workspace, workspace.floats) ? std::span<const float>(workspace.floats) : std::span<const float>();
  }

  /// See explain_each(). The history's system is factorised once; an item is one more right side.
  void give_reasons(const model::History& history, std::span<const ItemIndex> items, std::size_t most, model::Workspace& workspace,
                    std::span<model::Reason> out, std::span<std::uint32_t> counts) const {
    const auto known = evidence(history, workspace);
    std::ranges::fill(counts, 0u);
    if (known.items.empty() || most == 0 || items.empty()) return;
    const auto [row, scratch, z, any] = person(known, history, workspace);
    ials_fixed::factorise_row(row, scratch);
    auto& scored = workspace.scored;
    for (std::size_t n = 0; n < items.size(); ++n) {
      ials_fixed::inverse_times(row, vectors_.row(value(items[n])).data(), scratch, z);
      scored.clear();
      for (std::size_t i = 0; i < known.items.size(); ++i) {
        const auto share = static_cast<float>(ials_fixed::share(fold_in_.row(known.items[i]), known.weights[i], z));
        if (std::isfinite(share) && share != 0) scored.push_back({ItemIndex{known.items[i]}, share});
      }
      const std::size_t count = std::min(scored.size(), most);
      counts[n] = static_cast<std::uint32_t>(count);
      std::ranges::partial_sort(scored, scored.begin() + static_cast<std::ptrdiff_t>(count), ranks_before);
      for (std::size_t i = 0; i < count; ++i) out[n * most + i] = {scored[i].item, scored[i].score};
    }
  }

  MatrixView vectors_, fold_in_;
  std::span<const float> norms_;
  std::span<const double> diagonal_;
  std::vector<double> shared_;
  bool descend_ = true;
  std::shared_ptr<const void> keeper_;
};

}  // namespace pannier::cf
