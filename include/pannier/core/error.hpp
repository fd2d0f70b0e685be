/// The one exception of pannier and its codes. The same numbers are `pnr_status` in C and one class each in Python.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace pannier {

/// What went wrong. Numbers are stable: they are the C ABI's status values.
enum class ErrorCode : int {
  ok = 0,
  invalid_argument = 1,    ///< A caller's mistake: an argument, option or setting out of its range.
  not_found = 2,           ///< A file, store, generation or model that is not there.
  malformed_input = 3,     ///< Bytes that are not what they claim to be: a damaged file, a bad line, bad JSON.
  io_failure = 4,          ///< The operating system or SQLite refused to read or write.
  numerical_failure = 5,   ///< A fit broke down (a system that is not positive definite, an overflow).
  cancelled = 6,           ///< Stopped through FitControl::stop.
  out_of_memory = 7,       ///< An allocation failed, or would exceed what was allowed.
  unsupported = 8,         ///< Valid, but not in this build or of a newer format version.
  read_only = 9,           ///< A change asked of a store that was opened read-only.
  buffer_too_small = 10,   ///< C only: the caller's buffer; the needed size is reported.
  internal = 11,           ///< A bug of pannier.
};

/// Stable lower-case name of a code ("invalid_argument").
[[nodiscard]] std::string_view name(ErrorCode code) noexcept;

/// Every failure pannier reports. `what()` reads "WHERE: WHAT; expected ALLOWED".
///
/// `where` locates it (an argument, "events.csv:12:price", a section), `problem` says what was found there,
/// `allowed` what it may be (may be empty). On error every output is as it was before the call.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string where, std::string problem, std::string allowed = {});
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }
  [[nodiscard]] const std::string& where() const noexcept { return where_; }
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }
  [[nodiscard]] const std::string& allowed() const noexcept { return allowed_; }

 private:
  ErrorCode code_;
  std::string where_, problem_, allowed_;
};

}  // namespace pannier
