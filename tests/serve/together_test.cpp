/// Orders from a file to the answer of op together, and a shop that knows no people.
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;
using serve::Op;
using serve::Policy;

namespace {

constexpr std::string_view config =
    R"({"models": [{"name": "popular"}, {"name": "item_knn"}, {"name": "ials", "factors": 4, "epochs": 2}, {"name": "together", "significance": 1, "minimum_count": 2}]})";

/// Orders of tea (tea, cup, saucer) and of bread (bread, butter), the bag in every fourth; `user` of order n is person(n).
template <class Person>
std::string orders(Person person, int count = 40) {
  std::string out = "time,kind,user,order,item\n";
  const auto line = [&](int n, const char* item) {
    out += format_time(test::opening_us + n * us_per_day / 4) + ",purchase," + person(n) + ",o" + std::to_string(n) + "," + item + "\n";
  };
  for (int n = 0; n < count; ++n) {
    if (n % 2 == 0) line(n, "tea"), line(n, "cup");
    else line(n, "bread"), line(n, "butter");
    if (n % 6 == 0) line(n, "saucer");
    if (n % 4 == 0 || n % 4 == 3) line(n, "bag");
  }
  return out;
}

struct Tearoom {
  explicit Tearoom(const std::string& events, std::string_view models = config) : store(test::open_store(folder)) {
    serve::TrainInputs inputs;
    inputs.events = {folder.write("events.csv", events)};
    report = serve::train(*store, inputs, serve::train_config_from_json(models, "config"), test::one_thread());
    engine = serve::Engine::open(store, {.clock = [] { return test::now_us; }});
  }
  std::vector<std::string> ask(Op op, const std::vector<std::string>& items, std::uint32_t count = 10) {
    std::vector<ItemKey> keys;
    for (const auto& item : items) keys.push_back(item_key(item));
    serve::Request request{.op = op, .count = count, .explain = true};
    (op == Op::recommend ? request.session : request.items) = keys;
    engine->answer(request, workspace, response);
    std::vector<std::string> out;
    for (std::size_t slot = 0; slot < response.items().size(); ++slot) out.emplace_back(response.item_id(slot));
    return out;
  }
  test::Folder folder;
  std::shared_ptr<store::Store> store;
  serve::TrainReport report;
  std::shared_ptr<serve::Engine> engine;
  serve::EngineWorkspace workspace;
  serve::Response response;
};

std::string nobody(int) { return {}; }
std::string somebody(int n) { return "u" + std::to_string(n % 7); }

}  // namespace

TEST_CASE("together: an item is answered with what shares its orders, with reasons", "[serve][together]") {
  Tearoom shop(orders(somebody));
  REQUIRE(shop.ask(Op::together, {"tea"}) == std::vector<std::string>{"cup", "saucer"});
  REQUIRE(shop.response.policy() == Policy::together);
  REQUIRE(name(shop.response.policy()) == "together");
  REQUIRE_FALSE(shop.response.fallback());
  const auto reasons = shop.response.reasons(0);
  REQUIRE(reasons.size() == 1);
  REQUIRE(shop.response.reason_id(reasons[0]) == "tea");
  REQUIRE(reasons[0].weight == shop.response.items()[0].score);
}

TEST_CASE("together: no item of the cart is returned, twice in it or not, and unknown ones change nothing", "[serve][together]") {
  Tearoom shop(orders(somebody));
  REQUIRE(shop.ask(Op::together, {"tea", "cup", "tea"}) == std::vector<std::string>{"saucer"});
  REQUIRE(shop.response.reasons(0).size() == 2);
  REQUIRE(shop.ask(Op::together, {"tea", "cup", "new arrival"}) == std::vector<std::string>{"saucer"});
  const auto both = shop.ask(Op::together, {"tea", "bread"});
  REQUIRE(both.size() == 3);
  REQUIRE(shop.ask(Op::together, {"tea"}, 1) == std::vector<std::string>{"cup"});
}

TEST_CASE("together: falls back to similar items and to popular ones, without the cart", "[serve][together]") {
  Tearoom shop(orders(somebody), R"({"models": [{"name": "popular"}, {"name": "item_knn"}]})");
  const auto similar = shop.ask(Op::together, {"tea"});
  REQUIRE(shop.response.policy() == Policy::similar);
  REQUIRE(shop.response.fallback());
  REQUIRE(similar.front() == "cup");
  const auto popular = shop.ask(Op::together, {"unheard of"});
  REQUIRE(shop.response.policy() == Policy::popular);
  REQUIRE(popular.size() == 6);
  Tearoom bare(orders(somebody), R"({"models": [{"name": "popular"}]})");
  REQUIRE(bare.ask(Op::together, {"tea", "cup"}).size() == 4);
  REQUIRE(bare.response.policy() == Policy::popular);
}

TEST_CASE("together: a cart of none or of more than 10,000 items is refused", "[serve][together]") {
  Tearoom shop(orders(somebody));
  REQUIRE_THROWS_WITH(shop.ask(Op::together, {}), StartsWith("request.items: has 0 items"));
  REQUIRE_THROWS_WITH(shop.ask(Op::together, std::vector<std::string>(10'001, "tea")), StartsWith("request.items: has 10001 items"));
}

TEST_CASE("together: the JSON door answers it and says what an item is bought with", "[serve][together]") {
  Tearoom shop(orders(somebody));
  const auto answer = shop.engine->call_json(R"({"op": "together", "items": ["tea", "cup"], "n": 3, "explain": true})", shop.workspace, shop.response);
  REQUIRE_THAT(answer, Contains(R"("policy":"together","fallback":false,"items":[{"item":"saucer")") && Contains(R"("kind":"bought_with","item":"tea")"));
}

TEST_CASE("together: a shop that knows nobody is trained on its orders, whatever the model", "[serve][together]") {
  Tearoom shop(orders(nobody));
  REQUIRE(shop.report.users == 0);
  REQUIRE(shop.report.items == 6);
  REQUIRE(shop.ask(Op::together, {"tea"}) == std::vector<std::string>{"cup", "saucer"});
  REQUIRE(shop.ask(Op::similar, {"bread"}).front() == "butter");
  const auto personal = shop.ask(Op::recommend, {"tea"});
  REQUIRE(shop.response.policy() == Policy::personal);
  REQUIRE(personal.front() == "cup");
  Tearoom known(orders([](int n) { return "u" + std::to_string(n); }));  // A person an order: the same rows.
  REQUIRE(shop.ask(Op::similar, {"bread"}) == known.ask(Op::similar, {"bread"}));
  REQUIRE(shop.response.items()[0].score == known.response.items()[0].score);
}

TEST_CASE("together: training tells of orders without a person and of their cancellations", "[serve][together]") {
  Tearoom shop("time,kind,user,order,item,quantity,price\n2024-01-01,purchase,,1,a,2,3\n2024-01-01,purchase,,1,b,1,3\n2024-01-02,purchase,,2,b,1,3\n2024-01-03,refund,,C1,a,1,3\n"
               "2024-01-03,refund,,C2,b,1,3\n2024-01-04,refund,,C3,b,1,9\n2024-01-04,purchase,ann,4,a,1,3\n");
  REQUIRE(shop.report.orders_without_person == 1);
  REQUIRE(shop.report.cancellations == data::RefundMatches{.whole = 2, .in_part = 0, .unmatched = 1});
  REQUIRE_THAT(serve::to_json(shop.report), Contains(R"("orders_without_person":{"trained":1,"cancellations":{"whole":2,"in_part":0,"unmatched":1}})"));
}

TEST_CASE("together: orders of nobody add to those of people", "[serve][together]") {
  // People buy bread, everybody else tea.
  Tearoom shop(orders([](int n) { return n % 2 == 0 ? std::string() : "u" + std::to_string(n % 5); }));
  REQUIRE(shop.ask(Op::similar, {"tea"}).front() == "cup");
  REQUIRE(shop.ask(Op::together, {"tea"}).front() == "cup");
}
