#include <filesystem>
#include <iostream>
#include <optional>

#include "pannier/serve/train.hpp"
#include "report.hpp"

namespace pannier::cli {
namespace {

/// A CSV table that --drop-items reads: its column item counts, the others say why.
std::string drop_list(const std::vector<std::string>& known, const std::vector<data::NoProduct>& found) {
  std::string text = "item,name,lines,why\n";
  for (const auto& item : known) text += csv_field(item) + ",,,named by --drop-items\n";
  for (const auto& code : found) text += csv_field(code.item) + ',' + csv_field(code.name) + ',' + std::to_string(code.lines) + ',' + csv_field(code.why) + '\n';
  return text;
}

}  // namespace

void add_train(CLI::App& app, Commands& commands) {
  auto& command = add_command(app, commands, "train",
                              "Take in event files, fit the configured models, publish one generation");
  struct Options {
    std::string store, items, vectors, config, report, write_drop_items;
    std::vector<std::string> events, users;
    ImportFlags import;
  };
  auto options = std::make_shared<Options>();
  command.app->add_option("--store", options->store, "Folder of the store; made when absent, by --events")->required();
  command.app->add_option("--events", options->events,
                          "Event files, CSV, TSV or JSON lines, plain or .gz, - for standard input; without: train on what the store holds");
  command.app->add_option("--items", options->items, "Items file: item, name, category, brand, price, stock, ...");
  command.app->add_option("--users", options->users, "Users files: user, perhaps source, and whatever else is known of people");
  command.app->add_option("--vectors", options->vectors, "Item vectors from elsewhere, an .npz file: ids, vectors and perhaps bias, for the model vectors");
  command.app->add_option("--config", options->config, "JSON file: {\"events\": {...}, \"models\": [...], \"serving\": {}}");
  command.app->add_option("--report", options->report, "HTML file: one page with what was read, sold, learnt and measured");
  command.app->add_option("--write-drop-items", options->write_drop_items,
                          "File to write: the codes that look like no products, as --drop-items reads them, below those of --drop-items");
  options->import.add_to(*command.app);
  command.run = [&command, options] {
    serve::TrainInputs inputs;
    inputs.import = options->import.options();
    const auto config = read_config(options->config);
    for (const auto& file : {options->report, options->write_drop_items})
      if (!file.empty()) require_writable(file);
    require_inputs(options->events, options->items, options->users);
    if (!options->vectors.empty() && !std::filesystem::exists(options->vectors)) throw Error(ErrorCode::not_found, options->vectors, "there is no such file");
    inputs.events.assign(options->events.begin(), options->events.end());
    inputs.items = options->items;
    inputs.vectors = options->vectors;
    inputs.users.assign(options->users.begin(), options->users.end());
    const auto store = store::Store::open(
        options->store, options->events.empty() ? store::Store::Mode::read_write : store::Store::Mode::create);
    std::optional<ReportCollector> collector;
    if (!options->report.empty()) {
      collector.emplace(options->events, config, command.control());
      inputs.inspect = collector->hook(store);
    }
    const auto report = serve::train(*store, inputs, config, command.control());
    if (!options->write_drop_items.empty()) write_text(options->write_drop_items, drop_list(inputs.import.drop_items, report.no_products));
    if (collector) write_text(options->report, report_page(collector->finish(store, report)));

    if (command.json) {
      std::cout << serve::to_json(report) << '\n';
      return;
    }
    std::cout << "read " << counted(report.read, "record") << ": " << counted(report.ingested, "new event") << ", "
              << grouped(report.duplicates) << " known already\n"
              << describe_dropped(report.dropped) << describe_noted(report.noted, report.proposals) << describe_no_products(report.no_products)
              << describe_stays(report.proposals);
    if (!options->write_drop_items.empty())
      std::cout << "  wrote " << grouped(inputs.import.drop_items.size() + report.no_products.size()) << " codes to " << options->write_drop_items
                << ": take out what is a product, and train again with --drop-items " << options->write_drop_items << '\n';
    if (const auto left_out = describe_dropped(report.items_dropped); !left_out.empty()) std::cout << "of " << options->items << '\n' << left_out;
    if (!options->items.empty())
      std::cout << "of the items file " << grouped(report.items_without_events) << " without an event; not in it " << grouped(report.items_not_in_file) << " of the events' items\n";
    if (report.events_left_out != 0) std::cout << "left out of training " << counted(report.events_left_out, "event") << " about items of --drop-items\n";
    else if (report.read != 0 && !inputs.import.drop_items.empty() && !report.dropped.contains("dropped_item") && store->generations().size() == 1)  // Later files need not hold them again.
      std::cout << "--drop-items names no item of the log: are its codes written as there?\n";
    if (const auto& vectors = report.vectors; vectors.read != 0)
      std::cout << "vectors of " << grouped(vectors.read) << " items, " << vectors.dimensions << (vectors.bias ? " numbers and a bias each: " : " numbers each: ")
                << grouped(vectors.unknown_items) << " left out, which neither events nor the catalogue name; " << grouped(vectors.without_events)
                << " without an event; " << grouped(vectors.items_without_vector) << " of the events' items have none\n";
    if (!options->users.empty()) std::cout << describe_people(report.people);
    for (const auto& [back, whose] : {std::pair(report.cancellations_of_people, "of known people"), std::pair(report.cancellations, "without a person")})
      if (const auto lines = back.whole + back.in_part + back.unmatched; lines != 0)
        std::cout << counted(lines, "cancellation") << ' ' << whose << ": " << grouped(back.whole) << " matched, " << grouped(back.in_part) << " in part, "
                  << grouped(back.unmatched) << " cancelling no purchase of the log\n";
    std::cout << "trained on " << counted(report.users, "person", "people") << ", ";
    if (report.orders_without_person != 0) std::cout << grouped(report.orders_without_person) << " orders without one, ";
    std::cout << counted(report.items, "item") << ':';
    for (const auto& model : report.models) std::cout << ' ' << model.name << ' ' << number(model.seconds, 2) << " s";
    std::cout << "\npublished generation " << report.generation << " in " << options->store << " after "
              << number(report.seconds, 1) << " s, " << number(report.peak_rss_mb, 0) << " MB at most\n";
    if (collector) std::cout << "report: " << options->report << '\n';
  };
}

}  // namespace pannier::cli
