#include "serve/recent_views.hpp"

#include <algorithm>
#include <tuple>

#include "pannier/core/time.hpp"

namespace pannier::serve {
namespace {

using data::EventKind;

bool is_look(EventKind kind) noexcept { return kind == EventKind::view_item || kind == EventKind::select_item || kind == EventKind::dwell; }

}  // namespace

std::size_t rank_recent_views(std::span<const data::WeighedEvent> events, std::int64_t now_us, const ItemSet* allowed, std::vector<View>& scratch,
                              std::span<Scored> out) {
  scratch.clear();
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto& event = events[i];
    if (allowed != nullptr && !allowed->contains(ItemIndex{event.item})) continue;
    if (is_look(event.kind) || event.kind == EventKind::purchase || event.kind == EventKind::refund)
      scratch.push_back({.item = event.item, .place = static_cast<std::uint32_t>(i), .time_us = event.time_us, .kind = event.kind});
  }
  // A purchase at the very time of a look follows it, whichever came first into the store.
  const auto key = [](const View& view) { return std::tuple(view.item, view.time_us, !is_look(view.kind), view.place); };
  std::sort(scratch.begin(), scratch.end(), [&](const View& a, const View& b) { return key(a) < key(b); });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < scratch.size();) {
    const auto item = scratch[i].item;
    View look;
    bool looked = false, bought = false;
    for (; i < scratch.size() && scratch[i].item == item; ++i) {
      const auto& event = scratch[i];
      bought = event.kind == EventKind::purchase;
      if (!is_look(event.kind)) continue;
      look = event;
      looked = true;
    }
    if (looked && !bought) scratch[kept++] = look;
  }
  scratch.resize(kept);
  const auto count = std::min(kept, out.size());
  std::partial_sort(scratch.begin(), scratch.begin() + static_cast<std::ptrdiff_t>(count), scratch.end(),
                    [](const View& a, const View& b) { return std::tie(b.time_us, b.place) < std::tie(a.time_us, a.place); });
  for (std::size_t i = 0; i < count; ++i) {
    const auto age_us = static_cast<double>(std::max<std::int64_t>(0, now_us - scratch[i].time_us));
    out[i] = {ItemIndex{scratch[i].item}, static_cast<float>(1 / (1 + age_us / static_cast<double>(us_per_day)))};
  }
  return count;
}

}  // namespace pannier::serve
