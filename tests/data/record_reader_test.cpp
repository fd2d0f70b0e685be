#include "data/record_reader.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/data/event_file.hpp"
#include "support/catch.hpp"

using namespace pannier;
using namespace pannier::data;

namespace {

struct Record {
  std::uint64_t line = 0;
  std::vector<std::string> fields;  ///< Empty: wrong quotes.
  bool operator==(const Record&) const = default;
};

/// A file in memory that is read in pieces of any size.
class TextSource final : public ByteSource {
 public:
  TextSource(std::string text, std::size_t piece) : text_(std::move(text)), piece_(piece) {}
  std::size_t read(std::span<char> out) override {
    const auto count = std::min({out.size(), piece_, text_.size() - at_});
    std::memcpy(out.data(), text_.data() + at_, count);
    at_ += count;
    return count;
  }
  std::uint64_t position() const noexcept override { return at_; }
  std::uint64_t size() const noexcept override { return text_.size(); }

 private:
  std::string text_;
  std::size_t piece_, at_ = 0;
};

struct Outcome {
  std::vector<Record> records;
  std::string refused;  ///< Where, when the reader gave up.
  bool operator==(const Outcome&) const = default;
};

Outcome read_all(const std::string& text, const char* name, std::size_t capacity = 1 << 16, std::size_t piece = 1 << 20) {
  Outcome out;
  try {
    RecordReader reader(std::make_unique<TextSource>(text, piece), name, capacity);
    for (;;) {
      const auto step = reader.next();
      if (step == RecordReader::Step::end) return out;
      if (step == RecordReader::Step::block_end) {
        reader.load();
        continue;
      }
      out.records.push_back({reader.line(), {}});
      if (reader.bad_quote().empty())
        for (const auto field : reader.fields()) out.records.back().fields.emplace_back(field);
    }
  } catch (const Error& error) {
    out.refused = error.where();
  }
  return out;
}

/// RFC 4180 byte by byte, the obvious way.
Outcome slow_csv(const std::string& text, char separator, bool quotes) {
  Outcome out;
  std::size_t at = 0;
  std::uint64_t line = 1;
  const auto is_end = [&](std::size_t i) { return text[i] == '\n' || text[i] == '\r'; };
  const auto pass_end = [&](std::size_t i) { return text.compare(i, 2, "\r\n") == 0 ? i + 2 : i + 1; };
  while (at < text.size()) {
    if (is_end(at)) {
      at = pass_end(at);
      ++line;
      continue;
    }
    Record record{line, {}};
    for (bool more = true; more;) {
      std::string field;
      if (quotes && at < text.size() && text[at] == '"') {
        const auto quote_line = line;
        std::size_t first_end = 0;
        for (++at;;) {
          if (at >= text.size()) {
            out.refused = "x.csv:" + std::to_string(quote_line);
            return out;
          }
          if (text[at] == '"') {
            if (at + 1 < text.size() && text[at + 1] == '"') {
              field += '"';
              at += 2;
              continue;
            }
            ++at;
            break;
          }
          if (is_end(at)) {
            if (first_end == 0) first_end = at;
            ++line;
            const auto next = pass_end(at);
            field += text.substr(at, next - at);
            at = next;
            continue;
          }
          field += text[at++];
        }
        if (at < text.size() && text[at] != separator && !is_end(at)) {  // Lost: go on at the line after the opening.
          record = {quote_line, {}};
          line = quote_line;
          if (first_end != 0) at = first_end;
          while (at < text.size() && !is_end(at)) ++at;
          break;
        }
      } else {
        while (at < text.size() && text[at] != separator && !is_end(at)) field += text[at++];
      }
      record.fields.push_back(field);
      more = at < text.size() && text[at] == separator;
      if (more) ++at;
    }
    if (at < text.size()) {
      at = pass_end(at);
      ++line;
    }
    out.records.push_back(record);
  }
  return out;
}

}  // namespace

TEST_CASE("record_reader: quotes, doubled quotes and line ends inside quotes are read as RFC 4180 says", "[data][record_reader]") {
  const auto out = read_all("a,\"b,c\",\"say \"\"hi\"\"\"\n\"two\r\nlines\",,x\r\"\",z\"z,\"\"\"\"\n", "x.csv");
  REQUIRE(out.records == std::vector<Record>{{1, {"a", "b,c", "say \"hi\""}}, {2, {"two\r\nlines", "", "x"}}, {4, {"", "z\"z", "\""}}});
}

TEST_CASE("record_reader: a quote is a character in TSV", "[data][record_reader]") {
  const auto out = read_all("a\t\"b\tc\"\"\r\n\"\n", "x.tsv");
  REQUIRE(out.records == std::vector<Record>{{1, {"a", "\"b", "c\"\""}}, {2, {"\""}}});
}

TEST_CASE("record_reader: lines end in LF, CRLF or CR, empty ones are passed over but counted", "[data][record_reader]") {
  const auto out = read_all("\n\r\na\rb\r\n\r\rc\n\n\nd", "x.csv");
  REQUIRE(out.records == std::vector<Record>{{3, {"a"}}, {4, {"b"}}, {7, {"c"}}, {10, {"d"}}});
}

TEST_CASE("record_reader: a byte order mark is skipped at the start only", "[data][record_reader]") {
  REQUIRE(read_all("\xEF\xBB\xBF\"a\",b", "x.csv").records == std::vector<Record>{{1, {"a", "b"}}});
  REQUIRE(read_all("a\n\xEF\xBB\xBFz", "x.csv").records == std::vector<Record>{{1, {"a"}}, {2, {"\xEF\xBB\xBFz"}}});
}

TEST_CASE("record_reader: the dialect is told by the name, else by the first line", "[data][record_reader]") {
  const auto dialect = [](const char* name, const char* text) {
    return RecordReader(std::make_unique<TextSource>(text, 100), name).dialect();
  };
  REQUIRE(dialect("x.TSV", "a,b") == Dialect::tsv);
  REQUIRE(dialect("x.tsv.gz", "a,b") == Dialect::tsv);
  REQUIRE(dialect("x.csv", "a\tb") == Dialect::csv);
  REQUIRE(dialect("x.txt", "a\tb\nc,d") == Dialect::tsv);
  REQUIRE(dialect("-", "a\tb,c") == Dialect::csv);
  REQUIRE(dialect("tsv", "a") == Dialect::csv);
}

TEST_CASE("record_reader: CSV is parted by semicolons where its first line has no comma", "[data][record_reader]") {
  REQUIRE(read_all("a;b\n1,5;\"x;\"\"y\n\"\n", "x.csv").records == std::vector<Record>{{1, {"a", "b"}}, {2, {"1,5", "x;\"y\n"}}});
  REQUIRE(read_all("\xEF\xBB\xBF\"a,b\";c\n1;2\n", "x.csv.gz").records == std::vector<Record>{{1, {"a,b", "c"}}, {2, {"1", "2"}}});
  REQUIRE(read_all("a;b\n1;2\n", "-").records == std::vector<Record>{{1, {"a", "b"}}, {2, {"1", "2"}}});
  REQUIRE(read_all("a;b,c\n", "x.csv").records == std::vector<Record>{{1, {"a;b", "c"}}});
  REQUIRE(read_all("a;b\tc\n", "x.tsv").records == std::vector<Record>{{1, {"a;b", "c"}}});
}

TEST_CASE("record_reader: wrong quotes cost the line on which they opened and no other", "[data][record_reader]") {
  const auto out = read_all("a,b\n\"1\" x,2\nc,\"d\ne,\"f\"\ng,h\n", "x.csv");
  REQUIRE(out.records == std::vector<Record>{{1, {"a", "b"}}, {2, {}}, {3, {}}, {4, {"e", "f"}}, {5, {"g", "h"}}});
  REQUIRE(out.refused.empty());
}

TEST_CASE("record_reader: a quote never closed is named at the line where it opened, however long the file", "[data][record_reader]") {
  const std::string head = "a,b\n1,2\nx,\"two\nlines\"\ny,\"open";
  REQUIRE(read_all(head, "x.csv").refused == "x.csv:5");
  std::string endless = head;
  for (int n = 0; n < 200'000; ++n) endless += "\n1,2,3,4,5,6,7,8,9,10,11,12,13,14";
  TextSource* source = nullptr;
  auto owned = std::make_unique<TextSource>(endless, 1 << 20);
  source = owned.get();
  RecordReader reader(std::move(owned), "x.csv");
  const auto read_on = [&] {
    for (;;)
      if (reader.next() == RecordReader::Step::block_end) reader.load();
  };
  REQUIRE_THROWS_WITH(read_on(), StartsWith("x.csv:5: the quote that opens '\"open\\n1,2,") && Contains("is never closed within 1048576 bytes"));
  REQUIRE(source->position() < 3 * longest_line);
}

TEST_CASE("record_reader: a line may have longest_line bytes and no more, wherever blocks end", "[data][record_reader]") {
  for (const std::size_t capacity : {std::size_t{1} << 10, std::size_t{1} << 18, std::size_t{1} << 22}) {
    const std::string longest(longest_line, 'x');
    REQUIRE(read_all("a\n" + longest + "\nb\n", "x.csv", capacity).records.size() == 3);
    REQUIRE(read_all("a\n" + longest + "y\nb\n", "x.csv", capacity).refused == "x.csv:2");
    REQUIRE(read_all("a\n" + longest + "y", "x.csv", capacity).refused == "x.csv:2");
  }
}

TEST_CASE("record_reader: equals a byte-by-byte reader on random text, for any sizes of block and piece", "[data][record_reader]") {
  std::mt19937_64 random(7);
  const std::string_view alphabet = "ab,,\"\"\"\n\n\r\t\xC3\xA9";
  std::size_t records = 0, refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto length = random() % 90; length > 0; --length) text += alphabet[random() % alphabet.size()];
    const std::size_t capacity = 4 + random() % 150, piece = 1 + random() % 40;
    const auto csv = slow_csv(text, ',', true);
    INFO(text);
    INFO(capacity);
    INFO(piece);
    REQUIRE(read_all(text, "x.csv", capacity, piece) == csv);
    REQUIRE(read_all(text, "x.tsv", capacity, piece) == slow_csv(text, '\t', false));
    records += csv.records.size();
    refused += !csv.refused.empty();
  }
  REQUIRE(records > 20'000);
  REQUIRE(refused > 1'000);
}

TEST_CASE("record_reader: a line is suspect whenever it holds a byte that is NUL or not ASCII", "[data][record_reader]") {
  std::string text;
  std::vector<bool> odd;
  for (std::size_t n = 0; n < 400; ++n) {
    odd.push_back(n % 7 == 3);
    text += std::string(n % 31 + 1, 'a') + (odd.back() ? std::string(1, n % 2 == 0 ? '\0' : '\x80') : "b") + "\n";
  }
  RecordReader reader(std::make_unique<TextSource>(text, 1 << 20), "x.csv", 256);
  std::size_t n = 0, spared = 0;
  for (auto step = reader.next(); step != RecordReader::Step::end; step = reader.next()) {
    if (step == RecordReader::Step::block_end) {
      reader.load();
      continue;
    }
    REQUIRE((reader.suspect() || !odd[n]));
    spared += !reader.suspect();
    ++n;
  }
  REQUIRE(n == odd.size());
  REQUIRE(spared > 0);
}
