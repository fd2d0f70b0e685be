/// One stored event as bytes, the same in SQLite and in memory; docs/store.md is the specification.
///
/// A payload begins with a fixed part of what serving reads, so that a recent history decodes nothing else; the fields that
/// only training, exports and audits read follow, those that are there. The text that names the person is not among them: it
/// stands once, in the people table, and is gone with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "pannier/core/bytes.hpp"
#include "pannier/core/ids.hpp"
#include "pannier/data/event.hpp"
#include "pannier/store/people.hpp"

namespace pannier::store {

/// The number of who has no person.
inline constexpr std::int64_t nobody = 0;

/// A row of the table `events`, without the event's id. The payload is borrowed.
struct EventRow {
  std::int64_t sequence = 0;
  std::int64_t time_us = 0;
  std::int64_t kind = 0;
  std::span<const std::byte> payload;
};

/// XXH3-64 of the row and of the person it belongs to (zeros: nobody). Not of the event's id: a reader of histories has no use for it, and the
/// index of ids and the table check each other.
[[nodiscard]] std::uint64_t checksum(const UserKey& person, const EventRow& row) noexcept;

/// Appends the event's payload. `sort` says which of its texts names the person and is left out.
void write_payload(const data::Event& event, std::optional<PersonSort> sort, ByteWriter& out);

/// What serving reads of a row; empty where the row holds what no valid event does.
[[nodiscard]] std::optional<PersonEvent> read_person_event(const EventRow& row) noexcept;

/// The whole event; texts are borrowed from the payload and from `person`.
/// Errors: malformed_input naming `where` and the row's sequence, for bytes that are no payload or hold no valid event.
[[nodiscard]] data::Event read_event(const EventRow& row, std::optional<data::PersonName> person, std::string_view where);

/// A person's row: XXH3-64 of number, key, sort and plain id.
[[nodiscard]] std::uint64_t checksum(std::int64_t number, const UserKey& key, std::int64_t sort, std::string_view plain);

/// Hash for tables keyed by UserKey, which is a hash itself.
struct UserKeyHash {
  std::size_t operator()(const UserKey& key) const noexcept { return static_cast<std::size_t>(key.low); }
};

}  // namespace pannier::store
