/// The report of a training: one JSON document of what was read, sold and measured, and the page that shows it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "command.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/serve/train.hpp"

namespace pannier::cli {

/// Collects a report while a store is trained: hook() goes into TrainInputs::inspect, finish() follows once train() has returned.
/// Everything is chosen and measured the same way at every run, but for times.
class ReportCollector {
 public:
  ReportCollector(std::vector<std::string> files, const serve::TrainConfig& config, FitControl control);
  /// Sums up the log and measures the configured models on a later part of it. An error waits for finish(): the training is published by then.
  [[nodiscard]] std::function<void(const data::EventLog&, const serve::TrainReport&)> hook(std::shared_ptr<const store::Store> store);
  /// Asks the trained store for examples and times. Cost: some thousand requests, one pass over the people's names.
  /// Keys: docs/interface.md, "The report". Errors: what hook() met, those of Engine::open.
  [[nodiscard]] Json finish(const std::shared_ptr<store::Store>& store, const serve::TrainReport& report);

 private:
  struct Chosen {
    std::string what;                  ///< "many purchases", ...
    std::vector<UserKey> candidates;   ///< The first whose name is that of a user or visitor is shown.
  };
  std::vector<std::string> files_;
  const serve::TrainConfig& config_;
  FitControl control_;
  Json data_ = Json::object();
  std::vector<Chosen> chosen_;
  std::int64_t last_us_ = 0;
  std::exception_ptr failure_;
  Stopwatch watch_;
};

// The parts of the document.
[[nodiscard]] Json sales_json(const data::EventLog& log);
[[nodiscard]] Json popularity_json(const data::EventLog& log, const data::WeightingConfig& weighting, const store::ItemTable& items);
[[nodiscard]] Json quality_json(const data::EventLog& log, const serve::TrainConfig& config, const store::ItemTable& items, const FitControl& control);

/// The document as one self-contained page: no script, no link to anything, pictures inside. It is well-formed XML too.
[[nodiscard]] std::string report_page(const Json& report);

/// The style sheet of the page.
[[nodiscard]] std::string_view report_style();

}  // namespace pannier::cli
