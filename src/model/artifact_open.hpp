/// What opening from bytes and opening from a file have in common.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "pannier/model/artifact.hpp"

namespace pannier::model {

/// Opens bytes that begin at a multiple of 64 and live as long as `keeper`. Errors: as Artifact::open.
[[nodiscard]] std::shared_ptr<const Artifact> open_artifact(std::span<const std::byte> bytes,
                                                            std::shared_ptr<const void> keeper, Check check,
                                                            std::string_view where);

}  // namespace pannier::model
