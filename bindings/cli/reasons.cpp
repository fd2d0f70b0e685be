#include "reasons.hpp"

#include <algorithm>

#include "command.hpp"

namespace pannier::cli {
namespace {

using serve::ReasonKind;

/// What stands before the names of a kind's items; the other kinds speak of the answer itself.
std::string_view lead(ReasonKind kind) {
  switch (kind) {
    case ReasonKind::because_of: return "because of ";
    case ReasonKind::similar_to: return "like ";
    case ReasonKind::bought_with: return "bought with ";
    default: return {};
  }
}

std::string of_itself(const serve::AnswerReason& reason) {
  switch (reason.kind) {
    case ReasonKind::buy_again: {
      if (reason.times < 2) return "bought before";
      const auto days = std::max(1.0, static_cast<double>(reason.every_days));
      return "bought " + std::to_string(reason.times) + " times, about every " + (days < 1.5 ? "day" : number(days, 0) + " days");
    }
    case ReasonKind::popular: return "popular";
    case ReasonKind::trending: return "trending";
    case ReasonKind::seasonal: return "in season";
    case ReasonKind::recently_viewed: return "looked at lately";
    default: return {};
  }
}

}  // namespace

std::string reasons_in_words(const serve::Response& response, std::size_t slot, std::size_t width) {
  std::string out;
  const auto reasons = response.reasons(slot);
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    const auto& reason = reasons[i];
    const auto opening = lead(reason.kind);
    const bool continues = i > 0 && reasons[i - 1].kind == reason.kind && !opening.empty();
    if (i > 0) out += continues ? " · " : "; ";
    if (opening.empty()) {
      out += of_itself(reason);
      continue;
    }
    if (!continues) out += opening;
    const auto name = response.reason_name(reason);
    out += shortened(name.empty() ? response.reason_id(reason) : name, width);
  }
  return out;
}

}  // namespace pannier::cli
