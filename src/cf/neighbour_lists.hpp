/// The nearest of every item, selected from rows of X'X as they are finished, and turned into the rows that scoring adds up.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/execution.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/core/top_k.hpp"

namespace pannier::cf {

/// Threads: select() of different items at once, a worker's number each; the rest one thread.
class NeighbourLists {
 public:
  /// Nearest items that each item keeps beside the lists of the others.
  static constexpr std::size_t own_neighbours = 20;

  /// What is left of one item: its nearest, that it is recommended by where lists belong to the candidate, and else that it recommends; and in the
  /// first case its own nearest. Both in no order.
  struct Lists {
    std::vector<Scored> nearest, own;
    Scored worst{no_item, -1};  ///< The last of `nearest` when that is full: what ranks after it is not in it.
  };

  /// `model` begins the message of an error. `symmetric`: the similarity has the same bits in both directions.
  NeighbourLists(std::string model, std::size_t items, std::size_t neighbours, bool by_candidate, bool symmetric, const Execution& execution)
      : model_(std::move(model)), neighbours_(neighbours), by_candidate_(by_candidate), symmetric_(symmetric), lists_(items),
        scratches_(static_cast<std::size_t>(resolved_threads(execution))) {}

  /// Keeps the nearest of `item` among `others`, by similarity(from, to, sum): what `from` in a history gives `to`. The sums are symmetric, to the bit.
  /// Errors: numerical_failure where a similarity is not finite.
  template <class Similarity>
  void select(std::uint32_t item, std::span<const std::uint32_t> others, std::span<const float> sums, int worker, Similarity similarity) {
    auto& scratch = scratches_[static_cast<std::size_t>(worker)];
    scratch.nearest.reset(neighbours_);
    scratch.own.reset(std::min(neighbours_, own_neighbours));
    for (std::size_t n = 0; n < others.size(); ++n) {
      const auto other = others[n];
      if (other == item) continue;
      const float gives = similarity(other, item, sums[n]);
      const float takes = symmetric_ ? gives : similarity(item, other, sums[n]);
      if (!std::isfinite(gives) || !std::isfinite(takes)) refuse(item, other);
      if (by_candidate_) {
        if (gives > 0) scratch.nearest.push(ItemIndex{other}, gives);
        if (!symmetric_ && takes > 0) scratch.own.push(ItemIndex{other}, takes);
      } else if (takes > 0) {
        scratch.nearest.push(ItemIndex{other}, takes);
      }
    }
    keep(item, scratch);
  }

  /// items x items, row i are the items that i recommends, columns ascending. Empties the lists.
  [[nodiscard]] Csr rows();

 private:
  struct Scratch {
    TopK nearest, own;
  };
  void keep(std::uint32_t item, Scratch& scratch);
  [[noreturn]] void refuse(std::uint32_t item, std::uint32_t other) const;

  std::string model_;
  std::size_t neighbours_;
  bool by_candidate_, symmetric_;
  std::vector<Lists> lists_;
  std::vector<Scratch> scratches_;
};

}  // namespace pannier::cf
