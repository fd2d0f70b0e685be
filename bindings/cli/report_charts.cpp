/// One picture is 420 units wide and is drawn at most 560 pixels wide, so that its 12-unit texts are 10 pixels on a phone and 16 on a desk.
/// Axes take the room that their texts need; texts are measured by an upper bound of the width of a letter.
#include "report_charts.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "pannier/data/event.hpp"

namespace pannier::cli {
namespace {

constexpr double width = 420, font = 12, letter = 6.9;

std::string num(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f", value);
  std::string text = buffer;
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text == "-0" ? "0" : text;
}

double text_width(std::string_view text) {
  return letter * static_cast<double>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// The plot's box inside the picture, and the picture as it grows.
struct Canvas {
  double left, right, top, bottom, height;
  std::string body{};

  void line(double x1, double y1, double x2, double y2, std::string_view style) {
    body += "<line class=\"" + std::string(style) + "\" x1=\"" + num(x1) + "\" y1=\"" + num(y1) + "\" x2=\"" + num(x2) + "\" y2=\"" + num(y2) + "\"/>";
  }
  void text(double x, double y, std::string_view anchor, std::string_view what, std::string_view style = "") {
    body += "<text x=\"" + num(x) + "\" y=\"" + num(y) + "\" text-anchor=\"" + std::string(anchor) + "\"" +
            (style.empty() ? "" : " class=\"" + std::string(style) + "\"") + ">" + escaped(what) + "</text>";
  }
  void rectangle(double x, double y, double w, double h, std::string_view style) {
    body += "<rect class=\"" + std::string(style) + "\" x=\"" + num(x) + "\" y=\"" + num(y) + "\" width=\"" + num(w) + "\" height=\"" + num(h) + "\"/>";
  }
  [[nodiscard]] std::string finished(std::string_view title) const {
    return "<svg viewBox=\"0 0 " + num(width) + ' ' + num(height) + "\" role=\"img\" aria-label=\"" + escaped(title) + "\">" + body + "</svg>";
  }
};

/// Texts under the x axis, left to right; one that would touch its neighbour is left out.
void x_ticks(Canvas& canvas, const std::vector<Tick>& ticks, const std::function<double(double)>& place, bool grid) {
  double free_from = -1e9;
  for (const auto& tick : ticks) {
    const double x = place(tick.at);
    if (x < canvas.left - 1 || x > canvas.right + 1) continue;
    const double wide = text_width(tick.text);
    const double center = std::clamp(x, wide / 2 + 1, width - wide / 2 - 1);
    if (center - wide / 2 < free_from) continue;
    free_from = center + wide / 2 + 6;
    if (grid) canvas.line(x, canvas.top, x, canvas.bottom, "grid");
    canvas.line(x, canvas.bottom, x, canvas.bottom + 4, "axis");
    canvas.text(center, canvas.bottom + 4 + font, "middle", tick.text);
  }
}

void labels(Canvas& canvas, std::string_view x_label, std::string_view y_label) {
  if (!x_label.empty()) canvas.text((canvas.left + canvas.right) / 2, canvas.bottom + 8 + 2 * font + 2, "middle", x_label, "label");
  if (!y_label.empty()) canvas.text(2, font, "start", y_label, "label");
}

}  // namespace

std::string escaped(std::string_view text) {
  if (!data::is_utf8(text)) {
    std::string kept;
    for (const char c : text) kept += static_cast<unsigned char>(c) < 0x80 ? std::string(1, c) : std::string("\xEF\xBF\xBD");
    return escaped(kept);
  }
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0;
    const auto after = at + 2 < text.size() ? static_cast<unsigned char>(text[at + 2]) : 0;
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default:
        if (c == '\t' || c == '\n' || c == '\r') {
          out += ' ';
        } else if (c < 0x20 || c == 0x7F) {
          out += "\xEF\xBF\xBD";
        } else if (c == 0xC2 && next >= 0x80 && next < 0xA0) {   // further control characters
          out += "\xEF\xBF\xBD";
          ++at;
        } else if (c == 0xEF && next == 0xBF && (after == 0xBE || after == 0xBF)) {   // U+FFFE and U+FFFF are no characters
          out += "\xEF\xBF\xBD";
          at += 2;
        } else {
          out += text[at];
        }
    }
  }
  return out;
}

std::string short_number(double value) {
  const double size = std::abs(value);
  const auto [divisor, unit] = size >= 999.5e6 ? std::pair(1e9, "G") : size >= 999.5e3 ? std::pair(1e6, "M") : size >= 999.5 ? std::pair(1e3, "k") : std::pair(1.0, "");
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.3g", value / divisor);
  return buffer + std::string(unit);
}

std::vector<double> round_ticks(double low, double high, int wanted) {
  const double rough = (high - low) / std::max(1, wanted);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double step = rough / power <= 1 ? power : rough / power <= 2 ? 2 * power : rough / power <= 5 ? 5 * power : 10 * power;
  const double first = std::floor(low / step + 1e-9);
  std::vector<double> out;
  for (double n = first; out.empty() || out.back() < high - step * 1e-9; ++n) out.push_back(n * step);
  return out;
}

std::string bar_chart(const BarChart& chart) {
  double high = 0, low = 0;
  for (const auto value : chart.values)
    if (std::isfinite(value)) high = std::max(high, value);
  for (const auto value : chart.below)
    if (std::isfinite(value)) low = std::min(low, -value);
  if (high <= 0) high = 1;
  auto y_ticks = round_ticks(low, high, 4);
  // A little below zero asks for no whole step there.
  while (y_ticks.size() > 2 && y_ticks.front() < low * 1.01) y_ticks.erase(y_ticks.begin());
  const double y_low = std::min(y_ticks.front(), low);
  double widest = 0;
  for (const auto tick : y_ticks) widest = std::max(widest, text_width(short_number(tick)));
  Canvas canvas{.left = widest + 8, .right = width - 6, .top = chart.y_label.empty() ? 8 : 10 + font, .bottom = 190, .height = 190 + 10 + font + (chart.x_label.empty() ? 0 : font + 6)};
  const auto y = [&](double value) { return canvas.bottom - (value - y_low) / (y_ticks.back() - y_low) * (canvas.bottom - canvas.top); };
  for (const auto tick : y_ticks) {
    canvas.line(canvas.left, y(tick), canvas.right, y(tick), tick == 0 ? "axis" : "grid");
    canvas.text(canvas.left - 5, y(tick) + font * 0.35, "end", short_number(tick));
  }
  const auto count = static_cast<double>(std::max<std::size_t>(1, chart.values.size()));
  const double step = (canvas.right - canvas.left) / count, gap = std::min(step * 0.2, 2.0);
  for (std::size_t n = 0; n < chart.values.size(); ++n) {
    const double x = canvas.left + static_cast<double>(n) * step + gap / 2;
    if (std::isfinite(chart.values[n]) && chart.values[n] > 0) canvas.rectangle(x, y(chart.values[n]), step - gap, y(0) - y(chart.values[n]), "s1");
    if (n < chart.below.size() && std::isfinite(chart.below[n]) && chart.below[n] > 0) canvas.rectangle(x, y(0), step - gap, y(-chart.below[n]) - y(0), "s2");
  }
  x_ticks(canvas, chart.ticks, [&](double at) { return canvas.left + (at + (chart.tick_between ? 0 : 0.5)) * step; }, false);
  labels(canvas, chart.x_label, chart.y_label);
  return canvas.finished(chart.title);
}

std::string log_log_chart(const LogLogChart& chart) {
  double x_high = 10, y_high = 10;
  for (const auto& [x, y] : chart.points) {
    x_high = std::max(x_high, x);
    y_high = std::max(y_high, y);
  }
  const double x_end = std::log10(x_high) * 1.02, y_end = std::log10(y_high) * 1.04;
  std::vector<Tick> x_marks, y_marks;
  double widest = 0;
  for (int power = 0; power <= std::ceil(y_end); ++power) {
    y_marks.push_back({std::pow(10, power), short_number(std::pow(10, power))});
    widest = std::max(widest, text_width(y_marks.back().text));
  }
  for (int power = 0; power <= x_end; ++power) x_marks.push_back({std::pow(10, power), short_number(std::pow(10, power))});
  Canvas canvas{.left = widest + 8, .right = width - 10, .top = 12 + font, .bottom = 220, .height = 220 + 16 + 2 * font};
  const auto place_x = [&](double x) { return canvas.left + std::log10(x) / x_end * (canvas.right - canvas.left); };
  const auto place_y = [&](double y) { return canvas.bottom - std::log10(y) / y_end * (canvas.bottom - canvas.top); };
  for (const auto& tick : y_marks) {
    if (tick.at > std::pow(10, y_end)) continue;
    canvas.line(canvas.left, place_y(tick.at), canvas.right, place_y(tick.at), tick.at == 1 ? "axis" : "grid");
    canvas.text(canvas.left - 5, place_y(tick.at) + font * 0.35, "end", tick.text);
  }
  x_ticks(canvas, x_marks, place_x, true);
  const auto path = [&](bool left, std::string_view style) {
    std::string points;
    std::size_t drawn = 0;
    for (std::size_t n = 0; n < chart.points.size(); ++n) {
      const auto& [x, y] = chart.points[n];
      // The right part begins at the last point of the left one, so that the line has no hole.
      const bool mine = left ? x <= chart.split : x > chart.split || (n + 1 < chart.points.size() && chart.points[n + 1].first > chart.split);
      if (!(x > 0 && y > 0) || !mine) continue;
      points += num(place_x(x)) + ',' + num(place_y(y)) + ' ';
      ++drawn;
    }
    if (drawn > 0) canvas.body += "<polyline class=\"" + std::string(style) + "\" points=\"" + points + "\"/>";
  };
  path(true, "l1");
  path(false, "l2");
  if (chart.split > 1) {
    const double x = place_x(chart.split);
    canvas.line(x, canvas.top, x, canvas.bottom, "mark");
    if (x - canvas.left > text_width(chart.left_text) + 8) canvas.text(x - 5, canvas.top + font, "end", chart.left_text, "t1");
    if (canvas.right - x > text_width(chart.right_text) + 8) {
      canvas.text(x + 5, canvas.top + font, "start", chart.right_text, "t2");
    } else {
      canvas.text(x - 5, canvas.top + 2.3 * font, "end", chart.right_text, "t2");
    }
  }
  labels(canvas, chart.x_label, chart.y_label);
  return canvas.finished(chart.title);
}

std::string interval_chart(const IntervalChart& chart) {
  double high = 0, widest = 0;
  for (const auto& row : chart.rows) {
    high = std::max({high, row.value, row.high});
    widest = std::max(widest, text_width(row.name));
  }
  if (!(high > 0)) high = 1;
  const auto ticks = round_ticks(0, high, 4);
  const double step = 30;
  const double bottom = 8 + step * static_cast<double>(chart.rows.size());
  Canvas canvas{.left = std::min(widest + 10, 160.0), .right = width - 14, .top = 6, .bottom = bottom, .height = bottom + 16 + 2 * font};
  const auto place = [&](double value) { return canvas.left + value / ticks.back() * (canvas.right - canvas.left); };
  std::vector<Tick> marks;
  for (const auto tick : ticks) {
    char text[32];
    std::snprintf(text, sizeof text, "%.3g", tick);
    marks.push_back({tick, text});
  }
  x_ticks(canvas, marks, place, true);
  for (const auto& row : chart.rows)
    if (row.base) canvas.line(place(row.high), canvas.top, place(row.high), canvas.bottom, "mark");
  for (std::size_t n = 0; n < chart.rows.size(); ++n) {
    const auto& row = chart.rows[n];
    const double y = canvas.top + step * (static_cast<double>(n) + 0.5);
    const std::string style = row.base ? "w2" : "w1";
    canvas.text(canvas.left - 6, y + font * 0.35, "end", row.name);
    canvas.line(place(row.low), y, place(row.high), y, style);
    canvas.body += "<circle class=\"" + std::string(row.base ? "s2" : "s1") + "\" cx=\"" + num(place(row.value)) + "\" cy=\"" + num(y) + "\" r=\"5\"/>";
  }
  canvas.line(canvas.left, canvas.top, canvas.left, canvas.bottom, "axis");
  labels(canvas, chart.x_label, "");
  return canvas.finished(chart.title);
}

}  // namespace pannier::cli
