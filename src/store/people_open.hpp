/// Ways to a people store that are not public.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "pannier/store/people.hpp"

namespace pannier::store {

/// How long a writer waits for another before it gives up.
inline constexpr int busy_wait_ms = 10'000;

/// As PeopleStore::open, with another patience. Only with SQLite.
[[nodiscard]] std::shared_ptr<PeopleStore> open_sqlite_people(const std::filesystem::path& file, PeopleStore::Mode mode, int busy_ms);

/// As PeopleStore::in_memory; read-only (and so empty) for a store without a people file. `where` begins its messages.
[[nodiscard]] std::shared_ptr<PeopleStore> open_memory_people(std::string where, bool read_only, int busy_ms);

/// Refuses a batch that holds an invalid event. Errors: invalid_argument naming its position and field.
void require_valid_events(std::span<const data::ImportedEvent> events);

/// Refuses profiles of which one is invalid. Errors: invalid_argument naming its position and field.
void require_valid_profiles(std::span<const data::Profile> profiles);

/// Refuses what is no code of three capital letters, and another code than the one settled ("": none). Errors: invalid_argument.
void require_currency(std::string_view code, std::string_view settled, const std::string& where);
/// A reading as one number, as it is kept. Errors: invalid_argument out of range.
[[nodiscard]] std::int64_t pack(const FileReading& reading, const std::string& where);
[[nodiscard]] FileReading unpack_reading(std::int64_t packed) noexcept;

[[noreturn]] void refuse_read_only(const std::string& where);

}  // namespace pannier::store
