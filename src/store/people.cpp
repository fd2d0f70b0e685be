#include "pannier/store/people.hpp"

#include "pannier/core/error.hpp"
#include "store/people_open.hpp"

namespace pannier::store {

std::shared_ptr<PeopleStore> PeopleStore::open(const std::filesystem::path& file, Mode mode) {
#if PANNIER_WITH_SQLITE
  return open_sqlite_people(file, mode, busy_wait_ms);
#else
  (void)mode;
  throw Error(ErrorCode::unsupported, file.string(), "cannot be opened: this build has no SQLite", "a build with PANNIER_WITH_SQLITE");
#endif
}

std::shared_ptr<PeopleStore> PeopleStore::in_memory() { return open_memory_people("people in memory", false, busy_wait_ms); }

void require_valid_events(std::span<const data::ImportedEvent> events) {
  for (std::size_t i = 0; i < events.size(); ++i) data::require_valid(events[i].event, "events[" + std::to_string(i) + "]");
}

void require_valid_profiles(std::span<const data::Profile> profiles) {
  for (std::size_t i = 0; i < profiles.size(); ++i) data::require_valid(profiles[i], "profiles[" + std::to_string(i) + "]");
}

void require_currency(std::string_view code, std::string_view settled, const std::string& where) {
  if (!data::is_currency_code(code))
    throw Error(ErrorCode::invalid_argument, where + ": currency", "'" + std::string(code) + "'", "an ISO 4217 code of three capital letters such as EUR");
  if (!settled.empty() && settled != code)
    throw Error(ErrorCode::invalid_argument, where + ": currency", std::string(code) + " is not " + std::string(settled) + ", the store's", std::string(settled));
}

void refuse_read_only(const std::string& where) {
  throw Error(ErrorCode::read_only, where, "is open read-only", "a store opened for writing");
}

std::int64_t pack(const FileReading& reading, const std::string& where) {
  if (reading.events >> 40 != 0 || reading.options >> 23 != 0)
    throw Error(ErrorCode::invalid_argument, where + ": reading", std::to_string(reading.events) + " events, options " + std::to_string(reading.options),
                "below 2^40 and 2^23");
  return static_cast<std::int64_t>(std::uint64_t{reading.options} << 40 | reading.events);
}

FileReading unpack_reading(std::int64_t packed) noexcept {
  const auto bits = static_cast<std::uint64_t>(packed);
  return {.events = bits & ((std::uint64_t{1} << 40) - 1), .options = static_cast<std::uint32_t>(bits >> 40)};
}

}  // namespace pannier::store
