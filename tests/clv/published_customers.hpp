#pragma once

/// The published customers that models of lifetime value are refitted on, as merged tables; and an oracle's derivative.

#include <sstream>
#include <string>
#include <vector>

#include "pannier/clv/customers.hpp"
#include "support/published_data.hpp"

namespace pannier::support {

/// Columns of a CSV of numbers without quotes, in the order of its header.
inline std::vector<std::vector<double>> number_columns(const std::string& text) {
  std::istringstream lines(text);
  std::string line, cell;
  std::vector<std::vector<double>> out;
  std::getline(lines, line);
  for (std::istringstream header(line); std::getline(header, cell, ',');) out.emplace_back();
  while (std::getline(lines, line)) {
    std::istringstream cells(line);
    for (auto& column : out) {
      std::getline(cells, cell, ',');
      column.push_back(std::stod(cell));
    }
  }
  return out;
}

struct Cdnow {
  std::vector<double> x, t_x, age, after, spend;
  clv::CustomerTable table;
};

/// The tenth of CDNOW's customers that papers fit, in weeks of exactly seven days (not the widely copied file that rounds weeks to two decimals).
inline Cdnow cdnow() {
  auto columns = number_columns(text_of(data_folder() / "cdnow/sample_summary.csv.gz"));
  Cdnow out{columns[1], columns[2], columns[3], columns[4], columns[5], {}};
  for (auto& t : out.t_x) t /= 7;
  for (auto& t : out.age) t /= 7;
  out.table = clv::merge_customers(out.x, out.t_x, out.age);
  return out;
}

}  // namespace pannier::support
