/// Linear filters on the graph of items.
#pragma once

#include <cstdint>
#include <memory>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::cf {

enum class GraphFilterKind { linear, second_order };

struct GraphFilterConfig {
  GraphFilterKind filter = GraphFilterKind::linear;
  float user_exponent = 0.35f;
  float item_exponent = 0.35f;
  float signal_exponent = 0.2f;
  float power = 1;
  std::int32_t neighbours = 500;
  float sharpening = 0;
  std::int32_t rank = 0;
  float low_rank_weight = 0.3f;
  std::uint64_t seed = 42;
  bool operator==(const GraphFilterConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, GraphFilterConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("filter", c.filter, Choices<GraphFilterKind>{{"linear", GraphFilterKind::linear}, {"second_order", GraphFilterKind::second_order}},
        "linear: one step on the graph. second_order: two steps less one of two, which lets through more of what is between smooth and rough.");
  visit("user_exponent", c.user_exponent, Range{0, 4}, "How much less people count who have a lot; it acts twice, on the way to a person and back.");
  visit("item_exponent", c.item_exponent, Range{0, 4}, "How much less items count that many have; it acts once on each side.");
  visit("signal_exponent", c.signal_exponent, Range{0, 4}, "How much a history's popular items count less on the way in and popular candidates more on the way out; 0: the filter as it is.");
  visit("power", c.power, Range{0.01, 10}, "Power of each entry of the graph; above 1 the strong ties count more.");
  visit("neighbours", c.neighbours, Range{1, 100000}, "Entries kept per item. Raising it costs memory and time per history item.");
  visit("sharpening", c.sharpening, Range{0, 100}, "How much of what one more step would add is taken away again; 0: nothing. Of the linear filter only.");
  visit("rank", c.rank, Range{0, 4096}, "Singular vectors of the ideal low-pass part; 0: none. Raising it costs memory and time per answer.");
  visit("low_rank_weight", c.low_rank_weight, Range{0, 1000}, "Weight of the low-pass part beside the filter.");
  visit("seed", c.seed, "Fixes where the search for singular vectors begins; nothing else is random.");
}

/// A fitted filter: rows like those of item_knn, with entries below zero where something is taken away, and vectors of the low-pass part.
///
/// A person's score of item j is the sum over their history of weight(i) * (row(i, j) + in_i . out_j). Without a low-pass part an item has evidence when
/// that is above zero; with one every item is scored as soon as the history weighs something. The similarity of two items is the score of the second for a
/// history of the first.
class GraphFilterModel : public model::Recommender {
 public:
  /// item_count x item_count, sorted by column inside a row; row i is what i gives. Without the diagonal.
  [[nodiscard]] virtual CsrView rows() const noexcept = 0;
  /// The vectors of the low-pass part, item by item; without columns where rank is 0.
  [[nodiscard]] virtual MatrixView in() const noexcept = 0;
  [[nodiscard]] virtual MatrixView out() const noexcept = 0;
};

struct GraphFilterFit {
  std::shared_ptr<const GraphFilterModel> model;
  FitReport report;
};

/// With m_u and m_i the sums of the rows and columns of X, a, b, d, s the user's, item's and signal's exponents and the power:
///
///     R = X_ui / (m_u^a m_i^b)        P_ij = (R'R)_ij^s (m_j / m_i)^d
///     linear        F = P             second_order  F = 2 P - P^2
///     low pass      L = D^-b V V' D^b, where D holds the m_i and V the `rank` first right singular vectors of R
///     score of a history h: (F + low_rank_weight L) (1 - sharpening P), a row vector times h
///
/// P keeps the `neighbours` largest entries of each column beside its diagonal before anything is built on it, as lists that belong to the candidate
/// (see ItemKnnModel). What is built on it keeps as many of each column, by size. Its diagonal, what an item gives itself, is no part of the rows.
///
/// Turbo-CF is filter and power with signal_exponent 0 and item_exponent = 1 - user_exponent; GF-CF is exponents .5, signal_exponent 0, rank 256 and low_rank_weight .3; BSPM (early
/// merge, one Euler step of blurring and one of sharpening) is GF-CF with sharpening; item_knn's P3alpha is all three exponents alike at half its
/// alpha. The defaults were chosen on a part held out of the training file of LightGCN's Gowalla split.
///
/// Shapes:  `events` is users x items; weights are not negative (0: no evidence).
/// Cost:    as fit_item_knn(); with P^2 items * neighbours^2 more; with a low-pass part some 10 products of X with about 1.1 rank + 10 vectors, and as many orthogonalisations. Memory: 16 bytes
///          an entry kept, doubled with P^2, and 16 (users + 2 items) * rank bytes.
/// Repeats: the same bits for any `control.execution.threads`.
/// Errors:  invalid_argument (no items, a setting or a weight out of range, sharpening beside second_order), numerical_failure (weights whose products overflow), cancelled.
/// Source:  Park, Shin & Shin 2024, Turbo-CF (arXiv:2404.14243); Shen et al. 2021, How powerful is graph convolution for recommendation? (GF-CF, arXiv:2108.07567);
///          Choi et al. 2023, Blurring-sharpening process models (BSPM, arXiv:2211.09324). Unlike there the graph keeps `neighbours` entries an item.
[[nodiscard]] GraphFilterFit fit_graph_filter(const CsrView& events, const GraphFilterConfig& config, const FitControl& control = {});

/// Opens a written model; arrays stay in the reader's memory. Errors: malformed_input.
[[nodiscard]] std::shared_ptr<const GraphFilterModel> read_graph_filter(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::cf
