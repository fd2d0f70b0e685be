/// Events from CSV (RFC 4180), TSV (no quoting) and JSON lines, plain or gzip, or standard input.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pannier/core/fit.hpp"
#include "pannier/data/event.hpp"
#include "pannier/data/import_map.hpp"

namespace pannier::data {

/// A code that looks like no product: postage, a fee, a manual entry, a correction, a voucher, a sample.
struct NoProduct {
  std::string item;
  std::string name;          ///< The first that a line gives it (of at most 80 bytes), or empty.
  std::uint64_t lines = 0;   ///< Events handed on that name it; of a log of which every line looks ordinary at first, a few less.
  std::string example;       ///< FILE:LINE of the first.
  std::string why;           ///< What speaks for it, in words.
};

/// What became of a file's lines. read = given + sum of dropped.
struct ImportSummary {
  struct Cause {
    std::uint64_t lines = 0;
    std::string example;   ///< The message of the first line dropped for it.
  };
  /// Lines with data (the header and empty lines are none; a quoted line end starts no line), in JSON lines with an array of items its elements.
  std::uint64_t read = 0;
  std::uint64_t given = 0;                  ///< Events (or items) handed on.
  /// By cause: missing_time bad_time time_out_of_range missing_kind unknown_kind missing_item missing_person bad_quantity
  /// zero_quantity negative_quantity stock_correction bad_price negative_price bad_value bad_currency bad_position bad_dwell_ms
  /// bad_consent bad_slot text_too_long invalid_utf8 nul_byte too_few_fields too_many_fields bad_quote other_currency dropped_item, of JSON
  /// lines bad_json bad_type not_a_shop_event order_without_items; of items also bad_stock duplicate_item. stock_correction, dropped_item,
  /// not_a_shop_event and order_without_items are no errors: OnError::stop passes over them too; nor is missing_person beside a preset.
  std::map<std::string, Cause> dropped;
  /// Facts about the lines read, used or not, each with its first line as the example:
  /// cancellation (purchases and refunds whose order has a refund prefix), negative_quantity, negative_price, zero_price, without_person (none of
  /// user, visitor and session), duplicate_line (equal to an earlier line byte for byte; used all the same), case_variants (items of more than
  /// one spelling by ASCII case or blanks at the ends), order_over_days (orders with purchases on two days of the file's local time).
  /// The last three look at the first 1.5 million different lines, items and orders.
  std::map<std::string, Cause> noted;
  std::vector<std::string> proposals;       ///< What would help, as sentences that name the option.
  /// Codes that drop_items might name, those with most lines first; `proposals` says so in a sentence. Judged by the names, the shape of the
  /// code beside that of the others, and the prices: docs/your-data.md.
  std::vector<NoProduct> no_products;
  std::string currency;                     ///< The log's currency after the file; empty where no amount named one.
};

/// Longest line of a file in bytes, line ends inside quotes included.
inline constexpr std::size_t longest_line = std::size_t{1} << 20;

/// An event and its ordinal among equal lines of its file (0 for events with an id), for event_id().
struct ImportedEvent {
  Event event;
  std::uint64_t ordinal = 0;
};

/// Reads a file ("-": standard input) and hands its events on in blocks, in file order. The kind of file is told by content and name:
/// gzip by its magic bytes (members may follow each other); .csv, .tsv, .jsonl, .ndjson and .json (before .gz) by name; else what begins with { is
/// JSON lines and a header with a tab and no comma TSV. The texts of a block live until `sink` returns. Lines end in LF, CRLF or CR, also mixed; empty
/// lines are passed over; a UTF-8 byte order mark is skipped. In CSV a `"` that does not begin a field is a character. CSV whose header has semicolons and no comma outside of quotes
/// is parted by them, and quantity, price and value may have a decimal comma.
///
/// A line: an empty field is absent. A column that no field uses is not looked at. A negative quantity of a purchase or refund is a
/// refund of that quantity where the person is known or the order has a refund prefix, else a stock correction: left out and counted,
/// no error. A purchase or refund of 0 units is a bad line; other kinds may carry a 0. A price of 0 is a price. A line without user, visitor and session is kept for its order.
/// In JSON lines a line is one object (RFC 8259, at most 32 levels deep); null is absent, a number is its shortest text (an item 7, 7.0 or "7"
/// is one item; whole numbers written as digits keep them all), true, false, objects and arrays are refused where a field is read (bad_type), and
/// so is a key that stands twice where one is read. Each element of an array of items is an event, a given event_id with "#1", "#2" ... behind it;
/// a search is one event whatever it found.
/// A CSV line whose quotes are wrong (text after a closing quote) costs only the line on which the quote opened.
///
/// Errors: not_found, io_failure; malformed_input for what ends a file whatever on_error says (empty, no header, no line of data,
/// a needed or mapped column missing, a header column twice, a quote never closed, a truncated or damaged gzip, a line of more than
/// longest_line bytes) and, with OnError::stop, for the first bad line. `where` is FILE:LINE, or FILE:LINE:COLUMN with the file's own
/// column name, in JSON lines FILE:LINE:PATH; then the value, and what was expected. invalid_argument for bad options; unsupported for gzip in a build without zlib
/// and for other archives.
/// With an error, blocks handed on before stand: callers commit only when the call returns.
/// Cost: memory bounded by the block, whatever the file's size, but for the ordinals (at most four 16-byte entries a distinct line
/// without an id) and at most 100 MiB for `noted` and `no_products`; one thread, no allocation a line.
ImportSummary read_events(const std::filesystem::path& file, const ImportOptions& options,
                          const std::function<void(std::span<const ImportedEvent>)>& sink, const FitControl& control = {});

/// Several files as one import, in their order: the currency that one settles is that of the next, counts add up with the first example of each,
/// a proposal stands once. `file_end` is called behind the last block of each. Errors, cost: as read_events() of each.
ImportSummary read_event_files(std::span<const std::filesystem::path> files, const ImportOptions& options,
                               const std::function<void(std::span<const ImportedEvent>)>& sink, const FitControl& control = {},
                               const std::function<void(const std::filesystem::path& file)>& file_end = {});

/// XXH3-128 of a file's bytes as they lie on disk; nothing for what can be read once only (standard input, a pipe).
/// Errors: not_found, io_failure. Cost: the file read once.
[[nodiscard]] std::optional<UserKey> content_key(const std::filesystem::path& file);

}  // namespace pannier::data
