#include "pannier/clv/customer_file.hpp"

#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "support/catch.hpp"
#include "support/scratch.hpp"

using namespace pannier;
using clv::read_customers;
using Numbers = std::vector<double>;

TEST_CASE("customer_file: columns by name, days converted, others passed over", "[clv][customer_file]") {
  const test::Scratch scratch;
  const auto days = read_customers(scratch.write("customers.csv", "id,note,x,t_x_days,T_days,m_x\nanna,hi,2,14,21,3.5\nben,,0,0,7,0\n"), 7);
  REQUIRE(days.ids == std::vector<std::string>{"anna", "ben"});
  REQUIRE(days.frequency == Numbers{2, 0});
  REQUIRE(days.recency == Numbers{2, 0});
  REQUIRE(days.age == Numbers{3, 1});
  REQUIRE(days.spend == Numbers{3.5, 0});
  REQUIRE(days.counts == Numbers{1, 1});
  const auto renamed = read_customers(scratch.write("customers.csv", "x;last;n;customers\n1;2,5;6;40\n"), 7, "t_x=last,count=customers");
  REQUIRE(renamed.ids == std::vector<std::string>{"1"});
  REQUIRE(renamed.recency == Numbers{2.5});
  REQUIRE(renamed.age == Numbers{6});
  REQUIRE(renamed.counts == Numbers{40});
  REQUIRE(renamed.spend.empty());
  // A number of orders beside T is no number of opportunities.
  REQUIRE(read_customers(scratch.write("customers.csv", "x,t_x,T,n\n1,16.5,39,2\n"), 7).age == Numbers{39});
}

TEST_CASE("customer_file: what is missing or no number is refused with line and column", "[clv][customer_file]") {
  const test::Scratch scratch;
  const auto refused = [&](const std::string& text, const char* message, const char* map = "") { REQUIRE_THROWS_WITH(read_customers(scratch.write("customers.csv", text), 7, map), Contains(message)); };
  refused("id,x,t_x\na,1,2\n", "T_days");
  refused("id,t_x,T\na,1,2\n", "a column named x");
  refused("x,t_x,T\n1,2,3\n1,soon,3\n", "customers.csv:3:t_x: is 'soon'");
  refused("x,t_x,T\n1,,3\n", "customers.csv:2:t_x");
  refused("x,t_x,T\n1,nan,3\n", "customers.csv:2:t_x");
  refused("x,t_x,T\n1,2\n", "customers.csv:2");
  refused("x,t_x,T\n", "customers.csv");
  refused("", "customers.csv");
  refused("x,t_x,T\n1,2,3\n", "is no field of a customer", "frequency=x");
  refused("x,t_x,T\n1,2,3\n", "often", "x=often");
  refused("x,t_x,T\n1,2,3\n", "names x twice", "x=t_x,x=T");
  refused("x,t_x,T\n1,2,3\n", "has no column", "x");
  REQUIRE_THROWS_AS(read_customers(scratch.folder() / "none.csv", 7), Error);
}
