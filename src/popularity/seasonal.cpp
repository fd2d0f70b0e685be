// Seasons are rows of a sparse matrix over items: 168 hours of the week, then 53 weeks of the year.
#include "pannier/popularity/seasonal.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "model/item_order.hpp"
#include "model/marked_history.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/time.hpp"
#include "popularity/item_scores.hpp"
#include "popularity/log_times.hpp"

namespace pannier::popularity {
namespace {

using model::Ask;
using model::History;
using model::Workspace;

constexpr std::uint32_t hours = 168, weeks = 53, seasons = hours + weeks;

struct Arrays {
  std::span<const float> events;            ///< One an item: n.
  std::span<const float> shares;            ///< One a season: q.
  std::span<const std::int64_t> offsets;    ///< seasons + 1.
  std::span<const std::uint32_t> items;
  std::span<const float> counts;            ///< c.
};

class Seasonal final : public ItemScores<model::Recommender, model::ReasonKind::seasonal> {
 public:
  Seasonal(const SeasonalConfig& config, const Arrays& arrays, std::shared_ptr<const void> keeper)
      : config_(config), arrays_(arrays), keeper_(std::move(keeper)) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "seasonal"; }
  [[nodiscard]] std::uint32_t item_count() const noexcept override { return static_cast<std::uint32_t>(arrays_.events.size()); }
  [[nodiscard]] std::string config_json() const override { return to_json(config_); }

  std::size_t recommend(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    require_valid(history, ask, item_count(), workspace);
    auto& scores = workspace.scores;
    if (scores.size() < item_count()) scores.resize(item_count());
    std::copy(arrays_.events.begin(), arrays_.events.end(), scores.begin());
    if (ask.time_us != 0) {
      const auto season = season_of(ask.time_us, config_.utc_offset);
      weigh(season.hour, scores);
      weigh(hours + season.week, scores);
    }
    const model::MarkedHistory seen(ask.exclude_history ? history.items : std::span<const ItemIndex>(), item_count(), workspace);
    auto& top = workspace.top;
    top.reset(std::min({std::size_t{ask.count}, out.size(), std::size_t{item_count()}}));
    for (std::uint32_t i = 0; i < item_count(); ++i)
      if (scores[i] > 0 && scores[i] >= top.threshold() && !seen.contains(ItemIndex{i}) && (ask.allowed == nullptr || ask.allowed->contains(ItemIndex{i})))
        top.push(ItemIndex{i}, scores[i]);
    return top.finish(out);
  }

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    model::require_valid_order(order, item_count());
    std::vector<float> events(item_count());
    for (std::size_t i = 0; i < events.size(); ++i) events[i] = arrays_.events[value(order.old_index[i])];
    std::vector<std::pair<std::uint32_t, float>> row;
    std::vector<std::int64_t> offsets{0};
    std::vector<std::uint32_t> items;
    std::vector<float> counts;
    for (std::uint32_t season = 0; season < seasons; ++season) {
      row.clear();
      for_each(season, [&](std::uint32_t item, float count) { row.emplace_back(value(order.new_index[item]), count); });
      std::sort(row.begin(), row.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
      for (const auto& [item, count] : row) items.push_back(item), counts.push_back(count);
      offsets.push_back(static_cast<std::int64_t>(items.size()));
    }
    writer.array<float>("events", events);
    writer.array<float>("shares", arrays_.shares);
    writer.array<std::int64_t>("offsets", offsets);
    writer.array<std::uint32_t>("items", items);
    writer.array<float>("counts", counts);
  }

 private:
  /// Without a time: score() and explain() are not told one.
  [[nodiscard]] float score_of(std::uint32_t item) const noexcept override { return arrays_.events[item] > 0 ? arrays_.events[item] : 0.0f; }

  /// The season's entries; a file's may lie: bad ends are no entries, and items that do not exist are left out.
  template <class Each>
  void for_each(std::uint32_t season, Each each) const {
    const auto begin = static_cast<std::uint64_t>(arrays_.offsets[season]), end = static_cast<std::uint64_t>(arrays_.offsets[season + std::size_t{1}]);
    if (begin > end || end > arrays_.items.size()) return;
    for (auto n = begin; n < end; ++n)
      if (arrays_.items[n] < item_count()) each(arrays_.items[n], arrays_.counts[n]);
  }

  /// Multiplies every score by the item's r of the season.
  void weigh(std::uint32_t season, std::vector<float>& scores) const {
    const float share = arrays_.shares[season];
    if (!(share > 0)) return;
    const auto s = static_cast<float>(config_.shrinkage);
    for (std::uint32_t i = 0; i < item_count(); ++i) scores[i] *= s / (arrays_.events[i] + s);
    for_each(season, [&](std::uint32_t item, float count) { scores[item] *= (count / share + s) / s; });
  }

  SeasonalConfig config_;
  Arrays arrays_;
  std::shared_ptr<const void> keeper_;
};

struct Owned {
  std::vector<float> events, shares, counts;
  std::vector<std::int64_t> offsets;
  std::vector<std::uint32_t> items;
};

}  // namespace

Season season_of(std::int64_t time_us, double utc_offset_hours) noexcept {
  using namespace std::chrono;
  const auto local = std::clamp(time_us, earliest_time_us, latest_time_us) + static_cast<std::int64_t>(utc_offset_hours * 3600) * us_per_second;
  const auto day = floor<days>(sys_time<microseconds>(microseconds(local)));
  const auto hour = static_cast<std::uint32_t>(duration_cast<std::chrono::hours>(microseconds(local) - day.time_since_epoch()).count());
  const year_month_day date(day);
  const auto day_of_year = (day - sys_days(date.year() / January / 1)).count();
  const auto day_of_week = weekday(day).iso_encoding() - 1;
  return {.hour = day_of_week * 24 + hour, .week = static_cast<std::uint32_t>(day_of_year / 7)};
}

SeasonalFit fit_seasonal(const data::EventLog& log, const data::WeightingConfig& weighting, const SeasonalConfig& config, const FitControl& control) {
  validate(config);
  data::require_valid(weighting);
  const std::size_t items = log.item_count();
  if (items == 0) throw Error(ErrorCode::invalid_argument, "log", "has no items", "at least one");
  const auto begin = std::chrono::steady_clock::now();
  checkpoint(control, "seasonal", 0, 1);

  const bool timed = has_times(log);  // Others know no season.
  const float heaviest = timed ? *std::max_element(weighting.weights.begin(), weighting.weights.end()) : 0.0f;
  std::vector<double> events(items);
  std::array<double, seasons> by_season{};
  struct Cell {
    std::uint32_t season, item;
    float weight;
  };
  std::vector<Cell> cells;
  double all = 0;
  for (std::size_t n = 0; n < log.size() && heaviest > 0; ++n) {
    const auto item = log.items()[n];
    const auto kind = log.kinds()[n];
    const float weight = weighting.weights[static_cast<std::size_t>(kind)] / heaviest;
    if (item == value(no_item) || kind == data::EventKind::refund || weight <= 0) continue;
    const auto season = season_of(log.times_us()[n], config.utc_offset);
    events[item] += static_cast<double>(weight);
    all += static_cast<double>(weight);
    for (const auto place : {season.hour, hours + season.week}) {
      by_season[place] += static_cast<double>(weight);
      cells.push_back({place, item, weight});
    }
  }
  checkpoint(control, "seasonal", 0, 1);
  // A total order, so that the cells of one item in one season are always added up alike.
  std::sort(cells.begin(), cells.end(), [](const Cell& a, const Cell& b) {
    return a.season != b.season ? a.season < b.season : a.item != b.item ? a.item < b.item : a.weight < b.weight;
  });
  auto owned = std::make_shared<Owned>();
  for (const auto count : events) owned->events.push_back(static_cast<float>(count));
  for (const auto count : by_season) owned->shares.push_back(all > 0 ? static_cast<float>(count / all) : 0.0f);
  owned->offsets.assign(seasons + std::size_t{1}, 0);
  for (std::size_t n = 0; n < cells.size();) {
    const auto first = n;
    double count = 0;
    for (; n < cells.size() && cells[n].season == cells[first].season && cells[n].item == cells[first].item; ++n) count += static_cast<double>(cells[n].weight);
    owned->items.push_back(cells[first].item);
    owned->counts.push_back(static_cast<float>(count));
    ++owned->offsets[cells[first].season + std::size_t{1}];
  }
  for (std::size_t season = 0; season < seasons; ++season) owned->offsets[season + 1] += owned->offsets[season];
  SeasonalFit fit;
  fit.model = std::make_shared<Seasonal>(config, Arrays{owned->events, owned->shares, owned->offsets, owned->items, owned->counts}, owned);
  fit.report.detail = std::to_string(owned->items.size()) + " items and seasons met";
  checkpoint(control, "seasonal", 1, 1);
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

std::shared_ptr<const model::Recommender> read_seasonal(const model::SectionReader& reader, std::uint32_t item_count) {
  const auto config = from_json<SeasonalConfig>(reader.config_json(), "seasonal");
  const auto entries = reader.section("items").size() / sizeof(std::uint32_t);
  const Arrays arrays{.events = reader.array<float>("events", item_count),
                      .shares = reader.array<float>("shares", seasons),
                      .offsets = reader.array<std::int64_t>("offsets", seasons + std::size_t{1}),
                      .items = reader.array<std::uint32_t>("items", entries),
                      .counts = reader.array<float>("counts", entries)};
  if (arrays.offsets.front() != 0 || arrays.offsets.back() != static_cast<std::int64_t>(entries))
    throw Error(ErrorCode::malformed_input, "section 'offsets'", "runs from " + std::to_string(arrays.offsets.front()) + " to " + std::to_string(arrays.offsets.back()),
                "0 to " + std::to_string(entries));
  return std::make_shared<Seasonal>(config, arrays, reader.keeper());
}

}  // namespace pannier::popularity
