/// The report's document: the run, the log's sums, and what the trained store answers.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>

#include "pannier/core/time.hpp"
#include "pannier/core/version.hpp"
#include "pannier/serve/engine.hpp"
#include "reasons.hpp"
#include "report.hpp"

namespace pannier::cli {
namespace {

constexpr std::size_t timed_requests = 3'000;

std::string_view item_text(const store::ItemTable& items, ItemIndex item) {
  const auto name = items.item_name(item);
  return name.empty() ? items.id(item) : name;
}

Json item_json(const store::ItemTable& items, ItemIndex item) {
  Json out = {{"item", items.id(item)}, {"name", item_text(items, item)}};
  if (const auto category = items.category(item); !category.empty()) out["category"] = category;
  return out;
}

/// The items of an answer as the JSON door gives them, with their categories, and in words why.
Json answer_json(const serve::Response& answer, const store::ItemTable& items) {
  auto out = Json::parse(to_json(answer))["items"];
  for (std::size_t slot = 0; slot < out.size(); ++slot) {
    out[slot].update(item_json(items, answer.items()[slot].index));
    if (auto why = reasons_in_words(answer, slot, 40); !why.empty()) out[slot]["why"] = std::move(why);
  }
  return out;
}

/// Latest first, an item once.
Json history_json(const std::vector<store::PersonEvent>& events, const store::ItemTable& items, std::size_t most) {
  Json out = Json::array();
  std::vector<ItemIndex> shown;
  for (auto event = events.rbegin(); event != events.rend() && out.size() < most; ++event) {
    const auto item = event->has_item ? items.find(event->item) : std::nullopt;
    if (!item || std::find(shown.begin(), shown.end(), *item) != shown.end()) continue;
    shown.push_back(*item);
    auto entry = item_json(items, *item);
    entry["date"] = event->time_us < us_per_day ? std::string() : format_time(event->time_us).substr(0, 10);  // Without times: none.
    entry["kind"] = name(event->kind);
    entry["quantity"] = event->quantity;
    out.push_back(std::move(entry));
  }
  return out;
}

struct Named {
  PersonSort sort = PersonSort::user;
  std::string id;
};

void name_person(serve::Request& request, const Named& person) { (person.sort == PersonSort::user ? request.user : request.visitor) = person.id; }

Json example_json(const std::string& what, const Named& person, const UserKey& key, std::int64_t time_us, const serve::Engine& engine,
                  const store::Store& store, const store::ItemTable& items) {
  std::vector<store::PersonEvent> events;
  store.people().recent(key, 100'000, events);
  serve::EngineWorkspace workspace;
  serve::Response response;
  serve::Request request;
  name_person(request, person);
  request.count = 8;
  request.explain = true;
  request.time_us = time_us;
  engine.answer(request, workspace, response);
  return {{"what", what}, {"person", person.id}, {"events", events.size()}, {"history", history_json(events, items, 8)},
          {"policy", name(response.policy())}, {"answers", answer_json(response, items)}};
}

/// Requests for people evenly spaced among all, one after the other on one thread.
Json latency_json(const serve::Engine& engine, const std::vector<Named>& people) {
  if (people.empty()) return nullptr;
  const std::size_t every = (people.size() + timed_requests - 1) / timed_requests;
  serve::EngineWorkspace workspace;
  serve::Response response;
  std::vector<double> times;
  std::map<std::string, std::size_t> policies;
  for (std::size_t round = 0; round < 2; ++round) {   // the first round warms: its times are not kept
    for (std::size_t n = 0; n < people.size(); n += every) {
      if (round == 0 && n >= 200 * every) break;
      serve::Request request;
      name_person(request, people[n]);
      const Stopwatch watch;
      engine.answer(request, workspace, response);
      if (round == 0) continue;
      times.push_back(watch.seconds() * 1e6);
      ++policies[std::string(name(response.policy()))];
    }
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](double share) { return times[std::min(times.size() - 1, static_cast<std::size_t>(share * static_cast<double>(times.size())))]; };
  Json out = {{"requests", times.size()}, {"median_us", at(0.5)}, {"p90_us", at(0.9)}, {"p99_us", at(0.99)}, {"max_us", times.back()}, {"policies", Json(policies)}};
  // Bins a quarter of a doubling wide; what is slower than 999 of 1000 stands in the last.
  const auto bin_of = [](double us) { return static_cast<int>(std::floor(4 * std::log2(std::max(us, 0.25)))); };
  const int first = bin_of(times.front()), last = std::max(first, bin_of(at(0.999)));
  std::vector<std::uint64_t> bins(static_cast<std::size_t>(last - first) + 1, 0);
  for (const auto us : times) ++bins[static_cast<std::size_t>(std::min(last, bin_of(us)) - first)];
  Json& shown = out["bins"] = Json::array();
  for (std::size_t n = 0; n < bins.size(); ++n) shown.push_back({{"from_us", std::exp2((first + static_cast<double>(n)) / 4)}, {"requests", bins[n]}});
  return out;
}

/// A message about a line without the folders of its file: "shop.csv:12:price: ...".
std::string without_folders(const std::string& message) {
  const auto folders = message.find_last_of('/', message.find(':'));
  return folders == std::string::npos ? message : message.substr(folders + 1);
}

/// What sizes a store has on disk.
Json sizes_json(const store::Store& store, const store::Generation& generation) {
  std::error_code failure;
  std::uintmax_t people = 0;
  for (const auto* file : {"people.sqlite", "people.sqlite-wal"}) {
    const auto size = std::filesystem::file_size(store.folder() / file, failure);
    if (!failure) people += size;
  }
  return {{"generation_bytes", generation.size_bytes()}, {"people_bytes", people}};
}

}  // namespace

ReportCollector::ReportCollector(std::vector<std::string> files, const serve::TrainConfig& config, FitControl control)
    : files_(std::move(files)), config_(config), control_(std::move(control)) {}

std::function<void(const data::EventLog&, const serve::TrainReport&)> ReportCollector::hook(std::shared_ptr<const store::Store> store) {
  return [this, store](const data::EventLog& log, const serve::TrainReport& report) {
    try {
      const Stopwatch watch;
      const auto generation = store->open_generation(report.generation, model::Check::structure);
      data_["sales"] = sales_json(log);
      data_["popularity"] = popularity_json(log, config_.events, generation->items());
      data_["log"] = {{"events", log.size()}, {"people", log.person_count()}, {"items", log.item_count()}, {"orders", log.order_count()}};
      if (log.size() > 0) last_us_ = *std::max_element(log.times_us().begin(), log.times_us().end());

      // People by how many purchases (else events) of weight they have: near the top, in the middle, near the bottom.
      std::vector<std::uint32_t> counts(log.person_count(), 0);
      const bool bought = std::find(log.kinds().begin(), log.kinds().end(), data::EventKind::purchase) != log.kinds().end();
      for (std::size_t n = 0; n < log.size(); ++n)
        if (const auto kind = log.kinds()[n]; log.persons()[n] != data::no_person && (bought ? kind == data::EventKind::purchase : config_.events.weights[static_cast<std::size_t>(kind)] > 0))
          ++counts[log.persons()[n]];
      std::vector<std::uint32_t> order;
      for (std::uint32_t person = 0; person < counts.size(); ++person)
        if (counts[person] > 0) order.push_back(person);
      std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return counts[a] != counts[b] ? counts[a] < counts[b] : log.person_key(a) < log.person_key(b); });
      const std::string things = bought ? " purchases" : " events";
      for (const auto& [what, place] : {std::pair("many", 0.99), std::pair("a middling number of", 0.5), std::pair("few", 0.1)}) {
        Chosen chosen{what + things, {}};
        const auto begin = static_cast<std::size_t>(place * static_cast<double>(order.size()));
        for (auto n = begin; n < std::min(order.size(), begin + 20); ++n) chosen.candidates.push_back(log.person_key(order[n]));
        chosen_.push_back(std::move(chosen));
      }
      data_["seconds"]["sums"] = watch.seconds();
      const Stopwatch quality;
      data_["quality"] = quality_json(log, config_, generation->items(), control_);
      data_["seconds"]["quality"] = quality.seconds();
    } catch (...) {
      failure_ = std::current_exception();
    }
  };
}

Json ReportCollector::finish(const std::shared_ptr<store::Store>& store, const serve::TrainReport& report) {
  if (failure_) std::rethrow_exception(failure_);
  const Stopwatch watch;
  const auto engine = serve::Engine::open(store);
  const auto generation = engine->generation();
  const auto& items = generation->items();

  data_["title"] = files_.empty() ? store->folder().filename().string() : std::filesystem::path(files_.front()).filename().string();
  data_["made"] = format_time(system_time_us()).substr(0, 16) + " UTC";
  data_["version"] = version;
  for (const auto& file : files_) data_["files"].push_back(std::filesystem::path(file).filename().string());
  data_["train"] = Json::parse(to_json(report));
  for (const auto& [key, causes] : {std::pair("dropped", &report.dropped), std::pair("items_dropped", &report.items_dropped), std::pair("people_dropped", &report.people.dropped), std::pair("noted", &report.noted)}) {
    Json list = Json::array();
    for (const auto& [cause, lines] : *causes) list.push_back({{"cause", cause}, {"lines", lines.lines}, {"example", without_folders(lines.example)}});
    data_[key] = std::move(list);
  }
  data_["proposals"] = report.proposals;
  for (const auto& proposal : report.people.proposals) data_["proposals"].push_back(proposal);
  data_["config"] = Json::parse(generation->info().config_json);
  data_["store"] = sizes_json(*store, *generation);

  // One pass over the names: who is shown, and whom the timed requests are for.
  std::map<UserKey, Named> names;
  for (const auto& chosen : chosen_)
    for (const auto& key : chosen.candidates) names[key];
  std::vector<Named> people;
  std::uint64_t sessions = 0, known = 0;
  store->people().people([&](const UserKey& key, data::PersonName person) {
    ++(person.sort == PersonSort::session ? sessions : known);
    if (person.sort == PersonSort::session) return true;
    if (const auto wanted = names.find(key); wanted != names.end()) wanted->second = {person.sort, std::string(person.id)};
    if (people.size() < 1'000'000) people.push_back({person.sort, std::string(person.id)});
    return true;
  });
  data_["log"]["people_are"] = sessions == 0 ? "customers" : known == 0 ? "sessions" : "customers and sessions";
  Json& examples = data_["customers"] = Json::array();
  std::vector<UserKey> shown;
  for (const auto& chosen : chosen_)
    for (const auto& key : chosen.candidates) {
      const auto& person = names[key];
      if (person.id.empty() || std::find(shown.begin(), shown.end(), key) != shown.end()) continue;
      shown.push_back(key);
      examples.push_back(example_json(chosen.what, person, key, last_us_, *engine, *store, items));
      break;
    }

  serve::EngineWorkspace workspace;
  serve::Response response;
  for (const std::string op : {"similar", "together"}) {
    Json list = Json::array();
    for (const auto& best : data_["popularity"]["best"]) {
      const auto& id = best["item"].get_ref<const std::string&>();
      const auto item = items.find(item_key(id));
      if (!item || list.size() == 3) continue;
      try {
        static_cast<void>(engine->call_json(Json{{"op", op}, {"items", Json::array({id})}, {"n", 5}}.dump(), workspace, response));
        if (response.items().empty() || name(response.policy()) != op) continue;   // a fallback says nothing of this item
        auto entry = item_json(items, *item);
        entry["answers"] = answer_json(response, items);
        list.push_back(std::move(entry));
      } catch (const Error& error) {
        if (error.code() != ErrorCode::unsupported) throw;
        break;
      }
    }
    data_[op] = std::move(list);
  }
  data_["latency"] = latency_json(*engine, people);
  data_["seconds"]["train"] = report.seconds;
  data_["seconds"]["answers"] = watch.seconds();
  data_["seconds"]["whole"] = watch_.seconds();
  return std::move(data_);
}

}  // namespace pannier::cli
