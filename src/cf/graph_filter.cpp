// Answers of a fitted graph_filter. Without a low-pass part they are those of an item_knn of its rows; with one, every item's sum is the rows' sum and
// an inner product of the history's vector with the item's, so all are scored.
#include "pannier/cf/graph_filter.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "cf/every_item.hpp"
#include "cf/graph_filter_model.hpp"
#include "core/number_or_zero.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/simd.hpp"

namespace pannier::cf {
namespace {

using model::Ask;
using model::History;
using model::Workspace;

class GraphFilter final : public GraphFilterModel {
 public:
  GraphFilter(const GraphFilterConfig& config, const GraphFilterArrays& arrays, std::shared_ptr<const void> keeper)
      : config_(config), in_(arrays.in), out_(arrays.out), rows_(make_item_knn({}, arrays.rows, std::move(keeper))) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "graph_filter"; }
  [[nodiscard]] std::uint32_t item_count() const noexcept override { return rows_->item_count(); }
  [[nodiscard]] std::string config_json() const override { return to_json(config_); }
  [[nodiscard]] CsrView rows() const noexcept override { return rows_->similarities(); }
  [[nodiscard]] MatrixView in() const noexcept override { return in_; }
  [[nodiscard]] MatrixView out() const noexcept override { return out_; }

  std::size_t recommend(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    if (!low_pass()) return rows_->recommend(history, ask, workspace, out);
    require_valid(history, ask, item_count(), workspace);
    if (!weighs(history)) return 0;
    const auto scores = all_scores(history, workspace);
    return select_best(scores, ask, ask.exclude_history ? history.items : std::span<const ItemIndex>{}, workspace, out);
  }

  void score(const History& history, std::span<const ItemIndex> candidates, Workspace& workspace, std::span<float> out) const override {
    if (!low_pass()) return rows_->score(history, candidates, workspace, out);
    require_valid(history, {}, item_count(), workspace);
    model::require_valid_candidates(candidates, item_count(), out.size());
    if (!weighs(history)) {
      std::fill(out.begin(), out.end(), 0.0f);
      return;
    }
    const auto sums = first_of(workspace.scores, item_count());
    rows_->sum_all(history, sums);
    const auto query = query_of(history, workspace);
    for (std::size_t n = 0; n < candidates.size(); ++n)
      out[n] = number_or_zero(sums[value(candidates[n])] + fixed_dot(query, out_.row(value(candidates[n]))));
  }

  void score_all(const History& history, Workspace& workspace, std::span<float> out) const override {
    if (!low_pass()) return rows_->score_all(history, workspace, out);
    require_valid(history, {}, item_count(), workspace);
    model::require_valid_all(item_count(), out.size());
    if (!weighs(history)) {
      std::fill(out.begin(), out.end(), 0.0f);
      return;
    }
    const auto scores = all_scores(history, workspace);
    std::copy(scores.begin(), scores.end(), out.begin());
  }

  std::size_t similar(ItemIndex item, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    if (!low_pass()) return rows_->similar(item, ask, workspace, out);
    require_valid({}, ask, item_count(), workspace);
    model::require_valid_item(item, item_count());
    const float one = 1;
    const History history{{&item, 1}, {&one, 1}, {}, {}};
    const auto scores = all_scores(history, workspace);
    return select_best(scores, ask, history.items, workspace, out);
  }

  std::size_t explain(const History& history, ItemIndex item, Workspace& workspace, std::span<model::Reason> out) const override {
    require_valid(history, {}, item_count(), workspace);
    model::require_valid_item(item, item_count());
    if (!is_scored(*this, history, item, workspace)) return 0;
    return largest_shares(history, workspace, out, [&](std::size_t n) {
      const auto from = value(history.items[n]);
      float gives = rows_->similarity(from, value(item));
      if (low_pass()) gives += fixed_dot(in_.row(from), out_.row(value(item)));
      return history.weights[n] * gives;
    });
  }

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    rows_->write(writer, order);
    if (config_.rank == 0) return;
    const auto put = [&](std::string_view name, const MatrixView& vectors) {
      std::vector<float> values;
      values.reserve(vectors.rows * vectors.cols);
      for (const auto old : order.old_index) values.insert(values.end(), vectors.row(value(old)).begin(), vectors.row(value(old)).end());
      writer.array<float>(name, values);
    };
    put("in", in_);
    put("out", out_);
  }

 private:
  [[nodiscard]] bool low_pass() const noexcept { return out_.cols != 0; }

  [[nodiscard]] std::span<const float> query_of(const History& history, Workspace& workspace) const {
    const auto query = first_of(workspace.floats, in_.cols);
    std::fill(query.begin(), query.end(), 0.0f);
    for (std::size_t n = 0; n < history.items.size(); ++n)
      if (history.weights[n] > 0) add_scaled(history.weights[n], in_.row(value(history.items[n])), query);
    return query;
  }

  [[nodiscard]] std::span<const float> all_scores(const History& history, Workspace& workspace) const {
    const auto sums = first_of(workspace.scores, item_count()), products = first_of(workspace.more_floats, item_count());
    rows_->sum_all(history, sums);
    fixed_dots(query_of(history, workspace), out_, 0, products);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = number_or_zero(sums[i] + products[i]);
    return sums;
  }

  GraphFilterConfig config_;
  MatrixView in_, out_;
  std::shared_ptr<const SummedItemKnn> rows_;
};

}  // namespace

std::shared_ptr<const GraphFilterModel> make_graph_filter(const GraphFilterConfig& config, const GraphFilterArrays& arrays, std::shared_ptr<const void> keeper) {
  return std::make_shared<GraphFilter>(config, arrays, std::move(keeper));
}

std::shared_ptr<const GraphFilterModel> read_graph_filter(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<GraphFilterConfig>(reader.config_json(), "graph_filter");
  GraphFilterArrays arrays{.rows = read_item_knn_arrays(reader, item_count), .in = {}, .out = {}};
  if (config.rank > 0) {
    // The matrix may have had fewer singular vectors than were asked for, so the section tells how many there are.
    const auto size = reader.section("in").size() / sizeof(float), columns = item_count == 0 ? 0 : size / item_count;
    if (columns > static_cast<std::size_t>(config.rank))
      throw Error(ErrorCode::malformed_input, "section 'in'", "has " + std::to_string(columns) + " numbers an item", "at most " + std::to_string(config.rank));
    arrays.in = {reader.array<float>("in", item_count * columns).data(), item_count, columns, columns};
    arrays.out = {reader.array<float>("out", item_count * columns).data(), item_count, columns, columns};
  }
  return make_graph_filter(config, arrays, reader.keeper());
}

}  // namespace pannier::cf
