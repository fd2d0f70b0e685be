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

struct BlendConfig {
  std::string members;
  std::int32_t people = 1000;
  double horizon_days = 0;
  bool operator==(const BlendConfig&) const = default;
};

template <class Config, class Visit>
  requires std::same_as<std::remove_const_t<Config>, BlendConfig>
void visit_fields(Config& c, Visit&& visit) {
  visit("members", c.members, "Names of the models, separated by commas; empty: those of buy_again, item_knn, ials and popular that there are.");
  visit("people", c.people, Range{1, 1000000}, "People whose held-out items weigh the members.");
  visit("horizon_days", c.horizon_days, Range{0, 3650}, "Last days of the log that are held out for it; 0: a quarter of the log, at most 60.");
}

/// One model of a blend.
struct BlendMember {
  std::string name;
  std::shared_ptr<const model::Recommender> model;
};

/// Scores an item by the sum, over the members, of weight * member's score / the member's largest score for this person, where items of the history
/// have weights of their own: "own" ones, the largest score being that over all items; every other item has the "new" ones, the largest
/// being that over the items not in the history. A member whose largest score is not above 0 says nothing of this person.
/// A sum that is not above 0 is no evidence; so is a history without weight and without purchases.
///
/// Reasons are those of the members in their share of the score: history items that several members name are added up.
/// Similar items: those of the first member that has any.
/// Cost: every member scores every item (explain_each(): and explains), then one pass over the items a member.
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
/// With fewer than 20 of them, or no test at all, all members weigh alike.
///
/// Errors:  invalid_argument (no member, more than 64, a member twice or a blend, other numbers of items or names), cancelled.
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
