// Answers of a fitted item_knn. A history's rows are added up in one array over the items:
//
// dense   the array is cleared, summed and scanned; for histories whose rows are not small beside the catalogue
// sparse  the array is not cleared: a bit an item says whether its sum has begun, and a list says which items have one
//
// Both add the same terms in the same order, so they give the same bits. An item has evidence when its sum is above zero.
// The rows of a file may lie: a row with bad ends is empty, and an entry for an item that does not exist ends its row.
#include "pannier/cf/item_knn.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "cf/every_item.hpp"
#include "cf/item_knn_model.hpp"
#include "model/item_order.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/simd.hpp"

namespace pannier::cf {
namespace {

using model::Ask;
using model::History;
using model::Workspace;

/// The sums are dense where the rows hold at least a sixteenth of the catalogue: clearing and scanning cost that much less an item.
constexpr std::size_t dense_share = 16;

/// Rows of the history that are asked for before they are added: their first lines come from memory, the rest the processor foresees.
constexpr std::size_t rows_ahead = 8;

/// A score below this is none.
constexpr float least_evidence = std::numeric_limits<float>::denorm_min();

class ItemKnn final : public SummedItemKnn {
 public:
  ItemKnn(const ItemKnnConfig& config, const ItemKnnArrays& arrays, std::shared_ptr<const void> keeper)
      : config_(config), arrays_(arrays), items_(static_cast<std::uint32_t>(arrays.offsets.size() - 1)), keeper_(std::move(keeper)) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "item_knn"; }
  [[nodiscard]] std::uint32_t item_count() const noexcept override { return items_; }
  [[nodiscard]] std::string config_json() const override { return to_json(config_); }
  [[nodiscard]] CsrView similarities() const noexcept override { return {items_, items_, arrays_.offsets, arrays_.columns, arrays_.values}; }

  void sum_all(const History& history, std::span<float> out) const override { sum_dense(history, out); }

  [[nodiscard]] float similarity(std::uint32_t from, std::uint32_t to) const noexcept override {
    const auto row = row_of(from);
    const auto found = std::lower_bound(row.columns.begin(), row.columns.end(), to);
    return found == row.columns.end() || *found != to ? 0.0f : row.values[static_cast<std::size_t>(found - row.columns.begin())];
  }

  std::size_t recommend(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    require_valid(history, ask, items_, workspace);
    auto& top = workspace.top;
    top.reset(std::min({std::size_t{ask.count}, out.size(), std::size_t{items_}}));
    float least = least_evidence;
    const auto offer = [&](std::uint32_t item, float score) {
      if (!(score >= least) || (ask.allowed != nullptr && !ask.allowed->contains(ItemIndex{item}))) return;
      top.push(ItemIndex{item}, score);
      least = std::max(least_evidence, top.threshold());
    };
    const auto exclude = [&] {
      if (!ask.exclude_history) return;
      for (const auto item : history.items) workspace.scores[value(item)] = 0;
    };
    if (const auto terms = terms_of(history); terms >= items_ / dense_share) {
      sum_dense(history, dense_sums(workspace));
      exclude();
      const std::span<const float> scores(workspace.scores.data(), items_);
      each_at_least(scores, [&] { return least; }, [&](std::size_t item) { offer(static_cast<std::uint32_t>(item), scores[item]); });
    } else {
      const auto touched = sum_sparse(history, terms, workspace);
      exclude();
      for (std::size_t n = 0; n < touched; ++n) offer(workspace.touched[n], workspace.scores[workspace.touched[n]]);
      clear_marks(touched, workspace);
    }
    return top.finish(out);
  }

  void score(const History& history, std::span<const ItemIndex> candidates, Workspace& workspace, std::span<float> out) const override {
    require_valid(history, {}, items_, workspace);
    model::require_valid_candidates(candidates, items_, out.size());
    const auto terms = terms_of(history);
    const bool dense = terms >= items_ / dense_share;
    std::size_t touched = 0;
    if (dense) sum_dense(history, dense_sums(workspace));
    else touched = sum_sparse(history, terms, workspace);
    for (std::size_t n = 0; n < candidates.size(); ++n) {
      const auto item = value(candidates[n]);
      const float sum = dense || is_marked(workspace, item) ? workspace.scores[item] : 0.0f;
      out[n] = sum >= least_evidence ? sum : 0.0f;
    }
    clear_marks(touched, workspace);
  }

  void score_all(const History& history, Workspace& workspace, std::span<float> out) const override {
    require_valid(history, {}, items_, workspace);
    model::require_valid_all(items_, out.size());
    sum_dense(history, out);
    drop_below(least_evidence, out);
  }

  std::size_t similar(ItemIndex item, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    require_valid({}, ask, items_, workspace);
    model::require_valid_item(item, items_);
    auto& top = workspace.top;
    top.reset(std::min({std::size_t{ask.count}, out.size(), std::size_t{items_}}));
    const auto row = row_of(value(item));
    for (std::size_t n = 0; n < row.columns.size(); ++n) {
      const ItemIndex other{row.columns[n]};
      if (value(other) < items_ && other != item && row.values[n] >= least_evidence && (ask.allowed == nullptr || ask.allowed->contains(other)))
        top.push(other, row.values[n]);
    }
    return top.finish(out);
  }

  std::size_t explain(const History& history, ItemIndex item, Workspace& workspace, std::span<model::Reason> out) const override {
    require_valid(history, {}, items_, workspace);
    model::require_valid_item(item, items_);
    auto& top = workspace.top;
    top.reset(std::min(history.items.size(), out.size()));
    for (std::size_t n = 0; n < history.items.size(); ++n)
      if (const float share = history.weights[n] * similarity(value(history.items[n]), value(item)); share >= least_evidence)
        top.push(history.items[n], share);
    auto& scored = workspace.scored;
    scored.resize(std::max(scored.size(), std::min(history.items.size(), out.size())));
    const auto found = top.finish(scored);
    for (std::size_t n = 0; n < found; ++n) out[n] = {scored[n].item, scored[n].score};
    return found;
  }

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    model::require_valid_order(order, item_count());
    std::vector<std::int64_t> offsets{0};
    std::vector<std::uint32_t> columns;
    std::vector<float> values;
    columns.reserve(arrays_.columns.size());
    values.reserve(arrays_.columns.size());
    std::vector<std::pair<std::uint32_t, float>> row;
    for (std::uint32_t i = 0; i < items_; ++i) {
      const auto old_row = row_of(value(order.old_index[i]));
      row.clear();
      for (std::size_t n = 0; n < old_row.columns.size(); ++n)
        if (old_row.columns[n] < items_) row.emplace_back(value(order.new_index[old_row.columns[n]]), old_row.values[n]);
      std::sort(row.begin(), row.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
      for (const auto& [column, similarity] : row) {
        columns.push_back(column);
        values.push_back(similarity);
      }
      offsets.push_back(static_cast<std::int64_t>(columns.size()));
    }
    writer.array<std::int64_t>("offsets", offsets);
    writer.array<std::uint32_t>("columns", columns);
    writer.array<float>("values", values);
  }

 private:
  struct Row {
    std::span<const std::uint32_t> columns;
    std::span<const float> values;
  };
  [[nodiscard]] Row row_of(std::uint32_t item) const noexcept {
    const auto begin = static_cast<std::uint64_t>(arrays_.offsets[item]), end = static_cast<std::uint64_t>(arrays_.offsets[item + std::size_t{1}]);
    if (begin > end || end > arrays_.columns.size()) return {};
    return {arrays_.columns.subspan(begin, end - begin), arrays_.values.subspan(begin, end - begin)};
  }

  static bool is_marked(const Workspace& workspace, std::uint32_t item) noexcept { return (workspace.marks[item / 64] >> (item % 64) & 1) != 0; }

  [[nodiscard]] std::size_t terms_of(const History& history) const noexcept {
    std::size_t terms = 0;
    for (const auto item : history.items) terms += row_of(value(item)).columns.size();
    return terms;
  }

  /// Asks for the beginning of a row.
  void prefetch(ItemIndex item) const noexcept {
    const auto row = row_of(value(item));
    constexpr std::size_t line = 16, lines = 4;
    for (std::size_t n = 0; n < std::min(row.columns.size(), line * lines); n += line) {
      __builtin_prefetch(row.columns.data() + n);
      __builtin_prefetch(row.values.data() + n);
    }
  }

  /// Calls add(row, weight) for the rows of the history that weigh something, in its order.
  template <class Add>
  void for_each_row(const History& history, Add add) const {
    const auto size = history.items.size();
    for (std::size_t n = 0; n < std::min(size, rows_ahead); ++n) prefetch(history.items[n]);
    for (std::size_t n = 0; n < size; ++n) {
      if (n + rows_ahead < size) prefetch(history.items[n + rows_ahead]);
      if (history.weights[n] > 0) add(row_of(value(history.items[n])), history.weights[n]);
    }
  }

  [[nodiscard]] std::span<float> dense_sums(Workspace& workspace) const {
    if (workspace.scores.size() < items_) workspace.scores.resize(items_);
    return std::span(workspace.scores).first(items_);
  }

  /// Adds up the rows of the history in `out`, a sum an item.
  void sum_dense(const History& history, std::span<float> out) const {
    std::fill(out.begin(), out.end(), 0.0f);
    auto* const sums = out.data();
    for_each_row(history, [&](const Row& row, float weight) {
      const auto* const columns = row.columns.data();
      const auto* const values = row.values.data();
      const auto size = row.columns.size();
      for (std::size_t k = 0; k < size && columns[k] < items_; ++k) sums[columns[k]] += weight * values[k];
    });
  }

  /// Adds them up where there are any: the first `return` entries of workspace.touched, whose marks are set.
  std::size_t sum_sparse(const History& history, std::size_t terms, Workspace& workspace) const {
    auto& scores = workspace.scores;
    auto& marks = workspace.marks;
    auto& touched = workspace.touched;
    if (scores.size() < items_) scores.resize(items_);
    if (marks.size() < (std::size_t{items_} + 63) / 64) marks.resize((std::size_t{items_} + 63) / 64, 0);
    if (touched.size() < terms) touched.resize(terms);
    std::size_t count = 0;
    for_each_row(history, [&](const Row& row, float weight) {
      for (std::size_t k = 0; k < row.columns.size() && row.columns[k] < items_; ++k) {
        const auto item = row.columns[k];
        auto& word = marks[item / 64];
        const auto bit = std::uint64_t{1} << (item % 64);
        const bool first = (word & bit) == 0;
        word |= bit;
        touched[count] = item;
        count += first;
        scores[item] = (first ? 0.0f : scores[item]) + weight * row.values[k];
      }
    });
    return count;
  }

  static void clear_marks(std::size_t count, Workspace& workspace) noexcept {
    for (std::size_t n = 0; n < count; ++n) workspace.marks[workspace.touched[n] / 64] = 0;
  }

  ItemKnnConfig config_;
  ItemKnnArrays arrays_;
  std::uint32_t items_;
  std::shared_ptr<const void> keeper_;
};

}  // namespace

std::shared_ptr<const SummedItemKnn> make_item_knn(const ItemKnnConfig& config, const ItemKnnArrays& arrays,
                                                  std::shared_ptr<const void> keeper) {
  return std::make_shared<ItemKnn>(config, arrays, std::move(keeper));
}

ItemKnnArrays read_item_knn_arrays(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto entries = reader.section("columns").size() / sizeof(std::uint32_t);
  ItemKnnArrays arrays;
  arrays.offsets = reader.array<std::int64_t>("offsets", std::size_t{item_count} + 1);
  arrays.columns = reader.array<std::uint32_t>("columns", entries);
  arrays.values = reader.array<float>("values", entries);
  if (arrays.offsets.front() != 0 || arrays.offsets.back() != static_cast<std::int64_t>(entries))
    throw Error(ErrorCode::malformed_input, "section 'offsets'", "runs from " + std::to_string(arrays.offsets.front()) + " to " + std::to_string(arrays.offsets.back()),
                "0 to " + std::to_string(entries));
  return arrays;
}

std::shared_ptr<const ItemKnnModel> read_item_knn(const model::SectionReader& reader, std::uint32_t item_count) {
  return make_item_knn(from_json<ItemKnnConfig>(reader.config_json(), "item_knn"), read_item_knn_arrays(reader, item_count), reader.keeper());
}

}  // namespace pannier::cf
