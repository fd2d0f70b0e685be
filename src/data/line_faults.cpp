#include "data/line_faults.hpp"

namespace pannier::data {

std::string_view name(Cause cause) noexcept {
  static constexpr std::array<std::string_view, cause_count> names = {
      "missing_time", "bad_time", "time_out_of_range", "missing_kind", "unknown_kind", "missing_item", "missing_person", "bad_quantity",
      "zero_quantity", "negative_quantity", "stock_correction", "bad_price", "negative_price", "bad_value", "bad_currency", "bad_position",
      "bad_dwell_ms", "bad_consent", "bad_slot", "bad_stock", "duplicate_item", "text_too_long", "invalid_utf8", "nul_byte", "too_few_fields",
      "too_many_fields", "bad_quote", "dropped_item", "other_currency",
      "bad_json", "bad_type", "not_a_shop_event", "order_without_items", "duplicate_user"};
  return names[static_cast<std::size_t>(cause)];
}

void add_causes(const std::map<std::string, ImportSummary::Cause>& counts, std::map<std::string, ImportSummary::Cause>& sums) {
  for (const auto& [name, count] : counts) {
    auto& sum = sums[name];
    if (sum.lines == 0) sum.example = count.example;
    sum.lines += count.lines;
  }
}

ImportSummary LineFaults::summary() const {
  ImportSummary out{.read = lines_, .given = given_, .dropped = {}, .noted = {}, .proposals = {}, .no_products = {}, .currency = {}};
  for (std::size_t cause = 0; cause < cause_count; ++cause)
    if (dropped_[cause] > 0)
      out.dropped[std::string(name(static_cast<Cause>(cause)))] = {dropped_[cause], examples_[cause]};
  return out;
}

}  // namespace pannier::data
