// Answers of a fitted item_knn. A history's rows are added up in one array over the items:
//
// dense   the array is cleared, summed and scanned; for histories whose rows are not small beside the catalogue
// sparse  the array is not cleared: a bit an item says whether its sum has begun, and a list says which items have one
//
// Both add the same terms in the same order, so they give the same bits. An item has evidence when its sum is above zero.
// The rows of a file may lie: a row with bad ends is empty, and an entry for an item that does not exist goes to a place past
// the last item.
#include "pannier/cf/item_knn.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "cf/item_knn_model.hpp"
#include "pannier/core/error.hpp"

namespace pannier::cf {
namespace {

using model::Ask;
using model::History;
using model::Workspace;

/// The sums are dense where the rows hold at least a sixteenth of the catalogue: clearing and scanning cost that much less an item.
constexpr std::size_t dense_share = 16;

/// A score below this is none.
constexpr float least_evidence = std::numeric_limits<float>::denorm_min();

class ItemKnn final : public ItemKnnModel {
 public:
  ItemKnn(const ItemKnnConfig& config, const ItemKnnArrays& arrays, bool trusted, std::shared_ptr<const void> keeper)
      : config_(config), arrays_(arrays), items_(static_cast<std::uint32_t>(arrays.offsets.size() - 1)), trusted_(trusted), keeper_(std::move(keeper)) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "item_knn"; }
  [[nodiscard]] std::uint32_t item_count() const noexcept override { return items_; }
  [[nodiscard]] std::string config_json() const override { return to_json(config_); }
  [[nodiscard]] CsrView similarities() const noexcept override { return {items_, items_, arrays_.offsets, arrays_.columns, arrays_.values}; }

  std::size_t recommend(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    require_valid(history, ask, items_, workspace);
    return answer(history, ask, workspace, out);
  }

  void score(const History& history, std::span<const ItemIndex> candidates, Workspace& workspace, std::span<float> out) const override {
    require_valid(history, {}, items_, workspace);
    model::require_valid_candidates(candidates, items_, out.size());
    const auto sums = begin_sums(history, workspace);
    for (std::size_t n = 0; n < candidates.size(); ++n) {
      const auto item = value(candidates[n]);
      const float sum = sums.dense || is_marked(workspace, item) ? workspace.scores[item] : 0.0f;
      out[n] = sum >= least_evidence ? sum : 0.0f;
    }
    end_sums(sums, workspace);
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

  [[nodiscard]] float similarity(std::uint32_t from, std::uint32_t to) const noexcept {
    const auto row = row_of(from);
    const auto found = std::lower_bound(row.columns.begin(), row.columns.end(), to);
    return found == row.columns.end() || *found != to ? 0.0f : row.values[static_cast<std::size_t>(found - row.columns.begin())];
  }

  static bool is_marked(const Workspace& workspace, std::uint32_t item) noexcept { return (workspace.marks[item / 64] >> (item % 64) & 1) != 0; }

  struct Sums {
    bool dense;
    std::size_t touched;  ///< Entries of workspace.touched, when sparse.
  };

  /// Adds up the rows of the history in workspace.scores.
  Sums begin_sums(const History& history, Workspace& workspace) const {
    std::size_t terms = 0;
    for (const auto item : history.items) terms += row_of(value(item)).columns.size();
    auto& scores = workspace.scores;
    if (scores.size() < std::size_t{items_} + 1) scores.resize(std::size_t{items_} + 1);
    if (terms >= items_ / dense_share) {
      std::fill(scores.begin(), scores.begin() + items_ + 1, 0.0f);
      for (std::size_t n = 0; n < history.items.size(); ++n)
        if (history.weights[n] > 0) {
          if (trusted_) add<true>(row_of(value(history.items[n])), history.weights[n], scores.data());
          else add<false>(row_of(value(history.items[n])), history.weights[n], scores.data());
        }
      return {true, 0};
    }
    if (workspace.marks.size() < (std::size_t{items_} + 63) / 64) workspace.marks.resize((std::size_t{items_} + 63) / 64, 0);
    if (workspace.touched.size() < terms) workspace.touched.resize(terms);
    std::size_t touched = 0;
    for (std::size_t n = 0; n < history.items.size(); ++n) {
      if (!(history.weights[n] > 0)) continue;
      const auto row = row_of(value(history.items[n]));
      for (std::size_t k = 0; k < row.columns.size(); ++k) {
        const auto item = row.columns[k];
        if (item >= items_) continue;
        auto& word = workspace.marks[item / 64];
        const auto bit = std::uint64_t{1} << (item % 64);
        const bool first = (word & bit) == 0;
        word |= bit;
        workspace.touched[touched] = item;
        touched += first;
        scores[item] = (first ? 0.0f : scores[item]) + history.weights[n] * row.values[k];
      }
    }
    return {false, touched};
  }

  static void end_sums(const Sums& sums, Workspace& workspace) noexcept {
    for (std::size_t n = 0; n < sums.touched; ++n) workspace.marks[workspace.touched[n] / 64] = 0;
  }

  template <bool trusted>
  void add(const Row& row, float weight, float* sums) const noexcept {
    const auto* const columns = row.columns.data();
    const auto* const values = row.values.data();
    const auto count = row.columns.size();
    for (std::size_t k = 0; k < count; ++k) {
      const auto item = trusted ? columns[k] : std::min(columns[k], items_);
      sums[item] += weight * values[k];
    }
  }

  /// recommend() for a valid request.
  std::size_t answer(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const {
    auto& top = workspace.top;
    top.reset(std::min({std::size_t{ask.count}, out.size(), std::size_t{items_}}));
    const auto sums = begin_sums(history, workspace);
    auto* const scores = workspace.scores.data();
    if (ask.exclude_history)
      for (const auto item : history.items) scores[value(item)] = 0;
    float least = least_evidence;
    const auto offer = [&](std::uint32_t item) {
      if (!(scores[item] >= least) || (ask.allowed != nullptr && !ask.allowed->contains(ItemIndex{item}))) return;
      top.push(ItemIndex{item}, scores[item]);
      least = std::max(least_evidence, top.threshold());
    };
    if (sums.dense) {
      constexpr std::uint32_t stripe = 16;
      std::uint32_t item = 0;
      for (; item + stripe <= items_; item += stripe) {
        int any = 0;
        for (std::uint32_t n = 0; n < stripe; ++n) any |= static_cast<int>(scores[item + n] >= least);
        if (any == 0) continue;
        for (std::uint32_t n = 0; n < stripe; ++n) offer(item + n);
      }
      for (; item < items_; ++item) offer(item);
    } else {
      for (std::size_t n = 0; n < sums.touched; ++n) offer(workspace.touched[n]);
    }
    end_sums(sums, workspace);
    return top.finish(out);
  }

  ItemKnnConfig config_;
  ItemKnnArrays arrays_;
  std::uint32_t items_;
  bool trusted_;
  std::shared_ptr<const void> keeper_;
};

}  // namespace

std::shared_ptr<const ItemKnnModel> make_item_knn(const ItemKnnConfig& config, const ItemKnnArrays& arrays, bool trusted,
                                                  std::shared_ptr<const void> keeper) {
  return std::make_shared<ItemKnn>(config, arrays, trusted, std::move(keeper));
}

std::shared_ptr<const ItemKnnModel> read_item_knn(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<ItemKnnConfig>(reader.config_json(), "item_knn");
  const auto entries = reader.section("columns").size() / sizeof(std::uint32_t);
  ItemKnnArrays arrays;
  arrays.offsets = reader.array<std::int64_t>("offsets", std::size_t{item_count} + 1);
  arrays.columns = reader.array<std::uint32_t>("columns", entries);
  arrays.values = reader.array<float>("values", entries);
  if (arrays.offsets.front() != 0 || arrays.offsets.back() != static_cast<std::int64_t>(entries))
    throw Error(ErrorCode::malformed_input, "section 'offsets'", "runs from " + std::to_string(arrays.offsets.front()) + " to " + std::to_string(arrays.offsets.back()),
                "0 to " + std::to_string(entries));
  return make_item_knn(config, arrays, false, reader.keeper());
}

}  // namespace pannier::cf
