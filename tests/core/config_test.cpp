#include "pannier/core/config.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "support/catch.hpp"

using namespace pannier;

namespace {

enum class Solver { automatic, exact };

struct Settings {
  bool weighted = false;
  std::int32_t factors = 64;
  std::uint64_t seed = 42;
  float l2 = 0.003f;
  double rate = 0.1;
  std::string label = "a";
  Solver solver = Solver::automatic;
  bool operator==(const Settings&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, Settings>
void visit_fields(Config& c, Visit&& visit) {
  visit("weighted", c.weighted, "Whether.");
  visit("factors", c.factors, Range{1, 4096}, "How many.");
  visit("seed", c.seed, Range{0, 1.8446744073709551615e19}, "Which.");
  visit("l2", c.l2, Range{1e-6, 1e3}, "How strong.");
  visit("rate", c.rate, Range{0, std::numeric_limits<double>::infinity()}, "How fast.");
  visit("label", c.label, "Named.");
  visit("solver", c.solver, Choices<Solver>{{"auto", Solver::automatic}, {"exact", Solver::exact}}, "How.");
}

void refuses(std::string_view json, ErrorCode code, const std::string& message) {
  Settings settings{.factors = 7};
  try {
    fields_from_json(fields_of(settings), json, "c.json");
    FAIL("accepted " << json);
  } catch (const Error& error) {
    INFO(json);
    REQUIRE(error.code() == code);
    REQUIRE_THAT(error.what(), StartsWith(message));
  }
  REQUIRE(settings == Settings{.factors = 7});  // untouched
}

}  // namespace

TEST_CASE("config: JSON lists the fields in their order, numbers in their shortest form", "[core][config]") {
  REQUIRE(to_json(Settings{}) == R"({"weighted":false,"factors":64,"seed":42,"l2":0.003,"rate":0.1,"label":"a","solver":"auto"})");
  REQUIRE(to_json(Settings{.label = "\"\\\n\xC3\xA9"}).find(R"("label":"\"\\\n)" "\xC3\xA9\"") != std::string::npos);
}

TEST_CASE("config: what is written reads back, seeds above 2^53 and extreme floats too", "[core][config]") {
  for (const std::uint64_t seed : {std::uint64_t{0}, (std::uint64_t{1} << 53) + 1, ~std::uint64_t{0}, ~std::uint64_t{0} - 1})
    for (const float l2 : {1e-6f, 1e3f, 0.1f, std::nextafter(0.1f, 1.0f), 16777217.0f / 16777216.0f})
      for (const double rate : {0.0, 1e-320, 1e308, 1.0 / 3, 5e-324}) {
        const Settings settings{true, 4096, seed, l2, rate, "\t\"x\"", Solver::exact};
        REQUIRE(from_json<Settings>(to_json(settings), "c.json") == settings);
      }
}

TEST_CASE("config: what is not named keeps its value", "[core][config]") {
  REQUIRE(from_json<Settings>("", "c") == Settings{});
  REQUIRE(from_json<Settings>("{}", "c") == Settings{});
  REQUIRE(from_json<Settings>(R"({"solver":"exact","factors":5e2})", "c") == Settings{.factors = 500, .solver = Solver::exact});
  REQUIRE(from_json<Settings>(R"({"l2":1,"rate":2})", "c") == Settings{.l2 = 1, .rate = 2});
}

TEST_CASE("config: bad JSON is refused by place", "[core][config]") {
  for (const char* json : {"{", "[]", "3", "null", "{} x", "{\"factors\":}", "{\"factors\":NaN}", "\xFF", "{\"label\":\"\xFF\"}", " "})
    refuses(json, ErrorCode::malformed_input, "c.json: ");
  refuses("[]", ErrorCode::malformed_input, "c.json: a JSON array; expected a JSON object");
  const std::string whole = to_json(Settings{});
  for (std::size_t length = 1; length < whole.size(); ++length) refuses(whole.substr(0, length), ErrorCode::malformed_input, "c.json: no JSON");
}

TEST_CASE("config: a bad setting is refused by name, and no other one is taken", "[core][config]") {
  const auto bad = ErrorCode::invalid_argument;
  refuses(R"({"rate":3,"factors":0})", bad, "c.json:factors: 0 is out of range; expected a whole number from 1 to 4096");
  refuses(R"({"weighted":true,"factors":4097})", bad, "c.json:factors: 4097 is out of range");
  refuses(R"({"label":"b","solver":"cg"})", bad, "c.json:solver: \"cg\" does not fit; expected auto or exact");
  refuses(R"({"solver":1})", bad, "c.json:solver: 1 does not fit");
  refuses(R"({"factors":1.5})", bad, "c.json:factors: 1.5 does not fit");
  refuses(R"({"factors":2147483648})", bad, "c.json:factors: 2147483648 does not fit");
  refuses(R"({"factors":-2147483649})", bad, "c.json:factors: -2147483649 does not fit");
  refuses(R"({"factors":"5"})", bad, "c.json:factors: \"5\" does not fit");
  refuses(R"({"factors":null})", bad, "c.json:factors: null does not fit");
  refuses(R"({"seed":-1})", bad, "c.json:seed: -1 does not fit");
  refuses(R"({"seed":18446744073709551616})", bad, "c.json:seed: ");
  refuses(R"({"l2":1e300})", bad, "c.json:l2: inf is out of range");
  refuses(R"({"l2":0})", bad, "c.json:l2: 0 is out of range; expected a finite number from 1e-06 to 1000");
  refuses(R"({"rate":-0.5})", bad, "c.json:rate: -0.5 is out of range; expected a finite number of at least 0");
  refuses(R"({"weighted":1})", bad, "c.json:weighted: 1 does not fit; expected true or false");
  refuses(R"({"label":{"a":[1]}})", bad, "c.json:label: a JSON object does not fit; expected a text");
  refuses("{\"label\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}", bad, "c.json:label: a JSON array does not fit; expected a text");
  refuses("{\"factors\":\"" + std::string(200, 'x') + "\"}", bad, "c.json:factors: \"" + std::string(100, 'x') + "\"... does not fit");
  refuses(R"({"seed":-1})", bad, "c.json:seed: -1 does not fit; expected a whole number from 0 to 2^64-1");
  refuses(R"({"factor":3})", bad, "c.json:factor: is no setting; did you mean factors?; expected weighted, factors, seed, l2, rate, label or solver");
  refuses(R"({"zzz":3})", bad, "c.json:zzz: is no setting; expected weighted,");
  refuses(R"({"factors":3,"factors":4})", bad, "c.json:factors: is given twice");
}

TEST_CASE("config: validation names field, value and range, NaN included", "[core][config]") {
  REQUIRE_NOTHROW(validate(Settings{}));
  REQUIRE_NOTHROW(validate(Settings{.seed = ~std::uint64_t{0}, .l2 = 1e-6f}));
  REQUIRE_THROWS_WITH(validate(Settings{.factors = 0}), "factors: 0 is out of range; expected a whole number from 1 to 4096");
  REQUIRE_THROWS_WITH(validate(Settings{.l2 = std::numeric_limits<float>::quiet_NaN()}), StartsWith("l2: nan"));
  REQUIRE_THROWS_WITH(validate(Settings{.rate = std::numeric_limits<double>::infinity()}), StartsWith("rate: inf"));
  REQUIRE_THROWS_WITH(validate(Settings{.solver = static_cast<Solver>(9)}), StartsWith("solver: has a value without a name"));
}

TEST_CASE("config: key=value settings become JSON", "[core][config]") {
  const std::vector<std::string> settings{"factors=8", "rate=-1.5e-3", "weighted=true", "label=a=b \"c\"", "x=", "y=007", "z=.5", "u=-.25e1", "s=.", "w=1.", "v=1e", "nan=nan"};
  REQUIRE(settings_to_json(settings) == R"({"factors":8,"rate":-1.5e-3,"weighted":true,"label":"a=b \"c\"","x":"","y":"007","z":0.5,"u":-0.25e1,"s":".","w":"1.","v":"1e","nan":"nan"})");
  REQUIRE(settings_to_json({}) == "{}");
  const std::vector<std::string> numbers{"weights=1", "label=true", "factors=8"}, texts{"weights", "label"};
  REQUIRE(settings_to_json(numbers, texts) == R"({"weights":"1","label":"true","factors":8})");
  const std::vector<std::string> one{"seed=18446744073709551615"};
  REQUIRE(from_json<Settings>(settings_to_json(one), "--set").seed == ~std::uint64_t{0});
}

TEST_CASE("config: malformed settings are refused", "[core][config]") {
  const auto refusal = [](std::vector<std::string> settings) {
    try {
      return settings_to_json(settings);
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::invalid_argument);
      return std::string(error.what());
    }
  };
  REQUIRE_THAT(refusal({"factors"}), Contains("\"factors\": has no '='"));
  REQUIRE_THAT(refusal({"=3"}), Contains("empty key"));
  REQUIRE_THAT(refusal({"a=1", "b=2", "a=3"}), Contains("gives a a second time"));
  REQUIRE_THAT(refusal({"a=\xFF"}), Contains("is not UTF-8"));
}

TEST_CASE("config: the nearest name is proposed only when it is near", "[core][config]") {
  const std::vector<std::string_view> names{"factors", "l2", "epochs", "neighbours", "seed"};
  REQUIRE(nearest_name("factor", names) == "factors");
  REQUIRE(nearest_name("nieghbours", names) == "neighbours");
  REQUIRE(nearest_name("neighbors", names) == "neighbours");
  REQUIRE(nearest_name("l1", names) == "l2");
  REQUIRE(nearest_name("epoch_s", names) == "epochs");
  REQUIRE(nearest_name("latent", names).empty());
  REQUIRE(nearest_name("", names).empty());
  REQUIRE(nearest_name("s", names).empty());
  REQUIRE(nearest_name("seed", {}).empty());
}
