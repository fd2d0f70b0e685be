/// The fitted model: folding in, scoring, similar items, reasons, batches, reading and writing.
#include "pannier/cf/ials.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "cf/ials_model.hpp"
#include "cf/ials_row.hpp"
#include "cf/ials_scratch.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/simd.hpp"

namespace pannier::cf {
namespace {

constexpr std::size_t items_a_block = 1024;  ///< Scored at a time.
constexpr std::size_t people_a_block = 32;   ///< Of a batch.

/// The vector's length, rounded up.
float norm_of(std::span<const float> vector) {
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * static_cast<double>(x);
  // The sum is off by less than (length + 1) roundings of a double.
  const double length = std::sqrt(squares) * (1 + static_cast<double>(vector.size() + 2) * 0x1p-53);
  const auto norm = static_cast<float>(length);
  return static_cast<double>(norm) < length ? std::nextafter(norm, std::numeric_limits<float>::infinity()) : norm;
}

class Model final : public IalsModel {
 public:
  Model(const IalsConfig& config, MatrixView vectors, MatrixView fold_in_vectors, std::span<const float> norms,
        std::span<const double> diagonal, std::shared_ptr<const void> keeper)
      : config_(config), vectors_(vectors), fold_in_(fold_in_vectors), norms_(norms), diagonal_(diagonal), keeper_(std::move(keeper)) {
    for (const double d : diagonal) shared_.push_back(static_cast<double>(config.unobserved_weight) * d);
    for (std::size_t i = 1; i < norms.size(); ++i) descend_ &= norms[i - 1] >= norms[i];
  }

  const IalsConfig& config() const noexcept override { return config_; }
  std::string_view kind() const noexcept override { return "ials"; }
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
    fold_in(history, workspace, out);
  }

  std::size_t recommend(const model::History& history, const model::Ask& ask, model::Workspace& workspace,
                        std::span<Scored> out) const override {
    model::require_valid(history, ask, item_count(), workspace);
    const auto query = own_query(history, workspace);
    if (query.empty()) return 0;
    auto& excluded = workspace.touched;
    excluded.clear();
    if (ask.exclude_history) {
      for (const auto item : history.items) excluded.push_back(value(item));
      std::ranges::sort(excluded);
    }
    return model::search_vectors(*this, query, ask.count, ask.allowed, excluded, workspace, out);
  }

  void score(const model::History& history, std::span<const ItemIndex> candidates, model::Workspace& workspace,
             std::span<float> out) const override {
    model::require_valid(history, {}, item_count(), workspace);
    model::require_valid_candidates(candidates, item_count(), out.size());
    const auto query = own_query(history, workspace);
    for (std::size_t c = 0; c < candidates.size(); ++c) {
      const float score = query.empty() ? 0 : fixed_dot(query, vectors_.row(value(candidates[c])));
      out[c] = std::isnan(score) ? 0 : score;
    }
  }

  void score_all(const model::History& history, model::Workspace& workspace, std::span<float> out) const override {
    model::require_valid(history, {}, item_count(), workspace);
    model::require_valid_all(item_count(), out.size());
    const auto query = own_query(history, workspace);
    if (query.empty()) {
      std::ranges::fill(out, 0.0f);
      return;
    }
    fixed_dots(query, vectors_, 0, out);
    for (auto& score : out) score = std::isnan(score) ? 0 : score;
  }

  std::size_t similar(ItemIndex item, const model::Ask& ask, model::Workspace& workspace, std::span<Scored> out) const override {
    model::require_valid({}, ask, item_count(), workspace);
    model::require_valid_item(item, item_count());
    const float own = norms_[value(item)];
    if (!(own > 0)) return 0;
    const auto query = vectors_.row(value(item));
    workspace.top.reset(std::min<std::size_t>({ask.count, out.size(), vectors_.rows}));
    workspace.scores.resize(std::min(items_a_block, vectors_.rows));
    for (std::size_t first = 0; first < vectors_.rows; first += items_a_block) {
      const std::size_t count = std::min(items_a_block, vectors_.rows - first);
      fixed_dots(query, vectors_, first, std::span(workspace.scores).first(count));
      for (std::size_t i = 0; i < count; ++i) {
        const auto other = ItemIndex{static_cast<std::uint32_t>(first + i)};
        const float norm = norms_[first + i];
        if (other == item || !(norm > 0) || (ask.allowed != nullptr && !ask.allowed->contains(other))) continue;
        workspace.top.push(other, workspace.scores[i] / (own * norm));
      }
    }
    return workspace.top.finish(out);
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
                       std::span<float> scores) const override;

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    const std::size_t count = vectors_.rows, stride = vectors_.stride;
    if (order.old_index.size() != count)
      throw Error(ErrorCode::invalid_argument, "order", "has " + std::to_string(order.old_index.size()) + " items", std::to_string(count));
    std::vector<float> rows(count * stride, 0.0f), fold_in_rows(count * stride, 0.0f), norms(count);
    for (std::size_t i = 0; i < count; ++i) {
      model::require_valid_item(order.old_index[i], item_count());
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
  /// The history's positive weights as a row; borrows from the workspace (indices, more_floats).
  IalsRow<double> evidence(const model::History& history, model::Workspace& workspace) const {
    workspace.indices.clear();
    workspace.more_floats.clear();
    for (std::size_t i = 0; i < history.items.size(); ++i) {
      if (!(history.weights[i] > 0)) continue;
      workspace.indices.push_back(value(history.items[i]));
      workspace.more_floats.push_back(history.weights[i]);
    }
    return row_of(workspace.indices, workspace.more_floats);
  }

  IalsRow<double> row_of(std::span<const std::uint32_t> events, std::span<const float> weights) const {
    return {fold_in_.data, fold_in_.stride, fold_in_.cols, shared_.data(), ials_ridge(config_, weights, fold_in_.rows), events, weights};
  }

  /// False, and zeros, without evidence.
  bool fold_in(const model::History& history, model::Workspace& workspace, std::span<float> out) const {
    return fold_in(evidence(history, workspace), workspace, out);
  }

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
    return fold_in(history, workspace, workspace.floats) ? std::span<const float>(workspace.floats) : std::span<const float>();
  }

  /// See explain_each(). The history's system is factorised once; an item is one more right side.
  void give_reasons(const model::History& history, std::span<const ItemIndex> items, std::size_t most, model::Workspace& workspace,
                    std::span<model::Reason> out, std::span<std::uint32_t> counts) const {
    const auto row = evidence(history, workspace);
    const std::size_t count = std::min(row.events.size(), most);
    std::ranges::fill(counts, static_cast<std::uint32_t>(count));
    if (count == 0 || items.empty()) return;
    const std::size_t needed = ials_scratch_size<double>(row.events.size(), row.factors);
    double* const scratch = aligned_scratch(workspace.doubles, needed + row.events.size());
    double* const shares = scratch + needed;
    ials_fixed::factorise_row(row, scratch);
    auto& scored = workspace.scored;
    for (std::size_t n = 0; n < items.size(); ++n) {
      ials_fixed::shares(row, vectors_.row(value(items[n])).data(), scratch, shares);
      scored.clear();
      for (std::size_t i = 0; i < row.events.size(); ++i) {
        const auto share = static_cast<float>(shares[i]);
        scored.push_back({ItemIndex{row.events[i]}, std::isnan(share) ? 0 : share});
      }
      std::ranges::partial_sort(scored, scored.begin() + static_cast<std::ptrdiff_t>(count), ranks_before);
      for (std::size_t i = 0; i < count; ++i) out[n * most + i] = {scored[i].item, scored[i].score};
    }
  }

  IalsConfig config_;
  MatrixView vectors_, fold_in_;
  std::span<const float> norms_;
  std::span<const double> diagonal_;
  std::vector<double> shared_;  // unobserved_weight times the diagonal.
  bool descend_ = true;
  std::shared_ptr<const void> keeper_;
};

void Model::recommend_batch(const CsrView& histories, const model::Ask& ask, const Execution& execution,
                            std::span<ItemIndex> items, std::span<float> scores) const {
  model::require_valid_batch(histories, ask, item_count(), items, scores);
  const std::size_t count = ask.count;
  struct Worker {
    model::Workspace workspace;
    Matrix queries;
    std::vector<float> tile;
    std::vector<TopK> top;
    std::vector<Scored> best;
  };
  const std::size_t kept = std::min(count, vectors_.rows);
  std::vector<Worker> workers(static_cast<std::size_t>(resolved_threads(execution)));
  parallel_blocks_with_worker(execution, histories.rows, people_a_block, [&](std::size_t begin, std::size_t end, std::size_t, int index) {
    auto& worker = workers[static_cast<std::size_t>(index)];
    if (worker.top.empty()) {
      worker.queries = Matrix(people_a_block, vectors_.cols);
      worker.tile.resize(people_a_block * items_a_block);
      worker.top.resize(people_a_block);
      worker.best.resize(kept);
    }
    const std::size_t people = end - begin;
    std::uint32_t row_of_person[people_a_block];
    std::size_t known = 0;  // People with evidence; their queries come first.
    for (std::size_t person = 0; person < people; ++person) {
      const std::size_t row = begin + person;
      auto& workspace = worker.workspace;
      workspace.indices.clear();
      workspace.more_floats.clear();
      const auto columns = histories.row_columns(row);
      const auto weights = histories.row_values(row);
      for (std::size_t i = 0; i < columns.size(); ++i) {
        if (!(weights[i] > 0)) continue;
        workspace.indices.push_back(columns[i]);
        workspace.more_floats.push_back(weights[i]);
      }
      std::ranges::fill(items.subspan(row * count, count), no_item);
      std::ranges::fill(scores.subspan(row * count, count), 0.0f);
      if (!fold_in(row_of(workspace.indices, workspace.more_floats), workspace, worker.queries.row(known))) continue;
      worker.top[known].reset(kept);
      row_of_person[known++] = static_cast<std::uint32_t>(person);
    }
    const MatrixView queries{worker.queries.data(), known, vectors_.cols, worker.queries.stride()};
    for (std::size_t block = 0; block < vectors_.rows && known != 0; block += items_a_block) {
      const std::size_t some = std::min(items_a_block, vectors_.rows - block);
      fixed_dot_tile(queries, vectors_, block, some, worker.tile.data(), items_a_block);
      for (std::size_t q = 0; q < known; ++q) {
        auto& top = worker.top[q];
        const float* const line = worker.tile.data() + q * items_a_block;
        const auto seen = histories.row_columns(begin + row_of_person[q]);
        for (std::size_t i = 0; i < some; ++i) {
          if (!(line[i] >= top.threshold())) continue;
          const auto item = static_cast<std::uint32_t>(block + i);
          if (ask.exclude_history && std::ranges::binary_search(seen, item)) continue;
          if (ask.allowed != nullptr && !ask.allowed->contains(ItemIndex{item})) continue;
          top.push(ItemIndex{item}, line[i]);
        }
      }
    }
    for (std::size_t q = 0; q < known; ++q) {
      const std::size_t row = begin + row_of_person[q];
      const std::size_t found = worker.top[q].finish(worker.best);
      for (std::size_t i = 0; i < found; ++i) {
        items[row * count + i] = worker.best[i].item;
        scores[row * count + i] = worker.best[i].score;
      }
    }
  });
}

}  // namespace

double ials_ridge(const IalsConfig& config, std::span<const float> weights, std::size_t others) {
  double mass = static_cast<double>(config.unobserved_weight) * static_cast<double>(others);
  for (const float w : weights) mass += static_cast<double>(w);
  return static_cast<double>(config.l2) * fixed_pow(mass, static_cast<double>(config.frequency_exponent));
}

std::shared_ptr<const IalsModel> make_ials_model(const IalsConfig& config, std::shared_ptr<IalsStorage> storage) {
  storage->norms.resize(storage->vectors.rows());
  for (std::size_t i = 0; i < storage->norms.size(); ++i) storage->norms[i] = norm_of(storage->vectors.row(i));
  const auto& arrays = *storage;
  return std::make_shared<Model>(config, arrays.vectors, arrays.fold_in, arrays.norms, arrays.diagonal, std::move(storage));
}

std::shared_ptr<const IalsModel> read_ials(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<IalsConfig>(reader.config_json(), "ials");
  const auto factors = static_cast<std::size_t>(config.factors), stride = round_up(factors, 16);
  const auto vectors = reader.array<float>("item_vectors", item_count * stride);
  const auto fold_in = reader.array<float>("fold_in_vectors", item_count * stride);
  const auto norms = reader.array<float>("norms", item_count);
  const auto diagonal = reader.array<double>("diagonal", factors);
  return std::make_shared<Model>(config, MatrixView{vectors.data(), item_count, factors, stride},
                                 MatrixView{fold_in.data(), item_count, factors, stride}, norms, diagonal, reader.keeper());
}

}  // namespace pannier::cf
