#include <vector>

#include "control.hpp"
#include "guard.hpp"
#include "handles.hpp"
#include "pannier/serve/train.hpp"

namespace pannier::c {
namespace {

serve::TrainInputs to_inputs(const pnr_train_options& options) {
  serve::TrainInputs inputs;
  const auto files = array(options.events, options.event_count, "options.events");
  for (std::size_t i = 0; i < files.size(); ++i)
    inputs.events.push_back(path(files[i].data, files[i].length, "options.events[" + std::to_string(i) + "]"));
  if (options.items.length != 0) inputs.items = path(options.items.data, options.items.length, "options.items");
  if (const auto map = text(options.map, "options.map"); !map.empty())
    inputs.import = data::import_options({.map = std::string(map)});
  if (const auto kind = text(options.kind, "options.kind"); !kind.empty()) {
    inputs.import.constant_kind = data::event_kind(kind);
    if (!inputs.import.constant_kind)
      throw Error(ErrorCode::invalid_argument, "options.kind", "'" + std::string(kind) + "' is no kind of event",
                  "view_item, add_to_cart, purchase, ...");
  }
  if (flag(options.skip_bad_lines, "options.skip_bad_lines")) inputs.import.on_error = data::OnError::skip;
  require_reserved(options.reserved, "options.reserved");
  return inputs;
}

}  // namespace
}  // namespace pannier::c

using namespace pannier;

extern "C" {

pnr_status pnr_store_open(const char* folder, size_t folder_length, pnr_mode mode, pnr_store** store, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(store, "store");
    if (mode < PNR_MODE_CREATE || mode > PNR_MODE_READ_ONLY)
      throw Error(ErrorCode::invalid_argument, "mode", "is " + std::to_string(mode), "PNR_MODE_CREATE to PNR_MODE_READ_ONLY");
    *store = new pnr_store{
        store::Store::open(c::path(folder, folder_length, "folder"), static_cast<store::Store::Mode>(mode))};
  });
}

pnr_status pnr_store_verify(const pnr_store* store, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(store, "store");
    const auto report = store->value->verify();
    for (const auto& generation : report.generations)
      if (!generation.ok)
        throw Error(ErrorCode::malformed_input, generation.id, generation.errors.empty() ? "is damaged" : generation.errors.front());
    if (!report.people_ok)
      throw Error(ErrorCode::malformed_input, "people", report.people_errors.empty() ? "is damaged" : report.people_errors.front());
  });
}

pnr_status pnr_store_current(const pnr_store* store, char* out, size_t capacity, size_t* needed, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(store, "store");
    const auto current = store->value->current();
    if (!current)
      throw Error(ErrorCode::not_found, store->value->folder().string(), "has no generation yet", "a store that was trained");
    c::copy_out(*current, out, capacity, needed);
  });
}

pnr_status pnr_store_train(pnr_store* store, const pnr_train_options* options, const pnr_control* control,
                           pnr_train_report* report, pnr_error* error) {
  return c::guard(error, [&] {
    c::require(store, "store");
    const auto attempt = store->value->attempt();
    const auto wanted = c::read(options, "options");
    const auto run = c::to_control(control);
    if (report != nullptr) static_cast<void>(c::read(report, "report"));
    const auto inputs = c::to_inputs(wanted);
    const auto config = serve::train_config_from_json(c::text(wanted.config, "options.config"), "options.config");
    const auto done = serve::train(*store->value, inputs, config, run);
    if (report == nullptr) return;
    c::copy_cut(done.generation, report->generation, sizeof report->generation);
    report->lines_read = done.read;
    report->ingested = done.ingested;
    report->duplicates = done.duplicates;
    report->dropped = 0;
    for (const auto& [cause, lines] : done.dropped) report->dropped += lines.lines;
    report->users = done.users;
    report->items = done.items;
    report->seconds = done.seconds;
    report->peak_rss_mb = done.peak_rss_mb;
    report->items_dropped = 0;
    for (const auto& [cause, lines] : done.items_dropped) report->items_dropped += lines.lines;
  });
}

void pnr_store_free(pnr_store* store) { delete store; }

}  // extern "C"
