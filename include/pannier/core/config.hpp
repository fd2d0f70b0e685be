/// Settings spelled once. A config is an aggregate; one `visit_fields` lists name, field, range and meaning; validation, JSON,
/// `--set key=value`, Python keywords and the documentation's tables all read that list through this file.
///
///     struct PopularConfig { bool weighted = false; };
///     template <class Config, class Visit> requires std::same_as<std::remove_const_t<Config>, PopularConfig>
///     void visit_fields(Config& c, Visit&& visit) { visit("weighted", c.weighted, "Sum weights instead of counting people."); }
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace pannier {

/// Closed range of a numeric field.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
};

/// The names of an enumeration's values.
template <class Enum>
using Choices = std::vector<std::pair<std::string_view, Enum>>;

/// One field of one config value, type-erased.
struct FieldRef {
  struct Choice {
    std::vector<std::string_view> names;
    std::function<std::string_view()> get;
    std::function<void(std::size_t)> set;  ///< By position in names.
  };
  std::string_view name;
  std::variant<bool*, std::int32_t*, std::uint64_t*, float*, double*, std::string*, Choice> target;
  Range range;
  std::string_view help;
};

/// Collects the fields of `config` in their listed order.
template <class Config>
[[nodiscard]] std::vector<FieldRef> fields_of(Config& config);

/// Refuses a field out of its range, NaN included. Errors: invalid_argument naming field, value and range.
void validate_fields(std::span<const FieldRef> fields);

/// The fields as one JSON object, in their order. Numbers in their shortest form that reads back.
[[nodiscard]] std::string fields_to_json(std::span<const FieldRef> fields);

/// Sets the fields named in a JSON object ("" is {}), then validates all. Either all change or none.
/// Errors: malformed_input (not an object), invalid_argument (unknown key with a near name proposed, wrong type, out of range).
void fields_from_json(std::span<const FieldRef> fields, std::string_view json, std::string_view where);

/// Turns "key=value" settings into a JSON object for fields_from_json: numbers (.5 too), true, false stay what they are, else text; of the keys in `texts` all is text.
/// Errors: invalid_argument (no '=', an empty or repeated key).
[[nodiscard]] std::string settings_to_json(std::span<const std::string> settings, std::span<const std::string> texts = {});

/// The known name nearest to `wrong` by edit distance (at most a third of its length, at least 1 edit), or "".
[[nodiscard]] std::string_view nearest_name(std::string_view wrong, std::span<const std::string_view> known);

namespace detail {
struct FieldCollector {
  std::vector<FieldRef>& out;
  void add(std::string_view name, decltype(FieldRef::target) target, Range range, std::string_view help);
  template <class T>
  void operator()(std::string_view name, T& field, std::string_view help) { (*this)(name, field, Range{}, help); }
  template <class T>
  void operator()(std::string_view name, T& field, Range range, std::string_view help) {
    add(name, &field, range, help);
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void operator()(std::string_view name, Enum& field, const Choices<Enum>& choices, std::string_view help) {
    FieldRef::Choice choice;
    for (const auto& [text, enumerator] : choices) choice.names.push_back(text);
    choice.get = [choices, &field] {
      for (const auto& [text, enumerator] : choices)
        if (enumerator == field) return text;
      return std::string_view{};
    };
    choice.set = [choices, &field](std::size_t i) { field = choices[i].second; };
    add(name, std::move(choice), Range{}, help);
  }
};
}  // namespace detail

template <class Config>
std::vector<FieldRef> fields_of(Config& config) {
  std::vector<FieldRef> out;
  visit_fields(config, detail::FieldCollector{out});
  return out;
}

/// Validates a whole config. Errors: as validate_fields.
template <class Config>
void validate(Config config) { validate_fields(fields_of(config)); }

template <class Config>
[[nodiscard]] std::string to_json(Config config) { return fields_to_json(fields_of(config)); }

/// A config from JSON; what is not named keeps its default. `where` begins the message of an error.
template <class Config>
[[nodiscard]] Config from_json(std::string_view json, std::string_view where) {
  Config config{};
  fields_from_json(fields_of(config), json, where);
  return config;
}

}  // namespace pannier
