/// Events from CSV (RFC 4180) and TSV (no quoting) files, plain or gzip, or standard input.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "pannier/core/fit.hpp"
#include "pannier/data/event.hpp"
#include "pannier/data/import_map.hpp"

namespace pannier::data {

/// What became of a file's lines. read = given + sum of dropped.
struct ImportSummary {
  struct Cause {
    std::uint64_t lines = 0;
    std::string example;   ///< The message of the first line dropped for it.
  };
  std::uint64_t read = 0;                   ///< Lines with data (the header and empty lines are none).
  std::uint64_t given = 0;                  ///< Events handed on.
  std::map<std::string, Cause> dropped;     ///< By cause: "missing_item", "bad_time", "bad_price", "negative_price", "unknown_kind", ...
};

/// An event and its ordinal among equal lines of its file (0 for events with an id), for event_id().
struct ImportedEvent {
  Event event;
  std::uint64_t ordinal = 0;
};

/// Reads a file ("-": standard input) and hands its events on in blocks, in file order. The kind of file is told by content and name:
/// gzip by its magic bytes; .tsv (before .gz) or, where the name says nothing, a header line with a tab and no comma is TSV.
/// The texts of a block live until `sink` returns. Lines end in LF, CRLF or CR; a UTF-8 byte order mark is skipped.
///
/// Errors: not_found, io_failure; malformed_input for what ends a file whatever on_error says (empty, no header, a needed column
/// missing, a header column twice, a quote never closed, a truncated or damaged gzip, a line of more than 1 MiB) and, with
/// OnError::stop, for the first bad line: FILE:LINE:COLUMN, the value, what was expected. A negative quantity is a refund of
/// that quantity where the person is known, else the line is dropped as "stock_correction" under skip. invalid_argument for bad options.
/// With an error, blocks handed on before stand: callers commit only when the call returns.
/// Cost: memory bounded by the block, whatever the file's size, but for the ordinals (one 16-byte entry a distinct id-less line).
ImportSummary read_events(const std::filesystem::path& file, const ImportOptions& options,
                          const std::function<void(std::span<const ImportedEvent>)>& sink, const FitControl& control = {});

}  // namespace pannier::data
