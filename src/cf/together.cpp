// Answers of a fitted together. Rows of evidence are added up as item_knn adds up rows of similarities, by the same code; beside them
// stand the counts that the figures of a pair come from.
#include "pannier/cf/together.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "cf/item_knn_model.hpp"
#include "cf/together_model.hpp"
#include "model/item_order.hpp"
#include "pannier/core/error.hpp"

namespace pannier::cf {
namespace {

using model::Ask;
using model::History;
using model::Workspace;

class Together final : public TogetherModel {
 public:
  Together(const TogetherConfig& config, const TogetherArrays& arrays, std::shared_ptr<const void> keeper)
      : config_(config), arrays_(arrays), rows_(make_item_knn({}, {arrays.offsets, arrays.columns, arrays.evidence}, std::move(keeper))) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "together"; }
  [[nodiscard]] std::uint32_t item_count() const noexcept override { return rows_->item_count(); }
  [[nodiscard]] std::string config_json() const override { return to_json(config_); }
  [[nodiscard]] CsrView evidence() const noexcept override { return rows_->similarities(); }
  [[nodiscard]] std::uint64_t baskets() const noexcept override { return arrays_.baskets; }
  [[nodiscard]] std::span<const std::uint32_t> item_baskets() const noexcept override { return arrays_.item_baskets; }

  std::size_t recommend(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    return rows_->recommend(history, ask, workspace, out);
  }
  void score(const History& history, std::span<const ItemIndex> candidates, Workspace& workspace, std::span<float> out) const override {
    rows_->score(history, candidates, workspace, out);
  }
  void score_all(const History& history, Workspace& workspace, std::span<float> out) const override { rows_->score_all(history, workspace, out); }
  std::size_t similar(ItemIndex item, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    return rows_->similar(item, ask, workspace, out);
  }
  std::size_t explain(const History& history, ItemIndex item, Workspace& workspace, std::span<model::Reason> out) const override {
    return rows_->explain(history, item, workspace, out);
  }

  [[nodiscard]] std::optional<PairFigures> pair(ItemIndex asked, ItemIndex offered) const override {
    model::require_valid_item(asked, item_count());
    model::require_valid_item(offered, item_count());
    const auto row = row_of(value(asked));
    const auto columns = arrays_.columns.subspan(row.begin, row.end - row.begin);
    const auto found = std::lower_bound(columns.begin(), columns.end(), value(offered));
    if (found == columns.end() || *found != value(offered)) return {};
    const std::uint64_t both = arrays_.counts[row.begin + static_cast<std::size_t>(found - columns.begin())];
    const std::uint64_t one = arrays_.item_baskets[value(asked)], other = arrays_.item_baskets[value(offered)], all = arrays_.baskets;
    if (both == 0 || both > one || both > other || one > all || other > all) return {};
    const auto number = [](std::uint64_t n) { return static_cast<double>(n); };
    return PairFigures{.count = static_cast<std::uint32_t>(both),
                       .support = number(both) / number(all),
                       .confidence = number(both) / number(one),
                       .lift = number(both) * number(all) / (number(one) * number(other)),
                       .log_likelihood_ratio = log_likelihood_ratio(both, one, other, all)};
  }

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    model::require_valid_order(order, item_count());
    struct Pair {
      std::uint32_t column, count;
      float evidence;
    };
    const auto items = item_count();
    std::vector<std::int64_t> offsets{0};
    std::vector<std::uint32_t> columns, counts, item_baskets(items);
    std::vector<float> evidence;
    std::vector<Pair> pairs;
    for (std::uint32_t i = 0; i < items; ++i) {
      const auto old = value(order.old_index[i]);
      item_baskets[i] = arrays_.item_baskets[old];
      const auto row = row_of(old);
      pairs.clear();
      for (auto n = row.begin; n < row.end; ++n)
        if (arrays_.columns[n] < items) pairs.push_back({value(order.new_index[arrays_.columns[n]]), arrays_.counts[n], arrays_.evidence[n]});
      std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.column < b.column; });
      for (const auto& pair : pairs) {
        columns.push_back(pair.column);
        counts.push_back(pair.count);
        evidence.push_back(pair.evidence);
      }
      offsets.push_back(static_cast<std::int64_t>(columns.size()));
    }
    writer.array<std::uint64_t>("baskets", std::array{arrays_.baskets});
    writer.array<std::uint32_t>("item_baskets", item_baskets);
    writer.array<std::int64_t>("offsets", offsets);
    writer.array<std::uint32_t>("columns", columns);
    writer.array<std::uint32_t>("counts", counts);
    writer.array<float>("evidence", evidence);
  }

 private:
  struct Row {
    std::size_t begin = 0, end = 0;
  };
  [[nodiscard]] Row row_of(std::uint32_t item) const noexcept {
    const auto begin = static_cast<std::uint64_t>(arrays_.offsets[item]), end = static_cast<std::uint64_t>(arrays_.offsets[item + std::size_t{1}]);
    if (begin > end || end > arrays_.columns.size()) return {};
    return {begin, end};
  }

  TogetherConfig config_;
  TogetherArrays arrays_;
  std::shared_ptr<const ItemKnnModel> rows_;   ///< Holds the arrays alive.
};

}  // namespace

std::shared_ptr<const TogetherModel> make_together(const TogetherConfig& config, const TogetherArrays& arrays, std::shared_ptr<const void> keeper) {
  return std::make_shared<Together>(config, arrays, std::move(keeper));
}

std::shared_ptr<const TogetherModel> read_together(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<TogetherConfig>(reader.config_json(), "together");
  const auto pairs = reader.section("columns").size() / sizeof(std::uint32_t);
  TogetherArrays arrays;
  arrays.baskets = reader.array<std::uint64_t>("baskets", 1).front();
  arrays.item_baskets = reader.array<std::uint32_t>("item_baskets", item_count);
  arrays.offsets = reader.array<std::int64_t>("offsets", std::size_t{item_count} + 1);
  arrays.columns = reader.array<std::uint32_t>("columns", pairs);
  arrays.counts = reader.array<std::uint32_t>("counts", pairs);
  arrays.evidence = reader.array<float>("evidence", pairs);
  if (arrays.offsets.front() != 0 || arrays.offsets.back() != static_cast<std::int64_t>(pairs))
    throw Error(ErrorCode::malformed_input, "section 'offsets'", "runs from " + std::to_string(arrays.offsets.front()) + " to " + std::to_string(arrays.offsets.back()),
                "0 to " + std::to_string(pairs));
  return make_together(config, arrays, reader.keeper());
}

}  // namespace pannier::cf
