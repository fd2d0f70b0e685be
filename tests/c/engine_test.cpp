// Past 500 lines: one trained shop serves every call of the engine and the store.
// Stores and engines through the C interface.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <thread>

#include "shop.hpp"

using shop::ok;

TEST_CASE("c: known users get items of their taste", "[c][engine]") {
  // Seven of the twenty items of their taste are theirs already, so chance gives four new ones in ten.
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  pnr_error error;
  int own = 0;
  for (int number = 0; number < shop::users; ++number) {
    const auto user = "u" + std::to_string(number);
    const auto request = shop::request_for(user);
    ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
    REQUIRE(pnr_response_count(opened.response) == 5);
    for (std::size_t slot = 0; slot < 5; ++slot) own += shop::id(opened.response, slot)[0] == (number % 2 == 0 ? 'a' : 'b');
  }
  CHECK(own > 5 * shop::users * 70 / 100);  // .737 here, .703 to .787 over 25 shops of other draws; chance gives .4.
}

TEST_CASE("c: a known user gets personal items, with ids, names and reasons", "[c][engine]") {
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  pnr_error error;
  const std::string user = "u2";
  auto request = shop::request_for(user);
  request.explain = true;
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  REQUIRE(pnr_response_count(opened.response) == 5);
  CHECK(pnr_response_policy(opened.response) == PNR_POLICY_PERSONAL);
  CHECK_FALSE(pnr_response_fallback(opened.response));
  CHECK(pnr_response_request_id(opened.response) != 0);
  const auto* keys = pnr_response_keys(opened.response);
  const auto* scores = pnr_response_scores(opened.response);
  CHECK(std::is_sorted(scores, scores + 5, std::greater<>()));
  for (std::size_t slot = 0; slot < 5; ++slot) {
    const auto id = shop::id(opened.response, slot);
    CHECK(shop::key(id) == keys[slot]);
    std::size_t length = 0;
    const char* name = pnr_response_name(opened.response, slot, &length);
    CHECK(std::string(name, length) == "Pr\xC3\xA9sent " + id);
    CHECK(pnr_response_propensity(opened.response, slot) == 1);
    REQUIRE(pnr_response_reason_count(opened.response, slot) > 0);
    std::uint64_t key = 0;
    float share = 0;
    REQUIRE(pnr_response_reason(opened.response, slot, 0, &key, &share));
    const char* reason = pnr_response_reason_id(opened.response, slot, 0, &length);
    CHECK(pnr_item_key(reason, length) == key);
  }
  CHECK(shop::id(opened.response, 5).empty());

  char current[32];
  std::size_t needed = 0;
  ok(pnr_store_current(opened.store, current, sizeof current, &needed, &error), error);
  std::size_t length = 0;
  const char* generation = pnr_response_generation(opened.response, &length);
  CHECK(std::string(generation, length) == std::string(current, needed));
  ok(pnr_store_verify(opened.store, &error), error);
}

TEST_CASE("c: similar items, a session of keys, and a person nobody knows", "[c][engine]") {
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  pnr_error error;
  const std::uint64_t seed = shop::key("b3");
  pnr_request request;
  pnr_request_init(&request, sizeof request);
  request.op = PNR_OP_SIMILAR;
  request.items = &seed;
  request.item_count = 1;
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  REQUIRE(pnr_response_count(opened.response) > 0);
  CHECK(shop::id(opened.response, 0)[0] == 'b');
  CHECK(pnr_response_keys(opened.response)[0] != seed);

  pnr_request_init(&request, sizeof request);
  const std::uint64_t session[] = {shop::key("a1"), shop::key("no such item"), shop::key("a2")};
  request.session = session;
  request.session_count = 3;
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  CHECK(pnr_response_count(opened.response) == 10);
  for (std::size_t i = 0; i < 10; ++i) CHECK(pnr_response_keys(opened.response)[i] != session[0]);

  const std::string nobody = "nobody";
  const auto stranger = shop::request_for(nobody);
  ok(pnr_engine_recommend(opened.engine, &stranger, opened.response, &error), error);
  CHECK(pnr_response_policy(opened.response) == PNR_POLICY_POPULAR);
  CHECK(pnr_response_fallback(opened.response));
}

TEST_CASE("c: a request that is refused leaves the response as it was", "[c][engine]") {
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  pnr_error error;
  const std::string user = "u1";
  const auto good = shop::request_for(user);
  ok(pnr_engine_recommend(opened.engine, &good, opened.response, &error), error);
  const auto before = shop::answers(opened.response);
  const auto id_before = pnr_response_request_id(opened.response);
  const auto refused = [&](const pnr_request& request) {
    CHECK(pnr_engine_recommend(opened.engine, &request, opened.response, &error) == PNR_INVALID_ARGUMENT);
    CHECK(std::strlen(error.where) > 0);
    CHECK(std::strlen(error.what) > 0);
    CHECK(shop::answers(opened.response) == before);
    CHECK(pnr_response_request_id(opened.response) == id_before);
  };
  auto bad = good;
  bad.count = 0;
  refused(bad);
  bad.count = 10'001;
  refused(bad);
  bad.count = UINT32_MAX;
  refused(bad);
  bad = good;
  bad.op = 7;
  refused(bad);
  bad = good;
  bad.user = {"\xFF\xFE", 2};
  refused(bad);
  CHECK(std::string(error.where) == "request.user");
  bad = good;
  bad.user = {nullptr, 2};
  refused(bad);
  bad = good;
  bad.session_count = 3;
  refused(bad);
  bad = good;
  bad.time_us = -5;
  refused(bad);
  bad = good;
  bad.op = PNR_OP_SIMILAR;
  refused(bad);  // no item
  const auto unknown = shop::key("no such item");
  bad.items = &unknown;
  bad.item_count = 1;
  refused(bad);
  const std::vector<std::uint64_t> long_session(10'001, shop::key("a1"));
  bad = good;
  bad.session = long_session.data();
  bad.session_count = long_session.size();
  refused(bad);
}

TEST_CASE("c: a request begins with its policy, keeps to its category, and every reason has a kind and a name", "[c][engine]") {
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  pnr_error error;
  const std::string user = "u2", category = "no such category";
  auto request = shop::request_for(user);
  request.explain = true;
  request.policy = PNR_POLICY_POPULAR;
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  CHECK(pnr_response_policy(opened.response) == PNR_POLICY_POPULAR);
  CHECK_FALSE(pnr_response_fallback(opened.response));
  CHECK(pnr_response_reason_kind(opened.response, 0, 0) == PNR_REASON_POPULAR);
  CHECK(pnr_response_reason_kind(opened.response, 0, 1) == -1);
  CHECK(pnr_response_reason_kind(opened.response, 99, 0) == -1);
  std::size_t length = 0, name_length = 0;
  const char* name = pnr_response_reason_name(opened.response, 0, 0, &length);
  const char* own = pnr_response_name(opened.response, 0, &name_length);
  CHECK(std::string(name, length) == std::string(own, name_length));
  CHECK(pnr_response_reason_name(opened.response, 0, 1, &length) == nullptr);
  CHECK(std::string(pnr_reason_kind_name(PNR_REASON_SIMILAR_TO)) == "similar_to");
  CHECK(std::string(pnr_reason_kind_name(-1)) == "unknown");
  CHECK(std::string(pnr_policy_name(PNR_POLICY_RECENTLY_VIEWED)) == "recently_viewed");
  request.policy = PNR_POLICY_SEASONAL;
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  CHECK(pnr_response_policy(opened.response) == PNR_POLICY_PERSONAL);
  CHECK(pnr_response_fallback(opened.response));
  for (const pnr_policy wrong : {0, -1, 77}) {
    request.policy = wrong;
    CHECK(pnr_engine_recommend(opened.engine, &request, opened.response, &error) == PNR_INVALID_ARGUMENT);
    CHECK(std::string(error.where) == "request.policy");
  }
  request.policy = PNR_POLICY_PERSONAL;
  request.category = shop::text(category);
  CHECK(pnr_engine_recommend(opened.engine, &request, opened.response, &error) == PNR_INVALID_ARGUMENT);
  CHECK(std::string(error.where) == "request.category");
}

TEST_CASE("c: a caller of the first, shorter request is served as before", "[c][engine]") {
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  pnr_error error;
  const std::string user = "u2";
  const auto request = shop::request_for(user);
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  const auto expected = shop::answers(opened.response);
  auto older = request;
  std::memset(&older.policy, 0x55, sizeof older - offsetof(pnr_request, policy));  // Not the caller's memory.
  older.struct_size = offsetof(pnr_request, policy);
  ok(pnr_engine_recommend(opened.engine, &older, opened.response, &error), error);
  CHECK(shop::answers(opened.response) == expected);
}

TEST_CASE("c: names and stock change at once, new items are known by name", "[c][engine]") {
  const shop::Copy copy;
  shop::Opened opened(copy.path());
  pnr_error error;
  const std::string user = "u3", fresh = "fresh", name = "Fresh", renamed = "Renamed", unknown = "nobody's";
  const auto request = shop::request_for(user);
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  const auto first = shop::id(opened.response, 0);
  const auto key = pnr_response_keys(opened.response)[0];
  ok(pnr_engine_set_stock(opened.engine, first.data(), first.size(), 0, &error), error);
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  for (std::size_t slot = 0; slot < pnr_response_count(opened.response); ++slot) CHECK(pnr_response_keys(opened.response)[slot] != key);
  pnr_item items[2];
  for (auto& item : items) pnr_item_init(&item, sizeof item);
  items[0].id = shop::text(first);
  items[0].name = shop::text(renamed);
  items[0].stock = 2;
  items[1].id = shop::text(fresh);
  items[1].name = shop::text(name);
  ok(pnr_engine_upsert_items(opened.engine, items, 2, &error), error);
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  CHECK(pnr_response_keys(opened.response)[0] == key);
  std::size_t length = 0, needed = 0;
  const char* shown = pnr_response_name(opened.response, 0, &length);
  CHECK(std::string(shown, length) == renamed);
  char out[64];
  ok(pnr_engine_item_name(opened.engine, shop::key(fresh), out, sizeof out, &needed, &error), error);
  CHECK(std::string(out, needed) == name);
  CHECK(pnr_engine_set_stock(opened.engine, unknown.data(), unknown.size(), 1, &error) == PNR_NOT_FOUND);
  items[1].price = -1;
  CHECK(pnr_engine_upsert_items(opened.engine, items, 2, &error) == PNR_INVALID_ARGUMENT);
  CHECK(std::string(error.where) == "items[1].price");
  CHECK(pnr_engine_upsert_items(opened.engine, nullptr, 2, &error) == PNR_INVALID_ARGUMENT);
  ok(pnr_engine_upsert_items(opened.engine, nullptr, 0, &error), error);
}

TEST_CASE("c: all items are given when more are asked for", "[c][engine]") {
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  pnr_error error;
  const std::string user = "nobody";
  const auto request = shop::request_for(user, 10'000);
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  CHECK(pnr_response_count(opened.response) <= 2 * shop::items_a_taste);
  CHECK(pnr_response_count(opened.response) > shop::items_a_taste);
}

TEST_CASE("c: a recorded event counts once and changes the next answer", "[c][engine]") {
  const shop::Copy copy;
  shop::Opened opened(copy.path());
  pnr_error error;
  const std::string user = "u3";
  const auto request = shop::request_for(user);
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  const auto clicked = shop::id(opened.response, 0);
  const auto before = shop::answers(opened.response);

  pnr_event click;
  pnr_event_init(&click, sizeof click);
  click.time_us = request.time_us - 1'000'000;
  click.kind = PNR_VIEW_ITEM;
  click.user = shop::text(user);
  click.item = shop::text(clicked);
  std::uint64_t recorded = 99;
  ok(pnr_engine_record(opened.engine, &click, 1, &recorded, &error), error);
  CHECK(recorded == 1);
  ok(pnr_engine_record(opened.engine, &click, 1, &recorded, &error), error);
  CHECK(recorded == 0);
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  const auto after = shop::answers(opened.response);
  CHECK(after != before);
  for (const auto& [key, score] : after) CHECK(key != shop::key(clicked));

  ok(pnr_engine_record(opened.engine, nullptr, 0, &recorded, &error), error);
  CHECK(recorded == 0);
}

TEST_CASE("c: of several events either all are recorded or none", "[c][engine]") {
  const shop::Copy copy;
  shop::Opened opened(copy.path());
  pnr_error error;
  const std::string user = "newcomer", item = "a1";
  pnr_event events[3];
  for (auto& event : events) {
    pnr_event_init(&event, sizeof event);
    event.time_us = 1'705'000'000'000'000;
    event.kind = PNR_PURCHASE;
    event.user = shop::text(user);
    event.item = shop::text(item);
  }
  std::uint64_t recorded = 99;
  const auto refused = [&](const std::string& where) {
    CHECK(pnr_engine_record(opened.engine, events, 3, &recorded, &error) == PNR_INVALID_ARGUMENT);
    INFO(error.where << ": " << error.what);
    CHECK(std::string(error.where).find(where) != std::string::npos);
    CHECK(recorded == 99);
  };
  events[2].kind = 0;
  refused("events[2].kind");
  events[2].kind = 17;
  refused("events[2].kind");
  events[2].kind = PNR_PURCHASE;
  events[1].consent = -1;
  refused("events[1].consent");
  events[1].consent = PNR_CONSENT_ALL;
  events[2].country = {"\xC3", 1};
  refused("events[2].country");
  events[2].country = {nullptr, 0};
  events[2].price = -1;
  refused("price");
  events[2].price = 2;
  events[2].item = {nullptr, 0};
  refused("item");
  events[2].item = shop::text(item);
  events[1].struct_size = sizeof(pnr_event) + 8;
  refused("events[1]");
  events[1].struct_size = sizeof(pnr_event);

  const auto request = shop::request_for(user);
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  CHECK(pnr_response_policy(opened.response) == PNR_POLICY_POPULAR);  // nothing was kept
  events[1].order = {"o1", 2};
  ok(pnr_engine_record(opened.engine, events, 3, &recorded, &error), error);
  CHECK(recorded == 3);
}

TEST_CASE("c: events of a later version lie as far apart as they say", "[c][engine]") {
  const shop::Copy copy;
  shop::Opened opened(copy.path());
  struct Later {
    pnr_event event;
    unsigned char more[24];
  } events[2];
  const std::string items[] = {"a1", "a2"};
  for (int i = 0; i < 2; ++i) {
    pnr_event_init(&events[i].event, sizeof events[i]);
    events[i].event.time_us = 1'705'000'000'000'000;
    events[i].event.kind = PNR_VIEW_ITEM;
    events[i].event.user = {"v", 1};
    events[i].event.item = shop::text(items[i]);
  }
  pnr_error error;
  std::uint64_t recorded = 0;
  ok(pnr_engine_record(opened.engine, &events[0].event, 2, &recorded, &error), error);
  CHECK(recorded == 2);
}

TEST_CASE("c: an erased person is a stranger", "[c][engine]") {
  const shop::Copy copy;
  shop::Opened opened(copy.path());
  pnr_error error;
  std::uint64_t removed = 99;
  bool overwritten = false;
  CHECK(pnr_engine_erase(opened.engine, 0, "u5", 2, &removed, &overwritten, &error) == PNR_INVALID_ARGUMENT);
  CHECK(pnr_engine_erase(opened.engine, PNR_PERSON_USER, "", 0, &removed, &overwritten, &error) == PNR_INVALID_ARGUMENT);
  CHECK(removed == 99);
  CHECK_FALSE(overwritten);
  ok(pnr_engine_erase(opened.engine, PNR_PERSON_USER, "u5", 2, &removed, &overwritten, &error), error);
  CHECK(removed == 8);
  CHECK(overwritten);
  const std::string user = "u5";
  const auto request = shop::request_for(user);
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  CHECK(pnr_response_policy(opened.response) == PNR_POLICY_POPULAR);
  ok(pnr_engine_erase(opened.engine, PNR_PERSON_USER, "u5", 2, &removed, &overwritten, &error), error);
  CHECK(removed == 0);
}

TEST_CASE("c: a read-only store serves and refuses changes by name", "[c][engine]") {
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  pnr_error error;
  pnr_event event;
  pnr_event_init(&event, sizeof event);
  event.time_us = 1;
  event.kind = PNR_VIEW_ITEM;
  event.user = {"u1", 2};
  event.item = {"a1", 2};
  CHECK(pnr_engine_record(opened.engine, &event, 1, nullptr, &error) == PNR_READ_ONLY);
  CHECK(pnr_engine_erase(opened.engine, PNR_PERSON_USER, "u1", 2, nullptr, nullptr, &error) == PNR_READ_ONLY);
  pnr_train_options options;
  pnr_train_options_init(&options, sizeof options);
  CHECK(pnr_store_train(opened.store, &options, nullptr, nullptr, &error) == PNR_READ_ONLY);
}

TEST_CASE("c: a store that is not there, or was never trained, is refused by name", "[c][engine]") {
  const shop::Folder folder;
  pnr_error error;
  auto* const untouched = reinterpret_cast<pnr_store*>(&error);
  pnr_store* store = untouched;
  const auto missing = folder.at("missing");
  CHECK(pnr_store_open(missing.data(), missing.size(), PNR_MODE_READ_WRITE, &store, &error) == PNR_NOT_FOUND);
  CHECK(std::string(error.where).find("missing") != std::string::npos);
  CHECK(pnr_store_open(missing.data(), missing.size(), 9, &store, &error) == PNR_INVALID_ARGUMENT);
  CHECK(store == untouched);

  const auto empty = folder.at("empty");
  ok(pnr_store_open(empty.data(), empty.size(), PNR_MODE_CREATE, &store, &error), error);
  auto* engine = reinterpret_cast<pnr_engine*>(&error);
  CHECK(pnr_engine_open(store, nullptr, &engine, &error) == PNR_NOT_FOUND);
  CHECK(engine == reinterpret_cast<pnr_engine*>(&error));
  char out[32] = "before";
  std::size_t needed = 99;
  CHECK(pnr_store_current(store, out, sizeof out, &needed, &error) == PNR_NOT_FOUND);
  CHECK(needed == 99);
  CHECK(std::string(out) == "before");
  pnr_store_free(store);
}

TEST_CASE("c: training tells its progress, stops on request, and refuses bad input with file and line", "[c][engine]") {
  const shop::Copy copy;
  shop::Opened opened(copy.path());
  pnr_error error;
  pnr_train_options options;
  pnr_train_options_init(&options, sizeof options);
  pnr_control control;
  pnr_control_init(&control, sizeof control);
  control.threads = 1;
  int calls = 0;
  control.progress_context = &calls;
  control.progress = [](void* context, const char* stage, std::size_t length, std::uint64_t, std::uint64_t) {
    ++*static_cast<int*>(context);
    return stage != nullptr && length > 0;
  };
  pnr_train_report report;
  pnr_train_report_init(&report, sizeof report);
  ok(pnr_store_train(opened.store, &options, &control, &report, &error), error);
  CHECK(calls > 0);
  CHECK(report.users == shop::users);
  CHECK(report.ingested == 0);
  CHECK(std::string(report.generation) == "00000002");
  bool changed = false;
  ok(pnr_engine_reload(opened.engine, &changed, &error), error);
  CHECK(changed);
  ok(pnr_engine_reload(opened.engine, &changed, &error), error);
  CHECK_FALSE(changed);

  control.progress = [](void*, const char*, std::size_t, std::uint64_t, std::uint64_t) { return false; };
  CHECK(pnr_store_train(opened.store, &options, &control, &report, &error) == PNR_CANCELLED);
  CHECK(std::string(report.generation) == "00000002");

  const shop::Folder folder;
  const auto file = folder.at("bad.csv");
  std::ofstream(file) << "time,kind,user,item\n2024-01-01 10:00:00,purchase,u1,a1\nyesterday,purchase,u1,a2\n";
  const auto given = shop::text(file);
  options.events = &given;
  options.event_count = 1;
  CHECK(pnr_store_train(opened.store, &options, nullptr, &report, &error) == PNR_MALFORMED_INPUT);
  CHECK(std::string(error.where).find("bad.csv:3") != std::string::npos);
  options.skip_bad_lines = true;
  ok(pnr_store_train(opened.store, &options, nullptr, &report, &error), error);
  CHECK(report.lines_read == 2);
  CHECK(report.dropped == 1);
  CHECK(report.items_dropped == 0);
  const auto items_file = folder.at("items.csv");
  std::ofstream(items_file) << "item,price\na1,1\na2,-1\n";
  options.items = shop::text(items_file);
  ok(pnr_store_train(opened.store, &options, nullptr, &report, &error), error);
  CHECK(report.items_dropped == 1);
  options.items = {nullptr, 0};
  CHECK((report.people_read == 0 && report.people_kept == 0));
  const auto users_file = folder.at("users.csv");
  std::ofstream(users_file) << "user,source,city\nu1,crm,Bern\n,crm,Rome\nstranger,crm,Oslo\n";
  const auto users = shop::text(users_file);
  options.users = &users;
  options.user_file_count = 1;
  ok(pnr_store_train(opened.store, &options, nullptr, &report, &error), error);
  CHECK((report.people_read == 3 && report.people_kept == 2 && report.people_changed == 2 && report.people_dropped == 1));
  // A caller of the first header knows no users files and is told nothing of them.
  auto older = options;
  older.struct_size = offsetof(pnr_train_options, users);
  struct {
    pnr_train_report report;
    unsigned char guard[8];
  } told;
  pnr_train_report_init(&told.report, offsetof(pnr_train_report, people_read));
  std::memset(&told.report.people_read, 0x5A, sizeof told - offsetof(pnr_train_report, people_read));
  ok(pnr_store_train(opened.store, &older, nullptr, &told.report, &error), error);
  CHECK((told.report.lines_read == 2 && told.report.items_dropped == 0 && told.report.struct_size == offsetof(pnr_train_report, people_read)));
  CHECK((told.report.people_read == 0x5A5A5A5A5A5A5A5A && told.report.people_dropped == 0x5A5A5A5A5A5A5A5A));
  const auto vectors_file = folder.at("no.npz");
  options.vectors = shop::text(vectors_file);
  CHECK(pnr_store_train(opened.store, &options, nullptr, &report, &error) == PNR_NOT_FOUND);
  CHECK(std::string(error.where).find("no.npz") != std::string::npos);
  options.vectors = {nullptr, 0};
  options.users = nullptr;
  CHECK(pnr_store_train(opened.store, &options, nullptr, nullptr, &error) == PNR_INVALID_ARGUMENT);
  CHECK(std::string(error.where) == "options.users");
  options.user_file_count = 0;
  const std::string wrong = "no_such_field=x";
  options.map = shop::text(wrong);
  CHECK(pnr_store_train(opened.store, &options, nullptr, nullptr, &error) == PNR_INVALID_ARGUMENT);
  options.map = {nullptr, 0};
  options.kind = {"stroll", 6};
  CHECK(pnr_store_train(opened.store, &options, nullptr, nullptr, &error) == PNR_INVALID_ARGUMENT);
  CHECK(std::string(error.where) == "options.kind");

  // A first training that fails, and be it for its options, leaves no store.
  pnr_store* fresh = nullptr;
  const auto place = folder.at("fresh");
  ok(pnr_store_open(place.data(), place.size(), PNR_MODE_CREATE, &fresh, &error), error);
  CHECK(std::filesystem::exists(place));
  CHECK(pnr_store_train(fresh, &options, nullptr, nullptr, &error) == PNR_INVALID_ARGUMENT);
  CHECK_FALSE(std::filesystem::exists(place));
  pnr_store_free(fresh);
}

TEST_CASE("c: texts are copied into buffers of at least their size", "[c][engine]") {
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  pnr_error error;
  const std::string expected = "Pr\xC3\xA9sent a7";
  std::string out(32, '#');
  for (std::size_t capacity = 0; capacity < expected.size(); ++capacity) {
    std::size_t needed = 99;
    CHECK(pnr_engine_item_name(opened.engine, shop::key("a7"), out.data(), capacity, &needed, &error) == PNR_BUFFER_TOO_SMALL);
    CHECK(needed == expected.size());
    CHECK(out == std::string(32, '#'));
  }
  std::size_t needed = 0;
  CHECK(pnr_engine_item_name(opened.engine, shop::key("a7"), nullptr, 0, &needed, &error) == PNR_BUFFER_TOO_SMALL);
  ok(pnr_engine_item_name(opened.engine, shop::key("a7"), out.data(), expected.size(), &needed, &error), error);
  CHECK(out == expected + std::string(32 - expected.size(), '#'));
  ok(pnr_engine_item_id(opened.engine, shop::key("a7"), out.data(), 2, &needed, &error), error);
  CHECK(out.substr(0, needed) == "a7");
  needed = 99;
  CHECK(pnr_engine_item_id(opened.engine, 12345, out.data(), 2, &needed, &error) == PNR_NOT_FOUND);
  CHECK(needed == 99);
}

TEST_CASE("c: the JSON door answers as the structs do", "[c][engine]") {
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  pnr_error error;
  const std::string in = R"({"user": "u2", "n": 5, "time": 1706000000000000})";
  std::string out(16, '#');
  std::size_t needed = 0;
  CHECK(pnr_engine_call_json(opened.engine, in.data(), in.size(), out.data(), out.size(), &needed, &error) == PNR_BUFFER_TOO_SMALL);
  CHECK(out == std::string(16, '#'));
  REQUIRE(needed > 16);
  out.assign(needed + 64, '#');
  ok(pnr_engine_call_json(opened.engine, in.data(), in.size(), out.data(), out.size(), &needed, &error), error);
  const auto json = out.substr(0, needed);
  CHECK(json.front() == '{');
  CHECK(json.back() == '}');
  const std::string user = "u2";
  const auto request = shop::request_for(user);
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  std::size_t from = 0;
  for (std::size_t slot = 0; slot < 5; ++slot) {
    from = json.find('"' + shop::id(opened.response, slot) + '"', from);
    REQUIRE(from != std::string::npos);
  }
  for (const std::string wrong : {"", "[]", "{\"usr\": \"u1\"}", "{\"n\": 0}", "{\"op\": \"dance\"}", "{", "\xFF"}) {
    INFO(wrong);
    needed = 99;
    const auto status = pnr_engine_call_json(opened.engine, wrong.data(), wrong.size(), out.data(), out.size(), &needed, &error);
    CHECK((status == PNR_INVALID_ARGUMENT || status == PNR_MALFORMED_INPUT));
    CHECK(needed == 99);
  }
}

TEST_CASE("c: handles may be freed in any order", "[c][engine]") {
  pnr_error error;
  pnr_store* store = nullptr;
  pnr_engine* engine = nullptr;
  pnr_response* response = nullptr;
  ok(pnr_store_open(shop::trained().data(), shop::trained().size(), PNR_MODE_READ_ONLY, &store, &error), error);
  ok(pnr_engine_open(store, nullptr, &engine, &error), error);
  ok(pnr_response_create(&response, &error), error);
  pnr_store_free(store);
  const std::string user = "u4";
  const auto request = shop::request_for(user);
  ok(pnr_engine_recommend(engine, &request, response, &error), error);
  const auto id = shop::id(response, 0);
  pnr_engine_free(engine);
  CHECK(shop::id(response, 0) == id);  // the response keeps its generation
  pnr_response_free(response);
}

TEST_CASE("c: an engine over a generation's bytes answers as the store's does", "[c][engine]") {
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  std::ifstream file(shop::trained() + "/generations/00000001.pnr", std::ios::binary);
  REQUIRE(file);
  std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  pnr_error error;
  pnr_engine_options options;
  pnr_engine_options_init(&options, sizeof options);
  options.full_check = true;
  std::int64_t now = 1'706'000'000'000'000;
  options.clock_context = &now;
  options.clock = [](void* context) { return *static_cast<std::int64_t*>(context); };
  pnr_engine* engine = nullptr;
  ok(pnr_engine_open_bytes(bytes.data(), bytes.size(), &options, &engine, &error), error);
  const std::uint64_t session[] = {shop::key("a1"), shop::key("a2")};
  pnr_request request;
  pnr_request_init(&request, sizeof request);
  request.session = session;
  request.session_count = 2;
  pnr_response* response = nullptr;
  ok(pnr_response_create(&response, &error), error);
  ok(pnr_engine_recommend(engine, &request, response, &error), error);
  request.time_us = now;
  ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
  CHECK(shop::answers(response) == shop::answers(opened.response));
  CHECK(pnr_response_count(response) == 10);
  pnr_response_free(response);
  pnr_engine_free(engine);

  pnr_engine* broken = nullptr;
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  const auto status = pnr_engine_open_bytes(bytes.data(), bytes.size(), &options, &broken, &error);
  CHECK(status == PNR_MALFORMED_INPUT);
  CHECK(pnr_engine_open_bytes(bytes.data(), 10, nullptr, &broken, &error) == PNR_MALFORMED_INPUT);
  CHECK(broken == nullptr);
}

TEST_CASE("c: threads with a response each share one engine", "[c][engine]") {
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  std::vector<std::vector<std::pair<std::uint64_t, float>>> expected;
  pnr_error error;
  for (int user = 0; user < shop::users; ++user) {
    const auto id = "u" + std::to_string(user);
    const auto request = shop::request_for(id);
    ok(pnr_engine_recommend(opened.engine, &request, opened.response, &error), error);
    expected.push_back(shop::answers(opened.response));
  }
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t] {
      pnr_response* response = nullptr;
      if (pnr_response_create(&response, nullptr) != PNR_OK) wrong[t] = 1000;
      for (std::size_t user = t; user < expected.size(); ++user) {
        const auto id = "u" + std::to_string(user);
        const auto request = shop::request_for(id);
        if (pnr_engine_recommend(opened.engine, &request, response, nullptr) != PNR_OK || shop::answers(response) != expected[user])
          ++wrong[t];
      }
      pnr_response_free(response);
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4, 0));
}
