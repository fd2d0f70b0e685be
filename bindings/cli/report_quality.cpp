/// The report's measurement: the configured models fitted on the earlier part of the log and asked for the later one, popular beside.
#include <algorithm>
#include <exception>
#include <limits>
#include <numeric>

#include "evaluation.hpp"
#include "pannier/core/time.hpp"
#include "report.hpp"

namespace pannier::cli {
namespace {

constexpr std::uint32_t cutoff = 10;
constexpr std::size_t most_events = 1'000'000, most_people = 3'000;

/// Every `every`-th person, and every so many-th order without one, with all their events.
data::EventLog thinned(const data::EventLog& log, std::uint32_t every) {
  const auto persons = log.persons(), orders = log.orders();
  return data::filtered(log, [&](std::size_t n) { return (persons[n] != data::no_person ? persons[n] : orders[n]) % every == 0; });
}

/// The time from which on the last fifth of the evidence lies; nothing where all of it has one time, or none (--time-unit none).
std::optional<std::int64_t> cut_of(const data::EventLog& log, const data::WeightingConfig& weighting) {
  std::vector<std::int64_t> times;
  for (std::size_t n = 0; n < log.size(); ++n)
    if (log.persons()[n] != data::no_person && weighting.weights[static_cast<std::size_t>(log.kinds()[n])] > 0) times.push_back(log.times_us()[n]);
  if (times.empty() || *std::max_element(times.begin(), times.end()) < us_per_day) return std::nullopt;
  const auto at = times.begin() + static_cast<std::ptrdiff_t>(times.size() * 4 / 5);
  std::nth_element(times.begin(), at, times.end());
  if (*std::min_element(times.begin(), times.end()) == *at) return std::nullopt;
  return *at;
}

/// Leaves the test of at most `most_people` people, evenly spaced among those who have one. Returns how many there were.
std::size_t limit_people(data::Split& split) {
  const CsrView test = split.test;
  std::size_t tested = 0;
  for (std::size_t r = 0; r < test.rows; ++r) tested += !test.row_columns(r).empty();
  const std::size_t every = (tested + most_people - 1) / most_people;
  if (every <= 1) return tested;
  Csr kept{.rows = test.rows, .cols = test.cols, .offsets = {0}, .columns = {}, .values = {}};
  std::size_t seen = 0;
  for (std::size_t r = 0; r < test.rows; ++r) {
    const auto columns = test.row_columns(r);
    if (!columns.empty() && seen++ % every == 0) kept.columns.insert(kept.columns.end(), columns.begin(), columns.end());
    kept.offsets.push_back(static_cast<std::int64_t>(kept.columns.size()));
  }
  kept.values.assign(kept.columns.size(), 1.0f);
  split.test = std::move(kept);
  return tested;
}

Json bounds_json(const evaluate::Interval& interval) { return {interval.first, interval.second}; }

Json measured(const evaluate::Quality& quality, const evaluate::Quality* base, const FitControl& control) {
  Json out = {{"people", quality.people}, {"positions", quality.held_out}, {"metrics", Json(quality.metrics)}};
  Json& intervals = out["interval"] = Json::object();
  for (const auto& [name, interval] : quality.interval) intervals[name] = bounds_json(interval);
  Json& slices = out["slices"] = Json::object();
  for (const auto& [name, slice] : quality.slices)
    if (slice.people > 0) {
      const auto& [metric, mean] = *slice.metrics.begin();
      slices[name] = {{"people", slice.people}, {metric, mean}, {"interval", bounds_json(slice.interval.at(metric))}};
    }
  if (base != nullptr && base->person_ndcg.size() == quality.person_ndcg.size()) {
    const auto difference = evaluate::paired_difference(quality.person_ndcg, base->person_ndcg, control);
    out["above_popular"] = {{"mean", difference.mean}, {"interval", bounds_json(difference.interval)}};
  }
  return out;
}

}  // namespace

Json quality_json(const data::EventLog& log, const serve::TrainConfig& config, const store::ItemTable& items, const FitControl& control) {
  Json out = {{"at", cutoff}, {"models", Json::array()}};
  const auto every = static_cast<std::uint32_t>((log.size() + most_events - 1) / most_events);
  const auto thin = every > 1 ? thinned(log, every) : data::EventLog();
  const auto& used = every > 1 ? thin : log;
  out["every"] = std::max(1u, every);
  EvaluationData data;
  data.weighting = config.events;
  const auto cut = cut_of(used, config.events);
  data.set(cut ? data::split_by_time(used, config.events, *cut, control) : data::split_last_out(used, config.events, control), control);
  out["split"] = cut ? "time" : "last";
  if (cut) {
    out["tested_from"] = format_time(*cut).substr(0, 10);
    std::int64_t until = 0;
    for (const auto time : used.times_us())
      if (time < *cut) until = std::max(until, time);
    out["trained_until"] = format_time(until).substr(0, 10);
  }
  if (data.split.train.columns.empty() || data.split.test.columns.empty()) return out;
  out["people_with_test"] = limit_people(data.split);
  for (const auto column : data.split.items) {
    const auto known = items.find(item_key(used.item_id(ItemIndex{column})));
    data.categories.emplace_back(known ? items.category(*known) : std::string_view{});
  }
  data.catalog = std::make_shared<const data::Catalog>(store::catalog_of(items));
  out["users"] = data.split.train.rows;
  out["items"] = data.split.train.cols;
  out["interactions"] = data.split.train.columns.size();

  std::vector<serve::ModelRequest> models{{"popular", ""}};
  for (const auto& request : config.models) {
    if (request.name == "popular") models.front() = request;
    else models.push_back(request);
  }
  std::optional<evaluate::Quality> popular_new, popular_all;
  std::vector<serve::Sibling> siblings;
  for (const auto& request : models) {
    Json entry = {{"name", request.name}};
    Evaluation fit;
    try {
      fit = fit_split(request.name, request.config_json, data, siblings, control);
    } catch (const Error& error) {
      // What a model finds too little in a part of the log says nothing against the published one.
      if (error.code() != ErrorCode::invalid_argument && error.code() != ErrorCode::numerical_failure) throw;
      out["not_measured"].push_back(request.name + ": " + error.what());
      continue;
    }
    entry["fit_seconds"] = fit.fit_seconds;
    siblings.push_back({request.name, request.config_json, fit.fitted.model});
    bool nothing_new = false, nothing_at_all = false;
    for (const bool exclude_seen : {true, false}) {
      auto& base = exclude_seen ? popular_new : popular_all;
      try {
        auto quality = rank_split(*fit.fitted.model, data, {.at = {cutoff}, .exclude_seen = exclude_seen}, control);
        out["diversity_by"] = quality.diversity_by_category ? "category" : "people";
        out["tail_items"] = quality.tail_items;
        if (quality.metrics.at("coverage@" + std::to_string(cutoff)) == 0) {
          (exclude_seen ? nothing_new : nothing_at_all) = true;
          continue;
        }
        entry[exclude_seen ? "new_items" : "all_items"] = measured(quality, base ? &*base : nullptr, control);
        if (request.name == "popular") base = std::move(quality);
      } catch (const Error& error) {
        // Nobody with something new held out: that table stays empty.
        if (error.code() != ErrorCode::invalid_argument) throw;
      }
    }
    if (nothing_new || nothing_at_all) out["not_measured"].push_back(request.name + ": recommends nothing " + (nothing_at_all ? "to anybody" : "that is new to who was asked"));
    out["models"].push_back(std::move(entry));
  }
  return out;
}

}  // namespace pannier::cli
