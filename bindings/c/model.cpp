#include <limits>

#include "../common/batch.hpp"
#include "batch.hpp"
#include "control.hpp"
#include "guard.hpp"
#include "handles.hpp"
#include "pannier/serve/registry.hpp"

namespace pannier::c {
namespace {

CsrView to_csr(const pnr_csr* given, const std::string& name) {
  const auto read = c::read(given, name);
  if (read.rows >= std::numeric_limits<std::size_t>::max() / sizeof(std::int64_t))
    throw Error(ErrorCode::invalid_argument, name + ".rows", "is " + std::to_string(read.rows), "a number of rows that memory can hold");
  const auto rows = static_cast<std::size_t>(read.rows);
  const auto nonzeros = static_cast<std::size_t>(read.nonzeros);
  return {.rows = rows,
          .cols = static_cast<std::size_t>(read.cols),
          .offsets = array(read.offsets, rows + 1, name + ".offsets"),
          .columns = array(read.columns, nonzeros, name + ".columns"),
          .values = array(read.values, nonzeros, name + ".values")};
}

}  // namespace
}  // namespace pannier::c

using namespace pannier;

extern "C" {

pnr_status pnr_model_fit(const char* name, size_t name_length, const char* config_json, size_t config_length,
                         const pnr_csr* events, const pnr_control* control, pnr_model** model, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(model, "model");
    auto fitted = serve::fit_model(c::text(name, name_length, "name"), c::text(config_json, config_length, "config_json"),
                                   c::to_csr(events, "events"), c::to_control(control));
    *model = new pnr_model{std::move(fitted.model)};
  });
}

pnr_status pnr_model_recommend(const pnr_model* model, const pnr_csr* histories, const pnr_ask* ask, uint32_t* columns,
                               float* scores, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(model, "model");
    c::require(columns, "columns");
    c::require(scores, "scores");
    const auto rows = c::to_csr(histories, "histories");
    c::Batch batch(ask, model->value->item_count(), rows.rows);
    model->value->recommend_batch(rows, batch.ask, batch.execution, batch.columns, batch.scores);
    batch.hand_out(columns, scores);
  });
}

pnr_status pnr_model_similar(const pnr_model* model, const uint32_t* items, size_t item_count, const pnr_ask* ask,
                             uint32_t* columns, float* scores, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(model, "model");
    c::require(columns, "columns");
    c::require(scores, "scores");
    const auto rows = c::array(items, item_count, "items");
    c::Batch batch(ask, model->value->item_count(), rows.size());
    bindings::similar_batch(*model->value, rows, batch.ask, batch.execution, batch.columns, batch.scores);
    batch.hand_out(columns, scores);
  });
}

uint64_t pnr_model_item_count(const pnr_model* model) { return model == nullptr ? 0 : model->value->item_count(); }

pnr_status pnr_model_save(const pnr_model* model, const char* path, size_t path_length, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(model, "model");
    serve::save_model(*model->value, c::path(path, path_length, "path"));
  });
}

pnr_status pnr_model_load(const char* path, size_t path_length, pnr_model** model, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(model, "model");
    *model = new pnr_model{serve::load_model(c::path(path, path_length, "path"))};
  });
}

void pnr_model_free(pnr_model* model) { delete model; }

}  // extern "C"
