/// Training and test parts of a log or of a matrix.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "pannier/core/matrix.hpp"
#include "pannier/data/event_log.hpp"

namespace pannier::data {

/// A training matrix and, a row a person, the held-out items (sorted, unique). Rows and columns agree.
struct Split {
  Csr train;                 ///< Weighted cells.
  Csr test;                  ///< Held-out items; values 1.
  std::uint64_t unknown_items = 0;   ///< Held-out (person, item) pairs left out because the item is not in the training part.
};

/// Events before `cut_us` train, events from then on test (only people with training events; repeats of trained items are kept
/// in test: the protocol decides). Items are those of the training part.
[[nodiscard]] Split split_by_time(const EventLog& log, const struct WeightingConfig& config, std::int64_t cut_us);

/// Each person's last event (by time, then order of the log) is the test, the rest trains; people with one event only train.
[[nodiscard]] Split split_last_out(const EventLog& log, const struct WeightingConfig& config);

/// The LightGCN format: a line a user, "user item item ...", plain or gzip; 0-based numbers.  The test file may be absent ("")
/// with last_out: the last item of each line is the test. Rows and columns are sized by the largest number of both files.
/// Errors: malformed_input FILE:LINE, the text, what was expected (a number below 2^31, a user twice, an item twice in a line).
[[nodiscard]] Split read_lightgcn(const std::filesystem::path& train, const std::filesystem::path& test, bool last_out);

}  // namespace pannier::data
