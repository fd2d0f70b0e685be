#include "pannier/serve/train.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "pannier/core/error.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/model/vectors.hpp"
#include "pannier/popularity/buy_again.hpp"
#include "pannier/serve/registry.hpp"
#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;
using test::Folder;

namespace {

serve::TrainConfig quick() { return serve::train_config_from_json(test::quick_config, "config"); }

/// What a failed training may not change.
struct Left {
  std::uint64_t events;
  std::vector<std::string> generations;
  std::optional<std::string> current;
  bool operator==(const Left&) const = default;
};
Left left(const store::Store& store) { return {store.people().event_count(), store.generations(), store.current()}; }

std::string failure(store::Store& store, const serve::TrainInputs& inputs, const serve::TrainConfig& config, const FitControl& control) {
  try {
    static_cast<void>(serve::train(store, inputs, config, control));
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

std::shared_ptr<const store::Generation> current_generation(const store::Store& store) {
  return store.open_generation(store.current().value(), model::Check::full);
}

}  // namespace

TEST_CASE("train: events become a published generation, and the report counts them", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  const auto lines = test::two_tastes();
  const auto report = test::train_lines(*store, folder, lines);
  REQUIRE(report.generation == "00000001");
  REQUIRE(store->current() == report.generation);
  REQUIRE(report.read == lines.size());
  REQUIRE(report.ingested == lines.size());
  REQUIRE(report.duplicates == 0);
  REQUIRE(report.dropped.empty());
  REQUIRE(report.users == 40);
  REQUIRE(report.items == 24);
  REQUIRE(report.models.size() == 3);
  REQUIRE(report.models[2].name == "ials");
  REQUIRE(report.models[2].metrics.empty());
  REQUIRE(report.peak_rss_mb > 1);

  const auto generation = current_generation(*store);
  const auto& info = generation->info();
  REQUIRE(info.parent.empty());
  REQUIRE(info.data_until == store->people().last_sequence());
  REQUIRE(info.first_event_us == lines.front().time_us);
  REQUIRE(info.last_event_us == lines.back().time_us);
  REQUIRE((info.events == lines.size() && info.users == 40 && info.items == 24));
  REQUIRE(serve::to_json(serve::train_config_from_json(info.config_json, "manifest")) == serve::to_json(quick()));
  REQUIRE(generation->models()[1].kind == "item_knn");
}

TEST_CASE("train: the items of a generation descend by the norm of the vector model", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  test::train_lines(*store, folder, test::two_tastes());
  const auto models = serve::open_models(*current_generation(*store));
  REQUIRE(models[2]->vectors() != nullptr);
  const auto norms = models[2]->vectors()->item_norms();
  REQUIRE(std::is_sorted(norms.rbegin(), norms.rend()));
  REQUIRE(norms.front() > norms.back());
  REQUIRE(models[2]->vectors()->norms_descend());
}

TEST_CASE("train: a first training that fails leaves no store, and a stopped one what it took in", "[serve][train]") {
  const Folder folder;
  serve::TrainInputs bad, good;
  bad.events = {folder.write("events.csv", test::csv(test::two_tastes()) + "yesterday,view_item,u1,i1\n")};
  good.events = {folder.write("good.csv", test::csv(test::two_tastes()))};
  const auto store = test::open_store(folder);
  REQUIRE_THAT(failure(*store, bad, quick(), test::one_thread()), Contains("yesterday"));
  REQUIRE_FALSE(std::filesystem::exists(folder / "store"));
  auto config = quick();
  config.models[0].name = "nonesuch";
  REQUIRE_FALSE(failure(*test::open_store(folder), good, config, test::one_thread()).empty());
  REQUIRE_FALSE(std::filesystem::exists(folder / "store"));

  auto control = test::one_thread();
  std::stop_source stop;
  control.stop = stop.get_token();
  control.progress = [&stop](const Progress& progress) {
    if (progress.stage.starts_with("fitting")) stop.request_stop();
  };
  REQUIRE_FALSE(failure(*store, good, quick(), control).empty());
  REQUIRE(store->people().event_count() == test::two_tastes().size());
  REQUIRE(serve::train(*store, good, quick(), test::one_thread()).duplicates == test::two_tastes().size());
}

#if PANNIER_WITH_SQLITE
TEST_CASE("train: a store whose people.sqlite is lost is neither trained nor opened, and left as it was", "[serve][train]") {
  const Folder folder;
  test::train_lines(*test::open_store(folder), folder, test::two_tastes());
  std::filesystem::remove(folder / "store/people.sqlite");
  const auto list = [&] {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "store")) names.insert(entry.path().string());
    return names;
  };
  const auto before = list();
  serve::TrainInputs inputs;
  inputs.events = {folder / "events.csv"};
  REQUIRE_THAT(failure(*test::open_store(folder), inputs, quick(), test::one_thread()), Contains("people.sqlite: is not there") && Contains("restore it from a backup"));
  REQUIRE_THAT(failure(*test::open_store(folder), {}, quick(), test::one_thread()), Contains("people.sqlite: is not there"));
  REQUIRE_THROWS_WITH(serve::Engine::open(test::open_store(folder, store::Store::Mode::read_write), {}), Contains("people.sqlite: is not there"));
  REQUIRE(list() == before);
  // Generations alone can be shipped: a read-only store serves them.
  REQUIRE(serve::Engine::open(test::open_store(folder, store::Store::Mode::read_only), {})->generation()->info().id == "00000001");
  REQUIRE(list() == before);
}
#endif

TEST_CASE("train: lines of the items file that were left out are reported by cause", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  serve::TrainInputs inputs;
  inputs.events = {folder.write("events.csv", test::csv(test::two_tastes()))};
  inputs.items = folder.write("items.csv", "item,name,price\ni1,One,2\ni2,Two,-3\ni1,Again,4\n,Nameless,1\n");
  REQUIRE_THAT(failure(*store, inputs, quick(), test::one_thread()), Contains("items.csv:3:price"));
  inputs.import.on_error = data::OnError::skip;
  const auto report = serve::train(*store, inputs, quick(), test::one_thread());
  REQUIRE(report.dropped.empty());
  REQUIRE(report.items_dropped.size() == 3);
  for (const auto& [cause, lines] : report.items_dropped) {
    REQUIRE(lines.lines == 1);
    REQUIRE_THAT(lines.example, Contains("items.csv:"));
  }
  REQUIRE_THAT(serve::to_json(report), Contains("\"items\":24,\"items_dropped\":{\"") && Contains("\"dropped\":{},\"noted\":{},\"proposals\":[],\"no_products\":[]}"));
}

TEST_CASE("train: importing a file twice changes no event, and training again without files gives the same models", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  const auto lines = test::two_tastes();
  test::train_lines(*store, folder, lines);
  const auto first = serve::open_models(*current_generation(*store));
  const auto again = test::train_lines(*store, folder, lines);
  REQUIRE(again.ingested == 0);
  REQUIRE(again.duplicates == lines.size());
  const auto third = serve::train(*store, {}, quick(), test::one_thread());
  REQUIRE(third.read == 0);
  REQUIRE(third.users == 40);
  REQUIRE(third.generation == "00000003");
  REQUIRE(current_generation(*store)->info().parent == "00000002");
  const auto now = serve::open_models(*current_generation(*store));
  const auto before = first[2]->vectors()->item_vectors(), after = now[2]->vectors()->item_vectors();
  REQUIRE(before.rows == after.rows);
  for (std::size_t i = 0; i < before.rows; ++i) REQUIRE(std::ranges::equal(before.row(i), after.row(i)));
}

TEST_CASE("train: the generation does not depend on the number of threads", "[serve][train]") {
  const Folder one, two;
  const auto lines = test::two_tastes();
  const auto vectors = [&](const Folder& folder, int threads) {
    const auto store = test::open_store(folder);
    serve::TrainInputs inputs;
    inputs.events = {folder.write("events.csv", test::csv(lines))};
    serve::train(*store, inputs, quick(), {.execution = {.threads = threads}, .progress = {}, .stop = {}});
    const auto models = serve::open_models(*current_generation(*store));
    std::vector<float> out;
    const auto view = models[2]->vectors()->item_vectors();
    for (std::size_t i = 0; i < view.rows; ++i) out.insert(out.end(), view.row(i).begin(), view.row(i).end());
    return out;
  };
  REQUIRE(vectors(one, 1) == vectors(two, 3));
}

TEST_CASE("train: catalogue items become items, and keep what is known of them without an items file", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  serve::TrainInputs inputs;
  inputs.events = {folder.write("events.csv", "time,kind,user,item,item_name\n2024-01-01,purchase,u1,a,old name\n2024-01-02,purchase,u2,b,seen\n"
                                              "2024-01-03,purchase,u2,a,event name\n")};
  inputs.items = folder.write("items.csv", "item,name,category,price,stock,brand,colour\na,Mug,mugs/big,3.5,7,Acme,red\ncold,Tray,trays,9,,,\n");
  const auto report = serve::train(*store, inputs, quick(), test::one_thread());
  REQUIRE(report.items == 3);

  const auto check = [&](std::string_view name_of_b) {
    const auto generation = current_generation(*store);
    const auto& items = generation->items();
    REQUIRE(items.size() == 3);
    const auto a = items.find(item_key("a")).value(), b = items.find(item_key("b")).value(), cold = items.find(item_key("cold")).value();
    CHECK(items.item_name(a) == "Mug");
    CHECK(items.category(a) == "mugs/big");
    CHECK(items.price(a) == 3.5f);
    CHECK(items.stock(a) == 7.0f);
    CHECK(items.attributes(a) == std::vector<std::pair<std::string_view, std::string_view>>{{"brand", "Acme"}, {"colour", "red"}});
    CHECK(items.item_name(b) == name_of_b);
    CHECK(items.item_name(cold) == "Tray");
    CHECK(std::isnan(items.stock(cold)));
  };
  check("seen");
  serve::train(*store, {}, quick(), test::one_thread());
  check("seen");
  serve::TrainInputs more;
  more.events = {folder.write("more.csv", "time,kind,user,item,item_name\n2024-01-05,purchase,u1,b,newer\n2024-01-05,purchase,u1,a,newer\n")};
  serve::train(*store, more, quick(), test::one_thread());
  check("newer");

  more.events.clear();
  more.items = folder.write("items2.csv", "item,name\na,Cup\n");
  REQUIRE(serve::train(*store, more, quick(), test::one_thread()).items == 2);
  const auto generation = current_generation(*store);
  REQUIRE(generation->items().item_name(generation->items().find(item_key("a")).value()) == "Cup");
  REQUIRE_FALSE(generation->items().find(item_key("cold")).has_value());
}

TEST_CASE("train: bad input at any point publishes nothing and leaves the people store as it was", "[serve][train]") {
  const Folder folder;
  const auto good = folder.write("good.csv", test::csv(test::two_tastes()));
  const auto header = std::string("time,kind,user,item,price,quantity\n");
  const auto line = std::string("2024-01-01,view_item,u1,i1,2,1\n");
  const std::map<std::string, std::string> bad{
      {"empty", ""},
      {"header only", header},
      {"missing column", "time,kind,user\n2024-01-01,view_item,u1\n"},
      {"unknown kind", header + line + "2024-01-01,look,u1,i1,2,1\n"},
      {"NaN", header + line + "2024-01-01,view_item,u1,i1,nan,1\n"},
      {"negative price", header + line + "2024-01-01,view_item,u1,i1,-2,1\n"},
      {"huge number", header + line + "2024-01-01,view_item,u1,i1,1e400,1\n"},
      {"time out of range", header + line + "2301-01-01,view_item,u1,i1,2,1\n"},
      {"open quote", header + line + "2024-01-01,view_item,\"u1,i1,2,1\n"},
      {"invalid UTF-8", header + line + "2024-01-01,view_item,u1,i\xff,2,1\n"},
      {"truncated gzip", std::string("\x1f\x8b\x08\x00\x00\x00", 6)},
  };
  for (const bool trained : {false, true}) {
    const Folder place;
    const auto store = test::open_store(place);
    if (trained) test::train_lines(*store, place, test::two_tastes(10));
    const auto before = left(*store);
    for (const auto& [cause, text] : bad) {
      INFO(cause);
      serve::TrainInputs inputs;
      inputs.events = {good, folder.write("bad.csv", text)};
      CHECK_THAT(failure(*store, inputs, quick(), test::one_thread()), Contains("bad.csv"));
      CHECK(left(*store) == before);
    }
    serve::TrainInputs inputs;
    inputs.events = {good, folder / "absent.csv"};
    CHECK_THAT(failure(*store, inputs, quick(), test::one_thread()), Contains("absent.csv"));
    CHECK(left(*store) == before);
    inputs.events = {good};
    inputs.items = folder.write("items.csv", "item,price\na,-1\n");
    CHECK_THAT(failure(*store, inputs, quick(), test::one_thread()), Contains("items.csv"));
    CHECK(left(*store) == before);
    inputs.items.clear();
    auto config = quick();
    config.models[2].config_json = R"({"factors": 0})";
    CHECK_THAT(failure(*store, inputs, config, test::one_thread()), Contains("models[2]") && Contains("factors"));
    CHECK(left(*store) == before);
    config.models.clear();
    CHECK_THAT(failure(*store, inputs, config, test::one_thread()), Contains("models"));
    CHECK(left(*store) == before);
  }
}

TEST_CASE("train: with --on-error skip bad lines are counted by cause", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  serve::TrainInputs inputs;
  inputs.import.on_error = data::OnError::skip;
  inputs.events = {folder.write("a.csv", "time,kind,user,item,price\n2024-01-01,view_item,u1,i1,2\nnever,view_item,u1,i1,2\n"),
                   folder.write("b.csv", "time,kind,user,item,price\n2024-01-02,view_item,u2,i1,-2\nnever,view_item,u2,i2,2\n2024-01-02,view_item,u2,i2,2\n")};
  const auto report = serve::train(*store, inputs, quick(), test::one_thread());
  REQUIRE(report.read == 5);
  REQUIRE(report.ingested == 2);
  std::map<std::string, std::uint64_t> dropped;
  for (const auto& [cause, lines] : report.dropped) dropped[cause] = lines.lines;
  REQUIRE(dropped == std::map<std::string, std::uint64_t>{{"bad_time", 2}, {"negative_price", 1}});
  REQUIRE_THAT(report.dropped.at("bad_time").example, Contains("a.csv:3"));
  REQUIRE_THAT(serve::to_json(report), Contains(R"("events":{"read":5,"ingested":2,"duplicates":0,"dropped":{"bad_time":2,"negative_price":1},"noted":{"negative_price":1},"proposals":[],"no_products":[]})"));
}

TEST_CASE("train: a log without evidence is refused, and an empty store stays empty", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  CHECK_THAT(failure(*store, {}, quick(), test::one_thread()), Contains("no event of positive weight"));
  serve::TrainInputs inputs;
  inputs.events = {folder.write("events.csv", "time,kind,user,order,item\n2024-01-01,dwell,u1,,i1\n2024-01-01,refund,,o1,i1\n")};
  CHECK_THAT(failure(*store, inputs, quick(), test::one_thread()), Contains("no event of positive weight"));
  CHECK(store->people().event_count() == 0);
  CHECK_FALSE(store->current().has_value());
}

TEST_CASE("train: a stop ends it at any stage without a generation; before the events are in, without them too", "[serve][train]") {
  const Folder folder;
  const auto events = folder.write("events.csv", test::csv(test::two_tastes()));
  std::vector<std::string> stages;
  {
    const Folder place;
    const auto store = test::open_store(place);
    serve::TrainInputs inputs;
    inputs.events = {events};
    auto control = test::one_thread();
    control.progress = [&](const Progress& progress) {
      if (stages.empty() || stages.back() != progress.stage) stages.emplace_back(progress.stage);
    };
    serve::train(*store, inputs, quick(), control);
  }
  const std::set<std::string> seen(stages.begin(), stages.end());
  for (const auto* stage : {"reading events", "ingesting", "fitting ials", "publishing"}) CHECK(seen.contains(stage));
  for (const auto& stage : seen) {
    INFO(stage);
    const Folder place;
    const auto store = test::open_store(place);
    serve::TrainInputs inputs;
    inputs.events = {events};
    std::stop_source stop;
    auto control = test::one_thread();
    control.stop = stop.get_token();
    bool fitted = false;
    control.progress = [&](const Progress& progress) {
      fitted = fitted || (progress.stage != "reading events" && progress.stage != "ingesting");
      if (progress.stage == stage && (stage != "publishing" || progress.done == 0)) stop.request_stop();
    };
    try {
      serve::train(*store, inputs, quick(), control);
      FAIL("not stopped");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::cancelled);
    }
    CHECK_FALSE(store->current().has_value());
    if (stage == "reading events") CHECK(store->people().event_count() == 0);
    // What was committed is no obstacle: the next run completes.
    CHECK(serve::train(*store, inputs, quick(), test::one_thread()).generation == "00000001");
  }
}

TEST_CASE("train: a read-only store is refused by name", "[serve][train]") {
  const Folder folder;
  { test::train_lines(*test::open_store(folder), folder, test::two_tastes()); }
  const auto store = test::open_store(folder, store::Store::Mode::read_only);
  try {
    serve::train(*store, {}, quick(), test::one_thread());
    FAIL("not refused");
  } catch (const Error& error) {
    REQUIRE(error.code() == ErrorCode::read_only);
  }
}

TEST_CASE("train: offline quality is measured on held-out last events, beside popular's", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  serve::TrainInputs inputs;
  inputs.events = {folder.write("events.csv", test::csv(test::two_tastes(60, 40, 12)))};
  inputs.evaluate = true;
  const auto report = serve::train(*store, inputs, quick(), test::one_thread());
  for (const auto& model : report.models) {
    INFO(model.name);
    REQUIRE(model.metrics.count("ndcg@20") == 1);
    REQUIRE(model.metrics.at("recall@20") >= 0);
  }
  // The planted tastes halve the catalogue, so a model that learns them must beat popularity.
  REQUIRE(report.models[2].metrics.at("ndcg@20") > report.models[0].metrics.at("ndcg@20"));
}

TEST_CASE("train config: the default is popular, item_knn and ials with all settings spelled out", "[serve][train]") {
  const auto config = serve::train_config_from_json("", "config");
  const auto json = serve::to_json(config);
  REQUIRE_THAT(json, StartsWith("{\"events\":") && Contains("\"models\":[{\"name\":\"popular\",\"weighted\":false},{\"name\":\"item_knn\",") &&
                         Contains("\"factors\":64") && Contains("\"serving\":{}"));
  REQUIRE(serve::to_json(serve::train_config_from_json(json, "again")) == json);
  REQUIRE(serve::to_json(serve::train_config_from_json("{}", "empty")) == json);
}

TEST_CASE("train config: what is wrong is refused by its place", "[serve][train]") {
  const std::vector<std::pair<std::string, std::string>> wrong{
      {"[]", "one JSON object"},
      {"{", "c.json"},
      {"{\"models\": []} x", "c.json"},
      {R"({"model": []})", "models"},
      {R"({"models": {}})", "c.json.models"},
      {R"({"models": []})", "at least one"},
      {R"({"models": [3]})", "c.json.models[0]"},
      {R"({"models": [{"factors": 3}]})", "c.json.models[0].name"},
      {R"({"models": [{"name": "popular"}, {"name": "ails"}]})", "c.json.models[1]"},
      {R"({"models": [{"name": "popular"}, {"name": "popular"}]})", "second time"},
      {R"({"models": [{"name": "ials", "factors": "many"}]})", "factors"},
      {R"({"events": {"weights": {"look": 1}}})", "look"},
      {R"({"events": []})", "c.json.events"},
      {R"({"serving": {"personal": "ease"}})", "c.json.serving.personal"},
      {R"({"serving": {"personal": "popular"}})", "item_knn, ials"},
      {R"({"serving": {"popular": "ials"}})", "popular"},
      {R"({"serving": {"similar": 3}})", "c.json.serving.similar"},
      {R"({"serving": {}, "serving": {}})", "twice"},
      {std::string(40, '['), "levels"},
  };
  for (const auto& [json, part] : wrong) {
    INFO(json);
    CHECK_THROWS_WITH(serve::train_config_from_json(json, "c.json"), Contains(part) && StartsWith("c.json"));
  }
}

TEST_CASE("train: who inspects sees the log that was fitted on and the finished report; a failure there leaves the generation", "[serve][train]") {
  const Folder folder;
  const auto store = test::open_store(folder);
  const auto lines = test::two_tastes();
  serve::TrainInputs inputs;
  inputs.events = {folder.write("events.csv", test::csv(lines))};
  std::size_t events = 0, items = 0;
  std::string generation;
  inputs.inspect = [&](const data::EventLog& log, const serve::TrainReport& report) {
    events = log.size();
    items = log.item_count();
    generation = report.generation;
    REQUIRE(report.seconds > 0);
    REQUIRE(store->current() == report.generation);
  };
  const auto report = serve::train(*store, inputs, quick());
  REQUIRE(events == lines.size());
  REQUIRE(items == report.items);
  REQUIRE(generation == "00000001");

  inputs.inspect = [](const data::EventLog&, const serve::TrainReport&) { throw Error(ErrorCode::io_failure, "page", "cannot be written"); };
  REQUIRE_THROWS_WITH(serve::train(*store, inputs, quick()), StartsWith("page: cannot be written"));
  REQUIRE(store->current() == "00000002");
}

TEST_CASE("train: models learn the categories of the items file", "[serve][train]") {
  // Tea is bought every third day, lamps every hundredth; of each category one item was bought once only and can know no better than its category.
  std::string events = "time,kind,user,item\n";
  const auto buy = [&](int day, const std::string& user, const std::string& item) {
    events += format_time(std::int64_t{1'700'000'000'000'000} + day * us_per_day) + ",purchase," + user + ',' + item + '\n';
  };
  for (int u = 0; u < 30; ++u) {
    for (int n = 0; n < 4; ++n) {
      buy(u + 3 * n, "u" + std::to_string(u), "green");
      buy(u + 100 * n, "u" + std::to_string(u), "desk");
    }
  }
  buy(1, "u1", "black");
  buy(1, "u1", "floor");
  const auto config = serve::train_config_from_json(R"({"models": [{"name": "buy_again"}]})", "config");
  const auto intervals = [&](const std::string& items) {
    const Folder folder;
    const auto store = test::open_store(folder);
    serve::TrainInputs inputs;
    inputs.events = {folder.write("events.csv", events)};
    if (!items.empty()) inputs.items = folder.write("items.csv", items);
    const auto generation = store->open_generation(serve::train(*store, inputs, config, test::one_thread()).generation, model::Check::full);
    const auto models = serve::open_models(*generation);
    const auto& model = dynamic_cast<const popularity::BuyAgainModel&>(*models.at(0));
    const auto days = [&](const char* id) { return model.interval_days()[value(generation->items().find(item_key(id)).value())]; };
    return std::pair{days("black"), days("floor")};
  };
  const auto [black, floor] = intervals("item,category\ngreen,tea\nblack,tea\ndesk,lamps\nfloor,lamps\n");
  REQUIRE(black < 20);
  REQUIRE(floor > 60);
  const auto unknown = intervals("");
  REQUIRE(unknown.first == unknown.second);
}
