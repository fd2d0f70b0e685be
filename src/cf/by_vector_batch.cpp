// Batches of people by tiles: core/tile proposes, the fixed order of core/simd decides, no matrix of scores is kept.
//
// A tile's number t and the served score s = fixed_dot(q, v) are sums of the same products in other orders, each off the real q.v by at most
// g(m) sum |q_i v_i| + d 2^-149, where m is how many roundings a term passes and g(m) = m u / (1 - m u), u = 2^-24 (Higham 2002, section 3.1): m is at most
// tile_depth + d / tile_depth + 1 for the tile and d / 16 + 5 for the fixed order. So s < t + (g + g') |q| |v| + 2 d 2^-149, and an item whose t is below the k-th
// best score by more than that cannot enter. All others are scored in the fixed order and offered, so the answer is that of single calls, bit for bit, whatever the tile rounds.
//
// Items are taken in descending order of their norms. Where |q| |v| itself, with the roundings of s, is below a person's k-th best score, no later item can enter
// (the bound of model/vectors.cpp), and the person leaves the tiles.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "cf/by_vector.hpp"
#include "cf/every_item.hpp"
#include "core/sort_stably.hpp"
#include "pannier/core/simd.hpp"
#include "pannier/core/tile.hpp"

namespace pannier::cf::by_vector {
namespace {

constexpr std::size_t people_a_block = 384, fewest_for_a_tile = 16;
constexpr std::size_t first_chunk = 512, longest_chunk = 8192;  // Items between two looks at who is done.
constexpr std::size_t fewest_people_to_sort = 64;               // Sorting copies the items' vectors.
constexpr double largest_product = 0x1p126;                     // Of norms: no partial sum of it overflows.

/// g(m) of above, enlarged for its own roundings.
double rounding_error(double roundings) { return roundings * 0x1p-24 / (1 - roundings * 0x1p-24) * (1 + 0x1p-40); }

/// The items' vectors with descending norms: the model's own arrays, or a copy in another order, of the allowed alone where they are few.
class Descending {
 public:
  Descending(const model::VectorModel& model, bool sort, const ItemSet* allowed) : vectors_(model.item_vectors()), norms_(model.item_norms()), descends_(model.norms_descend()) {
    const bool few = allowed != nullptr && std::size_t{allowed->count()} * 4 < vectors_.rows;
    if (!few && (descends_ || !sort)) return;
    for (std::uint32_t i = 0; i < vectors_.rows; ++i)
      if (!few || allowed->contains(ItemIndex{i})) order_.push_back(i);
    if (!descends_ && sort) {
      sort_stably(order_, [&](std::uint32_t a, std::uint32_t b) { return norms_[a] > norms_[b]; });
      descends_ = true;
    }
    sorted_ = Matrix(order_.size(), vectors_.cols);
    sorted_norms_.resize(order_.size());
    for (std::size_t i = 0; i < order_.size(); ++i) {
      std::ranges::copy(vectors_.row(order_[i]), sorted_.row(i).begin());
      sorted_norms_[i] = norms_[order_[i]];
    }
    vectors_ = sorted_;
    norms_ = sorted_norms_;
    copied_ = true;
  }
  [[nodiscard]] std::size_t size() const noexcept { return vectors_.rows; }
  [[nodiscard]] const MatrixView& vectors() const noexcept { return vectors_; }
  [[nodiscard]] float largest_norm(std::size_t first, std::size_t count) const {
    return descends_ ? norms_[first] : *std::ranges::max_element(norms_.subspan(first, count));
  }
  /// Whether no item from `first` on has a larger norm than it.
  [[nodiscard]] bool descends() const noexcept { return descends_; }
  [[nodiscard]] std::uint32_t item(std::size_t i) const { return copied_ ? order_[i] : static_cast<std::uint32_t>(i); }

 private:
  MatrixView vectors_;
  std::span<const float> norms_;
  bool descends_, copied_ = false;
  std::vector<std::uint32_t> order_;
  Matrix sorted_;
  std::vector<float> sorted_norms_;
};

/// A person whose list is being made.
struct Asking {
  std::size_t row = 0;
  double norm = 0;   ///< At least the query's length.
  double slack = 0;  ///< How far a tile's number may be below the score, per norm of the item.
  TopK top;
};

}  // namespace

void recommend_batch(const model::VectorModel& model, const CsrView& histories, const model::Ask& ask, const Execution& execution, const FoldInRow& fold_in,
                     std::span<ItemIndex> items, std::span<float> scores) {
  const std::size_t item_count = model.item_vectors().rows, dimensions = model.item_vectors().cols, count = ask.count;
  const auto norms = model.item_norms();
  const bool finite = norms.size() == item_count && std::ranges::all_of(norms, [](float norm) { return std::isfinite(norm); });
  const Descending descending(model, finite && histories.rows >= fewest_people_to_sort, finite ? ask.allowed : nullptr);
  const double d = static_cast<double>(dimensions), rest = 2 * d * 0x1p-149;
  const double fixed_error = rounding_error(std::ceil(d / 16) + 5);
  const double tile_error = rounding_error(static_cast<double>(std::min(dimensions, tile_depth)) + std::ceil(d / tile_depth) + 1);
  const float largest = finite && item_count != 0 ? *std::ranges::max_element(norms) : 0;

  struct Worker {
    model::Workspace workspace;
    Matrix queries;
    std::vector<Asking> people;
    std::vector<Scored> best;
    std::vector<float> scores;
    TileScratch scratch;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(resolved_threads(execution)));
  parallel_blocks_with_worker(execution, histories.rows, people_a_block, [&](std::size_t begin, std::size_t end, std::size_t, int index) {
    auto& worker = workers[static_cast<std::size_t>(index)];
    auto& people = worker.people;
    auto& queries = worker.queries;
    worker.best.resize(std::min(count, item_count));
    if (queries.rows() < end - begin) queries = Matrix(end - begin, dimensions);
    if (people.size() < end - begin) people.resize(end - begin);
    std::size_t asking = 0;
    const auto give = [&](std::size_t row, std::size_t found) {
      for (std::size_t i = 0; i < found; ++i) {
        items[row * count + i] = worker.best[i].item;
        scores[row * count + i] = worker.best[i].score;
      }
    };
    const auto may_have = [&](std::size_t row, std::uint32_t item) {
      if (ask.exclude_history && std::ranges::binary_search(histories.row_columns(row), item)) return false;
      if (ask.row_denied != nullptr && std::ranges::binary_search(ask.row_denied->row_columns(row), item)) return false;
      return ask.allowed == nullptr || ask.allowed->contains(ItemIndex{item});
    };
    const auto offer = [&](Asking& person, std::span<const float> query, std::size_t i) {
      const auto item = descending.item(i);
      if (may_have(person.row, item)) person.top.push(ItemIndex{item}, fixed_dot(query, descending.vectors().row(i)));
    };

    for (std::size_t row = begin; row < end; ++row) {
      std::ranges::fill(items.subspan(row * count, count), no_item);
      std::ranges::fill(scores.subspan(row * count, count), 0.0f);
      const auto query = queries.row(asking);
      if (!fold_in(row, histories.row_columns(row), histories.row_values(row), worker.workspace, query)) continue;
      if (ask.row_allowed != nullptr) {  // Only what the row may have is scored.
        auto& top = people[asking].top;
        top.reset(std::min(count, item_count));
        for (const auto item : ask.row_allowed->row_columns(row))
          if (may_have(row, item)) top.push(ItemIndex{item}, fixed_dot(query, model.item_vectors().row(item)));
        give(row, top.finish(worker.best));
        continue;
      }
      const auto norm = static_cast<double>(norm_of(query));
      if (!(finite && norm * static_cast<double>(largest) < largest_product)) {  // Sums may overflow, or are no numbers: no bound holds.
        auto& excluded = worker.workspace.touched;
        excluded.clear();
        if (ask.exclude_history) excluded.assign(histories.row_columns(row).begin(), histories.row_columns(row).end());
        if (ask.row_denied != nullptr) {
          const auto denied = ask.row_denied->row_columns(row);
          excluded.insert(excluded.end(), denied.begin(), denied.end());
          std::ranges::sort(excluded);
        }
        give(row, model::search_vectors(model, query, ask.count, ask.allowed, excluded, worker.workspace, worker.best));
        continue;
      }
      auto& person = people[asking++];
      person.row = row, person.norm = norm, person.slack = norm * (fixed_error + tile_error);
      person.top.reset(std::min(count, item_count));
    }
    const auto finish = [&](Asking& person) { give(person.row, person.top.finish(worker.best)); };
    // The persons whom items from `first` on cannot help leave.
    const auto dismiss = [&](std::size_t first) {
      const auto norm = static_cast<double>(descending.largest_norm(first, 1));
      std::size_t kept = 0;
      for (std::size_t p = 0; p < asking; ++p) {
        people[p].top.tighten();
        if (people[p].norm * (1 + fixed_error) * norm + rest < static_cast<double>(people[p].top.threshold())) {
          finish(people[p]);
          continue;
        }
        if (kept != p) {
          std::swap(people[kept], people[p]);
          std::ranges::copy(queries.row(p), queries.row(kept).begin());
        }
        ++kept;
      }
      asking = kept;
    };

    std::size_t chunk = first_chunk;
    for (std::size_t first = 0; first < descending.size() && asking != 0; first += chunk, chunk = std::min(2 * chunk, longest_chunk)) {
      if (first != 0 && descending.descends()) dismiss(first);
      const std::size_t some = std::min(chunk, descending.size() - first);
      if (asking < fewest_for_a_tile) {
        worker.scores.resize(std::max(worker.scores.size(), some));
        const auto line = std::span(worker.scores).first(some);
        for (std::size_t p = 0; p < asking; ++p) {
          auto& top = people[p].top;
          fixed_dots(queries.row(p), descending.vectors(), first, line);
          each_at_least(line, [&] { return top.threshold(); }, [&](std::size_t i) { offer(people[p], queries.row(p), first + i); });
        }
        continue;
      }
      const auto& vectors = descending.vectors();
      const MatrixView chosen{queries.data(), asking, dimensions, queries.stride()}, block_vectors{vectors.data + first * vectors.stride, some, dimensions, vectors.stride};
      multiply({chosen}, {block_vectors, true}, worker.scratch, [&](const TileBlock& block) {
        const auto norm = static_cast<double>(descending.largest_norm(first + block.column, block.columns));
        for (std::size_t r = 0; r < block.rows; ++r) {
          auto& person = people[block.row + r];
          const std::span<const float> line(block.values + r * block.stride, block.columns);
          const double slack = person.slack * norm + rest;
          const auto least = [&] { return std::nextafter(static_cast<float>(static_cast<double>(person.top.threshold()) - slack), -std::numeric_limits<float>::infinity()); };
          each_at_least(line, least, [&](std::size_t i) { offer(person, queries.row(block.row + r), first + block.column + i); });
        }
      });
    }
    for (std::size_t p = 0; p < asking; ++p) finish(people[p]);
  });
}

}  // namespace pannier::cf::by_vector
