/// Models whose score is an inner product of a person's vector and an item's, and the exact search over them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "pannier/core/matrix.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::model {

/// Item vectors and the person's query. A bias is the last dimension.
/// Threads: Immutable: share freely.
class VectorModel {
 public:
  virtual ~VectorModel() = default;
  /// item_count x dimensions.
  [[nodiscard]] virtual MatrixView item_vectors() const noexcept = 0;
  /// Euclidean norm of each item's vector, rounded up so that |<q, v>| <= norm * |q| is proven in FP32.
  [[nodiscard]] virtual std::span<const float> item_norms() const noexcept = 0;
  /// True when the norms descend from item 0 on, as in a published generation: the search may stop early.
  [[nodiscard]] virtual bool norms_descend() const noexcept = 0;
  /// The person's vector into `out` (dimensions floats); in a fixed order of operations.
  virtual void query(const History& history, Workspace& workspace, std::span<float> out) const = 0;
};

/// The `count` items of largest fixed_dot(query, item), exact, ties by index, without those in `excluded` (sorted, unique) and
/// outside `allowed`. Scans blocks of items; where the norms descend it stops once norm * |query| is below the k-th score.
/// Returns how many were written.  Cost: memory speed over the touched items; no allocation on a warmed workspace.
std::size_t search_vectors(const VectorModel& model, std::span<const float> query, std::uint32_t count, const ItemSet* allowed,
                           std::span<const std::uint32_t> excluded, Workspace& workspace, std::span<Scored> out);

}  // namespace pannier::model
