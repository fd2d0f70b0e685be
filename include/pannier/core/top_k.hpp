/// Exact selection of the k best items: highest score first, ties by lowest index. The one selection of pannier.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "pannier/core/ids.hpp"

namespace pannier {

/// An item and its score.
struct Scored {
  ItemIndex item = no_item;
  float score = 0;
  bool operator==(const Scored&) const = default;
};

/// True when `a` ranks before `b`: higher score, then lower index. A total order for scores that are not NaN.
[[nodiscard]] constexpr bool ranks_before(const Scored& a, const Scored& b) noexcept {
  return a.score > b.score || (a.score == b.score && value(a.item) < value(b.item));
}

/// Keeps the `count` best of what is pushed, in any order of pushing; the result does not depend on that order.
/// A buffer of 2*count entries is cut back to count by nth_element when full, and a running threshold refuses most pushes.
/// Cost: O(n) expected for n pushes, no allocation once reserved.
/// Threads: One thread.
class TopK {
 public:
  /// Forgets everything; keeps memory. count may be 0.
  void reset(std::size_t count);
  /// Scores that are NaN are never kept. What ties with the last kept score is kept by index.
  void push(ItemIndex item, float score) {
    if (count_ == 0 || !(score >= threshold_)) return;
    buffer_.push_back({item, score});
    if (buffer_.size() >= limit_) cut();
  }
  /// A score below this can no longer enter (-inf while fewer than count are held). Equal scores may still enter.
  [[nodiscard]] float threshold() const noexcept { return threshold_; }
  /// Brings the threshold up to the count-th best of what was pushed. Cost: O(count), nothing when nothing entered since.
  void tighten() {
    if (count_ != 0 && buffer_.size() > count_) cut();
  }
  /// The best min(count, pushed) in no order, borrowed until the next call.  Cost: O(count).
  [[nodiscard]] std::span<const Scored> kept() {
    tighten();
    return buffer_;
  }
  /// Sorts and writes the best min(count, pushed, out.size()) to `out`; returns how many. The selection is empty afterwards.
  std::size_t finish(std::span<Scored> out);

 private:
  void cut();
  std::size_t count_ = 0, limit_ = 0;
  float threshold_ = -std::numeric_limits<float>::infinity();
  std::vector<Scored> buffer_;
};

}  // namespace pannier
