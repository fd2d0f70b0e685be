#include "pannier/core/config.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "core/shortest.hpp"
#include "pannier/core/error.hpp"

namespace pannier {
namespace {

using Json = nlohmann::json;

template <class... Parts>
struct Overloaded : Parts... {
  using Parts::operator()...;
};
template <class... Parts>
Overloaded(Parts...) -> Overloaded<Parts...>;

std::string json_text(std::string_view text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::strict); }

std::string range_text(const FieldRef& field) {
  const auto bound = [&](double number) {
    if (std::holds_alternative<std::uint64_t*>(field.target) && number >= 0x1p64) return std::string("2^64-1");
    return std::holds_alternative<float*>(field.target) ? shortest(static_cast<float>(number)) : shortest(number);
  };
  const auto whole = std::holds_alternative<std::int32_t*>(field.target) || std::holds_alternative<std::uint64_t*>(field.target);
  const bool low = std::isfinite(field.range.min), high = std::isfinite(field.range.max);
  std::string text = whole ? "a whole number" : "a finite number";
  if (low && high) return text + " from " + bound(field.range.min) + " to " + bound(field.range.max);
  if (low) return text + " of at least " + bound(field.range.min);
  if (high) return text + " of at most " + bound(field.range.max);
  return text;
}

std::string names_text(std::span<const std::string_view> names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

[[noreturn]] void refuse(std::string_view where, std::string_view name, const std::string& problem, const std::string& allowed) {
  auto place = std::string(where);
  if (!place.empty()) place += ":";
  throw Error(ErrorCode::invalid_argument, place.append(name), problem, allowed);
}

/// A float is compared with the bounds rounded to float: a bound that is typed as a value passes.
bool in_range(float number, const Range& range) {
  return std::isfinite(number) && number >= static_cast<float>(range.min) && number <= static_cast<float>(range.max);
}
bool in_range(double number, const Range& range) { return std::isfinite(number) && number >= range.min && number <= range.max; }
bool in_range(std::int32_t number, const Range& range) { return number >= range.min && number <= range.max; }
/// Without rounding: above 2^53 neighbouring values are one double.
bool in_range(std::uint64_t number, const Range& range) {
  constexpr double two_to_64 = 18446744073709551616.0;
  const double min = std::ceil(range.min), max = std::floor(range.max);
  const bool above = min <= 0 || (min < two_to_64 && number >= static_cast<std::uint64_t>(min));
  const bool below = max >= two_to_64 || (max >= 0 && number <= static_cast<std::uint64_t>(max));
  return above && below;
}

void validate_fields_of(std::span<const FieldRef> fields, std::string_view where) {
  for (const auto& field : fields)
    std::visit(Overloaded{[](const bool*) {}, [](const std::string*) {},
                          [&](const FieldRef::Choice& choice) {
                            if (choice.get().empty()) refuse(where, field.name, "has a value without a name", names_text(choice.names));
                          },
                          [&](const auto* number) {
                            if (!in_range(*number, field.range)) refuse(where, field.name, shortest(*number) + " is out of range", range_text(field));
                          }},
               field.target);
}

/// A JSON number as T, exactly; nothing when it is no number, has a fraction or does not fit.
template <class T>
std::optional<T> whole_number(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number <= static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return static_cast<T>(number);
  } else if (value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    if constexpr (std::is_signed_v<T>)
      if (number >= std::numeric_limits<T>::min()) return static_cast<T>(number);
  } else if (value.is_number_float()) {  // 5e2 is a whole number too; above 2^53 a float no longer names one.
    const auto number = value.get<double>();
    if (std::fabs(number) <= 0x1p53 && number == std::floor(number) && number >= static_cast<double>(std::numeric_limits<T>::min()) &&
        number <= static_cast<double>(std::numeric_limits<T>::max()))
      return static_cast<T>(number);
  }
  return std::nullopt;
}

/// A scalar as JSON, a long text cut; of what holds others, which a hostile file nests deeply, the type alone.
std::string shown(const Json& value) {
  if (value.is_structured()) return std::string("a JSON ") + value.type_name();
  constexpr std::size_t longest = 100;
  if (!value.is_string()) return value.dump();
  const auto& text = value.get_ref<const std::string&>();
  const auto cut = text.size() > longest ? text.substr(0, longest) : text;
  return Json(cut).dump(-1, ' ', true, Json::error_handler_t::replace) + (text.size() > longest ? "..." : "");
}

/// Sets one field. Errors: invalid_argument (wrong type).
void assign(const FieldRef& field, const Json& value, std::string_view where) {
  const auto wrong = [&](const std::string& allowed) { refuse(where, field.name, shown(value) + " does not fit", allowed); };
  std::visit(Overloaded{[&](bool* target) {
                          if (!value.is_boolean()) wrong("true or false");
                          *target = value.get<bool>();
                        },
                        [&](std::string* target) {
                          if (!value.is_string()) wrong("a text");
                          *target = value.get<std::string>();
                        },
                        [&](float* target) {
                          if (!value.is_number()) wrong(range_text(field));
                          *target = static_cast<float>(value.get<double>());
                        },
                        [&](double* target) {
                          if (!value.is_number()) wrong(range_text(field));
                          *target = value.get<double>();
                        },
                        [&](const FieldRef::Choice& choice) {
                          const auto text = value.is_string() ? value.get<std::string>() : std::string();
                          const auto found = std::find(choice.names.begin(), choice.names.end(), std::string_view(text));
                          if (!value.is_string() || found == choice.names.end()) wrong(names_text(choice.names));
                          choice.set(static_cast<std::size_t>(found - choice.names.begin()));
                        },
                        [&](auto* target) {
                          const auto number = whole_number<std::remove_pointer_t<decltype(target)>>(value);
                          if (!number) wrong(range_text(field));
                          *target = *number;
                        }},
             field.target);
}

/// What a field held, to put it back.
class Saved {
 public:
  explicit Saved(const FieldRef& field) : field_(field) {
    std::visit(Overloaded{[&](const FieldRef::Choice& choice) {
                            const auto found = std::find(choice.names.begin(), choice.names.end(), choice.get());
                            value_ = static_cast<std::uint64_t>(found - choice.names.begin());
                          },
                          [&](const auto* target) { value_ = *target; }},
               field.target);
  }
  void restore() {
    std::visit(Overloaded{[&](const FieldRef::Choice& choice) {
                            if (const auto at = std::get<std::uint64_t>(value_); at < choice.names.size()) choice.set(at);
                          },
                          [&](auto* target) { *target = std::get<std::remove_pointer_t<decltype(target)>>(std::move(value_)); }},
               field_.target);
  }

 private:
  const FieldRef& field_;
  std::variant<bool, std::int32_t, std::uint64_t, float, double, std::string> value_;  ///< A choice as its position.
};

Json parse_object(std::string_view text, std::string_view where) {
  const std::string place = where.empty() ? "settings" : std::string(where);
  std::set<std::string> seen;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key && !seen.insert(parsed.get<std::string>()).second)
      refuse(where, parsed.get<std::string>(), "is given twice", "each key once");
    return true;
  };
  Json object;
  try {
    object = Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::parse_error& error) {
    throw Error(ErrorCode::malformed_input, place, "no JSON at byte " + std::to_string(error.byte), "a JSON object");
  }
  if (!object.is_object()) throw Error(ErrorCode::malformed_input, place, std::string("a JSON ") + object.type_name(), "a JSON object");
  return object;
}

/// The grammar of JSON: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
bool is_json_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const auto begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - begin;
  };
  const auto accept = [&](std::string_view any) {
    const bool hit = at < text.size() && any.find(text[at]) != std::string_view::npos;
    if (hit) ++at;
    return hit;
  };
  accept("-");
  const auto begin = at;
  const auto whole = digits();
  if (whole == 0 || (whole > 1 && text[begin] == '0')) return false;
  if (accept(".") && digits() == 0) return false;
  if (accept("eE")) {
    accept("+-");
    if (digits() == 0) return false;
  }
  return at == text.size();
}

/// JSON has no .5; people write it.
std::string with_leading_zero(std::string_view text) {
  std::string out(text);
  if (const std::size_t at = text.starts_with('-') ? 1 : 0; text.substr(at).starts_with('.')) out.insert(at, 1, '0');
  return out;
}

}  // namespace

void detail::FieldCollector::add(std::string_view name, decltype(FieldRef::target) target, Range range, std::string_view help) {
  out.push_back({name, std::move(target), range, help});
}

void validate_fields(std::span<const FieldRef> fields) { validate_fields_of(fields, ""); }

std::string fields_to_json(std::span<const FieldRef> fields) {
  std::string out = "{";
  for (const auto& field : fields) {
    if (out.size() > 1) out += ",";
    out += json_text(field.name) + ":";
    std::visit(Overloaded{[&](const bool* value) { out += *value ? "true" : "false"; },
                          [&](const std::string* value) { out += json_text(*value); },
                          [&](const FieldRef::Choice& choice) { out += json_text(choice.get()); },
                          [&](const auto* number) { out += shortest(*number); }},
               field.target);
  }
  return out + "}";
}

void fields_from_json(std::span<const FieldRef> fields, std::string_view json, std::string_view where) {
  const auto object = json.empty() ? Json::object() : parse_object(json, where);
  std::vector<std::pair<const FieldRef*, const Json*>> assignments;
  for (const auto& [key, value] : object.items()) {
    const auto found = std::find_if(fields.begin(), fields.end(), [&, k = std::string_view(key)](const FieldRef& field) { return field.name == k; });
    if (found == fields.end()) {
      std::vector<std::string_view> names;
      for (const auto& field : fields) names.push_back(field.name);
      const auto near = nearest_name(key, names);
      refuse(where, key, near.empty() ? "is no setting" : "is no setting; did you mean " + std::string(near) + "?", names_text(names));
    }
    assignments.emplace_back(&*found, &value);
  }
  std::vector<Saved> saved(fields.begin(), fields.end());
  try {
    for (const auto& [field, value] : assignments) assign(*field, *value, where);
    validate_fields_of(fields, where);
  } catch (...) {
    for (auto& field : saved) field.restore();
    throw;
  }
}

std::string settings_to_json(std::span<const std::string> settings, std::span<const std::string> texts) {
  std::string out = "{";
  std::set<std::string_view> seen;
  for (const auto& setting : settings) {
    const auto refuse_setting = [&](const std::string& problem) { throw Error(ErrorCode::invalid_argument, "setting \"" + setting + "\"", problem, "key=value, each key once"); };
    const auto equals = setting.find('=');
    if (equals == std::string::npos) refuse_setting("has no '='");
    if (equals == 0) refuse_setting("has an empty key");
    const auto key = std::string_view(setting).substr(0, equals), value = std::string_view(setting).substr(equals + 1);
    if (!seen.insert(key).second) refuse_setting("gives " + std::string(key) + " a second time");
    if (out.size() > 1) out += ",";
    try {
      out += json_text(key) + ":";
      const auto number = with_leading_zero(value);
      const bool text = std::find(texts.begin(), texts.end(), key) != texts.end();
      out += text ? json_text(value) : value == "true" || value == "false" ? std::string(value) : is_json_number(number) ? number : json_text(value);
    } catch (const Json::exception&) {
      refuse_setting("is not UTF-8");
    }
  }
  return out + "}";
}

std::string_view nearest_name(std::string_view wrong, std::span<const std::string_view> known) {
  const std::size_t most = std::max<std::size_t>(1, wrong.size() / 3);
  std::string_view best;
  std::size_t best_distance = most + 1;
  std::vector<std::size_t> before, last, row;
  for (const auto name : known) {
    if (name.size() > wrong.size() + most || wrong.size() > name.size() + most) continue;
    // Edits are insertions, deletions, replacements and swaps of neighbours.
    last.resize(name.size() + 1);
    for (std::size_t j = 0; j <= name.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= wrong.size(); ++i) {
      row.assign(name.size() + 1, i);
      for (std::size_t j = 1; j <= name.size(); ++j) {
        row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (wrong[i - 1] != name[j - 1])});
        if (i > 1 && j > 1 && wrong[i - 1] == name[j - 2] && wrong[i - 2] == name[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
      }
      before.swap(last);
      last.swap(row);
    }
    if (last[name.size()] < best_distance) {
      best_distance = last[name.size()];
      best = name;
    }
  }
  return best;
}

}  // namespace pannier
