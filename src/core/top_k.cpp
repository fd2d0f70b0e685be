#include "pannier/core/top_k.hpp"

#include <algorithm>

namespace pannier {
namespace {

/// As an object, so that the sorts inline it.
constexpr auto before = [](const Scored& a, const Scored& b) { return ranks_before(a, b); };

constexpr std::size_t least_limit = 64;         ///< Small selections are cut rarely enough.
constexpr std::size_t most_reserved = 1 << 16;  ///< A count beyond the catalogue must not allocate for itself.

}  // namespace

void TopK::reset(std::size_t count) {
  count_ = count;
  limit_ = count > std::numeric_limits<std::size_t>::max() / 2 ? count : std::max(2 * count, least_limit);
  threshold_ = -std::numeric_limits<float>::infinity();
  buffer_.clear();
  if (count != 0) buffer_.reserve(std::min(limit_, most_reserved));
}

void TopK::cut() {
  const auto last = buffer_.begin() + static_cast<std::ptrdiff_t>(count_ - 1);
  std::nth_element(buffer_.begin(), last, buffer_.end(), before);
  threshold_ = last->score;
  buffer_.resize(count_);
}

std::size_t TopK::finish(std::span<Scored> out) {
  const auto count = std::min({count_, buffer_.size(), out.size()});
  std::partial_sort_copy(buffer_.begin(), buffer_.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count), before);
  buffer_.clear();
  threshold_ = -std::numeric_limits<float>::infinity();
  return count;
}

}  // namespace pannier
