// Recommenders over SciPy's CSR: arrays come in borrowed, answers go out as arrays.
#include <pybind11/stl.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "../common/batch.hpp"
#include "models.hpp"
#include "pannier/cf/hybrid.hpp"
#include "pannier/core/config.hpp"
#include "pannier/evaluate/protocol.hpp"
#include "pannier/model/vectors.hpp"
#include "pannier/serve/engine.hpp"
#include "pannier/serve/registry.hpp"
#include "pannier/serve/tune.hpp"

namespace pannier::python {
namespace {

/// The rows of `matrix` named in `rows`, in that order; the matrix may have been written to since it was checked.
/// Errors: invalid_argument (a row out of range, offsets that do not ascend).
Csr gather(const CsrView& matrix, std::span<const std::int64_t> rows) {
  Csr picked;
  picked.rows = rows.size();
  picked.cols = matrix.cols;
  picked.offsets.reserve(rows.size() + 1);
  for (const auto row : rows) {
    if (row < 0 || static_cast<std::size_t>(row) >= matrix.rows)
      throw Error(ErrorCode::invalid_argument, "rows", "has " + std::to_string(row),
                  "rows of the fitted matrix, 0 to " + std::to_string(matrix.rows - 1));
    const auto begin = matrix.offsets[static_cast<std::size_t>(row)], end = matrix.offsets[static_cast<std::size_t>(row) + 1];
    if (begin < 0 || begin > end || static_cast<std::size_t>(end) > matrix.nonzeros())
      throw Error(ErrorCode::invalid_argument, "rows", "row " + std::to_string(row) + " of the fitted matrix was changed",
                  "the matrix as it was fitted");
    const auto columns = matrix.row_columns(static_cast<std::size_t>(row));
    const auto values = matrix.row_values(static_cast<std::size_t>(row));
    picked.columns.insert(picked.columns.end(), columns.begin(), columns.end());
    picked.values.insert(picked.values.end(), values.begin(), values.end());
    picked.offsets.push_back(static_cast<std::int64_t>(picked.columns.size()));
  }
  return picked;
}

/// As ranked(), by body(ask, execution, items, scores).
template <class Body>
py::tuple answer(const Model& model, std::size_t rows, std::uint32_t count, bool exclude_history,
                 const std::optional<Array<std::uint32_t>>& allowed, int threads, const Body& body) {
  const auto set = to_allowed(allowed, model.value->item_count());
  const model::Ask ask{.count = count, .allowed = set ? &*set : nullptr, .exclude_history = exclude_history};
  return ranked(rows, count, [&](std::span<ItemIndex> items, std::span<float> scores) { body(ask, Execution{.threads = threads}, items, scores); });
}

/// Names and texts a row.
using AttributeRows = std::vector<std::vector<std::pair<std::string, std::string>>>;
/// Features of one side: none, a matrix of them, or attributes that they are to be learned from.
using GivenFeatures = std::variant<std::monostate, CsrArrays, AttributeRows>;

std::vector<data::Attribute> attributes_of(const std::vector<std::pair<std::string, std::string>>& row) {
  std::vector<data::Attribute> out;
  for (const auto& [name, text] : row) out.push_back({name, text});
  return out;
}

/// Features as FitData has them; what they lie in.
struct Features {
  data::FeatureSpace space;
  Csr learned;
  CsrView rows{};

  explicit Features(const GivenFeatures& given) {
    if (const auto* const matrix = std::get_if<CsrArrays>(&given)) rows = matrix->view();
    const auto* const attributes = std::get_if<AttributeRows>(&given);
    if (attributes == nullptr) return;
    const data::AttributesOf of_row = [&](std::size_t row, std::vector<data::Attribute>& out) { out = attributes_of((*attributes)[row]); };
    space = data::FeatureSpace::learn(attributes->size(), of_row);
    learned = space.matrix(attributes->size(), of_row);
    rows = learned;
  }
};

/// Refuses attributes that the model has no features of: misspelt, they would be passed over as unknown of everybody.
void require_known_names(const model::Recommender& model, const AttributeRows& rows) {
  const auto* const hybrid = dynamic_cast<const cf::HybridModel*>(&model);
  const auto names = hybrid == nullptr ? std::vector<std::string_view>() : hybrid->user_space().attribute_names();
  std::string allowed;
  for (const auto name : names) (allowed += allowed.empty() ? "" : ", ") += name;
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (const auto& [name, text] : rows[r])
      if (std::find(names.begin(), names.end(), name) == names.end())
        throw Error(ErrorCode::invalid_argument, "user_features[" + std::to_string(r) + "]", "names the attribute " + name + ", which the model was not fitted on",
                    names.empty() ? "a matrix of its features, which have no names" : allowed);
}

/// As recommend(), with what is known of each person.
py::tuple recommend_known(const Model& model, const CsrArrays& histories, const std::optional<Array<std::int64_t>>& rows, const GivenFeatures& users, std::uint32_t count,
                          bool exclude_history, const std::optional<Array<std::uint32_t>>& allowed, int threads) {
  const auto picked = rows ? gather(histories.view(), elements(*rows)) : Csr{};
  const CsrView matrix = rows ? CsrView(picked) : histories.view();
  std::vector<std::vector<data::Attribute>> attributes;
  if (const auto* const given = std::get_if<AttributeRows>(&users)) {
    require_known_names(*model.value, *given);
    for (const auto& row : *given) attributes.push_back(attributes_of(row));
  }
  const auto* const features = std::get_if<CsrArrays>(&users);
  if (features != nullptr) require_valid_weights(features->view(), "user_features");
  return answer(model, matrix.rows, count, exclude_history, allowed, threads,
                [&](const model::Ask& ask, const Execution& execution, std::span<ItemIndex> items, std::span<float> scores) {
                  bindings::recommend_known(*model.value, matrix, {.attributes = attributes, .features = features != nullptr ? features->view() : CsrView{}}, ask, execution, items, scores);
                });
}

py::tuple recommend(const Model& model, const CsrArrays& histories, const std::optional<Array<std::int64_t>>& rows,
                    std::uint32_t count, bool exclude_history, const std::optional<Array<std::uint32_t>>& allowed, const CsrArrays* row_allowed, const CsrArrays* row_denied, int threads) {
  const auto matrix = histories.view();
  const auto may = row_allowed == nullptr ? CsrView() : row_allowed->view(), may_not = row_denied == nullptr ? CsrView() : row_denied->view();
  const auto row_count = rows ? static_cast<std::size_t>(rows->size()) : matrix.rows;
  return answer(model, row_count, count, exclude_history, allowed, threads,
                [&](model::Ask ask, const Execution& execution, std::span<ItemIndex> items, std::span<float> scores) {
                  ask.row_allowed = row_allowed == nullptr ? nullptr : &may;
                  ask.row_denied = row_denied == nullptr ? nullptr : &may_not;
                  if (rows) {
                    const auto picked = gather(matrix, elements(*rows));
                    model.value->recommend_batch(picked, ask, execution, items, scores);
                  } else {
                    model.value->recommend_batch(matrix, ask, execution, items, scores);
                  }
                });
}

py::tuple similar(const Model& model, const Array<std::uint32_t>& items, std::uint32_t count,
                  const std::optional<Array<std::uint32_t>>& allowed, int threads) {
  const auto rows = elements(items);
  return answer(model, rows.size(), count, false, allowed, threads,
                [&](const model::Ask& ask, const Execution& execution, std::span<ItemIndex> out, std::span<float> scores) {
                  bindings::similar_batch(*model.value, rows, ask, execution, out, scores);
                });
}

/// For each of `items` the reasons that the history in `row` gives: at most `most` of (column, share of the score, kind).
py::list explain(const Model& model, const CsrArrays& histories, std::int64_t row, const Array<std::uint32_t>& items, std::size_t most) {
  const auto picked = gather(histories.view(), {&row, 1});
  std::vector<ItemIndex> known, asked;
  for (const auto column : picked.columns) known.push_back(ItemIndex{column});
  for (const auto column : elements(items)) asked.push_back(ItemIndex{column});
  std::vector<model::Reason> reasons(asked.size() * most);
  std::vector<std::uint32_t> counts(asked.size());
  {
    const py::gil_scoped_release unlocked;
    model::Workspace workspace;
    model.value->explain_each({.items = known, .weights = picked.values, .kinds = {}, .ages_us = {}}, asked, most, workspace, reasons, counts);
  }
  py::list out;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    py::list why;
    for (const auto& reason : std::span(reasons).subspan(i * most, counts[i]))
      why.append(py::make_tuple(value(reason.item), reason.weight, to_str(serve::name(static_cast<serve::ReasonKind>(reason.kind)))));
    out.append(why);
  }
  return out;
}

/// Ids, rows and a bias of items, for the model vectors, or None.
using GivenVectors = std::optional<std::tuple<std::vector<std::string>, Array<float>, std::optional<Array<float>>>>;

/// Null for None. Errors: as require_valid_item_vectors().
std::shared_ptr<const data::ItemVectors> to_vectors(const GivenVectors& vectors) {
  if (!vectors) return nullptr;
  const auto& [ids, rows, bias] = *vectors;
  auto out = std::make_shared<data::ItemVectors>(data::ItemVectors{.ids = ids, .vectors = Matrix(static_cast<std::size_t>(rows.shape(0)), static_cast<std::size_t>(rows.shape(1))), .bias = {}});
  for (std::size_t i = 0; i < out->vectors.rows(); ++i) std::copy_n(rows.data(static_cast<py::ssize_t>(i), 0), out->vectors.cols(), out->vectors.row(i).begin());
  if (bias) out->bias.assign(elements(*bias).begin(), elements(*bias).end());
  data::require_valid_item_vectors(*out, "Vectors");
  return out;
}

/// `models`: (name, settings as JSON) each, every one beside those before it; the last is given.
/// `item_ids`: what the columns are called in `vectors`, or nothing: their numbers.
py::tuple fit(const std::vector<std::pair<std::string, std::string>>& models, const CsrArrays& events, int threads, py::object progress,
              const GivenVectors& vectors, const std::vector<std::string>& item_ids, const GivenFeatures& item_features, const GivenFeatures& user_features) {
  std::vector<serve::ModelRequest> requests;
  for (const auto& [name, config_json] : models) requests.push_back({name, config_json});
  const auto given = to_vectors(vectors);
  const std::vector<std::string_view> names(item_ids.begin(), item_ids.end());
  LongCall call(threads, std::move(progress));
  auto fitted = call.run([&](const FitControl& control) {
    const Features of_items(item_features), of_users(user_features);
    return serve::fit_in_order(requests,
                               {.events = events.view(), .item_features = of_items.rows, .user_features = of_users.rows, .item_space = of_items.space, .user_space = of_users.space,
                                .vectors = given.get(), .item_ids = names},
                               control);
  });
  py::object factors = py::none();
  if (fitted.user_factors.rows() != 0) {
    auto* owned = new Matrix(std::move(fitted.user_factors));
    const py::capsule keeper(owned, [](void* matrix) { delete static_cast<Matrix*>(matrix); });
    factors = read_only(*owned, keeper);
  }
  return py::make_tuple(Model{py::none(), std::move(fitted.model)}, factors, to_dict(fitted.report));
}

/// The settings of tune() but for the hold-out's as JSON; `cut` random or user; `vectors` and `item_ids` as for fit().
py::dict tune(std::string_view config_json, std::string_view cut, double share, const CsrArrays& events, int threads, py::object progress, const GivenVectors& vectors,
              const std::vector<std::string>& item_ids) {
  const auto config = from_json<serve::TuneConfig>(config_json, "");
  serve::require_valid(config);
  const auto given = to_vectors(vectors);
  LongCall call(threads, std::move(progress));
  std::string told;
  const auto found = call.run([&](const FitControl& control) {
    auto holdout = cut == "user" ? serve::hold_out_people(events.view(), share, config.seed) : serve::hold_out_cells(events.view(), share, config.seed);
    told = holdout.told;
    holdout.vectors = given;
    holdout.item_ids = item_ids;
    return serve::tune(std::move(holdout), config, {.fit = true}, {}, control);
  });
  py::list trials, best;
  for (const auto& trial : found.trials)
    trials.append(py::make_tuple(to_str(trial.name), to_str(trial.config_json), trial.metric, trial.seconds, trial.fidelity, to_str(trial.failure)));
  for (const auto& model : found.best) best.append(py::make_tuple(to_str(model.name), to_str(model.config_json)));
  py::dict out;
  out["trials"] = trials;
  out["best"] = best;
  out["metric"] = found.metric;
  out["cut"] = to_str(told);
  out["stopped"] = to_str(found.stopped);
  return out;
}

py::dict metrics_of(const std::map<std::string, double>& metrics) {
  py::dict out;
  for (const auto& [name, metric] : metrics) out[to_str(name)] = metric;
  return out;
}
py::dict intervals_of(const std::map<std::string, evaluate::Interval>& intervals) {
  py::dict out;
  for (const auto& [name, bounds] : intervals) out[to_str(name)] = py::make_tuple(bounds.first, bounds.second);
  return out;
}

py::dict measure(const Model& model, const CsrArrays& train, const CsrArrays& test, std::vector<std::uint32_t> at, bool exclude_seen, int threads, py::object progress) {
  LongCall call(threads, std::move(progress));
  const auto quality = call.run([&](const FitControl& control) {
    return evaluate::evaluate(*model.value, train.view(), test.view(), {.at = std::move(at), .exclude_seen = exclude_seen}, control);
  });
  py::dict slices;
  for (const auto& [name, slice] : quality.slices) {
    py::dict part;
    part["people"] = slice.people, part["held_out"] = slice.held_out;
    part["metrics"] = metrics_of(slice.metrics), part["interval"] = intervals_of(slice.interval);
    slices[to_str(name)] = part;
  }
  py::dict out;
  out["metrics"] = metrics_of(quality.metrics), out["interval"] = intervals_of(quality.interval), out["slices"] = slices;
  out["people"] = quality.people, out["held_out"] = quality.held_out, out["seconds"] = quality.seconds;
  return out;
}

}  // namespace

void bind_models(py::module_& module) {
  module.def("model_names", [] {
    py::list names;
    for (const auto name : serve::model_names()) names.append(to_str(name));
    return names;
  });
  module.def("model_settings", [](std::string_view name) {
    py::list settings;
    for (const auto& setting : serve::model_settings(name))
      settings.append(py::make_tuple(to_str(setting.name), to_str(setting.type), to_str(setting.default_value),
                                     to_str(setting.range), to_str(setting.help)));
    return settings;
  });

  py::class_<CsrArrays>(module, "Csr")
      .def(py::init([](std::size_t cols, Array<std::int64_t> offsets, Array<std::uint32_t> columns, Array<float> values) {
             return CsrArrays{cols, std::move(offsets), std::move(columns), std::move(values)};
           }),
           py::arg("cols"), py::arg("offsets").noconvert(), py::arg("columns").noconvert(), py::arg("values").noconvert())
      .def_property_readonly("rows", [](const CsrArrays& csr) { return csr.view().rows; })
      .def_readonly("cols", &CsrArrays::cols)
      .def_readonly("offsets", &CsrArrays::offsets)
      .def_readonly("columns", &CsrArrays::columns)
      .def_readonly("values", &CsrArrays::values);

  py::class_<Model>(module, "Model")
      .def_property_readonly("kind", [](const Model& model) { return to_str(model.value->kind()); })
      .def_property_readonly("item_count", [](const Model& model) { return model.value->item_count(); })
      .def_property_readonly("config_json", [](const Model& model) { return to_str(model.value->config_json()); })
      .def("recommend", &recommend, py::arg("histories"), py::arg("rows").noconvert(), py::arg("count"),
           py::arg("exclude_history"), py::arg("allowed").noconvert(), py::arg("row_allowed"), py::arg("row_denied"), py::arg("threads"))
      .def("recommend_known", &recommend_known, py::arg("histories"), py::arg("rows").noconvert(), py::arg("users"), py::arg("count"), py::arg("exclude_history"),
           py::arg("allowed").noconvert(), py::arg("threads"))
      .def("similar", &similar, py::arg("items").noconvert(), py::arg("count"), py::arg("allowed").noconvert(),
           py::arg("threads"))
      .def("explain", &explain, py::arg("histories"), py::arg("row"), py::arg("items").noconvert(), py::arg("most"))
      .def("item_vectors",
           [](const py::object& self) -> py::object {
             const auto* vectors = self.cast<const Model&>().value->vectors();
             return vectors == nullptr ? py::object(py::none()) : read_only(vectors->item_vectors(), self);
           })
      .def("save", [](const Model& model, const std::string& path) {
        const py::gil_scoped_release unlocked;
        serve::save_model(*model.value, std::filesystem::path(path));
      });

  module.def("fit", &fit, py::arg("models"), py::arg("events"), py::arg("threads"), py::arg("progress"), py::arg("vectors") = py::none(), py::arg("item_ids") = std::vector<std::string>(), py::arg("item_features") = py::none(),
             py::arg("user_features") = py::none());
  module.def("tune", &tune, py::arg("config_json"), py::arg("cut"), py::arg("share"), py::arg("events"), py::arg("threads"), py::arg("progress"),
             py::arg("vectors") = py::none(), py::arg("item_ids") = std::vector<std::string>());
  module.def("evaluate", &measure, py::arg("model"), py::arg("train"), py::arg("test"), py::arg("at"), py::arg("exclude_seen"), py::arg("threads"), py::arg("progress"));
  module.def("load", [](const std::string& path) {
    std::shared_ptr<const model::Recommender> loaded;
    {
      const py::gil_scoped_release unlocked;
      loaded = serve::load_model(std::filesystem::path(path));
    }
    return Model{py::none(), std::move(loaded)};
  });
  module.def("load_bytes", [](const py::bytes& bytes) {
    const std::string_view view = bytes;
    std::shared_ptr<const model::Recommender> loaded;
    {
      const py::gil_scoped_release unlocked;
      loaded = serve::load_model(std::as_bytes(std::span(view)));
    }
    return Model{bytes, std::move(loaded)};
  });
}

}  // namespace pannier::python
