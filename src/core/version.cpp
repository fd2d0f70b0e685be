#include "pannier/core/version.hpp"

namespace pannier {

std::string_view library_version() noexcept { return version; }

}  // namespace pannier
