/// Rankings by inner product where both sides' vectors are the caller's own.
#pragma once

#include <span>

#include "pannier/core/execution.hpp"
#include "pannier/core/ids.hpp"
#include "pannier/core/matrix.hpp"
#include "pannier/model/recommender.hpp"

namespace pannier::cf {

/// For each row of `queries` the `ask.count` rows of `vectors` whose fixed_dot with it is largest, best first, ties by index: row r fills items[r*count ..) and
/// scores[r*count ..), padded with no_item and 0. ask.allowed, ask.row_allowed and ask.row_denied filter; a score that is not a number is left out.
///
/// Shapes:  both are rows x the same number of columns; both outputs have queries.rows * ask.count entries. 2^32 - 2 vectors at most.
/// Cost:    as a batch of a model with vectors, by tiles of queries and vectors, or, below sixteen queries, a scan of the vectors each. Nothing is kept between calls: the
///          caller may have changed the vectors. Memory: a copy of the vectors where there are many queries, else of some queries.
/// Repeats: the bits of single queries for any number of threads and at every SIMD level.
/// Errors:  invalid_argument (shapes, lists as in model::Ask), out_of_memory; outputs may have been written.
void rank_rows(const MatrixView& queries, const MatrixView& vectors, const model::Ask& ask, const Execution& execution, std::span<ItemIndex> items, std::span<float> scores);

}  // namespace pannier::cf
