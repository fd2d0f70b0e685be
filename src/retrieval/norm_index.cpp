// Why leaving out and stopping are exact (docs/retrieval.md has it at length):
//
// The score of an item is s = fl(q.v) in the fixed order of core/simd. With u = 2^-24, m = ceil(d/16) + 5 and g = m u / (1 - m u),
//     s <= q.v + g |q| |v| + d 2^-149                              (Higham 2002, section 3.1; the last term: underflow)     (1)
//       <= (1 + g) |q| |v| + d 2^-149.                                                                                      (2)
// A block has the scale b and an item the code c, the query the scale a and the code e: v = b c + r and q = a e + p, so
//     q.v = a b (e.c) + (a e).r + p.v <= a b (e.c) + |a e| |r| + |p| |v|.                                                   (3)
// (2) with the largest norm of a block is the stop; (1) and (3), with the largest |r| and |v| of a block, say how large the integer e.c must be for s to
// reach the k-th best score. Both are strict: an item that ties may still enter by its index. Norms, residuals and scales are found in double, where the bounds are
// enlarged by more than their own roundings. All of it needs that no sum of the score overflows, |q| |v| < 2^126; else every item is scored.
#include <bit>

#include "pannier/core/simd.hpp"
#include "retrieval/norm_index_state.hpp"

namespace pannier::retrieval {
namespace {

using kernels::block_items;

constexpr double largest_product = 0x1p126;         // Of norms: no partial sum of it overflows.
constexpr std::size_t gather_share = 20;            // A filter that keeps less than one in so many is gathered.
constexpr std::size_t gather_items = 32;            // Rows that are fetched together.
constexpr std::size_t whole_block_items = 16;       // From so many on, all rows of a block are scored in one go.
constexpr std::size_t queries_a_group = 16;
constexpr std::size_t group_codes = 128u << 10;     // Bytes of codes that a group of queries goes over before the next.

void require_finite(std::span<const float> query, const std::string& where) {
  for (std::size_t i = 0; i < query.size(); ++i)
    if (!std::isfinite(query[i])) refuse(where + "[" + std::to_string(i) + "]", "is " + number(query[i]), "a finite number");
}

/// Ascending, each once, below `universe`.
void require_ascending(std::span<const std::uint32_t> items, std::size_t universe, const char* where) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto at = [&] { return std::string(where) + "[" + std::to_string(i) + "]"; };
    if (items[i] >= universe) refuse(at(), "is " + std::to_string(items[i]), "items below " + std::to_string(universe));
    if (i != 0 && items[i] <= items[i - 1]) refuse(at(), "is " + std::to_string(items[i]) + " after " + std::to_string(items[i - 1]), "items that ascend, each once");
  }
}

}  // namespace

std::string_view scan_level() noexcept { return kernels::level(); }

/// One search, in parts: a group of them takes turns over the codes.
class NormIndex::Run {
 public:
  /// `query` and what is wanted have been checked; `keep` is how many are kept.
  Run(const State& index, std::span<const float> query, const Wanted& wanted, std::size_t keep, SearchScratch& scratch)
      : index_(index), wanted_(wanted), scratch_(scratch), top_(scratch.top_) {
    scratch.effort = {};
    top_.reset(keep);
    enough_ = std::max<std::size_t>(1, keep / 4);
    done_ = keep == 0;
    if (done_) return;
    code(query);
    score_tail();
    if (index.bounds.empty() || !(norm_ * index.largest_norm < largest_product)) {
      score_everything();
    } else if (wanted.listed) {
      for (const auto item : *wanted.listed)
        if (item < index.rows.rows && allows(item)) mark(item);
      gather();
    } else if (wanted.allowed != nullptr && few_allowed()) {
      const auto words = wanted.allowed->words();
      const std::size_t blocks = index.bounds.size();
      for (std::size_t w = 0; w < blocks; ++w)
        for (auto word = words[w] & used(w); word != 0; word &= word - 1) mark(static_cast<std::uint32_t>(w * block_items) + static_cast<std::uint32_t>(std::countr_zero(word)));
      gather();
    } else if (wanted.allowed != nullptr && index.items.empty()) {
      words_ = wanted.allowed->words().data();  // In the order of the blocks as it is.
    } else {
      by_item_ = wanted.allowed;
    }
  }

  [[nodiscard]] bool done() const noexcept { return done_; }

  /// Goes over blocks [begin, end), those before it having been gone over.
  void scan(std::size_t begin, std::size_t end) {
    const auto codes = index_.code_view();
    while (!done_) {
      const auto found = kernels::next(codes, coded_, begin, end, static_cast<double>(top_.threshold()), words_);
      scratch_.effort.blocks += found.read;
      done_ = found.stopped;
      if (found.stopped || found.block == end) return;
      offer_block(found.block, found.items & used(found.block));
      begin = found.block + 1;
    }
  }

  std::size_t finish(std::span<Scored> out) { return top_.finish(out); }

 private:
  /// Which items of a block there are.
  [[nodiscard]] std::uint64_t used(std::size_t block) const noexcept {
    const std::size_t left = index_.rows.rows - block * block_items;
    return left >= block_items ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
  }

  void code(std::span<const float> query) {
    auto& full = scratch_.query_;
    const std::size_t dimensions = index_.rows.cols;
    full.assign(query.begin(), query.end());
    full.resize(dimensions, 1.0f);  // The bias counts once.
    norm_ = norm_above(full);
    float largest = 0;
    for (const float x : full) largest = std::max(largest, std::fabs(x));
    const auto [scale, inverse] = scale_of(static_cast<double>(largest));
    scratch_.code_.assign(index_.groups() * 4, 0);
    scratch_.pairs_.assign(index_.groups() * 4, 0);
    std::int32_t sum = 0, squares = 0;
    const double residual = encode(full, scale, inverse, norm_, [&](std::size_t k, int code) {
      scratch_.code_[k] = static_cast<std::int8_t>(code);
      scratch_.pairs_[k / 4 * 4 + k % 2 * 2 + k % 4 / 2] = static_cast<std::int16_t>(code);
      sum += code, squares += code * code;
    });
    const double roundings = (std::ceil(static_cast<double>(dimensions) / 16) + 5) * 0x1p-24, error = roundings / (1 - roundings) * slightly_more;
    coded_ = {.code = scratch_.code_.data(),
              .pairs = scratch_.pairs_.data(),
              .start = -128 * sum,
              .inverse_scale = inverse,
              .per_residual = scale * std::sqrt(static_cast<double>(squares)) * slightly_more,
              .per_norm = (residual + error * norm_) * slightly_more,
              .stop_norm = norm_ * (1 + error) * slightly_more,
              .rest = static_cast<double>(dimensions) * 0x1p-149};
  }

  [[nodiscard]] bool allows(std::uint32_t item) const noexcept { return wanted_.allowed == nullptr || wanted_.allowed->contains(ItemIndex{item}); }

  [[nodiscard]] bool few_allowed() const noexcept {
    const std::size_t many = index_.rows.rows / gather_share;
    std::size_t count = 0;
    for (const auto word : wanted_.allowed->words()) {
      if (word != 0) count += static_cast<std::size_t>(std::popcount(word));
      if (count > many) return false;
    }
    return true;
  }

  void offer(std::uint32_t item, float score) {
    ++scratch_.effort.scored;
    if (!(score >= top_.threshold()) || std::ranges::binary_search(wanted_.excluded, item)) return;
    top_.push(ItemIndex{item}, score);
    ++entered_;
  }

  /// The threshold rises with what entered, once that is worth the selection it costs.
  void settle() {
    if (entered_ < enough_) return;
    top_.tighten();
    entered_ = 0;
  }

  void score_tail() {
    const auto& tail = wanted_.tail;
    for (std::size_t t = 0; t < tail.rows; ++t) {
      const auto item = static_cast<std::uint32_t>(index_.rows.rows + t);
      if (allows(item) && (!wanted_.listed || std::ranges::binary_search(*wanted_.listed, item))) offer(item, fixed_dot(scratch_.query_, tail.row(t)));
    }
  }

  /// Where no bound holds.
  void score_everything() {
    for (std::size_t p = 0; p < index_.rows.rows; ++p) {
      const auto item = index_.item(p);
      if (allows(item) && (!wanted_.listed || std::ranges::binary_search(*wanted_.listed, item))) offer(item, fixed_dot(scratch_.query_, index_.row(p)));
    }
    done_ = true;
  }

  void fetch(std::size_t position) const noexcept {
#if defined(__GNUC__)
    const auto row = index_.row(position);
    for (std::size_t k = 0; k < row.size(); k += 16) __builtin_prefetch(row.data() + k);
#else
    static_cast<void>(position);
#endif
  }

  void offer_block(std::size_t block, std::uint64_t items) {
    const std::size_t first = block * block_items;
    if (by_item_ != nullptr)
      for (auto left = items; left != 0; left &= left - 1)
        if (const auto i = std::countr_zero(left); !by_item_->contains(ItemIndex{index_.item(first + static_cast<std::size_t>(i))})) items &= ~(std::uint64_t{1} << i);
    const auto count = static_cast<std::size_t>(std::popcount(items));
    if (index_.ordered && count >= whole_block_items) {
      scratch_.scores_.resize(block_items);
      const auto scores = std::span(scratch_.scores_).first(std::min(block_items, index_.rows.rows - first));
      fixed_dots(scratch_.query_, index_.rows, first, scores);
      for (; items != 0; items &= items - 1) {
        const auto i = static_cast<std::size_t>(std::countr_zero(items));
        offer(index_.item(first + i), scores[i]);
      }
    } else {
      if (count > 1)
        for (auto left = items; left != 0; left &= left - 1) fetch(first + static_cast<std::size_t>(std::countr_zero(left)));
      for (; items != 0; items &= items - 1) {
        const auto p = first + static_cast<std::size_t>(std::countr_zero(items));
        offer(index_.item(p), fixed_dot(scratch_.query_, index_.row(p)));
      }
    }
    settle();
  }

  void mark(std::uint32_t item) {
    auto& words = scratch_.words_;
    if (words.size() < index_.bounds.size()) words.resize(index_.bounds.size());
    const auto p = index_.position(item);
    words[p / block_items] |= std::uint64_t{1} << (p % block_items);
  }

  /// Scores what is marked, from the longest vectors on, and unmarks it.
  void gather() {
    std::size_t waiting = 0;
    std::size_t positions[gather_items];
    const auto score_waiting = [&] {
      for (std::size_t n = 0; n < waiting; ++n) offer(index_.item(positions[n]), fixed_dot(scratch_.query_, index_.row(positions[n])));
      waiting = 0;
      settle();
    };
    auto& words = scratch_.words_;
    const std::size_t blocks = std::min(words.size(), index_.bounds.size());
    std::size_t b = 0;
    for (; b < blocks; ++b) {
      if (words[b] == 0) continue;
      if (coded_.stop_norm * index_.bounds[b].norm + coded_.rest < static_cast<double>(top_.threshold())) break;
      for (auto word = std::exchange(words[b], 0); word != 0; word &= word - 1) {
        positions[waiting] = b * block_items + static_cast<std::size_t>(std::countr_zero(word));
        fetch(positions[waiting]);
        if (++waiting == gather_items) score_waiting();
      }
    }
    score_waiting();
    std::fill(words.begin() + static_cast<std::ptrdiff_t>(b), words.begin() + static_cast<std::ptrdiff_t>(blocks), 0);
    done_ = true;
  }

  const State& index_;
  const Wanted& wanted_;
  SearchScratch& scratch_;
  TopK& top_;
  kernels::CodedQuery coded_;
  double norm_ = 0;
  const std::uint64_t* words_ = nullptr;   ///< Allowed positions, a word a block.
  const ItemSet* by_item_ = nullptr;       ///< Allowed items, looked up one by one.
  std::size_t entered_ = 0;                ///< Since the threshold was last brought up.
  std::size_t enough_ = 1;                 ///< So many that a selection over `keep` pays: at a quarter, top-100 takes a third less than at one.
  bool done_ = false;
};

namespace {

void require_valid(const Wanted& wanted, std::size_t items, std::size_t dimensions) {
  if (wanted.tail.rows != 0 && wanted.tail.cols != dimensions)
    refuse("tail", "has vectors of " + std::to_string(wanted.tail.cols) + " numbers", "one a dimension, " + std::to_string(dimensions));
  if (wanted.tail.rows >= value(no_item) - items) refuse("tail", "has " + std::to_string(wanted.tail.rows) + " items", "fewer than " + std::to_string(value(no_item)) + " with those of the index");
  const std::size_t universe = items + wanted.tail.rows;
  if (wanted.allowed != nullptr && wanted.allowed->universe() != universe)
    refuse("allowed", "is a set over " + std::to_string(wanted.allowed->universe()) + " items", "one over " + std::to_string(universe));
  if (wanted.listed) require_ascending(*wanted.listed, universe, "listed");
  require_ascending(wanted.excluded, universe, "excluded");
}

void require_query(std::span<const float> query, std::size_t size, const std::string& where) {
  if (query.size() != size) refuse(where, "has " + std::to_string(query.size()) + " numbers", "one a dimension, " + std::to_string(size));
  require_finite(query, where);
}

}  // namespace

std::size_t NormIndex::search(std::span<const float> query, const Wanted& wanted, SearchScratch& scratch, std::span<Scored> out) const {
  const auto& index = *state_;
  require_query(query, index.query_size, "query");
  require_valid(wanted, index.rows.rows, index.rows.cols);
  Run run(index, query, wanted, std::min({std::size_t{wanted.count}, out.size(), index.rows.rows + wanted.tail.rows}), scratch);
  if (!run.done()) run.scan(0, index.bounds.size());
  return run.finish(out);
}

void NormIndex::search_batch(const MatrixView& queries, const Wanted& wanted, const Execution& execution, std::span<ItemIndex> items, std::span<float> scores) const {
  const auto& index = *state_;
  const std::size_t count = wanted.count, keep = std::min(count, index.rows.rows + wanted.tail.rows);
  require_valid(wanted, index.rows.rows, index.rows.cols);
  if (queries.rows != 0 && queries.cols != index.query_size)
    refuse("queries", "has " + std::to_string(queries.cols) + " numbers a row", "one a dimension, " + std::to_string(index.query_size));
  for (std::size_t r = 0; r < queries.rows; ++r) require_finite(queries.row(r), "queries[" + std::to_string(r) + "]");
  for (const auto& [size, where] : {std::pair{items.size(), "items"}, {scores.size(), "scores"}})
    if (size != queries.rows * count) refuse(where, "has " + std::to_string(size) + " entries", "rows * count, " + std::to_string(queries.rows * count));

  struct Worker {
    std::vector<SearchScratch> scratch{queries_a_group};
    std::vector<Run> runs;
    std::vector<Scored> best;
  };
  std::vector<Worker> workers(static_cast<std::size_t>(resolved_threads(execution)));
  const std::size_t blocks = index.bounds.size(), stride = std::max<std::size_t>(1, group_codes / (index.groups() * kernels::group_bytes));
  parallel_blocks_with_worker(execution, queries.rows, queries_a_group, [&](std::size_t begin, std::size_t end, std::size_t, int which) {
    auto& worker = workers[static_cast<std::size_t>(which)];
    worker.best.resize(keep);
    worker.runs.clear();
    worker.runs.reserve(queries_a_group);
    for (std::size_t r = begin; r < end; ++r) worker.runs.emplace_back(index, queries.row(r), wanted, keep, worker.scratch[r - begin]);
    bool going = true;
    for (std::size_t first = 0; first < blocks && going; first += stride) {
      going = false;
      for (auto& run : worker.runs) {
        run.scan(first, std::min(blocks, first + stride));
        going = going || !run.done();
      }
    }
    for (std::size_t r = begin; r < end; ++r) {
      const auto found = worker.runs[r - begin].finish(worker.best);
      for (std::size_t i = 0; i < count; ++i) {
        items[r * count + i] = i < found ? worker.best[i].item : no_item;
        scores[r * count + i] = i < found ? worker.best[i].score : 0.0f;
      }
    }
  });
}

}  // namespace pannier::retrieval
