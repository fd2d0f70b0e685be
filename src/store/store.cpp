#include "pannier/store/store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <mutex>
#include <system_error>
#include <utility>

#include "model/artifact_file.hpp"
#include "pannier/core/error.hpp"
#include "store/people_open.hpp"

namespace pannier::store {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t id_digits = 8;
constexpr std::uint64_t largest_id = 99'999'999;

bool is_id(std::string_view text) noexcept {
  return text.size() == id_digits && text.find_first_not_of("0123456789") == std::string_view::npos && text != "00000000";
}

std::uint64_t number_of(std::string_view id) noexcept {
  std::uint64_t number = 0;
  std::from_chars(id.data(), id.data() + id.size(), number);
  return number;
}

std::string id_of(std::uint64_t number) {
  const auto digits = std::to_string(number);
  return std::string(id_digits - digits.size(), '0') + digits;
}

/// "<id> <XXH3-64 of the id in 16 hexadecimal digits>\n", so that no damaged byte goes unnoticed.
std::string current_text(std::string_view id) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text(id);
  text += ' ';
  const auto sum = hash64(std::as_bytes(std::span(id)));
  for (int shift = 60; shift >= 0; shift -= 4) text += digits[sum >> shift & 15];
  return text + '\n';
}

std::string reason(int error) { return std::generic_category().message(error); }

/// Holds the folder's lock file: one process at a time publishes, rolls back or prunes. A kill frees it.
class PublishLock {
 public:
  explicit PublishLock(const fs::path& file) : file_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (file_ < 0) throw Error(ErrorCode::io_failure, file.string(), "cannot be opened: " + reason(errno));
    while (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      if (error == EINTR) continue;
      ::close(file_);
      if (error == EWOULDBLOCK)
        throw Error(ErrorCode::io_failure, file.string(), "another process is publishing to this store", "one at a time; try again");
      throw Error(ErrorCode::io_failure, file.string(), "cannot be locked: " + reason(error));
    }
  }
  ~PublishLock() { ::close(file_); }
  PublishLock(const PublishLock&) = delete;
  PublishLock& operator=(const PublishLock&) = delete;

 private:
  int file_;
};

class FolderStore final : public Store {
 public:
  FolderStore(fs::path folder, Mode mode) : folder_(std::move(folder)), mode_(mode) {
    if (folder_.empty()) throw Error(ErrorCode::invalid_argument, "store", "is an empty path", "the folder of a store");
    std::error_code error;
    const auto status = fs::status(folder_, error);
    // A folder that lets nobody look inside says so at the first file of it.
    if (fs::is_directory(status)) static_cast<void>(fs::status(current_file(), error));
    if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
      throw Error(ErrorCode::io_failure, folder_.string(), "cannot be read: " + error.message(), "a folder that may be opened");
    if (!fs::exists(status)) {
      if (mode_ != Mode::create) throw Error(ErrorCode::not_found, folder_.string(), "is not there", "the folder of a store");
    } else if (!fs::is_directory(status)) {
      throw Error(ErrorCode::not_found, folder_.string(), "is no folder", "the folder of a store");
    } else if (mode_ != Mode::create && !fs::exists(generations_folder(), error) && !fs::exists(current_file(), error) &&
               !fs::exists(people_file(), error)) {
      throw Error(ErrorCode::not_found, folder_.string(), "is no store: it holds none of generations/, CURRENT and people.sqlite",
                  "the folder of a store");
    }
    if (mode_ != Mode::create) return;
    made_here_ = !fs::exists(generations_folder(), error) && !fs::exists(current_file(), error) && !fs::exists(people_file(), error);
    make_generations_folder();
  }

  const fs::path& folder() const noexcept override { return folder_; }
  bool read_only() const noexcept override { return mode_ == Mode::read_only; }

  PeopleStore& people() const override {
    const std::lock_guard lock(people_mutex_);
    people_given_out_ = true;
    return opened_people();
  }

  std::unique_ptr<Attempt> attempt() override { return std::make_unique<FolderAttempt>(*this); }

  std::vector<std::string> generations() const override {
    std::vector<std::string> ids;
    std::error_code error;
    for (fs::directory_iterator entry(generations_folder(), error), end; !error && entry != end; entry.increment(error)) {
      const auto& file = entry->path();
      if (file.extension() == ".pnr" && is_id(file.stem().string())) ids.push_back(file.stem().string());
    }
    if (error && error != std::errc::no_such_file_or_directory)
      throw Error(ErrorCode::io_failure, generations_folder().string(), "cannot be listed: " + error.message());
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  std::optional<std::string> current() const override {
    std::ifstream file(current_file(), std::ios::binary);
    if (!file) {
      std::error_code error;
      if (!fs::exists(current_file(), error)) return std::nullopt;
      throw Error(ErrorCode::io_failure, current_file().string(), "cannot be read");
    }
    std::array<char, 64> buffer{};  // a sound one has 26 bytes
    file.read(buffer.data(), buffer.size());
    const std::string_view text(buffer.data(), static_cast<std::size_t>(file.gcount()));
    const auto id = text.substr(0, id_digits);
    if (!is_id(id) || text != current_text(id))
      throw Error(ErrorCode::malformed_input, current_file().string(), "is damaged: it does not name a generation",
                  "eight digits, a space, their checksum and a line end; roll back to a generation to mend it");
    return std::string(id);
  }

  std::shared_ptr<const Generation> open_generation(std::string_view id, model::Check check) const override {
    if (!is_id(id))
      throw Error(ErrorCode::not_found, folder_.string(), "has no generation '" + std::string(id) + "'", "an id of eight digits");
    const auto file = generation_file(id);
    auto generation = Generation::open(file, check);
    if (generation->info().id != id)
      throw Error(ErrorCode::malformed_input, file.string(), "holds generation '" + generation->info().id + "'",
                  "the one its name says");
    return generation;
  }

  std::string publish(GenerationContent content) override {
    require_writable();
    if (mode_ == Mode::create) make_generations_folder_now();
    const PublishLock lock(lock_file());
    remove_leftovers();
    const auto parent = current();
    const auto present = generations();
    auto last = present.empty() ? 0 : number_of(present.back());
    if (parent) last = std::max(last, number_of(*parent));
    if (last >= largest_id) throw Error(ErrorCode::unsupported, folder_.string(), "has used all numbers of generations");
    content.info.id = id_of(last + 1);
    content.info.parent = parent.value_or("");
    make_generations_folder_now();
    write_generation(generation_file(content.info.id), content);
    try {
      (void)open_generation(content.info.id, model::Check::full);
    } catch (...) {
      std::error_code ignored;
      fs::remove(generation_file(content.info.id), ignored);
      throw;
    }
    write_current(content.info.id);
    return content.info.id;
  }

  std::string rollback(std::optional<std::string> id) override {
    require_writable();
    const PublishLock lock(lock_file());
    if (!id) {
      const auto now = current();
      const auto present = generations();
      if (!now && present.empty())
        throw Error(ErrorCode::not_found, folder_.string(), "has published nothing yet, so there is nothing to go back to");
      if (!now)
        throw Error(ErrorCode::invalid_argument, "generation", "is not given, and without CURRENT none is before another",
                    "the id of the one to serve, of which " + present.back() + " is the newest");
      const auto at = std::lower_bound(present.begin(), present.end(), *now);
      if (at == present.begin())
        throw Error(ErrorCode::not_found, folder_.string(), "has no generation before the current " + *now);
      id = *std::prev(at);
    } else {
      refuse_unknown(*id);
    }
    (void)open_generation(*id, model::Check::full);
    write_current(*id);
    return *id;
  }

  std::vector<std::string> prune(std::size_t keep) override {
    require_writable();
    if (keep == 0)
      throw Error(ErrorCode::invalid_argument, "keep", "is 0", "at least 1: the newest generation stays");
    const PublishLock lock(lock_file());
    remove_leftovers();
    const auto now = current();
    auto present = generations();
    present.resize(present.size() - std::min(keep, present.size()));
    std::vector<std::string> removed;
    for (const auto& id : present) {
      if (id == now) continue;
      std::error_code error;
      fs::remove(generation_file(id), error);
      if (error) throw Error(ErrorCode::io_failure, generation_file(id).string(), "cannot be removed: " + error.message());
      removed.push_back(id);
    }
    if (!removed.empty()) model::sync_folder(generations_folder());
    return removed;
  }

  VerifyReport verify() const override {
    VerifyReport report;
    std::int64_t data_until = 0;
    for (const auto& id : generations()) {
      auto& check = report.generations.emplace_back(GenerationCheck{.id = id, .ok = true, .errors = {}});
      collect(check.errors, [&] { data_until = std::max(data_until, open_generation(id, model::Check::full)->info().data_until); });
      check.ok = check.errors.empty();
    }
    Findings errors;
    collect(errors, [&] {
      const auto now = current();
      std::error_code error;
      if (!now && !report.generations.empty())
        throw Error(ErrorCode::not_found, current_file().string(),
                    "is not there, so no generation serves: it was removed, or the first publish was killed before it was written",
                    "a roll back to one of the generations, of which " + report.generations.back().id + " is the newest, or another training");
      if (now && !fs::exists(generation_file(*now), error))
        throw Error(ErrorCode::malformed_input, current_file().string(), "names generation " + *now + ", which is not there");
    });
    if (!errors.empty()) report.generations.push_back({.id = "CURRENT", .ok = false, .errors = std::move(errors)});

    collect(report.people_errors, [&] {
#if PANNIER_WITH_SQLITE
      std::error_code error;
      if (!fs::exists(people_file(), error)) {
        if (data_until > 0) refuse_lost_people(data_until);
        return;
      }
      const auto& stored = people();
      report.people_errors = stored.verify();
      if (report.people_errors.empty() && stored.last_sequence() < data_until)
        throw Error(ErrorCode::malformed_input, people_file().string(),
                    "ends at event " + std::to_string(stored.last_sequence()) + ", while a generation was made of its events up to " +
                        std::to_string(data_until));
#else
      report.people_errors = people().verify();
#endif
    });
    report.people_ok = report.people_errors.empty();
    return report;
  }

 private:
  fs::path generations_folder() const { return folder_ / "generations"; }
  fs::path generation_file(std::string_view id) const { return generations_folder() / (std::string(id) + ".pnr"); }
  fs::path current_file() const { return folder_ / "CURRENT"; }
  fs::path people_file() const { return folder_ / "people.sqlite"; }
  fs::path lock_file() const { return folder_ / "LOCK"; }

  class FolderAttempt final : public Attempt {
   public:
    explicit FolderAttempt(FolderStore& store) : store_(store) {
      const std::lock_guard lock(store_.people_mutex_);
      ++store_.attempts_;
    }
    ~FolderAttempt() override {
      const std::lock_guard lock(store_.people_mutex_);
      if (--store_.attempts_ == 0) store_.take_back_if_empty();
    }
    FolderAttempt(const FolderAttempt&) = delete;
    FolderAttempt& operator=(const FolderAttempt&) = delete;
    PeopleStore& people() const override {
      const std::lock_guard lock(store_.people_mutex_);
      return store_.opened_people();
    }

   private:
    FolderStore& store_;
  };

  /// Under people_mutex_.
  PeopleStore& opened_people() const {
    if (!people_) people_ = open_people();
    return *people_;
  }

  void make_generations_folder_now() {
    const std::lock_guard lock(people_mutex_);
    make_generations_folder();
  }

  /// Makes generations/ and the folders above it, and remembers which. Under people_mutex_.
  void make_generations_folder() const {
    std::vector<fs::path> missing;
    std::error_code error;
    for (auto folder = generations_folder(); !folder.empty() && !fs::exists(folder, error); folder = folder.parent_path()) missing.push_back(folder);
    for (auto folder = missing.rbegin(); folder != missing.rend(); ++folder) {
      const bool made = fs::create_directory(*folder, error);
      if (error) throw Error(ErrorCode::io_failure, folder->string(), "the folder cannot be made: " + error.message());
      if (made) made_folders_.push_back(*folder);
    }
  }

  /// Under people_mutex_. See Attempt.
  void take_back_if_empty() noexcept {
    if (!made_here_ || people_given_out_) return;
    try {
      if (!generations().empty() || current()) return;
      if ((people_ || fs::exists(people_file())) && (opened_people().event_count() > 0 || opened_people().people_with_attributes() > 0)) return;
      people_.reset();
      // Closing the last connection removes the log: one that is left belongs to another process.
      if (fs::exists(people_file().string() + "-wal")) return;
    } catch (...) {  // What cannot be read is not known to be empty.
      return;
    }
    std::error_code ignored;
    fs::remove(people_file(), ignored);
    fs::remove(lock_file(), ignored);
    for (auto folder = made_folders_.rbegin(); folder != made_folders_.rend(); ++folder) fs::remove(*folder, ignored);
    made_folders_.clear();
  }

  /// Refuses a store whose people file is gone though a generation was made of its events.
  void require_never_had_people() const {
    std::int64_t data_until = 0;
    for (const auto& id : generations()) data_until = std::max(data_until, open_generation(id, model::Check::structure)->info().data_until);
    if (data_until > 0) refuse_lost_people(data_until);
  }

  [[noreturn]] void refuse_lost_people(std::int64_t data_until) const {
    throw Error(ErrorCode::not_found, people_file().string(),
                "is not there, while a generation was made of its events up to " + std::to_string(data_until),
                "the file: restore it from a backup, or train again from the event files into a new folder");
  }

  /// Runs a check and keeps what it says.
  template <class Check>
  static void collect(Findings& findings, const Check& check) {
    try {
      check();
    } catch (const Error& error) {
      findings.emplace_back(error.what());
    }
  }

  /// Refuses an id of no generation, naming the newest there are.
  void refuse_unknown(const std::string& id) const {
    constexpr std::size_t most_named = 5;
    const auto present = generations();
    if (std::binary_search(present.begin(), present.end(), id)) return;
    std::string known;
    for (auto at = present.end() - static_cast<std::ptrdiff_t>(std::min(most_named, present.size())); at != present.end(); ++at)
      known += (known.empty() ? "" : ", ") + *at;
    if (present.size() > most_named) known = std::to_string(present.size() - most_named) + " older, " + known;
    throw Error(ErrorCode::not_found, folder_.string(), "has no generation '" + id + "'",
                known.empty() ? "a store that was trained" : "one of its generations: " + known);
  }

  void require_writable() const {
    if (read_only()) refuse_read_only(folder_.string());
  }

  std::shared_ptr<PeopleStore> open_people() const {
#if PANNIER_WITH_SQLITE
    std::error_code error;
    const bool present = fs::exists(people_file(), error);
    if (!read_only()) {
      if (!present) require_never_had_people();
      if (mode_ == Mode::create) make_generations_folder();
      return PeopleStore::open(people_file(), PeopleStore::Mode::create);
    }
    if (present) return PeopleStore::open(people_file(), PeopleStore::Mode::read_only);
    return open_memory_people(people_file().string(), true, busy_wait_ms);
#else
    return open_memory_people(folder_.string() + ": people in memory", read_only(), busy_wait_ms);
#endif
  }

  void write_current(std::string_view id) {
    model::OutputFile file(current_file());
    const auto text = current_text(id);
    file.write(std::as_bytes(std::span(text)));
    file.publish();
  }

  /// What a killed publisher left half-written. Only under the lock: no other publisher lives.
  void remove_leftovers() const {
    for (const auto& folder : {folder_, generations_folder()}) {
      std::error_code error;
      for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        const auto name = entry->path().filename().string();
        const bool ours = folder != folder_ || name.starts_with("CURRENT.");
        if (std::error_code ignored; ours && model::is_temporary_name(name)) fs::remove(entry->path(), ignored);
      }
    }
  }

  fs::path folder_;
  Mode mode_;
  bool made_here_ = false;                            ///< The folder was no store before.
  mutable std::mutex people_mutex_;                   ///< Guards what follows.
  mutable std::vector<fs::path> made_folders_;        ///< In the order they were made.
  mutable std::shared_ptr<PeopleStore> people_;
  mutable bool people_given_out_ = false;             ///< By people(): its reference must stay good.
  int attempts_ = 0;
};

}  // namespace

bool VerifyReport::ok() const noexcept {
  return people_ok && std::all_of(generations.begin(), generations.end(), [](const GenerationCheck& check) { return check.ok; });
}

std::shared_ptr<Store> Store::open(const std::filesystem::path& folder, Mode mode) {
  return std::make_shared<FolderStore>(folder, mode);
}

}  // namespace pannier::store
