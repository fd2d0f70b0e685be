/// Ranking quality over held-out items: every item ranked, never sampled.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/data/split.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::evaluate {

struct ProtocolConfig {
  std::vector<std::uint32_t> at{20};   ///< Cut-offs, each >= 1.
  bool exclude_seen = true;            ///< Leaves the training items out of the ranking (and, then, out of the test).
};

/// Means over the people with at least one held-out item. Keys: "recall@k" hits/|held-out|, "recall_min@k" hits/min(k,|held-out|),
/// "ndcg@k" (binary, ideal truncated at min(k,|held-out|)), "hr@k", "mrr@k", "map@k" (average precision over min(k,|held-out|)),
/// "coverage@k" (share of the catalogue in anybody's top k), "novelty@k" (mean over all
/// recommended items of -log2 of the share of people who have the item; an item nobody has counts as one person's; 0 without any).
struct Quality {
  std::map<std::string, double> metrics;
  std::map<std::string, std::pair<double, double>> interval;  ///< "ndcg@k": 95 % bootstrap over people (1,000 draws, fixed seed).
  std::uint64_t people = 0, empty_people = 0, held_out = 0;
  double seconds = 0;                                           ///< Of ranking.
};

/// Ranks for every person of `test` with `model`, their row of `train` being the history.
/// Errors: invalid_argument (shapes that disagree, no cut-off, nobody with a held-out item). Repeats: same bits for any thread count.
[[nodiscard]] Quality evaluate(const model::Recommender& model, const CsrView& train, const CsrView& test,
                               const ProtocolConfig& config, const FitControl& control = {});

/// The same for a split, its cells giving the histories what a matrix does not hold (kinds, ages, purchases): one call a person where they are known.
[[nodiscard]] Quality evaluate(const model::Recommender& model, const data::Split& split, const ProtocolConfig& config, const FitControl& control = {});

}  // namespace pannier::evaluate
