/// Features: what is known of items or people, as rows of a sparse matrix whose columns have names.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pannier/core/matrix.hpp"

namespace pannier::data {

/// A named text that is known of an item or a person.
struct Attribute {
  std::string_view name, value;
  bool operator==(const Attribute&) const = default;
};

/// How the values of an attribute become features. A row's features of one attribute have length 1 together.
enum class FeatureKind {
  value,   ///< "value": one feature a value, "brand=acme"; of a list joined by "/" one a member.
  path,    ///< "path": one feature a level, "category/shoes", "category/shoes/trail".
  text,    ///< "text": one feature a word, "name:trail", weighed by how rare it is.
  number,  ///< "number": up to eight levels at quantiles, a value between two of them by its distance from each, "price~3".
};
[[nodiscard]] std::string_view name_of(FeatureKind kind) noexcept;

/// Settings of FeatureSpace::learn().
struct FeatureConfig {
  std::int32_t min_rows = 2;
  double max_share = 0.5;
  std::int32_t max_features = 100'000;
  std::map<std::string, FeatureKind> kinds{};   ///< Of attributes that the rule of learn() is not to decide.
  bool operator==(const FeatureConfig&) const = default;
};

/// Writes a row's attributes into `out`, which comes empty; texts live until the next call. Called several times for each row.
using AttributesOf = std::function<void(std::size_t row, std::vector<Attribute>& out)>;

/// Scratch memory of FeatureSpace::encode(); it only grows. Threads: One thread.
struct FeatureScratch {
  std::string text, word;
  std::vector<std::uint32_t> columns;
  std::vector<float> values;
  std::vector<std::pair<std::uint32_t, float>> found;
  std::vector<std::pair<std::uint32_t, double>> row;
};

/// The names of features and how attributes become them.
///
/// The kind of an attribute is that of config.kinds, else: "category" is a path, "brand" a value, "name", "title" and "description" texts; numbers where every value is one and there are more
/// than twenty; a text where most values hold several words (of lists, the members) and are of one row alone, or most hold four and more than twenty differ; else a value. Words are runs of letters and digits,
/// in small letters (Latin, Greek, Cyrillic and Armenian), at most 64 bytes of each, at most 512 a value; of scripts without blanks, pairs of neighbouring characters. Values and the levels of
/// paths are taken as they stand, without blanks at the ends. Empty values and levels, values and paths of more than 256 bytes, a value that is no number where numbers are expected, and
/// texts that are not UTF-8 are no feature.
/// Threads: Immutable: share freely.
class FeatureSpace {
 public:
  FeatureSpace() = default;   ///< Without features.

  /// From `rows` rows. Left out: features of fewer rows than config.min_rows, words of more than config.max_share of them, and past config.max_features those of
  /// the fewest rows (ties: the later name); left_out() says how many.
  /// Cost: two passes over the attributes. Memory: the distinct values.
  /// Errors: invalid_argument (a setting out of range; a name of config.kinds that no row has).
  [[nodiscard]] static FeatureSpace learn(std::size_t rows, const AttributesOf& attributes, const FeatureConfig& config = {});

  [[nodiscard]] std::size_t size() const noexcept;                          ///< Features; columns are in order of name.
  [[nodiscard]] std::string_view name(std::size_t feature) const noexcept;
  [[nodiscard]] std::vector<std::string_view> attribute_names() const;
  [[nodiscard]] std::size_t left_out() const noexcept;

  /// The row of one set of attributes: scratch.columns ascending and scratch.values, of length 1 together, each attribute having the same part of it. What was not there when
  /// learning gives nothing. Returns how many of the attributes have a name that is unknown.
  std::size_t encode(std::span<const Attribute> attributes, FeatureScratch& scratch) const;
  /// encode() of each row.
  [[nodiscard]] Csr matrix(std::size_t rows, const AttributesOf& attributes) const;

  /// As JSON, and back. Errors: malformed_input at `where`.
  [[nodiscard]] std::string to_json() const;
  [[nodiscard]] static FeatureSpace from_json(std::string_view json, std::string_view where);

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace pannier::data
