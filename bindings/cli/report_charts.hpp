/// Charts as inline SVG: no script, no font, no link. Colours come from the page's style (classes s1, s2, axis, grid), so that they follow light,
/// dark and print. Every text is escaped; numbers that are no finite ones are left out.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pannier::cli {

/// Text as it may stand in HTML and in SVG, inside and outside of attributes: markup characters as entities, control characters (and what is no UTF-8)
/// as U+FFFD.
[[nodiscard]] std::string escaped(std::string_view text);

/// 0, 950, 1.2k, 35k, 1.5M: short enough for a tick.
[[nodiscard]] std::string short_number(double value);

/// About `wanted` round numbers from below `low` to above `high` (low < high), 1, 2 or 5 times a power of ten apart.
[[nodiscard]] std::vector<double> round_ticks(double low, double high, int wanted);

/// A mark of an axis.
struct Tick {
  double at = 0;
  std::string text;
};

/// Bars side by side, from zero; `below` (not empty: one a bar) are further bars downwards.
struct BarChart {
  std::string title;                    ///< For screen readers.
  std::string y_label, x_label;
  std::vector<double> values;
  std::vector<double> below{};
  std::vector<Tick> ticks{};            ///< x: number of the bar, or between two at n - 0.5. Those without room are left out.
  bool tick_between = false;            ///< Ticks stand at the left edge of their bar.
};
[[nodiscard]] std::string bar_chart(const BarChart& chart);

/// Points joined by a line over two logarithmic axes; x and y above 0. `split` colours what lies left of it and says so.
struct LogLogChart {
  std::string title, x_label, y_label;
  std::vector<std::pair<double, double>> points;
  double split = 0;
  std::string left_text, right_text;
};
[[nodiscard]] std::string log_log_chart(const LogLogChart& chart);

/// One line a row: a dot, and a bar from low to high.
struct IntervalChart {
  struct Row {
    std::string name;
    double value = 0, low = 0, high = 0;
    bool base = false;                  ///< What the others are compared with: another colour, and a thin line at it.
  };
  std::string title, x_label;
  std::vector<Row> rows;
};
[[nodiscard]] std::string interval_chart(const IntervalChart& chart);

}  // namespace pannier::cli
