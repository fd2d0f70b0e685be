/// A store is a folder: generations/<id>.pnr, CURRENT, people.sqlite.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/store/generation.hpp"
#include "pannier/store/people.hpp"

namespace pannier::store {

struct GenerationCheck {
  std::string id;
  bool ok = true;
  Findings errors;
};
struct VerifyReport {
  std::vector<GenerationCheck> generations;   ///< Also "CURRENT", where it is damaged or names nothing.
  bool people_ok = true;
  Findings people_errors;
  [[nodiscard]] bool ok() const noexcept;
};

/// Threads: Thread-safe. Several processes may open one store; one at a time publishes (a lock file).
class Store {
 public:
  enum class Mode {
    create,      ///< Read and write; made when absent.
    read_write,  ///< Must exist.
    read_only,   ///< Must exist; nothing in the folder is changed, no file is made; changes are refused by name (read_only).
  };
  /// A folder is a store that holds any of generations/, CURRENT, people.sqlite. Errors: not_found (a missing folder, naming it; a folder that is
  /// no store), io_failure.
  [[nodiscard]] static std::shared_ptr<Store> open(const std::filesystem::path& folder, Mode mode);
  virtual ~Store() = default;

  [[nodiscard]] virtual const std::filesystem::path& folder() const noexcept = 0;
  [[nodiscard]] virtual bool read_only() const noexcept = 0;
  /// Opened at first use. Where people.sqlite is absent: in a read-only store nobody is known; else it is made, unless a generation of the store
  /// was made of its events (data_until above 0), for then it was lost. In a build without SQLite people live in this process's memory.
  /// Errors: not_found (a lost people.sqlite; nothing is made), as PeopleStore::open, as Generation::open.
  [[nodiscard]] virtual PeopleStore& people() const = 0;

  /// A first training, or whatever else may fail before a store holds anything. When the last attempt at a store ends, a store that
  /// this Store made and that holds neither a generation nor an event nor an attribute of a person is taken back: what open() and the attempt made is removed, and nothing
  /// else. The Store stays usable and makes its folder again when it is written to. A folder that was a store before, one whose people() were
  /// given out beside the attempt, and one that another process has open stay as they are.
  /// Threads: As the Store, which it must not outlive.
  class Attempt {
   public:
    virtual ~Attempt() = default;
    /// As Store::people(), until the attempt ends.
    [[nodiscard]] virtual PeopleStore& people() const = 0;
  };
  [[nodiscard]] virtual std::unique_ptr<Attempt> attempt() = 0;

  /// Ids present, ascending.
  [[nodiscard]] virtual std::vector<std::string> generations() const = 0;
  /// What CURRENT names; empty when nothing was published yet. Errors: malformed_input (a damaged CURRENT).
  [[nodiscard]] virtual std::optional<std::string> current() const = 0;
  /// Errors: not_found, and as Generation::open; malformed_input for a file that holds another generation than its name says.
  [[nodiscard]] virtual std::shared_ptr<const Generation> open_generation(std::string_view id, model::Check check) const = 0;

  /// Writes `content` as the next generation (its id and parent are set here), reads it back with Check::full, then names it in CURRENT
  /// by write, sync, rename. A kill at any point leaves the old or the new one current. Returns the new id.
  /// Errors: as write_generation; read_only; malformed_input (a damaged CURRENT: roll back to a named generation first); io_failure (another
  /// process is publishing). Then CURRENT is as it was.
  virtual std::string publish(GenerationContent content) = 0;
  /// Makes `id` (default: the one before the current) current, after a full check. Returns it. With an id it also mends a damaged CURRENT.
  /// Errors: not_found, malformed_input, read_only, io_failure.
  virtual std::string rollback(std::optional<std::string> id) = 0;
  /// Unlinks all but the newest `keep` generations; never the current one. Who has one open goes on serving it. Returns the ids removed.
  /// Errors: invalid_argument (keep of 0: the newest stays, so that its number is never given again), read_only, io_failure.
  virtual std::vector<std::string> prune(std::size_t keep) = 0;
  [[nodiscard]] virtual VerifyReport verify() const = 0;
};

}  // namespace pannier::store
