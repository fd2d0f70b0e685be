/// Training as one straight line: check, ingest, scan, weigh, fit, order, publish. Nothing is published before all of it went
/// well; the people store changes only at the one commit after every file was read to its end.
#include "pannier/serve/train.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "data/item_folding.hpp"
#include "data/line_faults.hpp"
#include "pannier/core/time.hpp"
#include "pannier/core/version.hpp"
#include "pannier/data/event_log.hpp"
#include "pannier/data/interaction_matrix.hpp"
#include "pannier/data/orders.hpp"
#include "pannier/data/split.hpp"
#include "pannier/evaluate/protocol.hpp"
#include "pannier/model/vectors.hpp"
#include "pannier/serve/registry.hpp"
#include "serve/holdout_cut.hpp"
#include "serve/other_reading.hpp"
#include "serve/train_vectors.hpp"

namespace pannier::serve {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// The same control, with progress of whatever stage told under `stage`.
FitControl with_stage(const FitControl& control, std::string_view stage) {
  auto out = control;
  if (control.progress)
    out.progress = [&control, stage = std::string(stage)](const Progress& inner) {
      control.progress({.stage = stage, .done = inner.done, .total = inner.total});
    };
  return out;
}

bool is_evidence(const data::Event& event, const data::WeightingConfig& weighting) {
  return weighting.weights[static_cast<std::size_t>(event.kind)] > 0 && !event.item.empty();
}

/// Also tells what was left out, which is often why.
[[noreturn]] void refuse_without_evidence(const TrainReport& report) {
  std::string left_out;
  for (const auto& [cause, lines] : report.dropped)
    left_out += "; left out " + std::to_string(lines.lines) + " of " + std::to_string(report.read) + " lines: " + cause + ", first: " + lines.example;
  if (report.events_left_out != 0) left_out += "; of the store's events " + std::to_string(report.events_left_out) + " are about items of drop_items";
  throw Error(ErrorCode::invalid_argument, "events", "hold no event of positive weight about an item that was not given back" + left_out,
              "at least one (see \"events\".\"weights\" of the config)");
}

/// Takes the users files in, after the events of the same transaction.
void ingest_users(store::PeopleStore::Transaction& transaction, const TrainInputs& inputs, const FitControl& control, PeopleRead& report) {
  for (const auto& file : inputs.users) {
    store::ProfileCounts counts;
    const auto summary = data::read_profiles(
        file, inputs.import.on_error,
        [&](std::span<const data::Profile> profiles) {
          const auto more = transaction.put_profiles(profiles);
          counts.changed += more.changed;
          counts.with_events += more.with_events;
        },
        with_stage(control, "reading users"));
    report.read += summary.read;
    report.kept += summary.given;
    report.changed += counts.changed;
    report.with_events += counts.with_events;
    data::add_causes(summary.dropped, report.dropped);
    if (summary.given > 0 && counts.with_events == 0)
      report.proposals.push_back("none of the people of " + file.filename().string() + " has an event: are its users named as those of the events are?");
  }
}

/// The same bytes, read by other options, become other events beside those that the store has: every sale would count twice. Nothing is said where
/// all events known are found again (lines with an event_id, more words for kinds).
void refuse_other_reading(store::PeopleStore::Transaction& transaction, const std::filesystem::path& file, const data::ImportOptions& import, const store::AppendCounts& counts) {
  const auto content = data::content_key(file);
  if (!content) return;
  const store::FileReading now{.events = counts.ingested + counts.duplicates, .options = kept_options(import)};
  const auto before = transaction.reading(*content);
  if (before && before->options != now.options && counts.ingested > 0 && counts.duplicates < before->events)
    throw Error(ErrorCode::invalid_argument, file.string(),
                "this store has taken in the same file by other options (" + told_difference(import, before->options) + "): read so, " +
                    std::to_string(counts.ingested) + " of its " + std::to_string(now.events) + " events are new to the store, and of the " + std::to_string(before->events) +
                    " of the first time " + std::to_string(counts.duplicates) + " are found again: the new ones would stand beside them",
                "the options of the first time, or a new store");
  if (before != now) transaction.keep_reading(*content, now);
}

void ingest(store::PeopleStore& people, const TrainInputs& inputs, const TrainConfig& config, const FitControl& control, TrainReport& report) {
  const bool was_empty = people.event_count() == 0;
  bool evidence = false;
  const auto transaction = people.begin();
  auto import = inputs.import;
  if (import.currency.empty()) import.currency = people.currency();
  store::AppendCounts of_file;
  auto summary = data::read_event_files(
      inputs.events, import,
      [&](std::span<const data::ImportedEvent> events) {
        const auto counts = transaction->append(events);
        of_file.ingested += counts.ingested;
        of_file.duplicates += counts.duplicates;
        for (std::size_t i = 0; i < events.size() && !evidence; ++i) evidence = is_evidence(events[i].event, config.events);
      },
      with_stage(control, "reading events"),
      [&](const std::filesystem::path& file) {
        refuse_other_reading(*transaction, file, inputs.import, of_file);
        report.ingested += of_file.ingested;
        report.duplicates += of_file.duplicates;
        of_file = {};
      });
  report.read = summary.read;
  report.dropped = std::move(summary.dropped);
  report.noted = std::move(summary.noted);
  report.proposals = std::move(summary.proposals);
  report.no_products = std::move(summary.no_products);
  if (was_empty && !evidence) refuse_without_evidence(report);
  if (!inputs.events.empty() && !summary.currency.empty()) transaction->set_currency(summary.currency);
  ingest_users(*transaction, inputs, control, report.people);
  checkpoint(control, "ingesting", 0, 1);
  transaction->commit();
  checkpoint(control, "ingesting", 1, 1);
}

/// The last live change of the catalogue that the current generation has.
std::int64_t catalog_until(const store::Store& store) {
  const auto current = store.current();
  return current ? store.open_generation(*current, model::Check::structure)->info().catalog_until : 0;
}

/// Puts the fields of live changes into the catalogue; those of an items file stay where it gives them.
void take_over_changes(const std::vector<store::ItemChange>& changes, bool file_wins, data::Catalog& catalog) {
  const auto put = [](const data::CatalogItem& from, data::CatalogItem& into) {
    for (const auto field : {&data::CatalogItem::name, &data::CatalogItem::category, &data::CatalogItem::brand, &data::CatalogItem::image})
      if (!(from.*field).empty()) into.*field = from.*field;
    for (const auto field : {&data::CatalogItem::price, &data::CatalogItem::stock})
      if (!std::isnan(from.*field)) into.*field = from.*field;
    for (const auto& [name, text] : from.attributes) {
      const auto known = std::find_if(into.attributes.begin(), into.attributes.end(), [&](const auto& other) { return other.first == name; });
      if (known == into.attributes.end()) into.attributes.emplace_back(name, text);
      else known->second = text;
    }
  };
  for (const auto& change : changes) {
    const auto* known = catalog.find(item_key(change.item.id));
    auto item = change.item;
    if (known != nullptr && file_wins) {
      put(*known, item);
    } else if (known != nullptr) {
      item = *known;
      put(change.item, item);
    }
    catalog.upsert(std::move(item));
  }
}

/// What the current generation knows of its items, or nothing.
data::Catalog carried_catalog(const store::Store& store) {
  const auto current = store.current();  // Damaged, it is refused as it is: only a roll back mends it.
  if (!current) return {};
  std::shared_ptr<const store::Generation> generation;
  try {
    generation = store.open_generation(*current, model::Check::full);
  } catch (const Error& error) {
    throw Error(error.code(), error.where(), error.problem(), "a sound current generation to carry the catalogue over from, or an items file");
  }
  return store::catalog_of(generation->items());
}

/// True when nothing but a name is known: an item that came from events.
bool name_alone(const data::CatalogItem& item) {
  return item.category.empty() && item.brand.empty() && item.image.empty() && std::isnan(item.price) && std::isnan(item.stock) &&
         item.attributes.empty();
}

/// The name that each item of a log had last, by time (a store hands out events by person).
class LastNames {
 public:
  void see(std::uint32_t item, std::int64_t time_us, std::string_view text) {
    if (item == value(no_item) || text.empty()) return;
    if (item >= names_.size()) names_.resize(item + 1u);
    auto& name = names_[item];
    if (time_us < name.time_us) return;
    name.time_us = time_us;
    if (name.text != text) name.text = text;
  }
  [[nodiscard]] std::string_view of(std::uint32_t item) const { return item < names_.size() ? std::string_view(names_[item].text) : std::string_view{}; }

 private:
  struct Name {
    std::int64_t time_us = 0;
    std::string text;
  };
  std::vector<Name> names_;
};

/// The log's items in its order, with all that is known of each.
std::vector<data::CatalogItem> describe_items(const data::EventLog& log, const LastNames& names, const data::Catalog& catalog, bool carried) {
  std::vector<data::CatalogItem> out;
  out.reserve(log.item_count());
  for (std::uint32_t i = 0; i < log.item_count(); ++i) {
    const auto id = log.item_id(ItemIndex{i});
    const auto seen = names.of(i);
    const auto* known = catalog.find(item_key(id));
    data::CatalogItem item = known != nullptr ? *known : data::CatalogItem{};
    if (known == nullptr) item.id = id;
    if (!seen.empty() && (item.name.empty() || (carried && name_alone(item)))) item.name = seen;
    out.push_back(std::move(item));
  }
  return out;
}

/// Fitted indices by descending norm of the vector model's items, ties by index; as they are without one.
std::vector<ItemIndex> norm_order(std::uint32_t items, std::span<const FittedModel> models) {
  std::vector<ItemIndex> order(items);
  for (std::uint32_t i = 0; i < items; ++i) order[i] = ItemIndex{i};
  for (const auto& fitted : models) {
    const auto* vectors = fitted.model->vectors();
    if (vectors == nullptr) continue;
    const auto norms = vectors->item_norms();
    std::sort(order.begin(), order.end(), [&](ItemIndex a, ItemIndex b) {
      const float x = norms[value(a)], y = norms[value(b)];
      return x != y ? x > y : value(a) < value(b);
    });
    break;
  }
  return order;
}

/// Leaves held-out items out that the person's training row has too (they cannot be ranked); true when some are left.
bool drop_seen(const Csr& train, Csr& test) {
  Csr kept{.rows = test.rows, .cols = test.cols, .offsets = {0}, .columns = {}, .values = {}};
  for (std::size_t row = 0; row < test.rows; ++row) {
    const auto seen = CsrView(train).row_columns(row);
    for (const auto item : CsrView(test).row_columns(row))
      if (!std::binary_search(seen.begin(), seen.end(), item)) kept.columns.push_back(item), kept.values.push_back(1);
    kept.offsets.push_back(static_cast<std::int64_t>(kept.columns.size()));
  }
  test = std::move(kept);
  return !test.columns.empty();
}

/// Category path of each of the log's items, "" where unknown; none where no item has one. Borrowed from the catalogue.
std::vector<std::string_view> categories_of(const data::EventLog& log, const data::Catalog& catalog) {
  std::vector<std::string_view> out;
  bool known_any = false;
  for (std::uint32_t i = 0; i < log.item_count(); ++i) {
    const auto* known = catalog.find(item_key(log.item_id(ItemIndex{i})));
    out.push_back(known != nullptr ? std::string_view(known->category) : std::string_view{});
    known_any = known_any || !out.back().empty();
  }
  if (!known_any) out.clear();
  return out;
}

/// Where no item of a file has a name and a column looks like one: which. An items file has no map; its columns are called as the fields are.
std::string propose_name(const data::Catalog& catalog, const std::filesystem::path& file) {
  static constexpr std::array<std::string_view, 10> words{"title", "item_name", "itemname", "product_name", "productname", "product", "label", "description", "designation", "bezeichnung"};
  std::string found;
  for (const auto& item : catalog.items()) {
    if (!item.name.empty()) return {};
    for (const auto& [attribute, text] : item.attributes) {
      auto lower = attribute;
      std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c); });
      if (found.empty() && (lower == "name" || std::find(words.begin(), words.end(), lower) != words.end())) found = attribute;
    }
  }
  return found.empty() ? found : file.filename().string() + " has no column name, so items are shown by their ids: if its column " + found + " holds their names, call it name";
}

/// What the store knows of people, each read once.
class PeopleAttributes {
 public:
  explicit PeopleAttributes(const store::PeopleStore& people) : people_(people) {}
  void of(const UserKey& user, std::vector<data::Attribute>& out) {
    const auto [known, added] = read_.try_emplace(user);
    if (added) known->second = people_.attributes(user);
    for (const auto& attribute : known->second) out.push_back({attribute.name, attribute.value});
  }

 private:
  struct Hash {
    std::size_t operator()(const UserKey& key) const noexcept { return static_cast<std::size_t>(key.low); }   // A hash itself.
  };
  const store::PeopleStore& people_;
  std::unordered_map<UserKey, std::vector<store::PersonAttribute>, Hash> read_;
};

/// Fits every model without the last event of each person and measures how well it finds that event's item.
void measure_quality(const data::EventLog& log, const data::Catalog& catalog, const FitData& known, const TrainConfig& config, const FitControl& control, TrainReport& report) {
  auto split = data::split_last_out(log, config.events);
  if (!drop_seen(split.train, split.test)) return;
  if (!has_weight(split.train)) return;
  const auto orders = data::build_order_rows(split.log, config.events, split.now_us, control);
  const auto categories = categories_of(split.log, catalog);
  auto data = fit_data_of(split, orders, config.events);
  data.categories = categories;
  data.catalog = &catalog;
  data.user_attributes = known.user_attributes;
  data.vectors = known.vectors;
  std::vector<Sibling> siblings;
  for (std::size_t i = 0; i < config.models.size(); ++i) {
    const auto& request = config.models[i];
    const auto staged = with_stage(control, "evaluating " + request.name);
    data.siblings = siblings;
    const auto fitted = fit_model(request.name, request.config_json, data, staged);
    siblings.push_back({request.name, request.config_json, fitted.model});
    report.models[i].metrics = evaluate::evaluate(*fitted.model, split, {}, staged).metrics;
  }
}

}  // namespace

TrainReport train(store::Store& store, const TrainInputs& inputs, const TrainConfig& given, const FitControl& control) {
  const auto start = Clock::now();
  if (store.read_only())
    throw Error(ErrorCode::read_only, store.folder().string(), "was opened read-only, so it cannot be trained", "a store opened for writing");
  const auto attempt = store.attempt();
  const bool has_vectors = !inputs.vectors.empty();
  const auto config = with_vectors(given, has_vectors);
  const auto config_json = to_json(config);  // Also refuses a config that cannot be fitted, before anything changes.
  const bool carried = inputs.items.empty();
  data::ImportSummary items_read;
  auto catalog = carried ? carried_catalog(store) : data::read_catalog(inputs.items, inputs.import.on_error, &items_read, inputs.import.fold_item_case);

  const auto vectors = has_vectors ? data::read_item_vectors(inputs.vectors, inputs.import.fold_item_case) : data::ItemVectors{};

  TrainReport report;
  report.items_dropped = std::move(items_read.dropped);
  auto& people = attempt->people();
  if (!inputs.events.empty() || !inputs.users.empty()) ingest(people, inputs, config, control, report);

  store::GenerationContent content;
  auto& info = content.info;
  info.data_until = people.last_sequence();
  data::EventLog log;
  LastNames names;
  const auto stored = people.event_count();
  const data::DroppedItems dropped(inputs.import);
  data::TextArena spelled;
  const auto is_dropped = [&](std::string_view item) {
    if (inputs.import.drop_items.empty()) return false;
    spelled.clear();
    return dropped.has(dropped.folded(item, spelled));
  };
  people.scan(0, info.data_until, [&](const store::StoredEvent& row) {
    const auto& event = row.event;
    if (is_dropped(event.item)) {
      ++report.events_left_out;
      return;
    }
    log.append(row.person, event.item, {}, event.kind, event.time_us, event.quantity, event.price, event.order);
    names.see(log.items().back(), event.time_us, event.item_name);
    if (log.size() % 65'536 == 0) checkpoint(control, "building the matrix", log.size(), stored);
  });
  info.catalog_until = people.last_item_change();
  const auto add_items = [&] {
    std::uint64_t kept = 0;
    for (const auto& item : catalog.items()) {
      if (is_dropped(item.id)) continue;
      ++kept;
      static_cast<void>(log.add_item(item.id));
    }
    return kept;
  };
  const auto items_of_events = log.item_count();
  if (!carried) {  // Counted before live changes bring further items.
    const auto described = add_items();
    report.items_without_events = log.item_count() - items_of_events;
    report.items_not_in_file = log.item_count() - described;
    if (auto hint = propose_name(catalog, inputs.items); !hint.empty()) report.proposals.push_back(std::move(hint));
    if (described > 0 && report.items_without_events == described)
      report.proposals.push_back("none of the items of " + inputs.items.filename().string() + " has an event: are they named as those of the events are?");
  }
  take_over_changes(people.item_changes(carried ? catalog_until(store) : 0), !carried, catalog);
  add_items();
  if (has_vectors) report.vectors = count_vectors(vectors, log, items_of_events);
  if (log.size() > 0) {
    const auto [first, last] = std::minmax_element(log.times_us().begin(), log.times_us().end());
    info.first_event_us = *first;
    info.last_event_us = *last;
  }
  const auto matrix = data::build_interactions(log, config.events, info.last_event_us, with_stage(control, "building the matrix"));
  const auto orders = data::build_order_rows(log, config.events, info.last_event_us, with_stage(control, "building the matrix"));
  if (!has_weight(matrix) && !has_weight(orders)) refuse_without_evidence(report);
  report.orders_without_person = orders.cells.rows;
  report.cancellations = orders.refunds;
  report.cancellations_of_people = data::match_refunds(log);

  const auto categories = categories_of(log, catalog);
  FitData data{.events = matrix, .orders = orders, .log = &log, .weighting = config.events, .now_us = info.last_event_us, .categories = categories, .catalog = &catalog, .vectors = has_vectors ? &vectors : nullptr};
  PeopleAttributes people_attributes(people);
  if (people.people_with_attributes() > 0) data.user_attributes = [&](const UserKey& user, std::vector<data::Attribute>& out) { people_attributes.of(user, out); };
  std::vector<FittedModel> models;
  std::vector<Sibling> siblings;
  for (const auto& request : config.models) {
    const auto begin = Clock::now();
    data.siblings = siblings;
    models.push_back(fit_model(request.name, request.config_json, data, with_stage(control, "fitting " + request.name)));
    report.models.push_back({.name = request.name, .seconds = seconds_since(begin), .metrics = {}});
    const auto& model = models.back().model;
    siblings.push_back({request.name, request.config_json, model});
    content.models.emplace_back(store::ModelEntry{.name = request.name,
                                                  .kind = std::string(model->kind()),
                                                  .config_json = model->config_json(),
                                                  .fit_seconds = report.models.back().seconds},
                                beside_siblings(model));
  }
  if (inputs.evaluate) measure_quality(log, catalog, data, config, control, report);

  checkpoint(control, "publishing", 0, 1);
  info.created_us = system_time_us();
  info.events = log.size();
  info.users = report.users = log.person_count();
  info.items = report.items = log.item_count();
  info.config_json = config_json;
  info.library_version = version;
  content.items = describe_items(log, names, catalog, carried);
  content.order = norm_order(log.item_count(), models);
  report.generation = store.publish(std::move(content));
  checkpoint(control, "publishing", 1, 1);
  report.seconds = seconds_since(start);
  report.peak_rss_mb = peak_rss_mb();
  if (inputs.inspect) inputs.inspect(log, report);
  return report;
}

}  // namespace pannier::serve
