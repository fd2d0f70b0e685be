#include "pannier/cf/rank_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cf/by_vector.hpp"
#include "pannier/core/error.hpp"
#include "pannier/core/simd.hpp"

namespace pannier::cf {
namespace {

constexpr std::size_t fewest_for_norms = 16;   ///< With fewer queries a scan each costs less than the norms.
constexpr std::size_t norms_a_block = 4096;

/// The caller's vectors. Without norms every query scans them.
class Borrowed final : public model::VectorModel {
 public:
  Borrowed(const MatrixView& vectors, std::span<const float> norms) : vectors_(vectors), norms_(norms) {}
  [[nodiscard]] MatrixView item_vectors() const noexcept override { return vectors_; }
  [[nodiscard]] std::span<const float> item_norms() const noexcept override { return norms_; }
  [[nodiscard]] bool norms_descend() const noexcept override { return false; }
  void query(const model::History&, model::Workspace&, std::span<float> out) const override { std::ranges::fill(out, 0.0f); }  // Nobody has a history here.

 private:
  MatrixView vectors_;
  std::span<const float> norms_;
};

/// At least the vector's length. A sum of squares in the fixed order passes ceil(d / 16) + 5 roundings (src/model/vectors.cpp), none of which can make it smaller by more than
/// their share, and squares that underflow.
float length_bound(std::span<const float> vector) {
  const auto d = static_cast<double>(vector.size());
  const double roundings = (std::ceil(d / 16) + 5) * 0x1p-24;
  const double length = std::sqrt(static_cast<double>(fixed_dot(vector, vector)) * (1 + roundings / (1 - 2 * roundings)) + d * 0x1p-149) * (1 + 0x1p-40);
  return std::nextafter(static_cast<float>(length), std::numeric_limits<float>::infinity());
}

}  // namespace

void rank_rows(const MatrixView& queries, const MatrixView& vectors, const model::Ask& ask, const Execution& execution, std::span<ItemIndex> items, std::span<float> scores) {
  if (queries.cols != vectors.cols)
    throw Error(ErrorCode::invalid_argument, "queries", "have " + std::to_string(queries.cols) + " columns", "those of the vectors, " + std::to_string(vectors.cols));
  if (vectors.rows >= std::numeric_limits<std::uint32_t>::max())
    throw Error(ErrorCode::invalid_argument, "vectors", "are " + std::to_string(vectors.rows), "at most 4294967294");
  model::require_valid_rows(ask, queries.rows, static_cast<std::uint32_t>(vectors.rows), items, scores);
  std::vector<float> norms;
  if (queries.rows >= fewest_for_norms && ask.row_allowed == nullptr) {
    norms.resize(vectors.rows);
    parallel_blocks(execution, vectors.rows, norms_a_block, [&](std::size_t begin, std::size_t end, std::size_t) {
      for (std::size_t i = begin; i < end; ++i) norms[i] = length_bound(vectors.row(i));
    });
  }
  const std::vector<std::int64_t> no_entries(queries.rows + 1, 0);
  const CsrView no_histories{.rows = queries.rows, .cols = vectors.rows, .offsets = no_entries, .columns = {}, .values = {}};
  auto without_history = ask;
  without_history.exclude_history = false;
  by_vector::recommend_batch(Borrowed(vectors, norms), no_histories, without_history, execution,
                             [&](std::size_t row, std::span<const std::uint32_t>, std::span<const float>, model::Workspace&, std::span<float> out) {
                               std::ranges::copy(queries.row(row), out.begin());
                               return true;
                             },
                             items, scores);
}

}  // namespace pannier::cf
