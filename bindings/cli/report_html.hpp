/// Pieces of the report's page. Whatever comes from data goes through escaped() or text().
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "command.hpp"
#include "report_charts.hpp"

namespace pannier::cli {

/// Text of the shop (a name, an id): escaped, and kept apart so that its writing direction changes nothing around it.
[[nodiscard]] std::string shop_text(std::string_view text);

/// A table of ready HTML cells; columns of `right` are numbers.
struct HtmlTable {
  std::vector<std::string> head;
  std::vector<bool> right;
  std::vector<std::vector<std::string>> rows{};
  [[nodiscard]] std::string html() const;
};

/// A picture and its table side by side where there is room.
[[nodiscard]] std::string figure(const std::string& svg, const std::string& caption, const std::string& table);

[[nodiscard]] std::string section(std::string_view id, std::string_view title, const std::string& content);

// The sections, each "" where the report knows nothing of it.
[[nodiscard]] std::string quality_section(const Json& report);
[[nodiscard]] std::string customers_section(const Json& report);
[[nodiscard]] std::string items_section(const Json& report);

[[nodiscard]] std::string percent(double share, int digits);

/// The number under a key, or NaN.
[[nodiscard]] double number_at(const Json& object, std::string_view key);

}  // namespace pannier::cli
