/// People and their events, durably: SQLite in WAL mode, or memory where there is no file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/ids.hpp"
#include "pannier/data/catalog.hpp"
#include "pannier/data/event.hpp"
#include "pannier/data/event_file.hpp"
#include "pannier/data/profile.hpp"

namespace pannier::store {

/// What serving reads of one event.
struct PersonEvent {
  std::int64_t sequence = 0;
  std::int64_t time_us = 0;
  ItemKey item{};                ///< Meaningless where has_item is false.
  data::EventKind kind = data::EventKind::view_item;
  bool has_item = false;
  float quantity = 1;
  float price = 0;               ///< NaN where unknown.
};

/// A whole stored event; texts live until the callback returns.
struct StoredEvent {
  std::int64_t sequence = 0;
  std::optional<UserKey> person;
  data::Event event;
};

struct AppendCounts {
  std::uint64_t ingested = 0, duplicates = 0;
};

struct ProfileCounts {
  std::uint64_t changed = 0;      ///< Profiles that said what the store did not hold.
  std::uint64_t with_events = 0;  ///< Profiles of people who have events.
};

/// How a file of events was read last.
struct FileReading {
  std::uint64_t events = 0;       ///< Events that it handed on, known or new; at most 2^40 - 1.
  std::uint32_t options = 0;      ///< Stands for the options (data::reading_key), at most 2^23 - 1.
  bool operator==(const FileReading&) const = default;
};

/// An attribute of a person, and who says it.
struct PersonAttribute {
  std::string name, source, value;
  bool operator==(const PersonAttribute&) const = default;
};

struct EraseReceipt {
  UserKey person{};
  bool known = false;             ///< The person was in the store.
  std::uint64_t events = 0;       ///< Events removed.
  std::uint64_t attributes = 0;   ///< Attributes removed, each source's counted.
  std::int64_t time_us = 0;       ///< When, by the system's clock.
  bool overwritten = true;        ///< False: others went on reading, so that old pages stay in the log file until its next checkpoint.
};

/// A live change of the catalogue: the fields given of one item; empty texts and NaN were not.
struct ItemChange {
  data::CatalogItem item;
  std::int64_t version = 0;       ///< Of the last of them.
};

/// What an integrity check found; empty when sound.
using Findings = std::vector<std::string>;

/// The people store. Table `events`, clustered by person: (person number, sequence) -> event id (unique), time, kind, payload, checksum; table `people`:
/// number -> key, plain id and its sort; table `attributes`: (person number, name, source) -> what a users file said; table `catalog`: live changes of items; table `meta`. Person 0 holds events kept for their order alone. docs/store.md is the specification.
/// Sequences ascend in the order of appending and are never used again; a duplicate may leave a gap.
/// Threads: Thread-safe. A call holds a connection of its process for its length; after fork() a child opens its own (fork while no other thread
/// is inside a call, as SQLite's own locks ask).
class PeopleStore {
 public:
  enum class Mode { create, read_write, read_only };
  /// Opens `file`. create makes it when absent. read_only changes nothing and makes no file: it opens immutable (nobody may write meanwhile), or,
  /// where a log file shows a writer or one that was killed, reads along with it. An empty or foreign database is refused by its application id.
  /// Errors: not_found, malformed_input, io_failure, unsupported (a newer schema; a build without SQLite).
  [[nodiscard]] static std::shared_ptr<PeopleStore> open(const std::filesystem::path& file, Mode mode);
  /// Keeps everything in this process's memory.
  [[nodiscard]] static std::shared_ptr<PeopleStore> in_memory();
  virtual ~PeopleStore() = default;

  /// Appends events in one transaction: all or nothing; an event whose id is known counts as a duplicate and changes nothing. Events are valid
  /// (data::require_valid) and are checked again. Errors: read_only, invalid_argument, io_failure.
  virtual AppendCounts append(std::span<const data::ImportedEvent> events) = 0;

  /// Many appends as one transaction. Rolled back unless commit() is called. One writer at a time (others wait, then io_failure).
  class Transaction {
   public:
    virtual ~Transaction() = default;
    virtual AppendCounts append(std::span<const data::ImportedEvent> events) = 0;
    /// Settles the one currency of the log; it is kept at commit. Errors: invalid_argument (no ISO 4217 code; another one is settled).
    virtual void set_currency(std::string_view code) = 0;
    /// Keeps what profiles say of people, who need no events for it: each attribute replaces what its source said of it before, an empty one takes that
    /// back, one from another source stands beside it; of an attribute twice in a profile the last counts. Errors: invalid_argument (as data::require_valid), io_failure.
    virtual ProfileCounts put_profiles(std::span<const data::Profile> profiles) = 0;
    /// How a file of that content was read, by the transactions before and this one; nothing: never. Errors: malformed_input on a damaged row.
    [[nodiscard]] virtual std::optional<FileReading> reading(const UserKey& content) const = 0;
    /// Keeps it at commit. Errors: invalid_argument (out of range), io_failure.
    virtual void keep_reading(const UserKey& content, const FileReading& reading) = 0;
    virtual void commit() = 0;
  };
  [[nodiscard]] virtual std::unique_ptr<Transaction> begin() = 0;

  /// The person's last `limit` events, oldest first, into `out` (cleared; its memory is kept). Unknown: empty. One indexed read.
  /// A row whose checksum fails is skipped and counted in damaged_rows().
  virtual void recent(const UserKey& person, std::size_t limit, std::vector<PersonEvent>& out) const = 0;
  [[nodiscard]] virtual std::uint64_t damaged_rows() const noexcept = 0;

  /// Every event with first < sequence <= last, grouped by person, ascending sequence inside a person. Errors: malformed_input on a damaged row, naming its sequence.
  virtual void scan(std::int64_t first, std::int64_t last, const std::function<void(const StoredEvent&)>& row) const = 0;

  [[nodiscard]] virtual std::int64_t last_sequence() const = 0;
  [[nodiscard]] virtual std::uint64_t event_count() const = 0;
  /// The currency of all amounts of the log, or "" while none is settled. Errors: malformed_input on a damaged row.
  [[nodiscard]] virtual std::string currency() const = 0;
  /// The person's attributes, by name, then by source. Unknown: none. Damaged rows are left out and counted in damaged_rows().
  [[nodiscard]] virtual std::vector<PersonAttribute> attributes(const UserKey& person) const = 0;
  /// How many people have any.
  [[nodiscard]] virtual std::uint64_t people_with_attributes() const = 0;
  /// Some people and their plain ids (none under pseudonyms), by number, also those without events: for demos and exports.
  virtual void people(const std::function<bool(const UserKey&, data::PersonName)>& each) const = 0;

  /// Deletes a person's events, attributes and row, and overwrites the freed pages (secure_delete), in one transaction. A dry run only counts, also in a read-only
  /// store. Errors: read_only, io_failure.
  virtual EraseReceipt erase(const UserKey& person, bool dry_run) = 0;

  /// Keeps the fields that each item gives (texts that are not empty, numbers that are not NaN) over what was kept of it before; all or none.
  /// Returns the version they have, one above that of the change before. Errors: read_only, invalid_argument naming the position and the field, io_failure.
  virtual std::int64_t change_items(std::span<const data::CatalogItem> items) = 0;
  /// What changed after `version`, one entry an item, ascending by id. Damaged rows are left out and counted in damaged_rows().
  [[nodiscard]] virtual std::vector<ItemChange> item_changes(std::int64_t version) const = 0;
  /// The version of the last change; 0 before the first.
  [[nodiscard]] virtual std::int64_t last_item_change() const = 0;

  /// SQLite's integrity check, every row's checksum, the schema and the application id.
  [[nodiscard]] virtual Findings verify() const = 0;
};

}  // namespace pannier::store
