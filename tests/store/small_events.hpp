#pragma once

/// Events that own their texts, and people stores of every kind to put them in.

#include <cmath>
#include <cstring>
#include <deque>
#include <filesystem>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/store/people.hpp"
#include "store/people_open.hpp"
#include "support/scratch.hpp"

namespace pannier::test {

inline constexpr std::int64_t noon_us = 1'700'000'000'000'000;

/// Keeps the texts of the events it makes.
class EventMaker {
 public:
  std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }

  data::ImportedEvent view(std::string user, std::string item, std::int64_t time_us = noon_us, std::string id = "") {
    data::ImportedEvent made;
    made.event.id = keep(std::move(id));
    made.event.user = keep(std::move(user));
    made.event.item = keep(std::move(item));
    made.event.time_us = time_us;
    return made;
  }

  /// An event with any fields at all, by one of `people` users, visitors or sessions, or by nobody.
  template <class Random>
  data::ImportedEvent any(Random& random, unsigned people) {
    const auto below = [&](std::uint64_t n) { return static_cast<std::uint64_t>(random()) % n; };
    const auto maybe = [&](std::string prefix, std::uint64_t many) {
      return below(2) == 0 ? std::string_view() : keep(prefix + std::to_string(below(many)));
    };
    data::ImportedEvent made;
    auto& event = made.event;
    event.id = maybe("id", 1u << 30);
    event.time_us = noon_us + static_cast<std::int64_t>(below(1'000'000));
    event.kind = static_cast<data::EventKind>(1 + below(data::event_kind_limit - 1));
    event.order = keep("o" + std::to_string(below(50)));
    const auto sort = below(4);
    if (sort == 0) event.user = keep("person" + std::to_string(below(people)));
    if (sort == 1 || (sort == 0 && below(2) == 0)) event.visitor = keep("person" + std::to_string(below(people)));
    if (sort == 2 || (sort < 2 && below(2) == 0)) event.session = keep("person" + std::to_string(below(people)));
    event.item = keep("i" + std::to_string(below(100)));
    event.item_name = maybe("Näme ", 100);
    event.quantity = static_cast<double>(1 + below(1000)) / 8;
    if (below(2) == 0) event.price = static_cast<double>(below(100'000)) / 100;
    if (below(4) == 0) event.currency = "EUR";
    if (below(4) == 0) event.value = static_cast<double>(below(1000)) / 3;
    if (below(4) == 0) event.position = static_cast<std::int32_t>(below(100));
    if (below(4) == 0) event.dwell_ms = static_cast<std::int64_t>(below(100'000));
    event.query = maybe("query ", 10);
    event.page = maybe("page", 10);
    event.device = maybe("device", 3);
    event.country = maybe("C", 9);
    event.channel = maybe("channel", 4);
    event.consent = static_cast<data::Consent>(below(5));
    event.request_id = maybe("r", 1000);
    if (below(4) == 0) event.slot = static_cast<std::int32_t>(below(20));
    made.ordinal = event.id.empty() ? below(3) : 0;
    return made;
  }

 private:
  std::deque<std::string> texts_;
};

inline bool same_number(double a, double b) { return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b)); }

inline bool same_event(const data::Event& a, const data::Event& b) {
  return a.id == b.id && a.time_us == b.time_us && a.kind == b.kind && a.user == b.user && a.visitor == b.visitor &&
         a.session == b.session && a.order == b.order && a.item == b.item && a.item_name == b.item_name &&
         same_number(a.quantity, b.quantity) && same_number(a.price, b.price) && a.currency == b.currency &&
         same_number(a.value, b.value) && a.position == b.position && a.dwell_ms == b.dwell_ms && a.query == b.query &&
         a.page == b.page && a.device == b.device && a.country == b.country && a.channel == b.channel &&
         a.consent == b.consent && a.request_id == b.request_id && a.slot == b.slot;
}

inline std::vector<store::PersonEvent> recent(const store::PeopleStore& people, const UserKey& person, std::size_t limit = 1000) {
  std::vector<store::PersonEvent> events(3);  // what was in it before is gone
  people.recent(person, limit, events);
  return events;
}
inline std::vector<store::PersonEvent> recent(const store::PeopleStore& people, std::string_view user, std::size_t limit = 1000) {
  return recent(people, user_key(PersonSort::user, user), limit);
}

/// Everything a scan gives, as text: who, sequence, item, time.
inline std::string dump(const store::PeopleStore& people, std::int64_t first = 0, std::int64_t last = INT64_MAX) {
  std::string text;
  people.scan(first, last, [&](const store::StoredEvent& row) {
    text += row.person ? std::to_string(row.person->low % 1000) + ":" : "nobody:";
    text += std::string(row.event.user) + "/" + std::string(row.event.visitor) + "/" + std::string(row.event.session) + " #" +
            std::to_string(row.sequence) + " " + std::string(row.event.item) + " " + std::to_string(row.event.time_us - noon_us) + "\n";
  });
  return text;
}

/// The files of a folder.
inline std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

/// Calls `test` with a fresh store of each kind this build has.
inline void for_each_people_store(const std::function<void(store::PeopleStore&)>& test, int busy_ms = 5000) {
  test(*store::open_memory_people("memory", false, busy_ms));
#if PANNIER_WITH_SQLITE
  const Scratch scratch;
  test(*store::open_sqlite_people(scratch.folder() / "people.sqlite", store::PeopleStore::Mode::create, busy_ms));
#endif
}

}  // namespace pannier::test
