#include "data/log_currency.hpp"

#include <array>
#include <algorithm>
#include <cmath>

#include "data/field_text.hpp"

namespace pannier::data {

std::string_view capital_code(std::string_view code) noexcept {
  // All of them, so that the text outlives every event.
  static const auto codes = [] {
    std::array<char, 26 * 26 * 26 * 3> out{};
    for (std::size_t n = 0; n < out.size() / 3; ++n) out[3 * n] = static_cast<char>('A' + n / 676), out[3 * n + 1] = static_cast<char>('A' + n / 26 % 26), out[3 * n + 2] = static_cast<char>('A' + n % 26);
    return out;
  }();
  if (code.size() != 3) return code;
  std::size_t n = 0;
  for (const char c : code) {
    const char letter = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (letter < 'A' || letter > 'Z') return code;
    n = 26 * n + static_cast<std::size_t>(letter - 'A');
  }
  return {codes.data() + 3 * n, 3};
}

LogCurrency::LogCurrency(const ImportOptions& options)
    : rates_(options.rates), code_(options.currency), refused_(), given_(!options.currency.empty()) {
  const auto refuse = [](const std::string& where, const std::string& problem, const std::string& allowed) {
    throw Error(ErrorCode::invalid_argument, where, problem, allowed);
  };
  if (given_ && !is_currency_code(code_)) refuse("currency", shown(code_), "an ISO 4217 code of three capital letters such as EUR");
  for (auto rate = rates_.begin(); rate != rates_.end(); ++rate) {
    if (!is_currency_code(rate->first)) refuse("rate", shown(rate->first), "an ISO 4217 code of three capital letters such as EUR");
    if (!(rate->second > 0 && rate->second <= 1e6))
      refuse("rate", rate->first + "=" + std::to_string(rate->second), "a number above 0, at most 1e6");
    if (rate->first == code_ && rate->second != 1)
      refuse("rate", rate->first + " is the currency of the store", "rates of other currencies, in " + code_);
    if (std::any_of(rates_.begin(), rate, [&](const auto& earlier) { return earlier.first == rate->first; }))
      refuse("rate", rate->first + " is given twice", "each currency once");
  }
}

LogCurrency::Verdict LogCurrency::settle(Event& event) {
  if (event.currency.empty() || event.currency == code_ || (std::isnan(event.price) && std::isnan(event.value))) return Verdict::fits;
  const auto rate = std::find_if(rates_.begin(), rates_.end(), [&](const auto& known) { return known.first == event.currency; });
  if (rate != rates_.end()) {
    event.price *= rate->second;
    event.value *= rate->second;
    event.currency = code_;
    return event.price > largest_price || std::abs(event.value) > largest_price ? Verdict::too_large : Verdict::fits;
  }
  if (code_.empty()) {
    code_ = event.currency;
    event.currency = code_;
    return Verdict::fits;
  }
  if (refused_.empty()) refused_ = event.currency;
  return Verdict::other_currency;
}

Error LogCurrency::describe(std::string_view currency, std::string where) const {
  return Error(ErrorCode::malformed_input, std::move(where),
               shown(currency) + " is not " + code_ + ", the currency of the " + (given_ ? "store" : "file's first amount"),
               "amounts in " + code_ + ", or --rate " + std::string(currency) + "=RATE, the worth of one " + std::string(currency) + " in " + code_);
}

}  // namespace pannier::data
