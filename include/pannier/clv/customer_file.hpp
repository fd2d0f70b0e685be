/// Customers from a file of one line a customer, or one a distinct history with a count.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace pannier::clv {

/// Columns of a customers file, one element a line.
struct CustomerFile {
  std::vector<std::string> ids;           ///< The column id, or the line's number from 1 where there is none.
  std::vector<double> frequency, recency, age;
  std::vector<double> spend;              ///< m_x, the average of the repeat purchases; empty without that column.
  std::vector<double> counts;             ///< 1 without a column count.
};

/// Reads CSV or TSV, plain or gzip, - for standard input, with a header: x, t_x and T (n, for opportunities, where there is no T), and perhaps id, m_x and count. Where there is no t_x or T, a column t_x_days or
/// T_days is read and divided by `days_per_unit`. Other columns are passed over. Numbers are read, not judged: merge_customers() does that.
///
/// `map` gives columns other names: "x=orders,count=customers", a field above and the file's column.
/// Errors: not_found, io_failure, malformed_input FILE:LINE:COLUMN (no such column, one needed that is missing, a field that is no number, no lines), invalid_argument (a map that names no field, or one twice).
[[nodiscard]] CustomerFile read_customers(const std::filesystem::path& file, double days_per_unit, std::string_view map = {});

}  // namespace pannier::clv
