/// What every long computation takes and gives: threads, progress, stop; and a report.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/execution.hpp"

namespace pannier {

/// One message of progress.
struct Progress {
  std::string_view stage;       ///< "epoch", "reading events", ...
  std::uint64_t done = 0;       ///< Units finished.
  std::uint64_t total = 0;      ///< Units in all; 0 when unknown.
};

/// Control of a fit or of any long call. Cheap to copy.
struct FitControl {
  Execution execution{};
  std::function<void(const Progress&)> progress{};  ///< Called from one thread at a time; an exception it throws ends the call.
  std::stop_token stop{};                           ///< Asked to stop, the call ends with Error(cancelled); nothing is changed.
  std::shared_ptr<std::mutex> gate = std::make_shared<std::mutex>();  ///< Shared by copies: only one of their threads reports at a time.
};

/// Reports progress (if wanted) and throws Error(cancelled) when asked to stop.
void checkpoint(const FitControl& control, std::string_view stage, std::uint64_t done, std::uint64_t total);

/// Throws as checkpoint() does when asked to stop, and reports nothing: for any thread, as often as it likes.
void stop_checkpoint(const FitControl& control, std::string_view stage, std::uint64_t done = 0, std::uint64_t total = 0);

/// How a fit went.
struct FitReport {
  double seconds = 0;
  int epochs = 0;
  bool converged = true;                ///< False only for iterative models with a tolerance that was not reached.
  std::vector<double> objective;        ///< After each epoch, where the model has one.
  std::string detail;                   ///< Which path was taken, in words ("exact, dual for 92 % of the rows").
};

}  // namespace pannier
