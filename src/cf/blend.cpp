// Answers of a blend. Members use the workspace's own buffers, the blend those named outer; marks are the members'.
#include "pannier/cf/blend.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "cf/blend_model.hpp"
#include "cf/every_item.hpp"
#include "core/number_or_zero.hpp"
#include "pannier/core/bytes.hpp"
#include "model/item_order.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/simd.hpp"
#include "pannier/model/vectors.hpp"

namespace pannier::cf {
namespace {

using model::Ask;
using model::History;
using model::Reason;
using model::Workspace;

constexpr std::size_t most_members = 64;

/// Of a batch: people whose scores by the members with vectors are found together, while these are no more floats than most_tile a member.
constexpr std::size_t most_people_a_block = 16, most_tile = std::size_t{1} << 22, items_a_block = 512;

/// A score below this is none.
constexpr float least_evidence = std::numeric_limits<float>::denorm_min();

/// Whether a reason is about the person, not about everybody.
constexpr bool is_own(model::ReasonKind kind) noexcept { return kind == model::ReasonKind::because_of || kind == model::ReasonKind::buy_again; }

/// A number that no other blend of the process has.
std::uint64_t next_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

/// weight / level, 0 where the member says nothing.
float scale(float weight, float level) noexcept {
  const float out = level > 0 ? weight / level : 0;
  return out < std::numeric_limits<float>::infinity() ? out : 0;
}

/// The sections of one member inside a blend.
std::string section_name(std::size_t member, std::string_view name) { return "member" + std::to_string(member) + "_" + std::string(name); }

class MemberWriter final : public model::SectionWriter {
 public:
  MemberWriter(model::SectionWriter& outer, std::size_t member) : outer_(outer), member_(member) {}
  void section(std::string_view name, std::span<const std::byte> bytes) override { outer_.section(section_name(member_, name), bytes); }

 private:
  model::SectionWriter& outer_;
  std::size_t member_;
};

class MemberReader final : public model::SectionReader {
 public:
  MemberReader(const model::SectionReader& outer, std::size_t member, std::string config)
      : outer_(outer), member_(member), config_(std::move(config)) {}
  std::span<const std::byte> section(std::string_view name) const override { return outer_.section(section_name(member_, name)); }
  std::shared_ptr<const void> keeper() const override { return outer_.keeper(); }
  std::string_view config_json() const override { return config_; }

 private:
  const model::SectionReader& outer_;
  std::size_t member_;
  std::string config_;
};

class Blend final : public BlendModel {
  using Given = std::span<const float>;

 public:
  Blend(BlendConfig config, std::uint32_t items, std::vector<BlendMember> members, std::vector<float> own, std::vector<float> fresh, bool inside)
      : config_(std::move(config)), items_(items), members_(std::move(members)), own_(std::move(own)), new_(std::move(fresh)), inside_(inside) {}

  [[nodiscard]] std::string_view kind() const noexcept override { return "blend"; }
  [[nodiscard]] bool reads_attributes() const noexcept override {
    return std::ranges::any_of(members_, [](const BlendMember& member) { return member.model != nullptr && member.model->reads_attributes(); });
  }
  [[nodiscard]] std::uint32_t item_count() const noexcept override { return items_; }
  [[nodiscard]] std::string config_json() const override { return to_json(config_); }
  [[nodiscard]] std::span<const BlendMember> members() const noexcept override { return members_; }
  [[nodiscard]] std::span<const float> own_weights() const noexcept override { return own_; }
  [[nodiscard]] std::span<const float> new_weights() const noexcept override { return new_; }
  [[nodiscard]] std::shared_ptr<const BlendModel> without_members() const override {
    return std::make_shared<Blend>(config_, items_, members_, own_, new_, false);
  }

  std::size_t recommend(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    require_valid(history, ask, items_, workspace);
    if (!has_evidence(history)) return 0;
    weigh(history, workspace);
    return best_of_sums(history, ask, workspace, out);
  }

  void recommend_batch(const CsrView& histories, const Ask& ask, const Execution& execution, std::span<ItemIndex> items, std::span<float> scores) const override {
    model::require_valid_batch(histories, ask, items_, items, scores);
    struct Worker {
      Workspace workspace;
      std::vector<ItemIndex> history;
      std::vector<Matrix> queries;              // Of the members with vectors, a row a person.
      std::vector<std::vector<float>> tiles;    // Their scores of all items, person after person.
      std::vector<Given> given;
      std::vector<Scored> out;
    };
    std::vector<Worker> workers(static_cast<std::size_t>(resolved_threads(execution)));
    const std::size_t count = ask.count, room = std::min<std::size_t>(count, items_);
    const auto people_a_block = std::clamp<std::size_t>(most_tile / std::max<std::size_t>(items_, 1), 1, most_people_a_block);
    const auto history_of = [&](Worker& worker, std::size_t row) {
      worker.history.clear();
      for (const auto column : histories.row_columns(row)) worker.history.push_back(ItemIndex{column});
      return History{worker.history, histories.row_values(row), {}, {}};
    };
    parallel_blocks_with_worker(execution, histories.rows, people_a_block, [&](std::size_t begin, std::size_t end, std::size_t, int index) {
      auto& worker = workers[static_cast<std::size_t>(index)];
      worker.queries.resize(members_.size());
      worker.tiles.resize(members_.size());
      worker.given.resize(members_.size());
      worker.out.resize(room);
      model::RowAsk row_ask(ask, items_);
      for (std::size_t m = 0; m < members_.size(); ++m) {
        const auto* const vectors = says_something(m) ? members_[m].model->vectors() : nullptr;
        if (vectors == nullptr) continue;
        const auto item_vectors = vectors->item_vectors();
        auto& queries = worker.queries[m];
        if (queries.rows() == 0) queries = Matrix(people_a_block, item_vectors.cols);
        worker.tiles[m].resize(people_a_block * items_);
        for (auto row = begin; row < end; ++row) vectors->query(history_of(worker, row), worker.workspace, queries.row(row - begin));
        const MatrixView asked{queries.data(), end - begin, item_vectors.cols, queries.stride()};
        for (std::size_t first = 0; first < items_; first += items_a_block)
          fixed_dot_tile(asked, item_vectors, first, std::min<std::size_t>(items_a_block, items_ - first), worker.tiles[m].data() + first, items_);
      }
      for (auto row = begin; row < end; ++row) {
        for (std::size_t m = 0; m < members_.size(); ++m)
          worker.given[m] = worker.tiles[m].empty() ? Given() : Given(worker.tiles[m]).subspan((row - begin) * items_, items_);
        const auto history = history_of(worker, row);
        std::size_t found = 0;
        if (has_evidence(history)) {
          weigh(history, worker.workspace, worker.given);
          found = best_of_sums(history, row_ask.of(row), worker.workspace, worker.out);
        }
        for (std::size_t n = 0; n < count; ++n) {
          items[row * count + n] = n < found ? worker.out[n].item : no_item;
          scores[row * count + n] = n < found ? worker.out[n].score : 0.0f;
        }
      }
    });
  }

  void score(const History& history, std::span<const ItemIndex> candidates, Workspace& workspace, std::span<float> out) const override {
    require_valid(history, {}, items_, workspace);
    model::require_valid_candidates(candidates, items_, out.size());
    if (!has_evidence(history)) {
      std::fill(out.begin(), out.end(), 0.0f);
      return;
    }
    weigh(history, workspace);
    for (std::size_t n = 0; n < candidates.size(); ++n) out[n] = workspace.outer_sums[value(candidates[n])];
  }

  std::size_t similar(ItemIndex item, const Ask& ask, Workspace& workspace, std::span<Scored> out) const override {
    require_valid({}, ask, items_, workspace);
    model::require_valid_item(item, items_);
    for (const auto& member : members_) {
      // Whether a member has any does not depend on what is asked.
      Scored first;
      if (member.model->similar(item, {.count = 1, .allowed = nullptr, .exclude_history = false}, workspace, {&first, 1}) == 0) continue;
      return member.model->similar(item, ask, workspace, out);
    }
    return 0;
  }

  std::size_t explain(const History& history, ItemIndex item, Workspace& workspace, std::span<Reason> out) const override {
    std::uint32_t count = 0;
    explain_each(history, {&item, 1}, out.size(), workspace, out, {&count, 1});
    return count;
  }

  void explain_each(const History& history, std::span<const ItemIndex> items, std::size_t most, Workspace& workspace, std::span<Reason> out,
                    std::span<std::uint32_t> counts) const override {
    require_valid(history, {}, items_, workspace);
    model::require_valid_explanations(items, most, items_, out.size(), counts.size());
    std::fill(counts.begin(), counts.end(), 0u);
    if (!has_evidence(history) || items.empty()) return;
    weigh(history, workspace);
    // A member's reasons of an item: at most one a history item, and one for the item itself.
    const std::size_t room = history.items.size() + 1;
    auto& reasons = workspace.outer_reasons;
    auto& found = workspace.outer_counts;
    if (reasons.size() < members_.size() * items.size() * room) reasons.resize(members_.size() * items.size() * room);
    found.assign(members_.size() * items.size(), 0);
    for (std::size_t m = 0; m < members_.size(); ++m)
      if (says_something(m))
        members_[m].model->explain_each(history, items, room, workspace, std::span(reasons).subspan(m * items.size() * room, items.size() * room),
                                        std::span(found).subspan(m * items.size(), items.size()));
    auto& place = workspace.touched;   // Of each history item: its number in the history.
    if (place.size() < items_) place.resize(items_);
    for (const auto item : history.items) place[value(item)] = no_place;
    for (std::uint32_t n = 0; n < history.items.size(); ++n) place[value(history.items[n])] = n;
    auto& shares = workspace.floats;
    auto& merged = workspace.outer_merged;
    for (std::size_t n = 0; n < items.size(); ++n) {
      if (!(workspace.outer_sums[value(items[n])] > 0)) continue;
      shares.assign(history.items.size(), 0.0f);
      merged.clear();
      const bool own = std::find(history.items.begin(), history.items.end(), items[n]) != history.items.end();
      for (std::size_t m = 0; m < members_.size(); ++m) {
        const float factor = workspace.outer_scales[2 * m + (own ? 0 : 1)];
        if (factor <= 0) continue;
        for (std::size_t r = 0; r < found[m * items.size() + n]; ++r) {
          const auto& reason = reasons[(m * items.size() + n) * room + r];
          const float share = factor * reason.weight;
          if (reason.kind != model::ReasonKind::because_of) {
            const auto same = std::find_if(merged.begin(), merged.end(), [&](const Reason& other) { return other.kind == reason.kind && other.item == reason.item; });
            if (same == merged.end()) merged.push_back({reason.item, share, reason.kind});
            else same->weight += share;
          } else if (value(reason.item) < items_ && place[value(reason.item)] < history.items.size() && history.items[place[value(reason.item)]] == reason.item) {
            shares[place[value(reason.item)]] += share;
          }
        }
      }
      for (std::size_t i = 0; i < shares.size(); ++i)
        if (shares[i] != 0 && shares[i] == shares[i]) merged.push_back({history.items[i], shares[i], model::ReasonKind::because_of});
      const auto count = std::min(most, merged.size());
      std::partial_sort(merged.begin(), merged.begin() + static_cast<std::ptrdiff_t>(count), merged.end(), [](const Reason& a, const Reason& b) {
        if (is_own(a.kind) != is_own(b.kind)) return is_own(a.kind);
        return a.weight != b.weight ? a.weight > b.weight : a.item != b.item ? value(a.item) < value(b.item) : a.kind < b.kind;
      });
      std::copy_n(merged.begin(), count, out.begin() + static_cast<std::ptrdiff_t>(n * most));
      counts[n] = static_cast<std::uint32_t>(count);
    }
  }

  void write(model::SectionWriter& writer, const model::ItemOrder& order) const override {
    model::require_valid_order(order, item_count());
    ByteWriter names;
    names.put_varint(members_.size());
    names.put(static_cast<std::uint8_t>(inside_));
    for (const auto& member : members_) {
      names.put_text(member.name);
      names.put_text(member.model->kind());
      names.put_text(inside_ ? member.model->config_json() : std::string());
    }
    writer.section("members", names.bytes());
    writer.array<float>("own_weights", own_);
    writer.array<float>("new_weights", new_);
    if (!inside_) return;
    for (std::size_t m = 0; m < members_.size(); ++m) {
      MemberWriter inner(writer, m);
      members_[m].model->write(inner, order);
    }
  }

 private:
  static constexpr std::uint32_t no_place = 0xFFFFFFFFu;

  [[nodiscard]] bool has_evidence(const History& history) const noexcept {
    return (model::known_of(history) != 0 && reads_attributes()) || std::any_of(history.weights.begin(), history.weights.end(), [](float weight) { return weight > 0; }) ||
           std::any_of(history.bought.begin(), history.bought.end(), [](const model::Bought& bought) { return bought.times > 0; });
  }
  [[nodiscard]] bool says_something(std::size_t m) const noexcept { return own_[m] > 0 || new_[m] > 0; }

  /// The answer, of what weigh() left in the workspace.
  std::size_t best_of_sums(const History& history, const Ask& ask, Workspace& workspace, std::span<Scored> out) const {
    const auto sums = std::span(workspace.outer_sums).first(items_);
    auto& top = workspace.top;
    top.reset(std::min({std::size_t{ask.count}, out.size(), std::size_t{items_}}));
    if (ask.exclude_history)
      for (const auto item : history.items) sums[value(item)] = 0;
    float least = least_evidence;
    each_at_least(sums, [&] { return least; }, [&](std::size_t i) {
      const ItemIndex item{static_cast<std::uint32_t>(i)};
      if (ask.allowed != nullptr && !ask.allowed->contains(item)) return;
      top.push(item, sums[i]);
      least = std::max(least_evidence, top.threshold());
    });
    if (ask.exclude_history)
      for (std::size_t n = 0; n < history.items.size(); ++n) sums[value(history.items[n])] = workspace.outer_own[n];
    return top.finish(out);
  }

  /// Whether the workspace holds what weigh() left there for this history.
  [[nodiscard]] bool is_weighed(const History& history, const Workspace& workspace) const noexcept {
    const auto& asked = workspace.outer_asked;
    return asked.model == id_ && std::ranges::equal(asked.items, history.items) && std::ranges::equal(asked.weights, history.weights) &&
           std::ranges::equal(asked.kinds, history.kinds) && std::ranges::equal(asked.ages_us, history.ages_us) &&
           std::ranges::equal(asked.bought, history.bought) && asked.known == model::known_of(history);
  }

  /// Every item's score in workspace.outer_sums, the history's own ones in outer_own too, and what each member's scores are multiplied by, for
  /// own and for new items, in outer_scales.
  /// `given`: the scores of all items that a member has of this person, empty where they are to be asked for.
  void weigh(const History& history, Workspace& workspace, std::span<const Given> given = {}) const {
    if (is_weighed(history, workspace)) return;
    auto& asked = workspace.outer_asked;
    asked.model = 0;
    auto& own = workspace.outer_own;
    auto& scales = workspace.outer_scales;
    if (workspace.outer_sums.size() < items_) workspace.outer_sums.resize(items_);
    if (workspace.outer_scores.size() < items_) workspace.outer_scores.resize(items_);
    const auto sums = std::span(workspace.outer_sums).first(items_), scores = std::span(workspace.outer_scores).first(items_);
    std::fill(sums.begin(), sums.end(), 0.0f);
    own.assign(history.items.size(), 0.0f);
    scales.assign(2 * members_.size(), 0.0f);
    for (std::size_t m = 0; m < members_.size(); ++m) {
      if (!says_something(m)) continue;
      if (m < given.size() && !given[m].empty()) std::transform(given[m].begin(), given[m].end(), scores.begin(), number_or_zero);
      else members_[m].model->score_all(history, workspace, scores);
      auto& own_scores = workspace.floats;
      if (own_scores.size() < history.items.size()) own_scores.resize(history.items.size());
      for (std::size_t n = 0; n < history.items.size(); ++n) own_scores[n] = std::exchange(scores[value(history.items[n])], 0.0f);
      const auto levels = levels_of(std::span(own_scores).first(history.items.size()), scores, config_.scale);
      const float own_scale = scales[2 * m] = scale(own_[m], levels.own), new_scale = scales[2 * m + 1] = scale(new_[m], levels.fresh);
      for (std::size_t n = 0; n < history.items.size(); ++n) own[n] += own_scale * own_scores[n];
      if (new_scale > 0) add_scaled(new_scale, scores, sums);
    }
    for (std::size_t n = 0; n < history.items.size(); ++n) sums[value(history.items[n])] = own[n];
    drop_below(least_evidence, sums);
    if (largest_above_zero(sums) > std::numeric_limits<float>::max()) std::replace(sums.begin(), sums.end(), std::numeric_limits<float>::infinity(), 0.0f);
    for (std::size_t n = 0; n < history.items.size(); ++n) own[n] = sums[value(history.items[n])];
    asked.items.assign(history.items.begin(), history.items.end());
    asked.weights.assign(history.weights.begin(), history.weights.end());
    asked.kinds.assign(history.kinds.begin(), history.kinds.end());
    asked.ages_us.assign(history.ages_us.begin(), history.ages_us.end());
    asked.bought.assign(history.bought.begin(), history.bought.end());
    asked.known = model::known_of(history);
    asked.model = id_;
  }

  const std::uint64_t id_ = next_id();
  BlendConfig config_;
  std::uint32_t items_;
  std::vector<BlendMember> members_;
  std::vector<float> own_, new_;
  bool inside_;
};

}  // namespace

namespace {

/// The squares of the scores beside `most`, the largest of them in size, in units of 2^-32: whole numbers, so that their sum is the same in any order.
std::uint64_t squares(std::span<const float> scores, float most) noexcept {
  std::uint64_t sum = 0;
  for (const float score : scores) {
    const float part = score / most;
    sum += static_cast<std::uint64_t>(part * part * 0x1p32f);
  }
  return sum;
}

float largest_in_size(std::span<const float> scores) noexcept {
  float out = 0;
  for (const float score : scores) out = std::max(out, std::abs(score));
  return out;
}

/// The root of the mean of `sum` squares over so many items.
float spread_of(double sum, float most, std::size_t items) noexcept { return static_cast<float>(static_cast<double>(most) * std::sqrt(sum * 0x1p-32 / static_cast<double>(items))); }

}  // namespace

Levels levels_of(std::span<const float> own, std::span<const float> fresh, BlendScale scale) noexcept {
  Levels out{.own = 0, .fresh = largest_above_zero(fresh)};
  out.own = out.fresh;
  for (const float score : own) out.own = std::max(out.own, score);
  if (scale == BlendScale::largest) return out;
  const float most = largest_in_size(fresh), most_own = std::max(most, largest_in_size(own));
  if (!(most_own < std::numeric_limits<float>::infinity())) return out;
  const double fresh_squares = most > 0 ? static_cast<double>(squares(fresh, most)) : 0;
  if (out.own > 0) {
    const double part = static_cast<double>(most) / static_cast<double>(most_own);
    out.own = spread_of(fresh_squares * part * part + static_cast<double>(squares(own, most_own)), most_own, fresh.size());
  }
  if (out.fresh > 0) out.fresh = spread_of(fresh_squares, most, fresh.size());
  return out;
}

std::shared_ptr<const BlendModel> make_blend(const BlendConfig& config, std::uint32_t items, std::vector<BlendMember> members,
                                             std::vector<float> own_weights, std::vector<float> new_weights, bool inside) {
  return std::make_shared<Blend>(config, items, std::move(members), std::move(own_weights), std::move(new_weights), inside);
}

std::shared_ptr<const BlendModel> read_blend(const model::SectionReader& reader, std::uint32_t item_count, const FindMember& find, const ReadMember& read) {
  const auto config = from_json<BlendConfig>(reader.config_json(), "blend");
  ByteReader names(reader.section("members"), "section 'members'");
  const auto count = names.get_varint();
  if (count == 0 || count > most_members) names.fail(std::to_string(count) + " members, where 1 to 64 are possible");
  const auto inside = names.get<std::uint8_t>();
  if (inside > 1) names.fail("a truth value is neither 0 nor 1");
  std::vector<BlendMember> members;
  for (std::size_t m = 0; m < count; ++m) {
    BlendMember member;
    member.name = names.get_text();
    const auto kind = names.get_text(), settings = names.get_text();
    const auto refuse = [&](const std::string& what) { throw Error(ErrorCode::malformed_input, "blend: member " + member.name, what, "a model that can be read"); };
    if (kind == "blend") refuse("is a blend itself");
    if (inside == 1) {
      try {
        member.model = read(kind, MemberReader(reader, m, std::string(settings)), item_count);
      } catch (const Error& error) {
        refuse(error.what());
      }
    } else {
      member.model = find(member.name);
    }
    if (member.model == nullptr) refuse("is not beside the blend");
    if (member.model->kind() != kind) refuse("is of kind " + std::string(member.model->kind()) + ", not " + std::string(kind));
    if (member.model->item_count() != item_count) refuse("has another number of items");
    members.push_back(std::move(member));
  }
  if (names.left() != 0) names.fail("more bytes follow the last member");
  std::vector<float> weights[2];
  const char* const sections[2]{"own_weights", "new_weights"};
  for (int part = 0; part < 2; ++part) {
    const auto stored = reader.array<float>(sections[part], static_cast<std::size_t>(count));
    weights[part].assign(stored.begin(), stored.end());
    for (const float weight : stored)
      if (!(weight >= 0 && weight < std::numeric_limits<float>::infinity()))
        throw Error(ErrorCode::malformed_input, std::string("section '") + sections[part] + "'", "holds " + std::to_string(weight), "weights that are finite and not negative");
  }
  return make_blend(config, item_count, std::move(members), std::move(weights[0]), std::move(weights[1]), inside == 1);
}

}  // namespace pannier::cf
