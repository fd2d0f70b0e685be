#include <map>
#include <string>
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
  if (options.vectors.length != 0) inputs.vectors = path(options.vectors.data, options.vectors.length, "options.vectors");
  const auto users = array(options.users, options.user_file_count, "options.users");
  for (std::size_t i = 0; i < users.size(); ++i)
    inputs.users.push_back(path(users[i].data, users[i].length, "options.users[" + std::to_string(i) + "]"));
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
    auto told = report == nullptr ? c::defaults<pnr_train_report>() : c::read(report, "report");
    const auto inputs = c::to_inputs(wanted);
    const auto config = serve::train_config_from_json(c::text(wanted.config, "options.config"), "options.config");
    const auto done = serve::train(*store->value, inputs, config, run);
    if (report == nullptr) return;
    const auto lines_of = [](const std::map<std::string, data::ImportSummary::Cause>& causes) {
      std::uint64_t sum = 0;
      for (const auto& [cause, lines] : causes) sum += lines.lines;
      return sum;
    };
    c::copy_cut(done.generation, told.generation, sizeof told.generation);
    told.lines_read = done.read;
    told.ingested = done.ingested;
    told.duplicates = done.duplicates;
    told.dropped = lines_of(done.dropped);
    told.users = done.users;
    told.items = done.items;
    told.seconds = done.seconds;
    told.peak_rss_mb = done.peak_rss_mb;
    told.items_dropped = lines_of(done.items_dropped);
    told.people_read = done.people.read;
    told.people_kept = done.people.kept;
    told.people_changed = done.people.changed;
    told.people_dropped = lines_of(done.people.dropped);
    c::write_struct(told, report);
  });
}

void pnr_store_free(pnr_store* store) { delete store; }

}  // extern "C"
