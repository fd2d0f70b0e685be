/// A weighted sum of models, its weights found on a hold-out inside the training data.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "pannier/core/config.hpp"
#include "pannier/core/fit.hpp"
#include "pannier/data/split.hpp"
#include "pannier/model/artifact.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::cf {

enum class BlendScale { largest, spread };

struct BlendConfig {
  std::string members{};
  std::string weights{};
  BlendScale scale = BlendScale::largest;
  std::int32_t people = 1000;
  double horizon_days = 0;
  std::int32_t rehearsal_epochs = 6;
  bool operator==(const BlendConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, BlendConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("members", c.members, "Names of the models, separated by commas; empty: those of buy_again, item_knn, ials and popular that there are.");
  visit("weights", c.weights, "Weights of the members, as many numbers separated by commas, for own and new items alike; empty: found on a hold-out.");
  visit("scale", c.scale, Choices<BlendScale>{{"largest", BlendScale::largest}, {"spread", BlendScale::spread}}, "What a member's scores are divided by before they are weighed, person by person: the largest of them, or their root mean square.");
  visit("people", c.people, Range{1, 1000000}, "People whose held-out items weigh the members.");
  visit("horizon_days", c.horizon_days, Range{0, 3650}, "Last days of the log that are held out for it; 0: a quarter of the log, at most 60.");
  visit("rehearsal_epochs", c.rehearsal_epochs, Range{0, 10000}, "Epochs, at most, of a member that is fitted to be weighed; 0: as many as its settings say.");
}

/// One model of a blend.
struct BlendMember {
  std::string name;
  std::shared_ptr<const model::Recommender> model;
};

/// Scores an item by the sum, over the members, of weight * member's score / the member's level for this person, where items of the history
/// have weights of their own: "own" ones, the level being that over all items; every other item has the "new" ones, the level
/// being that over the items not in the history. The level is the largest score or, of scale "spread", the root mean square of the scores.
/// A member whose largest score is not above 0 says nothing of this person.
/// A sum that is not above 0 is no evidence; so is a history without weight and without purchases.
///
/// Reasons are those of the members in their share of the score: history items that several members name are added up. What the person did comes
/// first, then what everybody does (popular, trending, seasonal), each by its share.
/// Similar items: those of the first member that has any.
/// Cost: every member scores every item (explain_each(): and explains), then one pass over the items a member. In a batch the members with vectors score
/// up to 16 people at a time.
class BlendModel : public model::Recommender {
 public:
  [[nodiscard]] virtual std::span<const BlendMember> members() const noexcept = 0;
  [[nodiscard]] virtual std::span<const float> own_weights() const noexcept = 0;
  [[nodiscard]] virtual std::span<const float> new_weights() const noexcept = 0;
  /// The same model, which writes no more of its members than their names: for a generation that holds them too.
  [[nodiscard]] virtual std::shared_ptr<const BlendModel> without_members() const = 0;
};

struct BlendFit {
  std::shared_ptr<const BlendModel> model;
  FitReport report;
};

/// Weighs `members` by how `rehearsed` (the same models fitted on holdout.train) find what holdout.test holds.
///
/// The new weights are those of the largest NDCG@10 over held-out items that were not trained, the own weights and how both compare those over all held-out
/// items, each by coordinate search over a fixed grid; a sum of models that is not better than the best of them by 1.64 standard errors of the
/// paired difference gives way to that one. People are those with held-out items, every n-th when they are more than config.people.
/// With more than 2,000 of them the new weights are refined to a fifth of themselves. With fewer than 20 of them, or no test at all, all members weigh alike.
/// Where config.weights gives the weights, nobody is asked, and `rehearsed` may be empty.
///
/// Errors:  invalid_argument (no member, more than 64, a member twice or a blend, other numbers of items or names; weights that are not one number,
///          not negative, a member, or are all 0), cancelled.
/// Repeats: the same bits for any `control.execution.threads`.
[[nodiscard]] BlendFit fit_blend(std::span<const BlendMember> members, std::span<const BlendMember> rehearsed, const data::Split& holdout,
                                 const BlendConfig& config, const FitControl& control = {});

/// Finds a model that stands beside the blend, by name; null: there is none.
using FindMember = std::function<std::shared_ptr<const model::Recommender>(std::string_view name)>;
/// Reads a model that was written inside.
using ReadMember = std::function<std::shared_ptr<const model::Recommender>(std::string_view kind, const model::SectionReader& reader, std::uint32_t item_count)>;

/// Opens a written model. Errors: malformed_input, also for members that cannot be read or are not beside it.
[[nodiscard]] std::shared_ptr<const BlendModel> read_blend(const model::SectionReader& reader, std::uint32_t item_count, const FindMember& find,
                                                           const ReadMember& read);

}  // namespace pannier::cf
