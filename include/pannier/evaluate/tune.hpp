/// Searching settings: a space of dimensions, a measured trial, and a search that spends trials where they pay.
///
/// The search works in waves, so that it may end after any trial: points of a low-discrepancy sequence at the lowest fidelity, the best third of them
/// at each next one (successive halving), then steps around the best point at full fidelity, one dimension at a time, the step halved where neither
/// side is better. Each wave explores less and refines more than the one before. Nothing but the metrics told decides, and trials run one after the
/// other: the same metrics give the same points, however many threads a trial uses.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pannier/core/fit.hpp"

namespace pannier::evaluate {

/// One setting that is searched.
struct Dimension {
  enum class Kind { choice, integer, number };
  std::string name;
  Kind kind = Kind::number;
  double low = 0, high = 1;            ///< Closed. For a choice: 0 and the number of choices - 1.
  bool logarithmic = false;            ///< Spread evenly over the logarithm; low > 0.
  std::uint32_t multiple = 1;          ///< Integers are whole multiples of it, where the range has any; the ends stay possible.
};

/// One value a dimension: a number (three significant digits unless it is an end or was given), a whole number, a position among the choices.
using Point = std::vector<double>;

struct SearchSpace {
  std::vector<Dimension> dimensions;   ///< Empty: one point.
  std::vector<Point> starts;           ///< Tried first, in this order.
};

struct SearchConfig {
  std::vector<double> fidelities{1};   ///< Ascending, above 0; the last is 1.
  std::uint32_t explore = 8;           ///< Points of the first wave, at least; later waves have half as many, but two.
  std::uint64_t seed = 42;             ///< Shifts the low-discrepancy sequence.
};

/// A point to be tried, and how thoroughly: what a fidelity below 1 saves (epochs, people) is the trial's own business.
struct Proposal {
  Point point;
  double fidelity = 1;
  bool operator==(const Proposal&) const = default;
};

/// The search itself, for those who run the trials: next(), tell(), next(), tell() ..
/// Larger metrics are better. Only metrics of equal fidelity are compared.
/// Threads: One thread.
class Search {
 public:
  /// Errors: invalid_argument naming the dimension (an empty or infinite range, a logarithm of 0, a start outside), or the setting.
  Search(SearchSpace space, SearchConfig config = {});
  ~Search();
  Search(Search&&) noexcept;
  Search& operator=(Search&&) noexcept;

  /// The next point; null when nothing is left to try: every point of a finite space, or a space refined to the last step and explored ever again.
  /// Errors: internal (the last one was not told).
  [[nodiscard]] std::optional<Proposal> next();
  /// What became of the last proposal; what is not finite is a failed trial, which is never best and never promoted.
  void tell(double metric);

  struct Best {
    Proposal proposal;
    double metric = 0;
  };
  /// The largest metric at the highest fidelity that has any; the first of equals.
  [[nodiscard]] std::optional<Best> best() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct Trial {
  Proposal proposal;
  double metric = std::numeric_limits<double>::quiet_NaN();   ///< NaN: it failed.
  std::string failure;                                        ///< Why; empty where it did not.
  double seconds = 0;
};

struct SearchLimits {
  std::uint64_t trials = 0;            ///< 0: no limit.
  double seconds = 0;                  ///< No trial begins after them; 0: no limit.
  std::function<double()> clock{};     ///< Seconds since any moment; null: the steady clock.
};

struct SearchResult {
  std::vector<Trial> trials;           ///< In the order in which they ran.
  std::optional<std::size_t> best;     ///< Of trials; none where all failed.
};

/// Runs `trial` (the metric of a point at a fidelity) until a limit is reached or nothing is left. An Error of a trial is a failed trial with its message,
/// but for cancelled, which ends the search. Progress: stage "tuning", trials done.
/// Errors: invalid_argument (as Search; no limit at all over a space that is not finite), cancelled.
/// Repeats: without a time limit, the same trials for the same metrics.
[[nodiscard]] SearchResult search(const SearchSpace& space, const std::function<double(const Point&, double fidelity)>& trial, const SearchConfig& config,
                                  const SearchLimits& limits, const FitControl& control = {});

}  // namespace pannier::evaluate
