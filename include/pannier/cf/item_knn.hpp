/// Item-to-item nearest neighbours.
#pragma once

#include <cstdint>
#include <memory>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::cf {

enum class ItemSimilarity { cosine, tfidf, bm25, jaccard, tversky, asymmetric, p3, rp3 };

struct ItemKnnConfig {
  ItemSimilarity similarity = ItemSimilarity::cosine;
  std::int32_t neighbours = 200;
  float alpha = 0.8f;
  float beta = 0.2f;
  float k1 = 1.2f;
  float b = 0.75f;
  float shrinkage = 0;
  std::int32_t longest_history = 10'000;
  bool operator==(const ItemKnnConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, ItemKnnConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("similarity", c.similarity,
        Choices<ItemSimilarity>{{"cosine", ItemSimilarity::cosine}, {"tfidf", ItemSimilarity::tfidf}, {"bm25", ItemSimilarity::bm25}, {"jaccard", ItemSimilarity::jaccard},
                                 {"tversky", ItemSimilarity::tversky}, {"asymmetric", ItemSimilarity::asymmetric}, {"p3", ItemSimilarity::p3}, {"rp3", ItemSimilarity::rp3}},
        "How the co-occurrence sum is weighed and normalised.");
  visit("neighbours", c.neighbours, Range{1, 100000}, "Neighbours kept per item. Raising it costs memory and time per history item.");
  visit("alpha", c.alpha, Range{0, 4},
        "tversky: weight of the people who have only the history's item. asymmetric: share of the history's item in the denominator, at most 1. p3, rp3: power of the probabilities of a step; raising it makes people who have a lot say less.");
  visit("beta", c.beta, Range{0, 4}, "tversky: weight of the people who have only the recommended item. rp3: how much a recommended item that many have is discounted; 0: not at all.");
  visit("k1", c.k1, Range{0, 1e6}, "bm25: how far a large weight counts more than a small one; 0: not at all.");
  visit("b", c.b, Range{0, 1}, "bm25: how much an item that many have is discounted; 0: not at all.");
  visit("shrinkage", c.shrinkage, Range{0, 1e9}, "Added to the denominator: damps similarities of rare items. bm25 has none, and takes 0 only.");
  visit("longest_history", c.longest_history, Range{2, 1000000000}, "People with more items are left out: a crawler's history says nothing, and costs its length squared.");
}

/// Fitted neighbour lists. A person's score of item j is the sum over their history of weight(i) * similarity(i, j), in the order
/// of the history.
///
/// A list belongs to the candidate: similarity(i, j) is kept when i is among the `neighbours` nearest of j (ties by index), so that
/// every item can be recommended by its own nearest; kept the other way round, popular items crowd out the rest (on the Gowalla
/// split of LightGCN with 500 neighbours recall@20 / NDCG@20 are .1274 / .0943 this way and .1220 / .0897 the other; p3 .1878 / .1579
/// and .1860 / .1562). Beside that each item keeps its own 20 nearest, so that similar() is exact to 20 for every item (235 of 17.8
/// million entries there).
///
/// Of rp3 alone a list belongs to the item of the history: its discount of what many have does nothing inside a candidate's list, and
/// those of popular items are as long as before (alpha 1, beta .3: .1774 / .1455 this way and .1602 / .1291 the other).
class ItemKnnModel : public model::Recommender {
 public:
  /// item_count x item_count, sorted by column inside a row; row i are the items that i recommends. Without the diagonal.
  [[nodiscard]] virtual CsrView similarities() const noexcept = 0;
};

struct ItemKnnFit {
  std::shared_ptr<const ItemKnnModel> model;
  FitReport report;
};

/// Similarity of the items' columns, with s = shrinkage. Where it differs by direction, i is the item of the history and j the one recommended:
///
/// cosine   sum_u x_ui x_uj / (|x_i| |x_j| + s).
/// tfidf    the same of y_ui = sqrt(x_ui) idf_u, where idf_u = ln(items / (1 + items of u)): an item is a document, a person a term of it, and
///          a person who has a lot says little. Only idf_u² enters, so that who has more than all items but one counts above 0 like everybody.
/// bm25     sum_u y_ui y_uj of y_ui = idf_u x_ui (k1 + 1) / (x_ui + k1 (1 - b + b L_i / L)), where L_i is the column's sum and L their mean
///          over all items. It is not normalised: similarities of what many have are larger.
/// jaccard  people with both / (people with either + s); weights above 0 count alike.
/// tversky  both / (both + alpha people with i alone + beta people with j alone + s); alpha = beta = 1 is jaccard.
/// asymmetric  sum_u x_ui x_uj / (|x_i|^(2 alpha) |x_j|^(2 - 2 alpha) + s); alpha = 1/2 is cosine; at 1, of equal weights, the share of i's people that have j.
/// p3       sum_u (x_ui / m_i)^alpha (x_uj / m_u)^alpha, where m_i and m_u are the sums of a column and a row: a walk of three steps from the person over
///          an item i of theirs and a person u to j. The denominator m_i^alpha has s added.
/// rp3      the same, divided by (people with j)^beta.
///
/// Those of tfidf and bm25 are the ones of the package implicit (TFIDFRecommender, BM25Recommender). What differs is the list, which belongs to the
/// candidate here (see ItemKnnModel) and to the item of the history there, and the history, which is weighed as it is in both.
///
/// People with more than longest_history items of positive weight are left out; the report's detail says how many.
///
/// Shapes:  `events` is users x items; weights are not negative (0: no evidence).
/// Cost:    the sparse product X'X (users times length squared), a selection a row; memory 16 bytes an entry kept, and a copy of the weights but for cosine and asymmetric.
/// Repeats: the same bits for any `control.execution.threads`.
/// Errors:  invalid_argument (no items, a setting or a weight out of range, shrinkage beside bm25, alpha above 1 beside asymmetric), numerical_failure (weights whose products overflow), cancelled.
/// Source: Sarwar, Karypis, Konstan & Riedl 2001; Deshpande & Karypis 2004; weights: Salton & Buckley 1988 (tf-idf), Robertson & Walker 1994 (bm25);
/// Jaccard 1901; their use on items and people: Frederickson 2016, Distance metrics for fun and profit. Tversky 1977, Features of similarity; asymmetric:
/// Aiolli 2013, Efficient top-N recommendation for very large scale binary rated datasets; p3: Cooper, Lee, Radinsky & Siantos 2014, Random walks in
/// recommender systems; rp3: Paudel, Christoffel, Newell & Bernstein 2017, Updatable, accurate, diverse, and scalable recommendations.
[[nodiscard]] ItemKnnFit fit_item_knn(const CsrView& events, const ItemKnnConfig& config, const FitControl& control = {});

/// For each item the `count` items of largest sum over people of x_ui x_uj, the item itself among them, ties by index: items x items, columns ascending. Sums of 0 are not kept.
/// Cost, repeats and shapes: as fit_item_knn(). Errors: invalid_argument (no items, count 0, a weight out of range), numerical_failure (a sum overflows), cancelled.
[[nodiscard]] Csr largest_products(const CsrView& events, std::uint32_t count, const FitControl& control = {});

/// A model of similarities that were computed elsewhere, row i being the items that i recommends; an entry of the diagonal counts where the history is not excluded.
/// Errors: invalid_argument naming similarities (not items x items, an entry that is negative or not finite, no items).
[[nodiscard]] std::shared_ptr<const ItemKnnModel> item_knn_of(Csr similarities);

/// Opens a written model; arrays stay in the reader's memory. Errors: malformed_input.
[[nodiscard]] std::shared_ptr<const ItemKnnModel> read_item_knn(const model::SectionReader& reader, std::uint32_t item_count);

}  // namespace pannier::cf
