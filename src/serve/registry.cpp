#include "pannier/serve/registry.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <numeric>
#include <type_traits>
#include <variant>

#include "core/shortest.hpp"
#include "pannier/cf/blend.hpp"
#include "pannier/cf/bpr.hpp"
#include "pannier/cf/ease.hpp"
#include "pannier/cf/graph_filter.hpp"
#include "pannier/cf/ials.hpp"
#include "pannier/cf/item_knn.hpp"
#include "pannier/cf/slim.hpp"
#include "pannier/cf/together.hpp"
#include "pannier/cf/vectors.hpp"
#include "pannier/core/config.hpp"
#include "pannier/core/error.hpp"
#include "pannier/data/orders.hpp"
#include "pannier/popularity/buy_again.hpp"
#include "pannier/popularity/popular.hpp"
#include "pannier/popularity/seasonal.hpp"
#include "pannier/popularity/trending.hpp"
#include "serve/blend_fit.hpp"
#include "serve/holdout_cut.hpp"
#include "serve/hybrid_data.hpp"
#include "serve/item_names.hpp"
#include "serve/json_text.hpp"

namespace pannier::serve {
namespace {

constexpr std::string_view format_name = "pannier model";
constexpr std::string_view section_prefix = "model/";

/// Type, default value and range of one field of a config that holds its defaults.
struct Describe {
  Setting& setting;
  Range range;
  void operator()(const bool* field) const {
    setting.type = "boolean";
    setting.default_value = *field ? "true" : "false";
  }
  template <class Number>
  void operator()(const Number* field) const {
    setting.default_value = shortest(*field);
    if constexpr (std::is_integral_v<Number>) {
      using Limits = std::numeric_limits<Number>;
      setting.type = "integer";
      setting.range = shortest(range.min <= static_cast<double>(Limits::min()) ? Limits::min() : static_cast<Number>(range.min)) + " to " +
                      (range.max < static_cast<double>(Limits::max()) ? shortest(static_cast<Number>(range.max))
                       : std::is_same_v<Number, std::uint64_t> ? std::string("2^64-1") : shortest(Limits::max()));
    } else {
      setting.type = "number";
      setting.range = shortest(range.min) + " to " + shortest(range.max);
    }
  }
  void operator()(const std::string* field) const {
    setting.type = "text";
    put_json(setting.default_value, *field);
  }
  void operator()(const FieldRef::Choice& choice) const {
    setting.type = "choice";
    put_json(setting.default_value, choice.get());
    for (const auto name : choice.names) (setting.range += setting.range.empty() ? "" : ", ") += name;
  }
};

template <class Config>
std::vector<Setting> describe_settings() {
  Config config;
  std::vector<Setting> out;
  for (const auto& field : fields_of(config)) {
    Setting setting{.name = std::string(field.name), .type = {}, .default_value = {}, .range = {}, .help = std::string(field.help)};
    std::visit(Describe{setting, field.range}, field.target);
    out.push_back(std::move(setting));
  }
  return out;
}

template <class Config>
std::string complete(std::string_view json, std::string_view where) {
  Config config;
  const auto fields = fields_of(config);
  fields_from_json(fields, json, where);
  return fields_to_json(fields);
}

/// One model: everything that has to be known of it here.
struct Entry {
  std::string_view name;
  std::vector<Setting> (*settings)();
  std::string (*complete)(std::string_view json, std::string_view where);
  FittedModel (*fit)(std::string_view json, const FitData& data, const FitControl& control);
  std::shared_ptr<const model::Recommender> (*read)(const model::SectionReader& reader, std::uint32_t item_count);
};

/// The rows of people, and below them those of the orders without a person.
Csr stacked(const CsrView& people, const CsrView& orders) {
  Csr out;
  out.rows = people.rows + orders.rows;
  out.cols = people.cols;
  out.offsets.reserve(out.rows + 1);
  for (const auto* part : {&people, &orders}) {
    const auto before = static_cast<std::int64_t>(out.columns.size());
    for (std::size_t r = 1; r <= part->rows; ++r) out.offsets.push_back(before + part->offsets[r]);
    out.columns.insert(out.columns.end(), part->columns.begin(), part->columns.end());
    out.values.insert(out.values.end(), part->values.begin(), part->values.end());
  }
  return out;
}

enum class Rows {
  people,             ///< Needs persons: fitted on orders only where nobody is known.
  people_and_orders,  ///< Co-occurrence, popularity: an order without a person is one more row.
};

/// Reader gives a pointer to a model's own class; Fit takes the matrix of `rows` and gives a struct with model and report, and user_factors
/// where it has them.
template <class Config, auto fit, auto read, Rows rows>
constexpr Entry entry(std::string_view name) {
  return {.name = name,
          .settings = describe_settings<Config>,
          .complete = complete<Config>,
          .fit =
              [](std::string_view json, const FitData& data, const FitControl& control) {
                const auto config = from_json<Config>(json, "settings");
                const auto wrapped = [](auto fitted, bool of_people) {
                  FittedModel out{.model = std::move(fitted.model), .user_factors = {}, .report = std::move(fitted.report)};
                  if constexpr (requires { fitted.user_factors; })
                    if (of_people) out.user_factors = std::move(fitted.user_factors);
                  return out;
                };
                if constexpr (rows == Rows::people_and_orders)
                  if (data.orders.rows != 0) {
                    require_valid_weights(data.events, "events");
                    require_valid_weights(data.orders, "orders");
                    return wrapped(fit(stacked(data.events, data.orders), config, control), true);
                  }
                const auto matrix = people_or_orders(data);
                return wrapped(fit(matrix, config, control), matrix.values.data() == data.events.values.data());
              },
          .read = [](const model::SectionReader& reader,
                     std::uint32_t item_count) -> std::shared_ptr<const model::Recommender> { return read(reader, item_count); }};
}

const data::EventLog& require_log(const FitData& data, std::string_view model, std::string_view reads) {
  if (data.log == nullptr)
    throw Error(ErrorCode::invalid_argument, std::string(model), "reads " + std::string(reads) + ", and only a matrix is known", "an event log");
  return *data.log;
}

cf::TogetherFit fit_together(const FitData& data, const cf::TogetherConfig& config, const FitControl& control) {
  const auto& log = require_log(data, "together", "orders");
  return cf::fit_together(data::build_baskets(log, control), config.substitutes > 0 ? data::build_visits(log, control) : Csr{}, config, control);
}

popularity::BuyAgainFit fit_buy_again(const FitData& data, const popularity::BuyAgainConfig& config, const FitControl& control) {
  return popularity::fit_buy_again(require_log(data, "buy_again", "purchases and their times"), data.now_us, data.categories, config, control);
}

popularity::TrendingFit fit_trending(const FitData& data, const popularity::TrendingConfig& config, const FitControl& control) {
  return popularity::fit_trending(require_log(data, "trending", "events and their times"), data.weighting, data.now_us, data.categories, config, control);
}

popularity::SeasonalFit fit_seasonal(const FitData& data, const popularity::SeasonalConfig& config, const FitControl& control) {
  return popularity::fit_seasonal(require_log(data, "seasonal", "events and their times"), data.weighting, config, control);
}

cf::VectorsFit fit_vectors(const FitData& data, const cf::VectorsConfig& config, const FitControl& control) {
  if (data.vectors == nullptr)
    throw Error(ErrorCode::invalid_argument, "vectors", "serves vectors from elsewhere, and none are given", "a file of them (train or evaluate --vectors FILE.npz), or pannier.Vectors");
  const auto rows = data::rows_of(*data.vectors, ItemNames(data).all());
  return cf::fit_vectors(data.vectors->vectors, data.vectors->bias, rows, config, control);
}

std::shared_ptr<const model::Recommender> read_member(std::string_view kind, const model::SectionReader& reader, std::uint32_t items) {
  return read_model(kind, reader, items);
}

std::shared_ptr<const cf::BlendModel> read_whole_blend(const model::SectionReader& reader, std::uint32_t items) {
  return cf::read_blend(reader, items, [](std::string_view) { return nullptr; }, read_member);
}

/// A model that is fitted on more than the matrix: Fit takes all of the data.
template <class Config, auto fit, auto read>
constexpr Entry data_entry(std::string_view name) {
  return {.name = name,
          .settings = describe_settings<Config>,
          .complete = complete<Config>,
          .fit =
              [](std::string_view json, const FitData& data, const FitControl& control) {
                auto fitted = fit(data, from_json<Config>(json, "settings"), control);
                FittedModel out{.model = std::move(fitted.model), .user_factors = {}, .report = std::move(fitted.report)};
                if constexpr (requires { fitted.user_factors; })
                  if (has_weight(data.events)) out.user_factors = std::move(fitted.user_factors);
                return out;
              },
          .read = [](const model::SectionReader& reader,
                     std::uint32_t item_count) -> std::shared_ptr<const model::Recommender> { return read(reader, item_count); }};
}

/// The list: a new model is one line here.
constexpr std::array entries{
    entry<popularity::PopularConfig, popularity::fit_popular, popularity::read_popular, Rows::people_and_orders>("popular"),
    entry<cf::ItemKnnConfig, cf::fit_item_knn, cf::read_item_knn, Rows::people_and_orders>("item_knn"),
    entry<cf::IalsConfig, cf::fit_ials, cf::read_ials, Rows::people>("ials"),
    entry<cf::BprConfig, cf::fit_bpr, cf::read_bpr, Rows::people>("bpr"),
    entry<cf::GraphFilterConfig, cf::fit_graph_filter, cf::read_graph_filter, Rows::people_and_orders>("graph_filter"),
    entry<cf::EaseConfig, cf::fit_ease, cf::read_ease, Rows::people_and_orders>("ease"),
    entry<cf::SlimConfig, cf::fit_slim, cf::read_slim, Rows::people_and_orders>("slim"),
    data_entry<cf::HybridConfig, fit_hybrid_on, cf::read_hybrid>("hybrid"),
    data_entry<cf::VectorsConfig, fit_vectors, cf::read_vectors>("vectors"),
    data_entry<cf::TogetherConfig, fit_together, cf::read_together>("together"),
    data_entry<popularity::BuyAgainConfig, fit_buy_again, popularity::read_buy_again>("buy_again"),
    data_entry<popularity::TrendingConfig, fit_trending, popularity::read_trending>("trending"),
    data_entry<popularity::SeasonalConfig, fit_seasonal, popularity::read_seasonal>("seasonal"),
    data_entry<cf::BlendConfig, fit_blend_on, read_whole_blend>("blend"),
};

constexpr auto names = [] {
  std::array<std::string_view, entries.size()> out;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = entries[i].name;
  return out;
}();

const Entry* find(std::string_view name) noexcept {
  for (const auto& candidate : entries)
    if (candidate.name == name) return &candidate;
  return nullptr;
}

const Entry& require(std::string_view name, std::string_view where) {
  if (const auto* found = find(name)) return *found;
  const auto near = nearest_name(name, names);
  std::string allowed;
  for (const auto known : names) (allowed += allowed.empty() ? "" : ", ") += known;
  throw Error(ErrorCode::invalid_argument, std::string(where),
              "unknown model " + described(Json(std::string(name))) + (near.empty() ? "" : "; did you mean " + std::string(near) + "?"), std::move(allowed));
}

/// The sections of one model in a file of its own.
class FileWriter : public model::SectionWriter {
 public:
  explicit FileWriter(model::ArtifactWriter& file) : file_(file) {}
  void section(std::string_view name, std::span<const std::byte> bytes) override {
    file_.section(std::string(section_prefix) + std::string(name), bytes);
  }

 private:
  model::ArtifactWriter& file_;
};

class FileReader : public model::SectionReader {
 public:
  FileReader(std::shared_ptr<const model::Artifact> file, std::string config) : file_(std::move(file)), config_(std::move(config)) {}
  std::span<const std::byte> section(std::string_view name) const override {
    return file_->section(std::string(section_prefix) + std::string(name));
  }
  std::shared_ptr<const void> keeper() const override { return file_; }
  std::string_view config_json() const override { return config_; }

 private:
  std::shared_ptr<const model::Artifact> file_;
  std::string config_;
};

std::shared_ptr<const model::Recommender> load(std::shared_ptr<const model::Artifact> file, const std::string& where) {
  const auto manifest = parse_object(file->manifest_json(), where + ": manifest");
  const auto refuse = [&](const char* key, const char* allowed) {
    throw Error(ErrorCode::malformed_input, where + ": manifest." + key,
                manifest.contains(key) ? "is " + described(manifest.at(key)) : "is missing", allowed);
  };
  if (manifest.value("format", Json()) != format_name) refuse("format", "\"pannier model\"");
  const auto kind = manifest.value("kind", Json());
  const auto items = manifest.value("items", Json());
  const auto config = manifest.value("config", Json());
  if (!kind.is_string()) refuse("kind", "a model's name");
  if (!items.is_number_unsigned() || items.get<std::uint64_t>() >= value(no_item)) refuse("items", "a number of items below 4294967295");
  if (!config.is_object()) refuse("config", "an object");
  const FileReader reader(std::move(file), config.dump());
  return read_model(kind.get<std::string>(), reader, items.get<std::uint32_t>());
}

}  // namespace

std::span<const std::string_view> model_names() noexcept { return names; }

std::vector<Setting> model_settings(std::string_view name) { return require(name, "model").settings(); }

std::string complete_settings(std::string_view name, std::string_view config_json, std::string_view where) {
  return require(name, where).complete(config_json, where);
}

FittedModel fit_model(std::string_view name, std::string_view config_json, const FitData& data, const FitControl& control) {
  return require(name, "model").fit(config_json, data, control);
}

FittedModel fit_model(std::string_view name, std::string_view config_json, const CsrView& events, const FitControl& control) {
  return fit_model(name, config_json, FitData{.events = events}, control);
}

FittedModel fit_in_order(std::span<const ModelRequest> models, const FitData& data, const FitControl& control) {
  if (models.empty()) throw Error(ErrorCode::invalid_argument, "models", "are none", "at least one");
  std::vector<Sibling> siblings;
  FittedModel last;
  for (const auto& request : models) {
    auto with = data;
    with.siblings = siblings;
    last = fit_model(request.name, request.config_json, with, control);
    siblings.push_back({request.name, request.config_json, last.model});
  }
  return last;
}

std::shared_ptr<const model::Recommender> read_model(std::string_view kind, const model::SectionReader& reader, std::uint32_t item_count) {
  const auto* found = find(kind);
  if (found == nullptr) {
    std::string allowed;
    for (const auto known : names) (allowed += allowed.empty() ? "" : ", ") += known;
    throw Error(ErrorCode::unsupported, "model", "this build knows no kind " + described(Json(std::string(kind))), std::move(allowed));
  }
  return found->read(reader, item_count);
}

std::shared_ptr<const model::Recommender> beside_siblings(std::shared_ptr<const model::Recommender> model) {
  const auto* const blend = dynamic_cast<const cf::BlendModel*>(model.get());
  return blend == nullptr ? std::move(model) : blend->without_members();
}

std::vector<std::shared_ptr<const model::Recommender>> open_models(const store::Generation& generation) {
  std::vector<std::shared_ptr<const model::Recommender>> out;
  const auto& models = generation.models();
  out.resize(models.size());
  const auto beside = [&](std::string_view name) -> std::shared_ptr<const model::Recommender> {
    for (std::size_t i = 0; i < models.size(); ++i)
      if (models[i].name == name && models[i].kind != "blend") return out[i];
    return nullptr;
  };
  // Blends last: what they are made of is opened then.
  std::vector<std::size_t> sequence(models.size());
  std::iota(sequence.begin(), sequence.end(), std::size_t{0});
  std::sort(sequence.begin(), sequence.end(), [&](std::size_t a, std::size_t b) {
    const bool late = models[a].kind == "blend", later = models[b].kind == "blend";
    return late != later ? later : a < b;
  });
  for (const auto i : sequence) {
    try {
      const auto reader = generation.reader(i);
      const auto items = generation.items().size();
      if (models[i].kind == "blend") out[i] = cf::read_blend(*reader, items, beside, read_member);
      else out[i] = read_model(models[i].kind, *reader, items);
    } catch (const Error& error) {
      throw Error(error.code(), "generation " + generation.info().id + ": model " + models[i].name + ": " + error.where(), error.problem(),
                  error.allowed());
    }
  }
  return out;
}

void save_model(const model::Recommender& model, const std::filesystem::path& file) {
  std::vector<ItemIndex> identity(model.item_count());
  for (std::uint32_t i = 0; i < model.item_count(); ++i) identity[i] = ItemIndex{i};
  model::ArtifactWriter artifact(file);
  FileWriter writer(artifact);
  model.write(writer, model::ItemOrder{.old_index = identity, .new_index = identity});
  std::string manifest = "{\"format\":";
  put_json(manifest, format_name);
  manifest += ",\"kind\":";
  put_json(manifest, model.kind());
  manifest += ",\"items\":";
  put_json(manifest, std::uint64_t{model.item_count()});
  manifest += ",\"config\":" + model.config_json() + "}";
  artifact.finish(manifest);
}

std::shared_ptr<const model::Recommender> load_model(const std::filesystem::path& file) {
  return load(model::Artifact::open(file, model::Check::full), file.string());
}

std::shared_ptr<const model::Recommender> load_model(std::span<const std::byte> bytes) {
  return load(model::Artifact::open(bytes, model::Check::full), "bytes");
}

}  // namespace pannier::serve
