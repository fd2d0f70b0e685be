/// The fitted model: folding in, reasons, reading and writing; by_vector answers the rest.
#include "pannier/cf/bpr.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "cf/bpr_model.hpp"
#include "cf/by_vector.hpp"
#include "cf/ials_row.hpp"
#include "cf/ials_scratch.hpp"
#include "core/number_or_zero.hpp"
#include "model/item_order.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/simd.hpp"

namespace pannier::cf {
namespace {

class Model final : public BprModel {
 public:
  Model(const BprConfig& config, MatrixView vectors, MatrixView fold_in_vectors, std::span<const float> norms, std::span<const double> diagonal,
        std::shared_ptr<const void> keeper)
      : config_(config), vectors_(vectors), fold_in_(fold_in_vectors), norms_(norms), diagonal_(diagonal), keeper_(std::move(keeper)) {
    for (const double variance : diagonal) shared_.push_back(static_cast<double>(config.fold_in_unobserved) * variance);
    for (std::size_t i = 1; i < norms.size(); ++i) descend_ &= norms[i - 1] >= norms[i];
  }

  const BprConfig& config() const noexcept override { return config_; }
  std::string_view kind() const noexcept override { return "bpr"; }
  std::uint32_t item_count() const noexcept override { return static_cast<std::uint32_t>(vectors_.rows); }
  std::string config_json() const override { return to_json(config_); }
  const model::VectorModel* vectors() const noexcept override { return this; }
  MatrixView item_vectors() const noexcept override { return vectors_; }
  MatrixView fold_in_vectors() const noexcept override { return fold_in_; }
  std::span<const float> item_norms() const noexcept override { return norms_; }
  bool norms_descend() const noexcept override { return descend_; }

  void query(const model::History& history, model::Workspace& workspace, std::span<float> out) const override {
    if (out.size() != vectors_.cols)
      throw Error(ErrorCode::invalid_argument, "out", "has " + std::to_string(out.size()) + " numbers", std::to_string(vectors_.cols));
    model::require_valid(history, {}, item_count(), workspace);
    static_cast<void>(fold_in(evidence(history, workspace), workspace, out));
  }

  std::size_t recommend(const model::History& history, const model::Ask& ask, model::Workspace& workspace, std::span<Scored> out) const override {
    model::require_valid(history, ask, item_count(), workspace);
    return by_vector::recommend(*this, own_query(history, workspace), history, ask, workspace, out);
  }

  void score(const model::History& history, std::span<const ItemIndex> candidates, model::Workspace& workspace, std::span<float> out) const override {
    model::require_valid(history, {}, item_count(), workspace);
    model::require_valid_candidates(candidates, item_count(), out.size());
    by_vector::score(*this, own_query(history, workspace), candidates, out);
  }

  void score_all(const model::History& history, model::Workspace& workspace, std::span<float> out) const override {
    model::require_valid(history, {}, item_count(), workspace);
    model::require_valid_all(item_count(), out.size());
    by_vector::score_all(*this, own_query(history, workspace), out);
  }

  std::size_t similar(ItemIndex item, const model::Ask& ask, model::Workspace& workspace, std::span<Scored> out) const override {
    model::require_valid({}, ask, item_count(), workspace);
    model::require_valid_item(item, item_count());
    return by_vector::similar(*this, vectors_.cols, norms_, item, ask, workspace, out);
  }

  std::size_t explain(const model::History& history, ItemIndex item, model::Workspace& workspace, std::span<model::Reason> out) const override {
    model::require_valid(history, {}, item_count(), workspace);
    model::require_valid_item(item, item_count());
    std::uint32_t count = 0;
    give_reasons(history, {&item, 1}, out.size(), workspace, out, {&count, 1});
    return count;
  }

  void explain_each(const model::History& history, std::span<const ItemIndex> items, std::size_t most, model::Workspace& workspace,
                    std::span<model::Reason> out, std::span<std::uint32_t> counts) const override {
    model::require_valid(history, {}, item_count(), workspace);
    model::require_valid_explanations(items, most, item_count(), out.size(), counts.size());
    give_reasons(history, items, most, workspace, out, counts);
  }

  void recommend_batch(const CsrView& histories, const model::Ask& ask, const Execution& execution, std::span<ItemIndex> items,
                       std::span<float> scores) const override {
    model::require_valid_batch(histories, ask, item_count(), items, scores);
    by_vector::recommend_batch(*this, histories, ask, execution, [this](std::span<const std::uint32_t> columns, std::span<const float> weights, model::Workspace& workspace, std::span<float> out) {
      workspace.indices.clear();
      workspace.more_floats.clear();
      for (std::size_t i = 0; i < columns.size(); ++i) add_evidence(columns[i], weights[i], workspace);
      return fold_in(row_of_evidence(workspace), workspace, out);
    }, items, scores);
  }

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    model::require_valid_order(order, item_count());
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

 private:
  static void add_evidence(std::uint32_t item, float weight, model::Workspace& workspace) {
    if (!(weight > 0)) return;
    workspace.indices.push_back(item);
    workspace.more_floats.push_back(weight);
  }

  IalsRow<double> evidence(const model::History& history, model::Workspace& workspace) const {
    workspace.indices.clear();
    workspace.more_floats.clear();
    for (std::size_t i = 0; i < history.items.size(); ++i) add_evidence(value(history.items[i]), history.weights[i], workspace);
    return row_of_evidence(workspace);
  }

  /// The weights become shares of the history's; borrows from the workspace (indices, more_floats).
  IalsRow<double> row_of_evidence(model::Workspace& workspace) const {
    double sum = 0;
    for (const float weight : workspace.more_floats) sum += static_cast<double>(weight);
    for (float& weight : workspace.more_floats) weight = static_cast<float>(static_cast<double>(weight) / sum);
    return {fold_in_.data, fold_in_.stride, fold_in_.cols, shared_.data(), static_cast<double>(config_.fold_in_l2), workspace.indices, workspace.more_floats};
  }

  /// False, and zeros, without evidence.
  static bool fold_in(const IalsRow<double>& row, model::Workspace& workspace, std::span<float> out) {
    if (row.events.empty()) {
      std::ranges::fill(out, 0.0f);
      return false;
    }
    const std::size_t needed = ials_scratch_size<double>(row.events.size(), row.factors);
    double* const scratch = aligned_scratch(workspace.doubles, needed + row.factors);
    double* const answer = scratch + needed;
    double least = 0;
    static_cast<void>(ials_fixed::solve(row, scratch, answer, least));
    for (std::size_t k = 0; k < row.factors; ++k) out[k] = static_cast<float>(answer[k]);
    return true;
  }

  /// The person's vector, in workspace.floats; empty without evidence.
  std::span<const float> own_query(const model::History& history, model::Workspace& workspace) const {
    workspace.floats.resize(vectors_.cols);
    return fold_in(evidence(history, workspace), workspace, workspace.floats) ? std::span<const float>(workspace.floats) : std::span<const float>();
  }

  /// See explain_each(). The history's system is factorised once; an item is one more right side.
  void give_reasons(const model::History& history, std::span<const ItemIndex> items, std::size_t most, model::Workspace& workspace,
                    std::span<model::Reason> out, std::span<std::uint32_t> counts) const {
    const auto row = evidence(history, workspace);
    const std::size_t count = std::min(row.events.size(), most);
    std::ranges::fill(counts, static_cast<std::uint32_t>(count));
    if (count == 0 || items.empty()) return;
    const std::size_t needed = ials_scratch_size<double>(row.events.size(), row.factors);
    double* const scratch = aligned_scratch(workspace.doubles, needed + row.factors + row.events.size());
    double* const shares = scratch + needed + row.factors;
    ials_fixed::factorise_row(row, scratch);
    auto& scored = workspace.scored;
    for (std::size_t n = 0; n < items.size(); ++n) {
      ials_fixed::shares(row, vectors_.row(value(items[n])).data(), scratch, shares);
      scored.clear();
      for (std::size_t i = 0; i < row.events.size(); ++i) {
        const auto share = static_cast<float>(shares[i]);
        scored.push_back({ItemIndex{row.events[i]}, number_or_zero(share)});
      }
      std::ranges::partial_sort(scored, scored.begin() + static_cast<std::ptrdiff_t>(count), ranks_before);
      for (std::size_t i = 0; i < count; ++i) out[n * most + i] = {scored[i].item, scored[i].score};
    }
  }

  BprConfig config_;
  MatrixView vectors_, fold_in_;
  std::span<const float> norms_;
  std::span<const double> diagonal_;
  std::vector<double> shared_;  // fold_in_unobserved times the diagonal.
  bool descend_ = true;
  std::shared_ptr<const void> keeper_;
};

}  // namespace

std::shared_ptr<const BprModel> make_bpr_model(const BprConfig& config, std::shared_ptr<BprStorage> storage) {
  storage->norms.resize(storage->vectors.rows());
  for (std::size_t i = 0; i < storage->norms.size(); ++i) storage->norms[i] = by_vector::norm_of(storage->vectors.row(i));
  const auto& arrays = *storage;
  return std::make_shared<Model>(config, arrays.vectors, arrays.fold_in, arrays.norms, arrays.diagonal, std::move(storage));
}

std::shared_ptr<const BprModel> read_bpr(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<BprConfig>(reader.config_json(), "bpr");
  const auto factors = static_cast<std::size_t>(config.factors), stride = round_up(factors, 16);
  const auto vectors = reader.array<float>("item_vectors", item_count * stride);
  const auto fold_in = reader.array<float>("fold_in_vectors", item_count * stride);
  const auto norms = reader.array<float>("norms", item_count);
  const auto diagonal = reader.array<double>("diagonal", factors);
  return std::make_shared<Model>(config, MatrixView{vectors.data(), item_count, factors, stride}, MatrixView{fold_in.data(), item_count, factors, stride},
                                 norms, diagonal, reader.keeper());
}

}  // namespace pannier::cf
