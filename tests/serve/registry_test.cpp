#include "pannier/serve/registry.hpp"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "pannier/cf/hybrid.hpp"
#include "pannier/core/error.hpp"
#include "pannier/data/catalog.hpp"
#include "serve/shop.hpp"
#include "support/catch.hpp"

using namespace pannier;

namespace {

/// Four people, five items; item 4 is nobody's.
Csr few_events() {
  return {.rows = 4, .cols = 5, .offsets = {0, 2, 4, 6, 9}, .columns = {0, 1, 0, 1, 2, 3, 0, 2, 3}, .values = {1, 2, 1, 1, 3, 1, 1, 1, 5}};
}

std::string quick_settings(std::string_view name) {
  return name == "ials" || name == "bpr" || name == "hybrid" ? R"({"factors": 4, "epochs": 3})" : name == "together" ? R"({"minimum_count": 1, "significance": 1})" : "";
}

/// The same four people, each with one order.
data::EventLog few_orders() {
  const auto events = few_events();
  data::EventLog log;
  for (std::uint32_t i = 0; i < events.cols; ++i) log.add_item("i" + std::to_string(i));
  for (std::size_t r = 0; r < events.rows; ++r)
    for (const auto item : CsrView(events).row_columns(r))
      log.append(user_key(PersonSort::user, std::to_string(r)), "i" + std::to_string(item), {}, data::EventKind::purchase, 40 * us_per_day, 1, 1, std::to_string(r));
  return log;
}

/// Two numbers for each of the five.
data::ItemVectors few_vectors() {
  data::ItemVectors out{.ids = {}, .vectors = Matrix(5, 2), .bias = {}};
  for (std::size_t i = 0; i < 5; ++i) {
    out.ids.push_back("i" + std::to_string(i));
    out.vectors.row(i)[0] = static_cast<float>(i) + 1, out.vectors.row(i)[1] = 1;
  }
  return out;
}

/// Two brands and a price.
data::Catalog few_descriptions() {
  data::Catalog out;
  for (std::size_t i = 0; i < 5; ++i)
    out.upsert({.id = "i" + std::to_string(i), .name = {}, .category = {}, .brand = i % 2 == 0 ? "acme" : "zeta", .image = {}, .price = 2.5, .attributes = {}});
  return out;
}

serve::FittedModel quickly_fitted(std::string_view name) {
  const auto events = few_events();
  const auto log = few_orders();
  const auto vectors = few_vectors();
  const auto catalog = few_descriptions();
  return serve::fit_model(name, quick_settings(name), serve::FitData{.events = events, .log = &log, .catalog = &catalog, .vectors = &vectors}, test::one_thread());
}

std::vector<Scored> recommended(const model::Recommender& model) {
  const std::vector<ItemIndex> items{ItemIndex{2}};
  const std::vector<float> weights{1};
  const std::vector<model::Bought> bought{{.times = 2, .units = 3, .first_age_us = 9 * us_per_day, .last_age_us = us_per_day}};
  model::Workspace workspace;
  std::vector<Scored> out(5);
  out.resize(model.recommend({.items = items, .weights = weights, .kinds = {}, .ages_us = {}, .bought = bought}, {.count = 5, .exclude_history = false}, workspace, out));
  return out;
}

}  // namespace

TEST_CASE("registry: every model is fitted, saved and loaded by its name with the same answers", "[serve][registry]") {
  const test::Folder folder;
  REQUIRE(serve::model_names().size() >= 4);
  for (const auto name : serve::model_names()) {
    INFO(name);
    const auto fitted = quickly_fitted(name);
    REQUIRE(fitted.model->kind() == name);
    REQUIRE(fitted.model->item_count() == 5);
    const auto answers = recommended(*fitted.model);
    REQUIRE_FALSE(answers.empty());
    serve::save_model(*fitted.model, folder / "model.pnr");
    const auto from_file = serve::load_model(folder / "model.pnr");
    REQUIRE(from_file->kind() == name);
    REQUIRE(from_file->config_json() == fitted.model->config_json());
    REQUIRE(recommended(*from_file) == answers);
    const auto bytes = test::bytes_of(folder / "model.pnr");
    REQUIRE(recommended(*serve::load_model(bytes)) == answers);
  }
}

TEST_CASE("registry: a model that reads the log is refused by name where there is none", "[serve][registry]") {
  REQUIRE_THROWS_WITH(serve::fit_model("together", "", few_events()), StartsWith("together: reads orders"));
  REQUIRE_THROWS_WITH(serve::fit_model("buy_again", "", few_events()), StartsWith("buy_again: reads purchases"));
}

TEST_CASE("registry: hybrid reads the catalogue, the people's attributes or features as they are, and is refused by name without any", "[serve][registry]") {
  const auto events = few_events();
  const auto log = few_orders();
  const auto catalog = few_descriptions();
  const auto fitted = [&](const serve::FitData& data) { return std::dynamic_pointer_cast<const cf::HybridModel>(serve::fit_model("hybrid", quick_settings("hybrid"), data).model); };
  REQUIRE_THROWS_WITH(fitted({.events = events}), StartsWith("hybrid: reads features of items or people, and none are known"));
  REQUIRE_THROWS_WITH(fitted({.events = events, .log = &log}), StartsWith("hybrid: reads features"));
  const auto by_catalog = fitted({.events = events, .log = &log, .catalog = &catalog});
  REQUIRE(by_catalog->item_space().attribute_names() == std::vector<std::string_view>{"brand", "price"});
  REQUIRE(by_catalog->user_space().size() == 0);
  // By the columns' ids where there is no log.
  const std::vector<std::string_view> ids{"i0", "i1", "i2", "i3", "i4"};
  REQUIRE(fitted({.events = events, .catalog = &catalog, .item_ids = ids})->item_space().size() == by_catalog->item_space().size());
  const auto by_people = fitted({.events = events, .log = &log, .user_attributes = [](const UserKey& user, std::vector<data::Attribute>& out) {
                                   out.push_back({"tier", user == user_key(PersonSort::user, "1") || user == user_key(PersonSort::user, "2") ? "gold" : "none"});
                                 }});
  REQUIRE(by_people->user_space().size() == 2);
  REQUIRE(by_people->reads_attributes());
  REQUIRE(by_people->item_space().size() == 0);
  const Csr features{5, 2, {0, 1, 2, 3, 4, 5}, {0, 1, 0, 1, 0}, {1, 1, 1, 1, 1}};
  const auto as_they_are = fitted({.events = events, .catalog = &catalog, .item_features = features});
  REQUIRE(as_they_are->item_map().weights.rows == 2);
  REQUIRE(as_they_are->item_space().size() == 0);
}

TEST_CASE("registry: vectors are refused by name where none are given, and found by the log, by the columns' ids or by their numbers", "[serve][registry]") {
  const auto events = few_events();
  REQUIRE_THROWS_WITH(serve::fit_model("vectors", "", events), StartsWith("vectors: serves vectors from elsewhere, and none are given"));
  auto vectors = few_vectors();
  const auto best = [&](const serve::FitData& data) { return recommended(*serve::fit_model("vectors", "", data).model).front(); };
  const auto log = few_orders();
  const auto by_log = best({.events = events, .log = &log, .vectors = &vectors});
  REQUIRE(by_log.item == ItemIndex{4});   // (3, 1) . (5, 1)
  REQUIRE(by_log.score == 16);
  REQUIRE_THROWS_WITH(best({.events = events, .vectors = &vectors}), Contains("none of the 5 items"));   // Columns are called 0 to 4.
  const std::vector<std::string_view> ids{"i4", "i3", "i2", "i1", "i0"};
  REQUIRE(best({.events = events, .vectors = &vectors, .item_ids = ids}).item == ItemIndex{0});
  REQUIRE_THROWS_WITH(best({.events = events, .vectors = &vectors, .item_ids = std::span(ids).first(4)}), StartsWith("item_ids"));
  for (auto& id : vectors.ids) id = id.substr(1);
  REQUIRE(best({.events = events, .vectors = &vectors}).item == ItemIndex{4});
  // In a blend too, also in its rehearsal.
  const auto blend = serve::fit_model("blend", R"({"members": "vectors,popular"})", serve::FitData{.events = events, .vectors = &vectors});
  REQUIRE_FALSE(recommended(*blend.model).empty());
}

TEST_CASE("registry: orders without a person count for popular and item_knn, and stand in for people where nobody is known", "[serve][registry]") {
  const auto events = few_events();
  const Csr nobody{.rows = 0, .cols = 5, .offsets = {0}, .columns = {}, .values = {}};
  const Csr orders{.rows = 3, .cols = 5, .offsets = {0, 2, 4, 6}, .columns = {1, 4, 1, 4, 1, 4}, .values = {5, 5, 5, 5, 5, 5}};
  model::Workspace workspace;
  const auto beside = [&](const serve::FitData& data, std::string_view name, std::uint32_t item) {
    std::vector<Scored> out(5);
    const auto model = serve::fit_model(name, quick_settings(name), data).model;
    out.resize(model->similar(ItemIndex{item}, {.count = 5}, workspace, out));
    return out;
  };
  REQUIRE(beside({.events = events}, "item_knn", 4).empty());
  REQUIRE(beside({.events = events, .orders = orders}, "item_knn", 4).front().item == ItemIndex{1});
  const auto most = [&](const serve::FitData& data) {
    std::vector<Scored> out(1);
    const auto model = serve::fit_model("popular", "", data).model;
    REQUIRE(model->recommend({}, {.count = 1}, workspace, out) == 1);
    return out[0];
  };
  REQUIRE(most({.events = events}) == Scored{ItemIndex{0}, 3});
  REQUIRE(most({.events = events, .orders = orders}) == Scored{ItemIndex{1}, 5});
  // ials knows people alone, unless there is none.
  REQUIRE(beside({.events = events, .orders = orders}, "ials", 2) == beside({.events = events}, "ials", 2));
  REQUIRE(serve::fit_model("ials", quick_settings("ials"), serve::FitData{.events = events, .orders = orders}).user_factors.rows() == 4);
  REQUIRE(beside({.events = nobody, .orders = orders}, "ials", 4) == beside({.events = orders}, "ials", 4));
  REQUIRE(serve::fit_model("ials", quick_settings("ials"), serve::FitData{.events = nobody, .orders = orders}).user_factors.rows() == 0);
}

TEST_CASE("registry: ials and bpr give the users' own rows, the others none", "[serve][registry]") {
  const auto events = few_events();
  REQUIRE(serve::fit_model("ials", quick_settings("ials"), events).user_factors.rows() == 4);
  REQUIRE(serve::fit_model("bpr", quick_settings("bpr"), events).user_factors.rows() == 4);
  REQUIRE(serve::fit_model("popular", "", events).user_factors.rows() == 0);
}

TEST_CASE("registry: a blend takes the models beside it by name and refuses others", "[serve][registry]") {
  const auto events = few_events();
  const auto knn = quickly_fitted("item_knn").model, popular = quickly_fitted("popular").model;
  const std::vector<serve::Sibling> siblings{{"item_knn", "", knn}, {"popular", "", popular}};
  const serve::FitData data{.events = events, .siblings = siblings};
  const auto blend = serve::fit_model("blend", "", data).model;
  REQUIRE(Contains("\"item_knn,popular\"").match(blend->config_json()));
  const auto beside = serve::beside_siblings(blend);
  REQUIRE(recommended(*beside) == recommended(*blend));
  REQUIRE(serve::beside_siblings(knn) == knn);
  const test::Folder folder;
  serve::save_model(*beside, folder / "beside.pnr");
  REQUIRE_THROWS_WITH(serve::load_model(folder / "beside.pnr"), Contains("item_knn") && Contains("not beside the blend"));
  REQUIRE_THROWS_WITH(serve::fit_model("blend", R"({"members": "item_knn,ials"})", data), Contains("\"ials\"") && Contains("item_knn, popular"));
  REQUIRE_THROWS_WITH(serve::fit_model("blend", R"({"members": "blend"})", data), Contains("name a blend"));
  REQUIRE_THROWS_WITH(serve::fit_model("blend", R"({"members": "item_nn"})", serve::FitData{.events = events}), Contains("item_knn"));
}

TEST_CASE("registry: settings are listed with type, default and range", "[serve][registry]") {
  const auto settings = serve::model_settings("ials");
  REQUIRE(settings.front().name == "factors");
  REQUIRE(settings.front().type == "integer");
  REQUIRE(settings.front().default_value == "64");
  REQUIRE(settings.front().range == "1 to 4096");
  REQUIRE_FALSE(settings.front().help.empty());
  const auto weighted = serve::model_settings("popular").front();
  REQUIRE((weighted.name == "weighted" && weighted.type == "boolean" && weighted.default_value == "false" && weighted.range.empty()));
  bool solver = false;
  for (const auto& setting : settings)
    if (setting.name == "solver") solver = setting.type == "choice" && setting.default_value == "\"auto\"" && setting.range == "auto, exact, cg, subspace";
  REQUIRE(solver);
}

TEST_CASE("registry: docs/interface.md lists every setting with its default", "[serve][registry]") {
  std::ifstream in(PANNIER_TEST_DATA "/../../docs/interface.md");
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  REQUIRE_FALSE(page.empty());
  for (const auto name : serve::model_names())
    for (const auto& setting : serve::model_settings(name)) {
      const auto row = "| " + std::string(name) + " | `" + setting.name + "` | " + setting.type + " | `" + setting.default_value + "` | " +
                       setting.range + " | " + setting.help + " |";
      INFO(row);
      CHECK(page.find(row) != std::string::npos);
    }
}

TEST_CASE("registry: settings are completed with the defaults", "[serve][registry]") {
  const auto all = serve::complete_settings("item_knn", R"({"neighbours": 7})", "config");
  REQUIRE(all == R"({"similarity":"cosine","neighbours":7,"alpha":0.8,"beta":0.2,"k1":1.2,"b":0.75,"shrinkage":0,"longest_history":10000})");
  REQUIRE(serve::complete_settings("item_knn", all, "config") == all);
}

TEST_CASE("registry: an unknown model or setting is refused with a near name", "[serve][registry]") {
  const auto events = few_events();
  REQUIRE_THROWS_WITH(serve::fit_model("iasl", "", events), Contains("\"iasl\"") && Contains("ials"));
  REQUIRE_THROWS_WITH(serve::model_settings("magic"), Contains("\"magic\"") && Contains("popular, item_knn, ials"));
  REQUIRE_THROWS_WITH(serve::fit_model("ials", R"({"factor": 3})", events), Contains("factor") && Contains("factors"));
  REQUIRE_THROWS_WITH(serve::complete_settings("ials", R"({"factors": 0})", "config.models[2]"), Contains("config.models[2]") && Contains("factors"));
  REQUIRE_THROWS_AS(serve::fit_model("ials", "[]", events), Error);
  REQUIRE_THROWS_AS(serve::fit_model("ials", "{", events), Error);
}

TEST_CASE("registry: a saved model that was cut or changed is refused by name", "[serve][registry]") {
  const test::Folder folder;
  for (const auto name : serve::model_names()) {
    INFO(name);
    serve::save_model(*quickly_fitted(name).model, folder / "model.pnr");
    const auto bytes = test::bytes_of(folder / "model.pnr");
    for (std::size_t length = 0; length < bytes.size(); length += 7) {
      INFO("cut to " << length);
      REQUIRE_THROWS_AS(serve::load_model(std::span(bytes).first(length)), Error);
    }
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      INFO("flipped at " << at);
      auto flipped = bytes;
      flipped[at] ^= std::byte{0x10};
      REQUIRE_THROWS_AS(serve::load_model(flipped), Error);
    }
  }
}

TEST_CASE("registry: a file that holds no single model is refused by what it lacks", "[serve][registry]") {
  const test::Folder folder;
  const auto refused = [&](std::string_view manifest) {
    model::ArtifactWriter writer(folder / "other.pnr");
    writer.finish(manifest);
    try {
      static_cast<void>(serve::load_model(folder / "other.pnr"));
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(refused("{}"), Contains("manifest.format"));
  CHECK_THAT(refused(R"({"format": "pannier model", "items": 1, "config": {}})"), Contains("manifest.kind"));
  CHECK_THAT(refused(R"({"format": "pannier model", "kind": "ials", "items": -1, "config": {}})"), Contains("manifest.items"));
  CHECK_THAT(refused(R"({"format": "pannier model", "kind": "ials", "items": 1})"), Contains("manifest.config"));
  CHECK_THAT(refused(R"({"format": "pannier model", "kind": "oracle", "items": 1, "config": {}})"), Contains("oracle"));
  CHECK_THROWS_WITH(serve::load_model(folder / "absent.pnr"), Contains("absent.pnr"));
}
