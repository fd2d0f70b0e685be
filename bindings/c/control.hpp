/// A caller's pnr_control as what long calls take.
#pragma once

#include "guard.hpp"
#include "pannier/core/fit.hpp"

namespace pannier::c {

/// `given` may be null. The progress function stops the call by returning false.
[[nodiscard]] inline FitControl to_control(const pnr_control* given) {
  const auto read = read_or_default(given, "control");
  require_reserved(read.reserved, "control.reserved");
  FitControl control{.execution = {.threads = read.threads}};
  if (read.progress != nullptr) {
    control.progress = [call = read.progress, context = read.progress_context](const Progress& progress) {
      if (!call(context, progress.stage.data(), progress.stage.size(), progress.done, progress.total))
        throw Error(ErrorCode::cancelled, "control.progress", "asked to stop during " + std::string(progress.stage));
    };
  }
  return control;
}

}  // namespace pannier::c
