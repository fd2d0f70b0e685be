#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "pannier/core/error.hpp"
#include "pannier/core/time.hpp"
#include "store/catalog_rows.hpp"
#include "store/people_open.hpp"
#include "store/people_row.hpp"

namespace pannier::store {
namespace {

/// One event, its payload owned.
struct Stored {
  std::int64_t sequence;
  UserKey event_id;
  std::int64_t time_us;
  data::EventKind kind;
  std::vector<std::byte> payload;

  [[nodiscard]] EventRow row() const { return {sequence, time_us, static_cast<std::int64_t>(kind), payload}; }
};

struct Person {
  UserKey key;
  PersonSort sort = PersonSort::user;
  std::string plain;
  std::vector<Stored> events;
  std::map<std::pair<std::string, std::string>, std::string> attributes{};  // by name and source
};

/// The same promises as in SQLite, kept by this process's memory. A transaction stages its events and hands them over at commit;
/// `writing_` lets one writer stage at a time, `mutex_` guards what readers see.
class MemoryPeople final : public PeopleStore, public std::enable_shared_from_this<MemoryPeople> {
 public:
  MemoryPeople(std::string where, bool read_only, int busy_ms)
      : where_(std::move(where)), read_only_(read_only), busy_ms_(busy_ms) {
    people_.try_emplace(nobody);
  }

  AppendCounts append(std::span<const data::ImportedEvent> events) override {
    const auto transaction = begin();
    const auto counts = transaction->append(events);
    transaction->commit();
    return counts;
  }

  std::unique_ptr<Transaction> begin() override;

  void recent(const UserKey& key, std::size_t limit, std::vector<PersonEvent>& out) const override {
    out.clear();
    const std::shared_lock lock(mutex_);
    const auto number = numbers_.find(key);
    if (number == numbers_.end()) return;
    const auto& events = people_.at(number->second).events;
    for (auto i = events.size() - std::min(limit, events.size()); i < events.size(); ++i)
      if (const auto event = read_person_event(events[i].row())) out.push_back(*event);
  }

  std::uint64_t damaged_rows() const noexcept override { return 0; }

  void scan(std::int64_t first, std::int64_t last, const std::function<void(const StoredEvent&)>& row) const override {
    const std::shared_lock lock(mutex_);
    for (const auto& [number, person] : people_) {
      for (const auto& event : person.events) {
        if (event.sequence <= first || event.sequence > last) continue;
        StoredEvent out{.sequence = event.sequence, .person = std::nullopt, .event = {}};
        std::optional<data::PersonName> name;
        if (number != nobody) {
          out.person = person.key;
          name = data::PersonName{person.sort, person.plain};
        }
        out.event = read_event(event.row(), name, where_);
        row(out);
      }
    }
  }

  std::int64_t last_sequence() const override {
    const std::shared_lock lock(mutex_);
    return next_sequence_ - 1;
  }

  std::uint64_t event_count() const override {
    const std::shared_lock lock(mutex_);
    return event_ids_.size();
  }

  std::string currency() const override {
    const std::shared_lock lock(mutex_);
    return currency_;
  }

  std::vector<PersonAttribute> attributes(const UserKey& key) const override {
    std::vector<PersonAttribute> out;
    const std::shared_lock lock(mutex_);
    if (const auto number = numbers_.find(key); number != numbers_.end())
      for (const auto& [place, value] : people_.at(number->second).attributes) out.push_back({place.first, place.second, value});
    return out;
  }

  std::uint64_t people_with_attributes() const override {
    const std::shared_lock lock(mutex_);
    return static_cast<std::uint64_t>(std::count_if(people_.begin(), people_.end(), [](const auto& entry) { return !entry.second.attributes.empty(); }));
  }

  void people(const std::function<bool(const UserKey&, data::PersonName)>& each) const override {
    const std::shared_lock lock(mutex_);
    for (const auto& [number, person] : people_)
      if (number != nobody && !each(person.key, {person.sort, person.plain})) return;
  }

  EraseReceipt erase(const UserKey& key, bool dry_run) override {
    if (read_only_ && !dry_run) refuse_read_only(where_);
    EraseReceipt receipt{.person = key, .time_us = system_time_us()};
    std::optional<Writing> writing;
    if (!dry_run) writing.emplace(*this);  // Counting waits for no writer.
    const std::unique_lock lock(mutex_);
    const auto number = numbers_.find(key);
    if (number == numbers_.end()) return receipt;
    const auto person = people_.find(number->second);
    receipt.known = true;
    receipt.events = person->second.events.size();
    receipt.attributes = person->second.attributes.size();
    if (dry_run) return receipt;
    for (const auto& event : person->second.events) event_ids_.erase(event.event_id);
    people_.erase(person);
    numbers_.erase(number);
    return receipt;
  }

  std::int64_t change_items(std::span<const data::CatalogItem> items) override {
    if (read_only_) refuse_read_only(where_);
    require_valid_changes(items);
    const Writing writing(*this);
    const std::unique_lock lock(mutex_);
    if (items.empty()) return last_change_;
    ++last_change_;
    for (const auto& item : items)
      for (auto& row : catalog_rows(item, last_change_)) {
        auto key = std::pair(row.item, row.field);
        changes_.insert_or_assign(std::move(key), std::move(row));
      }
    return last_change_;
  }

  std::int64_t last_item_change() const override {
    const std::shared_lock lock(mutex_);
    return last_change_;
  }

  std::vector<ItemChange> item_changes(std::int64_t after) const override {
    std::vector<ItemChange> out;
    const std::shared_lock lock(mutex_);
    for (const auto& [key, row] : changes_) {
      if (row.version <= after) continue;
      if (out.empty() || out.back().item.id != row.item) out.emplace_back().item.id = row.item;
      out.back().version = std::max(out.back().version, row.version);
      static_cast<void>(apply(row, out.back().item));
    }
    return out;
  }

  Findings verify() const override { return {}; }

 private:
  friend class MemoryTransaction;

  /// The right to write, from begin() to the end of a transaction, whichever thread ends it.
  class Writing {
   public:
    explicit Writing(MemoryPeople& people) : people_(people) {
      std::unique_lock lock(people_.writing_mutex_);
      if (!people_.writing_ended_.wait_for(lock, std::chrono::milliseconds(people_.busy_ms_), [&] { return !people_.writing_; }))
        throw Error(ErrorCode::io_failure, people_.where_, "is being written by another connection", "one writer at a time");
      people_.writing_ = true;
    }
    ~Writing() {
      const std::lock_guard lock(people_.writing_mutex_);
      people_.writing_ = false;
      people_.writing_ended_.notify_one();
    }
    Writing(const Writing&) = delete;
    Writing& operator=(const Writing&) = delete;

   private:
    MemoryPeople& people_;
  };

  std::string where_;
  bool read_only_;
  int busy_ms_;

  std::mutex writing_mutex_;
  std::condition_variable writing_ended_;
  bool writing_ = false;

  mutable std::shared_mutex mutex_;
  std::map<std::int64_t, Person> people_;  // by number, as a scan goes; nobody's events under 0
  std::unordered_map<UserKey, std::int64_t, UserKeyHash> numbers_;
  std::unordered_set<UserKey, UserKeyHash> event_ids_;
  std::int64_t next_sequence_ = 1, next_person_ = 1;
  std::map<std::pair<std::string, std::string>, CatalogRow> changes_;  // by item and field
  std::int64_t last_change_ = 0;
  std::string currency_;
  std::unordered_map<UserKey, FileReading, UserKeyHash> readings_;
};

class MemoryTransaction final : public PeopleStore::Transaction {
 public:
  explicit MemoryTransaction(std::shared_ptr<MemoryPeople> people)
      : people_(std::move(people)), writing_(*people_), next_sequence_(people_->next_sequence_), currency_(people_->currency_) {}

  AppendCounts append(std::span<const data::ImportedEvent> events) override {
    require_open();
    require_valid_events(events);
    AppendCounts counts;
    ByteWriter payload;
    for (const auto& [event, ordinal] : events) {
      const auto id = data::event_id(event, ordinal);
      // Only this writer changes the ids, so they are read without a lock.
      if (people_->event_ids_.contains(id) || !staged_ids_.insert(id).second) {
        ++counts.duplicates;
        continue;
      }
      const auto name = data::person_name(event);
      payload.clear();
      write_payload(event, name ? std::optional(name->sort) : std::nullopt, payload);
      const auto bytes = payload.bytes();
      staged_.push_back({name ? std::optional(user_key(name->sort, name->id)) : std::nullopt,
                         name ? name->sort : PersonSort::user, name ? std::string(name->id) : std::string(),
                         {next_sequence_++, id, event.time_us, event.kind, {bytes.begin(), bytes.end()}}});
      if (const auto& person = staged_.back().person) people_with_staged_events_.insert(*person);
      ++counts.ingested;
    }
    return counts;
  }

  ProfileCounts put_profiles(std::span<const data::Profile> profiles) override {
    require_open();
    require_valid_profiles(profiles);
    ProfileCounts counts;
    for (const auto& profile : profiles) {
      const auto key = user_key(PersonSort::user, profile.user);
      const auto number = people_->numbers_.find(key);
      const Person* const known = number == people_->numbers_.end() ? nullptr : &people_->people_.at(number->second);
      const bool has_events = people_with_staged_events_.contains(key);
      auto [said, is_new] = said_.try_emplace(key);
      if (is_new) said_in_order_.emplace_back(key, profile.user);
      bool changed = is_new && known == nullptr && !has_events;
      for (const auto& [name, value] : profile.attributes) {
        const std::pair place(name, profile.source);
        std::string now;
        if (const auto staged = said->second.find(place); staged != said->second.end()) now = staged->second;
        else if (known != nullptr && known->attributes.contains(place)) now = known->attributes.at(place);
        if (now == value) continue;
        changed = true;
        said->second[place] = value;
      }
      counts.changed += changed ? 1u : 0u;
      counts.with_events += has_events || (known != nullptr && !known->events.empty()) ? 1u : 0u;
    }
    return counts;
  }

  void set_currency(std::string_view code) override {
    require_open();
    require_currency(code, currency_, people_->where_);
    currency_ = code;
  }

  std::optional<FileReading> reading(const UserKey& content) const override {
    require_open();
    if (const auto staged = readings_.find(content); staged != readings_.end()) return staged->second;
    const auto kept = people_->readings_.find(content);  // Only this writer changes them.
    return kept == people_->readings_.end() ? std::nullopt : std::optional(kept->second);
  }
  void keep_reading(const UserKey& content, const FileReading& reading) override {
    require_open();
    (void)pack(reading, people_->where_);
    readings_[content] = reading;
  }

  void commit() override {
    require_open();
    open_ = false;
    const std::unique_lock lock(people_->mutex_);
    people_->currency_ = currency_;
    for (const auto& [content, reading] : readings_) people_->readings_[content] = reading;
    const auto number_of = [&](const UserKey& key, PersonSort sort, std::string&& plain) {
      const auto [known, added] = people_->numbers_.try_emplace(key, people_->next_person_);
      if (added) people_->people_[people_->next_person_++] = {key, sort, std::move(plain), {}, {}};
      return known->second;
    };
    for (auto& entry : staged_) {
      const auto number = entry.person ? number_of(*entry.person, entry.sort, std::move(entry.plain)) : nobody;
      people_->event_ids_.insert(entry.event.event_id);
      people_->people_[number].events.push_back(std::move(entry.event));
    }
    people_->next_sequence_ = next_sequence_;
    for (auto& [key, user] : said_in_order_) {
      auto& attributes = people_->people_.at(number_of(key, PersonSort::user, std::move(user))).attributes;
      for (auto& [place, value] : said_.at(key)) {
        if (value.empty()) attributes.erase(place);
        else attributes[place] = std::move(value);
      }
    }
  }

 private:
  struct Entry {
    std::optional<UserKey> person;
    PersonSort sort;
    std::string plain;
    Stored event;
  };
  void require_open() const {
    if (!open_) throw Error(ErrorCode::invalid_argument, people_->where_, "the transaction is committed");
  }

  std::shared_ptr<MemoryPeople> people_;
  MemoryPeople::Writing writing_;
  std::int64_t next_sequence_;
  std::string currency_;
  std::unordered_map<UserKey, FileReading, UserKeyHash> readings_;
  std::unordered_set<UserKey, UserKeyHash> staged_ids_;
  std::vector<Entry> staged_;
  std::unordered_set<UserKey, UserKeyHash> people_with_staged_events_;
  std::unordered_map<UserKey, std::map<std::pair<std::string, std::string>, std::string>, UserKeyHash> said_;  // by name and source; "": taken back
  std::vector<std::pair<UserKey, std::string>> said_in_order_;
  bool open_ = true;
};

std::unique_ptr<PeopleStore::Transaction> MemoryPeople::begin() {
  if (read_only_) refuse_read_only(where_);
  return std::make_unique<MemoryTransaction>(shared_from_this());
}

}  // namespace

std::shared_ptr<PeopleStore> open_memory_people(std::string where, bool read_only, int busy_ms) {
  return std::make_shared<MemoryPeople>(std::move(where), read_only, busy_ms);
}

}  // namespace pannier::store
