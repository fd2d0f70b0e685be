/// Events out of JSON lines: an object a line, fields by paths, one event for each element of an array of items.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/event_fields.hpp"
#include "data/import_preset.hpp"
#include "data/json_line.hpp"
#include "data/line_faults.hpp"
#include "data/record_reader.hpp"
#include "data/text_arena.hpp"
#include "pannier/data/import_map.hpp"

namespace pannier::data {

/// A parsed path: names, each perhaps with a place in an array.
class JsonPath {
 public:
  /// "a.b[0].c"; empty: the value itself. Errors: invalid_argument.
  explicit JsonPath(std::string_view text);
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  enum class Found : std::uint8_t {
    absent, value,
    twice,     ///< A key on the way stands twice in its object.
    array,     ///< An array stands where the path goes on by a name.
  };
  /// Where the path leads from `base`. A step by name into an array of {"key", "value"} objects goes to the value of that key,
  /// and from an object of typed values (string_value, int_value, ...) to the one that is there. null is absent.
  [[nodiscard]] Found find(const std::vector<JsonValue>& values, std::uint32_t base, std::uint32_t& at) const;

 private:
  struct Step {
    std::string name;                     ///< Empty: by place.
    std::optional<std::uint32_t> place;
  };
  std::string text_;
  std::vector<Step> steps_;
};

/// Reads a file of JSON lines. Threads: One thread.
class JsonEvents {
 public:
  /// Errors: invalid_argument (a path that is none, two arrays of items in one map).
  JsonEvents(RecordReader reader, const ImportOptions& options, const Preset* preset);

  /// One event of the current line.
  struct Item {
    EventTexts texts{};
    bool first = true;            ///< Of its line.
    bool of_array = false;        ///< It stands for an element of an array of items.
  };
  /// Hands on every event: `event(item)`. A line that is no object, or a field that is no text or number, is dropped.
  /// Errors: those of RecordReader; of LineFaults::drop(); malformed_input for an empty file.
  void read(LineFaults& faults, const std::function<void()>& block_end, const std::function<void(Item&)>& event);

  /// "FILE:LINE" or, of a field, "FILE:LINE:PATH" in the current event.
  [[nodiscard]] std::string where(std::optional<EventField> field) const;
  [[nodiscard]] const RecordReader& reader() const noexcept { return reader_; }
  /// Whether texts of the current line need a look at their bytes.
  [[nodiscard]] bool suspect() const noexcept { return suspect_; }
  /// Mapped paths that led nowhere in the whole file.
  [[nodiscard]] std::vector<std::string> unused_paths() const;
  /// The names under which a preset found items' ids, and how often.
  [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> item_names() const;

 private:
  using Parts = std::vector<JsonPath>;   ///< Joined by a point; one as a rule.
  struct Plan {
    EventField field;
    std::vector<Parts> outer, inner;     ///< Alternatives.
    bool mapped = false;                 ///< By the user: said where it leads nowhere.
    bool used = false;
    const JsonPath* found = nullptr;     ///< In the current event.
    bool found_inside = false;
    std::array<std::uint64_t, 8> outer_found{}, inner_found{};   ///< How often the first alternatives were.
  };
  struct Trouble {
    Cause cause;
    Error error;
  };

  void plan_preset(const Preset& preset, const ImportOptions& options);
  void plan_map(const ImportOptions& options, bool with_defaults);
  Plan& plan_of(EventField field);
  [[nodiscard]] std::optional<std::uint32_t> find_items();
  [[nodiscard]] std::optional<Trouble> read_fields(std::optional<std::uint32_t> element, EventTexts& texts);
  [[nodiscard]] std::optional<Trouble> read_field(Plan& plan, std::uint32_t base, bool inside, std::string_view& text);
  [[nodiscard]] std::string path_text(const JsonPath& path, bool inside) const;
  [[nodiscard]] bool is_search() const;

  RecordReader reader_;
  std::vector<Plan> plans_;
  std::vector<JsonPath> arrays_;                ///< Of items: the first that is there counts.
  std::string_view absent_;
  const ImportOptions& options_;
  const Preset* preset_;
  JsonLine line_;
  TextArena arena_;
  bool suspect_ = false;
  const JsonPath* array_ = nullptr;     ///< Of the current line.
  std::size_t element_ = 0;                     ///< Its number, from 0.
};

}  // namespace pannier::data
