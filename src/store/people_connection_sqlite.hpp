/// SQLite as the people store uses it: connections, their prepared statements, and a pool that survives fork().
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/ids.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace pannier::store {

/// Marks a database as ours ("PNRP"), with the version of its tables.
inline constexpr std::int64_t people_application_id = 0x504E5250;
inline constexpr std::int64_t people_schema_version = 3;
/// Older versions lack tables. Opened for writing they get them; read only they are read without: before `catalog_schema_version` there were no live changes
/// of the catalogue, before `attributes_schema_version` no attributes of people.
inline constexpr std::int64_t first_people_schema_version = 1, catalog_schema_version = 2, attributes_schema_version = 3;
/// The statements that make the tables, word for word as sqlite_schema keeps them, by name.
[[nodiscard]] std::span<const std::string_view> people_schema() noexcept;
/// The one that makes the index of event ids.
[[nodiscard]] std::string_view event_index_schema() noexcept;

/// How a database is opened.
enum class Access {
  read_write,
  immutable,    ///< Nobody writes meanwhile: no locks, no files made.
  shared_read,  ///< A writer may live, or have been killed: reads its log too, changes nothing.
};

/// A prepared statement. One thread.
class Statement {
 public:
  Statement(sqlite3* database, std::string_view sql, const std::string& where);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int parameter, std::int64_t number);
  Statement& bind(int parameter, std::span<const std::byte> bytes);  ///< Borrowed until the next reset().
  Statement& bind(int parameter, std::string_view text);             ///< Borrowed too.
  Statement& bind(int parameter, const UserKey& key);                ///< As 16 bytes, big-endian, so that they sort alike.
  Statement& bind_null(int parameter);

  /// True while there is a row. Errors: as fail_sqlite().
  bool step();
  /// Steps once and resets.
  void run();
  void reset() noexcept;

  [[nodiscard]] std::int64_t integer(int column) const noexcept;
  [[nodiscard]] std::span<const std::byte> bytes(int column) const noexcept;  ///< Until the next step.
  [[nodiscard]] std::string_view text(int column) const noexcept;
  [[nodiscard]] UserKey key(int column) const noexcept;                       ///< Zeros where it is not 16 bytes.

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
  const std::string& where_;
  std::array<std::array<std::byte, 16>, 4> keys_;  // bound keys, by parameter
};

/// Resets a statement at the end of a block, also when an exception leaves it.
class Running {
 public:
  explicit Running(Statement& statement) : statement_(statement) {}
  ~Running() { statement_.reset(); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  Statement& statement_;
};

/// An open database. One thread at a time.
class Connection {
 public:
  /// Opens an existing file and makes sure that it is ours; for writing, also that its tables are of the latest version. Errors: not_found, io_failure; malformed_input (another application id, other
  /// tables, no database); unsupported (newer tables).
  Connection(const std::filesystem::path& file, Access access, int busy_ms);
  /// Makes the tables in a new file, and what `fill` puts into them. The caller syncs the file. Errors: io_failure.
  static void create(const std::filesystem::path& file, const std::function<void(Connection&)>& fill);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void execute(const char* sql);
  /// A statement, prepared at its first use and kept. `sql` must be a constant: it is known by its address.
  Statement& statement(const char* sql);
  /// A statement for one use.
  [[nodiscard]] Statement once(std::string_view sql) { return Statement(database_, sql, where_); }
  [[nodiscard]] const std::string& where() const noexcept { return where_; }
  /// Of the tables as they are now.
  [[nodiscard]] std::int64_t schema_version();
  /// How many rows the last statement that changes rows did change.
  [[nodiscard]] std::int64_t changes() const noexcept;
  /// Takes back an open transaction, if there is one; never fails.
  void roll_back() noexcept;
  /// Closes without touching the log: for a child of fork(), see ConnectionPool.
  void close_quietly() noexcept;

 private:
  struct Blank {};
  Connection(const std::filesystem::path& file, Blank);
  void open(const std::string& uri, int flags, int busy_ms);
  void require_ours();
  void update_tables();

  std::string where_;
  sqlite3* database_ = nullptr;
  std::vector<std::pair<const char*, std::unique_ptr<Statement>>> statements_;
};

/// Idle connections of one process, handed to one thread a call.
///
/// After fork() a child must not use its parent's connections: SQLite's locks belong to the process. The first call in the child leaves
/// the parent's pool aside and opens its own. Connections that were idle at the fork are closed in the child without a checkpoint, which
/// gives up only the child's copy: left open, SQLite would believe that the child still held the parent's locks, take none of its own, and a
/// parent that closed its store would delete the log the child writes to. Those in use by another thread at the fork are left alone for ever.
class ConnectionPool {
 public:
  ConnectionPool(std::filesystem::path file, Access access, int busy_ms);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  /// A connection for the length of a call. One that an exception leaves is closed, not handed on. Not longer than the pool.
  class Lease {
   public:
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    Connection* operator->() const noexcept { return connection_.get(); }
    Connection& operator*() const noexcept { return *connection_; }
    /// False in a child of the process that took the lease: there the connection must not be used.
    [[nodiscard]] bool ours() const noexcept;

   private:
    friend class ConnectionPool;
    Lease(ConnectionPool& pool, pid_t process, std::unique_ptr<Connection> connection);
    ConnectionPool& pool_;
    pid_t process_;
    std::unique_ptr<Connection> connection_;
    int exceptions_;
  };
  [[nodiscard]] Lease take();

 private:
  /// What one process has; a child keeps its parent's behind its own.
  struct Process {
    Process(pid_t own, Process* older) : id(own), parent(older), ready(older == nullptr) {}
    pid_t id;
    Process* parent;
    std::atomic<bool> ready;  ///< The parent's connections are set aside.
    std::mutex mutex;
    std::vector<std::unique_ptr<Connection>> idle;
  };
  static constexpr std::size_t most_idle = 64;

  Process& current();
  static void set_aside(Process& parent) noexcept;
  void give_back(pid_t process, std::unique_ptr<Connection> connection, bool sound) noexcept;

  std::filesystem::path file_;
  Access access_;
  int busy_ms_;
  std::atomic<Process*> process_;
};

}  // namespace pannier::store
