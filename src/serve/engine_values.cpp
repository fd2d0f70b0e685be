/// The values of the engine's interface: names, responses, workspaces.
#include <memory>
#include <optional>
#include <string_view>

#include "pannier/serve/engine.hpp"
#include "serve/engine_access.hpp"

namespace pannier::serve {

static_assert(static_cast<int>(ReasonKind::because_of) == static_cast<int>(model::ReasonKind::because_of) &&
              static_cast<int>(ReasonKind::buy_again) == static_cast<int>(model::ReasonKind::buy_again) &&
              static_cast<int>(ReasonKind::popular) == static_cast<int>(model::ReasonKind::popular) &&
              static_cast<int>(ReasonKind::trending) == static_cast<int>(model::ReasonKind::trending) &&
              static_cast<int>(ReasonKind::seasonal) == static_cast<int>(model::ReasonKind::seasonal));

std::string_view name(Policy policy) noexcept {
  switch (policy) {
    case Policy::personal: return "personal";
    case Policy::similar: return "similar";
    case Policy::popular: return "popular";
    case Policy::together: return "together";
    case Policy::trending: return "trending";
    case Policy::seasonal: return "seasonal";
    case Policy::buy_again: return "buy_again";
    case Policy::recently_viewed: return "recently_viewed";
    case Policy::none: break;
  }
  return "none";
}

std::optional<Policy> policy_named(std::string_view text) noexcept {
  for (int i = 0; i <= static_cast<int>(Policy::recently_viewed); ++i)
    if (name(static_cast<Policy>(i)) == text) return static_cast<Policy>(i);
  return {};
}

std::string_view name(ReasonKind kind) noexcept {
  switch (kind) {
    case ReasonKind::because_of: return "because_of";
    case ReasonKind::buy_again: return "buy_again";
    case ReasonKind::popular: return "popular";
    case ReasonKind::trending: return "trending";
    case ReasonKind::seasonal: return "seasonal";
    case ReasonKind::similar_to: return "similar_to";
    case ReasonKind::bought_with: return "bought_with";
    case ReasonKind::recently_viewed: return "recently_viewed";
  }
  return "unknown";
}

std::string_view Response::item_id(std::size_t slot) const noexcept {
  return slot < items_.size() ? generation_->items().id(items_[slot].index) : std::string_view{};
}
std::string_view Response::name_of(ItemKey key, ItemIndex index) const noexcept {
  if (overlay_ && !overlay_->items.empty())
    if (const auto* changed = overlay_->find(key); changed != nullptr && !changed->name.empty()) return changed->name;
  return generation_ ? generation_->items().item_name(index) : std::string_view{};
}
std::string_view Response::item_name(std::size_t slot) const noexcept {
  return slot < items_.size() ? name_of(items_[slot].key, items_[slot].index) : std::string_view{};
}
std::string_view Response::reason_id(const AnswerReason& reason) const noexcept {
  return generation_ ? generation_->items().id(reason.index) : std::string_view{};
}
std::string_view Response::reason_name(const AnswerReason& reason) const noexcept { return name_of(reason.key, reason.index); }
std::string_view Response::generation() const noexcept { return generation_ ? std::string_view(generation_->info().id) : std::string_view{}; }

EngineWorkspace::EngineWorkspace() : state_(std::make_unique<State>()) {}
EngineWorkspace::~EngineWorkspace() = default;
EngineWorkspace::EngineWorkspace(EngineWorkspace&&) noexcept = default;
EngineWorkspace& EngineWorkspace::operator=(EngineWorkspace&&) noexcept = default;

}  // namespace pannier::serve
