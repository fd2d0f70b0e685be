#include <sys/wait.h>
#include <unistd.h>

#include "support/catch.hpp"

#if PANNIER_WITH_SQLITE

#include <csignal>

#include "store/small_events.hpp"
#include "store/small_shop.hpp"

namespace {

using namespace pannier;
using namespace pannier::test;
using store::PeopleStore;
using Batch = std::vector<data::ImportedEvent>;
using Mode = PeopleStore::Mode;

/// Runs `work` in a child process and returns whether it ended well.
template <class Work>
bool in_child(const Work& work) {
  const auto child = ::fork();
  if (child == 0) {
    int code = 1;
    try {
      code = work() ? 0 : 1;
    } catch (...) {
    }
    ::_exit(code);
  }
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("people in SQLite: parent and child of a fork each read and append", "[store][people]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "people.sqlite";
  const auto people = PeopleStore::open(file, Mode::create);
  EventMaker make;
  people->append(Batch{make.view("anna", "i1")});
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    bool good = false;
    try {
      good = recent(*people, "anna").size() >= 1;
      for (int i = 0; i < 50; ++i) people->append(Batch{make.view("child", "i" + std::to_string(i))});
      good = good && recent(*people, "child").size() == 50 && people->verify().empty();
    } catch (...) {
      good = false;
    }
    ::_exit(good ? 0 : 1);
  }
  for (int i = 0; i < 50; ++i) people->append(Batch{make.view("parent", "i" + std::to_string(i))});
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(recent(*people, "parent").size() == 50);
  CHECK(recent(*people, "child").size() == 50);
  CHECK(people->event_count() == 101);
  CHECK(people->verify().empty());
}

TEST_CASE("people in SQLite: a parent that closes its store takes nothing from its child", "[store][people]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "people.sqlite";
  auto people = PeopleStore::open(file, Mode::create);
  EventMaker make;
  people->append(Batch{make.view("anna", "i1")});
  int to_child[2], to_parent[2];
  REQUIRE(::pipe(to_child) == 0);
  REQUIRE(::pipe(to_parent) == 0);
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    bool good = false;
    try {
      char go = 0;
      people->append(Batch{make.view("child", "i1")});
      good = ::write(to_parent[1], "x", 1) == 1 && ::read(to_child[0], &go, 1) == 1;
      people->append(Batch{make.view("child", "i2")});  // after the parent's last connection is gone
      people.reset();
    } catch (...) {
      good = false;
    }
    ::_exit(good ? 0 : 1);
  }
  char ready = 0;
  CHECK(::read(to_parent[0], &ready, 1) == 1);
  people.reset();
  CHECK(::write(to_child[1], "x", 1) == 1);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  for (const int end : {to_child[0], to_child[1], to_parent[0], to_parent[1]}) ::close(end);
  const auto reopened = PeopleStore::open(file, Mode::read_write);
  CHECK(recent(*reopened, "child").size() == 2);
  CHECK(reopened->verify().empty());
}

TEST_CASE("people in SQLite: a child leaves its parent's transaction alone", "[store][people]") {
  const Scratch scratch;
  const auto people = PeopleStore::open(scratch.folder() / "people.sqlite", Mode::create);
  EventMaker make;
  people->append(Batch{make.view("bert", "i0")});
  auto transaction = people->begin();
  transaction->append(Batch{make.view("anna", "i1")});
  CHECK(in_child([&] {
    const bool refused = error_of([&] { transaction->append(Batch{make.view("anna", "i2")}); }).first == ErrorCode::invalid_argument;
    transaction.reset();
    return refused && recent(*people, "anna").empty() && recent(*people, "bert").size() == 1;
  }));
  transaction->append(Batch{make.view("anna", "i3")});
  transaction->commit();
  CHECK(recent(*people, "anna").size() == 2);
  CHECK(people->verify().empty());
}

TEST_CASE("people in SQLite: killed writers leave whole appends and a sound file", "[store][people]") {
  const Scratch scratch;
  const auto file = scratch.folder() / "people.sqlite";
  std::mt19937_64 random(11);
  for (int round = 0; round < 6; ++round) {
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      try {
        EventMaker make;
        const auto people = PeopleStore::open(file, Mode::create);
        const auto start = people->last_sequence();
        for (int i = 0;; ++i) {
          const auto number = std::to_string(start + i);
          people->append(Batch{make.view("first", number), make.view("second", number)});
          if (::write(pipe_ends[1], "x", 1) != 1) break;
        }
      } catch (...) {
      }
      ::_exit(1);
    }
    const auto appends = 1 + random() % 40;
    for (std::uint64_t i = 0; i < appends; ++i) {
      char done = 0;
      CHECK(::read(pipe_ends[0], &done, 1) == 1);
    }
    ::kill(child, SIGKILL);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    if (round % 2 == 0) {  // what a kill leaves is served read-only, and nothing is made or changed
      const auto names = names_in(scratch.folder());
      const auto people = PeopleStore::open(file, Mode::read_only);
      CHECK(recent(*people, "first").size() >= appends);
      CHECK(recent(*people, "first").size() == recent(*people, "second").size());
      CHECK(people->verify().empty());
      CHECK(names_in(scratch.folder()) == names);
    }
  }
  const auto people = PeopleStore::open(file, Mode::read_write);
  CHECK(people->verify().empty());
  CHECK(recent(*people, "first", 100'000).size() == recent(*people, "second", 100'000).size());
}

#endif
