#include "data/json_events.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "data/field_text.hpp"
#include "data/table_file.hpp"
#include "pannier/core/error.hpp"

namespace pannier::data {
namespace {

using Type = JsonValue::Type;
constexpr std::string_view items_mark = "[]";
constexpr std::string_view default_items = "items";

/// Fields that an element of an array of items may hold where no map says more.
constexpr std::array inner_fields = {EventField::item,  EventField::item_name, EventField::quantity, EventField::price, EventField::currency,
                                     EventField::value, EventField::position,  EventField::slot,     EventField::event_id};

[[noreturn]] void refuse_map(const std::string& problem, const std::string& allowed) { throw Error(ErrorCode::invalid_argument, "map", problem, allowed); }

/// The member of that name, 0 where there is none; `twice` where there are two.
std::uint32_t member(const std::vector<JsonValue>& values, std::uint32_t object, std::string_view name, bool& twice) {
  std::uint32_t found = 0;
  for (auto at = object + 1; at < values[object].end; at = values[at].end) {
    if (values[at].key != name) continue;
    twice = twice || found != 0;
    found = at;
  }
  return found;
}

/// The value of a {"key": name, "value": ...} element of an array, 0 where there is none; `keyed` where the elements are such.
std::uint32_t keyed_value(const std::vector<JsonValue>& values, std::uint32_t array, std::string_view name, bool& keyed) {
  std::uint32_t found = 0;
  keyed = true;
  for (auto at = array + 1; at < values[array].end && keyed; at = values[at].end) {
    bool twice = false;
    const auto key = values[at].type == Type::object ? member(values, at, "key", twice) : 0;
    keyed = key != 0 && values[key].type == Type::text && !twice;
    if (keyed && found == 0 && values[key].text == name) found = member(values, at, "value", twice);
  }
  return keyed ? found : 0;
}

/// Of an object of typed values the first that is not null; any other value itself.
std::uint32_t typed_value(const std::vector<JsonValue>& values, std::uint32_t at) {
  if (values[at].type != Type::object) return at;
  for (auto inner = at + 1; inner < values[at].end; inner = values[inner].end)
    if (values[inner].key.ends_with("_value") && values[inner].type != Type::null) return inner;
  return 0;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string_view in_words(Type type) {
  return type == Type::boolean ? "true or false" : type == Type::array ? "an array" : type == Type::object ? "an object" : "null";
}

}  // namespace

JsonPath::JsonPath(std::string_view text) : text_(text) {
  const auto refuse = [&](const char* problem) { refuse_map("the path " + shown(text) + problem, "names joined by points, as ecommerce.transaction_id or contexts[0].id"); };
  if (text.empty()) return;
  if (text.back() == '.') refuse(" ends in a point");
  for (auto name : split(text, '.')) {
    std::optional<std::uint32_t> place;
    if (const auto open = name.find('['); open != name.npos) {
      std::uint32_t number = 0;
      const auto* const last = name.data() + name.size() - 1;
      const auto [end, problem] = std::from_chars(name.data() + open + 1, last, number);
      if (name.back() != ']' || problem != std::errc() || end != last) refuse(" has a bracket that is no place in an array");
      place = number;
      name = name.substr(0, open);
    }
    if (name.empty()) refuse(" has an empty name");
    steps_.push_back({std::string(name), place});
  }
}

JsonPath::Found JsonPath::find(const std::vector<JsonValue>& values, std::uint32_t base, std::uint32_t& at) const {
  at = base;
  for (const auto& step : steps_) {
    bool twice = false;
    if (values[at].type == Type::array) {
      bool keyed = false;
      at = keyed_value(values, at, step.name, keyed);
      if (!keyed) return Found::array;
      if (at != 0) at = typed_value(values, at);
    } else if (values[at].type == Type::object) {
      at = member(values, at, step.name, twice);
      if (twice) return Found::twice;
    } else {
      return Found::absent;
    }
    if (at == 0) return Found::absent;
    if (!step.place) continue;
    if (values[at].type != Type::array) return Found::absent;
    auto element = at + 1;
    for (std::uint32_t place = 0; place < *step.place && element < values[at].end; ++place) element = values[element].end;
    if (element >= values[at].end) return Found::absent;
    at = element;
  }
  return values[at].type == Type::null ? Found::absent : Found::value;
}

JsonEvents::JsonEvents(RecordReader reader, const ImportOptions& options, const Preset* preset)
    : reader_(std::move(reader)), options_(options), preset_(preset) {
  if (preset != nullptr) plan_preset(*preset, options);
  plan_map(options, preset == nullptr);
}

JsonEvents::Plan& JsonEvents::plan_of(EventField field) {
  const auto known = std::find_if(plans_.begin(), plans_.end(), [&](const auto& plan) { return plan.field == field; });
  if (known != plans_.end()) return *known;
  return plans_.emplace_back(Plan{.field = field, .outer = {}, .inner = {}});
}

void JsonEvents::plan_preset(const Preset& preset, const ImportOptions& options) {
  absent_ = preset.absent;
  for (const auto array : preset.item_arrays) arrays_.emplace_back(array);
  const auto alternatives = [](std::string_view text) {
    std::vector<Parts> out;
    for (const auto alternative : split(text, '|')) {
      out.emplace_back();
      for (const auto part : split(alternative, '+')) out.back().emplace_back(part);
    }
    return out;
  };
  for (const auto& [field, outer, inner] : preset.fields) {
    if (field == EventField::kind && options.constant_kind) continue;
    auto& plan = plan_of(field);
    plan.outer = alternatives(outer);
    plan.inner = alternatives(inner);
  }
}

void JsonEvents::plan_map(const ImportOptions& options, bool with_defaults) {
  std::optional<std::string> array;
  bool item_outside = false;
  for (const auto& [name, path] : options.columns) {
    const auto field = *event_field(name);
    auto& plan = plan_of(field);
    plan.mapped = true;
    plan.outer.clear();
    plan.inner.clear();
    const auto mark = path.find(items_mark);
    if (mark == path.npos) {
      plan.outer.push_back({JsonPath(path)});
      item_outside = item_outside || field == EventField::item;
      continue;
    }
    const auto of_items = path.substr(0, mark);
    auto rest = path.substr(mark + items_mark.size());
    if (!rest.empty() && rest[0] != '.') refuse_map("the path " + shown(path) + " goes on behind [] without a point", "items[].id");
    if (!rest.empty()) rest.erase(0, 1);
    if (rest.find(items_mark) != rest.npos) refuse_map("the path " + shown(path) + " goes through two arrays", "one array of items");
    if (array && *array != of_items) refuse_map("the map names two arrays of items, " + shown(*array) + " and " + shown(of_items), "one array of items");
    array = of_items;
    plan.inner.push_back({JsonPath(rest)});
  }
  if (array) {
    arrays_.clear();
    arrays_.emplace_back(*array);
  } else if (with_defaults && !item_outside) {
    arrays_.emplace_back(default_items);
  }
  if (!with_defaults) return;
  const auto is_taken = [&](std::string_view path) {
    return std::any_of(options.columns.begin(), options.columns.end(), [&](const auto& taken) { return taken.second == path; });
  };
  for (std::size_t number = 0; number < event_field_count; ++number) {
    const auto field = static_cast<EventField>(number);
    if (field == EventField::kind && options.constant_kind) continue;
    if (plan_of(field).mapped || is_taken(name(field))) continue;
    plan_of(field).outer.push_back({JsonPath(name(field))});
    if (std::find(inner_fields.begin(), inner_fields.end(), field) != inner_fields.end()) plan_of(field).inner.push_back({JsonPath(name(field))});
  }
}

std::optional<std::uint32_t> JsonEvents::find_items() {
  array_ = nullptr;
  for (const auto& path : arrays_) {
    std::uint32_t at = 0;
    if (path.find(line_.values(), 0, at) != JsonPath::Found::value || line_.values()[at].type != Type::array) continue;
    array_ = &path;
    return at;
  }
  return std::nullopt;
}

std::string JsonEvents::path_text(const JsonPath& path, bool inside) const {
  if (!inside || array_ == nullptr) return path.text();
  auto out = array_->text() + "[" + std::to_string(element_) + "]";
  if (!path.text().empty()) out += "." + path.text();
  return out;
}

std::string JsonEvents::where(std::optional<EventField> field) const {
  auto out = reader_.where(reader_.line());
  if (!field) return out;
  for (const auto& plan : plans_) {
    if (plan.field != *field) continue;
    if (plan.found != nullptr) return out + ":" + path_text(*plan.found, plan.found_inside);
    const bool inside = array_ != nullptr && !plan.inner.empty();
    const auto& alternatives = inside ? plan.inner : plan.outer;
    if (!alternatives.empty()) return out + ":" + path_text(alternatives[0][0], inside);
  }
  return out + ":" + std::string(name(*field));
}

std::optional<JsonEvents::Trouble> JsonEvents::read_field(Plan& plan, std::uint32_t base, bool inside, std::string_view& text) {
  const auto& alternatives = inside ? plan.inner : plan.outer;
  auto& found = inside ? plan.inner_found : plan.outer_found;
  const auto& values = line_.values();
  const auto trouble = [&](Cause cause, const JsonPath& path, const std::string& problem, const std::string& allowed) {
    return Trouble{cause, Error(ErrorCode::malformed_input, reader_.where(reader_.line()) + ":" + path_text(path, inside), problem, allowed)};
  };
  for (std::size_t which = 0; which < alternatives.size(); ++which) {
    const auto& parts = alternatives[which];
    std::string joined;
    for (const auto& path : parts) {
      std::uint32_t at = 0;
      std::string_view part;
      switch (path.find(values, base, at)) {
        case JsonPath::Found::absent: break;
        case JsonPath::Found::twice: return trouble(Cause::bad_json, path, "a key of the path stands twice in its object", "each key once");
        case JsonPath::Found::array:
          return trouble(Cause::bad_type, path, "an array stands on the way",
                         "an object; for one event an element write [] behind the array's name, for one element its place, as [0]");
        case JsonPath::Found::value: {
          const auto& value = values[at];
          if (value.type == Type::text) part = value.text;
          else if (value.type == Type::number) part = shortest_number(value.text, arena_);
          else if (!inside || !path.text().empty())
            return trouble(Cause::bad_type, path, "is " + std::string(in_words(value.type)), "a text or a number");
          break;
        }
      }
      if (part == absent_) part = {};
      if (part.empty()) {
        joined.clear();
        text = {};
        break;
      }
      plan.found = &path;
      plan.found_inside = inside;
      plan.used = true;
      if (parts.size() == 1) text = part;
      else joined += (joined.empty() ? "" : ".") + std::string(part);
    }
    if (!joined.empty()) text = arena_.keep(joined);
    if (text.empty()) continue;
    ++found[std::min(which, found.size() - 1)];
    return std::nullopt;
  }
  return std::nullopt;
}

std::optional<JsonEvents::Trouble> JsonEvents::read_fields(std::optional<std::uint32_t> element, EventTexts& texts) {
  const auto& values = line_.values();
  for (auto& plan : plans_) {
    auto& text = texts[static_cast<std::size_t>(plan.field)];
    text = {};
    plan.found = nullptr;
    if (element && !plan.inner.empty()) {
      const auto type = values[*element].type;
      if (type == Type::text || type == Type::number) {  // The id alone.
        if (plan.field == EventField::item) text = type == Type::text ? values[*element].text : shortest_number(values[*element].text, arena_);
      } else if (auto trouble = read_field(plan, *element, true, text)) {
        return trouble;
      }
      if (!text.empty() || plan.field == EventField::item) continue;
    }
    if (auto trouble = read_field(plan, 0, false, text)) return trouble;
  }
  return std::nullopt;
}

bool JsonEvents::is_search() const {
  if (options_.constant_kind) return options_.constant_kind == EventKind::search;
  for (const auto& plan : plans_) {
    if (plan.field != EventField::kind) continue;
    for (const auto& parts : plan.outer) {
      std::uint32_t at = 0;
      if (parts[0].find(line_.values(), 0, at) != JsonPath::Found::value || line_.values()[at].type != Type::text) continue;
      const auto word = line_.values()[at].text;
      for (const auto& [known, kind] : options_.kinds)
        if (known == word) return kind == EventKind::search;
      if (preset_ != nullptr)
        for (const auto& [known, kind] : preset_->kinds)
          if (known == word) return kind == EventKind::search;
      return word == name(EventKind::search);
    }
  }
  return false;
}

void JsonEvents::read(LineFaults& faults, const std::function<void()>& block_end, const std::function<void(Item&)>& event) {
  for (;;) {
    switch (reader_.next()) {
      case RecordReader::Step::block_end:
        block_end();
        arena_.clear();
        reader_.load();
        continue;
      case RecordReader::Step::end:
        block_end();
        if (faults.lines() == 0)
          throw Error(ErrorCode::malformed_input, reader_.where(1), "the file is empty", "a JSON object a line, {\"time\": ..., \"kind\": ..., ...}");
        return;
      case RecordReader::Step::record: break;
    }
    const auto text = reader_.fields()[0];
    if (text.find_first_not_of(" \t") == text.npos) continue;
    element_ = 0;
    if (const auto fault = line_.parse(text, arena_)) {
      faults.count_line();
      faults.drop(Cause::bad_json, [&] {
        const bool array = text.find_first_not_of(" \t") != text.npos && text[text.find_first_not_of(" \t")] == '[';
        return Error(ErrorCode::malformed_input, reader_.where(reader_.line()), "at byte " + std::to_string(fault->at + 1) + ": " + fault->problem,
                     fault->allowed + (array ? "; an array of objects is turned into lines by `jq -c '.[]'`" : ""));
      });
      continue;
    }
    suspect_ = reader_.suspect() || text.find('\\') != text.npos || text.size() > longest_text;
    const auto take = [&](std::optional<std::uint32_t> element) {
      faults.count_line();
      Item item{.texts = {}, .first = element_ == 0, .of_array = element.has_value()};
      if (element && line_.values()[*element].type != Type::object && line_.values()[*element].type != Type::text && line_.values()[*element].type != Type::number)
        return faults.drop(Cause::bad_type, [&] {
          return Error(ErrorCode::malformed_input, reader_.where(reader_.line()) + ":" + path_text(JsonPath(""), true),
                       "is " + std::string(in_words(line_.values()[*element].type)), "an object of an item's fields, or an item's id");
        });
      if (const auto trouble = read_fields(element, item.texts)) return faults.drop(trouble->cause, [&] { return trouble->error; });
      auto& id = item.texts[static_cast<std::size_t>(EventField::event_id)];
      if (element && !id.empty()) id = arena_.keep(std::string(id) + "#" + std::to_string(element_ + 1));
      event(item);
    };
    auto items = find_items();
    if (items && (line_.values()[*items].end == *items + 1 || is_search())) {
      items.reset();
      array_ = nullptr;
    }
    if (!items) {
      take(std::nullopt);
      continue;
    }
    for (auto at = *items + 1; at < line_.values()[*items].end; at = line_.values()[at].end, ++element_) take(at);
  }
}

std::vector<std::string> JsonEvents::unused_paths() const {
  std::vector<std::string> out;
  for (const auto& [field, path] : options_.columns)
    for (const auto& plan : plans_)
      if (name(plan.field) == field && !plan.used) out.push_back(path);
  return out;
}

std::vector<std::pair<std::string, std::uint64_t>> JsonEvents::item_names() const {
  std::vector<std::pair<std::string, std::uint64_t>> out;
  for (const auto& plan : plans_) {
    if (plan.field != EventField::item || plan.mapped) continue;
    for (const auto& [alternatives, found] : {std::pair(&plan.outer, &plan.outer_found), std::pair(&plan.inner, &plan.inner_found)})
      for (std::size_t which = 0; which < std::min(alternatives->size(), found->size()); ++which) {
        if ((*found)[which] == 0) continue;
        const auto& path = (*alternatives)[which][0].text();
        auto name = path.substr(path.rfind('.') + 1);
        const auto known = std::find_if(out.begin(), out.end(), [&](const auto& entry) { return entry.first == name; });
        if (known != out.end()) known->second += (*found)[which];
        else out.emplace_back(std::move(name), (*found)[which]);
      }
  }
  return out;
}

}  // namespace pannier::data
