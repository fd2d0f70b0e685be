#include "pannier/data/profile.hpp"

#include <array>
#include <optional>
#include <unordered_set>

#include "data/field_text.hpp"
#include "data/line_faults.hpp"
#include "data/subject_file.hpp"
#include "data/table_file.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/ids.hpp"
#include "pannier/data/event.hpp"

namespace pannier::data {
namespace {

std::optional<SubjectFault> find_fault(const Profile& profile) {
  if (profile.user.empty()) return SubjectFault{Cause::missing_person, "user", "is empty", "the id of a person"};
  if (profile.source.empty()) return SubjectFault{Cause::missing_person, "source", "is empty", "the name of who says it"};
  std::optional<SubjectFault> fault;
  const auto check = [&](std::string_view field, std::string_view text, std::size_t limit) {
    if (const auto flaw = text_flaw(text, limit); !fault && flaw != TextFlaw::none)
      fault = SubjectFault{cause_of(flaw), std::string(field), flaw_in_words(flaw, text), flaw_allowed(flaw, limit)};
  };
  check("user", profile.user, longest_text);
  check("source", profile.source, longest_text);
  for (const auto& [name, text] : profile.attributes) {
    if (name.empty() && !fault) fault = SubjectFault{Cause::bad_type, "attributes", "one of them has an empty name", "a name for each"};
    check(name, name, longest_text);
    check(name, text, longest_line);
  }
  return fault;
}

struct KeyHash {
  std::size_t operator()(const UserKey& key) const noexcept { return static_cast<std::size_t>(key.low); }
};

/// Neither half holds a NUL, so that no two pairs are one text.
UserKey pair_key(const Profile& profile) { return user_key(PersonSort::user, profile.source + '\0' + profile.user); }

}  // namespace

void require_valid(const Profile& profile, std::string_view where) {
  if (auto fault = find_fault(profile))
    throw Error(ErrorCode::invalid_argument, std::string(where) + "." + fault->field, std::move(fault->problem), std::move(fault->allowed));
}

ImportSummary read_profiles(const std::filesystem::path& file, OnError on_error, const std::function<void(std::span<const Profile>)>& sink,
                            const FitControl& control) {
  static constexpr std::array<std::string_view, 1> what = {"item"};
  static constexpr SubjectFile users_file = {.id = "user",
                                             .purpose = "the person's id",
                                             .example = R"({"user": ..., "source": ...})",
                                             .event_columns = what,
                                             .expected = "a users file: a line a person, with a column user, perhaps source, and attributes"};
  constexpr std::size_t batch_size = 4096, batch_bytes = std::size_t{8} << 20;
  const auto file_name = file.filename().string();
  LineFaults faults(on_error);
  std::unordered_set<UserKey, KeyHash> seen;
  std::vector<Profile> batch;
  std::size_t bytes = 0;
  const auto hand_on = [&] {
    checkpoint(control, "reading users", faults.lines(), 0);
    if (!batch.empty()) sink(batch);
    batch.clear();
    bytes = 0;
  };
  read_subjects(file, users_file, faults, [&](const std::vector<std::string>& columns, std::span<const std::string_view> fields, const Place& place) {
    Profile profile;
    for (std::size_t column = 0; column < columns.size(); ++column) {
      const auto& name = columns[column];
      if (name == "user") profile.user = fields[column];
      else if (name == "source") profile.source = fields[column];
      else if (!name.empty()) profile.attributes.emplace_back(name, fields[column]);
    }
    if (profile.source.empty()) profile.source = file_name;
    if (faults.lines() % batch_size == 0) checkpoint(control, "reading users", faults.lines(), 0);  // Also where every line is left out.
    auto fault = find_fault(profile);
    if (!fault && !seen.insert(pair_key(profile)).second)
      fault = SubjectFault{Cause::duplicate_user, "user", shown(profile.user) + " stands twice in the file with the source " + shown(profile.source),
                           "each user once a source"};
    if (fault) return faults.drop(fault->cause, [&] { return Error(ErrorCode::malformed_input, place(fault->field), fault->problem, fault->allowed); });
    faults.count_given();
    for (const auto field : fields) bytes += field.size();
    batch.push_back(std::move(profile));
    if (batch.size() == batch_size || bytes >= batch_bytes) hand_on();
  });
  hand_on();
  return faults.summary();
}

}  // namespace pannier::data
