#include "pannier/clv/customer_file.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>

#include "data/field_text.hpp"
#include "data/line_faults.hpp"
#include "data/table_file.hpp"
#include "pannier/core/error.hpp"

namespace pannier::clv {
namespace {

constexpr std::array<std::string_view, 9> fields{"id", "x", "t_x", "T", "n", "m_x", "count", "t_x_days", "T_days"};

/// Where a field stands, and what its number is divided by.
struct Column {
  std::uint32_t at;
  double per = 1;
};

using Names = std::vector<std::pair<std::string, std::string>>;

/// "field=column,field=column".
Names parse(std::string_view map) {
  Names out;
  while (!map.empty()) {
    const auto end = std::min(map.find(','), map.size()), equals = std::min(map.find('='), end);
    const std::string field(map.substr(0, equals)), column(map.substr(std::min(equals + 1, end), end - std::min(equals + 1, end)));
    map.remove_prefix(std::min(end + 1, map.size()));
    if (column.empty()) throw Error(ErrorCode::invalid_argument, "map", data::shown(field) + " has no column", "FIELD=COLUMN,FIELD=COLUMN");
    if (std::ranges::find(fields, field) == fields.end()) throw Error(ErrorCode::invalid_argument, "map", data::shown(field) + " is no field of a customer" + data::proposal(field, fields), "id, x, t_x, T, n, m_x, count, t_x_days, T_days");
    if (std::ranges::find(out, field, &Names::value_type::first) != out.end()) throw Error(ErrorCode::invalid_argument, "map", "names " + field + " twice", "each field once");
    out.emplace_back(field, column);
  }
  return out;
}

}  // namespace

CustomerFile read_customers(const std::filesystem::path& file, double days_per_unit, std::string_view map) {
  if (!(days_per_unit > 0) || !std::isfinite(days_per_unit)) throw Error(ErrorCode::invalid_argument, "days_per_unit", "is not above 0", "days of one unit");
  const auto names = parse(map);
  data::TableFile table(file);
  const auto column_of = [&](std::string_view field) -> std::optional<std::uint32_t> {
    for (const auto& [given, column] : names) {
      if (given != field) continue;
      const auto found = table.find(column);
      if (!found) table.refuse_missing(column, "the customer's " + std::string(field), "the name of a column");
      return found;
    }
    return table.find(field);
  };
  const auto needed = [&](std::string_view field, std::string_view other, double per, const char* purpose) {
    if (const auto at = column_of(field)) return Column{*at};
    if (const auto at = column_of(other)) return Column{*at, per};
    table.refuse_missing(field, purpose, "a column named " + std::string(field) + " or " + std::string(other) + ", or " + std::string(field) + "=COLUMN in the map");
  };
  const auto id = column_of("id"), spend = column_of("m_x"), count = column_of("count"), opportunities = column_of("n"), whole = column_of("T"), in_days = column_of("T_days");
  const auto x = column_of("x");
  if (!x) table.refuse_missing("x", "the number of repeat purchases", "a column named x, or x=COLUMN in the map");
  const auto t_x = needed("t_x", "t_x_days", days_per_unit, "the time of the last purchase");
  const auto age = opportunities && !whole && !in_days ? Column{*opportunities} : needed("T", "T_days", days_per_unit, "the time since the first purchase");

  CustomerFile out;
  data::LineFaults faults(data::OnError::stop);
  std::string copy;
  table.read(faults, [] {}, [&](std::span<const std::string_view> cells) {
    const auto number = [&](const Column& column) {
      auto text = cells[column.at];
      if (table.reader().has_semicolons()) text = data::with_decimal_point(text, [&](std::size_t size) { copy.resize(size); return std::span<char>(copy); });
      const auto value = data::parse_number(text);
      if (!value) throw Error(ErrorCode::malformed_input, table.where(table.columns()[column.at]), "is " + data::shown(cells[column.at]), "a number");
      return *value / column.per;
    };
    out.ids.push_back(id ? std::string(cells[*id]) : std::to_string(out.ids.size() + 1));
    out.frequency.push_back(number({*x}));
    out.recency.push_back(number(t_x));
    out.age.push_back(number(age));
    if (spend) out.spend.push_back(number({*spend}));
    out.counts.push_back(count ? number({*count}) : 1);
  });
  return out;
}

}  // namespace pannier::clv
