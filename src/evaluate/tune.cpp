// Points live in the unit cube while the search steps through it; values are made from them, and what was tried is known by its values.
#include "pannier/evaluate/tune.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "core/sort_stably.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"

namespace pannier::evaluate {
namespace {

constexpr std::uint32_t fewest_explored = 2;
constexpr std::size_t promoted_share = 3;        // one in three
constexpr std::size_t first_refinements = 8;     // a dimension at least twice each way, and twice as many in each later wave
constexpr double first_step = 0.25, least_step = 1.0 / 512;
constexpr int most_draws = 64;                   // of a point that was tried already
constexpr double most_points = 1e6;              // of a space that is counted

[[noreturn]] void refuse(std::string where, std::string what, std::string allowed) {
  throw Error(ErrorCode::invalid_argument, std::move(where), std::move(what), std::move(allowed));
}

std::string text(double number) {
  std::array<char, 32> out;
  return {out.data(), static_cast<std::size_t>(std::snprintf(out.data(), out.size(), "%g", number))};
}

double rounded(double number) {
  std::array<char, 32> out;
  std::snprintf(out.data(), out.size(), "%.3g", number);
  return std::strtod(out.data(), nullptr);
}

void require_valid(const Dimension& d) {
  const auto range = text(d.low) + " to " + text(d.high);
  if (!std::isfinite(d.low) || !std::isfinite(d.high) || d.low > d.high) refuse(d.name, "ranges from " + range, "a finite range that is not empty");
  if (d.logarithmic && d.low <= 0) refuse(d.name, "has a logarithmic range from " + text(d.low), "a range above 0");
  if (d.kind != Dimension::Kind::number && (d.low != std::floor(d.low) || d.high != std::floor(d.high) || std::abs(d.low) > 1e15 || std::abs(d.high) > 1e15))
    refuse(d.name, "ranges from " + range, "whole numbers");
  if (d.multiple == 0) refuse(d.name, "has multiples of 0", "at least 1");
}

double to_value(const Dimension& d, double unit) {
  if (d.low == d.high || unit <= 0) return d.low;
  if (unit >= 1) return d.high;
  if (d.kind == Dimension::Kind::choice) return std::min(d.high, d.low + std::floor(unit * (d.high - d.low + 1)));
  double value = d.logarithmic ? d.low * std::pow(d.high / d.low, unit) : d.low + unit * (d.high - d.low);
  if (d.kind == Dimension::Kind::number) return std::clamp(rounded(value), d.low, d.high);
  value = std::round(value / d.multiple) * d.multiple;
  return std::clamp(value, d.low, d.high);
}

double to_unit(const Dimension& d, double value) {
  if (d.low == d.high) return 0;
  if (d.kind == Dimension::Kind::choice) return (value - d.low + 0.5) / (d.high - d.low + 1);
  return d.logarithmic ? std::log(value / d.low) / std::log(d.high / d.low) : (value - d.low) / (d.high - d.low);
}

/// How many values a dimension has; infinite for a number.
double value_count(const Dimension& d) {
  if (d.low == d.high) return 1;
  if (d.kind == Dimension::Kind::number) return std::numeric_limits<double>::infinity();
  const double first = std::ceil(d.low / d.multiple), last = std::floor(d.high / d.multiple);
  const bool low_between = d.low != first * d.multiple, high_between = d.high != last * d.multiple;
  return std::max(0.0, last - first + 1) + low_between + high_between;
}

double value_at(const Dimension& d, double n) {
  const double first = std::ceil(d.low / d.multiple) * d.multiple;
  if (d.low != first) {
    if (n == 0) return d.low;
    n -= 1;
  }
  return std::min(first + n * d.multiple, d.high);
}

}  // namespace

struct Search::State {
  SearchSpace space;
  SearchConfig config;
  double points = 1;                                   // of the space
  std::vector<double> shift, stride;                   // of the low-discrepancy sequence
  std::uint64_t drawn = 0;
  std::deque<Proposal> queue;
  std::vector<std::map<Point, double>> told;           // of each fidelity; failed trials are -infinity
  std::vector<std::pair<double, Point>> batch;         // told since the level began
  std::size_t level = 0, wave = 0, left_to_refine = 0;
  bool refining = false;
  std::optional<Proposal> open;
  std::optional<std::pair<Point, double>> leader;      // at full fidelity
  std::vector<std::optional<Best>> best;               // of each fidelity, the first of equals
  // The compass around the leader.
  std::vector<double> step;
  std::vector<double> direction;
  std::size_t at = 0;
  int tried_sides = 0;
  bool moved = false;                                  // since the steps were last halved
  std::optional<std::size_t> stepping;                 // the dimension of the open proposal
  std::size_t full() const noexcept { return config.fidelities.size() - 1; }

  [[nodiscard]] bool is_told(const Point& point, std::size_t fidelity) const { return told[fidelity].contains(point); }

  /// A point that no fidelity has seen.
  std::optional<Point> fresh() {
    const auto known = [&](const Point& point) {
      return std::any_of(told.begin(), told.end(), [&](const auto& seen) { return seen.contains(point); }) ||
             std::any_of(queue.begin(), queue.end(), [&](const Proposal& waiting) { return waiting.point == point; });
    };
    Point point(space.dimensions.size());
    for (int draw = 0; draw < most_draws; ++draw) {
      ++drawn;
      for (std::size_t i = 0; i < point.size(); ++i) {
        const double unit = shift[i] + static_cast<double>(drawn) * stride[i];
        point[i] = to_value(space.dimensions[i], unit - std::floor(unit));
      }
      if (!known(point)) return point;
    }
    if (points > most_points) return std::nullopt;
    for (double n = 0; n < points; ++n) {
      double rest = n;
      for (std::size_t i = 0; i < point.size(); ++i) {
        const double count = value_count(space.dimensions[i]);
        point[i] = value_at(space.dimensions[i], std::fmod(rest, count));
        rest = std::floor(rest / count);
      }
      if (!known(point)) return point;
    }
    return std::nullopt;
  }

  /// Fills the queue with points at the lowest fidelity; false where there is none.
  bool explore() {
    const auto count = std::max<std::size_t>(wave == 0 ? config.explore : std::max(fewest_explored, wave < 32 ? config.explore >> wave : 0u),
                                             wave == 0 ? space.starts.size() : 0);
    if (wave == 0)
      for (const auto& start : space.starts)
        if (std::none_of(queue.begin(), queue.end(), [&](const Proposal& waiting) { return waiting.point == start; }))
          queue.push_back({start, config.fidelities[0]});
    while (queue.size() < count) {
      auto point = fresh();
      if (!point) break;
      queue.push_back({std::move(*point), config.fidelities[0]});
    }
    batch.clear();
    level = 0;
    return !queue.empty();
  }

  /// The best of the level at the next fidelity, or the steps around the leader.
  void advance() {
    if (level < full()) {
      sort_stably(batch, [](const auto& a, const auto& b) { return a.first > b.first; });
      const auto most = std::max<std::size_t>(1, (batch.size() + promoted_share - 1) / promoted_share);
      ++level;
      for (std::size_t n = 0; n < std::min(most, batch.size()); ++n)
        if (std::isfinite(batch[n].first) && !is_told(batch[n].second, level)) queue.push_back({batch[n].second, config.fidelities[level]});
      batch.clear();
      return;
    }
    refining = true;
    left_to_refine = first_refinements << std::min<std::size_t>(wave, 16);
    ++wave;
  }

  void start_compass() {
    step.assign(space.dimensions.size(), first_step);
    direction.assign(space.dimensions.size(), 1);
    at = 0;
    tried_sides = 0;
    moved = false;
  }

  /// Whether steps of this dimension still lead anywhere.
  [[nodiscard]] bool is_open(std::size_t i) const {
    const auto& d = space.dimensions[i];
    if (d.low == d.high) return false;
    if (d.kind == Dimension::Kind::choice) return step[i] == first_step;
    return step[i] >= least_step;
  }

  /// The next step around the leader that was not tried; none where all steps are at their least.
  std::optional<Point> step_around() {
    const auto dimensions = space.dimensions.size();
    if (!leader) return std::nullopt;
    while (std::any_of(step.begin(), step.end(), [&, i = std::size_t{0}](double) mutable { return is_open(i++); })) {
      if (at == dimensions) {
        at = 0;
        tried_sides = 0;
        if (!moved)
          for (auto& s : step) s /= 2;
        moved = false;
        continue;
      }
      const auto& d = space.dimensions[at];
      const int sides = d.kind == Dimension::Kind::choice ? static_cast<int>(d.high - d.low) : 2;
      if (!is_open(at) || tried_sides == sides) {
        ++at;
        tried_sides = 0;
        continue;
      }
      auto point = leader->first;
      if (d.kind == Dimension::Kind::choice) {
        point[at] = d.low + std::fmod(point[at] - d.low + 1 + tried_sides, d.high - d.low + 1);
      } else {
        const double side = tried_sides == 0 ? direction[at] : -direction[at];
        const double unit = std::clamp(to_unit(d, point[at]) + side * step[at], 0.0, 1.0);
        auto next = to_value(d, unit);
        // A step below the grid of whole numbers is the next one.
        if (d.kind == Dimension::Kind::integer && next == point[at] && step[at] > least_step) next = std::clamp(next + side * d.multiple, d.low, d.high);
        point[at] = next;
      }
      ++tried_sides;
      if (point == leader->first || is_told(point, full())) continue;
      stepping = at;
      return point;
    }
    return std::nullopt;
  }

  void lead(const Point& point, double metric) {
    if (leader && metric <= leader->second) return;
    const bool by_step = leader && stepping;
    if (by_step && space.dimensions[*stepping].kind != Dimension::Kind::choice && leader->first[*stepping] != point[*stepping])
      direction[*stepping] = point[*stepping] > leader->first[*stepping] ? 1 : -1;
    leader = {point, metric};
    moved = true;
    if (by_step) tried_sides = 0;   // Once more in the same direction.
    else start_compass();
  }
};

Search::Search(SearchSpace space, SearchConfig config) : state_(std::make_unique<State>()) {
  if (config.fidelities.empty() || config.fidelities.back() != 1 || !(config.fidelities.front() > 0) ||
      std::adjacent_find(config.fidelities.begin(), config.fidelities.end(), [](double a, double b) { return !(a < b); }) != config.fidelities.end())
    refuse("fidelities", "do not ascend from above 0 to 1", "as 0.25, 1");
  if (config.explore == 0) refuse("explore", "is 0", "at least 1");
  std::set<std::string> names;
  auto& s = *state_;
  for (const auto& dimension : space.dimensions) {
    require_valid(dimension);
    if (!names.insert(dimension.name).second) refuse(dimension.name, "is a dimension twice", "each name once");
    s.points *= value_count(dimension);
  }
  for (std::size_t n = 0; n < space.starts.size(); ++n) {
    const auto where = "starts[" + std::to_string(n) + "]";
    if (space.starts[n].size() != space.dimensions.size()) refuse(where, "has " + std::to_string(space.starts[n].size()) + " values", std::to_string(space.dimensions.size()));
    for (std::size_t i = 0; i < space.dimensions.size(); ++i) {
      const auto& d = space.dimensions[i];
      const double value = space.starts[n][i];
      if (!(value >= d.low && value <= d.high) || (d.kind != Dimension::Kind::number && value != std::floor(value)))
        refuse(where + "." + d.name, "is " + text(value), (d.kind == Dimension::Kind::number ? "" : "whole, ") + text(d.low) + " to " + text(d.high));
    }
  }
  // Roberts' R sequence: strides are powers of the inverse of the d-dimensional golden ratio.
  double ratio = 2;
  const auto dimensions = static_cast<double>(space.dimensions.size());
  for (int round = 0; round < 64; ++round) ratio = std::pow(1 + ratio, 1 / (dimensions + 1));
  for (std::size_t i = 0; i < space.dimensions.size(); ++i) {
    s.stride.push_back(std::pow(1 / ratio, static_cast<double>(i + 1)));
    s.shift.push_back(Random(config.seed, 0x74756E65, i).uniform());
  }
  s.told.resize(config.fidelities.size());
  s.best.resize(config.fidelities.size());
  s.space = std::move(space);
  s.config = std::move(config);
  s.start_compass();
}

Search::~Search() = default;
Search::Search(Search&&) noexcept = default;
Search& Search::operator=(Search&&) noexcept = default;

std::optional<Proposal> Search::next() {
  auto& s = *state_;
  if (s.open) throw Error(ErrorCode::internal, "Search::next", "the last proposal was not told");
  s.stepping.reset();
  for (bool began = s.wave == 0 && s.batch.empty() && s.queue.empty() && s.level == 0; ;) {
    if (!s.queue.empty()) {
      s.open = std::move(s.queue.front());
      s.queue.pop_front();
      return s.open;
    }
    if (s.refining) {
      if (s.left_to_refine > 0) {
        if (auto point = s.step_around()) {
          --s.left_to_refine;
          s.open = Proposal{std::move(*point), 1};
          return s.open;
        }
      }
      s.refining = false;
      began = true;
      s.level = 0;
    }
    if (began) {
      began = false;
      if (!s.explore()) return std::nullopt;
      continue;
    }
    s.advance();
  }
}

void Search::tell(double metric) {
  auto& s = *state_;
  if (!s.open) throw Error(ErrorCode::internal, "Search::tell", "nothing was proposed");
  const auto proposal = std::move(*s.open);
  s.open.reset();
  if (!std::isfinite(metric)) metric = -std::numeric_limits<double>::infinity();
  const auto fidelity = static_cast<std::size_t>(std::find(s.config.fidelities.begin(), s.config.fidelities.end(), proposal.fidelity) - s.config.fidelities.begin());
  s.told[fidelity].emplace(proposal.point, metric);
  s.batch.emplace_back(metric, proposal.point);
  if (auto& best = s.best[fidelity]; std::isfinite(metric) && (!best || metric > best->metric)) best = Best{proposal, metric};
  if (fidelity == s.full() && std::isfinite(metric)) s.lead(proposal.point, metric);
}

std::optional<Search::Best> Search::best() const {
  for (auto level = state_->best.size(); level-- > 0;)
    if (state_->best[level]) return state_->best[level];
  return std::nullopt;
}

SearchResult search(const SearchSpace& space, const std::function<double(const Point&, double fidelity)>& trial, const SearchConfig& config,
                    const SearchLimits& limits, const FitControl& control) {
  if (std::isnan(limits.seconds) || limits.seconds < 0) refuse("seconds", "is " + text(limits.seconds), "0, or a time above it");
  Search state(space, config);
  if (limits.trials == 0 && limits.seconds == 0 &&
      std::any_of(space.dimensions.begin(), space.dimensions.end(), [](const Dimension& d) { return d.kind == Dimension::Kind::number && d.low != d.high; }))
    refuse("trials", "are without a limit", "a number of trials or a time");
  const auto clock = limits.clock ? limits.clock : [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
  const double begin = clock();
  SearchResult out;
  while (limits.trials == 0 || out.trials.size() < limits.trials) {
    checkpoint(control, "tuning", out.trials.size(), limits.trials);
    const double started = clock();
    if (limits.seconds > 0 && started - begin >= limits.seconds) break;
    const auto proposal = state.next();
    if (!proposal) break;
    Trial done{.proposal = *proposal, .failure = {}};
    try {
      done.metric = trial(proposal->point, proposal->fidelity);
      if (!std::isfinite(done.metric)) done.failure = "the metric is " + text(done.metric), done.metric = std::numeric_limits<double>::quiet_NaN();
    } catch (const Error& error) {
      if (error.code() == ErrorCode::cancelled) throw;
      done.failure = error.what();
    }
    done.seconds = clock() - started;
    state.tell(done.metric);
    out.trials.push_back(std::move(done));
    const auto best = state.best();
    if (best && best->proposal == out.trials.back().proposal) out.best = out.trials.size() - 1;
  }
  checkpoint(control, "tuning", out.trials.size(), out.trials.size());
  return out;
}

}  // namespace pannier::evaluate
