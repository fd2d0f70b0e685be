#include "pannier/data/item_vectors.hpp"

#include <cmath>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "data/byte_source.hpp"
#include "data/field_text.hpp"
#include "data/item_folding.hpp"
#include "data/npz.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/ids.hpp"

namespace pannier::data {
namespace {

constexpr std::size_t longest_id = 65'535;

std::vector<std::byte> bytes_of(RawFile file) {
  std::vector<std::byte> out;
  std::vector<char> piece(std::size_t{1} << 20);
  while (const auto count = file.read(piece)) {
    const auto bytes = std::as_bytes(std::span(piece).first(count));
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

template <class T>
T number_at(const std::byte* from) noexcept {
  T out;
  std::memcpy(&out, from, sizeof(T));
  return out;
}

/// IEEE half precision; infinities and no numbers stay what they are.
float from_half(std::uint16_t half) noexcept {
  const float sign = half & 0x8000u ? -1.0f : 1.0f;
  const int exponent = (half >> 10) & 0x1F;
  const auto fraction = static_cast<float>(half & 0x3FFu);
  if (exponent == 0x1F) return sign * (fraction == 0 ? INFINITY : NAN);
  return sign * (exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25));
}

float number_of(const NpyArray& array, std::size_t element) noexcept {
  const auto* at = array.bytes.data() + element * array.item_bytes;
  if (array.item_bytes == 2) return from_half(number_at<std::uint16_t>(at));
  return array.item_bytes == 4 ? number_at<float>(at) : static_cast<float>(number_at<double>(at));
}

/// The element's text without the zeros that fill it up. False where it holds what is no character.
bool text_of(const NpyArray& array, std::size_t element, std::string& out) {
  out.clear();
  const auto* at = array.bytes.data() + element * array.item_bytes;
  if (array.kind == 'S') {
    out.assign(reinterpret_cast<const char*>(at), array.item_bytes);
    out.resize(out.find_last_not_of('\0') + 1);
    return true;
  }
  std::size_t length = array.item_bytes / 4;
  while (length > 0 && number_at<std::uint32_t>(at + 4 * (length - 1)) == 0) --length;
  for (std::size_t i = 0; i < length; ++i) {
    const auto c = number_at<std::uint32_t>(at + 4 * i);
    if (c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return false;
    const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
    if (c < 0x80) {
      out += static_cast<char>(c);
    } else if (c < 0x800) {
      out += static_cast<char>(0xC0 | (c >> 6)), tail(0);
    } else if (c < 0x10000) {
      out += static_cast<char>(0xE0 | (c >> 12)), tail(6), tail(0);
    } else {
      out += static_cast<char>(0xF0 | (c >> 18)), tail(12), tail(6), tail(0);
    }
  }
  return true;
}

std::string shape_of(const NpyArray& array) {
  std::string out = "(";
  for (const auto size : array.shape) out += std::to_string(size) + ", ";
  return out + ")";
}

void require_valid(const ItemVectors& vectors, std::string_view where, ErrorCode code) {
  const auto fail = [&](std::string_view part, const std::string& what, const std::string& allowed) {
    throw Error(code, std::string(where) + ": " + std::string(part), what, allowed);
  };
  const auto items = vectors.ids.size();
  if (items == 0 || items >= value(no_item)) fail("ids", "are " + std::to_string(items), "1 to 4294967294 items");
  if (vectors.vectors.rows() != items) fail("vectors", "have " + std::to_string(vectors.vectors.rows()) + " rows", std::to_string(items) + ", as there are ids");
  if (vectors.vectors.cols() == 0 || vectors.vectors.cols() > most_vector_dimensions)
    fail("vectors", "have " + std::to_string(vectors.vectors.cols()) + " columns", "1 to " + std::to_string(most_vector_dimensions));
  if (!vectors.bias.empty() && vectors.bias.size() != items) fail("bias", "has " + std::to_string(vectors.bias.size()) + " numbers", std::to_string(items) + ", as there are ids");
  std::unordered_map<std::string_view, std::size_t> seen;
  seen.reserve(items);
  for (std::size_t i = 0; i < items; ++i) {
    const std::string& id = vectors.ids[i];
    const auto row = "row " + std::to_string(i);
    if (id.empty()) fail("ids", row + " is empty", "the item's id");
    if (const auto flaw = text_flaw(id, longest_id); flaw != TextFlaw::none) fail("ids", row + ' ' + flaw_in_words(flaw, id), flaw_allowed(flaw, longest_id));
    if (const auto [first, fresh] = seen.try_emplace(id, i); !fresh)
      fail("ids", row + " is " + id + ", as row " + std::to_string(first->second) + " is", "each item once");
    for (const float x : vectors.vectors.row(i))
      if (!std::isfinite(x)) fail("vectors", row + " (" + id + ") holds a number that is not finite as float32", "finite numbers");
    if (!vectors.bias.empty() && !std::isfinite(vectors.bias[i])) fail("bias", row + " (" + id + ") is not finite as float32", "finite numbers");
  }
}

}  // namespace

void require_valid_item_vectors(const ItemVectors& vectors, std::string_view where) { require_valid(vectors, where, ErrorCode::invalid_argument); }

ItemVectors read_item_vectors(const std::filesystem::path& file, bool fold_item_case) {
  RawFile raw(file);
  const auto name = raw.name();
  const auto bytes = bytes_of(std::move(raw));
  const auto arrays = read_npz(bytes, name);
  const auto fail = [&](const std::string& array, const std::string& what, const std::string& allowed) {
    throw Error(ErrorCode::malformed_input, name + ": " + array, what, allowed);
  };
  for (const auto& [key, array] : arrays)
    if (key != "ids" && key != "vectors" && key != "bias") fail(key, "is no array that is known", "ids, vectors and, perhaps, bias");
  const auto require = [&](const char* key, std::size_t dimensions, bool text) -> const NpyArray& {
    const auto found = arrays.find(key);
    if (found == arrays.end()) fail(key, "is missing", "ids, vectors and, perhaps, bias");
    const auto& array = found->second;
    if (text != (array.kind != 'f')) fail(key, text ? "holds numbers" : "holds text", text ? "text, as numpy.asarray(ids, dtype=str)" : "numbers, as float32");
    if (array.shape.size() != dimensions) fail(key, "has the shape " + shape_of(array), dimensions == 1 ? "one dimension, the items" : "two dimensions, items and numbers");
    return array;
  };
  const auto& ids = require("ids", 1, true);
  const auto& rows = require("vectors", 2, false);
  const auto items = rows.shape[0], columns = rows.shape[1];
  // A shape without elements has no bytes to be held against: refused before anything is as long as it says.
  if (items == 0 || columns == 0) fail("vectors", "has the shape " + shape_of(rows), "at least one item and one number");
  if (ids.shape[0] != items) fail("ids", "are " + std::to_string(ids.shape[0]), std::to_string(items) + ", as vectors has rows");
  if (columns > most_vector_dimensions) fail("vectors", "has " + std::to_string(columns) + " columns", "1 to " + std::to_string(most_vector_dimensions));

  ItemVectors out;
  ImportOptions options;
  options.fold_item_case = fold_item_case;
  const DroppedItems folding(options);
  TextArena spelled;
  out.vectors = Matrix(items, columns);
  out.ids.resize(items);
  for (std::size_t i = 0; i < items; ++i) {
    if (!text_of(ids, i, out.ids[i])) fail("ids", "row " + std::to_string(i) + " holds what is no character", "Unicode text");
    spelled.clear();
    if (const auto folded = folding.folded(out.ids[i], spelled); folded != out.ids[i]) out.ids[i] = std::string(folded);
    const auto row = out.vectors.row(i);
    for (std::size_t k = 0; k < columns; ++k) row[k] = number_of(rows, rows.fortran ? k * items + i : i * columns + k);
  }
  if (arrays.contains("bias")) {
    const auto& bias = require("bias", 1, false);
    if (bias.shape[0] != items) fail("bias", "has " + std::to_string(bias.shape[0]) + " numbers", std::to_string(items) + ", as vectors has rows");
    for (std::size_t i = 0; i < items; ++i) out.bias.push_back(number_of(bias, i));
  }
  require_valid(out, name, ErrorCode::malformed_input);
  return out;
}

std::vector<std::uint32_t> rows_of(const ItemVectors& vectors, std::span<const std::string_view> items) {
  std::unordered_map<std::string_view, std::uint32_t> rows;
  rows.reserve(vectors.ids.size());
  for (std::size_t i = 0; i < vectors.ids.size(); ++i) rows.emplace(vectors.ids[i], static_cast<std::uint32_t>(i));
  std::vector<std::uint32_t> out;
  out.reserve(items.size());
  for (const auto item : items) {
    const auto found = rows.find(item);
    out.push_back(found == rows.end() ? value(no_item) : found->second);
  }
  return out;
}

}  // namespace pannier::data
