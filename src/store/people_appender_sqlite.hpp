/// Appending events to the tables inside an open transaction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pannier/core/bytes.hpp"
#include "pannier/core/ids.hpp"
#include "pannier/data/event_file.hpp"
#include "pannier/store/people.hpp"
#include "store/people_connection_sqlite.hpp"
#include "store/people_row.hpp"

namespace pannier::store {

/// Rows of the table `meta`.
inline constexpr std::string_view next_sequence_name = "next_sequence";
inline constexpr std::string_view next_person_name = "next_person";
inline constexpr std::string_view pseudonyms_name = "pseudonyms";
[[nodiscard]] std::int64_t read_meta(Connection& connection, std::string_view name);
void write_meta(Connection& connection, std::string_view name, std::int64_t value);
/// The row "currency" of the table, three letters as the bytes of a number: absent until a currency is settled. Errors: as read_meta.
[[nodiscard]] std::string read_currency(Connection& connection);
void write_currency(Connection& connection, std::string_view code);
/// The row "file " and the content's key in hexadecimal digits: a packed FileReading. Errors: as read_meta.
[[nodiscard]] std::optional<FileReading> find_reading(Connection& connection, const UserKey& content);
void write_reading(Connection& connection, const UserKey& content, const FileReading& reading);

/// A set of 128-bit hashes, by open addressing: what a bulk has seen.
class HashSet {
 public:
  /// False when it was in the set.
  bool insert(const UserKey& key);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  void grow();
  std::vector<UserKey> slots_;  // all zeros: free
  std::size_t size_ = 0;
  bool has_zero_ = false;
};

/// Appends to the tables.
///
/// The first bulk of an empty store goes another way than all others: rows are collected, sorted by person and appended to the table's end, which
/// is several times quicker than going to and fro in it and fills its pages; ids are told apart in memory, and their index is built once at
/// the end. What is collected is bounded by Limits.
class Appender {
 public:
  enum class Bulk { no, yes };
  struct Limits {
    std::size_t collected_bytes = std::size_t{128} << 20;  ///< Then what is collected goes into the table.
    std::size_t ids = std::size_t{4} << 20;                ///< Then the usual way follows.
    std::size_t people = std::size_t{1} << 20;             ///< Then the table of known people is emptied and fills again.
  };
  Appender(Connection& connection, Bulk bulk) : Appender(connection, bulk, Limits()) {}
  Appender(Connection& connection, Bulk bulk, const Limits& limits);

  /// Events are valid. Errors: as fail_sqlite(), and then the transaction must be taken back.
  AppendCounts append(std::span<const data::ImportedEvent> events);
  /// Keeps what valid profiles say. A bulk ends before. Errors: as append().
  ProfileCounts put(std::span<const data::Profile> profiles);
  /// Writes what is collected and the next numbers; then the caller commits.
  void finish();

 private:
  struct Collected {
    std::int64_t person;
    std::int64_t sequence;
    UserKey event_id;
    std::int64_t time_us, kind, checksum;
    std::size_t payload_at, payload_size;
  };
  struct Person {
    std::int64_t number = nobody;
    UserKey key;
  };

  [[nodiscard]] Person person_of(const std::optional<data::PersonName>& name);
  [[nodiscard]] bool is_known(const UserKey& event_id);
  void insert(const Collected& row, std::span<const std::byte> payload);
  void write_collected();
  void end_bulk();

  Connection& connection_;
  Limits limits_;
  std::int64_t next_sequence_, next_person_;
  std::unordered_map<UserKey, std::int64_t, UserKeyHash> numbers_;
  ByteWriter payload_;
  bool bulk_ = false;
  HashSet ids_;
  std::vector<Collected> collected_;
  std::vector<std::byte> payloads_;
};

}  // namespace pannier::store
