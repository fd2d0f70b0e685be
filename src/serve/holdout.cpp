#include "pannier/serve/holdout.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <utility>

#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"
#include "pannier/core/time.hpp"
#include "serve/holdout_cut.hpp"

namespace pannier::serve {
namespace {

constexpr double longest_automatic_horizon_days = 60;
constexpr double least_share = 0.01, most_share = 0.5;

std::string percent(double share) {
  char text[32];
  return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, "%g %%", 100 * share))};
}

void require_valid(const CsrView& events, double share) {
  if (!(share >= least_share && share <= most_share)) throw Error(ErrorCode::invalid_argument, "share", "is " + std::to_string(share), "0.01 to 0.5");
  require_valid_weights(events, "events");
}

HoldOut with_something(HoldOut out) {
  if (!has_weight(out.fitted.rows == 0 ? out.split.train : out.fitted) || !has_weight(out.split.test))
    throw Error(ErrorCode::invalid_argument, "events", "leave nothing to hold out", "people with at least two items each");
  return out;
}

/// What a cut of a log brings beside the parts.
HoldOut of_log(data::Split split, const data::WeightingConfig& weighting, std::span<const std::string_view> categories, std::string told, const FitControl& control) {
  HoldOut out{.split = std::move(split), .fitted = {}, .orders = {}, .weighting = weighting, .categories = {}, .item_ids = {}, .vectors = {}, .told = std::move(told)};
  out.orders = data::build_order_rows(out.split.log, weighting, out.split.now_us, control);
  if (!categories.empty())
    for (const auto item : out.split.items) out.categories.emplace_back(categories[item]);
  return with_something(std::move(out));
}

}  // namespace

bool has_weight(const CsrView& matrix) noexcept {
  return std::any_of(matrix.values.begin(), matrix.values.end(), [](float weight) { return weight > 0; });
}

data::Split cut_cells(const CsrView& events, double share, std::uint64_t seed) {
  data::Split out;
  out.train.rows = out.test.rows = events.rows;
  out.train.cols = out.test.cols = events.cols;
  for (std::size_t r = 0; r < events.rows; ++r) {
    const auto columns = events.row_columns(r);
    const auto values = events.row_values(r);
    std::size_t left = columns.size();
    for (std::size_t n = 0; n < columns.size(); ++n) {
      const bool held_out = left > 1 && values[n] > 0 && Random(seed, r, columns[n]).uniform() < share;
      left -= held_out;
      auto& part = held_out ? out.test : out.train;
      part.columns.push_back(columns[n]);
      part.values.push_back(held_out ? 1.0f : values[n]);
    }
    out.train.offsets.push_back(static_cast<std::int64_t>(out.train.columns.size()));
    out.test.offsets.push_back(static_cast<std::int64_t>(out.test.columns.size()));
  }
  return out;
}

std::int64_t horizon_begin_us(const data::EventLog& log, std::int64_t now_us, double horizon_days) {
  std::int64_t first = now_us;
  for (std::size_t n = 0; n < log.size(); ++n)
    if (log.persons()[n] != data::no_person) first = std::min(first, log.times_us()[n]);
  const double span_us = static_cast<double>(now_us) - static_cast<double>(first), day_us = static_cast<double>(us_per_day);
  return now_us - static_cast<std::int64_t>(horizon_days > 0 ? horizon_days * day_us : std::min(longest_automatic_horizon_days * day_us, span_us / 4));
}

FitData fit_data_of(const data::Split& split, const CsrView& orders, const data::WeightingConfig& weighting) {
  return {.events = split.train, .orders = orders, .log = split.cells.empty() ? nullptr : &split.log, .weighting = weighting, .now_us = split.now_us};
}

FitData HoldOut::fit_data(Names& names) const {
  names.categories.assign(categories.begin(), categories.end());
  names.item_ids.assign(item_ids.begin(), item_ids.end());
  auto out = fit_data_of(split, orders, weighting);
  if (fitted.rows != 0) out.events = fitted;
  out.categories = names.categories;
  out.vectors = vectors.get();
  out.catalog = catalog.get();
  out.item_ids = names.item_ids;
  return out;
}

HoldOut hold_out_cells(const CsrView& events, double share, std::uint64_t seed) {
  require_valid(events, share);
  return with_something({.split = cut_cells(events, share, seed), .fitted = {}, .orders = {}, .weighting = {}, .categories = {}, .item_ids = {}, .vectors = {},
                         .told = "random: " + percent(share) + " of everybody's items"});
}

HoldOut hold_out_people(const CsrView& events, double share, std::uint64_t seed, double fold_in) {
  require_valid(events, share);
  if (!(fold_in >= 0.1 && fold_in <= 0.95)) throw Error(ErrorCode::invalid_argument, "fold_in", "is " + std::to_string(fold_in), "0.1 to 0.95");
  HoldOut out{.split = {}, .fitted = {}, .orders = {}, .weighting = {}, .categories = {}, .item_ids = {}, .vectors = {}, .told = "user: " + percent(share) + " of the people, " + percent(1 - fold_in) + " of their items to be found from the others"};
  auto& train = out.split.train;
  auto& test = out.split.test;
  auto& fitted = out.fitted;
  for (auto* part : {&train, &test, &fitted}) part->rows = events.rows, part->cols = events.cols;
  std::vector<std::size_t> order;
  std::vector<std::uint8_t> to_find;
  for (std::size_t r = 0; r < events.rows; ++r) {
    const auto columns = events.row_columns(r);
    const auto values = events.row_values(r);
    Random random(seed, r);
    const bool chosen = random.uniform() < share;
    const auto evidence = static_cast<std::size_t>(std::count_if(values.begin(), values.end(), [](float weight) { return weight > 0; }));
    to_find.assign(columns.size(), 0);
    if (chosen && evidence > 1) {
      // The cells of the smallest numbers.
      std::vector<std::uint64_t> numbers(columns.size());
      for (auto& number : numbers) number = random.bits();
      order.clear();
      for (std::size_t n = 0; n < columns.size(); ++n)
        if (values[n] > 0) order.push_back(n);
      std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return std::pair(numbers[a], a) < std::pair(numbers[b], b); });
      const auto wanted = std::clamp<std::size_t>(static_cast<std::size_t>(std::lround(static_cast<double>(evidence) * (1 - fold_in))), 1, evidence - 1);
      for (std::size_t n = 0; n < wanted; ++n) to_find[order[n]] = 1;
    }
    const bool held_out = chosen && evidence > 1;
    for (std::size_t n = 0; n < columns.size(); ++n) {
      auto& part = to_find[n] != 0 ? test : train;
      part.columns.push_back(columns[n]);
      part.values.push_back(to_find[n] != 0 ? 1.0f : values[n]);
      if (held_out) continue;
      fitted.columns.push_back(columns[n]);
      fitted.values.push_back(values[n]);
    }
    for (auto* part : {&train, &test, &fitted}) part->offsets.push_back(static_cast<std::int64_t>(part->columns.size()));
  }
  std::vector<std::uint8_t> known(events.cols, 0);
  for (std::size_t n = 0; n < fitted.columns.size(); ++n)
    if (fitted.values[n] > 0) known[fitted.columns[n]] = 1;
  std::size_t kept = 0, begin = 0;
  for (std::size_t r = 0; r < test.rows; ++r) {
    const auto end = static_cast<std::size_t>(test.offsets[r + 1]);
    for (auto n = begin; n < end; ++n)
      if (known[test.columns[n]] != 0) test.columns[kept++] = test.columns[n];
    begin = end;
    test.offsets[r + 1] = static_cast<std::int64_t>(kept);
  }
  out.split.unknown_items = test.columns.size() - kept;
  test.columns.resize(kept);
  test.values.resize(kept);
  return with_something(std::move(out));
}

HoldOut hold_out_last_days(const data::EventLog& log, const data::WeightingConfig& weighting, double horizon_days, std::span<const std::string_view> categories,
                           const FitControl& control) {
  const auto times = log.times_us();
  const auto now_us = times.empty() ? 0 : *std::max_element(times.begin(), times.end());
  const auto cut_us = horizon_begin_us(log, now_us, horizon_days);
  return of_log(data::split_by_time(log, weighting, cut_us, control), weighting, categories, "last: events from " + format_time(cut_us) + " on", control);
}

HoldOut hold_out_last_events(const data::EventLog& log, const data::WeightingConfig& weighting, std::span<const std::string_view> categories, const FitControl& control) {
  return of_log(data::split_last_out(log, weighting, control), weighting, categories, "last: everybody's last event", control);
}

}  // namespace pannier::serve
