/// The JSON door of the engine.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "pannier/serve/engine.hpp"

namespace pannier::serve {

/// Engine::call_json(): reads the request, lets `engine` do it, writes the answer. `clock` times events recorded without a time.
[[nodiscard]] std::string answer_json(Engine& engine, const std::function<std::int64_t()>& clock, std::string_view request,
                                      EngineWorkspace& workspace, Response& response);

}  // namespace pannier::serve
