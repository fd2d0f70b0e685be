#include "pannier/data/profile.hpp"

#include <random>
#include <set>
#include <stop_token>

#include "pannier/core/error.hpp"
#include "pannier/data/event.hpp"
#include "pannier/data/simulate.hpp"
#include "support/catch.hpp"
#include "support/gzip.hpp"
#include "support/scratch.hpp"

using namespace pannier;
using namespace pannier::data;

namespace {

using Profiles = std::vector<Profile>;

/// What was read, or how it was refused.
struct Read {
  Profiles profiles;
  ImportSummary summary;
  std::string where, what;
};

Read read_file(const std::filesystem::path& file, OnError on_error = OnError::stop) {
  Read out;
  try {
    out.summary = read_profiles(file, on_error, [&](std::span<const Profile> profiles) { out.profiles.insert(out.profiles.end(), profiles.begin(), profiles.end()); });
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::malformed_input);
    REQUIRE(out.summary.read == 0);
    out.where = error.where().substr(error.where().find_last_of('/') + 1);
    out.what = error.what();
  }
  return out;
}

Read read_text(std::string_view text, OnError on_error = OnError::stop, const std::string& name = "crm.csv") {
  const test::Scratch scratch;
  return read_file(scratch.write(name, text), on_error);
}

/// Refused under stop with its place; alone left out under skip.
void bad_line(const std::string& line, const std::string& where, const std::string& problem, const std::string& cause) {
  INFO(line);
  const std::string text = "user,source,city\nanna,crm,Bern\n" + line + "\nbert,crm,Rome\n";
  const auto stopped = read_text(text);
  REQUIRE(stopped.where == where);
  REQUIRE_THAT(stopped.what, Contains(problem) && Contains("expected"));
  const auto skipped = read_text(text, OnError::skip);
  REQUIRE(skipped.profiles == Profiles{{"anna", "crm", {{"city", "Bern"}}}, {"bert", "crm", {{"city", "Rome"}}}});
  REQUIRE((skipped.summary.read == 3 && skipped.summary.given == 2));
  REQUIRE(skipped.summary.dropped.size() == 1);
  REQUIRE(skipped.summary.dropped.at(cause).lines == 1);
  REQUIRE_THAT(skipped.summary.dropped.at(cause).example, Contains(where + ": ") && Contains(problem));
}

}  // namespace

TEST_CASE("profile: user and source are told from the attributes, which keep the file's order and its empty texts", "[data][profile]") {
  const auto read = read_text(
      "city,user,age,source,,note\n"
      "Bern,anna,41,crm,ignored,\"likes \"\"tea\"\", \n daily\"\n"
      ",bert,,newsletter,,\n");
  REQUIRE(read.profiles == Profiles{{"anna", "crm", {{"city", "Bern"}, {"age", "41"}, {"note", "likes \"tea\", \n daily"}}},
                                    {"bert", "newsletter", {{"city", ""}, {"age", ""}, {"note", ""}}}});
  REQUIRE((read.summary.read == 2 && read.summary.given == 2 && read.summary.dropped.empty()));
}

TEST_CASE("profile: a line without a source has the name of its file without folders", "[data][profile]") {
  REQUIRE(read_text("user,city\nanna,Bern\n").profiles.at(0).source == "crm.csv");
  REQUIRE(read_text("user,source,city\nanna,,Bern\nanna,shop,Rome\n").profiles == Profiles{{"anna", "crm.csv", {{"city", "Bern"}}}, {"anna", "shop", {{"city", "Rome"}}}});
  REQUIRE(read_text("user\nanna\n").profiles == Profiles{{"anna", "crm.csv", {}}});
}

TEST_CASE("profile: TSV, JSON lines and gzip are read as items are", "[data][profile]") {
  REQUIRE(read_text("user\tnote\nanna\t7\" single\n", OnError::stop, "a.tsv").profiles == Profiles{{"anna", "a.tsv", {{"note", "7\" single"}}}});
  const auto json = read_text("{\"user\": 7.0, \"source\": \"crm\", \"age\": 41, \"tags\": [\"tea\", \"mugs\"], \"member\": true, \"city\": null}\n\n{\"user\":\"b\"}\n",
                              OnError::stop, "a.jsonl");
  REQUIRE(json.profiles == Profiles{{"7", "crm", {{"age", "41"}, {"tags", "tea/mugs"}, {"member", "true"}, {"city", ""}}}, {"b", "a.jsonl", {}}});
#if PANNIER_WITH_ZLIB
  REQUIRE(read_text(test::gzip("user,city\nanna,Bern\n"), OnError::stop, "a.csv.gz").profiles == Profiles{{"anna", "a.csv.gz", {{"city", "Bern"}}}});
#endif
}

TEST_CASE("profile: a bad line is refused by its place, or left out and counted", "[data][profile]") {
  bad_line(",crm,Paris", "crm.csv:3:user", "is empty", "missing_person");
  bad_line("anna,crm,Paris", "crm.csv:3:user", "'anna' stands twice in the file with the source 'crm'", "duplicate_user");
  bad_line("c,crm,\xC3(", "crm.csv:3:city", "UTF-8", "invalid_utf8");
  bad_line("c,\xFF,Paris", "crm.csv:3:source", "UTF-8", "invalid_utf8");
  bad_line(std::string("c\0,crm,Paris", 12), "crm.csv:3:user", "NUL", "nul_byte");
  bad_line(std::string(longest_text + 1, 'u') + ",crm,Paris", "crm.csv:3:user", "4097", "text_too_long");
  bad_line("c," + std::string(longest_text + 1, 's') + ",Paris", "crm.csv:3:source", "4097", "text_too_long");
  bad_line("c,crm", "crm.csv:3", "2 fields", "too_few_fields");
  bad_line("c,crm,a,b", "crm.csv:3", "4 fields", "too_many_fields");
  bad_line("c,crm,\"a\"b", "crm.csv:3", "closing quote", "bad_quote");
}

TEST_CASE("profile: a bad line of JSON is refused by its place, or left out and counted", "[data][profile]") {
  const std::string text = "{\"user\":\"a\"}\n{\"user\":\"b\",\n{\"user\":\"c\",\"x\":{\"y\":1}}\n{\"x\":1}\n{\"user\":\"d\",\"x\":1,\"x\":2}\n{\"user\":\"e\"}\n";
  const auto stopped = read_text(text, OnError::stop, "a.jsonl");
  REQUIRE(stopped.where == "a.jsonl:2");
  const auto skipped = read_text(text, OnError::skip, "a.jsonl");
  REQUIRE(skipped.profiles == Profiles{{"a", "a.jsonl", {}}, {"e", "a.jsonl", {}}});
  REQUIRE(skipped.summary.dropped.at("bad_json").lines == 2);
  REQUIRE(skipped.summary.dropped.at("bad_type").lines == 1);
  REQUIRE(skipped.summary.dropped.at("missing_person").lines == 1);
}

TEST_CASE("profile: a file that is none is refused by name, whatever is to be done with bad lines", "[data][profile]") {
  for (const auto on_error : {OnError::stop, OnError::skip}) {
    const auto refused = [&](std::string_view text, const std::string& problem, const std::string& name = "crm.csv") {
      INFO(text.substr(0, 60));
      const auto read = read_text(text, on_error, name);
      REQUIRE_THAT(read.what, Contains(name) && Contains(problem));
    };
    refused("", "the file is empty");
    refused("", "the file is empty; expected a JSON object a line, {\"user\"", "a.jsonl");
    refused("user,city\n", "ends after its header");
    refused("users,city\na,b\n", "there is no column 'user' for the person's id (did you mean users?");
    refused("item,name\na,b\n", "there is no column 'user'");
    refused("user|city\na|b\n", "no commas but");
    refused("user,city,city\na,b,c\n", "stands twice in the header");
    refused("time,kind,user,item\n2024-01-01,purchase,a,b\n", "is an event file: it has the columns time, kind and item; expected a users file");
    refused("{\"user\":\"a\",\"time\":1,\"kind\":\"purchase\",\"item\":\"b\"}\n", "is an event file", "a.jsonl");
    refused("user,city\nanna,\"Bern\nbert,Rome\n", "quote");
    refused("user,city\nanna," + std::string(longest_line + 1, 'x') + "\n", "more than 1048576 bytes");
#if PANNIER_WITH_ZLIB
    auto cut = test::gzip("user,city\nanna,Bern\nbert,Rome\n");
    cut.resize(cut.size() - 9);
    refused(cut, "", "a.csv.gz");
#endif
  }
  REQUIRE_THROWS_AS(read_profiles("no such file.csv", OnError::skip, [](auto) {}), Error);
}

TEST_CASE("profile: an event file with some of the columns is read", "[data][profile]") {
  REQUIRE(read_text("user,time,kind\na,noon,person\n").profiles.size() == 1);
}

TEST_CASE("profile: many lines are handed on in pieces and in order, and a stop ends the reading", "[data][profile]") {
  std::string text = "user,n\n";
  constexpr std::size_t many = 20'000;
  for (std::size_t i = 0; i < many; ++i) text += "u" + std::to_string(i) + "," + std::to_string(i) + "\n";
  const test::Scratch scratch;
  const auto file = scratch.write("many.csv", text);
  std::size_t seen = 0, pieces = 0;
  const auto summary = read_profiles(file, OnError::stop, [&](std::span<const Profile> profiles) {
    ++pieces;
    for (const auto& profile : profiles) REQUIRE(profile.user == "u" + std::to_string(seen++));
  });
  REQUIRE((seen == many && summary.given == many && pieces > 1));
  std::stop_source stop;
  FitControl control;
  control.stop = stop.get_token();
  seen = 0;
  try {
    read_profiles(file, OnError::stop, [&](std::span<const Profile> profiles) { seen += profiles.size(), stop.request_stop(); }, control);
    FAIL("nothing stopped it");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::cancelled);
  }
  REQUIRE(seen < many);
}

TEST_CASE("profile: whatever is sunk is passed on, and what is refused never reaches the sink", "[data][profile]") {
  const test::Scratch scratch;
  const auto file = scratch.write("a.csv", "user\nanna\n");
  struct Mine {};
  REQUIRE_THROWS_AS(read_profiles(file, OnError::skip, [](auto) { throw Mine(); }), Mine);
  std::string kept;
  read_profiles(scratch.write("b.csv", "user,city\nanna,Bern\n,Rome\nanna,Oslo\nbert,\xFF\ncleo,Thun\n"), OnError::skip, [&](std::span<const Profile> profiles) {
    for (const auto& profile : profiles) kept += profile.user + ' ';
  });
  REQUIRE(kept == "anna cleo ");
}

TEST_CASE("profile: a file of which every line is left out is stopped, too", "[data][profile]") {
  const test::Scratch scratch;
  std::string text = "user\n";
  for (int i = 0; i < 10'000; ++i) text += "anna\n";
  std::stop_source stop;
  FitControl control;
  control.stop = stop.get_token();
  std::uint64_t last = 0;
  control.progress = [&](const Progress& progress) {
    last = progress.done;
    stop.request_stop();
  };
  REQUIRE_THROWS_AS(read_profiles(scratch.write("a.csv", text), OnError::skip, [](auto) {}, control), Error);
  REQUIRE((last > 0 && last < 10'000));
}

TEST_CASE("profile: no flipped byte of a file makes a profile that is invalid", "[data][profile]") {
  const test::Scratch scratch;
  const std::string sound = "user,source,city\nanna,crm,\"Bern, \"\"old\"\"\"\nb\xC3\xA4rt,shop,Rome\nc,,\n";
  const std::string json = "{\"user\":\"anna\",\"source\":\"crm\",\"tags\":[\"a\",1]}\n{\"user\":\"b\xC3\xA4rt\",\"city\":\"R\\u00fcti\"}\n";
  std::size_t kept = 0;
  for (const auto& [name, text] : {std::pair("a.csv", sound), std::pair("a.tsv", sound), std::pair("a.jsonl", json)})
    for (std::size_t at = 0; at < text.size(); ++at)
      for (const unsigned flip : {0x01u, 0x20u, 0x80u, 0xFFu}) {
        auto damaged = text;
        damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ flip);
        for (const auto& profile : read_file(scratch.write(name, damaged), OnError::skip).profiles) {
          require_valid(profile, "damaged");
          ++kept;
        }
        if (flip == 0x01u) (void)read_file(scratch.write(name, std::string_view(text).substr(0, at)), OnError::skip);
      }
  REQUIRE(kept > 100);
}

TEST_CASE("profile: what no store may hold is refused by field", "[data][profile]") {
  const auto refused = [](Profile profile, const std::string& field) {
    try {
      require_valid(profile, "profiles[3]");
      FAIL("nothing was refused, expected " << field);
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::invalid_argument);
      REQUIRE(error.where() == "profiles[3]." + field);
      REQUIRE_FALSE(error.allowed().empty());
    }
  };
  refused({"", "crm", {}}, "user");
  refused({"a", "", {}}, "source");
  refused({"a", "crm", {{"", "x"}}}, "attributes");
  refused({"a", "crm", {{"city", "\xFF"}}}, "city");
  refused({"a", "crm", {{std::string(longest_text + 1, 'n'), "x"}}}, std::string(longest_text + 1, 'n'));
  refused({"a", "crm", {{"city", std::string(longest_line + 1, 'x')}}}, "city");
  refused({std::string("a\0", 2), "crm", {}}, "user");
  REQUIRE_NOTHROW(require_valid({"a", "crm", {{"city", ""}}}, "profiles[0]"));
}

TEST_CASE("profile: the simulated shop's users are read without a map", "[data][profile]") {
  const test::Scratch scratch;
  simulate_shop(scratch.folder(), {.users = 40, .items = 20, .days = 30, .seed = 5}, {});
  const auto read = read_file(scratch.folder() / "users.csv");
  REQUIRE(read.what.empty());
  REQUIRE(read.profiles.size() > 20);
  REQUIRE(read.summary.dropped.empty());
  std::set<std::string> sources;
  for (const auto& profile : read.profiles) {
    sources.insert(profile.source);
    REQUIRE(profile.attributes.size() == 4);   // An interest that was not named is an empty text.
    REQUIRE((profile.attributes[0].first == "country" && profile.attributes[1].first == "device" && profile.attributes[2].first == "joined"));
  }
  REQUIRE(sources.size() > 1);
}
