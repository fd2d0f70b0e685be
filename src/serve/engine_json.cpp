#include "serve/engine_json.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "pannier/core/config.hpp"
#include "pannier/core/time.hpp"
#include "serve/json_text.hpp"

namespace pannier::serve {
namespace {

constexpr std::array<std::string_view, 14> request_keys{"op",     "user",         "visitor",        "session", "items",   "n",      "page",
                                                        "filter", "exclude_seen", "exclude_bought", "time",    "explain", "policy", "category"};
constexpr std::array<std::string_view, 7> policies{"personal", "similar", "popular", "trending", "seasonal", "buy_again", "recently_viewed"};
constexpr std::array<std::string_view, 2> batch_keys{"op", "events"};
constexpr std::array<std::pair<std::string_view, data::Consent>, 5> consents{{{"unknown", data::Consent::unknown},
                                                                              {"none", data::Consent::none},
                                                                              {"essential", data::Consent::essential},
                                                                              {"personalization", data::Consent::personalization},
                                                                              {"all", data::Consent::all}}};
constexpr std::string_view whole_number_of_32_bits = "a whole number from 0 to 2147483647";

[[noreturn]] void refuse(std::string_view where, std::string_view key, const Json& value, std::string allowed) {
  throw Error(ErrorCode::invalid_argument, below(where, key), "is " + described(value), std::move(allowed));
}

/// The keys of one object, each read with its type or refused by name.
class Reader {
 public:
  Reader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  const Json* find(std::string_view key) const {
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  /// Not empty where it is given.
  std::string_view text(std::string_view key) const {
    const auto* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_string() || value->get_ref<const std::string&>().empty()) refuse(where_, key, *value, "a text that is not empty");
    return value->get_ref<const std::string&>();
  }
  bool flag(std::string_view key, bool otherwise) const {
    const auto* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_boolean()) refuse(where_, key, *value, "true or false");
    return value->get<bool>();
  }
  double number(std::string_view key, double otherwise) const {
    const auto* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_number()) refuse(where_, key, *value, "a number");
    return value->get<double>();
  }
  std::int64_t whole(std::string_view key, std::int64_t otherwise, std::int64_t min, std::int64_t max, std::string_view allowed) const {
    const auto* value = find(key);
    if (value == nullptr) return otherwise;
    const bool fits = value->is_number_integer() && (value->is_number_unsigned() ? value->get<std::uint64_t>() <= static_cast<std::uint64_t>(max)
                                                                                : value->get<std::int64_t>() >= min);
    if (!fits || value->get<std::int64_t>() < min) refuse(where_, key, *value, std::string(allowed));
    return value->get<std::int64_t>();
  }
  std::optional<std::int64_t> time(std::string_view key) const {
    constexpr std::string_view allowed = "ISO 8601 text, or microseconds since 1970, in the years 1970 to 2199";
    const auto* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_string()) return whole(key, 0, earliest_time_us, latest_time_us, allowed);
    const auto parsed = parse_time(value->get_ref<const std::string&>());
    if (!parsed || *parsed < earliest_time_us || *parsed > latest_time_us) refuse(where_, key, *value, std::string(allowed));
    return parsed;
  }
  std::vector<ItemKey> item_keys(std::string_view key) const {
    std::vector<ItemKey> out;
    const auto* value = find(key);
    if (value == nullptr) return out;
    if (!value->is_array()) refuse(where_, key, *value, "an array of item ids");
    for (const auto& id : *value) {
      if (!id.is_string() || id.get_ref<const std::string&>().empty())
        refuse(where_, std::string(key) + "[" + std::to_string(out.size()) + "]", id, "an item id: a text that is not empty");
      out.push_back(item_key(id.get_ref<const std::string&>()));
    }
    return out;
  }

 private:
  const Json& object_;
  std::string where_;
};

/// One event whose texts are borrowed from `object`.
data::Event read_event(const Json& object, const std::string& where, const std::function<std::int64_t()>& clock) {
  if (!object.is_object()) throw Error(ErrorCode::invalid_argument, where, "is " + described(object), "an object");
  const Reader reader(object, where);
  data::Event event;
  event.id = reader.text("event_id");
  const auto kind_text = reader.text("kind");
  const auto kind = data::event_kind(kind_text);
  if (!kind) {
    std::string allowed;
    for (const auto known : data::event_kind_names()) (allowed += allowed.empty() ? "" : ", ") += known;
    if (kind_text.empty()) throw Error(ErrorCode::invalid_argument, below(where, "kind"), "is missing", std::move(allowed));
    refuse(where, "kind", *reader.find("kind"), std::move(allowed));
  }
  event.kind = *kind;
  const auto time = reader.time("time");
  event.time_us = time ? *time : clock();
  event.user = reader.text("user");
  event.visitor = reader.text("visitor");
  event.session = reader.text("session");
  event.order = reader.text("order");
  event.item = reader.text("item");
  event.item_name = reader.text("item_name");
  event.quantity = reader.number("quantity", event.quantity);
  event.price = reader.number("price", event.price);
  event.currency = reader.text("currency");
  event.value = reader.number("value", event.value);
  event.position = static_cast<std::int32_t>(reader.whole("position", -1, 0, INT32_MAX, whole_number_of_32_bits));
  event.dwell_ms = reader.whole("dwell_ms", -1, 0, INT64_MAX, "a whole number that is not negative");
  event.query = reader.text("query");
  event.page = reader.text("page");
  event.device = reader.text("device");
  event.country = reader.text("country");
  event.channel = reader.text("channel");
  if (const auto consent = reader.text("consent"); !consent.empty()) {
    bool known = false;
    for (const auto& [text, choice] : consents)
      if (text == consent) event.consent = choice, known = true;
    if (!known) refuse(where, "consent", *reader.find("consent"), "unknown, none, essential, personalization, all");
  }
  event.request_id = reader.text("request_id");
  event.slot = static_cast<std::int32_t>(reader.whole("slot", -1, 0, INT32_MAX, whole_number_of_32_bits));
  return event;
}

std::string record_json(Engine& engine, const std::function<std::int64_t()>& clock, const Json& parsed) {
  std::vector<data::Event> events;
  std::vector<std::string_view> event_keys(data::event_field_names().begin(), data::event_field_names().end());
  if (parsed.contains("events")) {
    refuse_unknown_keys(parsed, batch_keys, "request");
    const auto& batch = parsed.at("events");
    if (!batch.is_array()) refuse("request", "events", batch, "an array of events");
    for (const auto& entry : batch) {
      const auto where = "events[" + std::to_string(events.size()) + "]";
      if (entry.is_object()) refuse_unknown_keys(entry, event_keys, where);
      events.push_back(read_event(entry, where, clock));
    }
  } else {
    event_keys.push_back("op");
    refuse_unknown_keys(parsed, event_keys, "request");
    events.push_back(read_event(parsed, "request", clock));
  }
  const auto counts = engine.record(events);
  std::string out = "{\"recorded\":";
  put_json(out, counts.ingested);
  out += ",\"duplicates\":";
  put_json(out, counts.duplicates);
  return out + '}';
}

}  // namespace

std::string answer_json(Engine& engine, const std::function<std::int64_t()>& clock, std::string_view request, EngineWorkspace& workspace,
                        Response& response) {
  const auto parsed = parse_object(request, "request");
  const Reader reader(parsed, "request");
  const auto op = reader.find("op") == nullptr ? std::string_view("recommend") : reader.text("op");
  if (op == "record") return record_json(engine, clock, parsed);
  if (op != "recommend" && op != "similar" && op != "together") refuse("request", "op", parsed.at("op"), "recommend, similar, together, record");
  refuse_unknown_keys(parsed, request_keys, "request");
  if (reader.find("filter") != nullptr) throw Error(ErrorCode::unsupported, "request.filter", "filters are not built yet", "absent");

  const auto session = reader.item_keys("session");
  const auto items = reader.item_keys("items");
  Request asked;
  asked.op = op == "similar" ? Op::similar : op == "together" ? Op::together : Op::recommend;
  asked.user = reader.text("user");
  asked.visitor = reader.text("visitor");
  asked.session = session;
  asked.items = items;
  asked.count = static_cast<std::uint32_t>(reader.whole("n", asked.count, 1, 10'000, "a whole number from 1 to 10000"));
  asked.exclude_seen = reader.flag("exclude_seen", asked.exclude_seen);
  asked.exclude_bought = reader.flag("exclude_bought", asked.exclude_bought);
  asked.time_us = reader.time("time").value_or(0);
  asked.explain = reader.flag("explain", asked.explain);
  asked.page = reader.text("page");
  if (const auto policy = reader.text("policy"); !policy.empty()) {
    if (std::find(policies.begin(), policies.end(), policy) == policies.end()) {
      const auto near = nearest_name(policy, policies);
      std::string allowed;
      for (const auto known : policies) (allowed += allowed.empty() ? "" : ", ") += known;
      throw Error(ErrorCode::invalid_argument, "request.policy",
                  "is " + described(parsed.at("policy")) + (near.empty() ? "" : "; did you mean " + std::string(near) + "?"), std::move(allowed));
    }
    asked.policy = *policy_named(policy);
  }
  asked.category = reader.text("category");
  engine.answer(asked, workspace, response);
  return to_json(response);
}

std::string to_json(const Response& response) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out = "{\"request_id\":\"";
  for (int shift = 60; shift >= 0; shift -= 4) out += hex[response.request_id() >> shift & 15u];
  out += "\",\"generation\":";
  put_json(out, response.generation());
  out += ",\"policy\":";
  put_json(out, name(response.policy()));
  out += ",\"fallback\":";
  put_json(out, response.fallback());
  out += ",\"items\":[";
  for (std::size_t slot = 0; slot < response.items().size(); ++slot) {
    out += slot == 0 ? "{\"item\":" : ",{\"item\":";
    put_json(out, response.item_id(slot));
    out += ",\"name\":";
    put_json(out, response.item_name(slot));
    out += ",\"score\":";
    put_json(out, response.items()[slot].score);
    out += ",\"reasons\":[";
    for (const auto& reason : response.reasons(slot)) {
      out += out.back() == '[' ? "{\"kind\":" : ",{\"kind\":";
      put_json(out, name(reason.kind));
      out += ",\"item\":";
      put_json(out, response.reason_id(reason));
      out += ",\"weight\":";
      put_json(out, reason.weight);
      out += '}';
    }
    out += "],\"propensity\":";
    put_json(out, response.items()[slot].propensity);
    out += '}';
  }
  out += "],\"microseconds\":";
  put_json(out, response.microseconds());
  return out + '}';
}

std::string to_json(const Error& error) {
  std::string out = "{\"error\":{\"code\":";
  put_json(out, name(error.code()));
  out += ",\"where\":";
  put_json(out, error.where());
  out += ",\"what\":";
  put_json(out, error.problem());
  out += ",\"allowed\":";
  put_json(out, error.allowed());
  return out + "}}";
}

}  // namespace pannier::serve
