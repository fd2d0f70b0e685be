#include <limits>

#include "batch.hpp"
#include "guard.hpp"
#include "handles.hpp"

namespace {

using namespace pannier;

/// A dense matrix handed in, by rows. Errors: invalid_argument (null with a size, a size that memory cannot hold).
MatrixView matrix(const float* data, std::uint64_t rows, std::uint64_t cols, std::string_view name) {
  if (cols != 0 && rows > std::numeric_limits<std::size_t>::max() / sizeof(float) / cols)
    throw Error(ErrorCode::invalid_argument, std::string(name), "has " + std::to_string(rows) + " rows of " + std::to_string(cols), "what memory can hold");
  const auto numbers = c::array(data, static_cast<std::size_t>(rows * cols), name);
  return {numbers.data(), static_cast<std::size_t>(rows), static_cast<std::size_t>(cols), static_cast<std::size_t>(cols)};
}

}  // namespace

extern "C" {

pnr_status pnr_vector_index_build(const float* vectors, uint64_t item_count, uint64_t dimensions, const float* bias, int32_t threads,
                                  pnr_vector_index** index, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(index, "index");
    const auto given = matrix(vectors, item_count, dimensions, "vectors");
    *index = new pnr_vector_index{retrieval::NormIndex(given, bias == nullptr ? std::span<const float>() : std::span(bias, given.rows), {.threads = threads})};
  });
}

pnr_status pnr_vector_index_search(const pnr_vector_index* index, const float* queries, uint64_t rows, const pnr_ask* ask, uint32_t* items, float* scores,
                                   pnr_error* error) {
  return c::guard(error, [&] {
    c::require(index, "index");
    c::require(items, "items");
    c::require(scores, "scores");
    const auto& value = index->value;
    const auto given = matrix(queries, rows, value.query_size(), "queries");
    c::Batch batch(ask, static_cast<std::uint32_t>(value.item_count()), given.rows);
    value.search_batch(given, {.count = batch.ask.count, .allowed = batch.ask.allowed}, batch.execution, batch.columns, batch.scores);
    batch.hand_out(items, scores);
  });
}

uint64_t pnr_vector_index_item_count(const pnr_vector_index* index) { return index == nullptr ? 0 : index->value.item_count(); }
uint64_t pnr_vector_index_dimensions(const pnr_vector_index* index) { return index == nullptr ? 0 : index->value.query_size(); }
void pnr_vector_index_free(pnr_vector_index* index) { delete index; }

}  // extern "C"
