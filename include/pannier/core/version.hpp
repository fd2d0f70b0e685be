#pragma once

#include <string_view>

namespace pannier {

/// The version of these headers, and the one place where it is written: the build reads it from here.
inline constexpr std::string_view version = "0.1.0";

/// The version of the library that is linked, which equals `version` unless headers and library were mixed.
[[nodiscard]] std::string_view library_version() noexcept;

}  // namespace pannier
