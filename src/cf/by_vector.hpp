/// What a model whose score is an inner product answers once it knows the person's vector: shared by the models of this folder.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "pannier/model/recommender.hpp"
#include "pannier/model/vectors.hpp"

namespace pannier::cf::by_vector {

/// The vector's length, rounded up.
[[nodiscard]] float norm_of(std::span<const float> vector) noexcept;

/// The answer to Recommender::recommend(). `query` is empty where there is no evidence, and then nothing is found.
std::size_t recommend(const model::VectorModel& model, std::span<const float> query, const model::History& history, const model::Ask& ask,
                      model::Workspace& workspace, std::span<Scored> out);

/// The answers to Recommender::score() and score_all(); an empty query scores 0.
void score(const model::VectorModel& model, std::span<const float> query, std::span<const ItemIndex> candidates, std::span<float> out);
void score_all(const model::VectorModel& model, std::span<const float> query, std::span<float> out);

/// The items of largest cosine over the first `dimensions` numbers of the items' vectors, whose lengths are `norms`; those without a length are left out.
/// Uses workspace.floats.
std::size_t similar(const model::VectorModel& model, std::size_t dimensions, std::span<const float> norms, ItemIndex item, const model::Ask& ask,
                    model::Workspace& workspace, std::span<Scored> out);

/// A row of a matrix of histories, and its number, into the person's vector; false where it holds no evidence.
using FoldInRow = std::function<bool(std::size_t row, std::span<const std::uint32_t> columns, std::span<const float> weights, model::Workspace& workspace, std::span<float> out)>;

/// The answer to Recommender::recommend_batch(), which has been checked: in the bits of single calls, by tiles of people and items, or, where the model has no norms,
/// by single searches.
/// Memory: some 400 queries a thread and, where norms do not descend and there are many people, one copy of the item vectors; fewer than a quarter allowed are copied alone.
void recommend_batch(const model::VectorModel& model, const CsrView& histories, const model::Ask& ask, const Execution& execution, const FoldInRow& fold_in,
                     std::span<ItemIndex> items, std::span<float> scores);

}  // namespace pannier::cf::by_vector
