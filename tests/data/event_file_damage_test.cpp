#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "pannier/core/time.hpp"
#include "pannier/data/catalog.hpp"
#include "pannier/data/event_file.hpp"
#include "pannier/data/split.hpp"
#include "support/catch.hpp"
#include "support/gzip.hpp"
#include "support/imported.hpp"
#include "support/scratch.hpp"

using namespace pannier;
using namespace pannier::data;
using test::error_of;

namespace {

const std::string header = "time,kind,user,item,quantity,price\n";
const std::string good_line = "2024-05-01,purchase,u,i,1,2.50\n";

ImportSummary read(const std::filesystem::path& file, const ImportOptions& options = {}) { return test::read_file(file, options).summary; }

void refused(std::string_view text, const std::string& where, const std::string& problem, const std::string& allowed,
             const ImportOptions& options = {}, const std::string& name = "e.csv") {
  const auto error = error_of(text, options, name);
  CAPTURE(error.what());
  REQUIRE(error.code() == ErrorCode::malformed_input);
  REQUIRE(error.where() == where);
  REQUIRE_THAT(error.problem(), Contains(problem));
  REQUIRE_THAT(error.allowed(), Contains(allowed));
}

/// A bad line: refused under stop with its place, and dropped alone under skip, with the same message as the example.
void bad_line(const std::string& head, const std::string& line, const std::string& good, const std::string& where, const std::string& problem,
              const std::string& allowed, const std::string& cause, ImportOptions options = {}) {
  INFO(line);
  const auto text = head + good + line + good;
  refused(text, where, problem, allowed, options);
  options.on_error = OnError::skip;
  const test::Scratch scratch;
  const auto summary = read(scratch.write("e.csv", text), options);
  REQUIRE(summary.read == 3);
  REQUIRE(summary.given == 2);
  REQUIRE(summary.dropped.size() == 1);
  REQUIRE(summary.dropped.begin()->first == cause);
  REQUIRE(summary.dropped.begin()->second.lines == 1);
  REQUIRE_THAT(summary.dropped.begin()->second.example, Contains(where + ": ") && Contains(problem) && Contains(allowed));
}

void bad_line(const std::string& line, const std::string& where, const std::string& problem, const std::string& allowed, const std::string& cause) {
  bad_line(header, line + "\n", good_line, where, problem, allowed, cause);
}

const ImportOptions skipping{.columns = {}, .constant_kind = {}, .on_error = OnError::skip};

}  // namespace

TEST_CASE("event_file: a file that is not there, a folder and an unreadable kind are named", "[data][event_file]") {
  const test::Scratch scratch;
  const auto code_of = [](const std::filesystem::path& file) {
    try {
      (void)read(file);
    } catch (const Error& error) {
      REQUIRE(error.where() == file.string());
      return error.code();
    }
    return ErrorCode::ok;
  };
  REQUIRE(code_of(scratch.folder() / "none.csv") == ErrorCode::not_found);
  REQUIRE(code_of(scratch.folder() / "none" / "none.csv") == ErrorCode::not_found);
  REQUIRE(code_of(scratch.folder()) == ErrorCode::io_failure);
  REQUIRE(code_of(scratch.write("e.zip", "PK\x03\x04rest")) == ErrorCode::unsupported);
  REQUIRE(code_of(scratch.write("e.csv", "\xFF\xFEt\0i\0m\0e\0")) == ErrorCode::unsupported);
#if !PANNIER_WITH_ZLIB
  REQUIRE(code_of(scratch.write("e.gz", "\x1F\x8B\x08")) == ErrorCode::unsupported);
#endif
}

TEST_CASE("event_file: an empty file, no header and no line of data are refused whatever on_error says", "[data][event_file]") {
  for (const auto& options : {ImportOptions{}, skipping}) {
    refused("", "e.csv:1", "the file is empty", "a header line", options);
    refused("\xEF\xBB\xBF", "e.csv:1", "the file is empty", "a header line", options);
    refused("\n\r\n", "e.csv:1", "the file is empty", "a header line", options);
    refused(header, "e.csv:1", "the file ends after its header", "at least one line of data", options);
    refused("\n" + header + "\n\n", "e.csv:2", "the file ends after its header", "at least one line of data", options);
    refused("time,kind,user,item,quantity,price", "e.csv:1", "the file ends after its header", "at least one line of data", options);
  }
}

TEST_CASE("event_file: a missing column is named with those found and the near one", "[data][event_file]") {
  for (const auto& options : {ImportOptions{}, skipping}) {
    refused("tme,kind,user,item\n" + good_line, "e.csv:1",
            "there is no column 'time' for the event's time (did you mean tme?); the columns are 'tme', 'kind', 'user', 'item'",
            "a column named time, or --map time=COLUMN", options);
    refused("time,user,item\n" + good_line, "e.csv:1", "no column 'kind'", "--kind KIND", options);
    refused("time,kind,user,sku\n" + good_line, "e.csv:1", "no column 'item'", "--map item=COLUMN", options);
    refused("time,kind,client,item\n" + good_line, "e.csv:1", "no column 'user' for the person or the order", "user, visitor, session or order", options);
  }
  ImportOptions mapped;
  mapped.columns = parse_map("user=custmer_id");
  refused("time,kind,customer_id,item\n" + good_line, "e.csv:1",
          "no column 'custmer_id' for the event's user, which the map reads from it (did you mean customer_id?)", "a column of the file", mapped);
  refused("time|kind|user|item\n", "e.csv:1", "the columns are 'time|kind|user|item'", "the header has no commas but '|'");
  refused("time;kind;client;item\n" + good_line, "e.csv:1", "no column 'user' for the person or the order", "user, visitor, session or order");
  refused("time\tkind\tuser\titem\n", "e.csv:1", "the columns are 'time\\tkind\\tuser\\titem'", "TSV (a name that ends in .tsv) tabs");
  refused("time,kind,user,item\n", "e.tsv:1", "the columns are 'time,kind,user,item'", "the header has no tabs but ','", {}, "e.tsv");
}

TEST_CASE("event_file: a header with a column twice, broken text or broken quotes is refused", "[data][event_file]") {
  refused("time,kind,user,item,user\n" + good_line, "e.csv:1", "the column 'user' stands twice in the header, as column 3 and column 5", "once");
  refused("time,kind,us\xE9r,item\n" + good_line, "e.csv:1", "'us\\xE9r' is not UTF-8: byte 3 is 0xE9", "UTF-8");
  refused(std::string_view("time,kind,u\0,item\n", 18), "e.csv:1", "NUL", "without NUL");
  refused("time,\"kind\"x,user,item\n" + good_line, "e.csv:1", "text follows the closing quote", "a comma");
  refused("time,\"kind,user,item\n" + good_line, "e.csv:1", "is never closed", "a closing \"");
  const test::Scratch scratch;
  REQUIRE(read(scratch.write("e.csv", "time,kind,user,item,,\n2024-05-01,view_item,u,i,x,y\n")).given == 1);
}

TEST_CASE("event_file: options that contradict themselves are refused by name", "[data][event_file]") {
  const auto option_error = [](const ImportOptions& options, const char* where, const char* problem) {
    const auto error = error_of(header + good_line, options);
    REQUIRE(error.code() == ErrorCode::invalid_argument);
    REQUIRE(error.where() == where);
    REQUIRE_THAT(error.problem(), Contains(problem));
  };
  ImportOptions options;
  options.columns = {{"usr", "user"}};
  option_error(options, "map", "'usr' is no field");
  options.columns = {{"user", "a"}, {"item", "a"}};
  option_error(options, "map", "two fields");
  options.columns = {{"kind", "kind"}};
  options.constant_kind = EventKind::purchase;
  option_error(options, "kind", "beside the column 'kind'");
  options.columns = {};
  options.constant_kind = EventKind{99};
  option_error(options, "kind", "99");
  options.constant_kind = {};
  options.utc_offset_us = us_per_day + 1;
  option_error(options, "utc_offset", "86400000001");
  const test::Scratch scratch;
  REQUIRE_THROWS_WITH(read_events(scratch.write("e.csv", header + good_line), {}, {}), StartsWith("sink"));
}

TEST_CASE("event_file: a bad value is refused with file, line, column, value and what was expected, or skipped and counted", "[data][event_file]") {
  bad_line("yesterday,purchase,u,i,1,2", "e.csv:3:time", "'yesterday' is no time", "such as 2024-05-01T10:00:00Z", "bad_time");
  bad_line("99999-01-01,purchase,u,i,1,2", "e.csv:3:time", "'99999-01-01' is no time", "of the years 1970 to 2199", "bad_time");
  bad_line("2024-02-30,purchase,u,i,1,2", "e.csv:3:time", "'2024-02-30' is no time", "a time", "bad_time");
  bad_line("1714564800,purchase,u,i,1,2", "e.csv:3:time", "'1714564800' is no time", "--time-unit s, ms or us", "bad_time");
  bad_line("2300-01-01,purchase,u,i,1,2", "e.csv:3:time", "'2300-01-01' lies outside the years 1970 to 2199", "a time", "time_out_of_range");
  bad_line("1969-12-31,purchase,u,i,1,2", "e.csv:3:time", "'1969-12-31' lies outside", "a time", "time_out_of_range");
  bad_line(",purchase,u,i,1,2", "e.csv:3:time", "is empty", "a time", "missing_time");
  bad_line("2024-05-01,purchse,u,i,1,2", "e.csv:3:kind", "'purchse' is no kind of event (did you mean purchase?)", "one of view_item, add_to_cart", "unknown_kind");
  bad_line("2024-05-01,xyzzy,u,i,1,2", "e.csv:3:kind", "'xyzzy' is no kind of event", "share", "unknown_kind");
  bad_line("2024-05-01,,u,i,1,2", "e.csv:3:kind", "is empty", "one of", "missing_kind");
  bad_line("2024-05-01,purchase,u,,1,2", "e.csv:3:item", "is empty", "an item id", "missing_item");
  bad_line("2024-05-01,purchase,,i,1,2", "e.csv:3", "none of user, visitor, session and order", "at least one", "missing_person");
  for (const std::string number : {"NaN", "nan", "inf", "-inf", "infinity", "1e400", "1e13", "12,5x", "12.5 ", " 1", "+1", "0x10", "1.2.3", "\xC2\xA3" "5", "--1", "-", "."}) {
    bad_line("2024-05-01,purchase,u,i,1,\"" + number + "\"", "e.csv:3:price", "'" + number + "'", "a number from 0 to 1e12", "bad_price");
    bad_line("2024-05-01,purchase,u,i,\"" + number + "\",2", "e.csv:3:quantity", "'" + number + "'", "a number of units", "bad_quantity");
  }
  bad_line("2024-05-01,purchase,u,i,1,-0.01", "e.csv:3:price", "'-0.01'", "0 or more", "negative_price");
  bad_line("2024-05-01,purchase,u,i,0,1", "e.csv:3:quantity", "'0'", "above 0", "zero_quantity");
  bad_line("2024-05-01,view_item,u,i,-1,1", "e.csv:3:quantity", "'-1'", "0 or more", "negative_quantity");
  bad_line("2024-05-01,purchase,u,i,1000000001,1", "e.csv:3:quantity", "'1000000001'", "at most 1e9", "bad_quantity");
  bad_line("2024-05-01,purchase,u,i,-1e300,1", "e.csv:3:quantity", "'-1e300'", "at most 1e9", "bad_quantity");
}

TEST_CASE("event_file: the rarer fields are judged too", "[data][event_file]") {
  const std::string head = "time,kind,user,item,value,currency,position,dwell_ms,slot,consent\n", good = "2024-05-01,view_item,u,i,1,EUR,2,3,4,all\n";
  const auto bad = [&](const std::string& rest, const char* column, const char* problem, const char* allowed, const char* cause) {
    bad_line(head, "2024-05-01,view_item,u,i," + rest + "\n", good, std::string("e.csv:3:") + column, problem, allowed, cause);
  };
  bad("NaN,,,,,", "value", "'NaN'", "a number within 1e12", "bad_value");
  bad(",euro,,,,", "currency", "'euro'", "EUR", "bad_currency");
  bad(",eu1,,,,", "currency", "'eu1'", "three letters", "bad_currency");
  bad(",,-1,,,", "position", "'-1'", "0 to 2147483647", "bad_position");
  bad(",,2147483648,,,", "position", "'2147483648'", "0 to 2147483647", "bad_position");
  bad(",,,1.5,,", "dwell_ms", "'1.5'", "milliseconds", "bad_dwell_ms");
  bad(",,,99999999999999999999,,", "dwell_ms", "'99999999999999999999'", "milliseconds", "bad_dwell_ms");
  bad(",,,,x,", "slot", "'x'", "0 to 2147483647", "bad_slot");
  bad(",,,,,al", "consent", "'al'", "one of unknown, none, essential", "bad_consent");
}

TEST_CASE("event_file: numbers of time are judged by their unit", "[data][event_file]") {
  const std::string head = "t,kind,user,item\n", good = "1714564800,view_item,u,i\n";
  ImportOptions options;
  options.columns = parse_map("time=t");
  options.time_unit = TimeUnit::seconds;
  const auto bad = [&](const std::string& time, const char* problem, const char* allowed, const char* cause) {
    bad_line(head, time + ",view_item,u,i\n", good, "e.csv:3:t", problem, allowed, cause, options);
  };
  bad("2024-05-01", "'2024-05-01' is no time", "a number of seconds since 1970; for dates leave --time-unit out", "bad_time");
  bad("1714564800000", "'1714564800000' lies outside the years", "see --time-unit s, ms or us", "time_out_of_range");
  bad("-1", "'-1' lies outside", "seconds", "time_out_of_range");
  bad("9223372036854775807", "lies outside", "seconds", "time_out_of_range");
  bad("92233720368547758070", "lies outside", "seconds", "time_out_of_range");
  bad("1e300", "lies outside", "seconds", "time_out_of_range");
  bad("nan", "'nan' is no time", "seconds", "bad_time");
}

TEST_CASE("event_file: text that is not UTF-8, holds a NUL or is too long is named with its byte", "[data][event_file]") {
  bad_line("2024-05-01,purchase,caf\xE9,i,1,2", "e.csv:3:user", "'caf\\xE9' is not UTF-8: byte 4 is 0xE9", "UTF-8 text", "invalid_utf8");
  bad_line("2024-05-01,purchase,u,\xED\xA0\x80,1,2", "e.csv:3:item", "byte 1 is 0xED", "UTF-8 text", "invalid_utf8");
  bad_line("2024-05-01,purchase,u,i,1,2\xFF", "e.csv:3:price", "'2\\xFF' is not UTF-8", "UTF-8 text", "invalid_utf8");
  bad_line(std::string("2024-05-01,purchase,u,a\0b,1,2", 29), "e.csv:3:item", "'a\\x00b' holds a NUL byte, at byte 2", "without NUL", "nul_byte");
  bad_line("2024-05-01,purchase,u," + std::string(longest_text + 1, 'x') + ",1,2", "e.csv:3:item", "(4097 bytes) is too long", "at most 4096 bytes", "text_too_long");
}

TEST_CASE("event_file: too few fields, too many and wrong quotes are named by line", "[data][event_file]") {
  bad_line("2024-05-01,purchase,u", "e.csv:3", "the line has 3 fields, the last is 'u'", "as many as the header, 6", "too_few_fields");
  bad_line("word", "e.csv:3", "the line has 1 field, the last is 'word'", "as many as the header, 6", "too_few_fields");
  bad_line("2024-05-01,purchase,u,i,1,2,extra,more", "e.csv:3", "the line has 8 fields, the first too many is 'extra'", "as many as the header, 6", "too_many_fields");
  bad_line("2024-05-01,purchase,u,\"7\" single\",1,2", "e.csv:3", "text follows the closing quote in '\"7\" single\",1,2'", "a comma", "bad_quote");
}

TEST_CASE("event_file: line numbers count the lines inside quotes", "[data][event_file]") {
  refused(header + "2024-05-01,purchase,\"a\r\nb\nc\",i,1,2\n" + "2024-05-01,oops,u,i,1,2\n", "e.csv:5:kind", "'oops'", "one of");
  refused(header + "2024-05-01,purchase,\"a\nb\",i,1,x\n", "e.csv:2:price", "'x'", "a number");
}

TEST_CASE("event_file: a quote never closed ends the file at the line where it opened, quickly and whatever on_error says", "[data][event_file]") {
  std::string rest;
  for (int n = 0; n < 400'000; ++n) rest += good_line;  // 12 MB that must not be read for it.
  for (const auto& options : {ImportOptions{}, skipping}) {
    refused(header + good_line + "2024-05-01,purchase,\"anna,i,1,2\n" + good_line, "e.csv:3", "the quote that opens '\"anna,i,1,2\\n", "a closing \"", options);
    refused(header + good_line + "2024-05-01,purchase,\"anna,i,1,2\n" + rest, "e.csv:3", "is never closed within 1048576 bytes", "a closing \"", options);
    refused(header + good_line + "2024-05-01,purchase,u,\"", "e.csv:3", "the quote that opens '\"' is never closed", "a closing \"", options);
  }
}

TEST_CASE("event_file: a line without end is refused within its bound", "[data][event_file]") {
  refused(header + std::string(longest_line + 1, 'x'), "e.csv:2", "the line has more than 1048576 bytes", "at most 1048576", skipping);
  refused(header + std::string(5 * longest_line, 'x'), "e.csv:2", "the line has more than 1048576 bytes", "at most 1048576", skipping);
  refused(std::string(5 * longest_line, 'x'), "e.csv:1", "the line has more than 1048576 bytes", "at most 1048576", skipping);
}

#if PANNIER_WITH_ZLIB
TEST_CASE("event_file: a gzip cut anywhere is refused, and what came before the cut is not taken for the end", "[data][event_file]") {
  std::string text = header;
  for (int n = 0; n < 40; ++n) text += "2024-05-" + std::to_string(10 + n % 20) + ",purchase,u" + std::to_string(n) + ",i,1,2\n";
  const auto whole = test::gzip(text);
  const test::Scratch scratch;
  REQUIRE(read(scratch.write("e.csv.gz", whole)).given == 40);
  for (std::size_t length = 3; length < whole.size(); ++length) {
    INFO(length);
    const auto error = error_of(whole.substr(0, length), skipping, "e.csv.gz");
    REQUIRE(error.code() == ErrorCode::malformed_input);
    REQUIRE_THAT(error.where(), StartsWith("e.csv.gz:"));
    REQUIRE_THAT(error.problem(), Contains("the gzip data end too early"));
  }
  const auto two = whole + whole.substr(0, whole.size() - 1);
  REQUIRE_THAT(error_of(two, skipping, "e.csv.gz").what(), Contains("end too early"));
}

TEST_CASE("event_file: a gzip with any bit flipped is refused or reads the same events", "[data][event_file]") {
  const auto whole = test::gzip(header + good_line + good_line);
  const test::Scratch scratch;
  std::size_t refusals = 0;
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    INFO(bit);
    auto damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto file = scratch.write("e.csv", damaged);
    try {
      const auto given = read(file, skipping).given;
      // A flip in the header's time or system, or in the bits that fill up the last byte before the sums, changes no data.
      if (given != 2 || (bit / 8 >= 10 && bit / 8 != whole.size() - 9)) FAIL(bit);
    } catch (const Error& error) {
      ++refusals;
      REQUIRE_THAT(error.where(), StartsWith(file.string()));
    }
  }
  REQUIRE(refusals > 8 * (whole.size() - 11));
}

TEST_CASE("event_file: what a flipped bit made of a line is told as damage of the gzip, never of a column", "[data][event_file]") {
  std::string text = header;
  for (int n = 0; n < 30; ++n) text += "2024-05-" + std::to_string(10 + n % 20) + ",purchase,u" + std::to_string(n * n) + ",i" + std::to_string(n % 7) + ",1," + std::to_string(n) + ".5\n";
  const auto whole = test::gzip(text);
  // Of the deflated data, between the ten bytes before and the sums behind them; the last of its bits may be filling.
  for (std::size_t bit = 8 * 10; bit < 8 * (whole.size() - 9); ++bit) {
    INFO(bit);
    auto damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto error = error_of(damaged, {}, "e.csv.gz");
    REQUIRE(error.code() == ErrorCode::malformed_input);
    REQUIRE_THAT(error.problem(), Contains("the gzip data"));
  }
}

TEST_CASE("event_file: other files tell a damaged gzip alike: items, lists of items, lightgcn", "[data][event_file]") {
  const test::Scratch scratch;
  std::string items = "item,price\n", list, matrix;
  for (int n = 0; n < 20; ++n) {
    items += "i" + std::to_string(n * n) + "," + std::to_string(n) + ".5\n";
    list += "i" + std::to_string(n * n) + "\n";
    matrix += std::to_string(n) + " " + std::to_string(n % 7) + "\n";
  }
  const auto refused_as_gzip = [&](const std::string& name, const std::string& text, const auto& read_it) {
    const auto whole = test::gzip(text);
    REQUIRE_NOTHROW(read_it(scratch.write(name, whole)));
    // Past the ten bytes before the data; the filling bits of the last of them change nothing.
    for (std::size_t bit = 8 * 10; bit < 8 * (whole.size() - 9); ++bit) {
      INFO(name << ", bit " << bit);
      auto damaged = whole;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      REQUIRE_THROWS_WITH(read_it(scratch.write(name, damaged)), Contains("the gzip data"));
    }
  };
  refused_as_gzip("items.csv.gz", items, [](const std::filesystem::path& file) { static_cast<void>(read_catalog(file)); });
  refused_as_gzip("drop.txt.gz", list, [](const std::filesystem::path& file) { static_cast<void>(read_item_list(file)); });
  refused_as_gzip("train.txt.gz", matrix, [](const std::filesystem::path& file) { static_cast<void>(read_lightgcn_matrix(file)); });
}

TEST_CASE("event_file: bytes after the end of a gzip are refused", "[data][event_file]") {
  const auto whole = test::gzip(header + good_line);
  for (const std::string& rest : {std::string("x"), std::string("\x1F"), std::string("\x1F\x8C\x08"), std::string(512, '\0'), header + good_line}) {
    const auto error = error_of(whole + rest, skipping, "e.csv.gz");
    REQUIRE(error.code() == ErrorCode::malformed_input);
    REQUIRE(error.where() == "e.csv.gz:3");
    REQUIRE_THAT(error.allowed(), Contains("a whole gzip file"));
  }
  REQUIRE_THAT(error_of(whole + "garbage", {}, "e.csv.gz").problem(), Contains("follow the end of the gzip data"));
}
#endif

TEST_CASE("event_file: any mutation of a valid file is read or refused with file and line, never worse", "[data][event_file]") {
  const std::string csv =
      "time,kind,user,order,item,item_name,quantity,price\n"
      "2024-05-01,purchase,anna,o1,mug,\"Mug, \"\"big\"\"\",2,12.50\n"
      "2024-05-01T10:00:00Z,view_item,b\xC3\xA9" "a,,cup,\"two\nlines\",,\n"
      "2024-05-02 09:30,purchase,,o2,cup,,-1,3\n"
      "2024-05-02,refund,anna,o1,mug,,1,12.50\r\n"
      "2024-05-03,search,cleo,,,,,\n";
  std::string tsv = csv;
  std::replace(tsv.begin(), tsv.end(), ',', '\t');
  const std::string_view pieces[] = {"\"", ",", "\n", "\r", "\t", std::string_view("\0", 1), "\xFF", "\xC3", "-", "9", "e", "nan", "\"\"", ",,", "\r\n", "\xEF\xBB\xBF"};
  std::mt19937_64 random(11);
  const test::Scratch scratch;
  std::size_t good = 0, partly = 0, refused_files = 0;
  for (int round = 0; round < 6'000; ++round) {
    const bool tabs = round % 3 == 2;
    std::string text = tabs ? tsv : csv;
    for (auto changes = 1 + random() % 4; changes > 0 && !text.empty(); --changes) {
      const auto place = random() % text.size();
      switch (random() % 5) {
        case 0: text[place] = static_cast<char>(random()); break;
        case 1: text.erase(place, 1 + random() % 12); break;
        case 2: text.insert(place, pieces[random() % std::size(pieces)]); break;
        case 3: text.insert(place, text.substr(random() % text.size(), random() % 40)); break;
        default: text.resize(random() % 8 == 0 ? place : text.size()); break;
      }
    }
    const auto file = scratch.write(tabs ? "e.tsv" : "e.csv", text);
    for (const auto on_error : {OnError::stop, OnError::skip}) {
      ImportOptions options;
      options.on_error = on_error;
      try {
        const auto summary = read(file, options);
        std::uint64_t dropped = 0;
        for (const auto& [cause, lines] : summary.dropped) {
          dropped += lines.lines;
          if (lines.example.rfind(file.string() + ":", 0) != 0) FAIL(lines.example);
          if (on_error == OnError::stop && cause != "stock_correction") FAIL(cause);
        }
        if (summary.read != summary.given + dropped) FAIL(text);
        good += dropped == 0;
        partly += dropped > 0;
      } catch (const Error& error) {
        ++refused_files;
        const auto prefix = file.string() + ":";
        const auto& where = error.where();
        // A header that begins like another kind of file is refused before there are lines.
        const bool located = where.rfind(prefix, 0) == 0 && where.size() > prefix.size() && where[prefix.size()] >= '1' && where[prefix.size()] <= '9';
        if (!(located || (error.code() == ErrorCode::unsupported && where == file.string())) || error.problem().empty() || error.allowed().empty())
          FAIL(error.what() << "\n" << text);
      }
    }
  }
  REQUIRE(good > 20);
  REQUIRE(partly > 1'000);
  REQUIRE(refused_files > 1'000);
}
