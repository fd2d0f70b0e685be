/// Whether a file of events was read otherwise before.
#pragma once

#include <cstdint>
#include <string>

#include "pannier/data/import_map.hpp"

namespace pannier::serve {

/// What a store keeps of the options that a file was read by (store::FileReading::options).
[[nodiscard]] std::uint32_t kept_options(const data::ImportOptions& options);

/// In what options that are kept as `before` differ from `now`, in words: "without fold_case", "time_unit=dmy". Only their sum is kept, so this tries what is likely: some
/// options left out, or one of few values another; where none of these fits, all names.
[[nodiscard]] std::string told_difference(const data::ImportOptions& now, std::uint32_t before);

}  // namespace pannier::serve
