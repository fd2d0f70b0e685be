#include "pannier/core/fit.hpp"

#include "pannier/core/error.hpp"

namespace pannier {

void stop_checkpoint(const FitControl& control, std::string_view stage, std::uint64_t done, std::uint64_t total) {
  if (control.stop.stop_requested())
    throw Error(ErrorCode::cancelled, std::string(stage), "stopped after " + std::to_string(done) + (total == 0 ? "" : " of " + std::to_string(total)));
}

void checkpoint(const FitControl& control, std::string_view stage, std::uint64_t done, std::uint64_t total) {
  stop_checkpoint(control, stage, done, total);
  if (!control.progress) return;
  {
    std::unique_lock<std::mutex> one_at_a_time;
    if (control.gate) one_at_a_time = std::unique_lock(*control.gate);
    control.progress(Progress{stage, done, total});
  }
  stop_checkpoint(control, stage, done, total);
}

}  // namespace pannier
