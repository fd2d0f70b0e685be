/// Ranking quality over held-out items: every item ranked, never sampled.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/core/top_k.hpp"
#include "pannier/data/split.hpp"
#include "pannier/evaluate/bootstrap.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::evaluate {

struct ProtocolConfig {
  std::vector<std::uint32_t> at{20};   ///< Cut-offs, each >= 1.
  bool intervals = true;               ///< Whether Quality::interval and those of the slices are filled, at 1,000 draws over the people each.
  bool exclude_seen = true;            ///< Leaves the training items out of the ranking (and, then, out of the test).
  std::uint32_t new_user_items = 5;    ///< Slice "new_users": people with at most so many training items.
  double head_share = 0.8;             ///< Slice "tail_items": items outside the head, the most had items that hold this share of the training cells.
  std::span<const std::string_view> categories{};   ///< Category path of each column, "" where unknown, for diversity@k. Empty: none is known.
};

/// A part of the people, or of the held-out items, measured on its own. Everything is ranked as for the whole.
struct Slice {
  std::uint64_t people = 0, held_out = 0;
  std::map<std::string, double> metrics;       ///< "ndcg@k"; empty without people.
  std::map<std::string, Interval> interval;
};

/// Means over the people with at least one held-out item. Keys: "recall@k" hits/|held-out|, "recall_min@k" hits/min(k,|held-out|),
/// "ndcg@k" (binary, ideal truncated at min(k,|held-out|)), "hr@k", "mrr@k", "map@k" (average precision over min(k,|held-out|)),
/// "coverage@k" (share of the catalogue in anybody's top k), "novelty@k" (mean over all
/// recommended items of -log2 of the share of people who have the item; an item nobody has counts as one person's; 0 without any),
/// "diversity@k" (mean over the lists with a pair, as ListDiversity: by category where any is known, else by people, then over at most 1,000 people
/// evenly spaced; absent where no list holds a pair), "gini@k" (of how often each item of the catalogue is in a top k).
struct Quality {
  std::map<std::string, double> metrics;
  std::map<std::string, Interval> interval;        ///< ndcg, recall, hr and map: 95 % bootstrap over people (1,000 draws, fixed seed).
  std::map<std::string, Slice> slices;             ///< "new_users" (few training items), "tail_items" (only held-out items of the tail count).
  std::vector<double> person_ndcg;                 ///< At the first cut-off, a person of the test in order of rows: for paired_difference().
  std::uint64_t people = 0, empty_people = 0, held_out = 0, tail_items = 0;
  bool diversity_by_category = false;
  double seconds = 0;                              ///< Of ranking.
};

/// What one tested person (a row of the test) was given, best first, and what was held out of them (sorted).
using EachList = std::function<void(std::size_t row, std::span<const Scored> ranked, std::span<const std::uint32_t> held_out)>;

/// Ranks for every person of `test` with `model`, their row of `train` being the history; `each` sees the lists, as long as the largest cut-off, by row.
/// Errors: invalid_argument (shapes that disagree, no cut-off, nobody with a held-out item). Repeats: same bits for any thread count.
[[nodiscard]] Quality evaluate(const model::Recommender& model, const CsrView& train, const CsrView& test,
                               const ProtocolConfig& config, const FitControl& control = {}, const EachList& each = {});

/// The same for a split, its cells giving the histories what a matrix does not hold (kinds, ages, purchases): one call a person where they are known.
[[nodiscard]] Quality evaluate(const model::Recommender& model, const data::Split& split, const ProtocolConfig& config, const FitControl& control = {},
                               const EachList& each = {});

}  // namespace pannier::evaluate
