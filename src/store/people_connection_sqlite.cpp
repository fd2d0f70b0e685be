#include "store/people_connection_sqlite.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "pannier/core/error.hpp"

namespace pannier::store {
namespace {

constexpr std::array<std::string_view, 7> schema = {
    "CREATE TABLE attributes(person INTEGER NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL, value TEXT NOT NULL, "
    "checksum INTEGER NOT NULL, PRIMARY KEY(person, name, source)) WITHOUT ROWID",
    "CREATE TABLE catalog(item TEXT NOT NULL, field TEXT NOT NULL, version INTEGER NOT NULL, value BLOB NOT NULL, "
    "checksum INTEGER NOT NULL, PRIMARY KEY(item, field)) WITHOUT ROWID",
    "CREATE INDEX catalog_by_version ON catalog(version)",
    "CREATE TABLE events(person INTEGER NOT NULL, sequence INTEGER NOT NULL, event_id BLOB NOT NULL, time INTEGER NOT NULL, "
    "kind INTEGER NOT NULL, payload BLOB NOT NULL, checksum INTEGER NOT NULL, PRIMARY KEY(person, sequence)) WITHOUT ROWID",
    "CREATE UNIQUE INDEX events_by_id ON events(event_id)",
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE people(number INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, sort INTEGER NOT NULL, plain TEXT, state BLOB, "
    "checksum INTEGER NOT NULL)",
};

/// How many of the schema's statements, which stand by name, a version lacks: the first ones, as it happens.
constexpr std::size_t lacking(std::int64_t version) noexcept {
  return version < catalog_schema_version ? 3 : version < attributes_schema_version ? 1 : 0;
}

[[noreturn]] void fail_sqlite(int code, sqlite3* database, const std::string& where) {
  const std::string said = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  switch (code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      throw Error(ErrorCode::malformed_input, where, "is no sound database: " + said);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(ErrorCode::io_failure, where, "is being written by another connection: " + said, "one writer at a time");
    case SQLITE_READONLY:
      throw Error(ErrorCode::read_only, where, "cannot be changed: " + said);
    case SQLITE_NOMEM:
      throw Error(ErrorCode::out_of_memory, where, said);
    default:
      throw Error(ErrorCode::io_failure, where, "SQLite could not read or write it: " + said);
  }
}

/// The file as an URI, so that any byte may stand in its name.
std::string uri_of(const std::filesystem::path& file, std::string_view query) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : file.string()) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7F || c == '%' || c == '?' || c == '#') {
      uri += '%';
      uri += digits[byte >> 4];
      uri += digits[byte & 15];
    } else {
      uri += c;
    }
  }
  return uri + std::string(query);
}

}  // namespace

std::span<const std::string_view> people_schema() noexcept { return schema; }
std::string_view event_index_schema() noexcept { return schema[4]; }

// --- Statement -----------------------------------------------------------------------------------------------------

Statement::Statement(sqlite3* database, std::string_view sql, const std::string& where) : database_(database), where_(where) {
  const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement_,
                                      nullptr);
  if (code != SQLITE_OK) fail_sqlite(code, database_, where_);
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int parameter, std::int64_t number) {
  sqlite3_bind_int64(statement_, parameter, number);
  return *this;
}

Statement& Statement::bind(int parameter, std::span<const std::byte> bytes) {
  // A null pointer would bind NULL instead of no bytes.
  sqlite3_bind_blob64(statement_, parameter, bytes.empty() ? static_cast<const void*>("") : bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) {
  sqlite3_bind_text64(statement_, parameter, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int parameter, const UserKey& key) {
  auto& bytes = keys_[static_cast<std::size_t>(parameter) % keys_.size()];
  for (std::size_t i = 0; i < 8; ++i) {
    bytes[i] = static_cast<std::byte>(key.high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<std::byte>(key.low >> (56 - 8 * i));
  }
  return bind(parameter, std::span<const std::byte>(bytes));
}

Statement& Statement::bind_null(int parameter) {
  sqlite3_bind_null(statement_, parameter);
  return *this;
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail_sqlite(code, database_, where_);
  return false;
}

void Statement::run() {
  const Running running(*this);
  while (step()) {
  }
}

void Statement::reset() noexcept { sqlite3_reset(statement_); }

std::int64_t Statement::integer(int column) const noexcept { return sqlite3_column_int64(statement_, column); }

std::span<const std::byte> Statement::bytes(int column) const noexcept {
  const auto* const data = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
  const int size = sqlite3_column_bytes(statement_, column);
  if (data == nullptr || size <= 0) return {};
  return {data, static_cast<std::size_t>(size)};
}

std::string_view Statement::text(int column) const noexcept {
  const auto raw = bytes(column);
  return {reinterpret_cast<const char*>(raw.data()), raw.size()};
}

UserKey Statement::key(int column) const noexcept {
  const auto raw = bytes(column);
  UserKey key;
  if (raw.size() != 16) return key;
  for (std::size_t i = 0; i < 8; ++i) {
    key.high = key.high << 8 | static_cast<std::uint64_t>(raw[i]);
    key.low = key.low << 8 | static_cast<std::uint64_t>(raw[8 + i]);
  }
  return key;
}

// --- Connection ----------------------------------------------------------------------------------------------------

Connection::Connection(const std::filesystem::path& file, Access access, int busy_ms) : where_(file.string()) {
  if (std::error_code ignored; !std::filesystem::exists(file, ignored))
    throw Error(ErrorCode::not_found, where_, "is not there", "the people store of a store");
  try {
    switch (access) {
      case Access::read_write: open(uri_of(file, ""), SQLITE_OPEN_READWRITE, busy_ms); break;
      case Access::immutable: open(uri_of(file, "?immutable=1"), SQLITE_OPEN_READONLY, busy_ms); break;
      case Access::shared_read: open(uri_of(file, "?mode=ro&readonly_shm=1"), SQLITE_OPEN_READONLY, busy_ms); break;
    }
    require_ours();
    if (access == Access::read_write) update_tables();
    // NORMAL: a power cut may take the last commits back, never the file's soundness.
    execute("PRAGMA secure_delete=ON; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=16777216; PRAGMA mmap_size=1073741824");
  } catch (...) {
    close_quietly();
    throw;
  }
}

Connection::Connection(const std::filesystem::path& file, Blank) : where_(file.string()) {
  try {
    open(uri_of(file, ""), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, 0);
  } catch (...) {
    close_quietly();
    throw;
  }
}

void Connection::create(const std::filesystem::path& file, const std::function<void(Connection&)>& fill) {
  Connection fresh(file, Blank{});
  fresh.execute("PRAGMA synchronous=OFF; PRAGMA journal_mode=WAL; BEGIN IMMEDIATE");
  for (const auto statement : schema) fresh.execute(std::string(statement).c_str());
  fresh.execute(("PRAGMA application_id=" + std::to_string(people_application_id)).c_str());
  fresh.execute(("PRAGMA user_version=" + std::to_string(people_schema_version)).c_str());
  fill(fresh);
  fresh.execute("COMMIT");
}

Connection::~Connection() {
  statements_.clear();
  sqlite3_close(database_);
}

void Connection::close_quietly() noexcept {
  if (database_ == nullptr) return;
  statements_.clear();
  sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_close(std::exchange(database_, nullptr));
}

void Connection::open(const std::string& uri, int flags, int busy_ms) {
  const int code = sqlite3_open_v2(uri.c_str(), &database_, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
  if (code != SQLITE_OK) fail_sqlite(code, database_, where_);
  sqlite3_extended_result_codes(database_, 1);
  sqlite3_busy_timeout(database_, busy_ms);
  // Whoever made the file, nothing in it runs: no trigger, no view, no function of a schema.
  sqlite3_db_config(database_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  execute("PRAGMA cell_size_check=ON");
}

std::int64_t Connection::schema_version() {
  Statement asked(database_, "PRAGMA user_version", where_);
  return asked.step() ? asked.integer(0) : 0;
}

void Connection::require_ours() {
  std::int64_t id = 0;
  {
    Statement asked(database_, "PRAGMA application_id", where_);
    if (asked.step()) id = asked.integer(0);
  }
  if (id != people_application_id)
    throw Error(ErrorCode::malformed_input, where_, "is no people store: its application id is " + std::to_string(id),
                std::to_string(people_application_id));
  // One read, so that a process that updates the tables meanwhile is seen before or after it.
  execute("BEGIN");
  const auto version = schema_version();
  if (version > people_schema_version)
    throw Error(ErrorCode::unsupported, where_, "has tables of version " + std::to_string(version),
                "version " + std::to_string(people_schema_version));
  std::vector<std::string> statements;
  {
    Statement tables(database_, "SELECT type, name, sql FROM sqlite_schema ORDER BY name", where_);
    while (tables.step()) {
      if (tables.text(0) == "index" && tables.text(1).starts_with("sqlite_autoindex_")) continue;
      statements.emplace_back(tables.text(2));
    }
  }
  execute("COMMIT");
  const auto expected = std::span(schema).subspan(lacking(version));
  if (version < first_people_schema_version || !std::equal(statements.begin(), statements.end(), expected.begin(), expected.end()))
    throw Error(ErrorCode::malformed_input, where_, "has other tables than a people store", "the tables attributes, catalog, events, meta and people");
}

void Connection::update_tables() {
  if (schema_version() == people_schema_version) return;
  execute("BEGIN IMMEDIATE");
  if (const auto version = schema_version(); version < people_schema_version) {  // Nobody else was first.
    for (const auto statement : std::span(schema).first(lacking(version))) execute(std::string(statement).c_str());
    execute(("PRAGMA user_version=" + std::to_string(people_schema_version)).c_str());
  }
  execute("COMMIT");
}

std::int64_t Connection::changes() const noexcept { return sqlite3_changes(database_); }

void Connection::execute(const char* sql) {
  const int code = sqlite3_exec(database_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail_sqlite(code, database_, where_);
}

Statement& Connection::statement(const char* sql) {
  for (const auto& [known, statement] : statements_)
    if (known == sql) return *statement;
  return *statements_.emplace_back(sql, std::make_unique<Statement>(database_, sql, where_)).second;
}

void Connection::roll_back() noexcept {
  for (const auto& [sql, statement] : statements_) statement->reset();
  if (sqlite3_get_autocommit(database_) == 0) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
}

// --- ConnectionPool ------------------------------------------------------------------------------------------------

ConnectionPool::ConnectionPool(std::filesystem::path file, Access access, int busy_ms)
    : file_(std::move(file)), access_(access), busy_ms_(busy_ms), process_(new Process(::getpid(), nullptr)) {}

ConnectionPool::~ConnectionPool() {
  auto* process = process_.load();
  if (process->id != ::getpid()) set_aside(*process);
  while (process != nullptr) delete std::exchange(process, process->parent);
}

void ConnectionPool::set_aside(Process& parent) noexcept {
  const std::unique_lock lock(parent.mutex, std::try_to_lock);
  for (auto& connection : parent.idle) {
    if (lock) {
      connection->close_quietly();
      connection.reset();
    } else {
      (void)connection.release();  // a thread that is not in this process was at it: left alone for ever
    }
  }
  if (lock) parent.idle.clear();
}

ConnectionPool::Process& ConnectionPool::current() {
  auto* known = process_.load();
  const auto id = ::getpid();
  if (known->id != id) {
    auto fresh = std::make_unique<Process>(id, known);
    if (process_.compare_exchange_strong(known, fresh.get())) {
      known = fresh.release();
      set_aside(*known->parent);
      known->ready = true;
      known->ready.notify_all();
    }
  }
  known->ready.wait(false);  // before any new connection opens
  return *known;
}

ConnectionPool::Lease ConnectionPool::take() {
  auto& process = current();
  std::unique_ptr<Connection> connection;
  {
    const std::lock_guard lock(process.mutex);
    if (!process.idle.empty()) {
      connection = std::move(process.idle.back());
      process.idle.pop_back();
    }
  }
  if (!connection) connection = std::make_unique<Connection>(file_, access_, busy_ms_);
  return Lease(*this, process.id, std::move(connection));
}

void ConnectionPool::give_back(pid_t id, std::unique_ptr<Connection> connection, bool sound) noexcept {
  if (id != ::getpid()) {
    (void)connection.release();  // used by the parent's thread that forked: the parent still uses it
    return;
  }
  if (!sound) return;
  auto& process = *process_.load();
  const std::lock_guard lock(process.mutex);
  try {
    if (process.idle.size() < most_idle) process.idle.push_back(std::move(connection));
  } catch (...) {  // no memory: the connection is closed instead
  }
}

ConnectionPool::Lease::Lease(ConnectionPool& pool, pid_t process, std::unique_ptr<Connection> connection)
    : pool_(pool), process_(process), connection_(std::move(connection)), exceptions_(std::uncaught_exceptions()) {}

ConnectionPool::Lease::~Lease() {
  pool_.give_back(process_, std::move(connection_), std::uncaught_exceptions() == exceptions_);
}

bool ConnectionPool::Lease::ours() const noexcept { return process_ == ::getpid(); }

}  // namespace pannier::store
