/// Reasons in words.
#pragma once

#include <cstddef>
#include <string>

#include "pannier/serve/engine.hpp"

namespace pannier::cli {

/// Why the item in `slot` is there: "because of NAME · NAME", "like NAME", "bought 3 times, about every 30 days", "popular", "trending",
/// "in season", "looked at lately". Each name cut to `width` characters. Empty where nothing was explained.
[[nodiscard]] std::string reasons_in_words(const serve::Response& response, std::size_t slot, std::size_t width);

}  // namespace pannier::cli
