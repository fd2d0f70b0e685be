#include "data/ordinals.hpp"

#include <limits>
#include <utility>

#include "pannier/core/error.hpp"

namespace pannier::data {

Ordinals::Slot& Ordinals::find(std::uint64_t low, std::uint32_t high) noexcept {
  const auto mask = slots_.size() - 1;
  for (auto at = static_cast<std::size_t>(low) & mask;; at = (at + 1) & mask) {
    auto& slot = slots_[at];
    if (slot.count == 0 || (slot.low == low && slot.high == high)) return slot;
  }
}

std::uint64_t Ordinals::next(const UserKey& key) {
  const auto high = static_cast<std::uint32_t>(key.high);
  auto* slot = &find(key.low, high);
  if (slot->count == std::numeric_limits<std::uint32_t>::max())
    throw Error(ErrorCode::unsupported, "event ids", "a line without an id comes 2^32 times", "fewer equal lines, or event ids");
  if (slot->count == 0) {
    if (4 * (used_ + 1) > 3 * slots_.size()) {
      grow();
      slot = &find(key.low, high);
    }
    ++used_;
    slot->low = key.low;
    slot->high = high;
  }
  return slot->count++;
}

void Ordinals::grow() {
  const auto old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
  for (const auto& slot : old)
    if (slot.count > 0) find(slot.low, slot.high) = slot;
}

}  // namespace pannier::data
