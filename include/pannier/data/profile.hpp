/// What others than the shop's own log know of people: attributes with their source, from a users file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pannier/core/fit.hpp"
#include "pannier/data/event_file.hpp"
#include "pannier/data/import_map.hpp"

namespace pannier::data {

/// What one source says of one person.
struct Profile {
  std::string user;                                             ///< The id that the person's events have as their user.
  std::string source;                                           ///< Who says it: "crm", "newsletter", ...
  std::vector<std::pair<std::string, std::string>> attributes;  ///< In the file's order. An empty text: the source says it no more.
  bool operator==(const Profile&) const = default;
};

/// Refuses what no users file may hold: an empty user, source or name of an attribute; one of them over longest_text, a text over longest_line;
/// invalid UTF-8 or a NUL byte. Errors: invalid_argument at `where`.FIELD.
void require_valid(const Profile& profile, std::string_view where);

/// Reads a users file: CSV, TSV or JSON lines (an object a line; a list of texts is joined by "/"), plain or gzip, - for standard input, with a
/// column user and perhaps source; every other column is an attribute. A line without a source has the file's name without its folders. Profiles are
/// handed on in the file's order, some thousand at a time; they live until `sink` returns. A line whose user and source stood before is wrong:
/// with OnError::skip the first stays.
/// Cost: one pass; 56 bytes a line for telling apart.
/// Errors: as read_events(), also a user and source twice in one file, and an event file (columns time, kind and item); whatever `sink` throws.
ImportSummary read_profiles(const std::filesystem::path& file, OnError on_error, const std::function<void(std::span<const Profile>)>& sink,
                            const FitControl& control = {});

}  // namespace pannier::data
