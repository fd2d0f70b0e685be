// The conventions of the C interface: statuses, structs and their versions, texts, null pointers.
#include <cstring>
#include <functional>

#include "shop.hpp"

namespace {

const std::string two = "\xC3\xA9";  // one character of two bytes

bool whole_characters(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (static_cast<unsigned char>(text[i]) < 0x80) continue;
    if (text[i] != two[0] || i + 1 == text.size() || text[i + 1] != two[1]) return false;
    ++i;
  }
  return true;
}

}  // namespace

TEST_CASE("c: every status and policy has a name, and numbers out of range have none", "[c][abi]") {
  CHECK(std::string(pnr_status_name(PNR_OK)) == "ok");
  CHECK(std::string(pnr_status_name(PNR_INVALID_ARGUMENT)) == "invalid_argument");
  CHECK(std::string(pnr_status_name(PNR_BUFFER_TOO_SMALL)) == "buffer_too_small");
  CHECK(std::string(pnr_status_name(PNR_INTERNAL)) == "internal");
  CHECK(std::string(pnr_status_name(12)) == "unknown");
  CHECK(std::string(pnr_status_name(-1)) == "unknown");
  CHECK(std::string(pnr_policy_name(PNR_POLICY_PERSONAL)) == "personal");
  CHECK(std::string(pnr_policy_name(99)) == "unknown");
  CHECK(std::string(pnr_version()).find('.') != std::string::npos);
}

TEST_CASE("c: an item's key is a hash of its bytes, and NULL is the empty id", "[c][abi]") {
  CHECK(pnr_item_key("a", 1) != pnr_item_key("b", 1));
  CHECK(pnr_item_key("ab", 1) == pnr_item_key("a", 1));
  CHECK(pnr_item_key(nullptr, 0) == pnr_item_key("", 0));
  CHECK(pnr_item_key("", 0) == 0x2D06800538D394C2u);  // XXH3-64 of nothing
}

TEST_CASE("c: freeing NULL does nothing", "[c][abi]") {
  pnr_store_free(nullptr);
  pnr_engine_free(nullptr);
  pnr_response_free(nullptr);
  pnr_model_free(nullptr);
}

TEST_CASE("c: the accessors of no response, and of slots that are not there, give nothing", "[c][abi]") {
  pnr_response* fresh = nullptr;
  REQUIRE(pnr_response_create(&fresh, nullptr) == PNR_OK);
  for (const pnr_response* response : {static_cast<const pnr_response*>(nullptr), static_cast<const pnr_response*>(fresh)}) {
    std::size_t length = 7;
    std::uint64_t key = 7;
    float share = 7;
    CHECK(pnr_response_count(response) == 0);
    CHECK(pnr_response_id(response, 0, &length) == nullptr);
    CHECK(length == 0);
    CHECK(pnr_response_name(response, 0, nullptr) == nullptr);
    CHECK(pnr_response_reason_id(response, 0, 0, nullptr) == nullptr);
    CHECK(pnr_response_reason_count(response, SIZE_MAX) == 0);
    CHECK_FALSE(pnr_response_reason(response, 0, 0, &key, &share));
    CHECK(key == 7);
    CHECK(share == 7);
    CHECK(pnr_response_propensity(response, 0) == 0);
    CHECK(pnr_response_policy(response) == PNR_POLICY_NONE);
    CHECK_FALSE(pnr_response_fallback(response));
    CHECK(pnr_response_request_id(response) == 0);
  }
  CHECK(pnr_response_keys(nullptr) == nullptr);
  CHECK(pnr_response_scores(nullptr) == nullptr);
  CHECK(pnr_response_generation(nullptr, nullptr) == nullptr);
  CHECK(pnr_model_item_count(nullptr) == 0);
  pnr_response_free(fresh);
}

TEST_CASE("c: a null pointer is refused by name at every call, with an error or without", "[c][abi]") {
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  auto* const store = opened.store;
  auto* const engine = opened.engine;
  auto* const response = opened.response;
  const std::string user = "u1";
  const auto request = shop::request_for(user);
  pnr_train_options options;
  pnr_train_options_init(&options, sizeof options);
  pnr_csr csr;
  pnr_csr_init(&csr, sizeof csr);
  pnr_model* model = nullptr;
  const std::int64_t offsets[] = {0, 1, 2};
  const std::uint32_t columns[] = {0, 1};
  const float values[] = {1, 1};
  csr.rows = csr.cols = csr.nonzeros = 2;
  csr.offsets = offsets;
  csr.columns = columns;
  csr.values = values;
  pnr_error error;
  shop::ok(pnr_model_fit("popular", 7, nullptr, 0, &csr, nullptr, &model, &error), error);
  char out[64];
  std::size_t needed = 0;
  std::uint32_t items[2] = {};
  float scores[2] = {};
  pnr_store* other_store = nullptr;
  pnr_engine* other_engine = nullptr;

  struct Call {
    const char* name;
    std::function<pnr_status(pnr_error*)> run;
  };
  const std::vector<Call> calls = {
      {"store", [&](pnr_error* e) { return pnr_store_open("x", 1, PNR_MODE_CREATE, nullptr, e); }},
      {"folder", [&](pnr_error* e) { return pnr_store_open(nullptr, 3, PNR_MODE_CREATE, &other_store, e); }},
      {"folder", [&](pnr_error* e) { return pnr_store_open(nullptr, 0, PNR_MODE_CREATE, &other_store, e); }},
      {"store", [&](pnr_error* e) { return pnr_store_verify(nullptr, e); }},
      {"store", [&](pnr_error* e) { return pnr_store_current(nullptr, out, 9, &needed, e); }},
      {"needed", [&](pnr_error* e) { return pnr_store_current(store, out, 64, nullptr, e); }},
      {"store", [&](pnr_error* e) { return pnr_store_train(nullptr, &options, nullptr, nullptr, e); }},
      {"options", [&](pnr_error* e) { return pnr_store_train(store, nullptr, nullptr, nullptr, e); }},
      {"store", [&](pnr_error* e) { return pnr_engine_open(nullptr, nullptr, &other_engine, e); }},
      {"engine", [&](pnr_error* e) { return pnr_engine_open(store, nullptr, nullptr, e); }},
      {"bytes", [&](pnr_error* e) { return pnr_engine_open_bytes(nullptr, 8, nullptr, &other_engine, e); }},
      {"engine", [&](pnr_error* e) { return pnr_engine_open_bytes("x", 1, nullptr, nullptr, e); }},
      {"engine", [&](pnr_error* e) { return pnr_engine_recommend(nullptr, &request, response, e); }},
      {"request", [&](pnr_error* e) { return pnr_engine_recommend(engine, nullptr, response, e); }},
      {"response", [&](pnr_error* e) { return pnr_engine_recommend(engine, &request, nullptr, e); }},
      {"engine", [&](pnr_error* e) { return pnr_engine_record(nullptr, nullptr, 0, nullptr, e); }},
      {"events", [&](pnr_error* e) { return pnr_engine_record(engine, nullptr, 1, nullptr, e); }},
      {"engine", [&](pnr_error* e) { return pnr_engine_reload(nullptr, nullptr, e); }},
      {"engine", [&](pnr_error* e) { return pnr_engine_erase(nullptr, PNR_PERSON_USER, "u", 1, nullptr, nullptr, e); }},
      {"id", [&](pnr_error* e) { return pnr_engine_erase(engine, PNR_PERSON_USER, nullptr, 1, nullptr, nullptr, e); }},
      {"engine", [&](pnr_error* e) { return pnr_engine_item_id(nullptr, 1, out, 64, &needed, e); }},
      {"out", [&](pnr_error* e) { return pnr_engine_item_id(engine, shop::key("a1"), nullptr, 64, &needed, e); }},
      {"needed", [&](pnr_error* e) { return pnr_engine_item_name(engine, shop::key("a1"), out, 64, nullptr, e); }},
      {"engine", [&](pnr_error* e) { return pnr_engine_call_json(nullptr, "{}", 2, out, 64, &needed, e); }},
      {"in", [&](pnr_error* e) { return pnr_engine_call_json(engine, nullptr, 2, out, 64, &needed, e); }},
      {"out", [&](pnr_error* e) { return pnr_engine_call_json(engine, "{}", 2, nullptr, 64, &needed, e); }},
      {"needed", [&](pnr_error* e) { return pnr_engine_call_json(engine, "{}", 2, out, 64, nullptr, e); }},
      {"response", [&](pnr_error* e) { return pnr_response_create(nullptr, e); }},
      {"name", [&](pnr_error* e) { return pnr_model_fit(nullptr, 7, "", 0, &csr, nullptr, &model, e); }},
      {"events", [&](pnr_error* e) { return pnr_model_fit("popular", 7, "", 0, nullptr, nullptr, &model, e); }},
      {"model", [&](pnr_error* e) { return pnr_model_fit("popular", 7, "", 0, &csr, nullptr, nullptr, e); }},
      {"model", [&](pnr_error* e) { return pnr_model_recommend(nullptr, &csr, nullptr, items, scores, e); }},
      {"histories", [&](pnr_error* e) { return pnr_model_recommend(model, nullptr, nullptr, items, scores, e); }},
      {"columns", [&](pnr_error* e) { return pnr_model_recommend(model, &csr, nullptr, nullptr, scores, e); }},
      {"scores", [&](pnr_error* e) { return pnr_model_recommend(model, &csr, nullptr, items, nullptr, e); }},
      {"model", [&](pnr_error* e) { return pnr_model_similar(nullptr, columns, 2, nullptr, items, scores, e); }},
      {"items", [&](pnr_error* e) { return pnr_model_similar(model, nullptr, 2, nullptr, items, scores, e); }},
      {"model", [&](pnr_error* e) { return pnr_model_save(nullptr, "x", 1, e); }},
      {"path", [&](pnr_error* e) { return pnr_model_save(model, nullptr, 1, e); }},
      {"model", [&](pnr_error* e) { return pnr_model_load("x", 1, nullptr, e); }},
  };
  const auto* const model_before = model;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    INFO("call " << i << " without " << calls[i].name);
    std::memset(&error, 0x7F, sizeof error);
    CHECK(calls[i].run(&error) == PNR_INVALID_ARGUMENT);
    CHECK(error.code == PNR_INVALID_ARGUMENT);
    CHECK(std::string(error.where) == calls[i].name);
    CHECK(calls[i].run(nullptr) == PNR_INVALID_ARGUMENT);
  }
  CHECK(other_store == nullptr);
  CHECK(other_engine == nullptr);
  CHECK(model == model_before);
  CHECK(needed == 0);
  pnr_model_free(model);
}

TEST_CASE("c: init writes the defaults into the size it is told and nothing behind it", "[c][abi]") {
  unsigned char memory[sizeof(pnr_request) + 64];
  std::memset(memory, 0xAB, sizeof memory);
  auto* request = reinterpret_cast<pnr_request*>(memory);
  pnr_request_init(request, sizeof(pnr_request) + 32);  // a program of a later header
  CHECK(request->struct_size == sizeof(pnr_request) + 32);
  CHECK(request->count == 10);
  CHECK(request->exclude_seen);
  for (std::size_t i = 0; i < 32; ++i) REQUIRE(memory[sizeof(pnr_request) + i] == 0);
  CHECK(memory[sizeof(pnr_request) + 32] == 0xAB);

  std::memset(memory, 0xAB, sizeof memory);
  pnr_request_init(request, 24);  // a program of an earlier header
  CHECK(request->struct_size == 24);
  CHECK(memory[24] == 0xAB);
  pnr_request_init(request, 3);  // no struct at all
  pnr_request_init(nullptr, sizeof(pnr_request));
  CHECK(request->struct_size == 24);

  pnr_event event;
  pnr_event_init(&event, sizeof event);
  CHECK(event.quantity == 1);
  CHECK(event.price != event.price);
  CHECK(event.slot == -1);
  pnr_engine_options options;
  pnr_engine_options_init(&options, sizeof options);
  CHECK(options.history_limit == 100'000);
  pnr_ask ask;
  pnr_ask_init(&ask, sizeof ask);
  CHECK(ask.count == 10);
  CHECK(ask.threads == 1);
}

TEST_CASE("c: a struct of a later version is accepted unless it sets what is not known here", "[c][abi]") {
  shop::Opened opened(shop::trained(), PNR_MODE_READ_ONLY);
  pnr_error error;
  const std::string user = "u1";
  struct Later {
    pnr_request request;
    unsigned char more[40];
  } later;
  pnr_request_init(&later.request, sizeof later);
  later.request.user = shop::text(user);
  shop::ok(pnr_engine_recommend(opened.engine, &later.request, opened.response, &error), error);
  const auto before = shop::answers(opened.response);
  REQUIRE(before.size() == 10);

  later.more[39] = 1;
  CHECK(pnr_engine_recommend(opened.engine, &later.request, opened.response, &error) == PNR_UNSUPPORTED);
  CHECK(std::string(error.where) == "request");
  later.more[39] = 0;

  for (const std::size_t size : {std::size_t{0}, std::size_t{8}, sizeof(pnr_request) - 1, SIZE_MAX, std::size_t{1} << 32}) {
    later.request.struct_size = size;
    CHECK(pnr_engine_recommend(opened.engine, &later.request, opened.response, &error) == PNR_INVALID_ARGUMENT);
    CHECK(std::string(error.where) == "request.struct_size");
    CHECK(std::string(error.what) == "is " + std::to_string(size));
  }
  later.request.struct_size = sizeof(pnr_request);
  later.request.reserved[4] = 1;
  CHECK(pnr_engine_recommend(opened.engine, &later.request, opened.response, &error) == PNR_UNSUPPORTED);
  later.request.reserved[4] = 0;

  // A bool as a foreign language may write it.
  const unsigned char three = 3;
  std::memcpy(&later.request.explain, &three, 1);
  CHECK(pnr_engine_recommend(opened.engine, &later.request, opened.response, &error) == PNR_INVALID_ARGUMENT);
  CHECK(std::string(error.where) == "request.explain");
  CHECK(shop::answers(opened.response) == before);
}

TEST_CASE("c: an error's texts are cut between characters and always end", "[c][abi]") {
  for (const std::size_t shift : {0u, 1u}) {
    std::string folder(shift, 'x');
    for (int i = 0; i < 2000; ++i) folder += two;
    pnr_error error;
    std::memset(&error, 0x7F, sizeof error);
    pnr_store* store = nullptr;
    CHECK(pnr_store_open(folder.data(), folder.size(), PNR_MODE_READ_ONLY, &store, &error) != PNR_OK);
    CHECK(store == nullptr);
    for (const auto& [text, capacity] : {std::pair<const char*, std::size_t>{error.where, sizeof error.where},
                                         {error.what, sizeof error.what},
                                         {error.allowed, sizeof error.allowed}}) {
      const auto* end = static_cast<const char*>(std::memchr(text, 0, capacity));
      REQUIRE(end != nullptr);
      CHECK(whole_characters(std::string(text, end)));
    }
    CHECK(std::strlen(error.where) + std::strlen(error.what) > 250);
  }
}

TEST_CASE("c: success is written into the error too", "[c][abi]") {
  pnr_error error;
  std::memset(&error, 0x7F, sizeof error);
  pnr_response* response = nullptr;
  REQUIRE(pnr_response_create(&response, &error) == PNR_OK);
  CHECK(error.code == PNR_OK);
  CHECK(std::string(error.where).empty());
  CHECK(std::string(error.what).empty());
  pnr_response_free(response);
}
