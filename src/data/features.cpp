#include "pannier/data/features.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <nlohmann/json.hpp>

#include "data/field_text.hpp"
#include "data/words.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/ids.hpp"

namespace pannier::data {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_levels = 8;
constexpr std::size_t few_values = 20;
constexpr std::size_t longest_value = 256;   ///< Bytes: longer ones are no names that rows share, and would be kept whole.
constexpr std::array<std::string_view, 4> kind_names{"value", "path", "text", "number"};

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// A value that can be a feature: not empty, and UTF-8.
std::string_view usable(std::string_view value) {
  const auto text = trimmed(value);
  return first_invalid_utf8(text) == text.npos ? text : std::string_view{};
}

struct AttributeRule {
  std::string name;
  FeatureKind kind = FeatureKind::value;
  std::vector<double> levels;   ///< Of a number, ascending.
};

/// Calls `found` with each feature's name and its weight; `name` and `word` are scratch memory.
template <class Found>
void each_feature(const AttributeRule& rule, std::string_view value, std::string& name, std::string& word, Found found) {
  const auto tell = [&](char mark, std::string_view what, float weight) {
    name.assign(rule.name);
    name += mark;
    name += what;
    found(std::string_view(name), weight);
  };
  switch (rule.kind) {
    case FeatureKind::value:
      for (std::size_t begin = 0; begin <= value.size();) {
        const auto end = std::min(value.find('/', begin), value.size());
        if (const auto part = trimmed(value.substr(begin, end - begin)); !part.empty() && part.size() <= longest_value) tell('=', part, 1);
        begin = end + 1;
      }
      return;
    case FeatureKind::path:
      name.assign(rule.name);
      for (std::size_t begin = 0; begin < value.size() && begin <= longest_value;) {
        const auto end = std::min(value.find('/', begin), value.size());
        const auto level = trimmed(value.substr(begin, end - begin));
        begin = end + 1;
        if (level.empty()) continue;
        name += '/';
        name += level;
        if (name.size() <= rule.name.size() + 1 + longest_value) found(std::string_view(name), 1.0f);
      }
      return;
    case FeatureKind::text:
      each_word(value, word, [&](std::string_view each) { tell(':', each, 1); });
      return;
    case FeatureKind::number: {
      const auto number = parse_number(value);
      if (!number || rule.levels.empty()) return;
      const auto above = std::upper_bound(rule.levels.begin(), rule.levels.end(), *number);
      const auto level = [](std::size_t at) { return std::string(1, static_cast<char>('0' + at)); };
      if (above == rule.levels.begin()) return tell('~', level(0), 1);
      const auto at = static_cast<std::size_t>(above - rule.levels.begin()) - 1;
      if (above == rule.levels.end()) return tell('~', level(at), 1);
      const double share = (*number - rule.levels[at]) / (*above - rule.levels[at]);
      if (share < 1) tell('~', level(at), static_cast<float>(1 - share));
      if (share > 0) tell('~', level(at + 1), static_cast<float>(share));
      return;
    }
  }
}

/// What the first pass sees of an attribute.
struct Seen {
  std::size_t values = 0, numbers = 0, two_words = 0, four_words = 0;   ///< Values in all, that are numbers, of so many words or more (lists: a member).
  std::unordered_set<std::uint64_t> distinct;
};

FeatureKind kind_of(std::string_view name, const Seen& seen) {
  if (name == "category") return FeatureKind::path;
  if (name == "brand") return FeatureKind::value;
  if (name == "name" || name == "title" || name == "description") return FeatureKind::text;
  const auto most = [&](std::size_t count) { return 2 * count > seen.values; };
  if (seen.numbers == seen.values && seen.distinct.size() > few_values) return FeatureKind::number;
  if (most(seen.two_words) && most(seen.distinct.size())) return FeatureKind::text;
  if (most(seen.four_words) && seen.distinct.size() > few_values) return FeatureKind::text;
  return FeatureKind::value;
}

/// Finds texts by views of them.
struct TextHash : std::hash<std::string_view> {
  using is_transparent = void;
};

std::vector<double> levels_of(std::vector<double> numbers) {
  std::vector<double> out;
  std::ranges::sort(numbers);
  for (std::size_t level = 0; level < most_levels && !numbers.empty(); ++level) {
    const double number = numbers[(2 * level + 1) * numbers.size() / (2 * most_levels)];
    if (out.empty() || number > out.back()) out.push_back(number);
  }
  return out;
}

}  // namespace

std::string_view name_of(FeatureKind kind) noexcept { return kind_names[static_cast<std::size_t>(kind)]; }

struct FeatureSpace::State {
  std::size_t rows = 0, left_out = 0;
  std::vector<AttributeRule> attributes;   ///< By name.
  std::vector<std::string> names;          ///< Ascending.
  std::vector<std::uint32_t> counts;       ///< Rows that have the feature.
  std::vector<float> weights;              ///< 1; of words by their rarity.

  [[nodiscard]] const AttributeRule* find(std::string_view name) const {
    const auto at = std::ranges::lower_bound(attributes, name, {}, &AttributeRule::name);
    return at != attributes.end() && at->name == name ? &*at : nullptr;
  }
  [[nodiscard]] std::optional<std::uint32_t> feature(std::string_view name) const {
    const auto at = std::lower_bound(names.begin(), names.end(), name);
    return at != names.end() && *at == name ? std::optional(static_cast<std::uint32_t>(at - names.begin())) : std::nullopt;
  }
};

FeatureSpace FeatureSpace::learn(std::size_t rows, const AttributesOf& attributes, const FeatureConfig& config) {
  const auto refuse = [](const char* field, std::string what, const char* allowed) { throw Error(ErrorCode::invalid_argument, field, std::move(what), allowed); };
  if (config.min_rows < 1) refuse("min_rows", "is " + std::to_string(config.min_rows), "at least 1");
  if (!(config.max_share > 0 && config.max_share <= 1)) refuse("max_share", "is " + std::to_string(config.max_share), "above 0, at most 1");
  if (config.max_features < 1) refuse("max_features", "is " + std::to_string(config.max_features), "at least 1");

  std::map<std::string, Seen, std::less<>> seen;
  std::vector<Attribute> of_row;
  std::string word, name;
  for (std::size_t row = 0; row < rows; ++row) {
    of_row.clear();
    attributes(row, of_row);
    for (const auto& attribute : of_row) {
      const auto value = usable(attribute.value);
      if (value.empty() || first_invalid_utf8(attribute.name) != std::string_view::npos) continue;
      auto at = seen.find(attribute.name);
      if (at == seen.end()) at = seen.emplace(std::string(attribute.name), Seen{}).first;
      auto& of = at->second;
      ++of.values;
      if (parse_number(value)) ++of.numbers;
      if (of.distinct.size() <= rows / 2 + few_values) of.distinct.insert(pannier::value(item_key(value)));
      const auto start = value.substr(0, 256);
      const auto members = 1 + static_cast<std::size_t>(std::ranges::count(start, '/'));
      std::size_t words = 0;
      each_word(start, word, [&](std::string_view) { ++words; });
      if (words >= 2 * members) ++of.two_words;
      if (words >= 4 * members) ++of.four_words;
    }
  }
  for (const auto& [declared, kind] : config.kinds)
    if (!seen.contains(declared)) refuse("kinds", "names the attribute " + shown(declared) + ", which no row has", "attributes of the rows");

  auto state = std::make_shared<State>();
  state->rows = rows;
  std::map<std::string, std::vector<double>, std::less<>> numbers;
  for (const auto& [attribute, of] : seen) {
    const auto declared = config.kinds.find(attribute);
    state->attributes.push_back({attribute, declared != config.kinds.end() ? declared->second : kind_of(attribute, of), {}});
    if (state->attributes.back().kind == FeatureKind::number) numbers[attribute];
  }
  if (!numbers.empty()) {
    for (std::size_t row = 0; row < rows; ++row) {
      of_row.clear();
      attributes(row, of_row);
      for (const auto& attribute : of_row)
        if (const auto at = numbers.find(attribute.name); at != numbers.end())
          if (const auto number = parse_number(usable(attribute.value))) at->second.push_back(*number);
    }
    for (auto& rule : state->attributes)
      if (rule.kind == FeatureKind::number) rule.levels = levels_of(std::move(numbers[rule.name]));
  }

  struct Count {
    std::uint32_t rows = 0;
    FeatureKind kind = FeatureKind::value;
    std::size_t last_row = static_cast<std::size_t>(-1);
  };
  std::unordered_map<std::string, Count, TextHash, std::equal_to<>> counts;
  for (std::size_t row = 0; row < rows; ++row) {
    of_row.clear();
    attributes(row, of_row);
    for (const auto& attribute : of_row) {
      const auto* const rule = state->find(attribute.name);
      const auto value = usable(attribute.value);
      if (rule == nullptr || value.empty()) continue;
      each_feature(*rule, value, name, word, [&](std::string_view feature, float) {
        auto at = counts.find(feature);
        if (at == counts.end()) at = counts.emplace(std::string(feature), Count{}).first;
        auto& count = at->second;
        count.kind = rule->kind;
        if (std::exchange(count.last_row, row) != row) ++count.rows;
      });
    }
  }
  std::vector<std::pair<std::string, Count>> kept;
  for (auto& [feature, count] : counts) {
    const bool rare = count.kind != FeatureKind::number && count.rows < static_cast<std::uint32_t>(config.min_rows);
    const bool common = count.kind == FeatureKind::text && static_cast<double>(count.rows) > config.max_share * static_cast<double>(rows);
    if (!rare && !common) kept.emplace_back(feature, count);
  }
  const auto most = static_cast<std::size_t>(config.max_features);
  if (kept.size() > most) {
    std::ranges::sort(kept, [](const auto& a, const auto& b) { return a.second.rows != b.second.rows ? a.second.rows > b.second.rows : a.first < b.first; });
    kept.resize(most);
  }
  std::ranges::sort(kept, {}, &std::pair<std::string, Count>::first);
  state->left_out = counts.size() - kept.size();
  for (auto& [feature, count] : kept) {
    state->names.push_back(std::move(feature));
    state->counts.push_back(count.rows);
    // Words by log(1 + rows / rows with it), features of other kinds by 1. The weights are written, so that a model's are those it was fitted with on any machine.
    state->weights.push_back(count.kind == FeatureKind::text ? static_cast<float>(std::log1p(static_cast<double>(rows) / static_cast<double>(count.rows))) : 1.0f);
  }
  FeatureSpace out;
  out.state_ = std::move(state);
  return out;
}

std::size_t FeatureSpace::size() const noexcept { return state_ == nullptr ? 0 : state_->names.size(); }
std::string_view FeatureSpace::name(std::size_t feature) const noexcept { return feature < size() ? std::string_view(state_->names[feature]) : std::string_view{}; }
std::size_t FeatureSpace::left_out() const noexcept { return state_ == nullptr ? 0 : state_->left_out; }

std::vector<std::string_view> FeatureSpace::attribute_names() const {
  std::vector<std::string_view> out;
  if (state_ != nullptr)
    for (const auto& rule : state_->attributes) out.emplace_back(rule.name);
  return out;
}

std::size_t FeatureSpace::encode(std::span<const Attribute> attributes, FeatureScratch& scratch) const {
  scratch.columns.clear();
  scratch.values.clear();
  scratch.row.clear();
  std::size_t unknown = 0, blocks = 0;
  for (std::size_t a = 0; a < attributes.size(); ++a) {
    const auto name = attributes[a].name;
    const auto* const rule = state_ == nullptr ? nullptr : state_->find(name);
    if (rule == nullptr) {
      ++unknown;
      continue;
    }
    // An attribute that is given several times is one: all of its values are taken where it stands first.
    const auto same = [&](const Attribute& other) { return other.name == name; };
    if (std::ranges::any_of(attributes.first(a), same)) continue;
    auto& found = scratch.found;
    found.clear();
    for (const auto& attribute : attributes.subspan(a)) {
      if (attribute.name != name) continue;
      const auto value = usable(attribute.value);
      if (value.empty()) continue;
      each_feature(*rule, value, scratch.text, scratch.word, [&](std::string_view feature, float weight) {
        if (const auto column = state_->feature(feature)) found.emplace_back(*column, weight * state_->weights[*column]);
      });
    }
    std::ranges::sort(found);
    const auto repeated = std::ranges::unique(found, {}, &std::pair<std::uint32_t, float>::first);
    found.erase(repeated.begin(), repeated.end());
    double squares = 0;
    for (const auto& [column, value] : found) squares += static_cast<double>(value) * static_cast<double>(value);
    if (squares == 0) continue;
    ++blocks;
    for (const auto& [column, value] : found) scratch.row.emplace_back(column, static_cast<double>(value) / std::sqrt(squares));
  }
  std::ranges::sort(scratch.row);
  for (const auto& [column, value] : scratch.row) {
    const auto part = static_cast<float>(value / std::sqrt(static_cast<double>(blocks)));
    if (!scratch.columns.empty() && scratch.columns.back() == column) {   // Two attributes whose names run into one feature.
      scratch.values.back() += part;
      continue;
    }
    scratch.columns.push_back(column);
    scratch.values.push_back(part);
  }
  return unknown;
}

Csr FeatureSpace::matrix(std::size_t rows, const AttributesOf& attributes) const {
  Csr out;
  out.rows = rows;
  out.cols = size();
  std::vector<Attribute> of_row;
  FeatureScratch scratch;
  for (std::size_t row = 0; row < rows; ++row) {
    of_row.clear();
    attributes(row, of_row);
    static_cast<void>(encode(of_row, scratch));
    out.columns.insert(out.columns.end(), scratch.columns.begin(), scratch.columns.end());
    out.values.insert(out.values.end(), scratch.values.begin(), scratch.values.end());
    out.offsets.push_back(static_cast<std::int64_t>(out.columns.size()));
  }
  return out;
}

std::string FeatureSpace::to_json() const {
  Json out{{"rows", 0}, {"left_out", 0}, {"attributes", Json::array()}, {"features", Json::array()}};
  if (state_ != nullptr) {
    out["rows"] = state_->rows;
    out["left_out"] = state_->left_out;
    for (const auto& rule : state_->attributes) {
      Json each{{"name", rule.name}, {"kind", name_of(rule.kind)}};
      if (rule.kind == FeatureKind::number) each["levels"] = rule.levels;
      out["attributes"].push_back(std::move(each));
    }
    for (std::size_t f = 0; f < size(); ++f) out["features"].push_back(Json::array({state_->names[f], state_->counts[f], state_->weights[f]}));
  }
  return out.dump();
}

FeatureSpace FeatureSpace::from_json(std::string_view json, std::string_view where) {
  const auto require = [&](bool good, const std::string& what) {
    if (!good) throw Error(ErrorCode::malformed_input, std::string(where), "is no feature space: " + what, "what FeatureSpace::to_json() writes");
  };
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > 8;
    return !too_deep;
  };
  const auto object = Json::parse(json, watch, false);
  require(!too_deep && object.is_object(), "it is no JSON object");
  const auto part = [&](const Json& of, const char* name) -> const Json& {
    require(of.is_object() && of.contains(name), std::string(name) + " is missing");
    return of.at(name);
  };
  const auto count = [&](const Json& number, const char* name) {
    require(number.is_number_unsigned(), std::string(name) + " is no count");
    return number.get<std::uint64_t>();
  };
  auto state = std::make_shared<State>();
  state->rows = count(part(object, "rows"), "rows");
  state->left_out = count(part(object, "left_out"), "left_out");
  const auto& attributes = part(object, "attributes");
  const auto& features = part(object, "features");
  require(attributes.is_array() && features.is_array(), "attributes or features are no list");
  for (const auto& each : attributes) {
    AttributeRule rule;
    const auto &name = part(each, "name"), &kind = part(each, "kind");
    require(name.is_string() && kind.is_string(), "an attribute's name or kind is no text");
    rule.name = name.get<std::string>();
    require(state->attributes.empty() || state->attributes.back().name < rule.name, "its attributes do not ascend");
    const auto known = std::ranges::find(kind_names, kind.get<std::string>());
    require(known != kind_names.end(), "an attribute's kind is unknown");
    rule.kind = static_cast<FeatureKind>(known - kind_names.begin());
    if (rule.kind == FeatureKind::number) {
      const auto& levels = part(each, "levels");
      require(levels.is_array() && levels.size() <= most_levels, "levels are no short list");
      for (const auto& level : levels) {
        require(level.is_number(), "a level is no number");
        rule.levels.push_back(level.get<double>());
        require(std::isfinite(rule.levels.back()) && (rule.levels.size() == 1 || rule.levels.back() > rule.levels[rule.levels.size() - 2]), "levels do not ascend");
      }
    }
    state->attributes.push_back(std::move(rule));
  }
  for (const auto& each : features) {
    require(each.is_array() && each.size() == 3 && each[0].is_string() && each[2].is_number(), "a feature is not a name, a count and a weight");
    auto name = each[0].get<std::string>();
    const auto rows = count(each[1], "a feature's count");
    require(rows >= 1 && rows <= state->rows && rows <= 0xFFFFFFFFu, "a feature's count is out of range");
    require(state->names.empty() || state->names.back() < name, "its features do not ascend");
    state->names.push_back(std::move(name));
    state->counts.push_back(static_cast<std::uint32_t>(rows));
    state->weights.push_back(each[2].get<float>());
    require(state->weights.back() > 0 && state->weights.back() <= 1e6f, "a feature's weight is out of range");
  }
  FeatureSpace out;
  out.state_ = std::move(state);
  return out;
}

}  // namespace pannier::data
