#include <algorithm>
#include <array>
#include <string>

#include "pannier/core/config.hpp"
#include "pannier/serve/registry.hpp"
#include "pannier/serve/train.hpp"
#include "serve/json_text.hpp"

namespace pannier::serve {
namespace {

constexpr std::array<std::string_view, 3> config_keys{"events", "models", "serving"};
constexpr std::array<std::string_view, 2> serving_keys{"personal", "similar"};

ModelRequest read_request(const Json& entry, const std::string& where) {
  if (!entry.is_object()) throw Error(ErrorCode::invalid_argument, where, "is " + described(entry), "an object {\"name\", settings}");
  const auto name = entry.find("name");
  if (name == entry.end()) throw Error(ErrorCode::invalid_argument, below(where, "name"), "is missing", "a model's name");
  if (!name->is_string()) throw Error(ErrorCode::invalid_argument, below(where, "name"), "is " + described(*name), "a model's name");
  auto settings = entry;
  settings.erase("name");
  ModelRequest request{.name = name->get<std::string>(), .config_json = {}};
  request.config_json = complete_settings(request.name, settings.dump(), where);
  return request;
}

void require_valid_serving(const Json& serving, std::span<const ModelRequest> models, const std::string& where) {
  refuse_unknown_keys(serving, serving_keys, where);
  for (const auto& [key, model] : serving.items()) {
    std::string allowed;
    bool found = false;
    for (const auto& request : models) {
      if (request.name == "popular") continue;  // Needs no history and knows no similar items.
      found = found || (model.is_string() && request.name == model.get_ref<const std::string&>());
      (allowed += allowed.empty() ? "" : ", ") += request.name;
    }
    if (!found)
      throw Error(ErrorCode::invalid_argument, below(where, key), "is " + described(model),
                  allowed.empty() ? "absent: no model of this config can answer it" : std::move(allowed));
  }
}

void require_valid_models(std::span<const ModelRequest> models, const std::string& where) {
  if (models.empty()) throw Error(ErrorCode::invalid_argument, where, "is empty", "at least one model");
  for (std::size_t i = 0; i < models.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (models[i].name == models[j].name)
        throw Error(ErrorCode::invalid_argument, where + "[" + std::to_string(i) + "].name",
                    "is " + described(Json(models[i].name)) + " a second time", "each model once");
}

}  // namespace

TrainConfig train_config_from_json(std::string_view json, std::string_view where) {
  TrainConfig config;
  if (json.empty()) return config;
  const auto parsed = parse_object(json, where);
  refuse_unknown_keys(parsed, config_keys, where);
  const auto object = [&](std::string_view key) -> const Json& {
    const auto& part = parsed.at(std::string(key));
    if (!part.is_object()) throw Error(ErrorCode::invalid_argument, below(where, key), "is " + described(part), "an object");
    return part;
  };
  if (parsed.contains("events")) config.events = data::weighting_from_json(object("events").dump(), below(where, "events"));
  const auto models_at = below(where, "models");
  if (parsed.contains("models")) {
    const auto& models = parsed.at("models");
    if (!models.is_array()) throw Error(ErrorCode::invalid_argument, models_at, "is " + described(models), "an array of models");
    config.models.clear();
    for (const auto& entry : models)
      config.models.push_back(read_request(entry, models_at + "[" + std::to_string(config.models.size()) + "]"));
  }
  require_valid_models(config.models, models_at);
  if (parsed.contains("serving")) {
    require_valid_serving(object("serving"), config.models, below(where, "serving"));
    config.serving_json = object("serving").dump();
  }
  return config;
}

std::string to_json(const TrainConfig& config) {
  require_valid_models(config.models, "config.models");
  std::string out = "{\"events\":" + data::to_json(config.events) + ",\"models\":[";
  for (std::size_t i = 0; i < config.models.size(); ++i) {
    const auto& request = config.models[i];
    const auto settings = complete_settings(request.name, request.config_json, "config.models[" + std::to_string(i) + "]");
    out += i == 0 ? "{\"name\":" : ",{\"name\":";
    put_json(out, request.name);
    if (const auto fields = std::string_view(settings).substr(settings.find('{') + 1); fields != "}") (out += ',') += fields;
    else out += '}';
  }
  const auto serving = config.serving_json.empty() ? Json::object() : parse_object(config.serving_json, "config.serving");
  require_valid_serving(serving, config.models, "config.serving");
  return out + "],\"serving\":" + serving.dump() + "}";
}

}  // namespace pannier::serve
