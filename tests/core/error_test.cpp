#include "pannier/core/error.hpp"

#include <set>
#include <string>

#include "support/catch.hpp"

using pannier::Error;
using pannier::ErrorCode;

TEST_CASE("error: the message says where, what and what is allowed", "[core][error]") {
  const Error error(ErrorCode::malformed_input, "events.csv:12:price", "\"x\" is no number", "a price");
  REQUIRE(error.what() == std::string("events.csv:12:price: \"x\" is no number; expected a price"));
  REQUIRE(error.code() == ErrorCode::malformed_input);
  REQUIRE(error.where() == "events.csv:12:price");
  REQUIRE(error.problem() == "\"x\" is no number");
  REQUIRE(error.allowed() == "a price");
}

TEST_CASE("error: an empty part leaves no separator behind", "[core][error]") {
  REQUIRE(Error(ErrorCode::io_failure, "a.pnr", "is gone").what() == std::string("a.pnr: is gone"));
  REQUIRE(Error(ErrorCode::internal, "", "oops").what() == std::string("oops"));
  REQUIRE(Error(ErrorCode::internal, "", "oops", "none").what() == std::string("oops; expected none"));
}

TEST_CASE("error: every code has a name of its own, and its number never changes", "[core][error]") {
  std::set<std::string_view> names;
  for (int code = 0; code <= 11; ++code) names.insert(pannier::name(static_cast<ErrorCode>(code)));
  REQUIRE(names.size() == 12);
  REQUIRE(names.count("unknown") == 0);
  REQUIRE(pannier::name(static_cast<ErrorCode>(12)) == "unknown");
  REQUIRE(pannier::name(ErrorCode::invalid_argument) == "invalid_argument");
  REQUIRE(static_cast<int>(ErrorCode::cancelled) == 6);
  REQUIRE(static_cast<int>(ErrorCode::internal) == 11);
}
