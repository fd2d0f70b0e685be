/// The contract of every recommender: immutable, shared freely, folding a history in is the only way in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pannier/core/execution.hpp"
#include "pannier/core/ids.hpp"
#include "pannier/core/item_set.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/core/top_k.hpp"
#include "pannier/data/event.hpp"
#include "pannier/data/features.hpp"
#include "pannier/data/weighting.hpp"

namespace pannier::model {

/// What the person bought of one item and did not give back (data::Purchases, as ages at the request's time).
struct Bought {
  std::uint32_t times = 0;                       ///< Purchases at different times; 0: never bought, the rest is 0 then.
  float units = 0;
  std::int64_t first_age_us = 0, last_age_us = 0;
  bool operator==(const Bought&) const = default;
};

/// Ages count to `now_us`; a purchase from after it has age 0.
[[nodiscard]] Bought aged(const data::Purchases& purchases, std::int64_t now_us) noexcept;

/// One person as a model sees them: one entry an item (merged as the training matrix merges, see data/weighting.hpp), oldest
/// last event first, known items only. All spans have equal length, but kinds, ages_us and bought may be empty.
struct History {
  std::span<const ItemIndex> items;
  std::span<const float> weights;                ///< As in the training matrix; finite, not negative.
  std::span<const data::EventKind> kinds;        ///< Kind of the last event with the item.
  std::span<const std::int64_t> ages_us;         ///< Age of that event at the request's time, not negative.
  std::span<const Bought> bought{};              ///< Purchases of the item; first_age_us >= last_age_us >= 0.
  // What else is known of the person, for models that read_attributes(); those answer without any item too.
  std::span<const data::Attribute> attributes{};           ///< By name; what the model does not know is passed over.
  std::span<const std::uint32_t> feature_columns{};        ///< Where the model's features have no names: the person's row of them, ascending,
  std::span<const float> feature_values{};                 ///< finite and not negative.
};

/// What is wanted.
struct Ask {
  std::uint32_t count = 10;
  const ItemSet* allowed = nullptr;  ///< Only these items; null: all. A filter removes, it never lowers a score.
  bool exclude_history = true;       ///< Leaves out the items of the history.
  /// Of recommend_batch() alone, as many rows as the histories have, canonical, over the items; weights are not read. Row r may be given only the items of row r of
  /// the one, and none of row r of the other; null: no such lists. Both keep to what `allowed` says.
  const CsrView* row_allowed = nullptr;
  const CsrView* row_denied = nullptr;
  std::int64_t time_us = 0;          ///< The request's time, for models that know seasons; 0: not told.
};

enum class ReasonKind : std::uint8_t {
  because_of,   ///< An item of the history gave that much of the score.
  buy_again,    ///< The item itself, which the person has bought: weight is its share of the score.
  popular, trending, seasonal,   ///< The item itself, which many buy: at all, more than before, at this time of the week or year.
};

/// Why an item.
struct Reason {
  ItemIndex item = no_item;
  float weight = 0;
  ReasonKind kind = ReasonKind::because_of;
  bool operator==(const Reason&) const = default;
};

/// Scratch memory that a caller keeps from request to request: after the largest request nothing is allocated.
/// Models use the typed buffers as they like; nothing in it survives a call, but for what `outer_asked` says.
/// Threads: One thread.
class Workspace {
 public:
  std::vector<float> floats, more_floats, scores;
  std::vector<double> doubles;
  std::vector<std::uint32_t> indices, touched;
  std::vector<std::uint64_t> marks;  ///< Bitmap over items; all zero between calls.
  TopK top;
  std::vector<Scored> scored;
  std::vector<ItemIndex> every_item;   ///< 0, 1, .. as far as any model asked; for score_all().
  // For models made of models, whose members use the buffers above.
  std::vector<float> outer_sums, outer_scores, outer_own, outer_scales;
  /// The model and the history that outer_sums and outer_scales are of: who asks for reasons after an answer finds the scores there.
  struct Asked {
    std::uint64_t model = 0;   ///< Of no two models in a process the same; 0: they are of none.
    std::vector<ItemIndex> items;
    std::vector<float> weights;
    std::vector<data::EventKind> kinds;
    std::vector<std::int64_t> ages_us;
    std::vector<Bought> bought;
    std::uint64_t known = 0;   ///< A checksum of what else was known of the person.
  } outer_asked;
  data::FeatureScratch features;
  std::vector<std::uint32_t> outer_counts;
  std::vector<Reason> outer_reasons, outer_merged;
};

class SectionWriter;
struct ItemOrder;
class VectorModel;

/// A fitted recommender over items 0 .. item_count()-1.
///
/// Every call refuses (invalid_argument, by name, outputs untouched): an item index out of range, weights that are not finite
/// or negative, negative ages, spans of unequal length, an item twice in a history, an allowed set over another universe.
/// An empty history gives no personal items (recommend returns 0), except for models that need none (popular), and for models that read attributes where those tell something.
/// Ties are broken by index. A score is never NaN. Weights of zero are seen items without evidence.
/// Threads: Immutable: share freely; one Workspace a thread.
class Recommender {
 public:
  Recommender() = default;
  Recommender(const Recommender&) = delete;
  Recommender& operator=(const Recommender&) = delete;
  virtual ~Recommender() = default;

  /// "ials", "item_knn", "popular": the name in configs, manifests and commands.
  [[nodiscard]] virtual std::string_view kind() const noexcept = 0;
  [[nodiscard]] virtual std::uint32_t item_count() const noexcept = 0;
  /// The settings it was fitted with, a JSON object.
  [[nodiscard]] virtual std::string config_json() const = 0;

  /// The best `ask.count` items, best first, at most out.size(); returns how many were written (fewer when fewer qualify).
  /// An item without any evidence (no neighbour in the history) is not returned by models that score by evidence.
  virtual std::size_t recommend(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const = 0;
  /// The score of each candidate, bit for bit what recommend() gives it where the Ask tells no time; 0 for an item without evidence.
  virtual void score(const History& history, std::span<const ItemIndex> candidates, Workspace& workspace,
                     std::span<float> out) const = 0;
  /// score() of every item, bit for bit; `out` has item_count() entries. The default runs score().
  virtual void score_all(const History& history, Workspace& workspace, std::span<float> out) const;
  /// The items most similar to `item`, best first, never itself; returns how many. ask.exclude_history has no meaning here.
  virtual std::size_t similar(ItemIndex item, const Ask& ask, Workspace& workspace, std::span<Scored> out) const = 0;
  /// The history items that give `item` its score, largest share first; the shares of all of them add up to the score. Where many people give it, the one
  /// reason is the item itself; a model of several kinds of reasons names the person's own first.
  /// Returns how many were written; 0 where the model has no such reasons.
  virtual std::size_t explain(const History& history, ItemIndex item, Workspace& workspace, std::span<Reason> out) const = 0;
  /// explain() for each of `items`, bit for bit as single calls: the reasons of items[i] begin at out[i * most], at most `most` of them, and
  /// counts[i] says how many there are; the rest of `out` is as it was. `out` has items.size() * most entries, `counts` items.size().
  /// The default runs single calls; a model that solves something for the history does so once.
  virtual void explain_each(const History& history, std::span<const ItemIndex> items, std::size_t most, Workspace& workspace,
                            std::span<Reason> out, std::span<std::uint32_t> counts) const;

  /// recommend() for every row of `histories` (cols == item_count()), bit for bit as single calls: row r fills items[r*count ..)
  /// and scores[r*count ..), padded with no_item and 0. Both outputs have rows * ask.count entries. A single call that is given a row's lists as its `allowed` is what
  /// ask.row_allowed and ask.row_denied ask for.
  /// The default runs single calls in blocks over the threads.
  virtual void recommend_batch(const CsrView& histories, const Ask& ask, const Execution& execution,
                               std::span<ItemIndex> items, std::span<float> scores) const;

  /// Whether it knows people by their attributes too: a caller that has them gives them in the History.
  [[nodiscard]] virtual bool reads_attributes() const noexcept { return false; }

  /// Writes its arrays as sections, item i of the file being item order.old_index[i] of this model.
  virtual void write(SectionWriter& writer, const ItemOrder& order) const = 0;

  /// Its item vectors, where the score is an inner product; null otherwise.
  [[nodiscard]] virtual const VectorModel* vectors() const noexcept { return nullptr; }
};

/// A checksum of the attributes and features of a history; 0 where there are none.
[[nodiscard]] std::uint64_t known_of(const History& history) noexcept;

/// The checks of the class comment, for models to call first.  Cost: O(history) once per call; uses workspace.marks.
void require_valid(const History& history, const Ask& ask, std::uint32_t item_count, Workspace& workspace);

/// Refuses an item, or a candidate, that the model does not have, and an output of another length than the candidates.
void require_valid_item(ItemIndex item, std::uint32_t item_count);
void require_valid_candidates(std::span<const ItemIndex> candidates, std::uint32_t item_count, std::size_t output_size);

/// The check of score_all()'s output.
void require_valid_all(std::uint32_t item_count, std::size_t output_size);

/// The checks of explain_each() beside those of its history, for models that bring their own.
void require_valid_explanations(std::span<const ItemIndex> items, std::size_t most, std::uint32_t item_count, std::size_t out_size,
                                std::size_t counts_size);

/// The Ask of single rows of a batch: its row lists as a set of allowed items.
/// Threads: One thread.
class RowAsk {
 public:
  /// `ask` and its lists are borrowed.
  RowAsk(const Ask& ask, std::uint32_t item_count);
  RowAsk(const RowAsk&) = delete;
  RowAsk& operator=(const RowAsk&) = delete;
  /// Valid until the next call. Cost: nothing without row lists; else O(item_count / 64) and the row's lists.
  [[nodiscard]] const Ask& of(std::size_t row);

 private:
  const Ask& batch_;
  Ask ask_;
  ItemSet set_;
};

/// The checks of recommend_batch(), for models that bring their own.  Cost: one pass over the histories and the row lists.
void require_valid_batch(const CsrView& histories, const Ask& ask, std::uint32_t item_count, std::span<const ItemIndex> items,
                         std::span<const float> scores);
/// Those of them that are not of the histories, of which there are `rows`.
void require_valid_rows(const Ask& ask, std::size_t rows, std::uint32_t item_count, std::span<const ItemIndex> items, std::span<const float> scores);

}  // namespace pannier::model
