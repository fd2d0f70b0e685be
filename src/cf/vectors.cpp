#include "pannier/cf/vectors.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "cf/by_vector.hpp"
#include "cf/ials_row.hpp"
#include "cf/ials_scratch.hpp"
#include "model/item_order.hpp"
#include "model/marked_history.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/simd.hpp"

namespace pannier::cf {
namespace {

constexpr std::size_t most_dimensions = 4096;

/// The arrays of a model, in a fit's memory or in a file.
struct Arrays {
  MatrixView vectors;                       ///< items x dimensions; zeros where there is none.
  MatrixView scored;                        ///< The same, and the bias behind it where there is one.
  std::span<const float> lengths, norms;    ///< Of `vectors`, of `scored`.
  std::span<const std::uint8_t> present;    ///< Whether the item has a vector.
};

class Model final : public VectorsModel {
 public:
  Model(const VectorsConfig& config, const Arrays& arrays, std::shared_ptr<const void> keeper)
      : config_(config), a_(arrays), has_bias_(arrays.scored.cols != arrays.vectors.cols), present_(static_cast<std::uint32_t>(arrays.vectors.rows)),
        no_shared_(arrays.vectors.cols, 0.0), keeper_(std::move(keeper)) {
    for (std::uint32_t i = 0; i < item_count(); ++i)
      if (a_.present[i] != 0) present_.insert(ItemIndex{i});
      else all_present_ = false;
    for (std::size_t i = 1; i < a_.norms.size(); ++i) descend_ &= a_.norms[i - 1] >= a_.norms[i];
  }

  std::string_view kind() const noexcept override { return "vectors"; }
  std::uint32_t item_count() const noexcept override { return static_cast<std::uint32_t>(a_.vectors.rows); }
  std::string config_json() const override { return to_json(config_); }
  bool has_vector(ItemIndex item) const noexcept override { return present_.contains(item); }
  const model::VectorModel* vectors() const noexcept override { return this; }
  MatrixView item_vectors() const noexcept override { return a_.scored; }
  std::span<const float> item_norms() const noexcept override { return a_.norms; }
  bool norms_descend() const noexcept override { return descend_; }

  void query(const model::History& history, model::Workspace& workspace, std::span<float> out) const override {
    if (out.size() != a_.scored.cols)
      throw Error(ErrorCode::invalid_argument, "out", "has " + std::to_string(out.size()) + " numbers", std::to_string(a_.scored.cols));
    model::require_valid(history, {}, item_count(), workspace);
    read_evidence(history, workspace);
    static_cast<void>(fold_in(workspace, out));
  }

  std::size_t recommend(const model::History& history, const model::Ask& ask, model::Workspace& workspace, std::span<Scored> out) const override {
    model::require_valid(history, ask, item_count(), workspace);
    const auto query = own_query(history, workspace);
    if (query.empty()) return 0;
    if (all_present_ || ask.allowed == nullptr) {
      auto with_vector = ask;
      if (!all_present_) with_vector.allowed = &present_;
      return by_vector::recommend(*this, query, history, with_vector, workspace, out);
    }
    // Two sets at once: the allowed items one by one, in the scores of the search.
    const model::MarkedHistory seen(ask.exclude_history ? history.items : std::span<const ItemIndex>{}, item_count(), workspace);
    auto& top = workspace.top;
    top.reset(std::min({std::size_t{ask.count}, out.size(), std::size_t{item_count()}}));
    for (std::uint32_t i = 0; i < item_count(); ++i)
      if (const ItemIndex item{i}; ask.allowed->contains(item) && present_.contains(item) && !seen.contains(item)) top.push(item, score_of(query, item));
    return top.finish(out);
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
    return by_vector::similar(*this, a_.vectors.cols, a_.lengths, item, ask, workspace, out);
  }

  std::size_t explain(const model::History& history, ItemIndex item, model::Workspace& workspace, std::span<model::Reason> out) const override {
    model::require_valid(history, {}, item_count(), workspace);
    model::require_valid_item(item, item_count());
    std::uint32_t count = 0;
    give_reasons(history, {&item, 1}, out.size(), workspace, out, {&count, 1});
    return count;
  }

  void explain_each(const model::History& history, std::span<const ItemIndex> items, std::size_t most, model::Workspace& workspace, std::span<model::Reason> out,
                    std::span<std::uint32_t> counts) const override {
    model::require_valid(history, {}, item_count(), workspace);
    model::require_valid_explanations(items, most, item_count(), out.size(), counts.size());
    give_reasons(history, items, most, workspace, out, counts);
  }

  void recommend_batch(const CsrView& histories, const model::Ask& ask, const Execution& execution, std::span<ItemIndex> items, std::span<float> scores) const override {
    if (!all_present_ && ask.allowed != nullptr) return Recommender::recommend_batch(histories, ask, execution, items, scores);
    model::require_valid_batch(histories, ask, item_count(), items, scores);
    auto with_vector = ask;
    if (!all_present_) with_vector.allowed = &present_;
    by_vector::recommend_batch(*this, histories, with_vector, execution, [this](std::size_t, std::span<const std::uint32_t> columns, std::span<const float> weights, model::Workspace& workspace, std::span<float> out) {
      clear_evidence(workspace);
      for (std::size_t i = 0; i < columns.size(); ++i) add_evidence(ItemIndex{columns[i]}, weights[i], workspace);
      return fold_in(workspace, out);
    }, items, scores);
  }

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    model::require_valid_order(order, item_count());
    const auto rows_of = [&](const MatrixView& from) {
      std::vector<float> rows(from.rows * from.stride, 0.0f);
      for (std::size_t i = 0; i < from.rows; ++i) std::ranges::copy(from.row(value(order.old_index[i])), rows.begin() + static_cast<std::ptrdiff_t>(i * from.stride));
      return rows;
    };
    const auto ordered = [&]<class T>(std::span<const T> from) {
      std::vector<T> out;
      for (const auto i : order.old_index) out.push_back(from[value(i)]);
      return out;
    };
    const std::array<std::uint32_t, 2> shape{static_cast<std::uint32_t>(a_.vectors.cols), has_bias_ ? 1u : 0u};
    writer.array<std::uint32_t>("shape", shape);
    writer.array<float>("vectors", rows_of(a_.vectors));
    writer.array<float>("lengths", ordered(a_.lengths));
    writer.array<std::uint8_t>("present", ordered(a_.present));
    if (!has_bias_) return;
    writer.array<float>("scored", rows_of(a_.scored));
    writer.array<float>("norms", ordered(a_.norms));
  }

 private:
  // The evidence lies in the workspace: indices, and more_floats with the shares of the weights.
  static void clear_evidence(model::Workspace& workspace) {
    workspace.indices.clear();
    workspace.more_floats.clear();
  }
  void add_evidence(ItemIndex item, float weight, model::Workspace& workspace) const {
    if (!(weight > 0) || !present_.contains(item)) return;
    workspace.indices.push_back(value(item));
    workspace.more_floats.push_back(weight);
  }
  void read_evidence(const model::History& history, model::Workspace& workspace) const {
    clear_evidence(workspace);
    for (std::size_t i = 0; i < history.items.size(); ++i) add_evidence(history.items[i], history.weights[i], workspace);
  }
  static void divide_by_sum(std::span<float> weights) {
    double sum = 0;
    for (const float weight : weights) sum += static_cast<double>(weight);
    for (float& weight : weights) weight = static_cast<float>(static_cast<double>(weight) / sum);
  }

  [[nodiscard]] IalsRow<double> row_of(const model::Workspace& workspace) const {
    return {a_.vectors.data, a_.vectors.stride, a_.vectors.cols, no_shared_.data(), static_cast<double>(config_.l2), workspace.indices, workspace.more_floats};
  }

  /// The query of the evidence; false, and zeros, where there is none. The weights become their shares.
  bool fold_in(model::Workspace& workspace, std::span<float> out) const {
    std::ranges::fill(out, 0.0f);
    if (workspace.indices.empty()) return false;
    divide_by_sum(workspace.more_floats);
    const auto dimensions = a_.vectors.cols;
    if (config_.fold_in == FoldIn::ridge) {
      const auto row = row_of(workspace);
      const auto needed = ials_scratch_size<double>(row.events.size(), dimensions);
      double* const scratch = aligned_scratch(workspace.doubles, needed + dimensions);
      double least = 0;
      static_cast<void>(ials_fixed::solve(row, scratch, scratch + needed, least));
      for (std::size_t k = 0; k < dimensions; ++k) out[k] = static_cast<float>(scratch[needed + k]);
    } else {
      double* const sums = aligned_scratch(workspace.doubles, dimensions);
      std::fill(sums, sums + dimensions, 0.0);
      for (std::size_t n = 0; n < workspace.indices.size(); ++n) {
        const auto vector = a_.vectors.row(workspace.indices[n]);
        const auto share = static_cast<double>(workspace.more_floats[n]);
        for (std::size_t k = 0; k < dimensions; ++k) sums[k] += share * static_cast<double>(vector[k]);
      }
      for (std::size_t k = 0; k < dimensions; ++k) out[k] = static_cast<float>(sums[k]);
    }
    if (has_bias_) out.back() = 1;
    return true;
  }

  /// The person's vector, in workspace.floats; empty without evidence.
  std::span<const float> own_query(const model::History& history, model::Workspace& workspace) const {
    workspace.floats.resize(a_.scored.cols);
    read_evidence(history, workspace);
    return fold_in(workspace, workspace.floats) ? std::span<const float>(workspace.floats) : std::span<const float>();
  }

  [[nodiscard]] float score_of(std::span<const float> query, ItemIndex item) const {
    float score = 0;
    by_vector::score(*this, query, {&item, 1}, {&score, 1});
    return score;
  }

  /// See explain_each(). A ridge's system is factorised once; an item is one more right side.
  void give_reasons(const model::History& history, std::span<const ItemIndex> items, std::size_t most, model::Workspace& workspace, std::span<model::Reason> out,
                    std::span<std::uint32_t> counts) const {
    std::ranges::fill(counts, 0u);
    read_evidence(history, workspace);
    const auto size = workspace.indices.size();
    if (size == 0 || most == 0 || items.empty()) return;
    divide_by_sum(workspace.more_floats);
    const auto row = row_of(workspace);
    const bool ridge = config_.fold_in == FoldIn::ridge;
    const auto needed = ridge ? ials_scratch_size<double>(size, row.factors) + row.factors : 0;
    double* const scratch = aligned_scratch(workspace.doubles, needed + size);
    double* const shares = scratch + needed;
    if (ridge) ials_fixed::factorise_row(row, scratch);
    auto& scored = workspace.scored;
    for (std::size_t n = 0; n < items.size(); ++n) {
      if (!present_.contains(items[n])) continue;
      const auto target = a_.vectors.row(value(items[n]));
      if (ridge) ials_fixed::shares(row, target.data(), scratch, shares);
      const double bias = has_bias_ ? static_cast<double>(a_.scored.row(value(items[n])).back()) : 0;
      scored.clear();
      for (std::size_t i = 0; i < size; ++i) {
        const auto weight = static_cast<double>(row.weights[i]);
        if (!ridge) shares[i] = weight * static_cast<double>(fixed_dot(a_.vectors.row(row.events[i]), target));
        const auto share = static_cast<float>(shares[i] + weight * bias);
        if (std::isfinite(share) && share != 0) scored.push_back({ItemIndex{row.events[i]}, share});
      }
      const auto count = std::min(scored.size(), most);
      counts[n] = static_cast<std::uint32_t>(count);
      std::ranges::partial_sort(scored, scored.begin() + static_cast<std::ptrdiff_t>(count), ranks_before);
      for (std::size_t i = 0; i < count; ++i) out[n * most + i] = {scored[i].item, scored[i].score};
    }
  }

  VectorsConfig config_;
  Arrays a_;
  bool has_bias_;
  ItemSet present_;
  std::vector<double> no_shared_;   ///< A ridge over the history alone.
  bool all_present_ = true, descend_ = true;
  std::shared_ptr<const void> keeper_;
};

struct Storage {
  Matrix vectors, scored;
  std::vector<float> lengths, norms;
  std::vector<std::uint8_t> present;
};

std::vector<float> lengths_of(const MatrixView& rows) {
  std::vector<float> out;
  for (std::size_t i = 0; i < rows.rows; ++i) out.push_back(by_vector::norm_of(rows.row(i)));
  return out;
}

}  // namespace

VectorsFit fit_vectors(const MatrixView& vectors, std::span<const float> bias, std::span<const std::uint32_t> rows, const VectorsConfig& config, const FitControl& control) {
  const auto begin = std::chrono::steady_clock::now();
  validate(config);
  const auto refuse = [](const char* where, const std::string& what, const std::string& allowed) { throw Error(ErrorCode::invalid_argument, where, what, allowed); };
  if (rows.empty() || rows.size() >= value(no_item)) refuse("rows", "are of " + std::to_string(rows.size()) + " items", "1 to 4294967294");
  if (vectors.cols == 0 || vectors.cols > most_dimensions) refuse("vectors", "have " + std::to_string(vectors.cols) + " columns", "1 to " + std::to_string(most_dimensions));
  if (!bias.empty() && bias.size() != vectors.rows) refuse("bias", "has " + std::to_string(bias.size()) + " numbers", std::to_string(vectors.rows) + ", as vectors has rows");
  checkpoint(control, "vectors", 0, 1);
  const auto storage = std::make_shared<Storage>();
  storage->vectors = Matrix(rows.size(), vectors.cols);
  if (!bias.empty()) storage->scored = Matrix(rows.size(), vectors.cols + 1);
  storage->present.assign(rows.size(), 0);
  std::size_t found = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto from = rows[i];
    if (from == value(no_item)) continue;
    if (from >= vectors.rows) refuse("rows", "has " + std::to_string(from) + " for item " + std::to_string(i), "rows below " + std::to_string(vectors.rows));
    const auto vector = vectors.row(from);
    if (!std::ranges::all_of(vector, [](float x) { return std::isfinite(x); })) refuse("vectors", "hold a number in row " + std::to_string(from) + " that is not finite", "finite numbers");
    std::ranges::copy(vector, storage->vectors.row(i).begin());
    if (!bias.empty()) {
      if (!std::isfinite(bias[from])) refuse("bias", "of row " + std::to_string(from) + " is not finite", "finite numbers");
      std::ranges::copy(vector, storage->scored.row(i).begin());
      storage->scored.row(i).back() = bias[from];
    }
    storage->present[i] = 1;
    ++found;
  }
  if (found == 0) refuse("vectors", "are of none of the " + std::to_string(rows.size()) + " items", "vectors whose ids are those of the items");
  storage->lengths = lengths_of(storage->vectors);
  if (!bias.empty()) storage->norms = lengths_of(storage->scored);
  const auto& s = *storage;
  VectorsFit fit;
  fit.model = std::make_shared<Model>(
      config, Arrays{.vectors = s.vectors, .scored = bias.empty() ? s.vectors : s.scored, .lengths = s.lengths, .norms = bias.empty() ? s.lengths : s.norms, .present = s.present}, storage);
  fit.report.detail = std::to_string(found) + " of " + std::to_string(rows.size()) + " items have a vector";
  checkpoint(control, "vectors", 1, 1);
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

std::shared_ptr<const VectorsModel> read_vectors(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<VectorsConfig>(reader.config_json(), "vectors");
  const auto shape = reader.array<std::uint32_t>("shape", 2);
  if (shape[0] == 0 || shape[0] > most_dimensions || shape[1] > 1)
    throw Error(ErrorCode::malformed_input, "vectors", "claim " + std::to_string(shape[0]) + " columns", "1 to " + std::to_string(most_dimensions));
  const std::size_t items = item_count;
  const auto matrix = [&](std::string_view name, std::size_t columns) {
    const auto stride = round_up(columns, 16);
    return MatrixView{reader.array<float>(name, items * stride).data(), items, columns, stride};
  };
  Arrays arrays;
  arrays.vectors = arrays.scored = matrix("vectors", shape[0]);
  arrays.lengths = arrays.norms = reader.array<float>("lengths", items);
  arrays.present = reader.array<std::uint8_t>("present", items);
  if (shape[1] != 0) {
    arrays.scored = matrix("scored", shape[0] + std::size_t{1});
    arrays.norms = reader.array<float>("norms", items);
  }
  return std::make_shared<Model>(config, arrays, reader.keeper());
}

}  // namespace pannier::cf
