// Fitting buy_again: what was bought before a horizon, what of it was bought again since, and a logistic regression between them.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "pannier/core/error.hpp"
#include "popularity/bought_cells.hpp"
#include "popularity/buy_again_model.hpp"

namespace pannier::popularity {
namespace {

constexpr std::size_t features = buy_again_features;
using Row = std::array<float, features>;
using Weights = std::array<double, features>;

/// What shops show in general, as natural log-odds, and how many cells it counts for.
constexpr Weights general{-2.5, 0.6, 0.0, -0.35, 0.15, 0.3, 0.4, 0.2};
constexpr double ridge = 20;
/// Cells that are enough for eight weights; people beyond them are left out.
constexpr std::size_t most_cells = 200'000;
constexpr double longest_automatic_horizon_days = 60;

constexpr std::int64_t first_time_us = std::numeric_limits<std::int64_t>::min(), last_time_us = std::numeric_limits<std::int64_t>::max();

double days(std::int64_t us) { return static_cast<double>(us) / static_cast<double>(us_per_day); }

/// What is known of the items at one time.
struct ItemStatistics {
  std::vector<float> interval_days;   ///< Mean gap between two purchases by one person.
  std::vector<float> repeat_rate;     ///< Mean number of purchases after the first, a buyer.
  std::vector<float> recent_buyers;   ///< Within the horizon.
};

/// A number an item, a number a category, a number the shop: sums over counts, each drawn to the wider one.
struct Means {
  std::vector<double> sum, count;
  explicit Means(std::size_t items) : sum(items), count(items) {}
  [[nodiscard]] std::vector<float> shrunken(std::span<const std::uint32_t> category_of, double prior, double shrinkage) const {
    double all_sum = 0, all_count = 0;
    std::size_t categories = 0;
    for (const auto category : category_of) categories = std::max<std::size_t>(categories, std::size_t{category} + 1);
    std::vector<double> category_sum(categories), category_count(categories);
    for (std::size_t i = 0; i < sum.size(); ++i) {
      all_sum += sum[i];
      all_count += count[i];
      if (categories == 0) continue;
      category_sum[category_of[i]] += sum[i];
      category_count[category_of[i]] += count[i];
    }
    // One count of the prior, so that there is a mean when nothing was seen.
    const double shop = (all_sum + prior) / (all_count + 1);
    std::vector<float> out(sum.size());
    for (std::size_t i = 0; i < sum.size(); ++i) {
      double wider = shop;
      if (categories > 0) wider = (category_sum[category_of[i]] + (shrinkage + 1) * shop) / (category_count[category_of[i]] + shrinkage + 1);
      out[i] = static_cast<float>(count[i] + shrinkage > 0 ? (sum[i] + shrinkage * wider) / (count[i] + shrinkage) : wider);
    }
    return out;
  }
};

ItemStatistics statistics_of(const BoughtCells& bought, std::size_t items, std::int64_t now_us, std::int64_t horizon_us, double span_days,
                             std::span<const std::uint32_t> category_of, double shrinkage) {
  Means gaps(items), repeats(items);
  std::vector<float> recent(items);
  for (const auto& [item, purchases] : bought.cells) {
    const auto more = static_cast<double>(purchases.times - 1);
    gaps.sum[item] += days(purchases.last_us - purchases.first_us);
    gaps.count[item] += more;
    repeats.sum[item] += more;
    repeats.count[item] += 1;
    if (now_us - purchases.last_us < horizon_us) ++recent[item];
  }
  return {.interval_days = gaps.shrunken(category_of, span_days / 2, shrinkage),
          .repeat_rate = repeats.shrunken(category_of, 0.1, shrinkage),
          .recent_buyers = std::move(recent)};
}

/// lg of an item's own features.
std::pair<float, float> item_features(const ItemStatistics& statistics, std::size_t item) {
  constexpr float least_rate = 1e-3f;
  return {line_log2(std::max(statistics.repeat_rate[item], least_rate)), line_log2(1 + statistics.recent_buyers[item])};
}

struct Sample {
  std::vector<Row> rows;
  std::vector<std::uint8_t> again;
};

/// One row a cell of `before`: its features at `now_us`, and whether `since` has it too.
Sample sample_of(const BoughtCells& before, const BoughtCells& since, const ItemStatistics& statistics, std::int64_t now_us) {
  Sample out;
  const auto people = before.offsets.size() - 1;
  // Every n-th person, so that what is left out is spread over the log.
  const std::size_t step = before.cells.size() / most_cells + 1;
  for (std::size_t person = 0; person < people; person += step) {
    const auto own = before.of(person), again = since.of(person);
    auto next = again.begin();
    for (const auto& [item, purchases] : own) {
      while (next != again.end() && next->item < item) ++next;
      const auto bought = model::aged(purchases, now_us);
      const float due = due_ratio(bought, statistics.interval_days[item]);
      const auto times = static_cast<float>(bought.times);
      const auto [rate, recent] = item_features(statistics, item);
      out.rows.push_back({1, line_log2(times), std::min(due, 0.0f), std::max(due, 0.0f), line_log2(1 + bought.units / times), rate, recent,
                          line_log2(static_cast<float>(own.size()))});
      out.again.push_back(next != again.end() && next->item == item);
    }
  }
  return out;
}

/// Solves a x = b for a symmetric positive definite matrix by Cholesky's method.
Weights solve(std::array<Weights, features> a, Weights b) {
  for (std::size_t j = 0; j < features; ++j) {
    for (std::size_t k = 0; k < j; ++k) a[j][j] -= a[j][k] * a[j][k];
    a[j][j] = std::sqrt(a[j][j]);
    for (std::size_t i = j + 1; i < features; ++i) {
      for (std::size_t k = 0; k < j; ++k) a[i][j] -= a[i][k] * a[j][k];
      a[i][j] /= a[j][j];
    }
  }
  for (std::size_t i = 0; i < features; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i][k] * b[k];
    b[i] /= a[i][i];
  }
  for (std::size_t i = features; i-- > 0;) {
    for (std::size_t k = i + 1; k < features; ++k) b[i] -= a[k][i] * b[k];
    b[i] /= a[i][i];
  }
  return b;
}

/// The log-odds' weights of largest likelihood less ridge/2 times the squared distance to `general`, by Newton's method.
Weights regress(const Sample& sample, const FitControl& control, FitReport& report) {
  constexpr int most_steps = 50;
  constexpr std::size_t rows_at_once = 4096;
  struct Part {
    Weights gradient{};
    std::array<Weights, features> curvature{};
  };
  Weights weights = general;
  std::vector<Part> parts((sample.rows.size() + rows_at_once - 1) / rows_at_once);
  report.converged = false;
  for (; report.epochs < most_steps && !report.converged; ++report.epochs) {
    checkpoint(control, "buy_again", static_cast<std::uint64_t>(report.epochs), 0);
    parallel_blocks(control.execution, sample.rows.size(), rows_at_once, [&](std::size_t begin, std::size_t end, std::size_t block) {
      Part part;
      for (std::size_t n = begin; n < end; ++n) {
        const auto& row = sample.rows[n];
        double log_odds = 0;
        for (std::size_t i = 0; i < features; ++i) log_odds += weights[i] * static_cast<double>(row[i]);
        const double p = 1 / (1 + std::exp(-log_odds)), error = sample.again[n] - p, spread = p * (1 - p);
        for (std::size_t i = 0; i < features; ++i) {
          const auto x = static_cast<double>(row[i]);
          part.gradient[i] += error * x;
          for (std::size_t j = 0; j <= i; ++j) part.curvature[i][j] += spread * x * static_cast<double>(row[j]);
        }
      }
      parts[block] = part;
    });
    Part sum;
    for (std::size_t i = 0; i < features; ++i) {
      sum.gradient[i] = ridge * (general[i] - weights[i]);
      sum.curvature[i][i] = ridge;
    }
    for (const auto& part : parts)
      for (std::size_t i = 0; i < features; ++i) {
        sum.gradient[i] += part.gradient[i];
        for (std::size_t j = 0; j <= i; ++j) sum.curvature[i][j] += part.curvature[i][j];
      }
    auto step = solve(sum.curvature, sum.gradient);
    double longest = 0;
    for (const auto part : step) longest = std::max(longest, std::fabs(part));
    const double shortened = longest > 1 ? 1 / longest : 1;   // Newton's method may overshoot while it is far off.
    for (std::size_t i = 0; i < features; ++i) weights[i] += shortened * step[i];
    report.converged = longest < 1e-7;
  }
  return weights;
}

std::vector<std::uint32_t> category_numbers(std::span<const std::string_view> categories) {
  std::unordered_map<std::string_view, std::uint32_t> numbers;
  std::vector<std::uint32_t> out;
  for (const auto category : categories) out.push_back(numbers.emplace(category, static_cast<std::uint32_t>(numbers.size())).first->second);
  return out;
}

std::string rounded(double number) {
  std::array<char, 32> text;
  const auto length = std::snprintf(text.data(), text.size(), "%.3g", number);
  return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace

BuyAgainFit fit_buy_again(const data::EventLog& log, std::int64_t now_us, std::span<const std::string_view> categories, const BuyAgainConfig& config,
                          const FitControl& control) {
  validate(config);
  const std::size_t items = log.item_count();
  if (items == 0) throw Error(ErrorCode::invalid_argument, "log", "has no items", "at least one");
  if (!categories.empty() && categories.size() != items)
    throw Error(ErrorCode::invalid_argument, "categories", "are " + std::to_string(categories.size()), "one an item, " + std::to_string(items) + ", or none");
  const auto begin = std::chrono::steady_clock::now();
  checkpoint(control, "buy_again", 0, 0);

  const auto category_of = category_numbers(categories);
  const auto all = bought_cells(log, first_time_us, last_time_us, control.execution);
  std::int64_t first = now_us;
  for (const auto& cell : all.cells) first = std::min(first, cell.purchases.first_us);
  const double span_days = std::max(1.0, days(now_us - first));
  const double horizon_days = config.horizon_days > 0 ? config.horizon_days : std::min(longest_automatic_horizon_days, span_days / 4);
  const auto horizon_us = static_cast<std::int64_t>(horizon_days * static_cast<double>(us_per_day));
  const auto cut_us = now_us - horizon_us;
  checkpoint(control, "buy_again", 0, 0);

  BuyAgainFit fit;
  Weights weights;
  std::size_t rows = 0;
  {
    const auto before = bought_cells(log, first_time_us, cut_us, control.execution);
    const auto since = bought_cells(log, cut_us, last_time_us, control.execution);
    checkpoint(control, "buy_again", 0, 0);
    const auto statistics = statistics_of(before, items, cut_us, horizon_us, std::max(1.0, span_days - horizon_days), category_of, config.shrinkage);
    const auto sample = sample_of(before, since, statistics, cut_us);
    rows = sample.rows.size();
    weights = regress(sample, control, fit.report);
  }

  const auto statistics = statistics_of(all, items, now_us, horizon_us, span_days, category_of, config.shrinkage);
  struct Arrays {
    std::vector<float> weights, interval_days, appeal;
  };
  auto arrays = std::make_shared<Arrays>();
  constexpr double ln_2 = 0.69314718055994530942;
  for (const auto weight : weights) arrays->weights.push_back(static_cast<float>(weight / ln_2));
  arrays->interval_days = statistics.interval_days;
  for (std::size_t i = 0; i < items; ++i) {
    const auto [rate, recent] = item_features(statistics, i);
    arrays->appeal.push_back(arrays->weights[5] * rate + arrays->weights[6] * recent);
  }
  fit.model = make_buy_again(config, horizon_days, {arrays->weights, arrays->interval_days, arrays->appeal}, arrays);
  fit.report.detail = std::to_string(rows) + " purchases watched for " + rounded(horizon_days) + " days; log-odds " + rounded(weights[1]) + " lg times, " +
                      rounded(weights[2]) + " lg under due, " + rounded(weights[3]) + " lg over due, " + rounded(weights[4]) + " lg units, " +
                      rounded(weights[5]) + " lg repeat rate, " + rounded(weights[6]) + " lg recent buyers, " + rounded(weights[7]) + " lg breadth";
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

}  // namespace pannier::popularity
