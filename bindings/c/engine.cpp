#include <vector>

#include "guard.hpp"
#include "handles.hpp"

namespace pannier::c {
namespace {

serve::EngineOptions to_options(const pnr_engine_options* given) {
  const auto read = read_or_default(given, "options");
  require_reserved(read.reserved, "options.reserved");
  serve::EngineOptions options;
  options.history_limit = read.history_limit;
  options.request_seed = read.request_seed;
  options.check = flag(read.full_check, "options.full_check") ? model::Check::full : model::Check::structure;
  if (read.clock != nullptr) options.clock = [clock = read.clock, context = read.clock_context] { return clock(context); };
  return options;
}

// Keys cross the border as the 64-bit numbers that they are.
std::span<const ItemKey> keys(const std::uint64_t* data, std::size_t count, std::string_view name) {
  static_assert(sizeof(ItemKey) == sizeof(std::uint64_t));
  const auto given = array(data, count, name);
  return {reinterpret_cast<const ItemKey*>(given.data()), given.size()};
}

serve::Request to_request(const pnr_request& given) {
  if (given.op < PNR_OP_RECOMMEND || given.op > PNR_OP_TOGETHER)
    throw Error(ErrorCode::invalid_argument, "request.op", "is " + std::to_string(given.op), "PNR_OP_RECOMMEND, PNR_OP_SIMILAR or PNR_OP_TOGETHER");
  require_reserved(given.reserved, "request.reserved");
  require_reserved(given.reserved_policy, "request.reserved_policy");
  return {.op = static_cast<serve::Op>(given.op),
          .user = text(given.user, "request.user"),
          .visitor = text(given.visitor, "request.visitor"),
          .session = keys(given.session, given.session_count, "request.session"),
          .items = keys(given.items, given.item_count, "request.items"),
          .count = given.count,
          .exclude_seen = flag(given.exclude_seen, "request.exclude_seen"),
          .exclude_bought = flag(given.exclude_bought, "request.exclude_bought"),
          .time_us = given.time_us,
          .explain = flag(given.explain, "request.explain"),
          .page = text(given.page, "request.page"),
          .policy = static_cast<serve::Policy>(given.policy),
          .category = text(given.category, "request.category")};
}

data::Event to_event(const pnr_event& given, const std::string& name) {
  if (given.kind < PNR_VIEW_ITEM || given.kind > PNR_SHARE)
    throw Error(ErrorCode::invalid_argument, name + ".kind", "is " + std::to_string(given.kind), "PNR_VIEW_ITEM to PNR_SHARE");
  if (given.consent < PNR_CONSENT_UNKNOWN || given.consent > PNR_CONSENT_ALL)
    throw Error(ErrorCode::invalid_argument, name + ".consent", "is " + std::to_string(given.consent),
                "PNR_CONSENT_UNKNOWN to PNR_CONSENT_ALL");
  const auto field = [&](const pnr_text& value, const char* which) { return text(value, name + "." + which); };
  data::Event event;
  event.id = field(given.id, "id");
  event.time_us = given.time_us;
  event.kind = static_cast<data::EventKind>(given.kind);
  event.user = field(given.user, "user");
  event.visitor = field(given.visitor, "visitor");
  event.session = field(given.session, "session");
  event.order = field(given.order, "order");
  event.item = field(given.item, "item");
  event.item_name = field(given.item_name, "item_name");
  event.quantity = given.quantity;
  event.price = given.price;
  event.currency = field(given.currency, "currency");
  event.value = given.value;
  event.position = given.position;
  event.dwell_ms = given.dwell_ms;
  event.query = field(given.query, "query");
  event.page = field(given.page, "page");
  event.device = field(given.device, "device");
  event.country = field(given.country, "country");
  event.channel = field(given.channel, "channel");
  event.consent = static_cast<data::Consent>(given.consent);
  event.request_id = field(given.request_id, "request_id");
  event.slot = given.slot;
  return event;
}

void copy_item_text(const pnr_engine* engine, std::uint64_t key, char* out, std::size_t capacity, std::size_t* needed,
                    std::string serve::ItemFacts::*text_of) {
  require(engine, "engine");
  const auto item = engine->value->item(ItemKey{key});
  if (!item)
    throw Error(ErrorCode::not_found, "key", std::to_string(key) + " is no item of the current generation", "pnr_item_key() of one");
  copy_out((*item).*text_of, out, capacity, needed);
}

data::CatalogItem to_item(const pnr_item& given, const std::string& name) {
  const auto field = [&](const pnr_text& value, const char* which) { return std::string(text(value, name + "." + which)); };
  data::CatalogItem item;
  item.id = field(given.id, "id");
  item.name = field(given.name, "name");
  item.category = field(given.category, "category");
  item.brand = field(given.brand, "brand");
  item.image = field(given.image, "image");
  item.price = given.price;
  item.stock = given.stock;
  return item;
}

/// The structs of an array whose first says how long each is.
template <class Given, class Take>
void for_each_struct(const Given* given, std::size_t count, const std::string& array_name, Take&& take) {
  if (count == 0) return;
  require(given, array_name);
  std::size_t stride = 0;
  std::memcpy(&stride, given, sizeof stride);
  for (std::size_t i = 0; i < count; ++i) {
    const auto name = array_name + "[" + std::to_string(i) + "]";
    const auto* at = reinterpret_cast<const unsigned char*>(given) + i * stride;
    if (std::size_t own = 0; std::memcpy(&own, at, sizeof own), own != stride)
      throw Error(ErrorCode::invalid_argument, name + ".struct_size", "is " + std::to_string(own),
                  std::to_string(stride) + ", as in " + array_name + "[0]");
    take(read(reinterpret_cast<const Given*>(at), name), name);
  }
}

}  // namespace
}  // namespace pannier::c

using namespace pannier;

extern "C" {

pnr_status pnr_engine_open(const pnr_store* store, const pnr_engine_options* options, pnr_engine** engine, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(store, "store");
    c::require(engine, "engine");
    auto opened = std::make_unique<pnr_engine>();
    opened->value = serve::Engine::open(store->value, c::to_options(options));
    *engine = opened.release();
  });
}

pnr_status pnr_engine_open_bytes(const void* bytes, size_t length, const pnr_engine_options* options, pnr_engine** engine,
                                 pnr_error* error) {
  return c::guard(error, [&] {
    c::require(bytes, "bytes");
    c::require(engine, "engine");
    auto opened = std::make_unique<pnr_engine>();
    opened->value = serve::Engine::open(std::span(static_cast<const std::byte*>(bytes), length), c::to_options(options));
    *engine = opened.release();
  });
}

pnr_status pnr_engine_recommend(const pnr_engine* engine, const pnr_request* request, pnr_response* response,
                                pnr_error* error) {
  return c::guard(error, [&] {
    c::require(engine, "engine");
    c::require(response, "response");
    engine->value->answer(c::to_request(c::read(request, "request")), response->workspace, response->value);
  });
}

pnr_status pnr_engine_record(pnr_engine* engine, const pnr_event* events, size_t count, uint64_t* recorded,
                             pnr_error* error) {
  return c::guard(error, [&] {
    c::require(engine, "engine");
    std::vector<data::Event> list;
    c::for_each_struct(events, count, "events", [&](const pnr_event& event, const std::string& name) { list.push_back(c::to_event(event, name)); });
    const auto counts = engine->value->record(list);
    if (recorded != nullptr) *recorded = counts.ingested;
  });
}

pnr_status pnr_engine_upsert_items(pnr_engine* engine, const pnr_item* items, size_t count, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(engine, "engine");
    std::vector<data::CatalogItem> list;
    c::for_each_struct(items, count, "items", [&](const pnr_item& item, const std::string& name) { list.push_back(c::to_item(item, name)); });
    engine->value->upsert_items(list);
  });
}

pnr_status pnr_engine_set_stock(pnr_engine* engine, const char* item, size_t length, double units, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(engine, "engine");
    engine->value->set_stock(c::text(item, length, "item"), units);
  });
}

pnr_status pnr_engine_reload(pnr_engine* engine, bool* changed, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(engine, "engine");
    const bool swapped = engine->value->reload();
    if (changed != nullptr) *changed = swapped;
  });
}

pnr_status pnr_engine_erase(pnr_engine* engine, pnr_person sort, const char* id, size_t length, uint64_t* removed,
                            bool* overwritten, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(engine, "engine");
    if (sort < PNR_PERSON_USER || sort > PNR_PERSON_SESSION)
      throw Error(ErrorCode::invalid_argument, "sort", "is " + std::to_string(sort), "PNR_PERSON_USER to PNR_PERSON_SESSION");
    const auto person = c::text(id, length, "id");
    if (person.empty()) throw Error(ErrorCode::invalid_argument, "id", "is empty", "the id of a person");
    const auto receipt = engine->value->erase(static_cast<PersonSort>(sort), person);
    if (removed != nullptr) *removed = receipt.events;
    if (overwritten != nullptr) *overwritten = receipt.overwritten;
  });
}

pnr_status pnr_engine_item_id(const pnr_engine* engine, uint64_t key, char* out, size_t capacity, size_t* needed,
                              pnr_error* error) {
  return c::guard(error, [&] { c::copy_item_text(engine, key, out, capacity, needed, &serve::ItemFacts::id); });
}

pnr_status pnr_engine_item_name(const pnr_engine* engine, uint64_t key, char* out, size_t capacity, size_t* needed,
                                pnr_error* error) {
  return c::guard(error, [&] { c::copy_item_text(engine, key, out, capacity, needed, &serve::ItemFacts::name); });
}

pnr_status pnr_engine_call_json(pnr_engine* engine, const char* in, size_t in_length, char* out, size_t capacity,
                                size_t* needed, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(engine, "engine");
    c::require(needed, "needed");
    if (capacity != 0) c::require(out, "out");
    const auto request = c::text(in, in_length, "in");
    auto response = engine->take();
    const auto answer = engine->value->call_json(request, response->workspace, response->value);
    engine->give(std::move(response));
    c::copy_out(answer, out, capacity, needed);
  });
}

void pnr_engine_free(pnr_engine* engine) { delete engine; }

}  // extern "C"
