#include "serve/other_reading.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace pannier::serve {

std::uint32_t kept_options(const data::ImportOptions& options) { return static_cast<std::uint32_t>(data::reading_key(options) >> 41); }

std::string told_difference(const data::ImportOptions& now, std::uint32_t before) {
  const data::ImportOptions none;
  using Reset = void (*)(data::ImportOptions& options, const data::ImportOptions& none);
  static constexpr std::array<std::pair<std::string_view, Reset>, 8> resets{{
      {"map", [](data::ImportOptions& o, const data::ImportOptions& n) { o.preset = n.preset, o.columns = n.columns; }},
      {"kind", [](data::ImportOptions& o, const data::ImportOptions& n) { o.constant_kind = n.constant_kind; }},
      {"kinds", [](data::ImportOptions& o, const data::ImportOptions& n) { o.kinds = n.kinds; }},
      {"time_unit", [](data::ImportOptions& o, const data::ImportOptions& n) { o.time_unit = n.time_unit; }},
      {"utc_offset", [](data::ImportOptions& o, const data::ImportOptions& n) { o.utc_offset_us = n.utc_offset_us; }},
      {"refund_prefix", [](data::ImportOptions& o, const data::ImportOptions& n) { o.refund_prefixes = n.refund_prefixes; }},
      {"fold_case", [](data::ImportOptions& o, const data::ImportOptions& n) { o.fold_item_case = n.fold_item_case; }},
      {"rate", [](data::ImportOptions& o, const data::ImportOptions& n) { o.rates = n.rates; }},
  }};
  const auto fits = [&](const data::ImportOptions& options) { return kept_options(options) == before; };
  // Fewer options: by proposals that were followed since.
  for (std::size_t chosen = 1; chosen < std::size_t{1} << resets.size(); ++chosen) {
    auto tried = now;
    std::string words;
    for (std::size_t n = 0; n < resets.size(); ++n) {
      if ((chosen >> n & 1) == 0) continue;
      resets[n].second(tried, none);
      (words += words.empty() ? "without " : ", ") += resets[n].first;
    }
    if (fits(tried)) return words;
  }
  auto tried = now;
  tried.fold_item_case = true;
  if (fits(tried)) return "fold_case=item";
  static constexpr std::array<std::pair<std::string_view, data::TimeUnit>, 7> units{{{"iso", data::TimeUnit::automatic_text}, {"s", data::TimeUnit::seconds}, {"ms", data::TimeUnit::milliseconds},
                                                                                    {"us", data::TimeUnit::microseconds}, {"none", data::TimeUnit::none}, {"dmy", data::TimeUnit::day_first},
                                                                                    {"mdy", data::TimeUnit::month_first}}};
  for (const auto& [name, unit] : units) {
    tried = now;
    tried.time_unit = unit;
    if (fits(tried)) return "time_unit=" + std::string(name);
  }
  constexpr std::int64_t quarter_us = 900'000'000;
  for (int quarters = -64; quarters <= 64; ++quarters) {
    tried = now;
    tried.utc_offset_us = quarters * quarter_us;
    if (!fits(tried)) continue;
    const auto digits = [](int number) { return (number < 10 ? "0" : "") + std::to_string(number); };
    return std::string("utc_offset=") + (quarters < 0 ? '-' : '+') + digits(std::abs(quarters) / 4) + ':' + digits(std::abs(quarters) % 4 * 15);
  }
  return "map, kind, kinds, time_unit, utc_offset, refund_prefix, fold_case or rate";
}

}  // namespace pannier::serve
