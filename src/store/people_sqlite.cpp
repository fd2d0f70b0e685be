#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <limits>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "model/artifact_file.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/time.hpp"
#include "store/catalog_rows.hpp"
#include "store/people_appender_sqlite.hpp"
#include "store/people_attributes_sqlite.hpp"
#include "store/people_connection_sqlite.hpp"
#include "store/people_open.hpp"
#include "store/people_row.hpp"

namespace pannier::store {
namespace {

// Statements are known by their address, so each stands once.
constexpr char find_person[] = "SELECT number FROM people WHERE key=?1";
constexpr char all_people[] = "SELECT number, key, sort, plain, checksum FROM people ORDER BY number";
constexpr char recent_events[] = "SELECT e.sequence, e.time, e.kind, e.payload, e.checksum "
                                 "FROM people p CROSS JOIN events e ON e.person=p.number WHERE p.key=?1 "
                                 "ORDER BY e.sequence DESC LIMIT ?2";
constexpr char events_between[] = "SELECT sequence, time, kind, payload, checksum, person FROM events "
                                  "WHERE sequence>?1 AND sequence<=?2 ORDER BY person, sequence";
constexpr char count_events[] = "SELECT count(*) FROM events";
constexpr char count_person_events[] = "SELECT count(*) FROM events WHERE person=?1";
constexpr char erase_events[] = "DELETE FROM events WHERE person=?1";
constexpr char put_change[] = "INSERT INTO catalog(item, field, version, value, checksum) VALUES(?1, ?2, ?3, ?4, ?5) "
                              "ON CONFLICT(item, field) DO UPDATE SET version=excluded.version, value=excluded.value, checksum=excluded.checksum";
constexpr char last_change[] = "SELECT max(version) FROM catalog";
constexpr char changes_after[] = "SELECT item, field, version, value, checksum FROM catalog WHERE version>?1 ORDER BY item, field";
constexpr char erase_person[] = "DELETE FROM people WHERE number=?1";

EventRow event_row(const Statement& statement) {
  return {.sequence = statement.integer(0), .time_us = statement.integer(1), .kind = statement.integer(2), .payload = statement.bytes(3)};
}

bool matches_checksum(const UserKey& person, const EventRow& row, const Statement& statement) {
  return static_cast<std::int64_t>(checksum(person, row)) == statement.integer(4);
}

CatalogRow catalog_row(const Statement& statement) {
  const auto value = statement.bytes(3);
  return {.item = std::string(statement.text(0)), .field = std::string(statement.text(1)), .version = statement.integer(2),
          .value = {value.begin(), value.end()}};
}

/// A row of `people`. The text lives until the statement's next step.
struct PersonRow {
  std::int64_t number = 0;
  UserKey key;
  std::int64_t sort = 0;
  std::string_view plain;
  bool sound = false;

  explicit PersonRow(const Statement& row)
      : number(row.integer(0)), key(row.key(1)), sort(row.integer(2)), plain(row.text(3)),
        sound(number > nobody && sort >= 1 && sort <= 3 &&
              static_cast<std::int64_t>(checksum(number, key, sort, plain)) == row.integer(4)) {}
  [[nodiscard]] data::PersonName name() const { return {static_cast<PersonSort>(sort), plain}; }
};

/// A read of several statements that sees one state of the database.
class Snapshot {
 public:
  explicit Snapshot(Connection& connection) : connection_(connection) { connection_.execute("BEGIN"); }
  ~Snapshot() { connection_.roll_back(); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

 private:
  Connection& connection_;
};

class SqlitePeople final : public PeopleStore, public std::enable_shared_from_this<SqlitePeople> {
 public:
  SqlitePeople(const std::filesystem::path& file, Access access, int busy_ms)
      : where_(file.string()), read_only_(access != Access::read_write), pool_(file, access, busy_ms) {
    (void)pool_.take();  // refuses at once what is no people store
  }

  AppendCounts append(std::span<const data::ImportedEvent> events) override {
    if (read_only_) refuse_read_only(where_);
    require_valid_events(events);
    const auto lease = pool_.take();
    const Writing writing(*lease);
    Appender appender(*lease, Appender::Bulk::no);
    const auto counts = appender.append(events);
    if (counts.ingested > 0) {
      appender.finish();
      lease->execute("COMMIT");
    }
    return counts;
  }

  std::unique_ptr<Transaction> begin() override;

  void recent(const UserKey& person, std::size_t limit, std::vector<PersonEvent>& out) const override {
    out.clear();
    const auto lease = pool_.take();
    auto& statement = lease->statement(recent_events).bind(1, person);
    const Running running(statement);
    statement.bind(2, static_cast<std::int64_t>(std::min<std::uint64_t>(limit, std::numeric_limits<std::int64_t>::max())));
    while (statement.step()) {
      const auto row = event_row(statement);
      const auto event = matches_checksum(person, row, statement) ? read_person_event(row) : std::nullopt;
      if (event) out.push_back(*event);
      else damaged_rows_.fetch_add(1, std::memory_order_relaxed);
    }
    std::reverse(out.begin(), out.end());
  }

  std::uint64_t damaged_rows() const noexcept override { return damaged_rows_.load(std::memory_order_relaxed); }

  void scan(std::int64_t first, std::int64_t last, const std::function<void(const StoredEvent&)>& row) const override {
    const auto lease = pool_.take();
    const Snapshot snapshot(*lease);
    auto& people = lease->statement(all_people);
    auto& events = lease->statement(events_between).bind(1, first).bind(2, last);
    const Running running_people(people), running_events(events);
    std::optional<PersonRow> person;  // both statements ascend by person, so they walk side by side
    while (events.step()) {
      const auto stored = event_row(events);
      const auto number = events.integer(5);
      const auto damaged = [&](const std::string& what) {
        throw Error(ErrorCode::malformed_input, where_ + ": event " + std::to_string(stored.sequence), what);
      };
      StoredEvent out{.sequence = stored.sequence, .person = std::nullopt, .event = {}};
      std::optional<data::PersonName> name;
      if (number != nobody) {
        while ((!person || person->number < number) && people.step()) person.emplace(people);
        if (!person || person->number != number) damaged("belongs to person " + std::to_string(number) + ", who is not there");
        if (!person->sound) damaged("belongs to person " + std::to_string(number) + ", whose row does not match its checksum");
        out.person = person->key;
        name = person->name();
      }
      if (!matches_checksum(out.person.value_or(UserKey{}), stored, events)) damaged("does not match its checksum");
      out.event = read_event(stored, name, where_);
      row(out);
    }
  }

  std::int64_t last_sequence() const override {
    const auto lease = pool_.take();
    return read_meta(*lease, next_sequence_name) - 1;
  }

  std::uint64_t event_count() const override {
    const auto lease = pool_.take();
    return static_cast<std::uint64_t>(count(*lease, count_events, std::nullopt));
  }

  std::string currency() const override {
    const auto lease = pool_.take();
    return read_currency(*lease);
  }

  std::vector<PersonAttribute> attributes(const UserKey& person) const override {
    const auto lease = pool_.take();
    const Snapshot snapshot(*lease);
    std::uint64_t damaged = 0;
    auto out = read_attributes(*lease, person, damaged);
    damaged_rows_.fetch_add(damaged, std::memory_order_relaxed);
    return out;
  }

  std::uint64_t people_with_attributes() const override {
    const auto lease = pool_.take();
    const Snapshot snapshot(*lease);
    return count_people_with_attributes(*lease);
  }

  void people(const std::function<bool(const UserKey&, data::PersonName)>& each) const override {
    const auto lease = pool_.take();
    auto& statement = lease->statement(all_people);
    const Running running(statement);
    while (statement.step()) {
      const PersonRow person(statement);
      if (!person.sound)
        throw Error(ErrorCode::malformed_input, where_ + ": person " + std::to_string(person.number), "does not match its checksum");
      if (!each(person.key, person.name())) return;
    }
  }

  EraseReceipt erase(const UserKey& person, bool dry_run) override {
    if (read_only_ && !dry_run) refuse_read_only(where_);
    EraseReceipt receipt{.person = person, .time_us = system_time_us()};
    const auto lease = pool_.take();
    const auto look = [&] {
      const auto number = count(*lease, find_person, person);
      receipt.known = number != nobody;
      if (!receipt.known) return number;
      receipt.events = static_cast<std::uint64_t>(count(*lease, count_person_events, number));
      receipt.attributes = count_attributes(*lease, number);
      return number;
    };
    if (dry_run) {
      const Snapshot snapshot(*lease);
      look();
      return receipt;
    }
    {
      const Writing writing(*lease);
      const auto number = look();
      if (number == nobody) return receipt;
      lease->statement(erase_events).bind(1, number).run();
      erase_attributes(*lease, number);
      lease->statement(erase_person).bind(1, number).run();
      lease->execute("COMMIT");
    }
    // The freed pages are overwritten in the log; now the log goes into the file, and what it held of the person with it.
    Statement checkpoint_log = lease->once("PRAGMA wal_checkpoint(TRUNCATE)");
    receipt.overwritten = checkpoint_log.step() && checkpoint_log.integer(0) == 0;
    return receipt;
  }

  std::int64_t change_items(std::span<const data::CatalogItem> items) override {
    if (read_only_) refuse_read_only(where_);
    require_valid_changes(items);
    const auto lease = pool_.take();
    const Writing writing(*lease);
    const auto version = count(*lease, last_change, std::nullopt) + 1;
    if (items.empty()) return version - 1;
    for (const auto& item : items)
      for (const auto& row : catalog_rows(item, version)) {
        auto& put = lease->statement(put_change);
        put.bind(1, std::string_view(row.item)).bind(2, std::string_view(row.field)).bind(3, row.version).bind(4, std::span(row.value));
        put.bind(5, static_cast<std::int64_t>(checksum(row))).run();
      }
    lease->execute("COMMIT");
    return version;
  }

  std::int64_t last_item_change() const override {
    const auto lease = pool_.take();
    return lease->schema_version() < catalog_schema_version ? 0 : count(*lease, last_change, std::nullopt);
  }

  std::vector<ItemChange> item_changes(std::int64_t after) const override {
    std::vector<ItemChange> out;
    const auto lease = pool_.take();
    const Snapshot snapshot(*lease);
    if (lease->schema_version() < catalog_schema_version) return out;
    auto& rows = lease->statement(changes_after).bind(1, after);
    const Running running(rows);
    while (rows.step()) {
      const auto row = catalog_row(rows);
      if (out.empty() || out.back().item.id != row.item) out.emplace_back().item.id = row.item;
      out.back().version = std::max(out.back().version, row.version);
      if (static_cast<std::int64_t>(checksum(row)) != rows.integer(4) || !apply(row, out.back().item)) damaged_rows_.fetch_add(1, std::memory_order_relaxed);
    }
    return out;
  }

  Findings verify() const override;

 private:
  friend class SqliteTransaction;

  /// The writer's transaction; taken back at the end of the block unless committed.
  class Writing {
   public:
    explicit Writing(Connection& connection) : connection_(connection) { connection_.execute("BEGIN IMMEDIATE"); }
    ~Writing() { connection_.roll_back(); }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

   private:
    Connection& connection_;
  };

  /// The first number a statement of at most one parameter gives, 0 where it gives none.
  template <class Parameter>
  static std::int64_t count(Connection& connection, const char* sql, const Parameter& parameter) {
    auto& statement = connection.statement(sql);
    if constexpr (!std::is_same_v<Parameter, std::nullopt_t>) statement.bind(1, parameter);
    const Running running(statement);
    return statement.step() ? statement.integer(0) : 0;
  }

  std::string where_;
  bool read_only_;
  mutable ConnectionPool pool_;
  mutable std::atomic<std::uint64_t> damaged_rows_{0};
};

/// Keeps the page cache large while it lives: every page of a bulk is written once.
class SqliteTransaction final : public PeopleStore::Transaction {
 public:
  explicit SqliteTransaction(std::shared_ptr<SqlitePeople> people)
      : people_(std::move(people)), lease_(people_->pool_.take()), appender_((start(*lease_), *lease_), Appender::Bulk::yes) {}

  ~SqliteTransaction() override {
    if (!lease_.ours()) return;
    lease_->roll_back();
    try {
      lease_->execute("PRAGMA cache_size=-2000; PRAGMA shrink_memory");
    } catch (...) {  // only memory would be kept
    }
  }

  AppendCounts append(std::span<const data::ImportedEvent> events) override {
    require_open();
    require_valid_events(events);
    open_ = false;  // what fails half way may not be committed
    const auto counts = appender_.append(events);
    open_ = true;
    return counts;
  }

  ProfileCounts put_profiles(std::span<const data::Profile> profiles) override {
    require_open();
    require_valid_profiles(profiles);
    open_ = false;
    const auto counts = appender_.put(profiles);
    open_ = true;
    return counts;
  }

  void set_currency(std::string_view code) override {
    require_open();
    require_currency(code, read_currency(*lease_), lease_->where());
    write_currency(*lease_, code);
  }

  std::optional<FileReading> reading(const UserKey& content) const override {
    require_open();
    return find_reading(*lease_, content);
  }
  void keep_reading(const UserKey& content, const FileReading& reading) override {
    require_open();
    write_reading(*lease_, content, reading);
  }

  void commit() override {
    require_open();
    open_ = false;
    appender_.finish();
    lease_->execute("COMMIT");
  }

 private:
  static void start(Connection& connection) {
    connection.execute("PRAGMA cache_size=-200000; BEGIN IMMEDIATE");
  }
  void require_open() const {
    if (!lease_.ours())
      throw Error(ErrorCode::invalid_argument, lease_->where(), "a transaction begun before fork() belongs to the parent process");
    if (!open_) throw Error(ErrorCode::invalid_argument, lease_->where(), "the transaction is committed, or an append to it failed");
  }

  std::shared_ptr<SqlitePeople> people_;
  ConnectionPool::Lease lease_;
  Appender appender_;
  bool open_ = true;
};

std::unique_ptr<PeopleStore::Transaction> SqlitePeople::begin() {
  if (read_only_) refuse_read_only(where_);
  return std::make_unique<SqliteTransaction>(shared_from_this());
}

/// Collects at most so many findings that a report stays readable.
class Collector {
 public:
  void add(std::string finding) {
    if (++count_ <= most) findings_.push_back(std::move(finding));
  }
  [[nodiscard]] Findings take() {
    if (count_ > most) findings_.push_back("and " + std::to_string(count_ - most) + " more");
    return std::move(findings_);
  }

 private:
  static constexpr std::size_t most = 100;
  Findings findings_;
  std::size_t count_ = 0;
};

Findings SqlitePeople::verify() const {
  Collector found;
  try {
    const auto lease = pool_.take();
    const Snapshot snapshot(*lease);
    {
      Statement integrity = lease->once("PRAGMA integrity_check");
      while (integrity.step())
        if (integrity.text(0) != "ok") found.add(where_ + ": " + std::string(integrity.text(0)));
    }
    const auto next_sequence = read_meta(*lease, next_sequence_name);
    const auto next_person = read_meta(*lease, next_person_name);
    (void)read_meta(*lease, pseudonyms_name);
    (void)read_currency(*lease);

    std::vector<KnownPerson> known = {{nobody, UserKey{}, 0}};  // ascending
    auto& people = lease->statement(all_people);
    const Running running_people(people);
    while (people.step()) {
      const PersonRow person(people);
      const auto place = where_ + ": person " + std::to_string(person.number);
      if (!person.sound) found.add(place + ": does not match its checksum");
      if (person.number >= next_person) found.add(place + ": is not below next_person");
      known.push_back({person.number, person.key, person.sort});
    }
    if (lease->schema_version() >= catalog_schema_version) {
      auto& changes = lease->statement(changes_after).bind(1, std::numeric_limits<std::int64_t>::min());
      const Running running_changes(changes);
      while (changes.step()) {
        const auto row = catalog_row(changes);
        const auto place = where_ + ": catalog item '" + row.item + "', " + row.field;
        data::CatalogItem item;
        if (static_cast<std::int64_t>(checksum(row)) != changes.integer(4)) found.add(place + ": does not match its checksum");
        else if (row.version <= 0 || !apply(row, item)) found.add(place + ": holds what no item does");
      }
    }
    verify_attributes(*lease, known, [&](std::string finding) { found.add(std::move(finding)); });
    auto& events = lease->statement(events_between).bind(1, std::numeric_limits<std::int64_t>::min())
                       .bind(2, std::numeric_limits<std::int64_t>::max());
    const Running running_events(events);
    auto person = known.begin();
    while (events.step()) {
      const auto row = event_row(events);
      const auto number = events.integer(5);
      const auto place = where_ + ": event " + std::to_string(row.sequence);
      while (person != known.end() && person->number < number) ++person;
      if (person == known.end() || person->number != number) {
        found.add(place + ": belongs to person " + std::to_string(number) + ", who is not there");
        continue;
      }
      if (!matches_checksum(person->key, row, events)) {
        found.add(place + ": does not match its checksum");
        continue;
      }
      if (row.sequence <= 0 || row.sequence >= next_sequence) found.add(place + ": is not below next_sequence");
      try {
        (void)read_event(row, std::nullopt, where_);
      } catch (const Error& error) {
        found.add(error.what());
      }
    }
  } catch (const Error& error) {
    found.add(error.what());
  }
  return found.take();
}

/// Makes the file in one step, so that a kill leaves none or a whole one. Another process may be first: its file stays.
void create_file(const std::filesystem::path& file) {
  const auto temporary = file.string() + ".tmp-" + std::to_string(::getpid());
  const auto remove_temporary = [&] {
    for (const char* ending : {"", "-journal", "-wal", "-shm"}) ::unlink((temporary + ending).c_str());
  };
  remove_temporary();
  try {
    Connection::create(temporary, [](Connection& fresh) {
      write_meta(fresh, next_sequence_name, 1);
      write_meta(fresh, next_person_name, 1);
      write_meta(fresh, pseudonyms_name, 0);
    });
    model::sync_file(temporary);
    if (::link(temporary.c_str(), file.c_str()) != 0 && errno != EEXIST)
      throw Error(ErrorCode::io_failure, file.string(), "cannot be made: " + std::generic_category().message(errno));
  } catch (...) {
    remove_temporary();
    throw;
  }
  remove_temporary();
  model::sync_folder(file.has_parent_path() ? file.parent_path() : ".");
}

}  // namespace

std::shared_ptr<PeopleStore> open_sqlite_people(const std::filesystem::path& file, PeopleStore::Mode mode, int busy_ms) {
  std::error_code ignored;
  if (mode == PeopleStore::Mode::create && !std::filesystem::exists(file, ignored)) create_file(file);
  auto access = Access::read_write;
  if (mode == PeopleStore::Mode::read_only) {
    const auto log = std::filesystem::file_size(file.string() + "-wal", ignored);
    access = ignored || log == 0 ? Access::immutable : Access::shared_read;
  }
  return std::make_shared<SqlitePeople>(file, access, busy_ms);
}

}  // namespace pannier::store
