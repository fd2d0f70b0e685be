// Weighing a blend's members: each tested person becomes a short list of candidates with every member's standardised score, and a weight vector is
// measured by ranking those lists.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cf/blend_model.hpp"
#include "pannier/core/error.hpp"

namespace pannier::cf {
namespace {

constexpr std::size_t most_members = 64;
constexpr std::size_t cut_off = 10;
/// Of each member, beside the own items: what none of them has among its best is not among the first ten of the sum.
constexpr std::uint32_t candidates_a_member = 60;
constexpr std::size_t fewest_people = 20;
constexpr double standard_errors = 1.64;
constexpr double least_gain = 1e-5;
constexpr std::array<float, 8> weight_grid{0, 0.0625f, 0.125f, 0.25f, 0.5f, 1, 2, 4};
/// Beside a weight found on the grid, where enough people tell them apart.
constexpr std::array<float, 4> refinements{0.7f, 0.85f, 1.2f, 1.4f};
constexpr std::size_t fewest_to_refine = 2000;
constexpr std::array<float, 9> level_grid{0.015625f, 0.03125f, 0.0625f, 0.125f, 0.25f, 0.5f, 1, 4, 16};

/// One tested person.
struct Person {
  std::vector<std::uint8_t> own, held_out;   ///< One a candidate.
  std::vector<float> parts;                  ///< A member's standardised scores of all candidates, member after member.
  std::size_t held_out_new = 0, held_out_all = 0;
};

class Rehearsal {
 public:
  Rehearsal(std::span<const BlendMember> members, const data::Split& holdout, const BlendConfig& config, const FitControl& control)
      : members_(members.size()), execution_(control.execution) {
    const CsrView train = holdout.train, test = holdout.test;
    const auto most_people = static_cast<std::size_t>(config.people);
    std::vector<std::size_t> rows;
    for (std::size_t r = 0; r < test.rows; ++r)
      if (!test.row_columns(r).empty() && !train.row_columns(r).empty()) rows.push_back(r);
    const auto step = (rows.size() + most_people - 1) / most_people;
    std::vector<std::size_t> asked;
    for (std::size_t n = 0; n < rows.size(); n += step) asked.push_back(rows[n]);
    people_.resize(asked.size());
    struct Scratch {
      model::Workspace workspace;
      std::vector<data::HistoryCell> cells;
      std::vector<ItemIndex> items;
      std::vector<float> weights, own_scores;
      std::vector<std::int64_t> ages_us;
      std::vector<data::EventKind> kinds;
      std::vector<model::Bought> bought;
      std::vector<std::uint32_t> candidates;
      std::vector<std::vector<float>> member_scores;
      TopK top;
      std::vector<Scored> best;
    };
    std::vector<Scratch> scratches(static_cast<std::size_t>(resolved_threads(control.execution)));
    parallel_blocks_with_worker(control.execution, asked.size(), 16, [&](std::size_t begin, std::size_t end, std::size_t, int worker) {
      checkpoint(control, "blend", begin, asked.size());
      auto& s = scratches[static_cast<std::size_t>(worker)];
      s.member_scores.resize(members_);
      for (std::size_t n = begin; n < end; ++n) {
        const auto row = asked[n];
        const auto seen = train.row_columns(row), held_out = test.row_columns(row);
        s.items.clear(), s.weights.clear(), s.ages_us.clear(), s.kinds.clear(), s.bought.clear();
        if (holdout.cells.empty()) {
          for (const auto item : seen) s.items.push_back(ItemIndex{item});
          s.weights.assign(train.row_values(row).begin(), train.row_values(row).end());
        } else {
          const auto first = holdout.cells.begin() + static_cast<std::ptrdiff_t>(train.offsets[row]);
          s.cells.assign(first, first + static_cast<std::ptrdiff_t>(seen.size()));
          std::sort(s.cells.begin(), s.cells.end(), [](const data::HistoryCell& a, const data::HistoryCell& b) {
            return std::tie(a.last_time_us, a.item) < std::tie(b.last_time_us, b.item);
          });
          for (const auto& cell : s.cells) {
            s.items.push_back(ItemIndex{cell.item});
            s.weights.push_back(cell.weight);
            s.kinds.push_back(cell.last_kind);
            s.ages_us.push_back(std::max<std::int64_t>(0, holdout.now_us - cell.last_time_us));
            s.bought.push_back(model::aged(cell.purchases, holdout.now_us));
          }
        }
        const model::History history{.items = s.items, .weights = s.weights, .kinds = s.kinds, .ages_us = s.ages_us, .bought = s.bought};
        const auto is_own = [&](std::uint32_t item) { return std::binary_search(seen.begin(), seen.end(), item); };
        s.candidates.assign(seen.begin(), seen.end());
        std::vector<Levels> levels(members_);
        for (std::size_t m = 0; m < members_; ++m) {
          auto& scores = s.member_scores[m];
          scores.resize(train.cols);
          members[m].model->score_all(history, s.workspace, scores);
          s.own_scores.clear();
          for (const auto item : seen) s.own_scores.push_back(std::exchange(scores[item], 0.0f));
          levels[m] = levels_of(s.own_scores, scores, config.scale);
          for (std::size_t i = 0; i < seen.size(); ++i) scores[seen[i]] = s.own_scores[i];
          s.top.reset(candidates_a_member);
          for (std::uint32_t i = 0; i < train.cols; ++i)
            if (scores[i] > 0 && scores[i] >= s.top.threshold() && !is_own(i)) s.top.push(ItemIndex{i}, scores[i]);
          s.best.resize(candidates_a_member);
          const auto found = s.top.finish(s.best);
          for (std::size_t i = 0; i < found; ++i) s.candidates.push_back(value(s.best[i].item));
        }
        std::sort(s.candidates.begin(), s.candidates.end());
        s.candidates.erase(std::unique(s.candidates.begin(), s.candidates.end()), s.candidates.end());
        auto& person = people_[n];
        person.held_out_all = held_out.size();
        for (const auto item : held_out) person.held_out_new += !is_own(item);
        for (const auto item : s.candidates) {
          person.own.push_back(is_own(item));
          person.held_out.push_back(std::binary_search(held_out.begin(), held_out.end(), item));
        }
        for (std::size_t m = 0; m < members_; ++m)
          for (const auto item : s.candidates) {
            const float level = is_own(item) ? levels[m].own : levels[m].fresh;
            person.parts.push_back(level > 0 ? s.member_scores[m][item] / level : 0.0f);
          }
      }
    });
  }

  [[nodiscard]] std::size_t members() const noexcept { return members_; }
  [[nodiscard]] std::size_t people(bool keep) const {
    return static_cast<std::size_t>(std::count_if(people_.begin(), people_.end(), [&](const Person& person) { return (keep ? person.held_out_all : person.held_out_new) > 0; }));
  }

  /// NDCG@10 of each person with something to find, seen items kept or not.
  [[nodiscard]] std::vector<double> measure(std::span<const float> own, std::span<const float> fresh, bool keep) const {
    std::vector<double> by_person(people_.size(), -1);
    parallel_blocks(execution_, people_.size(), 64, [&](std::size_t begin, std::size_t end, std::size_t) {
      std::vector<float> sums;
      for (std::size_t n = begin; n < end; ++n) by_person[n] = ndcg(people_[n], own, fresh, keep, sums);
    });
    std::erase(by_person, -1);
    return by_person;
  }

 private:
  double ndcg(const Person& person, std::span<const float> own, std::span<const float> fresh, bool keep, std::vector<float>& sums) const {
    const auto wanted = keep ? person.held_out_all : person.held_out_new;
    if (wanted == 0) return -1;
    const auto candidates = person.own.size();
    sums.assign(candidates, 0.0f);
    for (std::size_t m = 0; m < members_; ++m) {
      if (own[m] == 0 && fresh[m] == 0) continue;
      const auto* const part = person.parts.data() + m * candidates;
      for (std::size_t c = 0; c < candidates; ++c) sums[c] += (person.own[c] != 0 ? own[m] : fresh[m]) * part[c];
    }
    std::array<std::pair<float, std::size_t>, cut_off> best;
    std::size_t count = 0;
    for (std::size_t c = 0; c < candidates; ++c) {
      if (!(sums[c] > 0) || (!keep && person.own[c] != 0) || (count == cut_off && sums[c] <= best[count - 1].first)) continue;
      std::size_t at = count < cut_off ? count++ : cut_off - 1;
      for (; at > 0 && best[at - 1].first < sums[c]; --at) best[at] = best[at - 1];
      best[at] = {sums[c], c};
    }
    double gain = 0, ideal = 0;
    for (std::size_t k = 0; k < cut_off; ++k) {
      const double discount = 1 / std::log2(static_cast<double>(k) + 2);
      if (k < count && person.held_out[best[k].second] != 0) gain += discount;
      if (k < wanted) ideal += discount;
    }
    return gain / ideal;
  }

  std::size_t members_;
  Execution execution_;
  std::vector<Person> people_;
};

double mean(std::span<const double> values) {
  double sum = 0;
  for (const auto x : values) sum += x;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

/// True when `a` is better than `b` by more than chance would give.
bool surely_better(std::span<const double> a, std::span<const double> b) {
  const auto n = static_cast<double>(a.size());
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i] - b[i];
    squares += (a[i] - b[i]) * (a[i] - b[i]);
  }
  const double difference = sum / n, spread = std::sqrt(std::max(0.0, squares / n - difference * difference) / n);
  return difference > standard_errors * spread && difference > 0;
}

/// Improves `weights`, one number at a time, until a sweep changes nothing or three are done.
template <class Measure, class Grid>
void search(std::vector<float>& weights, double& best, const Measure& measure, const Grid& grid_of) {
  for (int sweep = 0; sweep < 3; ++sweep) {
    bool changed = false;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const float before = weights[i];
      float chosen = before;
      for (const float candidate : grid_of(i)) {
        if (candidate == before) continue;
        weights[i] = candidate;
        if (const double quality = measure(weights); quality > best + least_gain) best = quality, chosen = candidate;
      }
      weights[i] = chosen;
      changed = changed || chosen != before;
    }
    if (!changed) break;
  }
}

std::vector<float> alone(std::size_t members, std::size_t which) {
  std::vector<float> out(members, 0.0f);
  out[which] = 1;
  return out;
}

struct Found {
  std::vector<float> weights;
  double quality = 0, best_alone = 0;
  std::size_t best_member = 0;
};

std::vector<float> sum_to_one(std::vector<float> weights) {
  float sum = 0;
  for (const float weight : weights) sum += weight;
  for (float& weight : weights) weight /= sum;
  return weights;
}

Found weigh_new(const Rehearsal& rehearsal, const FitControl& control) {
  const auto members = rehearsal.members();
  Found out;
  for (std::size_t m = 0; m < members; ++m) {
    const auto weights = alone(members, m);
    if (const double quality = mean(rehearsal.measure(weights, weights, false)); m == 0 || quality > out.best_alone) out.best_alone = quality, out.best_member = m;
  }
  out.weights = alone(members, out.best_member);
  out.quality = out.best_alone;
  const auto quality_of = [&](const std::vector<float>& weights) {
    checkpoint(control, "blend", 0, 0);
    return mean(rehearsal.measure(weights, weights, false));
  };
  search(out.weights, out.quality, quality_of, [](std::size_t) { return std::span<const float>(weight_grid); });
  if (rehearsal.people(false) > fewest_to_refine) {
    std::array<float, refinements.size()> near;
    search(out.weights, out.quality, quality_of, [&](std::size_t i) {
      std::transform(refinements.begin(), refinements.end(), near.begin(), [&](float factor) { return factor * out.weights[i]; });
      return std::span<const float>(near);
    });
  }
  const auto single = alone(members, out.best_member);
  if (!surely_better(rehearsal.measure(out.weights, out.weights, false), rehearsal.measure(single, single, false)))
    out.weights = single, out.quality = out.best_alone;
  out.weights = sum_to_one(std::move(out.weights));
  return out;
}

/// The own weights; the last number is what the new ones are multiplied by.
Found weigh_own(const Rehearsal& rehearsal, std::span<const float> fresh, const FitControl& control) {
  const auto members = rehearsal.members();
  std::vector<float> scaled(members);
  const auto people = [&](const std::vector<float>& weights) {
    checkpoint(control, "blend", 0, 0);
    for (std::size_t m = 0; m < members; ++m) scaled[m] = weights[members] * fresh[m];
    return rehearsal.measure(std::span(weights).first(members), scaled, true);
  };
  Found out;
  std::vector<float> single;
  for (std::size_t m = 0; m < members; ++m)
    for (const float level : level_grid) {
      auto weights = alone(members, m);
      weights.push_back(level);
      if (const double quality = mean(people(weights)); single.empty() || quality > out.best_alone + least_gain)
        out.best_alone = quality, out.best_member = m, single = weights;
    }
  out.weights = single;
  out.quality = out.best_alone;
  search(out.weights, out.quality, [&](const std::vector<float>& weights) { return mean(people(weights)); },
         [&](std::size_t i) { return i < members ? std::span<const float>(weight_grid) : std::span<const float>(level_grid); });
  if (!surely_better(people(out.weights), people(single))) out.weights = single, out.quality = out.best_alone;
  return out;
}

std::string rounded(double number) {
  std::array<char, 32> text;
  return {text.data(), static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.3g", number))};
}

std::string told(std::span<const BlendMember> members, std::span<const float> weights) {
  std::string out;
  for (std::size_t m = 0; m < members.size(); ++m)
    if (weights[m] > 0) out += (out.empty() ? "" : " + ") + rounded(static_cast<double>(weights[m])) + " " + members[m].name;
  return out.empty() ? "nothing" : out;
}

void require_members(std::span<const BlendMember> members, std::span<const BlendMember> rehearsed, bool weighed, const data::Split& holdout) {
  const auto refuse = [](std::string where, std::string what, std::string allowed) { throw Error(ErrorCode::invalid_argument, std::move(where), std::move(what), std::move(allowed)); };
  if (members.empty() || members.size() > most_members) refuse("members", "are " + std::to_string(members.size()), "1 to 64 models");
  if (!(weighed && rehearsed.empty()) && rehearsed.size() != members.size()) refuse("rehearsed", "are " + std::to_string(rehearsed.size()), "as many as members");
  std::set<std::string_view> names;
  for (std::size_t m = 0; m < members.size(); ++m) {
    if (members[m].model == nullptr || (!rehearsed.empty() && rehearsed[m].model == nullptr)) refuse("members", members[m].name + " is no model", "fitted models");
    if (members[m].model->kind() == "blend") refuse("members", members[m].name + " is a blend itself", "models that are none");
    if (!names.insert(members[m].name).second) refuse("members", "name " + members[m].name + " twice", "each once");
    if (members[m].model->item_count() != members[0].model->item_count()) refuse("members", members[m].name + " knows another number of items", "models of the same items");
    if (rehearsed.empty()) continue;
    if (rehearsed[m].name != members[m].name) refuse("rehearsed", "has " + rehearsed[m].name + " where members has " + members[m].name, "the same names in the same order");
    if (rehearsed[m].model->item_count() != holdout.train.cols) refuse("rehearsed", rehearsed[m].name + " knows another number of items", "models of the hold-out's items");
  }
  if (!holdout.cells.empty() && holdout.cells.size() != holdout.train.columns.size()) refuse("holdout.cells", "are " + std::to_string(holdout.cells.size()), "one a training cell");
}

/// The numbers of "0.6,0.4".
std::vector<float> given_weights(const std::string& text, std::size_t members) {
  const auto refuse = [](std::string what) { throw Error(ErrorCode::invalid_argument, "weights", std::move(what), "one number a member, separated by commas, none below 0 and not all 0"); };
  std::vector<float> out;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    float weight = 0;
    const auto [stopped, error] = std::from_chars(text.data() + begin, text.data() + end, weight);
    if (error != std::errc() || stopped != text.data() + end || !(weight >= 0 && weight < std::numeric_limits<float>::infinity()))
      refuse("hold '" + text.substr(begin, end - begin) + "'");
    out.push_back(weight);
    begin = end + 1;
  }
  if (out.size() != members) refuse("are " + std::to_string(out.size()) + " for " + std::to_string(members) + " members");
  if (std::all_of(out.begin(), out.end(), [](float weight) { return weight == 0; })) refuse("are all 0");
  return out;
}

}  // namespace

BlendFit fit_blend(std::span<const BlendMember> members, std::span<const BlendMember> rehearsed, const data::Split& holdout, const BlendConfig& config,
                   const FitControl& control) {
  validate(config);
  require_members(members, rehearsed, !config.weights.empty(), holdout);
  const auto begin = std::chrono::steady_clock::now();
  checkpoint(control, "blend", 0, 1);
  const auto count = members.size();
  BlendFit fit;
  BlendConfig named = config;
  named.members.clear();
  for (const auto& member : members) named.members += (named.members.empty() ? "" : ",") + member.name;
  if (!config.weights.empty()) {
    auto weights = given_weights(config.weights, count);
    fit.report.detail = "weights as given: " + told(members, weights);
    auto own_weights = weights;
    fit.model = make_blend(named, members[0].model->item_count(), {members.begin(), members.end()}, std::move(own_weights), std::move(weights), true);
    fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return fit;
  }
  std::vector<float> fresh(count, 1 / static_cast<float>(count)), own = fresh;
  const Rehearsal rehearsal(rehearsed, holdout, config, control);
  auto& detail = fit.report.detail;
  const auto tell = [&](const char* what, std::size_t people, const Found& found, std::span<const float> weights) {
    detail += std::string(detail.empty() ? "" : "; ") + what + ": " + told(members, weights) + ", NDCG@10 " + rounded(found.quality) + " over " + std::to_string(people) +
              " people held out inside the training data, " + members[found.best_member].name + " the best alone with " + rounded(found.best_alone);
  };
  if (const auto people = rehearsal.people(false); people >= fewest_people) {
    const auto found = weigh_new(rehearsal, control);
    fresh = own = found.weights;
    tell("new items", people, found, fresh);
  } else {
    detail = "too few people with new items to weigh the members: all alike";
  }
  if (const auto people = rehearsal.people(true); people >= fewest_people && !holdout.cells.empty()) {
    const auto found = weigh_own(rehearsal, fresh, control);
    own.assign(found.weights.begin(), found.weights.end() - 1);
    for (auto& weight : fresh) weight *= found.weights.back();
    tell("own items", people, found, own);
    detail += ", new ones times " + rounded(static_cast<double>(found.weights.back()));
  }
  fit.model = make_blend(named, members[0].model->item_count(), {members.begin(), members.end()}, std::move(own), std::move(fresh), true);
  fit.report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return fit;
}

}  // namespace pannier::cf
