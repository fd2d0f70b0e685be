/// Training and test parts of a log or of a matrix.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/weighting.hpp"

namespace pannier::data {

/// A training matrix and, a row a person, the held-out items (sorted, unique). Rows and columns agree.
struct Split {
  Csr train;                 ///< Weighted cells, all > 0.
  Csr test;                  ///< Held-out items; values 1. An item may stand in both parts: the protocol decides.
  std::uint64_t unknown_items = 0;   ///< Held-out (person, item) pairs left out because the item is not in the training part.
  std::uint64_t unknown_people = 0;  ///< People with held-out items and without training cells, left out.
  std::vector<std::uint32_t> people, items;  ///< The log's number of each row and of each column; empty for read_lightgcn(): its own.
  // What models need beside the matrix; of a log only, empty for read_lightgcn().
  std::vector<HistoryCell> cells;    ///< What is known of each cell of `train`, in its order; `item` is the column.
  std::int64_t now_us = 0;           ///< The time that ages count to: the cut, or the log's last event.
  EventLog log;                      ///< The training events about the items of the columns, those without a person too; its items are the columns, its people its own.
};

/// Events before `cut_us` train (decay counts to the cut), the evidence among the events from then on is the test.
/// Rows are the people, columns the items that have a training cell, both in the order of the log.
/// Refunds act inside their part: what is returned later was bought at the cut.
/// Errors: as build_interactions().  Repeats: same bits for any thread count.
[[nodiscard]] Split split_by_time(const EventLog& log, const WeightingConfig& config, std::int64_t cut_us, const FitControl& control = {});

/// Each person's last event that is evidence (by time, then order of the log) is the test and the events before it train, decay counting to the
/// log's last event; people without training cells then (one event) only train. Rows, columns, errors as split_by_time().
[[nodiscard]] Split split_last_out(const EventLog& log, const WeightingConfig& config, const FitControl& control = {});

/// The LightGCN format: a line a user, "user item item ...", plain or gzip; 0-based numbers, separated by spaces or tabs; values are 1.
/// With `last_out` the last item of each line is the test and `test` must be "" (a line of one item only trains).
/// Rows and columns are sized by the largest number of both files.
/// Errors: malformed_input FILE:LINE, the text, what was expected (a number below 2^31, and below a million and 100 times the numbers in
/// the files, so that a typing error asks for no terabyte; a user once in a file, an item once in a line; a line at all); not_found,
/// io_failure, invalid_argument (a test file beside last_out, or neither).
[[nodiscard]] Split read_lightgcn(const std::filesystem::path& train, const std::filesystem::path& test, bool last_out);

/// One file of that format alone, rows and columns sized by its largest numbers. Errors: as read_lightgcn().
[[nodiscard]] Csr read_lightgcn_matrix(const std::filesystem::path& file);

}  // namespace pannier::data
