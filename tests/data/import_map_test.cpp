#include "pannier/data/import_map.hpp"

#include <string>

#include "pannier/core/error.hpp"
#include "support/catch.hpp"

using namespace pannier;
using namespace pannier::data;

TEST_CASE("import_map: a map names columns by field, in its order", "[data][import_map]") {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  REQUIRE(parse_map("user=customer_id,item=stock code,value=a=b") ==
          Pairs{{"user", "customer_id"}, {"item", "stock code"}, {"value", "a=b"}});
  REQUIRE(parse_map("time=t") == Pairs{{"time", "t"}});
}

TEST_CASE("import_map: the fields are those of an event, in the documented order", "[data][import_map]") {
  std::string all;
  for (const auto name : event_field_names()) all += std::string(name) + " ";
  REQUIRE(all == "event_id time kind user visitor session order item item_name quantity price currency value position dwell_ms query page "
                 "device country channel consent request_id slot ");
}

TEST_CASE("import_map: what is no map is refused with what it was and may be", "[data][import_map]") {
  const auto refused = [](const char* text, const char* problem, const char* allowed) {
    INFO(text);
    try {
      (void)parse_map(text);
    } catch (const Error& error) {
      REQUIRE(error.code() == ErrorCode::invalid_argument);
      REQUIRE(error.where() == "map");
      REQUIRE_THAT(error.problem(), Contains(problem));
      REQUIRE_THAT(error.allowed(), Contains(allowed));
      return;
    }
    FAIL("nothing was refused");
  };
  refused("usr=customer", "'usr' is no field of an event (did you mean user?)", "one of event_id, time, kind");
  refused("zzzzzz=customer", "'zzzzzz' is no field of an event", "item_name");
  refused("user=a,user=b", "the field user is given twice, 'a' and 'b'", "once");
  refused("user=a,item=a", "the column 'a' is given to two fields, user and item", "once");
  refused("user=", "'user=' has an empty side", "field=column");
  refused("=a", "'=a' has an empty side", "field=column");
  refused("user", "'user' has no '='", "field=column");
  refused("", "'' has no '='", "field=column");
  refused("user=a,", "'' has no '='", "field=column");
  refused("ga4", "'ga4' has no '='", "field=column");
}
