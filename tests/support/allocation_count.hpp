#pragma once

#include <cstdint>

namespace pannier::support {

/// Calls of operator new by this thread so far.
[[nodiscard]] std::uint64_t allocations() noexcept;

}  // namespace pannier::support
