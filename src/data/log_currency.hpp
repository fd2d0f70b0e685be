/// One log, one currency: amounts in others are multiplied by a rate or refused.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/data/event.hpp"
#include "pannier/data/import_map.hpp"

namespace pannier::data {

/// A code of three letters in capitals; any other text as it is. What it gives outlives every event.
[[nodiscard]] std::string_view capital_code(std::string_view code) noexcept;

/// Threads: One thread.
class LogCurrency {
 public:
  /// Errors: invalid_argument (a code that is none, a rate out of range, a rate for the log's own currency).
  explicit LogCurrency(const ImportOptions& options);

  enum class Verdict { fits, other_currency, too_large };
  /// Brings an event's amounts into the log's currency and writes that currency into it; events without an amount are left as they are.
  [[nodiscard]] Verdict settle(Event& event);

  /// The log's currency, or empty where none is settled yet.
  [[nodiscard]] const std::string& code() const noexcept { return code_; }
  /// How often another currency was refused, and the first one.
  [[nodiscard]] const std::string& refused() const noexcept { return refused_; }
  [[nodiscard]] Error describe(std::string_view currency, std::string where) const;

 private:
  std::vector<std::pair<std::string, double>> rates_;
  std::string code_, refused_;
  bool given_;  ///< By the options: the store's.
};

}  // namespace pannier::data
