#include "pannier/store/people.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "store/small_events.hpp"
#include "store/small_shop.hpp"
#include "support/catch.hpp"

namespace {

using namespace pannier;
using namespace pannier::test;
using store::PeopleStore;
using store::PersonEvent;
using Batch = std::vector<data::ImportedEvent>;

/// The slow, obvious people store: a list.
struct Oracle {
  struct Row {
    std::int64_t sequence;
    UserKey id;
    std::optional<UserKey> person;
    data::Event event;
  };
  std::vector<Row> rows;
  std::vector<UserKey> first_seen;  // people in the order of their numbers
  std::int64_t next = 1;

  store::AppendCounts append(const Batch& batch) {
    store::AppendCounts counts;
    for (const auto& [event, ordinal] : batch) {
      const auto id = data::event_id(event, ordinal);
      if (std::any_of(rows.begin(), rows.end(), [&](const Row& row) { return row.id == id; })) {
        ++counts.duplicates;
        continue;
      }
      const auto person = data::person_key(event);
      rows.push_back({next++, id, person, event});
      if (person && std::find(first_seen.begin(), first_seen.end(), *person) == first_seen.end()) first_seen.push_back(*person);
      ++counts.ingested;
    }
    return counts;
  }
  std::uint64_t erase(const UserKey& person) {
    std::erase(first_seen, person);
    return std::erase_if(rows, [&](const Row& row) { return row.person == person; });
  }
  [[nodiscard]] std::vector<const Row*> of(const std::optional<UserKey>& person) const {
    std::vector<const Row*> found;
    for (const auto& row : rows)
      if (row.person == person) found.push_back(&row);
    return found;
  }
  [[nodiscard]] std::vector<const Row*> scan(std::int64_t first, std::int64_t last) const {
    std::vector<const Row*> found;
    const auto take = [&](const std::optional<UserKey>& person) {
      for (const auto* row : of(person))
        if (row->sequence > first && row->sequence <= last) found.push_back(row);
    };
    take(std::nullopt);
    for (const auto& person : first_seen) take(person);
    return found;
  }
};

void check_equal(const PeopleStore& people, const Oracle& oracle, std::mt19937_64& random) {
  CHECK(people.event_count() == oracle.rows.size());
  CHECK(people.last_sequence() == oracle.next - 1);
  const auto first = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(oracle.next));
  for (const auto& [from, to] : std::vector<std::pair<std::int64_t, std::int64_t>>{{0, INT64_MAX}, {first, first + 20}, {first, first}}) {
    const auto expected = oracle.scan(from, to);
    std::size_t at = 0;
    bool same = true;
    people.scan(from, to, [&](const store::StoredEvent& row) {
      same = same && at < expected.size() && row.sequence == expected[at]->sequence && row.person == expected[at]->person &&
             same_event(row.event, expected[at]->event);
      ++at;
    });
    CHECK(same);
    CHECK(at == expected.size());
  }
  for (const auto& person : oracle.first_seen) {
    const auto expected = oracle.of(person);
    const auto limit = random() % (expected.size() + 2);
    const auto kept = std::min<std::size_t>(limit, expected.size());
    const auto found = recent(people, person, limit);
    REQUIRE(found.size() == kept);
    for (std::size_t i = 0; i < kept; ++i) {
      const auto& row = *expected[expected.size() - kept + i];
      CHECK(found[i].sequence == row.sequence);
      CHECK(found[i].time_us == row.event.time_us);
      CHECK(found[i].kind == row.event.kind);
      CHECK(found[i].has_item == !row.event.item.empty());
      CHECK((row.event.item.empty() || found[i].item == item_key(row.event.item)));
      CHECK(found[i].quantity == static_cast<float>(row.event.quantity));
      CHECK(same_number(found[i].price, static_cast<float>(row.event.price)));
    }
  }
  std::vector<UserKey> listed;
  people.people([&](const UserKey& key, data::PersonName name) {
    CHECK(user_key(name.sort, name.id) == key);
    listed.push_back(key);
    return true;
  });
  CHECK(listed == oracle.first_seen);
}

}  // namespace

TEST_CASE("people: the last events of a person come oldest first", "[store][people]") {
  for_each_people_store([](PeopleStore& people) {
    EventMaker make;
    auto bought = make.view("anna", "i2", noon_us + 5);
    bought.event.kind = data::EventKind::purchase;
    bought.event.quantity = 3;
    bought.event.price = 2.5;
    data::ImportedEvent search;
    search.event.kind = data::EventKind::search;
    search.event.user = "anna";
    search.event.query = "mug";
    search.event.time_us = noon_us;
    const auto counts = people.append(Batch{make.view("anna", "i1"), make.view("bert", "i1"), bought, search});
    CHECK(counts.ingested == 4);
    CHECK(counts.duplicates == 0);
    const auto anna = recent(people, "anna");
    REQUIRE(anna.size() == 3);
    CHECK(anna[0].sequence == 1);
    CHECK(anna[0].item == item_key("i1"));
    CHECK(anna[0].kind == data::EventKind::view_item);
    CHECK(anna[0].quantity == 1);
    CHECK(std::isnan(anna[0].price));
    CHECK(anna[1].sequence == 3);
    CHECK(anna[1].time_us == noon_us + 5);
    CHECK(anna[1].kind == data::EventKind::purchase);
    CHECK(anna[1].has_item);
    CHECK(anna[1].quantity == 3);
    CHECK(anna[1].price == 2.5f);
    CHECK(anna[2].sequence == 4);
    CHECK_FALSE(anna[2].has_item);
    CHECK(recent(people, "anna", 2)[0].sequence == 3);
    CHECK(recent(people, "anna", 0).empty());
    CHECK(recent(people, "anna", SIZE_MAX).size() == 3);
    CHECK(recent(people, "carl").empty());
    CHECK(recent(people, user_key(PersonSort::visitor, "anna")).empty());
    CHECK(recent(people, UserKey{}).empty());
    CHECK(people.last_sequence() == 4);
    CHECK(people.event_count() == 4);
    CHECK(people.damaged_rows() == 0);
    CHECK(people.verify().empty());
  });
}

TEST_CASE("people: an empty store has nothing and says so", "[store][people]") {
  for_each_people_store([](PeopleStore& people) {
    CHECK(people.last_sequence() == 0);
    CHECK(people.event_count() == 0);
    CHECK(dump(people).empty());
    CHECK(people.append({}).ingested == 0);
    CHECK(people.last_sequence() == 0);
    CHECK(people.verify().empty());
  });
}

TEST_CASE("people: an event counts once, by its id or by what it says", "[store][people]") {
  for_each_people_store([](PeopleStore& people) {
    EventMaker make;
    const Batch batch = {make.view("anna", "i1", noon_us, "e1"), make.view("bert", "i2", noon_us, "e1"), make.view("bert", "i2"),
                         make.view("bert", "i2")};
    auto counts = people.append(batch);
    CHECK(counts.ingested == 2);
    CHECK(counts.duplicates == 2);
    CHECK(recent(people, "anna").size() == 1);  // the first of the two with the id e1
    CHECK(recent(people, "bert").size() == 1);
    counts = people.append(batch);
    CHECK(counts.ingested == 0);
    CHECK(counts.duplicates == 4);
    auto second_line = batch[3];
    second_line.ordinal = 1;  // an equal line of the same file is another event
    CHECK(people.append(Batch{second_line}).ingested == 1);
    CHECK(people.append(Batch{second_line}).ingested == 0);
    const auto transaction = people.begin();
    CHECK(transaction->append(batch).duplicates == 4);
    CHECK(transaction->append(Batch{make.view("carl", "i1")}).ingested == 1);
    CHECK(transaction->append(Batch{make.view("carl", "i1")}).duplicates == 1);
    transaction->commit();
    CHECK(people.event_count() == 4);
  });
}

TEST_CASE("people: a duplicate makes no person known", "[store][people]") {
  for_each_people_store([](PeopleStore& people) {
    EventMaker make;
    people.append(Batch{make.view("anna", "i1", noon_us, "e1")});
    people.append(Batch{make.view("bert", "i2", noon_us, "e1")});
    int count = 0;
    people.people([&](const UserKey&, data::PersonName name) {
      CHECK(name.id == "anna");
      ++count;
      return true;
    });
    CHECK(count == 1);
  });
}

TEST_CASE("people: a batch with an invalid event changes nothing and is refused by its place", "[store][people]") {
  for_each_people_store([](PeopleStore& people) {
    EventMaker make;
    auto wrong = make.view("anna", "i1");
    wrong.event.price = -1;
    const auto [code, what] = error_of([&] { people.append(Batch{make.view("bert", "i1"), make.view("carl", "i1"), wrong}); });
    CHECK(code == ErrorCode::invalid_argument);
    CHECK_THAT(what, StartsWith("events[2]"));
    CHECK(people.event_count() == 0);
    CHECK(people.last_sequence() == 0);
    const auto transaction = people.begin();
    CHECK(transaction->append(Batch{make.view("bert", "i1")}).ingested == 1);
    CHECK(error_of([&] { transaction->append(Batch{make.view("carl", "i1"), wrong}); }).first == ErrorCode::invalid_argument);
    transaction->commit();  // what was appended before stands
    CHECK(dump(people) == dump(people, 0, 1));
    CHECK(people.event_count() == 1);
  });
}

TEST_CASE("people: a transaction is seen as a whole or not at all", "[store][people]") {
  for_each_people_store([](PeopleStore& people) {
    EventMaker make;
    for (const bool filled : {false, true}) {
      if (filled) people.append(Batch{make.view("anna", "i0")});
      const auto before = dump(people);
      {
        const auto transaction = people.begin();
        transaction->append(Batch{make.view("anna", "i1"), make.view("bert", "i1")});
        transaction->append(Batch{make.view("anna", "i2")});
        CHECK(dump(people) == before);
      }
      CHECK(dump(people) == before);
      CHECK(people.verify().empty());
    }
    const auto transaction = people.begin();
    transaction->append(Batch{make.view("anna", "i1"), make.view("bert", "i1")});
    transaction->append(Batch{make.view("anna", "i2")});
    transaction->commit();
    CHECK(recent(people, "anna").size() == 3);
    CHECK(error_of([&] { transaction->append(Batch{make.view("carl", "i1")}); }).first == ErrorCode::invalid_argument);
    CHECK(error_of([&] { transaction->commit(); }).first == ErrorCode::invalid_argument);
    CHECK(people.event_count() == 4);
  });
}

TEST_CASE("people: the log's one currency is settled at a commit and never changed", "[store][people]") {
  for_each_people_store([](PeopleStore& people) {
    EventMaker make;
    CHECK(people.currency().empty());
    people.begin()->set_currency("EUR");  // Taken back.
    CHECK(people.currency().empty());
    {
      const auto transaction = people.begin();
      for (const auto* wrong : {"", "eur", "EURO", "E1R"})
        CHECK(error_of([&] { transaction->set_currency(wrong); }).first == ErrorCode::invalid_argument);
      transaction->append(Batch{make.view("anna", "i1")});
      transaction->set_currency("EUR");
      CHECK(people.currency().empty());
      transaction->commit();
    }
    CHECK(people.currency() == "EUR");
    const auto transaction = people.begin();
    transaction->set_currency("EUR");
    CHECK(error_of([&] { transaction->set_currency("USD"); }).second.find("EUR") != std::string::npos);
    transaction->commit();
    CHECK(people.currency() == "EUR");
    CHECK(people.verify().empty());
  });
}

TEST_CASE("people: a second writer waits, then is refused by name", "[store][people]") {
  for_each_people_store([](PeopleStore& people) {
    EventMaker make;
    const auto transaction = people.begin();
    transaction->append(Batch{make.view("anna", "i1")});
    const auto refused = [&](const auto& call) {
      const auto [code, what] = error_of(call);
      CHECK(code == ErrorCode::io_failure);
      CHECK_THAT(what, Contains("is being written by another connection"));
    };
    refused([&] { people.append(Batch{make.view("bert", "i1")}); });
    refused([&] { (void)people.begin(); });
    refused([&] { (void)people.erase(user_key(PersonSort::user, "anna"), false); });
    transaction->commit();
    CHECK(people.event_count() == 1);
  }, 20);
}

TEST_CASE("people: a person is the user, else the visitor, else the session", "[store][people]") {
  for_each_people_store([](PeopleStore& people) {
    data::ImportedEvent user, visitor, session, order;
    for (auto* one : {&user, &visitor, &session, &order}) {
      one->event.time_us = noon_us;
      one->event.item = "i1";
      one->event.order = "o1";
    }
    user.event.user = "x";
    user.event.visitor = "x";
    user.event.session = "y";
    visitor.event.visitor = "x";
    visitor.event.session = "y";
    session.event.session = "x";
    people.append(Batch{user, visitor, session, order});
    CHECK(recent(people, user_key(PersonSort::user, "x")).at(0).sequence == 1);
    CHECK(recent(people, user_key(PersonSort::visitor, "x")).at(0).sequence == 2);
    CHECK(recent(people, user_key(PersonSort::session, "x")).at(0).sequence == 3);
    CHECK(recent(people, user_key(PersonSort::session, "y")).empty());
    std::vector<std::int64_t> nobody;
    std::vector<data::Event> events;
    people.scan(0, 4, [&](const store::StoredEvent& row) {
      if (!row.person) nobody.push_back(row.sequence);
    });
    CHECK(nobody == std::vector<std::int64_t>{4});
    std::vector<PersonSort> sorts;
    people.people([&](const UserKey&, data::PersonName name) {
      CHECK(name.id == "x");
      sorts.push_back(name.sort);
      return sorts.size() < 2;  // and stops when told
    });
    CHECK(sorts == std::vector{PersonSort::user, PersonSort::visitor});
  });
}

TEST_CASE("people: an erased person is forgotten and may come back", "[store][people]") {
  for_each_people_store([](PeopleStore& people) {
    EventMaker make;
    const auto anna = user_key(PersonSort::user, "anna");
    const Batch annas = {make.view("anna", "i1"), make.view("anna", "i2")};
    people.append(Batch{make.view("bert", "i1")});
    people.append(annas);
    const auto before = dump(people);
    auto receipt = people.erase(anna, true);
    CHECK(receipt.person == anna);
    CHECK(receipt.known);
    CHECK(receipt.events == 2);
    CHECK(receipt.time_us > noon_us);
    CHECK(dump(people) == before);
    receipt = people.erase(anna, false);
    CHECK(receipt.known);
    CHECK(receipt.events == 2);
    CHECK(receipt.overwritten);
    CHECK(recent(people, anna).empty());
    CHECK(people.event_count() == 1);
    CHECK(people.last_sequence() == 3);
    CHECK(recent(people, "bert").size() == 1);
    receipt = people.erase(anna, false);
    CHECK_FALSE(receipt.known);
    CHECK(receipt.events == 0);
    CHECK(people.append(annas).ingested == 2);
    CHECK(recent(people, anna).at(0).sequence == 4);  // no number is given twice
    CHECK(people.verify().empty());
  });
}

TEST_CASE("people: a dry run of an erasure waits for no writer, an erasure does", "[store][people]") {
  for_each_people_store([](PeopleStore& people) {
    EventMaker make;
    const auto anna = user_key(PersonSort::user, "anna");
    people.append(Batch{make.view("anna", "i1")});
    const auto writer = people.begin();
    writer->append(Batch{make.view("bert", "i1")});
    CHECK(people.erase(anna, true).events == 1);
    CHECK(error_of([&] { (void)people.erase(anna, false); }).first == ErrorCode::io_failure);
  }, 20);
}

TEST_CASE("people: how a file was read is kept with its transaction", "[store][people]") {
  for_each_people_store([](PeopleStore& people) {
    const UserKey file{1, 2}, other{3, 4};
    const store::FileReading first{.events = (std::uint64_t{1} << 40) - 1, .options = (1u << 23) - 1}, second{.events = 7, .options = 0};
    {
      const auto transaction = people.begin();
      CHECK_FALSE(transaction->reading(file));
      transaction->keep_reading(file, first);
      CHECK(transaction->reading(file) == first);
    }
    {
      const auto transaction = people.begin();
      CHECK_FALSE(transaction->reading(file));  // Rolled back.
      transaction->keep_reading(file, first);
      CHECK(error_of([&] { transaction->keep_reading(other, {.events = std::uint64_t{1} << 40, .options = 0}); }).first == ErrorCode::invalid_argument);
      CHECK(error_of([&] { transaction->keep_reading(other, {.events = 0, .options = 1u << 23}); }).first == ErrorCode::invalid_argument);
      transaction->commit();
    }
    {
      const auto transaction = people.begin();
      CHECK((transaction->reading(file) == first && !transaction->reading(other)));
      transaction->keep_reading(file, second);
      transaction->commit();
    }
    CHECK(people.begin()->reading(file) == second);
    CHECK(people.verify().empty());
  });
}

TEST_CASE("people: any appends and erasures give what a plain list gives", "[store][people]") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    for_each_people_store([&](PeopleStore& people) {
      std::mt19937_64 random(seed);
      EventMaker make;
      Oracle oracle;
      std::vector<data::ImportedEvent> made;
      for (int step = 0; step < 12; ++step) {
        Batch batch;
        for (auto count = random() % 60; count > 0; --count) {
          const bool again = !made.empty() && random() % 4 == 0;
          batch.push_back(again ? made[random() % made.size()] : make.any(random, 8));
          made.push_back(batch.back());
        }
        const auto expected = oracle.append(batch);
        store::AppendCounts counts;
        if (step == 0 || random() % 2 == 0) {  // the first as a transaction: the bulk of an empty store
          const auto transaction = people.begin();
          for (std::size_t at = 0; at < batch.size(); at += 7) {
            const auto part = transaction->append(std::span(batch).subspan(at, std::min<std::size_t>(7, batch.size() - at)));
            counts.ingested += part.ingested;
            counts.duplicates += part.duplicates;
          }
          transaction->commit();
        } else {
          counts = people.append(batch);
        }
        CHECK(counts.ingested == expected.ingested);
        CHECK(counts.duplicates == expected.duplicates);
        if (step % 4 == 3 && !oracle.first_seen.empty()) {
          const auto person = oracle.first_seen[random() % oracle.first_seen.size()];
          const auto events = oracle.erase(person);
          CHECK(people.erase(person, false).events == events);
        }
        check_equal(people, oracle, random);
      }
      CHECK(people.verify().empty());
    });
  }
}

TEST_CASE("people: several threads append and read at once", "[store][people]") {
  for_each_people_store([](PeopleStore& people) {
    constexpr int writers = 3, each = 40;
    std::vector<std::thread> threads;
    std::atomic<int> failures{0};
    for (int writer = 0; writer < writers; ++writer)
      threads.emplace_back([&, writer] {
        EventMaker make;
        try {
          for (int i = 0; i < each; ++i)
            people.append(Batch{make.view("w" + std::to_string(writer), "i" + std::to_string(i), noon_us + i)});
        } catch (...) {
          ++failures;
        }
      });
    threads.emplace_back([&] {
      try {
        std::size_t seen = 0;
        for (int i = 0; i < 200; ++i) {
          const auto found = recent(people, "w0");
          if (found.size() < seen) ++failures;
          seen = found.size();
          for (std::size_t k = 0; k < seen; ++k)
            if (found[k].time_us != noon_us + static_cast<std::int64_t>(k)) ++failures;
        }
      } catch (...) {
        ++failures;
      }
    });
    for (auto& thread : threads) thread.join();
    CHECK(failures == 0);
    CHECK(people.event_count() == writers * each);
    std::set<std::int64_t> sequences;
    people.scan(0, INT64_MAX, [&](const store::StoredEvent& row) { sequences.insert(row.sequence); });
    CHECK(sequences.size() == writers * each);
    CHECK(people.verify().empty());
  });
}

TEST_CASE("people: a read-only store in memory is empty and refuses changes by name", "[store][people]") {
  const auto people = store::open_memory_people("shop/people.sqlite", true, 0);
  EventMaker make;
  for (const auto& [code, what] : {error_of([&] { people->append(Batch{make.view("anna", "i1")}); }), error_of([&] { (void)people->begin(); }),
                                   error_of([&] { (void)people->erase(user_key(PersonSort::user, "anna"), false); })}) {
    CHECK(code == ErrorCode::read_only);
    CHECK_THAT(what, StartsWith("shop/people.sqlite: is open read-only"));
  }
  CHECK(recent(*people, "anna").empty());
  CHECK(people->verify().empty());
}
