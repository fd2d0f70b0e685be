/// fit_bpr(): rounds of events. People step against items that stand still, then the items take the round's steps, each in one fixed order.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <new>
#include <numeric>
#include <string>
#include <vector>

#include "cf/bpr_kernels.hpp"
#include "cf/bpr_model.hpp"
#include "cf/ials_basis.hpp"
#include "pannier/cf/bpr.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/random.hpp"

namespace pannier::cf {
namespace {

// What random numbers are for; the epoch stands in the upper half.
enum Purpose : std::uint64_t { initial_users = 0x627072, initial_items, order_of_people, draws_of_person };

constexpr std::size_t most_events_a_round = 16384;
constexpr std::size_t least_events_a_round = 64;
constexpr std::size_t rounds_an_epoch = 32;    ///< At least, down to the least events a round.
constexpr std::size_t chunks_a_round = 32;     ///< Of people; whoever runs one writes its own lists.
constexpr std::size_t shares_of_items = 32;    ///< Item i is of share i % 32; whoever has a share moves all its items.
constexpr std::size_t work_a_thread = 1u << 19;  ///< Numbers that a round must move before it is worth more threads than one.
constexpr int most_own_draws = 100;            ///< So often may a person's own items be drawn in turn before the event is let be.
constexpr std::size_t ahead = 6;               ///< Rows fetched before they are needed.
constexpr float least_square = 1e-8f;

/// One step that an item has to take: y moves by strength along the person's vector.
struct Pull {
  std::uint32_t item = 0, person = 0;
  float strength = 0;
};

/// Columns in proportion to given weights, in one draw (Walker 1977; Vose 1991).
class Draw {
 public:
  /// Those of (people + more) to the power `exponent`.
  Draw(const std::vector<std::uint32_t>& people, double more, double exponent) : count_(people.size()) {
    if (exponent == 0) return;
    chance_.resize(count_);
    other_.resize(count_);
    double sum = 0;
    for (std::size_t i = 0; i < count_; ++i) sum += chance_[i] = std::pow(static_cast<double>(people[i]) + more, exponent);
    std::vector<std::uint32_t> small, large;
    for (std::size_t i = 0; i < count_; ++i) {
      chance_[i] *= static_cast<double>(count_) / sum;
      other_[i] = static_cast<std::uint32_t>(i);
      (chance_[i] < 1 ? small : large).push_back(static_cast<std::uint32_t>(i));
    }
    while (!small.empty() && !large.empty()) {
      const auto lower = small.back(), upper = large.back();
      small.pop_back();
      other_[lower] = upper;
      chance_[upper] -= 1 - chance_[lower];
      if (chance_[upper] >= 1) continue;
      large.pop_back();
      small.push_back(upper);
    }
    for (const auto rest : small) chance_[rest] = 1;  // Only rounding left them below.
  }
  std::uint32_t operator()(Random& random) const noexcept {
    const auto item = static_cast<std::uint32_t>(random.below(count_));
    return chance_.empty() || random.uniform() < chance_[item] ? item : other_[item];
  }

 private:
  std::size_t count_;
  std::vector<double> chance_;
  std::vector<std::uint32_t> other_;
};

/// Scratch of one thread: the marks of a person's own items, and what that person meets in this epoch.
struct Worker {
  std::vector<std::uint64_t> marks;
  std::vector<std::uint32_t> order, drawn;
};

/// What the people of one part of a round leave for the items.
struct Chunk {
  std::array<std::vector<Pull>, shares_of_items> pulls;
  double loss = 0;
  std::uint64_t right = 0, skipped = 0;  ///< Pairs in the right order as they were met; events without one.
};

/// Vectors that are given, and steps as fit_bpr_rows() takes them.
struct Plain {
  Matrix users, items;
  bool verify = true;
};

class Fit {
 public:
  Fit(const CsrView& events, const BprConfig& config, const FitControl& control, Plain plain = {})
      : events_(events), config_(config), control_(control), kernels_(bpr_kernels()), plain_(plain.items.rows() != 0), verify_(plain.verify),
        users_(plain_ ? std::move(plain.users) : Matrix(events.rows, static_cast<std::size_t>(config.factors))),
        items_(plain_ ? std::move(plain.items) : Matrix(events.cols, static_cast<std::size_t>(config.factors))), user_squares_(events.rows), user_lengths_(events.rows),
        item_squares_(events.cols), draw_(people_of(events), plain_ ? 0 : 1, static_cast<double>(config.popularity_exponent)),
        workers_(static_cast<std::size_t>(resolved_threads(control.execution))) {
    if (!plain_) {
      const double deviation = 0.1 / std::sqrt(static_cast<double>(config.factors));
      begin(users_, initial_users, deviation);
      begin(items_, initial_items, deviation);
    }
    double sum = 0;
    for (const float weight : events.values) {
      sum += static_cast<double>(weight);
      count_ += weight > 0;
    }
    if (count_ == 0) throw Error(ErrorCode::invalid_argument, "events", "no weight is positive", "at least one");
    mean_weight_ = sum / static_cast<double>(count_);
    for (std::size_t person = 0; person < events.rows; ++person)
      if (std::ranges::any_of(events.row_values(person), [](float weight) { return weight > 0; })) people_.push_back(static_cast<std::uint32_t>(person));
    chunks_.resize(chunks_a_round);
    if (config.loss == BprLoss::warp) rank_weights();
  }

  /// The mean loss of its pairs.
  double epoch(int number) {
    auto order = people_;
    Random random(config_.seed, purpose(order_of_people, number));
    for (std::size_t n = order.size(); n > 1; --n) std::swap(order[n - 1], order[random.below(n)]);
    const std::size_t events_a_round = std::clamp(count_ / rounds_an_epoch, least_events_a_round, most_events_a_round);
    double loss = 0;
    for (std::size_t first = 0; first < order.size();) {
      std::size_t last = first, events = 0;
      for (; last < order.size() && events < events_a_round; ++last) events += events_.row_columns(order[last]).size();
      stop_checkpoint(control_, "epoch", static_cast<std::uint64_t>(number), static_cast<std::uint64_t>(config_.epochs));
      loss += round(std::span(order).subspan(first, last - first), events, number);
      first = last;
    }
    return loss / static_cast<double>(count_);
  }

  Matrix& users() noexcept { return users_; }
  Matrix& items() noexcept { return items_; }
  /// Of the epochs so far: pairs in the right order as they were met, and events without a pair.
  [[nodiscard]] std::uint64_t right() const noexcept { return right_; }
  [[nodiscard]] std::uint64_t skipped() const noexcept { return skipped_; }

 private:
  static std::uint64_t purpose(Purpose what, int epoch) noexcept { return static_cast<std::uint64_t>(epoch) << 32 | what; }

  static std::vector<std::uint32_t> people_of(const CsrView& events) {
    std::vector<std::uint32_t> out(events.cols);
    for (std::size_t n = 0; n < events.columns.size(); ++n) out[events.columns[n]] += events.values[n] > 0;
    return out;
  }

  void begin(Matrix& rows, Purpose what, double deviation) const {
    parallel_blocks(control_.execution, rows.rows(), 1024, [&](std::size_t first, std::size_t last, std::size_t) {
      for (std::size_t row = first; row < last; ++row) {
        Random random(config_.seed, what, row);
        for (float& x : rows.row(row)) x = static_cast<float>(deviation * random.normal());
      }
    });
  }

  /// H(rank that n draws tell of) / H(items - 1), by n.
  void rank_weights() {
    const std::size_t others = std::max<std::size_t>(1, events_.cols - 1);
    std::vector<double> harmonic{0};
    for (std::size_t n = 1; n <= others; ++n) harmonic.push_back(harmonic.back() + 1 / static_cast<double>(n));
    rank_weights_.push_back(0);
    for (std::size_t n = 1; n <= static_cast<std::size_t>(config_.max_samples); ++n)
      rank_weights_.push_back(static_cast<float>(harmonic[std::max<std::size_t>(1, others / n)] / harmonic[others]));
  }

  double round(std::span<const std::uint32_t> people, std::size_t events, int epoch) {
    for (auto& chunk : chunks_) {
      chunk.loss = 0;
      chunk.right = chunk.skipped = 0;
      for (auto& pulls : chunk.pulls) pulls.clear();
    }
    const auto draws = static_cast<std::size_t>(config_.loss == BprLoss::bpr ? config_.negatives : 1);
    const Execution execution = events * draws * items_.stride() < work_a_thread ? Execution{.threads = 1} : control_.execution;
    const std::size_t block = (people.size() + chunks_a_round - 1) / chunks_a_round;
    parallel_blocks_with_worker(execution, people.size(), block, [&](std::size_t first, std::size_t last, std::size_t chunk, int worker) {
      for (std::size_t n = first; n < last; ++n) visit(people[n], epoch, workers_[static_cast<std::size_t>(worker)], chunks_[chunk]);
    });
    parallel_blocks(execution, shares_of_items, 1, [&](std::size_t share, std::size_t, std::size_t) {
      for (const auto& chunk : chunks_) move_items(chunk.pulls[share]);
    });
    double loss = 0;
    for (const auto& chunk : chunks_) loss += chunk.loss, right_ += chunk.right, skipped_ += chunk.skipped;
    return loss;
  }

  /// One person's events of this epoch, in an order of their own.
  void visit(std::uint32_t person, int epoch, Worker& worker, Chunk& chunk) {
    const auto columns = events_.row_columns(person);
    const auto weights = events_.row_values(person);
    worker.marks.resize((events_.cols + 63) / 64, 0);
    for (const auto item : columns) worker.marks[item / 64] |= std::uint64_t{1} << (item % 64);
    Random random(config_.seed, purpose(draws_of_person, epoch), person);
    auto& order = worker.order;
    order.clear();
    for (std::uint32_t n = 0; n < columns.size(); ++n)
      if (weights[n] > 0) order.push_back(n);
    for (std::size_t n = order.size(); n > 1; --n) std::swap(order[n - 1], order[random.below(n)]);
    if (config_.loss == BprLoss::bpr) rank_drawn(person, random, worker, chunk);
    else rank_violating(person, random, worker, chunk);
    for (const auto item : columns) worker.marks[item / 64] = 0;
    const float* const x = users_.row(person).data();
    user_lengths_[person] = kernels_.dot(x, x, users_.stride());
  }

  /// An item that is none of the person's own; no_draw after too many that were.
  static constexpr std::uint32_t no_draw = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t draw(Random& random, const Worker& worker) const noexcept {
    for (int tries = 0; tries < (plain_ ? 1 : most_own_draws); ++tries)
      if (const auto item = draw_(random); !verify_ || (worker.marks[item / 64] >> (item % 64) & 1) == 0) return item;
    return no_draw;
  }

  void fetch(const float* row) const noexcept {
    for (std::size_t k = 0; k < items_.stride(); k += 16) __builtin_prefetch(row + k);
  }

  void rank_drawn(std::uint32_t person, Random& random, Worker& worker, Chunk& chunk) {
    const auto columns = events_.row_columns(person);
    const auto weights = events_.row_values(person);
    const auto negatives = static_cast<std::size_t>(config_.negatives);
    const std::size_t stride = items_.stride();
    float* const x = users_.row(person).data();
    const std::size_t fetched = std::max<std::size_t>(1, ahead / negatives);  // Events ahead.
    auto& drawn = worker.drawn;                                               // Of the event at hand and those ahead, in turn.
    drawn.resize((fetched + 1) * negatives);
    const auto draw_for = [&](std::size_t n) {
      fetch(items_.row(columns[worker.order[n]]).data());
      for (std::size_t d = n % (fetched + 1) * negatives, end = d + negatives; d < end; ++d)
        if ((drawn[d] = draw(random, worker)) != no_draw) fetch(items_.row(drawn[d]).data());
    };
    for (std::size_t n = 0; n < std::min(fetched, worker.order.size()); ++n) draw_for(n);
    double products = 1;
    for (std::size_t n = 0; n < worker.order.size(); ++n) {
      if (n + fetched < worker.order.size()) draw_for(n + fetched);
      const auto item = columns[worker.order[n]];
      std::uint32_t against = no_draw;
      float highest = 0;
      for (std::size_t d = n % (fetched + 1) * negatives, end = d + negatives; d < end; ++d) {
        if (negatives == 1) against = drawn[d];
        if (negatives == 1 || drawn[d] == no_draw) continue;
        const float score = kernels_.dot(x, items_.row(drawn[d]).data(), stride);
        if (against == no_draw || score > highest) against = drawn[d], highest = score;
      }
      chunk.skipped += against == no_draw;
      if (against == no_draw) continue;
      const float* const y = items_.row(item).data();
      const float* const z = items_.row(against).data();
      const auto pair = kernels_.compare(x, y, z, stride);
      chunk.right += pair.margin > 0;
      const float small = std::exp(-std::fabs(pair.margin));
      const float wrong = pair.margin >= 0 ? small / (1 + small) : 1 / (1 + small);
      // ln(1 + exp(-m)) = max(0, -m) + ln(1 + exp(-|m|)); the logarithms of many as that of their product.
      const double weight = static_cast<double>(weights[worker.order[n]]) / mean_weight_;
      if (weight == 1) {
        products *= 1 + static_cast<double>(small);
        if (products > 1e200) chunk.loss += std::log(products), products = 1;
        chunk.loss += static_cast<double>(std::max(0.0f, -pair.margin));
      } else {
        chunk.loss += weight * (static_cast<double>(std::max(0.0f, -pair.margin)) + std::log1p(static_cast<double>(small)));
      }
      step(person, item, against, x, y, z, static_cast<float>(weight) * wrong, pair.distance, chunk);
    }
    chunk.loss += std::log(products);
  }

  void rank_violating(std::uint32_t person, Random& random, Worker& worker, Chunk& chunk) {
    const auto columns = events_.row_columns(person);
    const auto weights = events_.row_values(person);
    const std::size_t stride = items_.stride();
    auto& drawn = worker.drawn;
    float* const x = users_.row(person).data();
    const auto most = static_cast<std::size_t>(config_.max_samples);
    for (const auto n : worker.order) {
      const auto item = columns[n];
      const float* const y = items_.row(item).data();
      const float own = kernels_.dot(x, y, stride);
      drawn.clear();
      for (std::size_t tries = 1; tries <= most; ++tries) {
        // Draws run ahead of the scores, so that their rows are on the way.
        while (drawn.size() < std::min(most, tries + 3)) {
          drawn.push_back(draw(random, worker));
          if (drawn.back() != no_draw) fetch(items_.row(drawn.back()).data());
        }
        const auto against = drawn[tries - 1];
        if (against == no_draw) break;
        const float* const z = items_.row(against).data();
        const float short_by = 1 - (own - kernels_.dot(x, z, stride));
        if (!(short_by > 0)) continue;
        const auto weight = static_cast<float>(static_cast<double>(weights[n]) / mean_weight_) * rank_weights_[tries];
        chunk.loss += static_cast<double>(weight) * static_cast<double>(short_by);
        step(person, item, against, x, y, z, weight, kernels_.compare(x, y, z, stride).distance, chunk);
        break;
      }
    }
  }

  /// The person's step now, the items' later. The ridge is taken implicitly, so that no step length overshoots it.
  void step(std::uint32_t person, std::uint32_t item, std::uint32_t against, float* x, const float* y, const float* z, float strength, float distance, Chunk& chunk) {
    chunk.pulls[item % shares_of_items].push_back({item, person, strength});
    chunk.pulls[against % shares_of_items].push_back({against, person, -strength});
    const float length = step_length(user_squares_[person], strength, distance);
    const float keep = 1 / (1 + length * config_.user_l2);
    float& last = x[users_.cols() - 1];
    const float still = last;
    kernels_.step(x, y, z, keep, keep * length * strength, users_.stride());
    if (plain_) last = still;  // The item's own number there is its bias.
  }

  void move_items(const std::vector<Pull>& pulls) {
    for (std::size_t n = 0; n < pulls.size(); ++n) {
      if (n + ahead < pulls.size()) fetch(items_.row(pulls[n + ahead].item).data());
      const auto& pull = pulls[n];
      const float length = step_length(item_squares_[pull.item], pull.strength, user_lengths_[pull.person]);
      const float keep = 1 / (1 + length * config_.item_l2);
      kernels_.follow(items_.row(pull.item).data(), users_.row(pull.person).data(), keep, keep * length * pull.strength, items_.stride());
    }
  }

  /// Adagrad with one number a vector: the sum of its gradients' mean squares.
  float step_length(float& squares, float strength, float length_squared) const noexcept {
    if (plain_) return config_.learning_rate;
    squares += strength * strength * length_squared / static_cast<float>(config_.factors);
    return config_.learning_rate / std::sqrt(squares + least_square);
  }

  CsrView events_;
  const BprConfig& config_;
  const FitControl& control_;
  BprKernels kernels_;
  bool plain_, verify_;
  Matrix users_, items_;
  std::vector<float> user_squares_, user_lengths_, item_squares_;
  Draw draw_;
  std::vector<Worker> workers_;
  std::vector<std::uint32_t> people_;  ///< Those with a positive weight.
  std::vector<Chunk> chunks_;
  std::vector<float> rank_weights_;
  std::size_t count_ = 0;              ///< Events with a positive weight.
  std::uint64_t right_ = 0, skipped_ = 0;
  double mean_weight_ = 0;
};

bool all_finite(const Matrix& rows) {
  for (std::size_t row = 0; row < rows.rows(); ++row)
    if (!std::ranges::all_of(rows.row(row), [](float x) { return std::isfinite(x); })) return false;
  return true;
}

/// What folding in needs of the trained vectors, all turned into the coordinates of its covariance.
std::shared_ptr<BprStorage> prepare(Matrix& users, Matrix& items, const FitControl& control) {
  const std::size_t factors = items.cols(), count = items.rows();
  auto storage = std::make_shared<BprStorage>();
  std::vector<double> mean(factors, 0);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t k = 0; k < factors; ++k) mean[k] += static_cast<double>(items.row(i)[k]) / static_cast<double>(count);
  storage->fold_in = items;
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t k = 0; k < factors; ++k) storage->fold_in.row(i)[k] = static_cast<float>((static_cast<double>(items.row(i)[k]) - mean[k]) / 2);
  Basis basis;
  storage->diagonal = rotate_to_eigenbasis(storage->fold_in, "fit_bpr", "item vectors", control, &basis);
  for (double& variance : storage->diagonal) variance /= static_cast<double>(count);
  rotate(items, basis, control);
  rotate(users, basis, control);
  storage->vectors = std::move(items);
  return storage;
}

Matrix folded(const BprModel& model, const CsrView& events, const FitControl& control) {
  Matrix out(events.rows, model.item_vectors().cols);
  struct Scratch {
    model::Workspace workspace;
    std::vector<ItemIndex> items;
  };
  std::vector<Scratch> workers(static_cast<std::size_t>(resolved_threads(control.execution)));
  parallel_blocks_with_worker(control.execution, events.rows, 64, [&](std::size_t begin, std::size_t end, std::size_t, int worker) {
    stop_checkpoint(control, "folding in");
    auto& [workspace, items] = workers[static_cast<std::size_t>(worker)];
    for (std::size_t row = begin; row < end; ++row) {
      items.clear();
      for (const auto column : events.row_columns(row)) items.push_back(ItemIndex{column});
      model.query({items, events.row_values(row), {}, {}}, workspace, out.row(row));
    }
  });
  return out;
}

BprFit fit(const CsrView& events, const BprConfig& config, const FitControl& control) {
  const auto start = std::chrono::steady_clock::now();
  Fit steps(events, config, control);
  FitReport report;
  const auto epochs = static_cast<std::uint64_t>(config.epochs);
  for (int epoch = 0; epoch < config.epochs; ++epoch) {
    checkpoint(control, "epoch", static_cast<std::uint64_t>(epoch), epochs);
    report.objective.push_back(steps.epoch(epoch));
  }
  if (!all_finite(steps.users()) || !all_finite(steps.items()))
    throw Error(ErrorCode::numerical_failure, "fit_bpr", "a vector is not finite after " + std::to_string(config.epochs) + " epochs", "smaller weights, a smaller learning_rate, or a larger l2");
  BprFit out;
  auto storage = prepare(steps.users(), steps.items(), control);
  out.model = make_bpr_model(config, std::move(storage));
  out.trained_rows = std::move(steps.users());
  out.user_factors = folded(*out.model, events, control);
  checkpoint(control, "epoch", epochs, epochs);
  report.epochs = config.epochs;
  report.detail = config.loss == BprLoss::warp ? "warp: the first item in the wrong order of up to " + std::to_string(config.max_samples) + " draws"
                  : config.negatives == 1      ? std::string("bpr: one item drawn against each event")
                                               : "bpr: the hardest of " + std::to_string(config.negatives) + " draws against each event";
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  out.report = std::move(report);
  return out;
}

}  // namespace

BprFit fit_bpr(const CsrView& events, const BprConfig& config, const FitControl& control) {
  validate(config);
  require_valid_weights(events, "events");
  if (events.rows == 0) throw Error(ErrorCode::invalid_argument, "events", "has no users", "at least one");
  if (events.cols == 0) throw Error(ErrorCode::invalid_argument, "events", "has no items", "at least one");
  try {
    return fit(events, config, control);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "fit_bpr", "no memory for " + std::to_string(events.rows) + " users and " + std::to_string(events.cols) + " items of " + std::to_string(config.factors) + " factors");
  }
}

BprRows fit_bpr_rows(const CsrView& events, const MatrixView& users, const MatrixView& items, const BprRowsConfig& config, const FitControl& control) {
  validate(config);
  require_valid_weights(events, "events");
  const auto copy = [](const MatrixView& given, std::size_t rows, std::string_view name, std::string_view of) {
    const auto refuse = [&](std::string what, std::string allowed) { throw Error(ErrorCode::invalid_argument, std::string(name), std::move(what), std::move(allowed)); };
    if (given.rows != rows) refuse("has " + std::to_string(given.rows) + " rows", "those of events, " + std::to_string(rows) + " " + std::string(of));
    if (given.cols < 2) refuse("has " + std::to_string(given.cols) + " columns", "factors and a last one beside them");
    Matrix out(rows, given.cols);
    for (std::size_t row = 0; row < rows; ++row) {
      if (!std::ranges::all_of(given.row(row), [](float x) { return std::isfinite(x); })) refuse("has a number that is not finite in row " + std::to_string(row), "finite numbers");
      std::ranges::copy(given.row(row), out.row(row).begin());
    }
    return out;
  };
  if (users.cols != items.cols) throw Error(ErrorCode::invalid_argument, "users", "have " + std::to_string(users.cols) + " columns", "those of the items, " + std::to_string(items.cols));
  if (events.rows == 0 || events.cols == 0) throw Error(ErrorCode::invalid_argument, "events", "has no " + std::string(events.rows == 0 ? "users" : "items"), "at least one");
  try {
    const auto start = std::chrono::steady_clock::now();
    const BprConfig steps{.factors = static_cast<std::int32_t>(users.cols - 1), .learning_rate = config.learning_rate, .user_l2 = config.l2, .item_l2 = config.l2, .epochs = config.epochs,
                          .negatives = 1, .popularity_exponent = 1, .seed = config.seed};
    Fit fit(events, steps, control, {copy(users, events.rows, "users", "users"), copy(items, events.cols, "items", "items"), config.verify});
    BprRows out;
    const auto epochs = static_cast<std::uint64_t>(config.epochs);
    for (int epoch = 0; epoch < config.epochs; ++epoch) {
      checkpoint(control, "epoch", static_cast<std::uint64_t>(epoch), epochs);
      out.report.objective.push_back(fit.epoch(config.first_epoch + epoch));
    }
    if (!all_finite(fit.users()) || !all_finite(fit.items()))
      throw Error(ErrorCode::numerical_failure, "fit_bpr_rows", "a vector is not finite after " + std::to_string(config.epochs) + " epochs", "a smaller learning_rate");
    checkpoint(control, "epoch", epochs, epochs);
    out.right = fit.right();
    out.skipped = fit.skipped();
    out.users = std::move(fit.users());
    out.items = std::move(fit.items());
    out.report.epochs = config.epochs;
    out.report.detail = "bpr: steps of one length, one item drawn by its people against each event";
    out.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return out;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::out_of_memory, "fit_bpr_rows", "no memory for the vectors of " + std::to_string(events.rows) + " users and " + std::to_string(events.cols) + " items");
  }
}

}  // namespace pannier::cf
