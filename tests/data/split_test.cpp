#include "pannier/data/split.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/time.hpp"
#include "pannier/data/interaction_matrix.hpp"
#include "support/catch.hpp"

using namespace pannier;
using namespace pannier::data;

namespace {

constexpr std::int64_t day = us_per_day;
constexpr auto view = EventKind::view_item;
constexpr auto buy = EventKind::purchase;
constexpr auto refund = EventKind::refund;

void add(EventLog& log, std::string_view user, std::string_view item, EventKind kind, std::int64_t d, double quantity = 1) {
  Event e;
  e.user = user;
  e.item = item;
  e.kind = kind;
  e.time_us = d * day;
  e.quantity = quantity;
  log.append(e);
}

/// Cells by the person's number in the log and the item's id.
using Cells = std::map<std::pair<std::uint32_t, std::string>, float>;
Cells cells(const EventLog& log, const Split& split, const CsrView& part) {
  Cells out;
  for (std::size_t row = 0; row < part.rows; ++row)
    for (std::size_t i = 0; i < part.row_columns(row).size(); ++i)
      out[{split.people[row], std::string(log.item_id(ItemIndex{split.items[part.row_columns(row)[i]]}))}] = part.row_values(row)[i];
  return out;
}

void require_agree(const Split& split) {
  REQUIRE_NOTHROW(require_valid_weights(split.train, "train"));
  REQUIRE_NOTHROW(require_valid_weights(split.test, "test"));
  REQUIRE(split.train.rows == split.test.rows);
  REQUIRE(split.train.cols == split.test.cols);
}

/// A file that is removed again.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& name, std::string_view text)
      : path_(std::filesystem::path(PANNIER_BINARY_DIR) / ("split_test_" + name)) {
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

EventLog random_log(std::uint64_t seed) {
  EventLog log;
  Random random(seed, 8);
  constexpr EventKind kinds[] = {view, view, view, buy, refund, EventKind::share};
  for (int i = 0; i < 3000; ++i)
    add(log, "u" + std::to_string(random.below(400)), "i" + std::to_string(random.below(80)), kinds[random.below(6)],
        static_cast<std::int64_t>(random.below(60)));
  return log;
}

}  // namespace

TEST_CASE("split: events before the cut train, those from then on test", "[data][split]") {
  EventLog log;
  add(log, "ann", "mug", view, 1);
  add(log, "ann", "pan", buy, 9);
  add(log, "ann", "jug", buy, 10);   // At the cut; nobody trains on the jug.
  add(log, "ann", "mug", view, 12);  // A repeat stays in the test.
  add(log, "bob", "pan", view, 11);  // A stranger at the cut.
  add(log, "cid", "lamp", view, 5);
  add(log, "cid", "pan", view, 15);
  add(log, "dee", "lamp", EventKind::share, 5);  // No evidence: no row.
  add(log, "dee", "lamp", view, 15);
  const auto split = split_by_time(log, {}, 10 * day);
  require_agree(split);
  REQUIRE(split.people == std::vector<std::uint32_t>{0, 2});
  REQUIRE(cells(log, split, split.train) == Cells{{{0, "mug"}, 1.f}, {{0, "pan"}, 5.f}, {{2, "lamp"}, 1.f}});
  REQUIRE(cells(log, split, split.test) == Cells{{{0, "mug"}, 1.f}, {{2, "pan"}, 1.f}});
  REQUIRE(split.unknown_items == 1);
  REQUIRE(split.unknown_people == 2);
  REQUIRE(split.items.size() == 3);
}

TEST_CASE("split: a refund acts inside its part", "[data][split]") {
  EventLog log;
  add(log, "ann", "mug", buy, 1);
  add(log, "ann", "pan", buy, 2);
  add(log, "ann", "pan", refund, 3);
  add(log, "ann", "mug", refund, 11);
  add(log, "bob", "pan", view, 1);
  add(log, "bob", "mug", buy, 12);
  add(log, "bob", "mug", refund, 13);
  const auto split = split_by_time(log, {}, 10 * day);
  REQUIRE(cells(log, split, split.train) == Cells{{{0, "mug"}, 5.f}, {{1, "pan"}, 1.f}});
  REQUIRE(split.test.columns.empty());
}

TEST_CASE("split: decay counts to the cut and holds nothing back from the test", "[data][split]") {
  EventLog log;
  add(log, "ann", "mug", view, 8);
  add(log, "bob", "pan", view, 9);
  add(log, "ann", "pan", view, 5000);
  const auto split = split_by_time(log, {.half_life_days = 1}, 10 * day);
  REQUIRE(cells(log, split, split.train) == Cells{{{0, "mug"}, 0.25f}, {{1, "pan"}, 0.5f}});
  REQUIRE(cells(log, split, split.test) == Cells{{{0, "pan"}, 1.f}});
}

TEST_CASE("split: the training part of a time split is the matrix of the log until then", "[data][split]") {
  const auto log = random_log(1);
  const WeightingConfig config{.half_life_days = 20, .cap = 9};
  const auto split = split_by_time(log, config, 30 * day);
  require_agree(split);
  EventLog before;
  for (std::size_t i = 0; i < log.size(); ++i)
    if (log.times_us()[i] < 30 * day)
      before.append(log.person_key(log.persons()[i]), log.item_id(ItemIndex{log.items()[i]}), "", log.kinds()[i], log.times_us()[i],
                    log.quantities()[i], 1, "");
  const auto matrix = build_interactions(before, config, 30 * day);
  const CsrView view_ = matrix;
  std::map<std::pair<std::uint64_t, std::string>, float> want, got;
  for (std::uint32_t person = 0; person < view_.rows; ++person)
    for (std::size_t i = 0; i < view_.row_columns(person).size(); ++i)
      want[{before.person_key(person).low, std::string(before.item_id(ItemIndex{view_.row_columns(person)[i]}))}] = view_.row_values(person)[i];
  for (const auto& [key, weight] : cells(log, split, split.train)) got[{log.person_key(key.first).low, key.second}] = weight;
  REQUIRE(got == want);
  REQUIRE(want.size() > 500);
  REQUIRE(split.test.columns.size() > 500);
}

TEST_CASE("split: last-out holds back each person's last evidence", "[data][split]") {
  EventLog log;
  add(log, "ann", "mug", view, 3);
  add(log, "ann", "pan", view, 1);
  add(log, "ann", "jug", view, 2);
  add(log, "bob", "pan", view, 5);
  add(log, "bob", "mug", view, 5);                   // One time: the order of the log.
  add(log, "bob", "jug", EventKind::share, 9);       // No evidence.
  add(log, "cid", "mug", buy, 1);                    // One event: it trains.
  add(log, "dee", "jug", view, 1);
  add(log, "dee", "pan", buy, 2);
  add(log, "dee", "mug", buy, 3);
  add(log, "dee", "mug", refund, 4);                 // Taken back: not the last one.
  add(log, "eve", "mug", view, 1);
  add(log, "eve", "mug", buy, 2);                    // The item it trains on.
  const auto split = split_last_out(log, {});
  require_agree(split);
  REQUIRE(cells(log, split, split.train) == Cells{{{0, "pan"}, 1.f}, {{0, "jug"}, 1.f}, {{1, "pan"}, 1.f}, {{2, "mug"}, 5.f},
                                                  {{3, "jug"}, 1.f}, {{4, "mug"}, 1.f}});
  REQUIRE(cells(log, split, split.test) == Cells{{{0, "mug"}, 1.f}, {{1, "mug"}, 1.f}, {{3, "pan"}, 1.f}, {{4, "mug"}, 1.f}});
  REQUIRE(split.unknown_items == 0);
}

TEST_CASE("split: an item that only the test knows is left out and counted", "[data][split]") {
  EventLog log;
  add(log, "ann", "mug", view, 1);
  add(log, "ann", "pan", view, 2);
  const auto split = split_last_out(log, {});
  REQUIRE(split.train.columns == std::vector<std::uint32_t>{0});
  REQUIRE(split.train.cols == 1);
  REQUIRE(split.test.columns.empty());
  REQUIRE(split.unknown_items == 1);
}

TEST_CASE("split: does not depend on the number of threads", "[data][split]") {
  const auto log = random_log(2);
  const auto same = [](const Split& a, const Split& b) {
    return a.train == b.train && a.test == b.test && a.people == b.people && a.items == b.items && a.unknown_items == b.unknown_items;
  };
  const FitControl one{.execution = {.threads = 1}}, four{.execution = {.threads = 4}};
  REQUIRE(same(split_by_time(log, {.half_life_days = 3}, 30 * day, one), split_by_time(log, {.half_life_days = 3}, 30 * day, four)));
  const auto last = split_last_out(log, {.half_life_days = 3}, one);
  require_agree(last);
  REQUIRE(same(last, split_last_out(log, {.half_life_days = 3}, four)));
}

TEST_CASE("split: an empty log gives an empty split, a bad config is refused", "[data][split]") {
  const EventLog log;
  REQUIRE(split_by_time(log, {}, 0).train == Csr{});
  REQUIRE(split_last_out(log, {}).test == Csr{});
  REQUIRE_THROWS_WITH(split_last_out(log, {.half_life_days = -1}), StartsWith("half_life_days"));
  REQUIRE_THROWS_WITH(split_by_time(log, {.cap = -1}, 0), StartsWith("cap"));
}

TEST_CASE("split: lightgcn files are read as they are", "[data][split]") {
  const TemporaryFile train("train.txt", "2 5 1\n0 3\n\n1 \r\n"), test("test.txt", "3 0\t2\n0 6");
  const auto split = read_lightgcn(train.path(), test.path(), false);
  require_agree(split);
  REQUIRE(split.train.rows == 4);
  REQUIRE(split.train.cols == 7);
  REQUIRE(split.train.offsets == std::vector<std::int64_t>{0, 1, 1, 3, 3});
  REQUIRE(split.train.columns == std::vector<std::uint32_t>{3, 1, 5});
  REQUIRE(split.train.values == std::vector<float>(3, 1.f));
  REQUIRE(split.test.offsets == std::vector<std::int64_t>{0, 1, 1, 1, 3});
  REQUIRE(split.test.columns == std::vector<std::uint32_t>{6, 0, 2});
}

TEST_CASE("split: lightgcn last-out holds back the last item of a line, not the largest", "[data][split]") {
  const TemporaryFile train("last.txt", "0 5 9 1\n1 4\n2 8 7\n");
  const auto split = read_lightgcn(train.path(), "", true);
  require_agree(split);
  REQUIRE(split.train.columns == std::vector<std::uint32_t>{5, 9, 4, 8});
  REQUIRE(split.train.offsets == std::vector<std::int64_t>{0, 2, 3, 4});
  REQUIRE(split.test.columns == std::vector<std::uint32_t>{1, 7});
  REQUIRE(split.test.offsets == std::vector<std::int64_t>{0, 1, 1, 2});
}

TEST_CASE("split: bad lightgcn input is refused with file, line and text", "[data][split]") {
  const TemporaryFile good("good.txt", "0 1\n");
  const auto refuse = [&](const std::string& text, const std::string& message) {
    INFO(text);
    const TemporaryFile bad("bad.txt", text);
    for (const bool as_test : {false, true}) {
      try {
        static_cast<void>(as_test ? read_lightgcn(good.path(), bad.path(), false) : read_lightgcn(bad.path(), "", true));
        FAIL("was not refused");
      } catch (const Error& error) {
        REQUIRE(error.code() == ErrorCode::malformed_input);
        REQUIRE_THAT(error.what(), StartsWith(bad.path().string() + ":" + message));
      }
    }
  };
  refuse("", " is empty");
  refuse("\n\n", " is empty");
  refuse("0 1\n1 x7\n", "2: 'x7' is no number here; expected a whole number from 0 to 2147483647");
  refuse("0 1\n1 -2\n", "2: '-2'");
  refuse("0 1.5\n", "1: '1.5'");
  refuse("0 nan\n", "1: 'nan'");
  refuse("0 2147483648\n", "1: '2147483648'");
  refuse("0 99999999999999999999999\n", "1: '99999999999999999999999'");
  refuse("0 00000000001\n", "1: '00000000001'");
  refuse("user item\n0 1\n", "1: 'user'");
  refuse("0 1 2 1\n", "1: item 1 stands twice");
  refuse("4 1\n0 2\n4 3\n", "3: user 4 stood in line 1 already");
  refuse("0 1\n2000000000 1\n", "2: user 2000000000 is far beyond");
  refuse("0 2147483647\n", "1: item 2147483647 is far beyond");
  refuse(std::string("0 1\n1 \0\n", 8), "2: '?'");
  refuse("0 " + std::string(100'000, 'a') + "\n", "1: '" + std::string(40, 'a') + "'");
}

TEST_CASE("split: lightgcn files that are not there or do not go together are refused", "[data][split]") {
  const TemporaryFile good("good.txt", "0 1\n");
  REQUIRE_THROWS_AS(read_lightgcn("no/such/file", "", true), Error);
  REQUIRE_THROWS_WITH(read_lightgcn(good.path(), good.path(), true), StartsWith("test: is "));
  REQUIRE_THROWS_WITH(read_lightgcn(good.path(), "", false), StartsWith("test: is not given"));
}

#if PANNIER_WITH_ZLIB
TEST_CASE("split: gowalla has its published counts", "[data][split]") {
  const char* const folder = std::getenv("PANNIER_DATA");
  const auto gowalla = std::filesystem::path(folder != nullptr ? folder : PANNIER_TEST_DATA "/../../../shared/data") / "lightgcn-gowalla";
  if (!std::filesystem::exists(gowalla)) {
    WARN("skipped: no data folder at " << gowalla << " (set PANNIER_DATA)");
    return;
  }
  const auto split = read_lightgcn(gowalla / "train.txt.gz", gowalla / "test.txt.gz", false);
  require_agree(split);
  REQUIRE(split.train.rows == 29'858);
  REQUIRE(split.train.cols == 40'981);
  REQUIRE(split.train.columns.size() == 810'128);
  REQUIRE(split.test.columns.size() == 217'242);
}
#endif

TEST_CASE("split: the cells and the log of the training part are those of the matrix", "[data][split]") {
  const auto log = random_log(3);
  const WeightingConfig config{.half_life_days = 5};
  std::vector<Split> splits;
  splits.push_back(split_by_time(log, config, 30 * day));
  splits.push_back(split_last_out(log, config));
  for (const auto& split : splits) {
    REQUIRE(split.cells.size() == split.train.columns.size());
    REQUIRE(split.log.item_count() == split.items.size());
    // Weighing the split's own log again gives the rows of the matrix, and the cells of it.
    std::size_t at = 0;
    for (std::size_t row = 0; row < split.train.rows; ++row) {
      const auto person = split.log.find_person(log.person_key(split.people[row]));
      REQUIRE(person.has_value());
      std::vector<WeighedEvent> events, scratch;
      for (std::size_t place = 0; place < split.log.size(); ++place)
        if (split.log.persons()[place] == *person)
          events.push_back({.item = split.log.items()[place], .kind = split.log.kinds()[place], .time_us = split.log.times_us()[place],
                            .quantity = split.log.quantities()[place]});
      std::vector<HistoryCell> cells;
      weigh_history(events, config, split.now_us, false, scratch, cells);
      std::sort(cells.begin(), cells.end(), [](const HistoryCell& a, const HistoryCell& b) { return a.item < b.item; });
      for (const auto& cell : cells) {
        REQUIRE(split.cells.at(at) == cell);
        REQUIRE(split.train.columns[at] == cell.item);
        REQUIRE(split.train.values[at] == cell.weight);
        ++at;
      }
      REQUIRE(static_cast<std::int64_t>(at) == split.train.offsets[row + 1]);
    }
  }
  for (const auto time : splits[0].log.times_us()) REQUIRE(time < 30 * day);
}

TEST_CASE("split: an order without a person stays in the training log until the cut", "[data][split]") {
  EventLog log;
  const auto key = user_key(PersonSort::user, "u");
  log.append(key, "a", {}, EventKind::purchase, 1 * day, 1, 2, "o1");
  log.append(std::nullopt, "a", {}, EventKind::purchase, 2 * day, 1, 2, "o2");
  log.append(std::nullopt, "a", {}, EventKind::purchase, 9 * day, 1, 2, "o3");
  log.append(std::nullopt, "b", {}, EventKind::purchase, 2 * day, 1, 2, "o2");  // No column: nobody trains on b.
  const auto split = split_by_time(log, {}, 5 * day);
  REQUIRE(split.log.size() == 2);
  REQUIRE(split.log.persons()[1] == no_person);
  REQUIRE(split.log.orders()[0] != split.log.orders()[1]);
}
