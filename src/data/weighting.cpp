#include "pannier/data/weighting.hpp"

#include <algorithm>
#include <bit>
#include <set>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "data/shares.hpp"
#include "pannier/core/config.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/time.hpp"

namespace pannier::data {
namespace {

// 2^-x is split into 2^-whole, a step of 1/64 read from the table, and a rest below 1/64 for which four terms of the series
// leave (ln 2 / 64)^4 / 24 < 6e-10.
constexpr int steps = 64;
constexpr double ln_2 = 0.693147180559945309417232121458;

constexpr std::array<double, steps> make_table() {
  std::array<double, steps> table{};
  for (int k = 0; k < steps; ++k) {
    const double x = -ln_2 * k / steps;
    double term = 1, sum = 1;
    for (int n = 1; n < 30; ++n) {
      term *= x / n;
      sum += term;
    }
    table[static_cast<std::size_t>(k)] = sum;
  }
  return table;
}
constexpr auto table = make_table();

using Json = nlohmann::json;

/// The weights as fields: one a kind of event that can have one.
std::vector<FieldRef> weight_fields(WeightingConfig& config) {
  std::vector<FieldRef> fields;
  const auto names = event_kind_names();
  for (const auto kind_name : names) {
    const auto kind = event_kind(kind_name);
    if (kind && *kind != EventKind::refund)
      fields.push_back({kind_name, &config.weights[static_cast<std::size_t>(*kind)], Range{0, 1e6}, "Weight of one such event."});
  }
  return fields;
}

Json parse_object(std::string_view json, std::string_view where) {
  if (json.empty()) return Json::object();
  std::set<std::pair<int, std::string>> seen;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && !seen.emplace(depth, parsed.get<std::string>()).second)
      throw Error(ErrorCode::malformed_input, std::string(where), "has the key '" + parsed.get<std::string>() + "' twice", "each key once");
    return true;
  };
  try {
    auto object = Json::parse(json.begin(), json.end(), watch);
    if (object.is_object()) return object;
    throw Error(ErrorCode::malformed_input, std::string(where), std::string("is a JSON ") + object.type_name(), "a JSON object");
  } catch (const Json::parse_error& error) {
    throw Error(ErrorCode::malformed_input, std::string(where), "is no JSON at byte " + std::to_string(error.byte), "a JSON object");
  }
}

std::string under(std::string_view where, std::string_view key) {
  return where.empty() ? std::string(key) : std::string(where) + ":" + std::string(key);
}

}  // namespace

double decay_factor(double half_lives) noexcept {
  if (!(half_lives > 0)) return 1;
  if (half_lives >= 1023) return 0;
  const auto whole = static_cast<int>(half_lives);
  const double fraction = (half_lives - whole) * steps;
  const auto step = static_cast<int>(fraction);
  const double rest = (fraction - step) * (ln_2 / steps);
  const double series = 1 - rest * (1 - rest * (0.5 - rest * (1.0 / 6)));
  const auto power = std::bit_cast<double>(static_cast<std::uint64_t>(1023 - whole) << 52);
  return power * (table[static_cast<std::size_t>(step)] * series);
}

void require_valid(const WeightingConfig& config) {
  auto copy = config;
  validate_fields(fields_of(copy));
  for (const auto& field : weight_fields(copy)) {
    const float weight = *std::get<float*>(field.target);
    if (!(weight >= 0 && weight <= 1e6f))
      throw Error(ErrorCode::invalid_argument, "weights." + std::string(field.name), "is " + std::to_string(weight),
                  "a number from 0 to 1e6");
  }
}

WeightingConfig weighting_from_json(std::string_view json, std::string_view where) {
  WeightingConfig config;
  auto object = parse_object(json, where);
  const auto fields = fields_of(config);
  std::vector<std::string_view> known{"weights"};
  for (const auto& field : fields) known.push_back(field.name);
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      const auto near = nearest_name(key, known);
      throw Error(ErrorCode::invalid_argument, under(where, key), "is no known key",
                  near.empty() ? "weights, half_life_days or cap" : std::string(near));
    }
    if (key == "weights" ? !value.is_object() : !value.is_number())
      throw Error(ErrorCode::invalid_argument, under(where, key), std::string("is a JSON ") + value.type_name(),
                  key == "weights" ? "an object of kinds and their weights" : "a number");
  }
  if (const auto found = object.find("weights"); found != object.end()) {
    const auto place = under(where, "weights");
    for (const auto& [kind, value] : found->items())
      if (!value.is_number())
        throw Error(ErrorCode::invalid_argument, under(place, kind), std::string("is a JSON ") + value.type_name(), "a number from 0 to 1e6");
    // Zero says what holds anyway.
    if (const auto refund = found->find("refund"); refund != found->end()) {
      if (refund->get<double>() != 0)
        throw Error(ErrorCode::invalid_argument, under(place, "refund"), "is " + refund->dump(),
                    "0 or nothing: a refund takes units back and has no weight of its own");
      found->erase("refund");
    }
    config.weights = {};
    fields_from_json(weight_fields(config), found->dump(), place);
    object.erase("weights");
  }
  fields_from_json(fields, object.dump(), where);
  return config;
}

std::string to_json(const WeightingConfig& config) {
  auto copy = config;
  std::vector<FieldRef> set;
  for (auto& field : weight_fields(copy))
    if (*std::get<float*>(field.target) != 0) set.push_back(std::move(field));
  const auto rest = fields_to_json(fields_of(copy));
  return "{\"weights\": " + fields_to_json(set) + ", " + rest.substr(rest.find('{') + 1);
}

void settle(std::span<const WeighedEvent> events, std::vector<WeighedEvent>& settled) {
  if (events.size() > 0xFFFFFFFFu)
    throw Error(ErrorCode::invalid_argument, "events", "are " + std::to_string(events.size()), "at most 4294967295 of one person");
  settled.assign(events.begin(), events.end());
  for (std::uint32_t i = 0; auto& event : settled) event.place = i++;
  std::sort(settled.begin(), settled.end(), [](const WeighedEvent& a, const WeighedEvent& b) {
    return std::tie(a.item, a.time_us, a.place) < std::tie(b.item, b.time_us, b.place);
  });
  // Backwards in time, refunds open a claim and purchases answer it: brackets that match, so that the units left are those
  // that taking back the latest unit first would leave.
  double claimed = 0;
  for (auto at = settled.rbegin(); at != settled.rend(); ++at) {
    if (at == settled.rbegin() || at->item != std::prev(at)->item) claimed = 0;
    if (at->kind == EventKind::refund) {
      claimed += at->quantity;
      at->quantity = 0;
    } else if (at->kind == EventKind::purchase) {
      const double units = at->quantity;
      const double taken = std::min(claimed, units);
      claimed -= taken;
      at->quantity = units > 0 ? static_cast<float>((units - taken) / units) : 0.0f;
    } else {
      at->quantity = 1;
    }
  }
}

void weigh_history(std::span<const WeighedEvent> events, const WeightingConfig& config, std::int64_t now_us, bool keep_zero,
                   std::vector<WeighedEvent>& scratch, std::vector<HistoryCell>& out) {
  settle(events, scratch);
  out.clear();
  const bool decays = config.half_life_days > 0;
  const double half_life_us = config.half_life_days * static_cast<double>(us_per_day);
  for (std::size_t begin = 0; begin < scratch.size();) {
    HistoryCell cell;
    cell.item = scratch[begin].item;
    double weight = 0;
    bool evidence = false;
    auto at = begin;
    for (; at < scratch.size() && scratch[at].item == cell.item; ++at) {
      const auto& event = scratch[at];
      const bool counts = is_evidence(event, config);
      if (counts) {
        const double share = static_cast<double>(config.weights[static_cast<std::size_t>(event.kind)]) * event.quantity;
        const double age = event.time_us < now_us ? static_cast<double>(now_us) - static_cast<double>(event.time_us) : 0.0;
        weight += decays ? share * decay_factor(age / half_life_us) : share;
      }
      if (counts || !evidence) {
        cell.last_kind = event.kind;
        cell.last_time_us = event.time_us;
        evidence = counts;
      }
      if (event.kind == EventKind::purchase && event.quantity > 0) {
        cell.bought = true;
        auto& bought = cell.purchases;
        if (bought.times == 0) bought.first_us = event.time_us;
        if (bought.times == 0 || bought.last_us != event.time_us) ++bought.times;
        bought.last_us = event.time_us;
        bought.units += event.quantity * events[event.place].quantity;
      }
    }
    cell.weight = static_cast<float>(weight);
    if (config.cap > 0 && cell.weight > config.cap) cell.weight = config.cap;
    if (cell.weight > 0 || keep_zero) out.push_back(cell);
    begin = at;
  }
  std::sort(out.begin(), out.end(), [](const HistoryCell& a, const HistoryCell& b) {
    return std::tie(a.last_time_us, a.item) < std::tie(b.last_time_us, b.item);
  });
}

}  // namespace pannier::data
